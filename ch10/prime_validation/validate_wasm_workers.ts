/**
 * Is one number prime? WebAssembly with SIMD on all cores, stopped early by a flag in their shared memory.
 *
 * What to notice: each thread takes the next block of candidates from a counter, so that none waits for one that is
 * slower, and on the way looks at the flag that who finds a factor sets: two atomic accesses in some tens of
 * microseconds. A thread that has begun a block ends it, and blocks are handed out from small to large: of several
 * factors it is therefore always the smallest that is found, whatever the number of threads.
 *
 * @original 10_multiprocessing/prime_validation/primes_pool_per_number_mmap3.py
 * @run deno run --allow-env=CI --allow-read=ch10/prime_validation/validate_wasm_workers.ts ch10/prime_validation/validate_wasm_workers.ts
 * @takes 1 s
 */

// The first 64 bytes of the memory are for the threads to talk to each other; then there are 64 for each thread's report.
const job = 0, finished = 1, nextBlock = 2, stop = 3;

// So many pairs of vectors of two candidates in flight.
const pairs = 4;
const each = (text: (pair: number) => string) => Array.from({ length: pairs }, (_, p) => text(p)).join("\n");

const source = `
function findFactor(n: u64, from: f64, to: f64): f64 {
  const end = u64(to);
  let d = u64(from);
  for (; d < end && d <= 8192; d += 2) {
    if (n % d == 0) return f64(d);
  }
  const approximate = f64x2.splat(f64(n)), rounding = f64x2.splat(${1.5 * 2 ** 52}), last32 = i32x4.splat(u32(n));
  const step = f64x2.splat(${8 * pairs}), integerStep = i32x4.splat(${8 * pairs});
  // The four candidates of a pair, as floating-point numbers and as integers.
  ${
  each((p) =>
    `let a${p} = f64x2.add(f64x2.splat(f64(d)), f64x2(${8 * p}, ${8 * p + 2}));
     let b${p} = f64x2.add(f64x2.splat(f64(d)), f64x2(${8 * p + 4}, ${8 * p + 6}));
     let integers${p} = i32x4.add(i32x4.splat(u32(d)), i32x4(${8 * p}, ${8 * p + 2}, ${8 * p + 4}, ${8 * p + 6}));`
  )
}
  for (; d + ${8 * pairs} <= end; d += ${8 * pairs}) {
    let found = i32x4.splat(0);
    ${
  each((p) =>
    `const quotients${p} = v128.shuffle<i32>(
       f64x2.add(f64x2.div(approximate, a${p}), rounding),
       f64x2.add(f64x2.div(approximate, b${p}), rounding), 0, 2, 4, 6);
     found = v128.or(found, i32x4.eq(i32x4.mul(quotients${p}, integers${p}), last32));
     a${p} = f64x2.add(a${p}, step); b${p} = f64x2.add(b${p}, step);
     integers${p} = i32x4.add(integers${p}, integerStep);`
  )
}
    if (v128.any_true(found)) break;
  }
  // Which of a group it was, and the candidates that do not fill one, one by one.
  for (; d < end; d += 2) {
    if (n % d == 0) return f64(d);
  }
  return 0;
}

/** A thread's share: whichever block is next, until there is none. Writes its factor, or 0, and its trials. */
export function work(n: u64, from: f64, to: f64, candidates: f64, report: usize): void {
  let factor: f64 = 0, trials: f64 = 0;
  for (;;) {
    const block = atomic.add<u32>(${4 * nextBlock}, 1), start = from + f64(block) * 2 * candidates;
    if (start >= to || atomic.load<u32>(${4 * stop})) break;
    const end = min(to, start + 2 * candidates);
    factor = findFactor(n, start, end);
    trials += ((factor ? factor + 2 : end) - start) / 2;
    if (factor) {
      atomic.store<u32>(${4 * stop}, 1);
      break;
    }
  }
  store<f64>(report, factor);
  store<f64>(report + 8, ceil(trials));
}`;

/** Compiles AssemblyScript to WebAssembly with SIMD and threads. Throws with the compiler's messages if it does not compile. */
async function compile(source: string): Promise<Uint8Array<ArrayBuffer>> {
  // Not at the top of the file: the workers do not compile, and would start later.
  const { default: asc } = await import("npm:assemblyscript@0.28.20/asc");
  let wasm: unknown;
  const { error, stderr } = await asc.main(
    `main.ts -O3 --runtime stub --enable simd,threads --importMemory --sharedMemory --initialMemory 1 --maximumMemory 1
      -o main.wasm`.split(/\s+/),
    {
      readFile: (name) => name === "main.ts" ? source : null,
      writeFile: (_, contents) => void (wasm = contents),
      listFiles: () => [],
    },
  );
  if (error) throw new Error(`${error.message}\n${stderr}`);
  return wasm as Uint8Array<ArrayBuffer>;
}

/** What a thread needs to know. */
interface Share {
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  /** Where in the memory it writes what it has found. */
  report: number;
}

/** Where a thread reads what to do, behind the reports: n; the candidates from, to, and how many make a block. */
function taskIn(memory: WebAssembly.Memory) {
  const at = 64 * 65;
  return { number: new BigUint64Array(memory.buffer, at, 1), range: new Float64Array(memory.buffer, at + 8, 3) };
}

async function prepareThread({ module, memory, report }: Share) {
  const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
  const work = exports.work as (n: bigint, ...numbers: number[]) => void;
  const { number, range } = taskIn(memory);
  return () => work(number[0], range[0], range[1], range[2], report);
}

