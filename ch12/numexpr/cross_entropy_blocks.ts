/**
 * Cross entropy operation by operation, but of a thousand numbers at a time.
 *
 * What to notice: this is what numexpr does, and pandas with it. The operations and their temporaries are the same as
 * of whole arrays, but a block's fit into the first cache, are made once, and are used for all blocks. Only `y` and `p`
 * come from main memory, once. Between the operations nothing is to be waited for, and the peak is that of the data.
 *
 * @original 12_less_ram/numexpr_pandas/
 * @run deno run ch12/numexpr/cross_entropy_blocks.ts
 * @takes 1 s
 */

type Numbers = Float64Array<ArrayBuffer>;

/** Two temporaries of so many numbers take 16 KiB. */
const size = 1024;
const one: Numbers = new Float64Array(size), other: Numbers = new Float64Array(size);

/** The operations on a block: `count` numbers from `from` on. */
function log(a: Numbers, from: number, count: number, to: Numbers): void {
  for (let i = 0; i < count; i++) to[i] = Math.log(a[from + i]);
}

function oneMinus(a: Numbers, from: number, count: number, to: Numbers): void {
  for (let i = 0; i < count; i++) to[i] = 1 - a[from + i];
}

function times(a: Numbers, from: number, count: number, to: Numbers): void {
  for (let i = 0; i < count; i++) to[i] *= a[from + i];
}

function timesOneMinus(a: Numbers, from: number, count: number, to: Numbers): void {
  for (let i = 0; i < count; i++) to[i] *= 1 - a[from + i];
}

function sum(a: Numbers, count: number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += a[i];
  return sum;
}

/**
 * The cross entropy of labels and chances: the mean of -(y log p + (1 - y) log (1 - p)).
 *
 * @param y n labels from 0 to 1
 * @param p n chances; where one is 0 or 1, the result is what the formula says, Infinity or NaN
 * @throws RangeError if there are none, or not as many of both
 */
export function crossEntropy(y: Numbers, p: Numbers): number {
  if (y.length !== p.length || y.length === 0) throw new RangeError(`${y.length} labels and ${p.length} chances`);
  let total = 0;
  for (let from = 0; from < y.length; from += size) {
    const count = Math.min(size, y.length - from);
    log(p, from, count, one);
    times(y, from, count, one);
    oneMinus(p, from, count, other);
    log(other, 0, count, other);
    timesOneMinus(y, from, count, other);
    total += sum(one, count) + sum(other, count);
  }
  return -total / y.length;
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
