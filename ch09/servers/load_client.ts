/**
 * Load on an HTTP server by hand: keep-alive over bare TCP, latencies in a histogram, and an open loop at a fixed rate.
 *
 * What to notice: a closed loop asks again when it has its answer. While the server stands still nobody asks, so the wait is
 * noted once for each connection, and thousands of quick answers drown it («coordinated omission»). Users do
 * not wait for each other. An open loop has a time-table: a request is due at its moment whether or not those before
 * it are answered, and its latency counts from then, also where no connection was free to send it. The server here
 * stands still for 100 ms in every 500: closed, the 99th percentile does not see it; open, a fifth of all requests does.
 *
 * Any other server can take its place; a host other than 127.0.0.1 takes the permission for it:
 *
 *     deno run --allow-net=127.0.0.1 ch09/servers/load_client.ts http://127.0.0.1:8000/ --connections 50 --rate 2000
 *
 * @original none, chapter 9: servers under load
 * @run deno run --allow-net=127.0.0.1 --allow-run=deno ch09/servers/load_client.ts
 * @takes 3 s
 */

import { fileURLToPath } from "node:url";
import { parseArgs } from "jsr:@std/cli@1/parse-args";

/** Counts of values in buckets that grow with the value: 64 for each doubling, so that a value is known to 1.6 %. */
export class Histogram {
  // Up to 2 ** 40: as nanoseconds some 18 minutes.
  #counts = new Uint32Array(41 * 64);
  count = 0;

  record(value: number): void {
    this.#counts[Histogram.#bucket(value)]++;
    this.count++;
  }

  /** The value that a share (0 to 1) of the values does not exceed, to within its bucket; NaN of none. */
  quantile(share: number): number {
    let left = Math.max(1, Math.ceil(share * this.count));
    for (let i = 0; i < this.#counts.length; i++) {
      left -= this.#counts[i];
      if (left <= 0) return Histogram.#middle(i);
    }
    return NaN;
  }

  static #bucket(value: number): number {
    if (!(value >= 1)) return 0;
    const power = Math.min(40, Math.floor(Math.log2(value)));
    return Math.min(41 * 64 - 1, power * 64 + Math.floor((value / 2 ** power - 1) * 64));
  }

  static #middle(bucket: number): number {
    return 2 ** Math.floor(bucket / 64) * (1 + (bucket % 64 + 0.5) / 64);
  }
}

/** One keep-alive connection, with one request under way at a time. */
class Connection {
  #conn: Deno.Conn;
  #buffer = new Uint8Array(2 ** 16);
  #request: Uint8Array;
  static #text = new TextDecoder();

  private constructor(conn: Deno.Conn, request: Uint8Array) {
    this.#conn = conn;
    this.#request = request;
  }

  static async open(url: URL): Promise<Connection> {
    const conn = await Deno.connect({ hostname: url.hostname, port: Number(url.port || 80) });
    (conn as Deno.TcpConn).setNoDelay();
    const head = `GET ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\n\r\n`;
    return new Connection(conn, new TextEncoder().encode(head));
  }

  /** Asks, and reads the whole answer; gives its status. Throws where the answer is cut off or has no Content-Length. */
  async ask(): Promise<number> {
    for (let sent = 0; sent < this.#request.length;) sent += await this.#conn.write(this.#request.subarray(sent));
    let head = "", filled = 0, end = -1;
    while (end < 0) {
      filled += await this.#read(this.#buffer.subarray(filled));
      head = Connection.#text.decode(this.#buffer.subarray(0, filled));
      end = head.indexOf("\r\n\r\n");
    }
    const length = head.slice(0, end).match(/\r\ncontent-length: *(\d+)/i)?.[1];
    if (length === undefined) throw new Error("the answer has no Content-Length");
    for (let left = end + 4 + Number(length) - filled; left > 0;) {
      left -= await this.#read(this.#buffer.subarray(0, Math.min(left, this.#buffer.length)));
    }
    return Number(head.slice(9, 12));
  }

  async #read(into: Uint8Array): Promise<number> {
    if (into.length === 0) throw new Error("the head of the answer is longer than 64 KiB");
    const n = await this.#conn.read(into);
    if (n === null) {
      throw new Deno.errors.UnexpectedEof("the server closed the connection before the end of its answer");
    }
    return n;
  }

