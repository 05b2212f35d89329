/**
 * A trie of objects: a node for each beginning of a word, with a Map to the next letters.
 *
 * What to notice: words that begin alike share nodes, and yet this is the largest of all, many times a Set. Of 606,000
 * nodes each takes an object and most a Map with room for four entries, to hold one byte of information. The idea is right
 * and its representation wrong; words_trie_array.ts has the same trie in arrays.
 *
 * @original 12_less_ram/compressing_text/text_example_pygtrie.py
 * @run deno run ch12/compressing_text/words_trie_objects.ts
 * @takes 3 s
 */

import { pathToFileURL } from "node:url";
import list from "npm:word-list@4.1.0";

interface Node {
  /** Whether a word ends here. */
  final: boolean;
  /** By the next code unit. */
  next: Map<number, Node> | null;
}

/** Words in any order; duplicates are dropped. */
export function build(words: readonly string[]) {
  const root: Node = { final: false, next: null };
  let size = 0;
  for (const word of words) {
    let node = root;
    for (let i = 0; i < word.length; i++) {
      const unit = word.charCodeAt(i), next: Map<number, Node> = node.next ??= new Map();
      let child = next.get(unit);
      if (!child) next.set(unit, child = { final: false, next: null });
      node = child;
    }
    if (!node.final) size++;
    node.final = true;
  }

  function find(text: string): Node | undefined {
    let node: Node | undefined = root;
    for (let i = 0; node && i < text.length; i++) node = node.next?.get(text.charCodeAt(i));
    return node;
  }
  return {
    size,
    has: (word: string): boolean => find(word)?.final ?? false,
    /** All words that begin with a prefix, in order. */
    withPrefix(prefix: string): string[] {
      const found: string[] = [], start = find(prefix), open = start ? [{ text: prefix, node: start }] : [];
      for (let top = open.pop(); top; top = open.pop()) {
        if (top.node.final) found.push(top.text);
        for (const [unit, node] of top.node.next ?? []) open.push({ text: top.text + String.fromCharCode(unit), node });
      }
      return found.sort();
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
