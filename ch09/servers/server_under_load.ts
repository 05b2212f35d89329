/**
 * How many requests a second Deno.serve answers, and how late: a trivial handler, one that computes, one that waits.
 *
 * What to notice: the load comes from another process (wrk), and still shares the cores with the server. The trivial
 * handler shows what a request itself costs. One that computes for a millisecond answers under a thousand a second,
 * whatever else there is: one thread, and everybody else stands in line. One that waits ten milliseconds for a timer answers
 * as many as there are connections, every ten milliseconds, with the processor mostly idle. load_client.ts does by
 * hand what wrk does here, and what wrk does not: a fixed rate.
 *
 * @original none, chapter 9: servers under load
 * @run deno run --allow-net=127.0.0.1 --allow-run=wrk ch09/servers/server_under_load.ts
 * @takes 4 s
 */

/** What a handler computes: trial division up to this takes about a millisecond. */
const below = 12_000;
/** What a handler waits for, in ms. */
export const wait = 10;

function countPrimes(below: number): number {
  let count = 0;
  for (let n = 2; n < below; n++) {
    let divisor = 2;
    while (divisor * divisor <= n && n % divisor !== 0) divisor++;
    if (divisor * divisor > n) count++;
  }
  return count;
}

/** By the path of the request. */
export const handlers: Record<string, () => Response | Promise<Response>> = {
  trivial: () => new Response("ok"),
  computing: () => new Response(`${countPrimes(below)}`),
  waiting: async () => {
    await new Promise((later) => setTimeout(later, wait));
    return new Response("ok");
  },
};

/** A server on a free port of this machine. It counts the requests that it has answered. */
export function startServer() {
  let answered = 0;
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async ({ url }) => {
    const path = url.slice(url.lastIndexOf("/") + 1);
    if (!Object.hasOwn(handlers, path)) return new Response("no such handler", { status: 404 });
    const response = await handlers[path]();
    answered++;
    return response;
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}/`,
    answered: () => answered,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

export interface Load {
  perSecond: number;
  requests: number;
  /** Requests without an answer, and answers that were not as they should be. */
  errors: number;
  /** Latency in ms, by the percentage of answers that came within it: p50, p75, p90, p99. */
  percentiles: Record<string, number>;
}

/** Keeps as many connections busy for whole seconds. Throws NotFound where there is no wrk. */
export async function runWrk(url: string, connections: number, seconds: number): Promise<Load> {
  const child = new Deno.Command("wrk", {
    args: ["--latency", "-t1", `-c${connections}`, `-d${seconds}s`, url],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const { code, stdout, stderr } = await child.output();
  const text = new TextDecoder().decode(stdout);
  if (code !== 0) throw new Error(`wrk ended with code ${code}: ${new TextDecoder().decode(stderr)}${text}`);
  return parseWrk(text);
}

/** Reads wrk's report. Throws where it is none. */
export function parseWrk(text: string): Load {
  const units: Record<string, number> = { us: 1e-3, ms: 1, s: 1000, m: 60_000 };
  const percentiles: Load["percentiles"] = {};
  for (const [, percent, value, unit] of text.matchAll(/^ +(\d+)% +([\d.]+)(us|ms|s|m)$/gm)) {
    percentiles[`p${percent}`] = Number(value) * units[unit];
  }
  const total = text.match(/(\d+) requests in ([\d.]+)(us|ms|s|m)/), rate = text.match(/Requests\/sec: +([\d.]+)/);
  if (!total || !rate) throw new Error(`not a report of wrk: ${text.trim()}`);
  const socket = text.match(/Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/);
  const wrong = text.match(/Non-2xx or 3xx responses: (\d+)/);
  const errors = [...socket?.slice(1) ?? [], wrong?.[1] ?? 0].reduce<number>((sum, count) => sum + Number(count), 0);
  return { perSecond: Number(rate[1]), requests: Number(total[1]), errors, percentiles };
}

if (import.meta.main) {
  const connections = 32;
  try {
    for (const path of Object.keys(handlers)) {
      await using server = startServer();
      const { perSecond, requests, errors, percentiles } = await runWrk(server.url + path, connections, 1);
      const latency = Object.entries(percentiles).map(([name, ms]) => `${name} ${ms.toFixed(2)}`).join(", ");
      console.log(`${path.padEnd(10)}${perSecond.toFixed(0).padStart(7)} a second; ms: ${latency}`);
      if (errors > 0) throw new Error(`${errors} of ${requests} requests failed`);
      // wrk leaves the requests that are under way when its time is over.
      if (server.answered() < requests) throw new Error(`the server knows only of ${server.answered()} of ${requests}`);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    console.error("error: there is no wrk on the PATH; install it: apt-get install -y wrk; or see load_client.ts");
    Deno.exit(2);
  }
}
