/**
 * Checks before a call: what C does with a short buffer or a wrong declaration, and a wrapper that lets neither happen.
 *
 * What to notice: nothing stands between a foreign function and memory. Told to copy six numbers into four, memcpy
 * writes past the end; here the memory after it is ours too, so that the damage can be looked at. A function declared
 * with the wrong types returns nonsense without a word. Deno refuses a number that does not fit its type, but accepts
 * any view for any "buffer": one of bytes at an odd address, one that has lost its memory, null. So every argument is
 * checked before an address is passed, which takes some tens of ns, and every declaration is tried once on a known answer.
 *
 * A call that is `nonblocking` needs more: nothing here keeps the program from transferring a buffer while C writes to it.
 *
 * @original 08_compiling/ctypes/diffusion_ctypes.py (whose arguments are converted but not checked)
 * @run deno run --allow-ffi=/lib,/lib64,/usr/lib ch08/ffi/checked_call.ts
 * @takes 1 s
 */

/** What `typeof` knows only as an object: the kind of a real typed array, else undefined. Prototypes do not deceive it. */
const kindOf = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Float64Array.prototype), Symbol.toStringTag)!
  .get as (this: unknown) => string | undefined;

function describe(value: unknown): string {
  if (value === null || value === undefined) return `${value}`;
  return kindOf.call(value) ??
    (typeof value === "object" ? value.constructor?.name ?? "an object" : `a ${typeof value}`);
}

/**
 * Whether memory may be lent to C: it must be there, stay where and as long as it is, and belong to this thread alone.
 *
 * @throws TypeError if it is detached, resizable or shared
 */
function checkBuffer(name: string, buffer: ArrayBufferLike): asserts buffer is ArrayBuffer {
  if (!(buffer instanceof ArrayBuffer)) throw new TypeError(`${name} is shared with other threads`);
  if (buffer.detached) throw new TypeError(`${name} has lost its memory: it was transferred`);
  if (buffer.resizable) throw new TypeError(`${name} is resizable: its memory may shrink`);
}

/**
 * Whether a value is a Float64Array of at least `length` numbers that may be lent to C.
 *
 * @throws TypeError for anything else, RangeError if it is shorter
 */
export function checkDoubles(name: string, value: unknown, length: number): asserts value is Float64Array<ArrayBuffer> {
  if (kindOf.call(value) !== "Float64Array") {
    throw new TypeError(`${name} must be a Float64Array, not ${describe(value)}`);
  }
  const doubles = value as Float64Array;
  checkBuffer(name, doubles.buffer);
  if (doubles.length < length) throw new RangeError(`${name} must hold ${length} numbers, not ${doubles.length}`);
}

/**
 * The doubles that lie in a view of bytes, without copying. An ArrayBuffer begins at a multiple of 8 bytes, so that an
 * offset which is none is an address where C expects no double: slower at best, and a crash where the compiler relies on it.
 *
 * @throws TypeError if it is no Uint8Array or DataView or may not be lent, RangeError if it is misaligned or too short
 */
export function doublesIn(name: string, bytes: unknown, length: number): Float64Array<ArrayBuffer> {
  if (kindOf.call(bytes) !== "Uint8Array" && !(bytes instanceof DataView)) {
    throw new TypeError(`${name} must be a Uint8Array or DataView, not ${describe(bytes)}`);
  }
  const { buffer, byteOffset, byteLength } = bytes as Uint8Array;
  checkBuffer(name, buffer);
  if (byteOffset % 8 !== 0) throw new RangeError(`${name} must begin at a multiple of 8 bytes, not at ${byteOffset}`);
  if (byteLength < 8 * length) throw new RangeError(`${name} must hold ${8 * length} bytes, not ${byteLength}`);
  return new Float64Array(buffer, byteOffset, length);
}

/** @throws TypeError if the value is no number, RangeError if it is no whole one from `min` to `max` */
export function checkInteger(name: string, value: unknown, min: number, max: number): asserts value is number {
  if (typeof value !== "number") throw new TypeError(`${name} must be a number, not ${describe(value)}`);
  if (!(Number.isInteger(value) && value >= min && value <= max)) {
    throw new RangeError(`${name} must be a whole number from ${min} to ${max}, not ${value}`);
  }
}

/** @throws RangeError if the first `length` numbers of a and b share memory, which C is often promised they do not */
export function checkApart(names: string, a: Float64Array, b: Float64Array, length: number): void {
  const overlap = a.byteOffset < b.byteOffset + 8 * length && b.byteOffset < a.byteOffset + 8 * length;
  if (a.buffer === b.buffer && overlap && length > 0) throw new RangeError(`${names} overlap`);
}

