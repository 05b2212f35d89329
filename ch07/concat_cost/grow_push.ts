/**
 * A result that grows by `push`: collect first, build the table once.
 *
 * What to notice: an array that is full moves to a store half as large again (chapter 3), so that all moves together copy
 * two elements a row, however many rows come. It is what a list of partial results is for in the book, and as fast as a
 * typed array of known length to within the cost of a few moves.
 *
 * @original 07_pandas/ols_basics/time_iteration_methods_slow_with_diagram.py
 * @run deno run ch07/concat_cost/grow_push.ts
 * @takes 1 s
 */

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

/** Collects the rows. @returns as many numbers as there are slopes, in their order */
export function build(slopes: Float64Array, progress?: Progress): number[] {
  const rows: number[] = [];
  for (const slope of slopes) {
    rows.push(slope);
    progress?.(rows.length);
  }
  return rows;
}

if (import.meta.main) {
  const slopes = makeSlopes(1_000_000), start = performance.now(), built = build(slopes);
  const time = performance.now() - start;
  console.log(`${built.length.toLocaleString("en-US")} rows pushed in ${time.toFixed(0)} ms`);
  if (!slopes.every((slope, i) => built[i] === slope)) throw new Error("the rows are not what was put in");
}
