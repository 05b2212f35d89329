/**
 * Texts as rows of numbers by a dictionary: each word, pair and triple of words gets the next free column.
 *
 * What to notice: a column is one feature and can be read back, at the price of holding every feature that was ever
 * seen, though most are seen once. One takes 28 to 56 bytes in the Map, depending on how full that just is, and 24 or
 * more as a string. A feature that was not there while fitting has no column, and is dropped.
 *
 * A piece of 13 characters or more that is cut from a text only points into it, and would keep the whole text alive. As
 * the key of a Map, however, V8 makes it one of its names, each with characters of its own. Looking a piece up does that,
 * too, which is what makes a dictionary slow: every feature of every text becomes a string and then a name.
 *
 * @original 12_less_ram/sklearn_hashing_trick/feature_hashing_explanation2.py
 * @run deno run --v8-flags=--single-threaded,--expose-gc ch12/hashing_trick/dict_vectorizer.ts
 * @takes 1 s
 */

import v8 from "node:v8";

/** Sparse rows: of row r, the values and their columns are those from `offsets[r]` up to `offsets[r + 1]`. */
export interface Matrix {
  width: number;
  offsets: Int32Array;
  columns: Int32Array;
  values: Float32Array;
}

/** Counts the features of texts, in columns that it hands out while fitting. */
export class DictVectorizer {
  /** The column of each feature. */
  readonly vocabulary = new Map<string, number>();

  /**
   * @param ngrams words in the longest feature: with 2, the features of "to be or" are "to", "to be", "be", "be or", "or"
   * @throws RangeError unless that is a whole number from 1
   */
  constructor(readonly ngrams = 1) {
    if (!Number.isInteger(ngrams) || ngrams < 1) {
      throw new RangeError(`ngrams must be a whole number from 1, not ${ngrams}`);
    }
  }

  /** Learns the features of texts, and counts them. The words of a text stand between single spaces. */
  fitTransform(texts: readonly string[]): Matrix {
    return this.#count(texts, true);
  }

  /** Counts the features that are known. */
  transform(texts: readonly string[]): Matrix {
    return this.#count(texts, false);
  }

  #count(texts: readonly string[], learn: boolean): Matrix {
    const { vocabulary, ngrams } = this, ends: number[] = [];
    let most = 0;
    for (const text of texts) most += ngrams * wordEnds(text, ends);
    const offsets = new Int32Array(texts.length + 1), columns = new Int32Array(most), values = new Float32Array(most);
    // Where the count of a column is: in this row, or before where it starts.
    const places = new Int32Array(learn ? vocabulary.size + most : vocabulary.size).fill(-1);
    let used = 0;
    for (let row = 0; row < texts.length; row++) {
      const from = used, text = texts[row], words = wordEnds(text, ends);
      for (let first = 0, start = 0; first < words; start = ends[first++] + 1) {
        for (let last = first, end = Math.min(first + ngrams, words); last < end; last++) {
          const feature = text.slice(start, ends[last]);
          let column = vocabulary.get(feature);
          if (column === undefined) {
            if (!learn) continue;
            vocabulary.set(feature, column = vocabulary.size);
          }
          let place = places[column];
          if (place < from) columns[place = places[column] = used++] = column;
          values[place]++;
        }
      }
      offsets[row + 1] = used;
    }
    return { width: vocabulary.size, offsets, columns: columns.slice(0, used), values: values.slice(0, used) };
  }
}

/** Puts the position after each word of a text into `ends`; gives their number. */
function wordEnds(text: string, ends: number[]): number {
  let words = 0;
  if (text === "") return 0;
  for (let end = text.indexOf(" "); end >= 0; end = text.indexOf(" ", end + 1)) ends[words++] = end;
  ends[words++] = text.length;
  return words;
}

/** Bytes, on the heap and beside it, that are free again when nobody holds any more what `make` made. */
export function heldBytes(make: () => unknown): number {
  const collect = (globalThis as { gc?: () => void }).gc;
  if (!collect) throw new Error("run this with --v8-flags=--single-threaded,--expose-gc");
  const used = () => {
    collect();
    collect();
    const { used_heap_size, external_memory } = v8.getHeapStatistics();
    return used_heap_size + external_memory;
  };
  const kept = [make()], held = used();
  kept.pop();
  return held - used();
}

if (import.meta.main) {
  const vectorizer = new DictVectorizer(2), texts = ["to be or not to be", "not a word"];
  const { width, offsets, columns, values } = vectorizer.fitTransform(texts), names = [...vectorizer.vocabulary.keys()];
  for (const [row, text] of texts.entries()) {
    const cells = [...columns.subarray(offsets[row], offsets[row + 1]).keys()].map((i) => offsets[row] + i);
    console.log(`${text}: ${cells.map((i) => `${names[columns[i]]} ${values[i]}`).join(", ")}`);
  }
  // to be or not to be: to 2, to be 2, be 2, be or 1, or 1, or not 1, not 1, not to 1
  // not a word: not 1, not a 1, a 1, a word 1, word 1
  if (width !== 12 || columns.length !== 13) throw new Error(`${columns.length} counts in ${width} columns`);
  for (const count of [2 ** 16, 2 ** 17, 2 ** 17 + 1]) {
    const bytes = heldBytes(() => {
      const vectorizer = new DictVectorizer();
      vectorizer.fitTransform(Array.from({ length: count }, (_, i) => (i + 36 ** 7).toString(36)));
      return vectorizer;
    });
    console.log(`${count} features of eight letters: ${(bytes / count).toFixed(1)} bytes each`);
  }
}
