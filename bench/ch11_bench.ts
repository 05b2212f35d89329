/**
 * `deno bench` over chapter 11: what the queue takes in this process alone, and its simulation. It needs no permissions: a
 * queue in memory has no file.
 *
 * @run deno bench bench/ch11_bench.ts
 * @takes 15 s
 */

import { type Job, open } from "../ch11/queue/embedded_queue.ts";
import { exponential, simulate } from "../ch11/scale_simulation/cluster_simulation.ts";
import { group } from "./lib/bench.ts";

const queue = await open(":memory:");
let next = 0;

/** Puts jobs, claims them so many at a time, and acks them with a result. */
async function through(count: number, batch: number): Promise<void> {
  await queue.put(Array.from({ length: count }, (): Job => ({ id: `${next++}`, type: "square", data: next })));
  for (let done = 0; done < count; done += batch) {
    const leases = await queue.claim({ count: batch });
    await queue.ack(leases.map((lease) => ({ lease, result: (lease.data as number) ** 2 })));
  }
}

await group("100 jobs through a queue in memory", {
  one_at_a_time: () => through(100, 1),
  ten_at_a_time: () => through(100, 10),
  all_at_once: () => through(100, 100),
}, "one_at_a_time");

await group("a cluster of 100 workers and 2,000 jobs, simulated", {
  one_at_a_time: () => simulate({ workers: 100, jobs: 2000, length: exponential(0.1), roundTrip: 0.001 }),
  ten_at_a_time: () => simulate({ workers: 100, jobs: 2000, length: exponential(0.1), roundTrip: 0.001, batch: 10 }),
}, "one_at_a_time");
