/**
 * The Julia set in AssemblyScript, written as in TypeScript: classes, arrays, `number` for everything.
 *
 * What to notice: it is the text of julia_objects_expanded.ts but for a class in place of the object literal, compiled
 * ahead of time to WebAssembly, and several times slower. A compiler by itself buys nothing: this one brings an allocator
 * and a garbage collector, and every step asks them for a new object. V8 does the same, with better ones.
 * julia_assemblyscript_typed.ts takes the objects away.
 *
 * @original 08_compiling/cython/cpython/julia1.py, 08_compiling/cython/cpython_pyximport/julia1.py
 * @run deno run --allow-env=CI ch08/julia/julia_assemblyscript_as_written.ts
 * @takes 3 s
 */

const source = `
class Complex {
  constructor(public re: number, public im: number) {}
}

const zs: Complex[] = [], counts: number[] = [];

/** Adds a point to those that \`julia\` works on. */
export function add(re: number, im: number): void {
  zs.push(new Complex(re, im));
  counts.push(0);
}

/** For each point, how often z = z * z + c can be taken before |z| reaches 2, at most \`limit\` times. */
export function julia(limit: number, cRe: number, cIm: number): void {
  const c = new Complex(cRe, cIm);
  for (let i = 0; i < zs.length; i++) {
    let z = zs[i], n: number = 0;
    while (n < limit && z.re * z.re + z.im * z.im < 4) {
      z = new Complex(z.re * z.re - z.im * z.im + c.re, 2 * z.re * z.im + c.im);
      n++;
    }
    counts[i] = n;
  }
}

export function count(i: i32): number { return counts[i]; }`;

/** Compiles AssemblyScript to WebAssembly. Throws with the compiler's messages if it does not compile. */
async function compile(source: string): Promise<Uint8Array<ArrayBuffer>> {
  const { default: asc } = await import("npm:assemblyscript@0.28.20/asc");
  let wasm: unknown;
  const { error, stderr } = await asc.main(["main.ts", "-O3", "-o", "main.wasm"], {
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
  const abort = () => {
    throw new Error("AssemblyScript's allocator gave up");
  };
  const { instance } = await WebAssembly.instantiate(await (compiled ??= compile(source)), { env: { abort } });
  const { add, julia, count } = instance.exports as Record<string, (...numbers: number[]) => number>;
  // The coordinates come from repeated addition: their rounding is part of the answer.
  const step = 3.6 / width;
  for (let row = 0, im = 1.8; row < width; row++, im -= step) {
    for (let column = 0, re = -1.8; column < width; column++, re += step) add(re, im);
  }
  return {
    run: () => void julia(300, -0.62772, -0.42193),
    counts: () => Int32Array.from({ length: width * width }, (_, i) => count(i)),
  };
}

if (import.meta.main) {
  const { run, counts } = await experiment(1000);
  const start = performance.now();
  run();
  console.log(`1000 x 1000 points: ${(performance.now() - start).toFixed(0)} ms`);
  const sum = counts().reduce((sum, n) => sum + n, 0);
  if (sum !== 33219980) throw new Error(`the counts add up to 33219980, not ${sum}`);
}
