/**
 * Diffusion as whole-array operations, each of which returns a new array: the way of NumPy's first version.
 *
 * What to notice: the step reads like the formula, and every operation in it allocates, fills and abandons an array as
 * large as the grid. Typed arrays live outside the JavaScript heap, so that the collector learns late how much is held.
 * Ten arrays are filled in a step where one would do.
 *
 * @original 06_matrix/diffusion_2d/diffusion_numpy.py, …/diffusion_numpy_naive.py
 * @run deno run ch06/diffusion_2d/diffusion_temporaries.ts
 * @takes 1 s
 */

function add(a: Float64Array, b: Float64Array): Float64Array {
  const sum = new Float64Array(a.length);
  for (let i = 0; i < sum.length; i++) sum[i] = a[i] + b[i];
  return sum;
}

function scale(a: Float64Array, factor: number): Float64Array {
  const scaled = new Float64Array(a.length);
  for (let i = 0; i < scaled.length; i++) scaled[i] = a[i] * factor;
  return scaled;
}

/** The grid shifted down and to the right by so many cells; what leaves at one edge enters at the other. */
function roll(u: Float64Array, size: number, down: number, right: number): Float64Array {
  const rolled = new Float64Array(u.length);
  for (let i = 0; i < size; i++) {
    const row = u.subarray(i * size, (i + 1) * size);
    const target = (i + down + size) % size * size;
    const cut = (size - right) % size;
    rolled.set(row.subarray(cut), target);
    rolled.set(row.subarray(0, cut), target + size - cut);
  }
  return rolled;
}

function laplacian(u: Float64Array, size: number): Float64Array {
  const vertical = add(roll(u, size, 1, 0), roll(u, size, -1, 0));
  const horizontal = add(roll(u, size, 0, 1), roll(u, size, 0, -1));
  return add(add(vertical, horizontal), scale(u, -4));
}

/**
 * One step of u' = u + D dt (up + down + left + right - 4u) with D = 1 and periodic edges.
 *
 * @param u N x N values, row by row; left as they are
 * @param size N
 * @param dt the time step; stable up to 0.25
 * @returns the N x N new values
 */
export function evolve(u: Float64Array, size: number, dt: number): Float64Array {
  return add(u, scale(laplacian(u, size), dt));
}

/** The book's experiment on an N x N grid: zero, but 0.005 in a square off the middle; dt = 0.1. */
export function experiment(size: number) {
  const low = Math.floor(0.4 * size), high = Math.floor(0.5 * size);
  let u: Float64Array = new Float64Array(size * size);
  for (let i = low; i < high; i++) u.fill(0.005, i * size + low, i * size + high);
  return {
    run(steps: number) {
      for (let step = 0; step < steps; step++) u = evolve(u, size, 0.1);
    },
    /** The N x N values, row by row. */
    grid: () => u,
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
