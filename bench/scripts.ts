/** The scripts of the suite, for the tests that hold all of them to the same rules. */

import { requestAdapter } from "./lib/machine.ts";
import { parseHeader } from "./lib/script.ts";
import { missingParts } from "./parts.ts";
import { fileURLToPath } from "node:url";

export const root = new URL("..", import.meta.url);

export interface Script {
  /** From the root, with slashes. */
  path: string;
  source: string;
}

/** All scripts of the chapters with a header: techniques and compares, but no tests and tours. */
export async function scripts(): Promise<{ techniques: Script[]; compares: Script[] }> {
  const techniques: Script[] = [], compares: Script[] = [];
  for (const path of (await sourceFiles("")).filter((path) => /^ch\d\d\//.test(path))) {
    if (/(_test|\/main)\.ts$/.test(path)) continue;
    const script = { path, source: await Deno.readTextFile(new URL(path, root)) };
    (/\/compare[^/]*\.ts$/.test(path) ? compares : techniques).push(script);
  }
  return { techniques, compares };
}

/** All TypeScript files below a folder of the repository, sorted. */
export async function sourceFiles(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder || ".", root))) {
    if (/^(\.|node_modules$|results$)/.test(name)) continue;
    const path = `${folder}${name}`;
    if (isDirectory) found.push(...await sourceFiles(`${path}/`));
    else if (name.endsWith(".ts")) found.push(path);
  }
  return found.sort();
}

/** Gives a function that says which part of the machine a script needs and does not find, or undefined. */
export async function findLacks(): Promise<(script: Script) => string | undefined> {
  const adapter = await requestAdapter();
  const missing = await missingParts();
  return ({ source }) => {
    if (source.includes("navigator.gpu") && !adapter) return "a WebGPU adapter";
    if (source.includes("shader-f16") && !adapter?.features.has("shader-f16")) return "half-precision floats";
    const commands = parseHeader(source).run.match(/--allow-run=(\S+)/)?.[1].split(",") ?? [];
    return missing.find((part) => commands.some((command) => part.commands.includes(command)))?.name;
  };
}

/** The configuration under which a script copied out of the repository finds the stand-ins of std/. */
export async function linksOnly(): Promise<string> {
  const { links = [] } = JSON.parse(await Deno.readTextFile(new URL("deno.json", root)));
  return JSON.stringify({ links: links.map((link: string) => fileURLToPath(new URL(link, root))) });
}
