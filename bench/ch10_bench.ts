/**
 * `deno bench` over chapter 10: the same functions as in its compares. The baseline of each group is one core.
 * `deno task bench` gives the permissions below; a plain `deno bench` asks for none and leaves out what needs them.
 *
 * @run deno bench --allow-read=. --allow-run=cc --allow-write=results --allow-ffi=results --allow-env=CI bench/ch10_bench.ts
 * @takes 40 s
 */

import { counts } from "../ch10/locking/integer_count.ts";
import { count as countWithMutex, Mutex } from "../ch10/locking/integer_mutex.ts";
import * as arrays from "../ch10/pi_estimation/pi_arrays.ts";
import * as loop from "../ch10/pi_estimation/pi_loop.ts";
import * as objects from "../ch10/pi_estimation/pi_objects.ts";
import * as typedArrays from "../ch10/pi_estimation/pi_typed_arrays.ts";
import * as wasmSimd from "../ch10/pi_estimation/pi_wasm_simd.ts";
import * as wasmWorkers from "../ch10/pi_estimation/pi_wasm_workers.ts";
import * as workers from "../ch10/pi_estimation/pi_workers.ts";
import * as atomicCounter from "../ch10/prime_generation/primes_atomic_counter.ts";
import * as pool from "../ch10/prime_generation/primes_pool.ts";
import * as queue from "../ch10/prime_generation/primes_queue.ts";
import * as serial from "../ch10/prime_generation/primes_serial.ts";
import * as sieve from "../ch10/prime_generation/primes_sieve.ts";
import * as wasm from "../ch10/prime_generation/primes_wasm.ts";
import { group, permissions } from "./lib/bench.ts";
import { openPi } from "./limit/pi.ts";
import { openPrimes } from "./limit/prime_generation.ts";

interface Experiment {
  run(): unknown;
  close?(): unknown;
}

const may = await permissions();
const open: Experiment[] = [];

/** The runs of some experiments, of which those that this run may not have are null. */
async function runs(experiments: Record<string, Promise<Experiment | null> | Experiment | null | false>) {
  const found: Record<string, () => unknown> = {};
  for (const [name, promised] of Object.entries(experiments)) {
    const experiment = await promised;
    if (!experiment) continue;
    open.push(experiment);
    found[name] = experiment.run;
  }
  return found;
}

const darts = 1_000_000;
await group(
  `${darts} darts at a circle`,
  await runs({
    c: may.c && openPi({ darts }, "pi_vectors"),
    c_openmp: may.c && openPi({ darts }, "pi_vectors", { openmp: true }),
    objects: objects.experiment({ darts }),
    arrays: arrays.experiment({ darts }),
    typed_arrays: typedArrays.experiment({ darts }),
    loop: loop.experiment({ darts }),
    workers: may.workers && workers.experiment({ darts }),
    wasm_simd: may.assemblyscript && wasmSimd.experiment({ darts }),
    wasm_workers: may.workers && may.assemblyscript && wasmWorkers.experiment({ darts }),
  }),
  "loop",
);

const from = 100_000_000, to = from + 10_000;
await group(
  "the primes among 10,000 numbers from 100,000,000",
  await runs({
    c_openmp: may.c && openPrimes(from, to, "primes", { openmp: true }),
    serial: serial.experiment(from, to),
    sieve: sieve.experiment(from, to),
    queue: may.workers && queue.experiment(from, to),
    pool: may.workers && pool.experiment(from, to),
    atomic_counter: may.workers && atomicCounter.experiment(from, to),
    wasm: may.workers && may.assemblyscript && wasm.experiment(from, to),
  }),
  "serial",
);

const words = () => new Int32Array(new SharedArrayBuffer(64));
const [plain, atomic, locked] = [words(), words(), words()], mutex = new Mutex(words(), 1);
await group("1,000 increments of a shared integer that nobody else wants", {
  unlocked: () => counts.plain(plain, 1000),
  atomic: () => counts.atomic(atomic, 1000),
  mutex: () => countWithMutex(locked, mutex, 1000),
}, "unlocked");

// Workers sleep until they are told to go.
addEventListener("unload", () => {
  for (const experiment of open) experiment.close?.();
});
