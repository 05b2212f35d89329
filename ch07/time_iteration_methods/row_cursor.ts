/**
 * A slope for each row of a columnar table through one object that moves along it, with a getter for each column.
 *
 * What to notice: to read, it is a row, `row.day3`; to run, it is a column. Nothing is allocated for each person, since
 * there is only one row, and V8 compiles the getters into the loop: this is as fast as flat_columns_fused.ts, which has
 * none. What one must not do is keep a row for later: they are all the same.
 *
 * @original 07_pandas/ols_basics/time_iteration_methods.py
 * @run deno run ch07/time_iteration_methods/row_cursor.ts
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

/** The row at which it stands; `person` moves it. */
class Row {
  person = 0;
  constructor(private columns: Float64Array[]) {}
  get day0() {
    return this.columns[0][this.person];
  }
  get day1() {
    return this.columns[1][this.person];
  }
  get day2() {
    return this.columns[2][this.person];
  }
  get day3() {
    return this.columns[3][this.person];
  }
  get day4() {
    return this.columns[4][this.person];
  }
  get day5() {
    return this.columns[5][this.person];
  }
  get day6() {
    return this.columns[6][this.person];
  }
  get day7() {
    return this.columns[7][this.person];
  }
  get day8() {
    return this.columns[8][this.person];
  }
  get day9() {
    return this.columns[9][this.person];
  }
  get day10() {
    return this.columns[10][this.person];
  }
  get day11() {
    return this.columns[11][this.person];
  }
  get day12() {
    return this.columns[12][this.person];
  }
  get day13() {
    return this.columns[13][this.person];
  }
}

/**
 * The slope of each person's line by least squares over the days 0 to 13, in hours a day, each day. NaN gives NaN.
 *
 * The days lie evenly around their middle, so that a day and its mirror image have the same weight, up to the sign.
 *
 * @throws TypeError that names the column if one is missing or no Float64Array as long as day0
 */
export function slopes(frame: Frame): Float64Array {
  const columns = columnsOf(frame), result = new Float64Array(columns[0].length), row = new Row(columns);
  for (row.person = 0; row.person < result.length; row.person++) {
    result[row.person] = ((row.day7 - row.day6) +
      3 * (row.day8 - row.day5) +
      5 * (row.day9 - row.day4) +
      7 * (row.day10 - row.day3) +
      9 * (row.day11 - row.day2) +
      11 * (row.day12 - row.day1) +
      13 * (row.day13 - row.day0)) / 455;
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
