/**
 * The Julia set by all techniques: what a compiler buys, from objects to SIMD on all cores.
 *
 * @original 08_compiling/
 * @run deno run --allow-read --allow-write=results --allow-run=cc,clang --allow-ffi=results --allow-env=CI,JCO_DEBUG,XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch08/julia/compare.ts
 * @takes 20 s
 */

import { barChart, palette } from "../../bench/lib/chart.ts";
import { compare, type Prepared } from "../../bench/lib/compare.ts";
import type { Missing } from "../../bench/lib/results.ts";
import { formatNumber, formatRatio } from "../../bench/lib/table.ts";
import { openJulia } from "../../bench/limit/julia.ts";
import { missingCompiler } from "../../bench/limit/limit.ts";
import * as arrays from "./julia_arrays.ts";
import * as assemblyscriptAsWritten from "./julia_assemblyscript_as_written.ts";
import * as assemblyscriptSimd from "./julia_assemblyscript_simd.ts";
import * as assemblyscriptTyped from "./julia_assemblyscript_typed.ts";
import * as cToWasm from "./julia_c_to_wasm.ts";
import * as cToWasmNpm from "./julia_c_to_wasm_npm.ts";
import * as inFlight from "./julia_in_flight.ts";
import * as megamorphic from "./julia_megamorphic.ts";
import * as objectsExpanded from "./julia_objects_expanded.ts";
import * as objectsHypot from "./julia_objects_hypot.ts";
import * as porffor from "./julia_porffor.ts";
import * as typedArrays from "./julia_typed_arrays.ts";
import * as wasmThreads from "./julia_wasm_threads.ts";
import * as wat from "./julia_wat.ts";

interface Experiment {
  run(): void;
  counts(): ArrayLike<number>;
  close?(): unknown;
}

type Open = (width: number) => Experiment | null | Promise<Experiment | null>;

function variant(open: Open) {
  return async (width: number): Promise<Prepared | null> => {
    const experiment = await open(width);
    if (!experiment) return null;
    return {
      call: experiment.run,
      answer() {
        const counts = experiment.counts();
        // The sum that the book gives for its size, where all agree only if each is right.
        const sum = Array.from(counts).reduce((sum, n) => sum + n, 0);
        if (width === 1000 && sum !== 33219980) throw new Error(`the counts add up to ${sum} and not to 33219980`);
        return counts;
      },
      close: async () => void await experiment.close?.(),
    };
  };
}

/** Null where the command that a technique runs is not installed. */
function unlessMissing(open: (width: number) => Promise<Experiment>): Open {
  return async (width) => {
    try {
      return await open(width);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return null;
      throw error;
    }
  };
}

const missingClang: Missing = { name: "clang, C compiled to WebAssembly", remedy: "apt-get install clang lld" };

/** The same in C: the plain loop, the loop on vectors, and with several vectors in flight as wasm_threads. */
const limits = {
  c: variant((width) => openJulia(width, "julia")),
  c_vectors: variant((width) => openJulia(width, "julia_vectors")),
  c_in_flight: variant((width) => openJulia(width, "julia_in_flight")),
  c_vectors_openmp: variant((width) => openJulia(width, "julia_vectors", { openmp: true })),
  c_in_flight_openmp: variant((width) => openJulia(width, "julia_in_flight", { openmp: true })),
};

// The colours of the chart: native, WebAssembly, TypeScript.
const color = (name: string) => palette[name in limits ? 9 : /wasm|assembly|wat|porffor/.test(name) ? 1 : 0];

