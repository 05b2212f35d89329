/**
 * A crawler for a world in which servers fail: time-outs, retries with back-off and jitter, cancellation at any moment.
 *
 * What to notice: nothing is thrown and nothing is lost. For every address there is exactly one outcome: fulfilled, failed
 * with the reason and the number of tries, or cancelled. The wait before the next try is drawn at random from all of an
 * interval that doubles, the «full jitter»: clients that failed in the same moment do not come back in the same moment.
 * Whoever waits keeps its place among those under way, so that a server in trouble gets fewer requests and not more.
 * Beneath all that `fetch` repeats by itself, once, a request whose connection had served others before and is dropped. It
 * takes it for one that had been idle too long, and does so even with a POST: what must not happen twice needs a key.
 *
 * Without addresses this crawls a server of its own that fails in five ways, and then once more, cancelled half-way. With:
 *
 *     deno run --allow-net=127.0.0.1 ch09/crawler/crawl_reliably.ts --concurrency=2 --tries=2 --timeout=1000 URL…
 *
 * @original none, what 09_concurrency/crawler/aiohttp/crawler.py leaves out
 * @run deno run --allow-net=127.0.0.1 ch09/crawler/crawl_reliably.ts
 * @takes 2 s
 */

import { delay } from "jsr:@std/async@1/delay";

export type Outcome =
  & {
    url: string;
    /** How often it was asked for. */
    tries: number;
  }
  & ({ state: "fulfilled"; body: string } | { state: "failed"; reason: string } | { state: "cancelled" });

export interface Options {
  /** How many addresses may be under way at the same time, at most 2,000. */
  concurrency: number;
  /** Ends it before its time: what is under way is broken off. */
  signal?: AbortSignal;
  /** The most tries for an address. */
  tries?: number;
  /** Milliseconds for a try, until the last byte of the body. */
  timeout?: number;
  /** The longest wait before the second try, in milliseconds; doubles with each further one, up to `longestWait`. */
  firstWait?: number;
  longestWait?: number;
  /** Numbers from 0 to 1, for the jitter. */
  random?: () => number;
}

/** Each request under way holds a file descriptor. Where these run out, Deno does not reject but may panic. */
const atMost = 2000;

/**
 * Fetches the addresses, a bounded number at once.
 *
 * @returns an outcome for each address, in their order, also where the signal ended it early
 * @throws RangeError for a concurrency that cannot be
 */
export async function crawl(urls: readonly string[], options: Options): Promise<Outcome[]> {
  const { concurrency, signal } = options;
  if (!(Number.isInteger(concurrency) && concurrency >= 1 && concurrency <= atMost)) {
    throw new RangeError(`concurrency ${concurrency}: must be a whole number from 1 to ${atMost}`);
  }
  // What is never begun stays as it is here.
  const outcomes = urls.map((url): Outcome => ({ url, tries: 0, state: "cancelled" }));
  let next = 0;
  const lane = async () => {
    while (next < urls.length && !signal?.aborted) {
      const i = next++;
      outcomes[i] = await persist(urls[i], options);
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, urls.length) }, lane));
  return outcomes;
}

/** What may be better the next time: too early, too many, or a server that has trouble behind it. */
const passing = new Set([408, 425, 429, 500, 502, 503, 504]);

