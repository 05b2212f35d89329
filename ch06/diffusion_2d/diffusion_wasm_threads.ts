/**
 * Diffusion in WebAssembly with SIMD on all cores, and with several time steps in one pass over memory.
 *
 * What to notice: each thread owns a band of rows and all meet at a barrier after each pass. With `--depth 1` a pass is
 * one step; on grids beyond the cache the cores then wait for memory. With more, step 2 follows two rows behind step 1,
 * step 3 two rows behind that, and what lies between them is still in the cache: memory is read and written once for
 * several steps. A band then needs some rows of its neighbours' intermediate steps, which it computes for itself, so
 * that the threads meet only once for several steps as well.
 *
 * @original 06_matrix/diffusion_2d/diffusion_numpy_memory2_numexpr.py
 * @run deno run --allow-env=CI --allow-read=ch06/diffusion_2d/diffusion_wasm_threads.ts ch06/diffusion_2d/diffusion_wasm_threads.ts
 * @takes 1 s
 */

// The first 64 bytes of the memory are for the threads to talk to each other.
const job = 0, arrived = 1, passes = 2, stepsWanted = 3, firstGrid = 4;

// Two cells of each of the two rows, `o` bytes after k.
const twoByTwo = (o: number) =>
  `{
  const nextA = v128.load(a + k, ${o + 16}), nextB = v128.load(b + k, ${o + 16});
  const rightA = shift(centreA, nextA), rightB = shift(centreB, nextB);
  const aroundA = f64x2.add(f64x2.add(v128.load(above + k, ${o}), centreB), f64x2.add(leftA, rightA));
  const aroundB = f64x2.add(f64x2.add(centreA, v128.load(below + k, ${o})), f64x2.add(leftB, rightB));
  v128.store(outA + k, f64x2.relaxed_madd(keep, centreA, f64x2.mul(spread, aroundA)), ${o});
  v128.store(outB + k, f64x2.relaxed_madd(keep, centreB, f64x2.mul(spread, aroundB)), ${o});
  leftA = rightA; leftB = rightB; centreA = nextA; centreB = nextB;
}`;

