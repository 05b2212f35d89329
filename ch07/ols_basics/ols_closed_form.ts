/**
 * The slope of the line through a person's days, by the formula that is left when x is always 0, 1, 2 …
 *
 * What to notice: nobody needs a matrix for one straight line. The days are the same for everybody, so their mean and
 * their sum of squares are known before any data is: what remains is a multiplication and an addition a day, with
 * nothing allocated. The other routes of this folder come to the same number.
 *
 * @original 07_pandas/ols_basics/utility.py (ols_lstsq_raw)
 * @run deno run ch07/ols_basics/ols_closed_form.ts
 * @takes 1 s
 */

/**
 * The least-squares slope of n values over 0, 1 … n - 1: sum((x - mean) y) / sum((x - mean)^2).
 *
 * @param y n hours of one person; a NaN among them makes the slope NaN
 * @returns hours a day, each day
 * @throws RangeError if n is below 2: through one point go all lines
 */
export function slope(y: ArrayLike<number>): number {
  const n = y.length;
  if (n < 2) throw new RangeError(`a slope needs two days or more, not ${n}`);
  const mean = (n - 1) / 2;
  let sum = 0;
  for (let x = 0; x < n; x++) sum += (x - mean) * y[x];
  // The squares of 0 … n - 1 about their mean add up to this.
  return sum * 12 / (n * (n * n - 1));
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
