/**
 * Hashing with bcrypt, and waiting for each result to be saved before the next is hashed: the naive way, and the slowest.
 *
 * What to notice: `await` lets others run, but there is nobody else: while a result travels, the processor does nothing.
 * Every item takes a hash and 100 ms. It is simple, though, and where it fails all results before are known to be saved.
 *
 * @original 09_concurrency/workload/workload.py
 * @run deno run --allow-net=127.0.0.1 --allow-read=ch09/workload/save_server.ts ch09/workload/workload_serial.ts
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

/**
 * Hashes `count` items, one after the other, and saves each.
 *
 * @throws AggregateError at the first result that could not be saved; nothing after it is begun
 */
export async function run(count: number, cost: number, save: Save, hash = hashItem): Promise<string[]> {
  const hashes: string[] = [];
  for (let item = 0; item < count; item++) {
    const result = hash(item, cost);
    try {
      await save(item, result);
    } catch (cause) {
      const failure = new Error(`result ${item} was not saved`, { cause });
      throw new AggregateError([failure], `${item} of ${count} saved, 1 failed, ${count - item - 1} not begun`);
    }
    hashes.push(result);
  }
  return hashes;
}

if (import.meta.main) {
  const { parseArgs } = await import("jsr:@std/cli@1/parse-args");
  const refuse = (message: string) => (console.error(`error: ${message}`), Deno.exit(2));
  const flags = parseArgs(Deno.args, {
    string: ["count", "cost"],
    boolean: "help",
    default: { count: "10", cost: "8" },
    unknown: (argument) => refuse(`${argument}: there is only --count, --cost and --help`),
  });
  if (flags.help) {
    console.log(
      "Hashes with bcrypt and waits for each result to be saved.\n  --count N  1 to 1000000\n  --cost N   4 to 31",
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
