/**
 * A bounded number of requests at once, by the agent of node:http, which keeps the connections.
 *
 * What to notice: here it is not the requests that are counted but the sockets. All requests are made at once, and the
 * agent lets them wait until one of its `maxSockets` is free. With «Connection: close» every request opens a connection of
 * its own, 200 here in place of 20, each with a handshake before it and a port that is not free for a minute after it.
 * The option `keepAlive` alone does not decide that: as long as requests wait for a socket, the agent uses it again.
 *
 * @original 09_concurrency/crawler/aiohttp/crawler.py (its TCPConnector)
 * @run deno run --allow-net=127.0.0.1 ch09/crawler/crawl_node_agent.ts
 * @takes 1 s
 */

import http from "node:http";

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
 * Fetches the addresses, all of http and one host, over a bounded number of connections. The first failure breaks off the
 * others.
 *
 * @param keepAlive whether a connection serves more than one request
 * @returns the bodies, in the order of the addresses
 */
export async function crawl(
  urls: readonly string[],
  { concurrency, signal, keepAlive = true }: Options & { keepAlive?: boolean },
): Promise<string[]> {
  if (!(Number.isInteger(concurrency) && concurrency >= 1 && concurrency <= atMost)) {
    throw new RangeError(`concurrency ${concurrency}: must be a whole number from 1 to ${atMost}`);
  }
  // By default it would keep no more than 256 idle.
  const agent = new http.Agent({ keepAlive: true, maxSockets: concurrency, maxFreeSockets: concurrency });
  const headers = keepAlive ? {} : { connection: "close" };
  const failed = new AbortController();
  const either = signal ? AbortSignal.any([signal, failed.signal]) : failed.signal;
  try {
    return await Promise.all(urls.map((url) => get(url, { agent, headers, signal: either })));
  } catch (error) {
    failed.abort(error);
    throw error;
  } finally {
    // Idle connections would otherwise stay open, and this process with them.
    agent.destroy();
  }
}

function get(url: string, options: http.RequestOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = http.get(url, options, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (text) => body += text);
      response.on("error", reject);
      response.on("end", () => {
        if (response.statusCode === 200) resolve(body);
        else reject(new Error(`${url}: status ${response.statusCode}`));
      });
    });
    request.on("error", reject);
  });
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
