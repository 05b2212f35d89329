/**
 * How deep to profile: a print, the whole process, each function; what each says of the Julia set, and what it costs.
 *
 * @original 02_profiling/cpu_profiling/
 * @run deno run --allow-read=. --allow-write=results --allow-run=deno --allow-ffi=/lib,/lib64,/usr/lib --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch02/cpu_profiling/compare.ts
 * @takes 10 s
 */

import { barChart, palette } from "../../bench/lib/chart.ts";
import { isBrief, measureInTurns } from "../../bench/lib/measure.ts";
import type { Outcome } from "../../bench/lib/report.ts";
import { figure, type Missing, resultsFolder } from "../../bench/lib/results.ts";
import { compareSections, needing, type Section } from "../../bench/lib/sections.ts";
import { median } from "../../bench/lib/statistics.ts";
import { formatNumber, formatRatio, formatTime, table } from "../../bench/lib/table.ts";
import { denoOnPath } from "../../bench/parts.ts";
import { wrapperCost } from "../decorator_time/julia_decorator.ts";
import { Primes, profile, UnmarkedPrimes } from "../noop_profile_decorator/noop_profile.ts";
import { buildFrames, drawFlameGraph, record } from "./flame_graph.ts";
import { abs, absBySquares, add, calculateZSerial, type Complex, makeInputs, multiply } from "./julia.ts";
import { atShare, type Cost, type GetUsage, openUsage, runAndCount } from "./process_cost.ts";
import { compareProfiles, parseProfile as parseForDiff } from "./profile_diff.ts";
import { functionTimes, neighbours, parseProfile } from "./profile_table.ts";
import { emptyMeasurements, juliaSum, repeat, timeAllWays } from "./timing.ts";
import { fileURLToPath } from "node:url";

const julia = import.meta.resolve("./julia.ts"), folder = fileURLToPath(resultsFolder);

/** Milliseconds as the tables and figures want them, in seconds. */
const time = (milliseconds: number) => formatTime(milliseconds / 1000);
const percent = (share: number) => `${(100 * share).toFixed(1)}%`;

export async function run(args: readonly string[]): Promise<Outcome> {
  const pictures: string[] = [];
  const outcome = await compareSections(
    {
      chapter: "ch02",
      topic: "cpu_profiling",
      question: "How do I profile CPU usage, and what depth of profiling should I use?",
      answer: "As little as answers the question, from the outside in",
    },
    {
      timing: timingSection,
      decorators: decoratorsSection,
      process: needing(denoOnPath, processSection),
      depth: needing(denoOnPath, depthSection),
      known: needing(denoOnPath, knownSection),
      functions: needing(denoOnPath, (full) => functionsSection(full, pictures)),
    },
    args,
  );
  for (const picture of pictures) console.log(`written: ${picture}`);
  return { ...outcome, files: [...outcome.files, ...pictures] };
}

