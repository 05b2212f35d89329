/**
 * One sum written well and badly, seen with V8's own eyes: its instructions, the tiers it reached, and what was thrown away.
 *
 * That the tools find what is known to be there is checked; the times are only shown beside that.
 *
 * @original 02_profiling/requirements.txt (dis, specialist)
 * @run deno run --allow-read=. --allow-write=results --allow-run=deno --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch02/bytecode/compare.ts
 * @takes 3 s
 */

import { type Chart, palette } from "../../bench/lib/chart.ts";
import { isBrief } from "../../bench/lib/measure.ts";
import { figure, resultsFolder } from "../../bench/lib/results.ts";
import { compareSections, needing, type Section } from "../../bench/lib/sections.ts";
import { median } from "../../bench/lib/statistics.ts";
import { formatRatio, formatTime, table } from "../../bench/lib/table.ts";
import { denoOnPath } from "../../bench/parts.ts";
import { fileURLToPath } from "node:url";
import { bytecodeOf } from "./bytecode.ts";
import { type FunctionHistory, optimisationLog, type Tier } from "./optimisation_log.ts";

export function run(args: readonly string[]) {
  return compareSections(
    {
      chapter: "ch02",
      topic: "bytecode",
      question: "What does V8 make of my function, and why is it not fast?",
      answer: "Of one sum written well and badly",
    },
    { good_and_bad: needing(denoOnPath, goodAndBadSection) },
    args,
  );
}

const versions = ["good", "bad"] as const;
type Version = typeof versions[number];
const functionOf = { good: "totalGood", bad: "totalBad" }, script = import.meta.resolve("./good_and_bad.ts");

async function goodAndBadSection(full: boolean): Promise<Section> {
  const source = (await Deno.readTextFile(new URL(script))).split("\n");
  /** The number of the line of `totalBad` that holds a text. */
  const lineOf = (text: string) => {
    const start = source.findIndex((line) => line.includes("function totalBad"));
    return start + 1 + source.slice(start).findIndex((line) => line.includes(text));
  };
  const read = lineOf("{ price }"), sum = lineOf("total += price");

  const { functions } = await bytecodeOf(script, "total*", { args: ["good", "bad"] });
  const bytecode = (version: Version) => functions.find(({ name }) => name === functionOf[version])!;
  const histories = {} as Record<Version, FunctionHistory>, ended = {} as Record<Version, number>;
  const times: Record<Version, number[][]> = { good: [], bad: [] };
  const folder = fileURLToPath(resultsFolder);
  for (const version of versions) {
    const { threads: [main] } = await optimisationLog(script, { args: [version], quiet: true, folder });
    histories[version] = main.functions.find(({ name }) => name === functionOf[version])!;
    ended[version] = main.ended;
  }
  // Each time in a process of its own, for V8 does not forget what it has seen; and without a log, which takes time.
  for (let i = 0; i < (isBrief() ? 1 : full ? 15 : 5); i++) {
    for (const version of versions) times[version].push(await timeCalls(version));
  }

  const deopts = (version: Version) =>
    histories[version].deoptimisations.filter(({ reason }) => !reason.startsWith("prepare for on stack"));
  const caches = (version: Version) =>
    histories[version].caches.filter(({ state }) => state === "megamorphic" || state === "polymorphic");
  const reached = (version: Version, wanted: Tier) => histories[version].tiers.find(({ tier }) => tier === wanted)?.at;
  const compiled = (version: Version) => histories[version].tiers.filter(({ tier }) => tier === "TurboFan").length;
  const time = (version: Version, phase: number) => median(times[version].map((phases) => phases[phase]));
  const ratio = time("bad", 2) / time("good", 2);
  const milliseconds = (at?: number) => at === undefined ? "never" : formatTime(at / 1000);
  const inWords = (version: Version) =>
    deopts(version).map(({ reason, line }) => `${reason} at line ${line}`).join(", ") || "none";
  return {
    tables: [
      table(
        ["1000 orders", "instructions", "bytes", "Sparkplug", "Maglev", "TurboFan", "compiled by it", "thrown away"],
        versions.map((version) => [
          version,
          `${bytecode(version).instructions.length}`,
          `${bytecode(version).bytes}`,
          ...(["Sparkplug", "Maglev", "TurboFan"] as const).map((tier) => milliseconds(reached(version, tier))),
          `${compiled(version)} times`,
          inWords(version),
        ]),
      ),
      table(
        ["a call with", "one shape", "8 shapes", "and a large sum"],
        versions.map((version) => [
          version,
          ...[0, 1, 2].map((phase) => version === "good" && phase > 0 ? "the same" : formatTime(time(version, phase))),
        ]),
      ),
    ],
    charts: { bytecode_tiers: timeline(histories, ended) },
    figures: [
      ...versions.flatMap((version) => [
        figure(`instructions, ${version}`, 1000, bytecode(version).instructions.length, "instructions"),
        figure(`bytecode, ${version}`, 1000, bytecode(version).bytes, "bytes"),
        figure(`deoptimisations, ${version}`, 1000, deopts(version).length, "times"),
      ]),
      ...versions.flatMap((version) =>
        [0, 1, 2].map((phase) =>
          figure(`${version}, phase ${phase + 1}`, 1000, time(version, phase), "s", times[version].map((t) => t[phase]))
        )
      ),
    ],
    checks: [
      {
        claim: `the bad version is thrown away at line ${read} for a wrong map, and at line ${sum} for an overflow`,
        passed: deopts("bad").some(({ reason, line }) => reason === "wrong map" && line === read) &&
          deopts("bad").some(({ reason, line }) => reason === "overflow" && line === sum),
        evidence: inWords("bad"),
      },
      {
        claim: `of its places the one that reads the price, in line ${read}, is megamorphic, with 8 shapes`,
        passed: caches("bad").length === 1 && caches("bad")[0].line === read &&
          caches("bad")[0].property === ".price" &&
          caches("bad")[0].state === "megamorphic" && caches("bad")[0].shapes === 8,
        evidence: caches("bad").map(({ line, property, state, shapes }) => `${line} ${property} ${state} ${shapes}`)
          .join(),
      },
      {
        claim: "the good version reaches TurboFan, is never thrown away, and has one shape everywhere",
        passed: compiled("good") > 0 && deopts("good").length === 0 && caches("good").length === 0,
        evidence: `${compiled("good")} times compiled, ${inWords("good")}, ${caches("good").length} places`,
      },
    ],
    claims: [
      {
        claim: "more instructions make a function slower in proportion",
        held: time("bad", 0) / time("good", 0) >=
          0.8 * bytecode("bad").instructions.length / bytecode("good").instructions.length,
        evidence: `${formatRatio(bytecode("bad").instructions.length / bytecode("good").instructions.length)} the ` +
          `instructions take ${
            formatRatio(time("bad", 0) / time("good", 0))
          } the time while all orders have one shape: ` +
          "TurboFan sees through the iterator",
      },
      {
        claim: "8 shapes cost more than the iterator does",
        held: time("bad", 1) / time("bad", 0) > time("bad", 0) / time("good", 0),
        evidence: `${formatRatio(time("bad", 1) / time("bad", 0))} against ${
          formatRatio(time("bad", 0) / time("good", 0))
        }`,
      },
    ],
    finding:
      `the bad one has ${
        formatRatio(bytecode("bad").instructions.length / bytecode("good").instructions.length)
      } the instructions, but takes ${formatRatio(time("bad", 0) / time("good", 0))} the time until its objects have ` +
      `8 shapes, and then ${formatRatio(ratio)}; the log names both lines where V8 threw its code away`,
  };
}

