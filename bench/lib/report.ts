/** The end of every compare: says what came out, writes it to results/, and hands the tour its line. */

import { type Chart, drawChart } from "./chart.ts";
import { describeMachine, machineLine } from "./machine.ts";
import { isBrief } from "./measure.ts";
import { type Missing, type Results, resultsFormat, writeResults } from "./results.ts";
import { renderTable } from "./table.ts";
import { styleText } from "node:util";

export interface Report extends Omit<Results, "format" | "machine" | "measured" | "charts"> {
  chapter: string;
  /** By the name of the file to draw each to. */
  charts: Record<string, Chart>;
}

/** What a compare hands to its chapter's tour. */
export interface Outcome {
  question: string;
  answer: string;
  passed: boolean;
  files: string[];
  missing: Missing[];
}

export async function report({ chapter, charts, ...rest }: Report): Promise<Outcome> {
  const machine = await describeMachine();
  const measured = new Date().toISOString();
  const { question, answer, checks, claims, missing, tables } = rest, mode = isBrief() ? "brief" : rest.mode;

  console.log(`\n${styleText("bold", question)}\n${machineLine(machine)}, ${mode} mode\n`);
  for (const table of tables) console.log(`${typeof table === "string" ? table : renderTable(table)}\n`);
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
  const titles = Object.entries(charts).map(([name, { title }]) => ({ file: `${name}.svg`, title }));
  const files = writeResults(
    chapter,
    { format: resultsFormat, ...rest, mode, machine, measured, charts: titles },
    drawn,
  );
  console.log(`\n${answer}\nwritten: ${files.join(", ")}`);
  return { question, answer, passed: checks.every(({ passed }) => passed), files, missing };
}
