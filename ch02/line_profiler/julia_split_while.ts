/**
 * The two tests of the Julia set's loop on lines of their own, and in the other order: what does each of them cost?
 *
 * What to notice: `while (a && b)` is one line, and a profile by lines cannot divide it. `split` gives each test a
 * statement, so that line_profiler.ts tells them apart:
 *
 *     deno run … line_profiler.ts --hits julia_split_while.ts --variant=split
 *
 * Math.hypot takes most of the time, `n < limit` hardly any. Yet the order of the two is nearly without effect: `&&`
 * leaves out the second test only where the first one fails, and that happens once a point, not once in its 33
 * steps. Asking for n first saves one Math.hypot for each point that never escapes, and no more. What the profile does
 * recommend is `squared`, which has no Math.hypot.
 *
 * @original 02_profiling/line_profiler/julia1_lineprofiler2.py, …/julia1_lineprofiler3.py, …/julia1_nopil_originalif.py, …/julia1_nopil_swappedif.py
 * @run deno run ch02/line_profiler/julia_split_while.ts
 * @takes 4 s
 */

import { parseArgs } from "jsr:@std/cli@1/parse-args";

const cRe = -0.62772, cIm = -0.42193;

/** As the book writes it. */
function written(limit: number, re: number, im: number): number {
  let n = 0;
  while (Math.hypot(re, im) < 2 && n < limit) {
    const square = re * re - im * im;
    im = 2 * re * im + cIm;
    re = square + cRe;
    n++;
  }
  return n;
}

/** A statement for each test; both are made in every step now. */
function split(limit: number, re: number, im: number): number {
  let n = 0;
  while (true) {
    const notYetEscaped = Math.hypot(re, im) < 2;
    const stepsLeft = n < limit;
    if (!notYetEscaped || !stepsLeft) break;
    const square = re * re - im * im;
    im = 2 * re * im + cIm;
    re = square + cRe;
    n++;
  }
  return n;
}

/** The cheap test first. */
function swapped(limit: number, re: number, im: number): number {
  let n = 0;
  while (n < limit && Math.hypot(re, im) < 2) {
    const square = re * re - im * im;
    im = 2 * re * im + cIm;
    re = square + cRe;
    n++;
  }
  return n;
}

/** Without the square root, whose argument is below 4 where it is below 2. */
function squared(limit: number, re: number, im: number): number {
  let n = 0;
  while (n < limit && re * re + im * im < 4) {
    const square = re * re - im * im;
    im = 2 * re * im + cIm;
    re = square + cRe;
    n++;
  }
  return n;
}

/** How often `z = z * z + c` can be taken from z = (re, im) before |z| reaches 2, at most `limit` times. */
export const variants: Record<string, (limit: number, re: number, im: number) => number> = {
  written,
  split,
  swapped,
  squared,
};

export const limit = 300;

/** The counts of width x width points from -1.8 to 1.8, row by row from the top. */
export function juliaSet(escape: typeof variants[string], width: number): Uint16Array {
  const counts = new Uint16Array(width * width), step = 3.6 / width;
  // The coordinates come from repeated addition: their rounding is part of the answer.
  for (let row = 0, im = 1.8; row < width; row++, im -= step) {
    for (let column = 0, re = -1.8; column < width; column++, re += step) {
      counts[row * width + column] = escape(limit, re, im);
    }
  }
  return counts;
}

/** How often each test is made, with |z| first and with n first, from the counts alone. */
export function countTests(counts: ArrayLike<number>) {
  const points = counts.length, values = Array.from(counts), steps = values.reduce((sum, n) => sum + n, 0);
  const escaped = values.filter((n) => n < limit).length;
  return {
    points,
    steps,
    escaped,
    written: { size: steps + points, n: steps + points - escaped },
    swapped: { size: steps + escaped, n: steps + points },
  };
}

if (import.meta.main) {
  const flags = parseArgs(Deno.args, { string: ["variant", "width"], default: { width: "1000" } });
  const names = flags.variant === undefined ? Object.keys(variants) : [flags.variant], width = Number(flags.width);
  const fail = (message: string): never => {
    console.error(`error: ${message}`);
    Deno.exit(2);
  };
  const wrong = Object.keys(flags).find((name) => !["_", "variant", "width"].includes(name));
  if (wrong || flags._.length > 0) fail(`${wrong ? `--${wrong}` : flags._[0]} is neither --variant=NAME nor --width=N`);
  if (!Object.hasOwn(variants, names[0])) {
    fail(`--variant=${names[0]}: must be one of ${Object.keys(variants).join(", ")}`);
  }
  if (!(Number.isInteger(width) && width >= 1 && width <= 4000)) {
    fail(`--width=${flags.width}: must be a whole number from 1 to 4000`);
  }
  for (const name of names) {
    const start = performance.now(), counts = juliaSet(variants[name], width);
    console.log(`${name.padEnd(8)} ${(performance.now() - start).toFixed(0).padStart(6)} ms`);
    const { steps, ...tests } = countTests(counts);
    if (width === 1000 && steps !== 33219980) throw new Error(`the counts add up to 33219980, not ${steps}`);
    if (name !== names.at(-1)) continue;
    const { points, escaped, written, swapped } = tests;
    console.log(
      `of ${points} points ${escaped} escape; tests of |z| and n: ${written.size} and ${written.n} as written,`,
    );
    console.log(`${swapped.size} and ${swapped.n} with n first: ${points - escaped} of |z| saved`);
  }
}
