import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { parseHeader, runScript } from "../../bench/lib/script.ts";
import { openPrimes } from "../../bench/limit/prime_generation.ts";
import * as atomicCounter from "./primes_atomic_counter.ts";
import * as bitmap from "./primes_bitmap.ts";
import * as pool from "./primes_pool.ts";
import * as queue from "./primes_queue.ts";
import * as queueFeeder from "./primes_queue_feeder.ts";
import * as serial from "./primes_serial.ts";
import * as sieve from "./primes_sieve.ts";
import * as wasm from "./primes_wasm.ts";

interface Experiment {
  run(): unknown;
  primes(): Uint32Array;
  close?(): unknown;
}

type Open = (from: number, to: number) => Experiment | null | Promise<Experiment | null>;

const withWorkers: Record<string, (from: number, to: number, workers: number) => Promise<Experiment>> = {
  pool: (from, to, workers) => pool.experiment(from, to, { workers, chunk: 77 }),
  pool_shuffled: (from, to, workers) => pool.experiment(from, to, { workers, chunk: 77, order: "shuffled" }),
  queue: (from, to, workers) => queue.experiment(from, to, { workers }),
  queue_less_work: (from, to, workers) => queue.experiment(from, to, { workers, lessWork: true }),
  queue_feeder: (from, to, workers) => queueFeeder.experiment(from, to, { workers, ahead: 7 }),
  atomic_counter: (from, to, workers) => atomicCounter.experiment(from, to, { workers, chunk: 77 }),
  bitmap_atomic: (from, to, workers) => bitmap.experiment(from, to, { workers, chunk: 1, write: "atomic" }),
  bitmap_aligned: (from, to, workers) => bitmap.experiment(from, to, { workers, chunk: 1, write: "aligned" }),
  wasm: (from, to, workers) => wasm.experiment(from, to, { workers, chunk: 77 }),
};

const onOneThread: Record<string, Open> = {
  serial: serial.experiment,
  sieve: sieve.experiment,
  c: (from, to) => openPrimes(from, to, "primes"),
  c_openmp: (from, to) => openPrimes(from, to, "primes", { openmp: true }),
  c_by_inverses: (from, to) => openPrimes(from, to, "primes_by_inverses"),
  c_by_inverses_openmp: (from, to) => openPrimes(from, to, "primes_by_inverses", { openmp: true }),
};

/** The oracle: the sieve of Eratosthenes over all numbers from zero, with nothing left out or clever. */
function sieveFromZero(to: number): Uint8Array {
  const prime = new Uint8Array(to).fill(1);
  prime.fill(0, 0, 2);
  for (let p = 2; p * p < to; p++) if (prime[p]) { for (let n = p * p; n < to; n += p) prime[n] = 0; }
  return prime;
}

const prime = sieveFromZero(101_000_000);
const primesBetween = (from: number, to: number) =>
  Uint32Array.from({ length: to - from }, (_, i) => from + i).filter((n) => prime[n]);

// From nothing, about the sizes at which something changes, and the book's; no length divides evenly among workers.
const ranges = [[0, 0], [1, 20], [0, 2000], [17_000, 17_501], [100_000_000, 100_002_003]];
const moreRanges = [[0, 1], [0, 3], [2, 3], [9, 10], [400, 1301], [129 ** 2, 131 ** 2 + 1], [1_000_003, 1_010_700]];

async function primesOf(open: Open, from: number, to: number): Promise<Uint32Array> {
  const experiment = (await open(from, to))!;
  try {
    await experiment.run();
    const first = experiment.primes();
    // A second run starts afresh.
    await experiment.run();
    assertEquals(experiment.primes(), first);
    return first;
  } finally {
    await experiment.close?.();
  }
}

for (const [name, open] of Object.entries(onOneThread)) {
  Deno.test(`${name}: the primes of every range are those of a sieve over all numbers`, async () => {
    for (const [from, to] of [...ranges, ...moreRanges]) {
      assertEquals(await primesOf(open, from, to), primesBetween(from, to));
    }
  });
}

for (const [name, open] of Object.entries(withWorkers)) {
  Deno.test(`${name}: the same primes as the sieve's, however many workers, and whether they share out evenly or not`, async () => {
    for (const [from, to] of ranges) {
      const opened = (from: number, to: number) => open(from, to, 3);
      assertEquals(await primesOf(opened, from, to), primesBetween(from, to), `${from} to ${to}`);
    }
    for (const workers of [1, 8]) {
      const opened = (from: number, to: number) => open(from, to, workers);
      assertEquals(await primesOf(opened, 1_000_000, 1_005_001), primesBetween(1_000_000, 1_005_001), `${workers}`);
    }
  });
}

Deno.test("the book's million numbers hold 54,208 primes, from 100,000,007 to 100,999,993", async () => {
  const expected = primesBetween(100_000_000, 101_000_000);
  assertEquals([expected.length, expected[0], expected.at(-1)], [54_208, 100_000_007, 100_999_993]);
  const opens: Open[] = [sieve.experiment, (from, to) => wasm.experiment(from, to), onOneThread.c_by_inverses_openmp];
  for (const open of opens) assertEquals(await primesOf(open, 100_000_000, 101_000_000), expected);
});

