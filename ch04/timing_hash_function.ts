/**
 * A small hash table that takes its hash function: ideal, good, bad, constant, and no table at all.
 *
 * What to notice: the table is the same, with open addressing and CPython's way of trying further slots. The keys are all
 * pairs of two letters. The ideal hash numbers the pairs, so that hardly any two of them meet. FNV-1a knows nothing of them
 * and is nearly as good. A hash of the first letter alone lets 26 keys meet, and the constant all 676: a lookup is then a
 * search through all others, and slower than a search through an array, which at least has them side by side. The
 * probes, the slots looked at, say how good a hash is; the time also says what the hash itself costs.
 *
 * @original 04_dict_set/timing_hash_function.py
 * @run deno run ch04/timing_hash_function.ts
 * @takes 1 s
 */

export type Hash = (key: string) => number;

/** Maps strings to values by open addressing; no deletion. At most two thirds full, as CPython's. */
export class HashTable<V> {
  #keys: (string | undefined)[] = new Array(8).fill(undefined);
  #values: (V | undefined)[] = new Array(8).fill(undefined);
  #size = 0;
  /** Slots looked at since the table was made, or since somebody set this to 0. */
  probes = 0;

  /** @param hash gives any 32-bit integer */
  constructor(readonly hash: Hash) {}

  get size(): number {
    return this.#size;
  }

  get(key: string): V | undefined {
    return this.#values[this.#slot(key)];
  }

  set(key: string, value: V): void {
    const slot = this.#slot(key);
    if (this.#keys[slot] === undefined) {
      if (3 * (this.#size + 1) > 2 * this.#keys.length) {
        this.#grow();
        return this.set(key, value);
      }
      this.#size++;
    }
    this.#keys[slot] = key;
    this.#values[slot] = value;
  }

  /** The slot that holds the key or, if none does, the empty one where it belongs. */
  #slot(key: string): number {
    const keys = this.#keys, mask = keys.length - 1;
    let perturb = this.hash(key) >>> 0, slot = perturb & mask;
    for (;;) {
      this.probes++;
      const other = keys[slot];
      if (other === undefined || other === key) return slot;
      perturb >>>= 5;
      slot = (5 * slot + perturb + 1) & mask;
    }
  }

  #grow(): void {
    const keys = this.#keys, values = this.#values;
    this.#keys = new Array(2 * keys.length).fill(undefined);
    this.#values = new Array(2 * keys.length).fill(undefined);
    this.#size = 0;
    for (const [i, key] of keys.entries()) if (key !== undefined) this.set(key, values[i]!);
  }
}

/** From the best to the worst. */
export const hashes: Record<string, Hash> = {
  ideal: (key) => key.charCodeAt(0) - 97 + 26 * (key.charCodeAt(1) - 97),
  fnv1a: (key) => {
    let hash = 0x811c9dc5;
    for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
    return hash;
  },
  first_letter: (key) => key.charCodeAt(0),
  constant: () => 42,
};

/** All pairs of two letters: 676. */
export function makeKeys(): string[] {
  const letters = [..."abcdefghijklmnopqrstuvwxyz"];
  return letters.flatMap((a) => letters.map((b) => String.fromCharCode(a.charCodeAt(0), b.charCodeAt(0))));
}

/** A table of all keys, each with its number. */
export function fill(hash: Hash, keys: readonly string[] = makeKeys()): HashTable<number> {
  const table = new HashTable<number>(hash);
  for (const [i, key] of keys.entries()) table.set(key, i);
  return table;
}

/** Looks each key up once; the sum of what is found. */
export function lookUpAll(table: { get(key: string): number | undefined }, keys: readonly string[]): number {
  let sum = 0;
  for (const key of keys) sum += table.get(key)!;
  return sum;
}

/** The same by search, in an array of keys. */
export function searchAll(array: readonly string[], keys: readonly string[]): number {
  let sum = 0;
  for (const key of keys) sum += array.indexOf(key);
  return sum;
}

if (import.meta.main) {
  const keys = makeKeys(), expected = keys.length * (keys.length - 1) / 2;
  const report = (name: string, lookUp: () => number, probes?: () => number) => {
    let shortest = Infinity, sum = 0;
    for (let repeat = 0; repeat < 20; repeat++) {
      const start = performance.now();
      sum = lookUp();
      shortest = Math.min(shortest, performance.now() - start);
    }
    if (sum !== expected) throw new Error(`${name}: the sum is ${sum}, not ${expected}`);
    const nanoseconds = (shortest / keys.length * 1e6).toFixed(0);
    const each = probes ? `${(probes() / keys.length).toFixed(2)} probes` : "";
    console.log(name.padEnd(14), `${nanoseconds} ns a lookup`.padStart(18), each.padStart(15));
  };
  for (const [name, hash] of Object.entries(hashes)) {
    const table = fill(hash, keys);
    report(name, () => (table.probes = 0, lookUpAll(table, keys)), () => table.probes);
  }
  report("array", () => searchAll([...keys], keys));
  const map = new Map(keys.map((key, i) => [key, i]));
  report("built-in Map", () => lookUpAll(map, keys));
}
