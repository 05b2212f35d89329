/**
 * What it costs to build a table from partial results: growing it row by row, against collecting and building once.
 *
 * @original 07_pandas/ols_basics/time_iteration_methods_slow_with_diagram.py
 * @run deno run --allow-ffi --allow-read --allow-write=results --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,hostname,networkInterfaces,systemMemoryInfo,osRelease ch07/concat_cost/compare.ts
 * @takes 12 s
 */

import { barChart, lineChart } from "../../bench/lib/chart.ts";
import { isBrief } from "../../bench/lib/measure.ts";
import { type Check, figure } from "../../bench/lib/results.ts";
import { compareSections, type Section } from "../../bench/lib/sections.ts";
import { fitPower, median } from "../../bench/lib/statistics.ts";
import { formatNumber, formatRatio, formatTime, table } from "../../bench/lib/table.ts";
import * as arquero from "./grow_arquero.ts";
import * as duckdb from "./grow_duckdb.ts";
import * as polars from "./grow_polars.ts";
import * as preallocated from "./grow_preallocated.ts";
import * as push from "./grow_push.ts";
import * as spread from "./grow_spread.ts";

type Built = ArrayLike<number> | Promise<ArrayLike<number>>;
type Build = (slopes: Float64Array, progress?: (rows: number) => void) => Built;

interface Way {
  build: Build;
  /** Whether it grows by copies, or only by what is new, or is built once. */
  grows: "by copies" | "by rows" | "once";
  /** The most rows it is asked for in quick mode. */
  most: number;
}

const ways: Record<string, Way> = {
  "new array each row": { build: spread.build, grows: "by copies", most: 8000 },
  "Arquero, concat": { build: arquero.build, grows: "by copies", most: 4000 },
  "polars, vstack": { build: polars.build, grows: "by copies", most: 2000 },
  "DuckDB, a statement each": { build: duckdb.build, grows: "by rows", most: 2000 },
  "DuckDB, prepared": { build: duckdb.buildPrepared, grows: "by rows", most: 2000 },
  "DuckDB, appender": { build: duckdb.buildAppended, grows: "by rows", most: 64_000 },
  "push": { build: push.build, grows: "once", most: 64_000 },
  "known length": { build: preallocated.build, grows: "once", most: 64_000 },
  "Arquero, once": { build: arquero.buildOnce, grows: "once", most: 64_000 },
  "polars, once": { build: polars.buildOnce, grows: "once", most: 64_000 },
};

export function run(args: readonly string[]) {
  return compareSections(
    {
      chapter: "ch07",
      topic: "concat_cost",
      question: "What is the quickest way to build a data frame from partial results?",
      answer: "Collect the rows and build the table once",
    },
    { totals: totalsSection, bars: barsSection },
    args,
  );
}

/** Throws if a way does not end with the rows that it was given. */
async function checked(name: string, slopes: Float64Array): Promise<void> {
  const built = await ways[name].build(slopes);
  if (built.length !== slopes.length || !slopes.every((slope, i) => built[i] === slope)) {
    throw new Error(`${name} does not build what it was given`);
  }
}

