/**
 * The query in DuckDB: SQL says what is wanted and leaves the order to the engine, as a lazy frame does.
 *
 * What to notice: the file is the table. DuckDB reads three columns of it and skips row groups by their statistics, runs on
 * all cores and, for more than memory holds, on disk. The name of the file and the days are bound, never pasted into the
 * text: a name with a quote in it is then only a name. It keeps parts of a file that it has read; here that is switched
 * off, so that each query reads what it needs.
 *
 * @original none, chapter 7's question on Polars against Pandas
 * @beside people.ts
 * @run deno run --allow-ffi --allow-read=. --allow-write=. ch07/polars_lazy/duckdb_sql.ts
 * @takes 2 s
 */

import { DuckDBInstance } from "npm:@duckdb/node-api@1.5.5-r.5";

/** For each city, by name, how many people joined and the mean of their hours on the last day. */
export interface CityHours {
  city: string;
  people: number;
  hours: number;
}

let connection: ReturnType<typeof connect> | undefined;

async function connect() {
  const instance = await DuckDBInstance.create(":memory:", { enable_external_file_cache: "false" });
  return await instance.connect();
}

/** Asks a Parquet file for those who joined from day `from` until before day `to`. */
export async function query(file: string, from: number, to: number): Promise<CityHours[]> {
  const result = await (await (connection ??= connect())).runAndReadAll(
    `SELECT city, count(*)::INTEGER AS people, avg(day13) AS hours FROM read_parquet($1)
     WHERE joined >= $2 AND joined < $3 GROUP BY city ORDER BY city`,
    [file, from, to],
  );
  return result.getRowObjectsJS() as unknown as CityHours[];
}

if (import.meta.main) {
  // That file writes the table, asks the query and checks the answer.
  const { ask } = await import(new URL("people.ts", import.meta.url).href);
  await ask(query, Deno.args);
}
