/**
 * Pi by 1 to 16 workers: how much each adds, what it costs to start, and what happens if all have the same seed.
 *
 * @original 10_multiprocessing/pi_estimation/pi_processes_parallel/pi_graph_speed_tests.py
 * @run deno run --allow-read=. --allow-write=results --allow-run=deno --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch10/pi_estimation/compare_workers.ts
 * @takes 15 s
 */

import { type Chart, lineChart, palette } from "../../bench/lib/chart.ts";
import { measureInTurns } from "../../bench/lib/measure.ts";
import type { Missing } from "../../bench/lib/results.ts";
import { compareSections, type Section } from "../../bench/lib/sections.ts";
import { formatNumber, formatRatio, formatTime, table } from "../../bench/lib/table.ts";
import { firstStream, next } from "./pi_loop.ts";
import * as processes from "./pi_processes.ts";
import * as promises from "./pi_promises.ts";
import * as sameSeed from "./pi_same_seed.ts";
import * as wasmWorkers from "./pi_wasm_workers.ts";
import * as workers from "./pi_workers.ts";

interface Count {
  inside: number;
}

interface Experiment {
  run(): Count | Promise<Count>;
  close?(): unknown;
}

type Open = (options: { darts: number; workers: number }) => Experiment | Promise<Experiment>;

const ways: Record<string, Open> = {
  promises: promises.experiment,
  workers: workers.experiment,
  processes: processes.experiment,
  wasm_workers: wasmWorkers.experiment,
};

const missingDeno: Missing = {
  name: "deno on the PATH, for child processes",
  remedy: "run this by `deno task` or `npx deno`",
};

const cores = navigator.hardwareConcurrency;

