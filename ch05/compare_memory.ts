/**
 * What lists and generators hold in memory: exactly, after collecting garbage in the middle of the work, and as the
 * system sees it.
 *
 * Each is measured in a process of its own, with V8 on a single thread: the heap in use before and at its fullest, of
 * which the least of some trials is taken.
 *
 * @original 05_iterators/fibonacci.py, 05_iterators/lazy_data_analysis.py
 * @run deno run --allow-read=. --allow-write=results --allow-run=deno --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch05/compare_memory.ts
 * @takes 10 s
 */

import { lineChart } from "../bench/lib/chart.ts";
import { figure } from "../bench/lib/results.ts";
import { compareSections, needing, type Section } from "../bench/lib/sections.ts";
import { formatBytes, formatNumber, formatRatio, formatTime, table } from "../bench/lib/table.ts";
import { denoOnPath } from "../bench/parts.ts";
import { writeCsv } from "./lazy_data_analysis.ts";
import { fileURLToPath } from "node:url";

export function run(args: readonly string[]) {
  return compareSections({
    chapter: "ch05",
    topic: "memory",
    question: "How do generators save memory?",
    answer: "They hold one item where a list holds all",
  }, {
    fibonacci: needing(denoOnPath, fibonacciSection),
    chains: needing(denoOnPath, chainsSection),
    stream: needing(denoOnPath, streamSection),
  }, args);
}

/** The slope of log y over log x by least squares, and how much of the variance of log y it explains. */
export function logSlope(points: { x: number; y: number }[]): { slope: number; fit: number } {
  const xs = points.map(({ x }) => Math.log(x)), ys = points.map(({ y }) => Math.log(y));
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const mx = mean(xs), my = mean(ys);
  const sum = (f: (i: number) => number) => xs.reduce((sum, _, i) => sum + f(i), 0);
  const xx = sum((i) => (xs[i] - mx) ** 2), xy = sum((i) => (xs[i] - mx) * (ys[i] - my));
  const yy = sum((i) => (ys[i] - my) ** 2);
  return { slope: xy / xx, fit: yy === 0 ? 1 : xy * xy / (xx * yy) };
}

/** Bytes that n Fibonacci numbers take as BigInt: a header of two words, and a word for every 64 bits of the number. */
export function bigintBytes(count: number): number {
  let bytes = 0;
  for (let n = 1; n <= count; n++) bytes += 16 + 8 * Math.ceil(fibonacciBits(n) / 64);
  return bytes;
}

/** The length in bits of F(n), by Binet's formula: the nearest whole number to φⁿ / √5. */
export function fibonacciBits(n: number): number {
  const golden = (1 + Math.sqrt(5)) / 2;
  // F(3) = 2 is what 1.89 rounds to: the one that rounding lengthens.
  return n <= 3 ? Math.ceil(n / 2) : Math.floor(n * Math.log2(golden) - Math.log2(5) / 2) + 1;
}

