// Builds the messages of failed assertions; stands in for the parts of `@std/internal` that do so.
import { diff } from "node:util";

/** The end of a message: the caller's own words, or a full stop. */
export function suffix(msg?: string): string {
  return msg ? `: ${msg}` : ".";
}

/** Writes a value in full over several lines, its keys sorted so that equal values read equal. */
export function format(value: unknown): string {
  return Deno.inspect(value, {
    compact: false,
    depth: Infinity,
    getters: true,
    iterableLimit: Infinity,
    sorted: true,
    strAbbreviateSize: Infinity,
    trailingComma: true,
  });
}

/** Colours a text for the terminal, unless the user wants none. */
export function paint(text: string, colour: "red" | "green"): string {
  return Deno.noColor ? text : `\x1b[${colour === "red" ? 31 : 32}m${text}\x1b[39m`;
}

/** Lists what differs, line by line: `-` marks lines of `actual` only, `+` lines of `expected` only. */
export function difference(actual: unknown, expected: unknown): string {
  const bothText = typeof actual === "string" && typeof expected === "string";
  const linesOf = (value: unknown) => (bothText ? visible(value as string) : format(value)).split("\n");
  const lines = diff(linesOf(actual), linesOf(expected)).map(([side, line]) => {
    if (side === 0) return `    ${line}`;
    return side > 0 ? paint(`-   ${line}`, "red") : paint(`+   ${line}`, "green");
  });
  const title = `    [Diff] ${paint("Actual", "red")} / ${paint("Expected", "green")}`;
  return ["", "", title, "", "", ...lines, ""].join("\n");
}

/** Spells out control characters other than the newline, as two texts may differ in nothing else. */
function visible(text: string): string {
  return text.replace(/[^\P{Cc}\n]/gu, (character) => JSON.stringify(character).slice(1, -1));
}
