/**
 * The primes of a range by workers that get one number a message: slower than one core alone.
 *
 * What to notice: a message is serialised, queued, wakes a thread and is unpacked, which takes microseconds; a number
 * takes less than one on average, for one in two is even, and of the rest most have a small divisor. So the caller,
 * which only posts, is busier than the workers, and not even the first result is looked at before the last number is
 * posted: the caller's own thread is not free before. At the end each worker gets a poison pill, a message that says
 * that there is no more. With `--less-work` the caller divides by 2, 3, 5 and 7 itself, which is cheaper than any message,
 * and sends the 23 % that are left: the queue is as slow a number as before, and less goes through it.
 *
 * @original 10_multiprocessing/prime_generation/primes_queue.py
 * @run deno run --allow-read=ch10/prime_generation/primes_queue.ts ch10/prime_generation/primes_queue.ts
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

/** Whether a number is seen at a glance to be no prime. */
const isObvious = (n: number) => n > 7 && (n % 2 === 0 || n % 3 === 0 || n % 5 === 0 || n % 7 === 0);

/**
 * The book's experiment: the primes from `from` to, but not including, `to`, in ascending order. A run rejects with what
 * a worker threw as the cause; also after that it has to be closed.
 *
 * @param options.workers by default one for each core
 * @param options.lessWork whether the obvious ones are not sent
 */
export async function experiment(
  from: number,
  to: number,
  { workers = navigator.hardwareConcurrency, lessWork = false } = {},
) {
  const pool = await startWorkers(workers);
  const found: number[] = [];
  let firstAfter = NaN;
  return {
    async run() {
      const start = performance.now();
      found.length = 0;
      firstAfter = NaN;
      let failure: unknown;
      const finished = pool.map((worker) =>
        new Promise<void>((resolve) => {
          worker.onmessage = ({ data }) => {
            if (data === "finished") return resolve();
            if (data.error) return void (failure ??= new Error("a worker failed", { cause: data.error }));
            if (found.push(data) === 1) firstAfter = performance.now() - start;
          };
        })
      );
      for (let n = from; n < to; n++) {
        if (!(lessWork && isObvious(n))) pool[share(n, workers)].postMessage(n);
      }
      for (const worker of pool) worker.postMessage("no more");
      await Promise.all(finished);
      if (failure) throw failure;
      found.sort((a, b) => a - b);
    },
    primes: () => Uint32Array.from(found),
    /** Milliseconds from the start of the last run until the first prime arrived. */
    firstAfter: () => firstAfter,
    close: () => Promise.all(pool.map((worker) => ask(worker, "close"))),
  };
}

/**
 * To whom a number goes. Each worker has a queue of its own; to deal to them in turn would give one of two all the even
 * numbers and none of the work. The upper bits of the product with an odd constant are as good as random.
 */
const share = (n: number, workers: number) => (Math.imul(n, 0x9e3779b1) >>> 16) % workers;

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
    if (data === "no more") return toCaller.postMessage("finished");
    try {
      if (typeof data === "string") toCaller.postMessage(data);
      else if (checkPrime(data)) toCaller.postMessage(data);
      if (data === "close") self.close();
    } catch (error) {
      toCaller.postMessage({ error });
    }
  };
} else if (import.meta.main) {
  const { parseArgs } = await import("jsr:@std/cli@1/parse-args");
  const refuse = (message: string) => (console.error(`error: ${message}`), Deno.exit(2));
  const flags = parseArgs(Deno.args, {
    string: ["workers"],
    boolean: ["help", "less-work"],
    default: { workers: `${navigator.hardwareConcurrency}` },
    unknown: (argument) => refuse(`${argument}: there is only --workers, --less-work and --help`),
  });
  if (flags.help) {
    console.log(
      "The primes from 100,000,000 to 100,100,000.\n  --workers N  workers, 1 to 64\n  --less-work  do not send the obvious ones",
    );
    Deno.exit(0);
  }
  const whole = (name: "workers", min: number, max: number) => {
    const value = Number(flags[name] || NaN);
    if (Number.isInteger(value) && value >= min && value <= max) return value;
    return refuse(`--${name} ${flags[name]}: must be a whole number from ${min} to ${max}`);
  };
  const [workers] = [whole("workers", 1, 64)];

  const { run, primes, close, firstAfter } = await experiment(100_000_000, 100_100_000, {
    workers,
    lessWork: flags["less-work"],
  });
  try {
    const start = performance.now();
    await run();
    const time = performance.now() - start, found = primes(), summary = [found.length, found[0], found.at(-1)].join();
    console.log(`100,000 numbers on ${workers} workers: ${time.toFixed(0)} ms; primes, first, last: ${summary}`);
    console.log(`the first prime arrived after ${firstAfter().toFixed(0)} ms`);
    // From a sieve.
    if (summary !== "5411,100000007,100099981") throw new Error(`not the primes: ${summary}`);
  } finally {
    await close();
  }
}
