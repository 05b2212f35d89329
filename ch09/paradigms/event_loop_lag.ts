/**
 * Event-loop lag: how late a timer fires while this thread computes, and what cures it.
 *
 * What to notice: while a function computes, nothing else has a turn: a timer is as late as the computation is long, and a
 * server would be as late to answer. To `await` a promise that is already there gives nobody a turn, since microtasks
 * run before timers. Giving way through `setImmediate` every few milliseconds bounds the lag and costs little. A worker
 * takes the computation off this thread altogether; what lag is left there is mostly that of `new Worker`, which holds
 * this thread up while the other one starts. A tick that never came because the thread was blocked counts too,
 * each by its own lateness: else one long block would look like one late tick of many.
 *
 * @original none, chapter 9's question on the event loop
 * @run deno run --allow-read=ch09/paradigms/event_loop_lag.ts ch09/paradigms/event_loop_lag.ts
 * @takes 2 s
 */

/** How many primes there are below a number. */
type Way = (below: number) => number | Promise<number>;

/** How long the thread is kept at most, in ms, by a computation that gives way. */
export const slice = 5;

/** How many primes there are from `from` to, but not including, `to`. */
function countPrimes(from: number, to: number): number {
  let count = 0;
  for (let n = Math.max(2, from); n < to; n++) {
    let divisor = 2;
    while (divisor * divisor <= n && n % divisor !== 0) divisor++;
    if (divisor * divisor > n) count++;
  }
  return count;
}

const step = 500;

export const ways = {
  in_one_go: (below) => countPrimes(0, below),

  async await_promises(below) {
    let count = 0;
    for (let n = 0; n < below; n += step) {
      count += countPrimes(n, Math.min(n + step, below));
      // Looks as if it gave way, and does not.
      await Promise.resolve();
    }
    return count;
  },

  async give_way(below) {
    let count = 0, since = performance.now();
    for (let n = 0; n < below; n += step) {
      count += countPrimes(n, Math.min(n + step, below));
      if (performance.now() - since < slice) continue;
      await new Promise((turn) => setImmediate(turn));
      since = performance.now();
    }
    return count;
  },

  in_worker(below) {
    const worker = new Worker(import.meta.url, { type: "module" });
    return new Promise<number>((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => (event.preventDefault(), reject(new Error(event.message)));
      worker.postMessage(below);
    }).finally(() => worker.terminate());
  },
} satisfies Record<string, Way>;

export interface Lag<T> {
  result: T;
  /** Milliseconds that the work took. */
  took: number;
  /** How late each tick was that was due meanwhile, in ms, in their order. */
  lags: number[];
}

/** Does some work while a clock should tick every `interval` ms. */
export async function measureLag<T>(work: () => T | Promise<T>, interval = 2): Promise<Lag<T>> {
  const lags: number[] = [], start = performance.now();
  let due = start + interval, timer: ReturnType<typeof setTimeout>;
  const tick = () => {
    for (const now = performance.now(); due <= now; due += interval) lags.push(now - due);
    timer = setTimeout(tick, Math.max(0, due - performance.now()));
  };
  timer = setTimeout(tick, interval);
  try {
    // The clock is running before the work begins.
    await new Promise((turn) => setImmediate(turn));
    const begin = performance.now(), result = await work(), took = performance.now() - begin;
    // The ticks that were due during the work are counted when their turn comes.
    const end = performance.now();
    while (due <= end) await new Promise((turn) => setTimeout(turn, 1));
    return { result, took, lags };
  } finally {
    clearTimeout(timer);
  }
}

// The type checker takes this file for a main module, which has no one to send messages to.
const toCaller = self as unknown as Worker;

if ("WorkerGlobalScope" in globalThis) {
  toCaller.onmessage = ({ data }: MessageEvent<number>) => toCaller.postMessage(countPrimes(0, data));
} else if (import.meta.main) {
  const idle = await measureLag(() => new Promise((rested) => setTimeout(rested, 200)));
  console.log(`nothing to do    ${describe(idle)}`);
  for (const [name, way] of Object.entries(ways)) {
    const lag = await measureLag(() => way(400_000));
    console.log(`${name.padEnd(17)}${describe(lag)}`);
    if (lag.result !== 33_860) throw new Error(`${name}: ${lag.result} primes below 400,000, where there are 33860`);
  }
}

function describe({ took, lags }: Lag<unknown>): string {
  const sorted = lags.toSorted((a, b) => a - b), ms = (value: number) => `${value.toFixed(1).padStart(6)} ms`;
  return `took ${took.toFixed(0).padStart(4)} ms; lag: median ${ms(sorted[sorted.length >> 1])}, longest ${
    ms(sorted.at(-1)!)
  }`;
}
