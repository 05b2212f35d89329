/**
 * What V8's compilers do, tier by tier: what each buys, what types buy, and what it costs to compile while running.
 *
 * What to notice: flags and traces of V8 itself say which compiler ran and why code was thrown away; the times are only
 * shown beside that. All that must start cold, or under a flag, runs in a process of its own.
 *
 * @original none, chapter 8's questions on JIT and AOT compilers and on type annotations
 * @run deno run --allow-read=. --allow-write=results --allow-run=deno,cc --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch08/jit/compare.ts
 * @takes 20 s
 */

import { barChart, lineChart, palette } from "../../bench/lib/chart.ts";
import { hasCommand } from "../../bench/lib/command.ts";
import { measureInTurns, type Measurement } from "../../bench/lib/measure.ts";
import type { Outcome } from "../../bench/lib/report.ts";
import { type Figure, type Missing, resultsFolder } from "../../bench/lib/results.ts";
import { compareSections, type Section } from "../../bench/lib/sections.ts";
import { formatNumber, formatRatio, formatTime, table } from "../../bench/lib/table.ts";
import { missingCompiler } from "../../bench/limit/limit.ts";
import { fileURLToPath } from "node:url";
import { annotatedSource, pairs as unseenPairs, withoutTypes } from "./annotations.ts";
import { cases, type Deoptimisation, deoptimise } from "./deoptimisation.ts";
import { compileAndRun } from "./jit_or_aot.ts";
import { freshCopy, makeKinds, makeShapes, type Point, shapeCounts, sumX } from "./shapes.ts";
import { median, startUp } from "./start_up.ts";
import { runTier, type Tier, tiers } from "./tiers.ts";
import { pairs as hintPairs } from "./type_hints.ts";
import { juliaPoints, type WarmUp, warmUp } from "./warm_up.ts";

const question = "What is the difference between JIT and AOT compilers, when does a JIT help, and why do types?";

/** The sum over 1000 x 1000 points, as the book has it. */
const bookSum = 33219980;

/** A tier's name as V8's authors write it; `%ActiveTierIsTurbofan` does not. */
const written = (tier: string) => tier.replace("Turbofan", "TurboFan");

const tierColors: Record<string, string> = {
  Ignition: palette[9],
  Sparkplug: palette[3],
  Maglev: palette[1],
  Turbofan: palette[0],
};

export function run(args: readonly string[]): Promise<Outcome> {
  const answer = "V8 compiles what is hot, by the types it sees";
  const needsDeno = {
    tiers: tierSection,
    warm_up: warmUpSection,
    deoptimisation: deoptimisationSection,
    start_up: startUpSection,
    jit_or_aot: jitOrAotSection,
  };
  const [tier, warm, deoptimisation, start, aot] = Object.values(needsDeno).map((section) => async (full: boolean) =>
    await hasCommand("deno") ? await section(full) : leftOut({
      name: "deno on the PATH",
      remedy: "npm install -g deno (starts each run afresh)",
    })
  );
  const sections = {
    tiers: tier,
    warm_up: warm,
    deoptimisation,
    shapes: shapesSection,
    annotations: annotationsSection,
    start_up: start,
    jit_or_aot: aot,
  };
  return compareSections({ chapter: "ch08", topic: "jit", question, answer }, sections, args);
}

