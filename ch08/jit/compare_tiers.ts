/**
 * What each of V8's tiers does with one function, and when it comes.
 *
 * V8 itself says which compiler ran; the times are only shown beside that. Every tier runs in a process of its own.
 *
 * @original none, chapter 8's questions on JIT and AOT compilers and on type annotations
 * @run deno run --allow-read=. --allow-write=results --allow-run=deno --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch08/jit/compare_tiers.ts
 * @takes 6 s
 */

import { barChart, lineChart, palette } from "../../bench/lib/chart.ts";
import { figure } from "../../bench/lib/results.ts";
import { compareSections, needing, type Section } from "../../bench/lib/sections.ts";
import { median } from "../../bench/lib/statistics.ts";
import { formatNumber, formatRatio, formatTime, table } from "../../bench/lib/table.ts";
import { denoOnPath } from "../../bench/parts.ts";
import { runTier, type Tier, tiers } from "./tiers.ts";
import { juliaPoints, type WarmUp, warmUp } from "./warm_up.ts";

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

export function run(args: readonly string[]) {
  return compareSections({
    chapter: "ch08",
    topic: "jit_tiers",
    question: "What does which tier of V8 do, and when does a JIT help?",
    answer: "V8 compiles what is hot",
  }, {
    tiers: needing(denoOnPath, tierSection),
    warm_up: needing(denoOnPath, warmUpSection),
  }, args);
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

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
