/**
 * What the garbage collector costs three programs that do the same sum: with objects that are dropped, with objects that
 * are kept, and with a buffer that is used again.
 *
 * @original none, after 02_profiling
 * @run deno run --allow-read=. --allow-write=results --allow-run=deno --allow-net=127.0.0.1 --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch02/gc/compare.ts
 * @takes 5 s
 */

import { barChart, lineChart, palette } from "../../bench/lib/chart.ts";
import { isBrief } from "../../bench/lib/measure.ts";
import { figure } from "../../bench/lib/results.ts";
import { compareSections, needing, type Section } from "../../bench/lib/sections.ts";
import { median } from "../../bench/lib/statistics.ts";
import { formatBytes, formatNumber, formatRatio, formatTime, table } from "../../bench/lib/table.ts";
import { denoOnPath } from "../../bench/parts.ts";
import { type Pause, programs, summarise, type Trace, traceCollections } from "./gc_trace.ts";

export function run(args: readonly string[]) {
  return compareSections({
    chapter: "ch02",
    topic: "gc",
    question: "How much of the time goes into collecting garbage, and what makes it much?",
    answer: "It is what survives that costs",
  }, {
    programs: needing(denoOnPath, programsSection),
    trace: needing(denoOnPath, traceSection),
  }, args);
}

const objects = 2 ** 22, script = import.meta.resolve("./gc_trace.ts");
const trace = (name: string, flags: string[] = []) =>
  traceCollections(script, { args: [`--demonstrate=${name}`], flags, capture: true });

const paused = (trace: Trace) => summarise(trace).young.total + summarise(trace).old.total;
const longest = (trace: Trace) => Math.max(summarise(trace).young.longest, summarise(trace).old.longest);

async function programsSection(full: boolean): Promise<Section> {
  const rounds = isBrief() ? 1 : full ? 9 : 3, names = Object.keys(programs);
  const traces: Record<string, Trace[]> = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) for (const name of names) traces[name].push(await trace(name));
  const typical = (name: string, value: (trace: Trace) => number) => median(traces[name].map(value));
  const share = (name: string) => typical(name, (trace) => paused(trace) / trace.duration);
  const { allocated } = summarise(traces.garbage[0]), made = 32 * objects;
  const most = (name: string) => Math.max(0, ...traces[name][0].pauses.map(({ before }) => before));
  return {
    tables: [table(
      ["the sum of 4 million", "run", "young", "old", "longest", "paused", "share", "allocated", "promoted"],
      names.map((name) => [
        name,
        formatTime(typical(name, ({ duration }) => duration) / 1000),
        `${typical(name, (trace) => summarise(trace).young.count)}`,
        `${typical(name, (trace) => summarise(trace).old.count)}`,
        formatTime(typical(name, longest) / 1000),
        formatTime(typical(name, paused) / 1000),
        `${formatNumber(100 * share(name))} %`,
        formatBytes(typical(name, (trace) => summarise(trace).allocated)),
        formatBytes(typical(name, (trace) => summarise(trace).promoted)),
      ]),
    )],
    charts: {
      gc_heap: lineChart({
        title: "The heap before and after each collection",
        x: { title: "seconds since the program's first line" },
        y: { title: "MiB in use on V8's heap" },
        lines: names.map((name, i) => ({ name, color: palette[i], points: heapOverTime(traces[name][0]) })),
      }),
      gc_pauses: barChart({
        title: "Time in pauses for the collector, of one and the same sum",
        x: { title: "ms" },
        bars: names.flatMap((name, i) => [
          { name: `${name}: all`, value: typical(name, paused), color: palette[i] },
          { name: `${name}: longest`, value: typical(name, longest), color: palette[i] },
        ]),
        text: (value) => `${formatNumber(value)} ms`,
      }),
    },
    figures: names.flatMap((name) => [
      figure(`${name}: paused`, objects, typical(name, paused) / 1000, "s", traces[name].map((t) => paused(t) / 1000)),
      figure(
        `${name}: longest`,
        objects,
        typical(name, longest) / 1000,
        "s",
        traces[name].map((t) => longest(t) / 1000),
      ),
      figure(
        `${name}: run`,
        objects,
        typical(name, (t) => t.duration) / 1000,
        "s",
        traces[name].map((t) => t.duration / 1000),
      ),
      figure(`${name}: promoted`, objects, typical(name, (trace) => summarise(trace).promoted), "B"),
    ]),
    checks: [
      {
        claim: "what is seen to be allocated is what the garbage is: 32 bytes an object, within 10 %",
        passed: Math.abs(allocated / made - 1) <= 0.1,
        evidence: `${formatBytes(allocated)} of ${formatBytes(made)}`,
      },
      {
        claim: "the heap ends with what is kept, and with nothing of what is dropped",
        passed: most("kept") >= made && most("garbage") < made / 4,
        evidence: `at most ${formatBytes(most("kept"))} and ${formatBytes(most("garbage"))}`,
      },
      {
        claim: "the program that uses a buffer again is hardly interrupted: three times at most, as it begins",
        passed: traces.reused.every(({ pauses }) => pauses.length <= 3),
        evidence: traces.reused.map(({ pauses }) => pauses.length).join(", "),
      },
    ],
    claims: [
      {
        claim: "objects that are kept cost ten times the pauses of as many that are dropped",
        held: typical("kept", paused) >= 10 * typical("garbage", paused),
        evidence: `${formatRatio(typical("kept", paused) / typical("garbage", paused))}, in the longest pause ${
          formatRatio(typical("kept", longest) / typical("garbage", longest))
        }`,
      },
      {
        claim: "dropping is cheap: less than a fifth of the program's time",
        held: share("garbage") < 0.2,
        evidence: `${formatNumber(100 * share("garbage"))} %`,
      },
    ],
    finding: `4 million objects dropped at once cost ${
      formatTime(typical("garbage", paused) / 1000)
    } in pauses, as many kept ${formatTime(typical("kept", paused) / 1000)}, ${
      formatNumber(100 * share("kept"))
    } % of the time`,
  };
}

