/**
 * A worker on another host, on one machine: two network namespaces, a virtual cable, and a delay of 5 ms on it.
 *
 * What to notice: on one machine a round trip takes a fraction of a millisecond, and asking for each job by itself seems
 * cheap. Over a network that takes 5 ms it costs 5 ms a job, whatever the job and the broker take. Asking for fifty jobs
 * at once, or having fifty requests under way, pays that only once for all of them.
 *
 * Each host is a process with a network of its own (`unshare --net`): the broker's, which runs nats-server, and the
 * worker's; they are joined by a pair of veth interfaces. The delay is `tc netem`'s, or where the kernel has none a relay's,
 * which holds back what the broker sends. Nothing has to be removed afterwards: when the last process of a namespace ends,
 * the kernel removes that and the cable with it. Where no namespace can be made (another system than Linux, or not allowed)
 * it says so and goes on over loopback.
 *
 * @original none, chapter 11's question on the costs of clustering
 * @run deno run --allow-run=deno,nats-server,unshare --allow-net=127.0.0.1 ch11/hosts/two_hosts.ts
 * @takes 2 s
 */

import { connect, type NatsConnection } from "npm:@nats-io/transport-node@3.4.0";

const jobs = 100, atOnce = 50, delays = [0, 5];

/** What was measured at one delay; times in seconds. */
export interface Report {
  /** Milliseconds, added to each round trip. */
  delay: number;
  by: "tc netem" | "relay";
  /** The median of requests that ask for nothing. */
  roundTrip: number;
  /** All jobs, asked for one at a time, fifty with each request, and singly but with fifty requests under way. */
  single: number;
  batched: number;
  underWay: number;
  /** Bytes that came through the virtual cable to the worker so far; 0 over loopback. */
  bytes: number;
}

/** A namespace could not be made, or not be set up. */
export class NamespaceError extends Error {
  override name = "NamespaceError";
}

/**
 * Measures over two network namespaces, or over loopback. Everything it starts is gone afterwards.
 *
 * @throws NamespaceError where namespaces cannot be made, Deno.errors.NotFound where a program is missing
 */
