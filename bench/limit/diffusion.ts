/** The diffusion in C as one more experiment, to be measured beside the techniques of ch06/diffusion_2d. */

import { openLimit } from "./limit.ts";

/** The experiment in C, or null where it cannot be built. */
export async function openDiffusion(options: { openmp?: boolean } = {}) {
  const library = await openLimit("diffusion", {
    diffusion: { parameters: ["buffer", "buffer", "i32", "i32", "f64"], result: "void" },
  }, options);
  return library && ((size: number) => {
    const low = Math.floor(0.4 * size), high = Math.floor(0.5 * size);
    let u = new Float64Array(size * size), next = new Float64Array(size * size);
    for (let i = low; i < high; i++) u.fill(0.005, i * size + low, i * size + high);
    return {
      run(steps: number) {
        library.symbols.diffusion(u, next, size, steps, 0.1);
        if (steps % 2 === 1) [u, next] = [next, u];
      },
      grid: () => u,
    };
  });
}
