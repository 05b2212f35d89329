/**
 * Pi by darts by all techniques: objects, arrays, a plain loop, SIMD, and the cores by promises, workers and processes.
 *
 * @original 10_multiprocessing/pi_estimation/
 * @run deno run --allow-read=. --allow-write=results --allow-run=cc,deno --allow-ffi=results --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch10/pi_estimation/compare.ts
 * @takes 10 s
 */

import { barChart, palette } from "../../bench/lib/chart.ts";
import { compare, type Prepared } from "../../bench/lib/compare.ts";
import { formatRatio } from "../../bench/lib/table.ts";
import { missingCompiler } from "../../bench/limit/limit.ts";
import { openPi } from "../../bench/limit/pi.ts";
import * as arrays from "./pi_arrays.ts";
import * as loop from "./pi_loop.ts";
import * as objects from "./pi_objects.ts";
import * as processes from "./pi_processes.ts";
import * as promises from "./pi_promises.ts";
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

type Open = (options: { darts: number }) => Experiment | null | Promise<Experiment | null>;

function variant(open: Open) {
  return async (darts: number): Promise<Prepared | null> => {
    const experiment = await open({ darts });
    if (!experiment) return null;
    let count: Count;
    return {
      // Not an async function: what runs on this thread alone should not be charged for a promise.
      call() {
        const result = experiment.run();
        return result instanceof Promise ? result.then((awaited) => count = awaited) : count = result;
      },
      answer() {
        const estimate = 4 * count.inside / darts, deviation = Math.sqrt(Math.PI * (4 - Math.PI) / darts);
        if (Math.abs(estimate - Math.PI) > 5 * deviation) throw new Error(`of ${darts} darts, ${count.inside} hit`);
        return count.inside;
      },
      close: async () => void await experiment.close?.(),
    };
  };
}

/** Null where there is no deno on the PATH. */
async function openProcesses(options: { darts: number }) {
  try {
    return await processes.experiment(options);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

const limits = {
  c: variant((options) => openPi(options, "pi")),
  c_vectors: variant((options) => openPi(options, "pi_vectors")),
  c_openmp: variant((options) => openPi(options, "pi", { openmp: true })),
  c_vectors_openmp: variant((options) => openPi(options, "pi_vectors", { openmp: true })),
};

// The colours of the chart: native, WebAssembly, TypeScript.
const color = (name: string) => palette[name in limits ? 9 : name.startsWith("wasm") ? 1 : 0];

export async function run(args: readonly string[]) {
  const cores = navigator.hardwareConcurrency;
  return await compare({
    chapter: "ch10",
    topic: "pi_estimation",
    question: "How is work that needs the processor alone made faster, on one core and on all?",
    variants: {
      objects: variant(objects.experiment),
      arrays: variant(arrays.experiment),
      typed_arrays: variant(typedArrays.experiment),
      loop: variant(loop.experiment),
      promises: variant(promises.experiment),
      workers: variant(workers.experiment),
      processes: variant(openProcesses),
      wasm_simd: variant(wasmSimd.experiment),
      wasm_workers: variant(wasmWorkers.experiment),
      ...limits,
    },
    sizes: { quick: [2e6], full: [4e6, 4e7, 4e8], min: 1000, max: 1e10 },
    headline: 4e7,
    // The same darts, and so the same count.
    agree: { with: "loop", within: 0 },
    baseline: "loop",
    limits: ["c", "c_vectors", "c_vectors_openmp"],
    unit: { per: "dart", count: (darts) => darts, label: (darts) => `${darts.toExponential().replace("+", "")} darts` },
    budget: { quick: 0.1, full: 1 },
    tooSlow: (name, darts) => darts > 1e8 && ["objects", "arrays", "typed_arrays"].includes(name),
    needs: {
      processes: { name: "deno on the PATH, for child processes", remedy: "run this by `deno task` or `npx deno`" },
      ...Object.fromEntries(Object.keys(limits).map((name) => [name, missingCompiler])),
    },
    charts: (readings) => ({
      pi_estimation: barChart({
        title: `Pi by ${readings.headline.toExponential().replace("+", "")} darts: times as fast as a plain loop`,
        x: { title: `times as fast, ${cores} cores (blue: TypeScript; orange: WebAssembly; grey: C)`, log: true },
        bars: readings.names.map((name) => ({ name, value: readings.ratio("loop", name), color: color(name) })),
        text: formatRatio,
      }),
    }),
    claims: (readings) => {
      const ratio = (slower: string, faster: string) => readings.ratio(slower, faster);
      const enough = 0.8 * cores;
      return [
        {
          claim: "an object for each dart costs five times the loop's time or more",
          held: ratio("objects", "loop") >= 5,
          evidence: `${formatRatio(ratio("objects", "loop"))} the time; two arrays ${
            formatRatio(ratio("arrays", "loop"))
          }, typed arrays ${formatRatio(ratio("typed_arrays", "loop"))}`,
        },
        {
          claim: "promises on one thread are no faster than the loop (by 15 % at most)",
          held: ratio("loop", "promises") <= 1.15,
          evidence: `${ratio("loop", "promises").toFixed(2)} times as fast`,
        },
        {
          claim: `workers on ${cores} cores are ${enough.toFixed(1)} times as fast as one thread, or more`,
          held: ratio("loop", "workers") >= enough && ratio("wasm_simd", "wasm_workers") >= enough,
          evidence: `TypeScript ${ratio("loop", "workers").toFixed(2)}, WebAssembly ${
            ratio("wasm_simd", "wasm_workers").toFixed(2)
          }`,
        },
        {
          claim: "once they run, processes are as fast as workers (within 15 %)",
          held: Math.abs(Math.log(ratio("workers", "processes"))) <= Math.log(1.15),
          evidence: `${ratio("workers", "processes").toFixed(2)} times as fast`,
        },
        ...readings.get("c_vectors")
          ? [{
            claim: "WebAssembly with SIMD is faster than the plain loop in C, and reaches 0.4 of C on vectors",
            held: ratio("c", "wasm_simd") > 1 && ratio("c_vectors", "wasm_simd") >= 0.4,
            evidence: `${formatRatio(ratio("c", "wasm_simd"))} as fast as C's loop, ${
              ratio("c_vectors", "wasm_simd").toFixed(2)
            } of C on vectors, which are two to four times as long where the processor has AVX`,
          }]
          : [],
      ];
    },
    answer: (readings) => {
      const gain = (name: string) => formatRatio(readings.ratio("loop", name));
      return `Against a plain loop: objects ${gain("objects")} as fast, promises ${
        gain("promises")
      }, workers on ${cores} ` +
        `cores ${gain("workers")}, processes ${gain("processes")}, SIMD in WebAssembly on one core ${
          gain("wasm_simd")
        }, ` +
        `on ${cores} cores ${gain("wasm_workers")}: first the loop, then the cores.`;
    },
  }, args);
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
