/**
 * Cross entropy of whole arrays, operation by operation, with two arrays that are used again and again.
 *
 * What to notice: every operation says where its result goes, as NumPy's `out=` does. Two arrays are enough for the
 * formula, made once and kept. The peak is known beforehand, and no page has to be fetched from the operating system
 * again. The formula is harder to read, and every operation still goes through main memory.
 *
 * @original 12_less_ram/numexpr_pandas/
 * @run deno run ch12/numexpr/cross_entropy_in_place.ts
 * @takes 1 s
 */

type Numbers = Float64Array<ArrayBuffer>;

/** Each writes its result into the array that comes last, which may be one of those it reads. */
function log(a: Numbers, to: Numbers): void {
  for (let i = 0; i < to.length; i++) to[i] = Math.log(a[i]);
}

function oneMinus(a: Numbers, to: Numbers): void {
  for (let i = 0; i < to.length; i++) to[i] = 1 - a[i];
}

function times(a: Numbers, b: Numbers, to: Numbers): void {
  for (let i = 0; i < to.length; i++) to[i] = a[i] * b[i];
}

function oneMinusTimes(a: Numbers, b: Numbers, to: Numbers): void {
  for (let i = 0; i < to.length; i++) to[i] = (1 - a[i]) * b[i];
}

function plus(a: Numbers, b: Numbers, to: Numbers): void {
  for (let i = 0; i < to.length; i++) to[i] = a[i] + b[i];
}

/** The loop is alone in its function: see cross_entropy_fused.ts. */
function sum(a: Numbers): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i];
  return sum;
}

function mean(a: Numbers): number {
  return sum(a) / a.length;
}

let one: Numbers = new Float64Array(0), other: Numbers = new Float64Array(0);

/**
 * The cross entropy of labels and chances: the mean of -(y log p + (1 - y) log (1 - p)).
 *
 * @param y n labels from 0 to 1
 * @param p n chances; where one is 0 or 1, the result is what the formula says, Infinity or NaN
 * @throws RangeError if there are none, or not as many of both
 */
export function crossEntropy(y: Numbers, p: Numbers): number {
  if (y.length !== p.length || y.length === 0) throw new RangeError(`${y.length} labels and ${p.length} chances`);
  if (one.length !== y.length) [one, other] = [new Float64Array(y.length), new Float64Array(y.length)];
  log(p, one);
  times(y, one, one);
  oneMinus(p, other);
  log(other, other);
  oneMinusTimes(y, other, other);
  plus(one, other, one);
  return -mean(one);
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
