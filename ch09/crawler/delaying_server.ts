/**
 * A server that answers late on purpose, in a process of its own, and keeps a record of every request.
 *
 * What to notice: waiting costs a server next to nothing, so that one thread holds hundreds of requests at once. But its
 * timers are late, by a millisecond or two when it is idle and by more when many end in the same moment: what a client
 * takes beyond the delay it asked for is not all the client's. The server therefore says itself how late it was.
 *
 * @original 09_concurrency/crawler/server.py
 * @run deno run --allow-net=127.0.0.1 --allow-run=deno ch09/crawler/delaying_server.ts
 * @takes 2 s
 */

/** A request as the server saw it; times in milliseconds since 1970, with fractions. */
export interface Served {
  id: number;
  start: number;
  /** When the answer was handed over to be sent. */
  end: number;
  /** The delay asked for, in milliseconds. */
  delay: number;
  /** The port the client called from: one for each connection. */
  connection: number;
}

export interface DelayingServer extends AsyncDisposable {
  /** The address of request `id`, which is answered with the square of `id` after `delay` milliseconds. */
  address(id: number, delay: number): string;
  /** The requests since the last call that were answered, in the order of their ends. */
  takeServed(): Promise<Served[]>;
}

/** Starts the server on a free port. Throws Deno.errors.NotFound if there is no `deno` on the PATH. */
export async function startServer(): Promise<DelayingServer> {
  const child = new Deno.Command("deno", {
    args: ["run", "--no-prompt", "--no-config", "--allow-net=127.0.0.1", import.meta.url, "--serve"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value: port } = await output.read();
  if (!port) throw new Error(`the server ended with code ${(await child.status).code}`);
  const url = `http://127.0.0.1:${port.trim()}`;
  return {
    address: (id, delay) => `${url}/?id=${id}&delay=${delay}`,
    takeServed: async () => (await fetch(`${url}/served`)).json(),
    async [Symbol.asyncDispose]() {
      await child.stdin.close();
      await Promise.all([child.status, output.cancel()]);
    },
  };
}

/** The most requests that were under way at the same time. */
export function mostAtOnce(served: readonly Served[]): number {
  const steps = served.flatMap(({ start, end }) => [[start, 1], [end, -1]]);
  // Of an end and a start in the same moment the end counts first.
  steps.sort(([a, up], [b, down]) => a - b || up - down);
  let now = 0, most = 0;
  for (const [, step] of steps) most = Math.max(most, now += step);
  return most;
}

/** The server's side. It lives until its standard input ends, which it does however the parent comes to its end. */
async function serve(): Promise<void> {
  let served: Served[] = [];
  const now = () => performance.timeOrigin + performance.now();
  Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen: ({ port }) => console.log(port),
  }, async (request, { remoteAddr }) => {
    const start = now(), { pathname, searchParams } = new URL(request.url);
    if (pathname === "/served") {
      const answer = Response.json(served);
      served = [];
      return answer;
    }
    const id = Number(searchParams.get("id")), delay = Number(searchParams.get("delay"));
    if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay));
    served.push({ id, start, end: now(), delay, connection: remoteAddr.port });
    return new Response(`${id ** 2}`);
  });
  for await (const _ of Deno.stdin.readable);
  // Not after the requests under way: nobody waits for them any more.
  Deno.exit();
}

/** By how many milliseconds each answer was later than asked for, sorted. */
export function lateness(served: readonly Served[]): number[] {
  return served.map(({ start, end, delay }) => end - start - delay).toSorted((a, b) => a - b);
}

if (import.meta.main && Deno.args[0] === "--serve") {
  await serve();
} else if (import.meta.main) {
  try {
    await using server = await startServer();
    const delay = 100;
    // The first answer of all takes longer, as everything in the server is still to be compiled.
    await (await fetch(server.address(0, 1))).text();
    await server.takeServed();
    console.log(`late beyond ${delay} ms:   median       99%   connections`);
    for (const atOnce of [1, 10, 100, 500]) {
      const ids = Array.from({ length: atOnce }, (_, id) => id);
      const answers = await Promise.all(ids.map(async (id) => (await fetch(server.address(id, delay))).text()));
      if (answers.some((answer, id) => answer !== `${id ** 2}`)) throw new Error("an answer is wrong");
      const served = await server.takeServed(), late = lateness(served);
      if (served.length !== atOnce) throw new Error(`${atOnce} requests, but ${served.length} were served`);
      const [median, most] = [0.5, 0.99].map((share) =>
        `${late[Math.floor(share * atOnce)].toFixed(2)} ms`.padStart(9)
      );
      const connections = new Set(served.map(({ connection }) => connection)).size;
      console.log(`${atOnce} at once`.padEnd(18), median, most, `${connections}`.padStart(13));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    console.error("error: there is no deno on the PATH; install it: npm install -g deno");
    Deno.exitCode = 2;
  }
}
