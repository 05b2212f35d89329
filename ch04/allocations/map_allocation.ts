/**
 * The growth of a Map, read off the heap.
 *
 * What to notice: the table doubles whenever it is full, from 4 entries on, and all entries are copied. An entry is three words (key,
 * value, link to the next in its bucket), and there is half a word of bucket for each: 28 bytes of 8-byte words for each that
 * there is room for, and 40 for the table. Just grown, a table is half empty, so an entry costs 28 to 56 bytes.
 *
 * @original 04_dict_set/allocations/dict_allocation_graph.py, 04_dict_set/allocations/dict_resize.py
 * @run deno run --v8-flags=--single-threaded ch04/allocations/map_allocation.ts
 * @takes 1 s
 */

import v8 from "node:v8";

/** A moment at which the Map grew. */
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
export function mapBytes(capacity: number): number {
  return 16 + 8 * (3 + capacity / 2 + 3 * capacity);
}

/** The steps of a Map from small integers to small integers, which are held in the table itself. */
export function mapSteps(count = 4000): Step[] {
  return growthSteps(() => new Map<number, number>(), (map, i) => map.set(i, i), { count });
}

if (import.meta.main) {
  console.log("full at   bytes of the next table   room for   bytes an entry just then");
  for (const { size, bytes } of mapSteps()) {
    const capacity = 2 * size;
    if (bytes !== mapBytes(capacity)) {
      throw new Error(`${bytes} bytes for ${capacity} entries, not ${mapBytes(capacity)}`);
    }
    const each = (bytes / (size + 1)).toFixed(1);
    console.log([size, bytes, capacity, each].map((cell, i) => `${cell}`.padStart([7, 26, 11, 27][i])).join(""));
  }
}
