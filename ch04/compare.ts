/**
 * What a hash is good for: distinct names, points as keys, hash functions, and V8's own put to the test.
 *
 * @original 04_dict_set/unique_lookup.py, custom_hash_function.py, custom_vs_default_hash.py, timing_hash_function.py
 * @run deno run --allow-read=. --allow-write=results --allow-sys=cpus,systemMemoryInfo,osRelease ch04/compare.ts
 * @takes 10 s
 */

import { lineChart } from "../bench/lib/chart.ts";
import { measureInTurns, type Measurement } from "../bench/lib/measure.ts";
import type { Figure } from "../bench/lib/results.ts";
import { compareSections, type Section } from "../bench/lib/sections.ts";
import { fitPower } from "../bench/lib/statistics.ts";
import { formatNumber, formatRatio, formatTime, table } from "../bench/lib/table.ts";
import { distinctByIdentity, distinctByNesting, distinctByNumber, distinctByString } from "./custom_hash_function.ts";
import { Interner, makePoints } from "./custom_hash_function.ts";
import { byValue, byValueConstant, HashMap, type Keying, type Point } from "./custom_vs_default_hash.ts";
import { ChainedTable, collidingKeys, lookUpAll as lookUpIntegers, spreadKeys } from "./map_chains.ts";
import { fill, hashes, lookUpAll, makeKeys, searchAll } from "./timing_hash_function.ts";
import { countUniqueByArray, countUniqueBySet, makePhoneBook } from "./unique_lookup.ts";

export function run(args: readonly string[]) {
  return compareSections(
    {
      chapter: "ch04",
      topic: "lookup",
      question: "What are dictionaries and sets good for, and what does a good hash function do?",
      answer: "A lookup that does not search",
    },
    { unique, keys, hash_functions: hashFunctions, chains },
    args,
  );
}

/** A fit as evidence. */
export function describeFit({ slope, r2 }: { slope: number; r2: number }): string {
  return `n^${slope.toFixed(2)} (R² ${r2.toFixed(3)})`;
}

export function reading(name: string, size: number, { median, samples, spread }: Measurement, count = 1): Figure {
  return { name, size, value: median / count, unit: count === 1 ? "s" : "s per entry", samples, spread };
}

/** Distinct names over the size of the phone book. */
async function unique(full: boolean): Promise<Section> {
  const sizes = [500, 1000, 2000, 4000, 8000, 16_000, 32_000, ...full ? [64_000] : []];
  const slow = sizes.filter((size) => full || size <= 8000);
  const times = { array: new Map<number, Measurement>(), set: new Map<number, Measurement>() },
    differing: number[] = [];
  for (const size of sizes) {
    const names = makePhoneBook(size).map(({ name }) => name);
    const calls: Record<string, () => number> = { set: () => countUniqueBySet(names) };
    if (slow.includes(size)) calls.array = () => countUniqueByArray(names);
    if (new Set(Object.values(calls).map((call) => call())).size !== 1) differing.push(size);
    const readings = await measureInTurns(calls, { budget: full ? 0.5 : 0.08 });
    for (const name of Object.keys(calls) as (keyof typeof times)[]) times[name].set(size, readings[name]);
  }
  const points = (name: keyof typeof times) => [...times[name]].map(([x, { median }]) => ({ x, y: median }));
  const fit = (name: keyof typeof times) =>
    fitPower([...times[name].keys()], [...times[name].values()].map(({ median }) => median));
  const fits = { array: fit("array"), set: fit("set") };
  const largest = slow.at(-1)!, gain = times.array.get(largest)!.median / times.set.get(largest)!.median;
  const at = (name: keyof typeof times, size: number) => times[name].get(size)?.median;
  return {
    tables: [table(
      ["names in the book", "array", "Set", "array / Set"],
      sizes.map((size) => {
        const array = at("array", size), set = at("set", size)!;
        return [`${size}`, array ? formatTime(array) : "", formatTime(set), array ? formatRatio(array / set) : ""];
      }),
    )],
    charts: {
      unique_lookup: lineChart({
        title: "Counting the distinct names of a phone book",
        x: { title: "entries", log: true, ticks: sizes },
        y: { title: "ms", log: true },
        lines: (["array", "set"] as const).map((name) => ({
          name: name === "set" ? "Set" : name,
          points: points(name).map(({ x, y }) => ({ x, y: y * 1000 })),
        })),
      }),
    },
    figures: (["array", "set"] as const).flatMap((name) =>
      [...times[name]].map(([size, measurement]) => reading(`unique ${name}`, size, measurement))
    ),
    checks: [{
      claim: "array and Set count the same names",
      passed: differing.length === 0,
      evidence: differing.join(", ") || sizes.join(", "),
    }],
    claims: [
      {
        claim: "the array's time is quadratic (an exponent of 1.7 to 2.3)",
        held: fits.array.slope >= 1.7 && fits.array.slope <= 2.3,
        evidence: describeFit(fits.array),
      },
      {
        claim: "the Set's is linear (0.85 to 1.3; caches and collections make it a little steeper)",
        held: fits.set.slope >= 0.85 && fits.set.slope <= 1.3,
        evidence: describeFit(fits.set),
      },
    ],
    finding: `distinct names take ${describeFit(fits.array)} with an array and ${
      describeFit(fits.set)
    } with a Set, which is ${formatRatio(gain)} as fast at ${largest}`,
  };
}

