/**
 * How few bits a list of words could take: three ways to count, and what each of them assumes.
 *
 * What to notice: a bound holds for a class of lists, and says what the average list of it needs, whoever writes it down.
 * Of all sets of words of these lengths ours is one, and an unlikely one, as English is: it can take less. Of all tries of so
 * many nodes its own is one, too, and LOUDS is near that bound because it knows nothing but the trie. The entropy of a
 * letter after three others knows some English, and forgets that the list is sorted. None of these knows that endings
 * repeat; the DAWG does, and is below all three.
 *
 * @original none, chapter 12's question on how much can be saved
 * @run deno run ch12/compressing_text/bounds.ts
 * @takes 1 s
 */

import { pathToFileURL } from "node:url";
import list from "npm:word-list@4.1.0";

/** log2 of the number of ways to choose `chosen` of `all`, summed factor by factor. */
export function log2Choose(all: number, chosen: number): number {
  if (!(chosen >= 0 && chosen <= all)) throw new RangeError(`${chosen} of ${all} cannot be chosen`);
  let sum = 0;
  for (let i = 0; i < chosen; i++) sum += Math.log2((all - i) / (i + 1));
  return sum;
}

/** Bits to tell one set of words from all others with as many words of each length, over so many letters. */
export function randomWords(lengths: readonly number[], letters: number): number {
  return [...Map.groupBy(lengths, (length) => length)].reduce(
    (sum, [length, { length: count }]) => sum + log2Choose(letters ** length, count),
    0,
  );
}

/**
 * Bits to tell one trie from all others of so many nodes, each with at most one child by each letter, and the nodes at
 * which words end from all others. Of such trees there are C(letters * nodes + 1, nodes) / (letters * nodes + 1).
 *
 * Source: Knuth, "The Art of Computer Programming" 1, 2.3.4.4, exercise 11.
 */
export function tries(nodes: number, letters: number, words: number): number {
  const places = letters * nodes + 1;
  return log2Choose(places, nodes) - Math.log2(places) + log2Choose(nodes, words);
}

/** Bits of a text whose every letter is coded by how often it follows the `order` letters before it; tables not counted. */
export function entropy(text: string, order: number): number {
  const letters = [...new Set(text)], numbers = new Map(letters.map((letter, i) => [letter, i])), base = letters.length;
  if (base ** (order + 1) > 2 ** 28) throw new RangeError(`order ${order} is too much for ${base} letters`);
  const counts = new Uint32Array(base ** (order + 1));
  let context = 0;
  for (let i = 0; i < text.length; i++) {
    context = (context * base + numbers.get(text[i])!) % counts.length;
    if (i >= order) counts[context]++;
  }
  let bits = order * Math.log2(base);
  for (let first = 0; first < counts.length; first += base) {
    const here = counts.subarray(first, first + base), all = here.reduce((sum, count) => sum + count, 0);
    for (const count of here) if (count > 0) bits -= count * Math.log2(count / all);
  }
  return bits;
}

if (import.meta.main) {
  const { default: text } = await import(pathToFileURL(list).href, { with: { type: "text" } });
  const words: string[] = text.split("\n").sort(), sorted = words.join("\n");
  const print = (name: string, bits: number) => {
    if (!(bits > 0)) throw new Error(`${name}: ${bits} bits cannot be`);
    console.log(name.padEnd(52), `${(bits / words.length).toFixed(2)} bits a word`);
  };
  print("a byte for each letter", 8 * (sorted.length - words.length + 1));
  print("any set of words of these lengths", randomWords(words.map(({ length }) => length), 26));
  for (const order of [0, 1, 2, 3, 4]) print(`a letter after ${order} others`, entropy(sorted, order));
}
