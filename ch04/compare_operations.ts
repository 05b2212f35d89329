/**
 * What each operation of a Map, an object and a Set costs, over their size, and how to pay less.
 *
 * @original none, chapter 4's questions on how dictionaries and sets are the same and how they are optimised
 * @run deno run --allow-read=. --allow-write=results --allow-sys=cpus,systemMemoryInfo,osRelease ch04/compare_operations.ts
 * @takes 8 s
 */

import { barChart, lineChart, palette } from "../bench/lib/chart.ts";
import { measureInTurns } from "../bench/lib/measure.ts";
import { figure } from "../bench/lib/results.ts";
import { compareSections, type Section } from "../bench/lib/sections.ts";
import { fitPower } from "../bench/lib/statistics.ts";
import { formatNumber, formatRatio, formatTime, table } from "../bench/lib/table.ts";
import { describeFit, reading } from "./compare.ts";
import { expectedSum, reads } from "./inline_cache.ts";
import { containers, type Operation, operations, timeOperations } from "./operations.ts";
import { fills } from "./presizing.ts";

export function run(args: readonly string[]) {
  return compareSections(
    {
      chapter: "ch04",
      topic: "operations",
      question: "How are dictionaries and sets the same, and how can I optimize the performance of a dictionary?",
      answer: "Choose by what you do",
    },
    { sizes, inline_cache: inlineCache, presizing },
    args,
  );
}

/** All operations over the size. */
function sizes(full: boolean): Section {
  const sizes = [100, 1000, 10_000, 100_000, ...full ? [1_000_000] : []], rounds = full ? 5 : 3;
  const names = Object.keys(containers), samples = new Map<string, number[]>();
  const runs = (name: string) => name === "pairs" ? sizes.filter((size) => size <= 1000) : sizes;
  // In turns, so that a slow moment does not fall on one container only.
  for (let round = 0; round < rounds; round++) {
    for (const name of names) {
      for (const size of runs(name)) {
        const repeats = Math.max(3, Math.min(100, 100_000 / size));
        const times = timeOperations(containers[name], size, repeats);
        for (const operation of operations) {
          const key = `${name} ${operation} ${size}`;
          samples.set(key, [...samples.get(key) ?? [], times[operation] / 1e9]);
        }
      }
    }
  }
  // Each operation is timed once on each container and cannot be repeated within a sample: whatever else the machine does
  // only adds to it, so the least is the nearest.
  const time = (name: string, operation: Operation, size: number) =>
    Math.min(...samples.get(`${name} ${operation} ${size}`)!);
  const fit = (name: string, operation: Operation) =>
    fitPower(runs(name), runs(name).map((size) => time(name, operation, size)));
  const size = 10_000, ratio = (operation: Operation) => time("object", operation, size) / time("map", operation, size);
  const slopes = operations.map((operation) => `${operation} ${describeFit(fit("map", operation))}`);
  const written = { insert: "insertion", lookUp: "lookup", iterate: "iteration", remove: "deletion" };
  return {
    tables: [table(
      ["text keys, an entry", "entries", ...operations.map((operation) => written[operation])],
      names.flatMap((name) =>
        runs(name).map((size) => [
          name,
          `${size}`,
          ...operations.map((operation) => formatTime(time(name, operation, size))),
        ])
      ),
    )],
    charts: {
      operations_lookup: lineChart({
        title: "Looking up one of n text keys",
        x: { title: "entries", log: true, ticks: sizes },
        y: { title: "ns a lookup", log: true },
        lines: names.map((name) => ({
          name: { map: "Map", set: "Set", pairs: "array of pairs" }[name] ?? name,
          points: runs(name).map((size) => ({ x: size, y: time(name, "lookUp", size) * 1e9 })),
        })),
      }),
    },
    figures: names.flatMap((name) =>
      runs(name).flatMap((size) =>
        operations.map((operation) =>
          figure(
            `${name}: ${written[operation]}`,
            size,
            time(name, operation, size),
            "s per entry",
            samples.get(`${name} ${operation} ${size}`),
          )
        )
      )
    ),
    checks: [{
      claim: "all containers find and iterate all entries, and are empty after the last was deleted",
      passed: samples.size === names.reduce((sum, name) => sum + runs(name).length * operations.length, 0),
      evidence: "each time that is given was checked",
    }],
    claims: [
      {
        claim:
          "a lookup in a Map does not search: its exponent is below 0.4, and comes from caches; that of pairs is 1",
        held: fit("map", "lookUp").slope < 0.4 && fit("pairs", "lookUp").slope > 0.8,
        evidence: `${describeFit(fit("map", "lookUp"))} and ${describeFit(fit("pairs", "lookUp"))}`,
      },
      {
        claim: "insertion, iteration and deletion do not depend on the size either (below 0.4)",
        held: (["insert", "iterate", "remove"] as const).every((operation) => fit("map", operation).slope < 0.4),
        evidence: slopes.join(", "),
      },
      {
        claim: "Map and Set cost the same (a lookup within a factor of 1.5)",
        held: Math.abs(Math.log(time("map", "lookUp", size) / time("set", "lookUp", size))) < Math.log(1.5),
        evidence: `${formatTime(time("map", "lookUp", size))} and ${
          formatTime(time("set", "lookUp", size))
        } at ${size}`,
      },
      {
        claim: "an object with many text keys is slower than a Map at iteration (ten times or more) and at deletion",
        held: ratio("iterate") >= 10 && ratio("remove") > 1,
        evidence: `${formatRatio(ratio("iterate"))} and ${formatRatio(ratio("remove"))} at ${size}`,
      },
      {
        claim: "and no faster at insertion and lookup (0.9 of a Map's time, or more)",
        held: ratio("insert") >= 0.9 && ratio("lookUp") >= 0.9,
        evidence: `${formatRatio(ratio("insert"))} and ${formatRatio(ratio("lookUp"))}`,
      },
    ],
    finding: `a lookup in a Map grows with ${
      describeFit(fit("map", "lookUp"))
    }; at ${size} text keys an object takes, as a multiple of a Map, ${
      operations.map((operation) => `${formatRatio(ratio(operation))} for ${written[operation]}`).join(", ")
    }`,
  };
}

