/**
 * A count in Redis, added to by several processes with INCR. Right, and the processes could be on many machines.
 *
 * What to notice: the server does one command after the other, so each is atomic without a lock. What is paid for is
 * the way there and back: a client that waits for each answer spends its time in system calls and in switching
 * processes. Several clients keep the server busy while others wait. The server keeps no file here and listens on a
 * socket in a temporary folder, where nobody else finds it.
 *
 * @original 10_multiprocessing/locking/ex3_redis.py
 * @run deno run --allow-run=deno,redis-server --allow-read=. --allow-write=. ch10/locking/integer_redis.ts
 * @takes 2 s
 */

import type { Redis } from "npm:ioredis@6.0.0";

/** Adds one to the count in Redis, `each` times, and waits for each answer. Returns the last answer. */
export async function count(client: Redis, each: number): Promise<number> {
  let counted = 0;
  for (let i = 0; i < each; i++) counted = await client.incr("count");
  return counted;
}

/** There is no redis-server on this machine. */
export class MissingRedis extends Error {
  override name = "MissingRedis";
}

/**
 * Starts a Redis server and processes that count in it.
 *
 * @param folder where a temporary folder is made, and removed by `close` and after Ctrl-C
 * @throws MissingRedis
 */
export async function experiment(workers: number, folder = ".") {
  const place = await Deno.makeTempDir({ dir: folder });
  const processes: Deno.ChildProcess[] = [];
  const stop = () => {
    Deno.removeSignalListener("SIGINT", interrupted);
    for (const process of processes) kill(process);
    Deno.removeSync(place, { recursive: true });
  };
  const interrupted = () => (stop(), Deno.exit(130));
  Deno.addSignalListener("SIGINT", interrupted);
  // A path relative to the folder they run in: a socket's may be no longer than some hundred bytes.
  const socket = "redis.sock", address = `${await Deno.realPath(place)}/${socket}`;
  const permissions = [`--allow-net=unix:${address}`, `--allow-read=${address}`, `--allow-write=${address}`];
  const args = ["run", "--no-prompt", "--ignore-env", ...permissions, import.meta.url, "--at", socket];
  const start = () => {
    const process = new Deno.Command("deno", { args, cwd: place, stdin: "piped", stdout: "piped" }).spawn();
    processes.push(process);
    return { to: process.stdin.getWriter(), from: process.stdout.getReader() };
  };
  const hear = async ({ from }: ReturnType<typeof start>) => {
    const { value, done } = await from.read();
    if (done) throw new Error("a process ended before it had counted");
    return Number(new TextDecoder().decode(value));
  };
  let ends: ReturnType<typeof start>[];
  try {
    const options = ["--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no", "--daemonize", "no"];
    const server = new Deno.Command("redis-server", { args: options, cwd: place, stdin: "null", stdout: "null" });
    try {
      processes.push(server.spawn());
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) throw new MissingRedis("there is no redis-server");
      throw error;
    }
    ends = Array.from({ length: workers }, start);
    await Promise.all(ends.map(hear));
  } catch (error) {
    stop();
    throw error;
  }
  let before = 0;
  return {
    /**
     * Has every process add one `each` times, all at once. Returns by how much the count has grown. After an error
     * only `close` is left.
     */
    async run(each: number): Promise<number> {
      const counts = await Promise.all(ends.map(async (end) => {
        // If it is not there any more, there is nothing to hear either.
        await end.to.write(new TextEncoder().encode(`${each}`)).catch(() => {});
        return await hear(end);
      }));
      // Who added last heard the whole count.
      const after = Math.max(...counts), grown = after - before;
      before = after;
      return grown;
    },
    async close() {
      for (const { to } of ends) await to.close().catch(() => {});
      await Promise.all(processes.slice(1).map(({ status }) => status));
      await Promise.all(ends.map(({ from }) => from.cancel()));
      kill(processes[0]);
      await processes[0].status;
      stop();
    },
    /** The processes' ids, the server's first. */
    pids: processes.map(({ pid }) => pid),
  };
}

/** Ends a process, if it has not ended yet. */
function kill(process: Deno.ChildProcess) {
  try {
    process.kill("SIGKILL");
  } catch {
    // It has ended.
  }
}

/** The other side: a process that says 0 when it is ready, and then counts as often as each line says. */
async function serve(path: string) {
  const { Redis } = await import("npm:ioredis@6.0.0");
  // The server starts at the same time: a client tries again until it is there, every 10 ms for 5 s.
  const client = new Redis({ path, retryStrategy: (tries) => tries < 500 ? 10 : null, maxRetriesPerRequest: null });
  client.on("error", () => {});
  await client.ping();
  // A server that goes away ends this process.
  client.on("close", () => Deno.exit(1));
  const line = new Uint8Array(32);
  for (let counted = 0;;) {
    Deno.stdout.writeSync(new TextEncoder().encode(`${counted}\n`));
    const length = Deno.stdin.readSync(line);
    if (!length) Deno.exit(0);
    counted = await count(client, Number(new TextDecoder().decode(line.subarray(0, length))));
  }
}

if (import.meta.main && Deno.args[0] === "--at") {
  await serve(Deno.args[1]);
} else if (import.meta.main) {
  const { parseArgs } = await import("jsr:@std/cli@1/parse-args");
  const refuse = (message: string) => (console.error(`error: ${message}`), Deno.exit(2));
  const flags = parseArgs(Deno.args, {
    string: ["workers", "each"],
    boolean: "help",
    default: { workers: "4", each: "1000" },
    unknown: (argument) => refuse(`${argument}: there is only --workers, --each and --help`),
  });
  if (flags.help) {
    console.log(
      "Processes count in a Redis server.\n  --workers N  1 to 64\n  --each N     how often each adds one, 1 to 1000000",
    );
    Deno.exit(0);
  }
  const number = (name: "workers" | "each", most: number) => {
    const value = Number(flags[name] || NaN);
    if (Number.isInteger(value) && value >= 1 && value <= most) return value;
    return refuse(`--${name} ${flags[name]}: must be a whole number from 1 to ${most}`);
  };
  const workers = number("workers", 64), each = number("each", 1000000);

  try {
    const { run, close } = await experiment(workers);
    try {
      await run(100);
      const start = performance.now(), counted = await run(each), expected = workers * each;
      const time = (performance.now() - start) / expected * 1000;
      console.log(`${workers} processes added one ${each} times each: Redis says ${counted}`);
      console.log(`${time.toFixed(1)} µs an increment`);
      if (counted !== expected) throw new Error(`Redis says ${counted}, not ${expected}`);
    } finally {
      await close();
    }
  } catch (error) {
    if (!(error instanceof MissingRedis)) throw error;
    refuse(`${error.message} to show what a count in a server costs; apt-get install redis-server`);
  }
}
