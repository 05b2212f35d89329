/**
 * A function applied to every row of a table, by all techniques: time, peak memory in a process of its own, and code.
 *
 * @original 07_pandas/ols_basics/time_iteration_methods.py
 * @run deno run --allow-read --allow-write=results --allow-run=cc,deno,python3 --allow-ffi --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,hostname,networkInterfaces,systemMemoryInfo,osRelease ch07/time_iteration_methods/compare.ts
 * @takes 16 s
 */

import { barChart, palette } from "../../bench/lib/chart.ts";
import { hasCommand, runCommand } from "../../bench/lib/command.ts";
import { parseCompareFlags } from "../../bench/lib/flags.ts";
import { isBrief, measureInTurns, type Measurement } from "../../bench/lib/measure.ts";
import { startProgress } from "../../bench/lib/progress.ts";
import { report } from "../../bench/lib/report.ts";
import { type Claim, figure, type Missing, prepareResults } from "../../bench/lib/results.ts";
import { formatBytes, formatNumber, formatRatio, formatTime, table } from "../../bench/lib/table.ts";
import { missingCompiler, openLimit } from "../../bench/limit/limit.ts";
import { openOls } from "../../bench/limit/ols.ts";
import { denoOnPath } from "../../bench/parts.ts";
import { fileURLToPath } from "node:url";
import * as arqueroExpression from "./arquero_expression.ts";
import * as arqueroFunction from "./arquero_function.ts";
import * as duckdbArithmetic from "./duckdb_arithmetic.ts";
import * as duckdbList from "./duckdb_list.ts";
import * as duckdbRegrSlope from "./duckdb_regr_slope.ts";
import * as flatColumns from "./flat_columns.ts";
import * as flatColumnsBlocked from "./flat_columns_blocked.ts";
import * as flatColumnsFused from "./flat_columns_fused.ts";
import * as flatQuarters from "./flat_quarters.ts";
import * as flatRows from "./flat_rows.ts";
import * as flatSubarray from "./flat_subarray.ts";
import * as flatUnrolled from "./flat_unrolled.ts";
import * as mapRecords from "./map_records.ts";
import * as polarsExpression from "./polars_expression.ts";
import * as polarsLazy from "./polars_lazy.ts";
import * as polarsRows from "./polars_rows.ts";
import * as rowByIndex from "./row_by_index.ts";
import * as rowCursor from "./row_cursor.ts";
import * as rowIterator from "./row_iterator.ts";
import * as rowObjects from "./row_objects.ts";
import * as wasmSimdColumns from "./wasm_simd_columns.ts";
import * as wasmSimdRows from "./wasm_simd_rows.ts";

const days = 14;

interface Technique<Table> {
  prepare(hours: Float64Array): Table | Promise<Table>;
  slopes(table: Table, result?: Float64Array): Float64Array | Promise<Float64Array>;
}

interface Variant {
  /** The technique's file, without its ending. */
  file: string;
  purpose: string;
  open(hours: Float64Array): Promise<{ call(): Float64Array | Promise<Float64Array>; close(): void }>;
}

/** `reused`: the result goes into the same array each time, where the technique takes one. */
function variant<Table>(file: string, technique: Technique<Table>, purpose: string, { reused = false } = {}): Variant {
  return {
    file,
    purpose,
    async open(hours) {
      const table = await technique.prepare(hours);
      const result = reused ? new Float64Array(hours.length / days) : undefined;
      return {
        call: () => technique.slopes(table, result),
        close: () => (table as { close?(): void }).close?.(),
      };
    },
  };
}