Deno.test("trial division holds up to the largest numbers that are allowed", async () => {
  // 2^31 - 1 is a prime of Mersenne's; 46337 is the largest prime below the root of 2^31.
  assert(serial.checkPrime(2 ** 31 - 1));
  assert(!serial.checkPrime(46337 ** 2));
  // The products with inverses have no room beyond a third of 2^32.
  const to = Math.floor(2 ** 32 / 3), { run, primes } = serial.experiment(to - 3000, to);
  run();
  for (const open of [(from: number, to: number) => withWorkers.wasm(from, to, 2), onOneThread.c_by_inverses]) {
    assertEquals(await primesOf(open, to - 3000, to), primes());
  }
  await assertRejects(() => wasm.experiment(to - 3000, to + 1), RangeError, "must be from 0 to 2^32 / 3");
  assertThrows(() => serial.checkPrime(2 ** 31), RangeError, "2147483648: must be a whole number");
});

Deno.test("every chunk size gives the same primes: one number, one too many, all of them", async () => {
  const [from, to] = [100_000_000, 100_000_500], expected = primesBetween(from, to);
  const ways = [
    await pool.experiment(from, to, { workers: 2 }),
    await atomicCounter.experiment(from, to, { workers: 2 }),
  ];
  try {
    for (const chunk of [1, 2, 7, 250, 251, 499, 500, 501, 100_000]) {
      for (const { run, primes } of ways) {
        await run(chunk);
        assertEquals(primes(), expected, `chunks of ${chunk}`);
      }
    }
  } finally {
    for (const { close } of ways) await close();
  }
});

for (const name of Object.keys(withWorkers).filter((name) => name !== "wasm")) {
  Deno.test(`${name}: what a worker throws arrives as the cause, and closing ends all workers`, async () => {
    // The last numbers are beyond what checkPrime takes.
    const { run, close } = await withWorkers[name](2 ** 31 - 99, 2 ** 31 + 9, 3);
    for (let i = 0; i < 2; i++) {
      const error = await assertRejects(async () => await run(), Error, "a worker failed");
      assertInstanceOf(error.cause, RangeError);
      assert(/^21474836\d\d: must be a whole number from 0 to 2\^31 - 1$/.test(error.cause.message));
    }
    await close!();
  });
}

Deno.test("from a queue that the caller fills, no prime arrives before the last number is posted", async () => {
  const { run, firstAfter, close } = await queue.experiment(100_000_000, 100_005_000, { workers: 2 });
  try {
    const start = performance.now();
    // The call returns when all has been posted.
    const running = run();
    const posted = performance.now() - start;
    assert(Number.isNaN(firstAfter()));
    await running;
    assert(firstAfter() >= posted, `${firstAfter()} ms, posted after ${posted} ms`);
  } finally {
    await close();
  }
});

const root = new URL("../../", import.meta.url);
const scripts = ["pool", "queue", "queue_feeder", "atomic_counter", "bitmap", "wasm"];

async function commandOf(name: string): Promise<string> {
  return parseHeader(await Deno.readTextFile(new URL(`primes_${name}.ts`, import.meta.url))).run;
}

Deno.test("scripts refuse what is no number of workers, no chunk and no way to write", async () => {
  const refused = async (name: string, flag: string, value: string, allowed: string) => {
    const { code, stdout, stderr } = await runScript(await commandOf(name), {
      cwd: root,
      more: [`--${flag}=${value}`],
    });
    assertEquals([code, stdout, stderr], [2, "", `error: --${flag} ${value}: must be ${allowed}\n`], name);
  };
  const workers = "a whole number from 1 to 64", chunk = "a whole number from 1 to 1000000";
  await Promise.all(scripts.map((name, i) => refused(name, "workers", ["0", "-1", "1000", "two"][i % 4], workers)));
  for (const value of ["0", "-1", "1000", "text", "1.5"]) await refused("pool", "workers", value, workers);
  await Promise.all(["pool", "atomic_counter", "bitmap", "wasm"].map((name, i) => {
    return refused(name, "chunk", ["0", "-5", "1000001", "many"][i], chunk);
  }));
  await refused("bitmap", "write", "plain", "atomic or aligned");
  const { code, stderr } = await runScript(await commandOf("queue"), { cwd: root, more: ["--chunk", "5"] });
  assertEquals([code, stderr], [2, "error: --chunk: there is only --workers, --less-work and --help\n"]);
});

Deno.test({
  name: "Ctrl-C ends a script with all its workers",
  ignore: Deno.build.os === "windows",
  async fn() {
    for (const name of ["pool", "queue_feeder", "atomic_counter", "wasm"]) {
      // More numbers than will ever be done, and a word when the workers are at it.
      const script = `const { experiment } = await import("./ch10/prime_generation/primes_${name}.ts");
        const { run } = await experiment(1_200_000_000, 1_220_000_000, { workers: 3 });
        const running = run();
        console.log("running");
        await running;`;
      await using child = new Deno.Command(Deno.execPath(), {
        args: ["eval", script],
        cwd: root,
        stdin: "null",
        stdout: "piped",
        stderr: "null",
      }).spawn();
      const reader = child.stdout.getReader();
      const { value } = await reader.read();
      assertEquals(new TextDecoder().decode(value), "running\n", name);
      child.kill("SIGINT");
      const { signal } = await child.status;
      assertEquals(signal, "SIGINT", name);
      // The end of its output is the end of all that could still write.
      assertEquals(await reader.read(), { value: undefined, done: true });
    }
  },
});
