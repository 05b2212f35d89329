/**
 * A structure of words on disk: read in one piece and used as it lies there, or built anew from the words.
 *
 * @original 12_less_ram/compressing_text/text_example_marisa_trie_load_only.py
 * @run deno run --allow-read=. --allow-write=results --allow-env=XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch12/compressing_text/compare_save.ts
 * @takes 12 s
 */

import { barChart } from "../../bench/lib/chart.ts";
import { parseCompareFlags } from "../../bench/lib/flags.ts";
import { isBrief, measureInTurns } from "../../bench/lib/measure.ts";
import { startProgress } from "../../bench/lib/progress.ts";
import { report } from "../../bench/lib/report.ts";
import { figure, prepareResults, resultsFolder } from "../../bench/lib/results.ts";
import { formatBytes, formatRatio, formatTime, table } from "../../bench/lib/table.ts";
import { fileURLToPath, pathToFileURL } from "node:url";
import list from "word-list";
import type { Words } from "./weigh.ts";
import * as dawg from "./words_dawg.ts";
import * as dawgCoded from "./words_dawg_coded.ts";
import * as frontCoded from "./words_front_coded.ts";
import * as louds from "./words_louds.ts";
import * as oneBuffer from "./words_one_buffer.ts";
import * as set from "./words_set.ts";
import * as trieArray from "./words_trie_array.ts";

interface Structure {
  build(words: readonly string[]): Words;
  /** What cannot be saved is built anew from the words, one a line. */
  load?(bytes: Uint8Array): Words;
}

const structures: Record<string, Structure> = {
  set,
  one_buffer: oneBuffer,
  front_coded: frontCoded,
  trie_array: trieArray,
  louds,
  dawg,
  dawg_coded: dawgCoded,
};

interface Saved {
  build: number;
  bytes: number;
  /** Seconds, the median. */
  load: number;
  wrong: string[];
}

/** Builds, saves and loads each; the files are in a folder that is gone afterwards. */
async function saveAll(names: string[], words: string[], budget: number, step: (name: string) => void) {
  let folder = "";
  const remove = () => folder && Deno.removeSync(folder, { recursive: true });
  const stop = () => {
    remove();
    Deno.exit(130);
  };
  Deno.addSignalListener("SIGINT", stop);
  try {
    folder = Deno.makeTempDirSync({ dir: fileURLToPath(new URL("ch12/", resultsFolder)), prefix: "saved_" });
    const saved: Record<string, Saved> = {}, loads: Record<string, () => Words> = {};
    for (const name of names) {
      step(`building ${name}`);
      const { build, load } = structures[name], path = `${folder}/${name}`, start = performance.now();
      const built = build(words), time = (performance.now() - start) / 1000;
      Deno.writeFileSync(path, built.save?.() ?? new TextEncoder().encode(words.join("\n")));
      loads[name] = load
        ? () => load(Deno.readFileSync(path))
        : () => structures[name].build(Deno.readTextFileSync(path).split("\n"));
      const again = loads[name](), wrong = words.filter((word) => !again.has(word) || again.has(`${word}#`));
      if (again.size !== built.size) wrong.push(`${again.size} words of ${built.size}`);
      saved[name] = { build: time, bytes: Deno.statSync(path).size, load: NaN, wrong };
    }
    const times = await measureInTurns(loads, { budget, before: (name) => step(`loading ${name}`) });
    for (const name of names) saved[name].load = times[name].median;
    return saved;
  } finally {
    Deno.removeSignalListener("SIGINT", stop);
    remove();
  }
}

export async function run(args: readonly string[]) {
  const question = "How long until a structure of words is there again, from a file?";
  const { mode, only } = parseCompareFlags(args, { about: question, names: Object.keys(structures) });
  prepareResults("ch12");
  const { default: text } = await import(pathToFileURL(list).href, { with: { type: "text" } });
  const all: string[] = text.split("\n"), words = isBrief() ? all.filter((_, i) => i % 50 === 0) : all;
  const names = Object.keys(structures).filter((name) => name === "set" || (only?.includes(name) ?? true));
  const progress = startProgress("ch12/compressing_text_save", 5 * names.length);
  let saved: Record<string, Saved>;
  try {
    saved = await saveAll(names, words, mode === "full" ? 2 : 0.3, (name) => progress.step(name));
  } finally {
    progress.stop();
  }
  const load = (name: string) => saved[name].load, buffers = names.filter((name) => structures[name].load);
  const quickest = buffers.toSorted((a, b) => load(a) - load(b))[0];
  return await report({
    chapter: "ch12",
    topic: "compressing_text_save",
    question,
    mode,
    tables: [table(
      ["", "file", "bits a word", "build", "load", "as fast", "vs set"],
      names.map((name) => [
        structures[name].load ? name : `${name}, from the words`,
        formatBytes(saved[name].bytes),
        (8 * saved[name].bytes / words.length).toFixed(2),
        formatTime(saved[name].build),
        formatTime(load(name)),
        formatRatio(saved[name].build / load(name)),
        formatRatio(load("set") / load(name)),
      ]),
    )],
    charts: {
      compressing_text_save: barChart({
        title: "Seconds until a structure of words can be asked, from its file",
        x: { title: "seconds", log: true },
        bars: names.map((name) => ({
          name: structures[name].load ? name : `${name}, from the words`,
          value: load(name),
        })),
        text: formatTime,
      }),
    },
    figures: names.flatMap((name) => [
      figure(`${name}: file`, words.length, saved[name].bytes, "bytes"),
      figure(`${name}: build`, words.length, saved[name].build, "s"),
      figure(`${name}: load`, words.length, load(name), "s"),
    ]),
    checks: [{
      claim: "what is loaded finds every word, and no word with a letter more",
      passed: names.every((name) => saved[name].wrong.length === 0),
      evidence: names.map((name) => `${name}: ${saved[name].wrong.slice(0, 3)}`).join("; "),
    }],
    claims: [
      {
        claim: "loading is ten times as fast as building, and more, for whatever is one buffer",
        held: buffers.every((name) => saved[name].build > 10 * load(name)),
        evidence: buffers.map((name) => `${name} ${formatRatio(saved[name].build / load(name))}`).join(", "),
      },
      {
        claim: "each is there again before a Set is built from the words",
        held: buffers.every((name) => load(name) < load("set")),
        evidence: buffers.map((name) => `${name} ${formatRatio(load("set") / load(name))}`).join(", "),
      },
    ].filter(() => buffers.length > 0),
    missing: [],
    answer: quickest
      ? `Of buffers, read in one piece: ${quickest} is there in ${formatTime(load(quickest))}, where it took ${
        formatTime(saved[quickest].build)
      } to build; a Set must be built from the words each time, in ${formatTime(load("set"))}.`
      : `A Set must be built from the words each time, in ${formatTime(load("set"))}.`,
  });
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
