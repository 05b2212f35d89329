/**
 * The norm of a vector by all techniques, over the length of the vector.
 *
 * @original 06_matrix/norm/figure_compare_norms.py
 * @run deno run --allow-read=. --allow-write=results --allow-run=cc --allow-ffi=results --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch06/norm/compare.ts
 * @takes 10 s
 */

import { lineChart } from "../../bench/lib/chart.ts";
import { compare, type Prepared } from "../../bench/lib/compare.ts";
import { formatRatio } from "../../bench/lib/table.ts";
import { missingCompiler, openLimit } from "../../bench/limit/limit.ts";
import * as blas from "./norm_blas.ts";
import * as lanes from "./norm_lanes.ts";
import * as loop from "./norm_loop.ts";
import * as mapReduce from "./norm_map_reduce.ts";
import * as reduce from "./norm_reduce.ts";
import * as typedArray from "./norm_typed_array.ts";
import * as wasmSimd from "./norm_wasm_simd.ts";

const powersOfTwo = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => 2 ** (from + i));

type Experiment = { run(): number };

function variant(experiment: (size: number) => Experiment | null | Promise<Experiment | null>) {
  return async (size: number): Promise<Prepared | null> => {
    const prepared = await experiment(size);
    return prepared && { call: prepared.run, answer: prepared.run };
  };
}

async function c(size: number): Promise<Experiment | null> {
  const library = await openLimit("norm", { norm: { parameters: ["buffer", "i32"], result: "f64" } });
  const vector = Float64Array.from({ length: size }, (_, i) => i);
  return library && { run: () => library.symbols.norm(vector, size) };
}

export async function run(args: readonly string[]) {
  const title = "Norm of a vector: times as fast as reduce on an array";
  return await compare({
    chapter: "ch06",
    topic: "norm",
    question: "Why is a typed array better at numerical calculations than an array?",
    variants: {
      map_reduce: variant(mapReduce.experiment),
      reduce: variant(reduce.experiment),
      loop: variant(loop.experiment),
      typed_array: variant(typedArray.experiment),
      blas: variant(blas.experiment),
      lanes: variant(lanes.experiment),
      wasm_simd: variant(wasmSimd.experiment),
      c: variant(c),
    },
    sizes: { quick: [2 ** 7, 2 ** 10, 2 ** 16, 2 ** 20], full: powersOfTwo(7, 20), min: 1, max: 2 ** 26 },
    headline: 2 ** 20,
    // The same squares added in another order.
    agree: { with: "loop", within: 1e-12 },
    baseline: "reduce",
    limits: ["c"],
    unit: {
      per: "call",
      bytes: (size) => 8 * size,
      label: (size) => Number.isInteger(Math.log2(size)) ? `2^${Math.log2(size)}` : `${size}`,
    },
    budget: { quick: 0.05, full: 0.6 },
    needs: { c: missingCompiler },
    charts: (readings) => ({
      norm: lineChart({
        title,
        x: { title: "length of the vector", log: true, ticks: readings.sizes },
        y: { title: "times as fast", log: true },
        lines: readings.names.map((name) => ({
          name,
          dash: name === "c",
          points: readings.sizes.map((size) => ({ x: size, y: readings.ratio("reduce", name, size) })),
        })),
      }),
    }),
    claims: (readings) => {
      const gain = readings.ratio("loop", "typed_array"), unchained = readings.ratio("typed_array", "lanes");
      return [
        {
          claim: "a loop over a typed array alone is much faster than one over an array (twice or more)",
          held: gain >= 2,
          evidence: `${
            formatRatio(gain)
          } as fast; V8 keeps numbers in an array unboxed too, unless it lost a bet on small integers`,
        },
        {
          claim: "breaking the chain of additions is what pays (1.5 times or more)",
          held: unchained >= 1.5,
          evidence: `eight partial sums are ${formatRatio(unchained)} as fast as one`,
        },
        ...readings.get("c")
          ? [{
            claim: "WebAssembly with SIMD reaches 0.8 of C",
            held: readings.ratio("c", "wasm_simd") >= 0.8,
            evidence: readings.ratio("c", "wasm_simd").toFixed(2),
          }]
          : [],
      ];
    },
    answer: (readings) =>
      `A typed array alone makes the loop ${
        formatRatio(readings.ratio("loop", "typed_array"))
      } as fast; what it allows ` +
      `more: independent partial sums ${formatRatio(readings.ratio("loop", "lanes"))}, SIMD ` +
      `${formatRatio(readings.ratio("loop", "wasm_simd"))} as fast as a loop over an array.`,
  }, args);
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
