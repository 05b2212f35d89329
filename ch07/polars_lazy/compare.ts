/**
 * One query on one file by rows, columns and engines: the times, the plans, and the bytes that each reads.
 *
 * @original none, chapter 7's question on Polars against Pandas
 * @run deno run --allow-ffi --allow-read --allow-write=results --allow-run=sh --allow-net=127.0.0.1 --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,hostname,networkInterfaces,systemMemoryInfo,osRelease ch07/polars_lazy/compare.ts
 * @takes 12 s
 */

import { fileURLToPath } from "node:url";
import pl from "nodejs-polars";
import { barChart, palette } from "../../bench/lib/chart.ts";
import { runCommand } from "../../bench/lib/command.ts";
import { isBrief, measureInTurns, type Measurement } from "../../bench/lib/measure.ts";
import { type Figure, figure, type Missing, resultsFolder } from "../../bench/lib/results.ts";
import { compareSections, type Section } from "../../bench/lib/sections.ts";
import { formatRatio, formatTime, table } from "../../bench/lib/table.ts";
import * as arquero from "./arquero_columns.ts";
import { fetched } from "./bytes_fetched.ts";
import * as duckdb from "./duckdb_sql.ts";
import { type CityHours, expected, verify, withPeople } from "./people.ts";
import * as eager from "./polars_eager.ts";
import * as lazy from "./polars_lazy.ts";
import * as streaming from "./polars_streaming.ts";
import * as pushdown from "./pushdown.ts";
import * as rows from "./row_objects.ts";

/** Those who joined in the sixth of ten years: a tenth of all. */
const from = 1825, to = 2190;
const dir = () => fileURLToPath(new URL("ch07", resultsFolder));

export function run(args: readonly string[]) {
  return compareSections(
    {
      chapter: "ch07",
      topic: "polars_lazy",
      question: "How can Polars execute similar queries faster than Pandas?",
      answer: "By columns, and by seeing the whole query before it begins",
    },
    { plans, engines, bytes },
    args,
  );
}

/** How many people are in the table. */
const sizeOf = (full: boolean) => full ? 1_000_000 : isBrief() ? 40_000 : 200_000;

/** Gives a function that says why an answer is not the expected one, or nothing. */
function checker(people: number): (answer: CityHours[]) => string | undefined {
  const right = expected(people, from, to);
  return (answer) => {
    try {
      verify(answer, right);
    } catch (error) {
      return (error as Error).message;
    }
  };
}

/** What the optimiser makes of the query. */
function plans(): Promise<Section> {
  return withPeople({ people: 1000, dir: dir() }, (file): Section => {
    const { written, optimised } = lazy.explain(file, from, to);
    const lines = (plan: string) => plan.replaceAll(file, "people.parquet").split("\n").map((line) => line.trimEnd());
    const rowsOf = (name: string, plan: string) => lines(plan).map((line, i) => [i === 0 ? name : "", line]);
    let wrong = "";
    try {
      lazy.checkPlans({ written, optimised });
    } catch (error) {
      wrong = (error as Error).message;
    }
    return {
      tables: [table(["plan", { head: "steps, the last first", align: "left" }], [
        ...rowsOf("as written", written),
        ...rowsOf("optimised", optimised),
      ])],
      figures: [],
      checks: [{
        claim: "the optimised plan reads 3 of 17 columns and filters in the scan, the written one neither",
        passed: wrong === "",
        evidence: wrong || "PROJECT 3/17 COLUMNS, SELECTION",
      }],
      claims: [],
      finding: "the optimiser moves the filter into the scan and drops 14 of 17 columns",
    };
  });
}

