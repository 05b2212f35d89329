/**
 * The primes of a range in WebAssembly on all cores, four trial divisions at a time and without dividing.
 *
 * What to notice: an odd number n is divisible by an odd d exactly if n times the inverse of d modulo 2^32 is the
 * quotient, that is, at most n / d; any other product is larger. So a table of inverses makes of each division a
 * multiplication, of which vectors do four at once; and of many products only the smallest is kept, and looked at once
 * for many divisors. It is still trial division by every odd number up to the root. The workers share the memory:
 * table, counter, and the primes as bits.
 *
 * @original 10_multiprocessing/prime_generation/primes.py
 * @run deno run --allow-env=CI --allow-read=ch10/prime_generation/primes_wasm.ts ch10/prime_generation/primes_wasm.ts
 * @takes 1 s
 */

// The first bytes of the memory are the counter from which workers draw their numbers; the tables begin here.
const inverses = 64;

/**
 * How many divisors are looked at together: few at first, as most numbers have a small one, and then always the last. No
 * divisor is more than three times another of its group.
 */
const groups = [4, 4, 8, 16, 32, 128];
const always = groups.at(-1)!, firstGroups = groups.slice(0, -1);

/** Returns from checkPrime if one of the next `size` divisors divides n. */
const look = (size: number) =>
  `{
    let least = i32x4.splat(-1);
    ${
    Array.from({ length: size / 4 }, (_, i) =>
      `least = i32x4.min_u(least, i32x4.mul(ns, v128.load(inverse, ${16 * i})));`)
      .join("\n")
  }
    if (v128.any_true(i32x4.le_u(least, v128.load32_splat(limit)))) return false;
    inverse += ${4 * size};
    limit += 4;
  }`;

const source = `
/** Whether an odd n above 2 is prime. */
function checkPrime(n: i32, inverse: usize, limit: usize): bool {
  const root = i32(Math.sqrt(n));
  // The groups go beyond the root, and a small number would meet itself as a divisor.
  if (n < 1000) {
    for (let d = 3; d <= root; d += 2) if (n % d == 0) return false;
    return true;
  }
  const ns = i32x4.splat(n);
  ${firstGroups.map(look).join("\n")}
  for (let d = ${3 + 2 * firstGroups.reduce((sum, size) => sum + size)}; d <= root; d += ${2 * always}) ${look(always)}
  return true;
}

/** A worker's share: chunks of numbers, in which \`from\` counts as 0, until there are none left. */
export function work(from: i32, count: i32, chunk: i32, inverses: usize, limits: usize, bits: usize): void {
  for (;;) {
    const start = atomic.add<i32>(0, chunk), end = min(start + chunk, count);
    if (start >= count) return;
    for (let i = start; i < end; i++) {
      const n = from + i;
      if (n & 1 ? n < 3 || !checkPrime(n, inverses, limits) : n != 2) continue;
      const at = bits + (i >> 3);
      store<u8>(at, load<u8>(at) | (1 << u8(i & 7)));
    }
  }
}`;

/**
 * Compiles AssemblyScript to WebAssembly with SIMD and threads. Throws with the compiler's messages if it does not compile.
 * The memory's size is fixed: if another thread could make it grow, every access would have to read the size again.
 */
async function compile(source: string, pages: number): Promise<Uint8Array<ArrayBuffer>> {
  // Not at the top of the file: the workers do not compile, and would start later.
  const { default: asc } = await import("npm:assemblyscript@0.28.20/asc");
  let wasm: unknown;
  const { error, stderr } = await asc.main(
    `main.ts -O3 --runtime stub --enable simd,threads,bulk-memory --importMemory --sharedMemory
      --initialMemory ${pages} --maximumMemory ${pages} -o main.wasm`.split(/\s+/),
    {
      readFile: (name) => name === "main.ts" ? source : null,
      writeFile: (_, contents) => void (wasm = contents),
      listFiles: () => [],
    },
  );
  if (error) throw new Error(`${error.message}\n${stderr}`);
  return wasm as Uint8Array<ArrayBuffer>;
}

/** What a worker needs to know. */
interface Share {
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  /** The arguments of `work`. */
  work: number[];
}

