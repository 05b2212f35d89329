// Stands in for `@std/assert/almost-equals`, `greater`, `greater-or-equal`, `less` and `less-or-equal`.
import { format, suffix } from "./_message.ts";
import { AssertionError } from "./assertion_error.ts";

/**
 * Throws an {@linkcode AssertionError} if two numbers differ by more than `tolerance`, which is `1e-7` of the expected
 * number by default; `msg` is put into its message.
 */
export function assertAlmostEquals(actual: number, expected: number, tolerance?: number, msg?: string): void {
  if (Object.is(actual, expected)) return;
  const delta = Math.abs(expected - actual);
  const limit = tolerance ?? (Number.isFinite(expected) ? Math.abs(expected * 1e-7) : 1e-7);
  if (delta <= limit) return;
  const [a, e, d, l] = [actual, expected, delta, limit].map((n) => Number.isInteger(n) ? n : n.toExponential());
  throw new AssertionError(
    `Expected actual: "${a}" to be close to "${e}": delta "${d}" is greater than "${l}"${suffix(msg)}`,
  );
}

/** Throws an {@linkcode AssertionError} unless `actual > expected`; `msg` replaces its message. */
export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  requireOrder(actual > expected, actual, ">", expected, msg);
}

/** Throws an {@linkcode AssertionError} unless `actual >= expected`; `msg` replaces its message. */
export function assertGreaterOrEqual<T>(actual: T, expected: T, msg?: string): void {
  requireOrder(actual >= expected, actual, ">=", expected, msg);
}

/** Throws an {@linkcode AssertionError} unless `actual < expected`; `msg` replaces its message. */
export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  requireOrder(actual < expected, actual, "<", expected, msg);
}

/** Throws an {@linkcode AssertionError} unless `actual <= expected`; `msg` replaces its message. */
export function assertLessOrEqual<T>(actual: T, expected: T, msg?: string): void {
  requireOrder(actual <= expected, actual, "<=", expected, msg);
}

function requireOrder(holds: boolean, actual: unknown, sign: string, expected: unknown, msg?: string): void {
  if (!holds) throw new AssertionError(msg ?? `Expect ${format(actual)} ${sign} ${format(expected)}`);
}
