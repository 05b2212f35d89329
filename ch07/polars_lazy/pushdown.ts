/**
 * Pushdown by hand: only the columns that are asked for are read, and only of the row groups that can hold an answer.
 *
 * What to notice: this is all that «projection pushdown» and «predicate pushdown» mean. The footer says where each column of
 * each group lies, and the least and greatest day in it. Of a sorted file most groups are skipped unread; of the same rows
 * shuffled none can be, since each group has early days and late ones. Every byte that is read passes a counter.
 *
 * @original none, chapter 7's question on Polars against Pandas
 * @beside people.ts
 * @run deno run --allow-read=. --allow-write=. ch07/polars_lazy/pushdown.ts
 * @takes 3 s
 */

import { type AsyncBuffer, parquetMetadataAsync, parquetScan } from "npm:hyparquet@1.31.5";

/** For each city, by name, how many people joined and the mean of their hours on the last day. */
export interface CityHours {
  city: string;
  people: number;
  hours: number;
}

/** A file whose parts are read as they are asked for, and counted. */
export function openCounted(file: string): AsyncBuffer & Disposable & { bytes: number } {
  const input = Deno.openSync(file), { size } = input.statSync();
  return {
    byteLength: size,
    bytes: 0,
    slice(start, end = size) {
      if (start < 0) start += size;
      const part = new Uint8Array(end - start);
      input.seekSync(start, Deno.SeekMode.Start);
      for (let at = 0; at < part.length;) {
        const read = input.readSync(part.subarray(at));
        if (read === null) throw new Error("the file ends early");
        at += read;
      }
      this.bytes += part.length;
      return part.buffer;
    },
    [Symbol.dispose]: () => input.close(),
  };
}

export interface Reading {
  answer: CityHours[];
  /** Bytes read of the file, its footer included. */
  bytes: number;
  /** Row groups that were read, and that there are. */
  groups: number;
  allGroups: number;
}

/** Asks as the query does, with each of the two pushdowns or without, and counts what is read. */
export async function read(
  file: string,
  from: number,
  to: number,
  { projection = true, predicate = true } = {},
): Promise<Reading> {
  using source = openCounted(file);
  const metadata = await parquetMetadataAsync(source, { initialFetchSize: 2 ** 14 }),
    needed = ["joined", "city", "day13"];
  const names = metadata.schema.slice(1).map(({ name }) => name);
  const absent = needed.find((name) => !names.includes(name));
  if (absent) throw new Error(`there is no column ${absent}`);
  const columns = projection ? needed : names;
  const sums = new Map<string, { people: number; sum: number }>();
  let rowStart = 0, groups = 0;
  const scan = await parquetScan({ file: source, metadata, columns });
  for (const group of metadata.row_groups) {
    const rowEnd = rowStart + Number(group.num_rows), range = { rowStart, rowEnd };
    rowStart = rowEnd;
    const days = group.columns.find(({ meta_data }) => meta_data?.path_in_schema[0] === "joined")?.meta_data
      ?.statistics;
    const least = days?.min_value ?? days?.min, greatest = days?.max_value ?? days?.max;
    // A group without statistics may hold anything.
    if (
      predicate && least !== undefined && greatest !== undefined && (Number(greatest) < from || Number(least) >= to)
    ) {
      continue;
    }
    groups++;
    const read: Record<string, ArrayLike<unknown>> = {};
    for (const column of columns) read[column] = await scan.readColumn({ column, ...range });
    const joined = read.joined as Int32Array, city = read.city as string[], hours = read.day13 as Float64Array;
    for (let i = 0; i < joined.length; i++) {
      if (joined[i] < from || joined[i] >= to) continue;
      let sum = sums.get(city[i]);
      if (!sum) sums.set(city[i], sum = { people: 0, sum: 0 });
      sum.people++;
      sum.sum += hours[i];
    }
  }
  const answer = [...sums.keys()].sort().map((city) => {
    const { people, sum } = sums.get(city)!;
    return { city, people, hours: sum / people };
  });
  return { answer, bytes: source.bytes, groups, allGroups: metadata.row_groups.length };
}

/** Asks a Parquet file for those who joined from day `from` until before day `to`. */
export async function query(file: string, from: number, to: number): Promise<CityHours[]> {
  return (await read(file, from, to)).answer;
}

if (import.meta.main) {
  const { ask, expected, verify, withPeople } = await import(new URL("people.ts", import.meta.url).href);
  await ask(query, Deno.args);
  if (Deno.args.length === 0) {
    const people = 100_000;
    for (const shuffled of [false, true]) {
      await withPeople({ people, shuffled }, async (file: string) => {
        for (const [projection, predicate] of [[false, false], [true, false], [true, true]]) {
          const { answer, bytes, groups, allGroups } = await read(file, 1825, 2190, { projection, predicate });
          verify(answer, expected(people, 1825, 2190));
          console.log(
            `${shuffled ? "shuffled" : "sorted"}, ${projection ? 3 : 17} columns, ${groups} of ${allGroups} groups: ` +
              `${(bytes / 1e6).toFixed(2)} MB read`,
          );
        }
      });
    }
  }
}
