/**
 * A leak made on purpose, a cache that is never emptied, and how two heap snapshots find it; then the same mended.
 *
 * What to notice: nothing looks wrong from outside, every request is answered and memory grows slowly. But the cache has
 * the request itself for its key, an object that never comes again: it is never hit, and holds every request and page for
 * good. Two snapshots, a thousand requests apart, show it: a thousand pages more, and the path that holds the newest of
 * them names the cache. Mended, the key is the address, of which there are few, and nothing grows any more.
 *
 * The server runs in another process, which sends its snapshots here: what one process keeps of its own snapshots would
 * be in the next. A snapshot begins with a collection of garbage, so that what is in it is really held.
 *
 * @original none, after 02_profiling/memory_profiler/
 * @beside heap_snapshot.ts
 * @run deno run --allow-run=deno --allow-read=ch02/memory_profiler/heap_snapshot.ts ch02/memory_profiler/leak.ts
 * @takes 3 s
 */

import { getHeapSnapshot } from "node:v8";

class Request {
  constructor(readonly url: string, readonly method = "GET", readonly agent = "test") {}
}

class Page {
  readonly status = 200;
  readonly language = "en";
  readonly type = "text/html";
  readonly etag: string;
  readonly modified = 0;
  readonly length: number;
  readonly visits = 0;
  readonly secure = true;
  readonly links = 12;
  readonly depth = 3;
  constructor({ url }: Request) {
    this.etag = url.slice(-2);
    this.length = url.length;
  }
}

/** What the cache is keyed by: the request object, or its address. */
export type Version = "leaky" | "mended";

/** Answers requests for twenty addresses; returns how many pages had to be made. */
export function serve(cache: Map<unknown, Page>, version: Version, requests: number): number {
  let made = 0;
  for (let i = 0; i < requests; i++) {
    const request = new Request(`http://example.test/page/${i % 20}`),
      key = version === "leaky" ? request : request.url;
    if (!cache.has(key)) {
      cache.set(key, new Page(request));
      made++;
    }
  }
  return made;
}

/** The part that runs in the other process: two snapshots on standard output, each after a line with its length and V8's count. */
async function sendSnapshots(version: Version): Promise<void> {
  const cache = new Map<unknown, Page>(),
    send = (bytes: Uint8Array) => {
      while (bytes.length > 0) bytes = bytes.subarray(Deno.stdout.writeSync(bytes));
    };
  (globalThis as { cache?: unknown }).cache = cache;
  const take = async (use: (snapshot: Uint8Array) => void) => {
    use(getHeapSnapshot().read());
    // The stream that it came out of lets go of it a turn later.
    await new Promise((resolve) => setTimeout(resolve));
  };
  // What taking one makes V8 load and compile is there from the first one on that counts.
  await take(() => {});
  for (const requests of [100, 1000]) {
    serve(cache, version, requests);
    await take((snapshot) => {
      send(new TextEncoder().encode(`${snapshot.length} ${Deno.memoryUsage().heapUsed}\n`));
      send(snapshot);
    });
  }
}

export interface Snapshot {
  bytes: Uint8Array;
  /** What V8 says is in use on its heap right after. */
  heapUsed: number;
}

/** Two snapshots of a server, a thousand requests apart. */
export async function takeSnapshots(version: Version): Promise<[Snapshot, Snapshot]> {
  const args = ["run", "--no-prompt", import.meta.url, `--serve=${version}`];
  const { code, stdout } = await new Deno.Command("deno", { args, stdin: "null", stderr: "inherit" }).output();
  if (code !== 0) throw new Error(`the server ended with code ${code}`);
  let at = 0;
  const next = () => {
    const start = stdout.indexOf(10, at) + 1;
    const [length, heapUsed] = new TextDecoder().decode(stdout.subarray(at, start)).split(" ").map(Number);
    return { bytes: stdout.subarray(start, at = start + length), heapUsed };
  };
  return [next(), next()];
}

if (import.meta.main) {
  const version = Deno.args[0]?.match(/^--serve=(leaky|mended)$/)?.[1];
  if (version) {
    await sendSnapshots(version as Version);
    Deno.exit();
  }
  if (Deno.args.length > 0) {
    console.error(`error: ${Deno.args[0]}: this script takes no arguments`);
    Deno.exit(2);
  }
  const { analyse, compareHeaps, nowhere, parseSnapshot } = await import(import.meta.resolve("./heap_snapshot.ts"));
  for (const version of ["leaky", "mended"] as const) {
    let pair: [Snapshot, Snapshot];
    try {
      pair = await takeSnapshots(version);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      console.error("error: there is no deno on the PATH; install it: npm install -g deno");
      Deno.exit(2);
    }
    const [before, after] = pair.map(({ bytes }) => parseSnapshot(bytes)),
      changes = compareHeaps(before, after),
      { path } = analyse(after);
    console.log(`${version}, after 1000 requests more:`);
    for (const { name, added, addedBytes, removedBytes, grownBytes, newest } of changes.slice(0, 3)) {
      console.log(
        `  ${name.padEnd(16)} ${added} new, ${((addedBytes - removedBytes + grownBytes) / 1024).toFixed(1)} KiB more`,
      );
      if (newest !== nowhere) console.log(`    the newest is held by ${path(newest)}`);
    }
    const pages = changes.find(({ name }: { name: string }) => name === "Page")?.added ?? 0;
    if (pages !== (version === "leaky" ? 1000 : 0)) throw new Error(`${pages} pages are new in the ${version} server`);
  }
}
