/**
 * The Julia set with complex numbers as objects and the mathematics written out.
 *
 * What to notice: |z| < 2 is asked as re * re + im * im < 4, which takes two products that the next z needs anyway, and
 * no square root. Still every step allocates 72 bytes, an object and a box for each of its numbers: z is now a point of
 * the array, now a new object, and that keeps V8 from holding its two numbers in registers. julia_arrays.ts does that by
 * hand.
 *
 * @original 08_compiling/pypy/julia1_nopil_expanded_math.py, 08_compiling/numba/julia1_numba_expandedmath.py
 * @run deno run ch08/julia/julia_objects_expanded.ts
 * @takes 1 s
 */

export interface Complex {
  re: number;
  im: number;
}

/**
 * For each point z, how often `z = z * z + c` can be taken before |z| reaches 2.
 *
 * @param limit the most that is counted
 * @param zs N points
 * @returns N counts from 0 to `limit`
 */
export function julia(limit: number, zs: Complex[], c: Complex): number[] {
  const counts: number[] = [];
  for (let z of zs) {
    let n = 0;
    while (n < limit && z.re * z.re + z.im * z.im < 4) {
      z = { re: z.re * z.re - z.im * z.im + c.re, im: 2 * z.re * z.im + c.im };
      n++;
    }
    counts.push(n);
  }
  return counts;
}

/** The book's experiment: width x width points from -1.8 to 1.8, row by row from the top. */
export function experiment(width: number) {
  // The coordinates come from repeated addition: their rounding is part of the answer.
  const zs: Complex[] = [], step = 3.6 / width;
  for (let row = 0, im = 1.8; row < width; row++, im -= step) {
    for (let column = 0, re = -1.8; column < width; column++, re += step) zs.push({ re, im });
  }
  let counts: number[] = [];
  return { run: () => void (counts = julia(300, zs, { re: -0.62772, im: -0.42193 })), counts: () => counts };
}

if (import.meta.main) {
  const { run, counts } = experiment(1000);
  const start = performance.now();
  run();
  console.log(`1000 x 1000 points: ${(performance.now() - start).toFixed(0)} ms`);
  const sum = counts().reduce((sum, n) => sum + n, 0);
  if (sum !== 33219980) throw new Error(`the counts add up to 33219980, not ${sum}`);
}
