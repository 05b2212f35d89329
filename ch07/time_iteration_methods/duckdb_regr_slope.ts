/**
 * A slope for each row of a DuckDB table by SQL's own `regr_slope`, over one row for each person and day.
 *
 * What to notice: the way that a statistician would write it, and it needs no formula: `regr_slope(y, x)` is standard
 * SQL. The price is the shape of the data. The table becomes long, 1.4 million rows of person, day and hours, which are
 * grouped by a hash table and sorted again, so that the slopes come in the order of the people. `regr_slope` leaves out
 * the pairs of which one is null; here all days must be there, as in all techniques, hence the count.
 *
 * @original 07_pandas/ols_basics/time_iteration_methods.py
 * @run deno run --allow-ffi ch07/time_iteration_methods/duckdb_regr_slope.ts
 * @takes 1 s
 */

import {
  DOUBLE,
  type DuckDBConnection,
  DuckDBDataChunk,
  DuckDBInstance,
  type DuckDBResult,
} from "npm:@duckdb/node-api@1.5.5-r.5";

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

/** A table in a database in memory. */
export interface Table {
  connection: DuckDBConnection;
  name: string;
  close(): void;
}

/** A name as SQL takes it, whatever is in it. */
const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;

/** The hours as a table of DuckDB under any name. Throws a RangeError if they are no whole rows. */
export async function prepare(hours: Float64Array, name = "people"): Promise<Table> {
  if (hours.length % DAYS !== 0) throw new RangeError(`${hours.length} hours are no whole rows of ${DAYS} days`);
  const instance = await DuckDBInstance.create(":memory:"), connection = await instance.connect();
  await connection.run(`CREATE TABLE ${quoted(name)} (${names.map((day) => `${day} DOUBLE`).join(", ")})`);
  const appender = await connection.createAppender(name), people = hours.length / DAYS, most = 2048;
  for (let from = 0; from < people; from += most) {
    const count = Math.min(most, people - from), chunk = DuckDBDataChunk.create(names.map(() => DOUBLE), count);
    for (let day = 0; day < DAYS; day++) {
      const vector = chunk.getColumnVector(day);
      for (let i = 0; i < count; i++) vector.setItem(i, hours[(from + i) * DAYS + day]);
      vector.flush();
    }
    appender.appendDataChunk(chunk);
  }
  appender.closeSync();
  const close = () => (connection.closeSync(), instance.closeSync());
  return { connection, name, close };
}

/** Throws a TypeError that names the first column which is not there or no DOUBLE. */
async function check({ connection, name }: Table): Promise<void> {
  const result = await connection.run(`FROM ${quoted(name)} LIMIT 0`), columns = result.columnNames();
  const wrong = names.find((day) => result.columnTypes()[columns.indexOf(day)] !== DOUBLE);
  if (wrong) throw new TypeError(`column ${wrong} must be there and hold only numbers (DOUBLE)`);
}

/** The one column of a query's result, which comes in chunks of 2048 rows, or null if it holds one. */
async function numbersOf(result: DuckDBResult): Promise<Float64Array | null> {
  const chunks = await result.fetchAllChunks();
  const numbers = new Float64Array(chunks.reduce((sum, { rowCount }) => sum + rowCount, 0));
  let at = 0;
  for (const chunk of chunks) {
    const vector = chunk.getColumnVector(0), count = chunk.rowCount;
    for (let i = 0; i < count; i++) {
      const value = vector.getItem(i) as number | null;
      if (value === null) return null;
      numbers[at++] = value;
    }
  }
  return numbers;
}

/** Throws a TypeError that names the first column with a null. */
async function refuseNull({ connection, name }: Table): Promise<never> {
  const counts = names.map((day) => `count(*) - count(${day})`).join(", ");
  const [nulls] = (await connection.runAndReadAll(`SELECT ${counts} FROM ${quoted(name)}`)).getRows();
  const wrong = names.find((_, day) => Number(nulls[day]) > 0);
  throw new TypeError(`column ${wrong} holds null, and must hold only numbers`);
}

/**
 * The slope of each person's line by least squares over the days 0 to 13, in hours a day, each day. NaN gives NaN.
 *
 * @throws TypeError that names the column if one is missing, no DOUBLE, or holds NULL
 */
export async function slopes(table: Table): Promise<Float64Array> {
  await check(table);
  const result = await table.connection.run(`
    SELECT CASE WHEN count(hours) = ${DAYS} THEN regr_slope(hours, day) END
    FROM (SELECT rowid AS person, unnest([${names.join(", ")}]) AS hours, unnest(range(${DAYS})) AS day
      FROM ${quoted(table.name)})
    GROUP BY person ORDER BY person`);
  return await numbersOf(result) ?? await refuseNull(table);
}

if (import.meta.main) {
  const table = await prepare(generate(100_000));
  await slopes(table);
  const start = performance.now(), found = await slopes(table), time = performance.now() - start;
  const steepest = found.reduce((best, slope, person) => slope > found[best] ? person : best, 0);
  const minutes = 60 * found[steepest];
  console.log(
    `100,000 slopes in ${time.toFixed(1)} ms; person ${steepest} stays ${minutes.toFixed(2)} minutes longer each day`,
  );
  // In whole minutes and with whole weights it is an exact fraction.
  if (Math.abs(minutes - 1068 / 455) > 1e-9) throw new Error(`it must be ${1068 / 455}, not ${minutes}`);
  table.close();
}
