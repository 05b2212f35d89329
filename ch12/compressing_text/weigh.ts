/**
 * Weighs one structure of words in a process of its own: bytes, build, lookups that find and that miss, prefixes, numbers.
 *
 * What to notice: memory is measured three ways, and each says something else. The bytes on the heap and beside it are what
 * stays while the structure does, letters included: a long word that V8 sliced from a text keeps the whole text. The
 * growth of the process holds what building left behind as well, since memory is seldom given back. And a structure that
 * consists of buffers knows its bytes itself. Words are looked for as they come from a text just read: nobody has seen
 * these strings before, and their hashes are not yet known; and then once more, when they are. Misses are words with one letter changed, which only the last
 * steps of a search tell from a word, and letters at random, which the first do.
 *
 *     deno run --v8-flags=--expose-gc,--single-threaded-gc --allow-read=ch12/compressing_text ch12/compressing_text/weigh.ts words_louds --words 20000
 *
 * `--list FILE` takes the words of a file, one a line, for which `--allow-read` must name it.
 *
 * @original 12_less_ram/compressing_text/text_example.py
 * @beside words_set.ts
 * @run deno run --v8-flags=--expose-gc,--single-threaded-gc --allow-read=ch12/compressing_text/words_set.ts ch12/compressing_text/weigh.ts words_set
 * @takes 2 s
 */

import { parseArgs } from "jsr:@std/cli@1/parse-args";
import { pathToFileURL } from "node:url";
import v8 from "node:v8";
import list from "npm:word-list@4.1.0";

/** What every structure of words can do, and what some can. */
export interface Words {
  readonly size: number;
  has(word: string): boolean;
  /** Bytes of a structure that consists of buffers, tables and alphabet included. */
  readonly bytes?: number;
  /** False where there is `indexOf`, but these words were built without numbers. */
  readonly numbered?: boolean;
  /** A number from 0 for each word, or -1; and its word for each number. */
  indexOf?(word: string): number;
  at?(i: number): string;
  withPrefix?(prefix: string): string[];
  save?(): Uint8Array;
}

/** Times are in seconds: of a build, or of one lookup, search or number, in each of the passes. */
export interface Weight {
  words: number;
  /** Bytes on the heap and beside it, by which the process grew, and that the structure says it has. */
  held: number;
  resident: number;
  own: number | null;
  build: number[];
  found: number[];
  /** The same strings again, whose hashes are known by now. */
  again: number[];
  nearMiss: number[];
  randomMiss: number[];
  prefix: number[] | null;
  /** How many words a prefix had on average. */
  prefixed: number;
  number: number[] | null;
  at: number[] | null;
  /** How many words, and how many that are none, were looked for and compared with a Set. */
  compared: number;
  /** What went wrong; empty if nothing did. */
  wrong: string[];
}

const seed = 12;

