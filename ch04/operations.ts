/**
 * Insertion, lookup, deletion and iteration: Map, object and Set, and an array of pairs for comparison.
 *
 * What to notice: in a Map each of the four costs about the same for an entry whether there are a hundred or ten thousand; the
 * array of pairs searches, so that its cost grows with its size. An object keeps up with text keys while nothing is
 * deleted and nothing is iterated; both are what Map was made for. An object that began as `{}` also has keys that nobody put
 * there ("constructor"), takes every key for a text, and gives those that are whole numbers first. (Where it has them from,
 * its prototype, Node also keeps a "__proto__", which cannot be used as a key; Deno has removed it.)
 *
 * @original none, chapter 4's questions on what dictionaries are good for and how they are optimised
 * @run deno run ch04/operations.ts
 * @takes 2 s
 */

/** One way to keep entries. All keys given to `lookUp` and `remove` are in it. */
export interface Container<C = unknown> {
  insert(keys: readonly string[]): C;
  /** The sum of all values, each found by its key. */
  lookUp(container: C, keys: readonly string[]): number;
  /** The sum of all values, or of the lengths of the keys of a Set. */
  iterate(container: C): number;
  /** Gives the entries left. */
  remove(container: C, keys: readonly string[]): number;
}

const map: Container<Map<string, number>> = {
  insert(keys) {
    const map = new Map<string, number>();
    for (let i = 0; i < keys.length; i++) map.set(keys[i], i);
    return map;
  },
  lookUp(map, keys) {
    let sum = 0;
    for (const key of keys) sum += map.get(key)!;
    return sum;
  },
  iterate(map) {
    let sum = 0;
    for (const value of map.values()) sum += value;
    return sum;
  },
  remove(map, keys) {
    for (const key of keys) map.delete(key);
    return map.size;
  },
};

const object: Container<Record<string, number>> = {
  insert(keys) {
    const object: Record<string, number> = Object.create(null);
    for (let i = 0; i < keys.length; i++) object[keys[i]] = i;
    return object;
  },
  lookUp(object, keys) {
    let sum = 0;
    for (const key of keys) sum += object[key];
    return sum;
  },
  iterate(object) {
    let sum = 0;
    for (const key in object) sum += object[key];
    return sum;
  },
  remove(object, keys) {
    for (const key of keys) delete object[key];
    return Object.keys(object).length;
  },
};

const set: Container<Set<string>> = {
  insert(keys) {
    const set = new Set<string>();
    for (const key of keys) set.add(key);
    return set;
  },
  lookUp(set, keys) {
    let sum = 0;
    for (let i = 0; i < keys.length; i++) if (set.has(keys[i])) sum += i;
    return sum;
  },
  iterate(set) {
    let sum = 0;
    for (const key of set) sum += key.length;
    return sum;
  },
  remove(set, keys) {
    for (const key of keys) set.delete(key);
    return set.size;
  },
};

const pairs: Container<[string, number][]> = {
  insert(keys) {
    const pairs: [string, number][] = [];
    for (let i = 0; i < keys.length; i++) pairs.push([keys[i], i]);
    return pairs;
  },
  lookUp(pairs, keys) {
    let sum = 0;
    for (const key of keys) {
      for (const [other, value] of pairs) {
        if (other !== key) continue;
        sum += value;
        break;
      }
    }
    return sum;
  },
  iterate(pairs) {
    let sum = 0;
    for (const [, value] of pairs) sum += value;
    return sum;
  },
  remove(pairs, keys) {
    for (const key of keys) pairs.splice(pairs.findIndex(([other]) => other === key), 1);
    return pairs.length;
  },
};

/** By name; what one gives is only for itself. */
export const containers = { map, object, set, pairs } as unknown as Record<string, Container>;

export const operations = ["insert", "lookUp", "iterate", "remove"] as const;
export type Operation = typeof operations[number];

/** So many different keys. */
export function makeKeys(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `key${i}`);
}

/** The keys in another order, the same each time: a walk by a step that has no factor in common with their number. */
export function reordered(keys: readonly string[]): string[] {
  let step = Math.floor(keys.length * 0.618) | 1;
  const common = (a: number, b: number): number => b === 0 ? a : common(b, a % b);
  while (common(step, keys.length) !== 1) step += 2;
  return keys.map((_, i) => keys[i * step % keys.length]);
}

/**
 * Nanoseconds an entry, each the least of some repeats, a fresh container for each. Throws if an operation comes to a wrong
 * result.
 */
export function timeOperations(container: Container, count: number, repeats: number): Record<Operation, number> {
  const keys = makeKeys(count), order = reordered(keys), times = { insert: 0, lookUp: 0, iterate: 0, remove: 0 };
  for (const operation of operations) times[operation] = Infinity;
  const expected = count * (count - 1) / 2, letters = keys.reduce((sum, key) => sum + key.length, 0);
  for (let repeat = 0; repeat < repeats; repeat++) {
    const moments = [performance.now()];
    const filled = container.insert(keys);
    moments.push(performance.now());
    const found = container.lookUp(filled, keys);
    moments.push(performance.now());
    const seen = container.iterate(filled);
    moments.push(performance.now());
    const left = container.remove(filled, order);
    moments.push(performance.now());
    if (found !== expected || left !== 0 || (seen !== expected && seen !== letters)) {
      throw new Error(`${found} found and ${seen} seen, not ${expected}; ${left} left, not 0`);
    }
    for (const [i, operation] of operations.entries()) {
      times[operation] = Math.min(times[operation], (moments[i + 1] - moments[i]) / count * 1e6);
    }
  }
  return times;
}

if (import.meta.main) {
  console.log("nanoseconds an entry".padEnd(24), ...operations.map((operation) => operation.padStart(9)));
  for (const [name, container] of Object.entries(containers)) {
    for (const count of [100, 1000, 10_000]) {
      if (name === "pairs" && count > 1000) continue;
      const times = timeOperations(container, count, Math.max(10, Math.min(300, 100_000 / count)));
      const cells = operations.map((operation) => times[operation].toFixed(1).padStart(9));
      console.log(name.padEnd(12), `${count}`.padStart(11), ...cells);
    }
  }
}
