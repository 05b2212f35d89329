/**
 * The slopes of a table far larger than the caches, in parallel: workers, WebAssembly's threads, and those of engines.
 *
 * @original 07_pandas/ols_basics/time_iteration_methods_dask.py
 * @run deno run --allow-read --allow-write=results --allow-run=cc,deno --allow-ffi --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch07/time_iteration_methods_parallel/compare.ts
 * @takes 14 s
 */

import { barChart, lineChart, palette } from "../../bench/lib/chart.ts";
import { isBrief, measure, type Measurement } from "../../bench/lib/measure.ts";
import { type Check, type Figure, figure, resultsFolder } from "../../bench/lib/results.ts";
import { compareSections, needing, type Section } from "../../bench/lib/sections.ts";
import { median } from "../../bench/lib/statistics.ts";
import { formatBytes, formatNumber, formatRatio, formatTime, table } from "../../bench/lib/table.ts";
import { missingCompiler, openLimit } from "../../bench/limit/limit.ts";
import { denoOnPath } from "../../bench/parts.ts";
import * as copied from "./slopes_copied.ts";
import * as duckdb from "./slopes_duckdb.ts";
import * as oneThread from "./slopes_one_thread.ts";
import * as parquet from "./slopes_parquet.ts";
import * as polars from "./slopes_polars.ts";
import * as shared from "./slopes_shared.ts";
import * as wasm from "./slopes_shared_wasm.ts";
import { fileURLToPath } from "node:url";

/** The book's rows, repeated: at most 100,000 people, whose hours are made once. */
let made = new Float64Array();
function hoursOf(people: number): Float64Array {
  const rows = Math.min(people, 100_000);
  if (made.length < rows * 14) made = new Float64Array(oneThread.generate(rows));
  return oneThread.repeat(made.subarray(0, rows * 14), people / rows);
}

/** The largest difference from the textbook's formula, which weighs each day by itself. */
function differenceFromLine(hours: Float64Array, slopes: Float64Array): number {
  if (slopes.length * 14 !== hours.length) return Infinity;
  let most = 0;
  for (let person = 0; person < slopes.length; person++) {
    let sum = 0;
    for (let day = 0; day < 14; day++) sum += (day - 6.5) * hours[person * 14 + day];
    most = Math.max(most, Math.abs(sum / 227.5 - slopes[person]));
  }
  return most;
}

const agreement = (of: string, errors: Record<string, number>): Check => ({
  claim: `every slope ${of} agrees with the textbook's formula within 1e-9`,
  passed: Object.values(errors).every((error) => error < 1e-9),
  evidence: Object.entries(errors).map(([name, error]) => `${name} ${formatNumber(error)}`).join(", "),
});

/** A way, set up; where it knows, how long what took. */
interface Open {
  slopes(): Float64Array | Promise<Float64Array>;
  spent?: shared.Spent;
  close?(): unknown;
}

type Way = (hours: Float64Array) => Open | Promise<Open>;

const sharedBy = (workers: number): Way => async (hours) => {
  const table = await shared.prepare(hours, { workers });
  return { slopes: () => shared.slopes(table), spent: table.spent, close: table.close };
};
const wasmBy = (workers: number): Way => async (hours) => {
  const table = await wasm.prepare(hours, { workers });
  return { slopes: () => wasm.slopes(table), spent: table.spent, close: table.close };
};
const copiedTo = (workers: number): Way => async (hours) => {
  const table = await copied.prepare(hours, { workers });
  return { slopes: () => copied.slopes(table), spent: table.spent, close: table.close };
};
const alone: Way = (hours) => {
  const result = oneThread.slopes(oneThread.prepare(hours));
  return { slopes: () => oneThread.slopes(hours, result) };
};

/** How many slopes at the sizes of this run. */
const peopleOf = (full: boolean) => isBrief() ? 10_000 : full ? 4_000_000 : 500_000;

const reading = (name: string, size: number, { median, samples, spread }: Measurement): Figure => ({
  name,
  size,
  value: median,
  unit: "s",
  samples,
  spread,
});

