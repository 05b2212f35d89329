/**
 * Where binary search overtakes linear search, and after how many lookups sorting first has paid.
 *
 * What to notice: for a handful of elements a linear search wins, since its loop is simple and its branches are foreseen.
 * The crossing is looked for, not assumed: the smallest size from which binary search is ahead at every size
 * tried. And a sorted array is not for free: the last line divides what the sort costs by what a lookup saves.
 *
 * @original 03_lists_tuples/binary_vs_linear_search.py
 * @run deno run ch03/binary_vs_linear_search.ts
 * @takes 1 s
 */

export type Search = (haystack: readonly number[], needle: number) => number;

export const linear: Search = (haystack, needle) => {
  for (let i = 0; i < haystack.length; i++) {
    if (haystack[i] === needle) return i;
  }
  return -1;
};

export const binary: Search = (haystack, needle) => {
  let low = 0, high = haystack.length - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1, value = haystack[middle];
    if (value === needle) return middle;
    if (value < needle) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
};

/**
 * Whole numbers from 0 to size - 1, drawn anew each time and the same in every run (xorshift32). Needles that came by
 * in a fixed cycle would let the processor foresee the branches of the search.
 */
export function makeNeedles(size: number, count: number): number[] {
  let state = 2463534242;
  return Array.from({ length: count }, () => {
    state ^= state << 13, state ^= state >>> 17, state ^= state << 5;
    return (state >>> 0) % size;
  });
}

/** The smallest size from which `slower`'s time exceeds `faster`'s at all sizes; undefined if not even at the last. */
export function findCrossing(sizes: readonly number[], slower: readonly number[], faster: readonly number[]) {
  let crossing: number | undefined;
  for (let i = sizes.length - 1; i >= 0 && slower[i] > faster[i]; i--) crossing = sizes[i];
  return crossing;
}

/** Nanoseconds for each search for one of `needles`: the fastest of several rounds. */
function time(search: Search, haystack: readonly number[], needles: readonly number[]): number {
  let best = Infinity;
  for (let round = 0; round < 15; round++) {
    let sum = 0;
    const start = performance.now();
    for (let i = 0; i < needles.length; i++) sum += search(haystack, needles[i]);
    best = Math.min(best, performance.now() - start);
    // In 0, 1, 2, … each number is its own place.
    if (sum !== needles.reduce((a, b) => a + b, 0)) throw new Error("a needle was found at another place");
  }
  return best / needles.length * 1e6;
}

if (import.meta.main) {
  const sizes = [2, 4, 8, 16, 24, 32, 48, 64, 96, 128, 256, 512, 1024, 2048];
  const sorted = sizes.map((size) => Array.from({ length: size }, (_, i) => i));
  const needles = sizes.map((size) => makeNeedles(size, 8192));
  const [linears, binaries] = [linear, binary].map((search) =>
    sizes.map((_, i) => time(search, sorted[i], needles[i]))
  );
  console.log("elements   linear, ns   binary, ns");
  for (const [i, size] of sizes.entries()) {
    const cells = [`${size}`.padStart(8), linears[i].toFixed(1).padStart(12), binaries[i].toFixed(1).padStart(12)];
    console.log(cells.join(" "));
  }
  console.log(`\nbinary search is ahead from ${findCrossing(sizes, linears, binaries) ?? "beyond these"} elements on`);

  const size = sizes.at(-1)!, shuffled = makeNeedles(2 ** 20, size);
  let sorting = Infinity;
  for (let round = 0; round < 15; round++) {
    const start = performance.now();
    const result = shuffled.toSorted((a, b) => a - b);
    sorting = Math.min(sorting, performance.now() - start);
    if (result.some((number, i) => number < result[i - 1])) throw new Error("not sorted");
  }
  const lookups = Math.ceil(sorting * 1e6 / (linears.at(-1)! - binaries.at(-1)!));
  console.log(`sorting ${size} elements takes ${(sorting * 1000).toFixed(0)} µs: it has paid after ${lookups} lookups`);
}
