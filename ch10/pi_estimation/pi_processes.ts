/**
 * Pi by child processes: each throws its share of the blocks and answers with a line on its standard output.
 *
 * What to notice: a process has its own memory and its own V8, and takes longer to start than a worker; once
 * it runs, it is as fast. Jobs and answers are lines of text. A child ends when its standard input does, so that none is
 * left behind, however this process ends.
 *
 * @original 10_multiprocessing/pi_estimation/pi_lists_parallel/pi_lists_parallel.py
 * @run deno run --allow-run=deno ch10/pi_estimation/pi_processes.ts
 * @takes 1 s
 */

/** Xoshiro128++ by Blackman and Vigna: 32 random bits; its state moves one step on, in a cycle of 2^128 - 1. */
function next(state: Int32Array): number {
  const sum = state[0] + state[3] | 0, result = (sum << 7 | sum >>> 25) + state[0] | 0, shifted = state[1] << 9;
  state[2] ^= state[0], state[3] ^= state[1], state[1] ^= state[2], state[0] ^= state[3];
  state[2] ^= shifted, state[3] = state[3] << 11 | state[3] >>> 21;
  return result >>> 0;
}

/** The state 2^64 steps on, where the next stream begins: a sum of the next 128 states, by a polynomial of its authors. */
function jump(state: Int32Array): Int32Array {
  const now = state.slice(), sum = new Int32Array(4);
  for (const bits of [0x8764000b, 0xf542d2d3, 0x6fa035c3, 0x77f2db5b]) {
    for (let i = 0; i < 32; i++, next(now)) if (bits >>> i & 1) { for (let w = 0; w < 4; w++) sum[w] ^= now[w]; }
  }
  return sum;
}

// Each block of darts has a stream of its own: who throws it, and when, changes nothing. The state begins with the seed and
// digits of pi, and jumps once before the first block, so that similar seeds do not begin alike.
const block = 2 ** 16;
const firstStream = (seed: number) => jump(Int32Array.of(seed, 0x243f6a88, 0x85a308d3, 0x13198a2e));

/** How many of so many darts hit. */
function count(stream: Int32Array, darts: number): number {
  let a = stream[0], b = stream[1], c = stream[2], d = stream[3], inside = 0;
  for (let i = 0; i < darts; i++) {
    // Twice the step of «next».
    let sum = a + d | 0, shifted = b << 9;
    const x = ((sum << 7 | sum >>> 25) + a >>> 1) / 2 ** 31;
    c ^= a, d ^= b, b ^= c, a ^= d, c ^= shifted, d = d << 11 | d >>> 21;
    sum = a + d | 0, shifted = b << 9;
    const y = ((sum << 7 | sum >>> 25) + a >>> 1) / 2 ** 31;
    c ^= a, d ^= b, b ^= c, a ^= d, c ^= shifted, d = d << 11 | d >>> 21;
    // Not an «if»: the processor would guess whether the dart hits, and be wrong at every fifth.
    inside += Number(x * x + y * y <= 1);
  }
  return inside;
}

/** What a process is asked for: the darts of the blocks from `from` to `to`. */
interface Share {
  darts: number;
  seed: number;
  from: number;
  to: number;
}

function throwShare({ darts, seed, from, to }: Share): number {
  let stream = firstStream(seed), inside = 0;
  for (let k = 0; k < from; k++) stream = jump(stream);
  for (let k = from; k < to; k++, stream = jump(stream)) inside += count(stream, Math.min(block, darts - k * block));
  return inside;
}

/** The lines of a stream of bytes. */
async function* lines(bytes: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string, undefined> {
  let rest = "";
  for await (const text of bytes.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + text).split("\n");
    rest = parts.pop()!;
    yield* parts;
  }
}

/** Starts a process that throws darts; what it returns sends a line there and waits for the answer. */
function start() {
  const child = new Deno.Command("deno", {
    args: ["run", "--no-prompt", "--no-lock", import.meta.url.split("?")[0], "--serve"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const input = child.stdin.getWriter(), answers = lines(child.stdout);
  return {
    async ask(share: Share | null): Promise<number> {
      // Where the child is no more, nothing can be written, but why it ended is what matters.
      await input.write(new TextEncoder().encode(`${JSON.stringify(share)}\n`)).catch(() => {});
      const { value, done } = await answers.next();
      if (done) throw new Error(`a process ended with exit code ${(await child.status).code}`);
      return Number(value);
    },
    pid: child.pid,
    async close() {
      await input.close().catch(() => {});
      await answers.return(undefined);
      await child.status;
    },
  };
}

/**
 * The book's experiment: of `darts` darts thrown at a square, how many hit the quarter circle; pi is 4 inside / darts.
 *
 * @param workers processes; by default one for each core
 */
export async function experiment(
  { darts, workers = navigator.hardwareConcurrency, seed = 10 }: { darts: number; workers?: number; seed?: number },
) {
  const blocks = Math.ceil(darts / block);
  const pool = Array.from({ length: workers }, start);
  const close = async () => void await Promise.all(pool.map((child) => child.close()));
  const askAll = async (share: (child: number) => Share | null) => {
    try {
      return await Promise.all(pool.map(({ ask }, i) => ask(share(i))));
    } catch (error) {
      await close();
      throw error;
    }
  };
  await askAll(() => null);
  return {
    /** Throws all darts. If a process ends, all others do too, and the error says why. */
    async run() {
      const edge = (i: number) => Math.floor(blocks * i / workers);
      const counts = await askAll((i) => ({ darts, seed, from: edge(i), to: edge(i + 1) }));
      return { inside: counts.reduce((sum, inside) => sum + inside, 0), darts };
    },
    pids: pool.map(({ pid }) => pid),
    close,
  };
}

if (import.meta.main && Deno.args[0] === "--serve") {
  for await (const line of lines(Deno.stdin.readable)) {
    const share: Share | null = JSON.parse(line);
    console.log(share ? throwShare(share) : 0);
  }
} else if (import.meta.main) {
  const { parseArgs } = await import("jsr:@std/cli@1/parse-args");
  const refuse = (message: string) => (console.error(`error: ${message}`), Deno.exit(2));
  const flags = parseArgs(Deno.args, {
    string: ["workers"],
    boolean: "help",
    default: { workers: `${navigator.hardwareConcurrency}` },
    unknown: (argument) => refuse(`${argument}: there is only --workers and --help`),
  });
  if (flags.help) {
    console.log("Pi by 4e7 darts.\n  --workers N  processes, 1 to 64");
    Deno.exit(0);
  }
  const workers = Number(flags.workers || NaN);
  if (!(Number.isInteger(workers) && workers >= 1 && workers <= 64)) {
    refuse(`--workers ${flags.workers}: must be a whole number from 1 to 64`);
  }
  const { run, close } = await experiment({ darts: 4e7, workers }).catch((error) => {
    if (error instanceof Deno.errors.NotFound) refuse("no deno on the PATH, of which the child processes are to be");
    throw error;
  });
  // In the first run V8 still compiles.
  await run();
  const start = performance.now();
  const { inside, darts } = await run();
  const ms = (performance.now() - start).toFixed(0);
  console.log(`pi is about ${4 * inside / darts}: ${inside} of ${darts} darts, ${workers} processes, ${ms} ms`);
  await close();
  if (inside !== 31418790) throw new Error(`of these darts, 31418790 hit, not ${inside}`);
}
