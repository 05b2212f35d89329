import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { hasCommand } from "../../bench/lib/command.ts";
import { parseHeader, runScript } from "../../bench/lib/script.ts";
import { entropy, log2Choose, randomWords, tries } from "./bounds.ts";
import { pathToFileURL } from "node:url";
import list from "word-list";
import { misses, weigh, type Words } from "./weigh.ts";
import * as array from "./words_array.ts";
import * as dawg from "./words_dawg.ts";
import * as dawgCoded from "./words_dawg_coded.ts";
import * as frontCoded from "./words_front_coded.ts";
import * as louds from "./words_louds.ts";
import * as map from "./words_map.ts";
import * as object from "./words_object.ts";
import * as oneBuffer from "./words_one_buffer.ts";
import * as set from "./words_set.ts";
import * as sortedArray from "./words_sorted_array.ts";
import * as trieArray from "./words_trie_array.ts";
import * as trieMnemonist from "./words_trie_mnemonist.ts";
import * as trieObjects from "./words_trie_objects.ts";

type Build = (words: readonly string[]) => Words;

/** Those that consist of buffers, and can be saved. */
const buffers: Record<string, { build: Build; load: (bytes: Uint8Array) => Words }> = {
  one_buffer: oneBuffer,
  front_coded: frontCoded,
  trie_array: trieArray,
  louds,
  dawg,
  dawg_numbered: { build: (words) => dawg.build(words, { numbered: true }), load: dawg.load },
  dawg_coded: dawgCoded,
};

const builds: Record<string, Build> = {
  array: array.build,
  sorted_array: sortedArray.build,
  set: set.build,
  map: map.build,
  object: object.build,
  trie_objects: trieObjects.build,
  trie_mnemonist: trieMnemonist.build,
  ...Object.fromEntries(Object.entries(buffers).map(([name, { build }]) => [name, build])),
};

/** Those whose numbers are the order of the words. */
const ordered = ["sorted_array", "one_buffer", "front_coded", "dawg_numbered"];