/** One function in each tier. */
async function tierSection(full: boolean): Promise<Section> {
  const width = full ? 1000 : 200, names = Object.keys(tiers) as Tier[];
  const runs = new Map<Tier, Awaited<ReturnType<typeof runTier>>>();
  for (const tier of names) runs.set(tier, await runTier(tier, width, full ? 5 : 8));
  const { sum } = await runTier("Turbofan", 1000, 1);
  // The best image: the first ones of the upper tiers still have their warm-up in them.
  const time = (tier: Tier) => Math.min(...runs.get(tier)!.seconds) / runs.get(tier)!.sum;
  const ratio = (slower: Tier, faster: Tier) => time(slower) / time(faster);
  const sums = names.map((tier) => runs.get(tier)!.sum);
  return {
    tables: [table(
      [`Julia set, ${width} x ${width}`, "an iteration", "vs Ignition", { head: "what it does", align: "left" }],
      names.map((
        tier,
      ) => [written(tier), formatTime(time(tier)), formatRatio(ratio("Ignition", tier)), tiers[tier].does]),
    )],
    charts: {
      jit_tiers: barChart({
        title: "One loop in the tiers of V8",
        x: { title: "ns an iteration of the Julia set" },
        bars: names.map((tier) => ({ name: written(tier), value: time(tier) * 1e9, color: tierColors[tier] })),
        text: (value) => `${formatNumber(value)} ns`,
      }),
    },
    figures: names.map((tier) => figure(`tier ${tier}`, width, time(tier), "s per iteration", runs.get(tier)!.seconds)),
    checks: [
      {
        claim: "each process ran in the tier that its flags were meant for, by V8's own account",
        passed: names.every((tier) => runs.get(tier)!.active.every((active) => active === tier)),
        evidence: names.map((tier) => `${tier}: ${runs.get(tier)!.active}`).join("; "),
      },
      {
        claim: `all tiers come to the same sum, and 1000 x 1000 points to ${bookSum}`,
        passed: new Set(sums).size === 1 && sum === bookSum,
        evidence: `${sums}; ${sum}`,
      },
    ],
    claims: [
      {
        claim: "baseline code is much faster than the interpreter (1.5 times or more)",
        held: ratio("Ignition", "Sparkplug") >= 1.5,
        evidence: `${formatRatio(ratio("Ignition", "Sparkplug"))}; both make an object of every double they compute`,
      },
      {
        claim: "Maglev, with types, is at least five times as fast as the interpreter",
        held: ratio("Ignition", "Maglev") >= 5,
        evidence: formatRatio(ratio("Ignition", "Maglev")),
      },
      {
        claim: "TurboFan doubles that at least",
        held: ratio("Maglev", "Turbofan") >= 2,
        evidence: `${formatRatio(ratio("Maglev", "Turbofan"))} as fast as Maglev`,
      },
    ],
    finding: `the last tier runs a loop over doubles ${formatRatio(ratio("Ignition", "Turbofan"))} as fast as the ` +
      `interpreter, Maglev ${formatRatio(ratio("Ignition", "Maglev"))}`,
  };
}

/** The time of each call of a new process. */
async function warmUpSection(full: boolean): Promise<Section> {
  const calls = 50_000, processes: WarmUp[] = [];
  for (let i = 0; i < (full ? 9 : 3); i++) processes.push(await warmUp(calls));
  const rows = processes.map(({ seconds, changes }) => {
    const start = Object.fromEntries(changes.map(({ tier, call }) => [tier, call]));
    const steady = median(seconds.slice(-10_000)), total = seconds.reduce((sum, time) => sum + time);
    return { first: seconds[0], start, steady, price: total - steady * seconds.length, total };
  });
  const typical = (pick: (row: typeof rows[number]) => number) => median(rows.map(pick));
  // The least disturbed one is drawn.
  const drawn = processes[rows.indexOf(rows.toSorted((a, b) => a.price - b.price)[0])];
  const first = typical(({ first }) => first), steady = typical(({ steady }) => steady);
  const last = typical(({ start }) => start.Turbofan), price = typical(({ price }) => price);
  const total = typical(({ total }) => total);
  return {
    tables: [table(
      [
        "process",
        "first call",
        "Sparkplug",
        "Maglev",
        "TurboFan",
        "a call then",
        `price of ${formatNumber(calls)} calls`,
      ],
      rows.map(({ first, start, steady, price }, i) => [
        `${i + 1}`,
        formatTime(first),
        ...["Sparkplug", "Maglev", "Turbofan"].map((tier) => start[tier] ? `from ${start[tier] + 1}` : "-"),
        formatTime(steady),
        formatTime(Math.max(price, 0)),
      ]),
    )],
    charts: {
      jit_warm_up: lineChart({
        title: "A function warms up: its calls in a new process",
        x: { title: "call", log: true, ticks: [1, 10, 100, 1000, 10_000] },
        y: { title: "µs a call, mean of nearby ones", log: true },
        lines: drawn.changes.map(({ tier, call }, i, changes) => ({
          name: `${written(tier)}, from call ${call + 1}`,
          color: tierColors[tier],
          points: thinned(drawn.seconds, call, changes[i + 1]?.call ?? drawn.seconds.length),
        })),
      }),
    },
    figures: [
      figure("warm-up: first call", 1, first, "s", rows.map(({ first }) => first)),
      figure("warm-up: call at full speed", 1, steady, "s", rows.map(({ steady }) => steady)),
      figure("warm-up: first call in TurboFan", 1, last, "calls", rows.map(({ start }) => start.Turbofan)),
      figure("warm-up: price", calls, price, "s", rows.map(({ price }) => price)),
    ],
    checks: [
      {
        claim: "every process began in the interpreter and ended in TurboFan, by V8's own account",
        passed: processes.every(({ changes }) => changes[0].tier === "Ignition" && changes.at(-1)!.tier === "Turbofan"),
        evidence: processes.map(({ changes }) => changes.map(({ tier }) => tier).join(" > ")).join("; "),
      },
      {
        claim: "the function comes to the same at the end as where it is called once",
        passed: processes.every(({ sum }) => sum === juliaPoints()),
        evidence: processes.map(({ sum }) => sum).join(", "),
      },
    ],
    claims: [{
      claim: "a cold call costs a hundred times as much as a warm one, or more",
      held: first >= 100 * steady,
      evidence: `${formatTime(first)} against ${formatTime(steady)}`,
    }],
    finding: `a first call took ${formatRatio(first / steady)} the time of a warm one and TurboFan came at call ${
      formatNumber(last + 1)
    }, yet over ${formatNumber(calls)} calls the warm-up was ${
      formatNumber(100 * Math.max(price, 0) / total)
    }% of the time`,
  };
}