/** Rows, engines, and typed arrays: within each from the plainest on. */
const variants: Record<string, Variant> = {
  row_objects: variant("row_objects", rowObjects, "rows of any names, as JSON gives them"),
  row_iterator: variant("row_iterator", rowIterator, "to be avoided, as iterrows is"),
  row_by_index: variant("row_by_index", rowByIndex, "a few rows here and there, as iloc"),
  row_cursor: variant("row_cursor", rowCursor, "code that reads by rows, data by columns"),
  map_records: variant("map_records", mapRecords, "rows that are objects anyway"),
  polars_rows: variant("polars_rows", polarsRows, "to be avoided: only to print rows"),
  polars_expression: variant("polars_expression", polarsExpression, "what polars has an operation for"),
  polars_lazy: variant("polars_lazy", polarsLazy, "the same as part of a longer query"),
  duckdb_regr_slope: variant("duckdb_regr_slope", duckdbRegrSlope, "long tables, by a standard name"),
  duckdb_arithmetic: variant("duckdb_arithmetic", duckdbArithmetic, "what SQL can say; data on disk"),
  duckdb_list: variant("duckdb_list", duckdbList, "any number of columns alike"),
  arquero_function: variant("arquero_function", arqueroFunction, "any function, on small tables"),
  arquero_expression: variant("arquero_expression", arqueroExpression, "frames without machine code"),
  flat_subarray: variant("flat_subarray", flatSubarray, "functions that take a typed array"),
  flat_rows: variant("flat_rows", flatRows, "any formula, any number of days"),
  flat_unrolled: variant("flat_unrolled", flatUnrolled, "a short row of known length"),
  flat_unrolled_reused: variant("flat_unrolled", flatUnrolled, "the same again and again", { reused: true }),
  flat_quarters: variant("flat_quarters", flatQuarters, "tables by row beyond the caches"),
  flat_quarters_reused: variant("flat_quarters", flatQuarters, "the same again and again", { reused: true }),
  flat_columns: variant("flat_columns", flatColumns, "any number of columns, one at a time"),
  flat_columns_blocked: variant("flat_columns_blocked", flatColumnsBlocked, "the same for millions of rows"),
  flat_columns_fused: variant("flat_columns_fused", flatColumnsFused, "columns whose number is known"),
  flat_columns_fused_reused: variant("flat_columns_fused", flatColumnsFused, "the same again and again", {
    reused: true,
  }),
  wasm_simd_rows: variant("wasm_simd_rows", wasmSimdRows, "rows that may live in WebAssembly"),
  wasm_simd_columns: variant("wasm_simd_columns", wasmSimdColumns, "columns that may: the fastest"),
};

const baseline = "row_objects";
/** Fetching rows one number at a time takes so long that a tenth of them must do; its times count ten times. */
const tenth = "polars_rows";

const color = (name: string) =>
  palette[
    /^(c_|numpy)/.test(name) ? 9 : /^wasm/.test(name) ? 1 : /^flat/.test(name) ? 0 : /^(row|map)/.test(name) ? 4 : 2
  ];

/**
 * The slopes as exact as they can be, from the formula in whole numbers: hours are whole minutes over 60, and twice the
 * distances from the middle day are whole numbers whose squares add up to 910.
 */
export function exactSlopes(hours: Float64Array): Float64Array {
  return Float64Array.from({ length: hours.length / days }, (_, person) => {
    let sum = 0;
    for (let day = 0; day < days; day++) sum += (2 * day - 13) * Math.round(60 * hours[person * days + day]);
    return 2 * sum / 910 / 60;
  });
}

/** The largest difference, or NaN where there are not as many. */
function largestError(found: Float64Array, exact: Float64Array): number {
  if (found.length !== exact.length) return NaN;
  return found.reduce((largest, slope, person) => Math.max(largest, Math.abs(slope - exact[person])), 0);
}

/**
 * Peak memory by file, in bytes beyond a process that does nothing; `hours` is one that only has them. Each runs in a
 * process of its own, started by one that is small: on Linux the peak of a process is no less than its parent's.
 */
