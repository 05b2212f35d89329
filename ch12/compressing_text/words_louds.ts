/**
 * LOUDS: the trie of words_trie_array.ts in two bits a node, its letters in five, and one for the ends of words.
 *
 * What to notice: level by level each node writes a one for each child and then a zero. That is the whole shape of the
 * tree, and no pointer is in it: the children of a node are found by where the zero of the node before it is (select),
 * a parent by where its own one is. Both take a table of 3% of the bits, of how many ones come before each block.
 * The words are numbered by counting ends (rank), so that a word has a number and a number its word for nothing more.
 *
 * A word is a sequence of UTF-16 code units, and a letter is packed into as few bits as those that occur need.
 *
 * Sources: Jacobson, "Space-efficient static trees and graphs", 1989; Delpratt et al., "Engineering the LOUDS succinct
 * tree representation", 2006.
 *
 * @original 12_less_ram/compressing_text/text_example_marisa_trie.py
 * @run deno run ch12/compressing_text/words_louds.ts
 * @takes 3 s
 */

import { pathToFileURL } from "node:url";
import { crc32 } from "node:zlib";
import list from "npm:word-list@4.1.0";

/** The first word of a file: "LDS" and its version. */
const magic = 0x3153444c;
const headerLength = 6;

/**
 * Bits with a table for rank and select: how many ones come before each block of 256, and behind that, for every 512th
 * zero, its block.
 */
export class Bits {
  readonly #blocks: number;

  /** The length of the table for so many words of 32 bits, and so many zeros. */
  static tableLength(words: number, zeros: number): number {
    return (words >>> 3) + 1 + (zeros >>> 9) + 2;
  }

  /** Fills the table for its bits. */
  static count(words: Uint32Array, table: Uint32Array): void {
    const blocks = (words.length >>> 3) + 1;
    table.fill(blocks - 1, blocks);
    for (let word = 0, ones = 0, hint = 0; word <= words.length; word++) {
      if ((word & 7) === 0) table[word >>> 3] = ones;
      if (word < words.length) ones += countOnes(words[word]);
      while (32 * (word + 1) - ones > hint << 9 && blocks + hint < table.length) table[blocks + hint++] = word >>> 3;
    }
  }

  constructor(readonly words: Uint32Array, readonly table: Uint32Array) {
    this.#blocks = (words.length >>> 3) + 1;
  }

  get(i: number): number {
    return (this.words[i >>> 5] >>> (i & 31)) & 1;
  }

  /** How many ones come before a place. */
  rank(i: number): number {
    const word = i >>> 5;
    let ones = this.table[word >>> 3];
    for (let j = word & ~7; j < word; j++) ones += countOnes(this.words[j]);
    return (i & 31) === 0 ? ones : ones + countOnes(this.words[word] << (32 - (i & 31)));
  }

  /** The place of the zero of that number from 0; which must be there. */
  selectZero(number: number): number {
    const { words, table } = this, hint = this.#blocks + (number >>> 9);
    let low = table[hint], high = table[hint + 1] + 1;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if ((middle << 8) - table[middle] <= number) low = middle;
      else high = middle;
    }
    let left = number - ((low << 8) - table[low]), word = low << 3;
    for (let count = 0; (count = countOnes(~words[word])) <= left; word++) left -= count;
    return (word << 5) + selectInWord(~words[word], left);
  }

  /** The place of the one of that number from 0; which must be there. */
  selectOne(number: number): number {
    const { words, table } = this;
    let low = 0, high = this.#blocks;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if (table[middle] <= number) low = middle;
      else high = middle;
    }
    let left = number - table[low], word = low << 3;
    for (let count = 0; (count = countOnes(words[word])) <= left; word++) left -= count;
    return (word << 5) + selectInWord(words[word], left);
  }
}

/** The place of the one of that number from 0 among 32 bits. */
function selectInWord(bits: number, number: number): number {
  let place = 0;
  for (let count = 0; (count = countOnes(bits & 255)) <= number; place += 8) {
    number -= count;
    bits >>>= 8;
  }
  for (; number > 0; number--) bits &= bits - 1;
  return place + 31 - Math.clz32(bits & -bits);
}

