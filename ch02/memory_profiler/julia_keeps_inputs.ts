/**
 * The Julia set that first builds lists of all coordinates and of all complex inputs: most of its memory is input.
 *
 * What to notice: a million points become two million objects, for z and for c, although c is the same everywhere and z
 * follows from the row and the column. Each object takes 40 bytes, and each of its two numbers a box of 16 on top. The
 * stages are labelled with console.time, which costs nothing and which memory_profiler.ts turns into spans:
 *
 *     deno run --allow-run=deno --allow-net=127.0.0.1 ch02/memory_profiler/memory_profiler.ts ch02/memory_profiler/julia_keeps_inputs.ts
 *
 * julia_lean.ts makes each z when it is its turn.
 *
 * @original 02_profiling/memory_profiler/julia1_memoryprofiler.py, …/julia1_memoryprofiler_with_labels.py
 * @run deno run ch02/memory_profiler/julia_keeps_inputs.ts
 * @takes 1 s
 */

interface Complex {
  re: number;
  im: number;
}

/** For each point z, how often `z = z * z + c` can be taken before |z| reaches 2, at most `limit`. */
function calculate(limit: number, zs: Complex[], cs: Complex[]): number[] {
  const output: number[] = Array(zs.length).fill(0);
  for (let i = 0; i < zs.length; i++) {
    let { re, im } = zs[i], n = 0;
    const c = cs[i];
    while (n < limit && re * re + im * im < 4) {
      const square = re * re - im * im;
      im = 2 * re * im + c.im;
      re = square + c.re;
      n++;
    }
    output[i] = n;
  }
  return output;
}

/**
 * Counts for width x width points from -1.8 to 1.8.
 *
 * @returns the sum of the counts, and the bytes in use on V8's heap and outside it after each stage
 */
export function julia(width: number): { sum: number; after: Record<string, number> } {
  const after: Record<string, number> = {};
  const stage = <T>(label: string, work: () => T): T => {
    console.time(label);
    const result = work();
    console.timeEnd(label);
    const { heapUsed, external } = Deno.memoryUsage();
    after[label] = heapUsed + external;
    return result;
  };
  // The coordinates come from repeated addition: their rounding is part of the answer.
  const [xs, ys] = stage("lists of x and y", () => {
    const step = 3.6 / width, xs: number[] = [], ys: number[] = [];
    for (let i = 0, x = -1.8; i < width; i++, x += step) xs.push(x);
    for (let i = 0, y = 1.8; i < width; i++, y -= step) ys.push(y);
    return [xs, ys];
  });
  const [zs, cs] = stage("lists of z and c", () => {
    const zs: Complex[] = [], cs: Complex[] = [];
    for (const y of ys) {
      for (const x of xs) {
        zs.push({ re: x, im: y });
        cs.push({ re: -0.62772, im: -0.42193 });
      }
    }
    return [zs, cs];
  });
  const output = stage("calculate", () => calculate(300, zs, cs));
  return { sum: output.reduce((sum, n) => sum + n, 0), after };
}

if (import.meta.main) {
  const { sum, after } = julia(1000);
  for (const [label, bytes] of Object.entries(after)) {
    console.log(`after ${label.padEnd(16)} ${(bytes / 2 ** 20).toFixed(1).padStart(6)} MiB in use`);
  }
  if (sum !== 33219980) throw new Error(`the counts add up to 33219980, not ${sum}`);
}
