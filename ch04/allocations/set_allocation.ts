/**
 * The growth of a Set, read off the heap.
 *
 * What to notice: a Set is the Map's table without the values: it is full at the same sizes and doubles at them, but an entry takes two
 * words in place of three. That makes 20 bytes for each entry there is room for, 20 to 40 for each there is.
 *
 * @original 04_dict_set/allocations/set_allocation_graph.py
 * @run deno run --v8-flags=--single-threaded ch04/allocations/set_allocation.ts
 * @takes 1 s
 */

import v8 from "node:v8";

/** A moment at which the Set grew. */
export interface Step {
  /** The entries it held when one more did not fit. */
  size: number;
  /** What was allocated then. */
  bytes: number;
}

/**
 * Adds entries one by one and reads off the heap at which of them something was allocated: the second least of several
 * trials, as the least may be one in which V8 collected or optimised in between, and others those that began a new page.
 * Exact only with `--v8-flags=--single-threaded`, where nobody else allocates.
 */
export function growthSteps<Container>(
  make: () => Container,
  add: (container: Container, i: number) => void,
  { count = 4000, trials = 9 } = {},
): Step[] {
  const used = () => v8.getHeapStatistics().used_heap_size;
  const added = Array.from({ length: count }, () => new Float64Array(trials));
  for (let trial = 0; trial < trials; trial++) {
    const container = make();
    for (let i = 0; i < count; i++) {
      // Reading allocates too: what it takes is seen between the first two readings, and taken away.
      const first = used(), before = used();
      add(container, i);
      added[i][trial] = used() - before - (before - first);
    }
  }
  return added.flatMap((trials, size) => {
    const bytes = trials.toSorted()[1];
    return bytes > 0 ? [{ size, bytes }] : [];
  });
}

/** What V8 allocates for a table with room for so many entries, in 8-byte words: header, three counts, buckets, entries. */
export function setBytes(capacity: number): number {
  return 16 + 8 * (3 + capacity / 2 + 2 * capacity);
}

/** The steps of a Set of small integers, which are held in the table itself. */
export function setSteps(count = 4000): Step[] {
  return growthSteps(() => new Set<number>(), (set, i) => set.add(i), { count });
}

if (import.meta.main) {
  console.log("full at   bytes of the next table   room for   bytes an entry just then");
  for (const { size, bytes } of setSteps()) {
    const capacity = 2 * size;
    if (bytes !== setBytes(capacity)) {
      throw new Error(`${bytes} bytes for ${capacity} entries, not ${setBytes(capacity)}`);
    }
    const each = (bytes / (size + 1)).toFixed(1);
    console.log([size, bytes, capacity, each].map((cell, i) => `${cell}`.padStart([7, 26, 11, 27][i])).join(""));
  }
}