  close(): void {
    try {
      this.#conn.close();
    } catch (error) {
      // It was closed already, when the time was over.
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }
}

export interface LoadOptions {
  connections: number;
  seconds: number;
  /** Requests a second for an open loop; without it, the loop is closed. */
  rate?: number;
  /** How long the last answers may take after the end, in ms: two seconds unless said. */
  patience?: number;
}

export interface Load {
  /** Answers with a status below 400. */
  answered: number;
  /** Other answers, and requests whose connection broke. */
  failed: number;
  /** Requests that were due and had no answer when the patience was over. */
  unanswered: number;
  /** What was wrong with the first that failed. */
  firstFailure?: string;
  perSecond: number;
  /** Latency in ms by percentile: from the moment at which the request was due. */
  percentiles: Record<string, number>;
  /** The same from the moment at which it was sent, which in a closed loop is the same moment. */
  fromSending: Record<string, number>;
}

const shares = { p50: 0.5, p90: 0.9, p99: 0.99, "p99.9": 0.999, max: 1 };

/** Asks a server as often as it can (closed loop) or at a fixed rate (open loop). Throws where it cannot connect. */
export async function drive(
  target: string,
  { connections, seconds, rate, patience = 2000 }: LoadOptions,
): Promise<Load> {
  const url = new URL(target), fromDue = new Histogram(), fromSending = new Histogram();
  const open = new Set<Connection>();
  let answered = 0, failed = 0, unanswered = 0, next = 0, over = false, firstFailure: string | undefined;
  try {
    for (let i = 0; i < connections; i++) open.add(await Connection.open(url));
    const start = performance.now(), end = start + 1000 * seconds;
    const slots = rate === undefined ? Infinity : Math.max(1, Math.floor(rate * seconds));
    const endAll = () => {
      over = true;
      for (const connection of open) connection.close();
    };
    const timer = setTimeout(endAll, 1000 * seconds + patience);
    let lastAnswer = start;
    const noteFailure = (why: string) => {
      failed++;
      firstFailure ??= why;
    };
    const loop = async (connection: Connection) => {
      while (!over && next < slots) {
        let due = performance.now();
        if (rate === undefined) {
          if (due >= end) break;
        } else {
          due = start + 1000 * next++ / rate;
          await sleepUntil(due);
        }
        const sent = rate === undefined ? due : performance.now();
        try {
          const status = await connection.ask();
          lastAnswer = performance.now();
          fromDue.record((lastAnswer - due) * 1e6);
          fromSending.record((lastAnswer - sent) * 1e6);
          if (status < 400) answered++;
          else noteFailure(`status ${status}`);
        } catch (error) {
          // Whatever broke the connection, the request has failed, and the next one needs a new connection.
          if (over) unanswered++;
          else noteFailure(`${error}`);
          connection.close();
          open.delete(connection);
          if (!over) open.add(connection = await Connection.open(url));
        }
      }
    };
    // Where a connection cannot be had again, all loops end before the error goes on.
    const loops = [...open].map((connection) => loop(connection).catch((error) => (endAll(), Promise.reject(error))));
    const broken = (await Promise.allSettled(loops)).find(({ status }) => status === "rejected");
    clearTimeout(timer);
    if (broken) throw (broken as PromiseRejectedResult).reason;
    const inMs = (histogram: Histogram) =>
      Object.fromEntries(Object.entries(shares).map(([name, share]) => [name, histogram.quantile(share) / 1e6]));
    return {
      answered,
      failed,
      unanswered: unanswered + (rate === undefined ? 0 : slots - next),
      firstFailure,
      perSecond: (answered + failed) / ((lastAnswer - start) / 1000),
      percentiles: inMs(fromDue),
      fromSending: inMs(fromSending),
    };
  } finally {
    for (const connection of open) connection.close();
  }
}

/** Timers are late by a millisecond or two: the last of the wait goes by in turns of the event loop. */
async function sleepUntil(moment: number): Promise<void> {
  const wait = moment - performance.now();
  if (wait > 4) await new Promise((awake) => setTimeout(awake, wait - 3));
  while (performance.now() < moment) await new Promise((turn) => setImmediate(turn));
}

/** How long the server of `startStalling` stands still, and how often, in ms. */
export const stall = 100, period = 500;

/** Starts a server, in a process of its own, that stands still now and then. Throws NotFound where there is no deno. */
export async function startStalling(): Promise<{ url: string } & AsyncDisposable> {
  const flags = ["--quiet", "--no-prompt", "--no-lock", "--allow-net=127.0.0.1"];
  const child = new Deno.Command("deno", {
    args: ["run", ...flags, fileURLToPath(import.meta.url), "--serve"],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  if (!value) throw new Error(`the server ended with code ${(await child.status).code}`);
  return {
    url: new TextDecoder().decode(value).trim(),
    // The end of its input ends it, also when its parent is gone.
    async [Symbol.asyncDispose]() {
      await child.stdin.close();
      await reader.cancel();
      await child.status;
    },
  };
}

async function serveStalling(): Promise<never> {
  const { addr } = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => new Response("ok"));
  setInterval(() => {
    for (const end = performance.now() + stall; performance.now() < end;);
  }, period);
  console.log(`http://127.0.0.1:${addr.port}/`);
  for await (const _ of Deno.stdin.readable);
  Deno.exit();
}

function fail(message: string): never {
  console.error(`error: ${message}`);
  Deno.exit(2);
}

function describe({ answered, failed, unanswered, firstFailure, perSecond, percentiles }: Load): string {
  const latency = Object.entries(percentiles).map(([name, ms]) => `${name} ${ms.toFixed(2)}`).join(", ");
  const why = firstFailure ? ` (${firstFailure})` : "";
  return `${answered} answered, ${failed} failed${why}, ${unanswered} unanswered, ${perSecond.toFixed(0)} a second\n` +
    `  latency in ms: ${latency}`;
}

if (import.meta.main) {
  if (Deno.args[0] === "--serve") await serveStalling();
  const flags = parseArgs(Deno.args, {
    string: ["_", "connections", "seconds", "rate"],
    boolean: ["json", "help"],
    default: { connections: "16", seconds: "1" },
    unknown: (argument) =>
      argument.startsWith("-") ? fail(`${argument} is not a flag of this script (see --help)`) : true,
  });
  if (flags.help) {
    console.log("load_client.ts [URL] [--connections N] [--seconds N] [--rate N: an open loop] [--json]");
    Deno.exit();
  }
  const number = (flag: "connections" | "seconds" | "rate", max: number, whole: boolean) => {
    const text = flags[flag]!, value = text.trim() === "" ? NaN : Number(text);
    if (value > 0 && value <= max && (!whole || Number.isInteger(value))) return value;
    fail(`--${flag} ${text}: must be a ${whole ? "whole number from 1 to" : "number above 0, at most"} ${max}`);
  };
  const options: LoadOptions = {
    connections: number("connections", 1000, true),
    seconds: number("seconds", 3600, false),
    rate: flags.rate === undefined ? undefined : number("rate", 100_000, false),
  };
  if (flags._.length > 1) fail(`one URL at most, not ${flags._.length}`);
  const target = flags._[0];
  if (target !== undefined && !/^http:\/\/[^/]/.test(`${target}`)) {
    fail(`${target}: must be a URL such as http://127.0.0.1:8000/`);
  }
  try {
    if (target !== undefined) {
      const load = await drive(`${target}`, options);
      console.log(flags.json ? JSON.stringify(load) : describe(load));
    } else {
      await using server = await startStalling();
      const { rate = 1000 } = options;
      const closed = await drive(server.url, { ...options, rate: undefined });
      console.log(`closed loop, ${options.connections} connections: ${describe(closed)}`);
      const open = await drive(server.url, { ...options, rate });
      console.log(`open loop, ${rate} a second: ${describe(open)}`);
      console.log(`  the same from sending on: p99 ${open.fromSending.p99.toFixed(2)}`);
      for (const { answered, failed, unanswered } of [closed, open]) {
        if (answered === 0 || failed + unanswered > 0) throw new Error(`${failed} failed, ${unanswered} unanswered`);
      }
    }
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) fail("there is no deno on the PATH; install it: npm install -g deno");
    if (error instanceof Deno.errors.NotCapable) fail(error.message);
    if (error instanceof Deno.errors.ConnectionRefused) fail(`${target}: nobody listens there`);
    if (error instanceof TypeError && target !== undefined) fail(`${target}: ${error.message}`);
    throw error;
  }
}
