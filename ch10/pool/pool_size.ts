/**
 * The right size of a pool: as many workers as cores for tasks that compute, more for tasks that also wait.
 *
 * What to notice: a worker that computes needs a core, and a worker too many has none: past the number of cores the time
 * stays as it is. Half of a mixed task is spent waiting, and a core whose worker waits is free for another: here twice
 * as many workers as cores still gain. Work is counted, not timed: a task that looked at the clock would be done
 * as soon with ten others beside it.
 *
 * @original 10_multiprocessing/pi_estimation/pi_processes_parallel/pi_graph_speed_tests.py
 * @run deno run --allow-read=ch10/pool/pool_size.ts ch10/pool/pool_size.ts
 * @takes 2 s
 */

export interface Work {
  tasks: number;
  /** What a task computes: how many primes there are below this. */
  below: number;
  /** What it waits for besides, in milliseconds. */
  wait: number;
}

/** How many primes there are below `limit`. */
export function countPrimes(limit: number): number {
  let count = 0;
  for (let n = 2; n < limit; n++) {
    let divisor = 2;
    while (divisor * divisor <= n && n % divisor !== 0) divisor++;
    if (divisor * divisor > n) count++;
  }
  return count;
}

interface Job extends Work {
  /** The number of the next task, and the sum of all results. */
  shared: Int32Array;
}

/** Takes tasks until there are none left. */
async function takeTasks({ tasks, below, wait, shared }: Job): Promise<void> {
  while (Atomics.add(shared, 0, 1) < tasks) {
    if (wait > 0) await new Promise((awake) => setTimeout(awake, wait));
    Atomics.add(shared, 1, countPrimes(below));
  }
}

/** Starts workers; each takes the next task from a counter in shared memory when it has done one. */
export async function experiment(workers: number) {
  const pool = await Promise.all(Array.from({ length: workers }, () => {
    const worker = new Worker(import.meta.url, { type: "module" });
    return new Promise<Worker>((ready, failed) => {
      worker.onmessage = () => ready(worker);
      worker.onerror = failed;
    });
  }));
  const all = (message: unknown) =>
    Promise.all(pool.map((worker) =>
      new Promise((answered, failed) => {
        worker.onmessage = answered;
        worker.onerror = failed;
        worker.postMessage(message);
      })
    ));
  return {
    /** Does all tasks and returns the sum of their results. */
    async run(work: Work): Promise<number> {
      const shared = new Int32Array(new SharedArrayBuffer(8));
      await all({ ...work, shared });
      return shared[1];
    },
    close: () => all("close"),
  };
}

/** How long it takes a core to do what one task computes, in milliseconds: the fastest of a few. */
export function computeTime(below: number): number {
  const times = Array.from({ length: 8 }, () => {
    const start = performance.now();
    countPrimes(below);
    return performance.now() - start;
  });
  return Math.min(...times);
}

// The type checker takes this file for a main module, which has no one to send messages to.
const toCaller = self as unknown as Worker;

if ("WorkerGlobalScope" in globalThis) {
  toCaller.onmessage = async ({ data }: MessageEvent<Job | "close">) => {
    if (data !== "close") await takeTasks(data);
    toCaller.postMessage("done");
    if (data === "close") self.close();
  };
  toCaller.postMessage("ready");
} else if (import.meta.main) {
  const cores = navigator.hardwareConcurrency, below = 30_000, tasks = 12 * cores;
  const wait = Math.max(1, Math.round(computeTime(below)));
  console.log(`${tasks} tasks on ${cores} cores; the mixed ones wait for ${wait} ms, about as long as they compute`);
  console.log("workers   computing   computing and waiting");
  for (const workers of [1, 2, 3, 4].map((times) => times * cores)) {
    const { run, close } = await experiment(workers);
    const cells: string[] = [];
    for (const work of [{ tasks, below, wait: 0 }, { tasks, below, wait }]) {
      await run(work);
      const start = performance.now(), sum = await run(work);
      cells.push(`${(performance.now() - start).toFixed(1)} ms`);
      if (sum !== 3245 * tasks) throw new Error(`there are 3245 primes below 30,000, and not ${sum / tasks}`);
    }
    console.log(`${workers}`.padStart(7), cells[0].padStart(11), cells[1].padStart(23));
    await close();
  }
}
