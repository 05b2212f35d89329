/**
 * The Julia set in WebAssembly with SIMD, several pairs of points in flight, on all cores.
 *
 * What to notice: with five pairs of points in one loop, the processor always has one whose turn it is. So that they
 * also end together, a row is done in stages: after 6 steps, 30 and 100, those that have escaped are dropped and the rest
 * moved together, and nearly all that are left stay to the end. While none of the ten escapes, only every tenth step is
 * looked at; else the last ten are taken again, and counted. Rows take from 1 to 250 times as long as others, so threads
 * do not share them out beforehand: each takes the next from a counter (`--split static` shows the difference).
 *
 * @original 08_compiling/cython/nparray_memoryview/parallel/julia1.py
 * @run deno run --allow-env=CI --allow-read=ch08/julia/julia_wasm_threads.ts ch08/julia/julia_wasm_threads.ts
 * @takes 1 s
 */

// The first 64 bytes of the memory are for the threads to talk to each other.
const job = 0, finished = 1, nextRow = 2;

const pairs = 5, block = 10, stages = [6, 30, 100];
const each = (text: (pair: number) => string) => Array.from({ length: pairs }, (_, pair) => text(pair)).join("\n");

// One step of one pair, with or without a look at whether its points are still inside.
const step = (p: number, look: boolean) =>
  `{
  const reSquare = f64x2.mul(re${p}, re${p}), imSquare = f64x2.mul(im${p}, im${p}), product = f64x2.mul(re${p}, im${p});
  ${
    look
      ? `const in${p} = f64x2.lt(f64x2.add(reSquare, imSquare), four);
         inside = v128.or(inside, in${p}); count${p} = i64x2.sub(count${p}, in${p});`
      : ""
  }
  re${p} = f64x2.add(f64x2.sub(reSquare, imSquare), cRes);
  im${p} = f64x2.add(f64x2.add(product, product), cIms);
}`;

// All pairs from one step to another, counted.
const count = (from: string, to: string) =>
  `for (let n = ${from}; n < ${to}; n++) {
  inside = f64x2.splat(0);
  ${each((p) => step(p, true))}
  if (!v128.any_true(inside)) break;
}`;

// Both points of a pair put among those that are kept, one of them or none: the next one takes the place of one that is not.
const keep = (p: number, column: (i: number) => string) =>
  [0, 1].map((lane) => {
    const i = 2 * p + lane;
    return `if (first + ${i} < n) {
      const column = ${column(i)}, count = done + i32(i64x2.extract_lane(count${p}, ${lane}));
      store<i32>(counts + column * 4, count);
      store<f64>(res + kept * 8, f64x2.extract_lane(re${p}, ${lane}));
      store<f64>(ims + kept * 8, f64x2.extract_lane(im${p}, ${lane}));
      store<i32>(columns + kept * 4, column);
      kept += i32(count == to);
    }`;
  }).join("\n");

