/**
 * Looking up by index, whatever the length: an address is reckoned, nothing is searched.
 *
 * What to notice: all elements have 8 bytes, so element i begins at the start of the backing store plus 8 i. The same
 * 32 elements are read from arrays of 64 to 2 million: the slope over size is near 0. A linked list, which has to
 * walk, and `indexOf`, which has to compare, have a slope near 1. Reading anywhere in the array at random does become
 * slower as the array outgrows each cache. That is the memory's price, not a longer search: the steps are still as many.
 *
 * @original none, chapter 3's questions on the complexity of a lookup
 * @run deno run ch03/lookup.ts
 * @takes 2 s
 */

/** Numbers in a chain, each of which knows the next. */
export interface Link {
  value: number;
  next: Link | null;
}

/** The numbers 0 to length - 1 as a chain. Null for none. */
export function makeChain(length: number): Link | null {
  let first: Link | null = null;
  for (let value = length - 1; value >= 0; value--) first = { value, next: first };
  return first;
}

/** The element at a place of a chain, or undefined beyond its end. */
export function lookUpInChain(first: Link | null, index: number): number | undefined {
  let link = first;
  for (let i = 0; i < index && link; i++) link = link.next;
  return link?.value;
}

/** Walks an array in which each element is the index of the next: each lookup has to wait for the one before. */
export function walk(array: readonly number[], steps: number): number {
  let at = 0;
  for (let i = 0; i < steps; i++) at = array[at];
  return at;
}

/**
 * An array in which a walk from 0 comes by `stops` places, anywhere in it, and is then back at 0; all else is 0. The same
 * in every run (xorshift32; each place is exchanged for one among those left, Fisher-Yates).
 */
export function makeWalk(length: number, stops = length): number[] {
  let state = 2463534242;
  const below = (bound: number) => {
    state ^= state << 13, state ^= state >>> 17, state ^= state << 5;
    return (state >>> 0) % bound;
  };
  const places = Int32Array.from({ length }, (_, i) => i);
  for (let i = 1; i < stops; i++) {
    const j = i + below(length - i), place = places[j];
    places[j] = places[i], places[i] = place;
  }
  const array = Array.from({ length }, () => 0);
  for (let i = 0; i < stops; i++) array[places[i]] = i + 1 < stops ? places[i + 1] : 0;
  return array;
}

/** The slope of the line through the logarithms: the power of x with which y grows. */
export function fitPower(x: readonly number[], y: readonly number[]): { power: number; r2: number } {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const centre = (values: readonly number[]) => values.map((value) => Math.log(value) - mean(values.map(Math.log)));
  const a = centre(x),
    b = centre(y),
    dot = (u: number[], v: number[]) => u.reduce((sum, one, i) => sum + one * v[i], 0);
  return { power: dot(a, b) / dot(a, a), r2: dot(a, b) ** 2 / (dot(a, a) * dot(b, b)) };
}

if (import.meta.main) {
  const stops = 32, steps = 2 ** 15;
  const best = (call: () => void, calls: number) => {
    let least = Infinity;
    for (let i = 0; i < calls; i++) {
      const start = performance.now();
      call();
      least = Math.min(least, performance.now() - start);
    }
    return least * 1e6;
  };
  const sizes = [2 ** 6, 2 ** 9, 2 ** 12, 2 ** 15, 2 ** 18, 2 ** 21];
  const few: number[] = [], chain: number[] = [], chainSizes = sizes.filter((size) => size <= 2 ** 18);
  console.log("  elements   32 of them   any of them   middle of a chain   (ns a lookup)");
  for (const size of sizes) {
    const some = makeWalk(size, stops), any = makeWalk(size);
    if (walk(some, stops) !== 0 || walk(any, size) !== 0) throw new Error("the walk does not come back");
    few.push(best(() => walk(some, steps), 100) / steps);
    const anywhere = best(() => walk(any, steps), 50) / steps;
    if (chainSizes.includes(size)) {
      const first = makeChain(size), middle = size / 2;
      if (lookUpInChain(first, middle) !== middle) throw new Error("the chain is broken");
      // Many calls for each reading of the clock where one is short.
      const repeat = Math.max(1, 2 ** 15 / size);
      chain.push(
        best(() => {
          for (let i = 0; i < repeat; i++) lookUpInChain(first, middle);
        }, 40) / repeat,
      );
    }
    const cells = [few.at(-1)!, anywhere, chainSizes.includes(size) ? chain.at(-1)! : NaN];
    console.log(
      size.toLocaleString().padStart(10),
      ...cells.map((cell, i) => (Number.isNaN(cell) ? "-" : cell.toFixed(2)).padStart([12, 13, 19][i])),
    );
  }
  const print = (name: string, { power, r2 }: { power: number; r2: number }) =>
    console.log(`${name}: time grows as n to the power ${power.toFixed(2)} (r² ${r2.toFixed(2)})`);
  print("array[i], the same 32 elements", fitPower(sizes, few));
  print("middle of a chain", fitPower(chainSizes, chain));
}
