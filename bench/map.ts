/**
 * Writes MAP.md: for each file of the original the scripts that stand for it here, read off their headers.
 *
 * @run deno task map
 * @takes 1 s
 */

import { originals } from "./original.ts";
import { root, type Script, scripts } from "./scripts.ts";

/** What a script, or a Dockerfile, says after `@original`. */
export function originalOf(source: string): string {
  return source.match(/^(?: \*|#) @original (.*)$/m)?.[1] ?? "";
}

/** All that stands for something of the original: scripts, and the one Dockerfile that the original has too. */
export async function mapped(): Promise<Script[]> {
  const { techniques, compares } = await scripts(), path = "ch11/docker/diffusion.Dockerfile";
  return [...techniques, ...compares, { path, source: await Deno.readTextFile(new URL(path, root)) }];
}

/** What an `@original` names: whole paths, whole folders, and `…/name` in the folder of the path before it. */
export function pathsIn(original: string): string[] {
  let folder = "";
  return [...original.matchAll(/(?:\d\d_\w+|…)\/[\w./-]*\w\/?|\d\d_\w+\//g)].map(([found]) => {
    const path = found.replace(/^…\//, folder);
    folder = path.replace(/[^/]*$/, "");
    return path;
  });
}

/** Whether a path is a file of the original, or one of its folders with the file in it. */
const covers = (path: string, file: string) => path === file || path.endsWith("/") && file.startsWith(path);

/** Those of the paths in an `@original` that the original does not have. */
export function unknownIn(original: string): string[] {
  return pathsIn(original).filter((path) => !originals.some((file) => covers(path, file)));
}

/** Our scripts by the file of the original that they stand for: those that name it, or else the nearest folder around it. */
export function counterparts(all: readonly Script[]): Map<string, string[]> {
  const named = all.map(({ path, source }) => ({ path, originals: pathsIn(originalOf(source)) }));
  return new Map(originals.map((file) => {
    const near = named.map(({ path, originals }) => ({
      path,
      length: Math.max(0, ...originals.filter((original) => covers(original, file)).map(({ length }) => length)),
    }));
    const nearest = Math.max(...near.map(({ length }) => length));
    return [file, near.filter(({ length }) => length > 0 && length === nearest).map(({ path }) => path)];
  }));
}

/** The text of MAP.md. */
export function writeMap(all: readonly Script[]): string {
  const found = counterparts(all);
  const sections = [...Map.groupBy(originals, (file) => file.split("/")[0])].map(([folder, files]) => {
    const lines = files.map((file) => {
      const ours = found.get(file)!.map((path) => `[${path.split("/").slice(1).join("/")}](${path})`);
      return `- \`${file.slice(folder.length + 1)}\`: ${ours.join(", ")}`;
    });
    return `## \`${folder}\`\n\n${lines.join("\n")}\n`;
  });
  return `# From the original's files to ours

Written by \`deno task map\` from the \`@original\` lines of the scripts' headers. Scripts that answer a question which the
original leaves to the book's text are in the READMEs of their chapters.

${sections.join("\n")}`;
}

export const mapFile = new URL("MAP.md", root);

/** The map, formatted as `deno fmt` has it. */
export async function formattedMap(): Promise<string> {
  const text = writeMap(await mapped());
  const child = new Deno.Command("deno", {
    args: ["fmt", "--ext=md", "--line-width=120", "-"],
    cwd: root,
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const [{ success, stdout }] = await Promise.all([
    child.output(),
    new Response(text).body!.pipeTo(child.stdin),
  ]);
  if (!success) throw new Error("deno fmt failed");
  return new TextDecoder().decode(stdout);
}

if (import.meta.main) {
  await Deno.writeTextFile(mapFile, await formattedMap());
  console.log("written: MAP.md");
}
