/**
 * In which order things run that were put off: code to its end, then microtasks, then timers, immediates and I/O.
 *
 * What to notice: a promise's callbacks and `queueMicrotask` share one queue, which is emptied before anything else has
 * a turn, what is added meanwhile included. `process.nextTick` has a queue before it, but only where the code was called
 * from a timer, an immediate or I/O: at the top level of a module, or after an `await`, the microtasks are already being
 * emptied and come first. Between `setTimeout(…, 0)` and `setImmediate` there is no order to rely on, except that
 * a timer waits for a millisecond or more while an immediate has the next turn.
 *
 * @original none, chapter 9's question on the event loop
 * @run deno run ch09/paradigms/order.ts
 * @takes 1 s
 */

import process from "node:process";

/** What is put off, and when it is, relative to the function that does so. */
export const names = ["timeout", "immediate", "tick", "promise", "microtask", "await"] as const;

/** Puts all of it off, in an order that is not the one in which it runs, and gives the names as they ran. */
export function observe(): Promise<string[]> {
  const { promise, resolve } = Promise.withResolvers<string[]>();
  const log: string[] = [];
  setTimeout(() => log.push("timeout"), 0);
  setImmediate(() => {
    log.push("immediate");
    Promise.resolve().then(() => log.push("promise in immediate"));
    process.nextTick(() => log.push("tick in immediate"));
  });
  process.nextTick(() => log.push("tick"));
  Promise.resolve().then(() => {
    log.push("promise");
    queueMicrotask(() => log.push("microtask in promise"));
    process.nextTick(() => log.push("tick in promise"));
  });
  queueMicrotask(() => log.push("microtask"));
  (async () => {
    log.push("async function until its first await");
    await null;
    log.push("await");
  })();
  log.push("end of the function");
  setTimeout(() => resolve(log), 50);
  return promise;
}

/** Where the function that puts things off is called from. */
export const callers: Record<string, () => Promise<string[]>> = {
  "a timer": () => new Promise((resolve) => setTimeout(() => resolve(observe()), 1)),
  "an immediate": () => new Promise((resolve) => setImmediate(() => resolve(observe()))),
  "a microtask": () => Promise.resolve().then(observe),
};

/** Pairs of which the first always runs before the second, wherever it was put off. */
export const always: [string, string][] = [
  ["async function until its first await", "end of the function"],
  ["end of the function", "promise"],
  ["promise", "microtask"],
  ["microtask", "await"],
  ["await", "microtask in promise"],
  ["microtask in promise", "timeout"],
  ["microtask in promise", "immediate"],
  ["tick", "tick in promise"],
  ["tick in promise", "timeout"],
  ["tick in promise", "immediate"],
  ["tick in immediate", "promise in immediate"],
];

/** The pairs that ran the other way round, or of which one is missing. */
export function violations(log: string[], pairs = always): string[] {
  return pairs
    .filter(([first, second]) => !log.includes(first) || !(log.indexOf(first) < log.indexOf(second)))
    .map(([first, second]) => `«${first}» did not run before «${second}»`);
}

if (import.meta.main) {
  for (const [caller, call] of Object.entries(callers)) {
    const log = await call(), wrong = violations(log);
    console.log(`called by ${caller}:\n  ${log.join("\n  ")}`);
    // The one pair whose order depends on the caller.
    const pair: [string, string] = caller === "a microtask" ? ["microtask in promise", "tick"] : ["tick", "promise"];
    wrong.push(...violations(log, [pair]));
    if (wrong.length > 0) throw new Error(wrong.join("; "));
  }
}
