/**
 * Diffusion in C++: what a library in C++ must do to be callable at all.
 *
 * What to notice: Deno calls functions by their name in the library, and C++ writes the types into it (a plain
 * diffusion_step would be found as _Z14diffusion_stepPKdPdid). `extern "C"` leaves the name alone. Only plain numbers and
 * pointers cross the border; templates, references and lambdas stay on the far side, and cost nothing there. No exception
 * may cross: `noexcept` ends the process before one does.
 *
 * Linux and macOS, where a library may be removed once it is open. Needs a C++ compiler.
 *
 * @original 08_compiling/cpython_module/ (a compiled module; C++ is ours)
 * @run deno run --allow-run=c++ --allow-write=. --allow-ffi=. ch08/ffi/diffusion_cpp.ts
 * @takes 2 s
 */

const source = `
#include <cstddef>
#include <cstdint>

template <typename Number>
class Grid {
  Number *values;
  std::size_t n;

 public:
  Grid(Number *values, std::size_t n) : values(values), n(n) {}
  Number *row(std::size_t i) const { return values + i * n; }
};

template <typename Number>
void step(const Number *from, Number *to, std::size_t n, Number dt) {
  const Grid u(from, n);
  const Grid next(to, n);
  for (std::size_t i = 0; i < n; i++) {
    const Number *above = u.row(i == 0 ? n - 1 : i - 1), *row = u.row(i), *below = u.row(i + 1 == n ? 0 : i + 1);
    Number *__restrict out = next.row(i);
    const auto cell = [=](std::size_t left, std::size_t j, std::size_t right) {
      out[j] = row[j] + dt * (above[j] + below[j] + row[left] + row[right] - 4 * row[j]);
    };
    for (std::size_t j = 1; j + 1 < n; j++) cell(j - 1, j, j + 1);
    cell(n - 1, 0, 1 % n);
    cell((n - 1 + n - 1) % n, n - 1, 0);
  }
}

extern "C" void diffusion_step(const double *u, double *next, std::int32_t n, double dt) noexcept {
  step(u, next, n, dt);
}
`;

const symbols = { diffusion_step: { parameters: ["buffer", "buffer", "i32", "f64"], result: "void" } } as const;
// Nothing is added in another order, and nothing fused, so that the result is that of TypeScript to the bit.
const flags = ["-std=c++17", "-O3", "-march=native", "-ffp-contract=off", "-shared", "-fPIC"];

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
    const file = `${temporary}/diffusion.cpp`, library = `${temporary}/diffusion.so`;
    Deno.writeTextFileSync(file, source);
    const args = [...flags, "-o", library, file];
    const { success, stderr } = await new Deno.Command("c++", { args, stdin: "null", signal: stop.signal }).output();
    if (!success) throw new Error(`c++:\n${new TextDecoder().decode(stderr)}`);
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
 * @returns null where there is no C++ compiler
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
    console.error("error: no C++ compiler, whose loop was to be called from here; install one: apt-get install g++");
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
