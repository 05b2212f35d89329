/**
 * The tour of chapter 5: iterators and generators.
 *
 * @run deno task ch05
 * @takes 30 s
 */

import { tour } from "../bench/lib/tour.ts";
import { run as itertools } from "./compare_itertools.ts";
import { run as lazyOrEager } from "./compare_lazy_or_eager.ts";
import { run as memory } from "./compare_memory.ts";

if (import.meta.main) {
  await tour("ch05", "Iterators and generators", { memory, itertools, lazy_or_eager: lazyOrEager });
}
