/**
 * Writes the lab notebook: one page that answers every question of the book with what was measured on this machine. It
 * is made from the files in results/, measures nothing, and needs no network when it is read.
 *
 * @run deno task report
 * @takes 2 s
 */

import { parseArgs } from "@std/cli/parse-args";
import { fail } from "../lib/flags.ts";
import { prepareResults, resultsFolder } from "../lib/results.ts";
import { chapters } from "../questions.ts";
import { page } from "./html.ts";
import { readNotebook } from "./notebook.ts";
import script from "./notebook.js" with { type: "text" };
import { isAnswered, view } from "./view.ts";

/** The page made from the results in a folder, and how many of the questions they answer. */
export async function buildReport(folder = resultsFolder): Promise<{ text: string; answered: number; of: number }> {
  const notebook = await readNotebook(chapters, folder), entries = notebook.chapters.flatMap(({ entries }) => entries);
  return {
    text: page({ title: "How fast can TypeScript be?", script, body: view(notebook, new Date()) }),
    answered: entries.filter(isAnswered).length,
    of: entries.length,
  };
}

if (import.meta.main) {
  const flags = parseArgs(Deno.args, {
    boolean: ["help"],
    unknown: (argument) => fail(`${argument} is not a flag of the report: there is only --help`),
  });
  if (flags.help) {
    console.log("Writes results/report/index.html from what the compares have left in results/. Measures nothing.");
    Deno.exit(0);
  }
  const { text, answered, of } = await buildReport();
  prepareResults("report");
  await Deno.writeTextFile(new URL("report/index.html", resultsFolder), text);
  console.log(`${answered} of ${of} questions are answered by what was measured here`);
  console.log("written: results/report/index.html, which any browser opens");
}
