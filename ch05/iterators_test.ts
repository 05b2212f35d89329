import { assert, assertEquals, assertThrows } from "@std/assert";
import { hasCommand } from "../bench/lib/command.ts";
import { workflows } from "./compare_itertools.ts";
import { bigintBytes, fibonacciBits, heapAtLast, heapOfChain, logSlope } from "./compare_memory.ts";
import { fibonacci, fibonacciGenerator, fibonacciList, numberGenerator, numberList } from "./fibonacci.ts";
import * as it from "./itertools.ts";
import { dearStep, type First, firsts, severalPasses, step, type Sum, sums } from "./lazy_or_eager.ts";

const ignore = !await hasCommand("deno");

/** F(n) by fast doubling, which shares nothing with adding the last two. */
function doubling(n: number): [bigint, bigint] {
  if (n === 0) return [0n, 1n];
  const [a, b] = doubling(n >> 1), c = a * (2n * b - a), d = a * a + b * b;
  return n & 1 ? [d, c + d] : [c, d];
}

Deno.test("list and generators give the Fibonacci numbers that fast doubling gives", () => {
  const expected = Array.from({ length: 300 }, (_, i) => doubling(i + 1)[0]);
  assertEquals(fibonacciList(300), expected);
  assertEquals([...fibonacciGenerator(300)], expected);
  assertEquals(fibonacci().take(300).toArray(), expected);
  for (const none of [fibonacciList(0), [...fibonacciGenerator(0)], numberList(0)]) assertEquals(none.length, 0);
});

Deno.test("Numbers are exact up to F(78), and Infinity from F(1477)", () => {
  const numbers = numberList(1500);
  assertEquals([...numberGenerator(1500)], numbers);
  for (let n = 1; n <= 78; n++) assertEquals(BigInt(numbers[n - 1]), doubling(n)[0]);
  assert(BigInt(numbers[78]) !== doubling(79)[0]);
  assertEquals(numbers.findIndex((x) => x === Infinity) + 1, 1477);
});

Deno.test("the length of Fibonacci numbers in bits is that of their binary digits", () => {
  fibonacciList(2000).forEach((number, i) => assertEquals(fibonacciBits(i + 1), number.toString(2).length));
  assertEquals(bigintBytes(100), fibonacciList(100).reduce((sum, x) => sum + (x < 2n ** 64n ? 24 : 32), 0));
});

Deno.test("islice takes what slicing an array takes, and asks for no more", () => {
  const items = Array.from({ length: 10 }, (_, i) => i);
  for (const [from, to, step] of [[0, 3, 1], [2, 9, 3], [2, 10, 4], [5, 5, 1], [7, 3, 2], [8, 99, 1]]) {
    let asked = 0;
    const counted = items.values().map((item) => (asked++, item));
    const expected = items.slice(from, to).filter((_, i) => i % step === 0);
    assertEquals([...it.islice(counted, from, to, step)], expected);
    assert(asked <= (expected.at(-1) ?? from) + 1 || to > 10, `${asked} asked for ${from}, ${to}, ${step}`);
  }
  assertEquals([...it.islice("abcd", 1, Infinity, 2)], ["b", "d"]);
  assertThrows(() => it.islice(items, 0, 3, 0), RangeError, "step 0: must be a whole number from 1");
});

Deno.test("every piece of itertools takes nothing and gives nothing, save the product of nothing, which is one", () => {
  assertEquals([...it.islice([], 0, 5)], []);
  assertEquals([...it.chain()], []);
  assertEquals([...it.chain([], "")], []);
  assertEquals([...it.accumulate([], () => 0)], []);
  assertEquals([...it.pairwise([1])], []);
  assertEquals([...it.takewhile([], () => true)], []);
  assertEquals([...it.groupby([], () => 0)], []);
  assertEquals([...it.cycle([])], []);
  assertEquals([...it.product([1, 2], [])], []);
  assertEquals([...it.product()], [[]]);
});

Deno.test("values that are undefined, NaN or -0 are items like all others", () => {
  assertEquals([...it.pairwise([undefined, undefined])], [[undefined, undefined]]);
  assertEquals([...it.accumulate([undefined, 1], (_, x) => x)], [undefined, 1]);
  assertEquals([...it.groupby([NaN, NaN, 0, -0, undefined], (x) => x)].map(([, run]) => run.length), [2, 2, 1]);
  assertEquals([...it.takewhile([0, -0, NaN, 1], (x) => x === 0)], [0, -0]);
  assertEquals([...it.chain<unknown>("\ud800", [1])], ["\ud800", 1]);
});

