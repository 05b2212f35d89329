/**
 * What a message to a worker costs, by how much is in it and how it is sent; and what a worker and a process cost to start.
 *
 * What to notice: an empty message there and back is the floor. Copying grows with the bytes, handing over (transfer)
 * and sharing do not: they move a reference. A typed array is copied as one block; an array of numbers is written out
 * number by number, and of objects key by key. So send columns in typed arrays, and hand over or share the large ones.
 *
 * @original 10_multiprocessing/np_shared_example/np_shared.py
 * @run deno run --allow-read=ch10/pool/message_cost.ts --allow-run=deno ch10/pool/message_cost.ts
 * @takes 2 s
 */

/** What can be sent: for each way, a message that holds `count` numbers. */
export const ways = {
  copy: (count: number) => Float64Array.from({ length: count }, (_, i) => i),
  transfer: (count: number) => Float64Array.from({ length: count }, (_, i) => i),
  share(count: number) {
    const numbers = new Float64Array(new SharedArrayBuffer(8 * count));
    for (let i = 0; i < count; i++) numbers[i] = i;
    return numbers;
  },
  array: (count: number) => Array.from({ length: count }, (_, i) => i + 0.5),
  objects: (count: number) => Array.from({ length: count / 2 }, (_, i) => ({ x: i, y: i + 0.5 })),
  // As many bytes as the numbers have.
  string: (count: number) => "abcdefgh".repeat(count),
};
export type Way = keyof typeof ways;

/** Messages that go to a worker, which sends them back. */
export async function openEcho() {
  const worker = await startWorker();
  return {
    /** Sends a message there and back, and returns what came back. */
    roundTrip<Message>(message: Message, transfer: Transferable[] = []): Promise<Message> {
      const { promise, resolve, reject } = Promise.withResolvers<Message>();
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = reject;
      worker.postMessage({ message, giveBack: transfer.length > 0 }, transfer);
      return promise;
    },
    close: () => endWorker(worker),
  };
}

/** A message of `count` numbers and a function that sends it there and back, and keeps what comes back. */
export function prepare({ roundTrip }: Awaited<ReturnType<typeof openEcho>>, way: Way, count: number) {
  let message = ways[way](count);
  const buffers = () => way === "transfer" ? [(message as Float64Array<ArrayBuffer>).buffer] : [];
  return { call: async () => void (message = await roundTrip(message, buffers())), message: () => message };
}

/** Seconds from the wish for a worker to its first message. */
export function timeWorkerStart(): Promise<number> {
  return timeStart(async () => {
    const worker = await startWorker();
    return () => endWorker(worker);
  });
}

/** Seconds from the wish for a process to its first output. */
export function timeProcessStart(): Promise<number> {
  return timeStart(async () => {
    // Without these, it would look for a configuration first.
    const args = ["eval", "--no-config", "--no-lock", "console.log(1)"];
    const child = new Deno.Command("deno", { args, stdin: "null", stdout: "piped", stderr: "null" }).spawn();
    const reader = child.stdout.getReader();
    await reader.read();
    return async () => {
      await reader.cancel();
      const { success } = await child.status;
      if (!success) throw new Error("the process ended with an error");
    };
  });
}

async function timeStart(start: () => Promise<() => unknown>): Promise<number> {
  const before = performance.now(), end = await start();
  const seconds = (performance.now() - before) / 1000;
  await end();
  return seconds;
}

function startWorker(): Promise<Worker> {
  const worker = new Worker(import.meta.url, { type: "module" });
  return new Promise((ready, failed) => {
    worker.onmessage = () => ready(worker);
    worker.onerror = failed;
  });
}

function endWorker(worker: Worker): Promise<unknown> {
  return new Promise((closed) => {
    worker.onmessage = closed;
    worker.postMessage("close");
  });
}

// The type checker takes this file for a main module, which has no one to send messages to.
const toCaller = self as unknown as Worker;

if ("WorkerGlobalScope" in globalThis) {
  toCaller.onmessage = ({ data }) => {
    if (data === "close") {
      toCaller.postMessage("closed");
      self.close();
    } else {
      toCaller.postMessage(data.message, data.giveBack ? [data.message.buffer] : []);
    }
  };
  toCaller.postMessage("ready");
} else if (import.meta.main) {
  const echo = await openEcho();
  console.log(`there and back, µs ${Object.keys(ways).map((way) => way.padStart(10)).join("")}`);
  for (const count of [2, 1024, 131_072]) {
    const cells: string[] = [];
    for (const way of Object.keys(ways) as Way[]) {
      const { call, message } = prepare(echo, way, count), repeats = count > 10_000 ? 5 : 100;
      for (let i = 0; i < repeats; i++) await call();
      const start = performance.now();
      for (let i = 0; i < repeats; i++) await call();
      cells.push(((performance.now() - start) / repeats * 1000).toFixed(0).padStart(10));
      const same = JSON.stringify(message()) === JSON.stringify(ways[way](count));
      if (!same) throw new Error(`${way}: what came back is not what was sent`);
    }
    console.log(`${`${count * 8} bytes`.padEnd(18)}${cells.join("")}`);
  }
  await echo.close();

  const fastest = async (time: () => Promise<number>) => Math.min(await time(), await time(), await time()) * 1000;
  console.log(`a worker starts in ${(await fastest(timeWorkerStart)).toFixed(0)} ms`);
  try {
    console.log(`a process starts in ${(await fastest(timeProcessStart)).toFixed(0)} ms`);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    console.error("error: no deno on the PATH, by which a process would be started: npm install -g deno");
    Deno.exit(2);
  }
}
