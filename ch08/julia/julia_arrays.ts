/**
 * The Julia set with the real and the imaginary parts in two arrays of numbers.
 *
 * What to notice: the loop works on two local numbers, which live in registers, and touches the arrays once for each
 * point, that is once for 33 steps. So it hardly matters here that they are arrays and not typed arrays.
 *
 * @original 08_compiling/cython/nparray_memoryview/julia1_np_nocython.py
 * @run deno run ch08/julia/julia_arrays.ts
 * @takes 1 s
 */

/**
 * For each point z, how often `z = z * z + c` can be taken before |z| reaches 2.
 *
 * @param limit the most that is counted
 * @param zRe real parts of N points
 * @param zIm imaginary parts of the same
 * @returns N counts from 0 to `limit`
 */
export function julia(limit: number, zRe: number[], zIm: number[], cRe: number, cIm: number): number[] {
  const counts: number[] = [];
  for (let i = 0; i < zRe.length; i++) {
    let re = zRe[i], im = zIm[i], n = 0;
    while (n < limit && re * re + im * im < 4) {
      const next = re * re - im * im + cRe;
      im = 2 * re * im + cIm;
      re = next;
      n++;
    }
    counts.push(n);
  }
  return counts;
}

/** The book's experiment: width x width points from -1.8 to 1.8, row by row from the top. */
export function experiment(width: number) {
  // The coordinates come from repeated addition: their rounding is part of the answer.
  const zRe: number[] = [], zIm: number[] = [], step = 3.6 / width;
  for (let row = 0, im = 1.8; row < width; row++, im -= step) {
    for (let column = 0, re = -1.8; column < width; column++, re += step) zRe.push(re), zIm.push(im);
  }
  let counts: number[] = [];
  return { run: () => void (counts = julia(300, zRe, zIm, -0.62772, -0.42193)), counts: () => counts };
}

if (import.meta.main) {
  const { run, counts } = experiment(1000);
  const start = performance.now();
  run();
  console.log(`1000 x 1000 points: ${(performance.now() - start).toFixed(0)} ms`);
  const sum = counts().reduce((sum, n) => sum + n, 0);
  if (sum !== 33219980) throw new Error(`the counts add up to 33219980, not ${sum}`);
}
