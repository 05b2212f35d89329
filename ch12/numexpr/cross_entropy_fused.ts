/**
 * Cross entropy in one loop: no temporaries at all.
 *
 * What to notice: in a compiled language one writes the loop, and the formula in it reads as it does on paper. Python
 * has numexpr because its own loops are slow; here the plain loop is what numexpr compiles to. What is between the
 * operations stays in registers. Nearly all of the time is that of two logarithms.
 *
 * @original 12_less_ram/numexpr_pandas/
 * @run deno run ch12/numexpr/cross_entropy_fused.ts
 * @takes 1 s
 */

/**
 * The sum of y log p + (1 - y) log (1 - p).
 *
 * The loop is alone in its function, with nothing to be computed behind it. V8 compiles a loop that runs for long while
 * it runs, for what has been seen by then. What comes behind has not, so at the end that code would be left, call after
 * call.
 */
function logLikelihood(y: Float64Array<ArrayBuffer>, p: Float64Array<ArrayBuffer>): number {
  let sum = 0;
  for (let i = 0; i < y.length; i++) sum += y[i] * Math.log(p[i]) + (1 - y[i]) * Math.log(1 - p[i]);
  return sum;
}

/**
 * The cross entropy of labels and chances: the mean of -(y log p + (1 - y) log (1 - p)).
 *
 * @param y n labels from 0 to 1
 * @param p n chances; where one is 0 or 1, the result is what the formula says, Infinity or NaN
 * @throws RangeError if there are none, or not as many of both
 */
export function crossEntropy(y: Float64Array<ArrayBuffer>, p: Float64Array<ArrayBuffer>): number {
  if (y.length !== p.length || y.length === 0) throw new RangeError(`${y.length} labels and ${p.length} chances`);
  return -logLikelihood(y, p) / y.length;
}

/** The book's experiment: so many labels, 0 or 1, and so many chances between 0 and 1, from a seeded generator. */
export function experiment(size: number) {
  const y = new Float64Array(size), p = new Float64Array(size);
  for (let i = 0, state = 1; i < size; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    y[i] = state & 0x40000000 ? 1 : 0;
    p[i] = ((state & 0x3fffffff) + 0.5) / 2 ** 30;
  }
  return { run: () => crossEntropy(y, p) };
}

if (import.meta.main) {
  const size = 5_000_000, { run } = experiment(size);
  const start = performance.now(), result = run();
  console.log(`${size} numbers: ${(performance.now() - start).toFixed(0)} ms, cross entropy ${result.toFixed(4)}`);
  // Of chances that know nothing of the labels it is 1: the integral of -log p from 0 to 1.
  if (!(Math.abs(result - 1) < 0.01)) throw new Error(`it must be near 1, not ${result}`);
}