/** Tries one address until it answers, or there is no point in trying again. */
async function persist(
  url: string,
  { signal, tries: most = 4, timeout = 10_000, firstWait = 50, longestWait = 2000, random = Math.random }: Options,
): Promise<Outcome> {
  if (!URL.canParse(url)) return { url, tries: 0, state: "failed", reason: "not an address" };
  for (let tries = 1;; tries++) {
    const timeUp = AbortSignal.timeout(timeout);
    let reason: string, hopeless = tries === most;
    try {
      const response = await fetch(url, { signal: signal ? AbortSignal.any([timeUp, signal]) : timeUp });
      if (response.ok) return { url, tries, state: "fulfilled", body: await response.text() };
      await response.body?.cancel();
      reason = `status ${response.status}`;
      hopeless ||= !passing.has(response.status);
    } catch (error) {
      if (signal?.aborted) return { url, tries, state: "cancelled" };
      // The last part of what a chain of causes says is the plainest: «Connection refused».
      const { message, cause } = error as Error,
        plainest = `${(cause as Error)?.message ?? message}`.split(": ").at(-1)!;
      reason = timeUp.aborted ? `not done within ${timeout} ms` : plainest;
      hopeless ||= error instanceof Deno.errors.NotCapable;
    }
    if (hopeless) return { url, tries, state: "failed", reason };
    try {
      await delay(random() * Math.min(longestWait, firstWait * 2 ** (tries - 1)), { signal });
    } catch {
      // A wait ends early for one reason only.
      return { url, tries, state: "cancelled" };
    }
  }
}

export interface FaultyServer extends Disposable {
  /** To which `?id=` is to be added, and perhaps a fault and how many times it occurs before all is well. */
  url: string;
  /** How often each address was asked for, by its part after the host. */
  countTries(): Promise<Record<string, number>>;
}

/** The ways to fail: each the query of an address, without the id. */
export const faults = {
  "none": "",
  "503 twice": "&fault=unavailable&times=2",
  "503 always": "&fault=unavailable",
  "404 always": "&fault=missing",
  "connection dropped twice": "&fault=drop&times=2",
  "connection dropped always": "&fault=drop",
  "half a body once": "&fault=half&times=1",
  "half a body always": "&fault=half",
  "no answer once": "&fault=silent&times=1",
  "no answer ever": "&fault=silent",
};

/** Starts a server that fails as it is asked to, in a thread of its own. Right answers are the square of the id. */
export async function startFaultyServer(): Promise<FaultyServer> {
  const source = new Blob([`(${serve})()`], { type: "text/javascript" });
  const worker = new Worker(URL.createObjectURL(source), { type: "module" });
  const port = await new Promise<number>((resolve) => worker.onmessage = ({ data }) => resolve(data));
  const url = `http://127.0.0.1:${port}/`;
  return {
    url,
    countTries: async () => (await fetch(`${url}tries`)).json(),
    [Symbol.dispose]: () => worker.terminate(),
  };
}

/** The server's side, sent there as text. Unlike Deno.serve, node:http lets go of the socket itself, to be destroyed. */
async function serve(): Promise<void> {
  const { createServer } = await import("node:http");
  const counts: Record<string, number> = {};
  const server = createServer(({ url = "", socket }, response) => {
    if (url === "/tries") return response.end(JSON.stringify(counts));
    const { searchParams } = new URL(url, "http://127.0.0.1"), body = `${Number(searchParams.get("id")) ** 2}`;
    counts[url] = (counts[url] ?? 0) + 1;
    const fault = counts[url] > Number(searchParams.get("times") ?? Infinity) ? null : searchParams.get("fault");
    if (fault === "drop") socket.destroy();
    else if (fault === "unavailable") response.writeHead(503).end();
    else if (fault === "missing") response.writeHead(404).end();
    else if (fault === "half") {
      response.writeHead(200, { "content-length": 2 * body.length }).write(body);
      setTimeout(() => socket.destroy(), 5);
    } else if (fault !== "silent") setTimeout(() => response.end(body), 10);
  });
  server.listen(0, "127.0.0.1", () => {
    (self as unknown as Worker).postMessage((server.address() as { port: number }).port);
  });
}

/** A small seeded generator (mulberry32), so that the waits are the same in every run. */
export function seeded(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), seed | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function describe(outcome: Outcome): string {
  const { state, tries } = outcome, after = tries === 0 ? "" : ` after ${tries} ${tries === 1 ? "try" : "tries"}`;
  if (state === "fulfilled") return `fulfilled${after}, ${outcome.body.length} characters`;
  return state === "failed" ? `failed${after}: ${outcome.reason}` : `cancelled${after}`;
}

