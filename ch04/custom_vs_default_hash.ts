/**
 * A map that asks for a hash and an equality, as dict does of a class, against the built-in Map, which asks nobody.
 *
 * What to notice: the built-in Map hands out for an object a random hash that is stored in it, and finds only that very
 * object again. HashMap keeps, in a built-in Map, a list of entries for each hash, and asks `equals` which of them it is.
 * Two rules make it right, and they are the caller's duty: what is equal must have the same hash, and a key must not change
 * while it is in the map. The second is broken at the end, and the entry is lost although it is there.
 *
 * @original 04_dict_set/custom_vs_default_hash.py
 * @run deno run ch04/custom_vs_default_hash.ts
 * @takes 1 s
 */

export interface Keying<K> {
  /** Any number; equal keys must have equal hashes. */
  hash(key: K): number;
  equals(a: K, b: K): boolean;
}

/** A map with keys compared by `equals`. Does not remember the order of insertion. */
export class HashMap<K, V> {
  #buckets = new Map<number, { key: K; value: V }[]>();
  #size = 0;

  constructor(readonly keying: Keying<K>) {}

  get size(): number {
    return this.#size;
  }

  get(key: K): V | undefined {
    const bucket = this.#buckets.get(this.keying.hash(key));
    if (bucket) { for (const entry of bucket) if (this.keying.equals(entry.key, key)) return entry.value; }
    return undefined;
  }

  set(key: K, value: V): this {
    const hash = this.keying.hash(key), bucket = this.#buckets.get(hash);
    if (!bucket) {
      this.#buckets.set(hash, [{ key, value }]);
    } else {
      const entry = bucket.find((entry) => this.keying.equals(entry.key, key));
      if (entry) {
        entry.value = value;
        return this;
      }
      bucket.push({ key, value });
    }
    this.#size++;
    return this;
  }

  delete(key: K): boolean {
    const hash = this.keying.hash(key), bucket = this.#buckets.get(hash);
    const index = bucket?.findIndex((entry) => this.keying.equals(entry.key, key)) ?? -1;
    if (!bucket || index < 0) return false;
    bucket.splice(index, 1);
    if (bucket.length === 0) this.#buckets.delete(hash);
    this.#size--;
    return true;
  }
}

export interface Point {
  x: number;
  y: number;
}

/** Equal if both coordinates are. -0 is 0 and NaN is NaN, as in a Map, and their hashes are the same. */
export const byValue: Keying<Point> = {
  hash: ({ x, y }) => Math.imul(x, 73856093) ^ Math.imul(y, 19349663),
  equals: (a, b) => sameValueZero(a.x, b.x) && sameValueZero(a.y, b.y),
};

/** The same equality with a hash that tells nothing: right, and slow. */
export const byValueConstant: Keying<Point> = { hash: () => 42, equals: byValue.equals };

function sameValueZero(a: number, b: number): boolean {
  return a === b || (a !== a && b !== b);
}

if (import.meta.main) {
  const width = 40;
  const points = () => Array.from({ length: width ** 2 }, (_, i) => ({ x: i % width, y: Math.floor(i / width) }));
  const stored = points(), asked = points();
  const maps = {
    "Map, by identity": new Map<Point, number>(),
    "HashMap, by value": new HashMap<Point, number>(byValue),
    "HashMap, constant hash": new HashMap<Point, number>(byValueConstant),
  };
  for (const [name, map] of Object.entries(maps)) {
    stored.forEach((point, i) => map.set(point, i));
    const find = (keys: Point[]) => {
      let found = 0;
      for (const key of keys) if (map.get(key) !== undefined) found++;
      return found;
    };
    let shortest = Infinity;
    for (let repeat = 0; repeat < 5; repeat++) {
      const start = performance.now();
      find(stored);
      shortest = Math.min(shortest, performance.now() - start);
    }
    const same = find(stored), equal = find(asked);
    if (same !== stored.length || equal !== (map instanceof Map ? 0 : stored.length)) {
      throw new Error(`${name}: ${equal}`);
    }
    const nanoseconds = (shortest / stored.length * 1e6).toFixed(0);
    console.log(`${name.padEnd(23)} finds ${same} of the same, ${equal} of equal points; ${nanoseconds} ns a lookup`);
  }
  const map = maps["HashMap, by value"];
  stored[7].x = -1;
  if (map.get(stored[7]) !== undefined || map.get(asked[7]) !== undefined) throw new Error("the changed key was found");
  console.log(`after a key was changed it is found by neither value, though the size is still ${map.size}`);
}
