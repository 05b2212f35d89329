/**
 * The same whole numbers in arrays, objects, BigInts and typed arrays: bytes a number, and the time to add them up.
 *
 * What to notice: an array of small integers or of fractions takes 8 bytes a number, as a Float64Array does: V8 keeps
 * both unboxed, and where Python's list needs array.array, a typed array saves memory only by its width. What is dear
 * is anything that makes every number an object: fractions among other things (24), a BigInt (32), an object with one
 * field (40). One text among fractions is enough, and there is no way back. Gaps between sorted
 * numbers are narrower than the numbers, so they fit into two bytes, or one.
 *
 * @original 12_less_ram, the book's array.array and numpy against list
 * @run deno run --v8-flags=--single-threaded,--expose-gc ch12/numbers/containers.ts
 * @takes 2 s
 */

import v8 from "node:v8";

/** Something that holds numbers and can add them up. */
export interface Holder {
  sum(): number;
}

type Numbers = number[] | Float64Array | Float32Array | Uint32Array | Uint16Array | Uint8Array;

let copies = 0;

/**
 * Compiles a function anew, though V8 knows its text: each kind of array gets code that knows only that kind.
 *
 * It is called for a few thousand numbers at a time. V8 compiles a loop that runs for long while it runs, for what has
 * been seen by then; if what comes behind the loop has not, every call runs into the end of that code, and begins
 * without any.
 */
function fresh(body: string): (array: Numbers) => number {
  const sum = new Function("array", "from", "end", "before", `// copy ${copies++}\n${body}`);
  return (array) => {
    // The last number of the piece before, where only gaps are known.
    const before = Int32Array.of(0);
    let total = 0;
    for (let from = 0; from < array.length; from += 4096) {
      total += sum(array, from, Math.min(from + 4096, array.length), before);
    }
    return total;
  };
}

/** Four sums in turn do not wait for each other. */
const sumOfFractions = () =>
  fresh(
    `let a = 0, b = 0, c = 0, d = 0, i = from;
    for (; i + 4 <= end; i += 4) {
      a += array[i];
      b += array[i + 1];
      c += array[i + 2];
      d += array[i + 3];
    }
    for (; i < end; i++) a += array[i];
    return a + b + c + d;`,
  );

/** Eight numbers below 2 ** 24 are added as integers, which takes less than to make a fraction of each. */
const sumOfIntegers = () =>
  fresh(
    `let total = 0, i = from;
    for (; i + 8 <= end; i += 8) {
      total += array[i] + array[i + 1] + array[i + 2] + array[i + 3] +
        array[i + 4] + array[i + 5] + array[i + 6] + array[i + 7] | 0;
    }
    for (; i < end; i++) total += array[i];
    return total;`,
  );

/** Holds all values in an array made by `make`. */
function inArray(
  sum: (array: Numbers) => number,
  make: (values: Uint32Array) => Numbers,
): (values: Uint32Array) => Holder {
  return (values) => {
    const array = make(values);
    return { sum: () => sum(array) };
  };
}

/** The differences of neighbours, in an array of the given kind. Throws a RangeError if one does not fit. */
function gaps<A extends Uint8Array | Uint16Array>(values: Uint32Array, array: A): A {
  for (let i = 0, last = 0; i < values.length; last = values[i++]) {
    array[i] = values[i] - last;
    if (array[i] !== values[i] - last) throw new RangeError(`gap ${values[i] - last} does not fit`);
  }
  return array;
}

/** Of four gaps the first is in four numbers, the last in one. */
const sumGaps = () =>
  fresh(
    `let last = before[0], total = 0, i = from;
    for (; i + 4 <= end; i += 4) {
      const a = array[i], b = array[i + 1], c = array[i + 2], d = array[i + 3];
      total += 4 * last + (4 * a + 3 * b + 2 * c + d);
      last = last + a + b + c + d | 0;
    }
    for (; i < end; i++) {
      last = last + array[i] | 0;
      total += last;
    }
    before[0] = last;
    return total;`,
  );
const sumGaps8 = sumGaps(), sumGaps16 = sumGaps();

/**
 * Ways to hold sorted whole numbers below 2 ** 24; the gaps of the last two must fit their width. `slice` is for arrays
 * without room to spare.
 */
