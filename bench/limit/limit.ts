/**
 * Builds the C kernels of this folder with `-O3 -march=native` and opens them: they say how fast this machine could go.
 *
 * Needs `--allow-run=cc --allow-write=results --allow-ffi=results`; the libraries stay in results/limit until their
 * source changes.
 */

import { runCommand } from "../lib/command.ts";
import { type Missing, prepareResults, resultsFolder } from "../lib/results.ts";
import { fileURLToPath } from "node:url";

/** What to report where `openLimit` gives null. */
export const missingCompiler: Missing = { name: "C compiler", remedy: "apt-get install gcc libc6-dev" };

/** Opens `<name>.c`, built with OpenMP if asked for. Null where there is no C compiler; throws if the source is at fault. */
export async function openLimit<Symbols extends Deno.ForeignLibraryInterface>(
  name: string,
  symbols: Symbols,
  { openmp = false, compiler = "cc" } = {},
): Promise<Deno.DynamicLibrary<Symbols> | null> {
  prepareResults("limit");
  const source = new URL(`${name}.c`, import.meta.url);
  const folder = new URL("limit/", resultsFolder);
  // The compiler of macOS has no OpenMP. Unloading a library whose OpenMP threads still exist would end the process.
  if (openmp && Deno.build.os !== "linux") return null;
  const flags = ["-O3", "-march=native", "-shared", "-fPIC", ...openmp ? ["-fopenmp", "-Wl,-z,nodelete"] : []];
  const hash = await digest(await Deno.readTextFile(source) + [compiler, ...flags].join(" "));
  const library = fileURLToPath(new URL(`${name}${openmp ? "_openmp" : ""}_${hash}.so`, folder));

  if (!await exists(library)) {
    // Several processes may build at the same time.
    const part = `${library}.${Deno.pid}.part`;
    const child = await runCommand(compiler, [...flags, "-o", part, fileURLToPath(source)]);
    if (!child) return null;
    if (!child.success) throw new Error(`${compiler} ${name}.c: ${new TextDecoder().decode(child.stderr)}`);
    await Deno.rename(part, library);
  }
  return Deno.dlopen(library, symbols);
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function digest(text: string): Promise<string> {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(bytes).slice(0, 6).toHex();
}
