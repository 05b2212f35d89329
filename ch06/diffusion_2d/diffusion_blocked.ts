/**
 * Diffusion with several time steps in one pass over memory, in plain TypeScript on one core.
 *
 * What to notice: on a grid beyond the cache, a step waits for memory: every value comes in, is used five times and goes
 * out. Here step 2 follows one row behind step 1, step 3 one row behind that, while the rows between them are still in
 * the cache, so that memory is read and written once for `depth` steps. At the periodic edge the first rows of a later
 * step need the last rows of an earlier one, which are computed twice, once for either end.
 *
 * @original 06_matrix/diffusion_2d/diffusion_numpy_memory2_numexpr_single.py
 * @run deno run ch06/diffusion_2d/diffusion_blocked.ts
 * @takes 2 s
 */

/** New values of one row. */
function evolveRow(above: Float64Array, row: Float64Array, below: Float64Array, out: Float64Array, dt: number): void {
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
 * `recent.length` + 1 steps of u' = u + D dt (up + down + left + right - 4u) with D = 1 and periodic edges.
 *
 * @param u N rows of N values; left as they are
 * @param next receives the N rows of new values
 * @param recent for each step but the last four rows of N values of room to work in
 * @param dt the time step; stable up to 0.25
 */
export function evolve(u: Float64Array[], next: Float64Array[], recent: Float64Array[][], dt: number): void {
  const size = u.length, depth = recent.length + 1;
  // Rows run on past the edges, from -depth to N + depth. Of the steps in between, the four latest rows are kept.
  const row = (step: number, i: number) =>
    step === 0 ? u[(i % size + size) % size] : step === depth ? next[i] : recent[step - 1][i & 3];
  for (let front = 1 - depth; front < size + 2 * depth; front++) {
    for (let step = 1; step <= depth; step++) {
      const i = front - (step - 1), margin = depth - step;
      if (i < -margin || i >= size + margin) continue;
      evolveRow(row(step - 1, i - 1), row(step - 1, i), row(step - 1, i + 1), row(step, i), dt);
    }
  }
}

/**
 * The book's experiment on an N x N grid: zero, but 0.005 in a square off the middle; dt = 0.1.
 *
 * @param depth steps in one pass over memory
 */
export function experiment(size: number, depth = 6) {
  const low = Math.floor(0.4 * size), high = Math.floor(0.5 * size);
  const rows = (count: number) => {
    const block = new Float64Array(count * size);
    return Array.from({ length: count }, (_, i) => block.subarray(i * size, (i + 1) * size));
  };
  let u = rows(size), next = rows(size);
  const recent = Array.from({ length: depth - 1 }, () => rows(4));
  for (let i = low; i < high; i++) u[i].fill(0.005, low, high);
  return {
    run(steps: number) {
      for (let left = steps; left > 0; left -= depth) {
        evolve(u, next, recent.slice(0, Math.min(depth, left) - 1), 0.1);
        [u, next] = [next, u];
      }
    },
    /** The N x N values, row by row. */
    grid: () => new Float64Array(u[0].buffer),
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
