/**
 * `deno bench` over chapter 2: the programs that its tools observe, before and after what the tools suggest. It needs no
 * permissions.
 *
 * @run deno bench bench/ch02_bench.ts
 * @takes 20 s
 */

import { versions } from "../ch02/bytecode/good_and_bad.ts";
import { abs, absBySquares, experiment } from "../ch02/cpu_profiling/julia.ts";
import { timeFunction } from "../ch02/decorator_time/julia_decorator.ts";
import { juliaSet, variants } from "../ch02/line_profiler/julia_split_while.ts";
import { Primes, UnmarkedPrimes } from "../ch02/noop_profile_decorator/noop_profile.ts";
import { group } from "./lib/bench.ts";

const width = 150;
await group(`the Julia set, ${width} x ${width}, |z| by`, {
  hypot: experiment(width, abs).run,
  square_root: experiment(width, absBySquares).run,
}, "hypot");

await group(
  `the Julia set, ${width} x ${width}, the while`,
  Object.fromEntries(Object.entries(variants).map(([name, escape]) => [name, () => juliaSet(escape, width)])),
  Object.keys(variants)[0],
);

const add = (a: number, b: number) => a + b;
const timedAdd = timeFunction(add, () => {});
await group("a sum of two numbers", { plain: () => add(1, 2), timed: () => timedAdd(1, 2) }, "plain");

const marked = new Primes(), unmarked = new UnmarkedPrimes();
await group("the primes below 1,000", {
  unmarked: () => unmarked.sum(1000),
  profile_that_is_off: () => marked.sum(1000),
}, "unmarked");

const { good, bad } = versions;
const oneShape = good.phases[0](), eightShapes = bad.phases[1]();
await group("the sum of 1,000 prices", {
  index_one_shape: () => good.total(oneShape),
  iterator_eight_shapes: () => bad.total(eightShapes),
}, "index_one_shape");
