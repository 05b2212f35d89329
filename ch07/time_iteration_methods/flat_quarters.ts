/**
 * A slope for each row of a flat typed array, read at four places in turns: of each quarter the first person, then the
 * next.
 *
 * What to notice: the arithmetic is that of flat_unrolled.ts, to the last digit; only the order of the people is
 * another. Beyond the caches a core waits for memory, and one stream of addresses does not keep the memory busy: what
 * fetches ahead does so for each stream by itself and stops at the end of each page. Of four streams there is more on
 * the way at once.
 *
 * @original 07_pandas/ols_basics/time_iteration_methods.py
 * @run deno run ch07/time_iteration_methods/flat_quarters.ts
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

/** The slope of the fourteen numbers from `at` on. A day and its mirror image have the same weight, up to the sign. */
function slopeAt(hours: Float64Array, at: number): number {
  return ((hours[at + 7] - hours[at + 6]) + 3 * (hours[at + 8] - hours[at + 5]) + 5 * (hours[at + 9] - hours[at + 4]) +
    7 * (hours[at + 10] - hours[at + 3]) + 9 * (hours[at + 11] - hours[at + 2]) +
    11 * (hours[at + 12] - hours[at + 1]) +
    13 * (hours[at + 13] - hours[at])) / 455;
}

/**
 * The slope of each person's line by least squares over the days 0 to 13, in hours a day, each day. NaN gives NaN.
 *
 * @param hours people x 14, as `prepare` gives them: a typed array has room for nothing but numbers
 * @param result where they go, for callers that come again: a fresh array of this size costs page faults
 */
export function slopes(hours: Float64Array, result = new Float64Array(hours.length / DAYS)): Float64Array {
  const quarter = result.length >> 2;
  const [second, third, fourth] = [quarter, 2 * quarter, 3 * quarter];
  for (let person = 0; person < quarter; person++) {
    result[person] = slopeAt(hours, person * DAYS);
    result[second + person] = slopeAt(hours, (second + person) * DAYS);
    result[third + person] = slopeAt(hours, (third + person) * DAYS);
    result[fourth + person] = slopeAt(hours, (fourth + person) * DAYS);
  }
  // The one to three that are left over.
  for (let person = 4 * quarter; person < result.length; person++) result[person] = slopeAt(hours, person * DAYS);
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
