/**
 * Random numbers from several workers into one shared array: a stream for each row, or the same seed twice.
 *
 * What to notice: a seed given to every worker gives the same numbers in every worker, which look as random as any:
 * of four rows, three say nothing new, and a mean over them is twice as far off as it seems. Here the generator can
 * jump: 2 ** 64 numbers ahead by one call, so that each row gets a stretch of its own out of one long sequence. The
 * row and not the worker says which: the numbers are the same, however many workers there are. (`--seeding same`
 * shows the mistake.)
 *
 * The generator is xoshiro128++ by David Blackman and Sebastiano Vigna, «Scrambled Linear Pseudorandom Number
 * Generators» (2021); its jump polynomial is the one they publish.
 *
 * @original 10_multiprocessing/np_shared_example/rnd_demo/np_shared_rnd_parallel.py
 * @run deno run --allow-read=ch10/shared_array/random_rows.ts ch10/shared_array/random_rows.ts
 * @takes 1 s
 */

/** Any four integers but all zero. */
const seed = [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344];

/** One step of xoshiro128++: changes the state, and returns 32 random bits as a signed integer. */
export function next(state: Int32Array): number {
  const sum = (state[0] + state[3]) | 0;
  const result = (((sum << 7) | (sum >>> 25)) + state[0]) | 0;
  const shifted = state[1] << 9;
  state[2] ^= state[0];
  state[3] ^= state[1];
  state[1] ^= state[2];
  state[0] ^= state[3];
  state[2] ^= shifted;
  state[3] = (state[3] << 11) | (state[3] >>> 21);
  return result;
}

/** Moves a state 2 ** 64 steps ahead. */
export function jump(state: Int32Array): void {
  const ahead = new Int32Array(4);
  for (const word of [0x8764000b, 0xf542d2d3, 0x6fa035c3, 0x77f2db5b]) {
    for (let bit = 0; bit < 32; bit++) {
      if (word >>> bit & 1) { for (let i = 0; i < 4; i++) ahead[i] ^= state[i]; }
      next(state);
    }
  }
  state.set(ahead);
}

/** Fills a row with numbers from 0 up to, not including, 1, of 53 random bits each. */
function fillRow(row: Float64Array, state: Int32Array): void {
  for (let i = 0; i < row.length; i++) {
    const high = next(state) >>> 5, low = next(state) >>> 6;
    row[i] = (high * 2 ** 26 + low) / 2 ** 53;
  }
}

/** A worker's share: every `workers`-th row from its own on. */
export function fillRows({ array, columns, workers, starts }: Share, worker: number): void {
  const rows = array.length / columns, same = Int32Array.from(seed);
  for (let row = worker; row < rows; row += workers) {
    // What a row takes of its stream does not matter to where another's begins.
    const state = starts ? starts.slice(4 * row, 4 * row + 4) : same;
    fillRow(array.subarray(row * columns, (row + 1) * columns), state);
  }
}

/** Where the streams of the rows begin: four integers each, in shared memory. */
export function startsOf(rows: number): Int32Array {
  const starts = new Int32Array(new SharedArrayBuffer(16 * rows)), state = Int32Array.from(seed);
  for (let row = 0; row < rows; row++, jump(state)) starts.set(state, 4 * row);
  return starts;
}

interface Share {
  array: Float64Array;
  columns: number;
  workers: number;
  /** Without, every worker begins with the seed. */
  starts?: Int32Array;
}

/** How many of the rows are like no row before them. */
export function distinctRows(array: Float64Array, columns: number): number {
  const seen = new Set<string>();
  for (let at = 0; at < array.length; at += columns) seen.add(array.subarray(at, at + Math.min(columns, 8)).join());
  return seen.size;
}

/** Starts workers that fill rows x columns numbers in shared memory. */
export async function experiment(
  { rows, columns, workers, seeding = "streams" }: {
    rows: number;
    columns: number;
    workers: number;
    seeding?: "streams" | "same";
  },
) {
  const array = new Float64Array(new SharedArrayBuffer(8 * rows * columns));
  const share: Share = { array, columns, workers, starts: seeding === "streams" ? startsOf(rows) : undefined };
  const threads = Array.from({ length: workers }, () => new Worker(import.meta.url, { type: "module" }));
  const ask = (thread: Worker, message: unknown) =>
    new Promise<void>((resolve, reject) => {
      thread.onmessage = () => resolve();
      thread.onerror = (event) => (event.preventDefault(), reject(new Error(event.message)));
      thread.postMessage(message);
    });
  await Promise.all(threads.map((thread, worker) => ask(thread, { share, worker })));
  return {
    array,
    run: () => Promise.all(threads.map((thread) => ask(thread, "fill"))),
    close: () => Promise.all(threads.map((thread) => ask(thread, "close"))),
  };
}

// The type checker takes this file for a main module, which has no one to send messages to.
const toCaller = self as unknown as Worker;

if ("WorkerGlobalScope" in globalThis) {
  let share: Share, worker: number;
  toCaller.onmessage = ({ data }) => {
    if (data.share) ({ share, worker } = data);
    if (data === "fill") fillRows(share, worker);
    toCaller.postMessage(data === "close" ? "closed" : "done");
    if (data === "close") self.close();
  };
} else if (import.meta.main) {
  const { parseArgs } = await import("jsr:@std/cli@1/parse-args");
  const refuse = (message: string) => (console.error(`error: ${message}`), Deno.exit(2));
  const flags = parseArgs(Deno.args, {
    string: ["workers", "seeding"],
    boolean: "help",
    default: { workers: "4", seeding: "streams" },
    unknown: (argument) => refuse(`${argument}: there is only --workers, --seeding and --help`),
  });
  if (flags.help) {
    console.log(
      "Workers fill an array with random numbers.\n  --workers N    1 to 64\n  --seeding HOW  streams or same",
    );
    Deno.exit(0);
  }
  const workers = Number(flags.workers || NaN), seeding = flags.seeding;
  if (!(Number.isInteger(workers) && workers >= 1 && workers <= 64)) {
    refuse(`--workers ${flags.workers}: must be a whole number from 1 to 64`);
  }
  if (seeding !== "streams" && seeding !== "same") refuse(`--seeding ${seeding}: must be streams or same`);

  const rows = 1000, columns = 10_000;
  const open = (workers: number) => experiment({ rows, columns, workers, seeding: seeding as "streams" | "same" });
  const { array, run, close } = await open(workers);
  await run();
  const start = performance.now();
  await run();
  const time = (performance.now() - start) / array.length * 1e6;
  await close();
  const mean = array.reduce((sum, x) => sum + x, 0) / array.length, different = distinctRows(array, columns);
  console.log(`${workers} workers: ${time.toFixed(2)} ns a number, mean ${mean.toFixed(6)}`);
  console.log(`${different} of ${rows} rows are different from all before them`);
  // As good as certain if the numbers are independent: five standard deviations.
  const bound = 5 * Math.sqrt(rows / different / 12 / array.length);
  if (Math.abs(mean - 0.5) > bound) throw new Error(`the mean is ${mean}`);
  if (seeding === "same" ? different !== Math.ceil(rows / workers) : different !== rows) {
    throw new Error("the wrong rows");
  }
}
