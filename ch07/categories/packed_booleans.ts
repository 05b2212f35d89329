/**
 * A column of yes and no, a bit a row: filters combine 32 rows at a time.
 *
 * What to notice: an array of booleans takes eight bytes a row, a Uint8Array one, bits an eighth of one. «And», «or» and
 * counting work on 32 rows in a step, so that a filter on several such columns costs next to nothing. What is lost is the
 * single row: to set or ask one takes a shift and a mask.
 *
 * @original none, chapter 7's advice on smaller types
 * @run deno run ch07/categories/packed_booleans.ts
 * @takes 1 s
 */

export class PackedBooleans {
  readonly words: Uint32Array;

  constructor(readonly length: number) {
    this.words = new Uint32Array(Math.ceil(length / 32));
  }

  /** Throws a TypeError at anything but true and false: a 2 or a null is not quietly one of them. */
  static from(values: ArrayLike<unknown>): PackedBooleans {
    const packed = new PackedBooleans(values.length);
    for (let i = 0; i < values.length; i++) {
      if (typeof values[i] !== "boolean") throw new TypeError(`row ${i}: ${values[i]} is neither true nor false`);
      if (values[i]) packed.words[i >>> 5] |= 1 << (i & 31);
    }
    return packed;
  }

  /** Throws a RangeError outside the column. */
  at(row: number): boolean {
    if (!(row >= 0 && row < this.length && Number.isInteger(row))) throw new RangeError(`there is no row ${row}`);
    return (this.words[row >>> 5] >>> (row & 31) & 1) === 1;
  }

  /** The rows in which both are true. Throws a RangeError if the columns are not equally long. */
  and(other: PackedBooleans): PackedBooleans {
    if (other.length !== this.length) throw new RangeError(`${this.length} and ${other.length} rows`);
    const both = new PackedBooleans(this.length);
    for (let i = 0; i < both.words.length; i++) both.words[i] = this.words[i] & other.words[i];
    return both;
  }

  /** How many rows are true: bits are added in pairs, fours and eights, and the multiplication adds the four bytes. */
  count(): number {
    let count = 0;
    for (let i = 0; i < this.words.length; i++) {
      let word = this.words[i];
      word -= word >>> 1 & 0x55555555;
      word = (word & 0x33333333) + (word >>> 2 & 0x33333333);
      count += Math.imul(word + (word >>> 4) & 0x0f0f0f0f, 0x01010101) >>> 24;
    }
    return count;
  }
}

if (import.meta.main) {
  const length = 2_000_000;
  const one = Array.from({ length }, (_, i) => i % 3 === 0), other = Array.from({ length }, (_, i) => i % 5 === 0);
  const packed = PackedBooleans.from(one), packedOther = PackedBooleans.from(other);
  const time = (what: string, count: () => number) => {
    for (let i = 0; i < 5; i++) count();
    const start = performance.now(), result = count();
    console.log(`${what.padEnd(17)} ${result} rows in ${(performance.now() - start).toFixed(2)} ms`);
    if (result !== Math.ceil(length / 15)) throw new Error(`every fifteenth row is in both, not ${result}`);
  };
  time("booleans, a row", () => one.reduce((count, is, i) => is && other[i] ? count + 1 : count, 0));
  time("bits, 32 rows", () => packed.and(packedOther).count());
  console.log(`${packed.words.byteLength} bytes for ${length} rows`);
}