/** Points as keys: identity and four ways to values, and a map that asks for hash and equality. */
async function keys(full: boolean): Promise<Section> {
  const width = 100, count = full ? 1_000_000 : 50_000;
  const points = makePoints(count, width), interner = new Interner();
  const interned = points.map(({ x, y }) => interner.intern(x, y));
  const distinctByKeying = (keying: Keying<Point>) => (points: readonly Point[]) => {
    const seen = new HashMap<Point, true>(keying);
    for (const point of points) if (!seen.get(point)) seen.set(point, true);
    return seen.size;
  };
  const few = points.slice(0, 2000),
    byKeying = distinctByKeying(byValue),
    byConstant = distinctByKeying(byValueConstant);
  const counts: Record<string, { points: readonly Point[]; count: (points: readonly Point[]) => number }> = {
    "identity (wrong)": { points, count: distinctByIdentity },
    "a string": { points, count: distinctByString },
    "nested maps": { points, count: distinctByNesting },
    "one number": { points, count: distinctByNumber },
    "identity of interned points": { points: interned, count: (points) => new Set(points).size },
    "hash and equals": { points, count: byKeying },
    "constant hash (2,000 points)": { points: few, count: byConstant },
  };
  const names = Object.keys(counts), results = names.map((name) => counts[name].count(counts[name].points));
  const expected = (name: string) => {
    if (name.startsWith("identity (")) return count;
    return new Set(counts[name].points.map(({ x, y }) => x * width + y)).size;
  };
  const readings = await measureInTurns(
    Object.fromEntries(names.map((name) => [name, () => counts[name].count(counts[name].points)])),
    { budget: full ? 1 : 0.1 },
  );
  const time = (name: string) => readings[name].median / counts[name].points.length;
  const ratio = (a: string, b: string) => time(a) / time(b);
  return {
    tables: [table(
      ["distinct points by", "found", "a point", "vs a string"],
      names.map((name, i) => [name, `${results[i]}`, formatTime(time(name)), formatRatio(ratio(name, "a string"))]),
    )],
    figures: names.map((name) =>
      reading(`keys: ${name}`, counts[name].points.length, readings[name], counts[name].points.length)
    ),
    checks: [{
      claim: "all ways by value find the same points, and identity finds every object",
      passed: names.every((name, i) => results[i] === expected(name)),
      evidence: results.join(", "),
    }],
    claims: [
      {
        claim: "a string is the dearest of the keys that work with a good hash",
        held: ["nested maps", "one number", "identity of interned points", "hash and equals"].every((name) =>
          ratio("a string", name) > 1
        ),
        evidence: `${formatRatio(ratio("a string", "one number"))} one number, ${
          formatRatio(ratio("a string", "nested maps"))
        } nested maps, ${formatRatio(ratio("a string", "hash and equals"))} hash and equals`,
      },
      {
        claim: "a constant hash makes of the map a list: ten times as slow at 2,000 points, or more",
        held: ratio("constant hash (2,000 points)", "hash and equals") >= 10,
        evidence: formatRatio(ratio("constant hash (2,000 points)", "hash and equals")),
      },
    ],
    finding: `as a key for a point one number takes ${formatTime(time("one number"))}, nested maps ${
      formatTime(time("nested maps"))
    }, a string ${formatTime(time("a string"))}`,
  };
}