/** Null where a way needs a program that is not there. */
async function unlessMissing<T>(opened: T | Promise<T>): Promise<T | null> {
  try {
    return await opened;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** The same darts by 1 to 16 promises, workers, processes and WebAssembly's threads. */
async function speed(full: boolean): Promise<Section> {
  const darts = full ? 4e8 : 4e6, counts = [1, 2, 4, 8, 16];
  const seconds = new Map<string, number>(), hits = new Set<number>();
  const figures: Section["figures"] = [], missing: Missing[] = [];
  for (const n of counts) {
    await using opened = new AsyncDisposableStack();
    const calls: Record<string, () => unknown> = {};
    for (const [name, open] of Object.entries(ways)) {
      const experiment = await unlessMissing((async () => await open({ darts, workers: n }))());
      if (!experiment) {
        missing.push(missingDeno);
        continue;
      }
      opened.defer(async () => void await experiment.close?.());
      hits.add((await experiment.run()).inside);
      calls[name] = () => experiment.run();
    }
    const measured = await measureInTurns(calls, { budget: full ? 1 : 0.08 });
    for (const [name, { median, samples, spread }] of Object.entries(measured)) {
      seconds.set(`${name} ${n}`, median);
      figures.push({ name, size: n, value: median, unit: "s per run", samples, spread });
    }
  }
  const names = Object.keys(ways).filter((name) => seconds.has(`${name} 1`));
  const gain = (name: string, n: number) => seconds.get(`${name} 1`)! / seconds.get(`${name} ${n}`)!;
  const nearest = counts.findLast((n) => n <= cores)!, most = counts.at(-1)!;
  const parallel = names.filter((name) => name !== "promises");
  const gains = (n: number) => parallel.map((name) => `${name} ${gain(name, n).toFixed(2)}`).join(", ");
  return {
    tables: [table(
      ["at once", ...names.flatMap((name) => [name, "gain"])],
      counts.map((n) => [
        `${n}`,
        ...names.flatMap((name) => [formatTime(seconds.get(`${name} ${n}`)!), formatRatio(gain(name, n))]),
      ]),
    )],
    charts: {
      pi_workers: lineChart({
        title: `Pi by ${darts.toExponential().replace("+", "")} darts: times as fast as with one worker`,
        x: { title: "workers, processes, threads or promises", log: true, ticks: counts },
        y: { title: "times as fast" },
        lines: [
          ...names.map((name) => ({ name, points: counts.map((n) => ({ x: n, y: gain(name, n) })) })),
          {
            name: `ideal, ${cores} cores`,
            dash: true,
            color: palette[9],
            points: counts.map((n) => ({ x: n, y: Math.min(n, cores) })),
          },
        ],
      }),
    },
    figures,
    checks: [{
      claim: "the same number of darts hits, whoever throws them and however many throw",
      passed: hits.size === 1,
      evidence: [...hits].join(" or "),
    }],
    claims: [
      {
        claim: `${nearest} workers on ${cores} cores gain 0.8 times ${nearest} or more`,
        held: parallel.every((name) => gain(name, nearest) >= 0.8 * nearest),
        evidence: gains(nearest),
      },
      {
        claim: `more workers than cores neither gain nor cost much: ${most} are within 20 % of ${nearest}`,
        held: parallel.every((name) => Math.abs(Math.log(gain(name, most) / gain(name, nearest))) <= Math.log(1.2)),
        evidence: gains(most),
      },
      {
        claim: "promises gain nothing (15 % at most), however many",
        held: counts.every((n) => gain("promises", n) <= 1.15),
        evidence: counts.map((n) => gain("promises", n).toFixed(2)).join(", "),
      },
    ],
    missing: missing.slice(0, 1),
    finding: `${nearest} workers are ${formatRatio(gain("workers", nearest))} as fast as one, ${most} ` +
      `${formatRatio(gain("workers", most))}, ${most} promises ${formatRatio(gain("promises", most))}`,
  };
}

/** What it takes to start one and end it again, over a single block of darts. */
async function start(full: boolean): Promise<Section> {
  const rounds = full ? 21 : 5, names = ["workers", "processes", "wasm_workers"];
  const times: Record<string, number[]> = {}, missing: Missing[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const name of names) {
      const begin = performance.now();
      // WebAssembly's first thread is the caller's own.
      const n = name === "wasm_workers" ? 2 : 1;
      const experiment = await unlessMissing((async () => await ways[name]({ darts: 1, workers: n }))());
      if (!experiment) {
        if (round === 0) missing.push(missingDeno);
        continue;
      }
      await experiment.run();
      await experiment.close?.();
      // In the first round modules are compiled and read from disk.
      if (round > 0) (times[name] ??= []).push((performance.now() - begin) / 1000);
    }
  }
  const median = (name: string) => times[name]?.toSorted((a, b) => a - b)[times[name].length >> 1] ?? NaN;
  const found = names.filter((name) => times[name]);
  const loop = promises.experiment({ darts: 1e6, workers: 1 });
  for (let i = 0; i < 5; i++) await loop.run();
  const begin = performance.now();
  await loop.run();
  const perSecond = 1e9 / (performance.now() - begin);
  return {
    tables: [table(
      ["one of", "started, asked, ended", "darts that one thread throws in the time"],
      found.map((name) => [name, formatTime(median(name)), formatNumber(Math.round(median(name) * perSecond))]),
    )],
    figures: found.map((name) => ({
      name: `${name}, started`,
      size: 1,
      value: median(name),
      unit: "s",
      samples: times[name].length,
      spread: (Math.max(...times[name]) - Math.min(...times[name])) / median(name),
    })),
    checks: [],
    claims: times.processes
      ? [{
        claim: "a process takes half as long again to start as a worker, or more",
        held: median("processes") >= 1.5 * median("workers"),
        evidence: `${formatTime(median("processes"))} and ${formatTime(median("workers"))}`,
      }]
      : [],
    missing,
    finding: `to start a worker takes ${formatTime(median("workers"))}` +
      (times.processes ? `, a process ${formatTime(median("processes"))}` : ""),
  };
}

/** The variance of estimates by several workers with streams of their own, and with the same seed. */
async function seeds(full: boolean): Promise<Section> {
  const repeats = full ? 10_000 : 2000, darts = 500, counts = full ? [2, 4, 8, 16] : [2, 4, 8];
  const ratios: number[] = [], lines: string[][] = [];
  let wasted = true;
  const alone = await sameSeed.experiment({ same: true, workers: 1, repeats, darts });
  for (const n of counts) {
    const own = await sameSeed.experiment({ same: false, workers: n, repeats, darts });
    const same = await sameSeed.experiment({ same: true, workers: n, repeats, darts });
    wasted &&= same.every((estimate, i) => estimate === alone[i]);
    const [good, bad] = [own, same].map(sameSeed.variance), theory = Math.PI * (4 - Math.PI) / (n * darts);
    ratios.push(bad / good);
    lines.push([`${n}`, ...[theory, good, bad].map((v) => v.toExponential(2)), formatRatio(bad / good)]);
  }
  return {
    tables: [table(["workers", "variance in theory", "own streams", "the same seed", "same vs own"], lines)],
    figures: counts.map((n, i) => ({
      name: "variance, same seed vs own streams",
      size: n,
      value: ratios[i],
      unit: "times",
      samples: repeats,
      spread: 0,
    })),
    checks: [
      {
        claim: "with the same seed in each, several workers find exactly what one finds alone",
        passed: wasted,
        evidence: wasted ? `in all ${repeats} repeats` : "they differ",
      },
      {
        claim: "the variance is then as many times larger as there are workers (within 20 %)",
        passed: ratios.every((ratio, i) => Math.abs(Math.log(ratio / counts[i])) <= Math.log(1.2)),
        evidence: ratios.map((ratio, i) => `${counts[i]} workers: ${ratio.toFixed(2)}`).join(", "),
      },
    ],
    claims: [],
    finding: `${counts.at(-1)} workers with the same seed have ${formatRatio(ratios.at(-1)!)} the variance of ` +
      `${counts.at(-1)} with streams of their own`,
  };
}

/** The picture of some darts. */
function picture(): Section {
  const state = firstStream(10).slice(), darts = 3000, unit = () => (next(state) >>> 1) / 2 ** 31;
  const all = Array.from({ length: darts }, () => ({ x: unit(), y: unit() }));
  const inside = all.filter(({ x, y }) => x * x + y * y <= 1).length, estimate = 4 * inside / darts;
  return {
    tables: [],
    charts: { pi_darts: dartboard(all, `${inside} of ${darts} darts inside: pi is about ${estimate.toFixed(4)}`) },
    figures: [],
    checks: [{
      claim: `${darts} darts give pi within five standard deviations`,
      passed: Math.abs(estimate - Math.PI) < 5 * Math.sqrt(Math.PI * (4 - Math.PI) / darts),
      evidence: estimate.toFixed(4),
    }],
    claims: [],
    finding: `${darts} darts give ${estimate.toFixed(4)}`,
  };
}

function dartboard(darts: { x: number; y: number }[], title: string): Chart {
  const arc = Array.from({ length: 91 }, (_, degree) => {
    return { x: Math.cos(degree * Math.PI / 180), y: Math.sin(degree * Math.PI / 180), degree };
  });
  const axis = (field: string) => ({
    field,
    type: "quantitative" as const,
    title: field,
    scale: { domain: [0, 1], nice: false },
    axis: { values: [0, 0.2, 0.4, 0.6, 0.8, 1], grid: false },
  });
  return {
    title,
    width: 440,
    height: 440,
    encoding: { x: axis("x"), y: axis("y") },
    layer: [
      {
        data: { values: darts.map(({ x, y }) => ({ x, y, color: palette[x * x + y * y <= 1 ? 0 : 1] })) },
        mark: { type: "circle", size: 9, opacity: 0.8 },
        encoding: { color: { field: "color", type: "nominal", scale: null } },
      },
      {
        data: { values: arc },
        mark: { type: "line", color: palette[9], strokeWidth: 2 },
        encoding: { order: { field: "degree", type: "quantitative" } },
      },
    ],
  } as Chart;
}

export async function run(args: readonly string[]) {
  return await compareSections(
    {
      chapter: "ch10",
      topic: "pi_workers",
      question: "How many workers, and what do they need to be independent?",
      answer: "As many as there are cores, each with a stream of its own",
    },
    { speed, start, seeds, picture },
    args,
  );
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
