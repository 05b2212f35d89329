/**
 * Counting with one byte: how far off it is, against what the theory says, and what an event costs.
 *
 * @original 12_less_ram/morris_counter_example/show_morris_counter.py
 * @run deno run --allow-read=. --allow-write=results --allow-env=XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch12/morris_counter_example/compare.ts
 * @takes 4 s
 */

import { lineChart } from "../../bench/lib/chart.ts";
import { isBrief, measureInTurns } from "../../bench/lib/measure.ts";
import { figure } from "../../bench/lib/results.ts";
import { compareSections, type Section } from "../../bench/lib/sections.ts";
import { formatBytes, formatNumber, formatRatio, formatTime, table } from "../../bench/lib/table.ts";
import { MorrisCounters } from "./morris_counter.ts";

export function run(args: readonly string[]) {
  return compareSections(
    {
      chapter: "ch12",
      topic: "morris_counter",
      question: "How far can one byte count?",
      answer: "To 10^76, about",
    },
    { runs, error, cost },
    args,
  );
}

const percent = (share: number) => `${formatNumber(100 * share)}%`;

/** The book's figure: three runs, and the truth. */
function runs(full: boolean): Section {
  const events = full ? 10_000_000 : 1_000_000, trials = 3, base = 2;
  const counters = new MorrisCounters(trials, base, 2);
  const points: { x: number; y: number }[][] = Array.from({ length: trials }, () => []);
  let next = 1;
  for (let event = 1; event <= events; event++) {
    for (let trial = 0; trial < trials; trial++) counters.increment(trial);
    if (event < next) continue;
    for (let trial = 0; trial < trials; trial++) points[trial].push({ x: event, y: counters.estimate(trial) });
    next = Math.max(event + 1, event * 1.15);
  }
  const last = points.map((line) => line.at(-1)!.y);
  return {
    tables: [],
    charts: {
      morris_counter: lineChart({
        title: "Three Morris counters of one byte, base 2",
        x: { title: "events", log: true },
        y: { title: "estimate", log: true },
        lines: [
          ...points.map((points, trial) => ({ name: `run ${trial + 1}`, points })),
          { name: "true count", color: "#444444", dash: true, points: points[0].map(({ x }) => ({ x, y: x })) },
        ],
      }),
    },
    figures: last.map((estimate, trial) => figure(`run ${trial + 1}: estimate`, events, estimate, "events")),
    checks: [{
      claim: "every estimate is one that a byte can stand for, and the first event always counts",
      passed: points.every((line) => line[0].y === 1 && line.every(({ y }) => Number.isInteger(Math.log2(y + 1)))),
      evidence: last.join(", "),
    }],
    claims: [],
    finding: `three runs of ${formatNumber(events)} events came to ${last.map(formatNumber).join(", ")}`,
  };
}

/** Bits to name one of the ranges, from one standard error below to one above a count, that cover 1 to `limit`. */
function leastBits(limit: number, error: number): number {
  return Math.log2(Math.log(limit) / Math.log((1 + error) / (1 - error)));
}

