/**
 * The Julia set, plain on purpose: the program that this chapter profiles.
 *
 * What to notice: it measures itself in the crudest way, with a clock before and after and a print. That says how long
 * all took, and nothing about where. The other scripts of this folder look further in: process_cost.ts at the whole
 * process, profile_table.ts and flame_graph.ts at each function, profile_diff.ts at what a change did. `--squares` is
 * such a change: |z| from a square root in place of `Math.hypot`. Not a single count differs by it.
 *
 * The pictures need the right to write where they go, and come of the greys as they are and of colours that tell the
 * dark greys apart: deno run --allow-write=. ch02/cpu_profiling/julia.ts --draw
 *
 * @original 02_profiling/cpu_profiling/julia1.py, …/julia1_nopil.py
 * @run deno run ch02/cpu_profiling/julia.ts
 * @takes 3 s
 */

import { parseArgs } from "jsr:@std/cli@1/parse-args";

export interface Complex {
  re: number;
  im: number;
}

/** |z|, safe from overflow and right to the last digit, as Python's `abs` has it from C's `hypot`. */
export function abs(z: Complex): number {
  return Math.hypot(z.re, z.im);
}

/** |z| as the formula has it. */
export function absBySquares(z: Complex): number {
  return Math.sqrt(z.re * z.re + z.im * z.im);
}

export function add(a: Complex, b: Complex): Complex {
  return { re: a.re + b.re, im: a.im + b.im };
}

export function multiply(a: Complex, b: Complex): Complex {
  return { re: a.re * b.re - a.im * b.im, im: a.re * b.im + a.im * b.re };
}

/**
 * For each point z, how often `z = z * z + c` can be taken before |z| reaches 2.
 *
 * @param limit the most that is counted
 * @param zs N points
 * @param cs N constants, one for each point
 * @param magnitude how |z| is computed
 * @returns N counts from 0 to `limit`
 */
export function calculateZSerial(limit: number, zs: Complex[], cs: Complex[], magnitude = abs): number[] {
  const output: number[] = new Array(zs.length).fill(0);
  for (let i = 0; i < zs.length; i++) {
    let n = 0, z = zs[i];
    const c = cs[i];
    while (magnitude(z) < 2 && n < limit) {
      z = add(multiply(z, z), c);
      n++;
    }
    output[i] = n;
  }
  return output;
}

/** The inputs: width x width points from -1.8 to 1.8, row by row from the top, and c for each of them. */
export function makeInputs(width: number): { xs: number[]; zs: Complex[]; cs: Complex[] } {
  const step = 3.6 / width, xs: number[] = [], ys: number[] = [];
  // The coordinates come from repeated addition: their rounding is part of the answer.
  for (let i = 0, x = -1.8, y = 1.8; i < width; i++, x += step, y -= step) {
    xs.push(x);
    ys.push(y);
  }
  const zs: Complex[] = [], cs: Complex[] = [];
  for (const im of ys) {
    for (const re of xs) {
      zs.push({ re, im });
      cs.push({ re: -0.62772, im: -0.42193 });
    }
  }
  return { xs, zs, cs };
}

/** Builds the inputs, says how many there are, computes, and says how long that took. */
export function calcPure(width: number, limit: number, magnitude = abs): number[] {
  const { xs, zs, cs } = makeInputs(width);
  console.log(`Length of x: ${xs.length}`);
  console.log(`Total elements: ${zs.length}`);
  const start = performance.now();
  const output = calculateZSerial(limit, zs, cs, magnitude);
  console.log(`${calculateZSerial.name} took ${((performance.now() - start) / 1000).toFixed(3)} seconds`);
  // The sum that the book gives; it makes sense for its size and limit alone.
  const sum = output.reduce((sum, n) => sum + n, 0);
  if (width === 1000 && limit === 300 && sum !== 33219980) throw new Error(`the sum is ${sum}, not 33219980`);
  return output;
}

/** The computation without its set-up and its prints. */
export function experiment(width: number, magnitude = abs) {
  const { zs, cs } = makeInputs(width);
  let counts: number[] = [];
  return { run: () => void (counts = calculateZSerial(300, zs, cs, magnitude)), counts: () => counts };
}

/** A PNG. What draws is loaded when something is drawn: it is no part of what this chapter profiles. */
async function encode(width: number, channels: 1 | 3, data: Uint8Array): Promise<Uint8Array> {
  const { encode } = await import("npm:fast-png@8.0.0");
  return encode({ width, height: width, data, channels });
}

/** A picture of width x width counts as a PNG: black to white by count. */
export function drawGreyscale(counts: number[], width: number, limit: number): Promise<Uint8Array> {
  const data = Uint8Array.from(counts, (n) => Math.round(255 * n / limit));
  return encode(width, 1, data);
}

/** The same in colours that go round with the logarithm of the count; what never escapes is black. */
export function drawFalseColour(counts: number[], width: number, limit: number): Promise<Uint8Array> {
  const data = new Uint8Array(3 * counts.length);
  for (const [i, n] of counts.entries()) {
    if (n === limit) continue;
    const turn = Math.log2(1 + n) * Math.PI / 2;
    // Three waves, each a third of a turn behind the one before.
    for (let k = 0; k < 3; k++) data[3 * i + k] = Math.round(127.5 * (1 - Math.cos(turn - 2 * Math.PI * k / 3)));
  }
  return encode(width, 3, data);
}

function fail(message: string): never {
  console.error(`error: ${message}`);
  Deno.exit(2);
}

if (import.meta.main) {
  const flags = parseArgs(Deno.args, {
    boolean: ["help", "squares"],
    string: ["draw", "width"],
    default: { width: "1000" },
    unknown: (argument) => fail(`${argument} is not a flag of this script (see --help)`),
  });
  if (flags.help) {
    console.log(`The Julia set, timed by print.

  --width=N         so many points across and down, from 1 to 4000; 1000 unless said
  --squares         |z| by a square root in place of Math.hypot
  --draw[=PREFIX]   writes PREFIX_greyscale.png and PREFIX_false_colour.png; PREFIX is julia unless said`);
    Deno.exit();
  }
  const width = /^\d+$/.test(flags.width) ? Number(flags.width) : NaN;
  if (!(width >= 1 && width <= 4000)) fail(`--width=${flags.width}: must be a whole number from 1 to 4000`);

  const limit = 300, counts = calcPure(width, limit, flags.squares ? absBySquares : abs);
  if (flags.draw !== undefined) {
    const pictures = { greyscale: drawGreyscale, false_colour: drawFalseColour };
    for (const [name, draw] of Object.entries(pictures)) {
      const file = `${flags.draw || "julia"}_${name}.png`;
      try {
        await Deno.writeFile(file, await draw(counts, width, limit));
      } catch (error) {
        fail(`--draw: cannot write ${file}: ${(error as Error).message}`);
      }
      console.log(`written: ${file}`);
    }
  }
}
