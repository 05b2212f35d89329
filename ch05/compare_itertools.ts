/**
 * Workflows of generators against loops written for the purpose, and the analysis of sensor data stage by stage.
 *
 * @original 05_iterators/lazy_data_analysis.py
 * @run deno run --allow-read=. --allow-write=results --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch05/compare_itertools.ts
 * @takes 6 s
 */

import { barChart } from "../bench/lib/chart.ts";
import { measureInTurns } from "../bench/lib/measure.ts";
import { figure } from "../bench/lib/results.ts";
import { compareSections, type Section } from "../bench/lib/sections.ts";
import { formatNumber, formatRatio, formatTime, table } from "../bench/lib/table.ts";
import { CsvParseStream } from "@std/csv/parse-stream";
import { accumulate, chain, cycle, groupby, islice, pairwise, product, takewhile } from "./itertools.ts";
import {
  type Day,
  firstThat,
  groupByDay,
  groupByDayAsync,
  isAnomalous,
  Moments,
  normality,
  type Reading,
  readings,
  readReadings,
  writeCsv,
} from "./lazy_data_analysis.ts";
import { fileURLToPath } from "node:url";

export function run(args: readonly string[]) {
  return compareSections(
    {
      chapter: "ch05",
      topic: "itertools",
      question: "How can I use itertools to create complex generator workflows, and when is a generator best?",
      answer: "By stacking small generators, each of which asks the one before",
    },
    { workflows: workflowsSection, endless: endlessSection, file: fileSection },
    args,
  );
}

/** Each piece of itertools at work, and the loop that does the same. All give a number. */
export function workflows(size: number): Record<string, { generators: () => number; loop: () => number }> {
  const numbers = Array.from({ length: size }, (_, i) => (i * 7919) % 1000), half = numbers.slice(0, size / 2);
  const add = (a: number, b: number) => a + b;
  const side = Math.floor(Math.sqrt(size)), row = numbers.slice(0, side);
  return {
    islice: {
      generators: () => islice(numbers, 10, size, 3).reduce(add, 0),
      loop() {
        let sum = 0;
        for (let i = 10; i < size; i += 3) sum += numbers[i];
        return sum;
      },
    },
    chain: {
      generators: () => chain(half, half).reduce(add, 0),
      loop() {
        let sum = 0;
        for (const part of [half, half]) for (const x of part) sum += x;
        return sum;
      },
    },
    takewhile: {
      generators: () => takewhile(numbers, (x) => x >= 0).reduce(add, 0),
      loop() {
        let sum = 0;
        for (const x of numbers) {
          if (x < 0) break;
          sum += x;
        }
        return sum;
      },
    },
    pairwise: {
      generators: () => pairwise(numbers).map(([a, b]) => Math.abs(b - a)).reduce(add, 0),
      loop() {
        let sum = 0;
        for (let i = 1; i < size; i++) sum += Math.abs(numbers[i] - numbers[i - 1]);
        return sum;
      },
    },
    accumulate: {
      generators: () => accumulate(numbers, Math.max).reduce(add, 0),
      loop() {
        let sum = 0, most = -Infinity;
        for (const x of numbers) sum += most = Math.max(most, x);
        return sum;
      },
    },
    groupby: {
      generators: () => groupby(numbers, (x) => x < 500).reduce((sum, [, run]) => sum + run.length * run.length, 0),
      loop() {
        let sum = 0, length = 0, low = false;
        for (const x of numbers) {
          if (length > 0 && x < 500 !== low) {
            sum += length * length;
            length = 0;
          }
          low = x < 500;
          length++;
        }
        return sum + length * length;
      },
    },
    cycle: {
      generators: () => cycle(row).take(size).reduce(add, 0),
      loop() {
        let sum = 0;
        for (let i = 0, j = 0; i < size; i++, j = j + 1 === side ? 0 : j + 1) sum += row[j];
        return sum;
      },
    },
    product: {
      generators: () => product(row, row).reduce((sum, [a, b]) => sum + a * b, 0),
      loop() {
        let sum = 0;
        for (const a of row) for (const b of row) sum += a * b;
        return sum;
      },
    },
  };
}

