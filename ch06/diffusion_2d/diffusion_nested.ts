/**
 * Diffusion on nested arrays, with a new grid allocated every step: the plainest way to write it.
 *
 * What to notice: each read of `grid[i][j]` follows a pointer to the row before it reaches the number, and each step
 * makes N arrays of N numbers that live just long enough to be copied by the garbage collector. The modulo of the
 * periodic edge runs four times for every cell, though only the border needs it.
 *
 * @original 06_matrix/diffusion_2d/diffusion_python.py
 * @run deno run ch06/diffusion_2d/diffusion_nested.ts
 * @takes 1 s
 */

/**
 * One step of u' = u + D dt (up + down + left + right - 4u) with D = 1 and periodic edges.
 *
 * @param grid N rows of N numbers; left as it is
 * @param dt the time step; stable up to 0.25
 * @returns a new grid of the same shape
 */
export function evolve(grid: number[][], dt: number): number[][] {
  const size = grid.length;
  const next: number[][] = [];
  for (let i = 0; i < size; i++) {
    const row: number[] = [];
    for (let j = 0; j < size; j++) {
      const up = grid[(i + size - 1) % size][j];
      const down = grid[(i + 1) % size][j];
      const left = grid[i][(j + size - 1) % size];
      const right = grid[i][(j + 1) % size];
      row.push(grid[i][j] + dt * (up + down + left + right - 4 * grid[i][j]));
    }
    next.push(row);
  }
  return next;
}

/** The book's experiment on an N x N grid: zero, but 0.005 in a square off the middle; dt = 0.1. */
export function experiment(size: number) {
  const low = Math.floor(0.4 * size), high = Math.floor(0.5 * size);
  let grid = Array.from({ length: size }, () => new Array<number>(size).fill(0));
  for (let i = low; i < high; i++) grid[i].fill(0.005, low, high);
  return {
    run(steps: number) {
      for (let step = 0; step < steps; step++) grid = evolve(grid, 0.1);
    },
    /** The N x N values, row by row. */
    grid: () => Float64Array.from(grid.flat()),
  };
}

if (import.meta.main) {
  const size = 512, steps = 100;
  const { run, grid } = experiment(size);
  const mass = () => grid().reduce((sum, u) => sum + u, 0);
  const before = mass(), start = performance.now();
  run(steps);
  console.log(`${size} x ${size}: ${((performance.now() - start) / steps).toFixed(3)} ms a step`);
  if (Math.abs(mass() / before - 1) > 1e-9) throw new Error(`mass not conserved: ${before} became ${mass()}`);
}
