/**
 * Where a program's memory goes: over time, by span, by function, and by what holds it; and what looking costs.
 *
 * @original 02_profiling/memory_profiler/
 * @run deno run --allow-read=. --allow-write=results --allow-run=deno --allow-net=127.0.0.1 --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch02/memory_profiler/compare.ts
 * @takes 15 s
 */

import { type Chart, lineChart, palette } from "../../bench/lib/chart.ts";
import { isBrief } from "../../bench/lib/measure.ts";
import { figure } from "../../bench/lib/results.ts";
import { compareSections, needing, type Section } from "../../bench/lib/sections.ts";
import { median } from "../../bench/lib/statistics.ts";
import { formatBytes, formatNumber, formatRatio, formatTime, table } from "../../bench/lib/table.ts";
import { denoOnPath } from "../../bench/parts.ts";
import { analyse, compareHeaps, parseSnapshot } from "./heap_snapshot.ts";
import { takeSnapshots } from "./leak.ts";
import { peak, type Profile, profileMemory, type Span } from "./memory_profiler.ts";

export function run(args: readonly string[]) {
  return compareSections({
    chapter: "ch02",
    topic: "memory_profiler",
    question: "Where does a program's memory go, when, and what would bring it down?",
    answer: "Memory has to be looked at over time and by who holds it",
  }, {
    timeline: needing(denoOnPath, timelineSection),
    allocations: needing(denoOnPath, allocationsSection),
    busy: needing(denoOnPath, busySection),
    leak: needing(denoOnPath, leakSection),
    cost: needing(denoOnPath, costSection),
  }, args);
}

const script = (name: string) => new URL(`julia_${name}.ts`, import.meta.url);
const inline = (source: string) => `data:application/typescript,${encodeURIComponent(source)}`;

/** How much a kind of memory rose above what it was when the program began. */
function rise({ samples }: Profile, kind: "heapUsed" | "rss" | "external"): number {
  return peak(samples, kind)[kind] - samples[0][kind];
}

/** Both Julia sets, with the spans that they label. */
async function timelineSection(): Promise<Section> {
  const profiles = { "keeps inputs": await profile("keeps_inputs"), lean: await profile("lean") };
  const names = Object.keys(profiles) as (keyof typeof profiles)[];
  const inUse = (name: keyof typeof profiles) => rise(profiles[name], "heapUsed") + rise(profiles[name], "external");
  const less = inUse("keeps inputs") / inUse("lean");
  const lessResident = rise(profiles["keeps inputs"], "rss") / rise(profiles.lean, "rss");
  const growth = ({ start, end }: Span) => end.heapUsed + end.external - start.heapUsed - start.external;
  const inputs = profiles["keeps inputs"].spans.find(({ label }) => label === "lists of z and c")!;
  const share = growth(inputs) / inUse("keeps inputs");
  const labels = (name: keyof typeof profiles) => profiles[name].spans.map(({ label }) => label).join(", ");
  return {
    tables: [table(
      ["span", "from", "to", "in use grew by", "resident grew by"],
      names.flatMap((name) =>
        profiles[name].spans.map((span) => [
          `${name}: ${span.label}`,
          formatTime(span.start.time / 1000),
          formatTime(span.end.time / 1000),
          formatGrowth(growth(span)),
          formatGrowth(span.end.rss - span.start.rss),
        ])
      ),
    )],
    charts: { memory_timeline: timelineChart(profiles) },
    figures: names.flatMap((name) =>
      (["heapUsed", "external", "rss"] as const).map((kind) =>
        figure(`${name}: most ${kind} above the start`, 1000, rise(profiles[name], kind), "B")
      )
    ),
    checks: [
      {
        claim: "the spans are those that the programs label, in their order",
        passed: labels("keeps inputs") === "lists of x and y, lists of z and c, calculate" &&
          labels("lean") === "calculate",
        evidence: `${labels("keeps inputs")}; ${labels("lean")}`,
      },
      {
        claim: "both come to the book's sum, 33219980 (or they would have thrown)",
        passed: names.every((name) => profiles[name].code === 0),
        evidence: names.map((name) => `${name} ended with code ${profiles[name].code}`).join(", "),
      },
    ],
    claims: [
      {
        claim: "most of the memory is input: the lists of z and c are three quarters of it or more",
        held: share >= 0.75,
        evidence: `${formatNumber(100 * share)} % of ${formatBytes(inUse("keeps inputs"))}`,
      },
      {
        claim: "without them a tenth of the memory is enough",
        held: less >= 10,
        evidence: `in use ${formatRatio(less)} less, resident ${formatRatio(lessResident)} less`,
      },
    ],
    finding: `of the Julia set's ${formatBytes(inUse("keeps inputs"))} ${
      formatNumber(100 * share)
    } % are lists of inputs, and the version without them needs ${formatBytes(inUse("lean"))}`,
  };
}

