/**
 * Compares two results figure by figure: two machines, two versions of Deno, or before and after a change.
 *
 * Each side is a file that a compare wrote, or a whole folder `results/` kept from another run. Figures are matched by
 * topic, name, size and unit. One is marked as different where the middle halves of the samples of both sides do not
 * touch: what lies nearer may be noise. With a single sample on either side nothing is known of the noise, and nothing
 * is marked.
 *
 * @run deno task compare results/ch06/norm.json before/ch06/norm.json
 * @takes 1 s
 */

import { parseArgs } from "@std/cli/parse-args";
import { fail } from "../lib/flags.ts";
import { machineLine } from "../lib/machine.ts";
import { type Figure, prepareResults, type Results, resultsFolder } from "../lib/results.ts";
import { median } from "../lib/statistics.ts";
import { formatNumber, renderTable, type Table, table } from "../lib/table.ts";
import { html, page, themeButton } from "./html.ts";
import { parseResults } from "./results.ts";
import { formatFigure, tableOf } from "./view.ts";

/** The results of one side by their names, as in `ch06/norm`, and the files that could not be read. */
export interface Side {
  results: Map<string, Results>;
  unreadable: string[];
}

export type Verdict = "better" | "worse" | "different" | "within noise" | "one sample";

export interface Pair {
  topic: string;
  a: Figure;
  b: Figure;
  /** B over A. */
  ratio: number;
  /** By how much the ratio may be off: the distances between the quartiles of both, half of each, over their medians. */
  noise: number;
  verdict: Verdict;
}

/** Which way is better: -1 where less is (times, bytes), 1 where more is (rates), 0 where nobody can say. */
export function direction(unit: string): -1 | 0 | 1 {
  if (/\/s$|(a|per) (second|s|ms)$/.test(unit)) return 1;
  return /^(s|ns|µs|ms|B|bytes|faults|misses)\b/.test(unit) ? -1 : 0;
}

/** Compares the figures that both have, in the order of A. A figure that was not measured on a side is left out. */
export function compareSides(a: Side, b: Side): Pair[] {
  const key = ({ name, size, unit }: Figure) => JSON.stringify([name, size, unit]);
  const pairs: Pair[] = [];
  for (const [topic, { figures }] of a.results) {
    const others = new Map(b.results.get(topic)?.figures.map((figure) => [key(figure), figure]));
    for (const figure of figures) {
      const other = others.get(key(figure));
      if (!other || !Number.isFinite(figure.value) || !Number.isFinite(other.value)) continue;
      pairs.push({ topic, a: figure, b: other, ...judge(figure, other) });
    }
  }
  return pairs;
}

/** Judges two figures of the same kind. */
export function judge(a: Figure, b: Figure): { ratio: number; noise: number; verdict: Verdict } {
  const ratio = a.value === b.value ? 1 : b.value / a.value, noise = (a.spread + b.spread) / 2;
  if (a.samples < 2 || b.samples < 2) return { ratio, noise: NaN, verdict: "one sample" };
  const [low, high] = a.value < b.value ? [a, b] : [b, a];
  if (low.value * (1 + low.spread / 2) >= high.value * (1 - high.spread / 2)) {
    return { ratio, noise, verdict: "within noise" };
  }
  const better = Math.sign(b.value - a.value) * direction(a.unit);
  return { ratio, noise, verdict: better > 0 ? "better" : better < 0 ? "worse" : "different" };
}

/** Reads a file or a folder of results. Throws a sentence if there is nothing of the kind. */
export async function readSide(path: string): Promise<Side> {
  const side: Side = { results: new Map(), unreadable: [] };
  const add = (name: string, text: string) => side.results.set(name, parseResults(text));
  try {
    if ((await Deno.stat(path)).isFile) {
      const results = parseResults(await Deno.readTextFile(path));
      side.results.set(results.topic, results);
      return side;
    }
    for await (const { name: chapter, isDirectory } of Deno.readDir(path)) {
      if (!isDirectory || !/^ch\d\d$/.test(chapter)) continue;
      for await (const { name } of Deno.readDir(`${path}/${chapter}`)) {
        if (!name.endsWith(".json")) continue;
        try {
          add(`${chapter}/${name.slice(0, -5)}`, await Deno.readTextFile(`${path}/${chapter}/${name}`));
        } catch (error) {
          side.unreadable.push(`${chapter}/${name}: ${(error as Error).message}`);
        }
      }
    }
  } catch (error) {
    throw new Error(
      error instanceof Deno.errors.NotFound ? `${path}: there is no such file` : `${path}: ${(error as Error).message}`,
    );
  }
  if (side.results.size === 0) throw new Error(`${path}: holds no results (${side.unreadable[0] ?? "no chNN/*.json"})`);
  side.results = new Map([...side.results].toSorted(([a], [b]) => a < b ? -1 : 1));
  return side;
}

