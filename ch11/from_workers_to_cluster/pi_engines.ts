/**
 * Pi by engines on any number of machines: processes that answer through a NATS server, asked one task at a time.
 *
 * What to notice: `ask` sends a message to an engine's address in place of `postMessage`, and the loop that hands out the
 * tasks is still that of pi_pool.ts. New is what can happen to another machine: an engine that does not answer loses its
 * task to the others. Server and token come from the environment, so that no address stands in the code; without NATS_SERVER
 * this starts a server and engines here. On another machine, with the same two variables set:
 *
 *     deno run --allow-net=SERVER --allow-env=NATS_SERVER,NATS_TOKEN pi_engines.ts --serve
 *
 * @original 11_clusters/ipythonparallel/pi_ipython_cluster.py
 * @run deno run --allow-run=deno,nats-server --allow-net=127.0.0.1 --allow-env=NATS_SERVER,NATS_TOKEN ch11/from_workers_to_cluster/pi_engines.ts
 * @takes 2 s
 */

import { connect, type NatsConnection } from "npm:@nats-io/transport-node@3.4.0";

/** Some of the pieces of the work, each of 4096 darts with random numbers of its own: who throws them changes nothing. */
interface Task {
  from: number;
  to: number;
}

/** How many darts of these pieces hit the quarter circle. */
export function countHits({ from, to }: Task): number {
  let inside = 0;
  for (let piece = from; piece < to; piece++) {
    // The generator sfc32; its first numbers still show the seed, and are thrown away.
    let a = 10, b = piece, c = 0x9e3779b9 | 0, counter = 1;
    const random = () => {
      const sum = a + b + counter++ | 0;
      a = b ^ b >>> 9, b = c + (c << 3) | 0, c = (c << 21 | c >>> 11) + sum | 0;
      return (sum >>> 0) / 2 ** 32;
    };
    for (let i = 0; i < 20; i++) random();
    for (let dart = 0; dart < 4096; dart++) {
      const x = random(), y = random();
      inside += Number(x * x + y * y <= 1);
    }
  }
  return inside;
}

/** All the work, cut into tasks. */
function cut(pieces: number, perTask: number): Task[] {
  return Array.from({ length: Math.ceil(pieces / perTask) }, (_, i) => ({
    from: i * perTask,
    to: Math.min(pieces, (i + 1) * perTask),
  }));
}

/** Sends an engine a task and waits for its answer. Rejects at once if it is not there, after ten seconds if it is silent. */
async function ask(connection: NatsConnection, engine: string, task: Task): Promise<number> {
  return (await connection.request(engine, JSON.stringify(task), { timeout: 10_000 })).json();
}

/** Answers whoever asks, until it is told to stop. */
async function serve(access: Access, stopped: Promise<void>): Promise<void> {
  const address = `pi.${crypto.randomUUID()}`, connection = await Promise.race([join(access), stopped]);
  if (!connection) return;
  connection.subscribe("pi.hello", { callback: (_, message) => void message.respond(address) });
  connection.subscribe(address, {
    callback: (_, message) => void message.respond(JSON.stringify(countHits(message.json()))),
  });
  await Promise.race([stopped, connection.closed()]);
  await connection.close();
}

/** Where the server is, `host:port`, and what it asks for. */
interface Access {
  server: string;
  token?: string;
}

/** Connects, and goes on trying for five seconds, as machines start in any order. */
async function join({ server, token }: Access): Promise<NatsConnection> {
  for (let tries = 0;; tries++) {
    try {
      return await connect({ servers: server, token, timeout: 2000 });
    } catch (error) {
      if (tries === 100 || /^Authorization/.test((error as Error).name)) throw error;
      await new Promise((later) => setTimeout(later, 50));
    }
  }
}

/**
 * Finds the engines, or starts some with a server where no server is given. `run` throws 4096 darts for each piece, so
 * many pieces a task, and counts those that hit.
 *
 * @param workers how many engines to wait for
 */
