/**
 * The Fibonacci numbers as a list, as a generator, and as a generator that nobody has to tell where to stop.
 *
 * What to notice: the list computes everything before the first number can be used and keeps all of it; the generator
 * keeps two numbers, whatever comes after. With BigInt the numbers themselves grow, so that a list of n takes memory as n²
 * and so does the time of either: adding long numbers, not making them one by one, is what costs. With Number a step is
 * cheap, and then the generator's own cost shows. Number is exact up to F(78), an integer no longer from then on, and
 * Infinity from F(1477): nothing warns.
 *
 * @original 05_iterators/fibonacci.py
 * @run deno run ch05/fibonacci.ts
 * @takes 1 s
 */

/** F(1) to F(count) in an array. An empty array for 0. */
export function fibonacciList(count: number): bigint[] {
  const numbers: bigint[] = [];
  let a = 0n, b = 1n;
  while (numbers.length < count) {
    numbers.push(b);
    [a, b] = [b, a + b];
  }
  return numbers;
}

/** F(1), F(2), … without an end: whoever takes them stops. */
export function* fibonacci(): Generator<bigint, never> {
  let a = 0n, b = 1n;
  while (true) {
    yield b;
    [a, b] = [b, a + b];
  }
}

/** F(1) to F(count), one at a time. */
export function* fibonacciGenerator(count: number): Generator<bigint, void> {
  let a = 0n, b = 1n;
  for (let i = 0; i < count; i++) {
    yield b;
    [a, b] = [b, a + b];
  }
}

/** The index of the last Fibonacci number that Number holds exactly. */
export const lastExactNumber = 78;

/** The list in floating point: exact up to `lastExactNumber`, Infinity from 1477 on. */
export function numberList(count: number): number[] {
  const numbers: number[] = [];
  let a = 0, b = 1;
  while (numbers.length < count) {
    numbers.push(b);
    [a, b] = [b, a + b];
  }
  return numbers;
}

/** The generator in floating point, as exact as `numberList`. */
export function* numberGenerator(count: number): Generator<number, void> {
  let a = 0, b = 1;
  for (let i = 0; i < count; i++) {
    yield b;
    [a, b] = [b, a + b];
  }
}

if (import.meta.main) {
  const count = 40_000;
  const memory = () => Deno.memoryUsage().rss / 2 ** 20;
  /** Goes through all numbers and gives the last; says how long it took, and how much memory the process came to use. */
  const use = (name: string, make: () => Iterable<bigint>) => {
    const before = memory(), start = performance.now();
    let last = 0n, most = before, i = 0;
    for (const number of make()) {
      last = number;
      if (i++ % 1000 === 0) most = Math.max(most, memory());
    }
    const milliseconds = performance.now() - start;
    console.log(
      `${name.padEnd(10)} ${milliseconds.toFixed(0).padStart(5)} ms, memory +${(most - before).toFixed(0)} MiB`,
    );
    return last;
  };
  console.log(`F(1) to F(${count.toLocaleString("en-US")}), all of them used once:`);
  // The frugal one first: what the list leaves behind would be there for it.
  const generated = use("generator", () => fibonacciGenerator(count));
  const listed = use("list", () => fibonacciList(count));
  if (listed !== generated) throw new Error("the list and the generator end in different numbers");

  // One does not have to know how many: the first with a thousand digits is asked for by what it is.
  const limit = 10n ** 999n, index = fibonacci().take(10_000).toArray().findIndex((number) => number >= limit) + 1;
  const lazily = fibonacci().map((number, i) => ({ number, index: i + 1 })).find(({ number }) => number >= limit)!;
  console.log(`the first of a thousand digits is F(${lazily.index})`); // F(4782)
  if (lazily.index !== 4782 || index !== 4782) throw new Error(`it is F(4782), not F(${lazily.index})`);

  const exact = fibonacciList(100), rounded = numberList(100);
  const wrong = exact.findIndex((number, i) => BigInt(rounded[i]) !== number) + 1;
  console.log(`in Number the first wrong one is F(${wrong}): ${rounded[wrong - 1]} for ${exact[wrong - 1]}`);
  if (wrong !== lastExactNumber + 1) throw new Error(`F(79) is the first wrong one, not F(${wrong})`);
}
