/** Pi by darts in C as one more experiment, to be measured beside the techniques of ch10/pi_estimation. */

import { openLimit } from "./limit.ts";

const kernel = { parameters: ["u32", "i32", "i32"], result: "f64" } as const;
const block = 2 ** 16;

/** The book's experiment by one of the kernels in C, or null where they cannot be built. */
export async function openPi(
  { darts, seed = 10 }: { darts: number; seed?: number },
  name: "pi" | "pi_vectors",
  options: { openmp?: boolean } = {},
) {
  const library = await openLimit("pi", { pi: kernel, pi_vectors: kernel }, options);
  if (!library) return null;
  const blocks = Math.ceil(darts / block), last = darts - (blocks - 1) * block;
  const estimate = library.symbols[name];
  return { run: () => ({ inside: estimate(seed, blocks, last), darts }) };
}
