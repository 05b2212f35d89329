/**
 * More rows than memory: the slopes of all people by city, by a process that may have less memory than the table takes.
 *
 * What to notice: each way runs in a process of its own, to which the kernel gives no more than `--memory` MiB beyond what an
 * empty Deno has (`ulimit -d`, the memory of its own that a process can write to; a file mapped for reading does not count).
 * The ways that hold the whole table end there, those that hold a part of it at a time come to the answer, the same as in
 * memory. V8 and Polars abort the process, which nothing can catch; DuckDB throws, if it is the one that asks next. «Own» is the most that was
 * seen of memory of the process's own, «resident» the most with the files that are mapped into it. Linux only.
 *
 *     deno run --allow-read --allow-write=. --allow-run=sh ch07/polars_lazy/larger_than_ram.ts --people 4000000 --memory 160
 *
 * @original none, chapter 7's question on Polars against Pandas
 * @beside people.ts
 * @run deno run --allow-read --allow-write=. --allow-run=sh ch07/polars_lazy/larger_than_ram.ts
 * @takes 7 s
 */

import { parseArgs } from "jsr:@std/cli@1/parse-args";

/** Of one city, by name: how many people, and the mean and the greatest of their slopes. */
export interface CitySlopes {
  city: string;
  people: number;
  mean: number;
  greatest: number;
}

const DAYS = 14, days = Array.from({ length: DAYS }, (_, day) => day);
/** What an hour on each day adds to the slope of the least-squares line over 0 … 13. */
const weights = days.map((day) => (day - 6.5) / 227.5);
const sql = (table: string) =>
  `SELECT city, count(*)::INTEGER AS people, avg(slope) AS mean, max(slope) AS greatest FROM (
     SELECT city, ${days.map((day) => `day${day} * ${weights[day]}`).join(" + ")} AS slope FROM ${table}
   ) GROUP BY city ORDER BY city`;

async function duckdb(options: Record<string, string>) {
  const { DuckDBInstance } = await import("npm:@duckdb/node-api@1.5.5-r.5");
  return await (await DuckDBInstance.create(":memory:", options)).connect();
}

async function polars(file: string, streaming: boolean): Promise<CitySlopes[]> {
  const { default: pl } = await import("npm:nodejs-polars@0.25.2");
  const slope = days.map((day) => pl.col(`day${day}`).mul(pl.lit(weights[day]))).reduce((sum, one) => sum.plus(one));
  const query = pl.scanParquet(file).select(pl.col("city"), slope.alias("slope")).groupBy("city").agg(
    pl.col("slope").count().alias("people"),
    pl.col("slope").mean().alias("mean"),
    pl.col("slope").max().alias("greatest"),
  ).sort("city");
  const frame = streaming ? query.collectSync({ engine: "streaming" }) : await query.collect();
  return frame.toRecords() as unknown as CitySlopes[];
}

/** By hand: the columns of one row group, or of all, are in memory at a time. */
async function byHand(file: string, atOnce: boolean): Promise<CitySlopes[]> {
  const { parquetMetadataAsync, parquetScan } = await import("npm:hyparquet@1.31.5");
  using input = Deno.openSync(file);
  const byteLength = input.statSync().size;
  const source = {
    byteLength,
    slice(start: number, end = byteLength) {
      const part = new Uint8Array(end - start);
      input.seekSync(start, Deno.SeekMode.Start);
      for (let at = 0; at < part.length;) at += input.readSync(part.subarray(at)) ?? part.length;
      return part.buffer;
    },
  };
  const metadata = await parquetMetadataAsync(source), scan = await parquetScan({ file: source, metadata });
  const readGroup = async (range: { rowStart: number; rowEnd: number }) => ({
    city: await scan.readColumn({ column: "city", ...range }) as string[],
    hours: await Promise.all(days.map((day) => scan.readColumn({ column: `day${day}`, ...range }))) as Float64Array[],
  });
  const found = new Map<string, { people: number; sum: number; greatest: number }>();
  const add = ({ city, hours }: Awaited<ReturnType<typeof readGroup>>) => {
    for (let i = 0; i < city.length; i++) {
      let slope = 0, one = found.get(city[i]);
      for (let day = 0; day < DAYS; day++) slope += weights[day] * hours[day][i];
      if (!one) found.set(city[i], one = { people: 0, sum: 0, greatest: -Infinity });
      one.people++;
      one.sum += slope;
      if (slope > one.greatest) one.greatest = slope;
    }
  };
  if (atOnce) {
    const groups = [];
    for (const range of scan.ranges) groups.push(await readGroup(range));
    groups.forEach(add);
  } else {
    for (const range of scan.ranges) add(await readGroup(range));
  }
  return [...found.keys()].sort().map((city) => {
    const { people, sum, greatest } = found.get(city)!;
    return { city, people, mean: sum / people, greatest };
  });
}

