/**
 * Diffusion on one flat Float64Array, with a modulo for every neighbour.
 *
 * What to notice: a typed array holds bare doubles side by side, so there are no rows to follow and no types to check.
 * What is left is the price of the periodic edge: four integer remainders a cell, which take the processor longer than
 * the arithmetic itself. diffusion_flat.ts takes them out.
 *
 * @original 06_matrix/diffusion_2d/diffusion_numpy.py
 * @run deno run ch06/diffusion_2d/diffusion_flat_modulo.ts
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
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      const up = u[(i + size - 1) % size * size + j];
      const down = u[(i + 1) % size * size + j];
      const left = u[i * size + (j + size - 1) % size];
      const right = u[i * size + (j + 1) % size];
      const centre = u[i * size + j];
      next[i * size + j] = centre + dt * (up + down + left + right - 4 * centre);
    }
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
  const size = 512, steps = 300;
  const { run, grid } = experiment(size);
  const mass = () => grid().reduce((sum, u) => sum + u, 0);
  const before = mass(), start = performance.now();
  run(steps);
  console.log(`${size} x ${size}: ${((performance.now() - start) / steps).toFixed(3)} ms a step`);
  if (Math.abs(mass() / before - 1) > 1e-9) throw new Error(`mass not conserved: ${before} became ${mass()}`);
}
