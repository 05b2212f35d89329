/**
 * Binary search: in a sorted array, each comparison with the middle rules out a half of what is left.
 *
 * What to notice: n elements take at most floor(log2 n) + 1 turns, which is counted and checked here; a thousand times as
 * many elements cost ten turns more. The time of a turn is not constant: which half it will be cannot be predicted, and
 * in a large array the middle is a cache miss, so the last column rises as the array outgrows the caches.
 *
 * @original 03_lists_tuples/binary_search.py
 * @run deno run ch03/binary_search.ts
 * @takes 1 s
 */

/**
 * A place of `needle` in an array sorted from small to large, or -1 if it is missing. Among duplicates, any of them.
 * Compares with `<` and `===`: NaN is never found, and -0 is 0. In an array that is not sorted the answer may be wrong.
 */
export function binarySearch<T extends number | string>(haystack: readonly T[], needle: T): number {
  let low = 0, high = haystack.length - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1, value = haystack[middle];
    if (value === needle) return middle;
    if (value < needle) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

/** How many elements the search for `needle` looks at. */
export function countTurns(haystack: readonly number[], needle: number): number {
  let turns = 0;
  const counting = new Proxy(haystack, {
    get(target, key) {
      if (key !== "length") turns++;
      return Reflect.get(target, key);
    },
  });
  binarySearch(counting, needle);
  return turns;
}

if (import.meta.main) {
  const sizes = [10, 100, 1000, 10_000, 100_000, 1_000_000, 4_000_000];
  const haystacks = sizes.map((size) => Array.from({ length: size }, (_, i) => 2 * i));
  // Places in an order that looks random (a linear congruential generator), so that no branch can be foreseen.
  let state = 1;
  const draw = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  const needles = sizes.map((size) => Array.from({ length: 20_000 }, () => 2 * Math.floor(draw() * size)));
  const times = haystacks.map((haystack, i) => {
    let best = Infinity;
    for (let call = 0; call < 20; call++) {
      let sum = 0;
      const start = performance.now();
      for (let n = 0; n < needles[i].length; n++) sum += binarySearch(haystack, needles[i][n]);
      best = Math.min(best, performance.now() - start);
      if (2 * sum !== needles[i].reduce((a, b) => a + b)) throw new Error("a needle was found at another place");
    }
    if (binarySearch(haystack, 5) !== -1) throw new Error("an odd number was found among even ones");
    return best / needles[i].length * 1e6;
  });
  // Counted last: a function that has seen a Proxy is slower from then on.
  console.log(" elements   most turns   ns a search   ns a turn");
  for (const [i, size] of sizes.entries()) {
    const turns = needles[i].slice(0, 2000).map((needle) => countTurns(haystacks[i], needle));
    const most = turns.reduce((a, b) => Math.max(a, b)), mean = turns.reduce((a, b) => a + b) / turns.length;
    if (most > Math.floor(Math.log2(size)) + 1) throw new Error(`${most} turns for ${size} elements`);
    console.log(
      size.toLocaleString().padStart(9),
      `${most}`.padStart(11),
      times[i].toFixed(1).padStart(13),
      (times[i] / mean).toFixed(2).padStart(11),
    );
  }
}