async function measurePeaks(files: string[], people: number): Promise<Map<string, number>> {
  const hours = `const hours = new Float64Array(${people * days}).map((_, i) => i * 7919 % 97 / 60);`;
  const work = (file: string) => `
    const { prepare, slopes } = await import(${JSON.stringify(import.meta.resolve(`./${file}.ts`))});
    ${hours}
    const table = await prepare(hours);
    await slopes(table);
    table.close?.();`;
  const scripts = ["", `${hours} if (hours[1] === 0) throw new Error("no hours");`, ...files.map(work)].map((
    script,
  ) => `
    import process from "node:process";
    ${script}
    console.log(process.resourceUsage().maxRSS * 1024);`);
  const evaluate = ["eval", "--no-config", "--no-lock"];
  // Two at a time, so that it takes half as long: what each holds, it holds by itself.
  const outer = `
    const scripts = ${JSON.stringify(scripts)}, peaks = [];
    let next = 0;
    const lane = async () => {
      for (let i = next++; i < scripts.length; i = next++) {
        const args = [...${JSON.stringify(evaluate)}, scripts[i]];
        const options = { args, stdin: "null", stdout: "piped", stderr: "inherit" };
        const { code, stdout } = await new Deno.Command("deno", options).output();
        if (code !== 0) Deno.exit(code);
        peaks[i] = Number(new TextDecoder().decode(stdout));
      }
    };
    await Promise.all([lane(), lane()]);
    console.log(JSON.stringify(peaks));`;
  const args = [...evaluate, outer];
  const { success, stdout, stderr } = await new Deno.Command("deno", { args, stdin: "null" }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  const [empty, ...peaks] = JSON.parse(new TextDecoder().decode(stdout));
  return new Map(["hours", ...files].map((name, i) => [name, peaks[i] - empty]));
}

/**
 * How many lines a technique's `slopes` has, together with what it calls, types and comments left out. WebAssembly's is
 * called from outside: there `source`, from which it is assembled, belongs to it.
 */
export function countLines(source: string): number {
  const starts = /^(?:export )?(?:async )?(?:function\*?|const|class) (\w+)/;
  const code = source.replace(/^\/\*\*[\s\S]*?\*\/\n/gm, "").split("\n").filter((line) => !/^\s*(\/\/.*)?$/.test(line));
  const items = new Map<string, string[]>();
  let item: string[] = [];
  for (const line of code) {
    const name = line.match(starts)?.[1];
    // What begins at the margin and is no closing bracket is something new.
    if (/^[^\s})\]]/.test(line)) item = [];
    if (name) items.set(name, item);
    item.push(line);
  }
  const needed = new Set(["slopes", "source", "assemble"].filter((name) => items.has(name)));
  for (const name of needed) {
    for (const word of items.get(name)!.join("\n").match(/\w+/g)!) if (items.has(word)) needed.add(word);
  }
  needed.delete("DAYS");
  return [...needed].reduce((sum, name) => sum + items.get(name)!.length, 0);
}

interface Numpy {
  version: string;
  seconds_a_row: Record<string, number>;
}

/** NumPy on as many people, one thread, or null where there is none. */
async function measureNumpy(people: number): Promise<Numpy | null> {
  const script = fileURLToPath(new URL("../../bench/peers/ch07_ols.py", import.meta.url));
  const child = await runCommand("python3", [script, `${people}`, "--json"]);
  if (!child) return null;
  const text = new TextDecoder();
  if (child.success) return JSON.parse(text.decode(child.stdout));
  const error = text.decode(child.stderr).trim();
  // What Python itself says, as where it is only a name without an installation, is as good as no NumPy.
  if (!error.startsWith("error:") || error.startsWith("error: no numpy")) return null;
  throw new Error(`ch07_ols.py: ${error}`);
}

