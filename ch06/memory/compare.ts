/**
 * What memory costs: the order of reading, the distance between reads, the first touch of a page, and temporaries.
 *
 * What to notice: none of the variants computes anything else than its neighbours; sums of whole numbers come out
 * exactly equal in every order, and that is checked before anything is timed. Everything that differs is memory.
 *
 * @original 06_matrix/Makefile (perf stat, memit)
 * @run deno run --allow-read=. --allow-write=results --allow-sys=cpus,systemMemoryInfo,osRelease ch06/memory/compare.ts
 * @takes 10 s
 */

import { lineChart } from "../../bench/lib/chart.ts";
import { measureInTurns, type Measurement } from "../../bench/lib/measure.ts";
import type { Outcome } from "../../bench/lib/report.ts";
import type { Figure } from "../../bench/lib/results.ts";
import { compareSections, type Section } from "../../bench/lib/sections.ts";
import { formatBytes, formatNumber, formatRatio, formatTime, table } from "../../bench/lib/table.ts";
import { type Allocations, fused, inPlace, trackAllocations, withTemporaries } from "./allocation_churn.ts";
import { makeMatrix, sumByColumns, sumByRows } from "./row_or_column.ts";
import { sumStrided } from "./stride.ts";
import { pageBytes, touchPages } from "./touch_pages.ts";

const question =
  "What are the bottlenecks in vector calculations, what are cache misses and page faults, and how can I track allocations?";

/** What one part of this compare found. */
export function run(args: readonly string[]): Promise<Outcome> {
  const answer = "Memory, not arithmetic";
  return compareSections(
    { chapter: "ch06", topic: "memory", question, answer },
    { order, stride, pages, allocations },
    args,
  );
}

/** Row order against column order, over the size of the matrix. */
async function order(full: boolean): Promise<Section> {
  const sizes = [64, 128, 256, 512, 1024, 2048, ...full ? [4096, 8192] : []];
  const readings = new Map<number, Record<"rows" | "columns" | "padded", Measurement>>();
  for (const size of sizes) {
    const plain = makeMatrix(size), padded = makeMatrix(size, size + 8);
    const calls = {
      rows: () => sumByRows(plain, size),
      columns: () => sumByColumns(plain, size),
      padded: () => sumByColumns(padded, size, size + 8),
    };
    mustAgree(`sums of ${size} x ${size}`, [3.5 * size * size, ...Object.values(calls).map((call) => call())]);
    readings.set(size, await measureInTurns(calls, { budget: full ? 1 : 0.05 }));
  }
  const time = (size: number, name: "rows" | "columns" | "padded") => readings.get(size)![name].median / size ** 2;
  const ratio = (size: number) => time(size, "columns") / time(size, "rows");
  const largest = sizes.at(-1)!;
  const gain = (size: number) => time(size, "columns") / time(size, "padded");
  const best = sizes.reduce((a, b) => gain(a) > gain(b) ? a : b);
  const names = { rows: "by rows", columns: "by columns", padded: "by columns, rows padded" } as const;
  const keys = Object.keys(names) as (keyof typeof names)[];
  return {
    tables: [table(
      ["sum of a matrix", "bytes", ...keys.map((key) => names[key]), "columns / rows"],
      sizes.map((size) => [
        `${size} x ${size}`,
        formatBytes(8 * size ** 2),
        ...keys.map((key) => formatTime(time(size, key))),
        formatRatio(ratio(size)),
      ]),
    )],
    charts: {
      memory_order: lineChart({
        title: "Sum of a matrix by rows and by columns",
        x: { title: "rows and columns", log: true, ticks: sizes },
        y: { title: "ns a number", log: true },
        lines: keys.map((key) => ({
          name: names[key],
          points: sizes.map((size) => ({ x: size, y: time(size, key) * 1e9 })),
        })),
      }),
    },
    figures: sizes.flatMap((size) =>
      keys.map((key) => figure(`order ${key}`, size, readings.get(size)![key], size ** 2))
    ),
    checks: [{
      claim: "every order of summing gives exactly the same sum",
      passed: true,
      evidence: `3.5 a number for ${sizes.join(", ")}`,
    }],
    claims: [
      {
        claim: "once a matrix outgrows the cache, column order takes more than twice as long as row order",
        held: ratio(largest) > 2,
        evidence: `${formatRatio(ratio(largest))} at ${largest}, ${formatRatio(ratio(sizes[0]))} at ${sizes[0]}`,
      },
      {
        claim: "8 unused numbers at the end of each row make column order much faster where the row is a power of two",
        held: gain(best) > 1.5,
        evidence: `${formatRatio(gain(best))} at ${best}, ${formatRatio(gain(largest))} at ${largest}`,
      },
    ],
    finding: `reading a matrix of ${largest} rows by columns takes ${
      formatRatio(ratio(largest))
    } the time of reading it by rows`,
  };
}

