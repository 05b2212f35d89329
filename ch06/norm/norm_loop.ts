/**
 * The norm of a vector by a loop on an array.
 *
 * What to notice: V8 keeps these integers as integers and bets that sums and squares stay small integers too. When a bet
 * is lost the function is compiled again, for doubles, and is then as fast as on a typed array. With bad luck in what else
 * called it, it is left in a slower state: the same loop was seen at a fifth of its speed.
 *
 * @original 06_matrix/norm/norm_python.py
 * @run deno run ch06/norm/norm_loop.ts
 * @takes 1 s
 */

/**
 * The sum of the squares of a vector, its norm squared.
 *
 * @param vector N numbers
 */
export function norm(vector: number[]): number {
  let sum = 0;
  for (let i = 0; i < vector.length; i++) sum += vector[i] * vector[i];
  return sum;
}

/** The book's experiment on the numbers 0, 1, 2, … N - 1. */
export function experiment(size: number) {
  const vector = Array.from({ length: size }, (_, i) => i);
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
