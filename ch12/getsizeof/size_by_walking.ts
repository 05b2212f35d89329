/**
 * The deep size of a value by walking it, from what is known of how V8 lays things out.
 *
 * What to notice: it takes microseconds, no flag is needed, and what is held twice counts once. But the walk sees only
 * what the language shows. It takes every array for as long as it is, every object's properties for lying in the
 * object, every text for one piece, and equal texts for one; spare room, private fields and the variables of a closure
 * it cannot see. Where it knows that it guesses, it says so. An expression can be given, with `i` as a number in it:
 *
 *     deno run ch12/getsizeof/size_by_walking.ts "new Map([[i, { x: 1.5 }]])"
 *
 * The figures are those of a 64-bit V8 without compressed pointers, which Deno is: a word is 8 bytes, a small integer
 * has 32 bits and lies in the place where the pointer would be, any other number is a box of 16 bytes.
 *
 * @original 12_less_ram/getsizeof/asizeof.py
 * @run deno run ch12/getsizeof/size_by_walking.ts
 * @takes 1 s
 */

export interface Size {
  bytes: number;
  /** What was guessed, in words; empty where all of it is known. */
  guesses: string[];
}

/** The elements of an array or the words of another table: a header of two words, and the rest. */
const table = (words: number) => 16 + 8 * words;
const rounded = (bytes: number) => Math.ceil(bytes / 8) * 8;
const isSmallInteger = (value: number) => (value | 0) === value && !Object.is(value, -0);

/** Room for so many entries in a Map or Set that only ever grew: it doubles, from 4. */
const capacity = (size: number) => size <= 4 ? 4 : 2 ** Math.ceil(Math.log2(size));

/** An object used as a dictionary: three words a slot, at most two thirds of the slots used. */
const dictionary = (size: number) => table(6 + 3 * Math.max(4, 2 ** Math.ceil(Math.log2(size + (size >> 1)))));

/** The elements of a longer array are held in a dictionary. */
const longest = 2 ** 25;

/** Objects that are laid out in some other way than properties show. */
const objects: [constructor: abstract new (...args: never[]) => object, bytes: number, guess?: string][] = [
  [Date, 96],
  [RegExp, 48, "the code of a regular expression, which all with the same source share"],
  [Number, 32],
  [String, 32],
  [Boolean, 32],
  [Promise, 48, "what waits for a promise"],
  [WeakMap, 136, "the table of a WeakMap"],
  [WeakSet, 136, "the table of a WeakSet"],
  [WeakRef, 40, "what a WeakRef still holds"],
  [Error, 288, "the stack of an error"],
];

/** The bytes of a value and of all that it leads to, each object once, prototypes and shapes left out. */
export function sizeOf(value: unknown): Size {
  const seen = new Set<unknown>(), guesses = new Set<string>(), waiting: unknown[] = [value];
  let bytes = 0;
  // Not recursive: a linked list may be longer than the stack is deep.
  while (waiting.length > 0) {
    const next = waiting.pop();
    if (typeof next === "number") {
      // Numbers have no identity: each place has a box of its own.
      if (!isSmallInteger(next)) bytes += 16;
    } else if (next !== null && !["undefined", "boolean"].includes(typeof next) && !seen.has(next)) {
      seen.add(next);
      bytes += ownSize(next, waiting, guesses);
    }
  }
  return { bytes, guesses: [...guesses] };
}

