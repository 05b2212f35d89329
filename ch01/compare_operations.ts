/**
 * Doing less, and doing several things at once: trial division and searching, in all their variants.
 *
 * @original 01_understanding/check_prime.py, 01_understanding/reducing_operations.py
 * @run deno run --allow-read=. --allow-write=results --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch01/compare_operations.ts
 * @takes 4 s
 */

import { lineChart } from "../bench/lib/chart.ts";
import { measureInTurns, type Measurement } from "../bench/lib/measure.ts";
import type { Figure } from "../bench/lib/results.ts";
import { compareSections, type Section } from "../bench/lib/sections.ts";
import { formatRatio, formatTime, table } from "../bench/lib/table.ts";
import * as primes from "./check_prime.ts";
import { searches } from "./reducing_operations.ts";

export function run(args: readonly string[]) {
  return compareSections(
    {
      chapter: "ch01",
      topic: "operations",
      question: "What does it gain to do less, and to do several things at once?",
      answer: "Doing less gains most",
    },
    { prime, search },
    args,
  );
}

/** The book's two numbers, and primes that take more divisions. */
async function prime(full: boolean): Promise<Section> {
  const { oneAtATime, byRemainder, eightAtOnce, wholeArrays } = primes;
  const variants = { oneAtATime, byRemainder, eightAtOnce, wholeArrays, simd: await primes.makeSimd() };
  const names = Object.keys(variants) as (keyof typeof variants)[];
  // 10^12 + 39 and 10^14 + 31 are the first primes above their powers of ten.
  const even = 10_000_000, small = 10_000_019, large = full ? 1e14 + 31 : 1e12 + 39;
  const numbers = [even, small, large];
  const readings = new Map<number, Record<string, Measurement>>();
  for (const number of numbers) {
    // The smaller numbers first: once V8 has seen one beyond 2^31, it compiles for such also where none comes. And out of
    // an array in which one number is that large, all come as doubles; `| 0` makes a small integer again of what is one.
    const value = number < 2 ** 31 ? number | 0 : number;
    for (const name of names) {
      if (variants[name](value) !== (number !== even)) throw new Error(`${name} is wrong about ${number}`);
    }
    const calls = Object.fromEntries(names.map((name) => [name, () => variants[name](value)]));
    readings.set(number, await measureInTurns(calls, { budget: full ? 0.5 : 0.05 }));
  }
  const time = (name: keyof typeof variants, number: number) => readings.get(number)![name].median;
  const gain = (name: keyof typeof variants, number = large) => time("oneAtATime", number) / time(name, number);
  const divisions = Math.floor(Math.sqrt(large)) - 1;
  return {
    tables: [table(
      ["is it prime?", ...numbers.map(String), "a division", "times as fast"],
      names.map((name) => [
        name,
        ...numbers.map((number) => formatTime(time(name, number))),
        formatTime(time(name, large) / divisions),
        formatRatio(gain(name)),
      ]),
    )],
    figures: numbers.flatMap((number) =>
      names.map((name) => reading(`prime ${name}`, number, readings.get(number)![name]))
    ),
    checks: [{
      claim: "all ways agree on the book's numbers and on a larger prime",
      passed: true,
      evidence: numbers.map((number) => `${number}: ${number !== even}`).join(", "),
    }],
    claims: [
      {
        claim: "several tests at once are more than 1.5 times as fast as one at a time, with vectors more than 3 times",
        held: gain("eightAtOnce") > 1.5 && gain("simd") > 3,
        evidence: `${formatRatio(gain("eightAtOnce"))} and ${formatRatio(gain("simd"))} for ${large}`,
      },
      {
        claim: "whole arrays, in place of a loop that can stop, cost more than 100 times as much for an even number",
        held: gain("wholeArrays", even) < 1 / 100,
        evidence: `${formatTime(time("wholeArrays", even))} in place of ${formatTime(time("oneAtATime", even))}`,
      },
      {
        claim: "% is slower than a quotient beyond 2^31",
        held: gain("byRemainder") < 0.8,
        evidence: `${formatRatio(1 / gain("byRemainder"))} the time, and ${
          formatRatio(1 / gain("byRemainder", small))
        } for ${small}`,
      },
    ],
    finding: `eight divisions to a decision make trial division ${formatRatio(gain("eightAtOnce"))} as fast, vectors ${
      formatRatio(gain("simd"))
    }`,
  };
}

