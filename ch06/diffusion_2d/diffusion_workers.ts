/**
 * Diffusion on all cores: workers share the grids and meet at a barrier after every step.
 *
 * What to notice: a SharedArrayBuffer is the same memory in every worker, nothing is copied. Each worker owns a band of
 * rows and writes only there. Nobody may begin a step before all have finished the one before: the last to arrive at
 * the barrier lets the others go. They wait by spinning for a short time, since waking a sleeping thread takes about as
 * long as a step. The thread that calls works too.
 *
 * @original 06_matrix/diffusion_2d/diffusion_numpy_memory2_numexpr.py
 * @run deno run --allow-read=ch06/diffusion_2d/diffusion_workers.ts ch06/diffusion_2d/diffusion_workers.ts
 * @takes 1 s
 */

/** New values of one row. */
function evolveRow(above: Float64Array, row: Float64Array, below: Float64Array, out: Float64Array, dt: number): void {
  const keep = 1 - 4 * dt, last = row.length - 1;
  let left = row[last], centre = row[0];
  for (let j = 0; j < last; j++) {
    const right = row[j + 1];
    out[j] = keep * centre + dt * (above[j] + below[j] + (left + right));
    left = centre;
    centre = right;
  }
  out[last] = keep * centre + dt * (above[last] + below[last] + (left + row[0]));
}

/**
 * One step of u' = u + D dt (up + down + left + right - 4u) with D = 1 and periodic edges, for some of the rows.
 *
 * @param u N rows of N values; left as they are
 * @param next receives the new values of rows `from` to, but not including, `to`
 * @param dt the time step; stable up to 0.25
 */
export function evolve(u: Float64Array[], next: Float64Array[], from: number, to: number, dt: number): void {
  const size = u.length;
  for (let i = from; i < to; i++) evolveRow(u[(i + size - 1) % size], u[i], u[(i + 1) % size], next[i], dt);
}

// The places of the shared control words.
const job = 0, steps = 1, current = 2, arrived = 3, passed = 4;

/** What all threads share: two grids of N x N values and the control words. */
interface Shared {
  size: number;
  threads: number;
  grids: [SharedArrayBuffer, SharedArrayBuffer];
  control: Int32Array;
}

/** Waits until all threads have come. */
function barrier(control: Int32Array, threads: number): void {
  const round = Atomics.load(control, passed);
  if (Atomics.add(control, arrived, 1) === threads - 1) {
    Atomics.store(control, arrived, 0);
    Atomics.add(control, passed, 1);
    Atomics.notify(control, passed);
    return;
  }
  for (let spin = 0; spin < 100_000; spin++) if (Atomics.load(control, passed) !== round) return;
  while (Atomics.load(control, passed) === round) Atomics.wait(control, passed, round);
}

/** Prepares a thread: what it returns does the thread's share of the steps that the control words ask for. */
function prepare({ size, threads, grids, control }: Shared, thread: number): () => void {
  const views = grids.map((grid) => Array.from({ length: size }, (_, i) => new Float64Array(grid, i * size * 8, size)));
  const from = Math.floor(size * thread / threads), to = Math.floor(size * (thread + 1) / threads);
  return () => {
    let now = control[current];
    for (let step = control[steps]; step > 0; step--) {
      evolve(views[now], views[1 - now], from, to, 0.1);
      now = 1 - now;
      barrier(control, threads);
    }
  };
}

/**
 * The book's experiment on an N x N grid: zero, but 0.005 in a square off the middle; dt = 0.1.
 *
 * @param workers threads, the calling one included; by default one for each core
 */
export async function experiment(size: number, workers = navigator.hardwareConcurrency) {
  const threads = Math.min(workers, size);
  const bytes = size * size * 8;
  const shared: Shared = {
    size,
    threads,
    grids: [new SharedArrayBuffer(bytes), new SharedArrayBuffer(bytes)],
    control: new Int32Array(new SharedArrayBuffer(64)),
  };
  const { control, grids } = shared;
  const low = Math.floor(0.4 * size), high = Math.floor(0.5 * size);
  for (let i = low; i < high; i++) new Float64Array(grids[0]).fill(0.005, i * size + low, i * size + high);

  const others = await Promise.all(Array.from({ length: threads - 1 }, async (_, i) => {
    const worker = new Worker(import.meta.url, { type: "module" });
    await new Promise((ready, failed) => {
      worker.onmessage = ready;
      worker.onerror = failed;
      worker.postMessage({ shared, thread: i + 1 });
    });
    return worker;
  }));
  const share = prepare(shared, 0);
  const order = (count: number) => {
    control[steps] = count;
    Atomics.add(control, job, 1);
    Atomics.notify(control, job);
  };
  return {
    run(count: number) {
      if (count === 0) return;
      order(count);
      share();
      control[current] ^= count & 1;
    },
    /** The N x N values, row by row; a view that the next run changes. */
    grid: () => new Float64Array(grids[control[current]]),
    close() {
      order(-1);
      return Promise.all(others.map((worker) => new Promise((closed) => worker.onmessage = closed)));
    },
  };
}

/** The other side: a worker sleeps until there is a job, does its share, and sleeps again. */
function serve(shared: Shared, thread: number) {
  const { control } = shared;
  const share = prepare(shared, thread);
  let done = Atomics.load(control, job);
  toCaller.postMessage("ready");
  for (;;) {
    // The next job often comes at once, and to wake a sleeping thread takes longer than many a job.
    for (let spin = 0; spin < 100_000 && Atomics.load(control, job) === done; spin++);
    Atomics.wait(control, job, done);
    if (Atomics.load(control, job) === done) continue;
    done++;
    if (control[steps] < 0) break;
    share();
  }
  toCaller.postMessage("closed");
  self.close();
}

// The type checker takes this file for a main module, which has no one to send messages to.
const toCaller = self as unknown as Worker;

if ("WorkerGlobalScope" in globalThis) {
  toCaller.onmessage = ({ data }: MessageEvent<{ shared: Shared; thread: number }>) => serve(data.shared, data.thread);
} else if (import.meta.main) {
  const { parseArgs } = await import("jsr:@std/cli@1/parse-args");
  const refuse = (message: string) => (console.error(`error: ${message}`), Deno.exit(2));
  const flags = parseArgs(Deno.args, {
    string: ["workers"],
    boolean: ["help"],
    unknown: (argument) => refuse(`${argument}: there is only --workers and --help`),
  });
  if (flags.help) {
    console.log("Diffusion on 1024 x 1024 cells.\n  --workers N  threads, 1 to 64");
    Deno.exit(0);
  }
  const workers = flags.workers === undefined ? navigator.hardwareConcurrency : Number(flags.workers || NaN);
  if (!(Number.isInteger(workers) && workers >= 1 && workers <= 64)) {
    refuse(`--workers ${flags.workers}: must be a whole number from 1 to 64`);
  }

  const size = 1024, steps = 500;
  const { run, grid, close } = await experiment(size, workers);
  const mass = () => grid().reduce((sum, u) => sum + u, 0);
  const before = mass(), start = performance.now();
  run(steps);
  const time = (performance.now() - start) / steps;
  console.log(`${size} x ${size} on ${workers} threads: ${time.toFixed(3)} ms a step`);
  if (Math.abs(mass() / before - 1) > 1e-9) throw new Error(`mass not conserved: ${before} became ${mass()}`);
  await close();
}
