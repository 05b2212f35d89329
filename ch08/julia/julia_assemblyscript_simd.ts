/**
 * The Julia set in AssemblyScript with 128-bit SIMD: two points in each instruction.
 *
 * What to notice: two neighbours go through the same steps in the two halves of a register, until both have escaped. A
 * comparison gives -1 where it holds, so subtracting it counts; one that has escaped never comes back below 2, so it may
 * be carried along without being counted. That is up to twice the work in the same time, and the processor still waits
 * for each step to end: julia_wasm_threads.ts has several pairs in flight.
 *
 * @original 08_compiling/numba/julia1_numba.py, 08_compiling/numba/julia1_numba_expandedmath.py
 * @run deno run --allow-env=CI ch08/julia/julia_assemblyscript_simd.ts
 * @takes 1 s
 */

const source = `
/**
 * For each of n points, how often z = z * z + c can be taken before |z| reaches 2, at most \`limit\` times.
 * The n points are pairs (re, im) of v128, each with the values of two points; n is even.
 */
export function julia(limit: i32, zs: usize, cRe: f64, cIm: f64, counts: usize, n: i32): void {
  const cRe2 = f64x2.splat(cRe), cIm2 = f64x2.splat(cIm), four = f64x2.splat(4);
  for (const end = zs + n * 16; zs < end; zs += 32, counts += 8) {
    let re = v128.load(zs), im = v128.load(zs, 16), count = i64x2.splat(0);
    for (let step = 0; step < limit; step++) {
      const re2 = f64x2.mul(re, re), im2 = f64x2.mul(im, im), product = f64x2.mul(re, im);
      const inside = f64x2.lt(f64x2.add(re2, im2), four);
      if (!v128.any_true(inside)) break;
      count = i64x2.sub(count, inside);
      re = f64x2.add(f64x2.sub(re2, im2), cRe2);
      im = f64x2.add(f64x2.add(product, product), cIm2);
    }
    store<i32>(counts, i32(i64x2.extract_lane(count, 0)));
    store<i32>(counts, i32(i64x2.extract_lane(count, 1)), 4);
  }
}`;

/** Compiles AssemblyScript to WebAssembly with SIMD. Throws with the compiler's messages if it does not compile. */
async function compile(source: string): Promise<Uint8Array<ArrayBuffer>> {
  const { default: asc } = await import("npm:assemblyscript@0.28.20/asc");
  let wasm: unknown;
  const { error, stderr } = await asc.main([
    "main.ts",
    "-O3",
    "--runtime",
    "stub",
    "--enable",
    "simd",
    "--importMemory",
    "-o",
    "main.wasm",
  ], {
    readFile: (name) => name === "main.ts" ? source : null,
    writeFile: (_, contents) => void (wasm = contents),
    listFiles: () => [],
  });
  if (error) throw new Error(`${error.message}\n${stderr}`);
  return wasm as Uint8Array<ArrayBuffer>;
}

// Compiled once, however many experiments there are.
let compiled: ReturnType<typeof compile> | undefined;

/** The book's experiment: width x width points from -1.8 to 1.8, row by row from the top. */
export async function experiment(width: number) {
  const points = width * width, even = points + points % 2, start = 1024, after = start + even * 16;
  const memory = new WebAssembly.Memory({ initial: Math.ceil((after + even * 4) / 65536) });
  const { instance } = await WebAssembly.instantiate(await (compiled ??= compile(source)), { env: { memory } });
  const julia = instance.exports.julia as (...numbers: number[]) => void;
  // The coordinates come from repeated addition: their rounding is part of the answer.
  const zs = new Float64Array(memory.buffer, start, 2 * even), step = 3.6 / width;
  for (let row = 0, im = 1.8, i = 0; row < width; row++, im -= step) {
    for (let column = 0, re = -1.8; column < width; column++, re += step, i++) {
      const pair = 4 * (i >> 1), lane = i % 2;
      zs[pair + lane] = re;
      zs[pair + 2 + lane] = im;
    }
  }
  const counts = new Int32Array(memory.buffer, after, points);
  return { run: () => julia(300, start, -0.62772, -0.42193, after, even), counts: () => counts };
}

if (import.meta.main) {
  const { run, counts } = await experiment(1000);
  const start = performance.now();
  run();
  console.log(`1000 x 1000 points: ${(performance.now() - start).toFixed(0)} ms`);
  const sum = counts().reduce((sum, n) => sum + n, 0);
  if (sum !== 33219980) throw new Error(`the counts add up to 33219980, not ${sum}`);
}
