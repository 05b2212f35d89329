/**
 * A slope for each of a million people by workers that share the table and take partitions by a counter.
 *
 * What to notice: the hours are copied once, into memory that all workers see. From then on a call sends each worker one
 * small message and gets one back; who wants work adds to the counter, atomically, and the people from there on are
 * theirs. The results lie in shared memory too, so nothing is put together at the end.
 *
 * @original 07_pandas/ols_basics/time_iteration_methods_dask.py
 * @run deno run --allow-read=ch07/time_iteration_methods_parallel/slopes_shared.ts ch07/time_iteration_methods_parallel/slopes_shared.ts
 * @takes 2 s
 */

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

/** The slope of the fourteen numbers from `at` on. A day and its mirror image have the same weight, up to the sign. */
function slopeAt(hours: Float64Array, at: number): number {
  return ((hours[at + 7] - hours[at + 6]) + 3 * (hours[at + 8] - hours[at + 5]) + 5 * (hours[at + 9] - hours[at + 4]) +
    7 * (hours[at + 10] - hours[at + 3]) + 9 * (hours[at + 11] - hours[at + 2]) +
    11 * (hours[at + 12] - hours[at + 1]) + 13 * (hours[at + 13] - hours[at])) / 455;
}

/** Where the time goes, in milliseconds: at the start, and in the last call. */
export interface Spent {
  starting: number;
  copying: number;
  computing: number;
}

/** What all workers see. */
interface Shared {
  /** people x 14 */
  hours: Float64Array;
  result: Float64Array;
  /** How many people have been taken. */
  taken: Int32Array;
  /** How many a worker takes at a time. */
  partition: number;
}

export interface Table extends Shared {
  workers: Worker[];
  spent: Spent;
  close(): Promise<unknown>;
}

/**
 * Starts workers and copies the hours to where they see them.
 *
 * @param options.workers by default one for each core
 * @param options.partition how many people a worker takes at a time
 * @throws RangeError if the hours are no whole rows
 */
export async function prepare(
  hours: Float64Array,
  { workers: count = navigator.hardwareConcurrency, partition = 10_000 } = {},
): Promise<Table> {
  if (hours.length % DAYS !== 0) throw new RangeError(`${hours.length} hours are no whole rows of ${DAYS} days`);
  const begin = performance.now(), workers = await startWorkers(count), started = performance.now();
  const shared = {
    hours: new Float64Array(new SharedArrayBuffer(hours.byteLength)),
    result: new Float64Array(new SharedArrayBuffer(hours.byteLength / DAYS)),
    taken: new Int32Array(new SharedArrayBuffer(4)),
    partition,
  };
  shared.hours.set(hours);
  const spent = { starting: started - begin, copying: performance.now() - started, computing: 0 };
  const close = () => Promise.all(workers.map((worker) => ask(worker, "close")));
  return { ...shared, workers, spent, close };
}

/**
 * The slope of each person's line by least squares over the days 0 to 13, in hours a day, each day.
 *
 * @returns a view of shared memory, which the next call writes to
 */
export async function slopes(table: Table): Promise<Float64Array> {
  const { hours, result, taken, partition, workers, spent } = table, start = performance.now();
  Atomics.store(taken, 0, 0);
  await Promise.all(workers.map((worker) => ask(worker, { hours, result, taken, partition })));
  spent.computing = performance.now() - start;
  return result;
}

/** A worker's share: partitions until there are none left. */
function work({ hours, result, taken, partition }: Shared): void {
  for (;;) {
    const first = Atomics.add(taken, 0, partition), end = Math.min(first + partition, result.length);
    if (first >= result.length) return;
    for (let person = first; person < end; person++) result[person] = slopeAt(hours, person * DAYS);
  }
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
  toCaller.onmessage = ({ data }: MessageEvent<Shared | "start" | "close">) => {
    if (typeof data !== "string") work(data);
    toCaller.postMessage("done");
    if (data === "close") self.close();
  };
} else if (import.meta.main) {
  const copies = 10, table = await prepare(repeat(generate(100_000), copies));
  await slopes(table);
  const result = await slopes(table), { starting, copying, computing } = table.spent;
  console.log(
    `${result.length} slopes by ${table.workers.length} workers: starting ${starting.toFixed(1)} ms, copying ` +
      `${copying.toFixed(1)} ms, both once; computing ${computing.toFixed(1)} ms a call`,
  );
  await table.close();
  check(result, copies);
}
