/**
 * Diffusion on one flat Float64Array: the edges are taken out of the inner loop.
 *
 * What to notice: no modulo is left for the cells inside a row, only a row's first and last cell wrap around. The
 * neighbours are a fixed distance away in one block of memory, so that the processor can fetch ahead. Two buffers are
 * swapped after each step; nothing is allocated.
 *
 * @original 06_matrix/diffusion_2d/diffusion_numpy_memory2.py
 * @run deno run ch06/diffusion_2d/diffusion_flat.ts
 * @takes 1 s
 */

/**
 * One step of u' = u + D dt (up + down + left + right - 4u) with D = 1 and periodic edges.
 *
 * @param u N x N values, row by row; left as they are
 * @param next receives the N x N new values; must not be `u`
 * @param size N
 * @param dt the time step; stable up to 0.25
 */
export function evolve(u: Float64Array, next: Float64Array, size: number, dt: number): void {
  const last = size - 1;
  for (let i = 0; i < size; i++) {
    const row = i * size;
    const up = (i === 0 ? last : i - 1) * size;
    const down = (i === last ? 0 : i + 1) * size;
    next[row] = u[row] + dt * (u[up] + u[down] + u[row + last] + u[row + 1 % size] - 4 * u[row]);
    for (let j = 1; j < last; j++) {
      const k = row + j;
      next[k] = u[k] + dt * (u[up + j] + u[down + j] + u[k - 1] + u[k + 1] - 4 * u[k]);
    }
    const end = row + last;
    next[end] = u[end] + dt * (u[up + last] + u[down + last] + u[row + (last + size - 1) % size] + u[row] - 4 * u[end]);
  }
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