/** Clocks around the same call. */
function timingSection(full: boolean): Section {
  const width = isBrief() ? 100 : 200, times = isBrief() ? 3 : full ? 25 : 7, sum = juliaSum(width);
  let sums = 0;
  const call = () => sums += juliaSum(width);
  const readings = Array.from({ length: times }, () => timeAllWays(call));
  const clocks = Object.keys(readings[0]) as (keyof typeof readings[0])[];
  const typical = (clock: typeof clocks[number]) => median(readings.map((reading) => reading[clock]));
  const differences = readings.map((reading) =>
    Math.max(...Object.values(reading)) - Math.min(...Object.values(reading))
  );
  const empty = emptyMeasurements(isBrief() ? 200 : 5000);
  const { best, median: middle, worst } = repeat(call, times);
  const [cheapest, dearest] = [Math.min, Math.max].map((choose) => choose(...Object.values(empty)));
  return {
    tables: [table(
      [`a Julia set of ${width} x ${width}, by`, "median", "a measurement around nothing"],
      clocks.map((clock) => [clock, time(typical(clock)), time(empty[clock])]),
    )],
    figures: clocks.flatMap((clock) => [
      figure(`timed by ${clock}`, width, typical(clock) / 1000, "s", readings.map((one) => one[clock] / 1000)),
      figure(`${clock} around nothing`, 1, empty[clock] / 1000, "s"),
    ]),
    checks: [
      {
        // Between two clocks the machine may turn to something else, but not each time.
        claim: "all clocks agree on one call, within 2 ms and 5%",
        passed: Math.min(...differences) <= 2 + 0.05 * typical("performance.now"),
        evidence: `they differ by ${time(Math.min(...differences))} or more, of ${time(typical("performance.now"))}`,
      },
      { claim: "what was timed was computed each time", passed: sums === 2 * times * sum, evidence: `${sums}` },
    ],
    claims: [
      {
        claim: "a measurement costs less than 0.1% of what is measured, by any clock",
        held: dearest < typical("performance.now") / 1000,
        evidence: `from ${time(cheapest)} to ${time(dearest)} of ${time(typical("performance.now"))}`,
      },
      {
        claim: `of ${times} runs the best lies within 10% of the median`,
        held: middle <= 1.1 * best,
        evidence: `best ${time(best)}, median ${time(middle)}, worst ${time(worst)}`,
      },
    ],
    finding: `a print with a clock costs ${time(empty["performance.now"])} and says how long`,
  };
}

/** What a clock around a function costs at each call, and what a mark costs that no profiler reads. */
async function decoratorsSection(full: boolean): Promise<Section> {
  const cost = wrapperCost(isBrief() ? 20_000 : full ? 5_000_000 : 1_000_000), limit = 1000;
  const marked = new Primes(), unmarked = new UnmarkedPrimes(), sums: Record<string, number> = {};
  const readings = await measureInTurns({
    "@profile, no profiler": () => void (sums.marked = marked.sum(limit)),
    "no mark": () => void (sums.unmarked = unmarked.sum(limit)),
  }, { budget: full ? 1 : 0.1 });
  const ratio = readings["@profile, no profiler"].median / readings["no mark"].median;
  return {
    tables: [table(["what a decorator costs", "time", "vs without"], [
      ["a sum of two numbers", formatTime(cost.plain / 1e9), "1x"],
      ["the same, timed", formatTime(cost.wrapped / 1e9), formatRatio(cost.wrapped / cost.plain)],
      [`primes below ${limit}`, formatTime(readings["no mark"].median), "1x"],
      [
        "the same, with a @profile that is off",
        formatTime(readings["@profile, no profiler"].median),
        formatRatio(ratio),
      ],
    ])],
    figures: [
      figure("a small function, plain", 1, cost.plain / 1e9, "s per call"),
      figure("a small function, timed by a decorator", 1, cost.wrapped / 1e9, "s per call"),
      ...Object.entries(readings).map(([name, { median, samples, spread }]) => {
        return { name: `primes, ${name}`, size: limit, value: median, unit: "s", samples, spread };
      }),
    ],
    checks: [
      {
        claim: "marked and unmarked code come to the sum of the primes below 1000, which is 76127",
        passed: sums.marked === 76127 && sums.unmarked === 76127,
        evidence: `${sums.marked} and ${sums.unmarked}`,
      },
      {
        claim: "without a profiler @profile hands back the very function that it was given",
        passed: profile(abs) === abs,
        evidence: abs.name,
      },
    ],
    claims: [
      {
        claim: "a timing decorator costs less than a microsecond a call",
        held: cost.wrapped - cost.plain < 1000,
        evidence: `${formatTime((cost.wrapped - cost.plain) / 1e9)} more`,
      },
      { claim: "a @profile that is off costs nothing (within 10%)", held: ratio <= 1.1, evidence: formatRatio(ratio) },
    ],
    finding: `a timing decorator costs ${
      formatTime((cost.wrapped - cost.plain) / 1e9)
    } a call, a @profile that is off takes ${formatRatio(ratio)} the time`,
  };
}

