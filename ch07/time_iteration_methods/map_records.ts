/**
 * A slope for each row, where a row is an object and the function takes it apart: `rows.map(({ day0, day1, … }) => …)`.
 *
 * What to notice: the rows are those of row_objects.ts, but each name stands at a place of its own in the code. V8 has
 * seen there only one kind of object, knows where in it the field lies and that it holds a number, and so neither looks
 * names up nor pays for the checks below. What is left is memory: each number is in a box of its own, so that the rows
 * take ten times the memory of their numbers, all of which must be read.
 *
 * @original 07_pandas/ols_basics/time_iteration_methods.py
 * @run deno run ch07/time_iteration_methods/map_records.ts
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

const isNumber = (value: unknown) => typeof value === "number";

/**
 * The slope of each person's line by least squares over the days 0 to 13, in hours a day, each day. NaN gives NaN.
 *
 * @throws TypeError that names the day if one is missing, a text or null: JavaScript would take null for 0
 */
export function slopes(rows: Row[]): Float64Array {
  return Float64Array.from(rows, (row, person) => {
    const { day0, day1, day2, day3, day4, day5, day6, day7, day8, day9, day10, day11, day12, day13 } = row;
    const numbers = isNumber(day0) && isNumber(day1) && isNumber(day2) && isNumber(day3) && isNumber(day4) &&
      isNumber(day5) && isNumber(day6) && isNumber(day7) && isNumber(day8) && isNumber(day9) && isNumber(day10) &&
      isNumber(day11) && isNumber(day12) && isNumber(day13);
    if (!numbers) {
      const wrong = names.find((name) => !isNumber(row[name]))!;
      throw new TypeError(`row ${person}: ${wrong} is ${row[wrong]}, and must be a number`);
    }
    return ((day7 - day6) + 3 * (day8 - day5) + 5 * (day9 - day4) + 7 * (day10 - day3) + 9 * (day11 - day2) +
      11 * (day12 - day1) + 13 * (day13 - day0)) / 455;
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