/** Crawls the faulty server to the end, and then again, cancelled when half of its answers are there. */
async function demonstrate(options: Options): Promise<void> {
  using server = await startFaultyServer();
  const kinds = Object.entries(faults), each = 5;
  const addresses = (offset: number) =>
    Array.from(
      { length: each * kinds.length },
      (_, i) => `${server.url}?id=${i + offset}${kinds[i % kinds.length][1]}`,
    );
  const outcomes = await crawl(addresses(0), options);
  kinds.forEach(([name], i) => console.log(`${name.padEnd(26)} ${describe(outcomes[i])}`));
  const count = (state: Outcome["state"], among: Outcome[]) =>
    among.filter((outcome) => outcome.state === state).length;
  const total = (among: Outcome[]) =>
    `${among.length} addresses: ${count("fulfilled", among)} fulfilled, ${count("failed", among)} failed, ` +
    `${count("cancelled", among)} cancelled`;
  console.log(total(outcomes));
  const requests = Object.values(await server.countTries()).reduce((sum, count) => sum + count, 0);
  const tries = outcomes.reduce((sum, outcome) => sum + outcome.tries, 0);
  console.log(`${tries} tries, but ${requests} requests that the server saw`);
  if (count("fulfilled", outcomes) !== 5 * each && !options.signal?.aborted) {
    throw new Error(`half of the ways to fail end well, but ${count("fulfilled", outcomes)} of 50 did`);
  }
  const half = new AbortController();
  setTimeout(() => half.abort(), 300);
  const signal = options.signal ? AbortSignal.any([options.signal, half.signal]) : half.signal;
  console.log(`cancelled after 300 ms, ${total(await crawl(addresses(1000), { ...options, signal }))}`);
}

if (import.meta.main) {
  const { parseArgs } = await import("jsr:@std/cli@1/parse-args");
  const fail = (message: string): never => (console.error(`error: ${message}`), Deno.exit(2));
  const bounds = { concurrency: [1, atMost, 20], tries: [1, 100, 4], timeout: [1, 600_000, 200] };
  const flags = parseArgs(Deno.args, {
    string: Object.keys(bounds),
    boolean: ["help"],
    unknown: (argument) => argument.startsWith("-") ? fail(`${argument} is not a flag (see --help)`) : true,
  });
  const value = (name: keyof typeof bounds): number => {
    const [low, high, usual] = bounds[name], text = flags[name] as string | undefined;
    if (text === undefined) return usual;
    const whole = /^\d+(e\d+)?$/.test(text) ? Number(text) : NaN;
    if (!(whole >= low && whole <= high)) fail(`--${name} ${text}: must be a whole number from ${low} to ${high}`);
    return whole;
  };
  if (flags.help) {
    console.log("crawl_reliably.ts [--concurrency=N] [--tries=N] [--timeout=MILLISECONDS] [URL…]");
    Deno.exit();
  }
  const interrupted = new AbortController();
  const options: Options = {
    concurrency: value("concurrency"),
    tries: value("tries"),
    timeout: value("timeout"),
    random: seeded(9),
    signal: interrupted.signal,
  };
  const urls = flags._.map(String);
  for (const url of urls) {
    if (!/^https?:$/.test(URL.parse(url)?.protocol ?? "")) fail(`${url}: must be an address of http or https`);
  }
  // What was finished by then is printed, what was under way is broken off.
  const interrupt = () => interrupted.abort();
  Deno.addSignalListener("SIGINT", interrupt);
  if (urls.length === 0) {
    await demonstrate(options);
  } else {
    const outcomes = await crawl(urls, options);
    for (const outcome of outcomes) console.log(`${outcome.url} ${describe(outcome)}`);
    if (outcomes.some(({ state }) => state === "failed")) Deno.exitCode = 1;
  }
  Deno.removeSignalListener("SIGINT", interrupt);
  if (interrupted.signal.aborted) Deno.exitCode = 130;
}
