// Stands in for `@std/assert/equals`, `not-equals`, `strict-equals` and `array-includes`.
import { difference, format, paint, suffix } from "./_message.ts";
import { AssertionError } from "./assertion_error.ts";
import { equal } from "./equal.ts";

/** Anything with a length and numbered items, save strings. */
export type ArrayLikeArg<T> = ArrayLike<T> & object;

/**
 * Throws an {@linkcode AssertionError} unless the values are deeply equal by the rules of {@linkcode equal}. Its message
 * lists the differences and contains `msg`.
 */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  if (equal(actual, expected)) return;
  throw new AssertionError(`Values are not equal${suffix(msg)}\n${difference(actual, expected)}`);
}

/**
 * Throws an {@linkcode AssertionError} if the values are deeply equal by the rules of {@linkcode equal}; `msg` is put
 * into its message.
 */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  if (!equal(actual, expected)) return;
  throw new AssertionError(`Expected actual: ${format(actual)} not to be: ${format(expected)}${suffix(msg)}`);
}

/**
 * Throws an {@linkcode AssertionError} unless the values are one and the same by `Object.is`. Its message lists the
 * differences and contains `msg`.
 */
export function assertStrictEquals<T>(actual: unknown, expected: T, msg?: string): asserts actual is T {
  if (Object.is(actual, expected)) return;
  const text = format(actual);
  throw new AssertionError(
    text === format(expected)
      ? `Values have the same structure but are not reference-equal${suffix(msg)}\n\n${
        paint(text.replace(/^/gm, "    "), "red")
      }\n`
      : `Values are not strictly equal${suffix(msg)}\n${difference(actual, expected)}`,
  );
}

/**
 * Throws an {@linkcode AssertionError} unless every item of `expected` equals an item of `actual` by the rules of
 * {@linkcode equal}. Its message lists the missing items and contains `msg`.
 */
export function assertArrayIncludes<T>(actual: ArrayLikeArg<T>, expected: ArrayLikeArg<T>, msg?: string): void {
  const present = Array.from(actual);
  const missing = Array.from(expected).filter((item) => !present.some((other) => equal(item, other)));
  if (missing.length === 0) return;
  throw new AssertionError(
    `Expected actual: "${format(actual)}" to include: "${format(expected)}"${suffix(msg)}\nmissing: ${format(missing)}`,
  );
}
