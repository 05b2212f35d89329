/**
 * A Map from each word to its number: a Set that also knows where a word stands.
 *
 * What to notice: eight bytes a word more than a Set, for the number. The way back from a number to its word needs the array
 * as well, and that is what the map's order of insertion does not give without a walk.
 *
 * @original 12_less_ram/compressing_text/text_example_dict.py
 * @run deno run ch12/compressing_text/words_map.ts
 * @takes 1 s
 */

import { pathToFileURL } from "node:url";
import list from "npm:word-list@4.1.0";

/** Words in any order; duplicates are dropped. */
export function build(words: readonly string[]) {
  const numbers = new Map<string, number>();
  for (const word of words) if (!numbers.has(word)) numbers.set(word, numbers.size);
  return {
    size: numbers.size,
    has: (word: string): boolean => numbers.has(word),
    /** The number of a word, in the order of the list from 0, or -1. */
    indexOf: (word: string): number => numbers.get(word) ?? -1,
  };
}

if (import.meta.main) {
  const { default: text } = await import(pathToFileURL(list).href, { with: { type: "text" } });
  const words: string[] = text.split("\n"), before = performance.now(), built = build(words);
  console.log(`built from ${words.length} words in ${(performance.now() - before).toFixed(0)} ms`);
  const some = words.filter((_, i) => i % 2 === 0), start = performance.now();
  const found = some.filter((word) => built.has(word)).length, time = performance.now() - start;
  console.log(`a word is found in ${(time / some.length * 1e6).toFixed(0)} ns`);
  if (found !== some.length || some.some((word) => built.has(`${word}#`))) throw new Error("a lookup went wrong");
}