async function workflowsSection(full: boolean): Promise<Section> {
  const size = full ? 90_000 : 10_000, pairs = workflows(size), names = Object.keys(pairs);
  const wrong = names.filter((name) => pairs[name].generators() !== pairs[name].loop());
  const calls = Object.fromEntries(names.flatMap((name) => [
    [`${name} generators`, pairs[name].generators],
    [`${name} loop`, pairs[name].loop],
  ]));
  const measured = await measureInTurns(calls, { budget: full ? 0.5 : 0.03 });
  const time = (name: string, way: string) => measured[`${name} ${way}`].median / size;
  const ratio = (name: string) => time(name, "generators") / time(name, "loop");
  const most = Math.max(...names.map((name) => time(name, "generators")));
  const sorted = names.toSorted((a, b) => ratio(a) - ratio(b)), middle = sorted[sorted.length >> 1];
  return {
    tables: [table(
      [`an item, of ${formatNumber(size)}`, "generators", "loop", "times the time"],
      names.map((name) => [
        name,
        formatTime(time(name, "generators")),
        formatTime(time(name, "loop")),
        formatRatio(ratio(name)),
      ]),
    )],
    figures: Object.entries(measured).map(([name, { median, spread, samples }]) => ({
      name: `workflow ${name}`,
      size,
      value: median / size,
      unit: "s per item",
      spread,
      samples,
    })),
    checks: [{
      claim: "generators and loops come to the same",
      passed: wrong.length === 0,
      evidence: wrong.join(", ") || "all",
    }],
    claims: [{
      claim: "a loop written for the purpose is always faster, but generators cost less than 300 ns an item",
      held: names.every((name) => ratio(name) > 1) && most < 300e-9,
      evidence: `${formatRatio(ratio(sorted[0]))} to ${formatRatio(ratio(sorted.at(-1)!))} the time, ${
        formatTime(most)
      } an item at most`,
    }],
    finding: `they take ${formatRatio(ratio(sorted[0]))} (${sorted[0]}) to ${formatRatio(ratio(sorted.at(-1)!))} (${
      sorted.at(-1)
    }) the time of a loop, ${formatRatio(ratio(middle))} in the middle, and at most ${formatTime(most)} an item`,
  };
}

/** The pipeline over readings without an end, and one loop that does all of it. */
function endlessSection(full: boolean): Section {
  const seed = 5, interval = full ? 1 : 10, wanted = 5;
  let made = 0;
  const counted = () => readings(seed, interval).map((reading) => (made++, reading));
  const pipeline = () => groupByDay(readings(seed, interval)).filter(isAnomalous).take(wanted).toArray();
  const loop = () => {
    const days: Day[] = [];
    let current = NaN, moments = new Moments();
    for (const { time, value } of readings(seed, interval)) {
      const number = Math.floor(time / 86_400_000);
      if (number !== current) {
        if (moments.count > 0) {
          const day = {
            day: new Date(current * 86_400_000).toISOString().slice(0, 10),
            count: moments.count,
            ...normality(moments),
          };
          if (isAnomalous(day) && days.push(day) === wanted) return days;
        }
        [current, moments] = [number, new Moments()];
      }
      moments.add(value);
    }
    return days;
  };
  const days = groupByDay(counted()).filter(isAnomalous).take(wanted).toArray();
  const time = (call: () => unknown) => {
    const samples = Array.from({ length: 3 }, () => {
      const start = performance.now();
      call();
      return (performance.now() - start) / 1000 / made;
    });
    return { best: Math.min(...samples), samples };
  };
  const piped = time(pipeline), looped = time(loop);
  return {
    tables: [table(["readings without an end", "a reading", "vs loop"], [
      ["stages", formatTime(piped.best), formatRatio(piped.best / looped.best)],
      ["one loop", formatTime(looped.best), "1x"],
    ])],
    figures: [
      figure("endless: stages", made, piped.best, "s per reading", piped.samples),
      figure("endless: loop", made, looped.best, "s per reading", looped.samples),
    ],
    checks: [{
      claim: "stages and loop find the same five days",
      passed: JSON.stringify(loop()) === JSON.stringify(days) && days.length === wanted,
      evidence: days.map(({ day }) => day).join(", "),
    }],
    claims: [{
      claim: "in stages the analysis takes less than twice the time of one loop: there is real work in it",
      held: piped.best < 2 * looped.best,
      evidence: formatRatio(piped.best / looped.best),
    }],
    finding: `the first ${wanted} anomalies of data without an end took ${formatNumber(made)} readings of ${
      formatTime(piped.best)
    } each`,
  };
}

