/**
 * The tools that count: page faults and time by the operating system, cache misses by a simulated processor.
 *
 * What to notice: page faults tell how much fresh memory a script asks for, and cost nothing to count. Cache misses say
 * why two loops with the same additions take different times; cachegrind counts them wherever it runs, slowly and
 * the same each time. Where valgrind is missing, that half is left out.
 *
 * @original 06_matrix/Makefile (perf stat, /usr/bin/time)
 * @run deno run --allow-read=. --allow-write=results --allow-run=deno,valgrind --allow-sys=cpus,systemMemoryInfo,osRelease ch06/counters/compare.ts
 * @takes 15 s
 */

import { barChart, palette } from "../../bench/lib/chart.ts";
import { hasCommand } from "../../bench/lib/command.ts";
import type { Outcome } from "../../bench/lib/report.ts";
import type { Figure, Missing } from "../../bench/lib/results.ts";
import { compareSections, type Section } from "../../bench/lib/sections.ts";
import { formatNumber, formatRatio, formatTime, table } from "../../bench/lib/table.ts";
import { countMisses, numbers } from "./cache_misses.ts";
import { countResources, type Counts as Resources } from "./page_faults.ts";

const question = "What tools can I use to see how efficiently the CPU is doing my calculations?";

/** What one part of this compare found. */
export function run(args: readonly string[]): Promise<Outcome> {
  const answer = "The counts of the operating system and of cachegrind";
  return compareSections({ chapter: "ch06", topic: "counters", question, answer }, { faults, misses }, args);
}

/** Page faults and time of scripts, each in a process of its own. */
async function faults(): Promise<Section> {
  if (Deno.build.os === "windows") {
    return leftOut("page faults", { name: "page faults on Windows", remedy: "run this on Linux or macOS" });
  }
  if (!await hasCommand("deno")) {
    return leftOut("page faults", {
      name: "deno on the PATH",
      remedy: "npm install -g deno (runs each script on its own)",
    });
  }
  const itself = import.meta.resolve("./page_faults.ts");
  const demonstrate = (name: string) => countResources(itself, { args: ["--demonstrate", name], quiet: true });
  const script = (path: string) => countResources(import.meta.resolve(path), { quiet: true });
  const runs = {
    nothing: await demonstrate("nothing"),
    "allocating 64 MiB": await demonstrate("allocate"),
    "touching 64 MiB": await demonstrate("touch"),
    "diffusion on nested arrays": await script("../diffusion_2d/diffusion_nested.ts"),
    "diffusion on a flat array": await script("../diffusion_2d/diffusion_flat.ts"),
  };
  const bytes = 2 ** 26, allocated = runs["allocating 64 MiB"].minorFaults;
  const touched = runs["touching 64 MiB"].minorFaults - allocated;
  const nested = runs["diffusion on nested arrays"].minorFaults, flat = runs["diffusion on a flat array"].minorFaults;
  const named = Object.entries<Resources>(runs);
  return {
    tables: [table(
      ["counted by the system", "wall", "user", "system", "page faults", "of them major", "switches"],
      named.map(([name, run]) => [
        name,
        ...[run.wall, run.user, run.system].map((milliseconds) => formatTime(milliseconds / 1000)),
        formatNumber(run.minorFaults + run.majorFaults),
        formatNumber(run.majorFaults),
        formatNumber(run.voluntarySwitches + run.involuntarySwitches),
      ]),
    )],
    figures: named.map(([name, { minorFaults }]) => figure(`minor page faults, ${name}`, 1, minorFaults, "faults")),
    checks: [{
      // A fault brings at least a page of 4 KiB and at most a huge page of 2 MiB.
      claim: "64 MiB come by page faults when they are touched, and not when they are allocated",
      passed: touched >= bytes / 2 ** 21 && allocated * 10 < touched,
      evidence: `${allocated} faults allocating, ${touched} more touching`,
    }],
    claims: [{
      claim: "nested arrays, made anew at each step, fault more often than one flat array that is kept",
      held: nested > flat,
      evidence: `${formatNumber(nested)} faults against ${formatNumber(flat)}`,
    }],
    finding: `touching 64 MiB of fresh memory takes ${formatNumber(touched)} page faults`,
  };
}

/** Cache misses of summing a matrix in row and in column order. */
async function misses(): Promise<Section> {
  if (!await hasCommand("valgrind")) {
    return leftOut("cache misses", {
      name: "valgrind",
      remedy: "apt-get install valgrind (Linux; counts cache misses)",
    });
  }
  const counted = await countMisses();
  const named = Object.entries(counted).map(([name, misses]) => ({
    name,
    instructions: misses.instructions / numbers,
    reads: misses.reads / numbers,
    d1: misses.d1Misses / numbers,
    ll: misses.llMisses / numbers,
  }));
  const [rows, columns, padded] = named;
  return {
    tables: [table(
      ["a number, by cachegrind", "instructions", "reads", "D1 misses", "LL misses"],
      named.map(({ name, ...counts }) => [name, ...Object.values(counts).map((count) => count.toFixed(3))]),
    )],
    charts: {
      counters_cache_misses: barChart({
        title: "Cache misses of the sum of a matrix of 2048 rows",
        x: { title: "misses a number, of the first cache (D1) and of the last (LL)" },
        bars: named.flatMap(({ name, d1, ll }) => [
          { name: `${name}: D1`, value: d1, color: palette[0] },
          { name: `${name}: LL`, value: ll, color: palette[1] },
        ]),
        text: (value) => value.toFixed(3),
      }),
    },
    figures: named.flatMap(({ name, d1, ll }) => [
      figure(`D1 misses, ${name}`, numbers, d1, "misses per number"),
      figure(`LL misses, ${name}`, numbers, ll, "misses per number"),
    ]),
    checks: [
      {
        claim: "row order misses D1 at every 8th number, within 25%",
        passed: Math.abs(8 * rows.d1 - 1) < 0.25,
        evidence: `${rows.d1.toFixed(3)} a number`,
      },
      {
        claim: "column order misses D1 at least four times as often as row order",
        passed: columns.d1 >= 4 * rows.d1,
        evidence: `${columns.d1.toFixed(3)} against ${rows.d1.toFixed(3)} a number`,
      },
    ],
    claims: [{
      claim: "8 unused numbers after each row save most misses of the last cache, and none of the first",
      held: padded.ll < 0.5 * columns.ll && padded.d1 > 0.9 * columns.d1,
      evidence: `LL ${padded.ll.toFixed(3)} in place of ${columns.ll.toFixed(3)}, D1 ${padded.d1.toFixed(3)}`,
    }],
    finding: `column order misses the first cache ${formatRatio(columns.d1 / rows.d1)} as often as row order`,
  };
}

/** What remains of a part where something is missing. */
function leftOut(what: string, missing: Missing): Section {
  return { tables: [], figures: [], checks: [], claims: [], missing: [missing], finding: `${what} were not counted` };
}

function figure(name: string, size: number, value: number, unit: string): Figure {
  return { name, size, value, unit, samples: 1, spread: 0 };
}

if (import.meta.main) {
  const outcome = await run(Deno.args);
  if (!outcome.passed) Deno.exit(1);
}
