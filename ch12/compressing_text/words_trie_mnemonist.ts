/**
 * A trie from a library: npm:mnemonist, whose nodes are plain objects.
 *
 * What to notice: two lines, and nothing to maintain. A node is an object with letters as names of its properties, and V8
 * makes a hidden class for each order in which letters came, or a hash table where there are many: that is what it takes
 * in bytes. The end of a word is a property named "\0", so that words with that character have to be refused.
 *
 * @original 12_less_ram/compressing_text/text_example_pygtrie.py
 * @run deno run ch12/compressing_text/words_trie_mnemonist.ts
 * @takes 4 s
 */

import { pathToFileURL } from "node:url";
import { Trie } from "npm:mnemonist@0.40.8";
import list from "npm:word-list@4.1.0";

/** Words in any order; duplicates are dropped. Throws TypeError for a word with the character "\0". */
export function build(words: readonly string[]) {
  const refused = words.find((word) => word.includes("\0"));
  if (refused !== undefined) throw new TypeError(`${JSON.stringify(refused)} holds the character that marks an end`);
  const trie = Trie.from<string>(words);
  return {
    size: trie.size,
    has: (word: string): boolean => !word.includes("\0") && trie.has(word),
    /** All words that begin with a prefix, in order. */
    withPrefix: (prefix: string): string[] => prefix.includes("\0") ? [] : trie.find(prefix).sort(),
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
