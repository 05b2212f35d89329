/**
 * Diffusion on nested arrays, with the allocation taken out of the loop: two grids take turns.
 *
 * What to notice: the arithmetic is that of diffusion_nested.ts, only the new grid is written into the old one's
 * predecessor. What is saved is the work of allocating and collecting N arrays a step, not the arithmetic.
 *
 * @original 06_matrix/diffusion_2d/diffusion_python_memory.py
 * @run deno run ch06/diffusion_2d/diffusion_nested_two_buffers.ts
 * @takes 1 s
 */

/**
 * One step of u' = u + D dt (up + down + left + right - 4u) with D = 1 and periodic edges.
 *
 * @param grid N rows of N numbers; left as it is
 * @param next receives the new values; must not be `grid`
 * @param dt the time step; stable up to 0.25
 */
export function evolve(grid: number[][], next: number[][], dt: number): void {
  const size = grid.length;
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      const up = grid[(i + size - 1) % size][j];
      const down = grid[(i + 1) % size][j];
      const left = grid[i][(j + size - 1) % size];
      const right = grid[i][(j + 1) % size];
      next[i][j] = grid[i][j] + dt * (up + down + left + right - 4 * grid[i][j]);
    }
  }
}

/** The book's experiment on an N x N grid: zero, but 0.005 in a square off the middle; dt = 0.1. */
export function experiment(size: number) {
  const low = Math.floor(0.4 * size), high = Math.floor(0.5 * size);
  const zeros = () => Array.from({ length: size }, () => new Array<number>(size).fill(0));
  let grid = zeros(), next = zeros();
  for (let i = low; i < high; i++) grid[i].fill(0.005, low, high);
  return {
    run(steps: number) {
      for (let step = 0; step < steps; step++) {
        evolve(grid, next, 0.1);
        [grid, next] = [next, grid];
      }
    },
    /** The N x N values, row by row. */
    grid: () => Float64Array.from(grid.flat()),
  };
}

if (import.meta.main) {
  const size = 512, steps = 200;
  const { run, grid } = experiment(size);
  const mass = () => grid().reduce((sum, u) => sum + u, 0);
  const before = mass(), start = performance.now();
  run(steps);
  console.log(`${size} x ${size}: ${((performance.now() - start) / steps).toFixed(3)} ms a step`);
  if (Math.abs(mass() / before - 1) > 1e-9) throw new Error(`mass not conserved: ${before} became ${mass()}`);
}
