/**
 * The norm of a vector in eight partial sums: the chain of additions is broken.
 *
 * What to notice: the processor can start an addition every half cycle but needs several for each to finish. Eight sums
 * that do not wait for each other keep it busy. The compiler may not do this by itself, because the order of additions
 * changes the last digits.
 *
 * @original 06_matrix/norm/norm_numpy.py
 * @run deno run ch06/norm/norm_lanes.ts
 * @takes 1 s
 */

/**
 * The sum of the squares of a vector, its norm squared.
 *
 * @param vector N numbers
 */
export function norm(vector: Float64Array): number {
  const whole = vector.length & ~7;
  let a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0;
  for (let i = 0; i < whole; i += 8) {
    a += vector[i] * vector[i];
    b += vector[i + 1] * vector[i + 1];
    c += vector[i + 2] * vector[i + 2];
    d += vector[i + 3] * vector[i + 3];
    e += vector[i + 4] * vector[i + 4];
    f += vector[i + 5] * vector[i + 5];
    g += vector[i + 6] * vector[i + 6];
    h += vector[i + 7] * vector[i + 7];
  }
  for (let i = whole; i < vector.length; i++) a += vector[i] * vector[i];
  return a + b + (c + d) + (e + f + (g + h));
}

/** The book's experiment on the numbers 0, 1, 2, … N - 1. */
export function experiment(size: number) {
  const vector = Float64Array.from({ length: size }, (_, i) => i);
  return { run: () => norm(vector) };
}

if (import.meta.main) {
  const size = 2 ** 20, runs = 1000;
  const { run } = experiment(size);
  const start = performance.now();
  let result = 0;
  for (let i = 0; i < runs; i++) result = run();
  console.log(`${size} numbers: ${((performance.now() - start) / runs).toFixed(3)} ms`);
  const exact = (size - 1) * size * (2 * size - 1) / 6;
  if (Math.abs(result / exact - 1) > 1e-12) throw new Error(`the sum of squares is ${exact}, not ${result}`);
}