export async function run(args: readonly string[]) {
  return await compare({
    chapter: "ch08",
    topic: "julia",
    question: "What does a compiler buy, and which one?",
    variants: {
      megamorphic: variant(megamorphic.experiment),
      objects_hypot: variant(objectsHypot.experiment),
      objects_expanded: variant(objectsExpanded.experiment),
      arrays: variant(arrays.experiment),
      typed_arrays: variant(typedArrays.experiment),
      in_flight: variant(inFlight.experiment),
      porffor: variant(porffor.experiment),
      assemblyscript_as_written: variant(assemblyscriptAsWritten.experiment),
      assemblyscript_typed: variant(assemblyscriptTyped.experiment),
      assemblyscript_unchecked: variant((width) => assemblyscriptTyped.experiment(width, { checks: false })),
      c_to_wasm: variant(unlessMissing(cToWasm.experiment)),
      c_to_wasm_npm: variant(cToWasmNpm.experiment),
      wat: variant(wat.experiment),
      assemblyscript_simd: variant(assemblyscriptSimd.experiment),
      wasm_one_thread: variant((width) => wasmThreads.experiment(width, { workers: 1 })),
      wasm_threads: variant(wasmThreads.experiment),
      ...limits,
    },
    sizes: { quick: [400], full: [1000], min: 1, max: 4000 },
    headline: 1000,
    // The same operations in the same order: not a single count may differ.
    agree: { with: "objects_hypot", within: 0 },
    baseline: "objects_hypot",
    limits: ["c", "c_vectors_openmp", "c_in_flight_openmp"],
    unit: { per: "set", label: (width) => `${width} x ${width}` },
    budget: { quick: 0.12, full: 1 },
    needs: {
      c_to_wasm: missingClang,
      ...Object.fromEntries(Object.keys(limits).map((name) => [name, missingCompiler])),
    },
    charts: (readings) => ({
      julia: barChart({
        title: `The Julia set, ${readings.headline} x ${readings.headline}: times as fast as objects with hypot`,
        x: { title: "times as fast (blue: TypeScript; orange: WebAssembly; grey: C)", log: true },
        bars: readings.names.map((name) => ({
          name,
          value: readings.ratio("objects_hypot", name),
          color: color(name),
        })),
        text: formatRatio,
      }),
    }),
    claims: (readings) => {
      const share = (limit: string, name: string) => readings.ratio(limit, name);
      return [
        {
          claim: "plain typed arrays are within 15 % of the plain loop in C",
          held: share("c", "typed_arrays") >= 0.85,
          evidence: `${share("c", "typed_arrays").toFixed(2)} of C`,
        },
        {
          claim: "removing the checks of the index pays (5 % or more)",
          held: readings.ratio("assemblyscript_typed", "assemblyscript_unchecked") >= 1.05,
          evidence: `unchecked is ${
            readings.ratio("assemblyscript_typed", "assemblyscript_unchecked").toFixed(2)
          } as fast; there are three checks for the 33 steps of a point`,
        },
        {
          claim: "WebAssembly with SIMD and threads reaches 0.6 of C on vectors with OpenMP",
          held: share("c_vectors_openmp", "wasm_threads") >= 0.6,
          evidence: share("c_vectors_openmp", "wasm_threads").toFixed(2),
        },
        {
          claim: "and 0.6 of C with the same several vectors in flight",
          held: share("c_in_flight_openmp", "wasm_threads") >= 0.6,
          evidence: `${
            share("c_in_flight_openmp", "wasm_threads").toFixed(2)
          }: WebAssembly's vectors hold two numbers, AVX-512's eight`,
        },
      ];
    },
    answer: (readings) => {
      const gain = (name: string) => formatRatio(readings.ratio("objects_hypot", name));
      return `Against objects with hypot: V8 on typed arrays ${
        gain("typed_arrays")
      } as fast, with four points in flight ` +
        `${gain("in_flight")}; AssemblyScript as written ${gain("assemblyscript_as_written")}, typed ` +
        `${gain("assemblyscript_typed")}, with SIMD ${gain("assemblyscript_simd")}; SIMD in flight ` +
        `${gain("wasm_one_thread")}, on all cores ${gain("wasm_threads")}` +
        (readings.get("c_in_flight_openmp")
          ? `, which is ${formatNumber(readings.ratio("c_in_flight_openmp", "wasm_threads"))} of the same in C.`
          : ".");
    },
  }, args);
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
