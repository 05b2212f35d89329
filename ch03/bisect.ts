/**
 * An array that is kept sorted: the place by bisection, then room made there; and the closest value in it.
 *
 * What to notice: finding the place takes log n comparisons, making room moves all that is behind it, n / 2 elements in
 * the mean. Moving is one copy of memory, so it stays unseen for thousands of elements and then takes over. Where
 * nobody asks in between, adding everything at the end and sorting once is far cheaper. The closest value is the one at the
 * place found or the one before it: two candidates, whatever the size.
 *
 * @original 03_lists_tuples/bisect_example.py
 * @run deno run ch03/bisect.ts
 * @takes 1 s
 */

/** The first place whose element is not below `value` in an array sorted upwards: where it may go, before its equals. */
export function bisectLeft(sorted: readonly number[], value: number): number {
  let low = 0, high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The first place whose element is above `value`: where it may go, after its equals. */
export function bisectRight(sorted: readonly number[], value: number): number {
  let low = 0, high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Adds a number to a sorted array, after its equals. Throws a RangeError for NaN, which has no place in any order. */
export function insort(sorted: number[], value: number): void {
  if (Number.isNaN(value)) throw new RangeError("NaN has no place in a sorted array");
  sorted.splice(bisectRight(sorted, value), 0, value);
}

/**
 * The place of the number closest to `value`; of two as close, the larger one's; of equals, the first.
 * Throws a RangeError for an empty array and for NaN.
 */
export function findClosest(sorted: readonly number[], value: number): number {
  if (sorted.length === 0) throw new RangeError("an empty array has no closest value");
  if (Number.isNaN(value)) throw new RangeError("nothing is close to NaN");
  const above = bisectLeft(sorted, value);
  if (above === 0 || sorted[above] === value) return above;
  const below = bisectLeft(sorted, sorted[above - 1]);
  return above === sorted.length || value - sorted[below] < sorted[above] - value ? below : above;
}

/** Whole numbers from 0 to 999,999, the same in every run (a linear congruential generator). */
export function makeNumbers(count: number): number[] {
  let state = 42;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * 1_000_000);
  });
}

if (import.meta.main) {
  const few = makeNumbers(10), sorted: number[] = [];
  for (const number of few) insort(sorted, number);
  console.log("sorted as they came:", sorted.join(" "));
  for (const value of [-250_000, 500_000, 1_100_000]) {
    console.log(`closest to ${value}: ${sorted[findClosest(sorted, value)]}`);
  }

  console.log("\nelements   insort each   push, sort once");
  for (const count of [1000, 4000, 16_000, 64_000]) {
    const numbers = makeNumbers(count), kept: number[] = [];
    let start = performance.now();
    for (const number of numbers) insort(kept, number);
    const insorted = performance.now() - start;
    start = performance.now();
    const once: number[] = [];
    for (const number of numbers) once.push(number);
    once.sort((a, b) => a - b);
    const pushed = performance.now() - start;
    if (kept.some((number, i) => number !== once[i])) throw new Error("both ways must come to the same order");
    console.log(
      `${count}`.padStart(8),
      `${insorted.toFixed(2)} ms`.padStart(13),
      `${pushed.toFixed(2)} ms`.padStart(17),
    );
  }
}
