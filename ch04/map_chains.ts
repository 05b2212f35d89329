/**
 * How V8's Map finds a key: chains, and for small integers a hash that is the same in every process.
 *
 * What to notice: V8 does not probe. Its table holds the entries in the order of insertion, each with a link to
 * the one before it in the same bucket, and half as many buckets as there is room for entries; that is why a Map has an order,
 * and why iterating it is a walk through memory. A lookup follows a chain of two entries or so. The hash of an integer of 31
 * bits is a fixed function, written out below: whoever knows it can choose keys that all fall into one bucket. That is done
 * here, to the running V8: if the function is right, a Map of such keys becomes a list, and a lookup grows with its size.
 * If V8 changes its hash, the last line says so.
 *
 * @original 04_dict_set/dict_probing.py, whose question V8 answers in another way
 * @run deno run ch04/map_chains.ts
 * @takes 2 s
 */

/** The hash of a small integer in V8 (ComputeUnseededHash): 30 bits. */
export function hashInteger(key: number): number {
  let hash = key | 0;
  hash = ~hash + (hash << 15);
  hash ^= hash >>> 12;
  hash = (hash + (hash << 2)) | 0;
  hash ^= hash >>> 4;
  hash = Math.imul(hash, 2057);
  hash ^= hash >>> 16;
  return hash & 0x3fffffff;
}

/** A set of integers as V8's OrderedHashMap keeps it, growing by doubling; it can say how long its chains are. */
export class ChainedTable {
  #buckets: Int32Array;
  #keys: Int32Array;
  #chain: Int32Array;
  #size = 0;

  constructor(capacity = 4) {
    this.#buckets = new Int32Array(capacity / 2).fill(-1);
    this.#keys = new Int32Array(capacity);
    this.#chain = new Int32Array(capacity);
  }

  /** The entries compared until the key is found, or until there are no more. */
  steps(key: number): number {
    let steps = 0;
    for (let entry = this.#buckets[this.#bucket(key)]; entry >= 0; entry = this.#chain[entry]) {
      steps++;
      if (this.#keys[entry] === key) break;
    }
    return steps;
  }

  has(key: number): boolean {
    for (let entry = this.#buckets[this.#bucket(key)]; entry >= 0; entry = this.#chain[entry]) {
      if (this.#keys[entry] === key) return true;
    }
    return false;
  }

  add(key: number): this {
    if (this.has(key)) return this;
    if (this.#size === this.#keys.length) {
      const grown = new ChainedTable(2 * this.#size);
      for (const key of this.keys()) grown.add(key);
      [this.#buckets, this.#keys, this.#chain] = [grown.#buckets, grown.#keys, grown.#chain];
    }
    const bucket = this.#bucket(key), entry = this.#size++;
    this.#keys[entry] = key;
    this.#chain[entry] = this.#buckets[bucket];
    this.#buckets[bucket] = entry;
    return this;
  }

  /** In the order of insertion. */
  keys(): Int32Array {
    return this.#keys.subarray(0, this.#size);
  }

  #bucket(key: number): number {
    return hashInteger(key) & (this.#buckets.length - 1);
  }
}

/** The first so many integers from 0 that fall into one bucket of all tables of up to 2^`bits` buckets. */
export function collidingKeys(count: number, bits = 12): number[] {
  const mask = (1 << bits) - 1, keys: number[] = [];
  for (let key = 0; keys.length < count; key++) if ((hashInteger(key) & mask) === 5) keys.push(key);
  return keys;
}

/** As many integers, as far apart, that do not collide more than others. */
export function spreadKeys(count: number, bits = 12): number[] {
  return Array.from({ length: count }, (_, i) => i << bits);
}

/** Looks up each key; gives the number found. */
export function lookUpAll(map: { has(key: number): boolean }, keys: readonly number[]): number {
  let found = 0;
  for (const key of keys) if (map.has(key)) found++;
  return found;
}

if (import.meta.main) {
  console.log("    keys    spread: steps, ns      in one bucket: steps, ns");
  const times: number[] = [];
  for (const count of [500, 1000, 2000, 4000]) {
    const cells = [spreadKeys, collidingKeys].flatMap((make) => {
      const keys = make(count), map = new Map(keys.map((key) => [key, key]));
      const table = keys.reduce((table, key) => table.add(key), new ChainedTable());
      const steps = keys.reduce((sum, key) => sum + table.steps(key), 0) / count;
      let shortest = Infinity;
      for (let repeat = 0; repeat < 5; repeat++) {
        const start = performance.now();
        if (lookUpAll(map, keys) !== count) throw new Error("a key was not found");
        shortest = Math.min(shortest, performance.now() - start);
      }
      times.push(shortest);
      return [steps.toFixed(2), (shortest / count * 1e6).toFixed(0)];
    });
    console.log(`${count}`.padStart(8), ...cells.map((cell, i) => cell.padStart([16, 8, 18, 10][i])));
  }
  const slower = times.at(-1)! / times.at(-2)!;
  console.log(
    slower > 5
      ? `in one bucket a lookup takes ${slower.toFixed(0)}x as long: V8 ${Deno.version.v8} hashes integers as above`
      : `no slower in one bucket: V8 ${Deno.version.v8} hashes integers in another way than above`,
  );
}
