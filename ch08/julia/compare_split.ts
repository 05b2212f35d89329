/**
 * The rows of the Julia set shared out among threads beforehand, or taken one by one from a counter.
 *
 * @original 08_compiling/cython/nparray_memoryview/parallel/julia1.py
 * @run deno run --allow-read=. --allow-write=results --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch08/julia/compare_split.ts
 * @takes 10 s
 */

import { lineChart } from "../../bench/lib/chart.ts";
import { measureInTurns } from "../../bench/lib/measure.ts";
import { compareSections, type Section } from "../../bench/lib/sections.ts";
import { formatRatio, formatTime, table } from "../../bench/lib/table.ts";
import { experiment } from "./julia_wasm_threads.ts";

const splits = ["static", "dynamic"] as const;

async function rows(full: boolean): Promise<Section> {
  const width = full ? 1000 : 500, threads = full ? [1, 2, 3, 4, 6, 8, 12, 16] : [1, 2, 4, 8];
  const cores = navigator.hardwareConcurrency;
  const figures: Section["figures"] = [], lines: string[][] = [];
  /** The steps of the busiest thread over the mean. */
  const uneven = { static: new Map<number, number>(), dynamic: new Map<number, number>() };
  const sums = new Set<number>();
  let rowSteps: number[] = [];
  for (const workers of threads) {
    const pair = await Promise.all(splits.map((split) => experiment(width, { workers, split })));
    try {
      const calls = Object.fromEntries(splits.map((split, i) => [split, pair[i].run]));
      const times = await measureInTurns(calls, { budget: full ? 0.5 : 0.15 });
      for (const [i, split] of splits.entries()) {
        const { median, samples, spread } = times[split];
        figures.push({ name: split, size: workers, value: median, unit: "s per set", samples, spread });
        rowSteps = Array.from({ length: width }, (_, row) => {
          return pair[i].counts().subarray(row * width, (row + 1) * width).reduce((sum, n) => sum + n, 0);
        });
        sums.add(rowSteps.reduce((sum, steps) => sum + steps, 0));
        const steps = pair[i].steps(), total = steps.reduce((sum, n) => sum + n, 0);
        // Threads without a core of their own take turns: who gets more from the counter is then chance.
        if (split === "dynamic" && workers > cores) continue;
        const ratio = Math.max(...steps) * workers / total;
        uneven[split].set(workers, ratio);
        figures.push({
          name: `${split}, busiest`,
          size: workers,
          value: ratio,
          unit: "of mean",
          samples: 1,
          spread: 0,
        });
      }
      lines.push([
        `${workers}`,
        ...splits.flatMap((split) => [
          formatTime(times[split].median),
          uneven[split].get(workers)?.toFixed(2) ?? "-",
        ]),
        formatRatio(times.static.median / times.dynamic.median),
      ]);
    } finally {
      for (const { close } of pair) await close();
    }
  }
  const most = threads.at(-1)!, worst = uneven.static.get(most)!;
  const mean = rowSteps.reduce((sum, steps) => sum + steps, 0) / width;
  const even = [...uneven.dynamic].map(([workers, ratio]) => `${ratio.toFixed(2)} for ${workers}`).join(", ");
  return {
    tables: [table(["threads", "static", "busiest", "dynamic", "busiest", "dynamic vs static"], lines)],
    charts: {
      julia_split: lineChart({
        title: `Steps of each row of the Julia set, ${width} x ${width}`,
        x: { title: "imaginary part" },
        y: { title: "steps" },
        lines: [
          { name: "a row", points: rowSteps.map((steps, row) => ({ x: 1.8 - 3.6 * row / width, y: steps })).reverse() },
          { name: "the mean", dash: true, points: [-1.8, 1.8].map((x) => ({ x, y: mean })) },
        ],
      }),
    },
    figures,
    checks: [{
      claim: "the counts are the same however the rows are shared out",
      passed: sums.size === 1,
      evidence: `all ${2 * threads.length} runs add up to ${[...sums].join(" or ")}`,
    }, {
      claim: `of ${most} threads with as many rows each, one has more than 1.5 times its part of the steps`,
      passed: worst > 1.5,
      evidence: `${worst.toFixed(2)} times the mean; two halves are even, as the set is symmetric`,
    }],
    claims: [{
      claim: "from a counter, no thread with a core of its own takes more than 1.2 times the mean",
      held: Math.max(...uneven.dynamic.values()) <= 1.2,
      evidence: even,
    }],
    finding:
      `with as many rows each, the busiest of ${most} threads has ${worst.toFixed(1)} times the mean, and on as ` +
      `many cores the others would wait for it; from the counter, on the ${cores} cores here, it has ${
        uneven.dynamic.get(Math.max(...uneven.dynamic.keys()))!.toFixed(2)
      } times`,
  };
}

export async function run(args: readonly string[]) {
  return await compareSections(
    {
      chapter: "ch08",
      topic: "julia_split",
      question: "How should uneven work be shared out among cores?",
      answer: "By a counter from which each takes the next row",
    },
    { rows },
    args,
  );
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
