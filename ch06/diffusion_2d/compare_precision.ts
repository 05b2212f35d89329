/**
 * How many bits the diffusion needs: float64, float32 and float16, by what they lose over a thousand steps and by time.
 *
 * @original 06_matrix/diffusion_2d/figure_pytorch_naive_precision.py
 * @run deno run --allow-read=. --allow-write=results --allow-env=XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch06/diffusion_2d/compare_precision.ts
 * @takes 8 s
 */

import { barChart, type Line, lineChart, palette } from "../../bench/lib/chart.ts";
import { parseCompareFlags } from "../../bench/lib/flags.ts";
import { describeMachine } from "../../bench/lib/machine.ts";
import { measureInTurns } from "../../bench/lib/measure.ts";
import { startProgress } from "../../bench/lib/progress.ts";
import { type Outcome, report } from "../../bench/lib/report.ts";
import { type Check, type Figure, type Missing, prepareResults } from "../../bench/lib/results.ts";
import { formatNumber, formatRatio, formatTime, table } from "../../bench/lib/table.ts";
import * as float32 from "./diffusion_float32.ts";
import * as float64 from "./diffusion_fused.ts";
import * as gpuFloat16 from "./webgpu_float16.ts";
import * as gpuFloat32 from "./webgpu_fused.ts";

const question = "What are the subtleties when using GPUs for numerical code? How many bits a number needs";

interface Experiment {
  run(steps: number): void | Promise<void>;
  grid(): ArrayLike<number> | Promise<ArrayLike<number>>;
  close?(): void;
}

interface Precision {
  experiment(size: number): Experiment | Promise<Experiment>;
  /** Bits of the significand, the hidden one included: a rounding changes a number by at most 2 ** -bits of itself. */
  bits: number;
  /** A cell is read once and written once if everything else stays in the cache. */
  bytes: number;
  /** Only its accuracy is of interest. */
  untimed?: boolean;
  color: string;
}

const precisions: Record<string, Precision> = {
  "float64": { experiment: float64.experiment, bits: 53, bytes: 16, color: palette[9] },
  "float32": { experiment: float32.experiment, bits: 24, bytes: 8, color: palette[0] },
  "float16, stored": {
    experiment: (size) => float16(size, stepStored),
    bits: 11,
    bytes: 4,
    untimed: true,
    color: palette[1],
  },
  "float16, throughout": {
    experiment: (size) => float16(size, stepThroughout),
    bits: 11,
    bytes: 4,
    untimed: true,
    color: palette[6],
  },
  "GPU float32": { experiment: gpuFloat32.experiment, bits: 24, bytes: 8, color: palette[5] },
  "GPU float16, stored": { experiment: gpuFloat16.experiment, bits: 11, bytes: 4, color: palette[4] },
};

/** Cells that are kept in 16 bits, with arithmetic in full: as a GPU does that loads float16 and calculates in float32. */
function stepStored(u: Float16Array, next: Float16Array, size: number, dt: number): void {
  for (let i = 0; i < size; i++) {
    const row = i * size, up = (i + size - 1) % size * size, down = (i + 1) % size * size;
    for (let j = 0; j < size; j++) {
      const c = u[row + j], sides = u[row + (j + size - 1) % size] + u[row + (j + 1) % size];
      next[row + j] = c + dt * (u[up + j] + u[down + j] + sides - 4 * c);
    }
  }
}

/** Every operation is rounded to 16 bits: as a library of tensors does that stores each operation's result. */
function stepThroughout(u: Float16Array, next: Float16Array, size: number, dt: number): void {
  const rounded = new Float16Array([dt, 0]);
  for (let i = 0; i < size; i++) {
    const row = i * size, up = (i + size - 1) % size * size, down = (i + 1) % size * size;
    for (let j = 0; j < size; j++) {
      const c = u[row + j];
      rounded[1] = u[up + j] + u[down + j];
      rounded[1] += u[row + (j + size - 1) % size];
      rounded[1] += u[row + (j + 1) % size];
      rounded[1] -= 4 * c;
      rounded[1] *= rounded[0];
      next[row + j] = c + rounded[1];
    }
  }
}

