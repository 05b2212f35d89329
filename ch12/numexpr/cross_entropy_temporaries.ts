/**
 * Cross entropy of whole arrays, operation by operation: eight arrays between the two that go in and the number that
 * comes out.
 *
 * What to notice: it reads like the formula, and each operation is a loop that could hardly be simpler. But each reads
 * arrays from main memory and writes another as large, which nobody wants to keep. NumPy frees an array as soon as its
 * last name is gone; here they stay until the garbage collector looks, so the peak is several times that of the data,
 * and no two runs need have the same.
 *
 * @original 12_less_ram/numexpr_pandas/
 * @run deno run ch12/numexpr/cross_entropy_temporaries.ts
 * @takes 1 s
 */

type Numbers = Float64Array<ArrayBuffer>;

/** What would be operators on arrays elsewhere; each makes a new array. */
function log(a: Numbers): Numbers {
  const result = new Float64Array(a.length);
  for (let i = 0; i < a.length; i++) result[i] = Math.log(a[i]);
  return result;
}

function oneMinus(a: Numbers): Numbers {
  const result = new Float64Array(a.length);
  for (let i = 0; i < a.length; i++) result[i] = 1 - a[i];
  return result;
}

function times(a: Numbers, b: Numbers): Numbers {
  const result = new Float64Array(a.length);
  for (let i = 0; i < a.length; i++) result[i] = a[i] * b[i];
  return result;
}

function plus(a: Numbers, b: Numbers): Numbers {
  const result = new Float64Array(a.length);
  for (let i = 0; i < a.length; i++) result[i] = a[i] + b[i];
  return result;
}

function negative(a: Numbers): Numbers {
  const result = new Float64Array(a.length);
  for (let i = 0; i < a.length; i++) result[i] = -a[i];
  return result;
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

/**
 * The cross entropy of labels and chances: the mean of -(y log p + (1 - y) log (1 - p)).
 *
 * @param y n labels from 0 to 1
 * @param p n chances; where one is 0 or 1, the result is what the formula says, Infinity or NaN
 * @throws RangeError if there are none, or not as many of both
 */
export function crossEntropy(y: Numbers, p: Numbers): number {
  if (y.length !== p.length || y.length === 0) throw new RangeError(`${y.length} labels and ${p.length} chances`);
  return mean(negative(plus(times(y, log(p)), times(oneMinus(y), log(oneMinus(p))))));
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