/** The same number of reads at growing distance. */
async function stride(full: boolean): Promise<Section> {
  const values = new Float64Array(full ? 2 ** 26 : 2 ** 23).fill(1), count = values.length / 8;
  // Written out, because `**` makes doubles, with which V8 runs the same loop several times slower.
  const strides = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096];
  const further = strides.filter((stride) => stride > 8);
  const all = [...strides, ...further.map((stride) => stride + 8)];
  const calls = Object.fromEntries(all.map((stride) => [`${stride}`, () => sumStrided(values, stride, count)]));
  mustAgree("sums over strides", [count, ...Object.values(calls).map((call) => call())]);
  const readings = await measureInTurns(calls, { budget: full ? 1 : 0.03 });
  const time = (stride: number) => readings[`${stride}`].median / count;
  return {
    tables: [table(
      ["stride", "bytes", "a number", "vs stride 1", "one line more"],
      strides.map((stride) => [
        `${stride}`,
        formatBytes(8 * stride),
        formatTime(time(stride)),
        formatRatio(time(stride) / time(1)),
        further.includes(stride) ? formatTime(time(stride + 8)) : "",
      ]),
    )],
    charts: {
      memory_stride: lineChart({
        title: `Reading doubles that lie further and further apart in ${formatBytes(8 * values.length)}`,
        x: {
          title: "stride in doubles (8 to a cache line, 512 to a page)",
          log: true,
          ticks: strides.filter((_, i) => i % 2 === 0),
        },
        y: { title: "ns a number", log: true },
        lines: [
          { name: "powers of two", points: strides.map((x) => ({ x, y: time(x) * 1e9 })) },
          { name: "one cache line more", points: further.map((x) => ({ x, y: time(x + 8) * 1e9 })) },
        ],
      }),
    },
    figures: all.map((stride) => figure("stride", stride, readings[`${stride}`], count)),
    checks: [{
      claim: "every stride sums exactly the same number of ones",
      passed: true,
      evidence: `${count} at ${all.length} strides`,
    }],
    claims: [
      {
        claim: "up to 4 doubles apart a number costs at most half as much again as side by side",
        held: time(4) < 1.5 * time(1),
        evidence: `${formatTime(time(1))} at stride 1, ${formatTime(time(4))} at 4`,
      },
      {
        claim: "two cache lines apart it costs at least three times as much",
        held: time(16) >= 3 * time(1),
        evidence: `${formatTime(time(8))} at stride 8, ${formatTime(time(16))} at 16`,
      },
      {
        claim: "a page apart it costs more still, and less of that is left beside the powers of two",
        held: time(512) > 1.2 * time(16) && time(520) < time(512),
        evidence: `${formatTime(time(512))} at stride 512, ${formatTime(time(520))} at 520`,
      },
    ],
    finding: `a number costs ${formatRatio(time(512) / time(1))} as much a page apart as side by side`,
  };
}

/** What the first and the second touch of fresh memory cost. */
function pages(full: boolean): Section {
  if (Deno.build.os === "windows") {
    const missing = [{ name: "page faults", remedy: "they are not counted on Windows; run this on Linux or macOS" }];
    return { tables: [], figures: [], checks: [], claims: [], missing, finding: "page faults were not counted" };
  }
  // The loop is compiled first, so that the compiler's own faults fall outside the count.
  touchPages(2 ** 24);
  // Smaller blocks may be ones that the C library was given back and kept, which are no longer fresh.
  const sizes = [2 ** 26, 2 ** 27, ...full ? [2 ** 28, 2 ** 30] : []];
  const readings = sizes.map((bytes) => ({ bytes, count: bytes / pageBytes, ...touchPages(bytes) }));
  const { bytes, count, first, second } = readings[0];
  const slower = first.seconds / second.seconds;
  return {
    tables: [table(
      [
        "fresh memory",
        "faults: allocating",
        "first touch",
        "second touch",
        "a page: first",
        "second",
        "brought by a fault",
      ],
      readings.map(({ bytes, count, allocation, first, second }) => [
        formatBytes(bytes),
        `${allocation.faults}`,
        `${first.faults}`,
        `${second.faults}`,
        formatTime(first.seconds / count),
        formatTime(second.seconds / count),
        formatBytes(bytes / first.faults),
      ]),
    )],
    figures: readings.flatMap(({ bytes, count, first, second }) => [
      {
        name: "pages first touch",
        size: bytes,
        value: first.seconds / count,
        unit: "s per page",
        samples: 1,
        spread: 0,
      },
      {
        name: "pages second touch",
        size: bytes,
        value: second.seconds / count,
        unit: "s per page",
        samples: 1,
        spread: 0,
      },
      { name: "pages faults at first touch", size: bytes, value: first.faults, unit: "faults", samples: 1, spread: 0 },
    ]),
    checks: [{
      // A fault may bring a huge page of 2 MiB, but no more.
      claim: "every page comes by a fault at the first touch; the second has less than a tenth of the faults",
      passed: readings.every(({ bytes, first, second }) =>
        first.faults >= bytes / 2 ** 21 && second.faults * 10 < first.faults
      ),
      evidence: readings.map(({ count, first, second }) => `${count} pages: ${first.faults}, ${second.faults}`).join(
        "; ",
      ),
    }],
    claims: [{
      claim: "the first touch of a page costs more than ten times the second",
      held: slower > 10,
      evidence: `${formatRatio(slower)} for ${count} pages (${formatBytes(bytes)})`,
    }],
    finding: `the first touch of a page takes ${formatTime(first.seconds / count)}, the second ${
      formatTime(second.seconds / count)
    }`,
  };
}

