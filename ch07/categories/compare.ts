/**
 * What categories and narrow types save, in bytes and in time, before and after.
 *
 * @original none, chapter 7's advice on category columns and smaller types
 * @run deno run --allow-ffi --allow-read --allow-write=results --allow-run=deno --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,hostname,networkInterfaces,systemMemoryInfo,osRelease ch07/categories/compare.ts
 * @takes 10 s
 */

import { barChart, palette } from "../../bench/lib/chart.ts";
import { isBrief, measureInTurns } from "../../bench/lib/measure.ts";
import { figure } from "../../bench/lib/results.ts";
import { compareSections, needing, type Section } from "../../bench/lib/sections.ts";
import { formatNumber, formatRatio, formatTime, table } from "../../bench/lib/table.ts";
import { denoOnPath } from "../../bench/parts.ts";
import { DictionaryColumn } from "./dictionary_column.ts";
import { narrow, sums, toMinutes, type TypeName } from "./narrow_numbers.ts";
import { PackedBooleans } from "./packed_booleans.ts";
import {
  cities,
  duckdbBytes,
  duckdbCounts,
  duckdbTable,
  polarsBytes,
  polarsCounts,
  polarsFrame,
} from "./categories_in_engines.ts";

export function run(args: readonly string[]) {
  return compareSections(
    {
      chapter: "ch07",
      topic: "categories",
      question: "What do categories and narrow types save in a data frame?",
      answer: "Bytes always, time sometimes",
    },
    { memory: needing(denoOnPath, memory), filters, numbers },
    args,
  );
}

const cityOf = (i: number) => cities[i * 7919 % cities.length];
const rowsOf = (count: number) => Array.from({ length: count }, (_, i) => cityOf(i));

/** Programs that make `count` rows of something, each weighed in a process of its own. */
const holders: Record<string, string> = {
  // Strings that come from a text, each row's its own.
  "strings, each its own":
    `const text = rows(count).join("\\n"); return new TextDecoder().decode(new TextEncoder().encode(text)).split("\\n");`,
  "strings, shared": `return rows(count);`,
  "dictionary by hand": `const { DictionaryColumn } = await import(folder + "dictionary_column.ts");
    return DictionaryColumn.from(rows(count));`,
  "hours, Float64Array": `return Float64Array.from({ length: count }, (_, i) => i * 7919 % 121 / 60);`,
  "hours, Float32Array": `return Float32Array.from({ length: count }, (_, i) => i * 7919 % 121 / 60);`,
  "minutes, Int16Array": `return Int16Array.from({ length: count }, (_, i) => i * 7919 % 121);`,
  "minutes, Uint8Array": `return Uint8Array.from({ length: count }, (_, i) => i * 7919 % 121);`,
  "booleans, Array": `return Array.from({ length: count }, (_, i) => i % 3 === 0);`,
  "booleans, packed": `const { PackedBooleans } = await import(folder + "packed_booleans.ts");
    return PackedBooleans.from(Array.from({ length: count }, (_, i) => i % 3 === 0));`,
};

/** What is expected of each, in bytes a row: the words that it consists of. */
const words: Record<string, number> = {
  "strings, shared": 8,
  "dictionary by hand": 1,
  "hours, Float64Array": 8,
  "hours, Float32Array": 4,
  "minutes, Int16Array": 2,
  "minutes, Uint8Array": 1,
  "booleans, Array": 8,
  "booleans, packed": 0.125,
};

/** Bytes a row that stay on the heap and beside it, in a fresh process. */
async function weigh(body: string, count: number): Promise<number> {
  const source = `import v8 from "node:v8";
    const cities = ${JSON.stringify(cities)}, folder = ${JSON.stringify(import.meta.resolve("./"))};
    const rows = (count) => Array.from({ length: count }, (_, i) => cities[i * 7919 % cities.length]);
    const make = async (count) => { ${body} };
    const used = () => {
      gc(), gc();
      const { used_heap_size, external_memory } = v8.getHeapStatistics();
      return used_heap_size + external_memory;
    };
    // Once before, so that modules and compiled code are no part of what it weighs.
    await make(1000);
    const before = used(), made = await make(${count}), after = used();
    if (!made) throw new Error("nothing was made");
    console.log((after - before) / ${count});`;
  const args = ["eval", "--no-config", "--no-lock", "--v8-flags=--single-threaded,--expose-gc", source];
  const { success, stdout, stderr } = await new Deno.Command("deno", { args, stdin: "null" }).output();
  if (!success) throw new Error(`deno eval: ${new TextDecoder().decode(stderr)}`);
  return Number(new TextDecoder().decode(stdout));
}

