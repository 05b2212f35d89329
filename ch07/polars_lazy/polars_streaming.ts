/**
 * The query in Polars, streaming: the lazy query, run on a part of the rows at a time.
 *
 * What to notice: the plan is that of polars_lazy.ts, only the engine is another one. The rows flow through it in morsels, so
 * the memory that it takes does not grow with the file; larger_than_ram.ts shows that. In this version of the package the
 * engine is chosen by `collectSync({ engine: "streaming" })`; `collect({ streaming: true })` is accepted and has no effect.
 *
 * @original none, chapter 7's question on Polars against Pandas
 * @beside people.ts
 * @run deno run --allow-ffi --allow-read --allow-write=. --allow-sys=cpus,hostname,networkInterfaces ch07/polars_lazy/polars_streaming.ts
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
  const day = (value: number) => pl.lit(value).cast(pl.Int32);
  return pl.scanParquet(file)
    .filter(pl.col("joined").gtEq(day(from)).and(pl.col("joined").lt(day(to))))
    .groupBy("city")
    .agg(pl.col("day13").count().alias("people"), pl.col("day13").mean().alias("hours"))
    .sort("city")
    .collectSync({ engine: "streaming" })
    .toRecords() as unknown as CityHours[];
}

if (import.meta.main) {
  // That file writes the table, asks the query and checks the answer.
  const { ask } = await import(new URL("people.ts", import.meta.url).href);
  await ask(query, Deno.args);
}
