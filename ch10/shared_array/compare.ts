/**
 * One large array and several workers: shared, copied or transferred, in time and in memory.
 *
 * @original 10_multiprocessing/np_shared_example/
 * @run deno run --allow-read=. --allow-write=results --allow-env=XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch10/shared_array/compare.ts
 * @takes 8 s
 */

import { lineChart } from "../../bench/lib/chart.ts";
import type { Figure } from "../../bench/lib/results.ts";
import { compareSections, type Section } from "../../bench/lib/sections.ts";
import { median, quantile } from "../../bench/lib/statistics.ts";
import { formatBytes, formatNumber, formatRatio, formatTime, table } from "../../bench/lib/table.ts";
import { demonstrate } from "./copy_pitfalls.ts";
import * as message from "./copy_transfer_share.ts";
import * as randomRows from "./random_rows.ts";
import * as sharedRows from "./shared_rows.ts";

const spreadOf = (values: number[]) => (quantile(values, 0.75) - quantile(values, 0.25)) / median(values);
const seconds = async (call: () => Promise<unknown>) => {
  const start = performance.now();
  await call();
  return (performance.now() - start) / 1000;
};

/** One array that more and more workers mark, and then a copy of it for one worker. */
async function rows(full: boolean): Promise<Section> {
  const columns = 12_500, room = Deno.systemMemoryInfo().available;
  // In full mode a quarter of what is free.
  const bytes = full ? Math.min(room / 4, 2 ** 33) : Math.min(400e6, room / 4);
  const count = Math.floor(bytes / 8 / columns), array = new Float64Array(new SharedArrayBuffer(8 * count * columns));
  const before = Deno.memoryUsage().rss;
  const lines: string[][] = [], figures: Figure[] = [], growths: number[] = [], wrong: string[] = [];
  const times = new Map<string, number>();
  let last = 0;
  for (const [name, workers] of [["1, fresh memory", 1], ["1", 1], ["2", 2], ["4", 4]] as const) {
    const { run, close } = await sharedRows.share({ array, columns }, workers, last);
    const samples: number[] = [];
    try {
      const passes = name === "1, fresh memory" ? 1 : 4;
      for (let pass = 0; pass < passes; pass++) {
        let says = new Map<number, number>();
        samples.push(await seconds(async () => says = await run()));
        last += workers;
        // Every number has a mark of this pass, and each worker's are as many as it says: counted after two passes.
        if (pass > 0 && pass < passes - 1) continue;
        const found = sharedRows.tally(array);
        const same = [...says].filter(([, rows]) => rows > 0).every(([mark, rows]) =>
          found.get(mark) === rows * columns
        );
        const marked = [...says.values()].reduce((sum, rows) => sum + rows, 0);
        if (!same || marked !== count || [...found.keys()].some((mark) => !says.has(mark))) wrong.push(name);
      }
      growths.push(Deno.memoryUsage().rss - before);
    } finally {
      await close();
    }
    const time = median(samples), growth = growths.at(-1)!;
    times.set(name, time);
    lines.push([name, formatTime(time), formatNumber(array.byteLength / time / 1e9), formatBytes(growth)]);
    figures.push(
      {
        name: `rows, ${name}`,
        size: workers,
        value: time,
        unit: "s",
        samples: samples.length,
        spread: spreadOf(samples),
      },
      { name: `grown by, ${name}`, size: workers, value: growth, unit: "bytes", samples: 1, spread: 0 },
    );
  }

  // A copy takes the memory twice, and a third time while it is under way: it is tried at the quick size.
  const size = array.byteLength, less = 8 * Math.min(array.length, 50e6), start = Deno.memoryUsage().rss;
  const { run, close } = await message.experiment(less, "copy");
  let copied: number, copying: number;
  try {
    copying = await seconds(run);
    copied = Deno.memoryUsage().rss - start;
  } finally {
    await close();
  }
  lines.push([
    `1, ${formatBytes(less)} copied`,
    formatTime(copying),
    formatNumber(less / copying / 1e9),
    formatBytes(copied),
  ]);
  figures.push({ name: "grown by, copy", size: less, value: copied, unit: "bytes", samples: 1, spread: 0 });
  const fresh = times.get("1, fresh memory")! / times.get("1")!, two = times.get("1")! / times.get("2")!;
  const of = (bytes: number, all = size) => (bytes / all).toFixed(2);
  return {
    tables: [table([`${formatBytes(size)}, by workers`, "a pass", "GB/s", "process grown by"], lines)],
    figures,
    checks: [{
      claim: "an independent count finds every number marked once a pass, and of each worker as many as it says",
      passed: wrong.length === 0,
      evidence: `wrong with ${wrong.join(", ")}`,
    }, {
      claim: "with 1, 2 and 4 workers the process grows by once the array, within a half",
      passed: growths.every((growth) => growth > 0.9 * size && growth < 1.5 * size),
      evidence: `grown by ${growths.map((growth) => of(growth)).join(", ")} times the array`,
    }, {
      claim: "to send a copy takes the array twice at least",
      passed: copied > 1.9 * less,
      evidence: `grown by ${of(copied, less)} times the array`,
    }],
    claims: [{
      claim: "a pass over fresh memory takes more than twice as long as over memory that has been touched",
      held: fresh > 2,
      evidence: formatRatio(fresh),
    }, {
      claim: "two workers mark the rows 1.5 times as fast as one",
      held: two >= 1.5,
      evidence: formatRatio(two),
    }],
    finding: `${formatBytes(size)} shared by 4 workers make the process grow by ${of(growths.at(-1)!)} times that, a ` +
      `copy for one worker by ${of(copied, less)} times`,
  };
}