/** Who measured a side, when and how: one line for each machine and mode that occurs in it. */
function describe(side: Side): string[] {
  const kinds = Map.groupBy(side.results.values(), ({ machine, mode }) => `${machineLine(machine)}, ${mode} mode`);
  return [...kinds].map(([kind, results]) => {
    const days = [...new Set(results.map(({ measured }) => measured.slice(0, 10)))].sort();
    return `${kind}, ${days.length > 1 ? `${days[0]} to ${days.at(-1)}` : days[0]}`;
  });
}

function tableOfPairs(pairs: readonly Pair[]): Table {
  return table(
    ["topic", { head: "figure", align: "left" }, "size", "A", "B", "B over A", "±", { head: "", align: "left" }],
    pairs.map(({ topic, a, b, ratio, noise, verdict }) => [
      topic,
      a.name,
      `${a.size}`,
      formatFigure(a),
      formatFigure(b),
      formatNumber(ratio),
      Number.isNaN(noise) ? "" : `${Math.round(100 * noise)} %`,
      verdict,
    ]),
  );
}

/** What the whole comes to, in sentences. */
export function summarise(pairs: readonly Pair[]): string[] {
  const count = (verdict: Verdict) => pairs.filter((pair) => pair.verdict === verdict).length;
  const times = pairs.filter(({ a, verdict }) => /^s\b/.test(a.unit) && verdict !== "one sample");
  const middle = Math.exp(median(times.map(({ ratio }) => Math.log(ratio)).filter(Number.isFinite)));
  return [
    `${pairs.length} figures on both sides; of B ${count("better")} are better, ${count("worse")} worse, ${
      count("different")
    } different, ${count("within noise")} within the noise of both, ${count("one sample")} of a single sample`,
    ...times.length > 0 ? [`in the median a time of B is ${formatNumber(middle)} of A's`] : [],
  ];
}

const flags = (args: readonly string[]) =>
  parseArgs(args as string[], {
    boolean: ["all", "help"],
    unknown: (argument) => {
      if (argument.startsWith("-")) fail(`${argument} is not a flag: there are only --all and --help`);
      return true;
    },
  });

if (import.meta.main) {
  const { all, help, _: sides } = flags(Deno.args);
  if (help) {
    console.log(`deno task compare A B: compares two results, each a file or a folder like results/

  --all    also what is within noise, and what is of a single sample

Prints a table, and writes results/report/compare.html.`);
    Deno.exit(0);
  }
  if (sides.length !== 2) fail("give two results to compare, each a file or a folder (see --help)");
  const [a, b] = await Promise.all(sides.map((side) => readSide(`${side}`).catch((error) => fail(error.message))));
  const pairs = compareSides(a, b);
  if (pairs.length === 0) fail("the two have no figure in common");
  const shown = pairs.filter(({ verdict }) => all || !["within noise", "one sample"].includes(verdict))
    .toSorted((a, b) => Math.abs(Math.log(b.ratio)) - Math.abs(Math.log(a.ratio)));
  const notes = [
    ...[a, b].flatMap(({ unreadable }, i) => unreadable.map((file) => `not read of ${"AB"[i]}: ${file}`)),
    ...[a, b].some(({ results }) => [...results.values()].some(({ mode }) => mode === "brief"))
      ? ["brief runs measure nothing that counts: neither do the ratios of their figures"]
      : [],
  ];
  const heads = [a, b].flatMap((side, i) => describe(side).map((line) => `${"AB"[i]}: ${line}`));
  const lines = shown.length > 0 ? ["", renderTable(tableOfPairs(shown)), ""] : [""];
  for (const line of [...heads, ...lines, ...summarise(pairs), ...notes]) console.log(line);
  prepareResults("report");
  const body = html`<main class="columns single">${themeButton}<h1>Two results</h1>
    ${heads.map((line) => html`<p>${line}</p>`)}
    ${summarise(pairs).map((line) => html`<p class="sentence">${line}</p>`)}
    ${notes.map((line) => html`<p class="warning">${line}</p>`)}
    ${tableOf(tableOfPairs(shown))}</main>`;
  const text = page({ title: "Two results compared", body });
  await Deno.writeTextFile(new URL("report/compare.html", resultsFolder), text);
  console.log("written: results/report/compare.html");
}