/** What remains of the calls `from` … `to` on a logarithmic axis: means over stretches that grow by a quarter. */
function thinned(seconds: number[], from: number, to: number): { x: number; y: number }[] {
  const points = [];
  for (let call = from; call < to;) {
    const next = Math.min(to, Math.max(call + 1, Math.ceil((call + 1) * 1.25) - 1));
    const sum = seconds.slice(call, next).reduce((sum, time) => sum + time, 0);
    points.push({ x: (call + 1 + next) / 2, y: sum / (next - call) * 1e6 });
    call = next;
  }
  return points;
}

/** Bets lost, one by one. */
async function deoptimisationSection(full: boolean): Promise<Section> {
  const runs: Record<string, Deoptimisation>[] = [];
  for (let i = 0; i < (full ? 7 : 1); i++) runs.push(await deoptimise());
  const names = Object.keys(cases);
  const typical = (name: string, key: "before" | "after" | "lost" | "recovery") =>
    median(runs.map((run) => run[name][key]));
  const slower = (name: string) => typical(name, "after") / typical(name, "before");
  const all = names.flatMap((name) => runs.map((run) => run[name]));
  const lasting = names.filter((name) => slower(name) >= 1.3).toSorted((a, b) => slower(b) - slower(a));
  const dearest = names.toSorted((a, b) => slower(b) - slower(a))[0];
  const share = median(names.map((name) => typical(name, "lost") / typical(name, "before")));
  const expected = (name: string) => runs.every((run) => run[name].reason?.startsWith(cases[name].reason));
  return {
    tables: [table(
      [
        "first seen",
        { head: "V8's reason", align: "left" },
        "a call",
        "the call that lost",
        "falls to",
        "optimised in",
        "a call after",
        "slower",
      ],
      names.map((name) => [
        name.replaceAll("_", " "),
        (runs[0][name].reason ?? "none").slice(0, 26),
        formatTime(typical(name, "before")),
        formatTime(typical(name, "lost")),
        runs[0][name].tiers[1],
        formatTime(typical(name, "recovery")),
        formatTime(typical(name, "after")),
        formatRatio(slower(name)),
      ]),
    )],
    figures: names.flatMap((name) =>
      (["before", "lost", "recovery", "after"] as const).map((key) =>
        figure(`deoptimisation ${name}: ${key}`, 1000, typical(name, key), "s", runs.map((run) => run[name][key]))
      )
    ),
    checks: [
      {
        claim: "each function was in TurboFan before, fell out of it at the unusual input with a reason, and came back",
        passed: all.every(({ reason, tiers: [before, fallen, end] }) =>
          reason && before === "Turbofan" && fallen !== "Turbofan" && end === "Turbofan"
        ),
        evidence: names.map((name) => `${name}: ${runs[0][name].tiers.join(" > ")} (${runs[0][name].reason})`).join(
          "; ",
        ),
      },
      {
        claim: "optimised anew, each comes to what it comes to where it is called once",
        passed: names.every((name) =>
          runs.every(({ [name]: { results } }) => {
            const { kernel, usual, unusual } = cases[name];
            return results[0] === kernel(usual()) && results[1] === kernel(unusual());
          })
        ),
        evidence: names.join(", "),
      },
    ],
    claims: [
      {
        claim: "V8 gives the reasons that it gave when this was written (V8 15.0)",
        held: names.every(expected),
        evidence:
          names.filter((name) => !expected(name)).map((name) => `${name}: ${runs[0][name].reason}`).join("; ") ||
          `all ${names.length}`,
      },
      {
        claim: "the call that loses takes ten times as long as an optimised one, or more",
        held: names.every((name) => typical(name, "lost") >= 10 * typical(name, "before")),
        evidence: `${formatRatio(share)} in the median`,
      },
      {
        claim: "once optimised anew the function is as fast as before (within 30%)",
        held: lasting.length === 0,
        evidence: lasting.length === 0
          ? "all are"
          : `not after ${
            lasting.map((name) => `${name.replaceAll("_", " ")} (${formatRatio(slower(name))})`).join(", ")
          }: its code allows for both now`,
      },
    ],
    finding:
      `the call that shows a function something new takes ${
        formatRatio(share)
      } its time, and the function stays up to ` +
      `${formatRatio(slower(dearest))} slower (${dearest.replaceAll("_", " ")})`,
  };
}

