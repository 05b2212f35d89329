/**
 * When the grid outgrows the cache: one step after the other against several steps in one pass over memory, and both
 * against the time that it takes merely to read and write the grid once.
 *
 * @original 06_matrix/diffusion_2d/diffusion_numpy_memory2_numexpr.py
 * @run deno run --allow-read=. --allow-write=results --allow-run=cc --allow-ffi=results --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch06/diffusion_2d/compare_blocking.ts
 * @takes 20 s
 */

import { barChart, palette } from "../../bench/lib/chart.ts";
import { compare } from "../../bench/lib/compare.ts";
import { measure } from "../../bench/lib/measure.ts";
import { formatNumber, formatRatio, formatTime } from "../../bench/lib/table.ts";
import { missingCompiler, openLimit } from "../../bench/limit/limit.ts";
import * as blocked from "./diffusion_blocked.ts";
import * as fused from "./diffusion_fused.ts";
import * as wasmSimd from "./diffusion_wasm_simd.ts";
import * as wasmThreads from "./diffusion_wasm_threads.ts";
import * as workers from "./diffusion_workers.ts";
import { limits, variant } from "./compare.ts";

export async function run(args: readonly string[]) {
  let bandwidth: number | null = null;
  const passTime = (size: number) => 16 * size ** 2 / (bandwidth ?? NaN);
  const threads = navigator.hardwareConcurrency;
  return await compare({
    chapter: "ch06",
    topic: "diffusion_blocking",
    question: "What are the bottlenecks in vector calculations?",
    variants: {
      fused: variant(fused.experiment),
      blocked: variant((size) => blocked.experiment(size)),
      workers: variant((size) => workers.experiment(size)),
      wasm_simd: variant(wasmSimd.experiment),
      wasm_simd_blocked: variant((size) => wasmThreads.experiment(size, { workers: 1 })),
      wasm_threads_streaming: variant((size) => wasmThreads.experiment(size, { depth: 1 })),
      wasm_threads_blocked: variant((size) => wasmThreads.experiment(size)),
      ...limits,
    },
    sizes: { quick: [4096], full: [1024, 2048, 4096, 8192], min: 1, max: 8192 },
    headline: 4096,
    agree: { with: "fused", within: 1e-12 },
    baseline: "fused",
    limits: Object.keys(limits),
    unit: {
      per: "step",
      count: () => 8,
      // What a step must move if each cell is read once and written once; more than memory delivers means blocked.
      bytes: (size) => 16 * size ** 2,
      label: (size) => `${size}²`,
    },
    budget: { quick: 0.2, full: 2 },
    needs: Object.fromEntries(Object.keys(limits).map((name) => [name, missingCompiler])),
    prepare: async () => void (bandwidth = await streamBandwidth()),
    charts: (readings) => ({
      diffusion_blocking: barChart({
        title: `Beyond the cache: a step on ${readings.headline} x ${readings.headline} cells`,
        x: { title: "ms a step" },
        bars: [
          ...readings.names.map((name) => ({
            name,
            value: readings.time(name) * 1e3,
            color: name.startsWith("c") ? "black" : name.endsWith("blocked") ? palette[1] : palette[0],
          })),
          { name: "reading and writing once", value: passTime(readings.headline) * 1e3, color: "#aaaaaa" },
        ],
        text: (ms) => formatTime(ms / 1e3),
      }),
    }),
    claims: (readings) => {
      const streaming = Math.min(
        ...["fused", "workers", "wasm_simd", "wasm_threads_streaming", "c", "c_openmp"].map((name) =>
          readings.time(name)
        )
          .filter(Number.isFinite),
      );
      const best = readings.time("wasm_threads_blocked");
      return [
        {
          claim: "several steps in one pass are faster than the best that goes step by step (1.5 times or more)",
          held: streaming / best >= 1.5,
          evidence: `${formatRatio(streaming / best)} as fast`,
        },
        ...bandwidth
          ? [{
            claim: "blocking goes beyond what memory allows one step at a time",
            held: best < passTime(readings.headline),
            evidence: `${formatTime(best)} a step, where reading and writing the grid once takes ` +
              `${formatTime(passTime(readings.headline))} at ${formatNumber(bandwidth / 1e9)} GB/s; ` +
              `streaming reaches ${formatNumber(passTime(readings.headline) / streaming)} of that bound`,
          }]
          : [],
      ];
    },
    answer: (readings) =>
      `On ${readings.headline} x ${readings.headline} cells memory is the bottleneck: a second core makes streaming only ` +
      `${
        formatRatio(readings.ratio("wasm_simd", "wasm_threads_streaming"))
      } as fast, while several steps in one pass ` +
      `on ${threads} threads are ${
        formatRatio(readings.ratio("wasm_threads_streaming", "wasm_threads_blocked"))
      } as fast as one.`,
  }, args);
}

/** Bytes a second that all cores together read and write, updating 512 MiB in place; null without a compiler. */
async function streamBandwidth(): Promise<number | null> {
  const library = await openLimit("stream", {
    stream_update: { parameters: ["buffer", "i64"], result: "void" },
  }, { openmp: true });
  if (!library) return null;
  const values = new Float64Array(2 ** 26);
  const { median } = await measure(() => library.symbols.stream_update(values, BigInt(values.length)), { budget: 0.5 });
  return 2 * values.byteLength / median;
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
