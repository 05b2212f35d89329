/**
 * One problem from naive to fast: what each step gained, over the number of events.
 *
 * @original none, chapter 1's question on the strategies of a highly performant programmer
 * @run deno run --allow-read=. --allow-write=results --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch01/compare_strategies.ts
 * @takes 5 s
 */

import { lineChart } from "../bench/lib/chart.ts";
import { figure } from "../bench/lib/results.ts";
import { compareSections, type Section } from "../bench/lib/sections.ts";
import { fitPower } from "../bench/lib/statistics.ts";
import { formatNumber, formatRatio, formatTime, table } from "../bench/lib/table.ts";
import { check, makeEvents, strategies } from "./strategies.ts";

const names = Object.keys(strategies);
const quadratic = ["asPut", "noArrays", "halfOfIt", "typedArray"], linear = ["sorted", "buckets"];

/** Milliseconds that make a pair. */
const within = 100;

export function run(args: readonly string[]) {
  return compareSections(
    {
      chapter: "ch01",
      topic: "strategies",
      question: "What strategies can help you become a highly performant programmer?",
      answer: "Make it right, hold it with a test, measure, and look for less work before faster work",
    },
    { steps },
    args,
  );
}

/**
 * Seconds a call, so many samples of each, in turns. The best is what counts here: what else the machine does only adds
 * to a time, to long ones more than to short ones, and so bends the exponents.
 */
function sampleInTurns(calls: Record<string, () => unknown>, samples: number): Record<string, number[]> {
  const names = Object.keys(calls), repeats: Record<string, number> = {}, times: Record<string, number[]> = {};
  // For 20 ms or one call, in which the compiler has its chance; then as many calls a sample as take a millisecond.
  for (const name of names) {
    let done = 0;
    const start = performance.now(), end = start + 20;
    do calls[name](), done++; while (performance.now() < end);
    repeats[name] = Math.ceil(done / (performance.now() - start)), times[name] = [];
  }
  for (let sample = 0; sample < samples; sample++) {
    for (const name of names) {
      const start = performance.now();
      for (let repeat = 0; repeat < repeats[name]; repeat++) calls[name]();
      times[name].push((performance.now() - start) / repeats[name] / 1000);
    }
  }
  return times;
}

function steps(full: boolean): Section {
  const common = [500, 1000, 2000, 4000, ...full ? [8000, 16_000, 32_000] : []], headline = common.at(-1)!;
  const more = [16_000, 64_000, ...full ? [256_000, 1_000_000] : []].filter((size) => size > headline);
  for (const name of names) check(strategies[name]);
  const readings = new Map<number, Record<string, number[]>>(), counts: Record<number, number> = {};
  for (const size of [...common, ...more]) {
    const events = makeEvents(size), here = common.includes(size) ? names : linear;
    const found = here.map((name) => strategies[name](events, within));
    if (new Set(found).size !== 1) throw new Error(`${size} events: ${here.map((name, i) => `${name} ${found[i]}`)}`);
    counts[size] = found[0];
    const calls = Object.fromEntries(here.map((name) => [name, () => strategies[name](events, within)]));
    readings.set(size, sampleInTurns(calls, full ? 15 : 5));
  }
  const measured = (name: string) => [...readings.keys()].filter((size) => readings.get(size)![name]);
  const time = (name: string, size = headline) => Math.min(...readings.get(size)![name]);
  const slopes = Object.fromEntries(names.map((name) => {
    const sizes = measured(name);
    return [name, fitPower(sizes, sizes.map((size) => time(name, size)))];
  }));
  const gain = (name: string) => time("asPut") / time(name);
  const slope = (name: string) => `${name} ${slopes[name].slope.toFixed(2)} (R² ${slopes[name].r2.toFixed(3)})`;
  // What the step to `to` gained over the one before it.
  const step = (to: string) => time(names[names.indexOf(to) - 1]) / time(to);
  return {
    tables: [table(
      [`${headline} events`, "time", "gained by this step", "since the first", "grows as n to the", "R²"],
      names.map((name, i) => [
        name,
        formatTime(time(name)),
        i === 0 ? "" : formatRatio(step(name)),
        formatRatio(gain(name)),
        slopes[name].slope.toFixed(2),
        slopes[name].r2.toFixed(3),
      ]),
    )],
    charts: {
      strategies: lineChart({
        title: "Pairs of events that are near: each step over the number of events",
        x: { title: "events", log: true, ticks: [...common, ...more] },
        y: { title: "ms", log: true, ticks: [0.01, 0.1, 1, 10, 100, 1000, 10_000] },
        lines: names.map((name) => ({
          name,
          points: measured(name).map((x) => ({ x, y: time(name, x) * 1000 })),
        })),
      }),
    },
    figures: names.flatMap((name) =>
      measured(name).map((size) => figure(name, size, time(name, size), "s per call", readings.get(size)![name]))
    ),
    checks: [{
      claim: "every step counts what the first one counts, on 49 small cases and on every input that is timed",
      passed: true,
      evidence: Object.entries(counts).map(([size, count]) => `${size}: ${count} pairs`).join(", "),
    }],
    claims: [
      {
        claim:
          "the first four grow as n squared (fitted exponent from 1.7 to 2.3), the last two about as n (0.8 to 1.3)",
        held: quadratic.every((name) => slopes[name].slope > 1.7 && slopes[name].slope < 2.3) &&
          linear.every((name) => slopes[name].slope > 0.8 && slopes[name].slope < 1.3),
        evidence: names.map(slope).join(", "),
      },
      {
        claim: "another algorithm gained more than all steps before it together",
        held: step("sorted") > gain("typedArray"),
        evidence: `${formatRatio(step("sorted"))} against ${formatRatio(gain("typedArray"))} at ${headline} events`,
      },
      {
        claim: "times side by side in a typed array are faster than in objects (1.2 times or more)",
        held: step("typedArray") >= 1.2,
        evidence: `${
          formatRatio(step("typedArray"))
        }: so few objects fit the caches, and their shape is always the same`,
      },
    ],
    finding: `dropping arrays and half of the pairs gained ${formatRatio(gain("halfOfIt"))}, sorting another ${
      formatRatio(time("halfOfIt") / time("sorted"))
    } at ${formatNumber(headline)} events, and more for more (exponents ${slopes.halfOfIt.slope.toFixed(2)} and ${
      slopes.sorted.slope.toFixed(2)
    })`,
  };
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
