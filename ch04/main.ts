/**
 * The tour of chapter 4: dictionaries and sets, which are called Map and Set here.
 *
 * @run deno task ch04
 * @takes 25 s
 */

import { tour } from "../bench/lib/tour.ts";
import { run as lookup } from "./compare.ts";
import { run as memory } from "./compare_memory.ts";
import { run as namespace } from "./compare_namespace.ts";
import { run as operations } from "./compare_operations.ts";

if (import.meta.main) {
  await tour("ch04", "Maps and sets", { lookup, operations, memory, namespace });
}