export async function experiment({ workers, access }: { workers: number; access?: Access }) {
  await using open = new AsyncDisposableStack();
  const found = access ?? open.use(startHere(workers)).access, connection = await join(found);
  open.defer(() => connection.close());
  const engines = new Set<string>(), inbox = `hello.${crypto.randomUUID()}`;
  // The server itself answers, with nothing, while no engine is there.
  connection.subscribe(inbox, {
    callback: (_, message) => void (message.data.length > 0 && engines.add(message.string())),
  });
  for (let tries = 0; engines.size < workers; tries++) {
    if (tries === 200) throw new Error(`${engines.size} engines answered, not ${workers}`);
    connection.publish("pi.hello", "", { reply: inbox });
    await new Promise((later) => setTimeout(later, 50));
  }
  const rest = open.move();
  return {
    async run(pieces: number, perTask: number): Promise<number> {
      const tasks = cut(pieces, perTask);
      let inside = 0;
      // Again, if an engine was lost after the others had already stopped.
      while (tasks.length > 0) {
        if (engines.size === 0) throw new Error("no engine is left");
        await Promise.all([...engines].map(async (engine) => {
          for (let task = tasks.pop(); task; task = tasks.pop()) {
            try {
              const hits = await ask(connection, engine, task);
              inside += hits;
            } catch (error) {
              tasks.push(task);
              engines.delete(engine);
              console.error(`${engine} is lost: ${(error as Error).message}`);
              break;
            }
          }
        }));
      }
      return inside;
    },
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  };
}

/** A server and engines on this machine. They end with this process: the engines when their input ends. */
function startHere(workers: number) {
  const token = crypto.randomUUID(), server = `127.0.0.1:${freePort()}`;
  const broker = new Deno.Command("nats-server", {
    args: ["-c", "/dev/stdin"],
    stdin: "piped",
    stdout: "null",
    stderr: "null",
  }).spawn();
  // Not as an argument, which all users of a machine can read.
  const input = broker.stdin.getWriter();
  input.write(new TextEncoder().encode(`listen: "${server}"\nauthorization { token: "${token}" }\n`))
    .then(() => input.close()).catch(() => {});
  const engines = Array.from({ length: workers }, () =>
    new Deno.Command("deno", {
      args: [
        ...["run", "--no-prompt", "--no-lock", `--allow-net=${server}`, "--allow-env=NATS_SERVER,NATS_TOKEN"],
        ...[import.meta.url.split("?")[0], "--serve", "--until-input-ends"],
      ],
      env: { NATS_SERVER: server, NATS_TOKEN: token },
      stdin: "piped",
      stdout: "null",
    }).spawn());
  const kill = () => broker.kill("SIGTERM");
  addEventListener("unload", kill);
  const interrupted = () => Deno.exit(130);
  Deno.addSignalListener("SIGINT", interrupted);
  return {
    access: { server, token },
    pids: engines.map(({ pid }) => pid),
    async [Symbol.asyncDispose]() {
      for (const { stdin, status } of engines) {
        await stdin.close().catch(() => {});
        await status;
      }
      kill();
      await broker.status;
      removeEventListener("unload", kill);
      Deno.removeSignalListener("SIGINT", interrupted);
    },
  };
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

if (import.meta.main) {
  const fail = (message: string): never => (console.error(`error: ${message}`), Deno.exit(2));
  const server = Deno.env.get("NATS_SERVER"),
    access = server ? { server, token: Deno.env.get("NATS_TOKEN") } : undefined;
  const serving = Deno.args[0] === "--serve";
  if (Deno.args.some((argument) => !["--serve", "--until-input-ends"].includes(argument))) {
    fail("there is only --serve");
  }
  if (serving && !access) fail("--serve: NATS_SERVER must say where the server is, as in host:4222");
  try {
    if (serving) {
      const stopped = Promise.withResolvers<void>();
      for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, stopped.resolve);
      if (Deno.args.includes("--until-input-ends")) {
        Deno.stdin.readable.pipeTo(new WritableStream()).then(stopped.resolve);
      }
      await serve(access!, stopped.promise);
      Deno.exit();
    }
    await using pi = await experiment({ workers: 2, access });
    const pieces = 8192, start = performance.now(), inside = await pi.run(pieces, 256);
    const ms = (performance.now() - start).toFixed(0);
    console.log(`pi is about ${4 * inside / pieces / 4096}: ${pieces * 4096} darts, 2 workers, ${ms} ms`);
    if (inside !== 26354262) throw new Error(`of these darts, 26354262 hit, not ${inside}`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      fail(
        "there is no nats-server or no deno on the PATH; install them: apt-get install nats-server, npm install -g deno",
      );
    }
    if ((error as Error).name.match(/^(Authorization|UserAuthentication|Connection|Timeout)/)) {
      fail(`${server}: ${(error as Error).message}`);
    }
    throw error;
  }
}
