/**
 * HTTP/1.1 by hand over plain TCP connections: how little a request can cost.
 *
 * What to notice: one write and one read for each request, and one buffer for each connection. `fetch` takes several
 * times as long, and does more: streams, headers as objects, redirects, compression, TLS. This knows only answers with
 * a Content-Length, from a server that keeps the connection. It shows the floor, and is no client for the world outside.
 *
 * @original none, the limit of 09_concurrency/crawler/
 * @run deno run --allow-net=127.0.0.1 ch09/crawler/crawl_tcp.ts
 * @takes 1 s
 */

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
 * Fetches the addresses, all of one origin, over a bounded number of connections. The first failure breaks off the others.
 *
 * @returns the bodies, in the order of the addresses
 */
export async function crawl(urls: readonly string[], { concurrency, signal }: Options): Promise<string[]> {
  if (!(Number.isInteger(concurrency) && concurrency >= 1 && concurrency <= atMost)) {
    throw new RangeError(`concurrency ${concurrency}: must be a whole number from 1 to ${atMost}`);
  }
  signal?.throwIfAborted();
  const targets = urls.map((url) => new URL(url));
  const strange = targets.find(({ protocol, host }) => protocol !== "http:" || host !== targets[0].host);
  if (strange) throw new TypeError(`${strange}: all addresses must be of http and of one host`);

  const bodies: string[] = [], connections: Deno.TcpConn[] = [];
  let next = 0, ended = false;
  const end = () => {
    ended = true;
    for (const connection of connections.splice(0)) connection.close();
  };
  /** One connection, and one request after the other on it. */
  const lane = async () => {
    const connection = await Deno.connect({ hostname: targets[0].hostname, port: Number(targets[0].port || 80) });
    if (ended) return connection.close();
    connections.push(connection);
    const buffer = new Uint8Array(64 * 1024);
    while (next < targets.length && !ended) {
      const i = next++;
      bodies[i] = await exchange(connection, targets[i], buffer);
    }
  };
  signal?.addEventListener("abort", end);
  try {
    await Promise.all(Array.from({ length: Math.min(concurrency, urls.length) }, lane));
  } catch (error) {
    // A connection that was closed under a request fails in its own way: the reason is what counts.
    throw signal?.aborted ? signal.reason : error;
  } finally {
    signal?.removeEventListener("abort", end);
    end();
  }
  signal?.throwIfAborted();
  return bodies;
}

const encoder = new TextEncoder(), decoder = new TextDecoder();

/** Sends one request and reads its answer, which must fit into the buffer. */
async function exchange(connection: Deno.TcpConn, url: URL, buffer: Uint8Array): Promise<string> {
  const request = encoder.encode(`GET ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\n\r\n`);
  for (let sent = 0; sent < request.length;) sent += await connection.write(request.subarray(sent));
  // An answer may come in pieces, cut anywhere.
  for (let filled = 0; filled < buffer.length;) {
    const read = await connection.read(buffer.subarray(filled));
    if (read === null) throw new Error(`${url}: the connection ended before the answer did`);
    filled += read;
    const text = decoder.decode(buffer.subarray(0, filled)), head = text.indexOf("\r\n\r\n") + 4;
    if (head < 4) continue;
    const status = text.slice(9, 12), length = text.slice(0, head).match(/^content-length: *(\d+)/im)?.[1];
    if (status !== "200") throw new Error(`${url}: status ${status}`);
    if (!length) throw new Error(`${url}: the answer has no Content-Length`);
    // The head is of ASCII alone: as many bytes as characters.
    const end = head + Number(length);
    if (filled >= end) return decoder.decode(buffer.subarray(head, end));
  }
  throw new Error(`${url}: the answer is longer than ${buffer.length} bytes`);
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
