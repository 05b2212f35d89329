/**
 * What a line costs: the book's experiment with the two tests of the Julia set's loop, by the line profiler and by the clock.
 *
 * @original 02_profiling/line_profiler/
 * @run deno run --allow-read=. --allow-write=results --allow-run=deno --allow-net=127.0.0.1 --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch02/line_profiler/compare.ts
 * @takes 10 s
 */

import { barChart, palette } from "../../bench/lib/chart.ts";
import { isBrief, measureInTurns } from "../../bench/lib/measure.ts";
import { type Figure, figure } from "../../bench/lib/results.ts";
import { compareSections, needing, type Section } from "../../bench/lib/sections.ts";
import { formatNumber, formatRatio, formatTime, table } from "../../bench/lib/table.ts";
import { denoOnPath } from "../../bench/parts.ts";
import { countTests, juliaSet, variants } from "./julia_split_while.ts";
import { type Profiled, profileScript } from "./line_profiler.ts";

const script = new URL("julia_split_while.ts", import.meta.url).href;
const tool = new URL("line_profiler.ts", import.meta.url).href;

export function run(args: readonly string[]) {
  return compareSections({
    chapter: "ch02",
    topic: "line_profiler",
    question: "Which lines take the time?",
    answer: "The Julia set's loop, line by line",
  }, {
    lines: needing(denoOnPath, linesSection),
    orders: ordersSection,
    hits: needing(denoOnPath, hitsSection),
  }, args);
}

/** A script of this repository under the profiler. What it prints is dropped. */
async function profile(script: string, args: string[], hits = false): Promise<Profiled> {
  const found = await profileScript(script, { args, hits, quiet: true, folder: "results" });
  if (found.code !== 0) throw new Error(`${script} ended with code ${found.code}`);
  return found;
}

/** The lines of one script by what they say, with their milliseconds. Lines of brackets only are left out. */
function linesOf({ times, sources }: Profiled, script: string) {
  return [...times.files.get(script)?.lines ?? []].map(([line, byThread]) => ({
    line,
    text: sources.get(script)!.lines[line - 1].trim(),
    time: byThread.reduce((sum, time) => sum + time, 0),
  })).sort((a, b) => a.line - b.line);
}

/** One statement for each test. */
async function linesSection(full: boolean): Promise<Section> {
  const width = full ? 1000 : isBrief() ? 300 : 600;
  const found = await profile(script, ["--variant=split", `--width=${width}`]);
  const from = found.sources.get(script)!.lines.findIndex((text) => text.startsWith("function split(")) + 1;
  const { busy, files, outside } = found.times, lines = linesOf(found, script);
  // Also the lines at which no sample fell.
  const inLoop = found.sources.get(script)!.lines.slice(from, from + 11).map((text, i) => ({
    line: from + 1 + i,
    text: text.trim(),
    time: lines.find(({ line }) => line === from + 1 + i)?.time ?? 0,
  })).filter(({ text }) => /\w/.test(text));
  const time = (part: string) => inLoop.find(({ text }) => text.includes(part))?.time ?? 0;
  const own = inLoop.reduce((sum, { time }) => sum + time, 0);
  const all = [...files.values()].flatMap(({ lines }) => [...lines.values()].flat()).concat(...outside.values())
    .reduce((sum, time) => sum + time, 0);
  const known = await profile(tool, ["--demonstrate"]);
  const [hottest] = linesOf(known, tool).sort((a, b) => b.time - a.time);
  const size = time("Math.hypot"), n = time("n < limit");
  return {
    tables: [table(
      ["line", { head: `${width} x ${width} points`, align: "left" }, "time", "of the loop"],
      inLoop.map(({ line, text, time }) => [
        `${line}`,
        text,
        formatTime(time / 1000),
        `${(100 * time / own).toFixed(1)}%`,
      ]),
    )],
    charts: {
      line_profiler: barChart({
        title: "The Julia set's loop, each test on a line of its own",
        x: { title: "% of the loop's time, by samples" },
        bars: inLoop.map(({ text, time }) => ({
          name: text,
          value: 100 * time / own,
          color: palette[/hypot|n < limit/.test(text) ? 1 : 0],
        })),
        text: (value) => `${value.toFixed(1)}%`,
      }),
    },
    figures: inLoop.map(({ text, time }) => figure(`line: ${text}`, width, time / 1000, "s")),
    checks: [
      {
        claim: "in a script with a known hottest line the profile names it",
        passed: hottest?.text.includes("Math.hypot(i, 1)") ?? false,
        evidence: `line ${hottest?.line}: ${hottest?.text}`,
      },
      {
        claim: "the shares of all lines and of what is outside of them add up to 1 (within 1e-9)",
        passed: Math.abs(all / busy - 1) < 1e-9,
        evidence: `${all / busy}`,
      },
    ],
    claims: [{
      claim: "the test of |z| costs more than that of n (the book's)",
      held: size > n,
      evidence: `${(100 * size / own).toFixed(1)}% of the loop's time against ${(100 * n / own).toFixed(1)}%`,
    }],
    finding: `Math.hypot(re, im) < 2 takes ${Math.round(100 * size / own)}% of it, n < limit ${
      (100 * n / own).toFixed(1)
    }%`,
  };
}

