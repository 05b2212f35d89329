/**
 * The Julia set in C, compiled to WebAssembly by a clang that is itself WebAssembly and comes from npm.
 *
 * What to notice: no compiler has to be installed, and none is started: LLVM runs inside this process, in the same sandbox
 * as the script. It reads its own 100 MB from Deno's cache, wherever that is, which is why the permission to read is
 * not narrower. Starting it takes a second or two; what it compiles is as fast as from julia_c_to_wasm.ts.
 *
 * @original 08_compiling/cython/nparray_memoryview/julia1_np_nocython.py
 * @run deno run --allow-read --allow-env=JCO_DEBUG ch08/julia/julia_c_to_wasm_npm.ts
 * @takes 3 s
 */

const source = `
/** For each of n points, how often z = z * z + c can be taken before |z| reaches 2, at most \`limit\` times. */
void julia(int limit, const double *z_re, const double *z_im, double c_re, double c_im, int *counts, int n) {
  for (int i = 0; i < n; i++) {
    double re = z_re[i], im = z_im[i];
    int count = 0;
    while (count < limit && re * re + im * im < 4) {
      double next = re * re - im * im + c_re;
      im = 2 * re * im + c_im;
      re = next;
      count++;
    }
    counts[i] = count;
  }
}`;

const flags = "-O3 --target=wasm32 -nostdlib -fno-builtin -Wl,--no-entry,--export=julia,--export=__heap_base";

/** Compiles C to WebAssembly. Throws with the compiler's messages if it does not compile. */
export async function compile(source: string): Promise<Uint8Array<ArrayBuffer>> {
  const { commands, runLLVM } = await import("npm:@yowasp/clang@22.0.0-git20542-10");
  let messages = "";
  const text = new TextDecoder();
  const stderr = (bytes: Uint8Array | null) => void (messages += bytes ? text.decode(bytes) : "");
  try {
    const command = [...flags.split(" "), "julia.c", "-o", "julia.wasm"];
    // Without arguments it only loads, and only then listens to being told not to report each percent.
    await runLLVM(undefined, {}, { fetchProgress: () => {} });
    const files = await commands.clang(command, { "julia.c": source }, { stderr });
    return files!["julia.wasm"] as Uint8Array<ArrayBuffer>;
  } catch (error) {
    throw new Error(`clang: ${messages || (error as Error).message}`);
  }
}

// Compiled once, however many experiments there are.
let compiled: ReturnType<typeof compile> | undefined;

/** The book's experiment: width x width points from -1.8 to 1.8, row by row from the top. */
export async function experiment(width: number) {
  const points = width * width;
  const { instance } = await WebAssembly.instantiate(await (compiled ??= compile(source)));
  const { memory, julia, __heap_base } = instance.exports as {
    memory: WebAssembly.Memory;
    julia: (...numbers: number[]) => void;
    __heap_base: WebAssembly.Global;
  };
  // What lies below the heap is the compiler's; all above is ours.
  const start = Math.ceil(__heap_base.value / 64) * 64;
  memory.grow(Math.ceil(points * 20 / 65536));
  const [zRe, zIm] = [start, start + points * 8].map((at) => new Float64Array(memory.buffer, at, points));
  const counts = new Int32Array(memory.buffer, start + points * 16, points);
  // The coordinates come from repeated addition: their rounding is part of the answer.
  const step = 3.6 / width;
  for (let row = 0, im = 1.8, i = 0; row < width; row++, im -= step) {
    for (let column = 0, re = -1.8; column < width; column++, re += step) zRe[i] = re, zIm[i++] = im;
  }
  const run = () => julia(300, zRe.byteOffset, zIm.byteOffset, -0.62772, -0.42193, counts.byteOffset, points);
  return { run, counts: () => counts };
}

if (import.meta.main) {
  const { run, counts } = await experiment(1000);
  const start = performance.now();
  run();
  console.log(`1000 x 1000 points: ${(performance.now() - start).toFixed(0)} ms`);
  const sum = counts().reduce((sum, n) => sum + n, 0);
  if (sum !== 33219980) throw new Error(`the counts add up to 33219980, not ${sum}`);
}