Deno.test("accumulate, pairwise, groupby and product agree with what loops make of random items", () => {
  let state = 1;
  const random = () => (state = (state * 48271) % 2147483647) % 5;
  for (let round = 0; round < 50; round++) {
    const items = Array.from({ length: random() * 4 }, random);
    assertEquals(
      [...it.accumulate(items, (a, b) => a + b)],
      items.map((_, i) => items.slice(0, i + 1).reduce((a, b) => a + b)),
    );
    assertEquals([...it.pairwise(items)], items.slice(1).map((item, i) => [items[i], item] as [number, number]));
    const runs = [...it.groupby(items, (x) => x % 2)];
    assertEquals(runs.flatMap(([, run]) => run), items);
    for (const [key, run] of runs) assert(run.every((x) => x % 2 === key));
    for (let i = 1; i < runs.length; i++) assert(runs[i][0] !== runs[i - 1][0]);
    assertEquals([...it.product(items, items)], items.flatMap((a) => items.map((b) => [a, b])));
  }
});

Deno.test("leaving early closes the source", () => {
  const stages: ((items: Iterable<number>) => Iterable<unknown>)[] = [
    (items) => it.islice(items, 0, 3),
    (items) => it.chain(items),
    (items) => it.accumulate(items, (a, b) => a + b),
    (items) => it.pairwise(items),
    (items) => it.takewhile(items, (x) => x < 1),
    (items) => it.groupby(items, (x) => x),
    (items) => it.cycle(items),
  ];
  for (const stage of stages) {
    let closed = false;
    const source = function* () {
      try {
        for (let i = 0;; i++) yield i;
      } finally {
        closed = true;
      }
    };
    let taken = 0;
    for (const _ of stage(source())) if (++taken === 2) break;
    assert(closed, `${stage}`);
  }
});

Deno.test("workflows and the loops that do the same agree at odd sizes, too", () => {
  for (const size of [100, 4096]) {
    for (const [name, { generators, loop }] of Object.entries(workflows(size))) {
      assertEquals(generators(), loop(), name);
    }
  }
});

Deno.test("all ways of a chain agree, whatever its length, for no, one and many numbers", async () => {
  for (const size of [0, 1, 2500]) {
    const numbers = Array.from({ length: size }, (_, i) => i);
    for (const stages of [0, 1, 3]) {
      const expected = numbers.reduce((sum, x) => {
        for (let i = 0; i < stages; i++) x = (x * 5 + 1) % 65_536;
        return sum + x;
      }, 0);
      for (const [name, sum] of Object.entries<Sum>(sums)) {
        assertEquals(await sum(numbers, step, stages), expected, name);
      }
    }
  }
});

Deno.test("all ways find the first hit or none, and only the lazy ones stop there", async () => {
  const numbers = Array.from({ length: 3000 }, (_, i) => i);
  for (const [name, first] of Object.entries<First>(firsts)) {
    let calls = 0;
    const identity = (x: number) => (calls++, x);
    assertEquals(await first(numbers, identity, (x) => x >= 1200), 1200, name);
    assertEquals(calls, { array_methods: 3000, async_batches: 2000 }[name] ?? 1201, name);
    assertEquals(await first(numbers, identity, () => false), undefined, name);
    assertEquals(await first([], identity, () => true), undefined, name);
  }
});

Deno.test("several passes come to the same, and compute once or every time", () => {
  const numbers = [1, 2, 3], expected = 4 * numbers.reduce((sum, x) => sum + dearStep(x), 0);
  for (const [name, calls] of [["array_methods", 3], ["iterator_helpers", 12]] as const) {
    let made = 0;
    assertEquals(severalPasses[name](numbers, (x) => (made++, dearStep(x)), 4), expected);
    assertEquals(made, calls);
  }
});

Deno.test("the slope of a power law is its exponent", () => {
  const { slope, fit } = logSlope([1, 10, 100].map((x) => ({ x, y: 3 * x ** 1.5 })));
  assert(Math.abs(slope - 1.5) < 1e-12 && fit > 1 - 1e-12);
  assert(logSlope([{ x: 1, y: 1 }, { x: 10, y: 10 }, { x: 100, y: 1 }]).fit < 0.1);
});

Deno.test({
  name: "a list of Fibonacci numbers holds what its BigInts take, a generator next to nothing",
  ignore,
  async fn() {
    const [list] = await heapAtLast("fibonacciList", [3000], 2),
      [lazy] = await heapAtLast("numberGenerator", [3000], 2);
    assert(list > bigintBytes(3000) + 8 * 3000 && list < bigintBytes(3000) + 12 * 3000 + 4096, `${list}`);
    assert(lazy < 2048, `${lazy}`);
  },
});

Deno.test({
  name: "array methods hold two arrays, iterator helpers next to nothing",
  ignore,
  async fn() {
    const eager = await heapOfChain("array_methods", 5000, 3), lazy = await heapOfChain("iterator_helpers", 5000, 3);
    assert(Math.abs(eager / (2 * 8 * 5000) - 1) < 0.05, `${eager}`);
    assert(lazy < 2048, `${lazy}`);
  },
});
