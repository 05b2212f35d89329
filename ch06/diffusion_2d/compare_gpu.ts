/**
 * The GPU against the processor over the size of the grid, and the ways of using the GPU against each other.
 *
 * @original 06_matrix/diffusion_2d/figure_pytorch_vs_numpy.py, …/figure_pytorch_naive_vs_conv.py
 * @run deno run --allow-read=. --allow-write=results --allow-env=XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch06/diffusion_2d/compare_gpu.ts
 * @takes 15 s
 */

import { barChart, lineChart, palette } from "../../bench/lib/chart.ts";
import { parseCompareFlags } from "../../bench/lib/flags.ts";
import { describeMachine } from "../../bench/lib/machine.ts";
import { measureInTurns, type Measurement } from "../../bench/lib/measure.ts";
import { startProgress } from "../../bench/lib/progress.ts";
import { type Outcome, report } from "../../bench/lib/report.ts";
import { type Check, type Claim, type Missing, prepareResults } from "../../bench/lib/results.ts";
import { formatNumber, formatRatio, formatTime, table } from "../../bench/lib/table.ts";
import * as fused from "./diffusion_fused.ts";
import * as nested from "./diffusion_nested.ts";
import * as convolution from "./webgpu_convolution.ts";
import * as elementwise from "./webgpu_elementwise.ts";
import * as float16 from "./webgpu_float16.ts";
import * as gpuFused from "./webgpu_fused.ts";
import * as tiled from "./webgpu_tiled.ts";
import * as transfer from "./webgpu_transfer.ts";

const question = "How can I use a GPU to speed up my computation?";

interface Experiment {
  run(steps: number): void | Promise<void>;
  grid?(): ArrayLike<number> | Promise<ArrayLike<number>>;
  close?(): void;
}

interface Variant {
  experiment(size: number): Experiment | Promise<Experiment>;
  /** What a cell costs in traffic if it is read once and written once. */
  bytes: number;
  /** Bits of the significand, the hidden one included. */
  bits: number;
  color: string;
  /** Measured at the largest size only. */
  once?: boolean;
}

const variants: Record<string, Variant> = {
  nested: { experiment: nested.experiment, bytes: 16, bits: 53, color: palette[9] },
  fused: { experiment: fused.experiment, bytes: 16, bits: 53, color: palette[0] },
  webgpu_transfer: { experiment: transfer.experiment, bytes: 8, bits: 24, color: palette[6], once: true },
  webgpu_elementwise: { experiment: elementwise.experiment, bytes: 8, bits: 24, color: palette[4] },
  webgpu_convolution: {
    experiment: (size) => convolution.experiment(size),
    bytes: 8,
    bits: 24,
    color: palette[3],
    once: true,
  },
  webgpu_fused: { experiment: gpuFused.experiment, bytes: 8, bits: 24, color: palette[1] },
  webgpu_tiled: { experiment: tiled.experiment, bytes: 8, bits: 24, color: palette[2] },
  webgpu_float16: { experiment: float16.experiment, bytes: 4, bits: 11, color: palette[5], once: true },
  webgpu_copy: { experiment: copy, bytes: 8, bits: 24, color: "black", once: true },
};

/** No step but a copy of the grid, from one buffer to the other: the same bytes, moved as fast as the GPU moves them. */
async function copy(size: number): Promise<Experiment> {
  const adapter = await navigator.gpu?.requestAdapter();
  const bytes = 4 * size * size;
  if (!adapter || adapter.limits.maxBufferSize < bytes) {
    throw new Deno.errors.NotSupported("no GPU with so much memory");
  }
  const device = await adapter.requestDevice({ requiredLimits: { maxBufferSize: bytes } });
  const usage = GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const [from, to] = [true, false].map((mappedAtCreation) =>
    device.createBuffer({ size: bytes, usage, mappedAtCreation })
  );
  // What was never written may take no memory, and would copy too fast.
  new Float32Array(from.getMappedRange()).fill(1);
  from.unmap();
  return {
    async run(steps) {
      const encoder = device.createCommandEncoder();
      for (let step = 0; step < steps; step++) encoder.copyBufferToBuffer(from, 0, to, 0, bytes);
      device.queue.submit([encoder.finish()]);
      await device.queue.onSubmittedWorkDone();
    },
    close() {
      from.destroy();
      to.destroy();
      device.destroy();
    },
  };
}

