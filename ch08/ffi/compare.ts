/**
 * The diffusion in five languages, called from TypeScript: against TypeScript alone, and against C timed in C.
 *
 * @original 08_compiling/ctypes/diffusion_ctypes.py, 08_compiling/cffi/, 08_compiling/f2py/, 08_compiling/rust/, 08_compiling/cpython_module/
 * @run deno run --allow-read=. --allow-write=results --allow-run=cc,c++,gfortran,rustc --allow-ffi=results --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch08/ffi/compare.ts
 * @takes 20 s
 */

import { barChart, lineChart, palette } from "../../bench/lib/chart.ts";
import { compare, type Readings, relativeError } from "../../bench/lib/compare.ts";
import { type Missing, resultsFolder } from "../../bench/lib/results.ts";
import { median } from "../../bench/lib/statistics.ts";
import { formatNumber, formatRatio, formatTime } from "../../bench/lib/table.ts";
import { missingCompiler } from "../../bench/limit/limit.ts";
import { fileURLToPath } from "node:url";
import { build } from "./diffusion_c.ts";

/** What every technique of this topic sets up. */
export interface Experiment {
  run(steps: number): void;
  grid(): Float64Array;
  close(): void;
}

const folder = fileURLToPath(resultsFolder);

/** Steps in one call: some milliseconds of them where they are short. */
const stepsPerCall = (size: number) => Math.max(8, Math.min(1024, 2 ** 22 / size ** 2 & ~7));

let loaded = 0;

/**
 * Sets up a technique of this folder in a module of its own. A place in the code that has seen calls of several foreign
 * functions loses the fast way to call any (see call_cost.ts), and one module would see one for each library it opens.
 */
async function set(file: string, size: number, options: { fma?: boolean } = {}): Promise<Experiment | null> {
  const module = await import(new URL(`${file}.ts?${loaded++}`, import.meta.url).href);
  return await module.experiment(size, { folder, ...options });
}

const needs: Record<string, Missing> = {
  ...{ c: missingCompiler, c_fma: missingCompiler, c_inline: missingCompiler, node_api: missingCompiler },
  cpp: { name: "C++ compiler", remedy: "apt-get install g++" },
  fortran: { name: "Fortran compiler", remedy: "apt-get install gfortran" },
  rust: { name: "Rust compiler", remedy: "apt-get install rustc gcc" },
  c_in_c: missingCompiler,
};

/** An experiment as a variant of a compare. */
const variant = (experiment: (size: number) => Promise<Experiment | null>) => async (size: number) => {
  const prepared = await experiment(size);
  if (!prepared) return null;
  const { run, grid, close } = prepared;
  return { call: () => run(stepsPerCall(size)), answer: grid, close };
};

/** The same loop in C, on memory of its own; `seconds` takes steps too, and says how long by C's own clock. */
async function openInC(size: number): Promise<Experiment & { seconds(steps: number): number } | null> {
  const library = await build(new URL("../../bench/limit/ffi_diffusion.c", import.meta.url), {
    limit_open: { parameters: ["i32", "i32", "i32"], result: "pointer" },
    limit_run: { parameters: ["pointer", "i32", "f64"], result: "f64" },
    limit_grid: { parameters: ["pointer", "buffer"], result: "void" },
    limit_close: { parameters: ["pointer"], result: "void" },
  }, { folder });
  if (!library) return null;
  const { limit_open, limit_run, limit_grid, limit_close } = library.symbols;
  const limit = limit_open(size, Math.floor(0.4 * size), Math.floor(0.5 * size));
  if (!limit) throw new Error(`C found no memory for ${size} x ${size} values`);
  const seconds = (steps: number) => limit_run(limit, steps, 0.1);
  return {
    run: (steps) => void seconds(steps),
    seconds,
    grid() {
      const grid = new Float64Array(size * size);
      limit_grid(limit, grid);
      return grid;
    },
    close() {
      limit_close(limit);
      library.close();
    },
  };
}

/**
 * The speed of C called from here, where that of C in C, by its own clock, is 1: the median over pairs of runs that
 * follow each other at once, because the machine's own ups and downs are larger than what is looked for.
 *
 * @returns NaN where there is no C compiler; throws if the two do not come to the same
 */
async function measureBorder(size: number): Promise<{ speed: number; step: number; pairs: number }> {
  const here = await set("diffusion_c", size), there = await openInC(size);
  if (!here || !there) return { speed: NaN, step: NaN, pairs: 0 };
  const steps = stepsPerCall(size), ratios: number[] = [], times: number[] = [];
  const pair = () => {
    const start = performance.now();
    here.run(steps);
    const outside = (performance.now() - start) / 1000, inside = there.seconds(steps);
    ratios.push(inside / outside);
    times.push(inside / steps);
  };
  pair();
  if (relativeError(here.grid(), there.grid()) !== 0) {
    throw new Error(`C differs by where it is called from, at ${size}`);
  }
  for (const end = performance.now() + 200; performance.now() < end;) pair();
  ratios.length = times.length = 0;
  for (const end = performance.now() + 800; performance.now() < end;) pair();
  here.close();
  there.close();
  return { speed: median(ratios), step: median(times), pairs: ratios.length };
}

