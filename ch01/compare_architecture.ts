/**
 * The machine's caches, memory and branches, in TypeScript beside C.
 *
 * What to notice: waiting for memory costs the same in both languages. What C does better, it does in the caches.
 *
 * @original none, chapter 1's question on the elements of a computer's architecture
 * @run deno run --allow-read=. --allow-write=results --allow-run=cc,getconf --allow-ffi=results --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch01/compare_architecture.ts
 * @takes 11 s
 */

import { lineChart, palette } from "../bench/lib/chart.ts";
import { runCommand } from "../bench/lib/command.ts";
import { measureInTurns } from "../bench/lib/measure.ts";
import { figure } from "../bench/lib/results.ts";
import { compareSections, type Section } from "../bench/lib/sections.ts";
import { median } from "../bench/lib/statistics.ts";
import { formatBytes, formatNumber, formatRatio, formatTime, table } from "../bench/lib/table.ts";
import { missingCompiler, openLimit } from "../bench/limit/limit.ts";
import {
  findLevels,
  follow,
  generator,
  makeChain,
  shuffledOrder,
  stream,
  streamBytes,
  sumFrom,
  sumFromByMask,
  sumInOrder,
} from "./architecture.ts";

export function run(args: readonly string[]) {
  return compareSections(
    {
      chapter: "ch01",
      topic: "architecture",
      question: "What are the elements of a computer's architecture?",
      answer: `Cores (${navigator.hardwareConcurrency} here), memory in levels, and what connects them`,
    },
    { ladder, bandwidth, order, branches },
    args,
  );
}

