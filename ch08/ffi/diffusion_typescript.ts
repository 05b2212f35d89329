/**
 * Diffusion in plain TypeScript on typed arrays: what the versions in C, C++, Fortran and Rust must agree with and beat.
 *
 * What to notice: there is nothing to install, to compile or to permit. Two rows are computed at a time, each the
 * other's neighbour, and what was read for one cell is kept for the next. V8 computes in doubles exactly as written: it
 * neither reorders additions nor fuses a multiplication with one. A compiler told to keep to that gives the same bits.
 *
 * @original 08_compiling/ctypes/diffusion_ctypes.py (the numbers it must come to)
 * @run deno run ch08/ffi/diffusion_typescript.ts
 * @takes 1 s
 */

/** New values of the adjacent rows a and b: centre + dt (above + below + left + right - 4 centre), added in that order. */
function evolvePair(
  above: Float64Array,
  a: Float64Array,
  b: Float64Array,
  below: Float64Array,
  outA: Float64Array,
  outB: Float64Array,
  dt: number,
): void {
  const last = a.length - 1;
  let leftA = a[last], leftB = b[last], centreA = a[0], centreB = b[0];
  for (let j = 0; j < last; j++) {
    const rightA = a[j + 1], rightB = b[j + 1];
    outA[j] = centreA + dt * (above[j] + centreB + leftA + rightA - 4 * centreA);
    outB[j] = centreB + dt * (centreA + below[j] + leftB + rightB - 4 * centreB);
    leftA = centreA;
    leftB = centreB;
    centreA = rightA;
    centreB = rightB;
  }
  outA[last] = centreA + dt * (above[last] + centreB + leftA + a[0] - 4 * centreA);
  outB[last] = centreB + dt * (centreA + below[last] + leftB + b[0] - 4 * centreB);
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
    close() {},
  };
}

if (import.meta.main) {
  const size = 512, steps = 1000;
  const { run, grid } = experiment(size);
  const mass = () => grid().reduce((sum, u) => sum + u, 0);
  const spread = () => grid().reduce((sum, u, k) => sum + u * ((k % size) ** 2 + Math.floor(k / size) ** 2), 0);
  const before = mass(), wide = spread() / before, start = performance.now();
  run(steps);
  console.log(`${size} x ${size}: ${((performance.now() - start) / steps).toFixed(3)} ms a step`);
  // Nothing is lost, and the mean square distance grows by 4 dt a step as long as nothing comes round the edge.
  if (Math.abs(mass() / before - 1) > 1e-9) throw new Error(`mass not conserved: ${before} became ${mass()}`);
  const growth = spread() / mass() - wide;
  if (Math.abs(growth / (0.4 * steps) - 1) > 1e-6) throw new Error(`spread by ${growth}, not by ${0.4 * steps}`);
}
