/**
 * Diffusion in Rust, built by rustc alone into a library that C could call.
 *
 * What to notice: the border is as unsafe as that of C, and Rust makes one say so: `from_raw_parts` believes the
 * length it is given. Behind that line the two grids are slices with a known length, and the compiler vouches for the
 * rest. Rows are slices of n values, so that it can move the bounds checks out of the loop. Rust never fuses a
 * multiplication and an addition by itself: no flag is needed to get TypeScript's bits. A panic must not cross the
 * border; with panic=abort it ends the process instead.
 *
 * Linux and macOS, where a library may be removed once it is open. Needs rustc and the linker that comes with a C compiler.
 *
 * @original 08_compiling/rust/diffusion/src/lib.rs, 08_compiling/rust/cffi_diffusion.py, 08_compiling/rust/example.py
 * @run deno run --allow-run=rustc --allow-write=. --allow-ffi=. ch08/ffi/diffusion_rust.ts
 * @takes 2 s
 */

const source = `
use std::slice::{from_raw_parts, from_raw_parts_mut};

/// Expects n * n values at u and at next, which do not overlap.
#[no_mangle]
pub unsafe extern "C" fn diffusion_step(u: *const f64, next: *mut f64, n: i32, dt: f64) {
    let n = n as usize;
    step(from_raw_parts(u, n * n), from_raw_parts_mut(next, n * n), n, dt);
}

fn step(u: &[f64], next: &mut [f64], n: usize, dt: f64) {
    let last = n - 1;
    let row_of = |i: usize| &u[i * n..(i + 1) * n];
    for (i, out) in next.chunks_exact_mut(n).enumerate() {
        let above = row_of(if i == 0 { last } else { i - 1 });
        let below = row_of(if i == last { 0 } else { i + 1 });
        let row = row_of(i);
        let evolved = |up: f64, down: f64, left: f64, right: f64, centre: f64| {
            centre + dt * (up + down + left + right - 4.0 * centre)
        };
        for j in 1..last.max(1) {
            out[j] = evolved(above[j], below[j], row[j - 1], row[j + 1], row[j]);
        }
        out[0] = evolved(above[0], below[0], row[last], row[1 % n], row[0]);
        out[last] = evolved(above[last], below[last], row[(last + last) % n], row[0], row[last]);
    }
}
`;

const symbols = { diffusion_step: { parameters: ["buffer", "buffer", "i32", "f64"], result: "void" } } as const;
const flags = ["--crate-type=cdylib", "-Copt-level=3", "-Ctarget-cpu=native", "-Cpanic=abort"];

/** Compiles the source in a folder of its own below `folder`, opens it, and removes the folder: also after an error or Ctrl-C. */
async function build(folder: string) {
  const stop = new AbortController();
  const interrupt = () => {
    stop.abort();
    Deno.removeSync(temporary, { recursive: true });
    Deno.exit(130);
  };
  Deno.addSignalListener("SIGINT", interrupt);
  const temporary = Deno.makeTempDirSync({ dir: folder });
  try {
    const file = `${temporary}/diffusion.rs`, library = `${temporary}/diffusion.so`;
    Deno.writeTextFileSync(file, source);
    const args = [...flags, "-o", library, file];
    const { success, stderr } = await new Deno.Command("rustc", { args, stdin: "null", signal: stop.signal }).output();
    const messages = new TextDecoder().decode(stderr);
    if (/linker .* not found/.test(messages)) return null;
    if (!success) throw new Error(`rustc:\n${messages}`);
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
 * @returns null where there is no Rust compiler
 */
export async function experiment(size: number, { folder = "." } = {}) {
  const library = await build(folder);
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
  const prepared = await experiment(size);
  if (!prepared) {
    console.error(
      "error: no Rust compiler with a linker, whose loop was to be called from here; install one: apt-get install rustc gcc",
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
