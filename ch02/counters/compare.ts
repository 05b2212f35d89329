/**
 * What the processor did, counted: by its own counters where the machine passes them on, by a simulated one everywhere.
 *
 * Where perf or valgrind is missing, that half is left out.
 *
 * @original 06_matrix/Makefile (perf stat), and chapter 2's advice to look at CPU counters
 * @run deno run --allow-read=. --allow-write=results --allow-run=deno,perf,valgrind --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch02/counters/compare.ts
 * @takes 15 s
 */

import { barChart, palette } from "../../bench/lib/chart.ts";
import { isBrief } from "../../bench/lib/measure.ts";
import { figure } from "../../bench/lib/results.ts";
import { compareSections, needing, type Section } from "../../bench/lib/sections.ts";
import { formatNumber, formatRatio, table } from "../../bench/lib/table.ts";
import { type Counts, numbers, simulateWalks, steps } from "./cachegrind.ts";
import { beyond, countEvents } from "./hardware_counters.ts";

export function run(args: readonly string[]) {
  return compareSections({
    chapter: "ch02",
    topic: "counters",
    question: "How many instructions does my script take, and how often does the processor wait?",
    answer: "Beyond the start of the runtime",
  }, {
    hardware: needing({
      command: "perf",
      name: "perf",
      remedy: "apt-get install linux-perf (Linux; reads the processor's counters)",
    }, hardwareSection),
    cachegrind: needing({
      command: "valgrind",
      name: "valgrind",
      remedy: "apt-get install valgrind (Linux; counts instructions and cache misses)",
    }, cachegrindSection),
  }, args);
}

/** The system's counts and, where there are any, the processor's: of touching memory, and of the sum of ch02/bytecode. */
async function hardwareSection(full: boolean): Promise<Section> {
  const repeat = isBrief() ? 1 : full ? 10 : 3;
  const count = (script: string, args: string[]) => countEvents(script, { args, repeat, quiet: true });
  const empty = await count("data:text/javascript,", []);
  if (empty.complaint !== undefined) {
    const missing = [{
      name: `what perf may count: ${empty.complaint.split("\n")[0]}`,
      remedy: "see man perf_event_open",
    }];
    return { tables: [], figures: [], checks: [], claims: [], missing, finding: "" };
  }
  const sum = import.meta.resolve("../bytecode/good_and_bad.ts");
  const runs = {
    "touching 64 MiB": await count(import.meta.resolve("./hardware_counters.ts"), ["--demonstrate"]),
    "the good sum": await count(sum, ["good"]),
    "the bad sum": await count(sum, ["bad"]),
  };
  const events = [...empty.counts.keys()].filter((event) => empty.counts.get(event) !== null);
  const lacking = [...empty.counts.keys()].filter((event) => empty.counts.get(event) === null);
  const value = (name: keyof typeof runs, event: string) => beyond(runs[name].counts, empty.counts, event);
  const faults = value("touching 64 MiB", "page-faults") ?? NaN;
  const instructions = (["the good sum", "the bad sum"] as const).map((name) => value(name, "instructions"));
  const [good, bad] = instructions;
  return {
    tables: [table(
      ["beyond an empty script", ...events.map((event) => event === "task-clock" ? "ms" : event.replaceAll("-", " "))],
      Object.keys(runs).map((name) => [
        name,
        ...events.map((event) => formatNumber(value(name as keyof typeof runs, event) ?? NaN)),
      ]),
    )],
    figures: Object.keys(runs).flatMap((name) =>
      events.map((event) =>
        figure(
          `${event}, ${name}`,
          1,
          value(name as keyof typeof runs, event) ?? NaN,
          event === "task-clock" ? "ms" : "",
        )
      )
    ),
    checks: [{
      // A fault brings at least a page of 4 KiB and at most a huge page of 2 MiB.
      claim: "64 MiB that are touched come by page faults",
      passed: faults >= 2 ** 26 / 2 ** 21,
      evidence: `${faults} faults`,
    }],
    claims: good !== null && bad !== null
      ? [{
        claim: "the bad sum takes more instructions than the good one",
        held: bad > good,
        evidence: `${formatNumber(bad)} against ${formatNumber(good)}`,
      }]
      : [],
    missing: lacking.length > 0
      ? [{
        name: `hardware counters (${lacking.join(", ")})`,
        remedy: "a machine that passes them on, as most virtual ones do not",
      }]
      : [],
    finding: good !== null && bad !== null
      ? `the bad sum takes ${formatRatio(bad / good)} the instructions of the good one`
      : `this machine passes no hardware counters on; touching 64 MiB takes ${formatNumber(faults)} page faults`,
  };
}

/** Instructions and misses of two walks through the same numbers, and of the first once more. */
async function cachegrindSection(): Promise<Section> {
  // A simulated run takes seconds of processor time: the second look at the first walk is what a brief run does without.
  const once = [steps["in order"], steps["by leaps"]];
  const [order, leaps, again] = await simulateWalks(isBrief() ? once : [...once, steps["in order"]]);
  const each = (count: number) => count / numbers;
  const named: Record<string, Counts> = { "in order": order, "by leaps": leaps };
  if (again) named["in order, once more"] = again;
  const apart = (a: number, b: number) => Math.abs(a - b) / b;
  const same = apart(leaps.instructions, order.instructions),
    repeated = again && apart(again.instructions, order.instructions);
  const more = each(leaps.d1Misses - order.d1Misses);
  const percent = (share: number) => `${(100 * share).toFixed(3)}%`;
  return {
    tables: [table(
      [
        "a number, by cachegrind",
        "instructions",
        "reads and writes",
        "D1 misses",
        "LL misses",
        "branches",
        "guessed wrong",
      ],
      Object.entries(named).map(([name, counts]) => [
        name,
        ...Object.values(counts).map((count: number) => each(count).toFixed(3)),
      ]),
    )],
    charts: {
      counters_walks: barChart({
        title: "Misses of the first cache, adding up the same numbers",
        x: { title: "misses of D1 a number, simulated" },
        bars: Object.entries(named).map(([name, { d1Misses }]) => ({
          name,
          value: each(d1Misses),
          color: palette[name === "by leaps" ? 1 : 0],
        })),
        text: (value) => value.toFixed(3),
      }),
    },
    figures: Object.entries(named).flatMap(([name, counts]) => [
      figure(`instructions, ${name}`, numbers, each(counts.instructions), "per number"),
      figure(`D1 misses, ${name}`, numbers, each(counts.d1Misses), "per number"),
      figure(`LL misses, ${name}`, numbers, each(counts.llMisses), "per number"),
    ]),
    checks: [
      {
        claim: "by leaps D1 misses at each number, in order at every 8th: 7/8 more, within 0.1",
        passed: Math.abs(more - 7 / 8) <= 0.1,
        evidence: `${more.toFixed(3)} more`,
      },
      {
        claim: "both walks take the same instructions, within 2%",
        passed: same <= 0.02,
        evidence: `${percent(same)} apart`,
      },
    ],
    claims: repeated === undefined ? [] : [{
      claim: "two runs of a script agree to 0.5% of its own instructions",
      held: repeated <= 0.005,
      evidence: percent(repeated),
    }],
    finding:
      `a simulated walk by leaps takes ${formatRatio(leaps.instructions / order.instructions)} the instructions of ` +
      `one in order, and ${more.toFixed(2)} more misses of the first cache a number` +
      (repeated === undefined ? "" : `; two runs differ by ${percent(repeated)} in instructions`),
  };
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