/** A needle at more and more distance from the head. */
async function search(full: boolean): Promise<Section> {
  const size = full ? 100_000 : 10_000, haystack = Array.from({ length: size }, (_, i) => i);
  // Small integers like the haystack's, which a product with a fraction would not be: V8 would search for a double.
  const positions = [5, ...[0.01, 0.1, 0.5].map((share) => (share * size) | 0), size - 5],
    names = Object.keys(searches);
  const wrong = names.filter((name) =>
    searches[name](haystack, -1) || positions.some((position) => !searches[name](haystack, position))
  );
  if (wrong.length > 0) throw new Error(`wrong: ${wrong.join(", ")}`);
  const readings = new Map<number, Record<string, Measurement>>();
  for (const position of positions) {
    const calls = Object.fromEntries(names.map((name) => [name, () => searches[name](haystack, position)]));
    readings.set(position, await measureInTurns(calls, { budget: full ? 0.5 : 0.03 }));
  }
  const time = (name: string, position: number) => readings.get(position)![name].median;
  const [head, tail] = [positions[0], positions.at(-1)!];
  const ratio = (slow: string, fast: string, position: number) => time(slow, position) / time(fast, position);
  const lazyGain = ratio("searchEager", "searchLazy", head), lazyLoss = ratio("searchLazy", "searchEager", tail);
  return {
    tables: [table(
      [`the needle is at, of ${size}`, ...positions.map(String), "tail / head"],
      names.map((name) => [
        name,
        ...positions.map((position) => formatTime(time(name, position))),
        formatRatio(time(name, tail) / time(name, head)),
      ]),
    )],
    charts: {
      reducing_operations: lineChart({
        title: `Searching ${size.toLocaleString("en-US")} numbers, over where the needle is`,
        x: { title: "position of the needle", log: true, ticks: positions },
        y: { title: "µs a search", log: true },
        lines: names.map((name) => ({
          name,
          points: positions.map((position) => ({ x: position, y: time(name, position) * 1e6 })),
        })),
      }),
    },
    figures: positions.flatMap((position) =>
      names.map((name) => reading(`search ${name}`, position, readings.get(position)![name]))
    ),
    checks: [{
      claim: "all find the needle wherever it is, and none finds one that is missing",
      passed: true,
      evidence: `${names.length} searches, ${positions.length} places`,
    }],
    claims: [
      {
        claim:
          "leaving at the first hit is more than 100 times as fast near the head and no slower near the tail (10%)",
        held: ratio("searchSlow", "searchFast", head) > 100 && ratio("searchSlow", "searchFast", tail) > 0.9,
        evidence: `${formatRatio(ratio("searchSlow", "searchFast", head))} and ${
          formatRatio(ratio("searchSlow", "searchFast", tail))
        }`,
      },
      {
        claim: "the lazy chain wins near the head and loses near the tail",
        held: lazyGain > 1 && lazyLoss > 1,
        evidence: `${formatRatio(lazyGain)} as fast as the eager one near the head, ${
          formatRatio(lazyLoss)
        } its time near the tail`,
      },
      {
        claim: "includes is the fastest of all near the tail",
        held: names.every((name) => time("builtIn", tail) <= time(name, tail)),
        evidence: `${formatRatio(ratio("searchFast", "builtIn", tail))} as fast as the loop`,
      },
    ],
    finding: `leaving a search at the first hit makes it ${
      formatRatio(ratio("searchSlow", "searchFast", head))
    } as fast near the head, where a lazy chain gains ${formatRatio(lazyGain)} and near the tail takes ${
      formatRatio(lazyLoss)
    } the time of an eager one`,
  };
}

function reading(name: string, size: number, { median, samples, spread }: Measurement): Figure {
  return { name, size, value: median, unit: "s per call", samples, spread };
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
