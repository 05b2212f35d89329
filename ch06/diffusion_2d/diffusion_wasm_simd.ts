/**
 * Diffusion in WebAssembly with 128-bit SIMD, written in AssemblyScript and compiled when the script starts.
 *
 * What to notice: one instruction adds two doubles. Two rows are computed at once, so that the rows between them are
 * read once instead of twice, and the left and right neighbours are not read again but shifted together out of
 * registers. Four vectors are handled in each turn of the loop: WebAssembly's addresses are sums of a base and a
 * constant, and the constants are free.
 *
 * @original 06_matrix/diffusion_2d/diffusion_numpy_memory2_numexpr_single.py
 * @run deno run --allow-env=CI ch06/diffusion_2d/diffusion_wasm_simd.ts
 * @takes 1 s
 */

// Two cells of each of the two rows, `o` bytes after k.
const twoByTwo = (o: number) =>
  `{
  const nextA = v128.load(a + k, ${o + 16}), nextB = v128.load(b + k, ${o + 16});
  const rightA = shift(centreA, nextA), rightB = shift(centreB, nextB);
  const aroundA = f64x2.add(f64x2.add(v128.load(above + k, ${o}), centreB), f64x2.add(leftA, rightA));
  const aroundB = f64x2.add(f64x2.add(centreA, v128.load(below + k, ${o})), f64x2.add(leftB, rightB));
  v128.store(outA + k, f64x2.relaxed_madd(keep, centreA, f64x2.mul(spread, aroundA)), ${o});
  v128.store(outB + k, f64x2.relaxed_madd(keep, centreB, f64x2.mul(spread, aroundB)), ${o});
  leftA = rightA; leftB = rightB; centreA = nextA; centreB = nextB;
}`;

const source = `
/** The last of a and the first of b: the neighbours of two cells, one to the side. */
@inline function shift(a: v128, b: v128): v128 { return v128.shuffle<f64>(a, b, 1, 2); }

/** One cell, \`k\` bytes into its row, with the row's ends wrapped around. */
function cell(above: usize, row: usize, below: usize, out: usize, bytes: usize, k: usize, dt: f64): void {
  const left = load<f64>(row + (k == 0 ? bytes - 8 : k - 8)), right = load<f64>(row + (k == bytes - 8 ? 0 : k + 8));
  const around = load<f64>(above + k) + load<f64>(below + k) + (left + right);
  store<f64>(out + k, (1 - 4 * dt) * load<f64>(row + k) + dt * around);
}

/** The adjacent rows a and b of \`bytes\` bytes. */
function pair(above: usize, a: usize, b: usize, below: usize, outA: usize, outB: usize, bytes: usize, dt: f64): void {
  const keep = f64x2.splat(1 - 4 * dt), spread = f64x2.splat(dt);
  let centreA = v128.load(a), centreB = v128.load(b);
  let leftA = shift(v128.load(a + bytes - 16), centreA), leftB = shift(v128.load(b + bytes - 16), centreB);
  let k: usize = 0;
  for (; k + 80 <= bytes; k += 64) { ${[0, 16, 32, 48].map(twoByTwo).join("\n")} }
  for (; k + 32 <= bytes; k += 16) ${twoByTwo(0)}
  for (; k < bytes; k += 8) {
    cell(above, a, b, outA, bytes, k, dt);
    cell(a, b, below, outB, bytes, k, dt);
  }
}

/** One step. The row after an odd last one goes to \`spare\`. */
export function evolve(u: usize, next: usize, spare: usize, size: i32, dt: f64): void {
  const bytes: usize = size * 8;
  for (let i = 0; i < size; i += 2) {
    const above = u + (i == 0 ? size - 1 : i - 1) * bytes;
    const b = u + (i + 1) % size * bytes, below = u + (i + 2) % size * bytes;
    const outB = i + 1 < size ? next + (i + 1) * bytes : spare;
    pair(above, u + i * bytes, b, below, next + i * bytes, outB, bytes, dt);
  }
}`;

/** Compiles AssemblyScript to WebAssembly with SIMD. Throws with the compiler's messages if it does not compile. */
async function compile(source: string): Promise<Uint8Array<ArrayBuffer>> {
  const { default: asc } = await import("npm:assemblyscript@0.28.20/asc");
  let wasm: unknown;
  const { error, stderr } = await asc.main(
    ["main.ts", "-O3", "--runtime", "stub", "--enable", "simd,relaxed-simd", "--importMemory", "-o", "main.wasm"],
    {
      readFile: (name) => name === "main.ts" ? source : null,
      writeFile: (_, contents) => void (wasm = contents),
      listFiles: () => [],
    },
  );
  if (error) throw new Error(`${error.message}\n${stderr}`);
  return wasm as Uint8Array<ArrayBuffer>;
}

// Compiled once, however many experiments there are.
let compiled: ReturnType<typeof compile> | undefined;

/** The book's experiment on an N x N grid: zero, but 0.005 in a square off the middle; dt = 0.1. */
export async function experiment(size: number) {
  const bytes = size * size * 8;
  // The grids start half a page apart: at the same place within a page, a store could hold up a load of the next row.
  let u = 1024, next = u + Math.ceil(bytes / 4096) * 4096 + 2048;
  const spare = next + bytes + 64;
  const memory = new WebAssembly.Memory({ initial: Math.ceil((spare + size * 8 + 64) / 65536) });
  const { instance } = await WebAssembly.instantiate(await (compiled ??= compile(source)), { env: { memory } });
  const evolve = instance.exports.evolve as (u: number, next: number, spare: number, size: number, dt: number) => void;

  const low = Math.floor(0.4 * size), high = Math.floor(0.5 * size);
  const grid = () => new Float64Array(memory.buffer, u, size * size);
  for (let i = low; i < high; i++) grid().fill(0.005, i * size + low, i * size + high);
  return {
    run(steps: number) {
      for (let step = 0; step < steps; step++) {
        evolve(u, next, spare, size, 0.1);
        [u, next] = [next, u];
      }
    },
    /** The N x N values, row by row; a view that the next run changes. */
    grid,
  };
}

if (import.meta.main) {
  const size = 512, steps = 2000;
  const { run, grid } = await experiment(size);
  const mass = () => grid().reduce((sum, u) => sum + u, 0);
  const before = mass(), start = performance.now();
  run(steps);
  console.log(`${size} x ${size}: ${((performance.now() - start) / steps).toFixed(3)} ms a step`);
  if (Math.abs(mass() / before - 1) > 1e-9) throw new Error(`mass not conserved: ${before} became ${mass()}`);
}
