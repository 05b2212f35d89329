/** The lab notebook as data: every question with what the compares found about it, and the scripts behind them. */

import { parseHeader } from "../lib/script.ts";
import { resultsFolder } from "../lib/results.ts";
import { type Answer, type Chapter } from "../questions.ts";
import { root, type Script, scripts } from "../scripts.ts";
import { type Found, readChart, readResults } from "./results.ts";

/** A compare: where it lies, how to run it, what it is made of and what it left in results/. */
export interface Source {
  path: string;
  /** `ch06/norm`: the name of its results. */
  results: string;
  run: string;
  techniques: { path: string; title: string; run: string }[];
  found: Found;
  /** Null where the file is missing or damaged. */
  charts: { title: string; svg: string | null }[];
}

export interface Entry {
  question: string;
  answers: { source: Source; figures: string[] }[];
}

export interface Notebook {
  chapters: { name: string; title: string; entries: Entry[] }[];
}

/** The name of the results that a compare writes, by its source. */
export function resultsOf({ path, source }: Script): string {
  const topic = source.match(/\btopic(?::| =) "(\w+)"/)?.[1];
  if (!topic) throw new Error(`${path} does not say its topic`);
  return `${path.split("/")[0]}/${topic}`;
}

/** The techniques of its folder that a compare names; if it names none, all of the folder. */
export function techniquesOf({ path, source }: Script, techniques: readonly Script[]): Script[] {
  const folder = path.replace(/[^/]*$/, "");
  const inFolder = techniques.filter((technique) => technique.path.startsWith(folder));
  const named = inFolder.filter((technique) => source.includes(technique.path.slice(folder.length)));
  return named.length > 0 ? named : inFolder;
}

/** Puts the notebook together from what lies in `folder`. */
export async function readNotebook(chapters: readonly Chapter[], folder = resultsFolder): Promise<Notebook> {
  const { techniques, compares } = await scripts();
  const sources = new Map<string, Source>();
  const read = async ({ compare, figures }: Answer) => {
    let source = sources.get(compare);
    if (!source) {
      const script = compares.find(({ path }) => path === compare);
      if (!script) throw new Error(`there is no compare ${compare}`);
      sources.set(compare, source = await readSource(script, techniquesOf(script, techniques), folder));
    }
    return { source, figures };
  };
  const notebook: Notebook = { chapters: [] };
  for (const { name, title, questions } of chapters) {
    const entries: Entry[] = [];
    for (const { question, answers } of questions) {
      const found: Entry["answers"] = [];
      for (const answer of answers) found.push(await read(answer));
      entries.push({ question, answers: found });
    }
    notebook.chapters.push({ name, title, entries });
  }
  return notebook;
}

async function readSource(script: Script, techniques: Script[], folder: URL): Promise<Source> {
  const results = resultsOf(script);
  const found = await readResults(results, [script, ...techniques].map(({ path }) => new URL(path, root)), folder);
  const charts = [];
  for (const { file, title } of found.state === "measured" ? found.results.charts : []) {
    const name = `${results.split("/")[0]}/${file}`;
    charts.push({ title, svg: await readChart(name, name.replace(/\W/g, "-"), folder) });
  }
  return {
    path: script.path,
    results,
    run: parseHeader(script.source).run,
    techniques: techniques.map(({ path, source }) => {
      const { title, run } = parseHeader(source);
      return { path, title, run };
    }),
    found,
    charts,
  };
}