/** The same from a file: how far it is read, and what each stage costs. */
async function fileSection(full: boolean): Promise<Section> {
  const rows = full ? 2_000_000 : 120_000, seed = 5;
  const folder = await Deno.makeTempDir({ dir: fileURLToPath(new URL("../results/", import.meta.url)) });
  const remove = () => Deno.removeSync(folder, { recursive: true });
  const interrupted = () => (remove(), Deno.exit(130));
  Deno.addSignalListener("SIGINT", interrupted);
  try {
    const path = `${folder}/sensor.csv`;
    await writeCsv(path, rows, seed);
    let read = 0;
    const counted = async function* (items: AsyncIterable<Reading>) {
      for await (const item of items) read++, yield item;
    };
    const drain = async (items: AsyncIterable<unknown>) => {
      for await (const _ of items);
    };
    const text = async () => (await Deno.open(path)).readable.pipeThrough(new TextDecoderStream());
    const stages: Record<string, () => Promise<void>> = {
      bytes: async () => await drain((await Deno.open(path)).readable),
      text: async () => await drain(await text()),
      rows: async () => await drain((await text()).pipeThrough(new CsvParseStream())),
      readings: async () => await drain(readReadings(path)),
      days: async () => await drain(groupByDayAsync(readReadings(path))),
    };
    const clock = async (call: () => Promise<unknown>) => {
      const start = performance.now();
      await call();
      return (performance.now() - start) / 1000;
    };
    const names = Object.keys(stages), times: Record<string, number[]> = {};
    for (const name of names) {
      times[name] = [await clock(stages[name]), await clock(stages[name])];
    }
    const cost = (name: string) => Math.min(...times[name]) / rows;
    const days = await Array.fromAsync(firstThat(groupByDayAsync(counted(readReadings(path))), isAnomalous, 5));
    const needed = read;
    const lazily = () => Array.fromAsync(firstThat(groupByDayAsync(readReadings(path)), isAnomalous, 5));
    let eagerly: Day[] = [];
    const eagerlyAll = async () => {
      const all = await Array.fromAsync(readReadings(path));
      eagerly = [...groupByDay(all)].filter(isAnomalous).slice(0, 5);
    };
    const lazy = Math.min(await clock(lazily), await clock(lazily));
    const eager = Math.min(await clock(eagerlyAll), await clock(eagerlyAll));
    const expected = groupByDay(readings(seed).take(rows)).filter(isAnomalous).take(5).toArray();
    const own = names.map((name, i) => Math.max(0, cost(name) - (i === 0 ? 0 : cost(names[i - 1]))));
    return {
      tables: [table(
        [`of a file of ${formatNumber(rows)} rows`, "a row up to here", "of it this stage"],
        names.map((name, i) => [name, formatTime(cost(name)), formatTime(own[i])]),
      )],
      charts: {
        data_analysis_stages: barChart({
          title: "What each stage of reading a CSV file adds to a row",
          x: { title: "ns a row" },
          bars: names.map((name, i) => ({ name, value: own[i] * 1e9 })),
          text: (value) => `${formatNumber(value)} ns`,
        }),
      },
      figures: [
        ...names.map((name) => figure(`file: up to ${name}`, rows, cost(name), "s per row", times[name])),
        figure("file: first five anomalies", rows, lazy, "s"),
        figure("file: everything first", rows, eager, "s"),
      ],
      checks: [
        {
          claim: "stream, array and generator find the same days with the same K²",
          passed: [days, eagerly].every((found) => JSON.stringify(found) === JSON.stringify(expected)) &&
            days.length === 5,
          evidence: days.map(({ day }) => day).join(", "),
        },
        {
          claim: "the stream stops with the first reading after the fifth anomaly",
          // A day ends when a reading of the next comes.
          passed: needed === (Date.parse(days[4].day) + 86_400_000 - Date.UTC(2024, 0, 1)) / 60_000 + 1,
          evidence: `${needed} of ${rows}`,
        },
      ],
      claims: [
        {
          claim: "stopping saves time in proportion to what is not read (within 40%)",
          held: Math.abs(Math.log(lazy / eager / (needed / rows))) < Math.log(1.4),
          evidence: `${formatNumber(100 * needed / rows)}% of the rows, ${
            formatNumber(100 * lazy / eager)
          }% of the time of reading all first`,
        },
        {
          claim: "turning text into rows costs more than reading, decoding and analysing together",
          held: own[2] > own[0] + own[1] + own[4],
          evidence: names.map((name, i) => `${name} ${formatTime(own[i])}`).join(", "),
        },
      ],
      finding: `of a file of ${formatNumber(rows)} rows ${formatNumber(100 * needed / rows)}% were read, in ${
        formatTime(lazy)
      } in place of ${formatTime(eager)}`,
    };
  } finally {
    Deno.removeSignalListener("SIGINT", interrupted);
    remove();
  }
}

if (import.meta.main) {
  const outcome = await run(Deno.args);
  if (!outcome.passed) Deno.exit(1);
}
