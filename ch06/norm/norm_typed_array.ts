/**
 * The norm of a vector by a loop on a Float64Array.
 *
 * What to notice: bare doubles side by side: nothing to bet on, nothing to compile twice. The loop itself is no faster than
 * a well compiled one on an array: each addition waits for the one before, several cycles, and in that time anything can
 * be loaded. norm_lanes.ts breaks the chain.
 *
 * @original 06_matrix/norm/norm_array.py
 * @run deno run ch06/norm/norm_typed_array.ts
 * @takes 1 s
 */

/**
 * The sum of the squares of a vector, its norm squared.
 *
 * @param vector N numbers
 */
export function norm(vector: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < vector.length; i++) sum += vector[i] * vector[i];
  return sum;
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
