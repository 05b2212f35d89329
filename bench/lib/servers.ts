/**
 * Servers that a compare or a test starts for itself: on 127.0.0.1, on a free port, with their files in a temporary folder.
 * They are gone with the block that holds them, and also after Ctrl-C and after an error that nobody caught.
 */

import { resultsFolder } from "./results.ts";
import { fileURLToPath } from "node:url";

export interface Server extends AsyncDisposable {
  /** As clients take it: nats://…, redis://… */
  readonly address: string;
  readonly port: number;
  /** Of the process that runs now. */
  readonly pid: number;
  /** Where its files lie. */
  readonly folder: string;
  /** Sends a signal, by default one that cannot be caught, and waits for the end if it is one that ends a process. */
  kill(signal?: Deno.Signal): Promise<void>;
  /** Starts it again with the same files at the same address. One that still runs is killed before. */
  restart(): Promise<void>;
}

/** A server that is not installed, or that does not start; the message says what to do or what it said. */
export class ServerError extends Error {
  override name = "ServerError";
}

export interface ServerOptions {
  /** Where the temporary folder is made; by default in results/. */
  folder?: string;
  /** By default one that is free. */
  port?: number;
}

/**
 * NATS with JetStream, whose files are written at once and forced to the disk every two minutes.
 *
 * @param options.token what clients have to show
 */
export function startNats({ token, ...options }: ServerOptions & { token?: string } = {}): Promise<Server> {
  return start({
    scheme: "nats",
    command: "nats-server",
    args: (port, folder) => [
      ...["-a", "127.0.0.1", "-p", `${port}`, "-js", "-sd", folder],
      ...token ? ["--auth", token] : [],
    ],
    ready: /Server is ready/,
    remedy: "apt-get install nats-server",
    stop: "SIGINT",
  }, options);
}

/** Redis, whose log of commands is forced to the disk every second. */
export function startRedis(options: ServerOptions = {}): Promise<Server> {
  return start({
    scheme: "redis",
    command: "redis-server",
    args: (port, folder) => [
      ...["--bind", "127.0.0.1", "--port", `${port}`, "--dir", folder, "--save", "", "--daemonize", "no"],
      ...["--appendonly", "yes", "--appendfsync", "everysec"],
      // What queues need: nothing is ever thrown out to make room.
      ...["--maxmemory-policy", "noeviction"],
    ],
    ready: /Ready to accept connections/,
    remedy: "apt-get install redis-server",
    stop: "SIGTERM",
  }, options);
}

interface Program {
  scheme: string;
  command: string;
  args(port: number, folder: string): string[];
  /** What it prints when it is there. */
  ready: RegExp;
  /** How to get it. */
  remedy: string;
  /** The signal by which it ends in order. */
  stop: Deno.Signal;
}

/** What to do at once if this process ends before its servers were stopped. */
const left = new Set<() => void>();
const interrupted = () => Deno.exit(130);

const endAll = () => {
  for (const end of left) end();
  left.clear();
};

/** Deno.exit fires «unload», an error that nobody caught does not. */
function listen(on: boolean) {
  for (const event of ["unload", "error", "unhandledrejection"]) {
    if (on) addEventListener(event, endAll);
    else removeEventListener(event, endAll);
  }
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    if (on) Deno.addSignalListener(signal, interrupted);
    else Deno.removeSignalListener(signal, interrupted);
  }
}

async function start(program: Program, { folder: parent, port = freePort() }: ServerOptions): Promise<Server> {
  parent ??= fileURLToPath(resultsFolder);
  await Deno.mkdir(parent, { recursive: true });
  const folder = await Deno.realPath(await Deno.makeTempDir({ dir: parent, prefix: `${program.scheme}_` }));

  let child: Deno.ChildProcess | undefined, ended = true;
  const end = () => {
    if (!ended) child!.kill("SIGKILL");
    for (let tries = 0;; tries++) {
      try {
        return Deno.removeSync(folder, { recursive: true });
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return;
        // The children of a server that was killed may still write for a moment.
        if (tries === 50) throw error;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
      }
    }
  };
  if (left.size === 0) listen(true);
  left.add(end);

  const kill = async (signal: Deno.Signal = "SIGKILL") => {
    if (ended) return;
    child!.kill(signal);
    if (signal !== "SIGSTOP" && signal !== "SIGCONT") await child!.status;
  };
  const spawn = () => {
    try {
      return new Deno.Command(program.command, {
        args: program.args(port, folder),
        cwd: folder,
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      throw new ServerError(`there is no ${program.command}; ${program.remedy}`);
    }
  };
  const restart = async () => {
    await kill();
    const started = child = spawn();
    ended = false;
    started.status.then(() => {
      if (child === started) ended = true;
    });
    await saysReady(started, program.ready, program.scheme);
  };
  const close = async () => {
    try {
      // One that was stopped would not hear.
      if (!ended) child!.kill("SIGCONT");
      await kill(program.stop);
    } finally {
      end();
      left.delete(end);
      if (left.size === 0) listen(false);
    }
  };
  try {
    await restart();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    address: `${program.scheme}://127.0.0.1:${port}`,
    port,
    folder,
    get pid() {
      return child!.pid;
    },
    kill,
    restart,
    [Symbol.asyncDispose]: close,
  };
}

/** Waits for the line that says so, and goes on reading: a pipe that nobody reads would stop the server. */
async function saysReady(child: Deno.ChildProcess, ready: RegExp, command: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let said = "";
  const read = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      said = (said + text).slice(-4000);
      if (ready.test(said)) resolve();
    }
  };
  Promise.all([read(child.stdout), read(child.stderr)]).then(async () => {
    const { code, signal } = await child.status;
    reject(new ServerError(`${command} ended (${signal ?? `code ${code}`}) before it was ready: ${said.trim()}`));
  }, reject);
  const limit = setTimeout(() => reject(new ServerError(`${command} is not ready after 60 s: ${said.trim()}`)), 60_000);
  try {
    await promise;
  } finally {
    clearTimeout(limit);
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
