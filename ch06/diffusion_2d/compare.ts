/**
 * All ways to compute the diffusion on the processor, side by side: speed-up over nested arrays by size of the grid.
 *
 * @original 06_matrix/diffusion_2d/_benchmark.py
 * @run deno run --allow-read=. --allow-write=results --allow-run=cc --allow-ffi=results --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch06/diffusion_2d/compare.ts
 * @takes 20 s
 */

import { barChart, lineChart, palette } from "../../bench/lib/chart.ts";
import { compare, type Prepared, type Readings } from "../../bench/lib/compare.ts";
import { formatRatio, formatTime } from "../../bench/lib/table.ts";
import { openDiffusion } from "../../bench/limit/diffusion.ts";
import { missingCompiler } from "../../bench/limit/limit.ts";
import * as blocked from "./diffusion_blocked.ts";
import * as flat from "./diffusion_flat.ts";
import * as flatModulo from "./diffusion_flat_modulo.ts";
import * as float32 from "./diffusion_float32.ts";
import * as fused from "./diffusion_fused.ts";
import * as inPlace from "./diffusion_in_place.ts";
import * as library from "./diffusion_library.ts";
import * as nested from "./diffusion_nested.ts";
import * as nestedTwoBuffers from "./diffusion_nested_two_buffers.ts";
import * as slices from "./diffusion_slices.ts";
import * as temporaries from "./diffusion_temporaries.ts";
import * as wasmSimd from "./diffusion_wasm_simd.ts";
import * as wasmThreads from "./diffusion_wasm_threads.ts";
import * as workers from "./diffusion_workers.ts";

/** What every technique of this topic sets up. */
export interface Experiment {
  run(steps: number): void | Promise<void>;
  grid(): ArrayLike<number> | Promise<ArrayLike<number>>;
  close?(): unknown;
}

/** Steps in one call: enough that starting and stopping the threads does not count. */
export const stepsPerCall = (size: number) => Math.max(8, Math.min(256, 2 ** 22 / size ** 2 & ~7));

/** An experiment as a variant of a compare. */
export function variant(experiment: (size: number) => Experiment | null | Promise<Experiment | null>) {
  return async (size: number): Promise<Prepared | null> => {
    const prepared = await experiment(size);
    if (!prepared) return null;
    const { run, grid, close } = prepared;
    return { call: () => run(stepsPerCall(size)), answer: grid, close: async () => void await close?.() };
  };
}

/** The same experiment in C on one core and on all, or null where there is no compiler. */
export const limits = {
  c: variant(async (size) => (await openDiffusion())?.(size) ?? null),
  c_openmp: variant(async (size) => (await openDiffusion({ openmp: true }))?.(size) ?? null),
};

const colors: Record<string, string> = {
  nested: palette[9],
  nested_two_buffers: "#888888",
  library: "#888888",
  temporaries: "#c9a227",
  in_place: "#c9a227",
  slices: "#c9a227",
  flat_modulo: palette[5],
  flat: palette[5],
  float32: palette[5],
  fused: palette[0],
  blocked: palette[0],
  workers: palette[0],
  wasm_simd: palette[1],
  wasm_threads: palette[1],
  c: "black",
  c_openmp: "black",
};