export async function run(args: readonly string[]): Promise<Outcome> {
  const flags = parseCompareFlags(args, {
    about: question,
    names: Object.keys(variants),
    size: { min: 1, max: 16384 },
  });
  const { mode } = flags;
  prepareResults("ch06");
  const adapter = (await describeMachine()).gpu;
  const software = adapter?.endsWith("(software)") ?? false;
  const sizes = flags.sizes ??
    (software || !adapter
      ? { quick: [64, 256, 1024], full: [64, 128, 256, 512, 1024, 2048, 4096] }
      : { quick: [64, 256, 1024, 4096, 8192], full: [64, 128, 256, 512, 1024, 2048, 4096, 8192] })[mode];
  const largest = Math.max(...sizes);

  const missing = new Map<string, Missing>();
  const checks: Check[] = [];
  const measured = new Map<string, Measurement>();
  const errors = new Map<string, number>();
  let wait = NaN;
  const progress = startProgress("ch06/diffusion_gpu", sizes.length);
  try {
    for (const size of sizes) {
      progress.step(`${size} x ${size}`);
      // An odd number of steps leaves a remainder to those that take several at once.
      const checked = size > 2048 ? 5 : 21;
      const exact = fused.experiment(size);
      exact.run(checked);
      const reference = exact.grid();
      const here = Object.entries(variants).filter(([name, { once }]) =>
        (!flags.only || name === "fused" || flags.only.includes(name)) &&
        (!once || size === largest) && (name !== "nested" || size <= 1024) && (name !== "webgpu_copy" || adapter)
      );
      // Small grids are measured in turns; of large ones the GPU may not have room for all at once.
      for (const group of size <= 2048 ? [here] : here.map((variant) => [variant])) {
        await using stack = new AsyncDisposableStack();
        const calls: Record<string, () => unknown> = {}, runs: Record<string, { steps: number; wait: number }> = {};
        for (const [name, { experiment, bits }] of group) {
          try {
            const { run, grid, close } = await experiment(size);
            stack.defer(() => close?.());
            if (grid) {
              await run(checked);
              const error = difference(await grid(), reference), bound = boundOf(bits, checked);
              errors.set(name, Math.max(error, errors.get(name) ?? 0));
              if (!(error <= bound)) {
                const claim = `${name} agrees with fused within ${
                  formatNumber(bound)
                } after ${checked} steps at ${size}`;
                checks.push({ claim, passed: false, evidence: `it is off by ${error}` });
              }
            }
            runs[name] = await calibrate(run, name.startsWith("webgpu") ? (mode === "quick" ? 0.04 : 0.2) : 0.005);
            calls[name] = () => run(runs[name].steps);
          } catch (error) {
            if (!(error instanceof Deno.errors.NotSupported)) throw error;
            const others = missing.get(error.message)?.name;
            missing.set(error.message, {
              name: !adapter ? "a GPU" : others ? `${name}, ${others}` : `${name} at ${size} x ${size}`,
              remedy: error.message,
            });
          }
        }
        // Where a result is wrong, a time would mean nothing.
        if (checks.length > 0) continue;
        const plan = mode === "quick" ? { budget: 0.05, rounds: 1 } : { budget: 1, rounds: 3 };
        for (const [name, result] of Object.entries(await measureInTurns(calls, plan))) {
          measured.set(`${name} ${size}`, { ...result, median: (result.median - runs[name].wait) / runs[name].steps });
        }
        wait = runs.webgpu_fused?.wait ?? wait;
      }
    }
  } finally {
    progress.stop();
  }
  checks.push(...[24, 11, 53].flatMap((bits): Check[] => {
    const names = [...errors.keys()].filter((name) => variants[name].bits === bits);
    return names.length === 0 || checks.length > 0 ? [] : [{
      claim: `${names.join(", ")}: within ${formatNumber(boundOf(bits, 21))} of fused after 21 steps`,
      passed: true,
      evidence: names.map((name) => formatNumber(errors.get(name)!)).join(", "),
    }];
  }));

  const time = (name: string, size = largest) => measured.get(`${name} ${size}`)?.median ?? NaN;
  const ratio = (slow: string, fast: string, size = largest) => time(slow, size) / time(fast, size);
  const shown = (text: string) => text.includes("NaN") ? "-" : text;
  const names = Object.keys(variants).filter((name) => sizes.some((size) => Number.isFinite(time(name, size))));
  const atLargest = names.filter((name) => Number.isFinite(time(name)));
  const claim = (claim: string, slow: string, fast: string, times: number, size = largest): Claim[] =>
    Number.isFinite(ratio(slow, fast, size))
      ? [{
        claim,
        held: ratio(slow, fast, size) >= times,
        evidence: `${fast} is ${formatRatio(ratio(slow, fast, size))} as fast as ${slow} at ${size} x ${size}` +
          (software ? ", in software" : ""),
      }]
      : [];
  const on = `GPU: ${adapter ?? "none"}`;
  return await report({
    chapter: "ch06",
    topic: "diffusion_gpu",
    question,
    mode,
    tables: [
      table(
        [`at ${largest} x ${largest}`, "a step", "±", "GB/s", "vs nested", "vs fused", "of a copy", "error"],
        atLargest.map((name) =>
          [
            name,
            formatTime(time(name)),
            `${Math.round(100 * measured.get(`${name} ${largest}`)!.spread)}%`,
            formatNumber(variants[name].bytes * largest ** 2 / time(name) / 1e9),
            formatRatio(ratio("nested", name)),
            formatRatio(ratio("fused", name)),
            name.startsWith("webgpu") ? ratio("webgpu_copy", name).toFixed(2) : "-",
            errors.has(name) ? formatNumber(errors.get(name)!) : "-",
          ].map(shown)
        ),
      ),
      table(
        ["ns a cell and step", ...sizes.map((size) => `${size}`)],
        names.filter((name) => !variants[name].once).map((name) => [
          name,
          ...sizes.map((size) => shown(formatNumber(1e9 * time(name, size) / size ** 2))),
        ]),
      ),
      ...Number.isFinite(wait)
        ? [`Adapter: ${adapter}. Waiting for it once costs ${formatTime(wait)}, which is taken off above.`]
        : [],
    ],
    figures: [
      ...[...measured].map(([key, { median, samples, spread }]) => {
        const [name, size] = key.split(" ");
        return { name, size: Number(size), value: median, unit: "s per step", samples, spread };
      }),
      ...Number.isFinite(wait) ? [{ name: "wait", size: 0, value: wait, unit: "s", samples: 2, spread: 0 }] : [],
    ],
    checks,
    claims: [
      ...claim("at large grids the GPU beats one core of the processor", "fused", "webgpu_fused", 1),
      ...claim("at small grids the processor beats the GPU", "webgpu_fused", "fused", 1, Math.min(...sizes)),
      ...claim("whole-array operations take the GPU at least 5 times as long", "webgpu_elementwise", "webgpu_fused", 5),
      ...claim("a convolution beats whole-array operations", "webgpu_elementwise", "webgpu_convolution", 1),
      ...claim("copying every step costs more than the steps", "webgpu_transfer", "webgpu_fused", 2),
      ...claim("several steps a dispatch beat one", "webgpu_fused", "webgpu_tiled", 1),
      // In software a copy runs in the processor's cache, and says nothing of a GPU's memory.
      ...software ? [] : claim("the fused kernel reaches 70 % of a copy's speed", "webgpu_copy", "webgpu_fused", 0.7),
    ],
    missing: [...missing.values()],
    charts: {
      diffusion_gpu: lineChart({
        title: `2-D diffusion on the processor and on the GPU${software ? " (in software)" : ""}`,
        x: { title: `cells along a side of the grid; ${on}`, log: true, ticks: sizes },
        y: { title: "ns a cell and step (logarithmic)", log: true },
        lines: names.filter((name) => !variants[name].once).map((name) => ({
          name,
          color: variants[name].color,
          dash: !name.startsWith("webgpu"),
          points: sizes.map((size) => ({ x: size, y: 1e9 * time(name, size) / size ** 2 })),
        })),
      }),
      diffusion_gpu_variants: barChart({
        title: `2-D diffusion: ways to use the GPU${software ? " (in software)" : ""}, ${largest} x ${largest} cells`,
        x: { title: `ms a step (logarithmic); ${on}`, log: true },
        bars: atLargest.map((name) => ({ name, value: 1e3 * time(name), color: variants[name].color })),
        text: (ms) => formatTime(ms / 1e3),
      }),
    },
    answer: !Number.isFinite(ratio("fused", "webgpu_fused"))
      ? "Not measured here: there is no GPU, not even in software, or this run left it out."
      : `In one fused kernel, many steps a submit, with the grid left on the GPU: ` +
        `${formatRatio(ratio("fused", "webgpu_fused"))} as fast as one core at ${largest} x ${largest}, ` +
        `${formatRatio(ratio("webgpu_elementwise", "webgpu_fused"))} as fast as whole-array operations. ` +
        (software
          ? `But ${adapter} is no GPU: it compiles the kernels to the processor's own vector instructions and runs them on ` +
            `its ${navigator.hardwareConcurrency} cores, so these are figures for float32 on the processor by another way.`
          : `Measured on ${adapter}.`),
  });
}