/** A vector expression with temporaries, in place and in one loop. */
async function allocations(full: boolean): Promise<Section> {
  const sizes = [2 ** 12, 2 ** 16, 2 ** 20, ...full ? [2 ** 23] : []];
  const readings:
    (Measurement & { name: string; size: number; once: Allocations; often: Allocations; steps: number })[] = [];
  for (const size of sizes) {
    const [a, b, c, out] = [3, 4, 5, 0].map((value) => new Float64Array(size).fill(value));
    const calls = {
      temporaries: () => withTemporaries(a, b, c),
      "in place": () => inPlace(a, b, c, out),
      "one loop": () => fused(a, b, c, out),
    };
    for (const [name, call] of Object.entries(calls)) mustAgree(`${name} at ${size}`, [32, ...call()]);
    const measured = await measureInTurns(calls, { budget: full ? 1 : 0.08 });
    const steps = Math.max(8, Math.min(1024, 2 ** 24 / size));
    for (const name of Object.keys(calls) as (keyof typeof calls)[]) {
      const once = trackAllocations(calls[name]);
      const often = trackAllocations(() => {
        for (let step = 0; step < steps; step++) calls[name]();
      });
      readings.push({ ...measured[name], name, size, once, often, steps });
    }
  }
  // The last size is the largest: there the arrays outgrow the cache.
  const [temporaries, , loop] = readings.slice(-3);
  const gain = temporaries.median / loop.median, bytes = formatBytes(8 * temporaries.size);
  const pause = temporaries.often.pause / temporaries.often.milliseconds;
  const faults = temporaries.often.pageFaults / temporaries.steps;
  // A collection in the middle may have freed something of the one step, so that the growth is no longer all of it.
  const exact = readings.filter(({ once }) => once.collections === 0);
  const expected = ({ name, size }: { name: string; size: number }) => name === "temporaries" ? 3 * 8 * size : 0;
  return {
    tables: [table(
      ["(a + b) c - a", "array", "a step", "ns a number", "array bytes", "page faults", "in collections"],
      readings.map(({ name, size, median, once, often, steps }) => [
        name,
        formatBytes(8 * size),
        formatTime(median),
        formatNumber(median / size * 1e9),
        formatBytes(once.external),
        formatNumber(often.pageFaults / steps),
        `${(100 * often.pause / often.milliseconds).toFixed(1)}%`,
      ]),
    )],
    figures: readings.map((reading) => figure(`allocations ${reading.name}`, reading.size, reading, reading.size)),
    checks: [
      { claim: "all three ways of the expression give exactly the same", passed: true, evidence: "32 everywhere" },
      {
        claim: "a step with temporaries allocates three arrays to the byte, in place or in one loop none",
        passed: exact.every((reading) => reading.once.external === expected(reading)),
        evidence: exact.map((reading) => `${reading.name}: ${reading.once.external}, not ${expected(reading)}`).join(
          "; ",
        ),
      },
    ],
    claims: [
      {
        claim: "one loop is more than twice as fast as an array for each operation",
        held: gain > 2,
        evidence: `${formatRatio(gain)} at arrays of ${bytes}`,
      },
      {
        claim: "the garbage collector's pauses are less than a tenth of what a step with large temporaries takes",
        held: pause < 0.1,
        evidence: `${(100 * pause).toFixed(1)}% at arrays of ${bytes}, beside ${
          formatNumber(faults)
        } page faults a step`,
      },
    ],
    finding: `one loop is ${formatRatio(gain)} as fast as a temporary for each operation`,
  };
}

function figure(name: string, size: number, { median, samples, spread }: Measurement, count: number): Figure {
  return { name, size, value: median / count, unit: "s per number", samples, spread };
}

/** Throws, before anything is timed, unless all values are the same number. */
function mustAgree(what: string, values: number[]): void {
  const other = values.find((value) => value !== values[0]);
  if (other !== undefined) throw new Error(`${what}: ${other} in place of ${values[0]}`);
}

if (import.meta.main) {
  const outcome = await run(Deno.args);
  if (!outcome.passed) Deno.exit(1);
}
