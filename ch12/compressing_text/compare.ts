/**
 * A list of words in memory: bytes a word against the time of a lookup, from the array to a coded automaton.
 *
 * Each structure is built, weighed and asked in a process of its own, by weigh.ts.
 *
 * @original 12_less_ram/compressing_text/
 * @run deno run --allow-read=.,/usr/share/dict --allow-write=results --allow-run=deno --allow-env=XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch12/compressing_text/compare.ts
 * @takes 30 s
 */

import { palette, scatterChart } from "../../bench/lib/chart.ts";
import { hasCommand } from "../../bench/lib/command.ts";
import { parseCompareFlags } from "../../bench/lib/flags.ts";
import { isBrief } from "../../bench/lib/measure.ts";
import { startProgress } from "../../bench/lib/progress.ts";
import { report } from "../../bench/lib/report.ts";
import { type Claim, figure, prepareResults } from "../../bench/lib/results.ts";
import { median } from "../../bench/lib/statistics.ts";
import { formatBytes, formatNumber, formatRatio, formatTime, table } from "../../bench/lib/table.ts";
import { denoOnPath } from "../../bench/parts.ts";
import { brotliCompressSync, constants, zstdCompressSync } from "node:zlib";
import { fileURLToPath, pathToFileURL } from "node:url";
import list from "word-list";
import { entropy, randomWords, tries } from "./bounds.ts";
import type { Weight } from "./weigh.ts";

/** The structures by name: the flags of weigh.ts. */
const structures: Record<string, string[]> = {
  array: ["words_array"],
  sorted_array: ["words_sorted_array"],
  set: ["words_set"],
  map: ["words_map"],
  object: ["words_object"],
  one_buffer: ["words_one_buffer"],
  front_coded: ["words_front_coded"],
  trie_objects: ["words_trie_objects"],
  trie_mnemonist: ["words_trie_mnemonist"],
  trie_array: ["words_trie_array"],
  louds: ["words_louds"],
  dawg: ["words_dawg"],
  dawg_numbered: ["words_dawg", "--numbered"],
  dawg_coded: ["words_dawg_coded"],
};

/** What a MARISA trie takes for the same list, in bytes a word, as measured from Python (the library marisa-trie). */
const marisa = 2.51;

/** Debian's larger lists, the largest first; they have accents and apostrophes too. */
const largerLists = ["insane", "huge"].map((size) => `/usr/share/dict/american-english-${size}`);

/** Those for which the larger list is worth the time. */
const forLarger = ["set", "louds", "dawg", "dawg_coded"];

