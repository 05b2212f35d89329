/**
 * The first 9 behind the point of 100,000 texts: a row at a time, in one buffer, and vectorised in three engines.
 *
 * @original 07_pandas/ols_basics/str_operation.py
 * @run deno run --allow-ffi --allow-read --allow-write=results --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,hostname,networkInterfaces,systemMemoryInfo,osRelease ch07/str_operation/compare.ts
 * @takes 5 s
 */

import { barChart, palette } from "../../bench/lib/chart.ts";
import { isBrief, measureInTurns } from "../../bench/lib/measure.ts";
import { figure } from "../../bench/lib/results.ts";
import { compareSections, type Section } from "../../bench/lib/sections.ts";
import { formatRatio, formatTime, table } from "../../bench/lib/table.ts";
import * as arquero from "./strings_arquero.ts";
import * as duckdb from "./strings_duckdb.ts";
import * as byIndex from "./strings_index.ts";
import * as oneBuffer from "./strings_one_buffer.ts";
import * as polars from "./strings_polars.ts";
import * as split from "./strings_split.ts";

export function run(args: readonly string[]) {
  return compareSections(
    {
      chapter: "ch07",
      topic: "str_operation",
      question: "What is the fastest way to apply a function to a column of texts?",
      answer: "The place of a digit in each of many texts",
    },
    { find: findSection },
    args,
  );
}

async function findSection(full: boolean): Promise<Section> {
  const count = isBrief() ? 10_000 : full ? 1_000_000 : 100_000, texts = split.makeTexts(count);
  const buffer = oneBuffer.prepare(texts), frame = polars.prepare(texts), columns = arquero.prepare(texts);
  const database = await duckdb.prepare(texts);
  try {
    const ways: Record<string, { kind: string; call(): Int32Array | Promise<Int32Array> }> = {
      "split, then find": { kind: "row", call: () => split.find(texts) },
      "find from the point on": { kind: "row", call: () => byIndex.find(texts) },
      "one buffer": { kind: "buffer", call: () => oneBuffer.find(buffer) },
      "Arquero's split and find": { kind: "engine", call: () => arquero.find(columns) },
      "polars' split, then a pattern": { kind: "engine", call: () => polars.find(frame) },
      "polars, one pattern": { kind: "engine", call: () => polars.findAtOnce(frame) },
      "DuckDB's split and find": { kind: "engine", call: () => duckdb.find(database) },
      "texts into one buffer": { kind: "buffer", call: () => (oneBuffer.prepare(texts), new Int32Array(0)) },
    };
    const names = Object.keys(ways), making = "texts into one buffer", plainest = "split, then find";
    // A regular expression on each text, which none of them uses so, is the other source.
    const expected = texts.map((text) => text.slice(text.indexOf(".") + 1).search(/9/));
    const wrong: string[] = [];
    for (const name of names.filter((name) => name !== making)) {
      const found = await ways[name].call();
      if (found.length !== count || found.some((place, i) => place !== expected[i])) wrong.push(name);
    }
    if (wrong.length > 0) throw new Error(`other places are found by ${wrong.join(", ")}`);
    const measured = await measureInTurns(
      Object.fromEntries(names.map((name) => [name, ways[name].call])),
      { budget: full ? 2 : 0.4 },
    );
    const time = (name: string) => measured[name].median,
      engines = names.filter((name) => ways[name].kind === "engine");
    const best = engines.toSorted((a, b) => time(a) - time(b))[0], index = "find from the point on";
    const color = (name: string) => palette[{ row: 0, buffer: 2, engine: 1 }[ways[name].kind]!];
    return {
      tables: [table(
        [`${count.toLocaleString("en-US")} texts`, "time", "±", "a text", "vs split"],
        names.map((name) => [
          name,
          formatTime(time(name)),
          `${Math.round(100 * measured[name].spread)}%`,
          formatTime(time(name) / count),
          formatRatio(time(plainest) / time(name)),
        ]),
      )],
      charts: {
        str_operation: barChart({
          title: "The first 9 behind the point of each text",
          x: { title: "nanoseconds a text" },
          bars: names.map((name) => ({ name, value: 1e9 * time(name) / count, color: color(name) })),
          text: (value) => `${value.toFixed(value < 10 ? 1 : 0)}`,
        }),
      },
      figures: names.map((name) => ({
        ...figure(name, count, time(name), "s"),
        samples: measured[name].samples,
        spread: measured[name].spread,
      })),
      checks: [{
        claim: "all find the places that a regular expression finds",
        passed: true,
        evidence: `${expected.filter((place) => place < 0).length} of ${count} texts have none`,
      }],
      claims: [
        {
          claim: "as in the book, a function for each row is faster than a vectorised split and find",
          held: engines.every((name) => time(plainest) < time(name)),
          evidence: `${formatTime(time(plainest))}, ${best} ${formatTime(time(best))}`,
        },
        {
          claim: "without the parts it is at least 1.5 times as fast",
          held: time(plainest) >= 1.5 * time(index),
          evidence: formatRatio(time(plainest) / time(index)),
        },
        {
          claim: "one buffer is the fastest of all",
          held: names.every((name) => name === "one buffer" || time("one buffer") <= time(name)),
          evidence: `${formatTime(time("one buffer"))}, and ${formatTime(time(making))} to make it`,
        },
      ],
      finding: `takes ${formatTime(time(plainest) / count)} a text with a split, ${
        formatTime(time(index) / count)
      } without, ${formatTime(time("one buffer") / count)} where all texts are one buffer, and ${
        formatTime(time(best) / count)
      } in the fastest engine (${best})`,
    };
  } finally {
    database.close();
  }
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
