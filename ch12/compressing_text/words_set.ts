/**
 * A Set: what everything smaller must be compared with.
 *
 * What to notice: a lookup needs the hash of the word, which V8 computes when it is first asked for and then keeps in the
 * string: the same string again is found in a fraction of the time. The table takes 20 to 40 bytes a word on top of the word
 * itself, an object of a header and its letters, and a lookup goes from the table to an entry and from there to a word, all
 * of which lie anywhere: what is small enough for the processor's caches can be quicker. What a Set cannot do is anything
 * that needs an order: prefixes, neighbours.
 *
 * @original 12_less_ram/compressing_text/text_example_set.py
 * @run deno run ch12/compressing_text/words_set.ts
 * @takes 1 s
 */

import { pathToFileURL } from "node:url";
import list from "npm:word-list@4.1.0";

/** Words in any order; duplicates are dropped. */
export function build(words: readonly string[]) {
  const set = new Set(words);
  return { size: set.size, has: (word: string): boolean => set.has(word) };
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
