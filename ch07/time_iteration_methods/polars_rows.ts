/**
 * A slope for each row of a polars data frame, where every row is fetched into JavaScript: the way that polars warns
 * of.
 *
 * What to notice: the slow one. polars keeps its columns in memory of its own; `rows()` makes a JavaScript array of
 * every row and a JavaScript number of every value, 1.4 million calls over the border between the two. The slopes
 * themselves are the least of it. The same function on rows that are JavaScript's already, row_objects.ts, takes a
 * small part of the time.
 *
 * @original 07_pandas/ols_basics/time_iteration_methods.py
 * @run deno run --allow-ffi --allow-read --allow-sys=cpus,hostname,networkInterfaces ch07/time_iteration_methods/polars_rows.ts
 * @takes 2 s
 */

import pl from "npm:nodejs-polars@0.25.2";

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

/** The hours as a data frame of polars. Throws a RangeError if they are no whole rows. */
export function prepare(hours: Float64Array): pl.DataFrame {
  if (hours.length % DAYS !== 0) throw new RangeError(`${hours.length} hours are no whole rows of ${DAYS} days`);
  const columns = names.map(() => new Float64Array(hours.length / DAYS));
  hours.forEach((value, i) => columns[i % DAYS][Math.floor(i / DAYS)] = value);
  return pl.DataFrame(names.map((name, day) => pl.Series(name, columns[day])));
}

/** Throws a TypeError that names the first column which is not there or not of doubles. */
function check({ columns, dtypes }: pl.DataFrame): void {
  const wrong = names.find((name) => !dtypes[columns.indexOf(name)]?.equals(pl.Float64));
  if (wrong) throw new TypeError(`column ${wrong} must be there and hold only numbers (Float64)`);
}

/** Throws a TypeError that names the first column with a null. */
function refuseNull(frame: pl.DataFrame): never {
  const wrong = names.find((name) => frame.getColumn(name).nullCount() > 0);
  throw new TypeError(`column ${wrong} holds null, and must hold only numbers`);
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
 * @throws TypeError that names the column if one is missing or holds text or null
 */
export function slopes(frame: pl.DataFrame): Float64Array {
  check(frame);
  const days = frame.select(...names);
  if (days.nullCount().row(0).some((count) => count > 0)) refuseNull(days);
  return Float64Array.from(days.rows() as number[][], slope);
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
