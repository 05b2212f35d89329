/**
 * A DAWG, the minimal automaton of the words: a trie that shares endings as well, in 25 bits an edge.
 *
 * What to notice: of the 606,000 nodes of the trie 79,000 states remain, since what can follow «nation» can follow many
 * beginnings. An edge is a letter, whether a word ends with it, whether it is the last of its state, and the number of
 * the first edge where it leads. A node that is shared cannot know which word one came by, so that numbers for the words
 * must be summed up on the way: they are a table of their own, made only on request.
 *
 * A word is a sequence of UTF-16 code units, and a letter is packed into as few bits as those that occur need.
 *
 * Source: Daciuk, Mihov, Watson and Watson, "Incremental construction of minimal acyclic finite-state automata", 2000.
 *
 * @original 12_less_ram/compressing_text/text_example_lexpy.py
 * @run deno run ch12/compressing_text/words_dawg.ts
 * @takes 3 s
 */

import { pathToFileURL } from "node:url";
import { crc32 } from "node:zlib";
import list from "npm:word-list@4.1.0";

/** The first word of a file: "DWG" and its version. */
const magic = 0x31475744;
const headerLength = 7;

export interface Edge {
  /** From 1. */
  letter: number;
  /** Whether a word ends with it. */
  final: boolean;
  /** The number of the state that it leads to, or -1 for none. */
  target: number;
}

/**
 * The states of the minimal automaton of sorted words without duplicates, each as its edges by letter. A state comes
 * after all that it leads to, and the initial one last. The empty word is not in it, since edges are final, not states.
 *
 * @throws RangeError if the words are not in order
 */
export function minimise(sorted: readonly string[], letterOf: (unit: number) => number): Edge[][] {
  const states: Edge[][] = [], register = new Map<string, number>(), path: Edge[][] = [[]];
  // What lies beyond a depth will not change any more: it becomes a state, or is found to be one.
  const closeTo = (depth: number) => {
    while (path.length > depth) {
      const edges = path.pop()!;
      const key = edges.map(({ letter, final, target }) => `${letter},${final},${target}`).join();
      let state = edges.length > 0 ? register.get(key) : -1;
      if (state === undefined) register.set(key, state = states.push(edges) - 1);
      path.at(-1)!.at(-1)!.target = state;
    }
  };
  let last = "";
  for (const [i, word] of sorted.entries()) {
    if (i > 0 && word <= last) throw new RangeError(`${word} stands after ${last}: the words must be in order`);
    let common = 0;
    while (common < last.length && word[common] === last[common]) common++;
    closeTo(common + 1);
    for (let i = common; i < word.length; i++) {
      path[i].push({ letter: letterOf(word.charCodeAt(i)), final: i === word.length - 1, target: -1 });
      path.push([]);
    }
    last = word;
  }
  closeTo(1);
  states.push(path[0]);
  return states;
}

