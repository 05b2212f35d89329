/**
 * The query in arquero: columns in place of rows, but the whole file is read before the query begins.
 *
 * What to notice: columns spare the objects, and arquero compiles the filter to a loop over them. It cannot know when it
 * reads what will be asked, so all 17 columns are decoded; a caller who names the three by hand does the optimiser's work.
 *
 * @original none, chapter 7's question on Polars against Pandas
 * @beside people.ts
 * @run deno run --allow-read=. --allow-write=. ch07/polars_lazy/arquero_columns.ts
 * @takes 2 s
 */

import * as aq from "npm:arquero@8.0.1";
import { parquetMetadataAsync, parquetScan } from "npm:hyparquet@1.31.5";

/** For each city, by name, how many people joined and the mean of their hours on the last day. */
export interface CityHours {
  city: string;
  people: number;
  hours: number;
}

/** Reads all columns of a Parquet file, or those named, each as one array. */
export async function read(file: string, columns?: string[]): Promise<aq.ColumnTable> {
  const { buffer } = await Deno.readFile(file);
  const source = { byteLength: buffer.byteLength, slice: (start: number, end?: number) => buffer.slice(start, end) };
  const metadata = await parquetMetadataAsync(source);
  const names = columns ?? metadata.schema.slice(1).map(({ name }) => name);
  const scan = await parquetScan({ file: source, metadata, columns: names });
  const read: Record<string, ArrayLike<unknown>> = {};
  for (const column of names) {
    const parts = [];
    for (const range of scan.ranges) parts.push(await scan.readColumn({ column, ...range }));
    read[column] = join(parts);
  }
  return aq.table(read as Record<string, unknown[]>);
}

/** The column's parts, one for each row group, as one array of the same kind. */
function join(parts: ArrayLike<unknown>[]): ArrayLike<unknown> {
  const [first] = parts;
  if (!(first instanceof Float64Array || first instanceof Int32Array)) return parts.flatMap((part) => Array.from(part));
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const all = first instanceof Int32Array ? new Int32Array(length) : new Float64Array(length);
  let at = 0;
  for (const part of parts as (typeof first)[]) all.set(part, at), at += part.length;
  return all;
}

/** Asks a Parquet file for those who joined from day `from` until before day `to`. */
export async function query(file: string, from: number, to: number): Promise<CityHours[]> {
  return summarise(await read(file), from, to);
}

/** The same on a table that is in memory already. */
export function summarise(table: aq.ColumnTable, from: number, to: number): CityHours[] {
  const absent = ["joined", "city", "day13"].find((name) => !table.columnNames().includes(name));
  if (absent) throw new Error(`there is no column ${absent}`);
  return table.params({ from, to })
    .filter((d: { joined: number }, $: { from: number; to: number }) => d.joined >= $.from && d.joined < $.to)
    .groupby("city")
    .rollup({ people: aq.op.count(), hours: aq.op.mean("day13") })
    .orderby("city")
    .objects() as CityHours[];
}

if (import.meta.main) {
  // That file writes the table, asks the query and checks the answer.
  const { ask } = await import(new URL("people.ts", import.meta.url).href);
  await ask(query, Deno.args);
}
