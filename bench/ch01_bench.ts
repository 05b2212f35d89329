/**
 * `deno bench` over chapter 1: the same functions as in its compares. The baseline of each group is the plainest way.
 * Chapter 1's functions need no permissions; with `deno task bench` C joins those that wait for memory.
 *
 * @run deno bench --allow-read=. --allow-run=cc --allow-write=results --allow-ffi=results --allow-env=CI bench/ch01_bench.ts
 * @takes 40 s
 */

import { kinds, makeSum } from "../ch01/abstraction.ts";
import { fourAtATime, oneByOne, startValues, vectors } from "../ch01/alternate_architectures.ts";
import { follow, generator, makeChain, stream, sumFrom, sumFromByMask } from "../ch01/architecture.ts";
import { byRemainder, eightAtOnce, makeSimd, oneAtATime, wholeArrays } from "../ch01/check_prime.ts";
import { searches } from "../ch01/reducing_operations.ts";
import { makeEvents, strategies } from "../ch01/strategies.ts";
import { group, permissions } from "./lib/bench.ts";
import { openLimit } from "./limit/limit.ts";

const may = await permissions();

const checks = { oneAtATime, byRemainder, eightAtOnce, wholeArrays, simd: await makeSimd() };
await group(
  "whether 10,000,019 is prime",
  Object.fromEntries(Object.entries(checks).map(([name, check]) => [name, () => check(10_000_019)])),
  "oneAtATime",
);

const haystack = Array.from({ length: 10_000 }, (_, i) => i);
for (const [where, needle] of [["near the head", 5], ["near the tail", 9995]] as const) {
  await group(
    `one of 10,000 numbers, ${where}`,
    Object.fromEntries(Object.entries(searches).map(([name, search]) => [name, () => search(haystack, needle)])),
    "searchFast",
  );
}

// One step of a chain at a time, each for as long as the memory that holds the chain takes to answer.
const latency = may.c
  ? await openLimit("latency", { follow: { parameters: ["buffer", "i64", "i32"], result: "i32" } })
  : null;
for (const [label, bytes] of [["16 KiB", 2 ** 14], ["1 MiB", 2 ** 20], ["32 MiB", 2 ** 25]] as const) {
  const chain = makeChain(bytes);
  let at = 0;
  await group(`10,000 steps through a chain of ${label}`, {
    ...latency && { c: () => at = latency.symbols.follow(chain, 10_000n, at) },
    typescript: () => at = follow(chain, 10_000, at),
  }, "typescript");
}

// 96 KiB in all: beyond the first cache, within the second.
const [a, b, c] = [1, 2, 0].map((value) => new Float64Array(4096).fill(value));
const kernel = { parameters: ["buffer", "buffer", "buffer", "i64"], result: "void" } as const;
const bandwidth = may.c
  ? await openLimit("bandwidth", { copy: kernel, scale: kernel, add: kernel, triad: kernel })
  : null;
for (const name of ["copy", "scale", "add", "triad"] as const) {
  // Only one of them runs at a time, so that nothing grows from pass to pass.
  a.fill(1), b.fill(2), c.fill(0);
  await group(`STREAM's ${name} of 4096 numbers`, {
    ...bandwidth && { c: () => bandwidth.symbols[name](a, b, c, 4096n) },
    typescript: () => stream[name](a, b, c),
  }, "typescript");
}

const random = generator(1);
const shuffled = Uint8Array.from({ length: 2 ** 18 }, () => 256 * random()), sorted = shuffled.toSorted();
await group("2^18 values, those of 128 or more", {
  if_sorted: () => sumFrom(sorted, 128),
  if_shuffled: () => sumFrom(shuffled, 128),
  mask_sorted: () => sumFromByMask(sorted, 128),
  mask_shuffled: () => sumFromByMask(shuffled, 128),
}, "if_sorted");

const start = startValues(2 ** 13);
await group("256 steps for each of 8192 numbers", {
  one_by_one: oneByOne(start).run,
  four_at_a_time: fourAtATime(start).run,
  vectors_of_doubles: (await vectors(start)).run,
  vectors_of_singles: (await vectors(start, true)).run,
}, "one_by_one");

await group(
  "the sum of 100,000 numbers",
  Object.fromEntries(Object.entries(kinds).map(([name, kind]) => [name, makeSum(kind, 100_000)])),
  "small integers",
);

const events = makeEvents(1000);
await group(
  "near pairs of 1000 events",
  Object.fromEntries(Object.entries(strategies).map(([name, countPairs]) => [name, () => countPairs(events, 100)])),
  "asPut",
);
