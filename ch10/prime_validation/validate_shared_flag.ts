/**
 * Is one number prime? Workers that stop early, as soon as a flag in shared memory says so.
 *
 * What to notice: a look is a load from memory that is nearly always in the cache. With all around it, it takes some tens
 * of nanoseconds, where a message takes 0.1 ms: looking every 100,000 trials, five times a millisecond, costs nothing that
 * can be measured. `Atomics` promises what is needed: a store is seen by all threads, whole and in order. With `--plain`
 * the byte is read and written without: a race, and here a harmless one, since it only goes from 0 to 1 and who reads an
 * old 0 makes some more trials. But an optimiser may read it once, before the loop; and an atomic load costs no more.
 *
 * @original 10_multiprocessing/prime_validation/primes_pool_per_number_value.py, …_mmap3.py
 * @run deno run --allow-read=ch10/prime_validation/validate_shared_flag.ts ch10/prime_validation/validate_shared_flag.ts
 * @takes 2 s
 */

// Below this the estimated quotient may be off: such candidates are few, and the calling thread takes them.
const firstEstimated = 8193;

/** What to divide, in the form the workers want, and between which candidates. */
interface Task {
  approximate: number;
  last32: number;
  from: number;
  to: number;
}

/** What a worker answers. */
interface Part {
  factor: number;
  trials: number;
}

/** The first odd number from `from` up to `to` that divides n, or 0; check_imul explains it. For n / from < 2 ** 51. */
function findFactor({ approximate, last32, from, to }: Task): number {
  for (let d = from; d < to; d += 2) {
    if (Math.imul(approximate / d + 1.5 * 2 ** 52, d) === last32) return d;
  }
  return 0;
}

/** What the worker was told at the start. */
let found: Uint8Array, look: number, plain: boolean;

/** The worker's side: its range in pieces of `look` candidates, and between them a look at what is shared. */
function work(task: Task): Part {
  for (let from = task.from; from < task.to; from += 2 * look) {
    if (plain ? found[0] : Atomics.load(found, 0)) return { factor: 0, trials: (from - task.from) / 2 };
    const factor = findFactor({ ...task, from, to: Math.min(task.to, from + 2 * look) });
    if (factor) {
      if (plain) found[0] = 1;
      else Atomics.store(found, 0, 1);
      return { factor, trials: (factor - task.from) / 2 + 1 };
    }
  }
  return { factor: 0, trials: (task.to - task.from) / 2 };
}

/**
 * Starts the workers.
 *
 * @param workers how many
 * @param look after how many trials a worker looks whether another has found a factor
 * @param plain whether it looks without Atomics
 */
export async function experiment(
  { workers = navigator.hardwareConcurrency, look = 100_000, plain = false } = {},
) {
  // Whether one of them has found a factor.
  const found = new Uint8Array(new SharedArrayBuffer(1));
  const pool = Array.from({ length: workers }, () => new Worker(import.meta.url, { type: "module" }));
  const failed = (error: unknown) => {
    for (const worker of pool) worker.terminate();
    throw error;
  };
  await Promise.all(pool.map((worker) => request(worker, { found, look, plain }))).catch(failed);
  return {
    /**
     * Tries 2 and the odd numbers from 3 to the square root of `n`, or those from `from` up to, not including, `to`.
     * Returns a factor, or 0, and how many trials were made. Of several factors it may be any. One run at a time.
     *
     * Throws a RangeError if `n` is not from 2 to 2 ** 64 - 1.
     */
    async run(n: bigint, from = 3, to?: number): Promise<Part> {
      if (n < 2n || n >= 2n ** 64n) throw new RangeError(`${n}: must be from 2 to 2 ** 64 - 1`);
      to ??= squareRoot(n) + 1;
      if (n % 2n === 0n) return { factor: n === 2n ? 0 : 2, trials: 1 };
      // Small candidates would be no work for a worker. They settle most numbers that are not prime at once.
      let d = from;
      for (; d < to && d < firstEstimated; d += 2) {
        if (n % BigInt(d) === 0n) return { factor: d, trials: (d - from) / 2 + 1 };
      }
      const candidates = Math.max(0, Math.ceil((to - d) / 2));
      if (candidates === 0) return { factor: 0, trials: (d - from) / 2 };
      Atomics.store(found, 0, 0);
      const end = (part: number) => d + 2 * Math.floor(candidates * part / workers);
      const parts = await Promise.all(pool.map((worker, part) => {
        const task = {
          approximate: Number(n),
          last32: Number(BigInt.asIntN(32, n)),
          from: end(part),
          to: end(part + 1),
        };
        return request(worker, task);
      })).catch(failed);
      return {
        factor: parts.find(({ factor }) => factor)?.factor ?? 0,
        trials: parts.reduce((sum, { trials }) => sum + trials, (d - from) / 2),
      };
    },
    /** Ends the workers. */
    async close() {
      await Promise.all(pool.map((worker) => request(worker, "close")));
    },
  };
}

