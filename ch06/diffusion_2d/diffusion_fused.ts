/**
 * Diffusion in one fused pass over rows, two rows at a time: as fast as plain TypeScript gets on one core.
 *
 * What to notice: each row is a view of its own, made once. Inside the loop the index runs from 0 to the row's length,
 * which V8 can check cheaply. The left and the middle value are carried over from the last cell instead of being read
 * again, and of two rows computed together each is the other's neighbour: seven reads and writes for two cells where
 * the formula asks for twelve.
 *
 * @original 06_matrix/diffusion_2d/diffusion_numpy_memory2_numexpr_single.py
 * @run deno run ch06/diffusion_2d/diffusion_fused.ts
 * @takes 1 s
 */

/** New values of the adjacent rows a and b. */
function evolvePair(
  above: Float64Array,
  a: Float64Array,
  b: Float64Array,
  below: Float64Array,
  outA: Float64Array,
  outB: Float64Array,
  dt: number,
): void {
  const keep = 1 - 4 * dt, last = a.length - 1;
  let leftA = a[last], leftB = b[last], centreA = a[0], centreB = b[0];
  for (let j = 0; j < last; j++) {
    const rightA = a[j + 1], rightB = b[j + 1];
    outA[j] = keep * centreA + dt * (above[j] + centreB + (leftA + rightA));
    outB[j] = keep * centreB + dt * (centreA + below[j] + (leftB + rightB));
    leftA = centreA;
    leftB = centreB;
    centreA = rightA;
    centreB = rightB;
  }
  outA[last] = keep * centreA + dt * (above[last] + centreB + (leftA + a[0]));
  outB[last] = keep * centreB + dt * (centreA + below[last] + (leftB + b[0]));
}

/**
 * One step of u' = u + D dt (up + down + left + right - 4u) with D = 1 and periodic edges.
 *
 * @param u N rows of N values; left as they are
 * @param next receives the N x N new values, in N rows and one more that is scratch if N is odd
 * @param dt the time step; stable up to 0.25
 */
export function evolve(u: Float64Array[], next: Float64Array[], dt: number): void {
  const size = next.length - 1;
  for (let i = 0; i < size; i += 2) {
    evolvePair(u[(i + size - 1) % size], u[i], u[(i + 1) % size], u[(i + 2) % size], next[i], next[i + 1], dt);
  }
}

/** The book's experiment on an N x N grid: zero, but 0.005 in a square off the middle; dt = 0.1. */
export function experiment(size: number) {
  const low = Math.floor(0.4 * size), high = Math.floor(0.5 * size);
  const rows = () => {
    const grid = new Float64Array((size + 1) * size);
    return Array.from({ length: size + 1 }, (_, i) => grid.subarray(i * size, (i + 1) * size));
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
    grid: () => new Float64Array(u[0].buffer, 0, size * size),
  };
}

if (import.meta.main) {
  const size = 512, steps = 1000;
  const { run, grid } = experiment(size);
  const mass = () => grid().reduce((sum, u) => sum + u, 0);
  const before = mass(), start = performance.now();
  run(steps);
  console.log(`${size} x ${size}: ${((performance.now() - start) / steps).toFixed(3)} ms a step`);
  if (Math.abs(mass() / before - 1) > 1e-9) throw new Error(`mass not conserved: ${before} became ${mass()}`);
}
