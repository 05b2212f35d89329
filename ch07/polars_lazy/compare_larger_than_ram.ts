/**
 * A table larger than the memory for it: what each way holds, where it ends, and what spilling to disk costs.
 *
 * @original none, chapter 7's question on Polars against Pandas
 * @run deno run --allow-ffi --allow-read --allow-write=results --allow-run=sh --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,hostname,networkInterfaces,systemMemoryInfo,osRelease ch07/polars_lazy/compare_larger_than_ram.ts
 * @takes 14 s
 */

import { fileURLToPath } from "node:url";
import { DuckDBInstance } from "@duckdb/node-api";
import { barChart, palette } from "../../bench/lib/chart.ts";
import { runCommand } from "../../bench/lib/command.ts";
import { isBrief } from "../../bench/lib/measure.ts";
import { figure, resultsFolder } from "../../bench/lib/results.ts";
import { compareSections, type Section } from "../../bench/lib/sections.ts";
import { formatBytes, formatRatio, formatTime, table } from "../../bench/lib/table.ts";
import { agree, emptyDeno, type Run, runApart, ways } from "./larger_than_ram.ts";
import { withPeople } from "./people.ts";

const dir = () => fileURLToPath(new URL("ch07", resultsFolder));

/** People and the memory that a process gets beyond an empty Deno's: a table at least twice as large. */
const sizeOf = (full: boolean) =>
  full
    ? { people: 6_000_000, memory: 192 * 2 ** 20 }
    : isBrief()
    ? { people: 200_000, memory: 0 }
    : { people: 2_000_000, memory: 144 * 2 ** 20 };

export function run(args: readonly string[]) {
  return compareSections(
    {
      chapter: "ch07",
      topic: "larger_than_ram",
      question: "How can a query run on more data than memory holds?",
      answer: "A part of the rows at a time",
    },
    { memory, spilling },
    args,
  );
}

/** Every way without a limit, for what it holds, and with one, for whether it gets through. */
async function memory(full: boolean): Promise<Section> {
  const nothing = { tables: [], figures: [], checks: [], claims: [], finding: "" };
  if (Deno.build.os !== "linux" || !(await runCommand("sh", ["-c", "command -v deno"]))?.success) {
    const missing = [{ name: "Linux with deno on the PATH", remedy: "npm install -g deno, on Linux" }];
    return { ...nothing, missing };
  }
  const { people, memory } = sizeOf(full), limited = memory > 0;
  return await withPeople({ people, dir: dir() }, async (file): Promise<Section> => {
    const { size } = Deno.statSync(file), free: Record<string, Run> = {}, bound: Record<string, Run> = {};
    const names = Object.keys(ways), limit = limited ? await emptyDeno() + memory : 0;
    for (const name of names) {
      free[name] = await runApart(name, file);
      if (limited) bound[name] = await runApart(name, file, limit);
    }
    const [first] = names, mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
    const differing = names.filter((name) => !agree(free[name].answer, free[first].answer));
    const counted = free[first].answer?.reduce((sum, city) => sum + city.people, 0);
    const through = names.filter((name) => bound[name]?.answer);
    const streamed = names.filter((name) => !ways[name].whole), whole = names.filter((name) => ways[name].whole);
    const pair = (one: string, other: string) => formatRatio(free[one].own / free[other].own);
    return {
      tables: [table(
        [
          `${people} people, ${formatBytes(size)}`,
          "time",
          "own",
          "resident",
          ...limited ? [{ head: `with ${mib(memory)}`, align: "left" as const }] : [],
        ],
        names.map((name) => [
          name,
          free[name].seconds === undefined ? free[name].failure! : formatTime(free[name].seconds!),
          mib(free[name].own),
          mib(free[name].resident),
          ...limited ? [(bound[name].failure ?? `passes in ${formatTime(bound[name].seconds!)}`).slice(0, 60)] : [],
        ]),
      )],
      charts: {
        larger_than_ram: barChart({
          title: `Memory of its own that each way takes for a table of ${formatBytes(size)}`,
          x: { title: "MiB, Deno included (blue: a part at a time; orange: all at once)" },
          bars: names.map((name) => ({
            name: name.replaceAll("_", " "),
            value: free[name].own / 2 ** 20,
            color: palette[ways[name].whole ? 1 : 0],
          })),
          text: (value) => value.toFixed(0),
        }),
      },
      figures: names.flatMap((name) => [
        figure(`${name}: own memory`, people, free[name].own, "bytes"),
        figure(`${name}: resident`, people, free[name].resident, "bytes"),
        ...free[name].seconds === undefined ? [] : [figure(`${name}: time`, people, free[name].seconds!, "s")],
      ]),
      checks: [
        {
          claim: "without a limit all come to the same answer, and it counts everybody",
          passed: differing.length === 0 && counted === people,
          evidence: differing.map((name) => `${name}: ${free[name].failure ?? "another answer"}`).join("; ") ||
            `${counted} people`,
        },
        ...limited
          ? [
            {
              claim: `with ${mib(memory)} for ${mib(size)} the ways that hold a part come to that answer`,
              passed: streamed.every((name) => agree(bound[name].answer, free[first].answer)),
              evidence: streamed.map((name) => `${name}: ${bound[name].failure ?? "passes"}`).join("; "),
            },
            {
              claim: "and those that hold the whole table do not",
              passed: whole.every((name) => !through.includes(name)),
              evidence: whole.map((name) => `${name}: ${bound[name].failure ?? "passes"}`).join("; "),
            },
          ]
          : [],
      ],
      claims: [{
        claim: "Polars streaming takes a third of the memory of its own that Polars in memory takes, or less",
        held: free.polars_streaming.own <= free.polars_in_memory.own / 3,
        evidence: `${mib(free.polars_streaming.own)} and ${mib(free.polars_in_memory.own)}`,
      }],
      finding: `for ${formatBytes(size)} the whole table takes ${pair("polars_in_memory", "polars_streaming")} the ` +
        `memory in Polars, ${pair("duckdb_table", "duckdb_limited")} in DuckDB and ${
          pair("hyparquet_at_once", "hyparquet_by_groups")
        } by hand` + (limited ? `; with ${mib(memory)} only ${through.join(", ")} get through` : ""),
    };
  });
}

