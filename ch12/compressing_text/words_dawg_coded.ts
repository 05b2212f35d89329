/**
 * The smallest: the minimal automaton of the words with every field in a code of its own, read bit by bit in each lookup.
 *
 * What to notice: no edge has an address of fixed width. Of the states 86% have one edge that leads to them: they are laid
 * where that edge is, the heaviest at the end of its parent, which costs nothing, the others behind their size in bits.
 * The rest are numbered by how often they are led to, so that the numbers that occur most are the shortest. Letters are
 * coded by the letter before them in the state, or the one that led there; what follows a letter, by the letter. The codes
 * are Huffman's, and the tables that decode them count. Numbers for the words would need counts, and it has none.
 *
 * A word is a sequence of UTF-16 code units, as JavaScript has it, and the order is that of `<`.
 *
 * @original 12_less_ram/compressing_text/text_example_lexpy.py
 * @run deno run ch12/compressing_text/words_dawg_coded.ts
 * @takes 2 s
 */

import { pathToFileURL } from "node:url";
import { crc32 } from "node:zlib";
import list from "npm:word-list@4.1.0";

/** The first word of a file: "DGC" and its version. */
const magic = 0x31434744;
const headerLength = 10;
/** The longest code, in bits. */
const longest = 15;
/** Codes of so many bits and less are found by one look at a table. */
const directBits = 6;
/** What an edge leads to: nothing, a state at the end of this one, a state right here, or, from `shared` on, one by its rank. */
const nothing = 0, atTheEnd = 1, here = 2, shared = 3;
/** Shared states in blocks of so many, which all take as much room as the largest. */
const blockBits = 4, blockLength = 1 << blockBits;
/** Contexts for so many letters; in larger alphabets several letters share one. */
const slots = 64;

interface Edge {
  /** From 1. */
  letter: number;
  /** Whether a word ends here. */
  final: boolean;
  /** The number of a state, or -1. */
  target: number;
}

/**
 * The states of the minimal automaton whose edges are final, each with its edges by letter; a state comes after all that
 * it leads to. The last is the initial one.
 *
 * Source: Daciuk et al., "Incremental construction of minimal acyclic finite-state automata", 2000, for sorted words.
 */