/** Bytes a row, by what holds them. */
async function memory(full: boolean): Promise<Section> {
  const count = full ? 2_000_000 : isBrief() ? 100_000 : 400_000, bytes: Record<string, number> = {};
  for (const [name, body] of Object.entries(holders)) bytes[name] = await weigh(body, count);
  bytes["Polars, strings"] = polarsBytes(polarsFrame(rowsOf(count), false)) / count;
  bytes["Polars, Categorical"] = polarsBytes(polarsFrame(rowsOf(count), true)) / count;
  bytes["DuckDB, strings"] = await duckdbBytes(await duckdbTable(count, false)) / count;
  bytes["DuckDB, ENUM"] = await duckdbBytes(await duckdbTable(count, true)) / count;
  const off = Object.keys(words).filter((name) => Math.abs(bytes[name] - words[name]) > 0.1);
  const saved = bytes["strings, each its own"] / bytes["dictionary by hand"];
  return {
    tables: [table(
      [`${count} rows`, "bytes a row"],
      Object.entries(bytes).map(([name, bytes]) => [name, formatNumber(bytes)]),
    )],
    charts: {
      categories: barChart({
        title: "Bytes a row, before and after",
        x: { title: "bytes a row (orange: as it comes; blue: narrow)", log: true },
        bars: Object.entries(bytes).map(([name, value]) => ({
          name,
          value,
          color: palette[/strings|Float64|, Array$/.test(name) ? 1 : 0],
        })),
        text: formatNumber,
      }),
    },
    figures: Object.entries(bytes).map(([name, bytes]) => figure(name, count, bytes, "bytes per row")),
    checks: [{
      claim: "each takes the bytes that its words come to (within 0.1 a row)",
      passed: off.length === 0,
      evidence: off.map((name) => `${name}: ${bytes[name]}, not ${words[name]}`).join("; ") ||
        Object.keys(words).join(", "),
    }],
    claims: [{
      claim: "a dictionary takes a twentieth of strings that come from a text, or less",
      held: saved >= 20,
      evidence: formatRatio(saved),
    }],
    finding: `a name takes ${formatNumber(bytes["strings, each its own"])} bytes as a string of its own and ${
      formatNumber(bytes["dictionary by hand"])
    } as a code`,
  };
}

/** Filter and group-by, on strings and on codes, by hand and in the engines. */
async function filters(full: boolean): Promise<Section> {
  const count = full ? 4_000_000 : isBrief() ? 50_000 : 400_000;
  const shared = rowsOf(count), own = new TextDecoder().decode(new TextEncoder().encode(shared.join("\n"))).split("\n");
  const column = DictionaryColumn.from(own), values = Float64Array.from({ length: count }, (_, i) => i % 7);
  const frames = [false, true].map((is) => polarsFrame(shared, is));
  const tables = [await duckdbTable(count, false), await duckdbTable(count, true)];
  const groupStrings = (rows: string[]) => {
    const sums = new Map<string, { sum: number; count: number }>();
    for (let i = 0; i < rows.length; i++) {
      let one = sums.get(rows[i]);
      if (!one) sums.set(rows[i], one = { sum: 0, count: 0 });
      one.sum += values[i];
      one.count++;
    }
    return cities.map((city) => sums.get(city)!.sum / sums.get(city)!.count);
  };
  const equal = (rows: string[]) => rows.reduce((count, city) => city === "Kyoto" ? count + 1 : count, 0);
  const calls: Record<string, () => unknown> = {
    "filter, strings of their own": () => equal(own),
    "filter, strings shared": () => equal(shared),
    "filter, codes": () => column.count("Kyoto"),
    "means, strings of their own": () => groupStrings(own),
    "means, strings shared": () => groupStrings(shared),
    "means, codes": () => column.means(values),
    "counts, Polars strings": () => polarsCounts(frames[0]),
    "counts, Polars Categorical": () => polarsCounts(frames[1]),
    "counts, DuckDB strings": () => duckdbCounts(tables[0]),
    "counts, DuckDB ENUM": () => duckdbCounts(tables[1]),
  };
  const kyoto = shared.filter((city) => city === "Kyoto").length;
  const counts = cities.map((city) => [city, shared.filter((row) => row === city).length]);
  const means = column.means(values), byName = cities.map((city) => means[column.names.indexOf(city)]);
  const agree = equal(own) === kyoto && column.count("Kyoto") === kyoto &&
    groupStrings(own).every((mean, i) => Math.abs(mean - byName[i]) < 1e-9);
  const wrong: string[] = agree ? [] : ["strings and codes differ"];
  for (const [name, call] of Object.entries(calls)) {
    if (name.startsWith("counts") && JSON.stringify(await call()) !== JSON.stringify(counts)) wrong.push(name);
  }
  const checks = [{
    claim: "filters, means and counts are the same on strings and on codes",
    passed: wrong.length === 0,
    evidence: wrong.join("; ") || `${kyoto} rows of Kyoto`,
  }];
  if (wrong.length > 0) return { tables: [], figures: [], checks, claims: [], finding: "" };
  const readings = await measureInTurns(calls, { budget: full ? 1 : 0.15 });
  const time = (name: string) => readings[name].median,
    before = (name: string) =>
      name.startsWith("counts")
        ? name.replace("Categorical", "strings").replace("ENUM", "strings")
        : name.replace(/,.*/, ", strings of their own");
  const gain = (name: string) => time(before(name)) / time(name);
  return {
    tables: [table(
      [`${count} rows, 12 names`, "time", "±", "vs strings"],
      Object.keys(calls).map((name) => [
        name,
        formatTime(time(name)),
        `${Math.round(100 * readings[name].spread)}%`,
        formatRatio(gain(name)),
      ]),
    )],
    figures: Object.keys(calls).map((name) => ({
      ...figure(name, count, time(name), "s"),
      samples: readings[name].samples,
      spread: readings[name].spread,
    })),
    checks,
    claims: ["filter, codes", "means, codes", "counts, Polars Categorical", "counts, DuckDB ENUM"].map((name) => ({
      claim: `${name}: faster than on strings (1.2x or more)`,
      held: gain(name) >= 1.2,
      evidence: formatRatio(gain(name)),
    })),
    finding: `codes filter ${formatRatio(gain("filter, codes"))} and group ${
      formatRatio(gain("means, codes"))
    } as fast as strings, a Categorical of Polars groups ${formatRatio(gain("counts, Polars Categorical"))}`,
  };
}

