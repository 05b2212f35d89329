/**
 * From what length on the sum of an array is faster in C: the call must be paid for by what it saves.
 *
 * What to notice: a call that passes an array costs some 10 ns, in which TypeScript adds up a dozen numbers. What C
 * saves after that depends on the leave it has. In the order of the array each addition waits for the one before, in C
 * as in TypeScript, and a long array takes both equally long. With leave to add in another order (`omp simd reduction`)
 * the compiler keeps many sums at once, and C wins from a few dozen numbers on. TypeScript may keep four sums too, by
 * hand; that moves the point, but not far. The numbers here are ones, whose sum comes out exactly in any order.
 *
 * Linux and macOS, where a library may be removed once it is open. Needs a C compiler.
 *
 * @original none (the book compares ways of calling C by their effort, not by the cost of a call)
 * @run deno run --allow-run=cc --allow-write=. --allow-ffi=. ch08/ffi/sum_break_even.ts
 * @takes 2 s
 */

const source = `
#include <stdint.h>

double sum_in_order(const double *values, int32_t n) {
  double sum = 0;
  for (int32_t i = 0; i < n; i++) sum += values[i];
  return sum;
}
// The pragma gives leave to add in another order, and so to add several numbers with each instruction.
double sum_in_lanes(const double *values, int32_t n) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int32_t i = 0; i < n; i++) sum += values[i];
  return sum;
}
`;

const symbols = {
  sum_in_order: { parameters: ["buffer", "i32"], result: "f64" },
  sum_in_lanes: { parameters: ["buffer", "i32"], result: "f64" },
} as const;

/** Compiles and opens the library in a folder that is gone afterwards, also after an error or Ctrl-C. Null without a compiler. */
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
    const file = `${temporary}/sum.c`, library = `${temporary}/sum.so`;
    Deno.writeTextFileSync(file, source);
    const flags = ["-O3", "-march=native", "-fopenmp-simd", "-shared", "-fPIC"];
    const args = [...flags, "-o", library, file];
    const { success, stderr } = await new Deno.Command("cc", { args, stdin: "null", signal: stop.signal }).output();
    if (!success) throw new Error(`cc:\n${new TextDecoder().decode(stderr)}`);
    return Deno.dlopen(library, symbols);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  } finally {
    Deno.removeSignalListener("SIGINT", interrupt);
    Deno.removeSync(temporary, { recursive: true });
  }
}

/** Sums an array of ones `count` times, so that the result is `count`. */
export type Sum = (ones: Float64Array<ArrayBuffer>, count: number) => number;

function sumInOrder(values: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i];
  return sum;
}

function sumInLanes(values: Float64Array): number {
  const last = values.length - 3;
  let a = 0, b = 0, c = 0, d = 0, i = 0;
  for (; i < last; i += 4) {
    a += values[i];
    b += values[i + 1];
    c += values[i + 2];
    d += values[i + 3];
  }
  for (; i < values.length; i++) a += values[i];
  return (a + b) + (c + d);
}

/**
 * Loops of sums by who computes them. Each is written out, so that V8 compiles each call for the one function it calls.
 *
 * @returns null where there is no C compiler
 */
export async function openSums({ folder = "." } = {}) {
  const library = await build(folder);
  if (!library) return null;
  const c = library.symbols;
  const sums: Record<string, Sum> = {
    TypeScript: (values, count) => {
      let x = 0;
      for (let i = 0; i < count; i++) x += sumInOrder(values);
      return x / values.length;
    },
    "TypeScript, four sums": (values, count) => {
      let x = 0;
      for (let i = 0; i < count; i++) x += sumInLanes(values);
      return x / values.length;
    },
    "C, in order": (values, count) => {
      let x = 0;
      for (let i = 0; i < count; i++) x += c.sum_in_order(values, values.length);
      return x / values.length;
    },
    "C, in lanes": (values, count) => {
      let x = 0;
      for (let i = 0; i < count; i++) x += c.sum_in_lanes(values, values.length);
      return x / values.length;
    },
  };

  return { sums, close: () => library.close() };
}

/** The shortest of several times of `repeat`, in ns a call. Throws if the result is not the number of calls. */
function cost(repeat: (count: number) => number): number {
  let count = 100, shortest = Infinity;
  const time = () => {
    const start = performance.now(), result = repeat(count);
    if (result !== count) throw new Error(`${count} calls came to ${result}`);
    return (performance.now() - start) * 1e6;
  };
  // As many calls as take some milliseconds, counted anew as the compiler makes them faster.
  for (let ns = 0; ns < 4e6; count *= 2) ns = time();
  for (let i = 0; i < 5; i++) shortest = Math.min(shortest, time() / count);
  return shortest;
}

if (import.meta.main) {
  const opened = await openSums();
  if (!opened) {
    console.error(
      "error: no C compiler, whose sum was to be called from here; install one: apt-get install gcc libc6-dev",
    );
    Deno.exit(2);
  }
  const { sums, close } = opened;
  console.log(`${"ns a sum, length".padEnd(18)}${Object.keys(sums).map((name) => name.padStart(23)).join("")}`);
  for (const length of [1, 4, 16, 32, 64, 128, 256, 1024]) {
    const ones = new Float64Array(length).fill(1);
    const times = Object.values(sums).map((sum) => cost((count) => sum(ones, count)).toFixed(1));
    console.log(`${length}`.padEnd(18) + times.map((ns) => ns.padStart(23)).join(""));
  }
  close();
}
