/**
 * Hashing with bcrypt on other threads, while this one does nothing but hand out items and have the results saved.
 *
 * What to notice: asynchronous saving gives all of the time of one core to the hashing, and no more. Workers give that of
 * all cores. This thread is free all the while: its event loop is never held up for a hash, as it would be in a server
 * that hashes a password. Each worker has two items at hand, so that it need not wait for a message; the rest of the code
 * is what it was for one thread, with a hash that is awaited.
 *
 * @original none, chapter 9's question on when asynchronous code is the right choice
 * @run deno run --allow-net=127.0.0.1 --allow-read=ch09/workload/save_server.ts,ch09/workload/workload_off_thread.ts ch09/workload/workload_off_thread.ts
 * @beside save_server.ts
 * @takes 2 s
 */

import bcrypt from "npm:bcryptjs@3.0.3";

/** The bcrypt hash of a result, of 2^cost rounds (4 to 31); with a constant salt, so that it can be checked. */
export function hashItem(item: number, cost: number): string {
  if (!(Number.isInteger(cost) && cost >= 4 && cost <= 31)) throw new RangeError(`cost ${cost}: must be from 4 to 31`);
  return bcrypt.hashSync(`result ${item}`, `$2b$${`${cost}`.padStart(2, "0")}$CCCCCCCCCCCCCCCCCCCCC.`);
}

/** Says that a result has been saved by resolving. */
export type Save = (item: number, hash: string) => Promise<void>;

/** Starts workers that hash; by default one for each core. Whatever a hash throws there, it rejects with here. */
export function openPool(size: number = navigator.hardwareConcurrency) {
  const waiting = new Map<number, PromiseWithResolvers<string>>();
  let asked = 0;
  const workers = Array.from({ length: size }, () => {
    const worker = new Worker(import.meta.url, { type: "module" });
    worker.onmessage = ({ data: { ticket, hash, error } }) => {
      const { resolve, reject } = waiting.get(ticket)!;
      waiting.delete(ticket);
      if (error) reject(error);
      else resolve(hash);
    };
    return worker;
  });
  return {
    size,
    hash(item: number, cost: number): Promise<string> {
      const ticket = asked++, answer = Promise.withResolvers<string>();
      waiting.set(ticket, answer);
      workers[ticket % size].postMessage({ ticket, item, cost });
      return answer.promise;
    },
    close() {
      for (const worker of workers) worker.terminate();
    },
  };
}

/**
 * Hashes `count` items, `hashing` at a time, and saves each while others are hashed, up to `atOnce` at a time.
 *
 * @param hash of a pool
 * @throws AggregateError with an error for each result that could not be saved, after all others have been; nothing is
 * begun after the first failure
 */
export async function run(
  count: number,
  cost: number,
  save: Save,
  hash: (item: number, cost: number) => string | Promise<string>,
  hashing = 2 * navigator.hardwareConcurrency,
  atOnce = 100,
): Promise<string[]> {
  const hashes: string[] = [], failures: Error[] = [], saving = new Set<Promise<void>>();
  const start = async (item: number, result: string) => {
    try {
      await save(item, result);
    } catch (cause) {
      failures.push(new Error(`result ${item} was not saved`, { cause }));
    }
  };
  let next = 0;
  const hashAndSave = async () => {
    while (next < count && failures.length === 0) {
      const item = next++;
      hashes[item] = await hash(item, cost);
      while (saving.size >= atOnce) await Promise.race(saving);
      const promise = start(item, hashes[item]).then(() => void saving.delete(promise));
      saving.add(promise);
    }
  };
  await Promise.all(Array.from({ length: hashing }, hashAndSave));
  await Promise.all(saving);
  if (failures.length > 0) {
    const saved = next - failures.length, rest = count - next;
    throw new AggregateError(failures, `${saved} of ${count} saved, ${failures.length} failed, ${rest} not begun`);
  }
  return hashes;
}

// The type checker takes this file for a main module, which has no one to send messages to.
const toCaller = self as unknown as Worker;

if ("WorkerGlobalScope" in globalThis) {
  toCaller.onmessage = ({ data: { ticket, item, cost } }) => {
    try {
      toCaller.postMessage({ ticket, hash: hashItem(item, cost) });
    } catch (error) {
      toCaller.postMessage({ ticket, error });
    }
  };
} else if (import.meta.main) {
  const { parseArgs } = await import("jsr:@std/cli@1/parse-args");
  const refuse = (message: string) => (console.error(`error: ${message}`), Deno.exit(2));
  const flags = parseArgs(Deno.args, {
    string: ["count", "cost"],
    boolean: "help",
    default: { count: "80", cost: "8" },
    unknown: (argument) => refuse(`${argument}: there is only --count, --cost and --help`),
  });
  if (flags.help) {
    console.log(
      "Hashes with bcrypt on other threads while results are being saved.\n  --count N  1 to 1000000\n  --cost N   4 to 31",
    );
    Deno.exit(0);
  }
  const number = (name: "count" | "cost", least: number, most: number) => {
    const value = Number(flags[name] || NaN);
    if (Number.isInteger(value) && value >= least && value <= most) return value;
    return refuse(`--${name} ${flags[name]}: must be a whole number from ${least} to ${most}`);
  };
  const count = number("count", 1, 1000000), cost = number("cost", 4, 31);

  const server = new Worker(import.meta.resolve("./save_server.ts"), { type: "module" });
  const url = await new Promise<string>((listening) => server.onmessage = ({ data }) => listening(data));
  const save = async (item: number, hash: string) => {
    const { ok, status } = await fetch(url, { method: "POST", body: `${item} ${hash}` });
    if (!ok) throw new Error(`the server answered ${status}`);
  };
  // In the first hashes V8 still compiles.
  const pool = openPool();
  await Promise.all(Array.from({ length: 40 }, (_, item) => pool.hash(item, 5)));
  for (let item = 0; item < 20; item++) hashItem(item, 5);
  let turned = performance.now(), held = 0;
  const turns = setInterval(() => {
    held = Math.max(held, performance.now() - turned);
    turned = performance.now();
  }, 1);
  const start = performance.now();
  const hashes = await run(count, cost, save, pool.hash);
  const end = performance.now();
  clearInterval(turns);
  pool.close();
  const expected = hashes.map((_, item) => hashItem(item, cost));
  const time = end - start, alone = performance.now() - end;
  console.log(`${count} results at cost ${cost}: ${time.toFixed(0)} ms with ${pool.size} workers`);
  console.log(`  hashing alone on one thread ${alone.toFixed(0)} ms: ${(alone / time).toFixed(2)} times as fast`);
  console.log(
    `  the event loop was held up for ${held.toFixed(0)} ms at most; a hash ${(alone / count).toFixed(0)} ms`,
  );
  const { saved } = await (await fetch(url)).json() as { saved: [item: number, hash: string][] };
  server.terminate();
  const right = saved.length === count && saved.every(([item, hash]) => hash === expected[item]);
  if (!right || new Set(saved.map(([item]) => item)).size !== count) throw new Error("not each was saved once");
}
