/**
 * The Julia set on objects of eight shapes: the wrong version, which V8 cannot specialise.
 *
 * What to notice: every point has a `re` and an `im`, and TypeScript is content. But eight classes lay them out in eight
 * ways, and where one place in the code meets more than four shapes, V8 gives up on knowing where the field is and looks
 * it up each time, in a table, and boxes the number it finds or stores. The mathematics are those of
 * julia_objects_expanded.ts; the type that slows them down is one that no annotation shows.
 *
 * @original 08_compiling/cython/cpython/julia1.py
 * @run deno run ch08/julia/julia_megamorphic.ts
 * @takes 6 s
 */

export interface Complex {
  re: number;
  im: number;
}

/** Eight ways to hold the same two numbers: more and more other fields before them. */
const makers: ((re: number, im: number) => Complex)[] = Array.from({ length: 8 }, (_, fields) => {
  const others = Object.fromEntries(Array.from({ length: fields }, (_, i) => [`other${i}`, 0]));
  return (re, im) => Object.assign({}, others, { re, im });
});

/** Takes z one step further, in place. */
function step(z: Complex, c: Complex): void {
  const re = z.re * z.re - z.im * z.im + c.re;
  z.im = 2 * z.re * z.im + c.im;
  z.re = re;
}

/**
 * For each point z, how often `z = z * z + c` can be taken before |z| reaches 2.
 *
 * @param limit the most that is counted
 * @param zs N points, of any shapes
 * @returns N counts from 0 to `limit`
 */
export function julia(limit: number, zs: Complex[], c: Complex): number[] {
  const counts: number[] = [];
  for (const point of zs) {
    const { re, im } = point;
    let n = 0;
    while (n < limit && point.re * point.re + point.im * point.im < 4) {
      step(point, c);
      n++;
    }
    counts.push(n);
    // The steps were taken on the point itself.
    point.re = re;
    point.im = im;
  }
  return counts;
}

/** The book's experiment: width x width points from -1.8 to 1.8, row by row from the top. */
export function experiment(width: number) {
  // The coordinates come from repeated addition: their rounding is part of the answer.
  const zs: Complex[] = [], step = 3.6 / width;
  for (let row = 0, im = 1.8; row < width; row++, im -= step) {
    for (let column = 0, re = -1.8; column < width; column++, re += step) zs.push(makers[column % 8](re, im));
  }
  let counts: number[] = [];
  return { run: () => void (counts = julia(300, zs, { re: -0.62772, im: -0.42193 })), counts: () => counts };
}

if (import.meta.main) {
  const { run, counts } = experiment(1000);
  const start = performance.now();
  run();
  console.log(`1000 x 1000 points: ${(performance.now() - start).toFixed(0)} ms`);
  const sum = counts().reduce((sum, n) => sum + n, 0);
  if (sum !== 33219980) throw new Error(`the counts add up to 33219980, not ${sum}`);
}
