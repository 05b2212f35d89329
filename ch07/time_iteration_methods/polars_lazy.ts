/**
 * A slope for each row of a lazy polars data frame, carried out by polars' streaming engine.
 *
 * What to notice: the optimiser has nothing to do here, there being one expression and no column too many. What may
 * help is the engine: it takes the table in pieces, so that what is in between stays in the cache, and gives the pieces
 * to all cores. On tables like this one that saves hardly more than it costs to set up; polars_lazy/ shows where it
 * does.
 *
 * @original 07_pandas/ols_basics/time_iteration_methods.py
 * @run deno run --allow-ffi --allow-read --allow-sys=cpus,hostname,networkInterfaces ch07/time_iteration_methods/polars_lazy.ts
 * @takes 1 s
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

/** The hours as a lazy data frame of polars. Throws a RangeError if they are no whole rows. */
export function prepare(hours: Float64Array): pl.LazyDataFrame {
  if (hours.length % DAYS !== 0) throw new RangeError(`${hours.length} hours are no whole rows of ${DAYS} days`);
  const columns = names.map(() => new Float64Array(hours.length / DAYS));
  hours.forEach((value, i) => columns[i % DAYS][Math.floor(i / DAYS)] = value);
  return pl.DataFrame(names.map((name, day) => pl.Series(name, columns[day]))).lazy();
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

let made: pl.Expr | undefined;

/** The slope, described once: each operator is a call over the border. A day and its mirror image weigh the same. */
function slope(): pl.Expr {
  const pair = (name: string, k: number) => pl.col(name).sub(pl.col(names[6 - k])).mul((2 * k + 1) / 455);
  return made ??= names.slice(7).map(pair).reduce((sum, pair) => sum.add(pair)).alias("slope");
}

/**
 * The slope of each person's line by least squares over the days 0 to 13, in hours a day, each day. NaN gives NaN.
 *
 * @throws TypeError that names the column if one is missing or holds text or null
 */
export function slopes(frame: pl.LazyDataFrame): Float64Array {
  // What a lazy frame will have is known only to the engine: it is asked for no rows.
  check(frame.limit(0).collectSync());
  const result = frame.select(slope()).collectSync({ engine: "streaming" }).getColumn("slope");
  if (result.nullCount() > 0) refuseNull(frame.collectSync());
  return result.toTypedArray() as unknown as Float64Array;
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
