/**
 * The Julia set with four points in flight: plain TypeScript, and faster than the plain loop in C.
 *
 * What to notice: a step waits for the step before, but steps of different points do not wait for each other. With four
 * points in one loop the processor always has one whose turn it is. The loop ends with the first point that escapes, and
 * each of the four is then finished by itself: nine tenths of all steps are taken by points that never escape, and those
 * lie side by side. Nothing is computed in another order, so the counts are the same.
 *
 * @original 08_compiling/cython/nparray_memoryview/parallel/julia1.py
 * @run deno run ch08/julia/julia_in_flight.ts
 * @takes 1 s
 */

/** Takes one point on from its n-th step. */
function finish(limit: number, re: number, im: number, n: number, cRe: number, cIm: number): number {
  while (n < limit && re * re + im * im < 4) {
    const next = re * re - im * im + cRe;
    im = 2 * re * im + cIm;
    re = next;
    n++;
  }
  return n;
}

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
  const whole = counts.length & ~3;
  for (let i = 0; i < whole; i += 4) {
    let re0 = zRe[i], re1 = zRe[i + 1], re2 = zRe[i + 2], re3 = zRe[i + 3];
    let im0 = zIm[i], im1 = zIm[i + 1], im2 = zIm[i + 2], im3 = zIm[i + 3];
    let n = 0;
    while (n < limit) {
      const re0s = re0 * re0, re1s = re1 * re1, re2s = re2 * re2, re3s = re3 * re3;
      const im0s = im0 * im0, im1s = im1 * im1, im2s = im2 * im2, im3s = im3 * im3;
      if (!(re0s + im0s < 4 && re1s + im1s < 4 && re2s + im2s < 4 && re3s + im3s < 4)) break;
      im0 = 2 * re0 * im0 + cIm;
      im1 = 2 * re1 * im1 + cIm;
      im2 = 2 * re2 * im2 + cIm;
      im3 = 2 * re3 * im3 + cIm;
      re0 = re0s - im0s + cRe;
      re1 = re1s - im1s + cRe;
      re2 = re2s - im2s + cRe;
      re3 = re3s - im3s + cRe;
      n++;
    }
    counts[i] = finish(limit, re0, im0, n, cRe, cIm);
    counts[i + 1] = finish(limit, re1, im1, n, cRe, cIm);
    counts[i + 2] = finish(limit, re2, im2, n, cRe, cIm);
    counts[i + 3] = finish(limit, re3, im3, n, cRe, cIm);
  }
  for (let i = whole; i < counts.length; i++) counts[i] = finish(limit, zRe[i], zIm[i], 0, cRe, cIm);
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
