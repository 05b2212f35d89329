/**
 * A parallel map whose results are kept on disk: what was computed once, with the same code and arguments, is read back.
 *
 * What to notice: the key is a hash of the function's source and its argument, so that a changed function is computed
 * anew. It does not see what the function calls outside itself, and therefore the function may not: it travels to the
 * workers as text. An entry is written beside its place and then renamed, which readers see wholly or not at all, also
 * with two writers at once. It begins with a hash of the rest: a damaged one is noticed, said, and computed again.
 *
 * @original 10_multiprocessing/pi_estimation/pi_lists_parallel/pi_lists_parallel_joblib_cache.py, …/pi_lists_parallel_joblib.py
 * @run deno run --allow-read=. --allow-write=. ch10/pi_estimation/parallel_map_cached.ts
 * @takes 1 s
 */

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { deserialize, serialize } from "node:v8";

const sha256 = (...parts: (string | Uint8Array)[]) =>
  parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest();

/** Results on disk, one file each. */
export class Cache {
  /** Says that an entry is damaged; by default on stderr. */
  warn: (message: string) => void = (message) => console.error(message);

  /** @param folder is made where it does not exist; files of other names in it are left alone */
  constructor(readonly folder: string) {
    Deno.mkdirSync(folder, { recursive: true });
  }

  /** The name under which the result of `source` called with `input` is kept. Throws if the input cannot be cloned. */
  key(source: string, input: unknown): string {
    // The length in front keeps the end of one from being taken for the beginning of the other.
    return sha256(`${source.length} ${source}`, serialize(input)).toString("hex");
  }

  #path = (name: string) => `${this.folder}/${name}`;

