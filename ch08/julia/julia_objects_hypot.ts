/**
 * The Julia set with complex numbers as objects, written as the formula reads: the plainest version, and the slowest.
 *
 * What to notice: V8 inlines the two small functions and never makes the object that `multiply` returns, since nobody
 * keeps it. But z itself is a new object in every step, with a box on the heap for each of its two numbers: 72 bytes.
 * And `Math.hypot`, which takes any number of arguments and guards against overflow, gets its own in boxes too, 48 bytes
 * more. All are garbage at once. julia_objects_expanded.ts does without the call, julia_typed_arrays.ts without the rest.
 *
 * @original 08_compiling/cpython/julia1_nopil.py
 * @run deno run ch08/julia/julia_objects_hypot.ts
 * @takes 4 s
 */

export interface Complex {
  re: number;
  im: number;
}

function add(a: Complex, b: Complex): Complex {
  return { re: a.re + b.re, im: a.im + b.im };
}

function multiply(a: Complex, b: Complex): Complex {
  return { re: a.re * b.re - a.im * b.im, im: a.re * b.im + a.im * b.re };
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
    while (n < limit && Math.hypot(z.re, z.im) < 2) {
      z = add(multiply(z, z), c);
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
