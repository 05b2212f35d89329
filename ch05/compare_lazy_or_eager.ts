/**
 * A loop, array methods, iterator helpers, generators and async generators: over the length of the chain and the size of
 * the data, with an early end, and gone through several times.
 *
 * @original none, chapter 5's questions on when laziness helps and when not
 * @run deno run --allow-read=. --allow-write=results --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch05/compare_lazy_or_eager.ts
 * @takes 6 s
 */

import { lineChart } from "../bench/lib/chart.ts";
import { measureInTurns, type Measurement } from "../bench/lib/measure.ts";
import type { Figure } from "../bench/lib/results.ts";
import { compareSections, type Section } from "../bench/lib/sections.ts";
import { fitLine } from "../bench/lib/statistics.ts";
import { formatNumber, formatRatio, formatTime, table } from "../bench/lib/table.ts";
import { dearStep, type First, firsts, severalPasses, step, type Sum, sums } from "./lazy_or_eager.ts";
import { logSlope } from "./compare_memory.ts";

const ways = Object.keys(sums) as (keyof typeof sums)[];
const lazyWays = ["iterator_helpers", "generators", "async_generators"] as const;

export function run(args: readonly string[]) {
  return compareSections({
    chapter: "ch05",
    topic: "lazy_or_eager",
    question: "When is lazy evaluation beneficial, and when is it not?",
    answer: "It pays where not everything is needed, or fits, and costs where everything is",
  }, {
    chains: chainsSection,
    sizes: sizesSection,
    early_exit: earlyExitSection,
    several_passes: passesSection,
    dear_steps: dearSection,
  }, args);
}

/** Whole numbers from 0, small ones for ever, so that no way of adding them up changes its type on the way. */
const makeNumbers = (size: number) => Array.from({ length: size }, (_, i) => i & 0xffff);

/** Names of the calls that do not come to what they should. */
async function differing(calls: Record<string, () => unknown>, expected: unknown): Promise<string[]> {
  const wrong: string[] = [];
  for (const [name, call] of Object.entries(calls)) if (await call() !== expected) wrong.push(name);
  return wrong;
}

function agreement(what: string, wrong: string[]) {
  return { claim: what, passed: wrong.length === 0, evidence: wrong.join(", ") || "all" };
}

function reading(name: string, size: number, { median, spread, samples }: Measurement): Figure {
  return { name, size, value: median, unit: "s per call", spread, samples };
}

/** More and more stages over the same numbers. */
async function chainsSection(full: boolean): Promise<Section> {
  const size = full ? 100_000 : 5000, stages = full ? [1, 2, 4, 8, 16] : [1, 2, 4, 8], numbers = makeNumbers(size);
  const times: Record<string, number[]> = Object.fromEntries(ways.map((way) => [way, []]));
  const figures: Figure[] = [], wrong: string[] = [];
  for (const count of stages) {
    const calls = Object.fromEntries(ways.map((way) => [way, () => (sums[way] as Sum)(numbers, step, count)]));
    wrong.push(...await differing(calls, sums.loop(numbers, step, count)));
    const readings = await measureInTurns(calls, { budget: full ? 0.5 : 0.02 });
    for (const way of ways) {
      times[way].push(readings[way].median / size);
      figures.push(reading(`${way}, ${count} stages`, size, readings[way]));
    }
  }
  const fits = Object.fromEntries(ways.map((way) => [way, fitLine(stages, times[way])]));
  const cost = (way: string) => fits[way].slope;
  return {
    tables: [table(
      [
        `a number, of ${formatNumber(size)}`,
        ...stages.map((count) => `${count} stage${count > 1 ? "s" : ""}`),
        "each further",
      ],
      ways.map((way) => [way, ...times[way].map(formatTime), formatTime(Math.max(0, cost(way)))]),
    )],
    charts: {
      lazy_or_eager_chains: lineChart({
        title: "The cost of a chain by its length",
        x: { title: "stages", ticks: stages },
        y: { title: "ns a number", log: true },
        lines: ways.map((name) => ({
          name,
          points: stages.map((x, i) => ({ x, y: times[name][i] * 1e9 })),
          dash: name === "loop",
        })),
      }),
    },
    figures,
    checks: [agreement("all ways come to the same sum, whatever the length of the chain", wrong)],
    claims: [
      {
        claim: "a lazy stage costs more than one of array methods",
        held: cost("iterator_helpers") > cost("array_methods") && cost("generators") > cost("array_methods"),
        evidence: `helpers ${formatTime(cost("iterator_helpers"))}, generators ${
          formatTime(cost("generators"))
        }, array methods ${formatTime(cost("array_methods"))} a number`,
      },
      {
        claim: "helpers of the language are faster than generators written by hand",
        held: cost("iterator_helpers") < cost("generators"),
        evidence: `${formatRatio(cost("generators") / cost("iterator_helpers"))} as fast`,
      },
      {
        claim: "an async stage costs more than five times a generator's, and batches of 1000 bring that below it",
        held: cost("async_generators") > 5 * cost("generators") && cost("async_batches") < cost("generators"),
        evidence: `${formatRatio(cost("async_generators") / cost("generators"))} and ${
          formatRatio(cost("async_batches") / cost("generators"))
        }`,
      },
    ],
    finding: `a stage costs each number ${formatTime(cost("array_methods"))} with array methods, ${
      formatTime(cost("iterator_helpers"))
    } with iterator helpers, ${formatTime(cost("generators"))} with generators, ${
      formatTime(cost("async_generators"))
    } with async generators, ${formatTime(cost("async_batches"))} of those in batches`,
  };
}

