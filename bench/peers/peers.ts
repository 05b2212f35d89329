/**
 * TypeScript beside Python and beside C: ten pieces of work of the chapters, each in our plainest and our fastest script, in
 * our own Python with what is installed for it (NumPy, Numba, numexpr, pandas, aiohttp), and in C. All take turns in one
 * run, and all must come to the same answer before any time is shown.
 *
 * @run deno task peers
 * @takes 120 s
 */

import { parseArgs } from "@std/cli/parse-args";
import { barChart, palette } from "../lib/chart.ts";
import { relativeError } from "../lib/compare.ts";
import { fail } from "../lib/flags.ts";
import { startProgress } from "../lib/progress.ts";
import { report } from "../lib/report.ts";
import { type Check, type Claim, type Figure, figure, type Missing, prepareResults } from "../lib/results.ts";
import { summarise } from "../lib/statistics.ts";
import { formatRatio, formatTime, type Table, table } from "../lib/table.ts";
import { type Answer, type Contestant, openPython } from "./contest.ts";
import { type Workload, workloads } from "./workloads.ts";

const remedy = "deno task setup --peers";

interface Round {
  found: Map<string, { contestant: Contestant; samples: number[] }>;
  checks: Check[];
  missing: Missing[];
}

/** Runs all contestants of a piece of work in turns, until each has had three rounds or has taken its share of time. */
export async function contest(name: string, { python, within, open }: Workload): Promise<Round> {
  await using contestants = new AsyncDisposableStack();
  const found: Round["found"] = new Map(), missing: Missing[] = [], answers = new Map<string, Answer>();
  const ours = await open();
  if (ours.close) contestants.defer(ours.close);
  const peers = await openPython(python, ours.args ?? []);
  if (peers) contestants.use(peers);
  else missing.push({ name: "Python 3", remedy });
  for (const { module } of peers?.lacking ?? []) missing.push({ name: `Python's ${module}`, remedy });
  if (ours.missing) missing.push(ours.missing);
  for (const contestant of [...peers?.contestants ?? [], ...ours.contestants]) {
    found.set(contestant.name, { contestant, samples: [] });
  }

  const enough = ({ samples }: { samples: number[] }) => {
    const taken = samples.reduce((sum, seconds) => sum + seconds, 0);
    return samples.length >= 15 || samples.length >= 3 && taken > 1 || samples.length >= 1 && taken > 3;
  };
  const failed = new Map<string, string>();
  for (let round = 0; [...found.values()].some((one) => !enough(one)); round++) {
    const names = [...found.keys()];
    // Each round begins with another.
    for (const name of names.map((_, i) => names[(i + round) % names.length])) {
      const one = found.get(name)!;
      if (enough(one)) continue;
      try {
        const { seconds, answer } = await one.contestant.run();
        // The first call of a function is not yet what it will be.
        if (round > 0 || seconds > 1) one.samples.push(seconds);
        if (!answers.has(name)) answers.set(name, answer);
      } catch (error) {
        failed.set(name, (error as Error).message);
        found.delete(name);
      }
    }
  }
  // Without an answer of ours nothing agrees: a NaN never does.
  const reference = ours.contestants[0].name, expected = answers.get(reference) ?? NaN;
  const checks: Check[] = [...answers].filter(([name]) => name !== reference).map(([other, answer]) => ({
    claim: `${name}: ${other} comes to the answer of ${reference} within ${within}`,
    passed: relativeError(answer, expected) <= within,
    evidence: `${JSON.stringify(answer)} and ${JSON.stringify(expected)}`,
  }));
  for (const [peer, reason] of failed) {
    checks.push({ claim: `${name}: ${peer} runs to its end`, passed: false, evidence: reason });
  }
  return { found, checks, missing };
}

