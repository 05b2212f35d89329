/**
 * Sorted whole numbers as gaps in a Rice code, which comes within a few percent of what any code could do.
 *
 * What to notice: the low bits of a gap are written as they are, and what is above them as so many zeros and a one, so
 * small gaps take fewer bits than large ones. For random sets, whose gaps get rarer by the same factor each, this is
 * nearly the best there is: the bound is the logarithm of the number of sets, log2 of C(U, n). The zeros are counted by
 * one instruction (`Math.clz32`), but where a gap begins is known only when the one before it has been read, which is
 * what it costs. To add them up, a table of all patterns of twelve bits does all gaps that are whole in one at once.
 *
 * @original 12_less_ram, the book's array.array and numpy against list
 * @run deno run ch12/numbers/delta_rice.ts
 * @takes 1 s
 */

/** From so many zeros on there is no one; the whole gap follows in 32 bits. */
const most = 24;

/** log2 of the number of sets of n among U numbers, by Stirling's series. */
export function boundBits(universe: number, n: number): number {
  const logFactorial = (x: number) =>
    x < 2 ? 0 : x * Math.log(x) - x + Math.log(2 * Math.PI * x) / 2 + 1 / (12 * x) - 1 / (360 * x ** 3);
  return (logFactorial(universe) - logFactorial(n) - logFactorial(universe - n)) / Math.LN2;
}

const window = 12, tables: Int32Array[] = [];

/**
 * For each pattern of twelve bits two numbers. The first: how many gaps are whole in it (4 bits), how many bits those
 * take (4), and their sum. The second: what they add to the sum of the numbers, the first gap as often as there are
 * gaps.
 */
function makeTable(low: number): Int32Array {
  const table = new Int32Array(2 << window);
  for (let pattern = 0; pattern < 1 << window; pattern++) {
    let count = 0, taken = 0, gaps = 0, sum = 0;
    for (;;) {
      const rest = pattern << taken << 32 - window, zeros = Math.clz32(rest), end = taken + zeros + 1 + low;
      if (rest === 0 || end > window) break;
      gaps += zeros << low | rest << zeros << 1 >>> 1 >>> 31 - low;
      sum += gaps;
      count++;
      taken = end;
    }
    table.set([count | taken << 4 | gaps << 8, sum], 2 * pattern);
  }
  return table;
}

export class DeltaRice {
  private constructor(readonly length: number, readonly low: number, readonly words: Uint32Array) {}

  /**
   * @param values whole numbers from 0 to 2 ** 32 - 1, none smaller than the one before it
   * @throws RangeError if they are not that
   */
  static encode(values: ArrayLike<number>): DeltaRice {
    for (let i = 0, last = 0; i < values.length; last = values[i++]) {
      if (values[i] >>> 0 !== values[i]) {
        throw new RangeError(`${values[i]} at ${i}: must be a whole number from 0 to 2^32 - 1`);
      }
      if (values[i] < last) {
        throw new RangeError(`${values[i]} at ${i} comes after ${last}: the numbers must be sorted`);
      }
    }
    const cost = (gap: number, low: number) => gap >>> low < most ? (gap >>> low) + 1 + low : most + 32;
    const bits = (low: number) => {
      let sum = 0;
      for (let i = 0, last = 0; i < values.length; last = values[i++]) sum += cost(values[i] - last, low);
      return sum;
    };
    // Near the logarithm of the average gap; which one it is, is found by trying.
    const about = Math.round(Math.log2(Math.max(1, (values[values.length - 1] ?? 0) / values.length)));
    let low = Math.min(about, 31);
    for (const other of [low - 1, low + 1]) if (other >= 0 && other <= 31 && bits(other) < bits(low)) low = other;
    // One word more, since two are read at a time.
    const words = new Uint32Array(Math.ceil(bits(low) / 32) + 1);
    let at = 0;
    const write = (value: number, width: number) => {
      const word = Math.floor(at / 32), free = 32 - at % 32;
      words[word] |= width <= free ? value << free - width : value >>> width - free;
      if (width > free) words[word + 1] = value << 32 - (width - free);
      at += width;
    };
    for (let i = 0, last = 0; i < values.length; last = values[i++]) {
      const gap = values[i] - last, zeros = gap >>> low;
      if (zeros < most) {
        write(1, zeros + 1);
        if (low > 0) write(gap & 2 ** low - 1, low);
      } else {
        at += most;
        write(gap, 32);
      }
    }
    return new DeltaRice(values.length, low, words);
  }

