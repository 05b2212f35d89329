/** The results that compares have left, read back with suspicion: what is damaged or old must not pass for measured now. */

import { fileURLToPath } from "node:url";
import { type Results, resultsFolder, resultsFormat } from "../lib/results.ts";

/** What lies in results/ for one compare. */
export type Found =
  | { state: "measured"; results: Results; warnings: string[] }
  | { state: "missing" }
  | { state: "unreadable"; why: string };

/** Parses what a compare wrote. Throws a sentence if it is of another version or damaged. */
export function parseResults(text: string): Results {
  let found: Partial<Results> | null;
  try {
    found = JSON.parse(text);
  } catch {
    throw new Error("damaged: it is not JSON");
  }
  if (typeof found !== "object" || found === null || !("figures" in found)) {
    throw new Error("no results of a compare");
  }
  if (found.format !== resultsFormat) {
    throw new Error(`of another version of this suite (format ${found.format ?? 1}, not ${resultsFormat})`);
  }
  const lists = ["figures", "checks", "claims", "missing", "tables", "charts"] as const;
  const wrong = lists.find((name) => !Array.isArray(found[name])) ??
    (["topic", "question", "answer", "measured", "mode"] as const).find((name) => typeof found[name] !== "string");
  if (wrong) throw new Error(`damaged: «${wrong}» is not as it should be`);
  const figures = found.figures as Partial<Results["figures"][number]>[];
  // JSON has no NaN: a figure that could not be measured comes back as null.
  if (!figures.every((figure) => typeof figure?.name === "string" && typeof figure.unit === "string")) {
    throw new Error("damaged: a figure without a name or a unit");
  }
  if (typeof found.machine?.cpu !== "string") throw new Error("damaged: it does not say on which machine");
  if (Number.isNaN(Date.parse(found.measured!))) throw new Error("damaged: it does not say when");
  return found as Results;
}

/** Reads the results of `ch06/norm`, and warns of what the reader must know of them. `sources` are the files they come from. */
export async function readResults(name: string, sources: readonly URL[] = [], folder = resultsFolder): Promise<Found> {
  let text: string;
  try {
    text = await Deno.readTextFile(new URL(`${name}.json`, folder));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { state: "missing" };
    throw error;
  }
  try {
    const results = parseResults(text), warnings: string[] = [];
    if (results.mode === "brief") warnings.push("a brief run: it checked everything and measured nothing that counts");
    const changed = await newest(sources);
    if (changed && changed.time > Date.parse(results.measured)) {
      warnings.push(`measured before ${changed.name} was last changed`);
    }
    return { state: "measured", results, warnings };
  } catch (error) {
    return { state: "unreadable", why: (error as Error).message };
  }
}

async function newest(sources: readonly URL[]): Promise<{ name: string; time: number } | undefined> {
  const times = await Promise.all(sources.map(async (url) => ({
    name: fileURLToPath(url).split(/[\\/]/).at(-1)!,
    time: (await Deno.stat(url)).mtime?.getTime() ?? 0,
  })));
  return times.toSorted((a, b) => b.time - a.time)[0];
}

/** A chart that a compare drew, or null if the file is not there or not whole. `prefix` keeps its ids from those of others. */
export async function readChart(name: string, prefix: string, folder = resultsFolder): Promise<string | null> {
  try {
    const svg = (await Deno.readTextFile(new URL(name, folder))).trim();
    if (!/^<svg[\s>]/.test(svg) || !svg.endsWith("</svg>")) return null;
    return svg.replaceAll(/\bid="/g, `id="${prefix}-`).replaceAll(/url\(#/g, `url(#${prefix}-`)
      .replaceAll(/href="#/g, `href="#${prefix}-`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