/** Whole numbers below a bound, by a generator of its own (xorshift). */
function randomly(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

function makeWords(count: number, alphabet: string, longest: number, random: (below: number) => number): string[] {
  return Array.from(
    { length: count },
    () => Array.from({ length: random(longest + 1) }, () => alphabet[random(alphabet.length)]).join(""),
  );
}

/** Holds all that a structure can answer against a Set and a sorted array. */
function mustAgree(name: string, built: Words, words: readonly string[], others: readonly string[]): void {
  const known = new Set(words), sorted = [...known].sort();
  assertEquals(built.size, known.size, name);
  for (const word of [...words, ...others]) {
    assertEquals(built.has(word), known.has(word), `${name}: ${JSON.stringify(word)}`);
  }
  if (built.withPrefix) {
    for (const word of ["", ...words.slice(0, 30), ...others.slice(0, 30)]) {
      for (const prefix of [word, word.slice(0, 1), word.slice(0, 2), word.slice(0, -1)]) {
        const expected = sorted.filter((word) => word.startsWith(prefix));
        assertEquals(built.withPrefix(prefix), expected, `${name}: ${JSON.stringify(prefix)}`);
      }
    }
  }
  if (built.indexOf && built.numbered !== false) {
    const numbers = sorted.map((word) => built.indexOf!(word));
    assertEquals(numbers.toSorted((a, b) => a - b), [...sorted.keys()], name);
    if (ordered.includes(name)) assertEquals(numbers, [...sorted.keys()], name);
    for (const word of others) if (!known.has(word)) assertEquals(built.indexOf(word), -1, name);
    if (built.at) {
      assertEquals(numbers.map((i) => built.at!(i)), sorted, name);
      for (const i of [-1, sorted.length, 0.5, NaN, Infinity]) {
        assertThrows(() => built.at!(i), RangeError, `there is no word ${i} of ${sorted.length}`, name);
      }
    }
  }
}

const lists: Record<string, string[]> = {
  "no words": [],
  "the empty word": [""],
  "one word": ["word"],
  "one letter": ["a"],
  "beginnings of one another": ["", "a", "ab", "abc", "abcd", "b", "abd"],
  "one letter, repeated": Array.from({ length: 70 }, (_, i) => "a".repeat(i)),
  "unsorted and with duplicates": ["pear", "apple", "pear", "fig", "apple", "", "fig", "zebra", ""],
  "names that objects have": ["constructor", "__proto__", "toString", "hasOwnProperty", "valueOf", "123", "0", "-1"],
  "accents": ["café", "cafe", "cafés", "naïve", "naive", "über", "ÿ", "Ā", "e\u0301"],
  "emoji": ["👍", "👍🏽", "👎", "👨‍👩‍👧", "a👍", "\ue000", "\uffff", "漢字", "漢"],
  "lone surrogates": ["\ud83d", "\ude00", "\ud83d\ude00", "a\ud83d", "\ud83da"],
  "a long word": ["x".repeat(5000), "x".repeat(4999) + "y", "x".repeat(200)],
  "many letters": Array.from({ length: 3000 }, (_, i) => String.fromCharCode(0x4e00 + i) + "的"),
};

for (const [name, build] of Object.entries(builds)) {
  Deno.test(`${name} finds what a Set finds in small and strange lists`, () => {
    for (const [kind, words] of Object.entries(lists)) {
      const others = [
        "",
        "a",
        "ab",
        "abx",
        "zz",
        "wor",
        "wordy",
        "caf",
        "\ud83d",
        "\ude00",
        "👍👍",
        "x".repeat(4999),
        "é",
      ];
      mustAgree(name, build(words), words, [
        ...others,
        ...words.flatMap((word) => [word + "a", word.slice(0, -1)]).slice(0, 99),
      ]);
      assert(kind);
    }
  });

  Deno.test(`${name} finds what a Set finds in random lists`, () => {
    const random = randomly(2026);
    for (
      const [count, alphabet, longest] of [[30, "ab", 5], [300, "abc", 8], [1000, "abcdefghijklmnopqrstuvwxyz", 4], [
        400,
        "aé€👍z",
        4,
      ]] as const
    ) {
      for (let round = 0; round < 3; round++) {
        const words = makeWords(count, alphabet, longest, random);
        mustAgree(name, build(words), words, makeWords(count, alphabet, longest + 1, random));
      }
    }
  });
}

Deno.test("a Set and its kin agree on a thousand words of a hundred letters", () => {
  const words = makeWords(1000, String.fromCharCode(...Array.from({ length: 100 }, (_, i) => 200 + i)), 6, randomly(7));
  for (const [name, build] of Object.entries(builds)) {
    mustAgree(
      name,
      build(words),
      words,
      words.map((word) => word + "?"),
    );
  }
});

Deno.test("the library's trie refuses the character with which it marks an end", () => {
  assertThrows(() => trieMnemonist.build(["a", "a\0b"]), TypeError, '"a\\u0000b" holds the character');
  assertEquals(trieMnemonist.build(["a"]).has("a\0"), false);
  assertEquals(trieMnemonist.build(["a"]).withPrefix("a\0"), []);
});

Deno.test("all others take that character for a letter", () => {
  const words = ["a\0b", "\0", "a"];
  for (const [name, build] of Object.entries(builds)) {
    if (name !== "trie_mnemonist") mustAgree(name, build(words), words, ["a\0", "\0\0", ""]);
  }
});

for (const [name, { build, load }] of Object.entries(buffers)) {
  Deno.test(`${name} comes back from its file as it was`, () => {
    for (const words of Object.values(lists)) {
      const built = build(words), again = load(built.save!());
      mustAgree(name, again, words, words.map((word) => word + "b").slice(0, 50));
      assertEquals(again.save!(), built.save!());
      assertEquals(again.bytes, built.bytes);
    }
  });

  Deno.test(`${name} refuses a file that is cut off, longer, changed in any bit, of another version or of another kind`, () => {
    const words = ["able", "about", "above", "fable", "👍"], file = build(words).save!();
    assertThrows(() => load(new Uint8Array()), TypeError, "of this version");
    for (let length = 0; length < file.length; length++) {
      assertThrows(() => load(file.slice(0, length)), Error, length < 4 ? "of this version" : "a file of");
    }
    for (const more of [1, 4]) {
      assertThrows(
        () => load(new Uint8Array([...file, ...new Uint8Array(more)])),
        RangeError,
        `a file of ${file.length} bytes has`,
      );
    }
    for (let i = 0; i < file.length; i++) {
      const changed = file.slice();
      changed[i] ^= 1 << (i % 8);
      const message = i < 4 ? "of this version" : i < 8 ? "a file of" : "the file is damaged";
      assertThrows(() => load(changed), Error, message, `${name}: byte ${i}`);
    }
    const newer = file.slice();
    newer[3]++;
    assertThrows(() => load(newer), TypeError, "of this version");
    for (const [other, { build }] of Object.entries(buffers)) {
      if (other.split("_numbered")[0] !== name.split("_numbered")[0]) {
        assertThrows(() => load(build(words).save!()), TypeError, "of this version");
      }
    }
  });

  Deno.test(`${name} is loaded from a part of a larger buffer, and does not change with it`, () => {
    const words = ["one", "two", "three"], file = build(words).save!(), larger = new Uint8Array(file.length + 3);
    larger.set(file, 3);
    const again = load(larger.subarray(3));
    larger.fill(0);
    mustAgree(name, again, words, ["thre", "four"]);
    again.save!().fill(0);
    mustAgree(name, again, words, ["thre", "four"]);
  });
}

Deno.test("numbers that were not asked for are refused", () => {
  const built = dawg.build(["a", "b"]);
  assertEquals([built.numbered, built.numberBytes], [false, 0]);
  assertThrows(() => built.indexOf("a"), TypeError, "build them with { numbered: true }");
  assertThrows(() => built.at(0), TypeError, "build them with { numbered: true }");
  assert(dawg.build(["a", "b"], { numbered: true }).numberBytes > 0);
});

/** As many as there are classes of states that no word tells apart: Moore's refinement, on the trie, until nothing changes. */
function countByRefinement(words: readonly string[]): { states: number; edges: number } {
  interface Node {
    next: Map<string, { final: boolean; node: Node }>;
    group: number;
  }
  const nodes: Node[] = [];
  const make = () => {
    nodes.push({ next: new Map(), group: 0 });
    return nodes.at(-1)!;
  };
  const root = make();
  for (const word of words) {
    let node = root;
    for (let i = 0; i < word.length; i++) {
      if (!node.next.has(word[i])) node.next.set(word[i], { final: false, node: make() });
      const edge = node.next.get(word[i])!;
      if (i === word.length - 1) edge.final = true;
      node = edge.node;
    }
  }
  for (let groups = 1;;) {
    const keys = new Map<string, number>();
    const next = nodes.map(({ next }) => {
      const key = [...next].sort(([a], [b]) => a < b ? -1 : 1).map((
        [letter, { final, node }],
      ) => [letter, final, node.group]);
      const text = JSON.stringify(key);
      if (!keys.has(text)) keys.set(text, keys.size);
      return keys.get(text)!;
    });
    nodes.forEach((node, i) => node.group = next[i]);
    if (keys.size === groups) {
      const one = new Map(nodes.map((node) => [node.group, node]));
      // The state from which nothing goes on is none in ours.
      const states = [...one.values()].filter(({ next }) => next.size > 0);
      return { states: states.length, edges: states.reduce((sum, { next }) => sum + next.size, 0) };
    }
    groups = keys.size;
  }
}

Deno.test("the automaton has as few states as partition refinement leaves, in both DAWGs", () => {
  const random = randomly(5), endings = ["", "s", "ed", "ing", "er", "ers", "ation", "ations"];
  const stems = makeWords(60, "abcdt", 5, random).filter((stem) => stem !== "");
  const more = [stems.flatMap((stem) => endings.map((ending) => stem + ending)), makeWords(400, "ab", 7, random), [
    "tap",
    "taps",
    "top",
    "tops",
  ]];
  for (const words of more) {
    const sorted = [...new Set(words)].filter((word) => word !== "").sort(), expected = countByRefinement(sorted);
    for (const minimise of [dawg.minimise, dawgCoded.minimise]) {
      const states = minimise(sorted, (unit) => unit);
      assertEquals({ states: states.length, edges: states.flat().length }, expected);
    }
  }
  assertEquals(countByRefinement(["tap", "taps", "top", "tops"]), { states: 4, edges: 5 });
});

Deno.test("words that are not in order are refused where the automaton grows by one after the other", () => {
  assertThrows(() => dawg.minimise(["b", "a"], (unit) => unit), RangeError, "a stands after b");
  assertThrows(() => dawg.minimise(["a", "a"], (unit) => unit), RangeError, "a stands after a");
});

Deno.test("rank and select are what counting gives, at every place of random bits", () => {
  const random = randomly(3);
  for (const [count, density] of [[1, 1], [40, 8], [40, 1], [40, 15], [64, 8], [200, 8]]) {
    const words = Uint32Array.from({ length: count }, () => {
      let word = 0;
      for (let bit = 0; bit < 32; bit++) word |= (random(16) < density ? 1 : 0) << bit;
      return word;
    });
    const all = Array.from({ length: 32 * count }, (_, i) => words[i >> 5] >>> (i & 31) & 1);
    const zeros = all.filter((bit) => bit === 0).length, table = new Uint32Array(louds.Bits.tableLength(count, zeros));
    louds.Bits.count(words, table);
    const bits = new louds.Bits(words, table);
    let ones = 0;
    for (const [i, bit] of all.entries()) {
      assertEquals(bits.get(i), bit);
      assertEquals(bits.rank(i), ones);
      if (bit) assertEquals(bits.selectOne(ones++), i);
      else assertEquals(bits.selectZero(i - ones), i);
    }
  }
});

Deno.test("all parts of a LOUDS trie add up to its bytes, but for the head of the file", () => {
  const built = louds.build(makeWords(2000, "abcdefg", 8, randomly(9)));
  const sum = Object.values(built.parts()).reduce((sum, bytes) => sum + bytes);
  assert(built.bytes - sum >= 0 && built.bytes - sum <= 40, `${built.bytes} and ${sum}`);
});

Deno.test("Huffman's codes are no longer than allowed, fill the space of codes, and give the frequent the short", () => {
  assertEquals(dawgCoded.codeLengths([5]), [1]);
  assertEquals(dawgCoded.codeLengths([1, 1, 2, 4]), [3, 3, 2, 1]);
  assertEquals(dawgCoded.codeLengths([]), []);
  // Without a limit Fibonacci's numbers make a code for each bit.
  const fibonacci = [1, 1];
  for (let i = 2; i < 40; i++) fibonacci.push(fibonacci[i - 1] + fibonacci[i - 2]);
  const random = randomly(11);
  for (const counts of [fibonacci, Array.from({ length: 300 }, () => 1 + random(1000))]) {
    const lengths = dawgCoded.codeLengths(counts);
    assert(Math.max(...lengths) <= 15);
    assertEquals(lengths.reduce((sum, length) => sum + 2 ** -length, 0), 1);
    for (const [i, count] of counts.entries()) {
      for (const [j, other] of counts.entries()) if (count > other) assert(lengths[i] <= lengths[j]);
    }
  }
});

Deno.test("the bounds are those that can be counted by hand", () => {
  assertEquals(Math.round(2 ** log2Choose(10, 3)), 120);
  assertEquals(log2Choose(5, 0), 0);
  assertThrows(() => log2Choose(2, 3), RangeError, "3 of 2 cannot be chosen");
  // Two of four words of one letter, and one of the sixteen of two.
  assertEquals(Math.round(2 ** randomWords([1, 1, 2], 4)), 6 * 16);
  // Of three nodes over two letters there are five trees, and three places for one end.
  assertEquals(Math.round(2 ** tries(3, 2, 1)), 15);
  assertEquals(Math.abs(entropy("abababab", 1) - 1) < 1e-9, true);
  assertEquals(Math.abs(entropy("abab", 0) - 4) < 1e-9, true);
  assertThrows(() => entropy("abcdefghijklmnopqrstuvwxyz", 9), RangeError, "order 9 is too much for 26 letters");
});

Deno.test("misses are none of the words, and one letter off or of the same length", () => {
  const words = ["a", "b", "ab", "abc", "banana", ..."cdefghijklmnopqrstuvwxyz"], known = new Set(words);
  const { near, random } = misses(words, known);
  for (const texts of [near, random]) {
    assertEquals(texts.length, words.length);
    assert(texts.every((text) => !known.has(text)));
  }
  assertEquals([...near[4]].filter((letter, i) => letter !== "banana"[i]).length, 1);
  assertEquals(random[4].length, 6);
});

Deno.test("a structure that answers wrongly is found out", () => {
  const gc = globalThis as { gc?: () => void };
  const text = [...new Set(makeWords(300, "abcdefgh", 6, randomly(4)))].join("\n"),
    options = { lookups: 50, passes: 1 };
  const before = gc.gc;
  gc.gc ??= () => {};
  try {
    assertEquals(weigh(oneBuffer.build, text, options).wrong, []);
    const wrong: Record<string, Build> = {
      "is found: false": (words) => ({ ...set.build(words), has: (word) => word !== words[5] && words.includes(word) }),
      "is found: true": (words) => ({ ...set.build(words), has: () => true }),
      "words of": (words) => ({ ...set.build(words), size: 3 }),
      "the numbers are no numbering": (words) => ({
        ...map.build(words),
        indexOf: (word) => words.includes(word) ? 0 : -1,
      }),
      "has a number": (words) => ({ ...map.build(words), indexOf: (word) => Math.max(0, words.indexOf(word)) }),
      "and that is another": (words) => ({ ...array.build(words), at: () => "x" }),
      "begins": (words) => ({ ...array.build(words), withPrefix: () => [] }),
    };
    for (const [message, build] of Object.entries(wrong)) {
      assert(weigh(build, text, options).wrong.some((line) => line.includes(message)), message);
    }
  } finally {
    if (before) gc.gc = before;
    else delete gc.gc;
  }
});

Deno.test("weigh.ts names what it was not given", async () => {
  const folder = new URL("./", import.meta.url), run = "deno run --v8-flags=--expose-gc,--single-threaded-gc weigh.ts";
  const refused: [string, RegExp][] = [
    [run, /^error: usage: weigh.ts words_NAME/],
    [`${run} ../words_set`, /^error: usage: weigh.ts words_NAME/],
    [`${run} words_set --passes 0`, /^error: --passes 0: must be from 1 to 9999999\n$/],
    [`${run} words_set --lookups many`, /^error: --lookups many: must be from 1 to 9999999\n$/],
    [`${run} words_set --weight`, /^error: --weight is not a flag of this script\n$/],
    [`${run} words_set`, /^error: .*words_set.ts/],
    ["deno run weigh.ts words_set", /^error: this needs --v8-flags=--expose-gc,--single-threaded-gc\n$/],
  ];
  for (const [command, message] of refused) {
    const { code, stdout, stderr } = await runScript(command, { cwd: folder });
    assertEquals([code, stdout], [2, ""], stderr);
    assertMatch(stderr, message);
  }
});

const root = new URL("../../", import.meta.url);

Deno.test({
  name: "the compare weighs what is asked for, and a Set",
  ignore: !await hasCommand("deno"),
  async fn() {
    const { run } = parseHeader(await Deno.readTextFile(new URL("compare.ts", import.meta.url)));
    const { code, stdout, stderr } = await runScript(run, { cwd: root, more: ["--brief", "--only=louds"] });
    assertEquals(code, 0, stderr);
    assertMatch(stdout, /louds[\s\S]*✓ each agrees/);
    assert(!stdout.includes("dawg_coded:"), stdout);
    const bad = await runScript(run, { cwd: root, more: ["--only=lood"] });
    assertEquals([bad.code, bad.stdout], [2, ""]);
    assertMatch(bad.stderr, /^error: --only lood: must be one of array, /);
  },
});

Deno.test("without deno on the PATH the compare names it and passes", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const { run } = parseHeader(await Deno.readTextFile(new URL("compare.ts", import.meta.url)));
    const { code, stdout, stderr } = await runScript(run, { cwd: root, env: { PATH: folder } });
    assertEquals(code, 0, stderr);
    assertMatch(stdout, /missing: deno on the PATH; npm install -g deno/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test({
  name: "saving leaves no files behind, also after Ctrl-C",
  ignore: Deno.build.os === "windows",
  async fn() {
    const { run } = parseHeader(await Deno.readTextFile(new URL("compare_save.ts", import.meta.url)));
    const left = () =>
      [...Deno.readDirSync(new URL("results/ch12", root))].filter(({ name }) => name.startsWith("saved_"));
    const { code, stderr } = await runScript(run, { cwd: root, more: ["--brief", "--only=louds,dawg"] });
    assertEquals(code, 0, stderr);
    assertEquals(left(), []);
    const args = ["run", "--no-prompt", ...run.split(" ").slice(2), "--only=louds"];
    const child = new Deno.Command(Deno.execPath(), { args, cwd: root, stdin: "null", stdout: "null", stderr: "null" })
      .spawn();
    while (left().length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    child.kill("SIGINT");
    assertEquals((await child.status).code, 130);
    assertEquals(left(), []);
  },
});

Deno.test("buffers find, and list in order, what a Set holds of real words", async () => {
  const { default: text } = await import(pathToFileURL(list).href, { with: { type: "text" } });
  const words: string[] = text.split("\n").filter((_: string, i: number) => i % 20 === 0), known = new Set(words);
  const { near, random } = misses(words, known), sorted = words.toSorted();
  for (const [name, { build, load }] of Object.entries(buffers)) {
    const built = load(build(words).save!());
    assertEquals(words.filter((word) => !built.has(word)), [], name);
    assertEquals([...near, ...random].filter((text) => built.has(text)), [], name);
    assertEquals(built.withPrefix!(""), sorted, name);
  }
});
