/** Flags of the compare scripts, and the one way in which a script refuses bad input. */

import { parseArgs } from "@std/cli/parse-args";
import { measureBriefly } from "./measure.ts";

export interface CompareFlags {
  mode: "quick" | "full";
  /** Sizes in place of the compare's own. */
  sizes?: number[];
  /** Names of the variants to run; the baseline always runs too. */
  only?: string[];
}

export interface FlagRules {
  /** One line for `--help`. */
  about: string;
  /** The names that `--only` accepts. */
  names: readonly string[];
  /** The smallest and largest that `--size` accepts, or nothing where the compare has no size. */
  size?: { min: number; max: number };
}

/** Ends the process with exit code 2 and one line on stderr: the input or the environment is at fault, not the code. */
export function fail(message: string): never {
  console.error(`error: ${message}`);
  Deno.exit(2);
}

/** Parses `--full`, `--brief`, `--size N[,N…]`, `--only NAME[,NAME…]` and `--help`; refuses anything else. */
export function parseCompareFlags(args: readonly string[], { about, names, size }: FlagRules): CompareFlags {
  const flags = parseArgs(args as string[], {
    boolean: ["full", "brief", "help"],
    string: size ? ["size", "only"] : ["only"],
    alias: { help: "h" },
    unknown: (argument) => fail(`${argument} is not a flag of this script (see --help)`),
  });
  if (flags.help) {
    console.log(about);
    console.log("\n  --full         the book's sizes; takes minutes");
    console.log("  --brief        hardly measures: only to see that all runs, and that every check passes");
    if (size) console.log(`  --size N,…     sizes, each from ${size.min} to ${size.max}`);
    console.log(`  --only NAME,…  some of: ${names.join(", ")}`);
    Deno.exit(0);
  }
  if (flags.full && flags.brief) fail("--full and --brief exclude each other");
  if (flags.brief) measureBriefly();
  return {
    mode: flags.full ? "full" : "quick",
    sizes: size && flags.size !== undefined
      ? list("size", flags.size).map((text) => integer("--size", text, size))
      : undefined,
    only: flags.only !== undefined ? list("only", flags.only).map((name) => oneOf("--only", name, names)) : undefined,
  };
}

function list(flag: string, text: unknown): string[] {
  if (text === "") fail(`--${flag} needs a value`);
  return String(text).split(",");
}

/** A whole number within bounds, or the end of the process with a line that names the flag, the value and the bounds. */
export function integer(flag: string, text: string, { min, max }: { min: number; max: number }): number {
  const value = /^[+-]?\d+(e\d+)?$/i.test(text.trim()) ? Number(text) : NaN;
  if (!(value >= min && value <= max)) fail(`${flag} ${text}: must be a whole number from ${min} to ${max}`);
  return value;
}

function oneOf(flag: string, name: string, names: readonly string[]): string {
  if (!names.includes(name)) fail(`${flag} ${name}: must be one of ${names.join(", ")}`);
  return name;
}
