/**
 * Is one number prime? Workers that stop early because a key in Redis says so.
 *
 * What to notice: the flag lives in another process, a server that could as well be on another machine. A look is a
 * command through a socket and back, some 0.1 ms as with messages to the main thread: what is paid for is that processes in
 * any language and on many machines can share it, which on one machine shared memory does for nothing.
 *
 * @original 10_multiprocessing/prime_validation/primes_pool_per_number_redis.py
 * @run deno run --allow-read=ch10/prime_validation/validate_redis.ts --allow-run=redis-server --allow-net=127.0.0.1 --ignore-env ch10/prime_validation/validate_redis.ts
 * @takes 3 s
 */

// Below this the estimated quotient may be off: such candidates are few, and the calling thread takes them.
const firstEstimated = 8193;

/** What to divide, in the form the workers want, and between which candidates. */
interface Task {
  approximate: number;
  last32: number;
  from: number;
  to: number;
}

/** What a worker answers. */
interface Part {
  factor: number;
  trials: number;
}

/** The first odd number from `from` up to `to` that divides n, or 0; check_imul explains it. For n / from < 2 ** 51. */
function findFactor({ approximate, last32, from, to }: Task): number {
  for (let d = from; d < to; d += 2) {
    if (Math.imul(approximate / d + 1.5 * 2 ** 52, d) === last32) return d;
  }
  return 0;
}

/** The worker's side: its range in pieces of `look` candidates, and between them a question to the server. */
async function work(task: Task, look: number, client: Client): Promise<Part> {
  for (let from = task.from; from < task.to; from += 2 * look) {
    if (await client.exists("found")) return { factor: 0, trials: (from - task.from) / 2 };
    const factor = findFactor({ ...task, from, to: Math.min(task.to, from + 2 * look) });
    if (factor) {
      await client.set("found", factor);
      return { factor, trials: (factor - task.from) / 2 + 1 };
    }
  }
  return { factor: 0, trials: (task.to - task.from) / 2 };
}

/**
 * Starts the workers.
 *
 * @param workers how many
 * @param look after how many trials a worker looks whether another has found a factor
 * @throws MissingRedis where there is no redis-server
 */
export async function experiment({ workers = navigator.hardwareConcurrency, look = 1_000_000 } = {}) {
  const server = await startRedis(), { url } = server;
  const client = await connect(url).catch(async (error) => {
    await server.stop();
    throw error;
  });
  const pool = Array.from({ length: workers }, () => new Worker(import.meta.url, { type: "module" }));
  const failed = async (error: unknown) => {
    for (const worker of pool) worker.terminate();
    client.disconnect();
    await server.stop();
    throw error;
  };
  await Promise.all(pool.map((worker) => request(worker, { url, look }))).catch(failed);
  return {
    /**
     * Tries 2 and the odd numbers from 3 to the square root of `n`, or those from `from` up to, not including, `to`.
     * Returns a factor, or 0, and how many trials were made. Of several factors it may be any. One run at a time.
     *
     * Throws a RangeError if `n` is not from 2 to 2 ** 64 - 1.
     */
    async run(n: bigint, from = 3, to?: number): Promise<Part> {
      if (n < 2n || n >= 2n ** 64n) throw new RangeError(`${n}: must be from 2 to 2 ** 64 - 1`);
      to ??= squareRoot(n) + 1;
      if (n % 2n === 0n) return { factor: n === 2n ? 0 : 2, trials: 1 };
      // Small candidates would be no work for a worker. They settle most numbers that are not prime at once.
      let d = from;
      for (; d < to && d < firstEstimated; d += 2) {
        if (n % BigInt(d) === 0n) return { factor: d, trials: (d - from) / 2 + 1 };
      }
      const candidates = Math.max(0, Math.ceil((to - d) / 2));
      if (candidates === 0) return { factor: 0, trials: (d - from) / 2 };
      await client.del("found");
      const end = (part: number) => d + 2 * Math.floor(candidates * part / workers);
      const parts = await Promise.all(pool.map((worker, part) => {
        const task = {
          approximate: Number(n),
          last32: Number(BigInt.asIntN(32, n)),
          from: end(part),
          to: end(part + 1),
        };
        return request(worker, task);
      })).catch(failed);
      return {
        factor: parts.find(({ factor }) => factor)?.factor ?? 0,
        trials: parts.reduce((sum, { trials }) => sum + trials, (d - from) / 2),
      };
    },
    /** Ends the workers. */
    async close() {
      await Promise.all(pool.map((worker) => request(worker, "close")));
      client.disconnect();
      await server.stop();
    },
  };
}

/** Sends a message to a worker and waits for the answer. Rejects if the worker fails. */
function request(worker: Worker, message: unknown): Promise<Part> {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = (event) => (event.preventDefault(), reject(new Error(event.message)));
    worker.postMessage(message);
  });
}

