/**
 * Linear search: every element is looked at until the needle turns up.
 *
 * What to notice: nothing is known of the order, so nothing can be skipped. A needle at place k costs k + 1 comparisons,
 * one that is missing costs n: time grows as n, with a slope near 1 on log-log axes. The slope is fitted and printed.
 * `indexOf` is the same search in machine code written by hand, which compares several elements at once: a
 * smaller factor, the same slope.
 *
 * @original 03_lists_tuples/linear_search.py
 * @run deno run ch03/linear_search.ts
 * @takes 1 s
 */

/**
 * The first place of `needle`, or -1 if it is missing. Compares with `===`, as `indexOf` does: NaN is never found, and
 * -0 is 0. Holes read as undefined, which `indexOf` skips.
 */
export function linearSearch<T>(haystack: readonly T[], needle: T): number {
  for (let i = 0; i < haystack.length; i++) {
    if (haystack[i] === needle) return i;
  }
  return -1;
}

/** The line y = intercept + slope x with the least squares, and which share of the variance it explains. */
export function fitLine(x: readonly number[], y: readonly number[]) {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const mx = mean(x), my = mean(y);
  const products = (a: readonly number[], ma: number, b: readonly number[], mb: number) =>
    a.reduce((sum, value, i) => sum + (value - ma) * (b[i] - mb), 0);
  const slope = products(x, mx, y, my) / products(x, mx, x, mx);
  const r2 = products(x, mx, y, my) ** 2 / (products(x, mx, x, mx) * products(y, my, y, my));
  return { slope, intercept: my - slope * mx, r2 };
}

if (import.meta.main) {
  const sizes = [1000, 4000, 16_000, 64_000, 256_000, 1_024_000], missing = -1;
  const searches: Record<string, (haystack: number[], needle: number) => number> = {
    linearSearch,
    indexOf: (haystack, needle) => haystack.indexOf(needle),
  };
  for (const [name, search] of Object.entries(searches)) {
    const times = sizes.map((size) => {
      const haystack = Array.from({ length: size }, (_, i) => i);
      if (search(haystack, size - 1) !== size - 1) throw new Error(`${name} did not find the last element`);
      let best = Infinity;
      // As many elements at each size, in at least 20 calls, of which the fastest counts.
      for (let call = Math.max(20, 3e7 / size); call > 0; call--) {
        const start = performance.now();
        const found = search(haystack, missing);
        best = Math.min(best, performance.now() - start);
        if (found !== -1) throw new Error(`${name} found what is not there, at ${found}`);
      }
      return best;
    });
    for (const [i, size] of sizes.entries()) {
      const each = (times[i] / size * 1e6).toFixed(3);
      console.log(`${name.padEnd(12)} ${size.toLocaleString().padStart(9)} elements: ${each} ns each`);
    }
    const { slope, r2 } = fitLine(sizes.map(Math.log), times.map(Math.log));
    console.log(`${name}: time grows as n to the power ${slope.toFixed(2)} (r² ${r2.toFixed(4)})\n`);
  }
}
