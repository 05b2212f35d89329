/**
 * The primes from 100,000,000 on, on all cores: pool, queues, a counter and a bitmap in shared memory, Wasm; and a sieve.
 *
 * @original 10_multiprocessing/prime_generation/
 * @run deno run --allow-read=. --allow-write=results --allow-run=cc --allow-ffi=results --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch10/prime_generation/compare.ts
 * @takes 12 s
 */

import { barChart, palette } from "../../bench/lib/chart.ts";
import { compare, type Prepared } from "../../bench/lib/compare.ts";
import { formatRatio } from "../../bench/lib/table.ts";
import { missingCompiler } from "../../bench/limit/limit.ts";
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

const first = 100_000_000;

function variant(open: (from: number, to: number) => Experiment | null | Promise<Experiment | null>) {
  return async (count: number): Promise<Prepared | null> => {
    const experiment = await open(first, first + count);
    return experiment && {
      call: () => experiment.run(),
      answer: experiment.primes,
      close: async () => void await experiment.close?.(),
    };
  };
}

/** The same in C: a division for each divisor, and products with inverses as primes_wasm has them. */
const limits = {
  c: variant((from, to) => openPrimes(from, to, "primes")),
  c_openmp: variant((from, to) => openPrimes(from, to, "primes", { openmp: true })),
  c_by_inverses_openmp: variant((from, to) => openPrimes(from, to, "primes_by_inverses", { openmp: true })),
};

// The colours of the chart: native, WebAssembly, another algorithm, TypeScript.
const color = (name: string) => palette[name in limits ? 9 : name.startsWith("wasm") ? 1 : name === "sieve" ? 2 : 0];

export async function run(args: readonly string[]) {
  const cores = navigator.hardwareConcurrency;
  return await compare({
    chapter: "ch10",
    topic: "prime_generation",
    question: "How do many small and uneven pieces of work get shared out among cores?",
    variants: {
      serial: variant(serial.experiment),
      pool_one_worker: variant((from, to) => pool.experiment(from, to, { workers: 1 })),
      pool: variant(pool.experiment),
      queue: variant(queue.experiment),
      queue_less_work: variant((from, to) => queue.experiment(from, to, { lessWork: true })),
      queue_feeder: variant(queueFeeder.experiment),
      atomic_counter: variant(atomicCounter.experiment),
      bitmap_atomic: variant((from, to) => bitmap.experiment(from, to, { write: "atomic" })),
      bitmap_aligned: variant((from, to) => bitmap.experiment(from, to, { write: "aligned" })),
      wasm_one_worker: variant((from, to) => wasm.experiment(from, to, { workers: 1 })),
      wasm: variant(wasm.experiment),
      sieve: variant(sieve.experiment),
      ...limits,
    },
    sizes: { quick: [50_000], full: [1_000_000], min: 1, max: 10_000_000 },
    headline: 1_000_000,
    // The same numbers in the same order; the sieve finds them in another way.
    agree: { with: "sieve", within: 0 },
    baseline: "serial",
    limits: ["c", "c_openmp", "c_by_inverses_openmp"],
    unit: { per: "range", label: (count) => `${count.toLocaleString("en-US")} numbers` },
    budget: { quick: 0.1, full: 3 },
    needs: Object.fromEntries(Object.keys(limits).map((name) => [name, missingCompiler])),
    charts: (readings) => ({
      prime_generation: barChart({
        title: `Primes among ${
          readings.headline.toLocaleString("en-US")
        } numbers on ${cores} cores: times as fast as one`,
        x: {
          title: "times as fast (blue: TypeScript; orange: WebAssembly; green: a sieve on one core; grey: C)",
          log: true,
        },
        bars: readings.names.map((name) => ({ name, value: readings.ratio("serial", name), color: color(name) })),
        text: formatRatio,
      }),
    }),
    claims: (readings) => {
      const gain = (name: string, over = "serial") => readings.ratio(over, name);
      const as = (name: string, over?: string) => `${formatRatio(gain(name, over))} on ${cores} cores`;
      return [
        {
          claim: "a pool with chunks reaches 0.9 of the number of cores over its own single worker",
          held: gain("pool", "pool_one_worker") >= 0.9 * cores,
          evidence: `${as("pool", "pool_one_worker")}; C with OpenMP ${as("c_openmp", "c")}`,
        },
        {
          claim: "WebAssembly reaches 0.9 of the number of cores over its own single worker",
          held: gain("wasm", "wasm_one_worker") >= 0.9 * cores,
          evidence: as("wasm", "wasm_one_worker"),
        },
        {
          claim: "one number a message is slower than one core alone",
          held: gain("queue") < 1,
          evidence: `${as("queue")}; ${formatRatio(gain("queue_less_work", "queue"))} that with less work sent`,
        },
        {
          claim: "a feeder does not make the queue twice as fast or half as fast",
          held: Math.abs(Math.log2(gain("queue_feeder", "queue"))) < 1,
          evidence: `${formatRatio(gain("queue_feeder", "queue"))} of the queue that the caller fills`,
        },
        {
          claim: "the sieve on one core beats every trial division on all",
          held: readings.names.every((name) => name === "sieve" || !(gain("sieve", name) < 1)),
          evidence: `${formatRatio(gain("sieve", "wasm"))} as fast as wasm on ${cores} cores`,
        },
      ];
    },
    answer: (readings) => {
      const gain = (name: string) => formatRatio(readings.ratio("serial", name));
      return `On ${cores} cores against one: by chunks in messages ${gain("pool")} as fast, by a shared counter ` +
        `${gain("atomic_counter")}, into a shared bitmap ${gain("bitmap_aligned")}; by single numbers in messages ` +
        `${gain("queue")}, without the obvious ones ${gain("queue_less_work")}; in WebAssembly ${
          gain("wasm")
        }; and by ` +
        `a sieve, on one core, ${gain("sieve")}.`;
    },
  }, args);
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
