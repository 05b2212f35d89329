/**
 * All slopes in one pass over the fourteen columns at once.
 *
 * What to notice: each number is read once and each slope written once, nothing lies in between. The columns are
 * fourteen streams of addresses side by side, which keep the memory busier than the one stream of flat_rows.ts does, so
 * that this is about as fast as flat_quarters.ts, and the fastest that plain TypeScript does to a table that lies in
 * columns.
 *
 * @original 07_pandas/ols_basics/time_iteration_methods.py
 * @run deno run ch07/time_iteration_methods/flat_columns_fused.ts
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

/**
 * The slope of each person's line by least squares over the days 0 to 13, in hours a day, each day. NaN gives NaN.
 *
 * @param result where they go, for callers that come again: a fresh array of this size costs page faults
 * @throws TypeError that names the column if one is missing or no Float64Array as long as day0
 */
export function slopes(frame: Frame, result = new Float64Array(frame.day0?.length ?? 0)): Float64Array {
  const [day0, day1, day2, day3, day4, day5, day6, day7, day8, day9, day10, day11, day12, day13] = columnsOf(frame);
  for (let i = 0; i < result.length; i++) {
    result[i] = ((day7[i] - day6[i]) +
      3 * (day8[i] - day5[i]) +
      5 * (day9[i] - day4[i]) +
      7 * (day10[i] - day3[i]) +
      9 * (day11[i] - day2[i]) +
      11 * (day12[i] - day1[i]) +
      13 * (day13[i] - day0[i])) / 455;
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
