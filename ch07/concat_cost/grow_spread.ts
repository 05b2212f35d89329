/**
 * A result that grows by a new array for each row: the slow version.
 *
 * What to notice: `[...rows, slope]` copies all rows that are there already, so that n rows cost n (n - 1) / 2 copies. It
 * looks harmless, and for a hundred rows it is. `rows.concat([slope])` copies as much.
 *
 * @original 07_pandas/ols_basics/time_iteration_methods_slow_with_diagram.py
 * @run deno run ch07/concat_cost/grow_spread.ts
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
  let rows: number[] = [];
  for (const slope of slopes) {
    rows = [...rows, slope];
    progress?.(rows.length);
  }
  return rows;
}

if (import.meta.main) {
  const slopes = makeSlopes(10_000), start = performance.now(), built = build(slopes);
  const time = performance.now() - start;
  console.log(`${built.length.toLocaleString("en-US")} rows by a new array each in ${time.toFixed(0)} ms`);
  if (!slopes.every((slope, i) => built[i] === slope)) throw new Error("the rows are not what was put in");
}
