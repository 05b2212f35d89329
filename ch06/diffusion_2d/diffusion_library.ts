/**
 * Diffusion with a library for n-dimensional arrays: code for every shape and stride is slower than code for one.
 *
 * What to notice: ndarray gives views like NumPy's, so that a shifted grid is no copy, and ndarray-ops generates a loop
 * for each kind of operation and view. Yet every operation walks the whole grid, and each of the generated loops counts
 * with the strides of every operand. The library cannot know that this is a step of one formula.
 *
 * @original 06_matrix/diffusion_2d/diffusion_scipy.py, …/diffusion_scipy_conv.py
 * @run deno run ch06/diffusion_2d/diffusion_library.ts
 * @takes 1 s
 */

// @ts-types="npm:@types/ndarray@1.0.14"
import ndarray, { type NdArray } from "npm:ndarray@1.0.19";
// @ts-types="npm:@types/ndarray-ops@1.2.7"
import ops from "npm:ndarray-ops@1.2.2";

type Grid = NdArray<Float64Array>;

/** Adds to `sum` the grid shifted by one along an axis, in both directions. */
function addNeighbours(sum: Grid, u: Grid, axis: 0 | 1): void {
  const last = u.shape[axis] - 1;
  const from = (array: Grid, start: number) => axis === 0 ? array.lo(start, 0) : array.lo(0, start);
  const head = (array: Grid, end: number) => axis === 0 ? array.hi(end, u.shape[1]) : array.hi(u.shape[0], end);
  ops.addeq(from(sum, 1), head(u, last));
  ops.addeq(head(sum, 1), from(u, last));
  ops.addeq(head(sum, last), from(u, 1));
  ops.addeq(from(sum, last), head(u, 1));
}

/**
 * One step of u' = u + D dt (up + down + left + right - 4u) with D = 1 and periodic edges.
 *
 * @param u N x N values; left as they are
 * @param next receives the N x N new values
 * @param dt the time step; stable up to 0.25
 */
export function evolve(u: Grid, next: Grid, dt: number): void {
  ops.muls(next, u, -4);
  addNeighbours(next, u, 0);
  addNeighbours(next, u, 1);
  ops.mulseq(next, dt);
  ops.addeq(next, u);
}

/** The book's experiment on an N x N grid: zero, but 0.005 in a square off the middle; dt = 0.1. */
export function experiment(size: number) {
  const low = Math.floor(0.4 * size), high = Math.floor(0.5 * size);
  const zeros = () => ndarray(new Float64Array(size * size), [size, size]);
  let u: Grid = zeros(), next: Grid = zeros();
  ops.assigns(u.lo(low, low).hi(high - low, high - low), 0.005);
  return {
    run(steps: number) {
      for (let step = 0; step < steps; step++) {
        evolve(u, next, 0.1);
        [u, next] = [next, u];
      }
    },
    /** The N x N values, row by row. */
    grid: () => u.data,
  };
}

if (import.meta.main) {
  const size = 512, steps = 300;
  const { run, grid } = experiment(size);
  const mass = () => grid().reduce((sum, u) => sum + u, 0);
  const before = mass(), start = performance.now();
  run(steps);
  console.log(`${size} x ${size}: ${((performance.now() - start) / steps).toFixed(3)} ms a step`);
  if (Math.abs(mass() / before - 1) > 1e-9) throw new Error(`mass not conserved: ${before} became ${mass()}`);
}
