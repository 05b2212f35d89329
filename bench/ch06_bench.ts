/**
 * `deno bench` over chapter 6: the same functions as in its compares. The baseline of each group is the plainest way;
 * the first line of a group is the limit, where a C compiler is at hand. `deno task bench` gives the permissions below;
 * a plain `deno bench` asks for none and leaves out C, WebAssembly and workers, which need them.
 *
 * @run deno bench --allow-read=. --allow-run=cc --allow-write=results --allow-ffi=results --allow-env=CI bench/ch06_bench.ts
 * @takes 60 s
 */

import * as blocked from "../ch06/diffusion_2d/diffusion_blocked.ts";
import * as flat from "../ch06/diffusion_2d/diffusion_flat.ts";
import * as flatModulo from "../ch06/diffusion_2d/diffusion_flat_modulo.ts";
import * as float32 from "../ch06/diffusion_2d/diffusion_float32.ts";
import * as fused from "../ch06/diffusion_2d/diffusion_fused.ts";
import * as inPlace from "../ch06/diffusion_2d/diffusion_in_place.ts";
import * as library from "../ch06/diffusion_2d/diffusion_library.ts";
import * as nested from "../ch06/diffusion_2d/diffusion_nested.ts";
import * as nestedTwoBuffers from "../ch06/diffusion_2d/diffusion_nested_two_buffers.ts";
import * as slices from "../ch06/diffusion_2d/diffusion_slices.ts";
import * as temporaries from "../ch06/diffusion_2d/diffusion_temporaries.ts";
import * as wasmSimd from "../ch06/diffusion_2d/diffusion_wasm_simd.ts";
import * as wasmThreads from "../ch06/diffusion_2d/diffusion_wasm_threads.ts";
import * as workers from "../ch06/diffusion_2d/diffusion_workers.ts";
import * as blas from "../ch06/norm/norm_blas.ts";
import * as lanes from "../ch06/norm/norm_lanes.ts";
import * as loop from "../ch06/norm/norm_loop.ts";
import * as mapReduce from "../ch06/norm/norm_map_reduce.ts";
import * as reduce from "../ch06/norm/norm_reduce.ts";
import * as typedArray from "../ch06/norm/norm_typed_array.ts";
import * as normWasmSimd from "../ch06/norm/norm_wasm_simd.ts";
import { sumByColumns, sumByRows } from "../ch06/memory/row_or_column.ts";
import { group, permissions } from "./lib/bench.ts";
import { openDiffusion } from "./limit/diffusion.ts";
import { openLimit } from "./limit/limit.ts";

const may = await permissions();

const length = 2 ** 20;
const vector = Float64Array.from({ length }, (_, i) => i);
const normLimit = may.c ? await openLimit("norm", { norm: { parameters: ["buffer", "i32"], result: "f64" } }) : null;
await group("norm of 2^20 numbers", {
  ...normLimit && { c: () => normLimit.symbols.norm(vector, length) },
  reduce: reduce.experiment(length).run,
  map_reduce: mapReduce.experiment(length).run,
  loop: loop.experiment(length).run,
  typed_array: typedArray.experiment(length).run,
  blas: blas.experiment(length).run,
  lanes: lanes.experiment(length).run,
  ...may.assemblyscript && { wasm_simd: (await normWasmSimd.experiment(length)).run },
}, "reduce");

const size = 512, steps = 8;
const c = may.c ? await openDiffusion() : null, openmp = may.c ? await openDiffusion({ openmp: true }) : null;
const threads = may.workers && may.assemblyscript ? await wasmThreads.experiment(size) : null;
const pool = may.workers ? await workers.experiment(size) : null;
const diffusions = {
  ...c && { c: c(size) },
  ...openmp && { c_openmp: openmp(size) },
  nested: nested.experiment(size),
  nested_two_buffers: nestedTwoBuffers.experiment(size),
  library: library.experiment(size),
  temporaries: temporaries.experiment(size),
  in_place: inPlace.experiment(size),
  slices: slices.experiment(size),
  flat_modulo: flatModulo.experiment(size),
  flat: flat.experiment(size),
  float32: float32.experiment(size),
  fused: fused.experiment(size),
  blocked: blocked.experiment(size),
  ...pool && { workers: pool },
  ...may.assemblyscript && { wasm_simd: await wasmSimd.experiment(size) },
  ...threads && { wasm_threads: threads },
};
await group(
  "8 steps of diffusion on 512 x 512 cells",
  Object.fromEntries(Object.entries(diffusions).map(([name, { run }]) => [name, () => run(steps)])),
  "nested",
);

const matrix = new Float64Array(2048 * 2048).fill(1);
await group("sum of a 2048 x 2048 matrix", {
  by_rows: () => sumByRows(matrix, 2048),
  by_columns: () => sumByColumns(matrix, 2048),
}, "by_rows");

// Workers sleep until they are told to go.
addEventListener("unload", () => {
  threads?.close();
  pool?.close();
});
