/** The Julia set in C as one more experiment, to be measured beside the techniques of ch08/julia. */

import { openLimit } from "./limit.ts";

const kernel = { parameters: ["i32", "buffer", "buffer", "f64", "f64", "buffer", "i32"], result: "void" } as const;

/** The book's experiment by one of the kernels in C, or null where they cannot be built. */
export async function openJulia(
  width: number,
  name: "julia" | "julia_vectors" | "julia_in_flight",
  options: { openmp?: boolean } = {},
) {
  const library = await openLimit("julia", { julia: kernel, julia_vectors: kernel, julia_in_flight: kernel }, options);
  if (!library) return null;
  // The kernels read whole vectors, also behind the last column.
  const xs = new Float64Array(width + 64), ys = new Float64Array(width), counts = new Int32Array(width * width);
  for (let i = 0, x = -1.8, y = 1.8; i < width; i++, x += 3.6 / width, y -= 3.6 / width) xs[i] = x, ys[i] = y;
  const julia = library.symbols[name];
  return { run: () => julia(300, xs, ys, -0.62772, -0.42193, counts, width), counts: () => counts };
}