/** The order of the tests, by the clock. */
async function ordersSection(full: boolean): Promise<Section> {
  const width = full ? 1000 : isBrief() ? 50 : 150, names = Object.keys(variants);
  const sets = names.map((name) => juliaSet(variants[name], width));
  const tests = countTests(sets[0]), saved = tests.written.size - tests.swapped.size;
  const readings = await measureInTurns(
    Object.fromEntries(names.map((name) => [name, () => juliaSet(variants[name], width)])),
    { budget: full ? 4 : 0.8 },
  );
  const gain = (name: string) => readings.written.median / readings[name].median;
  const possible = tests.written.size / tests.swapped.size - 1;
  return {
    tables: [table(
      [`${width} x ${width} points`, "a set", "±", "vs written", "tests of |z|", "tests of n"],
      names.map((name) => {
        const { size, n } = name === "written" ? tests.written : name === "split"
          // Nothing is left out where both are statements.
          ? { size: tests.written.size, n: tests.swapped.n }
          : tests.swapped;
        const { median, spread } = readings[name];
        return [
          name,
          formatTime(median),
          `${Math.round(100 * spread)}%`,
          formatRatio(gain(name)),
          size.toLocaleString("en-US"),
          n.toLocaleString("en-US"),
        ];
      }),
    )],
    figures: names.map((name): Figure => ({
      name: `order: ${name}`,
      size: width,
      value: readings[name].median,
      unit: "s per set",
      samples: readings[name].samples,
      spread: readings[name].spread,
    })),
    checks: [{
      claim: "all variants come to the same count for every point",
      passed: sets.every((set) => set.every((n, i) => n === sets[0][i])),
      evidence: `${tests.steps} steps`,
    }],
    claims: [
      {
        claim: "with n tested first the loop is faster (by more than this run's noise)",
        held: gain("swapped") > 1 + Math.max(readings.swapped.spread, readings.written.spread),
        evidence:
          `${formatRatio(gain("swapped"))} as fast; ${saved.toLocaleString("en-US")} tests of |z| are saved of ` +
          `${tests.written.size.toLocaleString("en-US")}, so at most ${formatNumber(100 * possible)}% could be gained`,
      },
      {
        claim: "doing without the square root pays (twice as fast or more)",
        held: gain("squared") >= 2,
        evidence: formatRatio(gain("squared")),
      },
    ],
    finding: `which test comes first decides about ${formatNumber(100 * possible)}% of the tests of |z| and made it ${
      formatRatio(gain("swapped"))
    } as fast, while doing without Math.hypot made it ${formatRatio(gain("squared"))} as fast`,
  };
}

/** What exact counts cost. */
async function hitsSection(full: boolean): Promise<Section> {
  const width = full ? 1000 : isBrief() ? 150 : 400, args = ["--variant=split", `--width=${width}`];
  const without = await profile(script, args), counted = await profile(script, args, true);
  const lines = counted.sources.get(script)!.lines;
  const from = lines.findIndex((text) => text.startsWith("function split(")) + 1;
  const at = (part: string) => lines.findIndex((text, i) => i >= from && text.includes(part)) + 1;
  const hits = (part: string) => counted.hits!.get(script)?.get(at(part))?.begun;
  const share = (found: Profiled, part: string) => {
    const inLoop = linesOf(found, script).filter(({ line }) => line >= from && line < from + 12);
    return (inLoop.find(({ line }) => line === at(part))?.time ?? 0) / inLoop.reduce((sum, { time }) => sum + time, 0);
  };
  const { points, steps } = countTests(juliaSet(variants.squared, width));
  const expected = { "let n = 0": points, "Math.hypot": steps + points, "n < limit": steps + points, "n++": steps };
  const parts = Object.entries(expected), factor = counted.times.busy / without.times.busy;
  return {
    tables: [table(
      ["line", "times run", "share", "share, counting"],
      parts.map(([part]) => [
        lines[at(part) - 1].trim(),
        hits(part)?.toLocaleString("en-US") ?? "-",
        `${(100 * share(without, part)).toFixed(1)}%`,
        `${(100 * share(counted, part)).toFixed(1)}%`,
      ]),
    )],
    figures: [figure("hits: times as long", width, factor, "times")],
    checks: [{
      claim: "each line was counted exactly as often as the set's own counts say",
      passed: parts.every(([part, count]) => hits(part) === count),
      evidence: parts.map(([part, count]) => `${part}: ${hits(part)} of ${count}`).join(", "),
    }],
    claims: [{
      claim: "counting slows the script down (1.5 times or more)",
      held: factor >= 1.5,
      evidence: `${formatRatio(factor)} the processor time; the hottest line's share went from ${
        Math.round(100 * share(without, "Math.hypot"))
      }% to ${Math.round(100 * share(counted, "Math.hypot"))}%`,
    }],
    finding: `exact counts took ${formatRatio(factor)} the time and moved the hottest line's share from ${
      Math.round(100 * share(without, "Math.hypot"))
    }% to ${Math.round(100 * share(counted, "Math.hypot"))}%`,
  };
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
