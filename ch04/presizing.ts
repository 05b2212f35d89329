/**
 * Filling a Map that grows, one whose table is already large enough, and what needs no table.
 *
 * What to notice: a Map cannot be told how large it will be, as CPython's dict cannot. It doubles its table ten times and more
 * on the way, and copies all entries each time. How much that costs is seen by writing to the same keys once more, when
 * nothing grows. A Map made from pairs grows just the same, and the pairs come on top. The remedy is another key: numbers
 * from 0 up belong into an array, or a typed array, whose length can be given.
 *
 * @original none, chapter 4's question on how the performance of a dictionary is optimised
 * @run deno run ch04/presizing.ts
 * @takes 1 s
 */

/** Each puts i at i for all i below `count`, and gives what it filled. */
export function fills(count: number): Record<string, () => { get(i: number): number | undefined }> {
  const full = new Map<number, number>();
  for (let i = 0; i < count; i++) full.set(i, i);
  return {
    "Map, growing": () => {
      const map = new Map<number, number>();
      for (let i = 0; i < count; i++) map.set(i, i);
      return map;
    },
    "Map, from pairs": () => new Map(Array.from({ length: count }, (_, i): [number, number] => [i, i])),
    "Map, same keys again": () => {
      for (let i = 0; i < count; i++) full.set(i, i);
      return full;
    },
    "array, pushed": () => {
      const array: number[] = [];
      for (let i = 0; i < count; i++) array.push(i);
      return { get: (i) => array[i] };
    },
    "Int32Array": () => {
      const array = new Int32Array(count);
      for (let i = 0; i < count; i++) array[i] = i;
      return { get: (i) => array[i] };
    },
  };
}

if (import.meta.main) {
  const count = 100_000;
  for (const [name, fill] of Object.entries(fills(count))) {
    let shortest = Infinity;
    for (let repeat = 0; repeat < 15; repeat++) {
      const start = performance.now(), filled = fill();
      shortest = Math.min(shortest, performance.now() - start);
      if (filled.get(count - 1) !== count - 1) throw new Error(`${name} lacks its last entry`);
    }
    console.log(name.padEnd(21), `${(shortest / count * 1e6).toFixed(1)} ns an entry`.padStart(18));
  }
}
