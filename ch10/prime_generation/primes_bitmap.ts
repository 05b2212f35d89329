/**
 * The primes of a range as bits in shared memory: the result needs no message and no sorting.
 *
 * What to notice: every number has its bit, and whoever finds a prime sets it. A processor writes whole bytes, though:
 * two workers that each set a bit of the same byte can undo each other's. Either the write is atomic, or, as cheap as
 * can be, the chunks are multiples of eight numbers, and no byte has two owners (`--write aligned`). For one prime in
 * eighteen numbers, the two cost the same; what is gone is the collecting.
 *
 * @original 10_multiprocessing/prime_generation/primes.py
 * @run deno run --allow-read=ch10/prime_generation/primes_bitmap.ts ch10/prime_generation/primes_bitmap.ts
 * @takes 1 s
 */

/** Whether a whole number below 2^31 is prime, by trial division with all odd divisors up to its square root. */
export function checkPrime(n: number): boolean {
  if (!(n >= 0 && n < 2 ** 31)) throw new RangeError(`${n}: must be a whole number from 0 to 2^31 - 1`);
  if (n < 3 || n % 2 === 0) return n === 2;
  const root = Math.floor(Math.sqrt(n));
  for (let d = 3; d <= root; d += 2) if (n % d === 0) return false;
  return true;
}

/**
 * The book's experiment: the primes from `from` to, but not including, `to`, in ascending order. A run rejects with what
 * a worker threw as the cause; also after that it has to be closed.
 *
 * @param options.workers by default one for each core
 * @param options.chunk how many numbers a worker takes at a time
 * @param options.write how bits are set: `atomic`, or plainly with chunks `aligned` to bytes
 */
export async function experiment(
  from: number,
  to: number,
  { workers = navigator.hardwareConcurrency, chunk = 100, write = "atomic" as "atomic" | "aligned" } = {},
) {
  const counter = new Int32Array(new SharedArrayBuffer(4));
  const bits = new Uint8Array(new SharedArrayBuffer(Math.ceil((to - from) / 8)));
  const task: Task = { counter, bits, from, to, chunk: write === "aligned" ? Math.ceil(chunk / 8) * 8 : chunk, write };
  const pool = await startWorkers(workers);
  return {
    async run() {
      bits.fill(0);
      Atomics.store(counter, 0, 0);
      const ends = await Promise.allSettled(pool.map((worker) => ask(worker, task)));
      const failed = ends.find((end) => end.status === "rejected");
      if (failed) throw failed.reason;
    },
    primes() {
      const found: number[] = [];
      for (let i = 0; i < to - from; i++) if (bits[i >> 3] & 1 << (i & 7)) found.push(from + i);
      return Uint32Array.from(found);
    },
    close: () => Promise.all(pool.map((worker) => ask(worker, "close"))),
  };
}

interface Task {
  /** How many of the numbers have been taken. */
  counter: Int32Array;
  /** Number `from + i` has bit i % 8 of byte i / 8. */
  bits: Uint8Array;
  from: number;
  to: number;
  chunk: number;
  write: "atomic" | "aligned";
}

/** A worker's share: chunks of numbers until there are none left. */
function work({ counter, bits, from, to, chunk, write }: Task): void {
  const count = to - from;
  try {
    for (;;) {
      const start = Atomics.add(counter, 0, chunk), end = Math.min(start + chunk, count);
      if (start >= count) return;
      for (let i = start; i < end; i++) {
        if (!checkPrime(from + i)) continue;
        if (write === "atomic") Atomics.or(bits, i >> 3, 1 << (i & 7));
        else bits[i >> 3] |= 1 << (i & 7);
      }
    }
  } catch (error) {
    // The others find nothing left to do.
    Atomics.store(counter, 0, count);
    throw error;
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

// The type checker takes this file for a main module, which has no one to send messages to.
const toCaller = self as unknown as Worker;

if ("WorkerGlobalScope" in globalThis) {
  toCaller.onmessage = ({ data }) => {
    try {
      toCaller.postMessage(typeof data === "string" ? data : work(data));
      if (data === "close") self.close();
    } catch (error) {
      toCaller.postMessage({ error });
    }
  };
} else if (import.meta.main) {
  const { parseArgs } = await import("jsr:@std/cli@1/parse-args");
  const refuse = (message: string) => (console.error(`error: ${message}`), Deno.exit(2));
  const flags = parseArgs(Deno.args, {
    string: ["workers", "chunk", "write"],
    boolean: "help",
    default: { workers: `${navigator.hardwareConcurrency}`, chunk: "100", write: "atomic" },
    unknown: (argument) => refuse(`${argument}: there is only --workers, --chunk, --write and --help`),
  });
  if (flags.help) {
    console.log(
      "The primes from 100,000,000 to 101,000,000.\n  --workers N  workers, 1 to 64\n  --chunk N    numbers a chunk, 1 to 1,000,000\n  --write HOW  atomic or aligned",
    );
    Deno.exit(0);
  }
  const whole = (name: "workers" | "chunk", min: number, max: number) => {
    const value = Number(flags[name] || NaN);
    if (Number.isInteger(value) && value >= min && value <= max) return value;
    return refuse(`--${name} ${flags[name]}: must be a whole number from ${min} to ${max}`);
  };
  const [workers, chunk] = [whole("workers", 1, 64), whole("chunk", 1, 1_000_000)];
  const write = flags.write;
  if (write !== "atomic" && write !== "aligned") refuse(`--write ${write}: must be atomic or aligned`);
  const { run, primes, close } = await experiment(100_000_000, 101_000_000, {
    workers,
    chunk,
    write: write as "atomic" | "aligned",
  });
  try {
    const start = performance.now();
    await run();
    const time = performance.now() - start, found = primes(), summary = [found.length, found[0], found.at(-1)].join();
    console.log(
      `1,000,000 numbers on ${workers} workers, written ${write}: ${
        time.toFixed(0)
      } ms; primes, first, last: ${summary}`,
    );
    // From a sieve.
    if (summary !== "54208,100000007,100999993") throw new Error(`not the primes: ${summary}`);
  } finally {
    await close();
  }
}
