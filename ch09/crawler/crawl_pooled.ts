/**
 * A bounded number of requests at once, by `pooledMap` of the standard library.
 *
 * What to notice: the one line that starts the next request as soon as any other is done. Since `fetch` puts a connection
 * back into its pool only when the body has been read, the body must be read inside the mapped function: so read, there
 * are never more connections than requests at once.
 *
 * @original 09_concurrency/crawler/aiohttp/crawler.py
 * @run deno run --allow-net=127.0.0.1 ch09/crawler/crawl_pooled.ts
 * @takes 1 s
 */

import { pooledMap } from "jsr:@std/async@1/pool";

export interface Options {
  /** How many requests may be under way at the same time, at most 2,000. */
  concurrency: number;
  /** Ends it before its time: what is under way is broken off. */
  signal?: AbortSignal;
}

/**
 * Each request under way holds a socket, and each end of it that is in this process a file descriptor. Where these run
 * out, at 4,096 on some systems, Deno does not reject what comes next but may panic.
 */
const atMost = 2000;

/**
 * Fetches the addresses, a bounded number at once. After a failure no further one is begun; when those under way are done,
 * rejects with an AggregateError of all failures.
 *
 * @returns the bodies, in the order of the addresses
 */
export async function crawl(urls: readonly string[], { concurrency, signal }: Options): Promise<string[]> {
  if (!(Number.isInteger(concurrency) && concurrency >= 1 && concurrency <= atMost)) {
    throw new RangeError(`concurrency ${concurrency}: must be a whole number from 1 to ${atMost}`);
  }
  return await Array.fromAsync(pooledMap(concurrency, urls, (url) => get(url, signal)));
}

async function get(url: string, signal?: AbortSignal): Promise<string> {
  const response = await fetch(url, { signal });
  if (response.ok) return await response.text();
  await response.body?.cancel();
  throw new Error(`${url}: status ${response.status}`);
}

const requests = 200, delay = 50, concurrency = 20;

/**
 * The server, which is sent to a thread of its own as text. It answers late: with the square of the id, how many requests
 * are under way, and the port that this one came from, of which each connection has its own.
 */
function serve(delay: number): void {
  let underWay = 0;
  const onListen = ({ port }: Deno.NetAddr) => (self as unknown as Worker).postMessage(port);
  Deno.serve({ hostname: "127.0.0.1", port: 0, onListen }, async ({ url }, { remoteAddr }) => {
    const answer = [Number(new URL(url).searchParams.get("id")) ** 2, ++underWay, remoteAddr.port];
    await new Promise((resolve) => setTimeout(resolve, delay));
    underWay--;
    return new Response(answer.join(" "));
  });
}

if (import.meta.main) {
  const source = new Blob([`(${serve})(${delay})`], { type: "text/javascript" });
  const server = new Worker(URL.createObjectURL(source), { type: "module" });
  const port = await new Promise<number>((resolve) => server.onmessage = ({ data }) => resolve(data));
  const urls = Array.from({ length: requests }, (_, id) => `http://127.0.0.1:${port}/?id=${id}`);
  const start = performance.now();
  const bodies = await crawl(urls, { concurrency });
  const took = performance.now() - start;
  server.terminate();
  const answers = bodies.map((body) => body.split(" ").map(Number));
  if (answers.some(([square], id) => square !== id ** 2)) throw new Error("an answer is wrong");
  const most = Math.max(...answers.map(([, underWay]) => underWay));
  const connections = new Set(answers.map(([, , port]) => port)).size;
  if (most > concurrency) throw new Error(`${most} were under way at once, and not ${concurrency}`);
  console.log(
    `${requests} requests of ${delay} ms, ${most} at once by ${connections} connection${connections > 1 ? "s" : ""}: ${
      took.toFixed(0)
    } ms`,
  );
  console.log(`no client could take less than ${requests * delay / concurrency} ms`);
}