/** @throws Error if a function does not return what it is known to: it is then declared with the wrong types */
export function checkDeclaration(name: string, returned: unknown, known: unknown): void {
  if (returned !== known) {
    throw new Error(`${name} is declared wrongly: it returned ${returned} where ${known} is known`);
  }
}

const symbols = {
  memcpy: { parameters: ["buffer", "buffer", "usize"], result: "pointer" },
  abs: { parameters: ["i32"], result: "i32" },
  abs_misdeclared: { name: "abs", parameters: ["f64"], result: "f64" },
} as const;

const paths = Deno.build.os === "darwin"
  ? ["/usr/lib/libSystem.B.dylib"]
  : Deno.build.os === "windows"
  ? ["C:\\Windows\\System32\\ucrtbase.dll"]
  : [`/lib/${Deno.build.arch}-linux-gnu/libc.so.6`, "/lib64/libc.so.6", "/lib/libc.so.6", "/usr/lib/libc.so.6"];

/** Opens the C library of this system with the functions as they are and one behind checks. Null where it is not found. */
export function openLibc() {
  for (const path of paths) {
    try {
      const library = Deno.dlopen(path, symbols), raw = library.symbols;
      checkDeclaration("abs", raw.abs(-5), 5);
      /**
       * Copies the first `count` numbers of `from` to `to`.
       *
       * @throws TypeError or RangeError, before anything is touched, if either holds fewer or they overlap
       */
      const copy = (to: Float64Array, from: Float64Array, count: number): void => {
        checkInteger("count", count, 0, 2 ** 31 - 1);
        checkDoubles("to", to, count);
        checkDoubles("from", from, count);
        checkApart("to and from", to, from, count);
        raw.memcpy(to, from, BigInt(8 * count));
      };
      return { raw, copy, close: () => library.close() };
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) throw error;
    }
  }
  return null;
}

/** What a call throws, in a line. */
function attempt(call: () => void): string {
  try {
    call();
  } catch (error) {
    return `${error}`;
  }
  throw new Error("the check did not throw");
}

if (import.meta.main) {
  const libc = openLibc();
  if (!libc) {
    console.error(
      `error: none of ${paths.join(", ")}, whose functions were to be called, is here; Debian's is in libc6`,
    );
    Deno.exit(2);
  }
  const { raw, copy, close } = libc;
  const memory = new Float64Array(8), four = memory.subarray(0, 4), sevens = new Float64Array(6).fill(7);

  raw.memcpy(four, sevens, 48n);
  console.log(`unchecked: six numbers copied to a view of four, and after it lies ${memory.subarray(4).join(", ")}`);
  if (memory[4] !== 7 || memory[5] !== 7 || memory[6] !== 0) throw new Error("memcpy did not do as expected");
  memory.fill(0);
  console.log(`checked:   ${attempt(() => copy(four, sevens, 6))}`);
  console.log(`checked:   ${attempt(() => copy(memory.subarray(1), memory, 4))}`);
  const bytes = new Uint8Array(memory.buffer);
  console.log(`checked:   ${attempt(() => copy(doublesIn("bytes", bytes.subarray(4), 4), sevens, 4))}`);
  console.log(`checked:   ${attempt(() => copy(sevens, memory.subarray(0, 2), 2 ** 40))}`);
  const lost = new Float64Array(4);
  structuredClone(lost, { transfer: [lost.buffer] });
  console.log(`checked:   ${attempt(() => copy(lost, sevens, 4))}`);
  if (memory.some((value) => value !== 0)) throw new Error("a refused call wrote something");

  const nonsense = raw.abs_misdeclared(-5);
  console.log(`\nunchecked: abs(-5), declared with f64 where C has int, is ${nonsense}`);
  console.log(`checked:   ${attempt(() => checkDeclaration("abs", nonsense, 5))}`);

  const numbers = Float64Array.from({ length: 4 }, (_, i) => i + 0.5), calls = 200_000;
  const time = (call: () => void) => {
    let shortest = Infinity;
    for (let repeat = 0; repeat < 5; repeat++) {
      const start = performance.now();
      for (let i = 0; i < calls; i++) call();
      shortest = Math.min(shortest, performance.now() - start);
    }
    return (shortest / calls * 1e6).toFixed(0);
  };
  const plain = time(() => raw.memcpy(four, numbers, 32n)), checked = time(() => copy(four, numbers, 4));
  console.log(`\ncopying four numbers takes ${plain} ns unchecked and ${checked} ns checked`);
  if (four.some((value, i) => value !== i + 0.5)) throw new Error("not copied");
  close();
}
