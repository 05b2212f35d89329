/**
 * Where a GPU loses: chains through a table, followed by one walker, by many alike, and by many of uneven length.
 *
 * @original 06_matrix/torch_branching_task.py
 * @run deno run --allow-read=. --allow-write=results --allow-env=XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch06/branching_task/compare.ts
 * @takes 7 s
 */

import { barChart, palette } from "../../bench/lib/chart.ts";
import { parseCompareFlags } from "../../bench/lib/flags.ts";
import { describeMachine } from "../../bench/lib/machine.ts";
import { measureInTurns, type Measurement } from "../../bench/lib/measure.ts";
import { startProgress } from "../../bench/lib/progress.ts";
import { type Outcome, report } from "../../bench/lib/report.ts";
import { type Check, type Missing, prepareResults } from "../../bench/lib/results.ts";
import { formatNumber, formatRatio, formatTime, table } from "../../bench/lib/table.ts";
import { cases, experiment, walk } from "./branching_task.ts";

const question = "What are the subtleties when using GPUs for numerical code? Work that branches on its data";
const plans = { quick: { budget: 0.1, rounds: 1 }, full: { budget: 2, rounds: 3 } };
const places = { quick: 2 ** 20, full: 2 ** 22 };

export async function run(args: readonly string[]): Promise<Outcome> {
  const { mode, only } = parseCompareFlags(args, { about: question, names: ["processor", "gpu"] });
  prepareResults("ch06");
  const adapter = (await describeMachine()).gpu;
  const missing: Missing[] = [];
  const checks: Check[] = [];
  const measured = new Map<string, Measurement>();
  const progress = startProgress("ch06/branching_task", 3);
  try {
    for (const [name, { chains, lengths }] of Object.entries(cases(places[mode]))) {
      progress.step(name);
      const total = lengths.reduce((sum, length) => sum + length, 0);
      const calls: Record<string, () => unknown> = {};
      const counts: Record<string, number> = {};
      let wait = 0;
      const wrong = (steps: Uint32Array) => steps.filter((count, walker) => count !== lengths[walker]).length;
      await using open = new AsyncDisposableStack();
      if (!only || only.includes("processor")) {
        const different = wrong(walk(chains));
        checks.push({
          claim: `${name}: the processor counts the steps that each chain was made of`,
          passed: different === 0,
          evidence: `${different} of ${lengths.length} differ`,
        });
        calls.processor = () => walk(chains);
        counts.processor = total;
      }
      if (!only || only.includes("gpu")) {
        try {
          const gpu = await experiment(chains);
          open.defer(gpu.close);
          await gpu.run(1);
          const different = wrong(await gpu.steps());
          checks.push({
            claim: `${name}: the GPU counts the same steps`,
            passed: different === 0,
            evidence: `${different} of ${lengths.length} differ`,
          });
          const { times, ...begun } = await calibrate(gpu.run);
          wait = begun.wait;
          calls.gpu = () => gpu.run(times);
          counts.gpu = times * total;
        } catch (error) {
          if (!(error instanceof Deno.errors.NotSupported)) throw error;
          missing[0] = { name: "the GPU's side", remedy: error.message };
        }
      }
      // Where a count is wrong, a time would mean nothing.
      if (checks.some(({ passed }) => !passed)) break;
      for (const [side, result] of Object.entries(await measureInTurns(calls, plans[mode]))) {
        measured.set(`${name}, ${side}`, {
          ...result,
          median: (result.median - (side === "gpu" ? wait : 0)) / counts[side],
        });
      }
    }
  } finally {
    progress.stop();
  }

  const time = (name: string, side: string) => measured.get(`${name}, ${side}`)?.median ?? NaN;
  const names = Object.keys(cases(2 ** 11));
  const [one, even, uneven] = names;
  const software = adapter?.endsWith("(software)") ?? false;
  const divergence = time(uneven, "gpu") / time(even, "gpu");
  return await report({
    chapter: "ch06",
    topic: "branching_task",
    question,
    mode,
    tables: [table(
      ["a step of", "processor", "GPU", "GPU vs processor"],
      names.map((name) =>
        [
          name,
          formatTime(time(name, "processor")),
          formatTime(time(name, "gpu")),
          formatRatio(time(name, "processor") / time(name, "gpu")),
        ].map((text) => text.startsWith("NaN") ? "-" : text)
      ),
    )],
    figures: [...measured].map(([name, { median, samples, spread }]) => ({
      name,
      size: places[mode],
      value: median,
      unit: "s per step",
      samples,
      spread,
    })),
    checks,
    claims: measured.size < 6 ? [] : [{
      claim: "one walker is faster on one core of the processor than on the whole GPU",
      held: time(one, "processor") < time(one, "gpu"),
      evidence: `${formatTime(time(one, "processor"))} against ${formatTime(time(one, "gpu"))}` +
        (software ? ", but this GPU is the processor itself, with the processor's caches" : ""),
    }, {
      claim: "many walkers at once hide the wait for memory",
      held: time(one, "gpu") / time(even, "gpu") > 4,
      evidence: `on the GPU a step takes ${
        formatRatio(time(one, "gpu") / time(even, "gpu"))
      } as long when walked alone`,
    }, {
      claim: "chains of uneven length cost the GPU at least twice as much a step, and the processor less than that",
      held: divergence >= 2 && time(uneven, "processor") < 2 * time(even, "processor"),
      evidence: `${formatRatio(divergence)} on the GPU, ` +
        `${formatRatio(time(uneven, "processor") / time(even, "processor"))} on the processor`,
    }],
    missing,
    charts: measured.size === 0 ? {} : {
      branching_task: barChart({
        title: `Following chains through a table: processor and GPU${software ? " (in software)" : ""}`,
        x: { title: `ns a step (logarithmic); GPU: ${adapter ?? "none"}`, log: true },
        bars: [...measured].map(([name, { median }]) => ({
          name: name.replace("gpu", "GPU"),
          value: 1e9 * median,
          color: name.endsWith("gpu") ? palette[1] : palette[0],
        })),
        text: (ns) => `${formatNumber(ns)} ns`,
      }),
    },
    answer: measured.size < 6
      ? "Only one side was measured."
      : `A chain's next step is known only from the last one: alone, it takes ${
        formatTime(time(one, "gpu"))
      } a step on ` +
        `${adapter} and ${formatTime(time(one, "processor"))} on one core. Many walkers bring the GPU to ` +
        `${formatTime(time(even, "gpu"))}, and uneven lengths back to ${formatTime(time(uneven, "gpu"))}, ` +
        `since lanes that are done wait for the longest.`,
  });
}

/** As many walks as take long enough to be timed, and the time that a run of none waits for the GPU, to be taken off. */
async function calibrate(run: (times: number) => Promise<void>) {
  const time = async (times: number) => {
    const start = performance.now();
    await run(times);
    return (performance.now() - start) / 1000;
  };
  const wait = Math.min(await time(0), await time(0));
  let times = 1;
  while (await time(times) < wait + 0.06) times *= 2;
  return { times, wait };
}

if (import.meta.main) {
  const outcome = await run(Deno.args);
  if (!outcome.passed) Deno.exit(1);
}
