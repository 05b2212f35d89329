/**
 * All words in one buffer, one behind the other in order, and a table of where each begins; binary search.
 *
 * What to notice: what a word costs in an array is mostly its object: 24 bytes and more around nine letters. Without
 * objects a word is its letters and four bytes. There is nothing left for the garbage collector to look at, and a file of
 * the buffer is read in one piece: no word is ever made again. A comparison costs more than that of two strings.
 *
 * A word is a sequence of UTF-16 code units, as JavaScript has it: one byte each where all are below 256, otherwise two.
 * The order is that of `<`.
 *
 * @original 12_less_ram/compressing_text/text_example_list_bisect.py
 * @run deno run ch12/compressing_text/words_one_buffer.ts
 * @takes 2 s
 */

import { pathToFileURL } from "node:url";
import { crc32 } from "node:zlib";
import list from "npm:word-list@4.1.0";

/** The first word of a file: "ONE" and its version. */
const magic = 0x31454e4f;
const headerLength = 5;

/** Words in any order; duplicates are dropped. */
export function build(words: readonly string[]): OneBuffer {
  const sorted = [...new Set(words)].sort(), all = sorted.join("");
  const wide = /[^\0-\xff]/.test(all) ? 1 : 0, count = sorted.length;
  const file = new Uint32Array(headerLength + count + 1 + Math.ceil((all.length << wide) / 4));
  file.set([magic, file.length, 0, count, wide]);
  for (let i = 0, end = 0; i < count; i++) file[headerLength + i + 1] = end += sorted[i].length;
  const letters = wide ? new Uint16Array(file.buffer) : new Uint8Array(file.buffer);
  const first = 4 * (headerLength + count + 1) >> wide;
  for (let i = 0; i < all.length; i++) letters[first + i] = all.charCodeAt(i);
  file[2] = crc32(new Uint8Array(file.buffer, 12));
  return new OneBuffer(file);
}

/** Reads what `save` gave. Throws if it is cut off, damaged, or of another version or kind. */
export function load(bytes: Uint8Array): OneBuffer {
  const file = new Uint32Array(bytes.slice(0, bytes.length & ~3).buffer);
  if (file[0] !== magic) throw new TypeError("not a buffer of words of this version");
  if (file.length < headerLength || 4 * file[1] !== bytes.length) {
    throw new RangeError(`a file of ${4 * file[1]} bytes has ${bytes.length}`);
  }
  if (file[2] !== crc32(bytes.subarray(12))) throw new RangeError("the file is damaged: its checksum is another");
  return new OneBuffer(file);
}

export class OneBuffer {
  /** How many words. */
  readonly size: number;
  /** All that a lookup needs. */
  readonly bytes: number;
  readonly #file: Uint32Array<ArrayBuffer>;
  /** Where each word begins, and the last ends. */
  readonly #starts: Uint32Array;
  readonly #letters: Uint8Array | Uint16Array;

  constructor(file: Uint32Array<ArrayBuffer>) {
    const [, , , size, wide] = file, table = 4 * (headerLength + size + 1);
    this.size = size;
    this.bytes = file.byteLength;
    this.#file = file;
    this.#starts = file.subarray(headerLength, headerLength + size + 1);
    this.#letters = wide ? new Uint16Array(file.buffer, table) : new Uint8Array(file.buffer, table);
  }

  has(word: string): boolean {
    return this.indexOf(word) >= 0;
  }

  /** A word's place in the order, or -1. */
  indexOf(word: string): number {
    const i = this.#bisect(word);
    return i < this.size && this.#compare(i, word) === 0 ? i : -1;
  }

  /** The word at a place from 0. */
  at(i: number): string {
    if (!(Number.isInteger(i) && i >= 0 && i < this.size)) {
      throw new RangeError(`there is no word ${i} of ${this.size}`);
    }
    let word = "";
    for (let j = this.#starts[i]; j < this.#starts[i + 1]; j++) word += String.fromCharCode(this.#letters[j]);
    return word;
  }

  /** All words that begin with a prefix, in order. */
  withPrefix(prefix: string): string[] {
    const found: string[] = [];
    for (let i = this.#bisect(prefix); i < this.size; i++) {
      const word = this.at(i);
      if (!word.startsWith(prefix)) break;
      found.push(word);
    }
    return found;
  }

  /** The structure as it lies in memory: one buffer, in the byte order of the machine, which is little-endian. */
  save(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#file.buffer).slice();
  }

  /** The first word that is not less. */
  #bisect(word: string): number {
    let low = 0, high = this.size;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compare(middle, word) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Below zero if the word at a place comes before `word`, zero if it is the same. */
  #compare(i: number, word: string): number {
    const start = this.#starts[i], length = this.#starts[i + 1] - start, letters = this.#letters;
    for (let j = 0; j < length && j < word.length; j++) {
      const difference = letters[start + j] - word.charCodeAt(j);
      if (difference !== 0) return difference;
    }
    return length - word.length;
  }
}

if (import.meta.main) {
  const { default: text } = await import(pathToFileURL(list).href, { with: { type: "text" } });
  const words: string[] = text.split("\n"), before = performance.now(), built = build(words);
  console.log(`built from ${words.length} words in ${(performance.now() - before).toFixed(0)} ms`);
  const some = words.filter((_, i) => i % 2 === 0), start = performance.now();
  const found = some.filter((word) => built.has(word)).length, time = performance.now() - start;
  console.log(`a word is found in ${(time / some.length * 1e6).toFixed(0)} ns`);
  if (found !== some.length || some.some((word) => built.has(`${word}#`))) throw new Error("a lookup went wrong");
  console.log(
    `${built.bytes} bytes, ${(built.bytes / built.size).toFixed(2)} a word; ${
      built.withPrefix("automati").length
    } begin with automati`,
  );
}