export function minimise(sorted: readonly string[], letterOf: (unit: number) => number): Edge[][] {
  const states: Edge[][] = [], register = new Map<string, number>(), path: Edge[][] = [[]];
  const closeTo = (depth: number) => {
    while (path.length > depth) {
      const edges = path.pop()!, key = edges.map(({ letter, final, target }) => `${letter},${final},${target}`).join();
      let state = edges.length > 0 ? register.get(key) : -1;
      if (state === undefined) register.set(key, state = states.push(edges) - 1);
      path.at(-1)!.at(-1)!.target = state;
    }
  };
  let last = "";
  for (const word of sorted) {
    if (word === "") continue;
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

/** The lengths of Huffman's codes, none above `longest`. One symbol alone takes one bit. */
export function codeLengths(counts: readonly number[]): number[] {
  for (let scale = 1;; scale *= 2) {
    // Counts that are nearer to each other make a tree that is less deep.
    const nodes = counts.map((count, i) => ({ count: Math.ceil(count / scale), symbols: [i] }));
    const lengths = counts.map(() => counts.length === 1 ? 1 : 0);
    const leaves = nodes.toSorted((a, b) => b.count - a.count), merged: typeof nodes = [];
    let head = 0;
    const least = () =>
      head === merged.length || (leaves.length > 0 && leaves.at(-1)!.count <= merged[head].count)
        ? leaves.pop()!
        : merged[head++];
    for (let i = 1; i < counts.length; i++) {
      const one = least(), other = least(), symbols = [...one.symbols, ...other.symbols];
      for (const symbol of symbols) lengths[symbol]++;
      merged.push({ count: one.count + other.count, symbols });
    }
    if (lengths.every((length) => length <= longest)) return lengths;
  }
}

/** Counts symbols by context, then makes the canonical codes, and the tables to decode them. */
class Coder {
  #counts: Map<number, number>[];
  #codes: Map<number, { code: number; length: number }>[] = [];
  /** By context and length: the first code that is too large for the length, and what makes of a code its symbol's place. */
  limits: Uint16Array<ArrayBuffer>;
  shifts: Uint16Array<ArrayBuffer>;
  symbols: number[] = [];

  constructor(contexts: number) {
    this.#counts = Array.from({ length: contexts }, () => new Map());
    this.limits = new Uint16Array(contexts * longest).fill(1 << longest);
    this.shifts = new Uint16Array(contexts * longest);
  }
  count(context: number, symbol: number) {
    this.#counts[context].set(symbol, (this.#counts[context].get(symbol) ?? 0) + 1);
  }
  finish() {
    for (const [context, counts] of this.#counts.entries()) {
      const lengths = codeLengths([...counts.values()]);
      const sorted = [...counts.keys()].map((symbol, i) => ({ symbol, length: lengths[i] }))
        .sort((a, b) => a.length - b.length || a.symbol - b.symbol);
      const codes = new Map<number, { code: number; length: number }>();
      let code = 0, next = 0;
      for (let length = 1; length <= longest && next < sorted.length; length++, code <<= 1) {
        this.shifts[context * longest + length - 1] = this.symbols.length - code;
        for (; next < sorted.length && sorted[next].length === length; next++) {
          codes.set(sorted[next].symbol, { code: code++, length });
          this.symbols.push(sorted[next].symbol);
        }
        this.limits[context * longest + length - 1] = code << (longest - length);
      }
      this.#codes[context] = codes;
    }
    if (this.symbols.length > 0xffff) throw new RangeError("more symbols than 16 bits can number");
  }
  code(context: number, symbol: number): { code: number; length: number } {
    return this.#codes[context].get(symbol)!;
  }
}

/** Ranks up to 63 are classes of their own, further ones share one by their first two bits; and what bits remain. */
function classify(rank: number): { kind: number; rest: number } {
  if (rank < 64) return { kind: shared + rank, rest: 0 };
  const exponent = 31 - Math.clz32(rank);
  return { kind: shared + 64 + 2 * (exponent - 6) + (rank >> (exponent - 1) & 1), rest: exponent - 1 };
}

/** A size takes as many zeros as it has bits above five, a one, and its lower bits: short ones are the most frequent. */
const sizeOrder = 5;
function sizeExponent(size: number): number {
  return 31 - Math.clz32(size + (1 << sizeOrder));
}

/** Words in any order; duplicates are dropped. */
export function build(words: readonly string[]): CodedDawg {
  const sorted = [...new Set(words)].sort();
  const seen = new Set<number>();
  for (const word of sorted) for (let i = 0; i < word.length; i++) seen.add(word.charCodeAt(i));
  const units = [...seen].sort((a, b) => a - b);
  if (units.length > 0x7fff) throw new RangeError(`${units.length} different letters, where 32767 are possible`);
  const letters = new Map(units.map((unit, i) => [unit, i + 1]));
  const states = minimise(sorted, (unit) => letters.get(unit)!), root = states.length - 1;

  // Who leads to each state, and how heavy it is with all that is laid inside it.
  const leads = new Uint32Array(states.length), arrived = new Uint16Array(states.length);
  for (const edges of states) {
    for (const { target, letter } of edges) if (target >= 0) leads[target]++, arrived[target] = letter;
  }
  const inside = (target: number) => target >= 0 && leads[target] === 1;
  const weights = new Uint32Array(states.length), heaviest = new Int32Array(states.length).fill(-1);
  for (const [state, edges] of states.entries()) {
    weights[state] = edges.length;
    for (const { target } of edges) {
      if (!inside(target)) continue;
      weights[state] += weights[target];
      if (heaviest[state] < 0 || weights[target] > weights[heaviest[state]]) heaviest[state] = target;
    }
  }

  // The most frequent first.
  const ranked = [...states.keys()].filter((state) => leads[state] > 1).sort((a, b) => leads[b] - leads[a]);
  const classes = new Map(ranked.map((state, rank) => [state, classify(rank)]));

  const slotCount = Math.min(units.length + 1, slots), coder = new Coder(3 * slotCount);
  const slot = (letter: number) => letter & (slots - 1);
  const kindOf = (state: number, target: number) =>
    target < 0 ? nothing : target === heaviest[state] ? atTheEnd : inside(target) ? here : classes.get(target)!.kind;
  /** Goes through the symbols of a state. */
  const visit = (state: number, each: (context: number, symbol: number, edge: Edge | null) => void) => {
    const edges = states[state];
    let context = leads[state] === 1 ? slotCount + slot(arrived[state]) : 0;
    for (const edge of edges) {
      each(context, 2 * edge.letter + (edge === edges.at(-1) ? 1 : 0), null);
      each(2 * slotCount + slot(edge.letter), 2 * kindOf(state, edge.target) + (edge.final ? 1 : 0), edge);
      context = slot(edge.letter);
    }
  };
  for (const state of states.keys()) visit(state, (context, symbol) => coder.count(context, symbol));
  coder.finish();

  // From the ends to the beginning: how many bits each state takes with all inside it.
  const sizes = new Float64Array(states.length);
  for (const state of states.keys()) {
    let size = 0;
    visit(state, (context, symbol, edge) => {
      size += coder.code(context, symbol).length;
      const kind = symbol >> 1;
      if (!edge || kind === nothing) return;
      if (kind === atTheEnd) size += sizes[edge.target];
      else if (kind === here) size += 2 * sizeExponent(sizes[edge.target]) - sizeOrder + 1 + sizes[edge.target];
      else size += classes.get(edge.target)!.rest;
    });
    sizes[state] = size;
  }
  // Within a class the order is free: by size, those of a block are about as large.
  const order = [...Map.groupBy(ranked, (state) => classes.get(state)!.kind).values()]
    .flatMap((group) => group.sort((a, b) => sizes[a] - sizes[b]));
  const rankOf = new Map(order.map((state, rank) => [state, rank]));
  const starts = new Float64Array(states.length), directory: number[] = [];
  let end = sizes[root];
  for (let first = 0; first < order.length; first += blockLength) {
    const block = order.slice(first, first + blockLength), room = Math.max(...block.map((state) => sizes[state]));
    directory.push(end, room);
    for (const state of block) starts[state] = end, end += room;
  }
  if (end > 2 ** 30) throw new RangeError(`${end} bits, where 2^30 are possible`);

  const tables = units.length + 2 * coder.limits.length + coder.symbols.length;
  // A read takes 32 bits from where it begins, and so may go one word beyond the end.
  const length = headerLength + directory.length + Math.ceil(end / 32) + 2 + Math.ceil(tables / 2);
  const file = new Uint32Array(length), streamAt = headerLength + directory.length;
  file.set([magic, length, 0, sorted.length, sorted[0] === "" ? 1 : 0, units.length, directory.length]);
  file[7] = Math.ceil(end / 32) + 2;
  file[8] = slotCount;
  file[9] = coder.symbols.length;
  file.set(directory, headerLength);
  const stream = file.subarray(streamAt, streamAt + file[7]);
  const write = (at: number, value: number, width: number) => {
    const word = Math.floor(at / 32), offset = at % 32, room = 32 - offset;
    if (width <= room) stream[word] |= value << (room - width);
    else stream[word] |= value >>> (width - room), stream[word + 1] |= value << (32 - width + room);
  };
  // From the beginning to the ends: what is inside a state is placed before its turn comes.
  for (let state = root; state >= 0; state--) {
    let at = starts[state];
    visit(state, (context, symbol, edge) => {
      const { code, length } = coder.code(context, symbol), kind = symbol >> 1;
      write(at, code, length);
      at += length;
      if (!edge || kind === nothing || kind === atTheEnd) return;
      if (kind === here) {
        const size = sizes[edge.target], exponent = sizeExponent(size);
        write(at += exponent - sizeOrder, 1, 1);
        write(++at, size + (1 << sizeOrder) - 2 ** exponent, exponent);
        starts[edge.target] = at += exponent;
        at += size;
      } else {
        const rank = rankOf.get(edge.target)!, { rest } = classify(rank);
        if (rest > 0) write(at, rank & ((1 << rest) - 1), rest);
        at += rest;
      }
    });
    if (heaviest[state] >= 0) starts[heaviest[state]] = at;
  }
  const halves = new Uint16Array(file.buffer, 4 * (streamAt + file[7]));
  halves.set([...units, ...coder.limits, ...coder.shifts, ...coder.symbols]);
  const bytes = new Uint8Array(file.buffer);
  file[2] = crc32(bytes.subarray(12));
  return new CodedDawg(file);
}

/** Reads what `save` gave. Throws if it is cut off, damaged, or of another version or kind. */
export function load(bytes: Uint8Array): CodedDawg {
  const file = new Uint32Array(bytes.slice(0, bytes.length & ~3).buffer);
  if (file[0] !== magic) throw new TypeError("not a coded DAWG of this version");
  if (file.length < headerLength || 4 * file[1] !== bytes.length) {
    throw new RangeError(`a file of ${4 * file[1]} bytes has ${bytes.length}`);
  }
  if (file[2] !== crc32(bytes.subarray(12))) throw new RangeError("the file is damaged: its checksum is another");
  return new CodedDawg(file);
}

/** What an edge is found to be: its letter, whether a word ends with it, and where what follows begins, or -1. */
interface Found {
  letter: number;
  final: boolean;
  start: number;
  /** The letter as a context of the first below, or 0 for a state that several edges lead to. */
  arrived: number;
}

export class CodedDawg {
  /** How many words. */
  readonly size: number;
  /** All that a lookup needs. */
  readonly bytes: number;
  readonly #file: Uint32Array<ArrayBuffer>;
  readonly #directory: Int32Array;
  readonly #stream: Int32Array;
  readonly #units: Uint16Array;
  readonly #limits: Uint16Array;
  readonly #shifts: Uint16Array;
  readonly #symbols: Uint16Array;
  /** By the upper byte of a code unit where its page begins, and in the page by the lower byte its letter, or 0. */
  readonly #pages: Uint16Array;
  readonly #slotCount: number;
  /** By the first two letters which third ones go on, as bits; and the place in `tops` of the first of them. */
  readonly #masks: Int32Array;
  readonly #firsts: Uint16Array;
  /** Where to go on after three letters, doubled, plus one if only they lead there. */
  readonly #tops: Int32Array;
  /** By a context and the next bits, what `search` finds where the code is no longer than that; otherwise 0. */
  readonly #direct: Uint16Array;
  #at = 0;

  constructor(file: Uint32Array<ArrayBuffer>) {
    const [, , , size, , units, directory, stream, slotCount, symbols] = file;
    this.size = size;
    this.#file = file;
    this.#slotCount = slotCount;
    this.#directory = new Int32Array(file.buffer, 4 * headerLength, directory);
    this.#stream = new Int32Array(file.buffer, 4 * (headerLength + directory), stream);
    const halves = new Uint16Array(file.buffer, 4 * (headerLength + directory + stream)),
      rows = 3 * slotCount * longest;
    this.#units = halves.subarray(0, units);
    this.#limits = halves.subarray(units, units + rows);
    this.#shifts = halves.subarray(units + rows, units + 2 * rows);
    this.#symbols = halves.subarray(units + 2 * rows, units + 2 * rows + symbols);
    this.#pages = pagesOf(this.#units);
    this.#direct = new Uint16Array((3 * slotCount) << directBits);
    for (let i = 0; i < this.#direct.length && symbols > 0; i++) {
      const entry = this.#search(i >> directBits, i << (32 - directBits));
      if ((entry & 15) <= directBits && entry <= 0xffff) this.#direct[i] = entry;
    }
    const pairs = units <= 32 ? units * units : 0, tops: number[] = [];
    this.#masks = new Int32Array(pairs);
    this.#firsts = new Uint16Array(pairs);
    for (const one of pairs > 0 ? this.#edges(0, 0) : []) {
      for (const two of this.#below(one)) {
        const pair = (one.letter - 1) * units + two.letter - 1;
        this.#firsts[pair] = tops.length;
        for (const { letter, start, arrived } of this.#below(two)) {
          if (start < 0) continue;
          this.#masks[pair] |= 1 << (letter - 1);
          tops.push(2 * start + Math.sign(arrived));
        }
      }
    }
    this.#tops = Int32Array.from(tops);
    const tables = [file, this.#pages, this.#direct, this.#masks, this.#firsts, this.#tops];
    this.bytes = tables.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  has(word: string): boolean {
    const last = word.length - 1, pages = this.#pages, stream = this.#stream, slotCount = this.#slotCount;
    // What is not in the direct table is longer, if each symbol there is small enough for an entry.
    const direct = this.#direct, beyond = this.#units.length < 2048 ? directBits : 0;
    if (last < 0 || this.#units.length === 0) return last < 0 && this.#file[4] === 1;
    let at = 0, context = 0, i = 0;
    if (last >= 3 && this.#masks.length > 0) {
      const first = word.charCodeAt(0), second = word.charCodeAt(1), third = word.charCodeAt(2);
      const one = pages[pages[first >> 8] + (first & 255)], two = pages[pages[second >> 8] + (second & 255)];
      const three = pages[pages[third >> 8] + (third & 255)];
      if (one === 0 || two === 0 || three === 0) return false;
      const pair = (one - 1) * this.#units.length + two - 1, mask = this.#masks[pair], bit = 1 << (three - 1);
      if ((mask & bit) === 0) return false;
      const start = this.#tops[this.#firsts[pair] + countOnes(mask & (bit - 1))];
      at = start >>> 1;
      context = start & 1 ? slotCount + (three & (slots - 1)) : 0;
      i = 3;
    }
    for (;; i++) {
      const unit = word.charCodeAt(i), wanted = pages[pages[unit >> 8] + (unit & 255)];
      if (wanted === 0) return false;
      for (let met = false, end = 0;;) {
        // Both codes of an edge lie in the 32 bits from here on. In two shifts, since one by 32 would be one by 0.
        const index = at >>> 5, offset = at & 31;
        let bits = (stream[index] << offset) | (stream[index + 1] >>> 1 >>> (31 - offset));
        let entry = direct[(context << directBits) | (bits >>> (32 - directBits))];
        if (entry === 0) entry = this.#search(context, bits, beyond);
        const symbol = entry >>> 4, letter = symbol >> 1;
        if (!met && letter > wanted) return false;
        bits <<= entry & 15;
        let used = entry & 15;
        end = symbol & 1;
        context = letter & (slots - 1);
        entry = direct[((2 * slotCount + context) << directBits) | (bits >>> (32 - directBits))];
        if (entry === 0) entry = this.#search(2 * slotCount + context, bits, beyond);
        const value = entry >>> 4, kind = value >> 1;
        used += entry & 15;
        at += used;
        const isWanted = letter === wanted;
        if (isWanted) {
          if (i === last) return (value & 1) === 1;
          if (kind === nothing) return false;
          met = true;
        }
        if (kind === here) {
          bits <<= entry & 15;
          const width = 2 * Math.clz32(bits) + sizeOrder + 1;
          let size = 0;
          if (used + width <= 32) {
            size = ((bits >>> (32 - width)) - (1 << sizeOrder)) | 0;
            at += width;
          } else {
            this.#at = at;
            size = this.#length() | 0;
            at = this.#at | 0;
          }
          if (isWanted) {
            context += slotCount;
            break;
          }
          at = (at + size) | 0;
        } else if (kind >= shared) {
          if (isWanted) {
            this.#at = at;
            at = this.#start(kind) | 0;
            context = 0;
            break;
          }
          if (kind >= shared + 64) at += 5 + ((kind - shared - 64) >> 1);
        }
        if (end === 1) {
          if (!met) return false;
          // What is at the end is what the wanted letter leads to.
          context = slotCount + (wanted & (slots - 1));
          break;
        }
      }
    }
  }

  /** All words that begin with a prefix, in order. */
  withPrefix(prefix: string): string[] {
    const found = prefix === "" && this.#file[4] === 1 ? [""] : [];
    if (this.#units.length === 0) return found;
    let start = 0, arrived = 0;
    for (let i = 0; i < prefix.length; i++) {
      const unit = prefix.charCodeAt(i), wanted = this.#pages[this.#pages[unit >> 8] + (unit & 255)];
      const edge = this.#edges(start, arrived).find(({ letter }) => letter === wanted);
      if (!edge) return found;
      if (edge.final && i === prefix.length - 1) found.push(prefix);
      if (edge.start < 0) return found;
      ({ start, arrived } = edge);
    }
    // A stack, since words may be longer than calls can be nested.
    const open = [{ text: prefix, edges: this.#edges(start, arrived), next: 0 }];
    while (open.length > 0) {
      const top = open.at(-1)!, edge = top.edges[top.next++];
      if (!edge) {
        open.pop();
        continue;
      }
      const text = top.text + String.fromCharCode(this.#units[edge.letter - 1]);
      if (edge.final) found.push(text);
      if (edge.start >= 0) open.push({ text, edges: this.#edges(edge.start, edge.arrived), next: 0 });
    }
    return found;
  }

  /** The structure as it lies in memory: one buffer, in the byte order of the machine, which is little-endian. */
  save(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#file.buffer).slice();
  }

  #below({ start, arrived }: Found): Found[] {
    return start < 0 ? [] : this.#edges(start, arrived);
  }

  /** The edges of the state that begins at a bit. */
  #edges(start: number, arrived: number): Found[] {
    const edges: Found[] = [];
    let context = arrived === 0 ? 0 : this.#slotCount + (arrived & (slots - 1)), end = 0;
    for (this.#at = start; end === 0;) {
      const symbol = this.#symbol(context), letter = symbol >> 1;
      end = symbol & 1;
      context = letter & (slots - 1);
      const value = this.#symbol(2 * this.#slotCount + context), kind = value >> 1;
      const edge: Found = { letter, final: (value & 1) === 1, start: -1, arrived: kind < shared ? letter : 0 };
      if (kind === here) {
        const length = this.#length();
        edge.start = this.#at;
        this.#at += length;
      } else if (kind >= shared) {
        edge.start = this.#start(kind);
      } else if (kind === atTheEnd) {
        edge.start = -2;
      }
      edges.push(edge);
    }
    for (const edge of edges) if (edge.start === -2) edge.start = this.#at;
    return edges;
  }

  /** The 32 bits from here on. */
  #peek(): number {
    const word = this.#at >>> 5, offset = this.#at & 31, stream = this.#stream;
    // In two shifts, since one by 32 would be one by 0.
    return (stream[word] << offset) | (stream[word + 1] >>> 1 >>> (31 - offset));
  }

  /** The next symbol. */
  #symbol(context: number): number {
    const entry = this.#search(context, this.#peek());
    this.#at += entry & 15;
    return entry >>> 4;
  }

  /**
   * Finds the code that 32 bits begin with, which is longer than `shorter`: gives its length in the lower four bits, and
   * above them its symbol.
   */
  #search(context: number, bits: number, shorter = 0): number {
    const code = bits >>> (32 - longest), limits = this.#limits, first = context * longest;
    let row = first + shorter;
    while (code >= limits[row]) row++;
    const length = row - first + 1;
    return (this.#symbols[((code >>> (longest - length)) + this.#shifts[row]) & 0xffff] << 4) | length;
  }

  /** The size of the state that begins behind it. */
  #length(): number {
    const zeros = Math.clz32(this.#peek()), exponent = zeros + sizeOrder;
    this.#at += zeros + 1;
    const low = this.#peek() >>> (32 - exponent);
    this.#at += exponent;
    return low + (1 << exponent) - (1 << sizeOrder);
  }

  /** Where the shared state begins whose rank is read here. */
  #start(kind: number): number {
    let rank = kind - shared;
    if (rank >= 64) {
      const rest = 5 + ((rank - 64) >> 1);
      rank = ((2 + (rank & 1)) << rest) | (this.#peek() >>> (32 - rest));
      this.#at += rest;
    }
    const block = rank >>> blockBits, directory = this.#directory;
    return directory[2 * block] + Math.imul(directory[2 * block + 1], rank & ((1 << blockBits) - 1));
  }
}

/** How many of 32 bits are set. */
function countOnes(bits: number): number {
  bits -= (bits >>> 1) & 0x55555555;
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
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
  const words: string[] = text.split("\n"), built = build(words), start = performance.now();
  const found = words.filter((word) => built.has(word)).length;
  console.log(`a lookup: ${((performance.now() - start) / words.length * 1e6).toFixed(0)} ns`);
  if (found !== words.length || words.some((word) => built.has(`${word}#`))) throw new Error("a lookup went wrong");
  console.log(`${found} words in ${built.bytes} bytes: ${(8 * built.bytes / found).toFixed(2)} bits a word`);
  console.log(built.withPrefix("automat").join(" "));
}
