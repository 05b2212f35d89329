/**
 * A slope for each person by workers over the row groups of a Parquet file, each of which reads its own.
 *
 * What to notice: nothing is sent to a worker but the name of the file. Who wants work takes the number of a row group from a
 * counter, and the footer says where in the file its columns begin. To read them in JavaScript takes many times as long as the
 * slopes, which is why a second worker helps here more than where the table is in memory. A file of a single row group
 * would keep a single worker busy.
 *
 * @original 07_pandas/ols_basics/time_iteration_methods_dask.py
 * @run deno run --allow-read=. --allow-write=. ch07/time_iteration_methods_parallel/slopes_parquet.ts
 * @takes 2 s
 */

import { type FileMetaData, parquetMetadataAsync, parquetRead } from "npm:hyparquet@1.31.5";

const DAYS = 14, SEED = 1;

/** `people` x 14 hours a day, Poisson(60) minutes each, one person after the other. */
function generate(people: number): Float64Array {
  let state = SEED;
  const random = () => { // mulberry32
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const none = Math.exp(-60);
  return Float64Array.from({ length: people * DAYS }, () => {
    let u = random(), p = none, minutes = 0;
    for (; u > p; p *= 60 / ++minutes) u -= p;
    return minutes / 60;
  });
}

/** The rows so many times over, each copy with a slope that is a minute a day steeper than the one before. */
function repeat(rows: Float64Array, times: number): Float64Array {
  const hours = new Float64Array(times * rows.length);
  for (let copy = 0, at = 0; copy < times; copy++) {
    for (let i = 0; i < rows.length; i++, at++) hours[at] = rows[i] + copy * (i % DAYS) / 60;
  }
  return hours;
}

const names = Array.from({ length: DAYS }, (_, day) => `day${day}`);

/** Where the time goes, in milliseconds: at the start, and in the last call. */
export interface Spent {
  starting: number;
  copying: number;
  computing: number;
}

/** Writes the hours to a Parquet file: columns day0 to day13, doubles as they are, `group` people to a row group. */
export async function write(path: string, hours: Float64Array, group = 10_000): Promise<void> {
  if (hours.length % DAYS !== 0) throw new RangeError(`${hours.length} hours are no whole rows of ${DAYS} days`);
  const { parquetWriteBuffer } = await import("npm:hyparquet-writer@0.17.0");
  const columnData = names.map((name, day) => ({
    name,
    data: Float64Array.from({ length: hours.length / DAYS }, (_, person) => hours[person * DAYS + day]),
    type: "DOUBLE" as const,
    encoding: "PLAIN" as const,
    nullable: false,
  }));
  const file = parquetWriteBuffer({ columnData, rowGroupSize: group, codec: "UNCOMPRESSED", statistics: false });
  await Deno.writeFile(path, new Uint8Array(file));
}

/** What a worker needs to know. */
interface Shared {
  path: string;
  result: Float64Array;
  /** How many row groups have been taken. */
  taken: Int32Array;
}

export interface Table extends Shared {
  workers: Worker[];
  spent: Spent;
  close(): Promise<unknown>;
}

/**
 * Looks at the footer of a file and starts workers.
 *
 * @param options.workers by default one for each core
 * @throws TypeError that names the column if one is missing or not of doubles without nulls, Error if it is no whole file
 */
export async function prepare(path: string, { workers: count = navigator.hardwareConcurrency } = {}): Promise<Table> {
  const metadata = await open(path, ({ metadata }) => metadata);
  const begin = performance.now(), workers = await startWorkers(count);
  const spent = { starting: performance.now() - begin, copying: 0, computing: 0 };
  const close = () => Promise.all(workers.map((worker) => ask(worker, "close")));
  const result = new Float64Array(new SharedArrayBuffer(8 * Number(metadata.num_rows)));
  return { path, result, taken: new Int32Array(new SharedArrayBuffer(4)), workers, spent, close };
}

/**
 * The slope of each person's line by least squares over the days 0 to 13, in hours a day, each day, read from the file.
 *
 * @returns a view of shared memory, which the next call writes to
 */
export async function slopes({ path, result, taken, workers, spent }: Table): Promise<Float64Array> {
  const start = performance.now();
  Atomics.store(taken, 0, 0);
  const ends = await Promise.allSettled(workers.map((worker) => ask<number>(worker, { path, result, taken })));
  const failed = ends.find((end) => end.status === "rejected");
  if (failed) throw failed.reason;
  spent.computing = Math.max(...ends.map((end) => (end as PromiseFulfilledResult<number>).value));
  spent.copying = performance.now() - start - spent.computing;
  return result;
}

interface Input {
  file: { byteLength: number; slice(start: number, end?: number): Promise<ArrayBuffer> };
  metadata: FileMetaData;
}

/** Opens a file for as long as `use` takes, and checks its columns. */
async function open<T>(path: string, use: (input: Input) => T | Promise<T>): Promise<T> {
  using handle = await Deno.open(path);
  const byteLength = (await handle.stat()).size;
  const file = {
    byteLength,
    // Seeking and reading block, so that no other read comes between them.
    slice(start: number, end = byteLength) {
      const bytes = new Uint8Array(end - start);
      handle.seekSync(start, Deno.SeekMode.Start);
      for (let at = 0; at < bytes.length;) {
        const read = handle.readSync(bytes.subarray(at));
        if (read === null) throw new Error(`${path} ends at ${start + at}, within a column`);
        at += read;
      }
      return Promise.resolve(bytes.buffer);
    },
  };
  const metadata = await parquetMetadataAsync(file).catch((cause) => {
    throw new Error(`${path} is no whole Parquet file: ${cause.message}`, { cause });
  });
  for (const name of names) {
    const column = metadata.schema.find((column) => column.name === name);
    if (column?.type !== "DOUBLE" || column.repetition_type !== "REQUIRED") {
      throw new TypeError(`${path}: column ${name} must be there and hold only numbers (DOUBLE, no nulls)`);
    }
  }
  return await use({ file, metadata });
}

/** A worker's share: row groups until there are none left. Returns the milliseconds that it computed. */
function work({ path, result, taken }: Shared): Promise<number> {
  return open(path, async ({ file, metadata }) => {
    const first = [0];
    for (const group of metadata.row_groups) first.push(first.at(-1)! + Number(group.num_rows));
    let computing = 0;
    for (let group; (group = Atomics.add(taken, 0, 1)) < metadata.row_groups.length;) {
      const rowStart = first[group], rowEnd = first[group + 1], sums = result.subarray(rowStart, rowEnd).fill(0);
      const onChunk = ({ columnName, columnData, rowStart: at }: Chunk) => {
        const start = performance.now(), weight = (names.indexOf(columnName) - 6.5) / 227.5;
        for (let i = 0; i < columnData.length; i++) sums[at - rowStart + i] += weight * (columnData[i] as number);
        computing += performance.now() - start;
      };
      await parquetRead({ file, metadata, columns: names, rowStart, rowEnd, onChunk });
    }
    return computing;
  });
}

interface Chunk {
  columnName: string;
  columnData: ArrayLike<unknown>;
  rowStart: number;
}

/** Sends a task to a worker. Resolves with its answer, or rejects with what it threw as the cause. */
function ask<Answer>(worker: Worker, task: unknown): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown) => reject(new Error("a worker failed", { cause }));
    worker.onmessage = ({ data }) => data?.error ? fail(data.error) : resolve(data);
    worker.onerror = (event) => (event.preventDefault(), fail(event.message));
    worker.postMessage(task);
  });
}

