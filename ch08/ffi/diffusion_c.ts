/**
 * Diffusion in C, called through Deno's foreign function interface.
 *
 * What to notice: a Float64Array passed as "buffer" is the address of its numbers, so nothing is copied. C is called
 * for every step, and that costs next to nothing beside a step. Nobody checks the types written down below against those
 * of the C source. On one point -march=native must be reined in: fusing a multiplication and an addition into one
 * instruction (FMA) rounds once instead of twice, and -ffp-contract=off forbids it. Then C and TypeScript give the same
 * bits; with FMA, which is also run here, the last ones differ and the time hardly does.
 *
 * Linux and macOS, where a library may be removed once it is open. Needs a C compiler.
 *
 * @original 08_compiling/ctypes/diffusion_ctypes.py, 08_compiling/diffusion.c
 * @beside diffusion.c
 * @run deno run --allow-run=cc --allow-write=. --allow-ffi=. ch08/ffi/diffusion_c.ts
 * @takes 1 s
 */

import { fileURLToPath } from "node:url";

const symbols = { diffusion_step: { parameters: ["buffer", "buffer", "i32", "f64"], result: "void" } } as const;

/**
 * Compiles a C file in a folder of its own below `folder`, opens the library and removes the folder: also after an
 * error, and after Ctrl-C.
 *
 * @returns null where there is no C compiler; throws with the compiler's message if the source is at fault
 */
export async function build<Symbols extends Deno.ForeignLibraryInterface>(
  source: URL,
  symbols: Symbols,
  { folder = ".", fma = false } = {},
): Promise<Deno.DynamicLibrary<Symbols> | null> {
  const stop = new AbortController();
  const interrupt = () => {
    stop.abort();
    Deno.removeSync(temporary, { recursive: true });
    Deno.exit(130);
  };
  Deno.addSignalListener("SIGINT", interrupt);
  const temporary = Deno.makeTempDirSync({ dir: folder });
  try {
    const library = `${temporary}/library.so`;
    const flags = ["-O3", "-march=native", `-ffp-contract=${fma ? "fast" : "off"}`, "-shared", "-fPIC"];
    const args = [...flags, "-o", library, fileURLToPath(source)];
    const { success, stderr } = await new Deno.Command("cc", { args, stdin: "null", signal: stop.signal }).output();
    if (!success) throw new Error(`cc ${source.pathname}:\n${new TextDecoder().decode(stderr)}`);
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
export async function experiment(size: number, options: { folder?: string; fma?: boolean } = {}) {
  const library = await build(new URL("diffusion.c", import.meta.url), symbols, options);
  if (!library) return null;
  const { diffusion_step } = library.symbols;
  const low = Math.floor(0.4 * size), high = Math.floor(0.5 * size);
  let u = new Float64Array(size * size), next = new Float64Array(size * size);
  for (let i = low; i < high; i++) u.fill(0.005, i * size + low, i * size + high);
  return {
    run(steps: number) {
      for (let step = 0; step < steps; step++) {
        diffusion_step(u, next, size, 0.1);
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
  const results: Float64Array[] = [];
  for (const fma of [false, true]) {
    const prepared = await experiment(size, { fma });
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
    const time = (performance.now() - start) / steps;
    console.log(`${size} x ${size} ${fma ? "with FMA" : "as written"}: ${time.toFixed(3)} ms a step`);
    // Nothing is lost, and the mean square distance grows by 4 dt a step as long as nothing comes round the edge.
    if (Math.abs(mass() / before - 1) > 1e-9) throw new Error(`mass not conserved: ${before} became ${mass()}`);
    const growth = spread() / mass() - wide;
    if (Math.abs(growth / (0.4 * steps) - 1) > 1e-6) throw new Error(`spread by ${growth}, not by ${0.4 * steps}`);
    results.push(grid());
    close();
  }
  const [written, fused] = results, largest = written.reduce((a, b) => Math.max(a, b));
  const error = written.reduce((most, value, k) => Math.max(most, Math.abs(value - fused[k]) / largest), 0);
  const different = written.filter((value, k) => value !== fused[k]).length;
  console.log(`FMA changes ${different} of ${size ** 2} values, by at most ${error.toExponential(1)} of the largest`);
  if (error > 1e-12) throw new Error(`FMA changed the result by ${error}`);
}
