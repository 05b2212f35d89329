/**
 * A trie in two arrays: its nodes level by level, so that the children of a node stand together.
 *
 * What to notice: a node is its letter, whether a word ends in it, and where its children begin: six bytes in place of a
 * Map. They end where those of the next node begin, since the nodes stand in the same order as their children. That order
 * makes the table of beginnings grow steadily, by the number of children of each node: words_louds.ts writes just that
 * number, in two bits a node.
 *
 * A letter is a UTF-16 code unit. The order is that of `<`.
 *
 * @original 12_less_ram/compressing_text/text_example_pygtrie.py
 * @run deno run ch12/compressing_text/words_trie_array.ts
 * @takes 2 s
 */

import { pathToFileURL } from "node:url";
import { crc32 } from "node:zlib";
import list from "npm:word-list@4.1.0";

/** The first word of a file: "TRA" and its version. */
const magic = 0x31415254;
const headerLength = 5;

/** Words in any order; duplicates are dropped. */
export function build(words: readonly string[]): ArrayTrie {
  const sorted = [...new Set(words)].sort(), letters = [0], nodes: number[] = [];
  // A node is the range of the words that begin with it, and so many letters are common to them.
  let level = [0, sorted.length];
  for (let depth = 0; level.length > 0; depth++) {
    const below: number[] = [];
    for (let i = 0; i < level.length; i += 2) {
      let first = level[i];
      const end = level[i + 1], final = first < end && sorted[first].length === depth;
      if (final) first++;
      nodes.push(2 * letters.length + (final ? 1 : 0));
      while (first < end) {
        const unit = sorted[first].charCodeAt(depth);
        letters.push(unit);
        below.push(first);
        while (first < end && sorted[first].charCodeAt(depth) === unit) first++;
        below.push(first);
      }
    }
    level = below;
  }
  nodes.push(2 * letters.length);
  const file = new Uint32Array(headerLength + nodes.length + Math.ceil(letters.length / 2));
  file.set([magic, file.length, 0, sorted.length, letters.length]);
  file.set(nodes, headerLength);
  new Uint16Array(file.buffer, 4 * (headerLength + nodes.length)).set(letters);
  file[2] = crc32(new Uint8Array(file.buffer, 12));
  return new ArrayTrie(file);
}

/** Reads what `save` gave. Throws if it is cut off, damaged, or of another version or kind. */
export function load(bytes: Uint8Array): ArrayTrie {
  const file = new Uint32Array(bytes.slice(0, bytes.length & ~3).buffer);
  if (file[0] !== magic) throw new TypeError("not an array trie of this version");
  if (file.length < headerLength || 4 * file[1] !== bytes.length) {
    throw new RangeError(`a file of ${4 * file[1]} bytes has ${bytes.length}`);
  }
  if (file[2] !== crc32(bytes.subarray(12))) throw new RangeError("the file is damaged: its checksum is another");
  return new ArrayTrie(file);
}

export class ArrayTrie {
  /** How many words. */
  readonly size: number;
  /** All that a lookup needs. */
  readonly bytes: number;
  readonly #file: Uint32Array<ArrayBuffer>;
  /** The number of its first child, doubled, plus one if a word ends here; one more than there are nodes. */
  readonly #nodes: Uint32Array;
  readonly #letters: Uint16Array;

  constructor(file: Uint32Array<ArrayBuffer>) {
    const [, , , size, count] = file;
    this.size = size;
    this.bytes = file.byteLength;
    this.#file = file;
    this.#nodes = file.subarray(headerLength, headerLength + count + 1);
    this.#letters = new Uint16Array(file.buffer, 4 * (headerLength + count + 1), count);
  }

  has(word: string): boolean {
    const node = this.#find(word);
    return node >= 0 && (this.#nodes[node] & 1) === 1;
  }

  /** All words that begin with a prefix, in order. */
  withPrefix(prefix: string): string[] {
    const found: string[] = [], nodes = this.#nodes, start = this.#find(prefix);
    // A stack, since words may be longer than calls can be nested.
    const open = start < 0 ? [] : [{ text: prefix, node: start }];
    for (let top = open.pop(); top; top = open.pop()) {
      const { text, node } = top;
      if (nodes[node] & 1) found.push(text);
      for (let child = (nodes[node + 1] >>> 1) - 1; child >= nodes[node] >>> 1; child--) {
        open.push({ text: text + String.fromCharCode(this.#letters[child]), node: child });
      }
    }
    return found;
  }

  /** The structure as it lies in memory: one buffer, in the byte order of the machine, which is little-endian. */
  save(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#file.buffer).slice();
  }

  /** The node of a text, or -1. */
  #find(text: string): number {
    const nodes = this.#nodes, letters = this.#letters;
    let node = 0;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i), end = nodes[node + 1] >>> 1;
      let child = nodes[node] >>> 1;
      while (child < end && letters[child] < unit) child++;
      if (child === end || letters[child] !== unit) return -1;
      node = child;
    }
    return node;
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
