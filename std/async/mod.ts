/**
 * Stands in for `@std/async`.
 *
 * @module
 */
export * from "./abortable.ts";
export * from "./deadline.ts";
export * from "./delay.ts";
export * from "./pool.ts";
