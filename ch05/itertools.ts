/**
 * Python's itertools: what the language has by now as iterator helpers, and the rest as generators of a few lines.
 *
 * What to notice: each takes any iterable and gives an iterator, holds an item or two, and starts when asked, so they stack
 * like pipes, over sequences without an end too. `islice` and `chain` are helpers of the language; the others need a
 * generator, in which `for … of` also closes the source when its consumer leaves early. Only `cycle`, `product` and a
 * group of `groupby` must remember what they saw. An iterator can be gone through once: what a second look at
 * `fibonacci()` should give anew has to be a function.
 *
 * @original none, chapter 5's question on itertools
 * @run deno run ch05/itertools.ts
 * @takes 1 s
 */

/** Items `from`, `from + step`, … below `to`, counted from 0. Asks for nothing after the last it gives. */
export function islice<T>(items: Iterable<T>, from: number, to: number, step = 1): IteratorObject<T> {
  if (!(Number.isInteger(step) && step >= 1)) throw new RangeError(`step ${step}: must be a whole number from 1`);
  const length = Math.max(0, Math.ceil((to - from) / step));
  // Up to one past the last wanted item, not up to `to`: what lies between is not asked for.
  const slice = Iterator.from(items).drop(from).take(length === 0 ? 0 : (length - 1) * step + 1);
  return step === 1 ? slice : slice.filter((_, i) => i % step === 0);
}

/** All items of the first, then all of the next, and so on. */
export const chain: <T>(...iterables: Iterable<T>[]) => IteratorObject<T> = (...iterables) =>
  // flatMap takes no text for a sequence of letters; Iterator.from does.
  Iterator.from(iterables).flatMap((iterable) => Iterator.from(iterable));

/** Running results: the first item, then combine(result, item) for each further one. As many as there are items. */
export function* accumulate<T>(items: Iterable<T>, combine: (result: T, item: T) => T): Generator<T, void> {
  let result: T, started = false;
  for (const item of items) {
    result = started ? combine(result!, item) : item;
    started = true;
    yield result;
  }
}

/** Neighbours: [first, second], [second, third], … None for fewer than two items. */
export function* pairwise<T>(items: Iterable<T>): Generator<[T, T], void> {
  let previous: T, started = false;
  for (const item of items) {
    if (started) yield [previous!, item];
    previous = item;
    started = true;
  }
}

/** Items as long as they pass. The first that does not is asked for, and lost. */
export function* takewhile<T>(items: Iterable<T>, passes: (item: T) => boolean): Generator<T, void> {
  for (const item of items) {
    if (!passes(item)) return;
    yield item;
  }
}

/**
 * Runs of neighbours with the same key, as [key, items]. Keys are the same as in a Map: NaN is NaN, and -0 is 0.
 *
 * Holds one run at a time. As in Python, what is not sorted has several runs of the same key.
 */
export function* groupby<T, K>(items: Iterable<T>, keyOf: (item: T) => K): Generator<[K, T[]], void> {
  let key: K, run: T[] = [];
  for (const item of items) {
    const next = keyOf(item);
    if (run.length > 0 && !(next === key! || (next !== next && key! !== key!))) {
      yield [key!, run];
      run = [];
    }
    key = next;
    run.push(item);
  }
  if (run.length > 0) yield [key!, run];
}

/** The items over and over, without an end. Nothing if there are none. Holds all of them. */
export function* cycle<T>(items: Iterable<T>): Generator<T, void> {
  const seen: T[] = [];
  for (const item of items) {
    seen.push(item);
    yield item;
  }
  while (seen.length > 0) yield* seen;
}

/** All combinations of one item of each, the last changing fastest. One, the empty one, of nothing. */
export function* product<T>(...iterables: Iterable<T>[]): Generator<T[], void> {
  const pools = iterables.map((iterable) => [...iterable]);
  if (pools.some((pool) => pool.length === 0)) return;
  const places = pools.map(() => 0);
  while (true) {
    yield pools.map((pool, i) => pool[places[i]]);
    // Like the wheels of a counter: a full turn of one moves the one to its left.
    let wheel = pools.length - 1;
    while (wheel >= 0 && ++places[wheel] === pools[wheel].length) places[wheel--] = 0;
    if (wheel < 0) return;
  }
}

/** F(1), F(2), … in floating point. */
export function* fibonacci(): Generator<number, never> {
  let a = 0, b = 1;
  while (true) {
    yield b;
    [a, b] = [b, a + b];
  }
}

if (import.meta.main) {
  const show = (name: string, items: Iterable<unknown>, expected: string) => {
    const text = JSON.stringify([...items]);
    console.log(name.padEnd(11), text);
    if (text !== expected) throw new Error(`${name} must give ${expected}`);
  };
  const count = () => accumulate(cycle([1]), (sum, one) => sum + one);
  show("islice", islice(fibonacci(), 10, 20, 3), "[89,377,1597,6765]");
  show("chain", chain([1, 2], new Set([3]), islice(count(), 3, 5)), "[1,2,3,4,5]");
  show("accumulate", accumulate([1, 2, 3, 4, 5], (product, n) => product * n), "[1,2,6,24,120]");
  show("pairwise", pairwise("abcd"), '[["a","b"],["b","c"],["c","d"]]');
  show("takewhile", takewhile(fibonacci(), (n) => n < 30), "[1,1,2,3,5,8,13,21]");
  show("groupby", groupby("aabbba", (letter) => letter), '[["a",["a","a"]],["b",["b","b","b"]],["a",["a"]]]');
  show("cycle", islice(cycle("abc"), 0, 7), '["a","b","c","a","b","c","a"]');
  show("product", product("ab", "xyz").map((pair) => pair.join("")), '["ax","ay","az","bx","by","bz"]');

  // Stacked: how many Fibonacci numbers below 5000 are odd, and what neighbours' quotients come near to.
  const odd = takewhile(fibonacci(), (n) => n <= 5000).filter((n) => n % 2 === 1).reduce((sum) => sum + 1, 0);
  const golden = pairwise(fibonacci()).map(([a, b]) => b / a);
  const settled = pairwise(golden).find(([last, next]) => last === next)![0];
  console.log(`${odd} odd Fibonacci numbers up to 5000; quotients settle at ${settled}`); // 13, 1.618033988749895
  if (odd !== 13 || settled !== (1 + Math.sqrt(5)) / 2) throw new Error("there are 13, and the quotient is golden");
}
