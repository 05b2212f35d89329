/**
 * The same tasks by workers (threads) and by child processes that stay and talk over stdin and stdout.
 *
 * What to notice: a process takes longer to start, needs several times the memory, and its messages are text that both
 * sides write and read. In return nothing it does can hurt the others: when it crashes, its parent reads the exit code
 * and goes on. `Deno.exit` in a worker ends only that worker, and tells nobody; a worker that runs out of memory takes
 * the whole process with it (shown here in a process made for that).
 *
 * @original 10_multiprocessing/pi_estimation/pi_lists_parallel/pi_lists_parallel.py
 * @run deno run --allow-read=ch10/pool/threads_or_processes.ts --allow-run=deno ch10/pool/threads_or_processes.ts
 * @takes 2 s
 */

import { fileURLToPath } from "node:url";

/** Someone who answers each request in turn. */
export interface Server {
  /** How many primes there are from `from` to, but not including, `to`. Requests may be made before the last is answered. */
  countPrimes(from: number, to: number): Promise<number>;
  /** The resident memory of the process that it runs in, in bytes. */
  memory(): Promise<number>;
  close(): Promise<unknown>;
}

type Request = [from: number, to: number] | "memory";

function answer(request: Request): number {
  if (request === "memory") return Deno.memoryUsage().rss;
  let count = 0;
  for (let n = Math.max(2, request[0]); n < request[1]; n++) {
    let divisor = 2;
    while (divisor * divisor <= n && n % divisor !== 0) divisor++;
    if (divisor * divisor > n) count++;
  }
  return count;
}

/** Keeps the requests that wait for an answer; answers come in their order. */
function inOrder(send: (request: Request) => unknown) {
  const waiting: PromiseWithResolvers<number>[] = [];
  const ask = (request: Request) => {
    const answered = Promise.withResolvers<number>();
    waiting.push(answered);
    send(request);
    return answered.promise;
  };
  const receive = (value: number) => waiting.shift()?.resolve(value);
  const fail = (cause: unknown) => {
    for (const { reject } of waiting.splice(0)) reject(cause);
  };
  return { ask, receive, fail };
}

/** Starts a worker. */
export async function startWorker(): Promise<Server> {
  const worker = new Worker(import.meta.url, { type: "module" });
  const { ask, receive, fail } = inOrder((request) => worker.postMessage(request));
  await new Promise((ready, failed) => {
    worker.onmessage = ready;
    worker.onerror = failed;
  });
  worker.onmessage = ({ data }) => receive(data);
  worker.onerror = (event) => (event.preventDefault(), fail(new Error(event.message)));
  return {
    countPrimes: (from, to) => ask([from, to]),
    memory: () => ask("memory"),
    close: () =>
      new Promise((closed) => {
        worker.onmessage = closed;
        worker.postMessage("close");
      }),
  };
}

function spawn(mode: string, ...flags: string[]) {
  const args = ["run", "--quiet", "--no-prompt", "--no-config", "--no-lock", ...flags, fileURLToPath(import.meta.url)];
  return new Deno.Command("deno", { args: [...args, mode], stdin: "piped", stdout: "piped", stderr: "null" }).spawn();
}

/** Starts a process. What waits for an answer rejects if it ends. Throws NotFound where there is no deno on the PATH. */
export async function startProcess(): Promise<Server & { kill(): void }> {
  const child = spawn("--serve"), writer = child.stdin.getWriter(), text = new TextEncoder();
  const { ask, receive, fail } = inOrder((request) =>
    writer.write(text.encode(`${JSON.stringify(request)}\n`)).catch(() => {})
  );
  const ready = Promise.withResolvers<void>();
  const reading = (async () => {
    for await (const line of lines(child.stdout)) line === "ready" ? ready.resolve() : receive(JSON.parse(line));
    const { code, signal } = await child.status, ended = new Error(`the process ended with ${signal ?? code}`);
    ready.reject(ended);
    fail(ended);
  })();
  await ready.promise;
  return {
    countPrimes: (from, to) => ask([from, to]),
    memory: () => ask("memory"),
    // The end of its input ends it, also when its parent is gone.
    close: () => writer.close().catch(() => {}).then(() => reading),
    kill: () => child.kill("SIGKILL"),
  };
}

