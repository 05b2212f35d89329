/** Where a compare leaves what it found: results/<chapter>/<topic>.json and its charts beside it. */

import type { Machine } from "./machine.ts";
import type { Table } from "./table.ts";
import { fail } from "./flags.ts";
import { summarise } from "./statistics.ts";

/** The one folder that this project writes to. */
export const resultsFolder = new URL("../../results/", import.meta.url);

export interface Figure {
  name: string;
  size: number;
  value: number;
  unit: string;
  samples: number;
  /** The distance between the quartiles over the median. */
  spread: number;
}

/** A figure from its samples, of which by default it is the only one. */
export function figure(name: string, size: number, value: number, unit: string, samples: number[] = [value]): Figure {
  const { samples: count, spread } = summarise(samples);
  return { name, size, value, unit, samples: count, spread };
}

/** Something that must hold; if it does not, the run fails. */
export interface Check {
  claim: string;
  passed: boolean;
  evidence: string;
}

/** A statement of the book, or of ours, about speed: reported as it came out, never a reason to fail. */
export interface Claim {
  claim: string;
  held: boolean;
  evidence: string;
}

/** Something this machine lacks, and how to get it. */
export interface Missing {
  name: string;
  remedy: string;
}

/** Counts the changes of what a results file holds: one with another number is of another version, and not read. */
export const resultsFormat = 2;

export interface Results {
  format: typeof resultsFormat;
  topic: string;
  question: string;
  /** The question's answer in a sentence, with figures of this run. */
  answer: string;
  machine: Machine;
  /** ISO date */
  measured: string;
  /** Brief: hardly measured, so that the figures are worth nothing. */
  mode: "quick" | "full" | "brief";
  figures: Figure[];
  checks: Check[];
  claims: Claim[];
  missing: Missing[];
  /** And lines of text between them. */
  tables: (Table | string)[];
  /** The SVG files beside this one. */
  charts: { file: string; title: string }[];
}

/** Makes the folder of a chapter, or ends with exit code 2 and one line before anything is measured. */
export function prepareResults(chapter: string): void {
  const folder = new URL(`${chapter}/`, resultsFolder);
  try {
    Deno.mkdirSync(folder, { recursive: true });
    const probe = new URL(`.writable_${Deno.pid}`, folder);
    Deno.writeTextFileSync(probe, "");
    Deno.removeSync(probe);
  } catch (error) {
    fail(`cannot write to ${display(folder)}: ${(error as Error).message}`);
  }
}

/** Writes the results and the charts (name to SVG). Each file appears whole or not at all. Returns their paths. */
export function writeResults(chapter: string, results: Results, charts: Record<string, string> = {}): string[] {
  const files = { [`${results.topic}.json`]: JSON.stringify(results, null, 2) + "\n" };
  for (const [name, svg] of Object.entries(charts)) files[`${name}.svg`] = svg;
  return Object.entries(files).map(([name, text]) => {
    const target = new URL(`${chapter}/${name}`, resultsFolder);
    const part = new URL(`${target}.part`);
    Deno.writeTextFileSync(part, text);
    Deno.renameSync(part, target);
    return display(target);
  });
}

function display(url: URL): string {
  const root = new URL("../../", import.meta.url);
  return decodeURIComponent(url.href.startsWith(root.href) ? url.href.slice(root.href.length) : url.pathname);
}
