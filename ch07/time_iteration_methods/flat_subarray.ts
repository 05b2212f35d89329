/**
 * A slope for each row of a flat typed array, where the row is a view of its numbers: Pandas' `apply(raw=True)`.
 *
 * What to notice: a view copies nothing, yet it is an object of its own that knows its buffer, its offset and its
 * length. To make one takes some tens of nanoseconds, more than the slope of fourteen numbers does. That is little
 * beside the microseconds of a NumPy row; an index, as in flat_rows.ts, is nothing at all.
 *
 * @original 07_pandas/ols_basics/time_iteration_methods.py
 * @run deno run ch07/time_iteration_methods/flat_subarray.ts
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
    for (; u > p; p *= 60 / ++minutes) u -= p;
    return minutes / 60;
  });
}

/** The hours as they are: one typed array, row after row. Throws a RangeError if they are no whole rows. */
export function prepare(hours: Float64Array): Float64Array {
  if (hours.length % DAYS !== 0) throw new RangeError(`${hours.length} hours are no whole rows of ${DAYS} days`);
  return hours;
}

/** The slope of the line by least squares through y over x = 0, 1, 2, … */
function slope(y: ArrayLike<number>): number {
  const middle = (y.length - 1) / 2;
  let xy = 0, xx = 0;
  for (let x = 0; x < y.length; x++) {
    xy += (x - middle) * y[x];
    xx += (x - middle) ** 2;
  }
  return xy / xx;
}

/**
 * The slope of each person's line by least squares over the days 0 to 13, in hours a day, each day. NaN gives NaN.
 *
 * @param hours people x 14, as `prepare` gives them: a typed array has room for nothing but numbers
 */
export function slopes(hours: Float64Array): Float64Array {
  const result = new Float64Array(hours.length / DAYS);
  for (let person = 0; person < result.length; person++) {
    result[person] = slope(hours.subarray(person * DAYS, (person + 1) * DAYS));
  }
  return result;
}

if (import.meta.main) {
  const table = prepare(generate(100_000));
  slopes(table);
  const start = performance.now(), found = slopes(table), time = performance.now() - start;
  const steepest = found.reduce((best, slope, person) => slope > found[best] ? person : best, 0);
  const minutes = 60 * found[steepest];
  console.log(
    `100,000 slopes in ${time.toFixed(1)} ms; person ${steepest} stays ${minutes.toFixed(2)} minutes longer each day`,
  );
  // In whole minutes and with whole weights it is an exact fraction.
  if (Math.abs(minutes - 1068 / 455) > 1e-9) throw new Error(`it must be ${1068 / 455}, not ${minutes}`);
}
