// Stands in for `@std/assert/throws`, `rejects` and `is-error`.
import { stripVTControlCharacters } from "node:util";
import { suffix } from "./_message.ts";
import { AssertionError } from "./assertion_error.ts";

// deno-lint-ignore no-explicit-any
type ErrorType<E> = abstract new (...args: any[]) => E;

/**
 * Calls `fn` and returns what it throws. Throws an {@linkcode AssertionError}, with `msg` in its message, if `fn` throws
 * nothing.
 */
export function assertThrows(fn: () => unknown, msg?: string): unknown;
/**
 * Calls `fn` and returns the error it throws. Throws an {@linkcode AssertionError}, with `msg` in its message, if `fn`
 * throws nothing, no instance of `ErrorClass`, or an error without `msgIncludes` in its message.
 */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  ErrorClass: ErrorType<E>,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows(
  fn: () => unknown,
  classOrMsg?: ErrorType<Error> | string,
  msgIncludes?: string,
  msg?: string,
): unknown {
  if (typeof classOrMsg === "string") [classOrMsg, msg] = [undefined, classOrMsg];
  try {
    fn();
  } catch (error) {
    return checkError(error, "thrown", classOrMsg, msgIncludes, msg);
  }
  throw new AssertionError(`Expected function to throw${suffix(msg)}`);
}

/**
 * Calls `fn` and returns what its promise is rejected with. Rejects with an {@linkcode AssertionError}, with `msg` in
 * its message, if the promise resolves, or if `fn` throws or returns no promise.
 */
export function assertRejects(fn: () => PromiseLike<unknown>, msg?: string): Promise<unknown>;
/**
 * Calls `fn` and returns the error its promise is rejected with. Rejects with an {@linkcode AssertionError}, with `msg`
 * in its message, if the promise resolves, if `fn` throws or returns no promise, or if the promise is rejected with no
 * instance of `ErrorClass` or with an error without `msgIncludes` in its message.
 */
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass: ErrorType<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects(
  fn: () => PromiseLike<unknown>,
  classOrMsg?: ErrorType<Error> | string,
  msgIncludes?: string,
  msg?: string,
): Promise<unknown> {
  if (typeof classOrMsg === "string") [classOrMsg, msg] = [undefined, classOrMsg];
  let promise: PromiseLike<unknown> | undefined;
  try {
    promise = fn();
  } catch {
    // A throw counts as no promise, which is reported below.
  }
  if (typeof promise !== "object" || typeof promise?.then !== "function") {
    throw new AssertionError(`Function throws when expected to reject${suffix(msg)}`);
  }
  try {
    await promise;
  } catch (error) {
    return checkError(error, "rejected", classOrMsg, msgIncludes, msg);
  }
  throw new AssertionError(`Expected function to reject${suffix(msg)}`);
}

/**
 * Throws an {@linkcode AssertionError}, with `msg` in its message, unless the value is an instance of `ErrorClass` (by
 * default of `Error`) whose own message contains or matches `msgMatches`.
 */
export function assertIsError<E extends Error = Error>(
  error: unknown,
  ErrorClass?: ErrorType<E>,
  msgMatches?: string | RegExp,
  msg?: string,
): asserts error is E {
  if (!(error instanceof Error)) throw new AssertionError(`Expected "error" to be an Error object${suffix(msg)}`);
  if (ErrorClass && !(error instanceof ErrorClass)) {
    throw new AssertionError(
      `Expected error to be instance of "${ErrorClass.name}", but was "${error.constructor?.name}"${suffix(msg)}`,
    );
  }
  if (!msgMatches) return;
  const message = stripVTControlCharacters(error.message);
  const wanted = typeof msgMatches === "string" ? JSON.stringify(msgMatches) : String(msgMatches);
  const found = typeof msgMatches === "string"
    ? message.includes(stripVTControlCharacters(msgMatches))
    : msgMatches.test(message);
  if (found) return;
  throw new AssertionError(
    `Expected error message to include ${wanted}, but got ${JSON.stringify(error.message)}${suffix(msg)}`,
  );
}

/** Checks what was thrown or what a promise was rejected with, and returns it. */
function checkError(
  error: unknown,
  how: "thrown" | "rejected",
  ErrorClass?: ErrorType<Error>,
  msgIncludes?: string,
  msg?: string,
): unknown {
  if (!ErrorClass) return error;
  if (!(error instanceof Error)) throw new AssertionError(`A non-Error object was ${how}${suffix(msg)}`);
  assertIsError(error, ErrorClass, msgIncludes, msg);
  return error;
}
