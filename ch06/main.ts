/**
 * The tour of chapter 6: matrix and vector computation.
 *
 * @run deno task ch06
 * @takes 90 s
 */

import { tour } from "../bench/lib/tour.ts";
import { run as branchingTask } from "./branching_task/compare.ts";
import { run as counters } from "./counters/compare.ts";
import { run as diffusion } from "./diffusion_2d/compare.ts";
import { run as blocking } from "./diffusion_2d/compare_blocking.ts";
import { run as gpu } from "./diffusion_2d/compare_gpu.ts";
import { run as precision } from "./diffusion_2d/compare_precision.ts";
import { run as memory } from "./memory/compare.ts";
import { run as norm } from "./norm/compare.ts";

if (import.meta.main) {
  await tour("ch06", "Matrix and vector computation", {
    norm,
    memory,
    counters,
    diffusion_2d: diffusion,
    diffusion_blocking: blocking,
    diffusion_gpu: gpu,
    diffusion_precision: precision,
    branching_task: branchingTask,
  });
}
