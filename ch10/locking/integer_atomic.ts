/**
 * A shared integer with `Atomics.add` from several workers. Right: nothing is lost.
 *
 * What to notice: the processor itself does load, add and store as one step, for one integer of up to 64 bits, and
 * nobody ever waits for a holder who sleeps or is dead. It is not free: the cache line of the integer travels from
 * core to core, so that several workers count no faster together than one alone.
 *
 * @original 10_multiprocessing/locking/ex2_lock_rawvalue.py (with a lock; here the processor's own)
 * @run deno run --allow-read=ch10/locking/integer_atomic.ts ch10/locking/integer_atomic.ts
 * @takes 1 s
 */

/** Adds one to a shared integer, `each` times. */
export function count(counter: Int32Array, each: number): void {
  for (let i = 0; i < each; i++) Atomics.add(counter, 0, 1);
}

/** Starts workers that share one integer. */
export async function experiment(workers: number) {
  const counter = new Int32Array(new SharedArrayBuffer(4));
  const threads = Array.from({ length: workers }, () => new Worker(import.meta.url, { type: "module" }));
  const ask = (thread: Worker, message: unknown) =>
    new Promise<void>((resolve, reject) => {
      thread.onmessage = () => resolve();
      thread.onerror = (event) => (event.preventDefault(), reject(new Error(event.message)));
      thread.postMessage(message);
    });
  await Promise.all(threads.map((thread) => ask(thread, { counter })));
  return {
    /** Has every worker add one `each` times, all at once. Returns what the integer then says. */
    async run(each: number): Promise<number> {
      counter[0] = 0;
      await Promise.all(threads.map((thread) => ask(thread, { each })));
      return counter[0];
    },
    close: () => Promise.all(threads.map((thread) => ask(thread, "close"))),
  };
}

// The type checker takes this file for a main module, which has no one to send messages to.
const toCaller = self as unknown as Worker;

if ("WorkerGlobalScope" in globalThis) {
  let counter: Int32Array;
  toCaller.onmessage = ({ data }) => {
    if (data.counter) counter = data.counter;
    if (data.each) count(counter, data.each);
    toCaller.postMessage(data === "close" ? "closed" : "done");
    if (data === "close") self.close();
  };
} else if (import.meta.main) {
  const { parseArgs } = await import("jsr:@std/cli@1/parse-args");
  const refuse = (message: string) => (console.error(`error: ${message}`), Deno.exit(2));
  const flags = parseArgs(Deno.args, {
    string: ["workers", "each"],
    boolean: "help",
    default: { workers: "4", each: "1000000" },
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

  const { run, close } = await experiment(workers);
  // The first time V8 still compiles.
  await run(100_000);
  const start = performance.now(), counted = await run(each), expected = workers * each;
  const time = (performance.now() - start) / expected * 1e6;
  await close();
  console.log(`${workers} workers added one ${each} times each: the integer says ${counted}`);
  console.log(`${time.toFixed(1)} ns an increment`);
  if (counted !== expected) throw new Error(`the integer says ${counted}, not ${expected}`);
}
