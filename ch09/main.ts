/**
 * The tour of chapter 9: asynchronous I/O.
 *
 * @run deno task ch09
 * @takes 80 s
 */

import { tour } from "../bench/lib/tour.ts";
import { run as crawler } from "./crawler/compare.ts";
import { run as paradigms } from "./paradigms/compare.ts";
import { run as servers } from "./servers/compare.ts";
import { run as workload } from "./workload/compare.ts";

if (import.meta.main) {
  await tour("ch09", "Asynchronous I/O", { paradigms, crawler, workload, servers });
}
