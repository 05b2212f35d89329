/**
 * The norm of a vector in WebAssembly with 128-bit SIMD, written in AssemblyScript and compiled when the script starts.
 *
 * What to notice: each instruction squares and adds two doubles, and eight vectors of partial sums do not wait for each
 * other. Every load is checked against the size of the memory. The first turn of the loop is written out before it: what
 * the eight checks compare with is then computed there, once, and not in every turn, which makes the loop a fifth faster.
 * The vector must lie in WebAssembly's own memory; copying it there would cost more than the sum.
 *
 * @original 06_matrix/norm/norm_numpy_dot.py
 * @run deno run --allow-env=CI ch06/norm/norm_wasm_simd.ts
 * @takes 1 s
 */

const lanes = [0, 1, 2, 3, 4, 5, 6, 7];

const source = `
/** The sum of the squares of n doubles. */
export function norm(vector: usize, n: i32): f64 {
  const end = vector + n * 8, whole = vector + (n & ~15) * 8;
  let at = vector, total: f64 = 0;
  if (at < whole) {
    ${
  lanes.map((lane) => `
    const first${lane} = v128.load(at, ${16 * lane});
    let sum${lane} = f64x2.mul(first${lane}, first${lane});`).join("")
}
    for (at += 128; at < whole; at += 128) {
      ${
  lanes.map((lane) => `
      const x${lane} = v128.load(at, ${16 * lane});
      sum${lane} = f64x2.relaxed_madd(x${lane}, x${lane}, sum${lane});`).join("")
}
    }
    const sum = f64x2.add(
      f64x2.add(f64x2.add(sum0, sum1), f64x2.add(sum2, sum3)),
      f64x2.add(f64x2.add(sum4, sum5), f64x2.add(sum6, sum7)),
    );
    total = f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
  }
  for (; at < end; at += 8) total += load<f64>(at) * load<f64>(at);
  return total;
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

/** The book's experiment on the numbers 0, 1, 2, … N - 1. */
export async function experiment(size: number) {
  const start = 1024;
  const memory = new WebAssembly.Memory({ initial: Math.ceil((start + size * 8) / 65536) });
  const { instance } = await WebAssembly.instantiate(await (compiled ??= compile(source)), { env: { memory } });
  const norm = instance.exports.norm as (vector: number, size: number) => number;
  new Float64Array(memory.buffer, start, size).set(Float64Array.from({ length: size }, (_, i) => i));
  return { run: () => norm(start, size) };
}

if (import.meta.main) {
  const size = 2 ** 20, runs = 2000;
  const { run } = await experiment(size);
  const start = performance.now();
  let result = 0;
  for (let i = 0; i < runs; i++) result = run();
  console.log(`${size} numbers: ${((performance.now() - start) / runs).toFixed(3)} ms`);
  const exact = (size - 1) * size * (2 * size - 1) / 6;
  if (Math.abs(result / exact - 1) > 1e-12) throw new Error(`the sum of squares is ${exact}, not ${result}`);
}