/** One field by its name. */
async function inlineCache(full: boolean): Promise<Section> {
  // Few enough for the first cache, so that memory matters less.
  const count = 200, calls = reads(count), names = Object.keys(calls);
  const wrong = names.filter((name) => calls[name]() !== expectedSum(count, name.includes("computed")));
  const readings = await measureInTurns(calls, { budget: full ? 1 : 0.08 });
  const time = (name: string) => readings[name].median / count;
  const ratio = (name: string) => time(name) / time("field, one shape");
  return {
    tables: [table(
      ["one of eight fields", "a read", "vs a field"],
      names.map((name) => [name, formatTime(time(name)), formatRatio(ratio(name))]),
    )],
    charts: {
      inline_cache: barChart({
        title: "One of eight values by its name",
        x: { title: "ns to read it and add it" },
        bars: names.map((name) => ({ name, value: time(name) * 1e9, color: palette[name.startsWith("Map") ? 1 : 0] })),
        text: (value) => `${formatNumber(value)} ns`,
      }),
    },
    figures: names.map((name) => reading(`inline cache: ${name}`, count, readings[name], count)),
    checks: [{
      claim: "all ways read the same values",
      passed: wrong.length === 0,
      evidence: wrong.join(", ") || names.join(", "),
    }],
    claims: [
      {
        claim: "a known field of one shape is the fastest, twice as fast as a Map or more",
        held: names.every((name) => ratio(name) >= 1) && ratio("Map, constant name") >= 2,
        evidence: `${formatRatio(ratio("Map, constant name"))} for a Map with a constant name`,
      },
      {
        claim: "delete makes reading the fields that are left slower (1.5 times or more)",
        held: ratio("field, after delete") >= 1.5,
        evidence: formatRatio(ratio("field, after delete")),
      },
      {
        claim: "for names that are computed a Map is faster than an object",
        held: time("Map, computed name") < time("computed name"),
        evidence: `${formatTime(time("Map, computed name"))} and ${formatTime(time("computed name"))}`,
      },
    ],
    finding: `a known field takes ${formatTime(time("field, one shape"))}, after a delete ${
      formatTime(time("field, after delete"))
    }, by a computed name ${formatTime(time("computed name"))}, from a Map ${formatTime(time("Map, computed name"))}`,
  };
}

/** What growing costs. */
async function presizing(full: boolean): Promise<Section> {
  const count = full ? 1_000_000 : 100_000, calls = fills(count), names = Object.keys(calls);
  const wrong = names.filter((name) => {
    const filled = calls[name]();
    return [0, count >> 1, count - 1].some((i) => filled.get(i) !== i);
  });
  const readings = await measureInTurns(calls, { budget: full ? 2 : 0.1 });
  const time = (name: string) => readings[name].median / count;
  const ratio = (a: string, b: string) => time(a) / time(b);
  return {
    tables: [table(
      [`${count} entries, keys 0, 1, …`, "an entry", "vs a growing Map"],
      names.map((name) => [name, formatTime(time(name)), formatRatio(ratio(name, "Map, growing"))]),
    )],
    figures: names.map((name) => reading(`presizing: ${name}`, count, readings[name], count)),
    checks: [{
      claim: "all are filled alike",
      passed: wrong.length === 0,
      evidence: wrong.join(", ") || names.join(", "),
    }],
    claims: [
      {
        claim: "growing is half of what filling a Map costs, or more",
        held: ratio("Map, growing", "Map, same keys again") >= 2,
        evidence: `${formatRatio(ratio("Map, growing", "Map, same keys again"))} writing to the same keys again`,
      },
      {
        claim: "a Map made from pairs is no faster",
        held: ratio("Map, from pairs", "Map, growing") >= 0.95,
        evidence: formatRatio(ratio("Map, from pairs", "Map, growing")),
      },
      {
        claim: "where the keys are 0, 1, 2, … an array is five times as fast, or more",
        held: ratio("Map, growing", "array, pushed") >= 5,
        evidence: `${formatRatio(ratio("Map, growing", "array, pushed"))}, a typed array ${
          formatRatio(ratio("Map, growing", "Int32Array"))
        }`,
      },
    ],
    finding: `a Map that grows takes ${
      formatRatio(ratio("Map, growing", "Map, same keys again"))
    } what it takes to write to it again, and ${formatRatio(ratio("Map, growing", "array, pushed"))} an array`,
  };
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