/** More and more numbers. */
async function sizesSection(full: boolean): Promise<Section> {
  const sizes = full ? [10, 100, 1000, 10_000, 100_000, 1_000_000] : [10, 100, 1000, 10_000, 100_000], stages = 3;
  const times: Record<string, number[]> = Object.fromEntries(ways.map((way) => [way, []]));
  const figures: Figure[] = [], wrong: string[] = [];
  for (const size of sizes) {
    const numbers = makeNumbers(size);
    const calls = Object.fromEntries(ways.map((way) => [way, () => (sums[way] as Sum)(numbers, step, stages)]));
    wrong.push(...await differing(calls, sums.loop(numbers, step, stages)));
    const readings = await measureInTurns(calls, { budget: full ? 0.5 : 0.02 });
    for (const way of ways) {
      times[way].push(readings[way].median);
      figures.push(reading(`${way}, ${stages} stages`, size, readings[way]));
    }
  }
  // Setting the chain up still shows in the smallest, so the slope is that of the larger ones.
  const slopes = Object.fromEntries(ways.map((way) => [
    way,
    logSlope(sizes.map((x, i) => ({ x, y: times[way][i] })).filter(({ x }) => x >= 1000)),
  ]));
  const last = sizes.length - 1;
  return {
    tables: [table(
      [`a number, ${stages} stages`, ...sizes.map((size) => `of ${formatNumber(size)}`), "slope", "fit"],
      ways.map((way) => [
        way,
        ...times[way].map((time, i) => formatTime(time / sizes[i])),
        slopes[way].slope.toFixed(2),
        slopes[way].fit.toFixed(3),
      ]),
    )],
    figures,
    checks: [agreement("all ways come to the same sum, whatever the size", wrong)],
    claims: [{
      claim: "every way takes time in proportion to the size from 1000 on (slopes 0.9 to 1.1)",
      held: ways.every((way) => Math.abs(slopes[way].slope - 1) <= 0.1),
      evidence: ways.map((way) => `${way} ${slopes[way].slope.toFixed(2)}`).join(", ") +
        "; an array too large for the young generation has to be found memory for",
    }],
    finding: `at ${formatNumber(sizes[last])} numbers iterator helpers take ${
      formatRatio(times.iterator_helpers[last] / times.array_methods[last])
    } the time of array methods, at ${sizes[0]} ${formatRatio(times.iterator_helpers[0] / times.array_methods[0])}`,
  };
}

/** The first hit, sooner or later. */
async function earlyExitSection(full: boolean): Promise<Section> {
  const size = full ? 60_000 : 10_000, numbers = makeNumbers(size), places = [1, 0.1, 0.01, 0.001].map((p) => size * p);
  const times: Record<string, number[]> = Object.fromEntries(ways.map((way) => [way, []]));
  const figures: Figure[] = [], wrong: string[] = [];
  for (const place of places) {
    const wanted = step(numbers[place - 1]), passes = (x: number) => x === wanted;
    const calls = Object.fromEntries(ways.map((way) => [way, () => (firsts[way] as First)(numbers, step, passes)]));
    wrong.push(...await differing(calls, wanted));
    const readings = await measureInTurns(calls, { budget: full ? 0.5 : 0.02 });
    for (const way of ways) {
      times[way].push(readings[way].median);
      figures.push(reading(`${way}, first hit at ${place}`, size, readings[way]));
    }
  }
  const slope = (way: string) => logSlope(places.map((x, i) => ({ x, y: times[way][i] })));
  const gain = (way: string) => times.array_methods[3] / times[way][3];
  const loss = (way: string) => times[way][0] / times.array_methods[0];
  return {
    tables: [table(
      [`the first hit of ${formatNumber(size)} at`, ...places.map((place) => formatNumber(place)), "slope", "fit"],
      ways.map((way) => [
        way,
        ...times[way].map(formatTime),
        slope(way).slope.toFixed(2),
        slope(way).fit.toFixed(3),
      ]),
    )],
    charts: {
      lazy_or_eager_early_exit: lineChart({
        title: `Time to the first hit among ${formatNumber(size)} numbers`,
        x: { title: "its place", log: true, ticks: places.toReversed() },
        y: { title: "µs", log: true },
        lines: ways.map((name) => ({
          name,
          points: places.map((x, i) => ({ x, y: times[name][i] * 1e6 })).toReversed(),
          dash: name === "loop",
        })),
      }),
    },
    figures,
    checks: [agreement("all ways find the same first hit", wrong)],
    claims: [
      {
        claim:
          "the time of array methods does not depend on where the hit is, that of lazy ways does (slopes below 0.15, over 0.7)",
        held: Math.abs(slope("array_methods").slope) < 0.15 && lazyWays.every((way) => slope(way).slope > 0.7),
        evidence: ["array_methods", ...lazyWays].map((way) => `${way} ${slope(way).slope.toFixed(2)}`).join(", "),
      },
      {
        claim: "with the hit at the very end lazy ways lose",
        held: lazyWays.every((way) => loss(way) > 1),
        evidence: lazyWays.map((way) => `${way} ${formatRatio(loss(way))} the time`).join(", "),
      },
    ],
    finding: `with the first hit after a thousandth, iterator helpers are ${
      formatRatio(gain("iterator_helpers"))
    } as fast as array methods, at the very end they take ${formatRatio(loss("iterator_helpers"))} the time`,
  };
}

