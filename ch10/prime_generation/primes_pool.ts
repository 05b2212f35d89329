/**
 * The primes of a range by a pool of workers that take chunks of numbers through messages.
 *
 * What to notice: a message there and back costs as much as the work on dozens of numbers, so many go into one. But not
 * too many: at the end all wait for whoever has the last chunk. Some thousand numbers are few messages, and yet many
 * chunks for each worker (compare_chunks.ts draws it). Whoever is done gets the next, so chunks need not be equally
 * hard.
 *
 * @original 10_multiprocessing/prime_generation/primes.py
 * @run deno run --allow-read=ch10/prime_generation/primes_pool.ts ch10/prime_generation/primes_pool.ts
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
 * @param options.chunk how many numbers go into a message
 * @param options.order in which the numbers are sent: as they are, or shuffled
 */
export async function experiment(
  from: number,
  to: number,
  { workers = navigator.hardwareConcurrency, chunk = 2000, order = "ascending" as "ascending" | "shuffled" } = {},
) {
  const numbers = Uint32Array.from({ length: to - from }, (_, i) => from + i);
  if (order === "shuffled") shuffle(numbers);
  const pool = await startWorkers(workers);
  let found = new Uint32Array();
  return {
    /** `size` in place of `chunk`, where it is to differ from run to run. */
    async run(size = chunk) {
      const parts: Uint32Array[] = [];
      let next = 0, failure: unknown;
      await Promise.all(pool.map(async (worker) => {
        while (next < numbers.length && !failure) {
          const task = numbers.slice(next, next + size);
          next += size;
          await ask<Uint32Array>(worker, task).then((part) => parts.push(part), (error) => failure ??= error);
        }
      }));
      if (failure) throw failure;
      found = merge(parts);
    },
    primes: () => found,
    close: () => Promise.all(pool.map((worker) => ask(worker, "close"))),
  };
}

/** All numbers of all parts in ascending order. */
const merge = (parts: Uint32Array[]) => Uint32Array.from(parts.flatMap((part) => [...part])).sort();

/** A Fisher-Yates shuffle, the same on every run: a linear congruential generator, of which the upper half is used. */
function shuffle(numbers: Uint32Array): void {
  for (let i = numbers.length - 1, state = 42; i > 0; i--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const j = Math.floor(state / 2 ** 32 * (i + 1));
    [numbers[i], numbers[j]] = [numbers[j], numbers[i]];
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
      toCaller.postMessage(typeof data === "string" ? data : data.filter((n: number) => checkPrime(n)));
      if (data === "close") self.close();
    } catch (error) {
      toCaller.postMessage({ error });
    }
  };
} else if (import.meta.main) {
  const { parseArgs } = await import("jsr:@std/cli@1/parse-args");
  const refuse = (message: string) => (console.error(`error: ${message}`), Deno.exit(2));
  const flags = parseArgs(Deno.args, {
    string: ["workers", "chunk"],
    boolean: "help",
    default: { workers: `${navigator.hardwareConcurrency}`, chunk: "2000" },
    unknown: (argument) => refuse(`${argument}: there is only --workers, --chunk and --help`),
  });
  if (flags.help) {
    console.log(
      "The primes from 100,000,000 to 101,000,000.\n  --workers N  workers, 1 to 64\n  --chunk N    numbers a chunk, 1 to 1,000,000",
    );
    Deno.exit(0);
  }
  const whole = (name: "workers" | "chunk", min: number, max: number) => {
    const value = Number(flags[name] || NaN);
    if (Number.isInteger(value) && value >= min && value <= max) return value;
    return refuse(`--${name} ${flags[name]}: must be a whole number from ${min} to ${max}`);
  };
  const [workers, chunk] = [whole("workers", 1, 64), whole("chunk", 1, 1_000_000)];

  const { run, primes, close } = await experiment(100_000_000, 101_000_000, { workers, chunk });
  try {
    const start = performance.now();
    await run();
    const time = performance.now() - start, found = primes(), summary = [found.length, found[0], found.at(-1)].join();
    console.log(
      `1,000,000 numbers on ${workers} workers, ${chunk} numbers a message: ${
        time.toFixed(0)
      } ms; primes, first, last: ${summary}`,
    );
    // From a sieve.
    if (summary !== "54208,100000007,100999993") throw new Error(`not the primes: ${summary}`);
  } finally {
    await close();
  }
}
