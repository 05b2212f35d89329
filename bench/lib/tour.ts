/** A chapter's tour: its compares in the order of the book, and then every question with its answer. */

import { parseArgs } from "@std/cli/parse-args";
import { fail } from "./flags.ts";
import { isRecent, oldestDeno } from "./machine.ts";
import type { Outcome } from "./report.ts";
import { styleText } from "node:util";

/** One stop: the question it answers and the compare that does; `run` takes the compare's own flags. */
export type Stop = (args: readonly string[]) => Promise<Outcome>;

/**
 * Runs a chapter's compares one after the other. One that fails is named and the rest goes on.
 * Ends the process with exit code 1 if anything failed, with 2 for a flag it does not know.
 */
export async function tour(chapter: string, title: string, stops: Record<string, Stop>): Promise<void> {
  const flags = parseArgs(Deno.args, {
    boolean: ["full", "brief", "help"],
    unknown: (argument) => fail(`${argument} is not a flag of the tour: there are only --full, --brief and --help`),
  });
  if (flags.help) {
    console.log(
      `${chapter}, ${title}: ${
        Object.keys(stops).join(", ")
      }\n\n  --full   the book's sizes; takes minutes\n  --brief  hardly measures: only to see that all runs`,
    );
    return;
  }
  if (!isRecent(Deno.version.deno)) {
    const needed = oldestDeno.join(".");
    console.error(styleText("yellow", `Deno ${Deno.version.deno} is older than ${needed}, for which this is written`));
  }
  const start = performance.now();
  const outcomes: Outcome[] = [], failures: string[] = [];
  const names = Object.keys(stops);
  for (const [i, name] of names.entries()) {
    console.error(styleText("dim", `\n[${i + 1}/${names.length}] ${chapter}/${name}`));
    try {
      const outcome = await stops[name](Deno.args);
      outcomes.push(outcome);
      if (!outcome.passed) failures.push(`${name}: a check did not pass`);
    } catch (error) {
      failures.push(`${name}: ${(error as Error).message}`);
      console.error(error);
    }
  }

  console.log(styleText("bold", `\n${chapter}: ${title}`));
  for (const { question, answer } of outcomes) console.log(`\n${styleText("bold", question)}\n  ${answer}`);
  console.log(`\ncharts and figures: ${outcomes.flatMap(({ files }) => files).join("\n  ")}`);
  const missing = new Map(outcomes.flatMap(({ missing }) => missing).map(({ name, remedy }) => [name, remedy]));
  for (const [name, remedy] of missing) console.log(styleText("yellow", `missing: ${name}; ${remedy}`));
  for (const failure of failures) console.log(styleText("red", `failed: ${failure}`));
  console.log(`${Math.round((performance.now() - start) / 1000)} s`);
  if (failures.length > 0) Deno.exit(1);
}
