/**
 * A slope for each person by DuckDB, which shares out its work among threads by itself.
 *
 * What to notice: the query is the same for one thread and for two, and so is the order of the result. DuckDB cuts a table into
 * row groups of 122,880 rows, each the work of one thread; a table of fewer rows is the work of one, however many there
 * are. The result comes back through a single thread, the caller's, in chunks of 2048 numbers.
 *
 * @original 07_pandas/ols_basics/time_iteration_methods_dask.py
 * @run deno run --allow-ffi ch07/time_iteration_methods_parallel/slopes_duckdb.ts
 * @takes 3 s
 */

import {
  DOUBLE,
  type DuckDBConnection,
  DuckDBDataChunk,
  type DuckDBDoubleVector,
  DuckDBInstance,
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

/** The rows so many times over, each copy with a slope that is a minute a day steeper than the one before. */
function repeat(rows: Float64Array, times: number): Float64Array {
  const hours = new Float64Array(times * rows.length);
  for (let copy = 0, at = 0; copy < times; copy++) {
    for (let i = 0; i < rows.length; i++, at++) hours[at] = rows[i] + copy * (i % DAYS) / 60;
  }
  return hours;
}

const names = Array.from({ length: DAYS }, (_, day) => `day${day}`);

export interface Table {
  connection: DuckDBConnection;
  /** Sets how many threads may work, 1 or more. */
  setThreads(count: number): Promise<void>;
  close(): void;
}

/** A database in memory with nothing in it. */
async function open(): Promise<Table> {
  const instance = await DuckDBInstance.create(":memory:"), connection = await instance.connect();
  const close = () => (connection.closeSync(), instance.closeSync());
  const setThreads = async (count: number) => {
    if (!(Number.isInteger(count) && count >= 1)) throw new RangeError(`${count} threads: must be 1 or more`);
    await connection.run(`SET threads = ${count}`);
  };
  return { connection, setThreads, close };
}

/** The hours as a table in memory. Throws a RangeError if they are no whole rows. */
export async function prepare(hours: Float64Array): Promise<Table> {
  if (hours.length % DAYS !== 0) throw new RangeError(`${hours.length} hours are no whole rows of ${DAYS} days`);
  const table = await open(), people = hours.length / DAYS, most = 2048;
  await table.connection.run(`CREATE TABLE people (${names.map((day) => `${day} DOUBLE`).join(", ")})`);
  const appender = await table.connection.createAppender("people");
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
  return table;
}

/** A Parquet file as a table: each query reads it anew. */
export async function prepareParquet(path: string): Promise<Table> {
  const table = await open();
  // What a view is made of cannot be bound: quotes within the text are doubled.
  await table.connection.run(`CREATE VIEW people AS FROM read_parquet('${path.replaceAll("'", "''")}')`);
  return table;
}

/**
 * The slope of each person's line by least squares over the days 0 to 13, in hours a day, each day.
 *
 * @throws TypeError that names the row if one holds NULL
 */
export async function slopes({ connection }: Table): Promise<Float64Array> {
  const pairs = names.slice(7).map((day, k) => `${2 * k + 1} * (${day} - ${names[6 - k]})`);
  const chunks = await (await connection.run(`SELECT (${pairs.join(" + ")}) / 455 FROM people`)).fetchAllChunks();
  const result = new Float64Array(chunks.reduce((sum, { rowCount }) => sum + rowCount, 0));
  let at = 0;
  for (const chunk of chunks) {
    const vector = chunk.getColumnVector(0) as DuckDBDoubleVector, count = chunk.rowCount;
    for (let i = 0; i < count; i++) {
      const slope = vector.getItem(i);
      if (slope === null) throw new TypeError(`row ${at} holds null, and must hold only numbers`);
      result[at++] = slope;
    }
  }
  return result;
}

/** Throws unless the steepest slope is what it must be, an exact fraction in minutes. */
function check(slopes: Float64Array, copies: number): void {
  const steepest = 60 * slopes.reduce((best, slope) => Math.max(best, slope), -Infinity);
  const expected = 1068 / 455 + copies - 1;
  if (!(Math.abs(steepest - expected) < 1e-9)) throw new Error(`the steepest must be ${expected}, not ${steepest}`);
}

if (import.meta.main) {
  const copies = 4, table = await prepare(repeat(generate(100_000), copies));
  await slopes(table);
  for (const threads of [1, 2]) {
    await table.setThreads(threads);
    const start = performance.now(), result = await slopes(table), time = performance.now() - start;
    console.log(`${result.length} slopes, ${threads} thread${threads > 1 ? "s" : ""}: ${time.toFixed(1)} ms`);
    check(result, copies);
  }
  table.close();
}