/**
 * The largest error that rounding explains, as a share of the largest value at the start: a step takes weighted means,
 * which makes no error larger, and rounds to what comes to less than four times half a unit in the last place; the start
 * is rounded once. For doubles the reference rounds too.
 */
function boundOf(bits: number, steps: number): number {
  return (4 * steps + 1) * 2 ** -bits * (bits === 53 ? 2 : 1);
}

function difference(values: ArrayLike<number>, reference: ArrayLike<number>): number {
  if (values.length !== reference.length) return NaN;
  let most = 0;
  // Math.max keeps a NaN where a comparison would lose it.
  for (let k = 0; k < values.length; k++) most = Math.max(most, Math.abs(values[k] - reference[k]));
  return most / 0.005;
}

/** As many steps as take so many seconds, and the time that a run of no steps waits for the GPU, to be taken off. */
async function calibrate(run: Experiment["run"], seconds: number) {
  const time = async (steps: number) => {
    const begin = performance.now();
    await run(steps);
    return (performance.now() - begin) / 1000;
  };
  await time(1);
  const wait = Math.min(await time(0), await time(0));
  let steps = 1;
  while (await time(steps) < wait + seconds) steps *= 2;
  return { steps, wait };
}

if (import.meta.main) {
  const outcome = await run(Deno.args);
  if (!outcome.passed) Deno.exit(1);
}