/** How many of 32 bits are set. */
function countOnes(bits: number): number {
  bits -= (bits >>> 1) & 0x55555555;
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** Words in any order; duplicates are dropped. */
export function build(words: readonly string[]): Louds {
  const sorted = [...new Set(words)].sort();

  // A letter is the place of its code unit among those that occur, from 1.
  const seen = new Set<number>();
  for (const word of sorted) for (let i = 0; i < word.length; i++) seen.add(word.charCodeAt(i));
  const units = [...seen].sort((a, b) => a - b);
  const letterOf = new Map(units.map((unit, i) => [unit, i + 1]));

  // The root is the only child of a node that does not exist, and with it all nodes are ones.
  const shape = [1, 0], ends: number[] = [], letters: number[] = [];
  // A node is the range of the words that begin with it, and so many letters are common to them.
  let level = [0, sorted.length];
  for (let depth = 0; level.length > 0; depth++) {
    const below: number[] = [];
    for (let i = 0; i < level.length; i += 2) {
      let first = level[i];
      const end = level[i + 1], final = first < end && sorted[first].length === depth;
      if (final) first++;
      ends.push(final ? 1 : 0);
      while (first < end) {
        const unit = sorted[first].charCodeAt(depth);
        shape.push(1);
        letters.push(letterOf.get(unit)!);
        below.push(first);
        while (first < end && sorted[first].charCodeAt(depth) === unit) first++;
        below.push(first);
      }
      shape.push(0);
    }
    level = below;
  }
  const width = 32 - Math.clz32(units.length), nodes = ends.length, places = placesOf(nodes, units.length, width);
  const file = new Uint32Array(places.end);
  file.set([magic, file.length, 0, sorted.length, nodes, units.length]);
  const part = (at: number, bits: number) => file.subarray(at, at + Math.ceil(bits / 32));
  const shapeWords = part(places.shape, shape.length), endWords = part(places.ends, nodes);
  shape.forEach((bit, i) => shapeWords[i >>> 5] |= bit << (i & 31));
  ends.forEach((bit, i) => endWords[i >>> 5] |= bit << (i & 31));
  Bits.count(shapeWords, file.subarray(places.shapeTable, places.ends));
  Bits.count(endWords, file.subarray(places.endTable, places.letters));
  letters.forEach((letter, i) => {
    const at = i * width, word = places.letters + Math.floor(at / 32), offset = at % 32;
    file[word] |= letter << offset;
    if (offset + width > 32) file[word + 1] |= letter >>> (32 - offset);
  });
  new Uint16Array(file.buffer, 4 * places.units).set(units);
  file[2] = crc32(new Uint8Array(file.buffer, 12));
  return new Louds(file);
}

/** Where the parts of a file begin, in words of 32 bits. */
function placesOf(nodes: number, unitCount: number, width: number) {
  const shapeLength = Math.ceil((2 * nodes + 1) / 32), endLength = Math.ceil(nodes / 32), shape = headerLength;
  const shapeTable = shape + shapeLength, ends = shapeTable + Bits.tableLength(shapeLength, nodes + 1);
  const endTable = ends + endLength, letters = endTable + Bits.tableLength(endLength, 0);
  // A letter is read from two words, and so one may follow the last.
  const units = letters + Math.ceil((nodes - 1) * width / 32) + 1, end = units + Math.ceil(unitCount / 2);
  return { shape, shapeTable, ends, endTable, letters, units, end };
}

/** Reads what `save` gave. Throws if it is cut off, damaged, or of another version or kind. */
export function load(bytes: Uint8Array): Louds {
  const file = new Uint32Array(bytes.slice(0, bytes.length & ~3).buffer);
  if (file[0] !== magic) throw new TypeError("not a LOUDS trie of this version");
  if (file.length < headerLength || 4 * file[1] !== bytes.length) {
    throw new RangeError(`a file of ${4 * file[1]} bytes has ${bytes.length}`);
  }
  if (file[2] !== crc32(bytes.subarray(12))) throw new RangeError("the file is damaged: its checksum is another");
  return new Louds(file);
}

export class Louds {
  /** How many words. */
  readonly size: number;
  /** All that a lookup needs. */
  readonly bytes: number;
  readonly #file: Uint32Array<ArrayBuffer>;
  readonly #shape: Bits;
  readonly #ends: Bits;
  readonly #letters: Uint32Array;
  /** Bits a letter. */
  readonly #width: number;
  readonly #units: Uint16Array;
  /** By the upper byte of a code unit where its page begins, and in the page by the lower byte its letter, or 0. */
  readonly #pages: Uint16Array;

  constructor(file: Uint32Array<ArrayBuffer>) {
    const [, , , size, nodes, units] = file;
    this.size = size;
    this.#file = file;
    this.#width = 32 - Math.clz32(units);
    const places = placesOf(nodes, units, this.#width);
    this.#shape = new Bits(
      file.subarray(places.shape, places.shapeTable),
      file.subarray(places.shapeTable, places.ends),
    );
    this.#ends = new Bits(
      file.subarray(places.ends, places.endTable),
      file.subarray(places.endTable, places.letters),
    );
    this.#letters = file.subarray(places.letters, places.units);
    this.#units = new Uint16Array(file.buffer, 4 * places.units, units);
    this.#pages = pagesOf(this.#units);
    this.bytes = file.byteLength + this.#pages.byteLength;
  }

  /** Bytes of the parts: the tables for rank and select are apart. */
  parts(): Record<"shape" | "ends" | "letters" | "tables" | "alphabet", number> {
    return {
      shape: this.#shape.words.byteLength,
      ends: this.#ends.words.byteLength,
      letters: this.#letters.byteLength,
      tables: this.#shape.table.byteLength + this.#ends.table.byteLength,
      alphabet: this.#units.byteLength + this.#pages.byteLength,
    };
  }

  has(word: string): boolean {
    const node = this.#find(word);
    return node >= 0 && this.#ends.get(node) === 1;
  }

  /** The number of a word from 0, shorter words first and those of a length in order; or -1. */
  indexOf(word: string): number {
    const node = this.#find(word);
    return node >= 0 && this.#ends.get(node) === 1 ? this.#ends.rank(node) : -1;
  }

  /** The word of a number. */
  at(i: number): string {
    if (!(Number.isInteger(i) && i >= 0 && i < this.size)) {
      throw new RangeError(`there is no word ${i} of ${this.size}`);
    }
    let word = "";
    // Up to the root. The zeros before a node's one are those of the nodes before its parent, and one at the start.
    for (let node = this.#ends.selectOne(i); node > 0; node = this.#shape.selectOne(node) - node - 1) {
      word = this.#unit(node) + word;
    }
    return word;
  }

  /** All words that begin with a prefix, in order. */
  withPrefix(prefix: string): string[] {
    const found: string[] = [], start = this.#find(prefix);
    // A stack, since words may be longer than calls can be nested.
    const open = start < 0 ? [] : [{ text: prefix, node: start }];
    for (let top = open.pop(); top; top = open.pop()) {
      const { text, node } = top, first = this.#shape.selectZero(node) + 1;
      if (this.#ends.get(node)) found.push(text);
      let end = first;
      while (this.#shape.get(end)) end++;
      for (let place = end - 1; place >= first; place--) {
        const child = place - node - 1;
        open.push({ text: text + this.#unit(child), node: child });
      }
    }
    return found;
  }

  /** The structure as it lies in memory: one buffer, in the byte order of the machine, which is little-endian. */
  save(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#file.buffer).slice();
  }

  /** The node of a text, or -1. Nodes have numbers from 0, the root's; the ones of the shape are in the same order. */
  #find(text: string): number {
    const pages = this.#pages, shape = this.#shape;
    let node = 0;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i), wanted = pages[pages[unit >> 8] + (unit & 255)];
      if (wanted === 0) return -1;
      // Behind the zero that ends the children of all nodes before it: there are as many zeros as the node's number
      // and one more, and the rest are ones, each of which is a node.
      let place = shape.selectZero(node) + 1;
      for (;; place++) {
        if (shape.get(place) === 0) return -1;
        const letter = this.#letter(place - node - 1);
        if (letter > wanted) return -1;
        if (letter === wanted) break;
      }
      node = place - node - 1;
    }
    return node;
  }

  /** The letter that leads to a node below the root. */
  #letter(node: number): number {
    const at = (node - 1) * this.#width, word = at >>> 5, offset = at & 31, letters = this.#letters;
    // In two shifts, since one by 32 would be one by 0.
    return ((letters[word] >>> offset) | (letters[word + 1] << 1 << (31 - offset))) & ((1 << this.#width) - 1);
  }

  #unit(node: number): string {
    return String.fromCharCode(this.#units[this.#letter(node) - 1]);
  }
}

/** A table from code units to letters from 1, of as many pages of 256 as there are units with the same upper byte. */
function pagesOf(units: Uint16Array): Uint16Array {
  const uppers = [...new Set(Array.from(units, (unit) => unit >> 8))];
  const pages = new Uint16Array(256 * (uppers.length + 2)).fill(256, 0, 256);
  uppers.forEach((upper, i) => pages[upper] = 256 * (i + 2));
  units.forEach((unit, i) => pages[pages[unit >> 8] + (unit & 255)] = i + 1);
  return pages;
}

if (import.meta.main) {
  const { default: text } = await import(pathToFileURL(list).href, { with: { type: "text" } });
  const words: string[] = text.split("\n"), before = performance.now(), built = build(words);
  console.log(`built from ${words.length} words in ${(performance.now() - before).toFixed(0)} ms`);
  const some = words.filter((_, i) => i % 2 === 0), start = performance.now();
  const found = some.filter((word) => built.has(word)).length, time = performance.now() - start;
  console.log(`a word is found in ${(time / some.length * 1e6).toFixed(0)} ns`);
  if (found !== some.length || some.some((word) => built.has(`${word}#`))) throw new Error("a lookup went wrong");
  console.log(`${built.bytes} bytes, ${(built.bytes / built.size).toFixed(2)} a word:`, built.parts());
  console.log(`word 100000 is ${built.at(100000)}`);
}
