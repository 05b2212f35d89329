/**
 * The Julia set that makes each coordinate when it is its turn and keeps only the counts: two bytes a point.
 *
 * What to notice: z is never an object here, two local variables hold it, so that the loop allocates nothing. The counts,
 * which are at most 300, lie in a Uint16Array outside V8's heap. The sum is the same to the last point, since the
 * coordinates come from the same additions. The labels are for memory_profiler.ts, as in julia_keeps_inputs.ts.
 *
 * @original 02_profiling/memory_profiler/julia1_memoryprofiler2.py
 * @run deno run ch02/memory_profiler/julia_lean.ts
 * @takes 1 s
 */

/** For each point z, how often `z = z * z + c` can be taken before |z| reaches 2, at most `limit`. */
function calculate(limit: number, width: number, output: Uint16Array): void {
  const cRe = -0.62772, cIm = -0.42193, step = 3.6 / width;
  for (let row = 0, y = 1.8; row < width; row++, y -= step) {
    for (let column = 0, x = -1.8; column < width; column++, x += step) {
      let re = x, im = y, n = 0;
      while (n < limit && re * re + im * im < 4) {
        const square = re * re - im * im;
        im = 2 * re * im + cIm;
        re = square + cRe;
        n++;
      }
      output[row * width + column] = n;
    }
  }
}

/**
 * Counts for width x width points from -1.8 to 1.8.
 *
 * @returns the sum of the counts, and the bytes in use on V8's heap and outside it after each stage
 */
export function julia(width: number): { sum: number; after: Record<string, number> } {
  console.time("calculate");
  const output = new Uint16Array(width * width);
  calculate(300, width, output);
  console.timeEnd("calculate");
  const { heapUsed, external } = Deno.memoryUsage();
  return { sum: output.reduce((sum, n) => sum + n, 0), after: { calculate: heapUsed + external } };
}

if (import.meta.main) {
  const { sum, after } = julia(1000);
  console.log(`after calculate ${(after.calculate / 2 ** 20).toFixed(1)} MiB in use`);
  if (sum !== 33219980) throw new Error(`the counts add up to 33219980, not ${sum}`);
}
