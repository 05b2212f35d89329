/**
 * The Julia set on typed arrays: plain TypeScript as a compiler would like to have it.
 *
 * What to notice: this is as fast as the same loop in C, and neither computes all the time. Each step needs the result of
 * the one before, a product and two sums away, and most of the processor waits for that chain. No compiler may break it,
 * since sums in another order round differently. julia_in_flight.ts gives the processor something else to do meanwhile.
 *
 * @original 08_compiling/cython/nparray_memoryview/julia1_np_nocython.py
 * @run deno run ch08/julia/julia_typed_arrays.ts
 * @takes 1 s
 */

/**
 * For each point z, how often `z = z * z + c` can be taken before |z| reaches 2.
 *
 * @param limit the most that is counted
 * @param zRe real parts of N points
 * @param zIm imaginary parts of the same
 * @param counts where the N counts from 0 to `limit` go
 */
export function julia(
  limit: number,
  zRe: Float64Array,
  zIm: Float64Array,
  cRe: number,
  cIm: number,
  counts: Int32Array,
): void {
  for (let i = 0; i < counts.length; i++) {
    let re = zRe[i], im = zIm[i], n = 0;
    while (n < limit && re * re + im * im < 4) {
      const next = re * re - im * im + cRe;
      im = 2 * re * im + cIm;
      re = next;
      n++;
    }
    counts[i] = n;
  }
}

/** The book's experiment: width x width points from -1.8 to 1.8, row by row from the top. */
export function experiment(width: number) {
  // The coordinates come from repeated addition: their rounding is part of the answer.
  const zRe = new Float64Array(width * width), zIm = new Float64Array(width * width), step = 3.6 / width;
  for (let row = 0, im = 1.8, i = 0; row < width; row++, im -= step) {
    for (let column = 0, re = -1.8; column < width; column++, re += step) zRe[i] = re, zIm[i++] = im;
  }
  const counts = new Int32Array(width * width);
  return { run: () => julia(300, zRe, zIm, -0.62772, -0.42193, counts), counts: () => counts };
}

if (import.meta.main) {
  const { run, counts } = experiment(1000);
  const start = performance.now();
  run();
  console.log(`1000 x 1000 points: ${(performance.now() - start).toFixed(0)} ms`);
  const sum = counts().reduce((sum, n) => sum + n, 0);
  if (sum !== 33219980) throw new Error(`the counts add up to 33219980, not ${sum}`);
}
