/**
 * The tour of chapter 1: understanding performant programming.
 *
 * @run deno task ch01
 * @takes 30 s
 */

import { tour } from "../bench/lib/tour.ts";
import { run as abstraction } from "./compare_abstraction.ts";
import { run as alternates } from "./compare_alternate_architectures.ts";
import { run as architecture } from "./compare_architecture.ts";
import { run as hurdles } from "./compare_hurdles.ts";
import { run as operations } from "./compare_operations.ts";
import { run as strategies } from "./compare_strategies.ts";

if (import.meta.main) {
  await tour("ch01", "Understanding performant programming", {
    operations,
    architecture,
    alternate_architectures: alternates,
    abstraction,
    hurdles,
    strategies,
  });
}