interface Way {
  /** Whether the whole table has to fit into memory. */
  whole: boolean;
  run(file: string): Promise<CitySlopes[]>;
}

/** All ways to the answer. */
export const ways: Record<string, Way> = {
  hyparquet_at_once: { whole: true, run: (file) => byHand(file, true) },
  hyparquet_by_groups: { whole: false, run: (file) => byHand(file, false) },
  polars_in_memory: { whole: true, run: (file) => polars(file, false) },
  polars_streaming: { whole: false, run: (file) => polars(file, true) },
  duckdb_table: {
    whole: true,
    async run(file) {
      const connection = await duckdb({ max_temp_directory_size: "0KiB" });
      await connection.run("CREATE TABLE people AS FROM read_parquet($1)", [file]);
      return (await connection.runAndReadAll(sql("people"))).getRowObjectsJS() as unknown as CitySlopes[];
    },
  },
  duckdb_limited: {
    whole: false,
    async run(file) {
      const connection = await duckdb({ memory_limit: "50MB", threads: "2", max_temp_directory_size: "0KiB" });
      return (await connection.runAndReadAll(sql("read_parquet($1)"), [file]))
        .getRowObjectsJS() as unknown as CitySlopes[];
    },
  },
};

export interface Run {
  answer?: CitySlopes[];
  /** Of the query, from the import of its library to its answer. */
  seconds?: number;
  /** How it ended if not well: one line. */
  failure?: string;
  /** Bytes: the most seen of its own, the most resident, and the most seen of what `ulimit -d` counts. */
  own: number;
  resident: number;
  data: number;
}

/** What all children may do; the libraries of machine code lie in the cache of npm packages, wherever that is. */
const permissions = ["--allow-ffi", "--allow-read", "--allow-sys=cpus,hostname,networkInterfaces"];

/**
 * Asks one of `ways`, or "nothing", in a process of its own.
 *
 * @param limit bytes of memory that it can write to, for all that it does; unlimited unless given
 */
