/**
 * A sorted array with binary search: 18 comparisons among 270,000 words.
 *
 * What to notice: nothing but the order is added to words_array.ts, and the time falls from milliseconds to well under a
 * microsecond. Words with the same beginning are neighbours, so that the order also answers which words begin with a
 * prefix, which a Set cannot. The book's remedy for a list, where memory is no matter.
 *
 * @original 12_less_ram/compressing_text/text_example_list_bisect.py
 * @run deno run ch12/compressing_text/words_sorted_array.ts
 * @takes 1 s
 */

import { pathToFileURL } from "node:url";
import list from "npm:word-list@4.1.0";

/** The first place at which a word is not less than `word`; the order is that of code units. */
export function bisect(sorted: readonly string[], word: string): number {
  let low = 0, high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle] < word) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Words in any order; duplicates are dropped. */
export function build(words: readonly string[]) {
  const sorted = [...new Set(words)].sort();
  return {
    size: sorted.length,
    has: (word: string): boolean => sorted[bisect(sorted, word)] === word,
    /** A word's place in the order, or -1. */
    indexOf(word: string): number {
      const i = bisect(sorted, word);
      return sorted[i] === word ? i : -1;
    },
    /** The word at a place from 0. */
    at(i: number): string {
      if (!(i in sorted)) throw new RangeError(`there is no word ${i} of ${sorted.length}`);
      return sorted[i];
    },
    /** All words that begin with a prefix, in order. */
    withPrefix(prefix: string): string[] {
      const first = bisect(sorted, prefix);
      let end = first;
      while (sorted[end]?.startsWith(prefix)) end++;
      return sorted.slice(first, end);
    },
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
