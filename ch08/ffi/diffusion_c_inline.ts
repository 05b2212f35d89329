/**
 * Diffusion in C whose source stands inside the script: one file to copy, compiled when it starts.
 *
 * What to notice: the compiler takes a tenth of a second or two, once; that is what the convenience costs. In return
 * the compiler may be told what a library built beforehand cannot know, here the size of the grid (-DSIZE): the row
 * length is then a constant in the loop. The declaration for Deno stands a few lines from the C that it must agree with.
 *
 * Linux and macOS, where a library may be removed once it is open. Needs a C compiler.
 *
 * @original 08_compiling/cffi/diffusion_2d_cffi_inline.py, 08_compiling/cffi/diffusion_2d_cffi.py
 * @run deno run --allow-run=cc --allow-write=. --allow-ffi=. ch08/ffi/diffusion_c_inline.ts
 * @takes 1 s
 */

const source = `
#include <stdint.h>

enum { n = SIZE, last = SIZE - 1 };

void diffusion_step(const double *restrict u, double *restrict next, double dt) {
  for (int32_t i = 0; i < n; i++) {
    const double *row = u + (int64_t)i * n;
    const double *above = u + (int64_t)(i == 0 ? last : i - 1) * n;
    const double *below = u + (int64_t)(i == last ? 0 : i + 1) * n;
    double *out = next + (int64_t)i * n;
    for (int32_t j = 1; j < last; j++) {
      out[j] = row[j] + dt * (above[j] + below[j] + row[j - 1] + row[j + 1] - 4 * row[j]);
    }
    out[0] = row[0] + dt * (above[0] + below[0] + row[last] + row[1 % n] - 4 * row[0]);
    out[last] = row[last] + dt * (above[last] + below[last] + row[(last + last) % n] + row[0] - 4 * row[last]);
  }
}
`;

const symbols = { diffusion_step: { parameters: ["buffer", "buffer", "f64"], result: "void" } } as const;
// Nothing is added in another order, and nothing fused, so that the result is that of TypeScript to the bit.
const flags = ["-O3", "-march=native", "-ffp-contract=off", "-shared", "-fPIC"];

/** Compiles the source in a folder of its own below `folder`, opens it, and removes the folder: also after an error or Ctrl-C. */
async function build(size: number, folder: string) {
  const stop = new AbortController();
  const interrupt = () => {
    stop.abort();
    Deno.removeSync(temporary, { recursive: true });
    Deno.exit(130);
  };
  Deno.addSignalListener("SIGINT", interrupt);
  const temporary = Deno.makeTempDirSync({ dir: folder });
  try {
    const file = `${temporary}/diffusion.c`, library = `${temporary}/diffusion.so`;
    Deno.writeTextFileSync(file, source);
    const args = [...flags, `-DSIZE=${size}`, "-o", library, file];
    const { success, stderr } = await new Deno.Command("cc", { args, stdin: "null", signal: stop.signal }).output();
    if (!success) throw new Error(`cc:\n${new TextDecoder().decode(stderr)}`);
    return Deno.dlopen(library, symbols);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  } finally {
    Deno.removeSignalListener("SIGINT", interrupt);
    Deno.removeSync(temporary, { recursive: true });
  }
}

/**
 * The book's experiment on an N x N grid: zero, but 0.005 in a square off the middle; dt = 0.1.
 *
 * @returns null where there is no C compiler
 */
export async function experiment(size: number, { folder = "." } = {}) {
  const library = await build(size, folder);
  if (!library) return null;
  const { diffusion_step } = library.symbols;
  const low = Math.floor(0.4 * size), high = Math.floor(0.5 * size);
  let u = new Float64Array(size * size), next = new Float64Array(size * size);
  for (let i = low; i < high; i++) u.fill(0.005, i * size + low, i * size + high);
  return {
    run(steps: number) {
      for (let step = 0; step < steps; step++) {
        diffusion_step(u, next, 0.1);
        [u, next] = [next, u];
      }
    },
    /** The N x N values, row by row. */
    grid: () => u,
    close: () => library.close(),
  };
}

if (import.meta.main) {
  const size = 512, steps = 1000;
  const prepared = await experiment(size);
  if (!prepared) {
    console.error(
      "error: no C compiler, whose loop was to be called from here; install one: apt-get install gcc libc6-dev",
    );
    Deno.exit(2);
  }
  const { run, grid, close } = prepared;
  const mass = () => grid().reduce((sum, u) => sum + u, 0);
  const spread = () => grid().reduce((sum, u, k) => sum + u * ((k % size) ** 2 + Math.floor(k / size) ** 2), 0);
  const before = mass(), wide = spread() / before, start = performance.now();
  run(steps);
  console.log(`${size} x ${size}: ${((performance.now() - start) / steps).toFixed(3)} ms a step`);
  // Nothing is lost, and the mean square distance grows by 4 dt a step as long as nothing comes round the edge.
  if (Math.abs(mass() / before - 1) > 1e-9) throw new Error(`mass not conserved: ${before} became ${mass()}`);
  const growth = spread() / mass() - wide;
  if (Math.abs(growth / (0.4 * steps) - 1) > 1e-6) throw new Error(`spread by ${growth}, not by ${0.4 * steps}`);
  close();
}