export async function run(args: readonly string[]) {
  const chapter = "ch07", topic = "time_iteration_methods";
  const question = "What is the fastest way to apply a function to the rows of a table?";
  const rules = { about: question, names: Object.keys(variants), size: { min: 10, max: 2_000_000 } };
  const { mode, sizes, only } = parseCompareFlags(args, rules);
  prepareResults(chapter);
  const people = sizes?.[0] ?? (isBrief() ? 2000 : 100_000), bytes = 8 * days * people;
  const chosen = Object.keys(variants).filter((name) => name === baseline || (only?.includes(name) ?? true));
  const missing: Missing[] = [];

  const errors = new Map<string, number>(), readings = new Map<string, Measurement>();
  const hours = rowObjects.generate(people), exact = exactSlopes(hours), within = 1e-12;
  const progress = startProgress(`${chapter}/${topic}`, 2 * chosen.length + 5);
  let peaks = new Map<string, number>(), numpy: Numpy | null = null;

  /** Checks and then times some of the variants, and C. */
  async function measureGroup(names: string[], { c }: { c: boolean }) {
    using open = new DisposableStack();
    const calls: Record<string, () => unknown> = {};
    for (const name of names) {
      progress.step(`checking ${name}`);
      const share = name === tenth ? Math.ceil(people / 10) : people;
      const { call, close } = await variants[name].open(hours.subarray(0, share * days));
      open.defer(close);
      errors.set(name, largestError(await call(), exact.subarray(0, share)));
      calls[name] = call;
    }
    for (const kernel of c ? ["rows", "columns"] as const : []) {
      const limit = await openOls(hours, `ols_${kernel}`);
      if (!limit) continue;
      errors.set(`c_${kernel}`, largestError(limit.run(), exact));
      calls[`c_${kernel}`] = limit.run;
    }
    // Right before fast: no time is taken of what is wrong.
    const wrong = [...errors].filter(([, error]) => !(error <= within));
    if (wrong.length > 0) throw new Error(wrong.map(([name, error]) => `${name} is off by ${error}`).join("; "));

    if (c) {
      const memory = await openLimit("stream", { stream_read: { parameters: ["buffer", "i64"], result: "f64" } });
      if (memory) calls.c_read_only = () => memory.symbols.stream_read(hours, BigInt(hours.length));
      else missing.push(missingCompiler);
    }
    // The optimising compiler is late where each call is short: until then some take twice their time.
    for (const name of isBrief() ? [] : names.filter((name) => /^flat.*(?<!reused)$/.test(name))) {
      const end = performance.now() + 300;
      do await calls[name](); while (performance.now() < end);
    }
    const before = (name: string) => progress.step(`timing ${name}`);
    const full = mode === "full", options = { budget: full ? 1 : 0.05, rounds: full ? 3 : 2, before };
    const measured = await measureInTurns(calls, options);
    for (const [name, reading] of Object.entries(measured)) {
      const scale = name === tenth ? people / Math.ceil(people / 10) : 1;
      readings.set(name, { ...reading, median: reading.median * scale });
    }
  }

  try {
    // Millions of numbers in objects would make the garbage collector slow for all that run beside them.
    const objects = chosen.filter((name) => /^(row_objects|map_records)$/.test(name));
    await measureGroup(objects, { c: false });
    await measureGroup(chosen.filter((name) => !objects.includes(name)), { c: true });
    progress.step("NumPy");
    numpy = isBrief() ? null : await measureNumpy(people);
    if (!numpy && !isBrief()) missing.push({ name: "NumPy", remedy: "apt-get install python3-numpy" });
    if (await hasCommand(denoOnPath.command)) {
      progress.step("peak memory");
      const files = [...new Set(chosen.map((name) => variants[name].file))];
      peaks = await measurePeaks(isBrief() ? files.slice(0, 1) : files, people);
    } else {
      missing.push({ name: denoOnPath.name, remedy: denoOnPath.remedy });
    }
  } finally {
    progress.stop();
  }

  const lines = new Map<string, number>();
  for (const name of chosen) {
    lines.set(name, countLines(await Deno.readTextFile(new URL(`${variants[name].file}.ts`, import.meta.url))));
  }
  const python = Object.entries(numpy?.seconds_a_row ?? {}).filter(([name]) => name.startsWith("numpy_"));
  const times = new Map([
    ...[...readings].map(([name, { median }]) => [name, median] as const),
    ...python.map(([name, seconds]) => [name, seconds * people] as const),
  ]);
  const time = (name: string) => times.get(name) ?? NaN;
  const ratio = (slower: string, faster: string) => time(slower) / time(faster);
  const fastest = (pattern: RegExp) => {
    const names = [...times.keys()].filter((name) => pattern.test(name));
    return names.toSorted((a, b) => time(a) - time(b))[0] ?? "";
  };
  const limit = fastest(/^c_(rows|columns)$/);
  const peak = (name: string) => peaks.get(variants[name]?.file) ?? NaN;
  const claims = allClaims({ time, ratio, fastest, peak, people, bytes, limit });
  const plain = fastest(/^flat/), engine = fastest(/^(polars|duckdb|arquero)/), best = fastest(/^(flat|wasm)/);

  const answer =
    `By columns, not by row: ${baseline} take ${formatTime(time(baseline))}, ${engine} ${formatTime(time(engine))}, ` +
    `${plain} ${formatTime(time(plain))} and ${best} ${formatTime(time(best))}` +
    (limit ? `, at ${formatNumber(bytes / time(best) / 1e9)} GB/s and ${ratio(limit, best).toFixed(2)} of C.` : ".");

  return await report({
    chapter,
    topic,
    question,
    mode,
    tables: [
      table(
        [
          `${people.toLocaleString("en-US")} people x ${days} days`,
          "time",
          "±",
          `vs ${baseline}`,
          ...limit ? [`of ${limit}`] : [],
          "GB/s",
          "peak memory",
          "lines",
          { head: "what it is for", align: "left" },
        ],
        [...times.keys()].map((name) => [
          name,
          formatTime(time(name)),
          readings.has(name) ? `${Math.round(100 * readings.get(name)!.spread)}%` : "",
          formatRatio(ratio(baseline, name)),
          ...limit ? [ratio(limit, name).toFixed(2)] : [],
          formatNumber(bytes / time(name) / 1e9),
          peak(name) > 0 ? formatBytes(peak(name)) : "",
          `${lines.get(name) ?? ""}`,
          variants[name]?.purpose ?? others[name],
        ]),
      ),
      [
        `The hours are ${formatBytes(bytes)}` +
        (peaks.has("hours") ? `, in a process that has nothing else ${formatBytes(peaks.get("hours")!)}; ` : "; ") +
        "peaks are beyond a process that does nothing.",
        ...chosen.includes(tenth) ? [`${tenth} was measured on a tenth of the people.`] : [],
        ...numpy ? [`NumPy ${numpy.version} by bench/peers/ch07_ols.py, on one thread.`] : [],
      ].join("\n"),
    ],
    charts: {
      time_iteration_methods: barChart({
        title: `The slopes of ${people.toLocaleString("en-US")} people, ${days} days each`,
        x: {
          title: "milliseconds (brown: rows; green: engines; blue: typed arrays; orange: WebAssembly; grey: C, NumPy)",
          log: true,
        },
        bars: [...times.keys()].map((name) => ({ name, value: 1000 * time(name), color: color(name) })),
        text: (value) => `${formatNumber(value)} ms`,
      }),
    },
    figures: [
      ...[...readings].map(([name, { median, samples, spread }]) => (
        { name: `${name}: time`, size: people, value: median, unit: "s", samples, spread }
      )),
      ...python.map(([name]) => figure(`${name}: time`, people, time(name), "s")),
      ...[...peaks].map(([name, value]) => figure(`${name}: peak beyond an empty process`, people, value, "bytes")),
      ...[...lines].map(([name, value]) => figure(`${name}: lines`, people, value, "lines")),
    ],
    checks: [
      {
        claim: `all slopes agree with the formula in whole numbers within ${within}`,
        passed: true,
        evidence: [...errors].map(([name, error]) => `${name} ${formatNumber(error)}`).join(", "),
      },
      // A few megabytes are lost in what the runtime takes by itself.
      ...bytes > 10e6 && peaks.size > 0
        ? [{
          claim: "no peak is below what the hours take",
          passed: [...peaks.values()].every((peak) => peak >= bytes),
          evidence: [...peaks].map(([name, peak]) => `${name} ${formatBytes(Math.max(0, peak))}`).join(", "),
        }]
        : [],
    ],
    claims: claims.filter(({ evidence }) => !/NaN|undefined/.test(evidence)),
    missing,
    answer: /NaN/.test(answer) ? "not everything ran that the answer speaks of" : answer,
  });
}

