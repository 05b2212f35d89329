/**
 * A slope for each of a million people by WebAssembly with SIMD, on threads that share its memory.
 *
 * What to notice: one module, compiled once, and one memory; each thread has an instance of its own. No message is sent:
 * the threads sleep on a number in that memory, and the caller wakes them, takes partitions like the others, and sleeps
 * until the last is done. That is several times as quick as messages, so that it pays for smaller tables.
 *
 * @original 07_pandas/ols_basics/time_iteration_methods_dask.py
 * @run deno run --allow-env=CI --allow-read=ch07/time_iteration_methods_parallel/slopes_shared_wasm.ts ch07/time_iteration_methods_parallel/slopes_shared_wasm.ts
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

/** A row is seven vectors of two days; their products are added, and at the end the two halves of the sum. */
function source(): string {
  const weight = (day: number) => `(${day - 6.5}) / 227.5`;
  const product = (k: number) => `f64x2.mul(f64x2(${weight(2 * k)}, ${weight(2 * k + 1)}), v128.load(row, ${16 * k}))`;
  const sum = [1, 2, 3, 4, 5, 6].reduce((sum, k) => `f64x2.add(${sum}, ${product(k)})`, product(0));
  return `export function slopes(row: usize, at: usize, end: usize): void {
    for (; at < end; at += 8, row += ${8 * DAYS}) {
      const sum = ${sum};
      store<f64>(at, f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1));
    }
  }`;
}

/** Pages of 64 KiB: 2 GiB. */
const mostPages = 32768;

/** Compiles AssemblyScript to WebAssembly with SIMD and threads. Throws with the compiler's messages if it does not compile. */
async function compile(source: string): Promise<WebAssembly.Module> {
  // Not at the top of the file: the workers do not compile, and would start later.
  const { default: asc } = await import("npm:assemblyscript@0.28.20/asc");
  let wasm: unknown;
  const { error, stderr } = await asc.main(
    `main.ts -O3 --runtime stub --enable simd,threads --importMemory --sharedMemory
      --initialMemory 1 --maximumMemory ${mostPages} -o main.wasm`.split(/\s+/),
    {
      readFile: (name) => name === "main.ts" ? source : null,
      writeFile: (_, contents) => void (wasm = contents),
      listFiles: () => [],
    },
  );
  if (error) throw new Error(`${error.message}\n${stderr}`);
  return WebAssembly.compile(wasm as Uint8Array<ArrayBuffer>);
}

// Once, for memories of all sizes.
let compiled: Promise<WebAssembly.Module> | undefined;

/** Where the time goes, in milliseconds: at the start, and in the last call. */
export interface Spent {
  starting: number;
  copying: number;
  computing: number;
}

// The first numbers of the memory are for the threads to talk to each other; from byte 64 on there are the hours.
const job = 0, taken = 1, busy = 2, start = 64;

interface Shared {
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  people: number;
  partition: number;
}

export interface Table {
  threads: number;
  result: Float64Array;
  spent: Spent;
  run(): void;
  close(): Promise<unknown>;
}

/** What a thread does: partitions until there are none left. */
async function prepareThread({ module, memory, people, partition }: Shared) {
  const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
  const compute = exports.slopes as (row: number, at: number, end: number) => void;
  const control = new Int32Array(memory.buffer, 0, start / 4), results = start + 8 * DAYS * people;
  return () => {
    for (;;) {
      const first = Atomics.add(control, taken, partition), end = Math.min(first + partition, people);
      if (first >= people) return;
      compute(start + 8 * DAYS * first, results + 8 * first, results + 8 * end);
    }
  };
}

/**
 * Starts threads and copies the hours into WebAssembly's memory.
 *
 * @param options.workers threads, the calling one included; by default one for each core
 * @param options.partition how many people a thread takes at a time
 * @throws RangeError if the hours are no whole rows, or more than WebAssembly's memory holds
 */
export async function prepare(
  hours: Float64Array,
  { workers: threads = navigator.hardwareConcurrency, partition = 10_000 } = {},
): Promise<Table> {
  if (hours.length % DAYS !== 0) throw new RangeError(`${hours.length} hours are no whole rows of ${DAYS} days`);
  const people = hours.length / DAYS, pages = Math.ceil((start + 8 * people * (DAYS + 1)) / 65536);
  if (pages > mostPages) throw new RangeError(`${people} people need more than 2 GiB`);
  const begin = performance.now(), module = await (compiled ??= compile(source()));
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const control = new Int32Array(memory.buffer, 0, start / 4);
  const shared: Shared = { module, memory, people, partition };
  const others = await Promise.all(Array.from({ length: threads - 1 }, async () => {
    const worker = new Worker(import.meta.url, { type: "module" });
    await new Promise((ready, failed) => {
      worker.onmessage = ready;
      worker.onerror = failed;
      worker.postMessage(shared);
    });
    return worker;
  }));
  const work = await prepareThread(shared), started = performance.now();
  new Float64Array(memory.buffer, start, hours.length).set(hours);
  const spent = { starting: started - begin, copying: performance.now() - started, computing: 0 };
  const wake = (number: number) => {
    Atomics.store(control, taken, 0);
    Atomics.store(control, busy, threads - 1);
    Atomics.store(control, job, number);
    Atomics.notify(control, job);
  };
  return {
    threads,
    result: new Float64Array(memory.buffer, start + hours.byteLength, people),
    spent,
    run() {
      const begin = performance.now();
      wake((control[job] + 1) & 0xffff);
      work();
      for (let left; (left = Atomics.load(control, busy)) > 0;) Atomics.wait(control, busy, left);
      spent.computing = performance.now() - begin;
    },
    close() {
      wake(-1);
      return Promise.all(others.map((worker) => new Promise((closed) => worker.onmessage = closed)));
    },
  };
}

/**
 * The slope of each person's line by least squares over the days 0 to 13, in hours a day, each day.
 *
 * @returns a view of WebAssembly's memory, which the next call writes to
 */
export function slopes(table: Table): Float64Array {
  table.run();
  return table.result;
}

/** The other side: a worker sleeps until there is a job, does its share, and sleeps again. */
async function serve(shared: Shared) {
  const work = await prepareThread(shared), control = new Int32Array(shared.memory.buffer, 0, start / 4);
  let done = Atomics.load(control, job);
  toCaller.postMessage("ready");
  for (;;) {
    Atomics.wait(control, job, done);
    const now = Atomics.load(control, job);
    if (now < 0) break;
    if (now === done) continue;
    done = now;
    work();
    Atomics.sub(control, busy, 1);
    Atomics.notify(control, busy);
  }
  toCaller.postMessage("closed");
  self.close();
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
  toCaller.onmessage = ({ data }: MessageEvent<Shared>) => serve(data);
} else if (import.meta.main) {
  const copies = 10, table = await prepare(repeat(generate(100_000), copies));
  slopes(table);
  const result = slopes(table), { starting, copying, computing } = table.spent;
  console.log(
    `${result.length} slopes by ${table.threads} threads: starting ${starting.toFixed(1)} ms, copying ` +
      `${copying.toFixed(1)} ms, both once; computing ${computing.toFixed(1)} ms a call`,
  );
  await table.close();
  check(result, copies);
}
