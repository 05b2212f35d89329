/**
 * The norm of a vector by a library's BLAS: the dot product of the vector with itself.
 *
 * What to notice: in Python this is the fastest way, because the library is compiled for the processor. This one is
 * JavaScript, with the loop of the reference BLAS: five products to a turn, but all added to one sum, so that the additions
 * still wait for each other.
 *
 * @original 06_matrix/norm/norm_numpy_dot.py
 * @run deno run ch06/norm/norm_blas.ts
 * @takes 1 s
 */

import ddot from "npm:@stdlib/blas-base-ddot@0.4.1";

/**
 * The sum of the squares of a vector, its norm squared.
 *
 * @param vector N numbers
 */
export function norm(vector: Float64Array): number {
  return ddot(vector.length, vector, 1, vector, 1);
}

/** The book's experiment on the numbers 0, 1, 2, … N - 1. */
export function experiment(size: number) {
  const vector = Float64Array.from({ length: size }, (_, i) => i);
  return { run: () => norm(vector) };
}

if (import.meta.main) {
  const size = 2 ** 20, runs = 400;
  const { run } = experiment(size);
  const start = performance.now();
  let result = 0;
  for (let i = 0; i < runs; i++) result = run();
  console.log(`${size} numbers: ${((performance.now() - start) / runs).toFixed(3)} ms`);
  const exact = (size - 1) * size * (2 * size - 1) / 6;
  if (Math.abs(result / exact - 1) > 1e-12) throw new Error(`the sum of squares is ${exact}, not ${result}`);
}