/** All ways at one size, and where their time goes. */
async function ways(full: boolean): Promise<Section> {
  const people = peopleOf(full), hours = hoursOf(people), budget = full ? 1 : 0.15;
  const names: Record<string, Way> = {
    one_thread: alone,
    shared_1: sharedBy(1),
    shared_2: sharedBy(2),
    shared_4: sharedBy(4),
    wasm_1: wasmBy(1),
    wasm_2: wasmBy(2),
    wasm_4: wasmBy(4),
    copied_1: copiedTo(1),
    copied_2: copiedTo(2),
  };
  const readings = new Map<string, Measurement>(), errors: Record<string, number> = {};
  const shares = new Map<string, shared.Spent>();
  for (const [name, way] of Object.entries(names)) {
    const { slopes, spent, close } = await way(hours);
    try {
      errors[name] = differenceFromLine(hours, await slopes());
      readings.set(name, await measure(slopes, { budget }));
      if (spent) shares.set(name, { ...spent });
    } finally {
      await close?.();
    }
  }
  const database = await duckdb.prepare(hours);
  try {
    for (const threads of [1, 2]) {
      await database.setThreads(threads);
      errors[`duckdb_${threads}`] = differenceFromLine(hours, await duckdb.slopes(database));
      readings.set(`duckdb_${threads}`, await measure(() => duckdb.slopes(database), { budget }));
    }
  } finally {
    database.close();
  }
  const limits = await bandwidth(hours, budget);
  for (const [name, measurement] of Object.entries(limits)) readings.set(name, measurement);
  const time = (name: string) => readings.get(name)?.median ?? NaN, ratio = (a: string, b: string) => time(a) / time(b);
  const fastest = Math.min(time("read_1"), time("read_all")),
    rate = (name: string) => hours.byteLength / time(name) / 1e9;
  const known = [...shares].filter(([name]) => name.endsWith("_2"));
  const sum = ({ starting, copying, computing }: shared.Spent) => starting + copying + computing;
  const share = (
    name: string,
  ) => (shares.get(name)!.copying / (shares.get(name)!.copying + shares.get(name)!.computing));
  const cores = navigator.hardwareConcurrency;
  return {
    tables: [
      table(
        [
          `${people.toLocaleString("en-US")} people, ${formatBytes(hours.byteLength)}`,
          "a call",
          "GB/s",
          "vs one_thread",
          "of memory",
        ],
        [...readings.keys()].map((name) => [
          name,
          formatTime(time(name)),
          formatNumber(rate(name)),
          formatRatio(ratio("one_thread", name)),
          Number.isNaN(fastest) ? "-" : (fastest / time(name)).toFixed(2),
        ]),
      ),
      table(
        ["one call, pool and all", "starting", "copying", "computing", "of all: starting", "copying", "computing"],
        known.map(([name, spent]) => [
          name,
          ...[spent.starting, spent.copying, spent.computing].map((ms) => formatTime(ms / 1e3)),
          ...[spent.starting, spent.copying, spent.computing].map((ms) => `${Math.round(100 * ms / sum(spent))} %`),
        ]),
      ),
    ],
    charts: {
      parallel_ways: barChart({
        title: `Slopes of ${people.toLocaleString("en-US")} people: times as fast as one thread`,
        x: {
          title: "times as fast (blue: workers; orange: WebAssembly; green: DuckDB; grey: only reading, in C)",
          log: true,
        },
        bars: [...readings.keys()].map((name) => ({
          name,
          value: ratio("one_thread", name),
          color: palette[name.startsWith("read") ? 9 : name.startsWith("wasm") ? 1 : name.startsWith("duckdb") ? 2 : 0],
        })),
        text: formatRatio,
      }),
    },
    figures: [
      ...[...readings].map(([name, measurement]) => reading(name, people, measurement)),
      ...[...shares].flatMap(([name, spent]) =>
        (["starting", "copying", "computing"] as const).map((what) =>
          figure(`${name}: ${what}`, people, spent[what] / 1e3, "s")
        )
      ),
    ],
    checks: [agreement("of each way", errors)],
    claims: [
      {
        claim: `two workers on shared memory are 1.5 times as fast as one thread, or more`,
        held: ratio("one_thread", "shared_2") >= 1.5,
        evidence: formatRatio(ratio("one_thread", "shared_2")),
      },
      {
        claim: `four are no faster than two on ${cores} cores (within 15 %)`,
        held: ratio("shared_2", "shared_4") <= 1.15 && ratio("wasm_2", "wasm_4") <= 1.15,
        evidence: `shared ${formatRatio(ratio("shared_2", "shared_4"))}, wasm ${
          formatRatio(ratio("wasm_2", "wasm_4"))
        }`,
      },
      {
        claim: "copies make two workers slower than one thread",
        held: ratio("one_thread", "copied_2") < 1,
        evidence: `${formatRatio(ratio("one_thread", "copied_2"))}; ${
          Math.round(100 * share("copied_2"))
        } % of a call is copying`,
      },
      {
        claim: "WebAssembly on two threads reaches 0.7 of what memory can be read with",
        held: fastest / time("wasm_2") >= 0.7,
        evidence: (fastest / time("wasm_2")).toFixed(2),
      },
      {
        claim: "a second thread makes DuckDB 1.5 times as fast, or more",
        held: ratio("duckdb_1", "duckdb_2") >= 1.5,
        evidence: formatRatio(ratio("duckdb_1", "duckdb_2")),
      },
    ].filter(({ evidence }) => !evidence.includes("NaN")),
    missing: Number.isNaN(fastest) ? [missingCompiler] : [],
    finding:
      `two workers on shared memory are ${formatRatio(ratio("one_thread", "shared_2"))} as fast as one thread, ` +
      `WebAssembly on two threads ${formatRatio(ratio("one_thread", "wasm_2"))}, workers that are sent copies ${
        formatRatio(ratio("one_thread", "copied_2"))
      }`,
  };
}

