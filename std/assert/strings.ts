// Stands in for `@std/assert/match`, `not-match` and `string-includes`.
import { suffix } from "./_message.ts";
import { AssertionError } from "./assertion_error.ts";

/** Throws an {@linkcode AssertionError} unless the text matches `expected`; `msg` is put into its message. */
export function assertMatch(actual: string, expected: RegExp, msg?: string): void {
  if (expected.test(actual)) return;
  throw new AssertionError(`Expected actual: "${actual}" to match: "${expected}"${suffix(msg)}`);
}

/** Throws an {@linkcode AssertionError} if the text matches `expected`; `msg` is put into its message. */
export function assertNotMatch(actual: string, expected: RegExp, msg?: string): void {
  if (!expected.test(actual)) return;
  throw new AssertionError(`Expected actual: "${actual}" to not match: "${expected}"${suffix(msg)}`);
}

/** Throws an {@linkcode AssertionError} unless the text contains `expected`; `msg` is put into its message. */
export function assertStringIncludes(actual: string, expected: string, msg?: string): void {
  if (actual.includes(expected)) return;
  throw new AssertionError(`Expected actual: "${actual}" to contain: "${expected}"${suffix(msg)}`);
}
