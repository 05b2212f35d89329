/**
 * The query in Polars, eagerly: each step runs as soon as it is called, and the first reads the whole file.
 *
 * What to notice: when `readParquet` is called nobody has said yet which rows and columns will be needed. The columns may be
 * named there (`columns: ["joined", "city", "day13"]`), which does by hand half of what polars_lazy.ts does by itself.
 *
 * @original none, chapter 7's question on Polars against Pandas
 * @beside people.ts
 * @run deno run --allow-ffi --allow-read --allow-write=. --allow-sys=cpus,hostname,networkInterfaces ch07/polars_lazy/polars_eager.ts
 * @takes 2 s
 */

import pl from "npm:nodejs-polars@0.25.2";

/** For each city, by name, how many people joined and the mean of their hours on the last day. */
export interface CityHours {
  city: string;
  people: number;
  hours: number;
}

/** Asks a Parquet file for those who joined from day `from` until before day `to`. */
export function query(file: string, from: number, to: number): CityHours[] {
  return summarise(pl.readParquet(file), from, to);
}

/** The same on a frame that is in memory already. */
export function summarise(frame: pl.DataFrame, from: number, to: number): CityHours[] {
  const day = (value: number) => pl.lit(value).cast(pl.Int32);
  return frame
    .filter(pl.col("joined").gtEq(day(from)).and(pl.col("joined").lt(day(to))))
    .groupBy("city")
    .agg(pl.col("day13").count().alias("people"), pl.col("day13").mean().alias("hours"))
    .sort("city")
    .toRecords() as unknown as CityHours[];
}

if (import.meta.main) {
  // That file writes the table, asks the query and checks the answer.
  const { ask } = await import(new URL("people.ts", import.meta.url).href);
  await ask(query, Deno.args);
}