/** How long it takes to read the hours and do next to nothing: in C, on one core and on all. */
async function bandwidth(hours: Float64Array, budget: number): Promise<Record<string, Measurement>> {
  const symbols = { stream_read: { parameters: ["buffer", "i64"], result: "f64" } } as const;
  const found: Record<string, Measurement> = {}, bytes = hours as Float64Array<ArrayBuffer>;
  for (const [name, openmp] of [["read_1", false], ["read_all", true]] as const) {
    const library = await openLimit("stream", symbols, { openmp });
    if (!library) continue;
    found[name] = await measure(() => library.symbols.stream_read(bytes, BigInt(hours.length)), { budget });
    library.close();
  }
  return found;
}

/** How many people a worker takes at a time. */
async function partitions(full: boolean): Promise<Section> {
  const people = peopleOf(full), hours = hoursOf(people), budget = full ? 0.5 : 0.04, figures: Figure[] = [];
  const sizes = (isBrief() ? [100, 10_000, people] : [10, 100, 1000, 10_000, 100_000, people / 2, people]).filter((
    size,
    i,
    all,
  ) => size <= people && all.indexOf(size) === i).sort((a, b) => a - b);
  const errors: Record<string, number> = {}, times: Record<string, Map<number, number>> = {};
  const tables = {
    shared: await shared.prepare(hours, { workers: 2 }),
    copied: await copied.prepare(hours, { workers: 2 }),
  };
  const calls = { shared: () => shared.slopes(tables.shared), copied: () => copied.slopes(tables.copied) };
  try {
    for (const name of ["shared", "copied"] as const) {
      times[name] = new Map();
      for (const size of sizes) {
        // A message for every ten people would take seconds.
        if (name === "copied" && size < 1000) continue;
        tables[name].partition = size;
        errors[`${name} by ${size}`] = differenceFromLine(hours, await calls[name]());
        const measurement = await measure(calls[name], { budget });
        times[name].set(size, measurement.median);
        figures.push(reading(`${name}, people at a time`, size, measurement));
      }
    }
  } finally {
    await tables.shared.close();
    await tables.copied.close();
  }
  const best = Math.min(...times.shared.values());
  const good = sizes.filter((size) => times.shared.get(size)! <= 1.2 * best);
  const shown = (size: number) => size.toLocaleString("en-US");
  return {
    tables: [table(
      ["people at a time", "shared", "copied"],
      sizes.map((size) => [
        shown(size),
        formatTime(times.shared.get(size)!),
        times.copied.has(size) ? formatTime(times.copied.get(size)!) : "-",
      ]),
    )],
    charts: {
      parallel_partitions: lineChart({
        title: `Slopes of ${shown(people)} people by two workers`,
        x: {
          title: "people that a worker takes at a time",
          log: true,
          ticks: sizes.filter((size) => Number.isInteger(Math.log10(size))),
        },
        y: { title: "milliseconds", log: true },
        lines: Object.entries(times).map(([name, times]) => ({
          name,
          points: [...times].map(([x, seconds]) => ({ x, y: seconds * 1e3 })),
        })),
      }),
    },
    figures,
    checks: [agreement("by partitions of each size", errors)],
    claims: [{
      claim: "one partition for all is half as fast as the best size, or less: one worker has nothing to do",
      held: times.shared.get(people)! >= 1.6 * best,
      evidence: formatRatio(best / times.shared.get(people)!),
    }],
    finding: `from ${shown(good[0])} to ${shown(good.at(-1)!)} people at a time are as good as each other`,
  };
}

