/**
 * The tour of chapter 8: compiling.
 *
 * @run deno task ch08
 * @takes 110 s
 */

import { tour } from "../bench/lib/tour.ts";
import { run as diminishingReturns } from "./diminishing_returns/compare.ts";
import { run as calls } from "./ffi/compare_calls.ts";
import { run as ffi } from "./ffi/compare.ts";
import { run as startUp } from "./jit/compare_start_up.ts";
import { run as tiers } from "./jit/compare_tiers.ts";
import { run as types } from "./jit/compare_types.ts";
import { run as julia } from "./julia/compare.ts";
import { run as precision } from "./julia/compare_precision.ts";
import { run as split } from "./julia/compare_split.ts";

if (import.meta.main) {
  await tour("ch08", "Compiling", {
    julia,
    julia_split: split,
    julia_precision: precision,
    diminishing_returns: diminishingReturns,
    jit_tiers: tiers,
    jit_types: types,
    jit_start_up: startUp,
    ffi,
    ffi_calls: calls,
  });
}
