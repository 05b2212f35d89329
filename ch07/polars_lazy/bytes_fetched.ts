/**
 * What Polars fetches of a file for a query: a server on this machine hands out the parts that it asks for, and counts.
 *
 * What to notice: the same query fetches the whole file without the optimiser, a ninth of it when only the columns asked for
 * are read, and far less when row groups are skipped as well. A local file is mapped into memory, where nothing can be
 * counted; over HTTP, as from a store in a cloud, each part is a request for a range, and the bytes are money and time.
 *
 * @original none, chapter 7's question on Polars against Pandas
 * @beside people.ts
 * @run deno run --allow-ffi --allow-read --allow-write=. --allow-sys=cpus,hostname,networkInterfaces --allow-net=127.0.0.1 ch07/polars_lazy/bytes_fetched.ts
 * @takes 3 s
 */

import pl from "npm:nodejs-polars@0.25.2";

export interface Server extends AsyncDisposable {
  url: string;
  /** Bytes handed out and requests answered so far. */
  bytes: number;
  requests: number;
}

/** Serves one file by ranges on a free port of this machine. */
export function serve(file: string): Server {
  const input = Deno.openSync(file), { size } = input.statSync();
  const part = (start: number, end: number) => {
    const bytes = new Uint8Array(end - start);
    input.seekSync(start, Deno.SeekMode.Start);
    for (let at = 0; at < bytes.length;) {
      const read = input.readSync(bytes.subarray(at));
      if (read === null) throw new Error("the file ends early");
      at += read;
    }
    served.bytes += bytes.length;
    return bytes;
  };
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, ({ method, headers }) => {
    const common = { "accept-ranges": "bytes" };
    if (method === "HEAD") return new Response(null, { headers: { ...common, "content-length": `${size}` } });
    served.requests++;
    const range = headers.get("range")?.match(/^bytes=(\d+)-(\d*)$/);
    if (!range) return new Response(part(0, size), { headers: common });
    const start = Number(range[1]), end = range[2] ? Math.min(size, Number(range[2]) + 1) : size;
    if (start >= end) return new Response(null, { status: 416, headers: { "content-range": `bytes */${size}` } });
    const headersOfPart = { ...common, "content-range": `bytes ${start}-${end - 1}/${size}` };
    return new Response(part(start, end), { status: 206, headers: headersOfPart });
  });
  const served: Server = {
    url: `http://127.0.0.1:${server.addr.port}/people.parquet`,
    bytes: 0,
    requests: 0,
    async [Symbol.asyncDispose]() {
      await server.shutdown();
      input.close();
    },
  };
  return served;
}

export interface Fetched {
  bytes: number;
  requests: number;
  rows: unknown[];
}

/** The query of polars_lazy.ts, the number cast to the type of the column or the column to that of the number. */
function plan(file: string, from: number, to: number, castColumn = false): pl.LazyDataFrame {
  const day = (value: number) => castColumn ? pl.lit(value) : pl.lit(value).cast(pl.Int32);
  return pl.scanParquet(file)
    .filter(pl.col("joined").gtEq(day(from)).and(pl.col("joined").lt(day(to))))
    .groupBy("city")
    .agg(pl.col("day13").count().alias("people"), pl.col("day13").mean().alias("hours"))
    .sort("city");
}

/** What the query fetches of a file, by how much of the optimiser it has. */
export async function fetched(file: string, from: number, to: number): Promise<Record<string, Fetched>> {
  await using server = serve(file);
  const count = async (collect: () => Promise<pl.DataFrame>): Promise<Fetched> => {
    server.bytes = server.requests = 0;
    const rows = (await collect()).toRecords();
    return { bytes: server.bytes, requests: server.requests, rows };
  };
  return {
    "not optimised": await count(() => plan(server.url, from, to).collect({ noOptimization: true })),
    "optimised, the column cast": await count(() => plan(server.url, from, to, true).collect()),
    "optimised, the number cast": await count(() => plan(server.url, from, to).collect()),
  };
}

if (import.meta.main) {
  const { expected, verify, withPeople } = await import(new URL("people.ts", import.meta.url).href);
  const people = 100_000;
  for (const shuffled of [false, true]) {
    await withPeople({ people, shuffled }, async (file: string) => {
      const ways = await fetched(file, 1825, 2190), { size } = Deno.statSync(file);
      console.log(`${shuffled ? "shuffled" : "sorted"}, a file of ${(size / 1e6).toFixed(2)} MB`);
      for (const [name, { bytes, requests, rows }] of Object.entries(ways)) {
        verify(rows, expected(people, 1825, 2190));
        console.log(`  ${name.padEnd(26)} ${(bytes / 1e6).toFixed(2).padStart(6)} MB in ${requests} requests`);
      }
    });
  }
}
