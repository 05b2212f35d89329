/** A compare in sections: several small comparisons that together answer one question, chosen by `--only`. */

import type { Chart } from "./chart.ts";
import { parseCompareFlags } from "./flags.ts";
import { hasCommand } from "./command.ts";
import { startProgress } from "./progress.ts";
import { type Outcome, report } from "./report.ts";
import type { Table } from "./table.ts";
import { type Check, type Claim, type Figure, type Missing, prepareResults } from "./results.ts";

/** What a section found. */
export interface Section {
  tables: (Table | string)[];
  charts?: Record<string, Chart>;
  figures: Figure[];
  checks: Check[];
  claims: Claim[];
  missing?: Missing[];
  /** What it came to, as a piece of a sentence; empty where it was left out. */
  finding: string;
}

/** A section that is left out, and its need named, where a command is missing. */
export function needing(
  { command, ...missing }: Missing & { command: string },
  section: (full: boolean) => Section | Promise<Section>,
): (full: boolean) => Promise<Section> {
  return async (full) =>
    await hasCommand(command)
      ? await section(full)
      : { tables: [], figures: [], checks: [], claims: [], missing: [missing], finding: "" };
}

/** Runs the sections under the given command-line arguments; `answer` begins the sentence that their findings end. */
export async function compareSections(
  { chapter, topic, question, answer }: { chapter: string; topic: string; question: string; answer: string },
  sections: Record<string, (full: boolean) => Section | Promise<Section>>,
  args: readonly string[],
): Promise<Outcome> {
  const { mode, only } = parseCompareFlags(args, { about: question, names: Object.keys(sections) });
  prepareResults(chapter);
  const chosen = Object.keys(sections).filter((name) => only?.includes(name) ?? true);
  const found: Section[] = [];
  const progress = startProgress(`${chapter}/${topic}`, chosen.length);
  try {
    for (const name of chosen) {
      progress.step(name);
      found.push(await sections[name](mode === "full"));
    }
  } finally {
    progress.stop();
  }
  const missing = new Map(found.flatMap(({ missing }) => missing ?? []).map((missing) => [missing.name, missing]));
  const findings = found.map(({ finding }) => finding).filter((finding) => finding !== "");
  return await report({
    chapter,
    topic,
    question,
    mode,
    tables: found.flatMap(({ tables }) => tables),
    charts: Object.assign({}, ...found.map(({ charts }) => charts)),
    figures: found.flatMap(({ figures }) => figures),
    checks: found.flatMap(({ checks }) => checks),
    claims: found.flatMap(({ claims }) => claims),
    missing: [...missing.values()],
    answer: `${answer}: ${findings.join("; ") || "nothing could be measured here"}.`,
  });
}