const profile = (name: string) => profileMemory(script(name), { quiet: true });

function formatGrowth(bytes: number): string {
  return bytes < 0 ? `-${formatBytes(-bytes)}` : formatBytes(bytes);
}

/** Lines over time, with a band for each span. */
function timelineChart(profiles: Record<"keeps inputs" | "lean", Profile>): Chart {
  const line = (name: keyof typeof profiles, kind: "rss" | "heapUsed", label: string, color: string) => ({
    name: `${name}: ${label}`,
    color,
    dash: kind === "rss",
    points: profiles[name].samples.map((sample) => ({ x: sample.time / 1000, y: sample[kind] / 2 ** 20 })),
  });
  const chart = lineChart({
    title: "Memory of two Julia sets, with the spans that they label",
    x: { title: "seconds since the program's first line" },
    y: { title: "MiB (dashed: resident, solid: V8's heap in use)" },
    lines: [
      line("keeps inputs", "rss", "resident", palette[0]),
      line("keeps inputs", "heapUsed", "heap", palette[0]),
      line("lean", "rss", "resident", palette[1]),
      line("lean", "heapUsed", "heap", palette[1]),
    ],
  });
  const longest = profiles["keeps inputs"].samples.at(-1)!.time / 1000;
  const spans = (Object.keys(profiles) as (keyof typeof profiles)[]).flatMap((name, row) =>
    profiles[name].spans
      // A span of less than a hundredth of the time has no room for a label.
      .filter(({ start, end }) => (end.time - start.time) / 1000 > longest / 100)
      .map(({ label, start, end }) => ({
        label: `${name}: ${label}`,
        from: start.time / 1000,
        // A gap that shows where the next begins.
        to: end.time / 1000 - longest / 400,
        // Above the lines, a row for each program.
        top: 24 * row - 42,
        color: palette[row],
      }))
  );
  const x = { field: "from", type: "quantitative" },
    y = { field: "top", type: "quantitative", scale: null, axis: null };
  const color = { field: "color", type: "nominal", scale: null };
  const layers = (chart as unknown as { layer: object[] }).layer;
  layers.push(
    {
      data: { values: spans },
      mark: { type: "rule", strokeWidth: 5, opacity: 0.5 },
      encoding: { x, x2: { field: "to" }, y, color },
    },
    {
      data: { values: spans },
      mark: { type: "text", align: "left", baseline: "top", dy: 5, fontSize: 10 },
      encoding: { x, y, text: { field: "label" }, color },
    },
  );
  return chart;
}