/** The whole process, before and after the change. */
async function processSection(full: boolean): Promise<Section> {
  let usage: GetUsage;
  try {
    usage = openUsage();
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    const missing: Missing = { name: "getrusage", remedy: "run this on Linux with glibc, or on macOS" };
    return { tables: [], figures: [], checks: [], claims: [], missing: [missing], finding: "" };
  }
  const width = isBrief() ? 150 : full ? 1000 : 300, times = isBrief() ? 1 : full ? 9 : 3;
  const commands: Record<string, string[]> = {
    "Deno alone": ["data:text/javascript,"],
    "with a square root": [julia, `--width=${width}`, "--squares"],
    "with Math.hypot": [julia, `--width=${width}`],
  };
  const costs: Record<string, Cost[]> = {}, codes: number[] = [];
  for (const [name, command] of Object.entries(commands)) {
    costs[name] = [];
    for (let i = 0; i < times; i++) {
      const { cost, status } = await runAndCount(usage, ["run", ...command], { quiet: true });
      costs[name].push(cost);
      codes.push(status.code);
    }
  }
  const typical = Object.fromEntries(Object.keys(commands).map((name) => [name, atShare(costs[name], 0.5)]));
  const names = Object.keys(commands), hypot = typical["with Math.hypot"], squares = typical["with a square root"];
  return {
    tables: [table(
      [
        `the process, Julia set of ${width} x ${width}`,
        "wall",
        "user",
        "system",
        "share",
        "page faults",
      ],
      names.map((name) => [
        name,
        time(typical[name].wall),
        time(typical[name].user),
        time(typical[name].system),
        `${typical[name].share.toFixed(0)}%`,
        formatNumber(typical[name].minorFaults),
      ]),
    )],
    figures: names.flatMap((name) =>
      (["wall", "user", "system"] as const).map((key) =>
        figure(
          `process ${name}: ${key}`,
          width,
          typical[name][key] / 1000,
          "s",
          costs[name].map((one) => one[key] / 1000),
        )
      )
    ),
    checks: [{
      claim: "all processes ended well, and each computation took more user time than Deno alone",
      passed: codes.every((code) => code === 0) && squares.user > typical["Deno alone"].user &&
        hypot.user > typical["Deno alone"].user,
      evidence: names.map((name) => `${name} ${time(typical[name].user)}`).join(", "),
    }],
    claims: [{
      claim: "the change shows in the user time of the whole process",
      held: hypot.user >= 1.1 * squares.user,
      evidence: `${time(hypot.user)} before, ${time(squares.user)} after`,
    }, {
      claim: "the Julia set computes and hardly waits (user and system time are 90% of the wall time or more)",
      held: hypot.share >= 90,
      evidence: `${hypot.share.toFixed(0)}%; what is missing here, other programs took`,
    }],
    finding: `the process's counts cost nothing and say that it computes (${
      time(hypot.user)
    } of user time, Deno itself ${time(typical["Deno alone"].user)})`,
  };
}