/** Random numbers with a stream for each row, and with the same seed in every worker. */
async function random(full: boolean): Promise<Section> {
  const count = full ? 10_000 : 2000, columns = 1000, lines: string[][] = [], figures: Figure[] = [];
  const sums = new Set<number>(), distinct = { streams: new Set<number>(), same: [] as string[] };
  let expectedSame = true, one = NaN, two = NaN;
  for (const workers of [1, 2, 4]) {
    for (const seeding of ["streams", "same"] as const) {
      const { array, run, close } = await randomRows.experiment({ rows: count, columns, workers, seeding });
      const samples: number[] = [];
      try {
        for (let i = 0; i < 7; i++) samples.push(await seconds(run) / array.length);
      } finally {
        await close();
      }
      const time = median(samples), different = randomRows.distinctRows(array, columns);
      const mean = array.reduce((sum, x) => sum + x, 0) / array.length;
      if (seeding === "streams") {
        sums.add(mean), distinct.streams.add(different);
        if (workers === 1) one = time;
        if (workers === 2) two = time;
      } else {
        distinct.same.push(`${different} with ${workers}`);
        expectedSame &&= different === Math.ceil(count / workers);
      }
      lines.push([
        `${workers}, ${seeding === "same" ? "same seed" : "streams"}`,
        formatTime(time),
        `${different}`,
        mean.toFixed(6),
      ]);
      const spread = spreadOf(samples);
      figures.push({
        name: `random, ${seeding}`,
        size: workers,
        value: time,
        unit: "s per number",
        samples: 7,
        spread,
      });
    }
  }
  return {
    tables: [table(["random rows, by workers", "a number", `different of ${count}`, "mean"], lines)],
    figures,
    checks: [{
      claim: "with a stream for each row the numbers are the same with 1, 2 and 4 workers, and no two rows alike",
      passed: sums.size === 1 && distinct.streams.size === 1 && distinct.streams.has(count),
      evidence: `means ${[...sums]}, different rows ${[...distinct.streams]}`,
    }, {
      claim: "with the same seed in n workers only one row in n is new",
      passed: expectedSame,
      evidence: distinct.same.join(", "),
    }],
    claims: [{
      claim: "two workers draw random numbers 1.5 times as fast as one",
      held: one / two >= 1.5,
      evidence: formatRatio(one / two),
    }],
    finding: `with the same seed in every worker only some of ${count} random rows are new, ${
      distinct.same.at(-1)
    } workers`,
  };
}

