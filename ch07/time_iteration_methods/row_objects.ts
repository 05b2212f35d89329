/**
 * A slope for each row, where a row is an object: `{ day0: 1.03, day1: 0.67, … }`, as JSON and databases give them.
 *
 * What to notice: this is the plainest way, and the one that the others are held against. The days are read by a name
 * that is only known when the loop runs, so that V8 cannot remember where in the object the number lies: one place in
 * the code sees fourteen names, and looks each up in a table of its own. map_records.ts writes the names out, which V8
 * likes better.
 *
 * @original 07_pandas/ols_basics/time_iteration_methods.py
 * @run deno run ch07/time_iteration_methods/row_objects.ts
 * @takes 1 s
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

const names = Array.from({ length: DAYS }, (_, day) => `day${day}`);

/** The hours of one person by day: `day0` to `day13`. */
export type Row = Record<string, number>;

/** The hours as rows. Throws a RangeError if they are no whole rows. */
export function prepare(hours: Float64Array): Row[] {
  if (hours.length % DAYS !== 0) throw new RangeError(`${hours.length} hours are no whole rows of ${DAYS} days`);
  return Array.from({ length: hours.length / DAYS }, (_, person) => {
    const row: Row = {};
    names.forEach((name, day) => row[name] = hours[person * DAYS + day]);
    return row;
  });
}

/**
 * The slope of each person's line by least squares over the days 0 to 13, in hours a day, each day. NaN gives NaN.
 *
 * @throws TypeError that names the day if one is missing, a text or null: JavaScript would take null for 0
 */
export function slopes(rows: Row[]): Float64Array {
  const middle = (DAYS - 1) / 2;
  return Float64Array.from(rows, (row, person) => {
    let xy = 0, xx = 0;
    for (let x = 0; x < DAYS; x++) {
      const y = row[names[x]];
      if (typeof y !== "number") throw new TypeError(`row ${person}: ${names[x]} is ${y}, and must be a number`);
      xy += (x - middle) * y;
      xx += (x - middle) ** 2;
    }
    return xy / xx;
  });
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
