/**
 * Texts as rows of numbers without a dictionary: the column of a feature is its hash (the hashing trick).
 *
 * What to notice: nothing is held but two numbers, the columns and the longest feature, however many texts come, and a
 * feature that was never seen before has its column, too. The price is that features share columns, and that a column
 * cannot be read back. A bit of the hash gives each feature a sign, so that what falls into one column cancels out on
 * average, and the products of rows are right in expectation (Weinberger and others 2009).
 *
 * No feature ever becomes a string: it is hashed where it lies, among the bytes of its text. Hash, sign and column are
 * those of scikit-learn's FeatureHasher: MurmurHash3 (x86, 32 bits) of the bytes in UTF-8.
 *
 * @original 12_less_ram/sklearn_hashing_trick/feature_hashing_explanation2.py
 * @run deno run ch12/hashing_trick/feature_hasher.ts
 * @takes 1 s
 */

/** Sparse rows: of row r, the values and their columns are those from `offsets[r]` up to `offsets[r + 1]`. */
export interface Matrix {
  width: number;
  offsets: Int32Array;
  columns: Int32Array;
  values: Float32Array;
}

/** Counts the features of texts, with signs, in a fixed number of columns. */
export class FeatureHasher {
  /**
   * @param width columns, a power of two
   * @param ngrams words in the longest feature: with 2, the features of "to be or" are "to", "to be", "be", "be or", "or"
   * @throws RangeError unless width is a power of two up to 2 ** 30, and ngrams a whole number from 1
   */
  constructor(readonly width = 2 ** 20, readonly ngrams = 1) {
    if (!(width >= 1 && width <= 2 ** 30) || !Number.isInteger(Math.log2(width))) {
      throw new RangeError(`the number of columns must be a power of two up to 2 ** 30, not ${width}`);
    }
    if (!Number.isInteger(ngrams) || ngrams < 1) {
      throw new RangeError(`ngrams must be a whole number from 1, not ${ngrams}`);
    }
  }

  /** There is nothing to fit. */
  fitTransform(texts: readonly string[]): Matrix {
    return this.transform(texts);
  }

  /** Counts the features of texts. The words of a text stand between single spaces. */
  transform(texts: readonly string[]): Matrix {
    const { width, ngrams } = this, offsets = new Int32Array(texts.length + 1);
    const longest = texts.reduce((longest, { length }) => Math.max(longest, length), 0);
    const bytes = new Uint8Array(3 * longest), encoder = new TextEncoder(), ends: number[] = [];
    let most = 0;
    for (const text of texts) {
      if (text !== "") most += ngrams;
      for (let i = text.indexOf(" "); i >= 0; i = text.indexOf(" ", i + 1)) most += ngrams;
    }
    const columns = new Int32Array(most), values = new Float32Array(most);
    // Where the count of a column is: in this row, or before where it starts.
    const places = new Int32Array(width).fill(-1);
    let used = 0;
    for (let row = 0; row < texts.length; row++) {
      const from = used, words = wordEnds(bytes, encoder.encodeInto(texts[row], bytes).written, ends);
      for (let first = 0, start = 0; first < words; start = ends[first++] + 1) {
        for (let last = first, end = Math.min(first + ngrams, words); last < end; last++) {
          const hash = murmur3(bytes, start, ends[last]), column = columnOf(hash, width);
          let place = places[column];
          if (place < from) columns[place = places[column] = used++] = column;
          values[place] += hash < 0 ? -1 : 1;
        }
      }
      offsets[row + 1] = used;
    }
    return { width, offsets, columns: columns.slice(0, used), values: values.slice(0, used) };
  }
}

/** Puts the position after each word of so many bytes into `ends`; gives their number. No other letter contains a 32. */
function wordEnds(bytes: Uint8Array, length: number, ends: number[]): number {
  let words = 0;
  for (let i = 0; i < length; i++) if (bytes[i] === 32) ends[words++] = i;
  if (length > 0) ends[words++] = length;
  return words;
}

/** The column of a hash: its magnitude modulo the width, a power of two. */
export function columnOf(hash: number, width: number): number {
  return (hash < 0 ? -hash : hash) & (width - 1);
}

/** Appleby's MurmurHash3 for x86 with 32 bits, of the bytes from start up to end, as a signed integer. */
export function murmur3(bytes: Uint8Array, start: number, end: number, seed = 0): number {
  const length = end - start, tail = end - (length & 3);
  let hash = seed | 0, i = start;
  for (; i < tail; i += 4) {
    hash ^= scramble(bytes[i] | bytes[i + 1] << 8 | bytes[i + 2] << 16 | bytes[i + 3] << 24);
    hash = Math.imul(hash << 13 | hash >>> 19, 5) + 0xe6546b64 | 0;
  }
  let rest = 0;
  for (let shift = 0; i < end; i++, shift += 8) rest |= bytes[i] << shift;
  hash ^= scramble(rest) ^ length;
  hash = Math.imul(hash ^ hash >>> 16, 0x85ebca6b);
  hash = Math.imul(hash ^ hash >>> 13, 0xc2b2ae35);
  return hash ^ hash >>> 16;
}

function scramble(block: number): number {
  block = Math.imul(block, 0xcc9e2d51);
  return Math.imul(block << 15 | block >>> 17, 0x1b873593);
}

if (import.meta.main) {
  const texts = ["to be or not to be", "not a word"], encoder = new TextEncoder();
  for (const word of new Set(texts.join(" ").split(" "))) {
    const bytes = encoder.encode(word), hash = murmur3(bytes, 0, bytes.length);
    console.log(`${word.padEnd(4)} hash ${`${hash}`.padStart(11)}, column ${columnOf(hash, 8)} of 8`);
  }
  const { offsets, columns, values } = new FeatureHasher(8).transform(texts);
  for (const [row, text] of texts.entries()) {
    const dense = new Float32Array(8);
    for (let i = offsets[row]; i < offsets[row + 1]; i++) dense[columns[i]] = values[i];
    console.log(`${text}: ${dense.join(" ")}`);
  }

  // The example of scikit-learn's own documentation, in columns 3, 5 and 7.
  const { columns: at, values: signed } = new FeatureHasher(8).transform(["dog cat snake"]);
  const found = [...at].map((column, i) => `${column}: ${signed[i]}`).sort().join(", ");
  if (found !== "3: -1, 5: -1, 7: 1") throw new Error(`dog, cat and snake came out as ${found}`);

  // Many texts: bytes that stay, and the time.
  const many = Array.from({ length: 20_000 }, (_, i) => `${texts[0]} ${i} ${i + 1} ${i * i}`);
  const start = performance.now(), matrix = new FeatureHasher(2 ** 20, 3).transform(many);
  const seconds = (performance.now() - start) / 1000, features = matrix.columns.length;
  console.log(
    `${features} counts of 20,000 texts in ${(seconds * 1000).toFixed(0)} ms; of their features nothing is held`,
  );
}
