/**
 * Hashing with bcrypt, the results saved to a SQLite database: a statement each, prepared once, and in transactions.
 *
 * What to notice: a statement by itself is a transaction of its own, and that is what takes the time: SQLite makes a
 * journal, waits for the disk and deletes it, each time. To prepare the statement once spares only its parsing. In
 * transactions of 100 the waiting is shared by 100 results, which are lost together if the program dies: the database
 * then is as after the transaction before, and whole. Try Ctrl-C with `--results FILE`: what was finished is there.
 *
 * @original 09_concurrency/workload/workload.py (its file, as a database)
 * @run deno run --allow-read=. --allow-write=. ch09/workload/workload_sqlite.ts
 * @takes 2 s
 */

import bcrypt from "npm:bcryptjs@3.0.3";
import { DatabaseSync } from "node:sqlite";
import { setImmediate } from "node:timers";

/** The bcrypt hash of a result, of 2^cost rounds (4 to 31); with a constant salt, so that it can be checked. */
export function hashItem(item: number, cost: number): string {
  if (!(Number.isInteger(cost) && cost >= 4 && cost <= 31)) throw new RangeError(`cost ${cost}: must be from 4 to 31`);
  return bcrypt.hashSync(`result ${item}`, `$2b$${`${cost}`.padStart(2, "0")}$CCCCCCCCCCCCCCCCCCCCC.`);
}

/** Whether each statement is parsed anew, or once, and with how many results in a transaction. */
export const ways = {
  statements: { prepared: false, size: 1 },
  prepared: { prepared: true, size: 1 },
  transactions: { prepared: true, size: 100 },
};

export type Way = keyof typeof ways;

/**
 * Makes a table `results` of items and hashes in a database, which is made if need be.
 *
 * @throws Error if the database cannot be written to, or has that table already
 */
export function openResults(path: string, way: Way = "transactions") {
  const { prepared, size } = ways[way], database = new DatabaseSync(path);
  const insert = () => database.prepare("INSERT INTO results VALUES (?, ?)");
  let statement: ReturnType<typeof insert>;
  try {
    database.exec("CREATE TABLE results (item INTEGER PRIMARY KEY, hash TEXT NOT NULL)");
    statement = insert();
  } catch (error) {
    database.close();
    throw error;
  }
  let saved = 0, pending = 0;
  const commit = () => {
    try {
      database.exec("COMMIT");
      saved += pending;
    } finally {
      pending = 0;
    }
  };
  return {
    /** Saves a result, or adds it to the transaction. Throws if that fails; the transaction is then undone. */
    save(item: number, hash: string): void {
      if (size > 1 && pending === 0) database.exec("BEGIN");
      (prepared ? statement : insert()).run(item, hash);
      pending++;
      if (size === 1) saved++, pending = 0;
      else if (pending === size) commit();
    },
    /** How many results no failure can undo any more. */
    saved: () => saved,
    /** Ends the transaction under way, so that nothing finished is lost, and closes the database in any case. */
    close() {
      try {
        if (pending > 0) commit();
      } finally {
        database.close();
      }
    },
  };
}

/** The results in a database, by item. Throws if SQLite finds it damaged. */
export function readResults(path: string): { item: number; hash: string }[] {
  const database = new DatabaseSync(path);
  try {
    const check = database.prepare("PRAGMA integrity_check").get()?.integrity_check;
    if (check !== "ok") throw new Error(`${path}: ${check}`);
    return database.prepare("SELECT item, hash FROM results ORDER BY item").all() as { item: number; hash: string }[];
  } finally {
    database.close();
  }
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

/** Hashes and saves into a new database. The error of a save that failed is returned beside the rest. */
async function fill(path: string, way: Way, count: number, cost: number, signal: AbortSignal) {
  const open = () => {
    try {
      return openResults(path, way);
    } catch (cause) {
      throw new Error(`no results can be saved in ${path}: ${(cause as Error).message}`, { cause });
    }
  };
  const store = open(), start = performance.now();
  let saving = 0, hashes: string[] = [], failure: unknown;
  const timed = (call: () => void) => {
    const start = performance.now();
    call();
    saving += performance.now() - start;
  };
  try {
    hashes = await run(count, cost, (item, hash) => timed(() => store.save(item, hash)), hashItem, signal);
  } catch (error) {
    failure = error;
  }
  try {
    timed(store.close);
  } catch (error) {
    failure ??= error;
  }
  return { saved: store.saved(), hashes, failure, saving, time: performance.now() - start };
}

if (import.meta.main) {
  const { parseArgs } = await import("jsr:@std/cli@1/parse-args");
  const refuse = (message: string): never => (console.error(`error: ${message}`), Deno.exit(2));
  const flags = parseArgs(Deno.args, {
    string: ["count", "cost", "way", "results"],
    boolean: "help",
    default: { count: "100", cost: "5" },
    unknown: (argument) => refuse(`${argument}: there is only --count, --cost, --way, --results and --help`),
  });
  if (flags.help) {
    console.log("Hashes with bcrypt and saves the results to SQLite.\n  --count N       1 to 1000000");
    console.log("  --cost N        4 to 31\n  --way WAY       statements, prepared or transactions; all if not given");
    console.log("  --results FILE  keeps the database there; saved in transactions if no --way is given");
    Deno.exit(0);
  }
  const number = (name: "count" | "cost", least: number, most: number) => {
    const value = Number(flags[name] || NaN);
    if (Number.isInteger(value) && value >= least && value <= most) return value;
    return refuse(`--${name} ${flags[name]}: must be a whole number from ${least} to ${most}`);
  };
  const count = number("count", 1, 1000000), cost = number("cost", 4, 31);
  if (flags.results === "") refuse("--results needs the name of a file");
  if (flags.way !== undefined && !Object.hasOwn(ways, flags.way)) {
    refuse(`--way ${flags.way}: must be one of ${Object.keys(ways).join(", ")}`);
  }
  const chosen = flags.way ? [flags.way] : flags.results === undefined ? Object.keys(ways) : ["transactions"];

  const interrupted = new AbortController();
  Deno.addSignalListener("SIGINT", () => interrupted.abort());
  const folder = flags.results === undefined ? Deno.makeTempDirSync({ dir: "." }) : undefined;
  try {
    // In the first hashes V8 still compiles.
    for (let item = 0; item < 20; item++) hashItem(item, 5);
    for (const way of chosen as Way[]) {
      if (interrupted.signal.aborted) break;
      const path = flags.results ?? `${folder}/${way}.db`;
      const { saved, hashes, failure, saving, time } = await fill(path, way, count, cost, interrupted.signal);
      const state = `${saved} of ${count} results ${folder ? "were" : "are"} in ${path}`;
      if (failure) throw new Error(`${state}: ${(failure as Error).message}`);
      if (readResults(path).map(({ hash }) => hash).join() !== hashes.join()) throw new Error(`${path} is wrong`);
      const share = (100 * saving / time).toFixed(2);
      console.log(`${way}: ${saved} results at cost ${cost}: ${time.toFixed(0)} ms, ${share}% of it saving`);
      if (interrupted.signal.aborted) console.error(`interrupted: ${state}`);
    }
    if (interrupted.signal.aborted) Deno.exitCode = 130;
  } catch (error) {
    console.error(`error: ${(error as Error).message}`);
    Deno.exitCode = 2;
  } finally {
    if (folder) Deno.removeSync(folder, { recursive: true });
  }
}
