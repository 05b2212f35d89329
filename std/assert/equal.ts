// Stands in for `@std/assert/equal`.

/** Pairs of objects taken for equal while they are being compared, which ends the walk in cyclic values. */
type OpenPairs = Map<object, object>;

/** Objects that say all about themselves when turned into text. */
const TELLING_AS_TEXT: unknown[] = [RegExp, URL, URLSearchParams].map((type) => type.prototype);

/**
 * Tells whether two values are deeply equal.
 *
 * `NaN` equals `NaN` and `0` equals `-0`. Objects must share their prototype (plain ones and ones without a prototype
 * pass for the same) and their keys, symbols too; a key with value `undefined` is not a missing key. Dates compare by
 * time, expressions and URLs as text, sets and maps in any order and with deeply equal keys. Instances of classes
 * compare by what is on the instance and by the getters of the class; private fields are out of sight.
 *
 * @param a One value.
 * @param b The other value.
 * @throws {TypeError} On two WeakMaps or two WeakSets, whose contents cannot be read.
 */
export function equal(a: unknown, b: unknown): boolean {
  return same(a, b, new Map());
}

function same(a: unknown, b: unknown, open: OpenPairs): boolean {
  if (a === b || Object.is(a, b)) return true;
  if (!isObject(a) || !isObject(b)) return false;
  if (a instanceof Date && b instanceof Date) return Object.is(a.getTime(), b.getTime());
  if (kindOf(a) !== kindOf(b)) return false;
  if (a instanceof WeakMap || a instanceof WeakSet) {
    throw new TypeError(`Cannot compare ${a instanceof WeakMap ? "WeakMap" : "WeakSet"} instances`);
  }
  if (a instanceof WeakRef) return same(a.deref(), (b as WeakRef<WeakKey>).deref(), open);
  if (open.get(a) === b) return true;
  open.set(a, b);
  const result = sameContents(a, b, open);
  // Only a pair found equal may count as known: a set may try it again.
  if (!result) open.delete(a);
  return result;
}

/** Compares two different objects of one kind. */
function sameContents(a: object, b: object, open: OpenPairs): boolean {
  const [items, otherItems] = [numbersOf(a), numbersOf(b)];
  if (items && otherItems) {
    return items.length === otherItems.length && items.every((item, i) => same(item, otherItems[i], open));
  }
  if (Object.keys(a).length !== Object.keys(b).length) return false;
  if (a instanceof Map) return sameEntries(a, b as typeof a, open);
  if (a instanceof Set) return sameEntries(new Map(a.entries()), new Map((b as typeof a).entries()), open);
  if (TELLING_AS_TEXT.includes(Object.getPrototypeOf(a))) return String(a) === String(b);
  return keysToCompare(a, b).every((key) =>
    (key in a) === (key in b) && same(a[key as keyof typeof a], b[key as keyof typeof b], open)
  );
}

/** Looks primitive keys up and searches for others, as an equal object need not be the same object. */
function sameEntries(a: Map<unknown, unknown>, b: Map<unknown, unknown>, open: OpenPairs): boolean {
  if (a.size !== b.size) return false;
  const others = [...b];
  return [...a].every(([key, value]) =>
    isObject(key) || typeof key === "function"
      ? others.some(([k, v]) => same(key, k, open) && same(value, v, open))
      : b.has(key) && same(value, b.get(key), open)
  );
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** The prototype; objects without one count as plain objects. */
function kindOf(value: object): object {
  return Object.getPrototypeOf(value) ?? Object.prototype;
}

/** The numbers of a typed array or the bytes of a buffer. */
function numbersOf(value: object): Uint8Array | undefined {
  // Any typed array will do, as all are read alike.
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) return value as Uint8Array;
  if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) return new Uint8Array(value);
}

/** Enumerable keys of plain objects and arrays; of other objects all keys, and those of their classes. */
function keysToCompare(a: object, b: object): PropertyKey[] {
  const builtIn: unknown[] = [Object.prototype, Array.prototype];
  if (builtIn.includes(kindOf(a))) return Reflect.ownKeys({ ...a, ...b });
  const keys = new Set<PropertyKey>();
  for (let level of [a, b]) {
    while (level && !builtIn.includes(level)) {
      for (const key of Reflect.ownKeys(level)) keys.add(key);
      level = Object.getPrototypeOf(level);
    }
  }
  return [...keys];
}