/** One place in the code, more and more shapes. */
async function shapesSection(full: boolean): Promise<Section> {
  const count = 400, inputs: Record<string, Point[]> = {};
  for (const shapes of shapeCounts) inputs[`${shapes} shape${shapes > 1 ? "s" : ""}`] = makeShapes(count, shapes);
  inputs["8 kinds of one shape"] = makeKinds(count, 8);
  const names = Object.keys(inputs);
  const calls = Object.fromEntries(names.map((name) => {
    const sum = freshCopy(sumX);
    return [name, () => sum(inputs[name])];
  }));
  const sums = names.map((name) => calls[name]()), expected = count * (count - 1) / 2;
  const readings = await measureInTurns(calls, { budget: full ? 1 : 0.05 });
  const time = (name: string) => readings[name].median / count;
  const ratio = (name: string) => time(name) / time("1 shape");
  return {
    tables: [table(
      ["read .x of objects of", "an object", "vs 1 shape"],
      names.map((name) => [name, formatTime(time(name)), formatRatio(ratio(name))]),
    )],
    charts: {
      jit_shapes: barChart({
        title: "Shapes of objects at one place in the code",
        x: { title: "ns to read .x of an object and add it" },
        bars: names.map((name) => ({
          name,
          value: time(name) * 1e9,
          color: palette[/[58] shapes/.test(name) ? 1 : 0],
        })),
        text: (value) => `${formatNumber(value)} ns`,
      }),
    },
    figures: names.map((name) => reading(`shapes: ${name}`, count, readings[name], count)),
    checks: [{
      claim: "objects of every shape sum to the same",
      passed: sums.every((sum) => sum === expected),
      evidence: sums.join(", "),
    }],
    claims: [
      {
        claim: "the fifth shape costs more than the three before it together",
        held: ratio("5 shapes") - ratio("4 shapes") > ratio("4 shapes") - ratio("1 shape"),
        evidence: `${formatRatio(ratio("4 shapes"))} at four, ${formatRatio(ratio("5 shapes"))} at five, of one shape`,
      },
      {
        claim: "kinds told apart by a field cost nothing (within 20%)",
        held: ratio("8 kinds of one shape") <= 1.2,
        evidence: formatRatio(ratio("8 kinds of one shape")),
      },
    ],
    finding: `reading a field costs ${formatRatio(ratio("8 shapes"))} as much with 8 shapes as with one`,
  };
}

