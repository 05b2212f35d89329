/**
 * The slope of the line through a person's days by a friendly estimator: give it examples, and ask it for its weights.
 *
 * What to notice: it serves any number of inputs and outputs, copies what it is given twice over, and works out standard
 * errors and t statistics that nobody here asks for. For one line through 14 points that takes hundreds of times as long
 * as the closed form. profile_estimator.ts shows where the time goes. `{ statistics: false }` leaves out the part that is
 * easiest to leave out.
 *
 * @original 07_pandas/ols_basics/utility.py (ols_sklearn)
 * @run deno run ch07/ols_basics/ols_estimator.ts
 * @takes 2 s
 */

import LinearRegression from "npm:ml-regression-multivariate-linear@2.0.4";

/**
 * The least-squares slope of n values over 0, 1 … n - 1.
 *
 * @param y n hours of one person; a NaN among them makes the slope NaN
 * @param statistics whether to have the statistics worked out too, as the library does by itself
 * @returns hours a day, each day
 * @throws RangeError if n is below 2: through one point go all lines
 */
export function slope(y: ArrayLike<number>, { statistics = true } = {}): number {
  const n = y.length;
  if (n < 2) throw new RangeError(`a slope needs two days or more, not ${n}`);
  const inputs = Array.from({ length: n }, (_, x) => [x]), outputs = Array.from(y, (value) => [value]);
  return new LinearRegression(inputs, outputs, { statistics }).weights[0][0];
}

if (import.meta.main) {
  // Lines with known slopes, plus errors that add up to 0, also when multiplied by the day: they move no line.
  const count = 10_000, error = (day: number) => day % 13 && [0.5, -1, 0.5][(day - 1) % 3];
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
