/**
 * The tour of chapter 11: clusters and job queues.
 *
 * @run deno task ch11
 * @takes 60 s
 */

import { tour } from "../bench/lib/tour.ts";
import { run as fromWorkersToCluster } from "./from_workers_to_cluster/compare.ts";
import { run as platforms } from "./platforms/compare.ts";
import { run as queue } from "./queue/compare.ts";
import { run as scaleSimulation } from "./scale_simulation/compare.ts";

if (import.meta.main) {
  await tour("ch11", "Clusters and job queues", {
    scale_simulation: scaleSimulation,
    queue,
    from_workers_to_cluster: fromWorkersToCluster,
    platforms,
  });
}
