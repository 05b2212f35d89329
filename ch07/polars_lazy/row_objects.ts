/**
 * The query on rows as objects: the whole file is read, each row becomes an object, and two array methods do the rest.
 *
 * What to notice: this is how data comes from most libraries, and how pandas is often used, row by row. All 17 columns are
 * decoded although three are asked for, and a hundred thousand objects are made of which nine in ten are dropped at once.
 *
 * @original none, chapter 7's question on Polars against Pandas
 * @beside people.ts
 * @run deno run --allow-read=. --allow-write=. ch07/polars_lazy/row_objects.ts
 * @takes 2 s
 */

import { parquetReadObjects } from "npm:hyparquet@1.31.5";

/** For each city, by name, how many people joined and the mean of their hours on the last day. */
export interface CityHours {
  city: string;
  people: number;
  hours: number;
}

/** Asks a Parquet file for those who joined from day `from` until before day `to`. */
export async function query(file: string, from: number, to: number): Promise<CityHours[]> {
  const { buffer } = await Deno.readFile(file);
  const all = await parquetReadObjects({
    file: { byteLength: buffer.byteLength, slice: (start, end) => buffer.slice(start, end) },
  });
  return summarise(all, from, to);
}

/** The same on rows that are in memory already. Throws if they have not the columns: undefined would only be no match. */
export function summarise(rows: Record<string, unknown>[], from: number, to: number): CityHours[] {
  for (const name of rows.length > 0 ? ["joined", "city", "day13"] : []) {
    if (!(name in rows[0])) throw new Error(`there is no column ${name}`);
  }
  const joined = rows.filter(({ joined }) => (joined as number) >= from && (joined as number) < to);
  const cities = Map.groupBy(joined, ({ city }) => city as string);
  return [...cities.keys()].sort().map((city) => {
    const hours = cities.get(city)!.map(({ day13 }) => day13 as number);
    return { city, people: hours.length, hours: hours.reduce((sum, one) => sum + one, 0) / hours.length };
  });
}

if (import.meta.main) {
  // That file writes the table, asks the query and checks the answer.
  const { ask } = await import(new URL("people.ts", import.meta.url).href);
  await ask(query, Deno.args);
}