export async function measure(network: "namespaces" | "loopback"): Promise<Report[]> {
  const address = network === "namespaces" ? brokerAddress : "127.0.0.1";
  // The first processes in a namespace of process ids takes all others there with it when it ends, however it ends.
  const inside = ["--user", "--map-root-user", "--net", "--pid", "--fork", "--kill-child"];
  const host = [
    ...["deno", "run", "--no-prompt", "--cached-only", `--allow-net=${address}`],
    ...["--allow-run=deno,ip,nats-server,tc,unshare", import.meta.url.split("?")[0], "--broker", network],
  ];
  const [command, ...args] = network === "namespaces" ? ["unshare", ...inside, ...host] : host;
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(command, { args, stdin: "piped", stdout: "piped", stderr: "piped" }).spawn();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound && command === "unshare") {
      throw new NamespaceError("cannot make network namespaces here: there is no unshare (Linux, package util-linux)");
    }
    throw error;
  }
  // The broker's host ends when its input does, and so when this process does.
  const [{ code }, stdout, stderr] = await Promise.all([
    child.status,
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  await child.stdin.close().catch(() => {});
  if (code === 0) return JSON.parse(stdout);
  const reason = stderr.trim().split("\n").at(-1) ?? "";
  if (stderr.startsWith("unshare: ") || code === codeOfSetUp) {
    throw new NamespaceError(`cannot make network namespaces here: ${reason}`);
  }
  throw new Error(`the broker's host ended with code ${code}: ${stderr.trim()}`);
}

/** Addresses that are kept for measuring between networks (RFC 2544); nothing outside these namespaces hears of them. */
const brokerAddress = "198.18.0.1", workerAddress = "198.18.0.2";

/** How the broker's host ends where the kernel let it have a network but no cable. */
const codeOfSetUp = 3;

/** Runs a command to its end. @throws NamespaceError with what it complained about */
async function must(command: string, ...args: string[]): Promise<string> {
  let output: Deno.CommandOutput;
  try {
    output = await new Deno.Command(command, { args, stdin: "null" }).output();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new NamespaceError(`there is no ${command} (package iproute2)`);
  }
  const text = new TextDecoder();
  if (!output.success) throw new NamespaceError(`${command} ${args.join(" ")}: ${text.decode(output.stderr).trim()}`);
  return text.decode(output.stdout);
}

/** What must not outlive the broker's host; in a namespace of process ids the kernel sees to that, over loopback it does not. */
const started: Deno.ChildProcess[] = [];

/** The broker's host: a server, jobs to hand out, the cable, and at its other end the worker's host. */
async function beBroker(network: string): Promise<Report[]> {
  const separate = network === "namespaces", address = separate ? brokerAddress : "127.0.0.1";
  await using open = new AsyncDisposableStack();
  const [command, ...more] = separate ? ["unshare", "--net", "deno"] : ["deno"];
  const script = import.meta.url.split("?")[0];
  const permissions = [`--allow-net=${address}`, "--allow-run=ip"];
  const worker = new Deno.Command(command, {
    args: [...more, "run", "--no-prompt", "--cached-only", ...permissions, script, "--worker", network],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const input = worker.stdin.getWriter(), answers = lines(worker.stdout);
  open.defer(async () => {
    await input.close().catch(() => {});
    await answers.return(undefined);
    await worker.status;
  });
  const ask = async (text: string) => {
    await input.write(new TextEncoder().encode(`${text}\n`));
    const { value, done } = await answers.next();
    if (done) throw new Error(`the worker's host ended with code ${(await worker.status).code}`);
    return JSON.parse(value);
  };
  // It is there, in its own network, once it has said its first word.
  await answers.next();
  if (separate) {
    await must("ip", "link", "set", "lo", "up");
    await must("ip", "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", `${worker.pid}`);
    await must("ip", "address", "add", `${brokerAddress}/30`, "dev", "cable");
    await must("ip", "link", "set", "cable", "up");
  }

  const port = freePort(address);
  const server = new Deno.Command("nats-server", {
    args: ["-a", address, "-p", `${port}`],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  started.push(server);
  open.defer(async () => {
    server.kill("SIGINT");
    await server.status;
  });
  const connection = await connectTo(address, port);
  open.defer(() => connection.close());
  const handedOut: number[] = [];
  connection.subscribe("claim", {
    callback: (_, message) => {
      const count = Number(message.string());
      const claimed = Array.from({ length: count }, (_, i) => handedOut.length + i);
      handedOut.push(...claimed);
      message.respond(JSON.stringify(claimed));
    },
  });
  await connection.flush();

  const delayed = separate ? await makeDelay(address, port) : startRelay(address, port);
  open.defer(() => delayed.close());
  const reports: Report[] = [];
  for (const delay of delays) {
    await delayed.set(delay);
    reports.push({ delay, by: delayed.by, ...await ask(`${delayed.port}`) });
  }
  // Three ways at each delay, and each took every job of its own once.
  if (handedOut.length !== 3 * jobs * delays.length) throw new Error(`${handedOut.length} jobs were handed out`);
  return reports;
}

interface Delay {
  by: Report["by"];
  port: number;
  set(ms: number): Promise<void> | void;
  close(): void;
}

/** By the kernel, on the broker's end of the cable, if it can. */
async function makeDelay(address: string, port: number): Promise<Delay> {
  const netem = (ms: number) => must("tc", "qdisc", "replace", "dev", "cable", "root", "netem", "delay", `${ms}ms`);
  try {
    await netem(0);
  } catch (error) {
    if (error instanceof NamespaceError) return startRelay(address, port);
    throw error;
  }
  return { by: "tc netem", port, set: async (ms) => void await netem(ms), close() {} };
}

/** A server that passes everything on to another one, and holds back the answers for a while, without slowing them. */
function startRelay(hostname: string, to: number): Delay {
  const listener = Deno.listen({ hostname, port: 0 }), connections = new Set<Deno.TcpConn>();
  let delay = 0;
  (async () => {
    for await (const client of listener) {
      const server = await Deno.connect({ hostname, port: to });
      for (const connection of [client, server]) {
        connection.setNoDelay();
        connections.add(connection);
      }
      const held = new TransformStream<Uint8Array<ArrayBuffer>, { bytes: Uint8Array<ArrayBuffer>; due: number }>(
        {
          transform: (bytes, out) => out.enqueue({ bytes, due: performance.now() + delay }),
        },
        undefined,
        { highWaterMark: Infinity },
      );
      const released = new WritableStream<{ bytes: Uint8Array<ArrayBuffer>; due: number }>({
        async write({ bytes, due }) {
          const left = due - performance.now();
          if (left > 0) await new Promise((later) => setTimeout(later, left));
          for (let sent = 0; sent < bytes.length;) sent += await client.write(bytes.subarray(sent));
        },
      });
      // Both directions end when either side closes, and nothing more is to be said about it.
      client.readable.pipeTo(server.writable).catch(() => {});
      server.readable.pipeThrough(held).pipeTo(released).catch(() => {});
    }
  })();
  return {
    by: "relay",
    port: listener.addr.port,
    set: (ms) => void (delay = ms),
    close() {
      listener.close();
      for (const connection of connections) {
        try {
          connection.close();
        } catch (error) {
          // It was closed with its stream.
          if (!(error instanceof Deno.errors.BadResource)) throw error;
        }
      }
    },
  };
}

/** The worker's host: for each port that it is told, connects and measures. */
async function beWorker(network: string): Promise<void> {
  const separate = network === "namespaces", address = separate ? brokerAddress : "127.0.0.1";
  console.log("{}");
  let ready = !separate;
  for await (const port of lines(Deno.stdin.readable)) {
    if (!ready) {
      await must("ip", "address", "add", `${workerAddress}/30`, "dev", "cable");
      await must("ip", "link", "set", "cable", "up");
      ready = true;
    }
    const connection = await connectTo(address, Number(port));
    try {
      const found = await work(connection);
      const bytes = separate
        ? JSON.parse(await must("ip", "-json", "-s", "link", "show", "cable"))[0].stats64.rx.bytes
        : 0;
      console.log(JSON.stringify({ ...found, bytes }));
    } finally {
      await connection.close();
    }
  }
}

/** Claims the same number of jobs in three ways. */
async function work(connection: NatsConnection) {
  const claim = async (count: number) =>
    (await connection.request("claim", `${count}`, { timeout: 5000 })).json<number[]>();
  const time = async (way: () => Promise<unknown>) => {
    const start = performance.now();
    await way();
    return (performance.now() - start) / 1000;
  };
  const trips: number[] = [];
  for (let i = 0; i < 41; i++) trips.push(await time(() => claim(0)));
  return {
    roundTrip: trips.sort((a, b) => a - b)[20],
    single: await time(async () => {
      for (let i = 0; i < jobs; i++) await claim(1);
    }),
    batched: await time(async () => {
      for (let i = 0; i < jobs; i += atOnce) await claim(atOnce);
    }),
    underWay: await time(async () => {
      for (let i = 0; i < jobs; i += atOnce) await Promise.all(Array.from({ length: atOnce }, () => claim(1)));
    }),
  };
}

/** Tries again until the server is up. */
function connectTo(address: string, port: number): Promise<NatsConnection> {
  return connect({
    servers: `${address}:${port}`,
    waitOnFirstConnect: true,
    reconnectTimeWait: 20,
    maxReconnectAttempts: 200,
  });
}

function freePort(hostname: string): number {
  using listener = Deno.listen({ hostname, port: 0 });
  return listener.addr.port;
}

async function* lines(bytes: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string, undefined> {
  let rest = "";
  for await (const text of bytes.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + text).split("\n");
    rest = parts.pop()!;
    yield* parts;
  }
}

if (import.meta.main && Deno.args[0] === "--worker") {
  await beWorker(Deno.args[1]);
} else if (import.meta.main && Deno.args[0] === "--broker") {
  // Whoever started this is gone when the input ends.
  (async () => {
    await Deno.stdin.readable.pipeTo(new WritableStream());
    for (const child of started) child.kill("SIGKILL");
    Deno.exit(130);
  })();
  try {
    console.log(JSON.stringify(await beBroker(Deno.args[1])));
    Deno.exit();
  } catch (error) {
    console.error((error as Error).message);
    Deno.exit(error instanceof NamespaceError ? codeOfSetUp : 1);
  }
} else if (import.meta.main) {
  const fail = (message: string): never => (console.error(`error: ${message}`), Deno.exit(2));
  if (Deno.args.length > 0) fail(`${Deno.args[0]}: there are no arguments`);
  try {
    const { success } = await new Deno.Command("nats-server", { args: ["--version"], stdout: "null" }).output();
    if (!success) fail("nats-server does not run");
    let where = "two network namespaces";
    const reports = await measure("namespaces").catch((error) => {
      if (!(error instanceof NamespaceError)) throw error;
      console.log(`${error.message}\nmeasured over the loopback interface in place of them`);
      where = "loopback";
      return measure("loopback");
    });
    console.log(
      `${jobs} jobs over ${where}      round trip   one at a time   ${atOnce} a request   ${atOnce} under way`,
    );
    const cell = (seconds: number) => `${(1000 * seconds).toFixed(1)} ms`.padStart(15);
    for (const { delay, by, roundTrip, single, batched, underWay } of reports) {
      console.log(`with ${delay} ms more, by ${by}`.padEnd(35), ...[roundTrip, single, batched, underWay].map(cell));
    }
    const slow = reports.at(-1)!;
    if (!(slow.single > 10 * slow.batched)) throw new Error("asking for many jobs at once saved nothing");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      fail(
        "there is no nats-server or no deno on the PATH; install them: apt-get install nats-server, npm install -g deno",
      );
    }
    throw error;
  }
}