const source = `
/** The last of a and the first of b: the neighbours of two cells, one to the side. */
@inline function shift(a: v128, b: v128): v128 { return v128.shuffle<f64>(a, b, 1, 2); }

/** One cell, \`k\` bytes into its row, with the row's ends wrapped around. */
function cell(above: usize, row: usize, below: usize, out: usize, bytes: usize, k: usize, dt: f64): void {
  const left = load<f64>(row + (k == 0 ? bytes - 8 : k - 8)), right = load<f64>(row + (k == bytes - 8 ? 0 : k + 8));
  const around = load<f64>(above + k) + load<f64>(below + k) + (left + right);
  store<f64>(out + k, (1 - 4 * dt) * load<f64>(row + k) + dt * around);
}

/** The adjacent rows a and b of \`bytes\` bytes. */
function pair(above: usize, a: usize, b: usize, below: usize, outA: usize, outB: usize, bytes: usize, dt: f64): void {
  const keep = f64x2.splat(1 - 4 * dt), spread = f64x2.splat(dt);
  let centreA = v128.load(a), centreB = v128.load(b);
  let leftA = shift(v128.load(a + bytes - 16), centreA), leftB = shift(v128.load(b + bytes - 16), centreB);
  let k: usize = 0;
  for (; k + 80 <= bytes; k += 64) { ${[0, 16, 32, 48].map(twoByTwo).join("\n")} }
  for (; k + 32 <= bytes; k += 16) ${twoByTwo(0)}
  for (; k < bytes; k += 8) {
    cell(above, a, b, outA, bytes, k, dt);
    cell(a, b, below, outB, bytes, k, dt);
  }
}

// What a thread works on.
let size: i32, bytes: usize, from: i32, to: i32, u: usize, next: usize, scratch: usize;

/** Where row r of the grid after \`step\` of \`depth\` steps lies. Rows run on past the edges, from below 0 to beyond N. */
function row(step: i32, depth: i32, r: i32): usize {
  if (step == 0) return u + ((r % size + size) % size) * bytes;
  if (step == depth) return r < to ? next + r * bytes : scratch;
  // Of the steps in between, the six latest rows are kept.
  return scratch + (6 * step - 5 + (r + 6000) % 6) * bytes;
}

/** Takes the thread's band \`depth\` steps forward, each step two rows behind the one before. */
function sweep(depth: i32, dt: f64): void {
  const first = from - (depth & ~1);
  for (let front = first; front < to + 2 * depth; front += 2) {
    for (let step = 1; step <= depth; step++) {
      const r = front - 2 * (step - 1), margin = depth - step;
      if (r < from - (margin + 1 & ~1) || r >= to + margin) continue;
      const before = step - 1;
      pair(
        row(before, depth, r - 1), row(before, depth, r), row(before, depth, r + 1), row(before, depth, r + 2),
        row(step, depth, r), row(step, depth, r + 1), bytes, dt,
      );
    }
  }
}

/** Waits until all threads have come: spins as long as a pass may take, then sleeps. */
function barrier(threads: i32): void {
  const pass = atomic.load<i32>(${4 * passes});
  if (atomic.add<i32>(${4 * arrived}, 1) == threads - 1) {
    atomic.store<i32>(${4 * arrived}, 0);
    atomic.store<i32>(${4 * passes}, pass + 1);
    atomic.notify(${4 * passes}, -1);
    return;
  }
  for (let spin = 0; spin < 100000; spin++) if (atomic.load<i32>(${4 * passes}) != pass) return;
  while (atomic.load<i32>(${4 * passes}) == pass) atomic.wait<i32>(${4 * passes}, pass, -1);
}

/** A thread's share of \`steps\` steps. The result is in \`first\` if the number of passes was even, else in \`second\`. */
export function run(
  thread: i32, threads: i32, n: i32, first: usize, second: usize, rows: usize, depth: i32, steps: i32, dt: f64,
): void {
  const pairs = (n + 1) / 2;
  size = n; bytes = n * 8; u = first; next = second; scratch = rows;
  from = 2 * (pairs * thread / threads); to = min(n, 2 * (pairs * (thread + 1) / threads));
  for (let left = steps; left > 0; left -= depth) {
    sweep(min(depth, left), dt);
    barrier(threads);
    const swapped = u; u = next; next = swapped;
  }
}`;

/**
 * Compiles AssemblyScript to WebAssembly with SIMD and threads. Throws with the compiler's messages if it does not compile.
 * The memory's size is fixed: every access is checked against it, and if another thread could make the memory grow, the
 * size would have to be read again each time.
 */