/** Numbers from 0 to 1 (mulberry32). */
function generator(state: number): () => number {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** As many that are no words: with one letter changed, and with all letters at random. */
export function misses(words: readonly string[], known: Set<string>) {
  const random = generator(seed), letter = () => String.fromCharCode(97 + Math.floor(26 * random()));
  // Of two letters almost all are words: sooner or later letters are added.
  const miss = (make: () => string) => {
    let text = make();
    for (let tries = 0; known.has(text); tries++) text = tries < 100 ? make() : text + letter();
    return text;
  };
  const changed = (word: string) => {
    const i = Math.floor(word.length * random());
    return word.slice(0, i) + letter() + word.slice(i + 1);
  };
  const other = (word: string) => {
    let text = "";
    for (let i = 0; i < word.length; i++) text += letter();
    return text;
  };
  return {
    get near() {
      return words.map((word) => miss(() => changed(word)));
    },
    get random() {
      return words.map((word) => miss(() => other(word)));
    },
  };
}

function used(): number {
  const collect = (globalThis as { gc?: () => void }).gc;
  if (!collect) throw new Error("run this with --v8-flags=--expose-gc,--single-threaded-gc");
  collect();
  collect();
  const { used_heap_size, external_memory } = v8.getHeapStatistics();
  return used_heap_size + external_memory;
}

/** By how many bytes the process has grown after a call whose result is then dropped. */
function growth(make: () => unknown): number {
  used();
  const before = Deno.memoryUsage().rss, made = make();
  used();
  const after = Deno.memoryUsage().rss;
  if (!made) throw new Error("nothing was made");
  return after - before;
}

/** The words as strings that nobody has seen. */
function fresh(bytes: Uint8Array): string[] {
  return new TextDecoder().decode(bytes).split("\n");
}

/** Builds the structure from words, one a line, and asks it `lookups` things of every kind in each pass. */
export function weigh(
  build: (words: readonly string[], options: { numbered: boolean }) => Words,
  text: string,
  { lookups, passes, numbered = false }: { lookups: number; passes: number; numbered?: boolean },
): Weight {
  const encoder = new TextEncoder(), bytes = encoder.encode(text), times: number[] = [];
  const make = () => {
    const words = fresh(bytes), start = performance.now();
    const built = build(words, { numbered });
    times.push((performance.now() - start) / 1000);
    return built;
  };
  const resident = growth(make);
  // Built again, so that the code that builds it, compiled by now, is no part of what it weighs.
  const before = used(), structure = make(), held = used() - before;

  const words = fresh(bytes), known = new Set(words), wrong: string[] = [];
  const random = generator(seed),
    ask = () => {
      const start = performance.now();
      for (let i = 0; i < 100; i++) structure.has(words[Math.floor(random() * words.length)]);
      return (performance.now() - start) / 100;
    };
  // Where each takes long, some hundreds must do.
  const slow = Math.min(ask(), ask()) > 0.05;
  const sample = Array.from({ length: slow ? 100 : lookups }, () => words[Math.floor(random() * words.length)]);

  // Of the words every other gives a miss by one letter, and the rest by all.
  const all = slow ? sample : words, unlike = misses(sample, known);
  const none = [
    misses(all.filter((_, i) => i % 2 === 0), known).near,
    misses(all.filter((_, i) => i % 2), known).random,
  ];
  wrong.push(...disagreements(structure, all, true), ...disagreements(structure, none.flat(), false));
  if (structure.size !== known.size) wrong.push(`${structure.size} words of ${known.size}`);

  const timed = <Thing>(things: () => Thing[], ask: (thing: Thing) => unknown, rounds = passes): number[] =>
    Array.from({ length: rounds + 1 }, () => {
      const asked = things(), start = performance.now();
      let answers = 0;
      for (let i = 0; i < asked.length; i++) if (ask(asked[i])) answers++;
      const time = performance.now() - start;
      if (answers > asked.length) throw new Error("counted wrongly");
      return time / 1000 / asked.length;
      // The first is a warm-up.
    }).slice(1);
  const has = (word: string) => structure.has(word);
  const lines = (texts: string[]) => {
    const encoded = encoder.encode(texts.join("\n"));
    return () => fresh(encoded);
  };
  const found = timed(lines(sample), has), seen = lines(sample)(), again = timed(() => seen, has);
  const near = unlike.near, nearMiss = timed(lines(near), has), randomMiss = timed(lines(unlike.random), has);

  let prefix: number[] | null = null, prefixed = 0;
  if (structure.withPrefix) {
    const prefixes = sample.slice(0, slow ? 10 : 200).map((word) => word.slice(0, 4)), sorted = words.toSorted();
    for (const text of prefixes) {
      const first = lowerBound(sorted, text), expected: string[] = [];
      for (let i = first; sorted[i]?.startsWith(text); i++) expected.push(sorted[i]);
      const given = structure.withPrefix(text);
      if (given.join() !== expected.join()) wrong.push(`${text} begins ${given.length} words of ${expected.length}`);
      prefixed += expected.length / prefixes.length;
    }
    prefix = timed(() => prefixes, (text) => structure.withPrefix!(text));
  }
  let number: number[] | null = null, at: number[] | null = null;
  if (structure.indexOf && structure.numbered !== false) {
    const numbers = sample.map((word) => structure.indexOf!(word));
    const distinct = new Set(numbers).size === new Set(sample).size;
    if (!distinct || numbers.some((i) => !(i >= 0 && i < structure.size))) wrong.push("the numbers are no numbering");
    if (structure.indexOf(near[0]) !== -1) wrong.push(`${near[0]} has a number`);
    number = timed(lines(sample), (word) => structure.indexOf!(word) >= 0);
    if (structure.at) {
      sample.forEach((word, i) => {
        if (structure.at!(numbers[i]) !== word) wrong.push(`${word} is number ${numbers[i]}, and that is another`);
      });
      at = timed(() => numbers, (i) => structure.at!(i));
    }
  }
  return {
    words: known.size,
    held,
    resident,
    own: structure.bytes ?? null,
    build: times,
    found,
    again,
    nearMiss,
    randomMiss,
    prefix,
    prefixed,
    number,
    at,
    compared: all.length,
    wrong,
  };
}

function disagreements(structure: Words, texts: string[], expected: boolean): string[] {
  return texts.filter((text) => structure.has(text) !== expected).map((text) => `${text} is found: ${!expected}`);
}

function lowerBound(sorted: string[], text: string): number {
  let low = 0, high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle] < text) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The words of npm:word-list, one a line. As a module of text they need no permission. */