  /** The result in an array of one, or null if there is none or it is damaged. */
  async read(key: string): Promise<[unknown] | null> {
    let bytes: Uint8Array;
    try {
      bytes = await Deno.readFile(this.#path(`${key}.entry`));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return null;
      throw error;
    }
    const hash = bytes.subarray(0, 32), result = bytes.subarray(32);
    if (!sha256(key, result).equals(hash)) {
      this.warn(`the cached result ${key.slice(0, 12)}… is damaged and is computed again`);
      return null;
    }
    return [deserialize(result)];
  }

  async write(key: string, value: unknown): Promise<void> {
    const result = serialize(value), part = this.#path(`${crypto.randomUUID()}.part`);
    try {
      await Deno.writeFile(part, Buffer.concat([sha256(key, result), result]));
      await Deno.rename(part, this.#path(`${key}.entry`));
    } catch (error) {
      await Deno.remove(part).catch(() => {});
      throw error;
    }
  }

  /** Removes all entries, and what a writer that was killed left. Returns how many files that were. */
  clear(): number {
    const own = /^([0-9a-f]{64}\.entry|[0-9a-f-]{36}\.part)$/;
    const files = [...Deno.readDirSync(this.folder)].filter(({ name, isFile }) => isFile && own.test(name));
    for (const { name } of files) Deno.removeSync(this.#path(name));
    return files.length;
  }
}

/**
 * Calls a function with each input on several workers, but not with those whose result is in the cache.
 *
 * @param fn uses nothing but its argument and what is built in; the same input must always give the same result
 * @returns the results in the inputs' order, and how many of them were computed. Rejects with the first error; what was
 *   computed before that stays in the cache
 */
export async function parallelMap<Input, Output>(
  fn: (input: Input) => Output | Promise<Output>,
  inputs: readonly Input[],
  { cache, workers = navigator.hardwareConcurrency }: { cache: Cache; workers?: number },
): Promise<{ results: Output[]; computed: number }> {
  const source = fn.toString(), keys = inputs.map((input) => cache.key(source, input));
  const results: Output[] = new Array(inputs.length), left: number[] = [];
  for (const [i, key] of keys.entries()) {
    const found = await cache.read(key);
    if (found) results[i] = found[0] as Output;
    else left.push(i);
  }
  const computed = left.length;
  left.reverse();
  // A worker has one input at a time; none is started if there is nothing to compute.
  const pool = Array.from(
    { length: Math.min(workers, computed) },
    () => new Worker(import.meta.url, { type: "module" }),
  );
  try {
    await Promise.all(pool.map(async (worker) => {
      for (let i = left.pop(); i !== undefined; i = left.pop()) {
        results[i] = await call(worker, source, inputs[i]) as Output;
        await cache.write(keys[i], results[i]);
      }
    }));
  } finally {
    for (const worker of pool) worker.terminate();
  }
  return { results, computed };
}

function call(worker: Worker, source: string, input: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => data.error ? reject(data.error) : resolve(data.value);
    worker.onerror = (event) => (event.preventDefault(), reject(new Error(event.message)));
    worker.postMessage({ source, input });
  });
}

/** How many darts of a piece hit the quarter circle. Each piece has random numbers of its own, from seed and piece. */
export function countHits({ seed, piece, darts }: { seed: number; piece: number; darts: number }): number {
  // The generator sfc32; its first numbers still show the seed, and are thrown away.
  let a = seed | 0, b = piece | 0, c = 0x9e3779b9 | 0, counter = 1;
  const random = () => {
    const sum = (a + b + counter++) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 20; i++) random();
  let hits = 0;
  for (let i = 0; i < darts; i++) {
    const x = random(), y = random();
    if (x * x + y * y <= 1) hits++;
  }
  return hits;
}

if ("WorkerGlobalScope" in globalThis) {
  // The type checker takes this file for a main module, which has no one to send messages to.
  const toCaller = self as unknown as Worker;
  toCaller.onmessage = async ({ data: { source, input } }) => {
    try {
      toCaller.postMessage({ value: await (0, eval)(`(${source})`)(input) });
    } catch (error) {
      toCaller.postMessage({ error: error instanceof Error ? error : new Error(String(error)) });
    }
  };
} else if (import.meta.main) {
  await demonstrate();
}

async function demonstrate() {
  const { parseArgs } = await import("jsr:@std/cli@1/parse-args");
  const refuse = (message: string): never => (console.error(`error: ${message}`), Deno.exit(2));
  const flags = parseArgs(Deno.args, {
    string: ["workers", "cache"],
    boolean: ["clear", "help"],
    default: { workers: `${navigator.hardwareConcurrency}` },
    unknown: (argument) => refuse(`${argument}: there is only --workers, --cache, --clear and --help`),
  });
  if (flags.help) {
    console.log("Pi from darts, with results kept on disk.\n  --workers N     1 to 64");
    console.log(
      "  --cache FOLDER  keeps them for the next run; else a folder is made and removed\n  --clear         empties FOLDER",
    );
    return;
  }
  const workers = Number(flags.workers || NaN);
  if (!(Number.isInteger(workers) && workers >= 1 && workers <= 64)) {
    refuse(`--workers ${flags.workers}: must be a whole number from 1 to 64`);
  }
  if (flags.cache === "") refuse("--cache: must be the name of a folder");
  if (flags.clear && flags.cache === undefined) refuse("--clear: must come with --cache FOLDER");

  const folder = flags.cache ?? Deno.makeTempDirSync({ dir: "." });
  const remove = () => flags.cache === undefined && Deno.removeSync(folder, { recursive: true });
  // Ctrl-C leaves no folder behind.
  Deno.addSignalListener("SIGINT", () => (remove(), Deno.exit(130)));
  try {
    const cache = openCache(folder, refuse);
    if (flags.clear) return console.log(`${cache.clear()} files removed from ${folder}`);
    const pieces = Array.from({ length: 16 }, (_, piece) => ({ seed: 1, piece, darts: 1_000_000 }));
    const estimate = async (label: string) => {
      const start = performance.now(), { results, computed } = await parallelMap(countHits, pieces, { cache, workers });
      const pi = 4 * results.reduce((sum, hits) => sum + hits, 0) / (1e6 * pieces.length);
      const time = (performance.now() - start).toFixed(0);
      console.log(`${label}: pi is about ${pi}; ${computed} of ${pieces.length} pieces computed in ${time} ms`);
      // Five standard deviations.
      if (Math.abs(pi - Math.PI) > 5 * Math.sqrt(2.697 / 1.6e7)) throw new Error("which is too far from it");
      return computed;
    };
    await estimate("at first    ");
    if (await estimate("again       ") !== 0) throw new Error("something was not found in the cache");
    const entry = `${folder}/${cache.key(countHits.toString(), pieces[7])}.entry`;
    Deno.truncateSync(entry, 35);
    if (await estimate("one damaged ") !== 1) throw new Error("the damaged entry was not computed again");
  } finally {
    remove();
  }
}

function openCache(folder: string, refuse: (message: string) => never): Cache {
  try {
    return new Cache(folder);
  } catch (error) {
    return refuse(`--cache ${folder}: must be a folder that can be written to (${(error as Error).message})`);
  }
}
