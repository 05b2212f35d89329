/** What compares make of their samples. */

/** The value below which a share of the values lies; undefined of none. */
export function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(share * values.length)];
}

/** The middle value, of two the larger; NaN of none. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5) ?? NaN;
}

/** The median of samples, and the distance between their quartiles over it. */
export function summarise(values: readonly number[]): { median: number; spread: number; samples: number } {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))];
  return { median: at(0.5), spread: (at(0.75) - at(0.25)) / at(0.5), samples: sorted.length };
}

/**
 * The line through points by least squares, and the share of the variance that it explains.
 *
 * @throws RangeError if no two points differ in x
 */
export function fitLine(
  xs: readonly number[],
  ys: readonly number[],
): { slope: number; intercept: number; r2: number } {
  if (new Set(xs).size < 2) throw new RangeError("a slope needs two points with different x");
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const x = mean(xs), y = mean(ys);
  const sum = (term: (dx: number, dy: number) => number) =>
    xs.reduce((sum, _, i) => sum + term(xs[i] - x, ys[i] - y), 0);
  const slope = sum((dx, dy) => dx * dy) / sum((dx) => dx * dx), total = sum((_, dy) => dy * dy);
  const r2 = total === 0 ? 1 : 1 - sum((dx, dy) => (dy - slope * dx) ** 2) / total;
  return { slope, intercept: y - slope * x, r2 };
}

/** The exponent of a power law y = c x^slope, which is a line through the logarithms, and how well it fits. */
export function fitPower(xs: readonly number[], ys: readonly number[]): { slope: number; r2: number } {
  const { slope, r2 } = fitLine(xs.map(Math.log), ys.map(Math.log));
  return { slope, r2 };
}
