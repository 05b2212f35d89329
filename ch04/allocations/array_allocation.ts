/**
 * The growth of an array, read off the heap: what a list in place of a Set or Map would take.
 *
 * What to notice: a full array grows by half and 16 more, so that its steps come closer together than a Map's doublings, and waste less.
 * An element is one word of 8 bytes; nothing is stored beside it. That is a seventh to a third of an entry in a Map: where the
 * keys are 0, 1, 2, … an array is the smaller map, and needs no hash.
 *
 * @original 04_dict_set/allocations/list_allocation_graph.py
 * @run deno run --v8-flags=--single-threaded ch04/allocations/array_allocation.ts
 * @takes 1 s
 */

import v8 from "node:v8";

/** A moment at which the array grew. */
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

/** The room of an array after it was full with so many elements. */
export function nextCapacity(size: number): number {
  return size + 1 + ((size + 1) >> 1) + 16;
}

/** What V8 allocates for so many elements: a header of two words, and a word for each. */
export function arrayBytes(capacity: number): number {
  return 16 + 8 * capacity;
}

/** The steps of an array of small integers. */
export function arraySteps(count = 4000): Step[] {
  return growthSteps(() => [] as number[], (array, i) => array.push(i), { count });
}

if (import.meta.main) {
  console.log("full at   bytes of the next store   room for   bytes an element just then");
  for (const { size, bytes } of arraySteps()) {
    const capacity = nextCapacity(size), expected = arrayBytes(capacity);
    if (bytes !== expected) throw new Error(`${bytes} bytes for ${capacity} elements, not ${expected}`);
    const each = (bytes / (size + 1)).toFixed(1);
    console.log([size, bytes, capacity, each].map((cell, i) => `${cell}`.padStart([7, 26, 11, 29][i])).join(""));
  }
}