/** Who allocates, also what is garbage at once. */
async function allocationsSection(): Promise<Section> {
  const count = 2 ** 22, bytes = 32 * count;
  const known = await profileMemory(
    inline(`let last: object = {};
      function churn(count: number) { for (let i = 0; i < count; i++) last = { number: i }; }
      churn(${count});
      if (!last) throw new Error();`),
    { allocations: true, quiet: true },
  );
  const julia = await profileMemory(script("keeps_inputs"), { allocations: true, quiet: true });
  const [leader] = known.allocations!, total = julia.allocations!.reduce((sum, { bytes }) => sum + bytes, 0);
  const live = julia.samples.at(-1)!.heapUsed, kept = rise(known, "heapUsed");
  return {
    tables: [table(
      ["keeps inputs, by function", { head: "where", align: "left" }, "allocated", "share"],
      julia.allocations!.slice(0, 4).map(({ name, place, bytes }) => [
        name,
        place,
        formatBytes(bytes),
        `${formatNumber(100 * bytes / total)} %`,
      ]),
    )],
    figures: [
      figure("allocated by churn", count, leader.bytes, "B"),
      figure("allocated by keeps inputs", 1000, total, "B"),
    ],
    checks: [{
      claim: `a function that allocates ${formatBytes(bytes)} leads the table, with that within 10 %`,
      passed: leader.name === "churn" && Math.abs(leader.bytes / bytes - 1) <= 0.1,
      evidence: `${leader.name}: ${formatBytes(leader.bytes)}`,
    }],
    claims: [{
      claim: "the heap never shows it: it grows by less than a quarter of what is allocated and dropped",
      held: kept < bytes / 4,
      evidence: `by ${formatBytes(kept)} at most`,
    }],
    finding: `${julia.allocations![0].place} alone allocates ${
      formatNumber(100 * julia.allocations![0].bytes / total)
    } % of ${formatBytes(total)}, of which ${formatBytes(live)} are in use at the end`,
  };
}

/** Whether a busy loop can be looked at. */
async function busySection(): Promise<Section> {
  const seconds = isBrief() ? 0.3 : 1;
  const profile = await profileMemory(
    inline(`let ticks = 0;
      const timer = setInterval(() => ticks++, 10);
      console.time("busy");
      for (const end = performance.now() + ${1000 * seconds}; performance.now() < end;);
      console.timeEnd("busy");
      console.time(\`\${ticks} ticks\`);
      clearInterval(timer);`),
    { quiet: true },
  );
  const [busy, ticks] = profile.spans;
  const within = profile.samples.filter(({ time }) => time > busy.start.time && time < busy.end.time).length;
  const enough = 20 * seconds;
  return {
    tables: [],
    figures: [figure("samples in a busy second", 1, within / seconds, "samples")],
    checks: [{
      claim: `a busy loop of ${formatTime(seconds)} is sampled from outside ${enough} times and more`,
      passed: within >= enough,
      evidence: `${within} times`,
    }, {
      claim: "a timer inside the program does not come once in that time",
      passed: ticks.label === "0 ticks",
      evidence: ticks.label,
    }],
    claims: [],
    finding: `a busy loop was sampled ${within} times from outside and ${parseInt(ticks.label)} times from inside`,
  };
}

/** A leak, found by two snapshots; what snapshots say is held against what V8 counts. */
async function leakSection(): Promise<Section> {
  const leaky = await takeSnapshots("leaky"), mended = await takeSnapshots("mended");
  const heaps = [...leaky, ...mended].map(({ bytes }) => parseSnapshot(bytes));
  const leaked = compareHeaps(heaps[0], heaps[1]), grown = compareHeaps(heaps[2], heaps[3]);
  const net = (change: typeof leaked[number]) => change.addedBytes - change.removedBytes + change.grownBytes;
  const { path, total, retained, dominator, groups } = analyse(heaps[1]);
  const native = heaps[1].types.indexOf("native");
  const onHeap = heaps[1].self.reduce((sum, bytes, node) => heaps[1].type[node] === native ? sum : sum + bytes, 0);
  const adrift = heaps[1].self.reduce((sum, bytes, node) => dominator[node] < heaps[1].size ? sum : sum + bytes, 0);
  const cache = groups.find(({ name }) => name === "Page")!;
  const pages = grown.find(({ name }) => name === "Page");
  const held = path(leaked[0].newest);
  return {
    tables: [table(
      ["after 1000 requests", "new", "gone", "net"],
      [["leaky", leaked], ["mended", grown] as const].flatMap(([version, changes]) =>
        (changes as typeof leaked).slice(0, 3).map((change) => [
          `${version}: ${change.name}`,
          `${change.added}`,
          `${change.removed}`,
          formatGrowth(net(change)),
        ])
      ),
    )],
    figures: [
      figure("leaky: growth of Page", 1000, net(leaked[0]), "B"),
      figure("leaky: retained by Page", 1000, cache.retained, "B"),
      figure("snapshot: on the heap", 1, onHeap, "B"),
      figure("snapshot: heapUsed", 1, leaky[1].heapUsed, "B"),
    ],
    checks: [
      {
        claim: "what leaks comes first: 1000 pages, held by the cache",
        passed: leaked[0].name === "Page" && leaked[0].added === 1000 && /\.cache: Map .*Page$/.test(held),
        evidence: `${leaked[0].added} ${leaked[0].name}, ${held}`,
      },
      {
        claim: "mended, not one page is new",
        passed: (pages?.added ?? 0) === 0,
        evidence: `${pages?.added ?? 0} new`,
      },
      {
        claim: "the root retains all that can be reached, to the byte",
        passed: retained[0] + adrift === total,
        evidence: `${retained[0]} and ${adrift} beyond reach, of ${total}`,
      },
      {
        claim: "what the snapshot has on V8's heap is what V8 counts, within 15 %",
        passed: Math.abs(onHeap / leaky[1].heapUsed - 1) <= 0.15,
        evidence: `${onHeap} and ${leaky[1].heapUsed}`,
      },
    ],
    claims: [],
    finding: `two snapshots showed ${leaked[0].added} leaked ${leaked[0].name}s and who holds them`,
  };
}

