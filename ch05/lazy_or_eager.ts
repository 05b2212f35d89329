/**
 * The same chain of steps over the same numbers: a loop, array methods, iterator helpers, generators, async generators.
 *
 * What to notice: where all of a result is wanted and fits into memory, laziness is only a cost, since every item
 * goes through every stage by a call of `next` of its own. Array methods run through memory stage by stage and hold two
 * arrays at a time. Where the first few answers are enough, it is the other way round: array methods do all the
 * work first. An `await` for each item at each stage costs more than all the rest; with batches of a thousand it hardly
 * shows. And what is lazy does its work again each time it is gone through, where an array has it done.
 *
 * @original none, chapter 5's questions on when laziness helps and when not
 * @run deno run ch05/lazy_or_eager.ts
 * @takes 1 s
 */

/** A step of a chain. Not free, but cheap enough that the way to it shows; whole numbers stay whole and small. */
export const step = (x: number): number => (x * 5 + 1) & 0xffff;

/** A step whose work, a hundred steps, is more than any way to it costs. */
export function dearStep(x: number): number {
  for (let i = 0; i < 100; i++) x = (x * 5 + 1) & 0xffff;
  return x;
}

export type Step = (x: number) => number;

/** Stage by stage generators, as one writes them without helpers. */
export function* mapped(items: Iterable<number>, f: Step): Generator<number, void> {
  for (const item of items) yield f(item);
}

export async function* mappedAsync(items: AsyncIterable<number>, f: Step): AsyncGenerator<number, void> {
  for await (const item of items) yield f(item);
}

export async function* mappedBatches(batches: AsyncIterable<number[]>, f: Step): AsyncGenerator<number[], void> {
  for await (const batch of batches) yield batch.map(f);
}

async function* each(numbers: readonly number[]): AsyncGenerator<number, void> {
  for (const number of numbers) yield number;
}

async function* batches(numbers: readonly number[], size = 1000): AsyncGenerator<number[], void> {
  for (let i = 0; i < numbers.length; i += size) yield numbers.slice(i, i + size);
}

/** The sum of `numbers` after `stages` times f. */
export type Sum = (numbers: readonly number[], f: Step, stages: number) => number | Promise<number>;

export const sums = {
  loop(numbers, f, stages) {
    let sum = 0;
    for (let x of numbers) {
      for (let stage = 0; stage < stages; stage++) x = f(x);
      sum += x;
    }
    return sum;
  },
  array_methods(numbers, f, stages) {
    for (let stage = 0; stage < stages; stage++) numbers = numbers.map((x) => f(x));
    return numbers.reduce((sum, x) => sum + x, 0);
  },
  iterator_helpers(numbers, f, stages) {
    let items: IteratorObject<number> = numbers.values();
    for (let stage = 0; stage < stages; stage++) items = items.map((x) => f(x));
    return items.reduce((sum, x) => sum + x, 0);
  },
  generators(numbers, f, stages) {
    let items: Iterable<number> = numbers;
    for (let stage = 0; stage < stages; stage++) items = mapped(items, f);
    let sum = 0;
    for (const x of items) sum += x;
    return sum;
  },
  async async_generators(numbers, f, stages) {
    let items = each(numbers);
    for (let stage = 0; stage < stages; stage++) items = mappedAsync(items, f);
    let sum = 0;
    for await (const x of items) sum += x;
    return sum;
  },
  async async_batches(numbers, f, stages) {
    let items = batches(numbers);
    for (let stage = 0; stage < stages; stage++) items = mappedBatches(items, f);
    let sum = 0;
    for await (const batch of items) for (const x of batch) sum += x;
    return sum;
  },
} satisfies Record<string, Sum>;

/** The first result of f that passes, or undefined. */
export type First = (
  numbers: readonly number[],
  f: Step,
  passes: (x: number) => boolean,
) => number | undefined | Promise<number | undefined>;

export const firsts = {
  loop(numbers, f, passes) {
    for (const number of numbers) {
      const x = f(number);
      if (passes(x)) return x;
    }
  },
  array_methods: (numbers, f, passes) => numbers.map((x) => f(x)).filter((x) => passes(x))[0],
  iterator_helpers: (numbers, f, passes) => numbers.values().map((x) => f(x)).find((x) => passes(x)),
  generators(numbers, f, passes) {
    for (const x of mapped(numbers, f)) if (passes(x)) return x;
  },
  async async_generators(numbers, f, passes) {
    for await (const x of mappedAsync(each(numbers), f)) if (passes(x)) return x;
  },
  async async_batches(numbers, f, passes) {
    for await (const batch of mappedBatches(batches(numbers), f)) for (const x of batch) if (passes(x)) return x;
  },
} satisfies Record<string, First>;

/** The sum of f over all numbers, asked for `passes` times. Lazily it is computed as often, from an array once. */
export const severalPasses = {
  array_methods(numbers: readonly number[], f: Step, passes: number): number {
    const results = numbers.map((x) => f(x));
    let sum = 0;
    for (let pass = 0; pass < passes; pass++) sum += results.reduce((sum, x) => sum + x, 0);
    return sum;
  },
  iterator_helpers(numbers: readonly number[], f: Step, passes: number): number {
    let sum = 0;
    for (let pass = 0; pass < passes; pass++) sum += numbers.values().map((x) => f(x)).reduce((sum, x) => sum + x, 0);
    return sum;
  },
};

if (import.meta.main) {
  const size = 100_000, stages = 3, numbers = Array.from({ length: size }, (_, i) => i & 0xffff);
  /** The least time of some calls, in nanoseconds an item, and what they came to. */
  const time = async <T>(call: () => T | Promise<T>): Promise<[nanoseconds: number, result: T]> => {
    let best = Infinity, result: T;
    const end = performance.now() + 100;
    do {
      const start = performance.now();
      result = await call();
      best = Math.min(best, performance.now() - start);
    } while (performance.now() < end);
    return [best / size * 1e6, result];
  };
  const expected = sums.loop(numbers, step, stages), wanted = step(numbers[size / 100]);
  console.log(`${size} numbers: ns a number for all of them through ${stages} stages, and until the first hit at 1%`);
  for (const name of Object.keys(sums) as (keyof typeof sums)[]) {
    const sum: Sum = sums[name], first: First = firsts[name];
    const [all, result] = await time(() => sum(numbers, step, stages));
    const [early, found] = await time(() => first(numbers, step, (x) => x === wanted));
    console.log(name.padEnd(17), all.toFixed(1).padStart(7), early.toFixed(2).padStart(8));
    if (result !== expected || found !== wanted) throw new Error(`${name}: ${result} and ${found}`);
  }
}