/** The bytes of one value. What it leads to is put into `waiting`. */
function ownSize(value: unknown, waiting: unknown[], guesses: Set<string>): number {
  if (typeof value === "string") return stringBytes(value);
  if (typeof value === "bigint") {
    return 16 + Math.ceil((value < 0n ? -value : value).toString(16).length / 16) * 8 * +!!value;
  }
  if (typeof value === "symbol") return waiting.push(value.description), 24;
  if (typeof value === "function") {
    guesses.add("the variables that a function closes over");
    return Object.hasOwn(value, "prototype") ? 64 : 56;
  }
  if (Array.isArray(value)) {
    if (value.length <= longest) return 32 + elementBytes(value, waiting) + propertyBytes(value, waiting, guesses);
    guesses.add("the elements of a sparse array");
    const elements = Object.values(value);
    for (const item of elements) waiting.push(item);
    return 32 + dictionary(elements.length);
  }
  const object = value as object;
  if (object instanceof Map) {
    for (const [key, item] of object) waiting.push(key, item);
    return 32 + table(3 + 3.5 * capacity(object.size)) + propertyBytes(object, waiting, guesses);
  }
  if (object instanceof Set) {
    for (const item of object) waiting.push(item);
    return 32 + table(3 + 2.5 * capacity(object.size)) + propertyBytes(object, waiting, guesses);
  }
  if (ArrayBuffer.isView(object)) {
    waiting.push(object.buffer);
    return object instanceof DataView ? 88 : 104;
  }
  if (object instanceof ArrayBuffer || object instanceof SharedArrayBuffer) return 96 + object.byteLength;
  const known = objects.find(([constructor]) => object instanceof constructor);
  if (known) {
    if (known[2]) guesses.add(known[2]);
    if (!(object instanceof Date || object instanceof RegExp || object instanceof Error)) {
      waiting.push(object.valueOf());
    }
    return known[1];
  }
  const tag = Object.prototype.toString.call(object).slice(8, -1);
  if (tag !== "Object") guesses.add(`the inside of a ${tag}`);
  return 24 + propertyBytes(object, waiting, guesses);
}

/** One byte a code unit if all are below 256, or else two. Short texts of Latin letters exist from the start. */
function stringBytes(text: string): number {
  // deno-lint-ignore no-control-regex
  const wide = /[^\x00-\xff]/.test(text);
  return text.length <= 1 && !wide ? 0 : 16 + rounded(text.length * (wide ? 2 : 1));
}

/** An array with a fraction and nothing but numbers holds them in itself, and so does one of small integers. */
function elementBytes(array: unknown[], waiting: unknown[]): number {
  if (array.length === 0) return 0;
  let numbers = true;
  for (let i = 0; numbers && i < array.length; i++) numbers = typeof array[i] === "number" || !(i in array);
  if (!numbers) { for (let i = 0; i < array.length; i++) waiting.push(array[i]); }
  return table(array.length);
}

/** Properties beside what makes an object an array or a Map; of plain objects all there is. */
function propertyBytes(object: object, waiting: unknown[], guesses: Set<string>): number {
  const builtIn = Array.isArray(object) || object instanceof Map || object instanceof Set;
  let named = 0, indexed = 0;
  for (const key of Reflect.ownKeys(object)) {
    const index = typeof key === "string" && /^(0|[1-9]\d{0,8})$/.test(key);
    if (Array.isArray(object) && (index || key === "length")) continue;
    if (index) indexed++;
    else named++;
    // A getter is not called: it belongs to the shape.
    const property = Object.getOwnPropertyDescriptor(object, key)!;
    if ("value" in property) waiting.push(property.value);
    else guesses.add("getters and setters");
  }
  const elements = indexed > 0 ? table(indexed) : 0;
  if (indexed > 0 || builtIn && named > 0) guesses.add("room for properties that were added later");
  if (builtIn) return elements + (named > 0 ? table(named) : 0);
  const prototype = Object.getPrototypeOf(object);
  if (prototype === null) return elements + dictionary(named);
  if (named > 128) {
    guesses.add("whether an object of many properties is a dictionary");
    return elements + dictionary(named);
  }
  // An empty object literal has room for four.
  return elements + 8 * (named === 0 && prototype === Object.prototype ? 4 : named);
}

const demonstrations = [
  "i",
  "i + 0.5",
  "'text' + i",
  "{ x: i, y: 0.5 }",
  "[0.5, i, i]",
  "['a', 0.5, i]",
  "new Map([[i, i]])",
  "new Uint8Array(1000)",
  "() => i",
];

if (import.meta.main) {
  const [expression, ...more] = Deno.args;
  try {
    if (more.length > 0) throw new SyntaxError(`one expression, not ${Deno.args.length}; put it into quotes`);
    for (const each of expression === undefined ? demonstrations : [expression]) {
      const { bytes, guesses } = sizeOf(new Function("i", `return (${each}\n)`)(1));
      console.log(
        `${each.padEnd(24)} ${`${bytes}`.padStart(6)} bytes${guesses.length ? `, but for ${guesses.join(", ")}` : ""}`,
      );
    }
  } catch (error) {
    console.error(`error: ${expression}: ${(error as Error).message}`);
    Deno.exit(2);
  }
  if (sizeOf([0.5, 1, 2]).bytes !== 32 + 16 + 3 * 8) throw new Error("three numbers in an array take 72 bytes");
}
