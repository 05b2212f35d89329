/**
 * The slope of the line through a person's days by a library that solves any least-squares problem: the singular values
 * of X, by ml-matrix.
 *
 * What to notice: it is right, also where columns depend on each other, and one line to write. But it decomposes the
 * same 14 x 2 matrix for every person, in loops made for any size over rows that are arrays of their own.
 * ols_pseudo_inverse.ts asks the same library once.
 *
 * @original 07_pandas/ols_basics/utility.py (ols_lstsq)
 * @run deno run ch07/ols_basics/ols_library.ts
 * @takes 2 s
 */

import { Matrix, solve } from "npm:ml-matrix@6.15.1";

/**
 * The least-squares slope of n values over 0, 1 … n - 1.
 *
 * @param y n hours of one person; a NaN among them makes the slope NaN
 * @returns hours a day, each day
 * @throws RangeError if n is below 2: through one point go all lines
 */
export function slope(y: ArrayLike<number>): number {
  const n = y.length;
  if (n < 2) throw new RangeError(`a slope needs two days or more, not ${n}`);
  const design = new Matrix(n, 2);
  for (let x = 0; x < n; x++) design.setRow(x, [x, 1]);
  const useSVD = true;
  return solve(design, Matrix.columnVector(y), useSVD).get(0, 0);
}

if (import.meta.main) {
  // Lines with known slopes, plus errors that add up to 0, also when multiplied by the day: they move no line.
  const count = 20_000, error = (day: number) => day % 13 && [0.5, -1, 0.5][(day - 1) % 3];
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
