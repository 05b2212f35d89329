/**
 * What it takes to start, and to compile while running, against having compiled before.
 *
 * All that must start cold runs in a process of its own.
 *
 * @original none, chapter 8's questions on JIT and AOT compilers and on type annotations
 * @run deno run --allow-read=. --allow-write=results --allow-run=deno,cc --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch08/jit/compare_start_up.ts
 * @takes 10 s
 */

import { barChart, lineChart, palette } from "../../bench/lib/chart.ts";
import { figure, resultsFolder } from "../../bench/lib/results.ts";
import { compareSections, needing, type Section } from "../../bench/lib/sections.ts";
import { median } from "../../bench/lib/statistics.ts";
import { formatNumber, formatTime, table } from "../../bench/lib/table.ts";
import { missingCompiler } from "../../bench/limit/limit.ts";
import { denoOnPath } from "../../bench/parts.ts";
import { fileURLToPath } from "node:url";
import { compileAndRun } from "./jit_or_aot.ts";
import { startUp } from "./start_up.ts";

/** The sum over 1000 x 1000 points, as the book has it. */
const bookSum = 33219980;

export function run(args: readonly string[]) {
  return compareSections({
    chapter: "ch08",
    topic: "jit_start_up",
    question: "What is the difference between a JIT compiler and an AOT compiler?",
    answer: "The one compiles while the program runs, the other before",
  }, {
    start_up: needing(denoOnPath, startUpSection),
    jit_or_aot: needing(denoOnPath, jitOrAotSection),
  }, args);
}

/** What comes before the first line. */
async function startUpSection(full: boolean): Promise<Section> {
  const { seconds, bundleFailed } = await startUp({ folder: fileURLToPath(resultsFolder), runs: full ? 15 : 5 });
  const names = Object.keys(seconds), time = (name: string) => median(seconds[name] ?? []);
  const own = (name: string) => time(name) - time("nothing");
  return {
    tables: [table(
      ["a program that comes to", "start to end", "beyond nothing"],
      names.map((name) => [name, formatTime(time(name)), name === "nothing" ? "" : formatTime(Math.max(own(name), 0))]),
    )],
    charts: {
      jit_start_up: barChart({
        title: "A process that imports a large package and ends",
        x: { title: "ms from start to end, median" },
        bars: names.map((name) => ({
          name,
          value: time(name) * 1e3,
          color: palette[name.startsWith("bundle") ? 2 : 0],
        })),
        text: (value) => `${formatNumber(value)} ms`,
      }),
    },
    figures: names.map((name) => figure(`start-up: ${name}`, 1, time(name), "s", seconds[name])),
    checks: [{
      claim: "every process printed what it should",
      passed: names.length > 0,
      evidence: `${names.length} programs, ${seconds["nothing"].length} times each`,
    }],
    claims: [
      {
        claim: "the code cache takes a quarter off importing a large package, or more",
        held: own("import, code cache") <= 0.75 * own("import, not cached"),
        evidence: `${formatTime(own("import, not cached"))} without, ${formatTime(own("import, code cache"))} with it`,
      },
      ...bundleFailed ? [] : [
        {
          claim: "a bundle starts faster than its modules",
          held: time("bundle, code cache") < time("import, code cache"),
          evidence: `${formatTime(time("bundle, code cache"))} against ${formatTime(time("import, code cache"))}`,
        },
        {
          claim: "compiling lazily is faster than compiling every function",
          held: time("bundle, not cached") < time("bundle, not lazy"),
          evidence: `${formatTime(time("bundle, not cached"))} against ${formatTime(time("bundle, not lazy"))}`,
        },
      ],
    ],
    missing: bundleFailed
      ? [{
        name: "deno bundle",
        remedy: "it fetches its bundler from npm at first use: run it once with that in reach",
      }]
      : [],
    finding: `Deno starts in ${formatTime(time("nothing"))}, a large package adds ${
      formatTime(own("import, not cached"))
    }, ${formatTime(own("import, code cache"))} with the code cache${
      bundleFailed ? "" : `, ${formatTime(own("bundle, code cache"))} bundled as well`
    }`,
  };
}

