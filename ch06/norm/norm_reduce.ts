/**
 * The norm of a vector by `reduce` on an array.
 *
 * What to notice: while the sum is a small integer, V8 inlines the callback and this is a loop like any other. From 2^31
 * on the sum is a double, and what goes from one call of the callback to the next is a boxed one: an allocation for every
 * element. `deno run --v8-flags=--trace-gc` shows the collector at work, which it has no reason to be in norm_loop.ts.
 *
 * @original 06_matrix/norm/norm_python_comprehension.py
 * @run deno run ch06/norm/norm_reduce.ts
 * @takes 1 s
 */

/**
 * The sum of the squares of a vector, its norm squared.
 *
 * @param vector N numbers
 */
export function norm(vector: number[]): number {
  return vector.reduce((sum, x) => sum + x * x, 0);
}

/** The book's experiment on the numbers 0, 1, 2, … N - 1. */
export function experiment(size: number) {
  const vector = Array.from({ length: size }, (_, i) => i);
  return { run: () => norm(vector) };
}

if (import.meta.main) {
  const size = 2 ** 20, runs = 100;
  const { run } = experiment(size);
  const start = performance.now();
  let result = 0;
  for (let i = 0; i < runs; i++) result = run();
  console.log(`${size} numbers: ${((performance.now() - start) / runs).toFixed(3)} ms`);
  const exact = (size - 1) * size * (2 * size - 1) / 6;
  if (Math.abs(result / exact - 1) > 1e-12) throw new Error(`the sum of squares is ${exact}, not ${result}`);
}