async function totalsSection(full: boolean): Promise<Section> {
  const names = Object.keys(ways), fewest = isBrief() ? 250 : 500, repeats = isBrief() ? 1 : full ? 5 : 3;
  const sizesOf = (name: string) => {
    const most = isBrief() ? 1000 : (full ? 4 : 1) * ways[name].most, sizes = [];
    for (let size = fewest; size <= most; size *= 2) sizes.push(size);
    return sizes;
  };
  const times = new Map<string, { x: number; y: number; samples: number[] }[]>();
  for (const name of names) {
    await checked(name, spread.makeSlopes(200));
    const points = [];
    for (const x of sizesOf(name)) {
      const slopes = spread.makeSlopes(x), samples: number[] = [];
      // What takes microseconds is done often enough to be seen.
      while (samples.length < repeats && total(samples) < 0.5 || samples.length < 50 && total(samples) < 0.02) {
        const start = performance.now();
        await ways[name].build(slopes);
        samples.push((performance.now() - start) / 1000);
      }
      points.push({ x, y: median(samples), samples });
    }
    times.set(name, points);
  }
  // The cost of small tables is that of the calls: the growth is read off the larger half.
  const growth = (name: string) => {
    const points = times.get(name)!.slice(-3);
    return points.length < 2 ? NaN : fitPower(points.map(({ x }) => x), points.map(({ y }) => y)).slope;
  };
  const common = isBrief() ? 1000 : 2000;
  const at = (name: string) => times.get(name)!.find(({ x }) => x === common)!.y;
  const exponents = names.map((name) => `${name} ${growth(name).toFixed(2)}`).join(", ");
  const copying = names.filter((name) => ways[name].grows === "by copies");
  const checks: Check[] = [{
    claim: "each way ends with the rows it was given",
    passed: true,
    evidence: "200 rows each",
  }];
  return {
    tables: [table(
      ["", `${common.toLocaleString("en-US")} rows`, "a row", "vs push", "grows as rows to the"],
      names.map((name) => [
        name,
        formatTime(at(name)),
        formatTime(at(name) / common),
        formatRatio(at(name) / at("push")),
        growth(name).toFixed(2),
      ]),
    )],
    charts: {
      concat_cost: lineChart({
        title: "Time to build a table from its rows, one by one",
        x: { title: "rows", log: true },
        y: { title: "milliseconds", log: true },
        lines: names.map((name) => ({
          name,
          dash: ways[name].grows === "once",
          points: times.get(name)!.map(({ x, y }) => ({ x, y: 1000 * y })),
        })),
      }),
    },
    figures: [
      ...names.flatMap((name) => times.get(name)!.map(({ x, y, samples }) => figure(name, x, y, "s", samples))),
      ...names.filter((name) => Number.isFinite(growth(name))).map((name) =>
        figure(`growth: ${name}`, common, growth(name), "power of the rows")
      ),
    ],
    checks,
    claims: [
      {
        claim: "growing by copies takes time as the rows to the 1.5 or more, all else as to the 1.3 or less",
        held: names.every((name) => copying.includes(name) ? growth(name) >= 1.5 : growth(name) <= 1.3),
        evidence: exponents,
      },
      {
        claim: `with ${common.toLocaleString("en-US")} rows every way that copies takes 20 times as long as push`,
        held: copying.every((name) => at(name) >= 20 * at("push")),
        evidence: copying.map((name) => `${name} ${formatRatio(at(name) / at("push"))}`).join(", "),
      },
      {
        claim: "in DuckDB the appender is 20 times as fast as a statement for each row",
        held: at("DuckDB, a statement each") >= 20 * at("DuckDB, appender"),
        evidence: formatRatio(at("DuckDB, a statement each") / at("DuckDB, appender")),
      },
    ],
    finding: `${common.toLocaleString("en-US")} rows take ${formatTime(at("push"))} by push and ${
      formatTime(at("new array each row"))
    } by a new array each, ${formatTime(at("Arquero, once"))} and ${formatTime(at("Arquero, concat"))} in Arquero, ${
      formatTime(at("polars, once"))
    } and ${formatTime(at("polars, vstack"))} in polars, ${formatTime(at("DuckDB, appender"))} and ${
      formatTime(at("DuckDB, a statement each"))
    } in DuckDB`,
  };
}

const total = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);

/** The book's figure: what each further piece of the same number of rows takes. */
async function barsSection(full: boolean): Promise<Section> {
  const rows = isBrief() ? 2000 : full ? 40_000 : 16_000,
    pieces = 10,
    piece = rows / pieces,
    repeats = isBrief() ? 1 : 3;
  const slopes = spread.makeSlopes(rows), taken = Array.from({ length: pieces }, (): number[] => []);
  for (let repeat = 0; repeat < repeats; repeat++) {
    let start = performance.now();
    await spread.build(slopes, (count) => {
      if (count % piece !== 0) return;
      const now = performance.now();
      taken[count / piece - 1].push((now - start) / 1000);
      start = now;
    });
  }
  const times = taken.map(median), last = times[pieces - 1] / times[0];
  return {
    tables: [table(
      ["rows", "the next of them", "vs the first"],
      times.map((time, i) => [
        `${(i * piece).toLocaleString("en-US")} to ${((i + 1) * piece).toLocaleString("en-US")}`,
        formatTime(time),
        formatRatio(time / times[0]),
      ]),
    )],
    charts: {
      concat_cost_pieces: barChart({
        title: `A new array for each row: what each ${piece.toLocaleString("en-US")} further rows take`,
        x: { title: "milliseconds" },
        bars: times.map((time, i) => ({
          name: `up to row ${((i + 1) * piece).toLocaleString("en-US")}`,
          value: 1000 * time,
        })),
        text: formatNumber,
      }),
    },
    figures: times.map((time, i) => figure("the next piece", (i + 1) * piece, time, "s", taken[i])),
    checks: [],
    claims: [{
      claim: "the last tenth of the rows takes at least 5 times as long as the first",
      held: last >= 5,
      evidence: formatRatio(last),
    }],
    finding: `of ${rows.toLocaleString("en-US")} rows in new arrays the last tenth takes ${
      formatRatio(last)
    } the first`,
  };
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
