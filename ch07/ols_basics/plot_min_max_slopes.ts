/**
 * The two people whose hours rise and fall the most, with the lines fitted to them.
 *
 * What to notice: nobody's hours have a trend, they are drawn at random. But among 100,000 slopes of nothing the largest
 * lies more than four standard deviations from zero, and looks like a finding. The line shows what a table of slopes hides: how
 * far the days lie from it. A single pass keeps the best so far; nothing is sorted.
 *
 * @original 07_pandas/ols_basics/plot_min_max_slopes.py
 * @run deno run ch07/ols_basics/plot_min_max_slopes.ts
 * @takes 1 s
 */

const DAYS = 14, SEED = 1;

/** `people` x 14 hours a day, Poisson(60) minutes each, one person after the other. */
function generate(people: number): Float64Array {
  let state = SEED;
  const random = () => { // mulberry32
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const none = Math.exp(-60);
  return Float64Array.from({ length: people * DAYS }, () => {
    let u = random(), p = none, minutes = 0;
    while (u > p) {
      u -= p;
      p *= 60 / ++minutes;
    }
    return minutes / 60;
  });
}

/** A person's days and the line through them, `intercept + slope * day`. */
export interface Fit {
  person: number;
  hours: Float64Array;
  slope: number;
  intercept: number;
}

/**
 * The people with the smallest and the largest slope, and the standard deviation of all slopes.
 *
 * @param hours people x 14, one person after the other; people with a NaN are passed over
 * @throws RangeError if nobody is left, or the last one's days are not complete
 */
export function extremes(hours: Float64Array): { min: Fit; max: Fit; deviation: number } {
  if (hours.length % DAYS !== 0) throw new RangeError(`${hours.length} values are not ${DAYS} for each person`);
  let least = Infinity, most = -Infinity, min = -1, max = -1, count = 0, squares = 0, total = 0;
  for (let person = 0; person < hours.length / DAYS; person++) {
    const slope = slopeOf(hours, person);
    if (Number.isNaN(slope)) continue;
    if (slope < least) [least, min] = [slope, person];
    if (slope > most) [most, max] = [slope, person];
    count++;
    total += slope;
    squares += slope * slope;
  }
  if (count === 0) throw new RangeError("there is nobody with a slope");
  const deviation = Math.sqrt(Math.max(0, squares / count - (total / count) ** 2));
  return { min: fit(hours, min), max: fit(hours, max), deviation };
}

function slopeOf(hours: Float64Array, person: number): number {
  const mean = (DAYS - 1) / 2, start = person * DAYS;
  let sum = 0;
  for (let day = 0; day < DAYS; day++) sum += (day - mean) * hours[start + day];
  return sum * 12 / (DAYS * (DAYS * DAYS - 1));
}

/** The line through a person's days; it goes through the mean day at the mean of the hours. */
export function fit(hours: Float64Array, person: number): Fit {
  const own = hours.slice(person * DAYS, (person + 1) * DAYS), slope = slopeOf(hours, person);
  const mean = own.reduce((sum, value) => sum + value, 0) / DAYS;
  return { person, hours: own, slope, intercept: mean - slope * (DAYS - 1) / 2 };
}

/** The days as points, the line as dashes, from 0.5 to 1.6 hours upwards. */
function plot({ hours, slope, intercept }: Fit): string {
  const rows = 12, row = (value: number) => Math.round((value - 0.5) * 10);
  const cells = Array.from({ length: rows }, () => Array<string>(DAYS).fill("   "));
  const put = (value: number, day: number, mark: string) => {
    if (row(value) >= 0 && row(value) < rows) cells[row(value)][day] = mark;
  };
  for (let day = 0; day < DAYS; day++) {
    put(intercept + slope * day, day, "---");
    put(hours[day], day, " o ");
  }
  return cells.map((line, i) => `${(0.5 + i / 10).toFixed(1)} h |${line.join("")}`).reverse().join("\n");
}

if (import.meta.main) {
  const { min, max, deviation } = extremes(generate(100_000));
  for (const [word, one] of [["largest", max], ["smallest", min]] as const) {
    console.log(
      `The ${word} slope, person ${one.person}: ${(one.slope * 60).toFixed(2)} minutes more each day, ` +
        `${(one.slope / deviation).toFixed(1)} standard deviations\n${plot(one)}\n`,
    );
    // The line of least squares leaves errors that add up to nothing, also when multiplied by the day.
    const errors = one.hours.map((value, day) => value - one.intercept - one.slope * day);
    const left = Math.abs(errors.reduce((sum, error) => sum + error, 0)) +
      Math.abs(errors.reduce((sum, error, day) => sum + day * error, 0));
    if (!(left < 1e-12)) throw new Error(`the line of person ${one.person} is not the best one`);
  }
  // The variance of a Poisson(60) is 60, and a slope is a sum of such days with known weights.
  const expected = Math.sqrt(60 / (DAYS * (DAYS * DAYS - 1) / 12)) / 60;
  if (Math.abs(deviation / expected - 1) > 0.02) throw new Error(`the slopes vary by ${deviation}, not ${expected}`);
  console.log(
    `All slopes have the standard deviation ${(deviation * 60).toFixed(3)} minutes, and no trend is behind any.`,
  );
}
