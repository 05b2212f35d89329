// Stands in for `@std/assert/assert`, `exists`, `instance-of` and `fail`.
import { suffix } from "./_message.ts";
import { AssertionError } from "./assertion_error.ts";

/** Throws an {@linkcode AssertionError} with the message `msg` unless `expr` is truthy. */
export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError(msg);
}

/** Throws an {@linkcode AssertionError} if the value is `null` or `undefined`; `msg` is put into its message. */
export function assertExists<T>(actual: T, msg?: string): asserts actual is NonNullable<T> {
  if (actual !== undefined && actual !== null) return;
  throw new AssertionError(`Expected actual: "${actual}" to not be null or undefined${suffix(msg)}`);
}

/**
 * Throws an {@linkcode AssertionError} unless the value is an instance of the class `expectedType`; `msg` is put into
 * its message.
 */
// deno-lint-ignore no-explicit-any
export function assertInstanceOf<T extends abstract new (...args: any[]) => any>(
  actual: unknown,
  expectedType: T,
  msg = "",
): asserts actual is InstanceType<T> {
  if (actual instanceof expectedType) return;
  const found = typeNameOf(actual);
  let but = ` but was "${found}"`;
  if (found === expectedType.name) but = "";
  else if (found === "function") but = " but was not an instanced object";
  throw new AssertionError(`Expected object to be an instance of "${expectedType.name}"${but}${suffix(msg)}`);
}

function typeNameOf(value: unknown): string {
  if (value === null) return "null";
  return typeof value === "object" ? value.constructor?.name ?? "Object" : typeof value;
}

/** Throws an {@linkcode AssertionError} in any case; `msg` is put into its message. */
export function fail(msg?: string): never {
  throw new AssertionError(`Failed assertion${suffix(msg)}`);
}