/** Types that V8 does not see, and code that tells it some. */
async function annotationsSection(full: boolean): Promise<Section> {
  // Few enough for the first cache, so that what else the machine does matters less.
  const count = 1000;
  const pairs = Object.entries({ ...unseenPairs, ...hintPairs }).map(([name, make]) => ({ name, ...make(count) }));
  const calls: Record<string, () => number> = {}, differing: string[] = [];
  for (const { name, plain, hinted } of pairs) {
    calls[`${name} plain`] = plain;
    calls[`${name} hinted`] = hinted;
    if (plain() !== hinted()) differing.push(name);
  }
  const readings = await measureInTurns(calls, { budget: full ? 0.5 : 0.05 });
  const time = (name: string, which: "plain" | "hinted") => readings[`${name} ${which}`].median / count;
  const gain = (name: string) => time(name, "plain") / time(name, "hinted");
  const { plain, hinted } = pairs.find(({ name }) => name === "annotations")!;
  const stripped = withoutTypes(annotatedSource);
  const pays = ["integer", "imul", "typed_array", "all_fields"];
  return {
    tables: [table(
      [{ head: "what is said", align: "left" }, "without", "with", "times as fast"],
      pairs.map(({ name, hint }) => [
        hint,
        formatTime(time(name, "plain")),
        formatTime(time(name, "hinted")),
        formatRatio(gain(name)),
      ]),
    )],
    figures: pairs.flatMap(({ name }) =>
      (["plain", "hinted"] as const).map((which) =>
        reading(`${name}: ${which}`, count, readings[`${name} ${which}`], count)
      )
    ),
    checks: [
      {
        claim: "the annotated loop reaches V8 as the very same characters as the plain one",
        passed: `${plain}` === `${hinted}` && !/Metres|readonly|number/.test(stripped),
        evidence: stripped,
      },
      {
        claim: "both loops of each pair come to the same number",
        passed: differing.length === 0,
        evidence: differing.join(", ") || `all ${pairs.length} pairs`,
      },
    ],
    claims: [
      {
        claim: "annotations change nothing, nor does a const enum in place of texts (within 25%)",
        held: ["annotations", "enums"].every((name) => Math.abs(Math.log(gain(name))) <= Math.log(1.25)),
        evidence:
          `annotations ${formatRatio(gain("annotations"))}, enums ${formatRatio(gain("enums"))}; the first two are ` +
          "the same code, so what they differ by is the noise of this run",
      },
      {
        claim: "values and operations that have a type pay (1.5 times or more)",
        held: pays.every((name) => gain(name) >= 1.5),
        evidence: pays.map((name) => `${name} ${formatRatio(gain(name))}`).join(", "),
      },
      {
        claim: "Math.fround, which promises single precision, pays too",
        held: gain("fround") > 1,
        evidence: `${formatRatio(gain("fround"))}; V8 computes in doubles and rounds each result on top`,
      },
    ],
    finding: `annotations are gone before V8 looks, while | 0 made a sum ${
      formatRatio(gain("integer"))
    } and a typed array a loop ${formatRatio(gain("typed_array"))} as fast`,
  };
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

/** What remains of a section where something is missing. */
function leftOut(missing: Missing): Section {
  const finding = `what needs ${missing.name} was left out`;
  return { tables: [], figures: [], checks: [], claims: [], missing: [missing], finding };
}

function reading(name: string, size: number, { median, samples, spread }: Measurement, count: number): Figure {
  return { name, size, value: median / count, unit: "s per element", samples, spread };
}

/** A figure with the number of its samples, and their quartiles' distance over their median as its spread. */
function figure(name: string, size: number, value: number, unit: string, samples: number[] = [value]): Figure {
  const sorted = samples.toSorted((a, b) => a - b),
    at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))];
  return { name, size, value, unit, samples: sorted.length, spread: (at(0.75) - at(0.25)) / at(0.5) };
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