async function largerList(): Promise<string | undefined> {
  for (const file of largerLists) {
    try {
      await Deno.stat(file);
      return file;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

async function weigh(args: string[], options: string[]): Promise<Weight> {
  const script = new URL("weigh.ts", import.meta.url), folder = fileURLToPath(new URL(".", import.meta.url));
  const flags = [
    "--no-prompt",
    "--v8-flags=--expose-gc,--single-threaded-gc",
    `--allow-read=${[folder, ...largerLists].join(",")}`,
  ];
  const child = new Deno.Command("deno", {
    args: ["run", ...flags, script.href, ...args, ...options, "--json"],
    stdin: "null",
    stderr: "piped",
  });
  const { success, stdout, stderr } = await child.output();
  if (!success) throw new Error(`${args.join(" ")}: ${new TextDecoder().decode(stderr).trim()}`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

export async function run(args: readonly string[]) {
  const question = "How many bytes does a word need, and what does a lookup then cost?";
  const { mode, only } = parseCompareFlags(args, { about: question, names: Object.keys(structures) });
  const chapter = "ch12", topic = "compressing_text";
  prepareResults(chapter);
  const names = await hasCommand("deno")
    ? Object.keys(structures).filter((name) => name === "set" || (only?.includes(name) ?? true))
    : [];
  const options = isBrief()
    ? ["--words", "5000", "--lookups", "1000", "--passes", "1"]
    : mode === "full"
    ? ["--lookups", "100000", "--passes", "9"]
    : ["--lookups", "20000", "--passes", "3"];
  const weights = new Map<string, Weight>(), progress = startProgress(`${chapter}/${topic}`, names.length + 1);
  const onLarger = new Map<string, Weight>();
  let bounds: Bound[] = [], tenth: Weight | undefined, larger: string | undefined;
  try {
    for (const name of names) {
      progress.step(name);
      weights.set(name, await weigh(structures[name], options));
    }
    const array = weights.get("array");
    if (array) tenth = await weigh(structures.array, [...options, "--words", `${Math.round(array.words / 10)}`]);
    if (mode === "full" && names.length > 0) larger = await largerList();
    for (const name of larger ? forLarger : []) {
      onLarger.set(name, await weigh(structures[name], [...options, "--list", larger!]));
    }
    progress.step("bounds");
    if (names.length > 0) bounds = await findBounds(mode === "full");
  } finally {
    progress.stop();
  }

  const at = (name: string) => weights.get(name);
  // What a structure says it has is exact; on the heap there is the object as well that holds its buffers.
  const bytes = (name: string) => at(name) ? (at(name)!.own ?? at(name)!.held) / at(name)!.words : NaN;
  const time = (name: string, key: Timed) => median(at(name)?.[key] ?? []);
  const optional = (times: number[] | null) => times ? formatTime(median(times)) : "";
  const here = [...weights.keys()];
  const claims = allClaims(bytes, time, median(tenth?.found ?? [])).filter(({ evidence }) => !/\bNaN/.test(evidence));
  const smallest = here.toSorted((a, b) => bytes(a) - bytes(b))[0];

  const drawn = here.filter((name) => name !== "array"), speed = (name: string) => 1e-6 / time(name, "found");

  return await report({
    chapter,
    topic,
    question,
    mode,
    tables: here.length === 0 ? [] : [
      table(
        [
          "",
          "bytes a word",
          "below set",
          "resident",
          "build",
          "found",
          "again",
          "one letter off",
          "random",
          "time of set",
        ],
        here.map((name) => [
          name,
          bytes(name).toFixed(2),
          formatRatio(bytes("set") / bytes(name)),
          formatBytes(at(name)!.resident),
          formatTime(time(name, "build")),
          formatTime(time(name, "found")),
          formatTime(time(name, "again")),
          formatTime(time(name, "nearMiss")),
          formatTime(time(name, "randomMiss")),
          formatRatio(time(name, "found") / time("set", "found")),
        ]),
      ),
      table(
        ["beyond lookups", "words with a prefix", "a word of them", "number of a word", "word of a number"],
        here.filter((name) => at(name)!.prefix || at(name)!.number).map((name) => [
          name,
          optional(at(name)!.prefix),
          at(name)!.prefix ? formatTime(median(at(name)!.prefix!) / at(name)!.prefixed) : "",
          optional(at(name)!.number),
          optional(at(name)!.at),
        ]),
      ),
      table(
        [{ head: "for comparison", align: "left" }, "bits a word", "bytes a word"],
        [
          ...bounds.map(({ name, bits }) => ({ name, bits })),
          ...here.filter((name) => at(name)!.own).map((name) => ({ name, bits: 8 * bytes(name) })),
        ].toSorted((a, b) => b.bits - a.bits).map(({ name, bits }) => [name, bits.toFixed(2), (bits / 8).toFixed(2)]),
      ),
      ...larger
        ? [table(
          [`${onLarger.get("set")!.words} words of ${larger.split("/").at(-1)}`, "bytes a word", "found", "random"],
          [...onLarger].map(([name, { own, held, words, found, randomMiss }]) => [
            name,
            ((own ?? held) / words).toFixed(2),
            formatTime(median(found)),
            formatTime(median(randomMiss)),
          ]),
        )]
        : [],
    ],
    charts: here.length === 0 ? {} : {
      compressing_text: scatterChart({
        title: "A set of English words: bytes a word and lookups a second",
        x: { title: "bytes a word", log: true, ticks: within(drawn.map(bytes)) },
        y: {
          title: `million lookups a second${at("array") ? ` (array: ${formatNumber(speed("array"))})` : ""}`,
          log: true,
          ticks: within(drawn.map(speed)),
        },
        // The array would squeeze all others into a corner.
        points: drawn.map((name) => ({
          name,
          x: bytes(name),
          y: speed(name),
          color: palette[at(name)!.own ? 0 : 1],
        })),
      }),
    },
    figures: [
      ...here.flatMap((name) => {
        const weight = at(name)!, size = weight.words;
        return [
          figure(`${name}: held`, size, weight.held / size, "bytes per word"),
          ...weight.own ? [figure(`${name}: buffers`, size, weight.own / size, "bytes per word")] : [],
          figure(`${name}: resident`, size, weight.resident / size, "bytes per word"),
          ...(["build", "found", "again", "nearMiss", "randomMiss"] as const).map((key) =>
            figure(`${name}: ${key}`, size, time(name, key), "s", weight[key])
          ),
          ...(["prefix", "number", "at"] as const).flatMap((key) =>
            weight[key] ? [figure(`${name}: ${key}`, size, median(weight[key]), "s", weight[key])] : []
          ),
        ];
      }),
      ...bounds.map(({ name, bits }) => figure(name, at("set")!.words, bits, "bits per word")),
      ...[...onLarger].flatMap(([name, { own, held, words, found }]) => [
        figure(`${name}, larger list`, words, (own ?? held) / words, "bytes per word"),
        figure(`${name}, larger list: found`, words, median(found), "s", found),
      ]),
    ],
    checks: here.length === 0 ? [] : [
      {
        claim:
          "each agrees with a Set on all words (the array on 100) and as many that are none, in prefixes and numbers",
        passed: [...weights.values(), ...onLarger.values()].every(({ wrong, compared }) =>
          wrong.length === 0 && compared >= 100
        ),
        evidence: [...weights.values(), ...onLarger.values()].flatMap(({ wrong }) => wrong).join("; "),
      },
      // Of a few words the buffers are smaller than what the process holds now more and now less of.
      ...isBrief() ? [] : [{
        claim: "what buffers say they have is what the process holds, within 5% and 50 kB for the objects around them",
        passed: here.every((name) => {
          const { own, held } = at(name)!;
          return own === null || Math.abs(held - own) < 0.05 * own + 50_000;
        }),
        evidence: here.map((name) => `${name}: ${at(name)!.own} and ${at(name)!.held}`).join("; "),
      }],
    ],
    claims,
    missing: [
      ...names.length === 0 ? [denoOnPath] : [],
      ...mode === "full" && !larger
        ? [{ name: "Debian's larger list of words", remedy: "apt-get install wamerican-insane" }]
        : [],
    ],
    answer: here.length === 0 ? "Nothing could be measured here." : answer(),
  });

  function answer(): string {
    const quick = here.toSorted((a, b) => time(a, "found") - time(b, "found"))[0];
    const bound = bounds.filter(({ name }) => name.includes("cannot be searched")).at(-1);
    return `${formatNumber(bytes("set"))} in a Set, whose lookup takes ${formatTime(time("set", "found"))}; ` +
      `${bytes(smallest).toFixed(2)} (${(8 * bytes(smallest)).toFixed(1)} bits) in ${smallest}, a ${
        formatRatio(bytes("set") / bytes(smallest)).replace("x", "th")
      } of that, at ${formatTime(time(smallest, "found"))}${
        bound ? `, where ${bound.name}, takes ${bound.bits.toFixed(1)} bits` : ""
      }. The quickest is ${quick}.`;
  }
}

/** Ticks of a logarithmic axis: 1, 2, 5, 10, … as far as there are values. */
function within(values: number[]): number[] {
  const all = [0.01, 0.1, 1, 10, 100, 1000].flatMap((power) => [power, 2 * power, 5 * power]);
  return all.filter((tick) => tick >= Math.min(...values) && tick <= Math.max(...values));
}

type Timed = "found" | "again" | "nearMiss" | "randomMiss" | "build";

interface Bound {
  name: string;
  bits: number;
}

/** What the list would take by other ways of counting, in bits a word; of the whole list, also where less is weighed. */
async function findBounds(full: boolean): Promise<Bound[]> {
  const { default: text } = await import(pathToFileURL(list).href, { with: { type: "text" } });
  const words: string[] = text.split("\n").sort(),
    lengths = words.map((word) => word.length),
    sorted = words.join("\n");
  const letters = new Set(sorted).size - 1;
  let nodes = 1, last = "";
  for (const word of words) {
    let common = 0;
    while (common < last.length && last[common] === word[common]) common++;
    nodes += word.length - common;
    last = word;
  }
  const bounds = [
    { name: "the letters alone, a byte each", bits: 8 * lengths.reduce((sum, length) => sum + length) / words.length },
    { name: "any set of words of these lengths", bits: randomWords(lengths, letters) / words.length },
    { name: "any trie of so many nodes, and ends", bits: tries(nodes, letters, words.length) / words.length },
    { name: "entropy of a letter after three others", bits: entropy(sorted, 3) / words.length },
  ];
  const level = isBrief() ? 1 : 19,
    packed = zstdCompressSync(sorted, {
      params: { [constants.ZSTD_c_compressionLevel]: level },
    });
  bounds.push({ name: `zstd ${level}, which cannot be searched`, bits: 8 * packed.length / words.length });
  // It takes ten times as long as all others.
  if (full) {
    const parameters = { [constants.BROTLI_PARAM_LGWIN]: 24, [constants.BROTLI_PARAM_SIZE_HINT]: sorted.length };
    const packed = brotliCompressSync(sorted, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, ...parameters } });
    bounds.push({ name: "brotli 11, which cannot be searched", bits: 8 * packed.length / words.length });
  }
  return bounds;
}

/** `tenth`: the time of a lookup in an array of a tenth of the words. */
function allClaims(
  bytes: (name: string) => number,
  time: (name: string, key: Timed) => number,
  tenth: number,
): Claim[] {
  const each = (name: string) => `${bytes(name).toFixed(2)} bytes a word`;
  const found = (name: string) => formatTime(time(name, "found"));
  const below = (name: string, limit: number) => ({
    held: bytes(name) < limit,
    evidence: `${each(name)}, ${(8 * bytes(name)).toFixed(2)} bits`,
  });
  return [
    { claim: "the DAWG takes less than 3 bytes a word", ...below("dawg", 3) },
    { claim: "the LOUDS trie takes less than 4 bytes a word", ...below("louds", 4) },
    {
      claim: `the coded DAWG takes less than MARISA's ${marisa} bytes a word for this list, in less than a microsecond`,
      held: bytes("dawg_coded") < marisa && time("dawg_coded", "found") < 1e-6,
      evidence: `${each("dawg_coded")}, ${found("dawg_coded")}`,
    },
    {
      claim: "a DAWG is smaller than a set (the book)",
      held: bytes("dawg") < bytes("set"),
      evidence: `${each("dawg")}, ${each("set")}`,
    },
    {
      claim: "a trie is smaller than a set (the book)",
      held: Math.max(bytes("trie_objects"), bytes("trie_mnemonist")) < bytes("set"),
      evidence: ["trie_objects", "trie_mnemonist", "trie_array", "louds"].map((name) => `${name} ${each(name)}`).join(
        ", ",
      ),
    },
    {
      claim:
        "a lookup in a list takes time in proportion to its length (the book): ten times as long, ten times the time",
      held: time("array", "found") > 5 * tenth && time("array", "found") < 20 * tenth,
      evidence: `${found("array")} and ${formatTime(tenth)}, ${formatRatio(time("array", "found") / tenth)}`,
    },
    {
      claim: "a miss in a list takes twice as long as a hit, since all words are compared",
      held: time("array", "randomMiss") > 1.5 * time("array", "found"),
      evidence: `${found("array")} and ${formatTime(time("array", "randomMiss"))}; in order ${found("sorted_array")}`,
    },
    ...(["found", "again"] as const).map((key) => {
      const names = ["set", "map", "object", "trie_array", "dawg", "dawg_coded"];
      return {
        claim: `nothing finds a word faster than a Set, ${
          key === "found" ? "where the word was just read" : "where its hash is known"
        } (within 10%)`,
        held: names.every((name) => time(name, key) >= 0.9 * time("set", key)),
        evidence: names.map((name) => `${name} ${formatTime(time(name, key))}`).join(", "),
      };
    }),
  ];
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