/** Imports `names` from a file of this folder in a `deno` of its own, runs `body` there and gives what it reports. */
async function runAlone<T>(from: string, names: string, body: string, flags: string[] = []): Promise<T> {
  const program = `
    import v8 from "node:v8";
    import { ${names} } from ${JSON.stringify(new URL(from, import.meta.url).href)};
    // Twice, since what a finalizer lets go is free only then.
    const used = () => (gc(), gc(), v8.getHeapStatistics().used_heap_size);
    // What the system counts as a process's peak begins, on Linux, with that of its parent: asking now and then does not.
    let peak = Deno.memoryUsage().rss;
    const look = () => peak = Math.max(peak, Deno.memoryUsage().rss);
    const report = (value) => console.log(JSON.stringify(value));
    ${body}
  `;
  const child = new Deno.Command("deno", {
    args: ["run", "--no-prompt", "--no-lock", ...flags, "--ext=js", "-"],
    // Where deno.json says what stands for @std/csv.
    cwd: fileURLToPath(new URL("..", import.meta.url)),
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  // One that does not read to the end says why on its standard error.
  const feed = new Response(program).body!.pipeTo(child.stdin).catch(() => {});
  const [{ code, stdout, stderr }] = await Promise.all([child.output(), feed]);
  if (code !== 0) throw new Error(`deno ended with code ${code}: ${new TextDecoder().decode(stderr)}`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

// The interpreter alone: code that is compiled, or thrown away, in the middle of a count would be counted.
const exact =
  "--v8-flags=--single-threaded,--expose-gc,--no-opt,--no-maglev,--no-sparkplug,--no-flush-bytecode,--no-lazy-feedback-allocation";

/** Bytes that going through what `make(count)` gives holds beyond what was held before, at the last item. */
export async function heapAtLast(make: string, counts: number[], trials = 3): Promise<number[]> {
  return await runAlone(
    "./fibonacci.ts",
    make,
    `
    function once(count) {
      const before = used();
      let i = 0, last = 0;
      for (const _ of ${make}(count)) if (++i === count) last = used();
      return last - before;
    }
    once(10);
    const least = (count) => Math.min(...Array.from({ length: ${trials} }, () => once(count)));
    report(${JSON.stringify(counts)}.map(least));
  `,
    [exact],
  );
}

/** The book's first example, in whole numbers and in floating point. */
async function fibonacciSection(full: boolean): Promise<Section> {
  const counts = full ? [1000, 10_000, 30_000, 100_000] : [1000, 3000, 10_000, 30_000];
  const held: Record<string, number[]> = {};
  await Promise.all(["fibonacciList", "fibonacciGenerator", "numberList", "numberGenerator"].map(async (make) => {
    held[make] = [];
    held[make] = await heapAtLast(make, counts);
  }));
  const cost = async (make: string) =>
    await runAlone<{ milliseconds: number; peak: number }>(
      "./fibonacci.ts",
      make,
      `
    const start = performance.now();
    let i = 0;
    for (const _ of ${make}(${counts.at(-1)})) if (i++ % 1000 === 0) look();
    report({ milliseconds: performance.now() - start, peak: look() });
  `,
    );
  const [list, generator] = [await cost("fibonacciList"), await cost("fibonacciGenerator")];
  const slope = (make: string) => logSlope(counts.map((x, i) => ({ x, y: held[make][i] })));
  const last = counts.length - 1, count = counts[last];
  // An array that is pushed to has room for more than it holds, never more than half as much again and 16.
  const expected = counts.map(bigintBytes), room = (count: number) => 8 * (count * 1.5 + 16) + 64;
  const bigints = slope("fibonacciList"), numbers = slope("numberList");
  const lazyMost = Math.max(...held.numberGenerator);
  // Two numbers of its own, the one on its way, and one that the loop may still hold.
  const lazyBound = counts.map((count) => 4 * (16 + 8 * Math.ceil(count * 0.6943 / 64)) + 2048);
  return {
    tables: [
      table(
        ["bytes held at the last of", ...counts.map((count) => count.toLocaleString("en-US")), "slope", "fit"],
        Object.keys(held).map((make) => {
          const { slope: value, fit } = slope(make);
          return [
            make,
            ...held[make].map(formatBytes),
            ...make.endsWith("List") ? [value.toFixed(3), fit.toFixed(4)] : ["", ""],
          ];
        }),
      ),
      table([`all of ${count.toLocaleString("en-US")} BigInts`, "time", "peak of the process"], [
        ["list", formatTime(list.milliseconds / 1000), formatBytes(list.peak)],
        ["generator", formatTime(generator.milliseconds / 1000), formatBytes(generator.peak)],
      ]),
    ],
    charts: {
      fibonacci_memory: lineChart({
        title: "Memory that the first Fibonacci numbers take",
        x: { title: "how many", log: true, ticks: counts },
        y: { title: "bytes held at the last one", log: true },
        lines: [["list of BigInt", "fibonacciList"], ["list of Number", "numberList"], [
          "generator of BigInt",
          "fibonacciGenerator",
        ], ["generator of Number", "numberGenerator"]].map(([name, make]) => ({
          name,
          points: counts.map((x, i) => ({ x, y: Math.max(1, held[make][i]) })),
        })),
      }),
    },
    figures: Object.keys(held).flatMap((make) =>
      counts.map((count, i) => figure(`${make}: held`, count, held[make][i], "bytes"))
    ),
    checks: [
      {
        claim: "a list of BigInts takes 16 bytes and 8 for every 64 bits of each, and its array's words and room (2%)",
        passed: counts.every((count, i) =>
          held.fibonacciList[i] >= (expected[i] + 8 * count) * 0.98 &&
          held.fibonacciList[i] <= (expected[i] + room(count)) * 1.02
        ),
        evidence: counts.map((_, i) => `${held.fibonacciList[i]} for ${expected[i]} of numbers`).join(", "),
      },
      {
        claim: "a list of Numbers takes 8 to 12 bytes each, and some that do not grow",
        passed: counts.every((count, i) => held.numberList[i] >= 8 * count && held.numberList[i] <= room(count) + 2048),
        evidence: counts.map((count, i) => (held.numberList[i] / count).toFixed(2)).join(", "),
      },
      {
        claim: "a generator of BigInts holds a few numbers, a generator of Numbers less than 2 KiB at any size",
        passed: lazyMost < 2048 && held.fibonacciGenerator.every((bytes, i) => bytes <= lazyBound[i]),
        evidence: `${held.fibonacciGenerator.join(", ")} and ${held.numberGenerator.join(", ")}`,
      },
    ],
    claims: [
      {
        claim:
          "memory for a list grows linearly in Numbers and towards the square in BigInts (slopes 0.9 to 1.1, over 1.5)",
        held: Math.abs(numbers.slope - 1) <= 0.1 && bigints.slope > 1.5,
        evidence: `slopes ${numbers.slope.toFixed(3)} and ${bigints.slope.toFixed(3)}, fits ${
          numbers.fit.toFixed(4)
        } and ${bigints.fit.toFixed(4)}`,
      },
      {
        claim: "the generator is faster than the list, too",
        held: generator.milliseconds < list.milliseconds,
        evidence: `${
          formatRatio(list.milliseconds / generator.milliseconds)
        }: memory has to be found, and cleared by the system`,
      },
    ],
    finding: `${count.toLocaleString("en-US")} Fibonacci numbers take ${
      formatBytes(held.fibonacciList[last])
    } as a list of BigInts and ${formatBytes(held.fibonacciGenerator[last])} one at a time, which is ${
      formatRatio(list.milliseconds / generator.milliseconds)
    } as fast`,
  };
}

/** Bytes that a way of `sums` holds beyond its input, at its fullest, by the number of stages. */
export async function heapOfChain(way: string, size: number, stages: number): Promise<number> {
  const [bytes] = await heapsOfChain(way, [size], [stages]);
  return bytes[0];
}

/** The same for many: by size, then by stages. Garbage is collected when a stage's worth of calls has been made. */
function heapsOfChain(way: string, sizes: number[], stages: number[]): Promise<number[][]> {
  return runAlone(
    "./lazy_or_eager.ts",
    "sums, step",
    `
    async function once(size, stages) {
      const numbers = Array.from({ length: size }, (_, i) => i & 0xffff);
      let calls = 0, most = 0;
      const probe = (x) => {
        if (++calls % size === 0) most = Math.max(most, used());
        return step(x);
      };
      const before = used();
      await sums.${way}(numbers, probe, stages);
      return most - before + 0 * numbers.length;
    }
    await once(1000, 2);
    const found = [];
    for (const size of ${JSON.stringify(sizes)}) {
      const row = [];
      for (const stages of ${JSON.stringify(stages)}) {
        let least = Infinity;
        for (let trial = 0; trial < 2; trial++) least = Math.min(least, await once(size, stages));
        row.push(least);
      }
      found.push(row);
    }
    report(found);
  `,
    [exact],
  );
}

/** Chains of array methods against lazy ones. */
async function chainsSection(full: boolean): Promise<Section> {
  const sizes = full ? [10_000, 100_000, 1_000_000] : [3000, 10_000, 100_000], stages = [1, 2, 4];
  const ways = ["loop", "array_methods", "iterator_helpers", "generators"];
  const held: Record<string, number[][]> = {};
  const all = await Promise.all(ways.map((way) => heapsOfChain(way, sizes, stages)));
  ways.forEach((way, i) => held[way] = all[i]);
  const { slope, fit } = logSlope(sizes.map((x, i) => ({ x, y: held.array_methods[i][1] })));
  const lazy = ways.filter((way) => way !== "array_methods"),
    lazyMost = Math.max(...lazy.flatMap((w) => held[w].flat()));
  const arrays = (i: number, j: number) => held.array_methods[i][j] / (8 * sizes[i]);
  const last = sizes.length - 1;
  return {
    tables: [table(
      ["bytes held at the fullest", ...sizes.flatMap((size) => stages.map((k) => `${formatNumber(size)} x ${k}`))],
      ways.map((way) => [way, ...held[way].flat().map(formatBytes)]),
    )],
    figures: ways.flatMap((way) =>
      sizes.flatMap((size, i) =>
        stages.map((k, j) => figure(`chain ${way}, ${k} stages: held`, size, held[way][i][j], "bytes"))
      )
    ),
    checks: [
      {
        claim: "array methods hold one array of 8 bytes a number with one stage, two with any more (2%)",
        passed: sizes.every((_, i) => stages.every((k, j) => Math.abs(arrays(i, j) / Math.min(k, 2) - 1) < 0.02)),
        evidence: sizes.map((size, i) => `${size}: ${stages.map((_, j) => arrays(i, j).toFixed(3)).join(", ")}`).join(
          "; ",
        ),
      },
      {
        claim: "a loop, iterator helpers and generators hold less than 2 KiB at any size and length",
        passed: lazyMost < 2048,
        evidence: `${lazyMost} at most`,
      },
    ],
    claims: [{
      claim: "memory of array methods grows linearly (slope 0.95 to 1.05)",
      held: Math.abs(slope - 1) <= 0.05,
      evidence: `slope ${slope.toFixed(3)}, fit ${fit.toFixed(4)}`,
    }],
    finding: `a chain of array methods over ${formatNumber(sizes[last])} numbers holds ${
      formatBytes(held.array_methods[last][2])
    }, of iterator helpers ${formatBytes(held.iterator_helpers[last][2])}`,
  };
}

/**
 * V8 lets garbage lie until what it may use is full, some tens of MiB, which hides what is really needed. The stream is
 * given a heap of 16 MiB and a small young generation, in which the same with everything read runs out of memory.
 */
const limits = {
  stream: "--v8-flags=--max-old-space-size=16,--max-semi-space-size=2",
  everything: "--v8-flags=--max-semi-space-size=2",
};

/** The analysis of a CSV file from first to last row, as a stream and with everything in memory. */
async function streamSection(full: boolean): Promise<Section> {
  const sizes = full ? [100_000, 300_000, 1_000_000, 3_000_000] : [40_000, 100_000, 250_000];
  const programs = {
    stream: `for await (const day of groupByDayAsync(readReadings(path))) tell(day);`,
    everything: `
      const groups = Map.groupBy(await Array.fromAsync(readReadings(path)), ({ time }) => Math.floor(time / 86_400_000));
      for (const readings of groups.values()) for (const day of groupByDay(readings)) tell(day);`,
  };
  type Answer = { days: number; sum: number; peak: number; milliseconds: number };
  const names = Object.keys(programs) as (keyof typeof programs)[];
  const folder = await Deno.makeTempDir({ dir: fileURLToPath(new URL("../results/", import.meta.url)) });
  const remove = () => Deno.removeSync(folder, { recursive: true });
  const interrupted = () => (remove(), Deno.exit(130));
  Deno.addSignalListener("SIGINT", interrupted);
  const answers: Record<string, Answer[]> = { stream: [], everything: [] }, bytes: number[] = [];
  let live: number[] = [];
  try {
    for (const size of sizes) {
      const path = `${folder}/sensor.csv`, flags = ["--allow-read=" + folder];
      await writeCsv(path, size, 5);
      bytes.push((await Deno.stat(path)).size);
      for (const name of names) {
        const body = `
          const path = ${JSON.stringify(path)}, start = performance.now();
          let days = 0, sum = 0;
          const tell = ({ kSquared, count }) => (look(), days++, sum += count * (kSquared || 0));
          ${programs[name]}
          report({ days, sum, peak: look(), milliseconds: performance.now() - start });`;
        const from = "readReadings, groupByDay, groupByDayAsync";
        answers[name].push(await runAlone<Answer>("./lazy_data_analysis.ts", from, body, [limits[name], ...flags]));
      }
      // What is alive at four places of a file: its first fifth warms everything up.
      if (size !== sizes[1]) continue;
      live = await runAlone<number[]>(
        "./lazy_data_analysis.ts",
        "readReadings, groupByDayAsync",
        `
        let read = 0;
        const marks = [];
        async function* counted() {
          for await (const reading of readReadings(${JSON.stringify(path)})) {
            if (++read % ${size / 5} === 0) marks.push(used());
            yield reading;
          }
        }
        for await (const _ of groupByDayAsync(counted()));
        report(marks.slice(0, 4));`,
        [exact, ...flags],
      );
    }
  } finally {
    Deno.removeSignalListener("SIGINT", interrupted);
    remove();
  }
  const slopes = Object.fromEntries(
    names.map((name) => [name, logSlope(sizes.map((x, i) => ({ x, y: answers[name][i].peak })))]),
  );
  const last = sizes.length - 1,
    first = (name: string) => answers[name][0],
    largest = (name: string) => answers[name][last];
  const perRow = (largest("everything").peak - first("everything").peak) / (sizes[last] - sizes[0]);
  const growth = Math.max(...live) - Math.min(...live);
  return {
    tables: [table(
      ["rows", "file", "stream in 16 MiB: peak", "time", "everything: peak", "time"],
      sizes.map((size, i) => [
        size.toLocaleString("en-US"),
        formatBytes(bytes[i]),
        formatBytes(answers.stream[i].peak),
        formatTime(answers.stream[i].milliseconds / 1000),
        formatBytes(answers.everything[i].peak),
        formatTime(answers.everything[i].milliseconds / 1000),
      ]),
    )],
    charts: {
      data_analysis_memory: lineChart({
        title: "Peak memory of the analysis of a CSV file",
        x: { title: "rows", log: true, ticks: sizes },
        y: { title: "MiB, the whole process" },
        lines: names.map((name) => ({
          name,
          points: sizes.map((x, i) => ({ x, y: answers[name][i].peak / 2 ** 20 })),
        })),
      }),
    },
    figures: names.flatMap((name) =>
      sizes.flatMap((size, i) => [
        figure(`analysis, ${name}: peak`, size, answers[name][i].peak, "bytes"),
        figure(`analysis, ${name}: time`, size, answers[name][i].milliseconds / 1000, "s"),
      ])
    ),
    checks: [
      {
        claim: "both find the same days with the same K²",
        passed: sizes.every((_, i) =>
          answers.stream[i].days === answers.everything[i].days && answers.stream[i].sum === answers.everything[i].sum
        ),
        evidence: sizes.map((_, i) => `${answers.stream[i].days} days, ${answers.stream[i].sum}`).join("; "),
      },
      {
        claim:
          "what the stream keeps alive is the same at every fifth of the file (within 256 KiB: a piece of the file or two)",
        passed: growth < 2 ** 18,
        evidence: `${live.join(", ")} bytes at ${sizes[1]} rows`,
      },
    ],
    claims: [
      {
        claim: "as the system sees it, too, memory does not depend on the size of the file (slope within 0.1 of 0)",
        held: Math.abs(slopes.stream.slope) < 0.1,
        evidence: `slope ${slopes.stream.slope.toFixed(3)}; with everything read ${
          slopes.everything.slope.toFixed(3)
        }, ${formatNumber(perRow)} bytes for each further row`,
      },
    ],
    finding: `a file of ${sizes[last].toLocaleString("en-US")} rows takes a process of ${
      formatBytes(largest("stream").peak)
    } as a stream and ${formatBytes(largest("everything").peak)} all at once`,
  };
}

if (import.meta.main) {
  const outcome = await run(Deno.args);
  if (!outcome.passed) Deno.exit(1);
}