/** Sends a message to a worker and waits for the answer. Rejects if the worker fails. */
function request(worker: Worker, message: unknown): Promise<Part> {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = (event) => (event.preventDefault(), reject(new Error(event.message)));
    worker.postMessage(message);
  });
}

/** The largest whole number whose square is not above `n`. */
function squareRoot(n: bigint): number {
  let root = BigInt(Math.floor(Math.sqrt(Number(n))));
  while (root * root > n) root--;
  while ((root + 1n) ** 2n <= n) root++;
  return Number(root);
}

/** The book's numbers, and whether they are prime. */
const numbers: [bigint, boolean][] = [
  [112272535095295n, false],
  [100109100129100369n, false],
  [100109100129101027n, false],
  [100109100129100151n, true],
  [100109100129162907n, true],
];

// The type checker takes this file for a main module, which has no one to send messages to.
const toCaller = self as unknown as Worker;

if ("WorkerGlobalScope" in globalThis) {
  toCaller.onmessage = (
    { data }: MessageEvent<Task | { found: Uint8Array; look: number; plain: boolean } | "close">,
  ) => {
    if (data === "close") toCaller.postMessage("closed"), self.close();
    else if ("found" in data) ({ found, look, plain } = data), toCaller.postMessage("ready");
    else toCaller.postMessage(work(data));
  };
} else if (import.meta.main) {
  const { parseArgs } = await import("jsr:@std/cli@1/parse-args");
  const refuse = (message: string) => (console.error(`error: ${message}`), Deno.exit(2));
  const flags = parseArgs(Deno.args, {
    string: ["workers", "look"],
    boolean: ["help", "plain"],
    default: { workers: `${navigator.hardwareConcurrency}`, look: "100000" },
    unknown: (argument) => refuse(`${argument}: there is only --workers, --look, --plain and --help`),
  });
  if (flags.help) {
    console.log("Is a number prime? With early stop.");
    console.log(
      "  --workers N  workers, 1 to 64\n  --look N     trials between looks, 1 to 1e9\n  --plain      look without Atomics",
    );
    Deno.exit(0);
  }
  const workers = Number(flags.workers || NaN), look = Number(flags.look || NaN);
  if (!(Number.isInteger(workers) && workers >= 1 && workers <= 64)) {
    refuse(`--workers ${flags.workers}: must be a whole number from 1 to 64`);
  }
  if (!(Number.isInteger(look) && look >= 1 && look <= 1e9)) {
    refuse(`--look ${flags.look}: must be a whole number from 1 to 1e9`);
  }
  const { run, close } = await experiment({ workers, look, plain: flags.plain });
  // Twice, as in the first run V8 still compiles.
  for (const again of [false, true]) {
    for (const [n, prime] of numbers) {
      const start = performance.now(), { factor, trials } = await run(n), ms = performance.now() - start;
      if (factor ? prime || n % BigInt(factor) : !prime) throw new Error(`${n} has the factor ${factor}?`);
      if (!again) continue;
      console.log(`${n} ${factor ? `has the factor ${factor}` : "is prime"}: ${ms.toFixed(1)} ms, ${trials} trials`);
    }
  }
  await close();
}
