/**
 * Hashing with bcrypt while the results before are being saved: the waiting costs nothing any more.
 *
 * What to notice: a save is started and not waited for. But hashing blocks the event loop, and a socket moves only when
 * the loop turns, so the loop gets its turns after each hash. One is too few: as long as there is something else to do,
 * Deno asks the system for news of its sockets at every 61st step only, and it can take dozens of hashes until an answer
 * is seen. Eight turns by setImmediate take a fifth of a millisecond. setTimeout takes one or two even for 0, which is
 * much beside a short hash. At most 100 saves are under way, or a slow server would fill the memory of its client. The
 * last saves are waited for at the end: that is all that is lost.
 *
 * @original 09_concurrency/workload/workload.py
 * @run deno run --allow-net=127.0.0.1 --allow-read=ch09/workload/save_server.ts ch09/workload/workload_async.ts
 * @beside save_server.ts
 * @takes 2 s
 */

import bcrypt from "npm:bcryptjs@3.0.3";
import { setImmediate } from "node:timers";

/** The bcrypt hash of a result, of 2^cost rounds (4 to 31); with a constant salt, so that it can be checked. */
export function hashItem(item: number, cost: number): string {
  if (!(Number.isInteger(cost) && cost >= 4 && cost <= 31)) throw new RangeError(`cost ${cost}: must be from 4 to 31`);
  return bcrypt.hashSync(`result ${item}`, `$2b$${`${cost}`.padStart(2, "0")}$CCCCCCCCCCCCCCCCCCCCC.`);
}

/** Says that a result has been saved by resolving. */
export type Save = (item: number, hash: string) => Promise<void>;

/**
 * Hashes `count` items and saves each while the next are hashed, up to `atOnce` at a time. After each hash the event loop
 * turns `turns` times.
 *
 * @throws AggregateError with an error for each result that could not be saved, after all others have been; nothing is
 * begun after the first failure
 */
export async function run(
  count: number,
  cost: number,
  save: Save,
  hash = hashItem,
  atOnce = 100,
  turns = 8,
): Promise<string[]> {
  const hashes: string[] = [], failures: Error[] = [], saving = new Set<Promise<void>>();
  const start = async (item: number, result: string) => {
    try {
      await save(item, result);
    } catch (cause) {
      failures.push(new Error(`result ${item} was not saved`, { cause }));
    }
  };
  for (let item = 0; item < count && failures.length === 0; item++) {
    const result = hash(item, cost);
    hashes.push(result);
    const promise = start(item, result).then(() => void saving.delete(promise));
    saving.add(promise);
    // Here the sockets get their turn.
    for (let i = 0; i < turns; i++) await new Promise<void>((turned) => setImmediate(turned));
    if (saving.size >= atOnce) await Promise.race(saving);
  }
  await Promise.all(saving);
  if (failures.length > 0) {
    const saved = hashes.length - failures.length, rest = count - hashes.length;
    throw new AggregateError(failures, `${saved} of ${count} saved, ${failures.length} failed, ${rest} not begun`);
  }
  return hashes;
}

if (import.meta.main) {
  const { parseArgs } = await import("jsr:@std/cli@1/parse-args");
  const refuse = (message: string) => (console.error(`error: ${message}`), Deno.exit(2));
  const flags = parseArgs(Deno.args, {
    string: ["count", "cost"],
    boolean: "help",
    default: { count: "300", cost: "4" },
    unknown: (argument) => refuse(`${argument}: there is only --count, --cost and --help`),
  });
  if (flags.help) {
    console.log("Hashes with bcrypt while results are being saved.\n  --count N  1 to 1000000\n  --cost N   4 to 31");
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
  for (let item = 0; item < 20; item++) hashItem(item, 5);
  const start = performance.now();
  const hashes = await run(count, cost, save);
  const end = performance.now();
  const expected = hashes.map((_, item) => hashItem(item, cost));
  const time = end - start, alone = performance.now() - end, lost = 100 * (time / alone - 1);
  console.log(
    `${count} results at cost ${cost}: ${time.toFixed(0)} ms, hashing alone ${alone.toFixed(0)} ms: ${
      lost.toFixed(0)
    }% lost`,
  );
  const { saved } = await (await fetch(url)).json() as { saved: [item: number, hash: string][] };
  server.terminate();
  const right = saved.length === count && saved.every(([item, hash]) => hash === expected[item]);
  if (!right || new Set(saved.map(([item]) => item)).size !== count) throw new Error("not each was saved once");
}
