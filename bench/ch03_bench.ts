/**
 * `deno bench` over chapter 3: the same functions as in its compares. It needs no permissions.
 *
 * @run deno bench bench/ch03_bench.ts
 * @takes 30 s
 */

import { appends } from "../ch03/append.ts";
import { binarySearch } from "../ch03/binary_search.ts";
import { makeNeedles } from "../ch03/binary_vs_linear_search.ts";
import { insort, makeNumbers } from "../ch03/bisect.ts";
import { freshSum, kinds } from "../ch03/element_kinds.ts";
import { linearSearch } from "../ch03/linear_search.ts";
import { makeWalk, walk } from "../ch03/lookup.ts";
import { makeMany, makes, returns } from "../ch03/tuples.ts";
import { group } from "./lib/bench.ts";

for (const size of [16, 1024]) {
  const array = Array.from({ length: size }, (_, i) => i), needles = makeNeedles(size, 16_384);
  let next = 0;
  // Another needle each time, or the processor would learn the way to it.
  const needle = () => needles[next = (next + 1) & 16_383];
  await group(`find one of ${size} sorted numbers`, {
    linear: () => linearSearch(array, needle()),
    indexOf: () => array.indexOf(needle()),
    binary: () => binarySearch(array, needle()),
  }, "linear");
}

const numbers = makeNumbers(4000);
await group("a sorted array of 4,000 numbers", {
  insort: () => {
    const sorted: number[] = [];
    for (const number of numbers) insort(sorted, number);
    return sorted;
  },
  push_sort_once: () => {
    const sorted: number[] = [];
    for (const number of numbers) sorted.push(number);
    return sorted.sort((a, b) => a - b);
  },
}, "insort");

await group(
  "append 1,000 elements",
  Object.fromEntries(Object.entries(appends).map(([name, append]) => [name, () => append(1000)])),
  "push",
);

const walks = [64, 4096, 262_144].map((length) => [length, makeWalk(length, 32), makeWalk(length)] as const);
await group(
  "1,000 lookups by index, 32 places or any",
  Object.fromEntries(walks.flatMap(([length, some, any]) => [
    [`32 of ${length}`, () => walk(some, 1000)],
    [`any of ${length}`, () => walk(any, 1000)],
  ])),
  "32 of 64",
);

await group(
  "sum 1,000 elements of each kind",
  Object.fromEntries(
    Object.entries(kinds).map(([name, make]) => {
      const sum = freshSum(), array = make(1000);
      return [name, () => sum(array)];
    }),
  ),
  "packed small integers",
);

await group(
  "make nine numbers 1,000 times",
  Object.fromEntries(
    Object.entries(makes).map(([name, make]) => {
      const many: typeof makeMany = new Function(`return ${makeMany} // bench ${name}`)();
      return [name, () => many(make, 1000)];
    }),
  ),
  "literal",
);

await group(
  "return two numbers 1,000 times",
  Object.fromEntries(Object.entries(returns).map(([name, call]) => [name, () => call(1000)])),
  "two calls",
);
