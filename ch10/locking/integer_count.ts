/**
 * A shared integer, added to by several workers: with a plain `++`, with `Atomics.add`, and once for all at the end.
 *
 * What to notice: `counter[0]++` reads as one step and is three: load, add, store. Others come in between, and how much is
 * lost differs from run to run: that a program came out right once says nothing. With `Atomics.add` the processor does all
 * three as one, and nobody waits for a holder who sleeps or is dead; but the integer's cache line travels from core to
 * core, so that several workers are no faster than one. The best lock is the one that is not needed: each counts in a
 * variable of its own, and adds that once.
 *
 * @original 10_multiprocessing/locking/ex2_nolock.py, …/ex2_lock_rawvalue.py (with a lock; here the processor's own)
 * @run deno run --allow-read=ch10/locking/integer_count.ts ch10/locking/integer_count.ts
 * @takes 1 s
 */

/** How to add one to a shared integer, `each` times. */
export const counts = {
  /** Wrong. */
  plain(counter: Int32Array, each: number): void {
    for (let i = 0; i < each; i++) counter[0]++;
  },
  atomic(counter: Int32Array, each: number): void {
    for (let i = 0; i < each; i++) Atomics.add(counter, 0, 1);
  },
  own(counter: Int32Array, each: number): void {
    let own = 0;
    for (let i = 0; i < each; i++) own++;
    Atomics.add(counter, 0, own);
  },
};

export type How = keyof typeof counts;

/** Starts workers that share one integer. */
export async function experiment(workers: number, how: How = "atomic") {
  const counter = new Int32Array(new SharedArrayBuffer(4));
  const threads = Array.from({ length: workers }, () => new Worker(import.meta.url, { type: "module" }));
  const ask = (thread: Worker, message: unknown) =>
    new Promise<void>((resolve, reject) => {
      thread.onmessage = () => resolve();
      thread.onerror = (event) => (event.preventDefault(), reject(new Error(event.message)));
      thread.postMessage(message);
    });
  await Promise.all(threads.map((thread) => ask(thread, { counter, how })));
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
  let counter: Int32Array, how: How;
  toCaller.onmessage = ({ data }) => {
    if (data.counter) ({ counter, how } = data);
    if (data.each) counts[how](counter, data.each);
    toCaller.postMessage(data === "close" ? "closed" : "done");
    if (data === "close") self.close();
  };
} else if (import.meta.main) {
  const { parseArgs } = await import("jsr:@std/cli@1/parse-args");
  const refuse = (message: string) => (console.error(`error: ${message}`), Deno.exit(2));
  const flags = parseArgs(Deno.args, {
    string: ["workers", "each", "how"],
    boolean: "help",
    default: { workers: "4", each: "1000000" },
    unknown: (argument) => refuse(`${argument}: there is only --workers, --each, --how and --help`),
  });
  if (flags.help) {
    console.log("Workers count in one shared integer.\n  --workers N  1 to 64");
    console.log("  --each N     how often each adds one, 1 to 100000000");
    console.log("  --how WAY    plain, atomic or own; all three if not given");
    Deno.exit(0);
  }
  if (flags.how !== undefined && !(flags.how in counts)) {
    refuse(`--how ${flags.how}: must be ${Object.keys(counts).join(", ")}`);
  }
  const number = (name: "workers" | "each", most: number) => {
    const value = Number(flags[name] || NaN);
    if (Number.isInteger(value) && value >= 1 && value <= most) return value;
    return refuse(`--${name} ${flags[name]}: must be a whole number from 1 to ${most}`);
  };
  const workers = number("workers", 64), each = number("each", 100000000);

  for (const how of (flags.how ? [flags.how] : Object.keys(counts)) as How[]) {
    const { run, close } = await experiment(workers, how);
    // The first time V8 still compiles.
    await run(100_000);
    const start = performance.now(), counted = await run(each), expected = workers * each;
    const time = (performance.now() - start) / expected * 1e6, lost = (100 * (1 - counted / expected)).toFixed(1);
    await close();
    console.log(`${how}: ${workers} workers added one ${each} times each, the integer says ${counted}`);
    console.log(`  ${lost}% lost, ${time.toFixed(1)} ns an increment`);
    if (!(counted >= 1 && counted <= expected)) throw new Error(`nobody wrote ${counted}`);
    if ((workers === 1 || how !== "plain") && counted !== expected) throw new Error(`${counted} and not ${expected}`);
  }
}
