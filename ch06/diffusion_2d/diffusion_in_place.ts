/**
 * Diffusion as whole-array operations in place: nothing is allocated inside the loop.
 *
 * What to notice: each operation still walks through the whole grid, so that memory is read and written once for each
 * of them, but always the same two buffers and one for the rolled copy. What goes away is the page-fault and collection
 * cost of a fresh array for every intermediate value.
 *
 * @original 06_matrix/diffusion_2d/diffusion_numpy_memory.py
 * @run deno run ch06/diffusion_2d/diffusion_in_place.ts
 * @takes 1 s
 */

function add(a: Float64Array, b: Float64Array): void {
  for (let i = 0; i < a.length; i++) a[i] += b[i];
}

function scale(a: Float64Array, factor: number): void {
  for (let i = 0; i < a.length; i++) a[i] *= factor;
}

/** Writes to `rolled` the grid shifted down and to the right; what leaves at one edge enters at the other. */
function roll(u: Float64Array, rolled: Float64Array, size: number, down: number, right: number): void {
  for (let i = 0; i < size; i++) {
    const row = u.subarray(i * size, (i + 1) * size);
    const target = (i + down + size) % size * size;
    const cut = (size - right) % size;
    rolled.set(row.subarray(cut), target);
    rolled.set(row.subarray(0, cut), target + size - cut);
  }
}

/**
 * One step of u' = u + D dt (up + down + left + right - 4u) with D = 1 and periodic edges.
 *
 * @param u N x N values, row by row; left as they are
 * @param next receives the N x N new values
 * @param rolled N x N values of room to work in
 * @param size N
 * @param dt the time step; stable up to 0.25
 */
export function evolve(u: Float64Array, next: Float64Array, rolled: Float64Array, size: number, dt: number): void {
  next.set(u);
  scale(next, -4);
  for (const [down, right] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
    roll(u, rolled, size, down, right);
    add(next, rolled);
  }
  scale(next, dt);
  add(next, u);
}

/** The book's experiment on an N x N grid: zero, but 0.005 in a square off the middle; dt = 0.1. */
export function experiment(size: number) {
  const low = Math.floor(0.4 * size), high = Math.floor(0.5 * size);
  let u = new Float64Array(size * size), next = new Float64Array(size * size);
  const rolled = new Float64Array(size * size);
  for (let i = low; i < high; i++) u.fill(0.005, i * size + low, i * size + high);
  return {
    run(steps: number) {
      for (let step = 0; step < steps; step++) {
        evolve(u, next, rolled, size, 0.1);
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