/** A chain of places over its size, where each step waits for memory. */
async function ladder(full: boolean): Promise<Section> {
  const largest = full ? 2 ** 28 : 2 ** 26, sizes: number[] = [];
  for (let size = 2 ** 12; size < largest; size *= 2) sizes.push(size, 1.5 * size);
  sizes.push(largest);
  const library = await openLimit("latency", { follow: { parameters: ["buffer", "i64", "i32"], result: "i32" } });
  const ways: Record<string, (chain: Int32Array<ArrayBuffer>, steps: number, from: number) => number> = {
    TypeScript: follow,
    ...library && { C: (chain, steps, from) => library.symbols.follow(chain, BigInt(steps), from) },
  };
  const names = Object.keys(ways), samples: Record<string, number[]>[] = [], wrong: string[] = [];
  // The first size would otherwise be the one that waits for the compiler.
  const short = makeChain(2 ** 12);
  for (const end = performance.now() + 50; performance.now() < end;) follow(short, 10_000);
  for (const bytes of sizes) {
    // Sizes such as 1.5 x 4096 make the array one of doubles; `| 0` makes a small integer again of what is one, without
    // which V8 would throw away the loop that it has compiled for those.
    const chain = makeChain(bytes), places = (bytes / 128) | 0, here: Record<string, number[]> = {};
    // Many laps of a short chain, a part of a long one.
    const steps = 100_000;
    for (const name of names) here[name] = [];
    // One lap must lead back, and no shorter one; it also brings into the caches what fits.
    for (const name of names) {
      if (ways[name](chain, places, 0) !== 0 || ways[name](chain, places >> 1, 0) === 0) wrong.push(`${name} ${bytes}`);
    }
    // In turns, each from where it ended: a slow moment of the machine does not fall on one alone.
    const at: Record<string, number> = {};
    for (let turn = 0; turn < (full ? 20 : 6); turn++) {
      for (const name of names) {
        const start = performance.now();
        at[name] = ways[name](chain, steps, at[name] ?? 0);
        here[name].push((performance.now() - start) / steps / 1000);
      }
    }
    if (new Set(Object.values(at)).size > 1) wrong.push(`${bytes}: ${JSON.stringify(at)}`);
    samples.push(here);
  }
  library?.close();
  // What else the machine does only adds to a step.
  const time = (i: number, name = "TypeScript") => Math.min(...samples[i][name]);
  // Both languages wait for the same caches: the levels are read off what was the shorter wait.
  const seconds = sizes.map((_, i) => Math.min(...names.map((name) => time(i, name)))),
    levels = findLevels(sizes, seconds);
  const named = await namedCaches(), inRange = named.filter(({ bytes }) => bytes <= largest / 2);
  const found = ({ bytes }: { bytes: number }) =>
    levels.some(({ holds, last }) => !last && holds <= 2 * bytes && bytes <= 2 * holds);
  const slower = median(sizes.map((_, i) => time(i) / time(i, "C")));
  const shown = sizes.map((bytes, i) => ({ bytes, i })).filter(({ bytes }) => Number.isInteger(Math.log2(bytes)));
  return {
    tables: [
      table(
        ["a chain of", ...names.map((name) => `a step in ${name}`), "vs the shortest"],
        shown.map(({ bytes, i }) => [
          formatBytes(bytes),
          ...names.map((name) => formatTime(time(i, name))),
          formatRatio(time(i) / time(0)),
        ]),
      ),
      table(
        ["level, read off the curve", "holds", "a step"],
        levels.map(({ holds, seconds, last }, k) => [
          `${k + 1}`,
          last ? `${formatBytes(holds)} or more` : `about ${formatBytes(holds)}`,
          formatTime(seconds),
        ]),
      ),
      ...named.length > 0
        ? [`The system says: ${named.map(({ name, bytes }) => `${name} ${formatBytes(bytes)}`).join(", ")}.`]
        : [],
    ],
    charts: {
      latency: lineChart({
        title: "Time to follow a chain one step, over the size of the chain",
        x: {
          title: `KiB${
            named.length > 0
              ? ` (the system says ${named.map(({ name, bytes }) => `${name} ${formatBytes(bytes)}`).join(", ")})`
              : ""
          }`,
          log: true,
          ticks: [4, 16, 64, 256, 1024, 4096, 16384, 65536, ...full ? [262144] : []],
        },
        y: { title: "ns a step", log: true, ticks: [1, 2, 5, 10, 20, 50, 100, 200, 500] },
        lines: [
          ...names.map((name) => ({
            name,
            points: sizes.map((bytes, i) => ({ x: bytes / 1024, y: time(i, name) * 1e9 })),
          })),
          // Where each level ends, drawn as a short stair from its middle to its end.
          ...levels.map(({ holds, seconds, last }, k) => ({
            name: last ? `level ${k + 1}` : `level ${k + 1}: ${formatBytes(holds)}`,
            color: palette[9],
            dash: true,
            points: [{ x: sizes[0] / 1024, y: seconds * 1e9 }, { x: holds / 1024, y: seconds * 1e9 }],
          })),
        ],
      }),
    },
    figures: sizes.flatMap((bytes, i) =>
      names.map((name) => figure(`latency ${name}`, bytes, time(i, name), "s per step", samples[i][name]))
    ),
    checks: [{
      claim: "every chain is one cycle of all its places, and both languages come to the same place",
      passed: wrong.length === 0,
      evidence: wrong.join("; ") || `${sizes.length} chains`,
    }],
    claims: [
      ...inRange.length > 0
        ? [{
          claim: "each cache that the system names is seen on the curve, within a factor of two",
          held: inRange.every(found),
          evidence: inRange.map((cache) => `${cache.name}: ${found(cache) ? "seen" : "not seen"}`).join(", ") +
            `; ${levels.length} levels at ${levels.map(({ holds }) => formatBytes(holds)).join(", ")}`,
        }]
        : [],
      {
        claim: "the longest chain takes more than ten times as long a step as the shortest",
        held: time(sizes.length - 1) > 10 * time(0),
        evidence: `${formatRatio(time(sizes.length - 1) / time(0))} at ${formatBytes(largest)}`,
      },
      ...library
        ? [{
          claim: "waiting costs the same in TypeScript and in C (within 20% in the median)",
          held: Math.abs(Math.log(slower)) <= Math.log(1.2),
          evidence: formatRatio(slower),
        }]
        : [],
    ],
    missing: library ? [] : [missingCompiler],
    finding: `a step takes ${formatTime(time(0))} in the first cache and ${formatTime(time(sizes.length - 1))} in ${
      formatBytes(largest)
    }`,
  };
}

