/**
 * The same requests one after the other by callbacks, promises, async/await and an async iterator.
 *
 * What to notice: over a socket all four take the same time, since the wait is by far the most of it. Where the answer is
 * there at once the rest shows: what each adds to a request, in nanoseconds and in bytes. That buys the order of the
 * code: in the loops it is the order in which things happen, and an error goes where `try` says. In the callbacks the
 * error of every step must be handed on by hand, and forgetting it once loses it.
 *
 * @original none, chapter 9's question on paradigms
 * @run deno run --allow-net=127.0.0.1 ch09/paradigms/callbacks_promises_async.ts
 * @takes 1 s
 */

import net from "node:net";
import { getHeapStatistics } from "node:v8";

/** One request, as Node has them since its first days: calls back once, with an error or with an answer. */
export type Ask = (n: number, callback: (error: Error | null, answer: number) => void) => void;

/** Asks for 0, 1, … up to `count`, each when the last is answered, and adds up the answers. Rejects at the first error. */
export type Way = (ask: Ask, count: number) => Promise<number>;

/** What makes a promise of a callback. */
function promised(ask: Ask, n: number): Promise<number> {
  return new Promise((resolve, reject) => ask(n, (error, answer) => error ? reject(error) : resolve(answer)));
}

async function* answers(ask: Ask, count: number): AsyncGenerator<number> {
  for (let n = 0; n < count; n++) yield await promised(ask, n);
}

export const ways = {
  callbacks(ask, count) {
    // The only promise is the one around the whole.
    return new Promise((resolve, reject) => {
      let sum = 0;
      const next = (n: number) => {
        if (n === count) return resolve(sum);
        ask(n, (error, answer) => {
          if (error) return reject(error);
          sum += answer;
          next(n + 1);
        });
      };
      next(0);
    });
  },

  promises(ask, count) {
    const next = (n: number, sum: number): number | Promise<number> =>
      n === count ? sum : promised(ask, n).then((answer) => next(n + 1, sum + answer));
    return Promise.resolve(next(0, 0));
  },

  async async_await(ask, count) {
    let sum = 0;
    for (let n = 0; n < count; n++) sum += await promised(ask, n);
    return sum;
  },

  async async_iterator(ask, count) {
    let sum = 0;
    for await (const answer of answers(ask, count)) sum += answer;
    return sum;
  },
} satisfies Record<string, Way>;

/** Answers 2n at once: all that it takes is the way's own cost. */
export const askAtOnce: Ask = (n, callback) => queueMicrotask(() => callback(null, 2 * n));

/** Opens a connection to a server of its own that answers 2n. It takes one request at a time. */
export async function openSocket(): Promise<{ ask: Ask } & AsyncDisposable> {
  const server = net.createServer((socket) => {
    const reply = new Int32Array(1);
    socket.on("data", (bytes: Uint8Array) => {
      reply[0] = 2 * new DataView(bytes.buffer, bytes.byteOffset).getInt32(0, true);
      socket.write(new Uint8Array(reply.buffer));
    });
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const client = net.connect((server.address() as net.AddressInfo).port, "127.0.0.1").setNoDelay();
  let waiting: Parameters<Ask>[1] | undefined;
  const answer = (error: Error | null, value: number) => {
    const callback = waiting;
    waiting = undefined;
    callback?.(error, value);
  };
  client.on(
    "data",
    (bytes: Uint8Array) => answer(null, new DataView(bytes.buffer, bytes.byteOffset).getInt32(0, true)),
  );
  client.on("error", (error) => answer(error, NaN));
  await new Promise<void>((connected, failed) => client.once("connect", connected).once("error", failed));
  const request = new Int32Array(1);
  return {
    ask(n, callback) {
      if (waiting) return callback(new Error("one request at a time"), NaN);
      waiting = callback;
      request[0] = n;
      client.write(new Uint8Array(request.buffer));
    },
    async [Symbol.asyncDispose]() {
      client.destroy();
      await new Promise((closed) => server.close(closed));
    },
  };
}

/** Bytes that a way puts on the heap for each request, garbage included. */
export async function bytesPerRequest(way: Way, ask: Ask, count: number): Promise<number> {
  // The types do not have this count of V8's yet.
  const allocated = () => (getHeapStatistics() as unknown as { total_allocated_bytes: number }).total_allocated_bytes;
  const before = allocated();
  await way(ask, count);
  return (allocated() - before) / count;
}

if (import.meta.main) {
  await using socket = await openSocket();
  const asks: [string, Ask, number][] = [["over a socket", socket.ask, 2000], ["answered at once", askAtOnce, 100_000]];
  for (const [name, ask, count] of asks) {
    console.log(name);
    // All are warmed up before the first is timed: they share the socket's code.
    for (const run of Object.values(ways)) await run(ask, count / 2);
    for (const [way, run] of Object.entries(ways)) {
      const start = performance.now(), sum = await run(ask, count), ns = (performance.now() - start) * 1e6 / count;
      if (sum !== count * (count - 1)) throw new Error(`${way}: the answers add up to ${sum}`);
      const bytes = await bytesPerRequest(run, ask, count);
      console.log(
        `  ${way.padEnd(16)}${ns.toFixed(0).padStart(8)} ns and ${bytes.toFixed(0).padStart(5)} bytes a request`,
      );
    }
  }
}
