/**
 * Hashing with bcrypt, each result appended to a file at once.
 *
 * What to notice: a line takes a few µs, for it goes to the memory of the operating system and no further: there is
 * nothing to overlap, and asynchronous writing would only add to it. It survives the end of this process, kill -9 too,
 * but not a power failure. `--sync` waits for the disk each time, and what that costs depends on the disk. Each result is
 * one write of one whole line. Try Ctrl-C with `--results FILE`: what was finished is in the file.
 *
 * @original 09_concurrency/workload/workload.py
 * @run deno run --allow-read=. --allow-write=. ch09/workload/workload_file.ts
 * @takes 1 s
 */

import bcrypt from "npm:bcryptjs@3.0.3";
import { setImmediate } from "node:timers";

/** The bcrypt hash of a result, of 2^cost rounds (4 to 31); with a constant salt, so that it can be checked. */
export function hashItem(item: number, cost: number): string {
  if (!(Number.isInteger(cost) && cost >= 4 && cost <= 31)) throw new RangeError(`cost ${cost}: must be from 4 to 31`);
  return bcrypt.hashSync(`result ${item}`, `$2b$${`${cost}`.padStart(2, "0")}$CCCCCCCCCCCCCCCCCCCCC.`);
}

/**
 * Opens a file for results; it is made if need be.
 *
 * @param sync whether each result must be on the disk, not just with the operating system, before it counts as saved
 * @throws Error if the file cannot be written to, or holds something already
 */
export function openResults(path: string, sync = false) {
  const file = Deno.openSync(path, { append: true, create: true });
  if (file.statSync().size > 0) {
    file.close();
    throw new Error("there is something in it already");
  }
  let saved = 0, size = 0;
  return {
    /** Throws if the result cannot be saved, and then leaves no part of it. */
    save(item: number, hash: string): void {
      const line = new TextEncoder().encode(`${item} ${hash}\n`), written = file.writeSync(line);
      if (written < line.length) {
        // The disk is full. Half a line would be taken for a result.
        file.truncateSync(size);
        throw new Error(`there was room for ${written} bytes of ${line.length}`);
      }
      if (sync) file.syncDataSync();
      size += written, saved++;
    },
    saved: () => saved,
    close: () => file.close(),
  };
}

/** Saves a result before it returns. */
export type Save = (item: number, hash: string) => void;

/**
 * Hashes up to `count` items and saves each at once, until `signal` says stop. Returns the hashes of those it came to.
 *
 * @throws Error at the first result that could not be saved
 */
export async function run(
  count: number,
  cost: number,
  save: Save,
  hash = hashItem,
  signal?: AbortSignal,
): Promise<string[]> {
  const hashes: string[] = [];
  for (let item = 0; item < count && !signal?.aborted; item++) {
    const result = hash(item, cost);
    save(item, result);
    hashes.push(result);
    // Ctrl-C is heard only when the event loop turns.
    await new Promise<void>((turn) => setImmediate(turn));
  }
  return hashes;
}

if (import.meta.main) {
  const { parseArgs } = await import("jsr:@std/cli@1/parse-args");
  const refuse = (message: string): never => (console.error(`error: ${message}`), Deno.exit(2));
  const flags = parseArgs(Deno.args, {
    string: ["count", "cost", "results"],
    boolean: ["sync", "help"],
    default: { count: "100", cost: "5" },
    unknown: (argument) => refuse(`${argument}: there is only --count, --cost, --results, --sync and --help`),
  });
  if (flags.help) {
    console.log("Hashes with bcrypt and appends each result to a file.\n  --count N       1 to 1000000");
    console.log("  --cost N        4 to 31\n  --results FILE  keeps the results there");
    console.log("  --sync          waits for the disk after each");
    Deno.exit(0);
  }
  const number = (name: "count" | "cost", least: number, most: number) => {
    const value = Number(flags[name] || NaN);
    if (Number.isInteger(value) && value >= least && value <= most) return value;
    return refuse(`--${name} ${flags[name]}: must be a whole number from ${least} to ${most}`);
  };
  const count = number("count", 1, 1000000), cost = number("cost", 4, 31);
  if (flags.results === "") refuse("--results needs the name of a file");

  const interrupted = new AbortController();
  Deno.addSignalListener("SIGINT", () => interrupted.abort());
  const folder = flags.results === undefined ? Deno.makeTempDirSync({ dir: "." }) : undefined;
  const path = flags.results ?? `${folder}/results.txt`;
  const open = () => {
    try {
      return openResults(path, flags.sync);
    } catch (error) {
      return refuse(`no results can be saved in ${path}: ${(error as Error).message}`);
    }
  };
  const store = open();
  try {
    // In the first hashes V8 still compiles.
    for (let item = 0; item < 20; item++) hashItem(item, 5);
    let saving = 0;
    const save = (item: number, hash: string) => {
      const start = performance.now();
      store.save(item, hash);
      saving += performance.now() - start;
    };
    const start = performance.now();
    const hashes = await run(count, cost, save, hashItem, interrupted.signal);
    const time = performance.now() - start, share = 100 * saving / time;
    const lines = Deno.readTextFileSync(path).split("\n").slice(0, -1);
    if (lines.join() !== hashes.map((hash, item) => `${item} ${hash}`).join()) throw new Error(`${path} is wrong`);
    console.log(`${store.saved()} results at cost ${cost}: ${time.toFixed(0)} ms, ${share.toFixed(2)}% of it saving`);
  } catch (error) {
    console.error(`error: ${store.saved()} of ${count} results are in ${path}: ${(error as Error).message}`);
    Deno.exitCode = 2;
  } finally {
    store.close();
    if (folder) Deno.removeSync(folder, { recursive: true });
  }
  if (interrupted.signal.aborted) {
    console.error(`interrupted: ${store.saved()} of ${count} results ${folder ? "were" : "are"} in ${path}`);
    Deno.exitCode = 130;
  }
}
