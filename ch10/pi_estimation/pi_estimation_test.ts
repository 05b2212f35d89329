import { assert, assertEquals, assertMatch, assertNotEquals, assertRejects } from "@std/assert";
import { childrenOf, isRunning, mustEnd } from "../../bench/lib/processes.ts";
import { parseHeader, runScript } from "../../bench/lib/script.ts";
import { openPi } from "../../bench/limit/pi.ts";
import * as arrays from "./pi_arrays.ts";
import * as loop from "./pi_loop.ts";
import * as objects from "./pi_objects.ts";
import * as processes from "./pi_processes.ts";
import * as promises from "./pi_promises.ts";
import * as sameSeed from "./pi_same_seed.ts";
import * as typedArrays from "./pi_typed_arrays.ts";
import * as wasmSimd from "./pi_wasm_simd.ts";
import * as wasmWorkers from "./pi_wasm_workers.ts";
import * as workers from "./pi_workers.ts";

interface Count {
  inside: number;
  darts: number;
}

interface Experiment {
  run(): Count | Promise<Count>;
  close?(): unknown;
}

interface Options {
  darts: number;
  workers?: number;
  seed?: number;
}

type Open = (options: Options) => Experiment | null | Promise<Experiment | null>;

const block = 2 ** 16;
const cwd = new URL("../../", import.meta.url);

const alone: Record<string, Open> = {
  objects: objects.experiment,
  arrays: arrays.experiment,
  typed_arrays: typedArrays.experiment,
  wasm_simd: wasmSimd.experiment,
};

const together: Record<string, Open> = {
  promises: promises.experiment,
  workers: workers.experiment,
  processes: processes.experiment,
  wasm_workers: wasmWorkers.experiment,
};

const native: Record<string, Open> = {
  c: (options) => openPi(options, "pi"),
  c_openmp: (options) => openPi(options, "pi", { openmp: true }),
  c_vectors: (options) => openPi(options, "pi_vectors"),
  c_vectors_openmp: (options) => openPi(options, "pi_vectors", { openmp: true }),
};

/** What an experiment finds; a second run must find the same. Null where the machine lacks what it needs. */
async function inside(open: Open, options: Options): Promise<number | null> {
  const experiment = await open(options);
  if (!experiment) return null;
  try {
    const { inside, darts } = await experiment.run();
    assertEquals(darts, options.darts);
    assertEquals((await experiment.run()).inside, inside, "a second run");
    return inside;
  } finally {
    await experiment.close?.();
  }
}

const plainly = ({ darts, seed }: Options) => loop.experiment({ darts, seed }).run().inside;

// The generator once more, on whole numbers of any size; its steps as a matrix over the field of two elements: 128
// columns of 128 bits, first word lowest. Its powers know nothing of the polynomial by which the scripts jump.
const low = (x: bigint) => x & 0xffffffffn;
const turn = (x: bigint, by: bigint) => low(x << by) | x >> 32n - by;
const words = (state: bigint) => [0n, 32n, 64n, 96n].map((at) => low(state >> at));
const join = (words: bigint[]) => words.reduce((state, word, w) => state | word << BigInt(32 * w), 0n);

function step(state: bigint): bigint {
  const [a, b, c, d] = words(state);
  return join([a ^ d ^ b, b ^ c ^ a, c ^ a ^ low(b << 9n), turn(d ^ b, 11n)]);
}

function output(state: bigint): bigint {
  const [a, , , d] = words(state);
  return low(turn(low(a + d), 7n) + a);
}

type Matrix = bigint[];

const stepMatrix: Matrix = Array.from({ length: 128 }, (_, bit) => step(1n << BigInt(bit)));

function apply(matrix: Matrix, state: bigint): bigint {
  let sum = 0n;
  for (let bit = 0; state; bit++, state >>= 1n) if (state & 1n) sum ^= matrix[bit];
  return sum;
}

const times = (left: Matrix, right: Matrix): Matrix => right.map((column) => apply(left, column));

/** The state so many steps on. */
function ahead(state: bigint, steps: bigint): bigint {
  for (let power = stepMatrix; steps; steps >>= 1n, power = times(power, power)) {
    if (steps & 1n) state = apply(power, state);
  }
  return state;
}

const toBigInt = (state: Int32Array) => join(Array.from(state, (word) => BigInt(word >>> 0)));

Deno.test("the generator's first numbers are those that its authors' own code gives", () => {
  const state = Int32Array.of(1, 2, 3, 4);
  assertEquals(
    Array.from({ length: 10 }, () => loop.next(state)),
    [641, 1573767, 3222811527, 3517856514, 836907274, 4247214768, 3867114732, 1355841295, 495546011, 621204420],
  );
});

