/**
 * The growth of an object that is used as a dictionary, read off the heap.
 *
 * What to notice: the first properties lie in the object and in a small array that grows by three, and what is where is written in the
 * shape, which all objects with the same properties share (made in the first trial, so not seen here). With too many
 * properties added by computed name the object becomes a dictionary of its own: three words for each slot (key, value, details),
 * a power of two of slots, at most two thirds used. That is 36 to 96 bytes an entry, more than a Map takes. Whole numbers as
 * names go elsewhere, into the same kind of store as an array's.
 *
 * @original 04_dict_set/allocations/dict_allocation_graph.py
 * @run deno run --v8-flags=--single-threaded ch04/allocations/object_allocation.ts
 * @takes 1 s
 */

import v8 from "node:v8";

/** A moment at which the object grew. */
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

/** What V8 allocates for a dictionary of so many slots: header, six words about it, and three for each slot. */
export function dictionaryBytes(slots: number): number {
  return 16 + 8 * (6 + 3 * slots);
}

/** The slots of a dictionary that has just grown to hold so many entries: a power of two, half as much again or more. */
export function dictionarySlots(entries: number): number {
  return 2 ** Math.ceil(Math.log2(entries + (entries >> 1)));
}

/** The steps of an object with so many names; one that starts as `{}`, or without a prototype as `Object.create(null)`. */
export function objectSteps(count = 4000, make: () => object = () => ({})): Step[] {
  // The names exist already, so that only the object's own growth is seen.
  const names = Array.from({ length: count }, (_, i) => `name${i}`);
  return growthSteps(() => make() as Record<string, number>, (object, i) => object[names[i]] = i, { count });
}

if (import.meta.main) {
  for (const [name, make] of [["{}", () => ({})], ["Object.create(null)", () => Object.create(null)]] as const) {
    console.log(`\n${name}\nfull at     bytes   slots   bytes an entry just then`);
    for (const { size, bytes } of objectSteps(4000, make)) {
      const slots = dictionarySlots(size + 1), large = size > 19;
      if (large && bytes !== dictionaryBytes(slots)) throw new Error(`${bytes} bytes for ${slots} slots`);
      const cells = [size, bytes, bytes === dictionaryBytes(slots) ? slots : "-", (bytes / (size + 1)).toFixed(1)];
      console.log(cells.map((cell, i) => `${cell}`.padStart([7, 10, 8, 27][i])).join(""));
    }
  }
}
