/**
 * A slope for each row of an Arquero table by a function of ours, which Arquero calls with each row: Pandas' `apply`.
 *
 * What to notice: `escape` lets any function see a row, and Arquero then makes an object for each, whose fields are
 * looked up in the table when they are asked for. arquero_expression.ts does the same work in a tenth of the time,
 * since there Arquero gets to see the expression itself and no row ever exists.
 *
 * @original 07_pandas/ols_basics/time_iteration_methods.py
 * @run deno run ch07/time_iteration_methods/arquero_function.ts
 * @takes 1 s
 */

import * as aq from "npm:arquero@8.0.1";

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

/** The hours as a table of Arquero. Throws a RangeError if they are no whole rows. */
export function prepare(hours: Float64Array): aq.ColumnTable {
  if (hours.length % DAYS !== 0) throw new RangeError(`${hours.length} hours are no whole rows of ${DAYS} days`);
  const columns = names.map(() => new Float64Array(hours.length / DAYS));
  hours.forEach((value, i) => columns[i % DAYS][Math.floor(i / DAYS)] = value);
  return aq.table(Object.fromEntries(names.map((name, day) => [name, columns[day]])));
}

/** Throws a TypeError that names the first column which is not there or holds anything but numbers. */
function check(table: aq.ColumnTable): void {
  for (const name of names) {
    const column = table.column(name), whole = column?.length === table.totalRows();
    if (whole && column instanceof Float64Array) continue;
    const numbers = whole && Array.from(column as Iterable<unknown>).every((value) => typeof value === "number");
    if (!numbers) throw new TypeError(`column ${name} must be there, as long as the others, and hold only numbers`);
  }
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
 * @throws TypeError that names the column if one is missing or holds a text or null
 */
export function slopes(table: aq.ColumnTable): Float64Array {
  check(table);
  const ofRow = aq.escape((row: Record<string, number>) => slope(names.map((name) => row[name])));
  return table.derive({ slope: ofRow }).array("slope", Float64Array) as Float64Array;
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
