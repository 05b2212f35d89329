/**
 * The size of a value from how much the heap grows by a thousand of its kind.
 *
 * What to notice: this knows nothing of layouts and is right for that reason: spare room, closures, texts in pieces,
 * all is seen. It takes a heap to itself, two flags and a way to make the value again and again, and it cannot look at
 * one that already exists. What all copies share, as the shape of an object, falls out. Shared buffers it does not see:
 * V8 leaves their bytes to others to count. An expression can be given, in which `i` is the number of the copy:
 *
 *     deno run --v8-flags=--single-threaded,--expose-gc ch12/getsizeof/size_by_heap_difference.ts "new Map([[i, {}]])"
 *
 * @original 12_less_ram/getsizeof/asizeof.py
 * @run deno run --v8-flags=--single-threaded,--expose-gc ch12/getsizeof/size_by_heap_difference.ts
 * @takes 2 s
 */

import v8 from "node:v8";

/** A kind of value, and what of it someone cannot see who only walks from property to property. */
export interface Example {
  make: (i: number) => unknown;
  unseen?: string;
}

class Point {
  constructor(public x: number, public y: number) {}
}

class Hidden {
  #secret: number[];
  constructor(i: number) {
    this.#secret = [i, i, i];
  }
  get sum() {
    return this.#secret.length;
  }
}

const hundred = Array.from({ length: 100 }, (_, i) => i);

/** Texts in one piece; a sum of texts is two pieces until somebody reads it. */
const latin = (i: number) => [i + 100_000, "latin".padEnd(94, ".")].join("");
const greek = (i: number) => [i + 100_000, "αβγ".padEnd(94, ".")].join("");

/** Copy number `i` differs from every other, or its parts would be shared. */
export const examples: Record<string, Example> = {
  "small integer": { make: (i) => i },
  "fraction": { make: (i) => i + 0.5 },
  "bigint of 200 bits": { make: (i) => 2n ** 199n + BigInt(i) },
  "text of 100, Latin": { make: latin },
  "text of 100, Greek": { make: greek },
  "text of two pieces": { make: (i) => latin(i) + greek(i), unseen: "the pieces" },
  "{}": { make: () => ({}) },
  "{ x: 1, y: 2 }": { make: (i) => ({ x: i, y: i }) },
  "{ re: 0.5, im: 1.5 }": { make: (i) => ({ re: i + 0.5, im: i + 1.5 }) },
  // Objects of one shape agree on how they hold a field: after a fraction, whole numbers are put into boxes too.
  "{ t: 1 } after { t: 0.5 }": { make: (i) => [{ t: i + 0.5 }, { t: i }].pop(), unseen: "boxes" },
  "new Point(1, 2)": { make: (i) => new Point(i, i) },
  "object grown to six": {
    make(i) {
      const object: Record<string, number> = {};
      for (const name of ["a", "b", "c", "d", "e", "f"]) object[name] = i;
      return object;
    },
    unseen: "spare room",
  },
  "object without prototype": { make: (i) => Object.assign(Object.create(null), { x: i }) },
  "private field": { make: (i) => new Hidden(i), unseen: "private fields" },
  "100 integers": { make: () => hundred.slice() },
  "100 integers, pushed": {
    make() {
      const array: number[] = [];
      for (const value of hundred) array.push(value);
      return array;
    },
    unseen: "spare room",
  },
  "100 fractions": { make: (i) => hundred.map((value) => value + i + 0.5) },
  "100 fractions, one text": { make: (i) => hundred.map((value) => value === 0 ? "none" : value + i + 0.5) },
  "100 texts": { make: (i) => hundred.map((value) => latin(100 * i + value)) },
  "100 pairs": { make: (i) => hundred.map((value) => [value, i]) },
  "Map of 100": { make: (i) => new Map(hundred.map((value) => [value, i])) },
  "Set of 100": { make: () => new Set(hundred) },
  "Float64Array of 100": { make: () => new Float64Array(100) },
  "two views of 1000 bytes": {
    make() {
      const { buffer } = new Uint8Array(1000);
      return [new Uint8Array(buffer, 0, 500), new DataView(buffer, 500)];
    },
  },
  "SharedArrayBuffer of 1000": { make: () => new SharedArrayBuffer(1000) },
  "Date": { make: (i) => new Date(i) },
  "RegExp": { make: (i) => new RegExp(`x{${i % 5}}`), unseen: "shared code" },
  "closure over two": {
    make(i) {
      const a = i + 0.5, b = [i];
      return () => [a, b];
    },
    unseen: "closures",
  },
  "tree of 127 nodes": {
    make(i) {
      const grow = (depth: number): unknown =>
        depth === 0 ? null : ({ left: grow(depth - 1), right: grow(depth - 1), value: i });
      return grow(7);
    },
  },
  "cycle of two": {
    make() {
      const one: Record<string, unknown> = { other: null };
      one.other = { other: one };
      return one;
    },
  },
  "one object, held 100 times": { make: (i) => new Array(100).fill({ x: i, y: i }) },
};

/** Bytes on the heap and beside it of one value, from `copies` of it: the median of three trials. */
export function bytesEach(make: (i: number) => unknown, copies = 1000): number {
  if (!(Number.isInteger(copies) && copies > 0)) {
    throw new RangeError(`copies: ${copies} must be a whole number from 1`);
  }
  const collect = (globalThis as { gc?: () => void }).gc;
  if (!collect) throw new Error("run this with --v8-flags=--single-threaded,--expose-gc");
  const used = () => {
    collect();
    collect();
    const { used_heap_size, external_memory } = v8.getHeapStatistics();
    return used_heap_size + external_memory;
  };
  // Made once before, so that its shape and its code are there, and in a place that holds any value.
  const kept: unknown[] = new Array(copies).fill("nothing");
  for (let i = 0; i < copies; i++) kept[i] = make(i);
  const trials = [1, 2, 3].map((trial) => {
    kept.fill(null);
    const before = used();
    for (let i = 0; i < copies; i++) kept[i] = make(trial * copies + i);
    return (used() - before) / copies;
  });
  // What is kept is looked at once more, so that it is not thrown away before.
  if (kept.length !== copies) throw new Error("lost");
  return trials.toSorted((a, b) => a - b)[1];
}

/** The bytes of every example. */
export function measureExamples(): Record<string, number> {
  return Object.fromEntries(Object.entries(examples).map(([name, { make }]) => [name, bytesEach(make)]));
}

if (import.meta.main) {
  const [expression, ...more] = Deno.args;
  try {
    if (more.length > 0) throw new SyntaxError(`one expression, not ${Deno.args.length}; put it into quotes`);
    const chosen = expression === undefined
      ? Object.entries(examples)
      : [[expression, { make: new Function("i", `return (${expression}\n)`) }] as [string, Example]];
    for (const [name, { make }] of chosen) {
      console.log(`${name.padEnd(28)} ${bytesEach(make).toFixed(1).padStart(9)} bytes`);
    }
  } catch (error) {
    console.error(`error: ${expression ?? ""}: ${(error as Error).message}`);
    Deno.exit(2);
  }
  const point = bytesEach(examples["{ x: 1, y: 2 }"].make);
  if (Math.abs(point - 40) > 1) throw new Error(`an object with two small integers takes 40 bytes, not ${point}`);
}