/** Times from the file, and from memory. */
function engines(full: boolean): Promise<Section> {
  const people = sizeOf(full), differs = checker(people);
  return withPeople({ people, dir: dir() }, async (file): Promise<Section> => {
    const fromFile: Record<string, () => CityHours[] | Promise<CityHours[]>> = {
      row_objects: () => rows.query(file, from, to),
      arquero: () => arquero.query(file, from, to),
      polars_eager: () => eager.query(file, from, to),
      polars_lazy: () => lazy.query(file, from, to),
      polars_streaming: () => streaming.query(file, from, to),
      duckdb: () => duckdb.query(file, from, to),
      pushdown_by_hand: () => pushdown.query(file, from, to),
    };
    const frame = pl.readParquet(file), columns = await arquero.read(file);
    const objects = columns.objects() as Record<string, unknown>[];
    const inMemory: typeof fromFile = {
      row_objects: () => rows.summarise(objects, from, to),
      arquero: () => arquero.summarise(columns, from, to),
      polars_eager: () => eager.summarise(frame, from, to),
    };
    const wrong: string[] = [];
    for (const [where, calls] of Object.entries({ "from the file": fromFile, "in memory": inMemory })) {
      for (const [name, call] of Object.entries(calls)) {
        const difference = differs(await call());
        if (difference) wrong.push(`${name} ${where}: ${difference}`);
      }
    }
    const checks = [{
      claim: "all come to the answer that the table's rule gives, within 1e-9",
      passed: wrong.length === 0,
      evidence: wrong.join("; ") || Object.keys(fromFile).join(", "),
    }];
    if (wrong.length > 0) return { tables: [], figures: [], checks, claims: [], finding: "the engines disagree" };
    const options = { budget: full ? 2 : 0.2 };
    const readings = await measureInTurns(fromFile, options), held = await measureInTurns(inMemory, options);
    const time = (name: string) => readings[name].median;
    const ratio = (slow: string, fast: string) => time(slow) / time(fast);
    const figuresOf = (where: string, measured: Record<string, Measurement>): Figure[] =>
      Object.entries(measured).map(([name, { median, samples, spread }]) => (
        { ...figure(`${name}, ${where}`, people, median, "s per query"), samples, spread }
      ));
    return {
      tables: [table(
        [`${people} people, 17 columns`, "from the file", "±", "vs row_objects", "in memory already", "vs row_objects"],
        Object.keys(fromFile).map((name) => [
          name,
          formatTime(time(name)),
          `${Math.round(100 * readings[name].spread)}%`,
          formatRatio(ratio("row_objects", name)),
          held[name] ? formatTime(held[name].median) : "",
          held[name] ? formatRatio(held.row_objects.median / held[name].median) : "",
        ]),
      )],
      charts: {
        polars_lazy: barChart({
          title: `Filter, project and group ${people.toLocaleString("en-US")} people of a Parquet file`,
          x: { title: "times as fast as rows as objects (blue: engines; orange: TypeScript)", log: true },
          bars: Object.keys(fromFile).map((name) => ({
            name: name.replaceAll("_", " "),
            value: ratio("row_objects", name),
            color: palette[/polars|duckdb/.test(name) ? 0 : 1],
          })),
          text: formatRatio,
        }),
      },
      figures: [...figuresOf("from the file", readings), ...figuresOf("in memory", held)],
      checks,
      claims: [
        {
          claim: "the lazy query is twice as fast as the eager one, or more",
          held: ratio("polars_eager", "polars_lazy") >= 2,
          evidence: formatRatio(ratio("polars_eager", "polars_lazy")),
        },
        {
          claim: "Polars is ten times as fast as rows as objects, or more, with the reading",
          held: ratio("row_objects", "polars_lazy") >= 10,
          evidence: formatRatio(ratio("row_objects", "polars_lazy")),
        },
        {
          claim: "most of that is the reading: in memory, rows as objects are within ten times of eager Polars",
          held: held.row_objects.median / held.polars_eager.median <= 10,
          evidence: formatRatio(held.row_objects.median / held.polars_eager.median),
        },
      ],
      finding: `against rows as objects, Polars is ${formatRatio(ratio("row_objects", "polars_eager"))} as fast ` +
        `eagerly and ${formatRatio(ratio("row_objects", "polars_lazy"))} lazily, DuckDB ${
          formatRatio(ratio("row_objects", "duckdb"))
        }, the same pushdown by hand ${formatRatio(ratio("row_objects", "pushdown_by_hand"))}`,
    };
  });
}

/** Bytes that the calls of this process have read; null where no system counts them. */
async function bytesRead(): Promise<number | null> {
  const child = await runCommand("sh", ["-c", "cat /proc/$PPID/io 2>/dev/null"]);
  const rchar = child && new TextDecoder().decode(child.stdout).match(/rchar: (\d+)/)?.[1];
  return rchar ? Number(rchar) : null;
}