/** Two points for each collection; the heap grows in between. */
function heapOverTime({ pauses, start }: Trace) {
  const points = pauses.flatMap(({ time, length, before, after }) => [
    { x: (time - length) / 1000, y: before / 2 ** 20 },
    { x: time / 1000, y: after / 2 ** 20 },
  ]);
  return [{ x: 0, y: start / 2 ** 20 }, ...points];
}

export interface TraceLine {
  kind: "Scavenge" | "Mark-Compact";
  /** MB in use, with one decimal. */
  before: number;
  after: number;
  length: number;
  reason: string;
}

/** Reads what V8 prints with --trace-gc. */
export function parseTraceGc(text: string): TraceLine[] {
  const line =
    / ms: (?:Incremental )?(Scavenge|Mark-Compact).*? ([\d.]+) \([\d.]+\) -> ([\d.]+) \([\d.]+\) MB.*?, ([\d.]+) \/ [\d.]+ ms .*\) ([^;()]*;.*)$/gm;
  return [...text.matchAll(line)].map(([, kind, before, after, length, reason]) => ({
    kind: kind as TraceLine["kind"],
    before: Number(before),
    after: Number(after),
    length: Number(length),
    reason: reason.replace(/;\s*$/, "").trim(),
  }));
}

/**
 * How many of the pauses stand in V8's own trace, in its order: same kind, same heap after within rounding, and before.
 * There GCProfiler has half a megabyte more at times, about what V8 sets aside for one thread to allocate in. V8's trace
 * may begin earlier and end later.
 */
export function matches(pauses: Pause[], lines: TraceLine[]): number {
  const own = pauses.filter(({ kind }) => kind === "Scavenge" || kind === "MarkSweepCompact");
  const same = (pause: Pause, line: TraceLine) =>
    (pause.kind === "Scavenge") === (line.kind === "Scavenge") &&
    Math.abs(pause.before / 2 ** 20 - line.before - 0.25) <= 0.45 &&
    Math.abs(pause.after / 2 ** 20 - line.after) <= 0.2;
  const starts = lines.map((_, shift) =>
    own.filter((pause, i) => lines[shift + i] && same(pause, lines[shift + i])).length
  );
  return Math.max(0, ...starts);
}

/** The same pauses as V8 prints them itself, in the same run: these programs print nothing else. */
async function traceSection(): Promise<Section> {
  const rows: string[][] = [], figures = [], found: { name: string; seen: number; of: number }[] = [];
  for (const name of ["garbage", "kept"]) {
    const { pauses, output } = await trace(name, ["--v8-flags=--trace-gc"]), lines = parseTraceGc(output);
    const own = pauses.filter(({ kind }) => /^(Scavenge|MarkSweepCompact)$/.test(kind));
    found.push({ name, seen: matches(pauses, lines), of: own.length });
    for (const reason of new Set(lines.map(({ kind, reason }) => `${kind}: ${reason}`))) {
      const these = lines.filter((line) => `${line.kind}: ${line.reason}` === reason);
      const total = these.reduce((sum, { length }) => sum + length, 0);
      rows.push([`${name}: ${reason}`.slice(0, 70), `${these.length}`, formatTime(total / 1000)]);
      figures.push(figure(`${name}: ${reason}`, objects, total / 1000, "s"));
    }
  }
  return {
    tables: [table(["V8's reasons (--trace-gc)", "pauses", "paused"], rows)],
    figures,
    checks: [{
      claim: "V8's own trace of the same run has the same collections, with the same heap before and after",
      passed: found.every(({ seen, of }) => of > 0 && seen === of),
      evidence: found.map(({ name, seen, of }) => `${name}: ${seen} of ${of}`).join(", "),
    }],
    claims: [],
    finding: `of ${found.map(({ of }) => of).join(" and ")} collections V8's own trace has ${
      found.map(({ seen }) => seen).join(" and ")
    }`,
  };
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