/** What being looked at costs a program that allocates much, and one that computes. */
async function costSection(full: boolean): Promise<Section> {
  const rounds = isBrief() ? 1 : full ? 9 : 2, programs = isBrief() ? ["lean"] : ["keeps_inputs", "lean"];
  const ways: Record<string, (name: string) => Promise<number>> = {
    "not watched": plain,
    "every 10 ms": (name) => watched(name, {}),
    "every 1 ms": (name) => watched(name, { interval: 1 }),
    "with allocations": (name) => watched(name, { allocations: true }),
  };
  const times: Record<string, number[]> = {};
  for (let round = 0; round < rounds; round++) {
    for (const name of programs) {
      for (const way of Object.keys(ways)) (times[`${name} ${way}`] ??= []).push(await ways[way](name));
    }
  }
  const time = (name: string, way: string) => median(times[`${name} ${way}`] ?? []);
  const ratio = (name: string, way: string) => time(name, way) / time(name, "not watched");
  return {
    tables: [table(
      ["watched", ...programs.flatMap((name) => [name.replace("_", " "), "ratio"])],
      Object.keys(ways).map((way) => [
        way,
        ...programs.flatMap((name) => [formatTime(time(name, way)), formatRatio(ratio(name, way))]),
      ]),
    )],
    figures: Object.entries(times).map(([name, samples]) => figure(name, 1000, median(samples), "s", samples)),
    checks: [],
    claims: [
      {
        claim: "a sample every 10 ms costs a program that computes less than a tenth of its time",
        held: ratio("lean", "every 10 ms") < 1.1,
        evidence: formatRatio(ratio("lean", "every 10 ms")),
      },
      {
        claim: "counting allocations too does not double the time of one that allocates",
        held: ratio("keeps_inputs", "with allocations") < 2,
        evidence: formatRatio(ratio("keeps_inputs", "with allocations")),
      },
    ].filter(({ evidence }) => !evidence.startsWith("NaN")),
    finding: `being looked at every 10 ms takes ${formatRatio(ratio("lean", "every 10 ms"))} the time`,
  };
}

/** Seconds that a program says its stages took. */
async function plain(name: string): Promise<number> {
  const { stdout } = await new Deno.Command("deno", { args: ["run", "--no-prompt", script(name).href] }).output();
  const stages = new TextDecoder().decode(stdout).matchAll(/^.*: ([\d.]+)(ms|s)$/gm);
  return [...stages].reduce((sum, [, time, unit]) => sum + Number(time) / (unit === "s" ? 1 : 1000), 0);
}

async function watched(name: string, options: { interval?: number; allocations?: boolean }): Promise<number> {
  const { spans } = await profileMemory(script(name), { ...options, quiet: true });
  return spans.reduce((sum, { start, end }) => sum + end.time - start.time, 0) / 1000;
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
