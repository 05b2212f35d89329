/**
 * A result of known length: a typed array that is filled.
 *
 * What to notice: there is nothing to grow. Where the number of rows is known, as it is when each row of one table gives
 * one of another, this is the quickest way, and what engines take without converting it.
 *
 * @original 07_pandas/ols_basics/time_iteration_methods_slow_with_diagram.py
 * @run deno run ch07/concat_cost/grow_preallocated.ts
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
export function build(slopes: Float64Array, progress?: Progress): Float64Array {
  const rows = new Float64Array(slopes.length);
  for (let i = 0; i < slopes.length; i++) {
    rows[i] = slopes[i];
    progress?.(i + 1);
  }
  return rows;
}

if (import.meta.main) {
  const slopes = makeSlopes(1_000_000), start = performance.now(), built = build(slopes);
  const time = performance.now() - start;
  console.log(`${built.length.toLocaleString("en-US")} rows into an array of that length in ${time.toFixed(0)} ms`);
  if (!slopes.every((slope, i) => built[i] === slope)) throw new Error("the rows are not what was put in");
}