export async function runApart(way: string, file: string, limit?: number): Promise<Run> {
  // The shell becomes the process that it limits.
  const script = `ulimit -c 0; ulimit -d "$1"; shift; exec deno run --no-prompt "$@"`;
  const kib = limit === undefined ? "unlimited" : `${Math.floor(limit / 1024)}`;
  const child = new Deno.Command("sh", {
    args: ["-c", script, "sh", kib, ...permissions, import.meta.url, "--way", way, file],
    env: { NO_COLOR: "1", RUST_BACKTRACE: "0" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const stop = () => {
    try {
      child.kill("SIGKILL");
    } catch (error) {
      // It may have ended by itself just now.
      if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
    }
  };
  Deno.addSignalListener("SIGINT", stop);
  try {
    let running = true;
    const ended = child.output().finally(() => running = false);
    const most = { own: 0, resident: 0, data: 0 };
    while (running) {
      const status = await statusOf(child.pid);
      const bytes = (name: string) => 1024 * Number(status.match(new RegExp(`${name}:\\s+(\\d+)`))?.[1] ?? 0);
      most.own = Math.max(most.own, bytes("RssAnon"));
      most.resident = Math.max(most.resident, bytes("VmHWM"));
      most.data = Math.max(most.data, bytes("VmData"));
      await new Promise((later) => setTimeout(later, 5));
    }
    const { success, code, signal, stdout, stderr } = await ended, text = new TextDecoder();
    if (code === 127) throw new Deno.errors.NotFound("deno");
    if (success) return { ...JSON.parse(text.decode(stdout)), ...most };
    const lines = text.decode(stderr).split("\n");
    const reason = lines.find((line) => /out of memory|memory allocation|could not allocate/i.test(line)) ??
      lines.find((line) => line !== "") ??
      "";
    return { failure: `${signal ?? `code ${code}`}: ${reason.trim().replace(`error: ${file}: `, "")}`, ...most };
  } finally {
    Deno.removeSignalListener("SIGINT", stop);
  }
}

/** What the kernel says of a process; /proc may be read through a shell with less than all permissions. */
async function statusOf(pid: number): Promise<string> {
  const args = ["-c", `cat /proc/${pid}/status 2>/dev/null`];
  return new TextDecoder().decode((await new Deno.Command("sh", { args, stdin: "null" }).output()).stdout);
}

/** Bytes of what `ulimit -d` counts in a Deno that does nothing: V8 reserves room for code that it may never make. */
export async function emptyDeno(): Promise<number> {
  const { data, failure } = await runApart("nothing", "");
  if (failure || data === 0) throw new Error(failure ?? "there is no /proc: this needs Linux");
  return data;
}

/** Whether two answers are the same, means and slopes within 1e-9. */
export function agree(one: CitySlopes[] | undefined, other: CitySlopes[] | undefined): boolean {
  return one !== undefined && one.length === other?.length &&
    one.every(({ city, people, mean, greatest }, i) =>
      city === other[i].city && people === other[i].people && Math.abs(mean - other[i].mean) < 1e-9 &&
      Math.abs(greatest - other[i].greatest) < 1e-9
    );
}

function fail(message: string): never {
  console.error(`error: ${message}`);
  Deno.exit(2);
}

if (import.meta.main) {
  const flags = parseArgs(Deno.args, {
    string: ["way", "people", "memory"],
    default: { people: "1400000", memory: "128" },
    unknown: (argument) => argument.startsWith("-") ? fail(`${argument} is not a flag of this script`) : true,
  });
  const whole = (flag: "people" | "memory", most: number) =>
    /^[1-9]\d*$/.test(flags[flag]) && Number(flags[flag]) <= most
      ? Number(flags[flag])
      : fail(`--${flag} ${flags[flag]}: must be a whole number from 1 to ${most}`);
  if (flags.way !== undefined) {
    const start = performance.now(), file = `${flags._[0] ?? ""}`;
    if (flags.way !== "nothing" && !Object.hasOwn(ways, flags.way)) fail(`--way ${flags.way}: there is no such way`);
    try {
      const answer = flags.way === "nothing"
        ? await new Promise((later) => setTimeout(later, 100))
        : await ways[flags.way].run(file);
      console.log(JSON.stringify({ answer, seconds: (performance.now() - start) / 1000 }));
    } catch (error) {
      fail(`${file}: ${(error as Error).message.split("\n")[0]}`);
    }
    Deno.exit();
  }
  if (Deno.build.os !== "linux") fail("memory is limited and measured as Linux does it; run this there");
  const people = whole("people", 99_999_999), memory = whole("memory", 1e6) * 2 ** 20;
  const { withPeople } = await import(new URL("people.ts", import.meta.url).href);
  try {
    await withPeople({ people }, async (file: string) => {
      const { size } = Deno.statSync(file), mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
      console.log(`a table of ${mib(size)}, ${mib(memory)} of memory beyond an empty Deno's`);
      const limit = await emptyDeno() + memory;
      let reference: CitySlopes[] | undefined;
      for (const [name, { whole }] of Object.entries(ways)) {
        const { answer, seconds, failure, own, resident } = await runApart(name, file, limit);
        reference ??= answer;
        console.log(
          `${name.padEnd(20)} own ${mib(own).padStart(8)}, resident ${mib(resident).padStart(8)}, ` +
            (failure ?? `${answer!.length} cities in ${seconds!.toFixed(2)} s`),
        );
        if (!whole && !agree(answer, reference)) throw new Error(`${name} should come to the answer, and the same`);
        if (whole && !failure && size > 1.2 * memory) throw new Error(`${name} cannot hold ${mib(size)} there`);
      }
    });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) fail("there is no deno on the PATH; install it: npm install -g deno");
    throw error;
  }
}
