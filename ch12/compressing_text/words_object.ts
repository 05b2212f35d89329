/**
 * An object as a dictionary, with the words as names of its properties.
 *
 * What to notice: a name of a property is unique in V8, so each word that is looked for goes through a table of all names
 * first, where it stays. Without a prototype there is nothing in it but the words, else `constructor` would be found. A
 * word of digits only becomes an element and not a property, which is right as well, but kept elsewhere.
 *
 * @original 12_less_ram/compressing_text/text_example_dict.py
 * @run deno run ch12/compressing_text/words_object.ts
 * @takes 2 s
 */

import { pathToFileURL } from "node:url";
import list from "npm:word-list@4.1.0";

/** Words in any order; duplicates are dropped. */
export function build(words: readonly string[]) {
  const object: Record<string, number> = Object.create(null);
  let size = 0;
  for (const word of words) if (!(word in object)) object[word] = size++;
  return {
    size,
    has: (word: string): boolean => word in object,
    /** The number of a word, in the order of the list from 0, or -1. */
    indexOf: (word: string): number => object[word] ?? -1,
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
