/**
 * The same tasks in tinypool, a kept pool library of npm.
 *
 * What to notice: the library is a few lines to use and gives the same results. Its workers are those of Node, which
 * start more slowly, and it has no batches: a task is a message there and one back, however small. By default its idle
 * workers sleep on shared memory and look into their port when woken; in Deno 2.9 tasks then wait for ever, and
 * `useAtomics: false` makes the workers wait for messages in the usual way.
 *
 * @original 10_multiprocessing/prime_generation/primes.py
 * @run deno run --allow-read=ch10/pool/pool_tinypool.ts --allow-env=PISCINA_DISABLE_ATOMICS ch10/pool/pool_tinypool.ts
 * @takes 1 s
 */

/** Hands back what it is given. */
export function echo<V>(input: V): V {
  return input;
}

/** How many primes there are from `from` to, but not including, `to`. */
export function countPrimes([from, to]: [number, number]): number {
  let count = 0;
  for (let n = Math.max(2, from); n < to; n++) {
    let divisor = 2;
    while (divisor * divisor <= n && n % divisor !== 0) divisor++;
    if (divisor * divisor > n) count++;
  }
  return count;
}

/** Throws, and keeps its name and stack on the way back. */
export function fail(message: string): never {
  throw new RangeError(message);
}

const tasks = { echo, countPrimes, fail };
type Tasks = typeof tasks;

/** Starts a pool of `workers` threads that run the functions which this file exports. */
export async function openPool(workers: number = navigator.hardwareConcurrency) {
  // Not at the top of the file: the workers load the file too.
  const { Tinypool } = await import("npm:tinypool@2.2.0");
  const pool = new Tinypool({
    filename: import.meta.url,
    name: "echo",
    minThreads: workers,
    maxThreads: workers,
    useAtomics: false,
  });
  const run = <Name extends keyof Tasks>(
    name: Name,
    input: Parameters<Tasks[Name]>[0],
    options: { signal?: AbortSignal } = {},
  ): Promise<ReturnType<Tasks[Name]>> => pool.run(input, { name, ...options });
  return {
    run,
    /** Runs a task on each input; the results come in the inputs' order. */
    map: <Name extends keyof Tasks>(name: Name, inputs: Parameters<Tasks[Name]>[0][]) =>
      Promise.all(inputs.map((input) => run(name, input))),
    close: () => pool.destroy(),
  };
}

if (import.meta.main) {
  const { parseArgs } = await import("jsr:@std/cli@1/parse-args");
  const refuse = (message: string) => (console.error(`error: ${message}`), Deno.exit(2));
  const flags = parseArgs(Deno.args, {
    string: ["workers"],
    boolean: ["help"],
    default: { workers: `${navigator.hardwareConcurrency}` },
    unknown: (argument) => refuse(`${argument}: there is only --workers and --help`),
  });
  if (flags.help) {
    console.log("Tasks in tinypool.\n  --workers N  1 to 64");
    Deno.exit(0);
  }
  const workers = Number(flags.workers || NaN);
  if (!(Number.isInteger(workers) && workers >= 1 && workers <= 64)) {
    refuse(`--workers ${flags.workers}: must be a whole number from 1 to 64`);
  }

  const pool = await openPool(workers);
  try {
    const ranges = Array.from({ length: 100 }, (_, i): [number, number] => [10_000 * i, 10_000 * (i + 1)]);
    const primes = (await pool.map("countPrimes", ranges)).reduce((sum, count) => sum + count, 0);
    console.log(`${primes} primes below a million, counted in ${ranges.length} tasks by ${workers} workers`);
    if (primes !== 78498) throw new Error("there are 78498");

    const numbers = Array.from({ length: 5000 }, (_, i) => i);
    const cost = async (label: string, run: () => Promise<unknown>) => {
      await run();
      const start = performance.now();
      await run();
      console.log(`${label}: ${((performance.now() - start) / numbers.length * 1000).toFixed(1)} µs a task`);
    };
    await cost("one at a time", async () => {
      for (const n of numbers) await pool.run("echo", n);
    });
    await cost("all at once  ", () => pool.map("echo", numbers));
    console.log(`${await pool.run("fail", "a task threw").catch((error) => error)}`);
  } finally {
    await pool.close();
  }
}
