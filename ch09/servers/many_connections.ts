/**
 * Thousands of open connections to one server: what each takes in memory, and whether it still answers.
 *
 * What to notice: nobody waits in a thread of its own. A connection that is open and idle takes kilobytes in this process
 * (the system's own buffers are not counted here) and no work at all: requests over those that are held are answered as
 * fast as over the first ten. The clients are one other process, which keeps all connections open. Each connection is
 * an open file on both sides; how many there may be `ulimit -n` says, and more are refused before the first is opened, since
 * at that limit Deno does not reject but ends.
 *
 * @original none, chapter 9: servers under load
 * @run deno run --allow-net=127.0.0.1 --allow-run=deno,sh ch09/servers/many_connections.ts
 * @takes 3 s
 */

import { fileURLToPath } from "node:url";
import { parseArgs } from "jsr:@std/cli@1/parse-args";

export interface Step {
  connections: number;
  /** Resident memory of the server's process, in bytes. */
  memory: number;
  /** Latencies of requests over some of the connections, one after the other, in ms, ascending. */
  latencies: number[];
}

/** The most connections that fit: what `ulimit -n` gives to this process and its children, less what Deno itself opens. */
export async function mostConnections(): Promise<number> {
  const ports = 20_000, own = 100;
  let text = "";
  try {
    // Deno has raised its own limit as far as it may by now, and children inherit it.
    const { stdout } = await new Deno.Command("sh", { args: ["-c", "ulimit -n"], stdin: "null" }).output();
    text = new TextDecoder().decode(stdout);
  } catch (error) {
    // There is no such limit where there is no sh, on Windows.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const limit = parseInt(text);
  return Number.isNaN(limit) ? ports : Math.max(0, Math.min(ports, limit - own));
}

/**
 * Opens connections to a server in this process, from another one, up to each of the counts (ascending) in turn, and asks over
 * `asks` of them. Throws RangeError if more than `mostConnections`, NotFound where there is no deno on the PATH.
 */
export async function holdConnections(counts: number[], asks = 200): Promise<Step[]> {
  const most = await mostConnections(), last = counts.at(-1) ?? 0;
  if (!(last <= most)) throw new RangeError(`${last} connections: must be at most ${most} (see ulimit -n)`);
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => new Response("ok"));
  const holder = await startHolder(server.addr.port).catch(async (error) => {
    await server.shutdown();
    throw error;
  });
  try {
    const steps: Step[] = [];
    for (const connections of counts) {
      const { open, latencies } = JSON.parse(await holder.ask(`${connections} ${asks}`));
      if (open !== connections) throw new Error(`${open} connections are open, not ${connections}`);
      steps.push({ connections, memory: Deno.memoryUsage().rss, latencies });
    }
    return steps;
  } finally {
    await holder.close();
    await server.shutdown();
  }
}

async function startHolder(port: number) {
  const flags = ["--quiet", "--no-prompt", "--no-lock", "--allow-net=127.0.0.1"];
  const child = new Deno.Command("deno", {
    args: ["run", ...flags, fileURLToPath(import.meta.url), "--hold", `${port}`],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const writer = child.stdin.getWriter(), answers = lines(child.stdout);
  const next = async () => {
    const { value, done } = await answers.next();
    if (done) throw new Error(`the process that holds the connections ended with code ${(await child.status).code}`);
    return value;
  };
  await next();
  return {
    ask: async (text: string) => (await writer.write(new TextEncoder().encode(`${text}\n`)), await next()),
    // The end of its input ends it, also when its parent is gone.
    close: async () => {
      await writer.close().catch(() => {});
      await answers.return(undefined);
      await child.status;
    },
  };
}

async function* lines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>)) {
    const parts = (rest + text).split("\n");
    rest = parts.pop()!;
    yield* parts;
  }
}

/** The other process: opens connections up to the number that it is told, and asks over some of them, spread evenly. */
async function hold(port: number): Promise<never> {
  const request = new TextEncoder().encode(`GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
  const buffer = new Uint8Array(4096), held: Deno.Conn[] = [];
  const ask = async (conn: Deno.Conn, into: Uint8Array) => {
    if (await conn.write(request) !== request.length) throw new Error("a request of one line was sent in parts");
    let text = "";
    while (!text.endsWith("\r\n\r\nok")) {
      const n = await conn.read(into);
      if (n === null) throw new Error("the server closed a connection");
      text += new TextDecoder().decode(into.subarray(0, n));
    }
  };
  console.log("ready");
  for await (const line of lines(Deno.stdin.readable)) {
    const [count, asks] = line.split(" ").map(Number);
    while (held.length < count) {
      // As many at once as a server's queue of new connections surely takes.
      const more = Array.from({ length: Math.min(100, count - held.length) }, async () => {
        const conn = await Deno.connect({ hostname: "127.0.0.1", port });
        await ask(conn, new Uint8Array(4096));
        return conn;
      });
      held.push(...await Promise.all(more));
    }
    const latencies: number[] = [];
    for (let i = 0; i < asks; i++) {
      const start = performance.now();
      await ask(held[Math.floor(i * held.length / asks)], buffer);
      latencies.push(performance.now() - start);
    }
    console.log(JSON.stringify({ open: held.length, latencies: latencies.sort((a, b) => a - b) }));
  }
  Deno.exit();
}

/** Bytes for each connection between the first and the last step. */
export function bytesPerConnection(steps: Step[]): number {
  const first = steps[0], last = steps.at(-1)!;
  return (last.memory - first.memory) / (last.connections - first.connections);
}

function fail(message: string): never {
  console.error(`error: ${message}`);
  Deno.exit(2);
}

if (import.meta.main) {
  if (Deno.args[0] === "--hold") await hold(Number(Deno.args[1]));
  const flags = parseArgs(Deno.args, {
    string: ["connections"],
    boolean: ["help"],
    default: { connections: "2000" },
    unknown: (argument) => fail(`${argument} is not a flag of this script (see --help)`),
  });
  if (flags.help) {
    console.log("many_connections.ts [--connections N]  2000 by default; up to what ulimit -n allows, at most 20000");
    Deno.exit();
  }
  const most = await mostConnections(), total = Number(flags.connections);
  if (!Number.isInteger(total) || total < 100 || total > most) {
    fail(
      `--connections ${flags.connections}: must be a whole number from 100 to ${most}, for which ulimit -n has room`,
    );
  }
  try {
    const steps = await holdConnections([10, Math.round(total / 2), total]);
    for (const { connections, memory, latencies } of steps) {
      const at = (share: number) => latencies[Math.floor(share * (latencies.length - 1))].toFixed(2);
      console.log(
        `${`${connections}`.padStart(6)} connections: ${(memory / 2 ** 20).toFixed(0)} MiB, a request takes ${
          at(0.5)
        } ms ` +
          `(median), ${at(0.99)} ms (99 %)`,
      );
    }
    console.log(`${(bytesPerConnection(steps) / 1024).toFixed(1)} KiB for each connection`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) fail("there is no deno on the PATH; install it: npm install -g deno");
    throw error;
  }
}
