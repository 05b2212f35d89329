/**
 * A shared integer with a mutex made of `Atomics.wait` and `Atomics.notify`. Right, and slower.
 *
 * What to notice: a mutex protects any number of statements, where `Atomics.add` protects one. Taking one that is
 * free is one atomic step and needs no system call; only who finds it taken sleeps. Three states make that possible:
 * free, taken, and taken with somebody waiting, so that who leaves wakes another only if there may be one.
 *
 * A holder that throws gives the mutex back, since `finally`, or `using` in its place, is passed on every way out;
 * what it had half done stays so. (`using` reads better and costs more than the mutex itself, as V8 does not optimise
 * it yet.) A holder that is terminated gives nothing back, and the others would wait forever. They can give up after
 * a time (`acquire` takes milliseconds), and whoever terminated it can give the mutex back in its name (`recover`),
 * if the data can be put in order; between taking and noting its name there is a gap in which a holder has none, and
 * then `recover` refuses. What cannot be had is what a file's lock does: being freed by the system.
 *
 * @original 10_multiprocessing/locking/ex2_lock.py
 * @run deno run --allow-read=ch10/locking/integer_mutex.ts ch10/locking/integer_mutex.ts
 * @takes 1 s
 */

const free = 0, taken = 1, contended = 2;

/** A mutex between workers, after the second of Ulrich Drepper's «Futexes Are Tricky» (2011). It is not reentrant. */
export class Mutex {
  /**
   * @param words two shared integers, zero at first: the state, and the holder's name
   * @param name which of the workers this is, from 1
   */
  constructor(readonly words: Int32Array, readonly name: number) {}

  /**
   * Waits until the mutex is free, and takes it; `using` gives it back.
   *
   * @param patience milliseconds
   * @throws `DOMException` «TimeoutError» if they are over
   */
  acquire(patience = Infinity): this {
    const { words } = this;
    let state = Atomics.compareExchange(words, 0, free, taken);
    if (state !== free) {
      const end = performance.now() + patience;
      // From here on this worker cannot know whether others wait too, and must leave word that some may.
      if (state !== contended) state = Atomics.exchange(words, 0, contended);
      while (state !== free) {
        const left = end - performance.now();
        if (left <= 0) throw new DOMException(`not free after ${patience} ms`, "TimeoutError");
        Atomics.wait(words, 0, contended, left);
        state = Atomics.exchange(words, 0, contended);
      }
    }
    words[1] = this.name;
    return this;
  }

  [Symbol.dispose](): void {
    this.words[1] = 0;
    if (Atomics.sub(this.words, 0, 1) === taken) return;
    Atomics.store(this.words, 0, free);
    Atomics.notify(this.words, 0, 1);
  }
}

/**
 * Gives a mutex back in the name of a worker that has been terminated.
 *
 * @returns whether that worker held it
 */
export function recover(words: Int32Array, name: number): boolean {
  if (Atomics.compareExchange(words, 1, name, 0) !== name) return false;
  Atomics.store(words, 0, free);
  Atomics.notify(words, 0, 1);
  return true;
}

/** Adds one to a shared integer, `each` times. */
export function count(counter: Int32Array, mutex: Mutex, each: number): void {
  for (let i = 0; i < each; i++) {
    mutex.acquire();
    try {
      counter[0]++;
    } finally {
      mutex[Symbol.dispose]();
    }
  }
}

/** The same, and shorter. V8 does not optimise it yet. */
export function countUsing(counter: Int32Array, mutex: Mutex, each: number): void {
  for (let i = 0; i < each; i++) {
    using _ = mutex.acquire();
    counter[0]++;
  }
}

/**
 * Starts workers that share one integer.
 *
 * @param guard what gives the mutex back: `finally` or `using`
 */
