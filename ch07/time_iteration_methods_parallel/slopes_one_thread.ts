/**
 * A slope for each of a million people in one thread: what all that is parallel is measured against.
 *
 * What to notice: the table is far larger than the caches, so that the loop waits for memory most of the time. How fast a
 * core can read is then the limit, and the others can only help as far as memory has more to give than one of them takes.
 *
 * @original 07_pandas/ols_basics/time_iteration_methods_dask.py
 * @run deno run ch07/time_iteration_methods_parallel/slopes_one_thread.ts
 * @takes 2 s
 */

const DAYS = 14, SEED = 1;

/** `people` x 14 hours a day, Poisson(60) minutes each, one person after the other. */
export function generate(people: number): Float64Array {
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
    for (; u > p; p *= 60 / ++minutes) u -= p;
    return minutes / 60;
  });
}

/** The rows so many times over, each copy with a slope that is a minute a day steeper than the one before. */
export function repeat(rows: Float64Array, times: number): Float64Array {
  const hours = new Float64Array(times * rows.length);
  for (let copy = 0, at = 0; copy < times; copy++) {
    for (let i = 0; i < rows.length; i++, at++) hours[at] = rows[i] + copy * (i % DAYS) / 60;
  }
  return hours;
}

/** The slope of the fourteen numbers from `at` on. A day and its mirror image have the same weight, up to the sign. */
function slopeAt(hours: Float64Array, at: number): number {
  return ((hours[at + 7] - hours[at + 6]) + 3 * (hours[at + 8] - hours[at + 5]) + 5 * (hours[at + 9] - hours[at + 4]) +
    7 * (hours[at + 10] - hours[at + 3]) + 9 * (hours[at + 11] - hours[at + 2]) +
    11 * (hours[at + 12] - hours[at + 1]) + 13 * (hours[at + 13] - hours[at])) / 455;
}

/** The hours as they are. Throws a RangeError if they are no whole rows. */
export function prepare(hours: Float64Array): Float64Array {
  if (hours.length % DAYS !== 0) throw new RangeError(`${hours.length} hours are no whole rows of ${DAYS} days`);
  return hours;
}

/**
 * The slope of each person's line by least squares over the days 0 to 13, in hours a day, each day.
 *
 * @param hours people x 14
 * @param result where they go: a fresh array of this size costs page faults
 */
export function slopes(
  hours: Float64Array,
  result: Float64Array = new Float64Array(hours.length / DAYS),
): Float64Array {
  for (let person = 0; person < result.length; person++) result[person] = slopeAt(hours, person * DAYS);
  return result;
}

/** Throws unless the steepest slope is what it must be, an exact fraction in minutes. */
function check(slopes: Float64Array, copies: number): void {
  const steepest = 60 * slopes.reduce((best, slope) => Math.max(best, slope), -Infinity);
  const expected = 1068 / 455 + copies - 1;
  if (!(Math.abs(steepest - expected) < 1e-9)) throw new Error(`the steepest must be ${expected}, not ${steepest}`);
}

if (import.meta.main) {
  const copies = 10, table = prepare(repeat(generate(100_000), copies)), result = slopes(table);
  const start = performance.now();
  slopes(table, result);
  const time = performance.now() - start;
  console.log(
    `${result.length} slopes in ${time.toFixed(1)} ms: ${
      (table.byteLength / time / 1e6).toFixed(1)
    } GB of hours a second`,
  );
  check(result, copies);
}
