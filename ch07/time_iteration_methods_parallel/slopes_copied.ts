/**
 * A slope for each of a million people by workers that are sent copies of partitions: the wrong way, and the most obvious.
 *
 * What to notice: `postMessage` copies the rows out of the table, and once more into the worker's heap, and there it has
 * to find memory for them and give it back. Fourteen numbers go over for each one that comes back, and to copy a number
 * takes longer than to multiply it. That is what kills it, not the workers: slopes_shared.ts has the same and copies once.
 *
 * @original 07_pandas/ols_basics/time_iteration_methods_dask.py
 * @run deno run --allow-read=ch07/time_iteration_methods_parallel/slopes_copied.ts ch07/time_iteration_methods_parallel/slopes_copied.ts
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

export interface Table {
  /** people x 14 */
  hours: Float64Array;
  result: Float64Array;
  partition: number;
  workers: Worker[];
  spent: Spent;
  close(): Promise<unknown>;
}

/**
 * Starts workers; the hours stay where they are.
 *
 * @param options.workers by default one for each core
 * @param options.partition how many people a worker is sent at a time
 * @throws RangeError if the hours are no whole rows
 */
export async function prepare(
  hours: Float64Array,
  { workers: count = navigator.hardwareConcurrency, partition = 10_000 } = {},
): Promise<Table> {
  if (hours.length % DAYS !== 0) throw new RangeError(`${hours.length} hours are no whole rows of ${DAYS} days`);
  const start = performance.now(), workers = await startWorkers(count);
  const spent = { starting: performance.now() - start, copying: 0, computing: 0 };
  const close = () => Promise.all(workers.map((worker) => ask(worker, "close")));
  return { hours, result: new Float64Array(hours.length / DAYS), partition, workers, spent, close };
}

interface Answer {
  slopes: Float64Array;
  /** Milliseconds that the worker computed. */
  computing: number;
}

/**
 * The slope of each person's line by least squares over the days 0 to 13, in hours a day, each day.
 *
 * @returns an array that the next call writes to
 */
export async function slopes(table: Table): Promise<Float64Array> {
  const { hours, result, partition, workers, spent } = table, start = performance.now();
  let next = 0;
  const computed = await Promise.all(workers.map(async (worker) => {
    let computing = 0;
    while (next < result.length) {
      const first = next;
      next += partition;
      // A view would not do: with it goes all of the memory that it is a view of.
      const rows = hours.slice(first * DAYS, next * DAYS), answer = await ask<Answer>(worker, rows);
      result.set(answer.slopes, first);
      computing += answer.computing;
    }
    return computing;
  }));
  spent.computing = Math.max(...computed);
  spent.copying = performance.now() - start - spent.computing;
  return result;
}

/** A worker's share: one partition. */
function work(hours: Float64Array): Answer {
  const start = performance.now(), slopes = new Float64Array(hours.length / DAYS);
  for (let person = 0; person < slopes.length; person++) slopes[person] = slopeAt(hours, person * DAYS);
  return { slopes, computing: performance.now() - start };
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
  toCaller.onmessage = ({ data }: MessageEvent<Float64Array | "start" | "close">) => {
    toCaller.postMessage(typeof data === "string" ? "done" : work(data));
    if (data === "close") self.close();
  };
} else if (import.meta.main) {
  const copies = 10, table = await prepare(repeat(generate(100_000), copies));
  await slopes(table);
  const result = await slopes(table), { starting, copying, computing } = table.spent;
  console.log(
    `${result.length} slopes by ${table.workers.length} workers: starting ${starting.toFixed(1)} ms, once; copying ` +
      `${copying.toFixed(1)} ms and computing ${computing.toFixed(1)} ms a call`,
  );
  await table.close();
  check(result, copies);
}