/** Thousands of runs against the theory. */
function error(full: boolean): Section {
  const trials = isBrief() ? 4000 : full ? 200_000 : 20_000;
  const events = [100, 10_000, 1_000_000, 1e12, 1e30];
  const bases = [2, 1.5, 1.1, 1.05];
  const rows = bases.flatMap((base) =>
    events
      .filter((n) => n < new MorrisCounters(1, base).limit / 10)
      .map((n) => {
        const counters = new MorrisCounters(trials, base, 1);
        const errors = new Float64Array(trials);
        for (let i = 0; i < trials; i++) {
          counters.add(n, i);
          errors[i] = counters.estimate(i) / n - 1;
        }
        const moment = (power: number) => errors.reduce((sum, error) => sum + error ** power, 0) / trials;
        const theory = counters.relativeError(n), variance = moment(2);
        // How far the mean, and the variance, of so many runs stray: from the moments of the runs themselves.
        const strayed = {
          mean: moment(1) / (theory / Math.sqrt(trials)),
          variance: (variance - theory ** 2) / Math.sqrt((moment(4) - variance ** 2) / trials),
        };
        return { base, n, mean: moment(1), measured: Math.sqrt(variance), theory, strayed, counters };
      })
  );
  const within = (key: "mean" | "variance") => rows.every(({ strayed }) => Math.abs(strayed[key]) <= 5);
  const worst = (key: "mean" | "variance") => Math.max(...rows.map(({ strayed }) => Math.abs(strayed[key]))).toFixed(1);
  return {
    tables: [table(
      ["base", "events", "mean error", "standard error", "in theory", "limit of a byte", "bits: exact", "at least"],
      rows.map(({ base, n, mean, measured, theory, counters: { limit } }) => [
        `${base}`,
        formatNumber(n),
        percent(mean),
        percent(measured),
        percent(theory),
        formatNumber(limit),
        `${Math.ceil(Math.log2(limit))}`,
        formatNumber(leastBits(limit, theory)),
      ]),
    )],
    figures: rows.flatMap(({ base, n, mean, measured, theory }) => [
      figure(`base ${base}: mean error`, n, mean, "share"),
      figure(`base ${base}: standard error`, n, measured, "share"),
      figure(`base ${base}: standard error in theory`, n, theory, "share"),
    ]),
    checks: [
      {
        claim: `unbiased: the mean of ${trials} runs is within 5 of its standard errors, for every base and count`,
        passed: within("mean"),
        evidence: `the farthest is ${worst("mean")} away`,
      },
      {
        claim: "the variance is (base - 1) n (n - 1) / 2, within 5 standard errors",
        passed: within("variance"),
        evidence: `the farthest is ${worst("variance")} away`,
      },
    ],
    claims: [],
    finding: `the mean of ${trials} runs is right, one run off by ${
      percent(rows.find(({ base, n }) => base === 2 && n === 1e6)!.measured)
    } with base 2 (to 6e76), by ${
      percent(rows.find(({ base, n }) => base === 1.1 && n === 1e6)!.measured)
    } with base 1.1 (to ${formatNumber(new MorrisCounters(1, 1.1).limit)})`,
  };
}

/** A thousand counters at work: what an event costs, and what memory it does not. */
async function cost(full: boolean): Promise<Section> {
  const count = 1000, events = 10_000, exact = new Float64Array(count);
  const morris = new MorrisCounters(count, 2), fine = new MorrisCounters(count, 1.05);
  // Which counter an event belongs to is the same for all.
  const which = Int32Array.from({ length: events }, (_, i) => (Math.imul(i, 0x9e3779b1) >>> 0) % count);
  const calls = {
    "Float64Array": () => {
      for (let i = 0; i < events; i++) exact[which[i]]++;
    },
    "Morris, base 2": () => {
      for (let i = 0; i < events; i++) morris.increment(which[i]);
    },
    "Morris, base 1.05": () => {
      for (let i = 0; i < events; i++) fine.increment(which[i]);
    },
    "Morris, add(10^6)": () => {
      for (let i = 0; i < events; i += 100) morris.add(1e6, which[i]);
    },
  };
  const readings = await measureInTurns(calls, { budget: full ? 1 : 0.2 });
  const names = Object.keys(calls) as (keyof typeof calls)[];
  const time = (name: keyof typeof calls) => readings[name].median / (name.includes("add") ? events / 100 : events);
  const bytes = (name: string) => name.startsWith("Float") ? exact.byteLength : morris.bytes;
  const slower = time("Morris, base 2") / time("Float64Array");
  return {
    tables: [table(
      [`${count} counters`, "bytes", "a call"],
      names.map((name) => [name, formatBytes(bytes(name)), formatTime(time(name))]),
    )],
    figures: names.map((name) => {
      const { samples, spread } = readings[name];
      return { name, size: count, value: time(name), unit: "s per call", samples, spread };
    }),
    checks: [],
    claims: [
      {
        claim: "a byte in place of eight is paid with time: an event costs twice as much, or more",
        held: slower >= 2,
        evidence: formatRatio(slower),
      },
      {
        claim: "a million events at once cost less than a thousand one by one",
        held: time("Morris, add(10^6)") < 1000 * time("Morris, base 2"),
        evidence: `${formatTime(time("Morris, add(10^6)"))}, ${formatTime(1000 * time("Morris, base 2"))}`,
      },
    ],
    finding: `an event takes ${formatTime(time("Morris, base 2"))} in an eighth of the bytes of numbers, which take ${
      formatTime(time("Float64Array"))
    }`,
  };
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
