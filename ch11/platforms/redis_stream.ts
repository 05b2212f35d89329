/**
 * Messages through a stream of Redis, read by a group: kept in memory, with a log on the disk.
 *
 * What to notice: a group remembers who was handed what until it is acknowledged; what a dead receiver left has to be
 * claimed by another (XAUTOCLAIM), which no one does by itself. A pipeline sends a hundred commands in one go, and a
 * waiting reader is woken at once. The log is forced to the disk every second: what was confirmed since may be lost in a
 * power cut. BullMQ builds its job queue of such parts.
 *
 * @original none, the book's question on choosing a messaging platform
 * @run deno run --allow-read=. --allow-write=. --ignore-env --allow-run=redis-server --allow-net=127.0.0.1 ch11/platforms/redis_stream.ts
 * @takes 1 s
 */

import { Redis } from "npm:ioredis@6.0.0";

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
  order: "as sent, but for what is claimed again",
  kept: "in memory and a log, forced to the disk every second",
};

/** Opens the stream on a server, as in redis://127.0.0.1:6379, and makes it if it is not there. */
export async function open(server: string): Promise<Platform> {
  const { hostname, port } = new URL(server), stream = "messages", group = "receivers";
  const redis = new Redis(Number(port), hostname);
  await redis.xgroup("CREATE", stream, group, "0", "MKSTREAM").catch((error: Error) => {
    // Another process was first.
    if (!error.message.startsWith("BUSYGROUP")) throw error;
  });
  /** Runs many commands in one trip; throws the first error among their answers. */
  const together = async (commands: [name: string, ...parts: string[]][]) => {
    for (const [error] of await redis.pipeline(commands).exec() ?? []) if (error) throw error;
  };
  return {
    publish: (messages) => together(messages.map((message) => ["xadd", stream, "*", "body", message])),
    receive(handle) {
      // A reader that waits keeps its connection to itself.
      const reader = redis.duplicate();
      let stopped = false;
      const working = (async () => {
        while (!stopped) {
          const answer = await reader.xreadgroup(
            ...["GROUP", group, "receiver", "COUNT", 100, "BLOCK", 200, "STREAMS", stream, ">"] as const,
          ) as [string, [id: string, fields: string[]][]][] | null;
          const done: string[] = [];
          for (const [id, [, body]] of answer?.[0][1] ?? []) {
            try {
              handle(body);
              done.push(id);
            } catch {
              // It stays with this receiver until somebody claims it.
            }
          }
          if (done.length > 0) await together([["xack", stream, group, ...done], ["xdel", stream, ...done]]);
        }
      })();
      return Promise.resolve(async () => {
        stopped = true;
        await working;
        reader.disconnect();
      });
    },
    waiting: () => redis.xlen(stream),
    [Symbol.asyncDispose]: async () => void await redis.quit(),
  };
}

/** Starts a server of its own on a free port of this machine, with its files in a folder. */
async function startServer(folder: string): Promise<{ address: string; stop(): Promise<unknown> }> {
  using free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const port = free.addr.port;
  free.close();
  try {
    const child = new Deno.Command("redis-server", {
      args: [
        "--bind",
        "127.0.0.1",
        "--port",
        `${port}`,
        "--dir",
        folder,
        "--save",
        "",
        "--appendonly",
        "yes",
        "--appendfsync",
        "everysec",
      ],
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    // One of the two says that it is ready; both must be read, or the server would wait.
    const ready = [child.stdout, child.stderr].map(async (stream) => {
      for await (const text of stream.pipeThrough(new TextDecoderStream())) {
        if (/Ready to accept connections/.test(text)) return;
      }
      await new Promise(() => {});
    });
    await Promise.race([
      ...ready,
      child.status.then(({ code }) => Promise.reject(new Error(`redis-server ended: ${code}`))),
    ]);
    return { address: `redis://127.0.0.1:${port}`, stop: () => (child.kill("SIGTERM"), child.status) };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    console.error("error: there is no redis-server; install it: apt-get install redis-server");
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