/**
 * Starts the threads.
 *
 * @param workers threads, from 1 to 64, the calling one included
 * @param look how many candidates there are in a block, after which a thread looks whether another has found a factor
 */
export async function experiment({ workers = navigator.hardwareConcurrency, look = 50_000 } = {}) {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const module = await WebAssembly.compile(await compile(source));
  const control = new Int32Array(memory.buffer, 0, 16), { number, range } = taskIn(memory);
  const share = (thread: number): Share => ({ module, memory, report: 64 * (thread + 1) });
  const others = Array.from({ length: workers - 1 }, () => new Worker(import.meta.url, { type: "module" }));
  const answer = (worker: Worker) =>
    new Promise((resolve, reject) => {
      worker.onmessage = resolve;
      worker.onerror = (event) => (event.preventDefault(), reject(new Error(event.message)));
    });
  await Promise.all(others.map((worker, i) => {
    const ready = answer(worker);
    worker.postMessage(share(i + 1));
    return ready;
  })).catch((error) => {
    for (const worker of others) worker.terminate();
    throw error;
  });
  const runFirst = await prepareThread(share(0));
  const order = (number: number) => {
    Atomics.store(control, finished, 0);
    Atomics.store(control, nextBlock, 0);
    Atomics.store(control, stop, 0);
    Atomics.store(control, job, number);
    Atomics.notify(control, job);
  };
  return {
    /**
     * Tries 2 and the odd numbers from 3 to the square root of `n`, or those from `from` up to, not including, `to`.
     * Returns the smallest factor, or 0, and how many trials were made.
     *
     * Throws a RangeError if `n` is not from 2 to 2 ** 64 - 1.
     */
    run(n: bigint, from = 3, to?: number): { factor: number; trials: number } {
      if (n < 2n || n >= 2n ** 64n) throw new RangeError(`${n}: must be from 2 to 2 ** 64 - 1`);
      to ??= squareRoot(n) + 1;
      if (n % 2n === 0n) return { factor: n === 2n ? 0 : 2, trials: 1 };
      number[0] = n;
      range.set([from, to, look]);
      order((control[job] + 1) & 0xffff);
      runFirst();
      waitWhile(control, finished, (count) => count < workers - 1);
      const reports = Array.from({ length: workers }, (_, i) => new Float64Array(memory.buffer, 64 * (i + 1), 2));
      return {
        factor: reports.reduce((least, [factor]) => factor && (!least || factor < least) ? factor : least, 0),
        trials: reports.reduce((sum, [, trials]) => sum + trials, 0),
      };
    },
    /** Ends the threads. */
    async close() {
      const closed = others.map(answer);
      order(-1);
      await Promise.all(closed);
    },
  };
}

/** Waits for a number in shared memory: spins as long as a job may take, then sleeps. */
function waitWhile(control: Int32Array, index: number, waiting: (value: number) => boolean): number {
  for (let spin = 0; spin < 100_000; spin++) if (!waiting(Atomics.load(control, index))) break;
  for (;;) {
    const value = Atomics.load(control, index);
    if (!waiting(value)) return value;
    Atomics.wait(control, index, value);
  }
}

/** The other side: a worker sleeps until there is a job, does its share, and sleeps again. */
async function serve(share: Share) {
  const run = await prepareThread(share);
  const control = new Int32Array(share.memory.buffer, 0, 16);
  let last = Atomics.load(control, job);
  toCaller.postMessage("ready");
  for (;;) {
    last = waitWhile(control, job, (value) => value === last);
    if (last < 0) break;
    run();
    Atomics.add(control, finished, 1);
    Atomics.notify(control, finished);
  }
  toCaller.postMessage("closed");
  self.close();
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
  toCaller.onmessage = ({ data }: MessageEvent<Share>) => serve(data);
} else if (import.meta.main) {
  const { parseArgs } = await import("jsr:@std/cli@1/parse-args");
  const refuse = (message: string) => (console.error(`error: ${message}`), Deno.exit(2));
  const flags = parseArgs(Deno.args, {
    string: ["workers", "look"],
    boolean: "help",
    default: { workers: `${navigator.hardwareConcurrency}`, look: "50000" },
    unknown: (argument) => refuse(`${argument}: there is only --workers, --look and --help`),
  });
  if (flags.help) {
    console.log("Is a number prime? WebAssembly on threads.");
    console.log("  --workers N  threads, 1 to 64\n  --look N     trials between looks, 1 to 1e9");
    Deno.exit(0);
  }
  const workers = Number(flags.workers || NaN), look = Number(flags.look || NaN);
  if (!(Number.isInteger(workers) && workers >= 1 && workers <= 64)) {
    refuse(`--workers ${flags.workers}: must be a whole number from 1 to 64`);
  }
  if (!(Number.isInteger(look) && look >= 1 && look <= 1e9)) {
    refuse(`--look ${flags.look}: must be a whole number from 1 to 1e9`);
  }
  const { run, close } = await experiment({ workers, look });
  // Twice, as in the first run V8 still compiles.
  for (const again of [false, true]) {
    for (const [n, prime] of numbers) {
      const start = performance.now(), { factor, trials } = run(n), ms = performance.now() - start;
      if (factor ? prime || n % BigInt(factor) : !prime) throw new Error(`${n} has the factor ${factor}?`);
      if (!again) continue;
      console.log(`${n} ${factor ? `has the factor ${factor}` : "is prime"}: ${ms.toFixed(1)} ms, ${trials} trials`);
    }
  }
  await close();
}
