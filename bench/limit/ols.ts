/** The slopes in C as more techniques, to be measured beside those of ch07/time_iteration_methods. */

import { openLimit } from "./limit.ts";

const days = 14;
const kernel = { parameters: ["buffer", "buffer", "i64"], result: "void" } as const;

/**
 * The slopes of people x 14 hours, given row by row, by one of the kernels in C, or null where they cannot be built.
 * For `ols_columns` they are laid out by column first, outside `run`. Each run writes to the same result.
 */
export async function openOls(
  hours: Float64Array,
  name: "ols_rows" | "ols_columns",
  options: { openmp?: boolean } = {},
) {
  const library = await openLimit("ols", { ols_rows: kernel, ols_columns: kernel }, options);
  if (!library) return null;
  const people = hours.length / days, result = new Float64Array(people), slopes = library.symbols[name];
  // The same whether the hours are shared between workers or not.
  const table = name === "ols_rows"
    ? Float64Array.from(hours)
    : Float64Array.from({ length: hours.length }, (_, i) => hours[(i % people) * days + Math.floor(i / people)]);
  return { run: () => (slopes(table, result, BigInt(people)), result) };
}
