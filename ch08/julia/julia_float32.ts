/**
 * The Julia set in single precision: the wrong version, whose answer differs and which is no faster.
 *
 * What to notice: V8 calculates in double precision, and each `Math.fround` rounds by converting there and back, three
 * times in the chain that every step waits for. Even where the processor calculates in 32 bits, as in C, a product takes
 * as long as in 64: half the bits pay where memory is the limit, or where twice as many fit into a vector. And next to
 * the set's edge the last bits decide: some points there escape at another step, and the sum is not 33219980.
 *
 * @original 08_compiling/pytorch/ (whose tensors have single precision)
 * @run deno run ch08/julia/julia_float32.ts
 * @takes 1 s
 */

/**
 * For each point z, how often `z = z * z + c` can be taken in single precision before |z| reaches 2.
 *
 * @param limit the most that is counted
 * @param zRe real parts of N points
 * @param zIm imaginary parts of the same
 * @param counts where the N counts from 0 to `limit` go
 */
export function julia(
  limit: number,
  zRe: Float32Array,
  zIm: Float32Array,
  cRe: number,
  cIm: number,
  counts: Int32Array,
): void {
  const round = Math.fround, cRe32 = round(cRe), cIm32 = round(cIm);
  for (let i = 0; i < counts.length; i++) {
    let re = zRe[i], im = zIm[i], n = 0;
    while (n < limit && round(round(re * re) + round(im * im)) < 4) {
      const next = round(round(round(re * re) - round(im * im)) + cRe32);
      im = round(round(2 * re * im) + cIm32);
      re = next;
      n++;
    }
    counts[i] = n;
  }
}

/** The book's experiment: width x width points from -1.8 to 1.8, row by row from the top. */
export function experiment(width: number) {
  // The coordinates are those of double precision, rounded.
  const zRe = new Float32Array(width * width), zIm = new Float32Array(width * width), step = 3.6 / width;
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
  console.log(`the counts add up to ${sum}; in double precision to 33219980`);
  // prints 33222988: every operation is rounded alike on every machine.
  if (sum !== 33222988) throw new Error(`the counts add up to 33222988 in single precision, not ${sum}`);
}
