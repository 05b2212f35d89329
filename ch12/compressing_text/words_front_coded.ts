/**
 * Front coding: of each word only what differs from the one before it, in blocks of eight.
 *
 * What to notice: neighbours in the order share most of their letters. A word is a byte that says how many it shares,
 * one for how many follow, and those. To read one, all before it are read, so every eighth is written in full, and a
 * lookup is a binary search among those and a walk of seven words at most. Longer blocks are smaller and slower.
 *
 * A word is a sequence of UTF-16 code units, as JavaScript has it: one byte each where all are below 256, otherwise two.
 * The order is that of `<`.
 *
 * @original 12_less_ram/compressing_text/text_example_list_bisect.py
 * @run deno run ch12/compressing_text/words_front_coded.ts
 * @takes 2 s
 */

import { pathToFileURL } from "node:url";
import { crc32 } from "node:zlib";
import list from "npm:word-list@4.1.0";

/** The first word of a file: "FRC" and its version. */
const magic = 0x31435246;
const headerLength = 6;
/** Words in a block. */
const blockLength = 8;
/** A count of letters takes as many steps of 7 bits as it needs; the highest bit says that another follows. */
const more = 0x80;

/** Words in any order; duplicates are dropped. */
export function build(words: readonly string[]): FrontCoded {
  const sorted = [...new Set(words)].sort(), starts: number[] = [], units: number[] = [];
  const write = (count: number) => {
    for (; count >= more; count >>>= 7) units.push((count & (more - 1)) | more);
    units.push(count);
  };
  let last = "", wide = 0;
  for (const [i, word] of sorted.entries()) {
    let common = 0;
    if (i % blockLength === 0) {
      starts.push(units.length);
    } else {
      while (common < last.length && last[common] === word[common]) common++;
      write(common);
    }
    write(word.length - common);
    for (let j = common; j < word.length; j++) {
      const unit = word.charCodeAt(j);
      if (unit > 0xff) wide = 1;
      units.push(unit);
    }
    last = word;
  }
  const file = new Uint32Array(headerLength + starts.length + Math.ceil((units.length << wide) / 4));
  file.set([magic, file.length, 0, sorted.length, wide, starts.length]);
  file.set(starts, headerLength);
  const letters = wide ? new Uint16Array(file.buffer) : new Uint8Array(file.buffer);
  letters.set(units, 4 * (headerLength + starts.length) >> wide);
  file[2] = crc32(new Uint8Array(file.buffer, 12));
  return new FrontCoded(file);
}

/** Reads what `save` gave. Throws if it is cut off, damaged, or of another version or kind. */
export function load(bytes: Uint8Array): FrontCoded {
  const file = new Uint32Array(bytes.slice(0, bytes.length & ~3).buffer);
  if (file[0] !== magic) throw new TypeError("not a front-coded list of this version");
  if (file.length < headerLength || 4 * file[1] !== bytes.length) {
    throw new RangeError(`a file of ${4 * file[1]} bytes has ${bytes.length}`);
  }
  if (file[2] !== crc32(bytes.subarray(12))) throw new RangeError("the file is damaged: its checksum is another");
  return new FrontCoded(file);
}

export class FrontCoded {
  /** How many words. */
  readonly size: number;
  /** All that a lookup needs. */
  readonly bytes: number;
  readonly #file: Uint32Array<ArrayBuffer>;
  /** Where each block begins. */
  readonly #starts: Uint32Array;
  readonly #units: Uint8Array | Uint16Array;
  #at = 0;

  constructor(file: Uint32Array<ArrayBuffer>) {
    const [, , , size, wide, blocks] = file, table = 4 * (headerLength + blocks);
    this.size = size;
    this.bytes = file.byteLength;
    this.#file = file;
    this.#starts = file.subarray(headerLength, headerLength + blocks);
    this.#units = wide ? new Uint16Array(file.buffer, table) : new Uint8Array(file.buffer, table);
  }

  has(word: string): boolean {
    return this.indexOf(word) >= 0;
  }

  /** A word's place in the order, or -1. */
  indexOf(word: string): number {
    const block = this.#blockOf(word), units = this.#units;
    if (block < 0) return -1;
    this.#at = this.#starts[block];
    const end = Math.min(blockLength, this.size - block * blockLength);
    // How many letters the word shares with the one just read, which comes before it.
    let matched = 0;
    for (let i = 0; i < end; i++) {
      const common = i === 0 ? 0 : this.#count(), length = this.#count(), start = this.#at;
      this.#at += length;
      // This one shares more with the last than the word does: it comes before it, too.
      if (common > matched) continue;
      // It leaves the last where the word still goes along, and so comes after it.
      if (common < matched) return -1;
      while (matched < word.length && matched - common < length) {
        if (units[start + matched - common] !== word.charCodeAt(matched)) break;
        matched++;
      }
      const over = matched - common === length;
      if (over && matched === word.length) return block * blockLength + i;
      if (!over && (matched === word.length || units[start + matched - common] > word.charCodeAt(matched))) return -1;
    }
    return -1;
  }

  /** The word at a place from 0. */
  at(i: number): string {
    if (!(Number.isInteger(i) && i >= 0 && i < this.size)) {
      throw new RangeError(`there is no word ${i} of ${this.size}`);
    }
    return this.#read(Math.floor(i / blockLength))[i % blockLength];
  }

  /** All words that begin with a prefix, in order. */
  withPrefix(prefix: string): string[] {
    const found: string[] = [];
    for (let block = Math.max(0, this.#blockOf(prefix)); block < this.#starts.length; block++) {
      for (const word of this.#read(block)) {
        if (word.startsWith(prefix)) found.push(word);
        else if (word > prefix) return found;
      }
    }
    return found;
  }

  /** The structure as it lies in memory: one buffer, in the byte order of the machine, which is little-endian. */
  save(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#file.buffer).slice();
  }

  /** The last block whose first word is not greater than `word`, or -1. */
  #blockOf(word: string): number {
    const units = this.#units;
    let low = 0, high = this.#starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      this.#at = this.#starts[middle];
      const length = this.#count(), start = this.#at;
      let j = 0;
      while (j < length && j < word.length && units[start + j] === word.charCodeAt(j)) j++;
      const less = j === length || (j < word.length && units[start + j] < word.charCodeAt(j));
      if (less) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** The words of a block. */
  #read(block: number): string[] {
    const found: string[] = [], count = Math.min(blockLength, this.size - block * blockLength);
    this.#at = this.#starts[block];
    let word = "";
    for (let i = 0; i < count; i++) {
      word = word.slice(0, i === 0 ? 0 : this.#count());
      for (let left = this.#count(); left > 0; left--) word += String.fromCharCode(this.#units[this.#at++]);
      found.push(word);
    }
    return found;
  }

  #count(): number {
    let unit = this.#units[this.#at++], count = unit & (more - 1);
    for (let shift = 7; unit >= more; shift += 7) {
      unit = this.#units[this.#at++];
      count |= (unit & (more - 1)) << shift;
    }
    return count;
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
  console.log(`${built.bytes} bytes, ${(built.bytes / built.size).toFixed(2)} a word; word 1000 is ${built.at(1000)}`);
}