export async function run(args: readonly string[]) {
  let large = { speed: NaN, step: NaN, pairs: 0 }, small = large;
  return await compare({
    chapter: "ch08",
    topic: "ffi_diffusion",
    question: "How can I call C, C++, Fortran and Rust from TypeScript, and is it as fast as in C?",
    variants: {
      typescript: variant((size) => set("diffusion_typescript", size)),
      c: variant((size) => set("diffusion_c", size)),
      c_fma: variant((size) => set("diffusion_c", size, { fma: true })),
      c_inline: variant((size) => set("diffusion_c_inline", size)),
      node_api: variant((size) => set("diffusion_node_api", size)),
      cpp: variant((size) => set("diffusion_cpp", size)),
      fortran: variant((size) => set("diffusion_fortran", size)),
      rust: variant((size) => set("diffusion_rust", size)),
      c_in_c: variant(openInC),
    },
    sizes: { quick: [16, 64, 512], full: [8, 16, 32, 64, 128, 256, 512, 1024, 2048], min: 1, max: 4096 },
    headline: 512,
    // The additions come in the same order everywhere, so all bits are equal; FMA rounds once where others round twice.
    agree: { with: "typescript", within: 0, except: { c_fma: 1e-13 } },
    baseline: "typescript",
    limits: ["c_in_c"],
    unit: {
      per: "step",
      count: stepsPerCall,
      // Each cell is read once and written once if everything else stays in the cache.
      bytes: (size) => 16 * size ** 2,
      label: (size) => `${size}²`,
    },
    budget: { quick: 0.15, full: 1 },
    needs,
    prepare: async () => {
      large = await measureBorder(512);
      small = await measureBorder(16);
    },
    charts: (readings) => ({
      ffi_diffusion: barChart({
        title: `2-D diffusion: a step on ${readings.headline} x ${readings.headline} cells, one core`,
        x: { title: "µs a step" },
        bars: readings.names.map((name) => ({ name, value: readings.time(name) * 1e6, color: colors[name] })),
        text: (us) => formatTime(us / 1e6),
      }),
      ffi_diffusion_sizes: lineChart({
        title: "One foreign call a step: times as fast as TypeScript",
        x: { title: "cells along a side of the grid", log: true, ticks: readings.sizes },
        y: { title: "times as fast as TypeScript" },
        lines: readings.names.map((name) => ({
          name,
          color: colors[name],
          dash: name === "c_in_c",
          points: readings.sizes.map((size) => ({ x: size, y: readings.ratio("typescript", name, size) })),
        })),
      }),
    }),
    claims: (readings) => claims(readings, large, small),
    answer: (readings) =>
      readings.get("c")
        ? `With Deno.dlopen and a line of types for each function; C called once a step is ${
          formatRatio(readings.ratio("typescript", "c"))
        } as fast as plain TypeScript, which is ${large.speed.toFixed(2)} of the speed of the same C in C.`
        : "With Deno.dlopen; but here is no C compiler to show it with.",
  }, args);
}

type Border = Awaited<ReturnType<typeof measureBorder>>;

function claims(readings: Readings, large: Border, small: Border) {
  const others = ["node_api", "cpp", "fortran", "rust"].filter((name) => readings.get(name));
  const gain = readings.ratio("typescript", "c"), fma = readings.ratio("c", "c_fma");
  const inline = readings.ratio("c", "c_inline", Math.min(...readings.sizes));
  return [
    {
      claim: "C called from TypeScript is within 5% of the same C timed in C, at 512²",
      held: large.speed >= 0.95,
      evidence: `${large.speed.toFixed(3)} of its speed, the median of ${large.pairs} pairs of runs`,
    },
    {
      claim: "the call itself is felt only where a step is very short, as at 16² (more than 5%)",
      held: small.speed < 0.95,
      evidence: `${small.speed.toFixed(2)} of its speed where a step takes ${formatTime(small.step)}`,
    },
    {
      claim: "as a Node-API addon, in C++, Fortran and Rust it is as fast as in C, within a fifth",
      held: others.every((name) => readings.ratio("c", name) >= 0.8),
      evidence: others.map((name) => `${name} ${readings.ratio("c", name).toFixed(2)}`).join(", "),
    },
    {
      claim: "C is at least 1.5 times as fast as plain TypeScript",
      held: gain >= 1.5,
      evidence: `${formatRatio(gain)}; the compiler computes several cells with each instruction`,
    },
    {
      claim: "forbidding FMA, for the sake of the same bits, costs less than a fifth",
      held: fma < 1.2,
      evidence: `with it a step is ${formatNumber(fma)} times as fast`,
    },
    {
      claim: "on a small grid it pays to compile for its size (1.2 times or more)",
      held: inline >= 1.2,
      evidence: `${formatRatio(inline)} as fast as c at ${Math.min(...readings.sizes)}²`,
    },
    // What did not run, because it is missing or --only left it out, says nothing.
  ].filter(({ evidence }) => evidence !== "" && !evidence.includes("NaN"));
}

const colors: Record<string, string> = {
  typescript: palette[9],
  c: palette[0],
  c_fma: palette[5],
  c_inline: palette[7],
  node_api: palette[2],
  cpp: palette[3],
  fortran: palette[4],
  rust: palette[1],
  c_in_c: "black",
};

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
