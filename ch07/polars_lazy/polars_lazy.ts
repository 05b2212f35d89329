/**
 * The query in Polars, lazily: nothing runs until `collect`, and by then the optimiser has seen all of it.
 *
 * What to notice: the plan as written scans all columns and filters afterwards; the optimised plan scans 3 of 17 columns and
 * hands the filter to the scan, which skips whole row groups by their statistics. That takes a comparison of equal types:
 * a number of JavaScript is a Float64, and `joined >= 1825` becomes a cast of the column, of which the file keeps no
 * statistics. `lit(1825).cast(Int32)` casts the number instead. bytes_fetched.ts counts what either reads.
 *
 * @original none, chapter 7's question on Polars against Pandas
 * @beside people.ts
 * @run deno run --allow-ffi --allow-read --allow-write=. --allow-sys=cpus,hostname,networkInterfaces ch07/polars_lazy/polars_lazy.ts
 * @takes 2 s
 */

import pl from "npm:nodejs-polars@0.25.2";

/** For each city, by name, how many people joined and the mean of their hours on the last day. */
export interface CityHours {
  city: string;
  people: number;
  hours: number;
}

/** The query, not yet run. */
function plan(file: string, from: number, to: number): pl.LazyDataFrame {
  const day = (value: number) => pl.lit(value).cast(pl.Int32);
  return pl.scanParquet(file)
    .filter(pl.col("joined").gtEq(day(from)).and(pl.col("joined").lt(day(to))))
    .groupBy("city")
    .agg(pl.col("day13").count().alias("people"), pl.col("day13").mean().alias("hours"))
    .sort("city");
}

/** Asks a Parquet file for those who joined from day `from` until before day `to`. */
export async function query(file: string, from: number, to: number): Promise<CityHours[]> {
  return (await plan(file, from, to).collect()).toRecords() as unknown as CityHours[];
}

/** The plan as written and as it will run. */
export function explain(file: string, from: number, to: number): { written: string; optimised: string } {
  const query = plan(file, from, to);
  return { written: query.describePlan(), optimised: query.describeOptimizedPlan() };
}

/** What the optimiser has to have done to this query: throws if the plans do not show it. */
export function checkPlans({ written, optimised }: { written: string; optimised: string }): void {
  const all = written.match(/PROJECT \*\/(\d+) COLUMNS/), some = optimised.match(/PROJECT (\d+)\/(\d+) COLUMNS/);
  if (!all || !written.includes("FILTER")) throw new Error("as written, it should read all columns and filter them");
  if (some?.[1] !== "3" || some[2] !== all[1]) throw new Error(`3 of ${all[1]} columns should be read`);
  if (optimised.includes("FILTER") || !/SELECTION: .*joined/.test(optimised)) {
    throw new Error("the scan itself should filter");
  }
}

if (import.meta.main) {
  // That file writes the table, asks the query and checks the answer.
  const { ask } = await import(new URL("people.ts", import.meta.url).href);
  await ask(query, Deno.args, (file: string) => {
    const plans = explain(file, 1825, 2190);
    console.log(`\nas written:\n${plans.written}\n\nas optimised:\n${plans.optimised}`);
    checkPlans(plans);
  });
}