/** How much of the file each way reads, where it is sorted by what is asked for and where it is shuffled. */
async function bytes(full: boolean): Promise<Section> {
  // Groups must be large enough that it pays a reader to leave out what lies between two columns.
  const people = full ? 1_000_000 : 100_000, differs = checker(people);
  const read: Record<string, Record<string, number>> = {}, wrong: string[] = [];
  const missing: Missing[] = [], sizes: Record<string, number> = {};
  for (const [order, shuffled] of Object.entries({ sorted: false, shuffled: true })) {
    const into = (name: string, bytes: number, answer: CityHours[]) => {
      (read[name] ??= {})[order] = bytes;
      const difference = differs(answer);
      if (difference) wrong.push(`${name}, ${order}: ${difference}`);
    };
    await withPeople({ people, shuffled, dir: dir() }, async (file) => {
      sizes[order] = Deno.statSync(file).size;
      for (const [projection, predicate] of [[false, false], [true, false], [true, true]]) {
        const { bytes, answer } = await pushdown.read(file, from, to, { projection, predicate });
        into(`by hand: ${projection ? predicate ? "columns and groups" : "columns" : "everything"}`, bytes, answer);
      }
      for (const [name, { bytes, rows }] of Object.entries(await fetched(file, from, to))) {
        into(`Polars: ${name}`, bytes, rows as CityHours[]);
      }
      const before = await bytesRead(), answer = await duckdb.query(file, from, to), after = await bytesRead();
      if (before === null || after === null) {
        missing.push({ name: "bytes that a process has read", remedy: "Linux keeps them in /proc/PID/io" });
      } else into("DuckDB", after - before, answer);
    });
  }
  const share = (name: string, order = "sorted") => read[name]?.[order] / sizes[order];
  const all = "Polars: not optimised",
    cast = "Polars: optimised, the column cast",
    best = "Polars: optimised, the number cast";
  const percent = (share: number) => `${(100 * share).toFixed(1)}%`;
  return {
    tables: [table(
      [`MB read of ${(sizes.sorted / 1e6).toFixed(1)}`, "sorted", "of the file", "shuffled", "of the file"],
      Object.entries(read).map(([name, bytes]) => [
        name,
        (bytes.sorted / 1e6).toFixed(2),
        percent(share(name)),
        (bytes.shuffled / 1e6).toFixed(2),
        percent(share(name, "shuffled")),
      ]),
    )],
    charts: {
      polars_lazy_bytes: barChart({
        title: "What each way reads of a file sorted by what is asked for",
        x: { title: "MB read", log: false },
        bars: Object.entries(read).map(([name, { sorted }]) => ({
          name,
          value: sorted / 1e6,
          color: palette[name.startsWith("by hand") ? 1 : 0],
        })),
        text: (value) => value.toFixed(2),
      }),
    },
    figures: Object.entries(read).flatMap(([name, orders]) =>
      Object.entries(orders).map(([order, bytes]) => figure(`${name}, ${order}`, people, bytes, "bytes read"))
    ),
    checks: [
      {
        claim: "every way comes to the same answer, whatever it leaves unread",
        passed: wrong.length === 0,
        evidence: wrong.join("; ") || Object.keys(read).join(", "),
      },
      {
        claim: "without the optimiser all of the file is read, with it less than a quarter",
        passed: share(all) >= 0.99 && share(cast) < 0.25 && share(best) < 0.25,
        evidence: [all, cast, best].map((name) => `${name}: ${percent(share(name))}`).join(", "),
      },
      {
        claim: "groups are skipped if the file is sorted and the types are equal, and only then (to half the bytes)",
        passed: share(best) < share(cast) / 2 && share(best, "shuffled") > 0.9 * share(cast, "shuffled"),
        evidence: `${percent(share(best))} of ${percent(share(cast))} sorted, ${percent(share(best, "shuffled"))} of ${
          percent(share(cast, "shuffled"))
        } shuffled`,
      },
    ],
    claims: [{
      claim: "DuckDB reads no more of the sorted file than the pushdown by hand (within 20%)",
      held: share("DuckDB") <= 1.2 * share("by hand: columns and groups"),
      evidence: `${percent(share("DuckDB"))} and ${percent(share("by hand: columns and groups"))}`,
    }].filter(({ evidence }) => !evidence.includes("NaN")),
    missing,
    finding: `of the sorted file Polars fetches ${percent(share(best))}, and ${percent(share(cast))} if a number of ` +
      "another type hides the statistics from it",
  };
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
