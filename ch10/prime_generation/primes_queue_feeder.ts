/**
 * The primes of a range by workers that get one number a message from a feeder, while results are drained.
 *
 * What to notice: the caller posts nothing, so it hears of the first prime at once and not after the last number. A
 * worker of its own is the feeder: each of the others has a channel to it, gets some numbers ahead, and says when half
 * of them are done. So the queues are never longer than that, whatever the range, and who is fast gets more. Just as
 * many messages go through as without it, so it is still slower than one core alone.
 *
 * @original 10_multiprocessing/prime_generation/primes_queue_jobs_feeder_thread.py
 * @run deno run --allow-read=ch10/prime_generation/primes_queue_feeder.ts ch10/prime_generation/primes_queue_feeder.ts
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

/**
 * The book's experiment: the primes from `from` to, but not including, `to`, in ascending order. A run rejects with what
 * a worker threw as the cause; also after that it has to be closed.
 *
 * @param options.workers by default one for each core
 * @param options.ahead how many numbers wait for each worker at most
 */
export async function experiment(
  from: number,
  to: number,
  { workers = navigator.hardwareConcurrency, ahead = 200 } = {},
) {
  const [feeder, ...pool] = await startWorkers(1 + workers);
  const found: number[] = [];
  let firstAfter = NaN;
  const batch = Math.ceil(ahead / 2);
  const channels = pool.map(() => new MessageChannel());
  await Promise.all(pool.map((worker, i) => ask(worker, { queue: channels[i].port1, batch }, [channels[i].port1])));
  const ports = channels.map(({ port2 }) => port2);
  await ask(feeder, { ports }, ports);
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
      feeder.postMessage({ from, to, ahead });
      await Promise.all(finished);
      if (failure) throw failure;
      found.sort((a, b) => a - b);
    },
    primes: () => Uint32Array.from(found),
    /** Milliseconds from the start of the last run until the first prime arrived. */
    firstAfter: () => firstAfter,
    close: () => Promise.all([feeder, ...pool].map((worker) => ask(worker, "close"))),
  };
}

/** The feeder's side: to each worker as many numbers as it has room for, and after the last one the poison pill. */
function feed(ports: MessagePort[], { from, to, ahead }: { from: number; to: number; ahead: number }): void {
  let next = from, done = false;
  const send = (port: MessagePort, count: number) => {
    if (done) return;
    for (; count > 0 && next < to; count--) port.postMessage(next++);
    done = next >= to;
    if (done) { for (const port of ports) port.postMessage("no more"); }
  };
  for (const port of ports) port.onmessage = ({ data }) => send(port, data);
  for (const port of ports) send(port, ahead);
}

/** A worker's side: it takes from its queue, sends primes to the caller, and in time asks the feeder for more. */
function take(queue: MessagePort, batch: number): void {
  let taken = 0;
  queue.onmessage = ({ data: n }) => {
    try {
      if (n === "no more") toCaller.postMessage("finished");
      else if (checkPrime(n)) toCaller.postMessage(n);
    } catch (error) {
      toCaller.postMessage({ error });
    }
    if (++taken % batch === 0) queue.postMessage(batch);
  };
}

/** Sends a task to a worker. Resolves with its answer, or rejects with what it threw as the cause. */
function ask<Answer>(worker: Worker, task: unknown, transfer: Transferable[] = []): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown) => reject(new Error("a worker failed", { cause }));
    worker.onmessage = ({ data }) => data?.error ? fail(data.error) : resolve(data);
    worker.onerror = (event) => (event.preventDefault(), fail(event.message));
    worker.postMessage(task, transfer);
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

let ports: MessagePort[] = [];

if ("WorkerGlobalScope" in globalThis) {
  toCaller.onmessage = ({ data }) => {
    if (data.queue) take(data.queue, data.batch);
    if (data.ports) ports = data.ports;
    if (data.ahead) return feed(ports, data);
    toCaller.postMessage(data === "close" ? "closed" : "ready");
    if (data === "close") self.close();
  };
} else if (import.meta.main) {
  const { parseArgs } = await import("jsr:@std/cli@1/parse-args");
  const refuse = (message: string) => (console.error(`error: ${message}`), Deno.exit(2));
  const flags = parseArgs(Deno.args, {
    string: ["workers"],
    boolean: "help",
    default: { workers: `${navigator.hardwareConcurrency}` },
    unknown: (argument) => refuse(`${argument}: there is only --workers and --help`),
  });
  if (flags.help) {
    console.log("The primes from 100,000,000 to 100,100,000.\n  --workers N  workers, 1 to 64");
    Deno.exit(0);
  }
  const whole = (name: "workers", min: number, max: number) => {
    const value = Number(flags[name] || NaN);
    if (Number.isInteger(value) && value >= min && value <= max) return value;
    return refuse(`--${name} ${flags[name]}: must be a whole number from ${min} to ${max}`);
  };
  const [workers] = [whole("workers", 1, 64)];

  const { run, primes, close, firstAfter } = await experiment(100_000_000, 100_100_000, { workers });
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
