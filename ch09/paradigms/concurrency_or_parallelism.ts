/**
 * Concurrency or parallelism: tasks that compute, that wait, and that do both, in three ways and both ways together.
 *
 * What to notice: concurrency is many tasks under way, and one thread is enough for it; parallelism is many at the same
 * moment, and takes cores. Waiting needs no core: one thread waits for all tasks in the time of one, while workers that do
 * one task after the other gain only their number. Computing needs one: concurrency in one thread gains nothing, workers
 * gain their number of cores. For tasks of both kinds one thread can at best compute all the time; beyond that it
 * takes workers, each with its tasks under way together.
 *
 * @original none, chapter 9's question «when is the right time to use concurrency»
 * @run deno run --allow-net=127.0.0.1 --allow-read=ch09/paradigms/concurrency_or_parallelism.ts ch09/paradigms/concurrency_or_parallelism.ts
 * @takes 3 s
 */

export interface Work {
  /** What a task computes: how many primes there are below this. */
  below: number;
  /** Whether it waits for the server's answer too, which takes `serverDelay` ms. */
  asks: boolean;
}

export const serverDelay = 20;

export const kinds = {
  computing: { below: 40_000, asks: false },
  waiting: { below: 0, asks: true },
  both: { below: 40_000, asks: true },
} satisfies Record<string, Work>;

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

/** One task: gives its number as the server echoes it, or as it is, plus the primes. */
async function doTask({ below, asks }: Work, url: string, i: number): Promise<number> {
  const echoed = asks ? Number(await (await fetch(`${url}${i}`)).text()) : i;
  return echoed + countPrimes(below);
}

async function oneByOne(work: Work, url: string, tasks: number[]): Promise<number[]> {
  const results: number[] = [];
  for (const i of tasks) results.push(await doTask(work, url, i));
  return results;
}

function together(work: Work, url: string, tasks: number[]): Promise<number[]> {
  return Promise.all(tasks.map((i) => doTask(work, url, i)));
}

/** Who does the tasks, and whether each does one after the other or has all of them under way. */
export const ways = {
  serial: { workers: false, concurrent: false },
  concurrent: { workers: false, concurrent: true },
  parallel: { workers: true, concurrent: false },
  both: { workers: true, concurrent: true },
};
export type Way = keyof typeof ways;

type Job = [work: Work, url: string, tasks: number[], concurrent: boolean];

/** A worker of this file; its first message says that it is there. */
async function startWorker(role: "server" | "tasks") {
  const worker = new Worker(import.meta.url, { type: "module", name: role });
  const next = () =>
    new Promise<unknown>((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => (event.preventDefault(), reject(new Error(event.message)));
    });
  const first = await next();
  return { first, ask: (job: Job) => (worker.postMessage(job), next()), stop: () => worker.terminate() };
}

/** Starts the server, in a thread of its own, and as many workers; `run` gives the result of each task, in their order. */
export async function experiment(workers = navigator.hardwareConcurrency) {
  if (!Number.isInteger(workers) || workers < 1) {
    throw new RangeError(`${workers} workers: must be a whole number from 1`);
  }
  const server = await startWorker("server");
  const pool = await Promise.all(Array.from({ length: workers }, () => startWorker("tasks")));
  const url = server.first as string;
  return {
    async run(way: Way, work: Work, count: number): Promise<number[]> {
      const tasks = Array.from({ length: count }, (_, i) => i), { concurrent } = ways[way];
      if (!ways[way].workers) return await (concurrent ? together : oneByOne)(work, url, tasks);
      const shares = pool.map((_, k) => tasks.filter((i) => i % workers === k));
      const found = await Promise.all(pool.map(({ ask }, k) => ask([work, url, shares[k], concurrent])));
      return tasks.map((i) => (found[i % workers] as number[])[Math.floor(i / workers)]);
    },
    close() {
      for (const { stop } of [...pool, server]) stop();
    },
  };
}

// The type checker takes this file for a main module, which has no one to send messages to.
const toCaller = self as unknown as Worker;

if ("WorkerGlobalScope" in globalThis) {
  if (self.name === "server") {
    const { addr } = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async ({ url }) => {
      await new Promise((later) => setTimeout(later, serverDelay));
      return new Response(new URL(url).pathname.slice(1));
    });
    toCaller.postMessage(`http://127.0.0.1:${addr.port}/`);
  } else {
    toCaller.onmessage = async ({ data: [work, url, tasks, concurrent] }: MessageEvent<Job>) => {
      toCaller.postMessage(await (concurrent ? together : oneByOne)(work, url, tasks));
    };
    toCaller.postMessage("ready");
  }
} else if (import.meta.main) {
  const tasks = 16, { run, close } = await experiment();
  console.log(`${tasks} tasks, ${navigator.hardwareConcurrency} cores, ms`);
  console.log("".padEnd(12), ...Object.keys(ways).map((way) => way.padStart(11)));
  for (const [kind, work] of Object.entries(kinds)) {
    const cells: string[] = [];
    for (const way of Object.keys(ways) as Way[]) {
      // The first run opens the connections and is compiled.
      await run(way, work, 2);
      const start = performance.now(), results = await run(way, work, tasks);
      cells.push((performance.now() - start).toFixed(0).padStart(11));
      const primes = work.below === 0 ? 0 : 4203;
      if (results.some((result, i) => result !== i + primes)) throw new Error(`${kind}, ${way}: ${results}`);
    }
    console.log(kind.padEnd(12), ...cells);
  }
  close();
}
