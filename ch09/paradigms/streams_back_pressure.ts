/**
 * Back-pressure: a writer that waits for its stream keeps memory flat, one that does not fills it with what is unsent.
 *
 * What to notice: all send the same bytes over a socket to a reader that is slower than the writer, and take the same time,
 * since the reader sets the pace. `write` never refuses: without a look at `ready`, nearly everything that was
 * written and not yet read lies in this process. With it the queue never holds more than the high-water mark, and the
 * writer sleeps. `pipeTo` does that by itself: a source with `pull` is asked for a chunk when there is room for one.
 * A chunk's memory is used again once it is sent: so what memory grows by is what was queued.
 *
 * @original none, chapter 9's question on paradigms
 * @run deno run --allow-net=127.0.0.1 ch09/paradigms/streams_back_pressure.ts
 * @takes 2 s
 */

const chunkBytes = 2 ** 16;

/** The most that may be queued, in bytes: the mark that `ready` and `pull` go by. */
export const highWaterMark = 4 * chunkBytes;

export interface Transfer {
  seconds: number;
  /** The most that was made and not yet handed to the socket, in bytes. */
  peakQueued: number;
  /** The most that the process held in resident memory, less what it held at the start, in bytes. */
  peakGrowth: number;
  /** What was queued, in bytes, after each write. */
  queued: number[];
  /** What arrived: how many bytes, and whether each was the one that was sent. */
  received: number;
  intact: boolean;
}

/** Writes all chunks to the sink and closes it. */
type Way = (sink: WritableStream<Uint8Array>, make: (i: number) => Uint8Array, chunks: number) => Promise<void>;

export const ways = {
  async heedless(sink, make, chunks) {
    const writer = sink.getWriter();
    const writes: Promise<void>[] = [];
    for (let i = 0; i < chunks; i++) {
      writes.push(writer.write(make(i)));
      // Others do have their turn: it is not for want of that that the queue grows.
      if (i % 16 === 0) await new Promise((turn) => setImmediate(turn));
    }
    await Promise.all(writes);
    await writer.close();
  },

  async wait_for_ready(sink, make, chunks) {
    const writer = sink.getWriter();
    const failures: unknown[] = [];
    for (let i = 0; i < chunks && failures.length === 0; i++) {
      await writer.ready;
      writer.write(make(i)).catch((error) => failures.push(error));
    }
    await writer.close();
    if (failures.length > 0) throw failures[0];
  },

  async pipe_to(sink, make, chunks) {
    let i = 0;
    await new ReadableStream<Uint8Array>({
      pull: (controller) => i < chunks ? controller.enqueue(make(i++)) : controller.close(),
    }, { highWaterMark: 0 }).pipeTo(sink);
  },
} satisfies Record<string, Way>;

/** The four-byte number in all of chunk number i. */
const pattern = (i: number) => Math.imul(i + 1, 0x9e3779b1);

/** Reads all that comes, with a pause after every MiB. */
async function readSlowly(conn: Deno.Conn): Promise<{ received: number; intact: boolean }> {
  const chunk = new Uint8Array(chunkBytes), words = new Int32Array(chunk.buffer);
  let received = 0, filled = 0, intact = true;
  for (let n: number | null; (n = await conn.read(chunk.subarray(filled))) !== null;) {
    filled += n;
    received += n;
    if (filled < chunkBytes) continue;
    filled = 0;
    const i = received / chunkBytes - 1, expected = pattern(i);
    intact &&= words.every((word) => word === expected);
    if (i % 16 === 15) await new Promise((rested) => setTimeout(rested, 1));
  }
  return { received, intact };
}

/** Sends `chunks` chunks of 64 KiB from one end of a socket to the other. */
export async function transfer(way: keyof typeof ways, chunks: number): Promise<Transfer> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const [client, server] = await Promise.all([
    Deno.connect({ hostname: "127.0.0.1", port: (listener.addr as Deno.NetAddr).port }),
    listener.accept(),
  ]);
  using _client = client;
  using _server = server;
  let made = 0, sent = 0, peakQueued = 0, peakMemory = 0;
  const queued: number[] = [], free: Uint8Array[] = [], before = Deno.memoryUsage().rss, start = performance.now();
  const sink = new WritableStream<Uint8Array>({
    async write(chunk) {
      sent += chunk.length;
      for (let done = 0; done < chunk.length;) done += await client.write(chunk.subarray(done));
      free.push(chunk);
    },
    close: () => client.closeWrite(),
  }, new ByteLengthQueuingStrategy({ highWaterMark }));
  const make = (i: number) => {
    const chunk = free.pop() ?? new Uint8Array(chunkBytes);
    new Int32Array(chunk.buffer).fill(pattern(i));
    made += chunkBytes;
    peakQueued = Math.max(peakQueued, made - sent);
    queued.push(made - sent);
    if (i % 16 === 0) peakMemory = Math.max(peakMemory, Deno.memoryUsage().rss);
    return chunk;
  };
  const reading = readSlowly(server);
  await ways[way](sink, make, chunks);
  const { received, intact } = await reading;
  peakMemory = Math.max(peakMemory, Deno.memoryUsage().rss);
  const seconds = (performance.now() - start) / 1000;
  return { seconds, peakQueued, peakGrowth: peakMemory - before, queued, received, intact };
}

if (import.meta.main) {
  const chunks = 1024, mib = (bytes: number) => (bytes / 2 ** 20).toFixed(1).padStart(6) + " MiB";
  console.log(`${chunks / 16} MiB, sent to a slow reader`);
  // The one that lets memory grow comes last: what was once had is not given back at once.
  for (const way of ["wait_for_ready", "pipe_to", "heedless"] as const) {
    const { seconds, peakQueued, peakGrowth, received, intact } = await transfer(way, chunks);
    console.log(
      `  ${way.padEnd(15)}${seconds.toFixed(2)} s, queued at most ${mib(peakQueued)}, memory grew by ${
        mib(peakGrowth)
      }`,
    );
    if (!intact || received !== chunks * chunkBytes) throw new Error(`${way}: ${received} bytes arrived, ${intact}`);
    const bounded = peakQueued <= highWaterMark + chunkBytes;
    if (bounded !== (way !== "heedless")) throw new Error(`${way}: ${peakQueued} bytes were queued`);
  }
}
