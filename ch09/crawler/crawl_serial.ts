/**
 * One request after the other: the staircase.
 *
 * What to notice: the processor has nothing to do but wait, 50 ms for each request. One connection is enough, which
 * `fetch` keeps open from one request to the next, so that only the first one pays for connecting.
 *
 * @original 09_concurrency/crawler/serial/crawler.py
 * @run deno run --allow-net=127.0.0.1 ch09/crawler/crawl_serial.ts
 * @takes 1 s
 */

export interface Options {
  /** Not used here: there is never more than one request under way. */
  concurrency?: number;
  /** Ends it before its time: what is under way is broken off. */
  signal?: AbortSignal;
}

/**
 * Fetches the addresses one after the other. Rejects with the first failure, and fetches no further then.
 *
 * @returns the bodies, in the order of the addresses
 */
export async function crawl(urls: readonly string[], { signal }: Options = {}): Promise<string[]> {
  const bodies: string[] = [];
  for (const url of urls) bodies.push(await get(url, signal));
  return bodies;
}

async function get(url: string, signal?: AbortSignal): Promise<string> {
  const response = await fetch(url, { signal });
  if (response.ok) return await response.text();
  await response.body?.cancel();
  throw new Error(`${url}: status ${response.status}`);
}

const requests = 20, delay = 50, concurrency = 1;

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
