/**
 * A data frame of polars that grows by `vstack`, a row at a time: the slow version; and one that is built once.
 *
 * What to notice: `vstack` copies no numbers: it hangs the new row behind the others as a chunk of its own. But each new
 * frame takes over the list of all chunks before it, one a row, and so the cost grows with the square of the rows after
 * all. Rows collected in an array become one chunk.
 *
 * @original 07_pandas/ols_basics/time_iteration_methods_slow_with_diagram.py
 * @run deno run --allow-ffi --allow-read --allow-sys=cpus,hostname,networkInterfaces ch07/concat_cost/grow_polars.ts
 * @takes 1 s
 */

import pl from "npm:nodejs-polars@0.25.2";

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

/** Grows a frame by a frame of one row each. @returns as many numbers as there are slopes, in their order */
export function build(slopes: Float64Array, progress?: Progress): number[] {
  let frame: pl.DataFrame | undefined, rows = 0;
  for (const slope of slopes) {
    const row = pl.DataFrame({ slope: [slope] });
    frame = frame ? frame.vstack(row) : row;
    progress?.(++rows);
  }
  return frame ? frame.getColumn("slope").toArray() as number[] : [];
}

/** Collects first. @returns the same */
export function buildOnce(slopes: Float64Array): number[] {
  const rows: number[] = [];
  for (const slope of slopes) rows.push(slope);
  return pl.DataFrame({ slope: rows }).getColumn("slope").toArray() as number[];
}

if (import.meta.main) {
  const slopes = makeSlopes(2_000), start = performance.now(), built = build(slopes);
  const time = performance.now() - start;
  console.log(`${built.length.toLocaleString("en-US")} rows by frames of one row in ${time.toFixed(0)} ms`);
  if (!slopes.every((slope, i) => built[i] === slope)) throw new Error("the rows are not what was put in");
}