/** Seconds of a call in each phase, in a fresh process. */
async function timeCalls(version: Version): Promise<number[]> {
  const { stdout } = await new Deno.Command("deno", { args: ["run", "--no-prompt", script, version] }).output();
  return new TextDecoder().decode(stdout).match(/[\d.]+(?= µs)/g)!.map((text) => Number(text) / 1e6);
}

/** In which tier each version ran when, and a mark where its code was thrown away. */
function timeline(histories: Record<Version, FunctionHistory>, ended: Record<Version, number>): Chart {
  const bars: { name: string; tier: string; from: number; to: number }[] = [];
  const marks: { name: string; at: number; text: string }[] = [];
  for (const version of versions) {
    const name = functionOf[version], { tiers, deoptimisations } = histories[version];
    const events = [
      ...tiers.map(({ at, tier }) => ({ at, tier, reason: undefined })),
      ...deoptimisations.map(({ at, reason }) => ({ at, tier: undefined, reason })),
    ].sort((a, b) => a.at - b.at);
    let base: Tier = "Ignition";
    events.forEach(({ at, tier, reason }, i) => {
      if (tier === "Sparkplug") base = tier;
      bars.push({ name, tier: tier ?? base, from: at, to: events[i + 1]?.at ?? ended[version] });
      if (reason && !reason.startsWith("prepare for on stack")) marks.push({ name, at, text: reason });
    });
  }
  const y = { field: "name", type: "nominal" as const, title: null, sort: null, axis: { labelLimit: 0 } };
  return {
    title: "Which tier a function runs in, and when its code was thrown away",
    width: 560,
    height: { step: 64 },
    layer: [
      {
        data: { values: bars },
        mark: { type: "bar", height: 18 },
        encoding: {
          y,
          x: { field: "from", type: "quantitative", title: "ms since the script began" },
          x2: { field: "to" },
          color: {
            field: "tier",
            type: "nominal",
            title: null,
            scale: {
              domain: ["Ignition", "Sparkplug", "Maglev", "TurboFan"],
              range: ["#b9b9b9", ...palette.slice(4, 6), palette[0]],
            },
            legend: { orient: "top" },
          },
        },
      },
      {
        data: { values: marks },
        mark: { type: "tick", color: palette[1], thickness: 3, size: 34 },
        encoding: { y, x: { field: "at", type: "quantitative" } },
      },
      {
        data: { values: marks },
        mark: { type: "text", align: "left", dx: 5, dy: -20, fontSize: 11, color: palette[1] },
        encoding: { y, x: { field: "at", type: "quantitative" }, text: { field: "text" } },
      },
    ],
  } as Chart;
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