/** One table, several hash functions. */
async function hashFunctions(full: boolean): Promise<Section> {
  const keys = makeKeys(), expected = keys.length * (keys.length - 1) / 2;
  const tables = Object.fromEntries(Object.entries(hashes).map(([name, hash]) => [name, fill(hash, keys)]));
  const map = new Map(keys.map((key, i) => [key, i])), array = [...keys];
  const probes = Object.fromEntries(
    Object.entries(tables).map(([name, table]) => {
      table.probes = 0;
      lookUpAll(table, keys);
      return [name, table.probes / keys.length];
    }),
  );
  const calls: Record<string, () => number> = {
    ...Object.fromEntries(Object.entries(tables).map(([name, table]) => [name, () => lookUpAll(table, keys)])),
    array: () => searchAll(array, keys),
    "built-in Map": () => lookUpAll(map, keys),
  };
  const names = Object.keys(calls), sums = names.map((name) => calls[name]());
  const readings = await measureInTurns(calls, { budget: full ? 1 : 0.1 });
  const time = (name: string) => readings[name].median / keys.length;
  const cells = (name: string) => [
    name.replaceAll("_", " "),
    probes[name] ? probes[name].toFixed(2) : "",
    formatTime(time(name)),
    formatRatio(time(name) / time("ideal")),
  ];
  return {
    tables: [table(["hash of two letters", "probes a lookup", "time", "vs ideal"], names.map(cells))],
    figures: [
      ...names.map((name) => reading(`hash function: ${name}`, keys.length, readings[name], keys.length)),
      ...Object.entries(probes).map(([name, value]) => ({
        name: `probes: ${name}`,
        size: keys.length,
        value,
        unit: "slots per lookup",
        samples: 1,
        spread: 0,
      })),
    ],
    checks: [
      {
        claim: "with every hash all keys are found",
        passed: sums.every((sum) => sum === expected),
        evidence: sums.join(", "),
      },
      {
        claim: "the ideal hash takes one probe, a constant one half of all keys",
        passed: probes.ideal === 1 && Math.abs(probes.constant / (keys.length / 2) - 1) < 0.02,
        evidence: `${probes.ideal.toFixed(2)}, ${probes.constant.toFixed(1)} of ${keys.length}`,
      },
    ],
    claims: [
      {
        claim: "a constant hash is slower than a search through an array",
        held: time("constant") > time("array"),
        evidence: `${formatTime(time("constant"))} and ${formatTime(time("array"))}`,
      },
      {
        claim: "the built-in Map is faster than the table by hand with the ideal hash",
        held: time("built-in Map") < time("ideal"),
        evidence: `${formatTime(time("built-in Map"))} and ${
          formatTime(time("ideal"))
        }: V8 keeps the hash of a string in the string`,
      },
    ],
    finding: `from the ideal hash to a constant one a lookup goes from ${formatNumber(probes.ideal)} to ${
      formatNumber(probes.constant)
    } probes and becomes ${formatRatio(time("constant") / time("ideal"))} as slow`,
  };
}

/** V8's own hash of integers, used against it. */
async function chains(full: boolean): Promise<Section> {
  const sizes = [500, 1000, 2000, ...full ? [4000, 8000] : []],
    kinds = { spread: spreadKeys, "one bucket": collidingKeys };
  const readings = new Map<string, Measurement>(), steps = new Map<string, number>();
  let found = 0, asked = 0;
  for (const size of sizes) {
    const calls: Record<string, () => number> = {};
    for (const [kind, make] of Object.entries(kinds)) {
      const keys = make(size), map = new Set(keys);
      const chained = keys.reduce((chained, key) => chained.add(key), new ChainedTable());
      steps.set(`${kind} ${size}`, keys.reduce((sum, key) => sum + chained.steps(key), 0) / size);
      calls[kind] = () => lookUpIntegers(map, keys);
      found += calls[kind]();
      asked += size;
    }
    const measured = await measureInTurns(calls, { budget: full ? 1 : 0.1 });
    for (const kind of Object.keys(kinds)) readings.set(`${kind} ${size}`, measured[kind]);
  }
  const time = (kind: string, size: number) => readings.get(`${kind} ${size}`)!.median / size;
  const fit = (kind: string) => fitPower(sizes, sizes.map((size) => time(kind, size)));
  const last = sizes.at(-1)!, slower = time("one bucket", last) / time("spread", last), bucket = fit("one bucket");
  return {
    tables: [table(
      ["integers in a Set", "spread: steps", "a lookup", "one bucket: steps", "a lookup", "slower"],
      sizes.map((size) => [
        `${size}`,
        ...Object.keys(kinds).flatMap((kind) => [
          steps.get(`${kind} ${size}`)!.toFixed(1),
          formatTime(time(kind, size)),
        ]),
        formatRatio(time("one bucket", size) / time("spread", size)),
      ]),
    )],
    figures: sizes.flatMap((size) =>
      Object.keys(kinds).map((kind) => reading(`chains: ${kind}`, size, readings.get(`${kind} ${size}`)!, size))
    ),
    checks: [{
      claim: "all integers are found, however badly they lie",
      passed: found === asked,
      evidence: `${found} of ${asked}`,
    }],
    claims: [{
      claim: "V8 hashes small integers in the same way in each process: chosen keys make a lookup linear (0.8 to 1.3)",
      held: slower > 10 && bucket.slope >= 0.8 && bucket.slope <= 1.3,
      evidence: `${describeFit(bucket)} in one bucket, ${describeFit(fit("spread"))} spread, ${
        formatRatio(slower)
      } at ${last}`,
    }],
    finding: `${last} integers chosen to fall into one bucket make a lookup in V8's own Set ${
      formatRatio(slower)
    } as slow`,
  };
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
