/**
 * Diffusion in Fortran, where the first index runs fastest.
 *
 * What to notice: `bind(c)` gives the subroutine its plain name, `value` passes numbers as C does; without it Fortran takes
 * every argument by address. A grid that TypeScript wrote row by row, Fortran reads column by column: row i, column j
 * here is u(j + 1, i + 1) there, as the script shows on one cell. Nothing is transposed for that. The indices are named
 * in the other order, and the inner loop runs over the first of them. The diffusion is the same for rows and for columns,
 * so to mix them up would only change the order of additions, and with it the last bits.
 *
 * Linux and macOS, where a library may be removed once it is open. Needs a Fortran compiler.
 *
 * @original 08_compiling/f2py/diffusion_fortran.py
 * @run deno run --allow-run=gfortran --allow-write=. --allow-ffi=. ch08/ffi/diffusion_fortran.ts
 * @takes 1 s
 */

const source = `
subroutine diffusion_step(u, next, n, dt) bind(c)
  use iso_c_binding
  implicit none
  integer(c_int32_t), value :: n
  real(c_double), value :: dt
  real(c_double), intent(in) :: u(n, n)
  real(c_double), intent(out) :: next(n, n)
  integer :: i, j, above, below, left, right
  do i = 1, n
    above = merge(n, i - 1, i == 1)
    below = merge(1, i + 1, i == n)
    do j = 2, n - 1
      next(j, i) = u(j, i) + dt * (u(j, above) + u(j, below) + u(j - 1, i) + u(j + 1, i) - 4 * u(j, i))
    end do
    ! The first and the last column, whose neighbours are at the other end.
    do j = 1, n, max(1, n - 1)
      left = merge(n, j - 1, j == 1)
      right = merge(1, j + 1, j == n)
      next(j, i) = u(j, i) + dt * (u(j, above) + u(j, below) + u(left, i) + u(right, i) - 4 * u(j, i))
    end do
  end do
end subroutine

! What Fortran finds at u(first, second).
function element(u, n, first, second) bind(c) result(found)
  use iso_c_binding
  implicit none
  integer(c_int32_t), value :: n, first, second
  real(c_double), intent(in) :: u(n, n)
  real(c_double) :: found
  found = u(first, second)
end function
`;

const symbols = {
  diffusion_step: { parameters: ["buffer", "buffer", "i32", "f64"], result: "void" },
  element: { parameters: ["buffer", "i32", "i32", "i32"], result: "f64" },
} as const;
// Nothing is added in another order, and nothing fused, so that the result is that of TypeScript to the bit.
const flags = ["-O3", "-march=native", "-ffp-contract=off", "-shared", "-fPIC"];

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
    const file = `${temporary}/diffusion.f90`, library = `${temporary}/diffusion.so`;
    Deno.writeTextFileSync(file, source);
    const args = [...flags, "-o", library, file];
    const { success, stderr } = await new Deno.Command("gfortran", { args, stdin: "null", signal: stop.signal })
      .output();
    if (!success) throw new Error(`gfortran:\n${new TextDecoder().decode(stderr)}`);
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
 * @returns null where there is no Fortran compiler
 */
export async function experiment(size: number, { folder = "." } = {}) {
  const library = await build(folder);
  if (!library) return null;
  const { diffusion_step, element } = library.symbols;
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
    /** What Fortran finds in N x N values of ours at u(first, second), both counted from 1. */
    element: (values: Float64Array<ArrayBuffer>, first: number, second: number) => element(values, size, first, second),
  };
}

if (import.meta.main) {
  const size = 512, steps = 1000;
  const prepared = await experiment(size);
  if (!prepared) {
    console.error(
      "error: no Fortran compiler, whose loop was to be called from here; install one: apt-get install gfortran",
    );
    Deno.exit(2);
  }
  const { run, grid, close, element } = prepared;
  const mass = () => grid().reduce((sum, u) => sum + u, 0);
  const spread = () => grid().reduce((sum, u, k) => sum + u * ((k % size) ** 2 + Math.floor(k / size) ** 2), 0);
  const before = mass(), wide = spread() / before, start = performance.now();
  run(steps);
  console.log(`${size} x ${size}: ${((performance.now() - start) / steps).toFixed(3)} ms a step`);
  // Nothing is lost, and the mean square distance grows by 4 dt a step as long as nothing comes round the edge.
  if (Math.abs(mass() / before - 1) > 1e-9) throw new Error(`mass not conserved: ${before} became ${mass()}`);
  const growth = spread() / mass() - wide;
  if (Math.abs(growth / (0.4 * steps) - 1) > 1e-6) throw new Error(`spread by ${growth}, not by ${0.4 * steps}`);

  const marked = new Float64Array(size * size), row = 2, column = 5;
  marked[row * size + column] = 7;
  const asNamed = element(marked, row + 1, column + 1), swapped = element(marked, column + 1, row + 1);
  console.log(
    `7 in row ${row}, column ${column}: u(${row + 1}, ${column + 1}) is ${asNamed}, u(${column + 1}, ${
      row + 1
    }) is ${swapped}`,
  );
  if (asNamed !== 0 || swapped !== 7) throw new Error("the first index should run fastest");
  close();
}
