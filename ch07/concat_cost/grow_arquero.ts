/**
 * A table of Arquero that grows by `concat`, a row at a time: the slow version; and one that is built once.
 *
 * What to notice: tables never change, so that `concat` makes a new one and copies every column, number by number. The
 * same rows collected in an array become a table at once, and that does not even copy them.
 *
 * @original 07_pandas/ols_basics/time_iteration_methods_slow_with_diagram.py
 * @run deno run ch07/concat_cost/grow_arquero.ts
 * @takes 1 s
 */

import * as aq from "npm:arquero@8.0.1";

const SEED = 1;

/** `count` slopes, one for each person, as some work would hand them over one by one. */
export function makeSlopes(count: number): Float64Array {
  let state = SEED;
  return Float64Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 8) / 2 ** 24 - 0.5;
  });
}

/** Says after how many rows the result is this long: what is timed from outside. */
export type Progress = (rows: number) => void;

/** Grows a table by a table of one row each. @returns as many numbers as there are slopes, in their order */
export function build(slopes: Float64Array, progress?: Progress): number[] {
  let table = aq.table({ slope: [] as number[] });
  for (const slope of slopes) {
    table = table.concat(aq.table({ slope: [slope] }));
    progress?.(table.numRows());
  }
  return Array.from(table.array("slope") as number[]);
}

/** Collects first. @returns the same */
export function buildOnce(slopes: Float64Array): number[] {
  const rows: number[] = [];
  for (const slope of slopes) rows.push(slope);
  return Array.from(aq.table({ slope: rows }).array("slope") as number[]);
}

if (import.meta.main) {
  const slopes = makeSlopes(2_000), start = performance.now(), built = build(slopes);
  const time = performance.now() - start;
  console.log(`${built.length.toLocaleString("en-US")} rows by tables of one row in ${time.toFixed(0)} ms`);
  if (!slopes.every((slope, i) => built[i] === slope)) throw new Error("the rows are not what was put in");
}