export async function experiment(workers: number, guard: "finally" | "using" = "finally") {
  const [counter, words] = [1, 2].map((length) => new Int32Array(new SharedArrayBuffer(4 * length)));
  const threads = Array.from({ length: workers }, () => new Worker(import.meta.url, { type: "module" }));
  const ask = (thread: Worker, message: unknown) =>
    new Promise<void>((resolve, reject) => {
      thread.onmessage = () => resolve();
      thread.onerror = (event) => (event.preventDefault(), reject(new Error(event.message)));
      thread.postMessage(message);
    });
  await Promise.all(threads.map((thread, i) => ask(thread, { counter, words, name: i + 1 })));
  return {
    /** Has every worker add one `each` times, all at once. Returns what the integer then says. */
    async run(each: number): Promise<number> {
      counter[0] = 0;
      await Promise.all(threads.map((thread) => ask(thread, { each, guard })));
      return counter[0];
    },
    close: () => Promise.all(threads.map((thread) => ask(thread, "close"))),
  };
}

/** Has a worker take a mutex, terminates it, and tries what the others can do. */
export async function terminateHolder(patience = 50) {
  const words = new Int32Array(new SharedArrayBuffer(8)), name = 1, own = new Mutex(words, 2);
  const holder = new Worker(import.meta.url, { type: "module" });
  await new Promise((held) => {
    holder.onmessage = held;
    holder.postMessage({ words, name, hold: true });
  });
  holder.terminate();
  const attempt = () => {
    try {
      using _ = own.acquire(patience);
      return "had it";
    } catch (error) {
      return (error as Error).name;
    }
  };
  const before = attempt(), refused = !recover(words, 7), recovered = recover(words, name);
  return { before, refused, recovered, after: attempt() };
}

// The type checker takes this file for a main module, which has no one to send messages to.
const toCaller = self as unknown as Worker;

if ("WorkerGlobalScope" in globalThis) {
  let counter: Int32Array, mutex: Mutex;
  toCaller.onmessage = ({ data }) => {
    if (data.words) counter = data.counter, mutex = new Mutex(data.words, data.name);
    if (data.hold) mutex.acquire();
    if (data.guard === "finally") count(counter, mutex, data.each);
    if (data.guard === "using") countUsing(counter, mutex, data.each);
    toCaller.postMessage(data === "close" ? "closed" : "done");
    if (data === "close") self.close();
  };
} else if (import.meta.main) {
  const { parseArgs } = await import("jsr:@std/cli@1/parse-args");
  const refuse = (message: string) => (console.error(`error: ${message}`), Deno.exit(2));
  const flags = parseArgs(Deno.args, {
    string: ["workers", "each"],
    boolean: "help",
    default: { workers: "4", each: "200000" },
    unknown: (argument) => refuse(`${argument}: there is only --workers, --each and --help`),
  });
  if (flags.help) {
    console.log(
      "Workers count in one shared integer.\n  --workers N  1 to 64\n  --each N     how often each adds one, 1 to 100000000",
    );
    Deno.exit(0);
  }
  const number = (name: "workers" | "each", most: number) => {
    const value = Number(flags[name] || NaN);
    if (Number.isInteger(value) && value >= 1 && value <= most) return value;
    return refuse(`--${name} ${flags[name]}: must be a whole number from 1 to ${most}`);
  };
  const workers = number("workers", 64), each = number("each", 100000000);

  for (const guard of ["finally", "using"] as const) {
    const { run, close } = await experiment(workers, guard);
    // The first time V8 still compiles.
    await run(100_000);
    const start = performance.now(), counted = await run(each), expected = workers * each;
    const time = (performance.now() - start) / expected * 1e6;
    await close();
    console.log(`${workers} workers added one ${each} times each: the integer says ${counted}`);
    console.log(`${time.toFixed(1)} ns an increment, given back by ${guard}`);
    if (counted !== expected) throw new Error(`the integer says ${counted}, not ${expected}`);
  }

  const { before, refused, recovered, after } = await terminateHolder();
  console.log(`after a holder was terminated: ${before}; given back in its name: ${after}`);
  if (before !== "TimeoutError" || !refused || !recovered || after !== "had it") {
    throw new Error("it was not as it should");
  }
}
