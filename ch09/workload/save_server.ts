/**
 * The server that results are saved to: it keeps each for 100 ms before it says that it has it, however many come at once.
 *
 * What to notice: 100 ms is what a save takes, not what it costs: 100 saves at once are done after 100 ms too, since the
 * server only waits. It runs in a worker with an event loop of its own. In the thread of its client it would be as late
 * as the longest hash there, and the client would measure itself. It says how late its own timers were, so that its
 * client is not blamed for them. The workloads beside it start this file as their worker.
 *
 * @original 09_concurrency/workload/server.py
 * @run deno run --allow-net=127.0.0.1 --allow-read=ch09/workload/save_server.ts ch09/workload/save_server.ts
 * @takes 1 s
 */

/** What the server tells about the saves since it was last asked. */
export interface Report {
  /** Items and hashes, in the order in which they were saved; an item that was saved twice is here twice. */
  saved: [item: number, hash: string][];
  /** The most requests that it has had at one time. */
  atOnce: number;
  /** How many milliseconds more than 100 each save took by the server's own clock. */
  late: number[];
}

const delay = 100;

/** Serves on a free port and tells the thread that started this worker where. POST saves «ITEM HASH», GET reports. */
function serve(tell: (url: string) => void): void {
  let report: Report = { saved: [], atOnce: 0, late: [] }, inside = 0;
  const onListen = ({ port }: Deno.NetAddr) => tell(`http://127.0.0.1:${port}/`);
  Deno.serve({ hostname: "127.0.0.1", port: 0, onListen }, async (request) => {
    if (request.method === "GET") {
      const last = report;
      report = { saved: [], atOnce: 0, late: [] };
      return Response.json(last);
    }
    const start = performance.now();
    report.atOnce = Math.max(report.atOnce, ++inside);
    try {
      const [item, hash] = (await request.text()).split(" ");
      if (!/^\d+$/.test(item) || !hash) return new Response(null, { status: 400 });
      await new Promise((later) => setTimeout(later, delay));
      report.late.push(performance.now() - start - delay);
      report.saved.push([Number(item), hash]);
      return new Response(null, { status: 204 });
    } finally {
      inside--;
    }
  });
}

/**
 * Starts the server in a worker.
 *
 * @returns `save`, which rejects if the server has not said that it has the result; `report`, what was saved since the
 * last one; and `close`, after which it is gone, with whatever it was about to save
 */
export async function startServer() {
  const worker = new Worker(import.meta.url, { type: "module" });
  const url = await new Promise<string>((listening) => worker.onmessage = ({ data }) => listening(data));
  return {
    url,
    async save(item: number, hash: string): Promise<void> {
      const { ok, status } = await fetch(url, { method: "POST", body: `${item} ${hash}` });
      if (!ok) throw new Error(`the server answered ${status}`);
    },
    report: async (): Promise<Report> => await (await fetch(url)).json(),
    close: () => worker.terminate(),
  };
}

// The type checker takes this file for a main module, which has no one to send messages to.
if ("WorkerGlobalScope" in globalThis) {
  serve((url) => (self as unknown as Worker).postMessage(url));
} else if (import.meta.main) {
  const { save, report, close } = await startServer();
  for (const atOnce of [1, 1, 10, 100]) {
    const start = performance.now();
    await Promise.all(Array.from({ length: atOnce }, (_, item) => save(item, "hash")));
    const time = performance.now() - start, { saved, late } = await report();
    if (new Set(saved.map(([item]) => item)).size !== atOnce || saved.length !== atOnce) {
      throw new Error(`of ${atOnce} results ${saved.length} were saved`);
    }
    const latest = Math.max(...late);
    console.log(`${atOnce} at once: ${time.toFixed(0)} ms; the server was late by up to ${latest.toFixed(1)} ms`);
  }
  close();
}