/** The divisors 3, 5, 7, … in their groups, until beyond the root of `to`: their inverses, and each group's largest quotient. */
function tables(to: number) {
  const inverses: number[] = [], limits: number[] = [];
  for (let d = 3; limits.length < firstGroups.length || d * d <= to;) {
    limits.push(Math.floor(to / d));
    const size = groups[Math.min(limits.length, groups.length) - 1];
    for (const end = d + 2 * size; d < end; d += 2) {
      // Newton's method: d is its own inverse modulo 8, and every step doubles the bits that are right.
      let inverse = d;
      for (let bits = 3; bits < 32; bits *= 2) inverse = Math.imul(inverse, 2 - Math.imul(d, inverse));
      inverses.push(inverse);
    }
  }
  return { inverses, limits };
}

/**
 * The book's experiment: the primes from `from` to, but not including, `to`, in ascending order.
 *
 * @param to at most 2^32 / 3: the quotients that count as division must stay apart from the other products
 * @param options.workers by default one for each core
 * @param options.chunk how many numbers a worker takes at a time; made a multiple of 8, so that no byte has two owners
 */
export async function experiment(
  from: number,
  to: number,
  { workers = navigator.hardwareConcurrency, chunk = 1000 } = {},
) {
  if (!(from >= 0 && to <= 2 ** 32 / 3)) throw new RangeError(`${from} to ${to}: must be from 0 to 2^32 / 3`);
  const { inverses: table, limits } = tables(to), count = to - from;
  const limitsAt = inverses + 4 * table.length, bitsAt = limitsAt + 4 * limits.length, bytes = Math.ceil(count / 8);
  const pages = Math.ceil((bitsAt + bytes) / 65536);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  new Int32Array(memory.buffer, inverses, table.length).set(table);
  new Int32Array(memory.buffer, limitsAt, limits.length).set(limits);
  const counter = new Int32Array(memory.buffer, 0, 1), bits = new Uint8Array(memory.buffer, bitsAt, bytes);
  const module = await WebAssembly.compile(await compile(source, pages));
  const work = [from, count, Math.ceil(chunk / 8) * 8, inverses, limitsAt, bitsAt];
  const pool = await startWorkers(workers, { module, memory, work });
  return {
    async run() {
      bits.fill(0);
      Atomics.store(counter, 0, 0);
      await Promise.all(pool.map((worker) => ask(worker, "run")));
    },
    primes() {
      const found: number[] = [];
      for (let i = 0; i < count; i++) if (bits[i >> 3] & 1 << (i & 7)) found.push(from + i);
      return Uint32Array.from(found);
    },
    close: () => Promise.all(pool.map((worker) => ask(worker, "close"))),
  };
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
async function startWorkers(count: number, share: Share): Promise<Worker[]> {
  const workers = Array.from({ length: count }, () => new Worker(import.meta.url, { type: "module" }));
  try {
    await Promise.all(workers.map((worker) => ask(worker, share)));
  } catch (error) {
    for (const worker of workers) worker.terminate();
    throw error;
  }
  return workers;
}

// The type checker takes this file for a main module, which has no one to send messages to.
const toCaller = self as unknown as Worker;

let work = () => {};

/** The other side: the worker's own instance on the memory of all. */
async function prepare({ module, memory, work }: Share) {
  const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
  return () => (exports.work as (...numbers: number[]) => void)(...work);
}

if ("WorkerGlobalScope" in globalThis) {
  toCaller.onmessage = async ({ data }) => {
    try {
      if (data.module) work = await prepare(data);
      else if (data === "run") work();
      toCaller.postMessage(data === "close" ? "closed" : "done");
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
    default: { workers: `${navigator.hardwareConcurrency}`, chunk: "1000" },
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
    // The first runs are those in which V8 still compiles.
    for (let i = 0; i < 5; i++) await run();
    const start = performance.now();
    await run();
    const time = performance.now() - start, found = primes(), summary = [found.length, found[0], found.at(-1)].join();
    console.log(
      `1,000,000 numbers on ${workers} workers, ${chunk} numbers at a time: ${
        time.toFixed(0)
      } ms; primes, first, last: ${summary}`,
    );
    // From a sieve.
    if (summary !== "54208,100000007,100999993") throw new Error(`not the primes: ${summary}`);
  } finally {
    await close();
  }
}
