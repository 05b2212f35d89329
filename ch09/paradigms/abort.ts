/**
 * An AbortController through a chain of calls: whoever gives up, stops the work down to the socket and the server.
 *
 * What to notice: `Promise.race` with a timer only stops waiting. The requests go on, their answers are read and dropped, and
 * the server finishes work that nobody wants. A signal handed on from function to function ends all of it: fetch closes
 * its connection, by which the server hears of it (`cancel` of the body that it streams), and its own work ends too. Each
 * function only passes the signal on; `AbortSignal.any` joins the caller's with a time-out of one's own.
 *
 * @original none, chapter 9's question on paradigms
 * @run deno run --allow-net=127.0.0.1 ch09/paradigms/abort.ts
 * @takes 1 s
 */

/** What became of the requests, seen from the server. */
export interface Seen {
  started: number;
  finished: number;
  abandoned: number;
}

/** A server that takes `ms` for each request, unless who asked goes away: then it stops. */
export function startServer(ms: number) {
  const seen: Seen = { started: 0, finished: 0, abandoned: 0 };
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => {
    seen.started++;
    let timer: ReturnType<typeof setTimeout>;
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        timer = setTimeout(() => {
          seen.finished++;
          controller.enqueue(new TextEncoder().encode("done"));
          controller.close();
        }, ms);
      },
      // The connection was closed before the end of the answer.
      cancel() {
        seen.abandoned++;
        clearTimeout(timer);
      },
    });
    return new Response(body);
  });
  return { url: `http://127.0.0.1:${server.addr.port}/`, seen, [Symbol.asyncDispose]: () => server.shutdown() };
}

/** The chain: a report needs pages, a page needs a request, and no page may take longer than `pageLimit` ms. */
export async function report(url: string, pages: number, pageLimit: number, signal?: AbortSignal): Promise<string[]> {
  return await Promise.all(Array.from({ length: pages }, () => page(url, pageLimit, signal)));
}

async function page(url: string, limit: number, signal?: AbortSignal): Promise<string> {
  const signals = [AbortSignal.timeout(limit), ...signal ? [signal] : []];
  const response = await fetch(url, { signal: AbortSignal.any(signals) });
  return await response.text();
}

/** Gives up after `ms`. */
export const ways = {
  async race(url: string, pages: number, ms: number): Promise<string> {
    let timer: ReturnType<typeof setTimeout>;
    const tooLate = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new DOMException("took too long", "TimeoutError")), ms);
    });
    const work = report(url, pages, 60_000);
    return await Promise.race([work, tooLate]).then(() => "done", ({ name }) => name).finally(() =>
      clearTimeout(timer)
    );
  },

  signal: (url: string, pages: number, ms: number): Promise<string> =>
    report(url, pages, 60_000, AbortSignal.timeout(ms)).then(() => "done", ({ name }) => name),
};

if (import.meta.main) {
  const pages = 20;
  for (const way of Object.keys(ways) as (keyof typeof ways)[]) {
    await using server = startServer(300);
    const start = performance.now(), since = () => `${(performance.now() - start).toFixed(0)} ms`;
    const outcome = await ways[way](server.url, pages, 100);
    const gaveUp = since();
    while (server.seen.finished + server.seen.abandoned < pages) await new Promise((later) => setTimeout(later, 1));
    const { finished, abandoned } = server.seen;
    console.log(
      `${way.padEnd(7)}${outcome} after ${gaveUp}; the server was done with all after ${since()}: ` +
        `${finished} finished for nothing, ${abandoned} abandoned`,
    );
    if (outcome !== "TimeoutError") throw new Error(`${way} ended with ${outcome}`);
    if ((way === "race" ? finished : abandoned) !== pages) throw new Error(`${way}: ${finished} were finished`);
  }
}