/** How many different rows there are, which takes all of them at once: in memory, and with less. */
async function spilling(full: boolean): Promise<Section> {
  const [people, little] = full ? [3_000_000, "150MB"] : isBrief() ? [900_000, "90MB"] : [1_200_000, "100MB"];
  return await withPeople({ people, dir: dir() }, async (file, folder): Promise<Section> => {
    const limits = { "as much as it likes": "4GB", "less than the table": little };
    const found: Record<string, { rows: number; seconds: number; spilled: number }> = {};
    for (const [name, memory_limit] of Object.entries(limits)) {
      const options = {
        memory_limit,
        threads: "2",
        temp_directory: `${folder}/spilled`,
        preserve_insertion_order: "false",
      };
      const connection = await (await DuckDBInstance.create(":memory:", options)).connect(),
        profile = `${folder}/profile.json`;
      await connection.run("PRAGMA enable_profiling = 'json'");
      await connection.run(`SET profiling_output = '${profile.replaceAll("'", "''")}'`);
      const start = performance.now();
      const result = await connection.runAndReadAll(
        "SELECT count(*)::INTEGER AS rows FROM (SELECT DISTINCT * FROM read_parquet($1))",
        [file],
      );
      const seconds = (performance.now() - start) / 1000,
        { system_peak_temp_dir_size } = JSON.parse(
          Deno.readTextFileSync(profile),
        );
      found[name] = { rows: result.getRowObjectsJS()[0].rows as number, seconds, spilled: system_peak_temp_dir_size };
      connection.closeSync();
    }
    const [ample, tight] = Object.values(found);
    return {
      tables: [table(
        [`different rows of ${people}, DuckDB`, "memory_limit", "time", "on disk at most"],
        Object.entries(found).map(([name, { seconds, spilled }]) => [
          name,
          limits[name as keyof typeof limits],
          formatTime(seconds),
          formatBytes(spilled),
        ]),
      )],
      figures: Object.entries(found).flatMap(([name, { seconds, spilled }]) => [
        figure(`distinct rows, ${name}`, people, seconds, "s"),
        figure(`distinct rows, ${name}: on disk`, people, spilled, "bytes"),
      ]),
      checks: [
        {
          claim: "all rows are different, in memory and on disk",
          passed: ample.rows === people && tight.rows === people,
          evidence: `${ample.rows} and ${tight.rows}`,
        },
        {
          claim: "only with little memory is something written to disk",
          passed: ample.spilled === 0 && tight.spilled > 0,
          evidence: `${formatBytes(ample.spilled)} and ${formatBytes(tight.spilled)}`,
        },
      ],
      claims: [{
        claim: "on disk it takes three times as long or less",
        held: tight.seconds <= 3 * ample.seconds,
        evidence: formatRatio(tight.seconds / ample.seconds),
      }],
      finding: `what has to be held all at once, DuckDB spills: ${formatBytes(tight.spilled)} on disk, in ${
        formatRatio(tight.seconds / ample.seconds)
      } the time`,
    };
  });
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