function float16(size: number, step: typeof stepStored): Experiment {
  const low = Math.floor(0.4 * size), high = Math.floor(0.5 * size);
  let u = new Float16Array(size * size), next = new Float16Array(size * size);
  for (let i = low; i < high; i++) u.fill(0.005, i * size + low, i * size + high);
  return {
    run(steps) {
      for (let k = 0; k < steps; k++) {
        step(u, next, size, 0.1);
        [u, next] = [next, u];
      }
    },
    grid: () => u,
  };
}

/** What is lost after so many steps, as shares of the largest value at the start and of the whole mass. */
interface Loss {
  steps: number;
  error: number;
  drift: number;
}

const size = 256, start = 0.005;
const plans = {
  quick: { checkpoints: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000], sizes: [256, 1024], budget: 0.1, rounds: 1 },
  full: {
    checkpoints: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000],
    sizes: [256, 1024, 4096],
    budget: 1,
    rounds: 3,
  },
};

export async function run(args: readonly string[]): Promise<Outcome> {
  const { mode, only } = parseCompareFlags(args, { about: question, names: Object.keys(precisions) });
  prepareResults("ch06");
  const { checkpoints, sizes, budget, rounds } = plans[mode];
  const adapter = (await describeMachine()).gpu;
  const chosen = Object.entries(precisions).filter(([name]) => !only || name === "float64" || only.includes(name));
  const missing = new Map<string, Missing>();
  const open = async (name: string, size: number) => {
    try {
      return await precisions[name].experiment(size);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotSupported)) throw error;
      missing.set(error.message, { name: adapter ? `${name} at ${size} x ${size}` : "a GPU", remedy: error.message });
    }
  };

  const progress = startProgress("ch06/diffusion_precision", chosen.length * (sizes.length + 1));
  const losses = new Map<string, Loss[]>(), times = new Map<string, number>(), figures: Figure[] = [];
  try {
    const exact: Float64Array[] = [];
    for (const [name] of chosen) {
      progress.step(`following ${name}`);
      const experiment = await open(name, size);
      if (experiment) losses.set(name, await follow(experiment, checkpoints, exact));
      experiment?.close?.();
    }
    for (const size of sizes) {
      await using stack = new AsyncDisposableStack();
      const calls: Record<string, () => unknown> = {}, runs: Record<string, { steps: number; wait: number }> = {};
      for (const [name, { untimed }] of chosen) {
        progress.step(`timing at ${size}`);
        const experiment = untimed ? undefined : await open(name, size);
        if (!experiment) continue;
        stack.defer(() => experiment.close?.());
        runs[name] = await calibrate(experiment, name.startsWith("GPU") ? 0.04 : 0.004);
        calls[name] = () => experiment.run(runs[name].steps);
      }
      for (
        const [name, { median, samples, spread }] of Object.entries(await measureInTurns(calls, { budget, rounds }))
      ) {
        const value = (median - runs[name].wait) / runs[name].steps;
        times.set(`${name} ${size}`, value);
        figures.push({ name, size, value, unit: "s per step", samples, spread });
      }
    }
  } finally {
    progress.stop();
  }

  const names = [...losses.keys()], largest = sizes.at(-1)!;
  const time = (name: string, at = largest) => times.get(`${name} ${at}`) ?? NaN;
  const timed = names.filter((name) => Number.isFinite(time(name)));
  const last = (name: string) => losses.get(name)?.at(-1) ?? { steps: NaN, error: NaN, drift: NaN };
  const lines = (value: (loss: Loss) => number): Line[] =>
    names.slice(1).map((name) => ({
      name,
      color: precisions[name].color,
      dash: name.startsWith("GPU"),
      // A loss of nothing at all has no place on a logarithmic axis.
      points: losses.get(name)!.map((loss) => ({ x: loss.steps, y: value(loss) || NaN })),
    }));
  const decades = checkpoints.filter((steps) => Number.isInteger(Math.log10(steps)));
  const steps = { title: "steps (logarithmic)", log: true, ticks: decades };
  return await report({
    chapter: "ch06",
    topic: "diffusion_precision",
    question,
    mode,
    tables: [
      table(
        [`on ${size} x ${size}`, "error after 1", `after ${last("float64").steps}`, "mass off by"],
        names.slice(1).map((name) => [
          name,
          ...[losses.get(name)![0].error, last(name).error, last(name).drift].map((share) => share.toExponential(1)),
        ]),
      ),
      table(
        ["a step of", "bytes a cell", ...sizes.flatMap((size) => [`${size} x ${size}`, "GB/s"])],
        timed.map((name) => [
          name,
          String(precisions[name].bytes),
          ...sizes.flatMap((size) => [
            formatTime(time(name, size)),
            formatNumber(precisions[name].bytes * size ** 2 / time(name, size) / 1e9),
          ]),
        ]),
      ),
    ],
    figures,
    checks: names.slice(1).map((name) => boundOf(name, losses.get(name)!)),
    claims: [
      ...losses.has("float32")
        ? [{
          claim: "on the processor float32 is at least as fast as float64, having half the bytes",
          held: time("float32") <= time("float64"),
          evidence: `${formatRatio(time("float64") / time("float32"))} as fast at ${largest} x ${largest}; ` +
            "JavaScript widens each float32 to calculate and rounds it to store",
        }]
        : [],
      ...losses.has("GPU float16, stored")
        ? [{
          claim: "on the GPU float16 is at least 1.5 times as fast as float32, having half the bytes",
          held: time("GPU float32") / time("GPU float16, stored") >= 1.5,
          evidence:
            `${formatRatio(time("GPU float32") / time("GPU float16, stored"))} as fast at ${largest} x ${largest} ` +
            `on ${adapter}`,
        }]
        : [],
    ],
    missing: [...missing.values()],
    charts: names.length < 2 ? {} : {
      diffusion_precision: lineChart({
        title: "2-D diffusion: how the error against float64 grows",
        x: steps,
        y: { title: "largest error / largest value at the start", log: true },
        lines: lines(({ error }) => error),
      }),
      diffusion_precision_mass: lineChart({
        title: "2-D diffusion: how far the mass drifts that should stay the same",
        x: steps,
        y: { title: "share of the mass gained or lost", log: true },
        lines: lines(({ drift }) => drift),
      }),
      diffusion_precision_time: barChart({
        title: `2-D diffusion: a step on ${largest} x ${largest} cells by precision`,
        x: { title: `ms a step; GPU: ${adapter ?? "none"}` },
        bars: timed.map((name) => ({ name, value: 1e3 * time(name), color: precisions[name].color })),
        text: (ms) => formatTime(ms / 1e3),
      }),
    },
    answer: names.filter((name) => name.startsWith("float")).length < 4
      ? `Measured: ${names.join(", ")}.`
      : `After ${last("float32").steps} steps float32 is off by ${
        last("float32").error.toExponential(1)
      } of the largest ` +
        `value; float16 by ${
          last("float16, stored").error.toExponential(1)
        } where each step's result is rounded and by ` +
        `${last("float16, throughout").error.toExponential(1)} where each operation's is, and it gains or loses ` +
        `${
          (100 * last("float16, stored").drift).toFixed(1)
        } % of the mass. Fewer bytes are less traffic, but float32 is ` +
        "as far as this equation can go.",
  });
}