Deno.test("a power of the matrix of one step is as many steps", () => {
  const start = toBigInt(loop.firstStream(3));
  for (const steps of [0, 1, 2, 37, 1000, 4097]) {
    let state = start;
    for (let i = 0; i < steps; i++) state = step(state);
    assertEquals(ahead(start, BigInt(steps)), state, `${steps} steps`);
  }
});

Deno.test("a jump is 2^64 steps, and leaves the state it started from as it was", () => {
  for (const words of [[1, 2, 3, 4], [0, 0, 0, 1], [-1, 0x7fffffff, 5, -12345], [...loop.firstStream(10)]]) {
    const state = Int32Array.from(words);
    assertEquals(toBigInt(loop.jump(state)), ahead(toBigInt(state), 2n ** 64n));
    assertEquals([...state], words);
  }
});

Deno.test("the plain loop counts what exact arithmetic does, over the edge of a block too", () => {
  for (const [seed, darts] of [[10, 1], [0, 1000], [2 ** 32 - 1, 1000], [7, block + 500]]) {
    let count = 0;
    const first = ahead(join([BigInt(seed), 0x243f6a88n, 0x85a308d3n, 0x13198a2en]), 2n ** 64n);
    for (let k = 0; k * block < darts; k++) {
      let state = ahead(first, BigInt(k) * 2n ** 64n);
      for (let i = 0; i < Math.min(block, darts - k * block); i++) {
        const x = output(state) >> 1n, y = output(state = step(state)) >> 1n;
        state = step(state);
        if (x * x + y * y <= 2n ** 62n) count++;
      }
    }
    assertEquals(plainly({ darts, seed }), count, `seed ${seed}, ${darts} darts`);
  }
});

// A part of a block, whole blocks, whole groups of eight blocks, and one dart more or fewer.
const sizes = [0, 1, 1001, block - 1, block, block + 1, 8 * block - 1, 8 * block, 8 * block + 1, 1_234_567];

for (const [name, open] of Object.entries({ ...alone, ...native })) {
  Deno.test(`${name}: the count is that of the plain loop to the last dart, for any number of darts and any seed`, async () => {
    for (const darts of sizes) {
      for (const seed of darts < 1e5 ? [10, 0, 2 ** 32 - 1] : [10]) {
        const count = await inside(open, { darts, seed });
        if (count !== null) assertEquals(count, plainly({ darts, seed }), `${darts} darts, seed ${seed}`);
      }
    }
  });
}

for (const [name, open] of Object.entries(together)) {
  Deno.test(`${name}: the count is that of the plain loop, however many share the darts`, async () => {
    for (const [many, darts] of [[1, 600_001], [2, 8 * block + 1], [3, 1_234_567], [5, 2 * block + 1], [7, 0]]) {
      const count = await inside(open, { darts, workers: many });
      assertEquals(count, plainly({ darts }), `${darts} darts by ${many}`);
    }
    assertEquals(await inside(open, { darts: 1000, workers: 2, seed: 3 }), plainly({ darts: 1000, seed: 3 }));
  });
}

Deno.test("estimates of many seeds scatter about pi as theory says", () => {
  const darts = 2000, repeats = 1000, hits = new Set<number>();
  const estimates = Array.from({ length: repeats }, (_, seed) => {
    const count = plainly({ darts, seed });
    hits.add(count);
    return 4 * count / darts;
  });
  const mean = estimates.reduce((sum, x) => sum + x, 0) / repeats, theory = Math.PI * (4 - Math.PI) / darts;
  assert(Math.abs(mean - Math.PI) < 4 * Math.sqrt(theory / repeats), `mean ${mean}`);
  const ratio = sameSeed.variance(estimates) / theory;
  assert(Math.abs(ratio - 1) < 4 * Math.sqrt(2 / repeats), `variance ${ratio} times the theory's`);
  assert(hits.size > 100, `only ${hits.size} different counts`);
});

Deno.test("streams of one seed do not follow each other's darts", () => {
  const darts = 2000, counts: number[] = [];
  for (let k = 0, stream = loop.firstStream(1); k < 500; k++, stream = loop.jump(stream)) {
    const state = stream.slice();
    let count = 0;
    for (let i = 0; i < darts; i++) {
      const x = (loop.next(state) >>> 1) / 2 ** 31, y = (loop.next(state) >>> 1) / 2 ** 31;
      if (x * x + y * y <= 1) count++;
    }
    counts.push(4 * count / darts);
  }
  // Neighbours are uncorrelated.
  let product = 0;
  for (let k = 1; k < counts.length; k++) product += (counts[k] - Math.PI) * (counts[k - 1] - Math.PI);
  const correlation = product / counts.length / sameSeed.variance(counts);
  assert(Math.abs(correlation) < 4 / Math.sqrt(counts.length), `correlation ${correlation}`);
});

