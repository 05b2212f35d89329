/**
 * The same categories in two engines: Polars' Categorical and DuckDB's ENUM, before and after.
 *
 * What to notice: in Polars the cast is one expression, and filters and groups then compare numbers in place of strings. An
 * ENUM of DuckDB knows its names beforehand; one that it does not know is an error, and none is added. Tables that DuckDB
 * holds in memory are not compressed unless it is told to, so an ENUM saves bytes too; compare.ts counts them.
 * arquero has no such type: its columns are arrays of JavaScript.
 *
 * @original none, chapter 7's advice on category columns
 * @run deno run --allow-ffi --allow-read --allow-sys=cpus,hostname,networkInterfaces ch07/categories/categories_in_engines.ts
 * @takes 2 s
 */

import { type DuckDBConnection, DuckDBInstance } from "npm:@duckdb/node-api@1.5.5-r.5";
import pl from "npm:nodejs-polars@0.25.2";

export const cities = "Athens Berlin Cairo Dublin Espoo Florence Geneva Hamburg Ithaca Jakarta Kyoto Lisbon".split(" ");

/** A frame of one column, `city`, of strings or of categories. */
export function polarsFrame(rows: readonly string[], categorical: boolean): pl.DataFrame {
  const frame = pl.DataFrame({ city: rows as string[] });
  return categorical ? frame.withColumn(pl.col("city").cast(pl.Categorical)) : frame;
}

/** How many rows each city has, by its name. */
export function polarsCounts(frame: pl.DataFrame): [string, number][] {
  const counted = frame.groupBy("city").agg(pl.col("city").count().alias("rows"))
    .withColumn(pl.col("city").cast(pl.Utf8)).sort("city");
  return counted.toRecords().map(({ city, rows }) => [city as string, rows as number]);
}

/** Bytes of a frame in Arrow's layout, which is that of Polars' memory, with a few hundred bytes of schema. */
export function polarsBytes(frame: pl.DataFrame): number {
  return frame.writeIPC({ compression: "uncompressed" }).byteLength;
}

/** Bytes that DuckDB says its tables take in memory. */
export async function duckdbBytes(connection: DuckDBConnection): Promise<number> {
  const result = await connection.runAndReadAll(
    "SELECT memory_usage_bytes::DOUBLE FROM duckdb_memory() WHERE tag = 'IN_MEMORY_TABLE'",
  );
  return result.getRowsJS()[0][0] as number;
}

/** A table, `visits`, of `rows` rows in DuckDB's memory: a row's city is that of its number times 7919. */
export async function duckdbTable(rows: number, asEnum: boolean): Promise<DuckDBConnection> {
  const connection = await (await DuckDBInstance.create(":memory:")).connect();
  const names = cities.map((city) => `'${city.replaceAll("'", "''")}'`).join(", ");
  if (asEnum) await connection.run(`CREATE TYPE city AS ENUM (${names})`);
  await connection.run(
    `CREATE TABLE visits AS SELECT ([${names}])[i * 7919 % ${cities.length} + 1]::${asEnum ? "city" : "VARCHAR"} AS city
     FROM range(${Math.trunc(rows)}) numbers(i)`,
  );
  return connection;
}

/** How many rows each city has, by its name. */
export async function duckdbCounts(connection: DuckDBConnection): Promise<[string, number][]> {
  const result = await connection.runAndReadAll(
    "SELECT city::VARCHAR AS name, count(*)::INTEGER FROM visits GROUP BY city ORDER BY name",
  );
  return result.getRowsJS() as [string, number][];
}

if (import.meta.main) {
  const rows = Array.from({ length: 300_000 }, (_, i) => cities[i * 7919 % cities.length]),
    right = JSON.stringify(
      cities.map((city) => [city, 25_000]),
    );
  const say = async (what: string, count: () => [string, number][] | Promise<[string, number][]>) => {
    await count();
    const start = performance.now(), counts = await count();
    console.log(`${what.padEnd(22)} 12 groups in ${(performance.now() - start).toFixed(1)} ms`);
    if (JSON.stringify(counts) !== right) throw new Error(`${what}: ${JSON.stringify(counts)} should be ${right}`);
  };
  for (const is of [false, true]) {
    const frame = polarsFrame(rows, is);
    await say(is ? "Polars, Categorical" : "Polars, strings", () => polarsCounts(frame));
  }
  for (const is of [false, true]) {
    const connection = await duckdbTable(rows.length, is);
    await say(is ? "DuckDB, ENUM" : "DuckDB, strings", () => duckdbCounts(connection));
    if (!is) continue;
    try {
      await connection.run("INSERT INTO visits VALUES ('Atlantis')");
      throw new Error("Atlantis is no city of the type");
    } catch (error) {
      if (!/Could not convert/.test((error as Error).message)) throw error;
      console.log(`refused: ${(error as Error).message.split("\n")[0]}`);
    }
  }
}