/** Sums of hours and of minutes, and two filters combined. */
async function numbers(full: boolean): Promise<Section> {
  const count = full ? 16_000_000 : isBrief() ? 100_000 : 4_000_000;
  const hours = Float64Array.from({ length: count }, (_, i) => i * 7919 % 121 / 60), minutes = toMinutes(hours);
  const columns = {
    "hours, Float64Array": hours,
    "hours, Float32Array": Float32Array.from(hours),
    "minutes, Int16Array": narrow(minutes, "Int16Array"),
    "minutes, Uint8Array": minutes,
  };
  const one = Array.from({ length: count }, (_, i) => i % 3 === 0), other = one.map((_, i) => i % 5 === 0);
  const packed = PackedBooleans.from(one), packedOther = PackedBooleans.from(other);
  let exact = 0;
  for (const minute of minutes) exact += minute;
  const sumOf = (column: (typeof columns)[keyof typeof columns]) => sums[column.constructor.name as TypeName](column);
  const off = Object.entries(columns).filter(([name, column]) =>
    Math.abs(sumOf(column) * (name.startsWith("hours") ? 60 : 1) / exact - 1) > 1e-6
  );
  const both = () => {
    let count = 0;
    for (let i = 0; i < one.length; i++) if (one[i] && other[i]) count++;
    return count;
  };
  const checks = [{
    claim: "hours and minutes add up to the same (a Float32 to a millionth), and the filters find the same rows",
    passed: off.length === 0 && both() === packed.and(packedOther).count() && both() === Math.ceil(count / 15),
    evidence: off.map(([name]) => name).join(", ") || `${exact} minutes, ${both()} rows`,
  }];
  const calls: Record<string, () => unknown> = {
    ...Object.fromEntries(Object.entries(columns).map(([name, column]) => [`sum of ${name}`, () => sumOf(column)])),
    "two filters, booleans": both,
    "two filters, packed": () => packed.and(packedOther).count(),
  };
  const readings = await measureInTurns(calls, { budget: full ? 1 : 0.15 }),
    time = (name: string) => readings[name].median;
  const narrower = time("sum of hours, Float64Array") / time("sum of minutes, Uint8Array");
  const bits = time("two filters, booleans") / time("two filters, packed");
  return {
    tables: [table(
      [`${count} rows`, "time", "±", "bytes a row"],
      Object.keys(calls).map((name) => [
        name,
        formatTime(time(name)),
        `${Math.round(100 * readings[name].spread)}%`,
        String(words[name.replace("sum of ", "").replace("two filters, booleans", "booleans, Array")] ?? 0.125),
      ]),
    )],
    figures: Object.keys(calls).map((name) => ({
      ...figure(name, count, time(name), "s"),
      samples: readings[name].samples,
      spread: readings[name].spread,
    })),
    checks,
    claims: [
      {
        claim: "an eighth of the bytes is faster to add up (1.2x or more)",
        held: narrower >= 1.2,
        evidence: `${formatRatio(narrower)}: V8 adds one number at a time, whatever its width`,
      },
      {
        claim: "two filters of bits combine ten times as fast, or more",
        held: bits >= 10,
        evidence: formatRatio(bits),
      },
    ],
    finding: `a byte in place of eight adds up ${formatRatio(narrower)} as fast, two filters of bits combine ${
      formatRatio(bits)
    }`,
  };
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
