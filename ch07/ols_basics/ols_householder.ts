/**
 * The slope of the line through a person's days by a QR decomposition with Householder's reflections, written by hand.
 *
 * What to notice: this is what a careful solver does inside. Each reflection makes a column of X zero below its
 * diagonal, and the same reflections are applied to y; no square of X is ever formed, so that it keeps digits that the
 * normal equations lose. With the two columns in one buffer that lives as long as the program it allocates nothing, and
 * is still several times as fast as a library that does the same on matrices of any size.
 *
 * @original none, what is inside the lstsq of 07_pandas/ols_basics/utility.py
 * @run deno run ch07/ols_basics/ols_householder.ts
 * @takes 1 s
 */

let buffer = new Float64Array(0);

/**
 * The least-squares slope of n values over x. Golub and Van Loan, Matrix Computations, 4th edition, 5.1 and 5.3.
 *
 * @param y n hours of one person; a NaN among them makes the slope NaN
 * @param at the x of the i-th value, by default i
 * @returns hours a day, each day
 * @throws RangeError if n is below 2: through one point go all lines
 */
export function slope(y: ArrayLike<number>, at = (i: number) => i): number {
  const n = y.length;
  if (n < 2) throw new RangeError(`a slope needs two days or more, not ${n}`);
  if (buffer.length < 3 * n) buffer = new Float64Array(3 * n);
  // The columns: ones, x, y, each from its own place on.
  const a = buffer, x = n, right = 2 * n;
  for (let i = 0; i < n; i++) {
    a[i] = 1;
    a[x + i] = at(i);
    a[right + i] = y[i];
  }
  reflect(a, 0, x, 0, n);
  reflect(a, 0, right, 0, n);
  reflect(a, x, right, 1, n);
  // R is upper triangular: its last line holds the slope alone. The first reflection of a column leaves its diagonal.
  return a[right + 1] / -Math.sign(a[x + 1] || 1) / norm(a, x, 1, n);
}

/** The length of a column from a row on. */
function norm(a: Float64Array, column: number, row: number, n: number): number {
  let sum = 0;
  for (let i = row; i < n; i++) sum += a[column + i] ** 2;
  return Math.sqrt(sum);
}

/** Applies to the column `other` the reflection that would make `column` zero below `row`, and leaves `column` as it is. */
function reflect(a: Float64Array, column: number, other: number, row: number, n: number): void {
  const diagonal = a[column + row], length = norm(a, column, row, n);
  // Away from the diagonal, so that nothing cancels.
  const first = diagonal + (diagonal < 0 ? -length : length);
  let product = first * a[other + row];
  for (let i = row + 1; i < n; i++) product += a[column + i] * a[other + i];
  const factor = product / (length * Math.abs(first));
  a[other + row] -= factor * first;
  for (let i = row + 1; i < n; i++) a[other + i] -= factor * a[column + i];
}

if (import.meta.main) {
  // Lines with known slopes, plus errors that add up to 0, also when multiplied by the day: they move no line.
  const count = 100_000, error = (day: number) => day % 13 && [0.5, -1, 0.5][(day - 1) % 3];
  const rows = Array.from(
    { length: count },
    (_, person) => Float64Array.from({ length: 14 }, (_, day) => 1 + day * person / 2 ** 20 + error(day)),
  );
  const start = performance.now();
  const slopes = rows.map((row) => slope(row)), us = (performance.now() - start) * 1000 / count;
  const worst = Math.max(...slopes.map((slope, person) => Math.abs(slope - person / 2 ** 20)));
  console.log(`${count} slopes, ${us.toFixed(3)} µs each, off by ${worst.toExponential(1)} at most`);
  if (!(worst < 1e-9)) throw new Error("a slope is wrong");
}
