/**
 * The norm of a vector by `map` and then `reduce`: a whole array of squares is made to be thrown away.
 *
 * What to notice: the same arithmetic as norm_reduce.ts, and eight megabytes written, read once and left to the garbage
 * collector.
 *
 * @original 06_matrix/norm/norm_python_comprehension.py
 * @run deno run ch06/norm/norm_map_reduce.ts
 * @takes 1 s
 */

/**
 * The sum of the squares of a vector, its norm squared.
 *
 * @param vector N numbers
 */
export function norm(vector: number[]): number {
  return vector.map((x) => x * x).reduce((sum, square) => sum + square, 0);
}

/** The book's experiment on the numbers 0, 1, 2, … N - 1. */
export function experiment(size: number) {
  const vector = Array.from({ length: size }, (_, i) => i);
  return { run: () => norm(vector) };
}

if (import.meta.main) {
  const size = 2 ** 20, runs = 40;
  const { run } = experiment(size);
  const start = performance.now();
  let result = 0;
  for (let i = 0; i < runs; i++) result = run();
  console.log(`${size} numbers: ${((performance.now() - start) / runs).toFixed(3)} ms`);
  const exact = (size - 1) * size * (2 * size - 1) / 6;
  if (Math.abs(result / exact - 1) > 1e-12) throw new Error(`the sum of squares is ${exact}, not ${result}`);
}