/** From how many people on it pays. */
async function sizes(full: boolean): Promise<Section> {
  const counts = isBrief() ? [1000, 10_000] : [1000, 5000, 20_000, 50_000, 100_000, 200_000, peopleOf(full)];
  const ways: Record<string, Way> = { one_thread: alone, shared_2: sharedBy(2), wasm_1: wasmBy(1), wasm_2: wasmBy(2) };
  const errors: Record<string, number> = {}, figures: Figure[] = [], budget = full ? 0.5 : 0.03;
  const times: Record<string, Map<number, number>> = { "shared_2, once": new Map() };
  for (const name of Object.keys(ways)) times[name] = new Map();
  for (const count of counts) {
    const hours = hoursOf(count);
    for (const [name, way] of Object.entries(ways)) {
      const { slopes, spent, close } = await way(hours);
      try {
        errors[`${name} ${count}`] = differenceFromLine(hours, await slopes());
        const measurement = await measure(slopes, { budget });
        times[name].set(count, measurement.median);
        figures.push(reading(`${name}, by size`, count, measurement));
        if (name === "shared_2") {
          times["shared_2, once"].set(count, measurement.median + (spent!.starting + spent!.copying) / 1e3);
        }
      } finally {
        await close?.();
      }
    }
  }
  const from = (name: string, base: string) =>
    counts.find((_, i) => counts.slice(i).every((more) => times[name].get(more)! < times[base].get(more)!));
  const say = (count?: number) =>
    count === undefined ? "at none of these sizes" : `from ${count.toLocaleString("en-US")} people on`;
  const shown = ["one_thread", "shared_2", "shared_2, once", "wasm_1", "wasm_2"];
  const once = from("shared_2, once", "one_thread");
  return {
    tables: [table(
      ["people", ...shown],
      counts.map((count) => [
        count.toLocaleString("en-US"),
        ...shown.map((name) => formatTime(times[name].get(count)!)),
      ]),
    )],
    charts: {
      parallel_sizes: lineChart({
        title: "Slopes by one thread and by two; once: with start and copy",
        x: {
          title: "people",
          log: true,
          ticks: [1000, 10_000, 100_000, 1_000_000].filter((tick) => tick <= counts.at(-1)!),
        },
        y: { title: "milliseconds", log: true },
        lines: shown.map((name) => ({
          name,
          points: [...times[name]].map(([x, seconds]) => ({ x, y: seconds * 1e3 })),
        })),
      }),
    },
    figures,
    checks: [agreement("of tables of each size", errors)],
    claims: [{
      claim: "for a single call it never pays to start workers and to copy",
      held: once === undefined,
      evidence: `it pays ${say(once)}`,
    }],
    finding: `two workers that are there already pay ${say(from("shared_2", "one_thread"))}, a second thread of ` +
      `WebAssembly's ${say(from("wasm_2", "wasm_1"))}`,
  };
}

