/**
 * Whole numbers in just as many bits as the largest of them needs, one behind the other.
 *
 * What to notice: 32 numbers of w bits fill exactly w words, so the code for them has no loop and no decision: where
 * each number begins and whether it goes over the end of a word is known beforehand, and so are the shifts. Such code
 * exists for each width, and nobody wants to write 32 of them: the script writes the one that it needs. It reads less
 * memory than a loop over a Uint32Array and does more with it, and which of both counts depends on where the numbers
 * lie.
 *
 * @original 12_less_ram, the book's array.array and numpy against list
 * @run deno run ch12/numbers/packed_bits.ts
 * @takes 1 s
 */

type Unpack = (words: Uint32Array, at: number, values: Uint32Array, to: number) => void;
type Sum = (words: Uint32Array, groups: number) => number;

/** The expression for number i of a group of 32, whose words are w0, w1, …: bits i * width and on. */
function extract(i: number, width: number): string {
  const word = i * width >> 5, shift = i * width & 31, mask = 2 ** width - 1;
  if (width === 0) return "0";
  if (width === 32) return `(w${word} >>> 0)`;
  if (shift + width < 32) return `(w${word} >>> ${shift} & ${mask})`;
  if (shift + width === 32) return `(w${word} >>> ${shift})`;
  // Over the end of a word.
  return `((w${word} >>> ${shift} | w${word + 1} << ${32 - shift}) & ${mask})`;
}

const each = (count: number, text: (i: number) => string, separator = "\n") =>
  Array.from({ length: count }, (_, i) => text(i)).join(separator);
const load = (width: number, at: string) => each(width, (i) => `const w${i} = words[${at} + ${i}];`);

/** Code for 32 numbers of `width` bits; written when a width is needed for the first time. */
function writeUnpack(width: number): Unpack {
  return new Function(
    "words",
    "at",
    "values",
    "to",
    load(width, "at") + each(32, (i) => `values[to + ${i}] = ${extract(i, width)};`),
  ) as Unpack;
}

/** The sum of the first numbers, in groups of 32: eight at a time as integers while they cannot overflow. */
function writeSum(width: number): Sum {
  const eight = (first: number) => each(8, (i) => extract(first + i, width), " + ");
  const partial = (first: number) => width <= 27 ? `(${eight(first)} | 0)` : `(${eight(first)})`;
  return new Function(
    "words",
    "groups",
    `let total = 0;
    for (let group = 0, at = 0; group < groups; group++, at += ${width}) {
      ${load(width, "at")}
      total += ${each(4, (i) => partial(8 * i), " + ")};
    }
    return total;`,
  ) as Sum;
}

const unpackers: Unpack[] = [], sums: Sum[] = [];

export class PackedBits {
  readonly #words: Uint32Array;

  private constructor(readonly length: number, readonly width: number) {
    // Whole groups: what is left over in the last one is zero.
    this.#words = new Uint32Array(Math.ceil(length / 32) * width);
  }

  /**
   * Packs whole numbers.
   *
   * @param values from 0 up to, not including, 2 ** width, in any order
   * @param width bits for each, 0 to 32; by default those of the largest
   * @throws RangeError if a value is not a whole number or too wide
   */
  static encode(values: ArrayLike<number>, width?: number): PackedBits {
    let largest = 0;
    for (let i = 0; i < values.length; i++) {
      if (values[i] >>> 0 !== values[i]) {
        throw new RangeError(`${values[i]} at ${i}: must be a whole number from 0 to 2^32 - 1`);
      }
      largest = Math.max(largest, values[i]);
    }
    const needed = 32 - Math.clz32(largest);
    width ??= needed;
    if (!(Number.isInteger(width) && width >= 0 && width <= 32)) {
      throw new RangeError(`width ${width}: must be from 0 to 32`);
    }
    if (needed > width) throw new RangeError(`${largest} needs ${needed} bits and not ${width}`);
    const packed = new PackedBits(values.length, width), words = packed.#words;
    for (let i = 0, bit = 0; i < values.length; i++, bit += width) {
      const word = Math.floor(bit / 32), shift = bit % 32;
      words[word] |= values[i] << shift;
      if (shift + width > 32) words[word + 1] = values[i] >>> 32 - shift;
    }
    return packed;
  }

  get byteLength(): number {
    return this.#words.byteLength;
  }

  /** The number at a place, without unpacking any other. Throws a RangeError beyond the ends. */
  at(index: number): number {
    if (!(Number.isInteger(index) && index >= 0 && index < this.length)) {
      throw new RangeError(`index ${index}: must be from 0 to ${this.length - 1}`);
    }
    const bit = index * this.width, word = Math.floor(bit / 32), shift = bit % 32;
    if (this.width === 0) return 0;
    const low = this.#words[word] >>> shift, high = shift + this.width > 32 ? this.#words[word + 1] << 32 - shift : 0;
    return ((low | high) & (this.width === 32 ? -1 : 2 ** this.width - 1)) >>> 0;
  }

  decode(): Uint32Array {
    const values = new Uint32Array(Math.ceil(this.length / 32) * 32),
      unpack = unpackers[this.width] ??= writeUnpack(this.width);
    for (let to = 0, at = 0; to < values.length; to += 32, at += this.width) unpack(this.#words, at, values, to);
    return values.subarray(0, this.length);
  }

  sum(): number {
    return (sums[this.width] ??= writeSum(this.width))(this.#words, Math.ceil(this.length / 32));
  }
}

if (import.meta.main) {
  const count = 2 ** 20, values = Uint32Array.from({ length: count }, (_, i) => Math.imul(i, 0x9e3779b1) >>> 11);
  const packed = PackedBits.encode(values), times: number[] = [];
  const expected = values.reduce((sum, value) => sum + value, 0);
  for (let i = 0; i < 20; i++) {
    const start = performance.now();
    if (packed.sum() !== expected) throw new Error(`the sum is ${expected}, not ${packed.sum()}`);
    times.push((performance.now() - start) * 1e6 / count);
  }
  if (!packed.decode().every((value, i) => value === values[i])) throw new Error("decoded, they are others");
  console.log(
    `${count} numbers of ${packed.width} bits: ${packed.byteLength / count} bytes a number, ${
      times.sort((a, b) => a - b)[0].toFixed(2)
    } ns to add one`,
  );
}
