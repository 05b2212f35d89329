/**
 * All requests at once, by nothing but `Promise.all`.
 *
 * What to notice: this takes as long as one request, and `fetch` has no limit of its own. So the server gets them all in
 * the same moment, by as many connections, and each of these costs both sides a file descriptor. Against a server of
 * somebody else this is an attack, and against any number of addresses it fails. crawl_pooled.ts is as short, and bounded.
 *
 * @original 09_concurrency/crawler/aiohttp/crawler.py (without its semaphore)
 * @run deno run --allow-net=127.0.0.1 ch09/crawler/crawl_unbounded.ts
 * @takes 1 s
 */

export interface Options {
  /** Not used here, which is the point. */
  concurrency?: number;
  /** Ends it before its time: what is under way is broken off. */
  signal?: AbortSignal;
}

/**
 * Each request under way holds a socket, and each end of it that is in this process a file descriptor. Where these run
 * out, at 4,096 on some systems, Deno does not reject what comes next but may panic.
 */
const atMost = 2000;

/**
 * Fetches all addresses at once. Rejects with the first failure, while the others go on without anyone who waits for them.
 *
 * @param urls at most 2,000
 * @returns the bodies, in the order of the addresses
 */
export async function crawl(urls: readonly string[], { signal }: Options = {}): Promise<string[]> {
  if (urls.length > atMost) throw new RangeError(`${urls.length} addresses at once: must be ${atMost} or fewer`);
  return await Promise.all(urls.map((url) => get(url, signal)));
}

async function get(url: string, signal?: AbortSignal): Promise<string> {
  const response = await fetch(url, { signal });
  if (response.ok) return await response.text();
  await response.body?.cancel();
  throw new Error(`${url}: status ${response.status}`);
}

const requests = 200, delay = 50, concurrency = 200;

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