/** Starts workers and waits until they answer. If one cannot start, ends all. */
async function startWorkers(count: number): Promise<Worker[]> {
  const workers = Array.from({ length: count }, () => new Worker(import.meta.url, { type: "module" }));
  try {
    await Promise.all(workers.map((worker) => ask(worker, "start")));
  } catch (error) {
    for (const worker of workers) worker.terminate();
    throw error;
  }
  return workers;
}

/** Throws unless the steepest slope is what it must be, an exact fraction in minutes. */
function check(slopes: Float64Array, copies: number): void {
  const steepest = 60 * slopes.reduce((best, slope) => Math.max(best, slope), -Infinity);
  const expected = 1068 / 455 + copies - 1;
  if (!(Math.abs(steepest - expected) < 1e-9)) throw new Error(`the steepest must be ${expected}, not ${steepest}`);
}

// The type checker takes this file for a main module, which has no one to send messages to.
const toCaller = self as unknown as Worker;

if ("WorkerGlobalScope" in globalThis) {
  toCaller.onmessage = async ({ data }: MessageEvent<Shared | "start" | "close">) => {
    try {
      toCaller.postMessage(typeof data === "string" ? "done" : await work(data));
      if (data === "close") self.close();
    } catch (error) {
      toCaller.postMessage({ error });
    }
  };
} else if (import.meta.main) {
  const folder = await Deno.makeTempDir({ dir: "." }), path = `${folder}/people.parquet`;
  const remove = () => Deno.removeSync(folder, { recursive: true });
  Deno.addSignalListener("SIGINT", () => (remove(), Deno.exit(130)));
  try {
    const copies = 2;
    await write(path, repeat(generate(100_000), copies));
    const table = await prepare(path);
    try {
      await slopes(table);
      const result = await slopes(table), { starting, copying, computing } = table.spent;
      console.log(
        `${result.length} slopes by ${table.workers.length} workers: starting ${
          starting.toFixed(1)
        } ms, once; reading ` +
          `${copying.toFixed(1)} ms and computing ${computing.toFixed(1)} ms a call`,
      );
      check(result, copies);
    } finally {
      await table.close();
    }
  } finally {
    remove();
  }
  Deno.exit();
}