const source = `
// Where a thread keeps the points it is working on: their coordinates and their columns.
let res: usize, ims: usize, columns: usize;

/**
 * Takes the \`n\` points of a row from the start to step \`to\`. Writes where each has got to into the row's counts, keeps
 * those that are still inside, and returns how many those are.
 */
function enter(n: i32, to: i32, xs: usize, y: f64, cRe: f64, cIm: f64, counts: usize): i32 {
  const cRes = f64x2.splat(cRe), cIms = f64x2.splat(cIm), four = f64x2.splat(4), done = 0;
  let kept = 0;
  for (let first = 0; first < n; first += ${2 * pairs}) {
    // What is read behind the last column is carried along and not written.
    ${
  each((p) => `let re${p} = v128.load(xs + first * 8, ${16 * p}), im${p} = f64x2.splat(y), count${p} = i64x2.splat(0);`)
}
    let inside = f64x2.splat(1);
    ${count("0", "to")}
    const whole = first + ${2 * pairs} <= n;
    if (whole) {
      ${
  each((p) =>
    `v128.store_lane<i64>(counts + first * 4, v128.shuffle<i32>(count${p}, count${p}, 0, 2, 0, 2), 0, ${8 * p});`
  )
}
    }
    // Most groups have escaped by now, all of them.
    if (whole && !v128.any_true(inside)) continue;
    ${each((p) => keep(p, (i) => `first + ${i}`))}
  }
  return kept;
}

/** Takes the \`n\` points that were kept from step \`from\` to step \`to\`, and does with them as \`enter\`. */
function stage(n: i32, from: i32, to: i32, cRe: f64, cIm: f64, counts: usize): i32 {
  const cRes = f64x2.splat(cRe), cIms = f64x2.splat(cIm), four = f64x2.splat(4);
  // The last group is filled up with copies of the last point, which stay as long as that does.
  for (let i = n; n > 0 && i < n + ${2 * pairs}; i++) {
    store<f64>(res + i * 8, load<f64>(res + (n - 1) * 8));
    store<f64>(ims + i * 8, load<f64>(ims + (n - 1) * 8));
  }
  let kept = 0;
  for (let first = 0; first < n; first += ${2 * pairs}) {
    ${
  each((p) =>
    `let re${p} = v128.load(res + first * 8, ${16 * p}), im${p} = v128.load(ims + first * 8, ${16 * p});
     let count${p} = i64x2.splat(0);`
  )
}
    let done = from, inside = f64x2.splat(0);
    for (; done + ${block} <= to; done += ${block}) {
      ${each((p) => `const oldRe${p} = re${p}, oldIm${p} = im${p};`)}
      ${Array.from({ length: block }, () => each((p) => step(p, false))).join("\n")}
      let all = f64x2.splat(1);
      ${
  each((p) => `all = v128.and(all, f64x2.lt(f64x2.add(f64x2.mul(re${p}, re${p}), f64x2.mul(im${p}, im${p})), four));`)
}
      if (!i64x2.all_true(all)) {
        ${each((p) => `re${p} = oldRe${p}; im${p} = oldIm${p};`)}
        break;
      }
    }
    ${count("done", "to")}
    ${each((p) => keep(p, (i) => `load<i32>(columns + first * 4, ${4 * i})`))}
  }
  return kept;
}

/** One row of points: for each, how often z = z * z + c can be taken before |z| reaches 2, at most \`limit\` times. */
function julia(limit: i32, xs: usize, y: f64, cRe: f64, cIm: f64, counts: usize, width: i32): void {
  let from = min(limit, ${stages[0]}), n = enter(width, from, xs, y, cRe, cIm, counts);
  ${
  stages.slice(1).map((to) => `if (limit > ${to}) { n = stage(n, from, ${to}, cRe, cIm, counts); from = ${to}; }`).join(
    "\n",
  )
}
  if (limit > from) stage(n, from, limit, cRe, cIm, counts);
}

/** The sum of n counts, four at a time. */
function sum(counts: usize, n: i32): i32 {
  let sums = i32x4.splat(0), i = 0;
  for (; i + 4 <= n; i += 4) sums = i32x4.add(sums, v128.load(counts + i * 4));
  let total = i32x4.extract_lane(sums, 0) + i32x4.extract_lane(sums, 1) + i32x4.extract_lane(sums, 2) +
    i32x4.extract_lane(sums, 3);
  for (; i < n; i++) total += load<i32>(counts + i * 4);
  return total;
}

/** A thread's share: the rows from \`row\` to \`end\`, or with \`dynamic\` whichever row is next. Returns its steps. */
export function work(
  dynamic: bool, row: i32, end: i32, limit: i32, xs: usize, cRe: f64, cIm: f64, counts: usize, width: i32, scratch: usize,
): f64 {
  const ys = xs + width * 8, bytes = (width + ${2 * pairs}) * 8;
  res = scratch; ims = scratch + bytes; columns = scratch + 2 * bytes;
  let steps: f64 = 0;
  for (;; row++) {
    if (dynamic) row = atomic.add<i32>(${4 * nextRow}, 1);
    if (row >= end) break;
    const at = counts + row * width * 4;
    julia(limit, xs, load<f64>(ys + row * 8), cRe, cIm, at, width);
    steps += sum(at, width);
  }
  return steps;
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

/** What a thread needs to know. */
interface Share {
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  /** The arguments of `work`. */
  work: number[];
  /** Where among the 64-bit floats of the memory it says how many steps it took. */
  report: number;
}

async function prepareThread({ module, memory, work, report }: Share) {
  const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
  const run = exports.work as (...numbers: number[]) => number;
  const reports = new Float64Array(memory.buffer);
  return () => void (reports[report] = run(...work));
}

/**
 * The book's experiment: width x width points from -1.8 to 1.8, row by row from the top.
 *
 * @param workers threads, the calling one included; by default one for each core
 * @param split whether each thread takes the next row when it is free, or has as many as the others from the start
 */
export async function experiment(
  width: number,
  { workers = navigator.hardwareConcurrency, split = "dynamic" as "dynamic" | "static" } = {},
) {
  const axes = 1024, counts = axes + 2 * width * 8, reports = Math.ceil((counts + width * width * 4) / 64) * 64;
  const scratch = reports + workers * 64, scratchBytes = Math.ceil((width + 2 * pairs) * 20 / 4096) * 4096;
  const pages = Math.ceil((scratch + workers * scratchBytes) / 65536);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const module = await WebAssembly.compile(await compile(source, pages));
  const control = new Int32Array(memory.buffer, 0, 16);
  const share = (thread: number): Share => {
    const [from, end] = [thread, thread + 1].map((part) => Math.floor(width * part / workers));
    const [dynamic, ...rows] = split === "dynamic" ? [1, 0, width] : [0, from, end];
    const point = [-0.62772, -0.42193], own = scratch + thread * scratchBytes;
    const work = [dynamic, ...rows, 300, axes, ...point, counts, width, own];
    return { module, memory, work, report: (reports + thread * 64) / 8 };
  };

  // The coordinates come from repeated addition: their rounding is part of the answer.
  const [xs, ys] = [axes, axes + width * 8].map((at) => new Float64Array(memory.buffer, at, width));
  for (let i = 0, x = -1.8, y = 1.8; i < width; i++, x += 3.6 / width, y -= 3.6 / width) xs[i] = x, ys[i] = y;

  const others = await Promise.all(Array.from({ length: workers - 1 }, async (_, i) => {
    const worker = new Worker(import.meta.url, { type: "module" });
    await new Promise((ready, failed) => {
      worker.onmessage = ready;
      worker.onerror = failed;
      worker.postMessage(share(i + 1));
    });
    return worker;
  }));
  const runFirst = await prepareThread(share(0));
  const order = (number: number) => {
    Atomics.store(control, finished, 0);
    Atomics.store(control, nextRow, 0);
    Atomics.store(control, job, number);
    Atomics.notify(control, job);
  };
  return {
    run() {
      order((control[job] + 1) & 0xffff);
      runFirst();
      waitWhile(control, finished, (count) => count < workers - 1);
    },
    counts: () => new Int32Array(memory.buffer, counts, width * width),
    /** How many steps each thread took in the last run. */
    steps: () =>
      Array.from({ length: workers }, (_, thread) => new Float64Array(memory.buffer, reports + thread * 64, 1)[0]),
    close() {
      order(-1);
      return Promise.all(others.map((worker) => new Promise((closed) => worker.onmessage = closed)));
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

// The type checker takes this file for a main module, which has no one to send messages to.
const toCaller = self as unknown as Worker;

if ("WorkerGlobalScope" in globalThis) {
  toCaller.onmessage = ({ data }: MessageEvent<Share>) => serve(data);
} else if (import.meta.main) {
  const { parseArgs } = await import("jsr:@std/cli@1/parse-args");
  const refuse = (message: string) => (console.error(`error: ${message}`), Deno.exit(2));
  const flags = parseArgs(Deno.args, {
    string: ["workers", "split"],
    boolean: "help",
    default: { split: "dynamic", workers: `${navigator.hardwareConcurrency}` },
    unknown: (argument) => refuse(`${argument}: there is only --workers, --split and --help`),
  });
  if (flags.help) {
    console.log("The Julia set, 1000 x 1000.\n  --workers N  threads, 1 to 64\n  --split HOW  rows: dynamic or static");
    Deno.exit(0);
  }
  const workers = Number(flags.workers || NaN), split = flags.split;
  if (!(Number.isInteger(workers) && workers >= 1 && workers <= 64)) {
    refuse(`--workers ${flags.workers}: must be a whole number from 1 to 64`);
  }
  if (split !== "dynamic" && split !== "static") refuse(`--split ${split}: must be dynamic or static`);
  const { run, counts, steps, close } = await experiment(1000, { workers, split: split as "dynamic" | "static" });
  // The first runs are those in which V8 still compiles.
  for (let i = 0; i < 5; i++) run();
  const start = performance.now();
  run();
  console.log(`1000 x 1000 points: ${(performance.now() - start).toFixed(1)} ms; steps of each thread: ${steps()}`);
  const sum = counts().reduce((sum, n) => sum + n, 0);
  if (sum !== 33219980) throw new Error(`the counts add up to 33219980, not ${sum}`);
  await close();
}
