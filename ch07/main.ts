/**
 * The tour of chapter 7: data frames.
 *
 * @run deno task ch07
 * @takes 110 s
 */

import { tour } from "../bench/lib/tour.ts";
import { run as beyondOneMachine } from "./beyond_one_machine/compare.ts";
import { run as categories } from "./categories/compare.ts";
import { run as concatCost } from "./concat_cost/compare.ts";
import { run as olsBasics } from "./ols_basics/compare.ts";
import { run as polarsLazy } from "./polars_lazy/compare.ts";
import { run as largerThanRam } from "./polars_lazy/compare_larger_than_ram.ts";
import { run as strOperation } from "./str_operation/compare.ts";
import { run as iteration } from "./time_iteration_methods/compare.ts";
import { run as parallel } from "./time_iteration_methods_parallel/compare.ts";

if (import.meta.main) {
  await tour("ch07", "Data frames", {
    ols_basics: olsBasics,
    time_iteration_methods: iteration,
    time_iteration_methods_parallel: parallel,
    concat_cost: concatCost,
    str_operation: strOperation,
    polars_lazy: polarsLazy,
    larger_than_ram: largerThanRam,
    categories,
    beyond_one_machine: beyondOneMachine,
  });
}
