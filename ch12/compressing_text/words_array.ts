/**
 * The slow version: an array, in which each lookup compares word after word.
 *
 * What to notice: a lookup takes time in proportion to the list, on average half of it for a word that is there and all of
 * it for one that is not. It is also no small structure: V8 keeps a word as an object of its own, a header and its letters,
 * and the array holds eight bytes for each.
 *
 * @original 12_less_ram/compressing_text/text_example_list.py
 * @run deno run ch12/compressing_text/words_array.ts
 * @takes 2 s
 */

import { pathToFileURL } from "node:url";
import list from "npm:word-list@4.1.0";

/** Words in any order; duplicates are dropped. */
export function build(words: readonly string[]) {
  const list = [...new Set(words)];
  return {
    size: list.length,
    has: (word: string): boolean => list.includes(word),
    /** A word's place, or -1. */
    indexOf: (word: string): number => list.indexOf(word),
    /** The word at a place from 0. */
    at(i: number): string {
      if (!(i in list)) throw new RangeError(`there is no word ${i} of ${list.length}`);
      return list[i];
    },
    /** All words that begin with a prefix, in order. */
    withPrefix: (prefix: string): string[] => list.filter((word) => word.startsWith(prefix)).sort(),
  };
}

if (import.meta.main) {
  const { default: text } = await import(pathToFileURL(list).href, { with: { type: "text" } });
  const words: string[] = text.split("\n"), before = performance.now(), built = build(words);
  console.log(`built from ${words.length} words in ${(performance.now() - before).toFixed(0)} ms`);
  const some = words.filter((_, i) => i % 1000 === 0), start = performance.now();
  const found = some.filter((word) => built.has(word)).length, time = performance.now() - start;
  console.log(`a word is found in ${(time / some.length * 1e6).toFixed(0)} ns`);
  if (found !== some.length || some.some((word) => built.has(`${word}#`))) throw new Error("a lookup went wrong");
}
