/**
 * Searching an array: linear against binary search, where they cross, and what it costs to keep an array sorted.
 *
 * @original 03_lists_tuples/binary_vs_linear_search.py
 * @run deno run --allow-read=. --allow-write=results --allow-sys=cpus,systemMemoryInfo,osRelease ch03/compare_search.ts
 * @takes 9 s
 */

import { lineChart } from "../bench/lib/chart.ts";
import { measureInTurns, type Measurement } from "../bench/lib/measure.ts";
import type { Figure } from "../bench/lib/results.ts";
import { compareSections, type Section } from "../bench/lib/sections.ts";
import { formatNumber, formatRatio, formatTime, table } from "../bench/lib/table.ts";
import { binarySearch, countTurns } from "./binary_search.ts";
import { findCrossing, makeNeedles } from "./binary_vs_linear_search.ts";
import { insort, makeNumbers } from "./bisect.ts";
import { fitLine, linearSearch } from "./linear_search.ts";

export function run(args: readonly string[]) {
  return compareSections(
    {
      chapter: "ch03",
      topic: "search",
      question: "What does it cost to find a value in an array, sorted or not?",
      answer: "What is known of the order decides",
    },
    { search, sorted },
    args,
  );
}

type Name = "linear" | "indexOf" | "binary";

/** The three searches over the size of the array. */
async function search(full: boolean): Promise<Section> {
  const sizes = [
    4,
    8,
    16,
    24,
    32,
    48,
    64,
    96,
    128,
    192,
    256,
    512,
    1024,
    4096,
    16_384,
    ...full ? [65_536, 262_144] : [],
  ];
  const count = 16_384, names: Name[] = ["linear", "indexOf", "binary"], readings: Record<Name, Measurement>[] = [];
  const arrays = sizes.map((size) => Array.from({ length: size }, (_, i) => i)), wrong: string[] = [];
  let sorting = NaN;
  for (const [i, size] of sizes.entries()) {
    const array = arrays[i];
    // So many needles that the processor cannot learn the way to each, and fewer where each takes long.
    const needles = makeNeedles(size, Math.min(count, 2 ** 26 / size));
    const expected = needles.reduce((a, b) => a + b);
    const calls = {
      linear: () => {
        let sum = 0;
        for (let n = 0; n < needles.length; n++) sum += linearSearch(array, needles[n]);
        return sum;
      },
      indexOf: () => {
        let sum = 0;
        for (let n = 0; n < needles.length; n++) sum += array.indexOf(needles[n]);
        return sum;
      },
      binary: () => {
        let sum = 0;
        for (let n = 0; n < needles.length; n++) sum += binarySearch(array, needles[n]);
        return sum;
      },
    };
    wrong.push(...names.filter((name) => calls[name]() !== expected).map((name) => `${name} at ${size}`));
    const measured = await measureInTurns(calls, { budget: full ? 0.3 : 0.015 });
    readings.push(measured);
    for (const name of names) measured[name] = { ...measured[name], median: measured[name].median / needles.length };
    if (size === 16_384) {
      const shuffled = makeNeedles(2 ** 20, size);
      sorting = (await measureInTurns({ sort: () => shuffled.toSorted((a, b) => a - b) }, { budget: 0.1 })).sort.median;
    }
  }
  const times = (name: Name) => readings.map((reading) => reading[name].median);
  const at = (name: Name, size: number) => times(name)[sizes.indexOf(size)];
  const crossing = findCrossing(sizes, times("linear"), times("binary"));
  const native = findCrossing(sizes, times("indexOf"), times("binary"));
  const large = sizes.filter((size) => size >= 256);
  const power = (name: Name) => fitLine(large.map(Math.log), large.map((size) => Math.log(at(name, size))));
  const turn = fitLine(large.map(Math.log2), large.map((size) => at("binary", size)));
  const lookups = Math.ceil(sorting / (at("linear", 16_384) - at("binary", 16_384)));
  // Counted after the clock: a function that has seen a Proxy is slower from then on.
  const turns = sizes.map((size, i) =>
    Math.max(...makeNeedles(size, 200).map((needle) => countTurns(arrays[i], needle)))
  );
  const shown = sizes.filter((size) => [4, 16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144].includes(size));
  return {
    tables: [table(
      ["elements", "linear", "indexOf", "binary", "linear / binary", "most turns"],
      shown.map((size) => [
        size.toLocaleString("en-US"),
        ...names.map((name) => formatTime(at(name, size))),
        formatRatio(at("linear", size) / at("binary", size)),
        `${turns[sizes.indexOf(size)]}`,
      ]),
    )],
    charts: {
      search: lineChart({
        title: "Finding a number in a sorted array",
        x: { title: "elements", log: true, ticks: shown },
        y: { title: "ns a search", log: true },
        lines: names.map((name) => ({ name, points: sizes.map((size) => ({ x: size, y: at(name, size) * 1e9 })) })),
      }),
    },
    figures: sizes.flatMap((size, i) =>
      names.map((name): Figure => ({
        name: `search ${name}`,
        size,
        value: readings[i][name].median,
        unit: "s per search",
        samples: readings[i][name].samples,
        spread: readings[i][name].spread,
      }))
    ),
    checks: [
      {
        claim: "each search finds each needle at its place",
        passed: wrong.length === 0,
        evidence: wrong.join(", ") || `${sizes.length} sizes`,
      },
      {
        claim: "binary search looks at no more than floor(log2 n) + 1 elements",
        passed: turns.every((most, i) => most <= Math.floor(Math.log2(sizes[i])) + 1),
        evidence: turns.join(", "),
      },
    ],
    claims: [
      {
        claim: "linear search grows as n (power 0.9 to 1.1 from 256 elements on)",
        held: Math.abs(power("linear").slope - 1) <= 0.1,
        evidence: `n^${power("linear").slope.toFixed(2)}, r² ${power("linear").r2.toFixed(4)}; indexOf n^${
          power("indexOf").slope.toFixed(2)
        }`,
      },
      {
        claim: "binary search grows as log n: a power below 0.25, and a straight line over log2 n (r² above 0.9)",
        held: power("binary").slope < 0.25 && turn.r2 > 0.9,
        evidence: `n^${power("binary").slope.toFixed(2)}; ${formatTime(turn.slope)} for each doubling, r² ${
          turn.r2.toFixed(3)
        }`,
      },
      {
        claim: "in a small array linear search is faster",
        held: crossing !== sizes[0],
        evidence: `binary search is ahead from ${crossing} elements on, against indexOf from ${native}`,
      },
    ],
    finding: `binary search overtakes a linear one at ${crossing} elements and indexOf at ${native}, is ${
      formatRatio(at("linear", 16_384) / at("binary", 16_384))
    } as fast at 16,384, and sorting those first has paid after ${lookups} lookups`,
  };
}