/** The caches that the system names; none where it has no `getconf`, or one that does not know. */
async function namedCaches(): Promise<{ name: string; bytes: number }[]> {
  const names = { L1: "LEVEL1_DCACHE_SIZE", L2: "LEVEL2_CACHE_SIZE", L3: "LEVEL3_CACHE_SIZE" };
  const found = await Promise.all(
    Object.entries(names).map(async ([name, variable]) => {
      const child = await runCommand("getconf", [variable]);
      return { name, bytes: child?.success ? Number(new TextDecoder().decode(child.stdout)) : 0 };
    }),
  );
  return found.filter(({ bytes }) => bytes > 0);
}

/**
 * Seconds a call, so many samples of each and a first one that does not count, in turns. STREAM reports the best of
 * several, and so does this compare: other programs on the machine take from its bandwidth, and nothing adds to it.
 */
function bestInTurns(calls: Record<string, () => void>, repeats: number, samples: number): Record<string, number[]> {
  const times: Record<string, number[]> = Object.fromEntries(Object.keys(calls).map((name) => [name, []]));
  for (let sample = 0; sample <= samples; sample++) {
    for (const [name, call] of Object.entries(calls)) {
      const start = performance.now();
      for (let repeat = 0; repeat < repeats; repeat++) call();
      if (sample > 0) times[name].push((performance.now() - start) / repeats / 1000);
    }
  }
  return times;
}

const kernels = ["copy", "scale", "add", "triad"] as const;

