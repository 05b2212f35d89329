/**
 * A slope for each row of a columnar table, where the row is asked for by its number and made afresh: Pandas' `iloc`.
 *
 * What to notice: the table lies in columns, so that a row is put together from fourteen places, into an array that is
 * garbage at once. In Pandas that row is a Series with an index and a type, and takes some tens of microseconds; here
 * it is a bare array and takes a hundredth of that. For all rows it is still a dozen times what their slopes take.
 *
 * @original 07_pandas/ols_basics/time_iteration_methods.py
 * @run deno run ch07/time_iteration_methods/row_by_index.ts
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

const names = Array.from({ length: DAYS }, (_, day) => `day${day}`);

/** A column of hours for each day, by name: `day0` to `day13`. */
export type Frame = Record<string, Float64Array>;

/** The hours by column. Throws a RangeError if they are no whole rows. */
export function prepare(hours: Float64Array): Frame {
  if (hours.length % DAYS !== 0) throw new RangeError(`${hours.length} hours are no whole rows of ${DAYS} days`);
  const columns = names.map(() => new Float64Array(hours.length / DAYS));
  hours.forEach((value, i) => columns[i % DAYS][Math.floor(i / DAYS)] = value);
  return Object.fromEntries(names.map((name, day) => [name, columns[day]]));
}

/** The columns in order. Throws a TypeError that names the first that is not there, no Float64Array, or not as long. */
function columnsOf(frame: Frame): Float64Array[] {
  const { length } = frame.day0 ?? [];
  const wrong = names.find((name) => !(frame[name] instanceof Float64Array) || frame[name].length !== length);
  if (wrong) throw new TypeError(`column ${wrong} must be a Float64Array, as long as day0`);
  return names.map((name) => frame[name]);
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

/** The hours of one person, in an array of their own. */
function rowAt(columns: Float64Array[], person: number): number[] {
  return columns.map((column) => column[person]);
}

/**
 * The slope of each person's line by least squares over the days 0 to 13, in hours a day, each day. NaN gives NaN.
 *
 * @throws TypeError that names the column if one is missing or no Float64Array as long as day0
 */
export function slopes(frame: Frame): Float64Array {
  const columns = columnsOf(frame), result = new Float64Array(columns[0].length);
  for (let person = 0; person < result.length; person++) result[person] = slope(rowAt(columns, person));
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
