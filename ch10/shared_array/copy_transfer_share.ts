/**
 * An array for a worker: copied, transferred or shared, and what that costs.
 *
 * What to notice: `postMessage` copies what it is given, which takes time and memory as the array grows. To transfer
 * it hands the memory over without a copy, and the sender's array is then empty. A shared one is seen by both at
 * once. Both cost the same whatever the size; what remains is the message, about as long as waking a thread takes.
 *
 * @original none, chapter 10's question on the costs of interprocess communication
 * @run deno run --allow-read=ch10/shared_array/copy_transfer_share.ts ch10/shared_array/copy_transfer_share.ts
 * @takes 2 s
 */

export const ways = ["copy", "transfer", "share"] as const;
export type Way = typeof ways[number];

/**
 * Starts a worker to send an array to.
 *
 * @param bytes the array's size, a multiple of 8
 */
export async function experiment(bytes: number, way: Way) {
  const buffer = way === "share" ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes);
  let array: Float64Array = new Float64Array(buffer).fill(1);
  const worker = new Worker(import.meta.url, { type: "module" });
  const ask = (message: unknown, transfer: Transferable[] = []) =>
    new Promise<{ first: number; array?: Float64Array }>((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => (event.preventDefault(), reject(new Error(event.message)));
      worker.postMessage(message, transfer);
    });
  await ask("start");
  return {
    /**
     * Sends the array. The worker adds one to its first number, says what that is now, and sends back what was
     * transferred.
     */
    async run(): Promise<number> {
      const { first, array: back } = await ask({ array, way }, way === "transfer" ? [array.buffer as ArrayBuffer] : []);
      array = back ?? array;
      return first;
    },
    /** The first number as it is on this side. */
    first: () => array[0],
    close: () => ask("close"),
  };
}

// The type checker takes this file for a main module, which has no one to send messages to.
const toCaller = self as unknown as Worker;

if ("WorkerGlobalScope" in globalThis) {
  // What came last is kept until the next, as in a worker that has something to do with it.
  let kept: Float64Array | undefined;
  toCaller.onmessage = ({ data }: MessageEvent<"start" | "close" | { array: Float64Array; way: Way }>) => {
    if (typeof data === "string") {
      toCaller.postMessage({ first: 0 });
      if (data === "close") self.close();
      return;
    }
    kept = data.array;
    const first = ++kept[0];
    if (data.way !== "transfer") return toCaller.postMessage({ first });
    toCaller.postMessage({ first, array: kept }, [kept.buffer as ArrayBuffer]);
  };
} else if (import.meta.main) {
  for (const bytes of [2 ** 10, 2 ** 20, 2 ** 26]) {
    for (const way of ways) {
      const { run, first, close } = await experiment(bytes, way);
      const repeats = 9, times: number[] = [];
      for (let i = 1; i <= repeats; i++) {
        const start = performance.now(), there = await run();
        times.push(performance.now() - start);
        // A copy starts afresh each time, and the original never changes.
        const [expectedThere, expectedHere] = way === "copy" ? [2, 1] : [1 + i, 1 + i];
        if (there !== expectedThere || first() !== expectedHere) {
          throw new Error(`${way}: ${there} there, ${first()} here`);
        }
      }
      await close();
      const median = times.toSorted((a, b) => a - b)[repeats >> 1];
      console.log(
        `${String(bytes / 1024).padStart(6)} KiB, ${way.padEnd(8)} ${median.toFixed(3).padStart(8)} ms there and back`,
      );
    }
  }
}