/** What the profiler itself costs, by how often it looks. */
async function depthSection(full: boolean): Promise<Section> {
  const width = isBrief() ? 150 : full ? 1000 : 300, times = isBrief() ? 1 : full ? 9 : 3;
  const intervals: Record<string, number> = {
    "no profiler": 0,
    "a sample every 1000 µs": 1000,
    "a sample every 100 µs": 100,
  };
  const names = Object.keys(intervals), seconds: Record<string, number[]> = {}, samples: Record<string, number> = {};
  const temporary = await Deno.makeTempDir({ dir: folder, prefix: ".cpu_profile_" });
  try {
    for (let i = 0; i < times; i++) {
      for (const name of names) {
        const own = ["--cpu-prof", `--cpu-prof-dir=${temporary}`, "--cpu-prof-name=p.cpuprofile"];
        const flags = intervals[name] > 0 ? [...own, `--cpu-prof-interval=${intervals[name]}`] : [];
        const args = ["run", ...flags, julia, `--width=${width}`];
        const { stdout } = await new Deno.Command("deno", { args, stdin: "null", stderr: "inherit" }).output();
        const [, taken] = new TextDecoder().decode(stdout).match(/took ([\d.]+) seconds/) ?? [];
        if (!taken) throw new Error(`julia.ts under ${name} said nothing`);
        (seconds[name] ??= []).push(Number(taken));
        if (flags.length > 0) {
          samples[name] = parseProfile(Deno.readTextFileSync(`${temporary}/p.cpuprofile`)).samples.length;
        }
      }
    }
  } finally {
    await Deno.remove(temporary, { recursive: true });
  }
  const [none, coarse, fine] = names, ratio = (name: string) => median(seconds[name]) / median(seconds[none]);
  return {
    tables: [table(
      [`calculateZSerial, ${width} x ${width}, under`, "by its own print", "vs none", "samples of the process"],
      names.map((
        name,
      ) => [name, formatTime(median(seconds[name])), formatRatio(ratio(name)), `${samples[name] ?? "-"}`]),
    )],
    figures: names.map((name) => figure(`under ${name}`, width, median(seconds[name]), "s", seconds[name])),
    checks: [{
      claim: "ten times as short an interval takes more than twice as many samples",
      passed: samples[fine] > 2 * samples[coarse],
      evidence: `${samples[coarse]} and ${samples[fine]}`,
    }],
    claims: [
      {
        claim: "a sample a millisecond costs less than 10%",
        held: ratio(coarse) < 1.1,
        evidence: formatRatio(ratio(coarse)),
      },
      { claim: "ten a millisecond cost less than 25%", held: ratio(fine) < 1.25, evidence: formatRatio(ratio(fine)) },
    ],
    finding: `V8's profiler makes it take ${formatRatio(ratio(coarse))} the time and says which function`,
  };
}

/** A program of which is known where its time goes. */
async function knownSection(): Promise<Section> {
  const profile = parseProfile(await record(import.meta.resolve("./profile_table.ts"), ["--demonstrate"], folder));
  const functions = functionTimes(profile), span = (profile.endTime - profile.startTime) / 1000;
  const self = functions.reduce((sum, one) => sum + one.self, 0);
  const seen = (name: string) => functions.find((one) => one.name === name)?.samples ?? 0;
  const total = (name: string) => functions.find((one) => one.name === name)?.total ?? 0;
  const share = seen("heavy") / (seen("heavy") + seen("light")),
    timeShare = total("heavy") / (total("heavy") + total("light")),
    recursion = neighbours(profile, "recurse");
  const called = [...recursion?.callees.values() ?? []].reduce((sum, time) => sum + time, recursion?.self ?? 0);
  return {
    tables: [table(
      ["a program made to measure", "self", "total", "samples"],
      ["heavy", "light", "recurse", "spin"].map((name) => {
        const one = functions.find((one) => one.name === name);
        return [name, time(one?.self ?? 0), time(one?.total ?? 0), `${one?.samples ?? 0}`];
      }),
    )],
    figures: [
      figure("samples of heavy, 0.7 by construction", 1, share, "of heavy and light"),
      figure("time of heavy, 0.7 by construction", 1, timeShare, "of heavy and light"),
    ],
    checks: [
      {
        claim: "the self times of all functions add up to the span of the profile",
        passed: Math.abs(self - span) <= 0.001 * span,
        evidence: `${time(self)} and ${time(span)}`,
      },
      {
        claim: "the function that does 7 of 10 parts of the work is in 65 to 75% of the samples",
        passed: share >= 0.65 && share <= 0.75,
        evidence: percent(share),
      },
      {
        claim:
          "a function that calls itself 20 deep is counted once: its self time and its callees add up to its total",
        passed: recursion !== undefined && recursion.total > 0 && recursion.total < span &&
          Math.abs(called - recursion.total) <= 0.001 * span,
        evidence: `${time(called)} and ${time(recursion?.total ?? NaN)}`,
      },
    ],
    claims: [{
      claim: "and has 65 to 75% of the time",
      held: timeShare >= 0.65 && timeShare <= 0.75,
      evidence: `${percent(timeShare)}; while other programs run, samples lie further apart and weigh more each`,
    }],
    finding: `of a known 70% it reports ${percent(share)}`,
  };
}

