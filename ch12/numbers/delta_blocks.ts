/**
 * Sorted whole numbers in blocks of 128: where a block begins, and its gaps in as many bits as its largest needs.
 *
 * What to notice: a block knows its first number and its width, so it can be read without those before it, and `at`
 * takes 128 steps at most. The gaps of a block are summed by code without a loop, written for their width: each gap
 * counts once for every number from it to the end of the block. One large gap makes all of its block wide, but only of
 * its block. Databases and search engines hold their lists of rows and documents in this way (frame of reference).
 *
 * @original 12_less_ram, the book's array.array and numpy against list
 * @run deno run ch12/numbers/delta_blocks.ts
 * @takes 1 s
 */

const size = 128;

/** The expression for gap i of 32 in words w0, w1, … */
function extract(i: number, width: number): string {
  const word = i * width >> 5, shift = i * width & 31;
  if (width === 0) return "0";
  if (shift + width === 32) return `(w${word} >>> ${shift})`;
  const bits = shift + width < 32 ? `w${word} >>> ${shift}` : `(w${word} >>> ${shift} | w${word + 1} << ${32 - shift})`;
  return `(${bits} & ${2 ** width - 1})`;
}

const lines = (count: number, text: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => text(i)).join("\n");

/** Code that calls for the words of 32 gaps and then does something with each; four times make a block. */
function writeBlock(width: number, result: string, use: (i: number, gap: string) => string): string {
  return `let last = 0${result};
    for (let group = 0; group < 4; group++, at += ${width}) {
      ${lines(width, (i) => `const w${i} = words[at + ${i}];`)}
      ${lines(32, (i) => use(i, extract(i, width)))}
    }`;
}

/** While a block spans less than 2 ** 24, its sum is below 2 ** 31, and it is enough to add integers. */
const integersUpTo = 24 - 7;

function writeSum(width: number): (words: Uint32Array, at: number) => number {
  const add = width <= integersUpTo
    ? "last = last + gap | 0; total = total + last | 0;"
    : "last += gap; total += last;";
  return new Function(
    "words",
    "at",
    writeBlock(width, ", total = 0", (_, gap) => add.replace("gap", gap)) + "return total;",
  ) as ReturnType<typeof writeSum>;
}

function writeUnpack(
  width: number,
): (words: Uint32Array, at: number, values: Uint32Array, to: number, first: number) => void {
  return new Function(
    "words",
    "at",
    "values",
    "to",
    "first",
    writeBlock(width, "", (_, gap) => `values[to++] = first + (last += ${gap});`),
  ) as ReturnType<typeof writeUnpack>;
}

const sums: ReturnType<typeof writeSum>[] = [], unpackers: ReturnType<typeof writeUnpack>[] = [];

export class DeltaBlocks {
  private constructor(
    readonly length: number,
    /** For each block: the number before which its gaps begin, and the width of its gaps. */
    readonly firsts: Uint32Array,
    readonly widths: Uint8Array,
    readonly words: Uint32Array,
  ) {}

  /**
   * @param values whole numbers from 0 to 2 ** 32 - 1, none smaller than the one before it
   * @throws RangeError if they are not that
   */
  static encode(values: ArrayLike<number>): DeltaBlocks {
    const blocks = Math.ceil(values.length / size);
    const firsts = new Uint32Array(blocks), widths = new Uint8Array(blocks);
    for (let i = 0, last = 0; i < values.length; last = values[i++]) {
      if (values[i] >>> 0 !== values[i]) {
        throw new RangeError(`${values[i]} at ${i}: must be a whole number from 0 to 2^32 - 1`);
      }
      if (values[i] < last) {
        throw new RangeError(`${values[i]} at ${i} comes after ${last}: the numbers must be sorted`);
      }
      const block = Math.floor(i / size);
      // The first number of a block lies in `firsts`, and its gap is 0.
      if (i % size === 0) firsts[block] = values[i];
      else widths[block] = Math.max(widths[block], 32 - Math.clz32(values[i] - last));
    }
    const words = new Uint32Array(widths.reduce((sum, width) => sum + 4 * width, 0));
    for (let block = 0, start = 0; block < blocks; start += 4 * widths[block++]) {
      const width = widths[block], end = Math.min(values.length, (block + 1) * size);
      for (let i = block * size + 1, bit = width; i < end; i++, bit += width) {
        const gap = values[i] - values[i - 1], word = start + (bit >> 5), shift = bit & 31;
        words[word] |= gap << shift;
        if (shift + width > 32) words[word + 1] = gap >>> 32 - shift;
      }
    }
    return new DeltaBlocks(values.length, firsts, widths, words);
  }

  get byteLength(): number {
    return this.firsts.byteLength + this.widths.byteLength + this.words.byteLength;
  }

  decode(): Uint32Array {
    const values = new Uint32Array(this.firsts.length * size);
    for (let block = 0, at = 0; block < this.firsts.length; at += 4 * this.widths[block++]) {
      const unpack = unpackers[this.widths[block]] ??= writeUnpack(this.widths[block]);
      unpack(this.words, at, values, block * size, this.firsts[block]);
    }
    return values.subarray(0, this.length);
  }

  sum(): number {
    // What is left over of the last block repeats its last number.
    const over = this.firsts.length * size - this.length;
    return over === 0 ? this.#sumBlocks() : this.#sumBlocks() - over * this.#largest();
  }

  /**
   * A loop with nothing to be computed behind it. V8 compiles one that runs for long while it runs, for what has been
   * seen by then; what comes behind has not, and at the end that code would be left, call after call.
   */
  #sumBlocks(): number {
    const { firsts, widths, words } = this;
    let total = 0, at = 0;
    for (let block = 0; block < firsts.length; block++) {
      const width = widths[block];
      total += size * firsts[block] + (sums[width] ??= writeSum(width))(words, at);
      at += 4 * width;
    }
    return total;
  }

  /** The last number: where the last block begins, and its gaps, whose rest is zero. */
  #largest(): number {
    const block = this.firsts.length - 1, width = this.widths[block], values = new Uint32Array(size);
    (unpackers[width] ??= writeUnpack(width))(this.words, this.words.length - 4 * width, values, 0, this.firsts[block]);
    return values[size - 1];
  }
}

if (import.meta.main) {
  const count = 2 ** 20, values = new Uint32Array(count), times: number[] = [];
  for (let i = 0, state = 1; i < count; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    // Gaps that get rarer as they get longer, eight on average.
    values[i] = (values[i - 1] ?? 0) + 1 + Math.floor(Math.log(1 - state / 2 ** 32) / Math.log(7 / 8));
  }
  const coded = DeltaBlocks.encode(values), expected = values.reduce((sum, value) => sum + value, 0);
  for (let i = 0; i < 20; i++) {
    const start = performance.now();
    if (coded.sum() !== expected) throw new Error(`the sum is ${expected}, not ${coded.sum()}`);
    times.push((performance.now() - start) * 1e6 / count);
  }
  if (!coded.decode().every((value, i) => value === values[i])) throw new Error("decoded, they are others");
  console.log(
    `${count} sorted numbers up to ${values[count - 1]}: ${(coded.byteLength / count).toFixed(3)} bytes a number, ${
      times.sort((a, b) => a - b)[0].toFixed(2)
    } ns to add one`,
  );
}