/** Runs the contests of some pieces of work, and shows the times of those in which all agree. */
export async function run(names: readonly string[]) {
  prepareResults("peers");
  const figures: Figure[] = [], checks: Check[] = [], claims: Claim[] = [], tables: (Table | string)[] = [];
  const missing = new Map<string, Missing>(), bars: { name: string; value: number; color: string }[] = [];
  const shares: number[] = [];
  const progress = startProgress("peers", names.length);
  try {
    for (const name of names) {
      const workload = workloads[name];
      progress.step(name);
      const { found, checks: agree, missing: lacking } = await contest(name, workload);
      checks.push(...agree);
      for (const one of lacking) missing.set(one.name, one);
      if (agree.some(({ passed }) => !passed)) continue;
      const times = new Map([...found].map(([way, { samples }]) => [way, summarise(samples)]));
      const best = (kind: Contestant["kind"]) =>
        [...found].filter(([, { contestant }]) => contestant.kind === kind).map(([way]) => way)
          .toSorted((a, b) => times.get(a)!.median - times.get(b)!.median)[0];
      const typescript = best("typescript"), python = best("python"), c = best("c");
      const base = times.get(typescript)!.median;
      tables.push(table(
        [`${name}: ${workload.what}`, "time", "±", "over our best", { head: "", align: "left" }],
        [...found].map(([way, { contestant }]) => {
          const { median, spread } = times.get(way)!;
          return [
            way,
            formatTime(median),
            `${Math.round(100 * spread)}%`,
            formatRatio(median / base),
            contestant.kind === "c" ? "C" : contestant.kind === "python" ? "Python" : "TypeScript",
          ];
        }),
      ));
      for (const [way, { samples }] of found) {
        figures.push(figure(`${name}: ${way}`, 1, times.get(way)!.median, "s", samples));
      }
      for (const [kind, way] of [["Python", python], ["C", c]] as const) {
        if (!way) continue;
        const value = times.get(way)!.median / base;
        bars.push({ name: `${name}: ${way}`, value, color: palette[kind === "C" ? 2 : 0] });
        if (kind === "C") shares.push(value);
      }
      if (python) {
        claims.push({
          claim: `${name}: our fastest TypeScript is at least as fast as the fastest Python here`,
          held: base <= times.get(python)!.median,
          evidence: `${typescript} ${formatTime(base)}, ${python} ${formatTime(times.get(python)!.median)}`,
        });
      }
    }
  } finally {
    progress.stop();
  }
  const faster = claims.filter(({ held }) => held).length;
  const middle = summarise(shares).median;
  return await report({
    chapter: "peers",
    topic: "peers",
    question: "How fast is TypeScript beside Python and C?",
    mode: "quick",
    tables,
    charts: bars.length === 0 ? {} : {
      peers: barChart({
        title: "The fastest Python and C beside our fastest TypeScript",
        x: { title: "times as long as our fastest TypeScript (left of 1: faster)", log: true },
        bars,
        text: formatRatio,
      }),
    },
    figures,
    checks,
    claims,
    missing: [...missing.values()],
    answer: `Of ${claims.length} pieces of work that Python ran here, our fastest TypeScript is at least as fast in ` +
      `${faster}; C takes ${formatRatio(middle)} its time in the median of ${shares.length}.`,
  });
}

if (import.meta.main) {
  const flags = parseArgs(Deno.args, {
    boolean: ["help"],
    string: ["only"],
    unknown: (argument) => fail(`${argument} is not a flag: there are only --only and --help`),
  });
  const all = Object.keys(workloads);
  if (flags.help) {
    console.log(`deno task peers: TypeScript beside Python and C

  --only NAME,…  some of: ${all.join(", ")}`);
    Deno.exit(0);
  }
  const names = flags.only === undefined ? all : flags.only.split(",");
  for (const name of names) if (!all.includes(name)) fail(`--only ${name}: must be some of ${all.join(", ")}`);
  const { passed } = await run(names);
  if (!passed) Deno.exit(1);
}