/** julia.ts's calculateZSerial with |z| written out in place of the call. */
function calculateInline(limit: number, zs: Complex[], cs: Complex[]): number[] {
  const output: number[] = new Array(zs.length).fill(0);
  for (let i = 0; i < zs.length; i++) {
    let n = 0, z = zs[i];
    const c = cs[i];
    while (Math.sqrt(z.re * z.re + z.im * z.im) < 2 && n < limit) {
      z = add(multiply(z, z), c);
      n++;
    }
    output[i] = n;
  }
  return output;
}

let copies = 0;

/** A copy for which V8 learns anew what is called in it, as in a process that calls only one. */
function freshCopy<Kernel extends typeof calculateZSerial | typeof calculateInline>(kernel: Kernel): Kernel {
  // Of the same text V8 would give the same function again: a comment makes it another.
  return new Function("add", "multiply", "abs", `// ${++copies}\nreturn ${kernel}`)(add, multiply, abs);
}

/** Where the time of the Julia set goes, before and after one change. */
async function functionsSection(full: boolean, pictures: string[]): Promise<Section> {
  const width = isBrief() ? 150 : full ? 1000 : 400, small = isBrief() ? 60 : 200;
  const texts = [
    await record(julia, [`--width=${width}`], folder),
    await record(julia, [`--width=${width}`, "--squares"], folder),
  ];
  const [before, after] = texts.map(parseForDiff), differences = compareProfiles(before, after);
  const name = "ch02/cpu_flame_graph.svg", frames = buildFrames(parseProfile(texts[0]));
  await Deno.writeTextFile(new URL(name, resultsFolder), drawFlameGraph(frames, `The Julia set, ${width} x ${width}`));
  pictures.push(`results/${name}`);

  const [spanBefore, spanAfter] = [before, after].map(({ startTime, endTime }) => (endTime - startTime) / 1000);
  const total = differences.reduce((sum, one) => sum + one.difference, 0);
  const gc = differences.find((one) => one.name === "(garbage collector)");
  const find = (name: string) => differences.find((one) => one.name === `${name}  julia.ts`);
  const hypot = find("abs"), squares = find("absBySquares");
  const own = differences.filter(({ name }) => name.endsWith("julia.ts")).toSorted((a, b) => b.before - a.before);
  const first = own[0].name.split(" ")[0];

  const { zs, cs } = makeInputs(small), counts: Record<string, number[]> = {};
  const [hypotLoop, squaresLoop] = [freshCopy(calculateZSerial), freshCopy(calculateZSerial)];
  const inlineLoop = freshCopy(calculateInline);
  const readings = await measureInTurns({
    "Math.hypot, called": () => void (counts.hypot = hypotLoop(300, zs, cs, abs)),
    "square root, called": () => void (counts.squares = squaresLoop(300, zs, cs, absBySquares)),
    "square root, written out": () => void (counts.inline = inlineLoop(300, zs, cs)),
  }, { budget: full ? 1 : 0.2 });
  const same = counts.hypot.every((n, i) => n === counts.squares[i] && n === counts.inline[i]);
  const call = readings["square root, called"].median / readings["square root, written out"].median;
  const gain = readings["Math.hypot, called"].median / readings["square root, called"].median;
  // What took a hundredth of either profile, and is the program's own or its garbage.
  const shown = differences
    .filter(({ name, shareBefore, shareAfter }) =>
      /julia\.ts$|^\(garbage/.test(name) && Math.max(shareBefore, shareAfter) >= 0.01
    )
    .toSorted((a, b) => Math.max(b.before, b.after) - Math.max(a.before, a.after));
  const short = (name: string) => name.split("  ")[0];
  return {
    tables: [
      table(
        [`self time, ${width} x ${width}`, "Math.hypot", "square root", "change", "share before", "after"],
        shown.map((one) => [
          short(one.name),
          time(one.before),
          time(one.after),
          `${one.difference > 0 ? "+" : "-"}${time(Math.abs(one.difference))}`,
          percent(one.shareBefore),
          percent(one.shareAfter),
        ]),
      ),
      table(
        [`|z| in the loop, ${small} x ${small}`, "the loop", "vs hypot"],
        Object.entries(readings).map(([name, { median }]) => [
          name,
          formatTime(median),
          formatRatio(readings["Math.hypot, called"].median / median),
        ]),
      ),
    ],
    charts: {
      cpu_profile_diff: barChart({
        title: `Where the time of the Julia set goes, ${width} x ${width}`,
        x: { title: "self time, ms (blue: |z| by Math.hypot; orange: by a square root)" },
        bars: shown.flatMap(({ name, before, after }) => [
          { name: `${short(name)}, before`, value: before, color: palette[0] },
          { name: `${short(name)}, after`, value: after, color: palette[1] },
        ]).filter(({ value }) => value > 0),
        text: (value) => `${formatNumber(value)} ms`,
      }),
    },
    figures: [
      ...shown.flatMap((one) => [
        figure(`${short(one.name)}, before`, width, one.before / 1000, "s of self time"),
        figure(`${short(one.name)}, after`, width, one.after / 1000, "s of self time"),
      ]),
      ...Object.entries(readings).map(([name, { median, samples, spread }]) => {
        return { name: `loop, ${name}`, size: small, value: median, unit: "s", samples, spread };
      }),
    ],
    checks: [
      {
        claim: "the changes of all functions add up to the difference of the two profiles",
        passed: Math.abs(total - (spanAfter - spanBefore)) <= 0.001 * spanBefore,
        evidence: `${total.toFixed(1)} ms and ${(spanAfter - spanBefore).toFixed(1)} ms`,
      },
      {
        claim: "the profiles show what was changed: abs before, absBySquares after, neither in the other",
        passed: hypot !== undefined && hypot.before > 0 && hypot.after === 0 && (squares?.before ?? 0) === 0,
        evidence: [hypot, squares].map((one) => `${one?.before.toFixed(1)} and ${one?.after.toFixed(1)} ms`).join("; "),
      },
      { claim: "all ways of |z| come to the same counts", passed: same, evidence: `${small} x ${small} points` },
    ],
    claims: [
      {
        claim: "most of the program's own time goes to the line that decides when to stop, in abs",
        held: first === "abs",
        evidence: `${first} comes first; abs has ${percent(hypot?.shareBefore ?? NaN)} of the profile`,
      },
      {
        claim: "calling a small function costs little in V8, which puts its code in place of the call (within 15%)",
        held: call <= 1.15,
        evidence: `called, the square root's loop takes ${formatRatio(call)} of it written out`,
      },
      {
        claim: "the change also spares the garbage collector a tenth of its work or more",
        held: gc !== undefined && gc.after <= 0.9 * gc.before,
        evidence: `${time(gc?.before ?? NaN)} before, ${time(gc?.after ?? NaN)} after`,
      },
    ],
    finding:
      `abs took ${percent(hypot?.shareBefore ?? NaN)} of the Julia set; a square root in place of Math.hypot made ` +
      `its loop ${formatRatio(gain)} as fast`,
  };
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
