/** The end of every compare: says what came out, writes it to results/, and hands the tour its line. */

import { type Chart, drawChart } from "./chart.ts";
import { describeMachine, machineLine } from "./machine.ts";
import { isBrief } from "./measure.ts";
import { type Missing, type Results, writeResults } from "./results.ts";
import { styleText } from "node:util";

export interface Report extends Omit<Results, "machine" | "measured"> {
  chapter: string;
  /** Tables, as they are to be printed. */
  tables: string[];
  charts: Record<string, Chart>;
  /** The question's answer in a sentence, with figures of this run. */
  answer: string;
}

/** What a compare hands to its chapter's tour. */
export interface Outcome {
  question: string;
  answer: string;
  passed: boolean;
  files: string[];
  missing: Missing[];
}

export async function report({ chapter, tables, charts, answer, ...rest }: Report): Promise<Outcome> {
  const machine = await describeMachine();
  const measured = new Date().toISOString();
  const { question, checks, claims, missing } = rest, mode = isBrief() ? "brief" : rest.mode;

  console.log(`\n${styleText("bold", question)}\n${machineLine(machine)}, ${mode} mode\n`);
  for (const text of tables) console.log(`${text}\n`);
  for (const { claim, passed, evidence } of checks) {
    if (passed) console.log(`  ✓ ${claim}`);
    else console.log(styleText("red", `  ✗ ${claim}: ${evidence}`));
  }
  for (const { claim, held, evidence } of claims) {
    console.log(`  ${held ? "held:        " : "did not hold:"} ${claim}: ${evidence}`);
  }
  for (const { name, remedy } of missing) console.log(styleText("yellow", `  missing: ${name}; ${remedy}`));

  const source = `${machineLine(machine)}, ${measured.slice(0, 10)}`;
  const drawn: Record<string, string> = {};
  for (const [name, chart] of Object.entries(charts)) drawn[name] = await drawChart(chart, source);
  const files = writeResults(chapter, { ...rest, mode, machine, measured }, drawn);
  console.log(`\n${answer}\nwritten: ${files.join(", ")}`);
  return { question, answer, passed: checks.every(({ passed }) => passed), files, missing };
}