/** Connects to the server. The library is loaded here: what a worker is sent while its module still loads may be lost. */
async function connect(url: string) {
  const { Redis } = await import("npm:ioredis@6.0.0");
  const client = new Redis(url);
  await client.ping();
  return client;
}

type Client = Awaited<ReturnType<typeof connect>>;

/** There is no redis-server on this machine. */
export class MissingRedis extends Error {}

/**
 * Starts a Redis of our own, which only this machine can reach and which keeps nothing on disk. Also ends it when this
 * process is interrupted.
 */
async function startRedis() {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 }), { port } = listener.addr;
  listener.close();
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command("redis-server", {
      args: ["--bind", "127.0.0.1", "--port", `${port}`, "--save", "", "--appendonly", "no"],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw new MissingRedis("there is no redis-server", { cause: error });
    throw error;
  }
  const kill = (signal: Deno.Signal) => {
    try {
      child.kill(signal);
    } catch { /* It has ended by itself. */ }
  };
  const interrupted = () => (kill("SIGKILL"), Deno.exit(130));
  const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
  for (const signal of signals) Deno.addSignalListener(signal, interrupted);
  // It says when it can be reached. What it says later is read, too, so that the pipe does not fill up.
  const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
  const output = (async () => {
    let log = "";
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      if ((log += text).includes("eady to accept connections")) resolve();
    }
    reject(new Error(`redis-server ended: ${log}`));
  })();
  const stop = async () => {
    for (const signal of signals) Deno.removeSignalListener(signal, interrupted);
    kill("SIGTERM");
    await child.status;
    await output;
  };
  try {
    await ready;
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `redis://127.0.0.1:${port}`, stop };
}

/** The largest whole number whose square is not above `n`. */
function squareRoot(n: bigint): number {
  let root = BigInt(Math.floor(Math.sqrt(Number(n))));
  while (root * root > n) root--;
  while ((root + 1n) ** 2n <= n) root++;
  return Number(root);
}

/** The book's numbers, and whether they are prime. */
const numbers: [bigint, boolean][] = [
  [112272535095295n, false],
  [100109100129100369n, false],
  [100109100129101027n, false],
  [100109100129100151n, true],
  [100109100129162907n, true],
];

// The type checker takes this file for a main module, which has no one to send messages to.
const toCaller = self as unknown as Worker;

if ("WorkerGlobalScope" in globalThis) {
  let look: number, client: Client;
  toCaller.onmessage = async ({ data }: MessageEvent<Task | { url: string; look: number } | "close">) => {
    if (data === "close") {
      client.disconnect();
      toCaller.postMessage("closed");
      self.close();
    } else if ("url" in data) {
      look = data.look;
      client = await connect(data.url);
      toCaller.postMessage("ready");
    } else toCaller.postMessage(await work(data, look, client));
  };
} else if (import.meta.main) {
  const { parseArgs } = await import("jsr:@std/cli@1/parse-args");
  const refuse = (message: string) => (console.error(`error: ${message}`), Deno.exit(2));
  const flags = parseArgs(Deno.args, {
    string: ["workers", "look"],
    boolean: "help",
    default: { workers: `${navigator.hardwareConcurrency}`, look: "1000000" },
    unknown: (argument) => refuse(`${argument}: there is only --workers, --look and --help`),
  });
  if (flags.help) {
    console.log("Is a number prime? With early stop by Redis.");
    console.log("  --workers N  workers, 1 to 64\n  --look N     trials between looks, 1 to 1e9");
    Deno.exit(0);
  }
  const workers = Number(flags.workers || NaN), look = Number(flags.look || NaN);
  if (!(Number.isInteger(workers) && workers >= 1 && workers <= 64)) {
    refuse(`--workers ${flags.workers}: must be a whole number from 1 to 64`);
  }
  if (!(Number.isInteger(look) && look >= 1 && look <= 1e9)) {
    refuse(`--look ${flags.look}: must be a whole number from 1 to 1e9`);
  }
  const { run, close } = await experiment({ workers, look }).catch((error) => {
    if (error instanceof MissingRedis) {
      refuse("no redis-server, with which workers share a flag: apt-get install redis-server");
    }
    throw error;
  });
  // Twice, as in the first run V8 still compiles.
  for (const again of [false, true]) {
    for (const [n, prime] of numbers) {
      const start = performance.now(), { factor, trials } = await run(n), ms = performance.now() - start;
      if (factor ? prime || n % BigInt(factor) : !prime) throw new Error(`${n} has the factor ${factor}?`);
      if (!again) continue;
      console.log(`${n} ${factor ? `has the factor ${factor}` : "is prime"}: ${ms.toFixed(1)} ms, ${trials} trials`);
    }
  }
  await close();
}
