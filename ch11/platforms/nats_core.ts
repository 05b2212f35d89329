/**
 * Messages through NATS as it is at its core: to whoever listens just now.
 *
 * What to notice: nothing is kept. A message with no listener is gone, and so is one that a listener fails on; in return
 * there is no disk, no confirmation of each message, and no place where they could pile up. `flush` asks the server
 * whether everything has arrived there, which is all that can be confirmed. Listeners of one queue group share out the
 * messages among themselves.
 *
 * @original none, the book's question on choosing a messaging platform
 * @run deno run --allow-read=. --allow-write=. --allow-run=nats-server --allow-net=127.0.0.1 ch11/platforms/nats_core.ts
 * @takes 1 s
 */

import { connect } from "npm:@nats-io/transport-node@3.4.0";

export interface Platform extends AsyncDisposable {
  /** Sends messages; resolves when the platform has confirmed all of them. */
  publish(messages: readonly string[]): Promise<void>;
  /** Hands messages to `handle`; what it does not throw for is acknowledged. Returns a function that ends this. */
  receive(handle: (message: string) => void): Promise<() => Promise<void>>;
  /** How many messages the platform holds. */
  waiting(): Promise<number>;
}

export const guarantees = { delivery: "at most once", order: "as sent by one sender", kept: "not at all" };

/** Opens a connection to a server, as in nats://127.0.0.1:4222. */
export async function open(server: string): Promise<Platform> {
  const connection = await connect({ servers: server });
  return {
    async publish(messages) {
      for (const message of messages) connection.publish("messages", message);
      await connection.flush();
    },
    async receive(handle) {
      const subscription = connection.subscribe("messages", { queue: "receivers" });
      const working = (async () => {
        for await (const message of subscription) {
          try {
            handle(message.string());
          } catch {
            // There is nobody to give it back to.
          }
        }
      })();
      // Now the server knows of it.
      await connection.flush();
      return async () => {
        await subscription.drain();
        await working;
      };
    },
    waiting: () => Promise.resolve(0),
    [Symbol.asyncDispose]: () => connection.close(),
  };
}

/** Starts a server of its own on a free port of this machine, with its files in a folder. */
async function startServer(folder: string): Promise<{ address: string; stop(): Promise<unknown> }> {
  using free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const port = free.addr.port;
  free.close();
  try {
    const child = new Deno.Command("nats-server", {
      args: ["-a", "127.0.0.1", "-p", `${port}`, "-js", "-sd", folder],
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    // One of the two says that it is ready; both must be read, or the server would wait.
    const ready = [child.stdout, child.stderr].map(async (stream) => {
      for await (const text of stream.pipeThrough(new TextDecoderStream())) if (/Server is ready/.test(text)) return;
      await new Promise(() => {});
    });
    await Promise.race([
      ...ready,
      child.status.then(({ code }) => Promise.reject(new Error(`nats-server ended: ${code}`))),
    ]);
    return { address: `nats://127.0.0.1:${port}`, stop: () => (child.kill("SIGINT"), child.status) };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    console.error("error: there is no nats-server; install it: apt-get install nats-server");
    Deno.exit(2);
  }
}

if (import.meta.main) {
  const messages = Array.from({ length: 20_000 }, (_, i) => `message ${i}`), received: string[] = [];
  const folder = await Deno.makeTempDir({ dir: "." });
  const server = await startServer(folder);
  const all = Promise.withResolvers<void>();
  try {
    await using platform = await open(server.address);
    const stop = await platform.receive((message) => {
      if (received.push(message) === messages.length) all.resolve();
    });
    const start = performance.now();
    for (let i = 0; i < messages.length; i += 100) await platform.publish(messages.slice(i, i + 100));
    const sent = performance.now();
    await all.promise;
    const end = performance.now();
    await stop();
    if (received.join() !== messages.join()) throw new Error("messages are missing or out of order");
    const rate = (ms: number) => Math.round(messages.length / ms * 1000).toLocaleString("en-US");
    console.log(`sent ${rate(sent - start)} messages a second, 100 at once`);
    console.log(`received ${rate(end - start)} a second meanwhile, all of them and in order`);
  } finally {
    await server.stop();
    Deno.removeSync(folder, { recursive: true });
  }
}