/** Words in any order; duplicates are dropped. With `numbered` each word has a number, at 18 bits an edge. */
export function build(words: readonly string[], { numbered = false } = {}): Dawg {
  const sorted = [...new Set(words)].sort();

  // A letter is the place of its code unit among those that occur, from 1.
  const seen = new Set<number>();
  for (const word of sorted) for (let i = 0; i < word.length; i++) seen.add(word.charCodeAt(i));
  const units = [...seen].sort((a, b) => a - b);
  const letterOf = new Map(units.map((unit, i) => [unit, i + 1]));

  const states = minimise(sorted, (unit) => letterOf.get(unit)!);

  // The initial state's edges come first, behind an edge that is none: nothing leads to it.
  const starts = new Uint32Array(states.length), counts = new Uint32Array(states.length);
  let edgeCount = 1;
  for (let state = states.length - 1; state >= 0; state--) starts[state] = edgeCount, edgeCount += states[state].length;
  const width = 34 - Math.clz32(units.length), targetWidth = 32 - Math.clz32(edgeCount);
  const step = width + targetWidth, numberWidth = numbered ? 32 - Math.clz32(sorted.length) : 0;
  const length = Math.ceil(edgeCount * step / 32) + 1, numbersLength = Math.ceil(edgeCount * numberWidth / 32) + 1;
  const file = new Uint32Array(headerLength + length + (numbered ? numbersLength : 0) + Math.ceil(units.length / 2));
  file.set([
    magic,
    file.length,
    0,
    sorted.length,
    sorted[0] === "" ? 1 : 0,
    edgeCount,
    units.length | numberWidth << 16,
  ]);
  const write = (at: number, value: number, first: number) => {
    const word = first + Math.floor(at / 32), offset = at % 32;
    file[word] |= value << offset;
    if (offset > 0) file[word + 1] |= value >>> (32 - offset);
  };
  for (const [state, edges] of states.entries()) {
    for (const [i, { letter, final, target }] of edges.entries()) {
      const at = (starts[state] + i) * step, last = i === edges.length - 1;
      write(at, letter << 2 | (last ? 2 : 0) | (final ? 1 : 0), headerLength);
      write(at + width, target < 0 ? 0 : starts[target], headerLength);
      // Words that begin with an earlier letter of the state.
      if (numbered) write((starts[state] + i) * numberWidth, counts[state], headerLength + length);
      counts[state] += (final ? 1 : 0) + (target < 0 ? 0 : counts[target]);
    }
  }
  new Uint16Array(file.buffer, 4 * (file.length - Math.ceil(units.length / 2))).set(units);
  file[2] = crc32(new Uint8Array(file.buffer, 12));
  return new Dawg(file);
}

/** Reads what `save` gave. Throws if it is cut off, damaged, or of another version or kind. */
export function load(bytes: Uint8Array): Dawg {
  const file = new Uint32Array(bytes.slice(0, bytes.length & ~3).buffer);
  if (file[0] !== magic) throw new TypeError("not a DAWG of this version");
  if (file.length < headerLength || 4 * file[1] !== bytes.length) {
    throw new RangeError(`a file of ${4 * file[1]} bytes has ${bytes.length}`);
  }
  if (file[2] !== crc32(bytes.subarray(12))) throw new RangeError("the file is damaged: its checksum is another");
  return new Dawg(file);
}

export class Dawg {
  /** How many words. */
  readonly size: number;
  /** All that a lookup needs, and the numbers. */
  readonly bytes: number;
  /** Whether there are numbers, and what they take. */
  readonly numbered: boolean;
  readonly numberBytes: number;
  readonly #file: Uint32Array<ArrayBuffer>;
  readonly #edges: Uint32Array;
  readonly #numbers: Uint32Array;
  readonly #units: Uint16Array;
  /** By the upper byte of a code unit where its page begins, and in the page by the lower byte its letter, or 0. */
  readonly #pages: Uint16Array;
  /** Bits of a letter and its two flags, of an edge, and of a number. */
  readonly #width: number;
  readonly #step: number;
  readonly #numberWidth: number;

