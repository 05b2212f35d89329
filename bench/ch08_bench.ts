/**
 * `deno bench` over chapter 8: the same functions as in its compares. The baseline of each group is the plainest way.
 * `deno task bench` gives the permissions below; a plain `deno bench` asks for none and leaves out what needs them.
 *
 * @run deno bench --allow-read=. --allow-run=cc --allow-write=results --allow-ffi=results --allow-env=CI bench/ch08_bench.ts
 * @takes 40 s
 */

import { experiment as inC } from "../ch08/ffi/diffusion_c.ts";
import { experiment as inTypeScript } from "../ch08/ffi/diffusion_typescript.ts";
import { freshCopy, makeShapes, shapeCounts, sumX } from "../ch08/jit/shapes.ts";
import * as arrays from "../ch08/julia/julia_arrays.ts";
import * as assemblyscriptSimd from "../ch08/julia/julia_assemblyscript_simd.ts";
import * as assemblyscriptTyped from "../ch08/julia/julia_assemblyscript_typed.ts";
import * as inFlight from "../ch08/julia/julia_in_flight.ts";
import * as objectsExpanded from "../ch08/julia/julia_objects_expanded.ts";
import * as objectsHypot from "../ch08/julia/julia_objects_hypot.ts";
import * as porffor from "../ch08/julia/julia_porffor.ts";
import * as typedArrays from "../ch08/julia/julia_typed_arrays.ts";
import * as wasmThreads from "../ch08/julia/julia_wasm_threads.ts";
import * as wat from "../ch08/julia/julia_wat.ts";
import { group, permissions } from "./lib/bench.ts";
import { openJulia } from "./limit/julia.ts";

const may = await permissions();

const width = 300;
const threads = may.workers && may.assemblyscript ? await wasmThreads.experiment(width) : null;
const c = may.c ? await openJulia(width, "julia") : null;
const cInFlight = may.c ? await openJulia(width, "julia_in_flight", { openmp: true }) : null;
const julias: Record<string, { run(): void }> = {
  ...c && { c },
  ...cInFlight && { c_in_flight_openmp: cInFlight },
  objects_hypot: objectsHypot.experiment(width),
  objects_expanded: objectsExpanded.experiment(width),
  arrays: arrays.experiment(width),
  typed_arrays: typedArrays.experiment(width),
  in_flight: inFlight.experiment(width),
  porffor: await porffor.experiment(width),
  wat: await wat.experiment(width),
  ...may.assemblyscript && {
    assemblyscript_typed: await assemblyscriptTyped.experiment(width),
    assemblyscript_simd: await assemblyscriptSimd.experiment(width),
  },
  ...threads && { wasm_threads: threads },
};
await group(
  `the Julia set, ${width} x ${width}`,
  Object.fromEntries(Object.entries(julias).map(([name, { run }]) => [name, run])),
  "objects_hypot",
);

const points = 10_000;
await group(
  `the sum of a field of ${points} objects, by the number of their shapes`,
  Object.fromEntries(shapeCounts.map((shapes) => {
    const sum = freshCopy(sumX), made = makeShapes(points, shapes);
    return [`${shapes}`, () => sum(made)];
  })),
  "1",
);

if (may.c) {
  const size = 512, steps = 8, folder = "results";
  const diffusions = { typescript: inTypeScript(size), c: (await inC(size, { folder }))! };
  await group(
    `${steps} steps of diffusion on ${size} x ${size} cells`,
    Object.fromEntries(Object.entries(diffusions).map(([name, { run }]) => [name, () => run(steps)])),
    "typescript",
  );
}

// Workers sleep until they are told to go.
addEventListener("unload", () => void threads?.close());
