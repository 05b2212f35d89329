/**
 * The tour of chapter 10: multiprocessing with workers.
 *
 * @run deno task ch10
 * @takes 110 s
 */

import { tour } from "../bench/lib/tour.ts";
import { run as locking } from "./locking/compare.ts";
import { run as pi } from "./pi_estimation/compare.ts";
import { run as piWorkers } from "./pi_estimation/compare_workers.ts";
import { run as pool } from "./pool/compare.ts";
import { run as costs } from "./pool/compare_costs.ts";
import { run as chunks } from "./prime_generation/compare_chunks.ts";
import { run as generation } from "./prime_generation/compare.ts";
import { run as looks } from "./prime_validation/compare_looks.ts";
import { run as validation } from "./prime_validation/compare.ts";
import { run as sharedArray } from "./shared_array/compare.ts";

if (import.meta.main) {
  await tour("ch10", "Multiprocessing with workers", {
    pi_estimation: pi,
    pi_workers: piWorkers,
    pool,
    pool_costs: costs,
    prime_generation: generation,
    prime_chunks: chunks,
    prime_validation: validation,
    prime_looks: looks,
    locking,
    shared_array: sharedArray,
  });
}
