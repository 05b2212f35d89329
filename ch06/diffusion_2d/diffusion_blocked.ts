/**
 * Diffusion with several time steps in one pass over memory, in plain TypeScript on one core.
 *
 * What to notice: on a grid beyond the cache, a step waits for memory: every value comes in, is used five times and goes
 * out. Here step 2 follows two rows behind step 1, step 3 two rows behind that, while the rows between them are still
 * in the cache, so that memory is read and written once for `depth` steps. At the periodic edge the first rows of a later
 * step need the last rows of an earlier one, which are computed twice, once for either end.
 *
 * @original 06_matrix/diffusion_2d/diffusion_numpy_memory2_numexpr_single.py
 * @run deno run ch06/diffusion_2d/diffusion_blocked.ts
 * @takes 2 s
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
 * `recent.length` + 1 steps of u' = u + D dt (up + down + left + right - 4u) with D = 1 and periodic edges.
 *
 * @param u N rows of N values; left as they are
 * @param next receives the N x N new values, in N rows and one more that is scratch if N is odd
 * @param recent for each step but the last six rows of N values of room to work in
 * @param dt the time step; stable up to 0.25
 */
export function evolve(u: Float64Array[], next: Float64Array[], recent: Float64Array[][], dt: number): void {
  const size = next.length - 1, depth = recent.length + 1;
  // Rows run on past the edges, from -depth to N + depth. Of the steps in between, the six latest rows are kept.
  const row = (step: number, i: number) =>
    step === 0 ? u[(i % size + size) % size] : step === depth ? next[i] : recent[step - 1][(i + 6 * depth) % 6];
  for (let front = -(depth & ~1); front < size + 2 * depth; front += 2) {
    for (let step = 1; step <= depth; step++) {
      const i = front - 2 * (step - 1), margin = depth - step, before = step - 1;
      if (i < -(margin + 1 & ~1) || i >= size + margin) continue;
      evolvePair(
        row(before, i - 1),
        row(before, i),
        row(before, i + 1),
        row(before, i + 2),
        row(step, i),
        row(step, i + 1),
        dt,
      );
    }
  }
}

/**
 * The book's experiment on an N x N grid: zero, but 0.005 in a square off the middle; dt = 0.1.
 *
 * @param depth steps in one pass over memory
 */
export function experiment(size: number, depth = 4) {
  const low = Math.floor(0.4 * size), high = Math.floor(0.5 * size);
  const rows = (count: number) => {
    const block = new Float64Array(count * size);
    return Array.from({ length: count }, (_, i) => block.subarray(i * size, (i + 1) * size));
  };
  let u = rows(size + 1), next = rows(size + 1);
  const recent = Array.from({ length: depth - 1 }, () => rows(6));
  for (let i = low; i < high; i++) u[i].fill(0.005, low, high);
  return {
    run(steps: number) {
      for (let left = steps; left > 0; left -= depth) {
        evolve(u, next, recent.slice(0, Math.min(depth, left) - 1), 0.1);
        [u, next] = [next, u];
      }
    },
    /** The N x N values, row by row. */
    grid: () => new Float64Array(u[0].buffer, 0, size * size),
  };
}

if (import.meta.main) {
  const size = 4096, steps = 60;
  const { run, grid } = experiment(size);
  const mass = () => grid().reduce((sum, u) => sum + u, 0);
  const before = mass(), start = performance.now();
  run(steps);
  console.log(`${size} x ${size}: ${((performance.now() - start) / steps).toFixed(3)} ms a step`);
  if (Math.abs(mass() / before - 1) > 1e-9) throw new Error(`mass not conserved: ${before} became ${mass()}`);
}