/** Runs an experiment from checkpoint to checkpoint. The first one to come fills in what is exact. */
async function follow({ run, grid }: Experiment, checkpoints: number[], exact: Float64Array[]): Promise<Loss[]> {
  const mass = (values: ArrayLike<number>) => {
    let sum = 0;
    for (let k = 0; k < values.length; k++) sum += values[k];
    return sum;
  };
  const losses: Loss[] = [];
  const whole = mass(await grid());
  let done = 0;
  for (const [k, steps] of checkpoints.entries()) {
    await run(steps - done);
    done = steps;
    const values = Float64Array.from(await grid());
    exact[k] ??= values;
    const error = values.reduce((most, value, cell) => Math.max(most, Math.abs(value - exact[k][cell])), 0) / start;
    losses.push({ steps, error, drift: Math.abs(mass(values) / whole - 1) });
  }
  return losses;
}

/**
 * A step takes weighted means, so it never makes an error larger. Each step adds that of its own roundings: of one where
 * only the result is rounded, and of what comes to less than four where each operation is. The start is rounded once.
 */
function boundOf(name: string, losses: Loss[]): Check {
  const unit = 2 ** -precisions[name].bits;
  const worst = losses.map(({ steps, error }) => error / ((4 * steps + 1) * unit));
  return {
    claim: `${name} stays within four roundings a step of float64`,
    passed: worst.every((share) => share <= 1),
    evidence: `at most ${formatNumber(Math.max(...worst))} of the bound`,
  };
}

/** As many steps as take so many seconds, and the time that a run of no steps waits for the GPU, to be taken off. */
async function calibrate({ run }: Experiment, seconds: number) {
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
