/**
 * Diffusion as whole-array operations on shifted slices: the rolled copy is never made.
 *
 * What to notice: a rolled array is the same array read from another place, with the ends exchanged. Adding slices
 * saves the copy, and with it a third of the traffic of diffusion_in_place.ts. In NumPy this is where one has to stop;
 * a compiled language may go on and fuse the loops, see diffusion_fused.ts.
 *
 * @original 06_matrix/diffusion_2d/diffusion_numpy_memory2.py
 * @run deno run ch06/diffusion_2d/diffusion_slices.ts
 * @takes 1 s
 */

function add(a: Float64Array, b: Float64Array): void {
  for (let i = 0; i < a.length; i++) a[i] += b[i];
}

/** Adds to `sum` the grid shifted down by one row and up by one row. */
function addVertical(sum: Float64Array, u: Float64Array, size: number): void {
  const below = sum.subarray(size), above = sum.subarray(0, -size);
  add(below, u.subarray(0, -size));
  add(sum.subarray(0, size), u.subarray(-size));
  add(above, u.subarray(size));
  add(sum.subarray(-size), u.subarray(0, size));
}

/** Adds to `sum` the grid shifted by one cell to the right and to the left, row by row. */
function addHorizontal(sum: Float64Array, u: Float64Array, size: number): void {
  for (let i = 0; i < size; i++) {
    const to = sum.subarray(i * size, (i + 1) * size), from = u.subarray(i * size, (i + 1) * size);
    add(to.subarray(1), from.subarray(0, -1));
    to[0] += from[size - 1];
    add(to.subarray(0, -1), from.subarray(1));
    to[size - 1] += from[0];
  }
}

/**
 * One step of u' = u + D dt (up + down + left + right - 4u) with D = 1 and periodic edges.
 *
 * @param u N x N values, row by row; left as they are
 * @param next receives the N x N new values
 * @param size N
 * @param dt the time step; stable up to 0.25
 */
export function evolve(u: Float64Array, next: Float64Array, size: number, dt: number): void {
  for (let i = 0; i < u.length; i++) next[i] = -4 * u[i];
  addVertical(next, u, size);
  addHorizontal(next, u, size);
  for (let i = 0; i < u.length; i++) next[i] = u[i] + dt * next[i];
}

/** The book's experiment on an N x N grid: zero, but 0.005 in a square off the middle; dt = 0.1. */
export function experiment(size: number) {
  const low = Math.floor(0.4 * size), high = Math.floor(0.5 * size);
  let u = new Float64Array(size * size), next = new Float64Array(size * size);
  for (let i = low; i < high; i++) u.fill(0.005, i * size + low, i * size + high);
  return {
    run(steps: number) {
      for (let step = 0; step < steps; step++) {
        evolve(u, next, size, 0.1);
        [u, next] = [next, u];
      }
    },
    /** The N x N values, row by row. */
    grid: () => u,
  };
}

if (import.meta.main) {
  const size = 512, steps = 500;
  const { run, grid } = experiment(size);
  const mass = () => grid().reduce((sum, u) => sum + u, 0);
  const before = mass(), start = performance.now();
  run(steps);
  console.log(`${size} x ${size}: ${((performance.now() - start) / steps).toFixed(3)} ms a step`);
  if (Math.abs(mass() / before - 1) > 1e-9) throw new Error(`mass not conserved: ${before} became ${mass()}`);
}
