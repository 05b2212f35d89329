/**
 * The tour of chapter 2: profiling.
 *
 * @run deno task ch02
 * @takes 90 s
 */

import { tour } from "../bench/lib/tour.ts";
import { run as attach } from "./attach/compare.ts";
import { run as bytecode } from "./bytecode/compare.ts";
import { run as costs } from "./compare_costs.ts";
import { run as correctness } from "./correctness/compare.ts";
import { run as counters } from "./counters/compare.ts";
import { run as cpuProfiling } from "./cpu_profiling/compare.ts";
import { run as gc } from "./gc/compare.ts";
import { run as lineProfiler } from "./line_profiler/compare.ts";
import { run as memoryProfiler } from "./memory_profiler/compare.ts";
import { run as nonconvergence } from "./visualise_nonconvergence/compare.ts";

if (import.meta.main) {
  await tour("ch02", "Profiling", {
    nonconvergence,
    cpu_profiling: cpuProfiling,
    line_profiler: lineProfiler,
    memory_profiler: memoryProfiler,
    gc,
    attach,
    bytecode,
    counters,
    costs,
    correctness,
  });
}