  get byteLength(): number {
    return this.words.byteLength;
  }

  decode(): Uint32Array {
    const values = new Uint32Array(this.length);
    this.#read({ word: 0, shift: 0, last: 0 }, values, this.length);
    return values;
  }

  sum(): number {
    return this.low <= 8 ? this.#sumByTable() : this.#sumByPieces();
  }

  /** For large gaps: a piece at a time, which stays in the first cache. */
  #sumByPieces(): number {
    const piece = new Uint32Array(1024), cursor = { word: 0, shift: 0, last: 0 };
    let total = 0;
    for (let done = 0; done < this.length; done += piece.length) {
      const count = Math.min(piece.length, this.length - done);
      this.#read(cursor, piece, count);
      for (let i = 0; i < count; i++) total += piece[i];
    }
    return total;
  }

  /** For small gaps: all that are whole in the next twelve bits at once, from a table. */
  #sumByTable(): number {
    const { words, length } = this, table = tables[this.low] ??= makeTable(this.low);
    const one = new Uint32Array(1), cursor = { word: 0, shift: 0, last: 0 };
    let total = 0, last = 0, word = 0, shift = 0, done = 0;
    while (done < length) {
      const bits = words[word] << shift | words[word + 1] >>> 1 >>> 31 - shift;
      const at = bits >>> 32 - window << 1, entry = table[at], count = entry & 15;
      if (count === 0) {
        // A gap that takes more bits than that.
        Object.assign(cursor, { word, shift, last });
        this.#read(cursor, one, 1);
        ({ word, shift } = cursor);
        last = one[0];
        total += last;
        done++;
        continue;
      }
      total += count * last + table[at + 1];
      last += entry >> 8;
      done += count;
      shift += entry >> 4 & 15;
      word += shift >> 5;
      shift &= 31;
    }
    return total;
  }

  /** Reads the next numbers from where the cursor is: in a word, so many of its bits on, after the number `last`. */
  #read(cursor: { word: number; shift: number; last: number }, values: Uint32Array, count: number): void {
    const { words, low } = this;
    let { word, shift, last } = cursor;
    for (let i = 0; i < count; i++) {
      // The next 32 bits. A shift by 32 would be one by 0, so it is made in two steps, here and below.
      let bits = words[word] << shift | words[word + 1] >>> 1 >>> 31 - shift;
      const zeros = Math.clz32(bits);
      if (zeros + 1 + low <= 32 && zeros < most) {
        last = last + (zeros << low | bits << zeros << 1 >>> 1 >>> 31 - low) | 0;
        shift += zeros + 1 + low;
      } else {
        const whole = zeros >= most;
        shift += whole ? most : zeros + 1;
        word += shift >> 5;
        shift &= 31;
        bits = words[word] << shift | words[word + 1] >>> 1 >>> 31 - shift;
        last = last + (whole ? bits : zeros << low | bits >>> 1 >>> 31 - low) | 0;
        shift += whole ? 32 : low;
      }
      word += shift >> 5;
      shift &= 31;
      values[i] = last;
    }
    Object.assign(cursor, { word, shift, last });
  }
}

if (import.meta.main) {
  const count = 2 ** 20, values = new Uint32Array(count), times: number[] = [];
  for (let i = 0, state = 1; i < count; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    // Gaps that get rarer as they get longer, eight on average.
    values[i] = (values[i - 1] ?? 0) + 1 + Math.floor(Math.log(1 - state / 2 ** 32) / Math.log(7 / 8));
  }
  const coded = DeltaRice.encode(values), expected = values.reduce((sum, value) => sum + value, 0);
  for (let i = 0; i < 20; i++) {
    const start = performance.now();
    if (coded.sum() !== expected) throw new Error(`the sum is ${expected}, not ${coded.sum()}`);
    times.push((performance.now() - start) * 1e6 / count);
  }
  if (!coded.decode().every((value, i) => value === values[i])) throw new Error("decoded, they are others");
  console.log(
    `${count} sorted numbers up to ${values[count - 1]}: ${
      (8 * coded.byteLength / count).toFixed(3)
    } bits a number, at best ${(boundBits(values[count - 1] + 1, count) / count).toFixed(3)}; ${
      times.sort((a, b) => a - b)[0].toFixed(2)
    } ns to add one`,
  );
}
