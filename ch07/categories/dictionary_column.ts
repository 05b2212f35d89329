/**
 * A column of categories: each name is kept once, and each row holds the number of its name, in as few bytes as will do.
 *
 * What to notice: an array of strings holds a pointer for each row, and if the rows come from a text or a file each row has a
 * string of its own besides. A code takes one byte up to 256 names, two up to 65,536. A filter looks its name up once and then
 * compares small numbers; a group-by needs no Map, since the code is the place in the array of counts. A name too many for
 * the width is refused: a byte would wrap, and the row would quietly belong to another name.
 *
 * @original none, chapter 7's advice on category columns
 * @run deno run ch07/categories/dictionary_column.ts
 * @takes 1 s
 */

const widths = { 8: Uint8Array, 16: Uint16Array, 32: Uint32Array };
export type Bits = keyof typeof widths;

export class DictionaryColumn {
  private constructor(readonly names: readonly string[], readonly codes: Uint8Array | Uint16Array | Uint32Array) {}

  /**
   * Codes strings in the order in which they first come.
   *
   * @param bits of a code; the least that will do unless given. A RangeError names the string that has no code left.
   */
  static from(values: readonly string[], bits?: Bits): DictionaryColumn {
    const numbers = new Map<string, number>(), most = 2 ** (bits ?? 32);
    let codes: Uint8Array | Uint16Array | Uint32Array = new widths[bits ?? 8](values.length);
    for (let i = 0; i < values.length; i++) {
      let code = numbers.get(values[i]);
      if (code === undefined) {
        code = numbers.size;
        if (code >= most) {
          throw new RangeError(`row ${i}: «${values[i]}» is one name more than ${bits} bits can tell apart`);
        }
        // What has been coded so far moves into the next wider array.
        if (code >= 2 ** (8 * codes.BYTES_PER_ELEMENT)) {
          codes = codes.BYTES_PER_ELEMENT === 1 ? Uint16Array.from(codes) : Uint32Array.from(codes);
        }
        numbers.set(values[i], code);
      }
      codes[i] = code;
    }
    return new DictionaryColumn([...numbers.keys()], codes);
  }

  get length(): number {
    return this.codes.length;
  }

  /** The string of a row. Throws a RangeError outside the column. */
  at(row: number): string {
    if (!(row >= 0 && row < this.length && Number.isInteger(row))) throw new RangeError(`there is no row ${row}`);
    return this.names[this.codes[row]];
  }

  /** How many rows have this name. A name that no row has costs nothing. */
  count(name: string): number {
    const code = this.names.indexOf(name);
    if (code < 0) return 0;
    const { codes } = this;
    let count = 0;
    for (let i = 0; i < codes.length; i++) if (codes[i] === code) count++;
    return count;
  }

  /** The mean of `values` for each name, in the order of `names`. Throws a RangeError unless there is a value a row. */
  means(values: ArrayLike<number>): Float64Array {
    if (values.length !== this.length) throw new RangeError(`${values.length} values for ${this.length} rows`);
    const { codes } = this, sums = new Float64Array(this.names.length), counts = new Uint32Array(this.names.length);
    for (let i = 0; i < codes.length; i++) {
      sums[codes[i]] += values[i];
      counts[codes[i]]++;
    }
    return sums.map((sum, code) => sum / counts[code]);
  }
}

if (import.meta.main) {
  const cities = "Athens Berlin Cairo Dublin Espoo Florence Geneva Hamburg Ithaca Jakarta Kyoto Lisbon".split(" ");
  const rows = Array.from({ length: 1_000_000 }, (_, i) => cities[i * 7919 % cities.length]);
  const column = DictionaryColumn.from(rows);
  const time = (what: string, count: () => number) => {
    const start = performance.now(), result = count();
    console.log(`${what.padEnd(28)} ${result} rows in ${(performance.now() - start).toFixed(1)} ms`);
    return result;
  };
  const strings = time("strings equal to «Kyoto»", () => rows.filter((city) => city === "Kyoto").length);
  const codes = time("codes equal to that of it", () => column.count("Kyoto"));
  if (strings !== codes || codes !== 83334) throw new Error(`${strings} and ${codes} should be 83334`);
  console.log(`${column.codes.byteLength} bytes of codes, ${column.names.length} names`);
  try {
    DictionaryColumn.from(Array.from({ length: 300 }, (_, i) => `name ${i}`), 8);
    throw new Error("300 names cannot have 8 bits each");
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    console.log(`refused: ${error.message}`);
  }
}
