/**
 * The tour of chapter 3: arrays and tuples.
 *
 * @run deno task ch03
 * @takes 30 s
 */

import { tour } from "../bench/lib/tour.ts";
import { run as access } from "./compare_access.ts";
import { run as growth } from "./compare_growth.ts";
import { run as search } from "./compare_search.ts";

if (import.meta.main) {
  await tour("ch03", "Arrays and tuples", { search, access, growth });
}