/** The same file by workers and by DuckDB. */
async function file(full: boolean): Promise<Section> {
  const people = isBrief() ? 10_000 : full ? 1_000_000 : 100_000, hours = hoursOf(people), budget = full ? 2 : 0.3;
  const folder = await Deno.makeTempDir({ dir: fileURLToPath(resultsFolder) }), path = `${folder}/people.parquet`;
  const readings = new Map<string, Measurement>(), errors: Record<string, number> = {};
  const spent = new Map<string, shared.Spent>();
  try {
    await parquet.write(path, hours);
    for (const workers of [1, 2]) {
      const table = await parquet.prepare(path, { workers }), name = `workers_${workers}`;
      try {
        errors[name] = differenceFromLine(hours, await parquet.slopes(table));
        readings.set(name, await measure(() => parquet.slopes(table), { budget }));
        spent.set(name, { ...table.spent });
      } finally {
        await table.close();
      }
    }
    const table = await duckdb.prepareParquet(path);
    try {
      for (const threads of [1, 2]) {
        await table.setThreads(threads);
        errors[`duckdb_${threads}`] = differenceFromLine(hours, await duckdb.slopes(table));
        readings.set(`duckdb_${threads}`, await measure(() => duckdb.slopes(table), { budget }));
      }
    } finally {
      table.close();
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  const time = (name: string) => readings.get(name)!.median,
    gain = (name: string) => time(`${name}_1`) / time(`${name}_2`);
  const { copying, computing } = spent.get("workers_2")!, reads = copying / (copying + computing);
  return {
    tables: [table(
      [`${people.toLocaleString("en-US")} people in a Parquet file`, "a call", "vs its own 1"],
      [...readings.keys()].map((name) => [
        name,
        formatTime(time(name)),
        formatRatio(time(name.replace(/\d$/, "1")) / time(name)),
      ]),
    )],
    figures: [
      ...[...readings].map(([name, measurement]) => reading(`parquet: ${name}`, people, measurement)),
      figure("parquet: share of reading, 2 workers", people, reads, ""),
    ],
    checks: [agreement("from the file", errors)],
    claims: [{
      claim: "a second worker reads a Parquet file 1.5 times as fast, or more",
      held: gain("workers") >= 1.5,
      evidence: `${formatRatio(gain("workers"))}; ${
        Math.round(100 * reads)
      } % of that is reading; DuckDB's second thread ${formatRatio(gain("duckdb"))}`,
    }],
    finding: `from a Parquet file a second worker is worth ${formatRatio(gain("workers"))}`,
  };
}

/** A process for each number of threads. */
async function polarsThreads(full: boolean): Promise<Section> {
  const people = isBrief() ? 10_000 : full ? 1_000_000 : 300_000, calls = isBrief() ? 2 : full ? 20 : 7;
  const found = new Map<number, polars.Times>();
  for (const threads of [1, 2]) found.set(threads, await polars.experiment(threads, people, calls));
  const time = (what: "slopes" | "columns", threads: number) => median(found.get(threads)![what]) / 1e3;
  const gain = (what: "slopes" | "columns") => time(what, 1) / time(what, 2);
  return {
    tables: [table(
      [`polars, ${people.toLocaleString("en-US")} people`, "1 thread", "2 threads", "times as fast"],
      (["slopes", "columns"] as const).map((what) => [
        what === "slopes" ? "slopes: one expression" : "columns: fourteen expressions",
        formatTime(time(what, 1)),
        formatTime(time(what, 2)),
        formatRatio(gain(what)),
      ]),
    )],
    figures: [...found].flatMap(([threads, times]) =>
      (["slopes", "columns"] as const).map((what) =>
        figure(`polars ${what}, threads`, threads, time(what, threads), "s", times[what].map((ms) => ms / 1e3))
      )
    ),
    checks: [
      agreement(
        "by Polars",
        Object.fromEntries([...found].map(([threads, { error }]) => [`polars_${threads}`, error])),
      ),
    ],
    claims: [{
      claim: "a second thread makes polars' slopes 1.5 times as fast, or more",
      held: gain("slopes") >= 1.5,
      evidence: `${
        formatRatio(gain("slopes"))
      }, one expression is not shared out; fourteen that have nothing to do with each other ${
        formatRatio(gain("columns"))
      }`,
    }],
    finding: `polars gains ${formatRatio(gain("slopes"))} by a second thread`,
  };
}

export function run(args: readonly string[]) {
  return compareSections(
    {
      chapter: "ch07",
      topic: "time_iteration_methods_parallel",
      question: "How can I parallelize a data frame's work?",
      answer: "By workers that share the table",
    },
    { ways, partitions, sizes, file, polars: needing(denoOnPath, polarsThreads) },
    args,
  );
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