/** How a process ends in which a worker does something bad: its exit code, and whether the main thread went on. */
export async function surviveIn(how: "exit" | "memory"): Promise<{ code: number; survived: boolean }> {
  const script = fileURLToPath(import.meta.url);
  const child = spawn(`--${how}`, `--allow-read=${script}`, "--v8-flags=--max-old-space-size=32");
  await child.stdin.close();
  const { code, stdout } = await child.output();
  return { code, survived: new TextDecoder().decode(stdout).includes("still here") };
}

async function* lines(stream: ReadableStream<Uint8Array>) {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>)) {
    const parts = (rest + text).split("\n");
    rest = parts.pop()!;
    yield* parts;
  }
}

// The type checker takes this file for a main module, which has no one to send messages to.
const toCaller = self as unknown as Worker;

if ("WorkerGlobalScope" in globalThis) {
  toCaller.onmessage = ({ data }: MessageEvent<Request | "close" | "exit" | "memory gone">) => {
    if (data === "exit") Deno.exit(3);
    if (data === "memory gone") { for (const hoard: unknown[] = [];;) hoard.push(new Array(10_000).fill(1.5)); }
    toCaller.postMessage(data === "close" ? "closed" : answer(data as Request));
    if (data === "close") self.close();
  };
  addEventListener("unload", () => toCaller.postMessage("gone"));
  toCaller.postMessage("ready");
} else if (import.meta.main) {
  const mode = Deno.args[0];
  if (mode === "--serve") await serve();
  else if (mode === "--exit" || mode === "--memory") await misbehave(mode === "--exit" ? "exit" : "memory gone");
  else await demonstrate();
}

/** A child process: answers each line of its input. */
async function serve() {
  console.log("ready");
  for await (const line of lines(Deno.stdin.readable)) console.log(JSON.stringify(answer(JSON.parse(line))));
}

/** A child process whose worker comes to grief. */
async function misbehave(how: string) {
  const worker = new Worker(import.meta.url, { type: "module" });
  worker.onerror = (event) => event.preventDefault();
  await new Promise((done) => {
    worker.onmessage = ({ data }) => data === "ready" ? worker.postMessage(how) : setTimeout(done, 100);
    // A worker out of memory says nothing: if it takes only itself with it, this goes on.
    setTimeout(done, 30_000);
  });
  console.log("still here");
  Deno.exit(0);
}

async function demonstrate() {
  try {
    for (const [name, start] of [["worker", startWorker], ["process", startProcess]] as const) {
      const before = performance.now(), server = await start(), started = performance.now() - before;
      const single = Deno.memoryUsage().rss, own = await server.memory();
      let primes = 0, cost = 0;
      for (let i = 0; i < 100; i++) primes += await server.countPrimes(1000 * i, 1000 * (i + 1));
      const start2 = performance.now();
      for (let i = 0; i < 2000; i++) await server.countPrimes(0, 0);
      cost = (performance.now() - start2) / 2000 * 1000;
      const memory = name === "worker"
        ? "shares the memory of its process"
        : `${(own / 2 ** 20).toFixed(0)} MiB of its own`;
      console.log(`${name}: started in ${started.toFixed(0)} ms, ${cost.toFixed(0)} µs a task, ${memory}`);
      if (primes !== 9592 || single <= 0) throw new Error(`${primes} primes below 100,000, where there are 9592`);
      await server.close();
    }
    const victim = await startProcess(), lost = victim.countPrimes(0, 100_000_000).catch((error) => error.message);
    victim.kill();
    console.log(`a process killed in the middle of a task: ${await lost}; this one goes on`);
    await victim.close();
    for (const how of ["exit", "memory"] as const) {
      const { code, survived } = await surviveIn(how);
      const what = how === "exit" ? "Deno.exit() in a worker" : "a worker out of memory";
      console.log(`${what}: its process ${survived ? "goes on" : `is gone with code ${code}`}`);
      if (survived !== (how === "exit")) throw new Error("it is not as the header says");
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    console.error("error: no deno on the PATH, by which processes would be started: npm install -g deno");
    Deno.exit(2);
  }
}
