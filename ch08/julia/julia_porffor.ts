/**
 * The Julia set in plain JavaScript, compiled ahead of time to WebAssembly by Porffor.
 *
 * What to notice: nobody tells this compiler a type, and unlike V8 it cannot watch the program run and find out. It has to
 * prove what it can and carry the rest along as a value and its type, through arithmetic that allows for either. Ahead of
 * time, types are what a compiler needs most: AssemblyScript makes one write them down and Porffor does without, and
 * that is the difference between the two. (Large arrays overflow its memory; so a row has one of its own.)
 *
 * @original 08_compiling/pypy/julia1_nopil.py, 08_compiling/pypy/julia1_numpy_pypy.py
 * @run deno run ch08/julia/julia_porffor.ts
 * @takes 1 s
 */

/** The book's experiment as a program; everything in it is plain JavaScript. */
const program = (width: number) => `
const width = ${width}, xs = new Float64Array(width), ys = new Float64Array(width), rows = [];
let x = -1.8, y = 1.8, next = 0;
for (let i = 0; i < width; i++) {
  xs[i] = x;
  ys[i] = y;
  x += 3.6 / width;
  y -= 3.6 / width;
  rows.push(new Int32Array(width));
}

export function julia() {
  for (let row = 0; row < width; row++) {
    const counts = rows[row];
    for (let column = 0; column < width; column++) {
      let re = xs[column], im = ys[row], n = 0;
      while (n < 300 && re * re + im * im < 4) {
        const next = re * re - im * im - 0.62772;
        im = 2 * re * im - 0.42193;
        re = next;
        n++;
      }
      counts[column] = n;
    }
  }
}

/** The counts of one row after the other. */
export function nextRow() {
  if (next === width) next = 0;
  return rows[next++];
}`;

/** The book's experiment: width x width points from -1.8 to 1.8, row by row from the top. */
export async function experiment(width: number) {
  const { default: compile } = await import("npm:porffor@0.61.13");
  const { exports } = compile(program(width), "module");
  exports.main();
  return {
    run: () => void exports.julia(),
    counts: () => Int32Array.from(Array.from({ length: width }, () => [...exports.nextRow()]).flat()),
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
