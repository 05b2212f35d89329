/**
 * Messages through JetStream, the part of NATS that keeps them: in a file, until somebody has acknowledged them.
 *
 * What to notice: each message is confirmed when it is in the stream, and one that was handed out but not acknowledged
 * within a time comes again, to somebody else if need be. To wait for each confirmation costs a round trip; a hundred
 * under way at once cost hardly more than one. NATS forces its files to the disk every two minutes: the death of the
 * server loses nothing, a power cut may.
 *
 * @original none, the book's question on choosing a messaging platform
 * @run deno run --allow-read=. --allow-write=. --allow-run=nats-server --allow-net=127.0.0.1 ch11/platforms/jetstream.ts
 * @takes 1 s
 */

import { AckPolicy, jetstream, jetstreamManager, RetentionPolicy } from "npm:@nats-io/jetstream@3.4.0";
import { connect } from "npm:@nats-io/transport-node@3.4.0";

export interface Platform extends AsyncDisposable {
  /** Sends messages; resolves when the platform has confirmed all of them. */
  publish(messages: readonly string[]): Promise<void>;
  /** Hands messages to `handle`; what it does not throw for is acknowledged. Returns a function that ends this. */
  receive(handle: (message: string) => void): Promise<() => Promise<void>>;
  /** How many messages the platform holds. */
  waiting(): Promise<number>;
}

export const guarantees = {
  delivery: "at least once",
  order: "as sent, but for what comes again",
  kept: "in files, forced to the disk every two minutes",
};

/** Opens the stream on a server, as in nats://127.0.0.1:4222, and makes it if it is not there. */
export async function open(server: string): Promise<Platform> {
  const connection = await connect({ servers: server }), manager = await jetstreamManager(connection);
  const stream = "MESSAGES", subject = "stream.messages", durable_name = "receivers";
  await manager.streams.add({ name: stream, subjects: [subject], retention: RetentionPolicy.Workqueue });
  await manager.consumers.add(stream, { durable_name, ack_policy: AckPolicy.Explicit });
  const js = jetstream(connection);
  return {
    async publish(messages) {
      await Promise.all(messages.map((message) => js.publish(subject, message)));
    },
    async receive(handle) {
      const consumer = await js.consumers.get(stream, durable_name);
      const messages = await consumer.consume({ max_messages: 1000 });
      const working = (async () => {
        for await (const message of messages) {
          try {
            handle(message.string());
            message.ack();
          } catch {
            message.nak();
          }
        }
      })();
      return async () => {
        await messages.close();
        await working;
        // Acknowledgements are messages too.
        await connection.flush();
      };
    },
    waiting: async () => (await manager.streams.info(stream)).state.messages,
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
    const start = performance.now();
    for (let i = 0; i < messages.length; i += 100) await platform.publish(messages.slice(i, i + 100));
    const sent = performance.now();
    const stop = await platform.receive((message) => {
      if (received.push(message) === messages.length) all.resolve();
    });
    await all.promise;
    const end = performance.now();
    await stop();
    if (received.join() !== messages.join()) throw new Error("messages are missing or out of order");
    const rate = (ms: number) => Math.round(messages.length / ms * 1000).toLocaleString("en-US");
    console.log(`sent ${rate(sent - start)} messages a second, 100 at once`);
    console.log(`received ${rate(end - sent)} a second, all of them and in order`);
  } finally {
    await server.stop();
    Deno.removeSync(folder, { recursive: true });
  }
}