/** The same results wanted again and again. */
async function passesSection(full: boolean): Promise<Section> {
  const size = full ? 20_000 : 2000, numbers = makeNumbers(size), counts = [1, 2, 4, 8];
  const names = Object.keys(severalPasses) as (keyof typeof severalPasses)[];
  const times: Record<string, number[]> = Object.fromEntries(names.map((name) => [name, []]));
  const figures: Figure[] = [], wrong: string[] = [];
  for (const count of counts) {
    const calls = Object.fromEntries(
      names.map((name) => [name, () => severalPasses[name](numbers, dearStep, count)]),
    );
    wrong.push(...await differing(calls, count * sums.loop(numbers, dearStep, 1)));
    const readings = await measureInTurns(calls, { budget: full ? 0.5 : 0.03 });
    for (const name of names) {
      times[name].push(readings[name].median);
      figures.push(reading(`${name}, ${count} passes`, size, readings[name]));
    }
  }
  const ratio = (i: number) => times.iterator_helpers[i] / times.array_methods[i];
  return {
    tables: [table(
      ["a dear step, results used", ...counts.map((count) => count === 1 ? "once" : `${count} times`)],
      names.map((name) => [name, ...times[name].map(formatTime)]),
    )],
    figures,
    checks: [agreement("both come to the same sum, however often it is asked for", wrong)],
    claims: [{
      claim: "going through a lazy chain k times costs k times as much, through an array hardly more than once",
      held: Math.abs(times.iterator_helpers[3] / times.iterator_helpers[0] / 8 - 1) < 0.25 &&
        times.array_methods[3] < 1.5 * times.array_methods[0],
      evidence: `8 passes take ${formatRatio(times.iterator_helpers[3] / times.iterator_helpers[0])} and ${
        formatRatio(times.array_methods[3] / times.array_methods[0])
      } the time of one`,
    }],
    finding: `used eight times, what is lazy takes ${formatRatio(ratio(3))} the time of an array, used once ${
      formatRatio(ratio(0))
    }`,
  };
}

/** A step that does some work: the way to it hardly matters. */
async function dearSection(full: boolean): Promise<Section> {
  const size = full ? 20_000 : 2000, numbers = makeNumbers(size);
  const calls = Object.fromEntries(ways.map((way) => [way, () => (sums[way] as Sum)(numbers, dearStep, 1)]));
  const wrong = await differing(calls, sums.loop(numbers, dearStep, 1));
  const readings = await measureInTurns(calls, { budget: full ? 0.5 : 0.05 });
  const ratio = (way: string) => readings[way].median / readings.loop.median;
  return {
    tables: [table(
      ["a dear step, once", "a number", "of the loop"],
      ways.map((way) => [way, formatTime(readings[way].median / size), formatRatio(ratio(way))]),
    )],
    figures: ways.map((way) => reading(`${way}, a dear step`, size, readings[way])),
    checks: [agreement("all ways come to the same sum of dear steps", wrong)],
    claims: [{
      claim: "with a step of 100 operations, helpers and generators are within 30% of a loop",
      held: ratio("iterator_helpers") < 1.3 && ratio("generators") < 1.3,
      evidence: `${formatRatio(ratio("iterator_helpers"))} and ${formatRatio(ratio("generators"))}`,
    }],
    finding: `where a step is dear, generators take ${formatRatio(ratio("generators"))} the time of a loop`,
  };
}

if (import.meta.main) {
  const outcome = await run(Deno.args);
  if (!outcome.passed) Deno.exit(1);
}
