/**
 * A vector expression with a new array for each operation, with arrays that are kept, and in one loop; and a small
 * `trackAllocations` that counts what a call allocates.
 *
 * What to notice: a typed array is a small object on the JavaScript heap and a block of memory outside of it, so that a
 * heap profile hardly shows it (`Deno.memoryUsage().external` does). The garbage collector's pauses are the smaller part
 * of what large temporaries cost. The larger part are page faults: dropped blocks go back to the system, and fresh ones
 * come page by page, cleared by the kernel. Keeping the arrays avoids both; one loop also walks through memory once, not
 * three times.
 *
 * A `PerformanceObserver` for "gc" can be set up in Deno 2.9 but hears nothing; `GCProfiler` of node:v8 works.
 *
 * @original 06_matrix/Makefile (memit, perf stat: page-faults)
 * @run deno run ch06/memory/allocation_churn.ts
 * @takes 1 s
 */

import process from "node:process";
import v8 from "node:v8";
import vm from "node:vm";

type Vector = Float64Array;

/** (a + b) c - a with a new array for each operation, as libraries with vector notation do it. */
export function withTemporaries(a: Vector, b: Vector, c: Vector): Vector {
  const sum = new Float64Array(a.length);
  for (let i = 0; i < a.length; i++) sum[i] = a[i] + b[i];
  const product = new Float64Array(a.length);
  for (let i = 0; i < a.length; i++) product[i] = sum[i] * c[i];
  const difference = new Float64Array(a.length);
  for (let i = 0; i < a.length; i++) difference[i] = product[i] - a[i];
  return difference;
}

/** The same three operations, all into `out`, which must be neither `a` nor `c`. Returns `out`. */
export function inPlace(a: Vector, b: Vector, c: Vector, out: Vector): Vector {
  for (let i = 0; i < a.length; i++) out[i] = a[i] + b[i];
  for (let i = 0; i < a.length; i++) out[i] *= c[i];
  for (let i = 0; i < a.length; i++) out[i] -= a[i];
  return out;
}

/** The same in one loop; `out` may be any of the others. Returns `out`. */
export function fused(a: Vector, b: Vector, c: Vector, out: Vector): Vector {
  for (let i = 0; i < a.length; i++) out[i] = (a[i] + b[i]) * c[i] - a[i];
  return out;
}

export interface Allocations {
  /** Bytes of objects on the JavaScript heap. After a collection a running total of V8's, good to about 1 MB. */
  heap: number;
  /** Bytes of array buffers: exact where no collection ran; else by how much more there are after than before. */
  external: number;
  collections: number;
  /** Milliseconds that collections kept the program waiting. */
  pause: number;
  pageFaults: number;
  milliseconds: number;
}

/** Counts what a call allocates, and what that causes. Collects garbage first, to count none that was there before. */
export function trackAllocations(call: () => unknown): Allocations {
  collectGarbage();
  const profiler = new v8.GCProfiler();
  profiler.start();
  const before = takeStock();
  call();
  const after = takeStock();
  // Deno gives the cost of a collection in nanoseconds (Node: microseconds).
  const costs = profiler.stop()!.statistics.map(({ cost }) => cost / 1e6);
  return {
    heap: costs.length === 0 ? after.heapUsed - before.heapUsed : after.heapTotal - before.heapTotal,
    external: after.external - before.external,
    collections: costs.length,
    pause: costs.reduce((sum, cost) => sum + cost, 0),
    pageFaults: after.pageFaults - before.pageFaults,
    milliseconds: after.time - before.time,
  };
}

function takeStock() {
  // Newer than its type: every byte that was ever allocated on the heap.
  const heapTotal = (v8.getHeapStatistics() as unknown as { total_allocated_bytes: number }).total_allocated_bytes;
  const { heapUsed, external } = Deno.memoryUsage();
  return { heapTotal, heapUsed, external, pageFaults: process.resourceUsage().minorPageFault, time: performance.now() };
}

let gc: (() => void) | undefined;
function collectGarbage() {
  // With the flag set, a new context has a `gc`. The second collection waits until the first has freed its buffers.
  v8.setFlagsFromString("--expose-gc");
  gc ??= vm.runInNewContext("gc") as () => void;
  gc();
  gc();
}

if (import.meta.main) {
  const vectors = (size: number) => [3, 4, 5, 0].map((value) => new Float64Array(size).fill(value));
  const short = vectors(1000) as [Vector, Vector, Vector, Vector], steps = 16;
  const long = vectors(1_000_000) as typeof short;
  const widths = [16, 10, 17, 15, 14, 14, 11];
  const row = (cells: unknown[]) => cells.map((cell, i) => `${cell}`[i ? "padStart" : "padEnd"](widths[i])).join("");
  const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);
  const heads = ["ms a step", "MB on the heap", "MB of arrays", "page faults", "collections", "pause ms"];
  console.log(row(["(a + b) c - a", ...heads]));
  for (const [name, step] of Object.entries({ withTemporaries, inPlace, fused })) {
    // Many short calls first: the compiler is then through with the function before a long one counts.
    for (let warm = 0; warm < 5000; warm++) step(...short);
    if (step(...long).some((value) => value !== 32)) throw new Error(`${name}: (3 + 4) 5 - 3 must be 32`);
    const once = trackAllocations(() => step(...long));
    const often = trackAllocations(() => {
      for (let i = 0; i < steps; i++) step(...long);
    });
    const { milliseconds, pageFaults, collections, pause } = often;
    const bytes = [megabytes(once.heap), megabytes(once.external)];
    console.log(
      row([name, (milliseconds / steps).toFixed(2), ...bytes, pageFaults, collections, pause.toFixed(2)]),
    );
  }
  console.log(`The megabytes are those of one step, what follows those of ${steps} steps.`);
}