/** Keeping an array sorted by insertion, against sorting it once. */
async function sorted(full: boolean): Promise<Section> {
  const sizes = [1000, 4000, 16_000, 64_000, ...full ? [256_000] : []];
  const readings: { insort: Measurement; once: Measurement }[] = [];
  let same = true;
  for (const size of sizes) {
    const numbers = makeNumbers(size);
    const calls = {
      insort: () => {
        const kept: number[] = [];
        for (let i = 0; i < numbers.length; i++) insort(kept, numbers[i]);
        return kept;
      },
      once: () => {
        const kept: number[] = [];
        for (let i = 0; i < numbers.length; i++) kept.push(numbers[i]);
        return kept.sort((a, b) => a - b);
      },
    };
    const once = calls.once();
    same &&= calls.insort().every((number, i) => number === once[i]);
    readings.push(await measureInTurns(calls, { budget: full ? 1 : 0.1 }));
  }
  const ratios = readings.map(({ insort, once }) => insort.median / once.median);
  const power = (name: "insort" | "once") =>
    fitLine(sizes.map(Math.log), readings.map((reading) => Math.log(reading[name].median)));
  const last = sizes.at(-1)!.toLocaleString("en-US");
  return {
    tables: [table(
      ["sorted array of", "insort each", "push, sort once", "insort / once", "an insort"],
      sizes.map((size, i) => [
        size.toLocaleString("en-US"),
        formatTime(readings[i].insort.median),
        formatTime(readings[i].once.median),
        formatRatio(ratios[i]),
        formatTime(readings[i].insort.median / size),
      ]),
    )],
    figures: sizes.flatMap((size, i) =>
      (["insort", "once"] as const).map((name): Figure => ({
        name: `sorted ${name}`,
        size,
        value: readings[i][name].median,
        unit: "s",
        samples: readings[i][name].samples,
        spread: readings[i][name].spread,
      }))
    ),
    checks: [{ claim: "both ways come to the same sorted array", passed: same, evidence: sizes.join(", ") }],
    claims: [{
      claim: "insertion grows faster than sorting once, since making room moves half of the array",
      held: power("insort").slope > power("once").slope + 0.15,
      evidence: `n^${power("insort").slope.toFixed(2)} against n^${power("once").slope.toFixed(2)}; ${
        ratios.map((ratio, i) => `${formatRatio(ratio)} at ${formatNumber(sizes[i])}`).join(", ")
      }`,
    }],
    finding: `keeping ${last} numbers sorted as they come takes ${
      formatRatio(ratios.at(-1)!)
    } the time of sorting them once`,
  };
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