export const containers: Record<string, (values: Uint32Array) => Holder> = {
  objects(values) {
    const objects = Array.from(values, (value) => ({ value })).slice();
    return {
      sum() {
        let total = 0;
        for (let i = 0; i < objects.length; i++) total += objects[i].value;
        return total;
      },
    };
  },
  BigInts(values) {
    const bigints = Array.from(values, BigInt).slice();
    return {
      sum() {
        let total = 0n;
        for (let i = 0; i < bigints.length; i++) total += bigints[i];
        return Number(total);
      },
    };
  },
  // Half is added so that the numbers are fractions, and a text once was among them.
  "array, fractions and text"(values) {
    const mixed = new Array(values.length).fill("text") as number[];
    for (let i = 0; i < values.length; i++) mixed[i] = values[i] + 0.5;
    return {
      sum() {
        let total = 0;
        for (let i = 0; i < mixed.length; i++) total += mixed[i] - 0.5;
        return total;
      },
    };
  },
  "array, fractions": inArray(sumOfFractions(), (values) => {
    const array = Array.from(values, (value) => value + 0.5).slice();
    for (let i = 0; i < array.length; i++) array[i] -= 0.5;
    return array;
  }),
  "array, small integers": inArray(sumOfIntegers(), (values) => Array.from(values).slice()),
  BigUint64Array(values) {
    const bigints = BigUint64Array.from(values, BigInt).slice();
    return {
      sum() {
        let total = 0n;
        for (let i = 0; i < bigints.length; i++) total = BigInt.asUintN(64, total + bigints[i]);
        return Number(total);
      },
    };
  },
  Float64Array: inArray(sumOfFractions(), (values) => Float64Array.from(values)),
  Float32Array: inArray(sumOfFractions(), (values) => Float32Array.from(values)),
  Uint32Array: inArray(sumOfIntegers(), (values) => values.slice()),
  "gaps, Uint16Array"(values) {
    const array = gaps(values, new Uint16Array(values.length));
    return { sum: () => sumGaps16(array) };
  },
  "gaps, Uint8Array"(values) {
    const array = gaps(values, new Uint8Array(values.length));
    return { sum: () => sumGaps8(array) };
  },
};

/** So many sorted numbers, each of those below 8 times as many with a chance of an eighth (a linear congruence). */
export function sortedNumbers(count: number): Uint32Array {
  const values = new Uint32Array(count);
  for (let i = 0, value = 0, state = 1; i < count; value++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    // As many as are still wanted, of as many as are left.
    if (state / 2 ** 32 * (8 * count - value) < count - i) values[i++] = value;
  }
  return values;
}

/** Bytes a number that each container takes, on the heap and beside it. */
export function measureBytes(count: number): Record<string, number> {
  const collect = (globalThis as { gc?: () => void }).gc;
  if (!collect) throw new Error("run this with --v8-flags=--single-threaded,--expose-gc");
  const used = () => {
    collect();
    collect();
    const { used_heap_size, external_memory } = v8.getHeapStatistics();
    return used_heap_size + external_memory;
  };
  const values = sortedNumbers(count);
  return Object.fromEntries(
    Object.entries(containers).map(([name, hold]) => {
      // Once before, so that its code and shapes exist.
      hold(values.subarray(0, 10)).sum();
      const before = used(), holder = hold(values), bytes = used() - before;
      if (!(holder.sum() > 0)) throw new Error(`${name} lost its numbers`);
      return [name, bytes / count];
    }),
  );
}

if (import.meta.main) {
  const count = 2 ** 18, values = sortedNumbers(count), bytes = measureBytes(count);
  const expected = values.reduce((sum, value) => sum + value, 0);
  console.log("".padEnd(26), "bytes a number".padStart(14), "ns to add one".padStart(14));
  for (const [name, hold] of Object.entries(containers)) {
    const holder = hold(values), times: number[] = [];
    for (let i = 0; i < 10; i++) {
      const start = performance.now();
      if (holder.sum() !== expected) throw new Error(`${name}: the sum is ${expected}, not ${holder.sum()}`);
      times.push((performance.now() - start) * 1e6 / count);
    }
    const [best] = times.sort((a, b) => a - b);
    console.log(name.padEnd(26), bytes[name].toFixed(1).padStart(14), best.toFixed(2).padStart(14));
  }
}