/** What a message with an array costs, over its size. */
async function messages(full: boolean): Promise<Section> {
  const sizes = Array.from({ length: 10 }, (_, i) => 2 ** (10 + 2 * i)), figures: Figure[] = [];
  const times = Object.fromEntries(message.ways.map((way) => [way, new Map<number, number>()]));
  for (const bytes of sizes) {
    for (const way of message.ways) {
      const few = way !== "copy" || bytes < 2 ** 22 ? 41 : bytes < 2 ** 26 ? 7 : 3, repeats = full ? 5 * few : few;
      const { run, first, close } = await message.experiment(bytes, way);
      const samples: number[] = [];
      try {
        for (let i = 1; i <= repeats; i++) {
          let there = NaN;
          samples.push(await seconds(async () => there = await run()));
          const [expected, here] = way === "copy" ? [2, 1] : [1 + i, 1 + i];
          if (there !== expected || first() !== here) throw new Error(`${way}: ${there} there, ${first()} here`);
        }
      } finally {
        await close();
      }
      times[way].set(bytes, median(samples));
      const [value, spread] = [median(samples), spreadOf(samples)];
      figures.push({ name: `message, ${way}`, size: bytes, value, unit: "s", samples: repeats, spread });
    }
  }
  const pitfalls = await demonstrate();
  const at = (way: message.Way, bytes: number) => times[way].get(bytes)!;
  const largest = sizes.at(-1)!, ratio = at("copy", largest) / at("share", largest);
  const flat = at("share", largest) / at("share", sizes[0]), moved = at("transfer", largest) / at("transfer", sizes[0]);
  const matters = sizes.find((bytes) => at("copy", bytes) > 2 * at("share", bytes)) ?? Infinity;
  return {
    tables: [table(
      ["there and back", ...message.ways, "copy vs share"],
      sizes.map((bytes) => [
        formatBytes(bytes),
        ...message.ways.map((way) => formatTime(at(way, bytes))),
        formatRatio(at("copy", bytes) / at("share", bytes)),
      ]),
    )],
    charts: {
      shared_array: lineChart({
        title: "A message with an array to a worker and back",
        x: { title: "KiB", log: true, ticks: sizes.filter((_, i) => i % 2).map((bytes) => bytes / 1024) },
        y: { title: "milliseconds", log: true },
        lines: message.ways.map((way) => ({
          name: way,
          points: sizes.map((bytes) => ({ x: bytes / 1024, y: at(way, bytes) * 1e3 })),
        })),
      }),
    },
    figures,
    checks: [
      {
        claim: "a copy leaves the original as it is; what is transferred or shared comes back changed",
        passed: true,
        evidence: "seen after every message",
      },
      ...pitfalls.map(([claim, passed]) => ({ claim, passed, evidence: "it is not so" })),
    ],
    claims: [{
      claim: "to share or to transfer costs the same at all sizes, within a factor of five",
      held: flat < 5 && moved < 5,
      evidence: `share ${formatRatio(flat)}, transfer ${formatRatio(moved)} from ${formatBytes(sizes[0])} to ${
        formatBytes(largest)
      }`,
    }, {
      claim: `at ${formatBytes(largest)} a copy takes more than 100 times as long`,
      held: ratio > 100,
      evidence: formatRatio(ratio),
    }],
    finding: `a copy takes twice as long as a shared array from ${formatBytes(matters)} on, and ${
      formatRatio(ratio)
    } as long at ${formatBytes(largest)}`,
  };
}

export async function run(args: readonly string[]) {
  return await compareSections(
    {
      chapter: "ch10",
      topic: "shared_array",
      question: "How can I process numerical data with many CPUs?",
      answer: "In one shared array, of which each worker owns some rows",
    },
    { rows, random, messages },
    args,
  );
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
