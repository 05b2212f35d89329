/**
 * The Julia set in AssemblyScript on typed arrays, with integers where integers are meant; with and without checks.
 *
 * What to notice: this is the step that pays. There are no objects any more, so neither allocator nor collector, and the
 * loop is the one that a C compiler would see. V8 arrives at the same from julia_typed_arrays.ts, by watching it run.
 * `unchecked` then removes the comparison of each index with the length of its array, and gains next to nothing: there
 * are three of them for a point, which takes 33 steps on average. WebAssembly goes on to check every access against the
 * size of its memory, so that a mistake stays inside it.
 *
 * @original 08_compiling/cython/nparray_memoryview/ (bounds checks off)
 * @run deno run --allow-env=CI ch08/julia/julia_assemblyscript_typed.ts
 * @takes 1 s
 */

/** The program, in which each access to an array in the loop goes through `access`. */
const program = (access: (text: string) => string) => `
let zRe = new Float64Array(0), zIm = new Float64Array(0), counts = new Int32Array(0);

/** Makes room for n points. */
export function setUp(n: i32): void {
  zRe = new Float64Array(n);
  zIm = new Float64Array(n);
  counts = new Int32Array(n);
}

export function put(i: i32, re: f64, im: f64): void {
  zRe[i] = re;
  zIm[i] = im;
}

/** For each point, how often z = z * z + c can be taken before |z| reaches 2, at most \`limit\` times. */
export function julia(limit: i32, cRe: f64, cIm: f64): void {
  for (let i = 0; i < counts.length; i++) {
    let re = ${access("zRe[i]")}, im = ${access("zIm[i]")}, n = 0;
    while (n < limit && re * re + im * im < 4) {
      const next = re * re - im * im + cRe;
      im = 2 * re * im + cIm;
      re = next;
      n++;
    }
    ${access("counts[i] = n")};
  }
}

/** Where in memory the counts lie. */
export function at(): usize { return counts.dataStart; }`;

/** Compiles AssemblyScript to WebAssembly. Throws with the compiler's messages if it does not compile. */
async function compile(source: string): Promise<Uint8Array<ArrayBuffer>> {
  const { default: asc } = await import("npm:assemblyscript@0.28.20/asc");
  let wasm: unknown;
  const { error, stderr } = await asc.main(["main.ts", "-O3", "--runtime", "stub", "-o", "main.wasm"], {
    readFile: (name) => name === "main.ts" ? source : null,
    writeFile: (_, contents) => void (wasm = contents),
    listFiles: () => [],
  });
  if (error) throw new Error(`${error.message}\n${stderr}`);
  return wasm as Uint8Array<ArrayBuffer>;
}

/**
 * The book's experiment: width x width points from -1.8 to 1.8, row by row from the top.
 *
 * @param checks whether each index is compared with the length of its array
 */
export async function experiment(width: number, { checks = true } = {}) {
  const source = program(checks ? (text) => text : (text) => `unchecked(${text})`);
  const abort = () => {
    throw new Error("an index was out of bounds");
  };
  const { instance } = await WebAssembly.instantiate(await compile(source), { env: { abort } });
  const { setUp, put, julia, at } = instance.exports as Record<string, (...numbers: number[]) => number>;
  setUp(width * width);
  // The coordinates come from repeated addition: their rounding is part of the answer.
  const step = 3.6 / width;
  for (let row = 0, im = 1.8, i = 0; row < width; row++, im -= step) {
    for (let column = 0, re = -1.8; column < width; column++, re += step) put(i++, re, im);
  }
  const { buffer } = instance.exports.memory as WebAssembly.Memory;
  const counts = new Int32Array(buffer, at(), width * width);
  return { run: () => void julia(300, -0.62772, -0.42193), counts: () => counts };
}

if (import.meta.main) {
  for (const checks of [true, false]) {
    const { run, counts } = await experiment(1000, { checks });
    // In the first call V8 still compiles.
    run();
    const start = performance.now();
    run();
    console.log(
      `1000 x 1000 points, ${checks ? "checked" : "unchecked"}: ${(performance.now() - start).toFixed(0)} ms`,
    );
    const sum = counts().reduce((sum, n) => sum + n, 0);
    if (sum !== 33219980) throw new Error(`the counts add up to 33219980, not ${sum}`);
  }
}
