/**
 * Bytes an entry: Map, Set, objects, arrays, typed arrays, with the same numbers in them.
 *
 * What to notice: one number of information costs 8 bytes in an array and three to twelve times that in a table, depending on
 * how full the table just is: the two sizes are the last before a Map doubles, and the first after. A value that is not a
 * small integer is an object of its own, 16 bytes more in a Map, while an array of nothing but such numbers keeps them in
 * itself. An array for each pair is the dearest of all.
 *
 * @original none, chapter 4's question on the overhead of a dictionary
 * @run deno run --v8-flags=--single-threaded,--expose-gc ch04/overhead.ts
 * @takes 1 s
 */

import v8 from "node:v8";

/** The last size before a Map doubles, and the first after it. */
export const sizes = [4096, 4097];

/** Containers of so many entries, each of a key and a number (a Set: of a number). The keys exist before, in `keys`. */
export const containers: Record<string, (keys: readonly string[]) => unknown> = {
  "Float64Array": (keys) => new Float64Array(keys.length),
  "array, pushed": (keys) => {
    const array: number[] = [];
    for (let i = 0; i < keys.length; i++) array.push(i);
    return array;
  },
  "Set of integers": (keys) => new Set(keys.keys()),
  "Map, integers": (keys) => new Map(keys.map((_, i) => [i, i])),
  "Map, text keys": (keys) => new Map(keys.map((key, i) => [key, i])),
  // Not from pairs: a pair of such numbers is an array of doubles, and the key would become an object, too.
  "Map, fractions": (keys) => {
    const map = new Map<number, number>();
    for (let i = 0; i < keys.length; i++) map.set(i, i + 0.5);
    return map;
  },
  "object, integers": (keys) => {
    const object: Record<number, number> = {};
    for (let i = 0; i < keys.length; i++) object[i] = i;
    return object;
  },
  "object, text keys": (keys) => {
    const object: Record<string, number> = {};
    for (let i = 0; i < keys.length; i++) object[keys[i]] = i;
    return object;
  },
  "array of pairs": (keys) => keys.map((key, i) => [key, i]),
};

/** Bytes on the heap and beside it that stay while the result of `make` does: the median of several trials. */
export function retainedBytes(make: () => unknown, trials = 3): number {
  const collect = (globalThis as { gc?: () => void }).gc;
  if (!collect) throw new Error("run this with --v8-flags=--single-threaded,--expose-gc");
  const used = () => {
    collect();
    collect();
    const { used_heap_size, external_memory } = v8.getHeapStatistics();
    return used_heap_size + external_memory;
  };
  const samples = new Float64Array(trials);
  for (let trial = 0; trial < trials; trial++) {
    const before = used();
    let kept = make();
    samples[trial] = used() - before;
    // Until here it was in use, and from here on it is garbage, which the next trial must not find freed halfway.
    if (kept) kept = undefined;
  }
  return samples.toSorted()[trials >> 1];
}

/** Bytes an entry by container, at each of the sizes. */
export function measureAll(): Record<string, number[]> {
  const result: Record<string, number[]> = {};
  for (const size of sizes) {
    const keys = Array.from({ length: size }, (_, i) => `key${i}`);
    // An object's names are kept in V8's table of names; they are put there before.
    containers["object, text keys"](keys);
    for (const [name, make] of Object.entries(containers)) {
      (result[name] ??= []).push(retainedBytes(() => make(keys)) / size);
    }
  }
  return result;
}

if (import.meta.main) {
  const bytes = measureAll();
  console.log("bytes an entry".padEnd(20), ...sizes.map((size) => `${size} entries`.padStart(14)));
  for (const [name, each] of Object.entries(bytes)) {
    console.log(name.padEnd(20), ...each.map((value) => value.toFixed(1).padStart(14)));
  }
  const [full, grown] = bytes["Map, integers"];
  if (!(full > 27 && full < 30 && grown > 54 && grown < 58)) throw new Error(`a Map took ${full} and ${grown}`);
}