async function compile(source: string, pages: number): Promise<Uint8Array<ArrayBuffer>> {
  // Not at the top of the file: the workers do not compile, and would start later.
  const { default: asc } = await import("npm:assemblyscript@0.28.20/asc");
  let wasm: unknown;
  const { error, stderr } = await asc.main(
    `main.ts -O3 --runtime stub --enable simd,relaxed-simd,threads --importMemory --sharedMemory
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

/** What a thread needs to know: the arguments of `run` but the number of steps, and where to find them. */
interface Share {
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  thread: number;
  threads: number;
  size: number;
  grids: [number, number];
  scratch: number;
  depth: number;
}

async function prepareThread({ module, memory, thread, threads, size, grids, scratch, depth }: Share) {
  const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
  const run = exports.run as (...numbers: number[]) => void;
  const control = new Int32Array(memory.buffer, 0, 16);
  return () => {
    const from = control[firstGrid];
    run(thread, threads, size, grids[from], grids[1 - from], scratch, depth, control[stepsWanted], 0.1);
  };
}

/**
 * The book's experiment on an N x N grid: zero, but 0.005 in a square off the middle; dt = 0.1.
 *
 * @param workers threads, the calling one included; by default one for each core
 * @param depth steps in one pass over memory; by default as many as a core's cache has room for
 */
export async function experiment(
  size: number,
  { workers = navigator.hardwareConcurrency, depth = defaultDepth(size) } = {},
) {
  workers = Math.min(workers, Math.ceil(size / 2));
  const gridBytes = Math.ceil(size * size * 8 / 4096) * 4096;
  const scratchBytes = Math.ceil((6 * depth + 1) * size * 8 / 4096) * 4096 + 4096;
  // The grids start half a page apart: at the same place within a page, a store could hold up a load of the next row.
  const grids: [number, number] = [1024, 1024 + gridBytes + 2048];
  const scratch = grids[1] + gridBytes + 4096;
  const pages = Math.ceil((scratch + workers * scratchBytes) / 65536);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const module = await WebAssembly.compile(await compile(source, pages));
  const control = new Int32Array(memory.buffer, 0, 16);
  const share = (thread: number): Share => (
    { module, memory, thread, threads: workers, size, grids, scratch: scratch + thread * scratchBytes, depth }
  );

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
  const order = (steps: number) => {
    control[stepsWanted] = steps;
    Atomics.add(control, job, 1);
    Atomics.notify(control, job);
  };

  const grid = () => new Float64Array(memory.buffer, grids[control[firstGrid]], size * size);
  const low = Math.floor(0.4 * size), high = Math.floor(0.5 * size);
  for (let i = low; i < high; i++) grid().fill(0.005, i * size + low, i * size + high);
  return {
    run(steps: number) {
      if (steps === 0) return;
      order(steps);
      runFirst();
      if (Math.ceil(steps / depth) % 2 === 1) control[firstGrid] = 1 - control[firstGrid];
    },
    /** The N x N values, row by row; a view that the next run changes. */
    grid,
    close() {
      order(-1);
      return Promise.all(others.map((worker) => new Promise((closed) => worker.onmessage = closed)));
    },
  };
}

/** Up to eight steps, fewer where the six rows that each keeps would outgrow a core's own cache by far. */
function defaultDepth(size: number): number {
  return Math.max(1, Math.min(8, Math.floor(1.5 * 2 ** 20 / (6 * size * 8))));
}

/** The other side: a worker sleeps until there is a job, does its share, and sleeps again. */
async function serve(share: Share) {
  const run = await prepareThread(share);
  const control = new Int32Array(share.memory.buffer, 0, 16);
  let done = Atomics.load(control, job);
  toCaller.postMessage("ready");
  for (;;) {
    // The next job often comes at once, and to wake a sleeping thread takes longer than many a job.
    for (let spin = 0; spin < 100_000 && Atomics.load(control, job) === done; spin++);
    Atomics.wait(control, job, done);
    if (Atomics.load(control, job) === done) continue;
    done++;
    if (control[stepsWanted] < 0) break;
    run();
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
    string: ["workers", "depth"],
    boolean: "help",
    unknown: (argument) => refuse(`${argument}: there is only --workers, --depth and --help`),
  });
  if (flags.help) {
    console.log(
      "Diffusion on 4096 x 4096 cells.\n  --workers N  threads, 1 to 64\n  --depth N    steps in one pass, 1 to 64",
    );
    Deno.exit(0);
  }
  const number = (name: "workers" | "depth") => {
    const value = flags[name] === undefined ? undefined : Number(flags[name] || NaN);
    if (value !== undefined && !(Number.isInteger(value) && value >= 1 && value <= 64)) {
      refuse(`--${name} ${flags[name]}: must be a whole number from 1 to 64`);
    }
    return value;
  };
  const size = 4096, steps = 80;
  const { run, grid, close } = await experiment(size, { workers: number("workers"), depth: number("depth") });
  const mass = () => grid().reduce((sum, u) => sum + u, 0);
  const before = mass(), start = performance.now();
  run(steps);
  console.log(`${size} x ${size}: ${((performance.now() - start) / steps).toFixed(3)} ms a step`);
  if (Math.abs(mass() / before - 1) > 1e-9) throw new Error(`mass not conserved: ${before} became ${mass()}`);
  await close();
}