/** Compile time, first result and steady state of the ways to compile. */
async function jitOrAotSection(full: boolean): Promise<Section> {
  const widths = [10, 100, 300, 1000], repeats = full ? 15 : 5;
  // A process takes longer where it is the first of its kind: width 0 is not counted. Large images are drawn less often.
  const turn = (i: number) => i % 2 === 0 ? widths.slice(0, -1) : widths;
  const jobs = [0, ...Array.from({ length: repeats }, (_, i) => turn(i)).flat()].map((width) => ({ width, images: 1 }));
  const found = await compileAndRun([...jobs, { width: 1000, images: full ? 9 : 3 }], fileURLToPath(resultsFolder));
  const names = Object.keys(found);
  const processes = (name: string, width: number) =>
    found[name].runs.filter((_, i) => jobs[i]?.width === width).map(({ process }) => process);
  const time = (name: string, width: number) => median(processes(name, width));
  const long = (name: string) => found[name].runs.at(-1)!;
  const best = (name: string) => Math.min(...long(name).images);
  const [jit, liftoff, turbofan, choice, c] = [
    "TypeScript, JIT",
    "Wasm, Liftoff",
    "Wasm, TurboFan",
    "Wasm, V8's choice",
    "C, cc -O3",
  ];
  const hasC = names.includes(c);
  const same = widths.map((width) =>
    new Set(names.flatMap((name) => found[name].runs.filter((_, i) => jobs[i]?.width === width).map(({ sum }) => sum)))
  );
  return {
    tables: [table(
      ["Julia set", "built in", ...widths.map((width) => `${width}²`), "first 1000²", "best 1000²"],
      names.map((name) => [
        name,
        formatTime(found[name].build),
        ...widths.map((width) => formatTime(time(name, width))),
        formatTime(long(name).images[0]),
        formatTime(best(name)),
      ]),
    )],
    charts: {
      jit_or_aot: lineChart({
        title: "From the start of a process to its result",
        x: { title: "points in the image", log: true, ticks: widths.map((width) => width ** 2) },
        y: { title: "ms", log: true },
        lines: names.map((name) => ({
          name,
          dash: name === c,
          points: widths.map((width) => ({ x: width ** 2, y: time(name, width) * 1e3 })),
        })),
      }),
    },
    figures: names.flatMap((name) => [
      figure(`${name}: build`, 1, found[name].build, "s"),
      ...widths.map((width) => figure(`${name}: process`, width, time(name, width), "s", processes(name, width))),
      figure(`${name}: first image`, 1000, long(name).images[0], "s"),
      figure(`${name}: best image`, 1000, best(name), "s", long(name).images),
    ]),
    checks: [
      {
        claim: `all ways come to the same sums, and 1000 x 1000 points to ${bookSum}`,
        passed: same.every(({ size }) => size === 1) && names.every((name) => long(name).sum === bookSum),
        evidence: widths.map((width, i) => `${width}: ${[...same[i]]}`).join("; "),
      },
      {
        claim: "WebAssembly ran in the compiler that the flags were meant for, by V8's own account",
        passed: long(liftoff).tier === "Liftoff" && long(turbofan).tier === "TurboFan",
        evidence: `${long(liftoff).tier}, ${long(turbofan).tier}; left to itself V8 ended in ${long(choice).tier}`,
      },
    ],
    claims: [
      {
        claim: "warm, V8's JIT is within 20% of WebAssembly by TurboFan",
        held: best(jit) <= 1.2 * best(turbofan),
        evidence: `${formatTime(best(jit))} against ${formatTime(best(turbofan))}`,
      },
      {
        claim: "WebAssembly left to V8 takes 1.5 times as long for the first image as for the best, or more",
        held: long(choice).images[0] >= 1.5 * best(choice),
        evidence: `${formatTime(long(choice).images[0])}, then ${
          formatTime(long(choice).images[1])
        }; a call ends in the code in which it began`,
      },
      ...hasC
        ? [
          {
            claim: "warm, V8's JIT is within 20% of C",
            held: best(jit) <= 1.2 * best(c),
            evidence: `${formatTime(best(jit))} against ${formatTime(best(c))}`,
          },
          {
            claim: "on a tiny image C has its result five times as soon, or sooner",
            held: time(jit, 10) >= 5 * time(c, 10),
            evidence: `${formatTime(time(c, 10))} against ${formatTime(time(jit, 10))} for 10 x 10 points`,
          },
        ]
        : [],
    ],
    missing: hasC ? [] : [missingCompiler],
    finding: `an image of 1000 x 1000 points takes ${formatTime(best(jit))} warm and ${
      formatTime(long(jit).images[0])
    } at first${
      hasC
        ? `, in C ${formatTime(best(c))} from the first; a tiny one ${formatTime(time(jit, 10))}, in C ${
          formatTime(time(c, 10))
        }`
        : ""
    }`,
  };
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
