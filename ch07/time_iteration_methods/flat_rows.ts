/**
 * A slope for each row of a flat typed array, by two loops and an index: what one would write in C, or with Numba.
 *
 * What to notice: the slope is a sum with one weight for each day, (x - 6.5) / 227.5, so that all slopes together are
 * the product of a matrix and a vector. No object is made, and every number is read once, in the order in which it lies
 * in memory. V8 compiles this to what C without vectors would be, with a check of the index at each number.
 *
 * @original 07_pandas/ols_basics/time_iteration_methods.py
 * @run deno run ch07/time_iteration_methods/flat_rows.ts
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

/**
 * The slope of each person's line by least squares over the days 0 to 13, in hours a day, each day. NaN gives NaN.
 *
 * @param hours people x 14, as `prepare` gives them: a typed array has room for nothing but numbers
 */
export function slopes(hours: Float64Array): Float64Array {
  const weights = Float64Array.from({ length: DAYS }, (_, day) => (day - 6.5) / 227.5);
  const result = new Float64Array(hours.length / DAYS);
  for (let person = 0, at = 0; person < result.length; person++) {
    let slope = 0;
    for (let day = 0; day < DAYS; day++) slope += weights[day] * hours[at++];
    result[person] = slope;
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
