/**
 * The split and the search in SQL: DuckDB's `split_part` and `strpos`.
 *
 * What to notice: DuckDB works on vectors of 2048 rows that stay in the cache, so that the parts are made and searched
 * before they have ever been in memory. Texts of up to 12 bytes it keeps inside the vector, longer ones in a buffer.
 *
 * @original 07_pandas/ols_basics/str_operation.py
 * @run deno run --allow-ffi ch07/str_operation/strings_duckdb.ts
 * @takes 1 s
 */

import { type DuckDBConnection, DuckDBDataChunk, DuckDBInstance, VARCHAR } from "npm:@duckdb/node-api@1.5.5-r.5";

const SEED = 1;

/** `count` hours, Poisson(60) minutes each, as texts with a point: "1.0", "0.9833333333333333". */
export function makeTexts(count: number): string[] {
  let state = SEED;
  const random = () => { // mulberry32
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const none = Math.exp(-60);
  return Array.from({ length: count }, () => {
    let u = random(), p = none, minutes = 0;
    for (; u > p; p *= 60 / ++minutes) u -= p;
    return minutes % 60 === 0 ? `${minutes / 60}.0` : `${minutes / 60}`;
  });
}
/** Refuses what is no text with a point, by its place. */
function check(texts: readonly string[]): void {
  const wrong = texts.findIndex((text) => typeof text !== "string" || !text.includes("."));
  if (wrong >= 0) throw new TypeError(`row ${wrong} must be a text with a point, not ${JSON.stringify(texts[wrong])}`);
}

/** A table in a database in memory. */
export interface Table {
  connection: DuckDBConnection;
  close(): void;
}

/** @throws TypeError if a text has no point */
export async function prepare(texts: readonly string[]): Promise<Table> {
  check(texts);
  const instance = await DuckDBInstance.create(":memory:"), connection = await instance.connect();
  await connection.run("CREATE TABLE people (text VARCHAR)");
  const appender = await connection.createAppender("people"), most = 2048;
  for (let from = 0; from < texts.length; from += most) {
    const some = texts.slice(from, from + most), chunk = DuckDBDataChunk.create([VARCHAR], some.length);
    const vector = chunk.getColumnVector(0);
    some.forEach((text, i) => vector.setItem(i, text));
    vector.flush();
    appender.appendDataChunk(chunk);
  }
  appender.closeSync();
  return { connection, close: () => (connection.closeSync(), instance.closeSync()) };
}

/** Where the first 9 stands behind the point, from 0; -1 where there is none. Texts without a point are refused. */
export async function find({ connection }: Table): Promise<Int32Array> {
  const result = await connection.run("SELECT strpos(split_part(text, '.', 2), '9')::INTEGER - 1 FROM people");
  const chunks = await result.fetchAllChunks();
  const found = new Int32Array(chunks.reduce((sum, { rowCount }) => sum + rowCount, 0));
  let at = 0;
  for (const chunk of chunks) {
    const vector = chunk.getColumnVector(0), count = chunk.rowCount;
    for (let i = 0; i < count; i++) found[at++] = vector.getItem(i) as number;
  }
  return found;
}

if (import.meta.main) {
  const texts = makeTexts(100_000), table = await prepare(texts);
  await find(table);
  const start = performance.now(), found = await find(table), time = performance.now() - start;
  const without = found.filter((position) => position < 0).length;
  console.log(`the first 9 behind the point of 100,000 texts: ${time.toFixed(1)} ms; ${without} have none`);
  if (found.some((position, i) => position !== (texts[i].split(".")[1].search(/9/)))) {
    throw new Error("a regular expression finds other places");
  }
  table.close();
}
