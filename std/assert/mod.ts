/**
 * Stands in for `@std/assert`.
 *
 * @module
 */
export * from "./assertion_error.ts";
export * from "./equal.ts";
export * from "./equality.ts";
export * from "./errors.ts";
export * from "./numbers.ts";
export * from "./strings.ts";
export * from "./values.ts";
