/**
 * Stands in for `@std/cli`.
 *
 * @module
 */
export * from "./parse_args.ts";