export async function run(args: readonly string[]) {
  return await compare({
    chapter: "ch06",
    topic: "diffusion_2d",
    question: "Why is a typed array better at numerical work than nested arrays, and how far does it go?",
    variants: {
      nested: variant(nested.experiment),
      nested_two_buffers: variant(nestedTwoBuffers.experiment),
      library: variant(library.experiment),
      temporaries: variant(temporaries.experiment),
      in_place: variant(inPlace.experiment),
      slices: variant(slices.experiment),
      flat_modulo: variant(flatModulo.experiment),
      flat: variant(flat.experiment),
      float32: variant(float32.experiment),
      fused: variant(fused.experiment),
      blocked: variant((size) => blocked.experiment(size)),
      workers: variant((size) => workers.experiment(size)),
      wasm_simd: variant(wasmSimd.experiment),
      wasm_threads: variant((size) => wasmThreads.experiment(size)),
      ...limits,
    },
    sizes: { quick: [64, 512, 1024], full: [32, 64, 128, 256, 512, 1024, 2048, 4096], min: 1, max: 8192 },
    headline: 512,
    // Doubles in another order differ in their last digits; floats have seven digits.
    agree: { with: "nested", within: 1e-12, except: { float32: 1e-5 } },
    baseline: "nested",
    limits: Object.keys(limits),
    unit: {
      per: "step",
      count: stepsPerCall,
      // Each cell is read once and written once if everything else stays in the cache.
      bytes: (size) => 16 * size ** 2,
      label: (size) => `${size}²`,
    },
    budget: { quick: 0.06, full: 1 },
    needs: Object.fromEntries(Object.keys(limits).map((name) => [name, missingCompiler])),
    charts: (readings) => ({
      diffusion_2d: speedUpChart(readings),
      diffusion_2d_methods: barChart({
        title: `2-D diffusion: a step on ${readings.headline} x ${readings.headline} cells`,
        x: { title: "ms a step (logarithmic)", log: true },
        bars: readings.names.map((name) => ({ name, value: readings.time(name) * 1e3, color: colors[name] })),
        text: (ms) => formatTime(ms / 1e3),
      }),
    }),
    claims: (readings) => [
      faster(readings, "nested", "nested_two_buffers", 1.05, "taking the allocation out of the loop helps"),
      faster(readings, "temporaries", "in_place", 1, "working in place beats making temporaries"),
      faster(readings, "in_place", "slices", 1, "shifted slices beat rolled copies"),
      faster(readings, "slices", "fused", 2, "one fused pass beats whole-array operations at least twice over"),
      faster(readings, "library", "slices", 1, "general code is slower than code for the case at hand"),
      faster(
        readings,
        "float32",
        "fused",
        1,
        "doubles in plain TypeScript are faster than floats while the cache is large enough",
      ),
      ...ofLimit(readings, "fused", "c", 0.35),
      ...ofLimit(readings, "wasm_simd", "c", 0.85),
      ...ofLimit(readings, "wasm_threads", "c_openmp", 0.85),
    ],
    answer: (readings) =>
      `A fused loop over typed arrays is ${formatRatio(readings.ratio("nested", "fused"))} as fast as nested arrays, ` +
      `WebAssembly with SIMD ${formatRatio(readings.ratio("nested", "wasm_simd"))}, ` +
      `on ${navigator.hardwareConcurrency} threads ${formatRatio(readings.ratio("nested", "wasm_threads"))}` +
      (readings.get("c_openmp")
        ? `; C reaches ${formatRatio(readings.ratio("nested", "c"))} and ${
          formatRatio(readings.ratio("nested", "c_openmp"))
        }.`
        : "."),
  }, args);
}

function faster(readings: Readings, slow: string, fast: string, times: number, claim: string) {
  const ratio = readings.ratio(slow, fast);
  return { claim, held: ratio >= times, evidence: `${fast} is ${formatRatio(ratio)} as fast as ${slow}` };
}

function ofLimit(readings: Readings, name: string, limit: string, share: number) {
  const reached = readings.ratio(limit, name);
  if (Number.isNaN(reached)) return [];
  return [{ claim: `${name} reaches ${share} of ${limit}`, held: reached >= share, evidence: reached.toFixed(2) }];
}

function speedUpChart(readings: Readings) {
  return lineChart({
    title: "2-D diffusion: times as fast as nested arrays",
    x: { title: "cells along a side of the grid", log: true, ticks: readings.sizes },
    y: { title: "times as fast as nested arrays", log: true },
    lines: readings.names.map((name) => ({
      name,
      color: colors[name],
      dash: name.startsWith("c"),
      points: readings.sizes.map((size) => ({ x: size, y: readings.ratio("nested", name, size) })),
    })),
  });
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