  constructor(file: Uint32Array<ArrayBuffer>) {
    const [, , , size, , edgeCount, packed] = file, units = packed & 0xffff;
    this.size = size;
    this.#file = file;
    this.#width = 34 - Math.clz32(units);
    this.#step = this.#width + 32 - Math.clz32(edgeCount);
    this.#numberWidth = packed >>> 16;
    const length = Math.ceil(edgeCount * this.#step / 32) + 1, unitsAt = file.length - Math.ceil(units / 2);
    this.#edges = file.subarray(headerLength, headerLength + length);
    this.#numbers = file.subarray(headerLength + length, unitsAt);
    this.#units = new Uint16Array(file.buffer, 4 * unitsAt, units);
    this.#pages = pagesOf(this.#units);
    this.numberBytes = this.#numbers.byteLength;
    this.numbered = this.#numberWidth > 0;
    this.bytes = file.byteLength + this.#pages.byteLength;
  }

  has(word: string): boolean {
    const edge = this.#find(word);
    return edge === 0 ? this.#file[4] === 1 : edge > 0 && (this.#head(edge) & 1) === 1;
  }

  /** A word's place in the order, or -1. Throws TypeError if they are not numbered. */
  indexOf(word: string): number {
    this.#mustBeNumbered();
    if (!this.has(word)) return -1;
    let number = this.#file[4], edge = 0, state = 1;
    for (let i = 0; i < word.length; i++) {
      edge = this.#seek(state, word.charCodeAt(i));
      number += this.#number(edge);
      // A word that ends here stands before those that go on.
      if (i < word.length - 1) number += this.#head(edge) & 1;
      state = this.#target(edge);
    }
    return word === "" ? 0 : number;
  }

  /** The word at a place from 0. Throws TypeError if they are not numbered. */
  at(i: number): string {
    this.#mustBeNumbered();
    if (!(Number.isInteger(i) && i >= 0 && i < this.size)) {
      throw new RangeError(`there is no word ${i} of ${this.size}`);
    }
    if (this.#file[4] === 1 && i-- === 0) return "";
    let word = "";
    for (let edge = 1;;) {
      while ((this.#head(edge) & 2) === 0 && this.#number(edge + 1) <= i) edge++;
      word += this.#unit(edge);
      i -= this.#number(edge);
      if ((this.#head(edge) & 1) === 1 && i-- === 0) return word;
      edge = this.#target(edge);
    }
  }

  /** All words that begin with a prefix, in order. */
  withPrefix(prefix: string): string[] {
    const found: string[] = [], start = this.#find(prefix);
    if (start < 0) return found;
    if (this.has(prefix)) found.push(prefix);
    const state = start === 0 ? (this.#file[5] > 1 ? 1 : 0) : this.#target(start);
    // A stack, since words may be longer than calls can be nested.
    const open = state === 0 ? [] : [{ text: prefix, edge: state }];
    for (let top = open.pop(); top; top = open.pop()) {
      const { text, edge } = top, head = this.#head(edge), target = this.#target(edge);
      const longer = text + this.#unit(edge);
      if (head & 1) found.push(longer);
      if ((head & 2) === 0) open.push({ text, edge: edge + 1 });
      if (target > 0) open.push({ text: longer, edge: target });
    }
    return found;
  }

  /** The structure as it lies in memory: one buffer, in the byte order of the machine, which is little-endian. */
  save(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#file.buffer).slice();
  }

  /** The edge at the end of a text; 0 if that is empty, -1 if there is none. */
  #find(text: string): number {
    let state = this.#file[5] > 1 ? 1 : 0, edge = 0;
    for (let i = 0; i < text.length; i++) {
      edge = state === 0 ? 0 : this.#seek(state, text.charCodeAt(i));
      if (edge === 0) return -1;
      state = this.#target(edge);
    }
    return edge;
  }

  /** The edge of a code unit among those of a state, or 0. */
  #seek(edge: number, unit: number): number {
    const wanted = this.#pages[this.#pages[unit >> 8] + (unit & 255)];
    if (wanted === 0) return 0;
    for (;; edge++) {
      const head = this.#head(edge), letter = head >>> 2;
      if (letter === wanted) return edge;
      if (letter > wanted || (head & 2) === 2) return 0;
    }
  }

  /** Letter and flags: 1 for the end of a word, 2 for the last edge of its state. */
  #head(edge: number): number {
    return read(this.#edges, edge * this.#step, this.#width);
  }

  /** The first edge of where it leads, or 0. */
  #target(edge: number): number {
    return read(this.#edges, edge * this.#step + this.#width, this.#step - this.#width);
  }

  #number(edge: number): number {
    return read(this.#numbers, edge * this.#numberWidth, this.#numberWidth);
  }

  #unit(edge: number): string {
    return String.fromCharCode(this.#units[(this.#head(edge) >>> 2) - 1]);
  }

  #mustBeNumbered(): void {
    if (!this.numbered) throw new TypeError("these words have no numbers: build them with { numbered: true }");
  }
}

/** So many bits, below 32, from a place on. */
function read(words: Uint32Array, at: number, width: number): number {
  const word = at >>> 5, offset = at & 31;
  // In two shifts, since one by 32 would be one by 0.
  return ((words[word] >>> offset) | (words[word + 1] << 1 << (31 - offset))) & ((1 << width) - 1);
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
  console.log(`${built.bytes} bytes, ${(built.bytes / built.size).toFixed(2)} a word`);
  const numbered = build(words, { numbered: true });
  console.log(`word 100000 is ${numbered.at(100000)}; such numbers take ${numbered.numberBytes} bytes more`);
}
