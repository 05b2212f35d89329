/**
 * The slope of the line through a person's days by the normal equations, as a textbook of statistics writes them.
 *
 * What to notice: X'X and X'y shrink 14 equations to 2, which Cramer's rule solves: a few sums, no matrix, no
 * allocation. The sums of x are taken anew for every person although they never change. And squaring X squares its
 * condition: harmless for days from 0 to 13, but for readings a second apart, at 1.7e9 seconds since 1970, no digit of
 * the slope is left. Subtract the mean first, which is the closed form, or decompose X itself, as ols_householder.ts does.
 *
 * @original none, the textbook's route beside those of 07_pandas/ols_basics/utility.py
 * @run deno run ch07/ols_basics/ols_normal_equations.ts
 * @takes 1 s
 */

/**
 * The least-squares slope of n values over x.
 *
 * @param y n hours of one person; a NaN among them makes the slope NaN
 * @param at the x of the i-th value, by default i
 * @returns hours a day, each day
 * @throws RangeError if n is below 2: through one point go all lines
 */
export function slope(y: ArrayLike<number>, at = (i: number) => i): number {
  const n = y.length;
  if (n < 2) throw new RangeError(`a slope needs two days or more, not ${n}`);
  let sumX = 0, sumXx = 0, sumY = 0, sumXy = 0;
  for (let i = 0; i < n; i++) {
    const x = at(i);
    sumX += x;
    sumXx += x * x;
    sumY += y[i];
    sumXy += x * y[i];
  }
  return (n * sumXy - sumX * sumY) / (n * sumXx - sumX * sumX);
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
