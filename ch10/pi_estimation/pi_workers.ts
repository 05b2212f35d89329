/**
 * Pi by workers: each throws its share of the blocks and answers with one number.
 *
 * What to notice: a message to a worker and its answer take a tenth of a millisecond, a share takes a hundred, so the
 * gain is that of the cores. The workers are started once and asked many times: to start one takes longer than a million
 * darts. Each block of darts has its stream, so that the result is the same for any number of workers.
 *
 * @original 10_multiprocessing/pi_estimation/pi_processes_parallel/pi_numpy_parallel_worker.py
 * @run deno run --allow-read=ch10/pi_estimation/pi_workers.ts ch10/pi_estimation/pi_workers.ts
 * @takes 1 s
 */

/** Xoshiro128++ by Blackman and Vigna: 32 random bits; its state moves one step on, in a cycle of 2^128 - 1. */
function next(state: Int32Array): number {
  const sum = state[0] + state[3] | 0, result = (sum << 7 | sum >>> 25) + state[0] | 0, shifted = state[1] << 9;
  state[2] ^= state[0], state[3] ^= state[1], state[1] ^= state[2], state[0] ^= state[3];
  state[2] ^= shifted, state[3] = state[3] << 11 | state[3] >>> 21;
  return result >>> 0;
}

/** The state 2^64 steps on, where the next stream begins: a sum of the next 128 states, by a polynomial of its authors. */
function jump(state: Int32Array): Int32Array {
  const now = state.slice(), sum = new Int32Array(4);
  for (const bits of [0x8764000b, 0xf542d2d3, 0x6fa035c3, 0x77f2db5b]) {
    for (let i = 0; i < 32; i++, next(now)) if (bits >>> i & 1) { for (let w = 0; w < 4; w++) sum[w] ^= now[w]; }
  }
  return sum;
}

// Each block of darts has a stream of its own: who throws it, and when, changes nothing. The state begins with the seed and
// digits of pi, and jumps once before the first block, so that similar seeds do not begin alike.
const block = 2 ** 16;
const firstStream = (seed: number) => jump(Int32Array.of(seed, 0x243f6a88, 0x85a308d3, 0x13198a2e));

/** How many of so many darts hit. */
function count(stream: Int32Array, darts: number): number {
  let a = stream[0], b = stream[1], c = stream[2], d = stream[3], inside = 0;
  for (let i = 0; i < darts; i++) {
    // Twice the step of «next».
    let sum = a + d | 0, shifted = b << 9;
    const x = ((sum << 7 | sum >>> 25) + a >>> 1) / 2 ** 31;
    c ^= a, d ^= b, b ^= c, a ^= d, c ^= shifted, d = d << 11 | d >>> 21;
    sum = a + d | 0, shifted = b << 9;
    const y = ((sum << 7 | sum >>> 25) + a >>> 1) / 2 ** 31;
    c ^= a, d ^= b, b ^= c, a ^= d, c ^= shifted, d = d << 11 | d >>> 21;
    // Not an «if»: the processor would guess whether the dart hits, and be wrong at every fifth.
    inside += Number(x * x + y * y <= 1);
  }
  return inside;
}

/** What a worker is asked for: the darts of the blocks from `from` to `to`. */
interface Share {
  darts: number;
  seed: number;
  from: number;
  to: number;
}

function throwShare({ darts, seed, from, to }: Share): number {
  let stream = firstStream(seed), inside = 0;
  for (let k = 0; k < from; k++) stream = jump(stream);
  for (let k = from; k < to; k++, stream = jump(stream)) inside += count(stream, Math.min(block, darts - k * block));
  return inside;
}

/** Sends a worker a message, and waits for its answer. Rejects with what the worker throws. */
function ask(worker: Worker, message: Share | "ready?" | "close"): Promise<unknown> {
  return new Promise((answer, failed) => {
    worker.onmessage = ({ data }) => {
      if (data instanceof Error) failed(new Error(`a worker failed: ${data.message}`, { cause: data }));
      else answer(data);
    };
    // Where it could not even start. Without preventDefault the error would end this thread too.
    worker.onerror = (event) => {
      event.preventDefault();
      failed(new Error(`a worker failed: ${event.message}`));
    };
    worker.postMessage(message);
  });
}

/**
 * The book's experiment: of `darts` darts thrown at a square, how many hit the quarter circle; pi is 4 inside / darts.
 *
 * @param workers how many there are; by default one for each core
 */
export async function experiment(
  { darts, workers = navigator.hardwareConcurrency, seed = 10 }: { darts: number; workers?: number; seed?: number },
) {
  const blocks = Math.ceil(darts / block);
  const pool = Array.from({ length: workers }, () => new Worker(import.meta.url, { type: "module" }));
  let ended = false;
  const askAll = async (message: (worker: number) => Parameters<typeof ask>[1]) => {
    if (ended) throw new Error("the workers have been ended");
    try {
      return await Promise.all(pool.map((worker, i) => ask(worker, message(i))));
    } catch (error) {
      for (const worker of pool) worker.terminate();
      ended = true;
      throw error;
    }
  };
  await askAll(() => "ready?");
  return {
    /** Throws all darts. If a worker fails, all are ended and the error says why. */
    async run() {
      const edge = (i: number) => Math.floor(blocks * i / workers);
      const counts = await askAll((i) => ({ darts, seed, from: edge(i), to: edge(i + 1) })) as number[];
      return { inside: counts.reduce((sum, inside) => sum + inside, 0), darts };
    },
    async close() {
      if (!ended) await askAll(() => "close");
      ended = true;
    },
  };
}

// The type checker takes this file for a main module, which has no one to send messages to.
const toCaller = self as unknown as Worker;

if ("WorkerGlobalScope" in globalThis) {
  toCaller.onmessage = ({ data }: MessageEvent<Share | "ready?" | "close">) => {
    try {
      toCaller.postMessage(typeof data === "string" ? data : throwShare(data));
    } catch (error) {
      toCaller.postMessage(error);
    }
    if (data === "close") self.close();
  };
} else if (import.meta.main) {
  const { parseArgs } = await import("jsr:@std/cli@1/parse-args");
  const refuse = (message: string) => (console.error(`error: ${message}`), Deno.exit(2));
  const flags = parseArgs(Deno.args, {
    string: ["workers"],
    boolean: "help",
    default: { workers: `${navigator.hardwareConcurrency}` },
    unknown: (argument) => refuse(`${argument}: there is only --workers and --help`),
  });
  if (flags.help) {
    console.log("Pi by 4e7 darts.\n  --workers N  threads, 1 to 64");
    Deno.exit(0);
  }
  const workers = Number(flags.workers || NaN);
  if (!(Number.isInteger(workers) && workers >= 1 && workers <= 64)) {
    refuse(`--workers ${flags.workers}: must be a whole number from 1 to 64`);
  }
  const { run, close } = await experiment({ darts: 4e7, workers });
  // In the first run V8 still compiles.
  await run();
  const start = performance.now();
  const { inside, darts } = await run();
  const ms = (performance.now() - start).toFixed(0);
  console.log(`pi is about ${4 * inside / darts}: ${inside} of ${darts} darts, ${workers} workers, ${ms} ms`);
  await close();
  if (inside !== 31418790) throw new Error(`of these darts, 31418790 hit, not ${inside}`);
}