/** STREAM, from arrays that fit the first cache to some that fit none but, perhaps, the last. */
async function bandwidth(full: boolean): Promise<Section> {
  const sizes = [2 ** 9, 2 ** 12, 2 ** 15, 2 ** 18, full ? 2 ** 25 : 2 ** 22], largest = sizes.at(-1)!;
  const kernel = { parameters: ["buffer", "buffer", "buffer", "i64"], result: "void" } as const;
  const symbols = { copy: kernel, scale: kernel, add: kernel, triad: kernel };
  const c = await openLimit("bandwidth", symbols), openmp = await openLimit("bandwidth", symbols, { openmp: true });
  const libraries = { ...c && { C: c }, ...openmp && { "C, all cores": openmp } };
  const names = ["TypeScript", ...Object.keys(libraries)];
  const readings = new Map<number, Record<string, number[]>>(), wrong: string[] = [];
  const check = (what: string, ...arrays: Float64Array[]) => {
    for (const [k, array] of arrays.entries()) {
      // After one pass of all four: c = 1, b = 3, c = 4, a = 15. The next pass multiplies all of that by 15.
      const expected = [15, 3, 4][k];
      if (array.some((value) => value !== expected)) wrong.push(`${what}: array ${k} is not all ${expected}`);
    }
  };
  for (const size of sizes) {
    const [a, b, d] = [1, 2, 0].map((value) => new Float64Array(size).fill(value));
    const calls: Record<string, () => void> = {};
    for (const name of kernels) calls[`TypeScript ${name}`] = () => stream[name](a, b, d);
    for (const [language, { symbols }] of Object.entries(libraries)) {
      // To wake the other cores takes longer than what they could do for the smaller arrays.
      if (language === "C, all cores" && size < largest) continue;
      for (const name of kernels) calls[`${language} ${name}`] = () => symbols[name](a, b, d, BigInt(size));
    }
    for (const language of names.filter((name) => `${name} copy` in calls)) {
      a.fill(1), b.fill(2), d.fill(0);
      for (const name of kernels) calls[`${language} ${name}`]();
      check(`${language} at ${size}`, a, b, d);
    }
    readings.set(size, bestInTurns(calls, Math.ceil(2 ** 18 / size), full ? 30 : 6));
  }
  c?.close();
  openmp?.close();
  const rate = (language: string, name: keyof typeof streamBytes, size = largest) =>
    streamBytes[name] * size / Math.min(...readings.get(size)![`${language} ${name}`] ?? [NaN]) / 1e9;
  const share = (size: number) => median(kernels.map((name) => rate("TypeScript", name, size) / rate("C", name, size)));
  const fastest = sizes.toSorted((x, y) => rate("C", "triad", y) - rate("C", "triad", x))[0];
  const label = (size: number) => formatBytes(24 * size);
  return {
    tables: [
      table(
        [`GB/s on three arrays, ${label(largest)}`, ...names, "of C"],
        kernels.map((name) => [
          name,
          ...names.map((language) => formatNumber(rate(language, name))),
          c ? (rate("TypeScript", name) / rate("C", name)).toFixed(2) : "-",
        ]),
      ),
      table(
        ["GB/s of triad on", ...sizes.map(label)],
        names.filter((name) => name !== "C, all cores").map((language) => [
          language,
          ...sizes.map((size) => formatNumber(rate(language, "triad", size))),
        ]),
      ),
    ],
    charts: {
      bandwidth: lineChart({
        title: "STREAM: bytes a second over the size of the three arrays",
        x: { title: "KiB in all three arrays", log: true, ticks: sizes.map((size) => 24 * size / 1024) },
        y: { title: "GB/s", log: true, ticks: [1, 2, 5, 10, 20, 50, 100, 200, 500] },
        lines: [...names.filter((name) => name !== "C, all cores")].flatMap((language, l) =>
          kernels.map((name, k) => ({
            name: `${language} ${name}`,
            color: palette[k],
            dash: l === 0,
            points: sizes.map((size) => ({ x: 24 * size / 1024, y: rate(language, name, size) })),
          }))
        ),
      }),
    },
    figures: sizes.flatMap((size) =>
      names.filter((name) => readings.get(size)![`${name} copy`]).flatMap((language) =>
        kernels.map((name) => {
          const rates = readings.get(size)![`${language} ${name}`].map((time) => streamBytes[name] * size / time / 1e9);
          return figure(`${name} ${language}`, size, rate(language, name, size), "GB/s", rates);
        })
      )
    ),
    checks: [{
      claim: "one pass of copy, scale, add and triad leaves a = 15, b = 3, c = 4, in TypeScript and in C",
      passed: wrong.length === 0,
      evidence: wrong.join("; ") || `${names.length} ways at ${sizes.length} sizes`,
    }],
    claims: c
      ? [
        {
          claim: "on large arrays TypeScript streams at 0.8 of what C does on one core, or more",
          held: share(largest) >= 0.8,
          evidence: `${share(largest).toFixed(2)} in the median of the four at ${label(largest)}`,
        },
        {
          claim: "where C is fastest, in the caches, TypeScript comes to less than half of it",
          held: share(fastest) < 0.5,
          evidence: `${share(fastest).toFixed(2)} at ${label(fastest)}: V8 uses no vectors`,
        },
      ]
      : [],
    missing: c ? [] : [missingCompiler],
    finding: `TypeScript streams ${formatNumber(rate("TypeScript", "triad"))} GB/s (triad of ${label(largest)})${
      c ? `, ${share(largest).toFixed(2)} of C, and ${share(fastest).toFixed(2)} of C in the caches` : ""
    }`,
  };
}