Deno.test("with the same seed in each, four workers find exactly what one finds, and four times the variance", async () => {
  const options = { repeats: 1000, darts: 200 };
  const own = await sameSeed.experiment({ same: false, ...options });
  const same = await sameSeed.experiment({ same: true, ...options });
  assertEquals(same, await sameSeed.experiment({ same: true, workers: 1, ...options }));
  assertNotEquals(own, same);
  const ratio = sameSeed.variance(same) / sameSeed.variance(own);
  assert(ratio > 3 && ratio < 5, `${ratio} times the variance`);
});

Deno.test("under --seed Math.random gives the same numbers in every worker, and without it others", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const side = "self.postMessage(Math.random()); self.close();";
    await Deno.writeTextFile(
      `${folder}/workers.ts`,
      `for (let i = 0; i < 2; i++) {
        const worker = new Worker("data:application/javascript,${encodeURIComponent(side)}", { type: "module" });
        console.log(await new Promise((answer) => worker.onmessage = ({ data }) => answer(data)));
      }`,
    );
    for (const [flag, different] of [["--seed=7", 1], ["--quiet", 2]]) {
      const { code, stdout, stderr } = await runScript(`deno run ${flag} workers.ts`, { cwd: folder });
      assertEquals(code, 0, stderr);
      assertEquals(new Set(stdout.trim().split("\n")).size, different, stdout);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("what a worker throws rejects the run, ends the others, and says why", async () => {
  const seed = 1n as unknown as number;
  const { run, close } = await workers.experiment({ darts: 3 * block, workers: 3, seed });
  await assertRejects(run, Error, "a worker failed: Cannot convert a BigInt value to a number");
  await assertRejects(run, Error, "the workers have been ended");
  await close();
});

const linux = Deno.build.os === "linux";
Deno.test({
  name: "a process that is killed rejects the run, and none of the others is left",
  ignore: !linux,
  async fn() {
    const { run, pids, close } = await processes.experiment({ darts: 1e6, workers: 3 });
    assertEquals(await Promise.all(pids.map(isRunning)), [true, true, true]);
    Deno.kill(pids[1], "SIGKILL");
    await assertRejects(run, Error, "a process ended with exit code 137");
    await close();
    await Promise.all(pids.map(mustEnd));
  },
});

for (const signal of ["SIGINT", "SIGKILL"] as const) {
  Deno.test({
    name: `when the script gets ${signal} in the middle, no process is left`,
    ignore: !linux,
    async fn() {
      const file = new URL("pi_processes.ts", import.meta.url).pathname;
      const child = new Deno.Command(Deno.execPath(), {
        args: ["run", "--quiet", "--no-prompt", "--allow-run=deno", file, "--workers=4"],
        cwd,
        stdout: "null",
        stderr: "null",
      }).spawn();
      let pids: number[] = [];
      for (let i = 0; i < 600 && pids.length < 4; i++) {
        await new Promise((next) => setTimeout(next, 10));
        pids = await childrenOf(child.pid);
      }
      assertEquals(pids.length, 4);
      child.kill(signal);
      await child.status;
      await Promise.all(pids.map(mustEnd));
    },
  });
}

Deno.test("without a deno on the PATH pi_processes says so, and exits with code 2", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const { run } = parseHeader(await Deno.readTextFile(new URL("pi_processes.ts", import.meta.url)));
    const { code, stderr } = await runScript(run, { cwd, env: { PATH: folder } });
    assertEquals(code, 2, stderr);
    assertMatch(stderr, /error: no deno on the PATH, .*\n$/);
  } finally {
    await Deno.remove(folder);
  }
});

for (const name of ["pi_workers", "pi_processes", "pi_wasm_workers"]) {
  Deno.test(`${name} refuses what is no number of workers`, async () => {
    const { run } = parseHeader(await Deno.readTextFile(new URL(`${name}.ts`, import.meta.url)));
    await Promise.all(["0", "-1", "1000", "2.5", "two"].map(async (value) => {
      const { code, stdout, stderr } = await runScript(run, { cwd, more: [`--workers=${value}`] });
      assertEquals([code, stdout], [2, ""]);
      assertEquals(stderr, `error: --workers ${value}: must be a whole number from 1 to 64\n`);
    }));
    const { code, stderr } = await runScript(run, { cwd, more: ["--worker=2"] });
    assertEquals([code, stderr], [2, "error: --worker=2: there is only --workers and --help\n"]);
  });
}
