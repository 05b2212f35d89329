/**
 * `deno bench` over chapter 5: the same functions as in its compares. Needs no permissions.
 *
 * @run deno bench bench/ch05_bench.ts
 * @takes 40 s
 */

import { fibonacciGenerator, fibonacciList, numberGenerator, numberList } from "../ch05/fibonacci.ts";
import { pairwise } from "../ch05/itertools.ts";
import { groupByDay, isAnomalous, readings } from "../ch05/lazy_data_analysis.ts";
import { type First, firsts, step, type Sum, sums } from "../ch05/lazy_or_eager.ts";
import { group } from "./lib/bench.ts";

/** The last of the items, all of which are gone through. */
function last<T>(items: Iterable<T>): T | undefined {
  let found: T | undefined;
  for (const item of items) found = item;
  return found;
}

await group("F(1) to F(2000) as BigInt", {
  list: () => last(fibonacciList(2000)),
  generator: () => last(fibonacciGenerator(2000)),
}, "list");

await group("F(1) to F(1000) as Number", {
  list: () => last(numberList(1000)),
  generator: () => last(numberGenerator(1000)),
}, "list");

const numbers = Array.from({ length: 10_000 }, (_, i) => i), ways = Object.entries<Sum>(sums);
await group(
  "10,000 numbers through 3 stages",
  Object.fromEntries(ways.map(([name, sum]) => [name, () => sum(numbers, step, 3)])),
  "array_methods",
);

const wanted = step(100);
await group(
  "the first hit, at 1% of 10,000 numbers",
  Object.fromEntries(
    Object.entries<First>(firsts).map(([name, first]) => [name, () => first(numbers, step, (x) => x === wanted)]),
  ),
  "array_methods",
);

await group("differences of 10,000 neighbours", {
  pairwise: () => pairwise(numbers).reduce((sum, [a, b]) => sum + b - a, 0),
  loop() {
    let sum = 0;
    for (let i = 1; i < numbers.length; i++) sum += numbers[i] - numbers[i - 1];
    return sum;
  },
}, "pairwise");

await group("the first anomaly of a sensor without an end", {
  lazy: () => groupByDay(readings(5)).filter(isAnomalous).take(1).toArray(),
  // As many readings as there must be, all made first.
  eager: () => groupByDay([...readings(5).take(20_000)]).filter(isAnomalous).take(1).toArray(),
}, "eager");
