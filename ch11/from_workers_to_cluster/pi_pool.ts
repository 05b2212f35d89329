/**
 * Pi by a pool of workers in this process: what chapter 10 has, and where the way to a cluster begins.
 *
 * What to notice: the pool is a function that asks for one task at a time, and a loop for each worker that takes the next
 * task when the last is done. Neither knows what is computed. pi_queue.ts and pi_engines.ts have the same tasks and the
 * same `countHits`; all that differs is who is asked, and how.
 *
 * @original 10_multiprocessing/pi_estimation/pi_processes_parallel/pi_numpy_parallel_worker.py
 * @run deno run --allow-read=ch11/from_workers_to_cluster/pi_pool.ts ch11/from_workers_to_cluster/pi_pool.ts
 * @takes 1 s
 */

/** Some of the pieces of the work, each of 4096 darts with random numbers of its own: who throws them changes nothing. */
interface Task {
  from: number;
  to: number;
}

/** How many darts of these pieces hit the quarter circle. */
export function countHits({ from, to }: Task): number {
  let inside = 0;
  for (let piece = from; piece < to; piece++) {
    // The generator sfc32; its first numbers still show the seed, and are thrown away.
    let a = 10, b = piece, c = 0x9e3779b9 | 0, counter = 1;
    const random = () => {
      const sum = a + b + counter++ | 0;
      a = b ^ b >>> 9, b = c + (c << 3) | 0, c = (c << 21 | c >>> 11) + sum | 0;
      return (sum >>> 0) / 2 ** 32;
    };
    for (let i = 0; i < 20; i++) random();
    for (let dart = 0; dart < 4096; dart++) {
      const x = random(), y = random();
      inside += Number(x * x + y * y <= 1);
    }
  }
  return inside;
}

/** All the work, cut into tasks. */
function cut(pieces: number, perTask: number): Task[] {
  return Array.from({ length: Math.ceil(pieces / perTask) }, (_, i) => ({
    from: i * perTask,
    to: Math.min(pieces, (i + 1) * perTask),
  }));
}

/** Sends a worker a task and waits for its answer. */
function ask(worker: Worker, task: Task): Promise<number> {
  return new Promise((answer, failed) => {
    worker.onmessage = ({ data }) => answer(data);
    worker.onerror = (event) => (event.preventDefault(), failed(new Error(event.message)));
    worker.postMessage(task);
  });
}

/** Starts the workers. `run` throws 4096 darts for each piece, so many pieces a task, and counts those that hit. */
export async function experiment({ workers }: { workers: number }) {
  const pool = Array.from({ length: workers }, () => new Worker(import.meta.url, { type: "module" }));
  // Until they are there; a task of no pieces takes no time.
  await Promise.all(pool.map((worker) => ask(worker, { from: 0, to: 0 })));
  return {
    async run(pieces: number, perTask: number): Promise<number> {
      const tasks = cut(pieces, perTask);
      let inside = 0;
      await Promise.all(pool.map(async (worker) => {
        for (let task = tasks.pop(); task; task = tasks.pop()) {
          const hits = await ask(worker, task);
          inside += hits;
        }
      }));
      return inside;
    },
    [Symbol.asyncDispose]() {
      for (const worker of pool) worker.terminate();
      return Promise.resolve();
    },
  };
}

if ("WorkerGlobalScope" in globalThis) {
  // The type checker takes this file for a main module, which has no one to send messages to.
  const toCaller = self as unknown as Worker;
  toCaller.onmessage = ({ data }) => toCaller.postMessage(countHits(data));
} else if (import.meta.main) {
  await using pi = await experiment({ workers: 2 });
  const pieces = 8192, start = performance.now(), inside = await pi.run(pieces, 256);
  const ms = (performance.now() - start).toFixed(0);
  console.log(`pi is about ${4 * inside / pieces / 4096}: ${pieces * 4096} darts, 2 workers, ${ms} ms`);
  if (inside !== 26354262) throw new Error(`of these darts, 26354262 hit, not ${inside}`);
}