/** The same numbers read in order, at random, and at random with each read waiting for the one before. */
async function order(full: boolean): Promise<Section> {
  const count = full ? 2 ** 24 : 2 ** 21, values = new Float64Array(count).fill(1);
  const orders = { "in order": Uint32Array.from(values, (_, i) => i), "at random": shuffledOrder(count) };
  const chain = makeChain(8 * count), places = chain.length / 32;
  let at = 0;
  const calls = {
    "in order": () => sumInOrder(values, orders["in order"]),
    "at random": () => sumInOrder(values, orders["at random"]),
    "at random, each after the other": () => at = follow(chain, places, at),
  };
  const sums = [calls["in order"](), calls["at random"]()];
  const readings = await measureInTurns(calls, { budget: full ? 2 : 0.06 });
  const names = Object.keys(calls) as (keyof typeof calls)[];
  const time = (name: keyof typeof calls) =>
    readings[name].median / (name === "at random, each after the other" ? places : count);
  const [first, random, waiting] = names.map(time);
  return {
    tables: [table(
      [`reading ${formatBytes(8 * count)}`, "a number", "vs in order"],
      names.map((name) => [name, formatTime(time(name)), formatRatio(time(name) / first)]),
    )],
    figures: names.map((name) => {
      const { samples, spread } = readings[name];
      return { name: `order ${name}`, size: count, value: time(name), unit: "s per number", samples, spread };
    }),
    checks: [{
      claim: "both orders sum the same ones, and the chain led back to its start",
      passed: sums.every((sum) => sum === count) && at === 0,
      evidence: `${sums.join(", ")}; place ${at}`,
    }],
    claims: [{
      claim: "at random costs more than twice as much as in order, and waiting for each more than twice as much again",
      held: random > 2 * first && waiting > 2 * random,
      evidence: `${formatRatio(random / first)} and ${formatRatio(waiting / random)}`,
    }],
    finding: `reading at random takes ${formatRatio(random / first)} the time of reading in order, and ${
      formatRatio(waiting / first)
    } if each read waits for the one before`,
  };
}

/** A decision that goes the same way for long, and one that nobody can foresee. */
async function branches(full: boolean): Promise<Section> {
  const count = 2 ** 20, random = generator(1);
  const shuffled = Uint8Array.from({ length: count }, () => 256 * random()), sorted = shuffled.toSorted();
  const calls = {
    "if, sorted": () => sumFrom(sorted, 128),
    "if, shuffled": () => sumFrom(shuffled, 128),
    "mask, sorted": () => sumFromByMask(sorted, 128),
    "mask, shuffled": () => sumFromByMask(shuffled, 128),
  };
  const names = Object.keys(calls) as (keyof typeof calls)[];
  const results = names.map((name) => calls[name]());
  const readings = await measureInTurns(calls, { budget: full ? 1 : 0.05 });
  const time = (name: keyof typeof calls) => readings[name].median / count;
  const cost = time("if, shuffled") / time("if, sorted"), masks = time("mask, shuffled") / time("mask, sorted");
  return {
    tables: [table(
      ["values of 128 or more", "a value", "vs if, sorted"],
      names.map((name) => [name, formatTime(time(name)), formatRatio(time(name) / time("if, sorted"))]),
    )],
    figures: names.map((name) => {
      const { samples, spread } = readings[name];
      return { name: `branches: ${name}`, size: count, value: time(name), unit: "s per value", samples, spread };
    }),
    checks: [{
      claim: "sorted or shuffled, by if or by mask, the same values are counted and summed",
      passed: results.every(({ count, sum }) => count === results[0].count && sum === results[0].sum),
      evidence: results.map(({ count, sum }) => `${count}, ${sum}`).join("; "),
    }],
    claims: [
      {
        claim: "the same values take more than twice as long when they are shuffled",
        held: cost > 2,
        evidence: formatRatio(cost),
      },
      {
        claim: "without a branch the shuffled values take no longer than the sorted ones (within 20%)",
        held: masks <= 1.2,
        evidence: formatRatio(masks),
      },
    ],
    finding: `a branch that cannot be foreseen makes a loop take ${formatRatio(cost)} the time`,
  };
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
