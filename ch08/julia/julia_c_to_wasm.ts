/**
 * The Julia set in C, compiled to WebAssembly by clang when the script starts.
 *
 * What to notice: the source goes to the compiler through a pipe and the module comes back the same way, so nothing is
 * written to disk and the script needs no permission but to run clang. The loop is as fast as the AssemblyScript one and
 * as the TypeScript one: they all become the same few instructions, and wait for the same chain of additions.
 *
 * @original 08_compiling/cython/nparray_memoryview/julia1_np_nocython.py
 * @run deno run --allow-run=clang ch08/julia/julia_c_to_wasm.ts
 * @takes 1 s
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

/**
 * Compiles C to WebAssembly.
 *
 * @throws {Deno.errors.NotFound} if there is no clang
 * @throws {Error} with the compiler's messages if the source does not compile
 */
export async function compile(source: string): Promise<Uint8Array<ArrayBuffer>> {
  const pipes = { stdin: "piped", stdout: "piped", stderr: "piped" } as const;
  const clang = new Deno.Command("clang", { args: [...flags.split(" "), "-x", "c", "-", "-o", "-"], ...pipes }).spawn();
  // Both at once: a compiler that gives up early does not read to the end.
  const [{ success, stdout, stderr }] = await Promise.all([
    clang.output(),
    new Blob([source]).stream().pipeTo(clang.stdin).catch(() => {}),
  ]);
  if (!success) throw new Error(`clang: ${new TextDecoder().decode(stderr)}`);
  return stdout;
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
  try {
    const { run, counts } = await experiment(1000);
    const start = performance.now();
    run();
    console.log(`1000 x 1000 points: ${(performance.now() - start).toFixed(0)} ms`);
    const sum = counts().reduce((sum, n) => sum + n, 0);
    if (sum !== 33219980) throw new Error(`the counts add up to 33219980, not ${sum}`);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    console.error("error: no clang, which compiles C to WebAssembly: apt-get install clang lld");
    Deno.exit(2);
  }
}
