/**
 * Diffusion on a Float32Array: half the memory, seven digits instead of sixteen.
 *
 * What to notice: JavaScript computes in doubles, so every read widens and every write rounds. Where the cache is large
 * enough this costs more than it saves; where memory is the limit, half the bytes are half the time. The kernel must be
 * a function of its own: one that sees both kinds of array is compiled for both, and much slower for either.
 *
 * @original 06_matrix/diffusion_2d/figure_pytorch_naive_precision.py
 * @run deno run ch06/diffusion_2d/diffusion_float32.ts
 * @takes 1 s
 */

/** New values of one row. */
function evolveRow(above: Float32Array, row: Float32Array, below: Float32Array, out: Float32Array, dt: number): void {
  const keep = 1 - 4 * dt, last = row.length - 1;
  let left = row[last], centre = row[0];
  for (let j = 0; j < last; j++) {
    const right = row[j + 1];
    out[j] = keep * centre + dt * (above[j] + below[j] + (left + right));
    left = centre;
    centre = right;
  }
  out[last] = keep * centre + dt * (above[last] + below[last] + (left + row[0]));
}

/**
 * One step of u' = u + D dt (up + down + left + right - 4u) with D = 1 and periodic edges.
 *
 * @param u N rows of N values; left as they are
 * @param next receives the N rows of new values
 * @param dt the time step; stable up to 0.25
 */
export function evolve(u: Float32Array[], next: Float32Array[], dt: number): void {
  const size = u.length;
  for (let i = 0; i < size; i++) evolveRow(u[(i + size - 1) % size], u[i], u[(i + 1) % size], next[i], dt);
}

/** The book's experiment on an N x N grid: zero, but 0.005 in a square off the middle; dt = 0.1. */
export function experiment(size: number) {
  const low = Math.floor(0.4 * size), high = Math.floor(0.5 * size);
  const rows = () => {
    const grid = new Float32Array(size * size);
    return Array.from({ length: size }, (_, i) => grid.subarray(i * size, (i + 1) * size));
  };
  let u = rows(), next = rows();
  for (let i = low; i < high; i++) u[i].fill(0.005, low, high);
  return {
    run(steps: number) {
      for (let step = 0; step < steps; step++) {
        evolve(u, next, 0.1);
        [u, next] = [next, u];
      }
    },
    /** The N x N values, row by row. */
    grid: () => new Float32Array(u[0].buffer),
  };
}

if (import.meta.main) {
  const size = 512, steps = 1000;
  const { run, grid } = experiment(size);
  const mass = () => grid().reduce((sum, u) => sum + u, 0);
  const before = mass(), start = performance.now();
  run(steps);
  console.log(`${size} x ${size}: ${((performance.now() - start) / steps).toFixed(3)} ms a step`);
  if (Math.abs(mass() / before - 1) > 1e-5) throw new Error(`mass not conserved: ${before} became ${mass()}`);
}