/** What the rows are for that are no techniques. */
const others: Record<string, string> = {
  c_rows: "the limit: two loops in C, by row",
  c_columns: "the limit: the same by column",
  c_read_only: "the hours read and added up, no more",
  numpy_rows: "hours @ weights, by row",
  numpy_columns: "hours @ weights, by column",
};

interface Reading {
  time(name: string): number;
  ratio(slower: string, faster: string): number;
  fastest(pattern: RegExp): string;
  peak(name: string): number;
  people: number;
  bytes: number;
  limit: string;
}

function allClaims({ time, ratio, fastest, peak, people, bytes, limit }: Reading): Claim[] {
  const plain = fastest(/^flat/),
    engine = fastest(/^(polars|duckdb|arquero)/),
    best = fastest(/^(flat|wasm)/),
    simd = fastest(/^wasm/);
  const numpy = fastest(/^numpy/), aRow = time(best) / people;
  const rate = (name: string) => bytes / time(name) / 1e9;
  return [
    {
      claim: "plain TypeScript takes at most 1.3 times as long as the plain loop in C",
      held: ratio(plain, "c_rows") <= 1.3,
      evidence: `${plain} ${formatRatio(ratio(plain, "c_rows"))} of c_rows`,
    },
    {
      claim: "with SIMD in WebAssembly at most 1.3 times as long as the fastest C",
      held: ratio(simd, limit) <= 1.3,
      evidence: `${simd} ${formatRatio(ratio(simd, limit))} of ${limit}`,
    },
    {
      claim: "it reads memory as fast as a loop in C that only adds the hours up (0.9 or more)",
      held: ratio("c_read_only", simd) >= 0.9,
      evidence: `${simd} ${formatNumber(rate(simd))} GB/s, c_read_only ${formatNumber(rate("c_read_only"))} GB/s`,
    },
    {
      claim: "the best expression of an engine takes at most twice as long as the two loops over a flat array",
      held: ratio(engine, "flat_rows") <= 2,
      evidence: `${engine} ${formatRatio(ratio(engine, "flat_rows"))} of flat_rows`,
    },
    {
      claim: "an engine is five times as fast or more by expression as by row",
      held: ratio("polars_rows", "polars_expression") >= 5 && ratio("arquero_function", "arquero_expression") >= 5,
      evidence: `polars ${formatRatio(ratio("polars_rows", "polars_expression"))}, Arquero ${
        formatRatio(ratio("arquero_function", "arquero_expression"))
      }`,
    },
    {
      claim: "a view of each row costs more than its slope: twice the time of two loops or more",
      held: ratio("flat_subarray", "flat_rows") >= 2,
      evidence: `${formatRatio(ratio("flat_subarray", "flat_rows"))}; a fresh array of each row ${
        formatRatio(ratio("row_by_index", "flat_rows"))
      }`,
    },
    {
      claim: "reading by rows costs nothing by itself: a cursor takes at most 1.5 times as long as the columns at once",
      held: ratio("row_cursor", "flat_columns_fused") <= 1.5,
      evidence: formatRatio(ratio("row_cursor", "flat_columns_fused")),
    },
    {
      claim: "four places at a time are read faster than one (1.15 times or more)",
      held: ratio("flat_unrolled_reused", "flat_quarters_reused") >= 1.15,
      evidence: `${formatRatio(ratio("flat_unrolled_reused", "flat_quarters_reused"))}, by the same arithmetic`,
    },
    {
      claim: "blocks that keep the result in the nearest cache make passes over columns faster (1.1 times or more)",
      held: ratio("flat_columns", "flat_columns_blocked") >= 1.1,
      evidence: `${formatRatio(ratio("flat_columns", "flat_columns_blocked"))}; the result is ${
        formatBytes(8 * people)
      }`,
    },
    {
      claim: "rows as objects take five times the memory of the hours or more",
      held: peak("row_objects") >= 5 * bytes,
      evidence: `${formatBytes(peak("row_objects"))}, the hours being ${formatBytes(bytes)}`,
    },
    {
      claim:
        "one thread of TypeScript is within 3.5 times of NumPy's product, and with SIMD level with it (at most 1.15 times)",
      held: ratio(plain, numpy) <= 3.5 && ratio(simd, numpy) <= 1.15,
      evidence: `${plain} ${formatRatio(ratio(plain, numpy))}, ${simd} ${formatRatio(ratio(simd, numpy))} of ${numpy}`,
    },
    {
      claim: "at least 200 times as fast as Pandas' apply (15 µs a row, a published figure, not measured here)",
      held: 15e-6 / aRow >= 200,
      evidence: `${best} ${formatTime(aRow)} a row, ${formatRatio(15e-6 / aRow)}`,
    },
  ];
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