async function ownList(): Promise<string> {
  return (await import(pathToFileURL(list).href, { with: { type: "text" } })).default;
}

async function readList(file: string): Promise<string> {
  const text = (await Deno.readTextFile(file).catch((error) => fail(`--list ${file}: ${error.message}`))).trim();
  return text || fail(`--list ${file}: there are no words in it`);
}

function fail(message: string): never {
  console.error(`error: ${message}`);
  Deno.exit(2);
}

if (import.meta.main) {
  const flags = parseArgs(Deno.args, {
    string: ["words", "lookups", "passes", "list"],
    boolean: ["json", "numbered"],
    default: { words: "1000000", lookups: "30000", passes: "3" },
    unknown: (argument) => argument.startsWith("-") ? fail(`${argument} is not a flag of this script`) : true,
  });
  const whole = (flag: "words" | "lookups" | "passes") =>
    /^[1-9]\d{0,6}$/.test(flags[flag])
      ? Number(flags[flag])
      : fail(`--${flag} ${flags[flag]}: must be from 1 to 9999999`);
  const options = { lookups: whole("lookups"), passes: whole("passes"), numbered: flags.numbered },
    count = whole("words"),
    name = `${flags._[0]}`;
  if (flags._.length !== 1 || !/^words_\w+$/.test(name)) {
    fail("usage: weigh.ts words_NAME [--words N] [--lookups N] [--list FILE]");
  }
  if (!("gc" in globalThis)) fail("this needs --v8-flags=--expose-gc,--single-threaded-gc");
  const words = (flags.list === undefined ? await ownList() : await readList(flags.list)).split("\n"),
    step = Math.max(1, words.length / count);
  const chosen = words.filter((_, i) => Math.floor(i / step) !== Math.floor((i - 1) / step)).join("\n");
  const { build } = await import(new URL(`${name}.ts`, import.meta.url).href).catch((error) => fail(error.message));
  const weight = weigh(build, chosen, options), { wrong, held, resident, own, compared } = weight;
  if (wrong.length > 0 && !flags.json) throw new Error(`${name}: ${wrong.length} answers are wrong, as ${wrong[0]}`);
  if (flags.json) {
    console.log(JSON.stringify(weight));
  } else {
    const each = (bytes: number) => `${(bytes / weight.words).toFixed(2)} bytes a word`;
    const ns = (times: number[]) => `${(1e9 * times.toSorted((a, b) => a - b)[times.length >> 1]).toFixed(0)} ns`;
    console.log(
      `${name}, ${weight.words} words: ${each(held)} on the heap and beside it, ${each(resident)} more resident`,
    );
    if (own !== null) console.log(`it says that it has ${each(own)}`);
    console.log(
      `found in ${ns(weight.found)}, again in ${ns(weight.again)}, one letter off ${ns(weight.nearMiss)}, random ${
        ns(weight.randomMiss)
      }`,
    );
    console.log(`built in ${weight.build.map((time) => `${(1000 * time).toFixed(0)} ms`).join(" and ")}`);
    console.log(`agrees with a Set on ${compared} words and as many that are none`);
  }
}
