/**
 * What it costs a process to be watched: an inspector that nobody uses, samples every 1000 µs and every 100 µs, live.
 *
 * The watched process measures its own speed, in windows of 25 ms, while this attaches and detaches in turns. Right comes
 * before cheap: the profile must find the function that is known to take 70%, and the process must end as it would alone.
 *
 * @original 02_profiling/py-spy/
 * @run deno run --allow-read=. --allow-write=results --allow-run=deno --allow-net=127.0.0.1 --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch02/attach/compare.ts
 * @takes 11 s
 */

import { delay } from "@std/async/delay";
import { barChart, palette } from "../../bench/lib/chart.ts";
import { isBrief } from "../../bench/lib/measure.ts";
import { type Figure, figure } from "../../bench/lib/results.ts";
import { compareSections, needing, type Section } from "../../bench/lib/sections.ts";
import { median } from "../../bench/lib/statistics.ts";
import { formatNumber, table } from "../../bench/lib/table.ts";
import { denoOnPath } from "../../bench/parts.ts";
import { attachable, type Sampled, Session, startDemonstration, summarise } from "./attach.ts";

export function run(args: readonly string[]) {
  return compareSections(
    {
      chapter: "ch02",
      topic: "attach",
      question: "How do I see what a process that runs already is doing, and what does that cost it?",
      answer: "Attached to a running process, and detached again",
    },
    { cost: needing(denoOnPath, costSection) },
    args,
  );
}

/** The states that the inspected process is watched in; null is not at all. */
const states: Record<string, { interval: number; slice?: number; recompile?: boolean } | null> = {
  "inspector on, nobody attached": null,
  "attached, every 1000 µs": { interval: 1000 },
  "attached, every 100 µs": { interval: 100 },
  "live: a table every 250 ms": { interval: 1000, slice: 250 },
  "detached again": null,
};

/** When a state began and ended, in milliseconds since 1970. */
interface Phase {
  name: string;
  start: number;
  end: number;
}

/** Speeds by the name of their state; of each profile what led it, with which share of how many samples. */
interface Round {
  speeds: Record<string, number[]>;
  taken: { name: string; self: number; samples: number }[];
  code: number;
  lines: number;
  wellFormed: boolean;
}

async function costSection(full: boolean): Promise<Section> {
  const milliseconds = full ? 2000 : 500, rounds = isBrief() ? 1 : full ? 5 : 2;
  const results: Round[] = [], plain: Round[] = [];
  for (let round = 0; round < rounds; round++) {
    plain.push(await watch([], [[without, milliseconds]]));
    // Each round begins with another state, so that none always comes first; detaching follows attaching.
    const names = Object.keys(states).slice(0, -1);
    const order = names.map((_, i) => names[(i + round) % names.length]).concat("detached again");
    results.push(await watch(attachable, order.map((name) => [name, milliseconds])));
  }
  const unaided = await watch(attachable, [[asItIs, milliseconds]]);

  const names = [without, ...Object.keys(states)], all = [...plain, ...results];
  // Costs of a few percent are what this is about.
  const times = (name: string) => `${cost(name).toFixed(2)}x`;
  const speedsOf = (name: string) => all.flatMap(({ speeds }) => speeds[name] ?? []);
  const cost = (name: string) => median(speedsOf(without)) / median(speedsOf(name));
  const taken = results.flatMap(({ taken }) => taken), unseen = unaided.taken[0];
  // A slice of a quarter of a second has 200 samples, from which 70% may well come out as 63%; together they have thousands.
  const samples = taken.reduce((sum, { samples }) => sum + samples, 0);
  const share = taken.reduce((sum, { self, samples }) => sum + self * samples, 0) / samples;
  const percent = (share: number) => `${(100 * share).toFixed(1)}%`;
  const fine = [...all, unaided].every(({ code, wellFormed }) => code === 7 && wellFormed);
  return {
    tables: [table(
      ["the process", "work a ms", "time for the same work"],
      names.map((name) => [name, formatNumber(median(speedsOf(name))), times(name)]),
    )],
    charts: {
      attach_cost: barChart({
        title: "What it costs a process to be watched",
        x: { title: "time for the same work, 1 without an inspector" },
        bars: names.map((name) => ({
          name,
          value: cost(name),
          color: palette[/attached, |live/.test(name) ? 1 : 0],
        })),
        text: (value) => `${value.toFixed(2)}x`,
      }),
    },
    figures: names.map((name): Figure => {
      const speeds = speedsOf(name);
      return figure(`work, ${name}`, 1, median(speeds), "times per ms", speeds);
    }),
    checks: [
      {
        claim:
          "the function that does 70% of the work leads each profile, and has 65 to 75% of all samples, once V8 has " +
          "compiled again what attaching threw away",
        passed: taken.every(({ name }) => name === "hot") && share >= 0.65 && share <= 0.75,
        evidence: `${percent(share)} of ${samples}: ${
          taken.map(({ name, self }) => `${name} ${percent(self)}`).join(", ")
        }`,
      },
      {
        claim: "watched or not, the process ends with its own exit code and prints whole lines up to the end",
        passed: fine,
        evidence: [...all, unaided].map(({ code, lines }) => `code ${code} after ${lines} lines`).join(", "),
      },
    ],
    claims: [
      {
        claim: "an inspector that nobody uses costs nothing (within 5%)",
        held: cost("inspector on, nobody attached") <= 1.05,
        evidence: times("inspector on, nobody attached"),
      },
      {
        claim: "being sampled every 1000 µs costs less than 5%",
        held: cost("attached, every 1000 µs") <= 1.05,
        evidence: `${times("attached, every 1000 µs")}; every 100 µs ${times("attached, every 100 µs")}, live ${
          times("live: a table every 250 ms")
        }`,
      },
      {
        claim: "after detaching the process is as fast as before (within 5%)",
        held: cost("detached again") <= 1.05,
        evidence: times("detached again"),
      },
      {
        claim: "unless optimised code is thrown away, what V8 inlined before counts as its caller's",
        held: unseen?.name === "work",
        evidence: unseen ? `${unseen.name} leads with ${percent(unseen.self)}` : "nothing was sampled",
      },
    ],
    finding: `a function of 70% is found as ${percent(share)}; for the same work the process takes ` +
      `${times("attached, every 1000 µs")} the time while it is sampled every 1000 µs, ` +
      `${times("attached, every 100 µs")} every 100 µs, and ${times("detached again")} afterwards`,
  };
}

const without = "no inspector", asItIs = "attached, with the code as it is";

/**
 * A profile without its first 150 ms. Attaching throws optimised code away, and until it is compiled again functions have
 * other shares: in the first 100 ms the one of 70% was seen with 61%, in each 100 ms after that with 66 to 73%.
 */
function settled(one: Sampled): Sampled {
  const { nodes, samples, timeDeltas } = one.profile, hits = new Map<number, number>();
  let time = 0;
  samples.forEach((id, i) => {
    time += timeDeltas[i];
    if (time > 150_000) hits.set(id, (hits.get(id) ?? 0) + 1);
  });
  return {
    ...one,
    profile: { ...one.profile, nodes: nodes.map((node) => ({ ...node, hitCount: hits.get(node.id) ?? 0 })) },
  };
}

/** Runs the demonstration with the given flags through the given states, one after the other. */
async function watch(flags: string[], phases: [name: string, milliseconds: number][]): Promise<Round> {
  // Before the first state V8 has time to compile it, and after the last one it has some left.
  const warmUp = 300, total = phases.reduce((sum, [, milliseconds]) => sum + milliseconds + 150, warmUp);
  const { child, address, output } = await startDemonstration(total, flags);
  try {
    await delay(warmUp);
    const seen: Phase[] = [], sampled: Sampled[] = [];
    for (const [name, milliseconds] of phases) {
      const state = name === asItIs ? { interval: 1000, recompile: false } : states[name];
      const session = state ? await Session.attach(address, state) : undefined;
      const start = Date.now();
      for (let left = milliseconds, part = state?.slice ?? left; left > 0; left -= part) {
        await delay(Math.min(part, left));
        if (session && left > part) sampled.push(...await session.take(false));
      }
      seen.push({ name, start, end: Date.now() });
      if (session) sampled.push(...await session.take(true));
      session?.detach();
    }
    const lines = (await output).trimEnd().split("\n"), { code } = await child.status;
    const windows = lines.map((line): [end: number, speed: number] => JSON.parse(line));
    const speeds: Round["speeds"] = {};
    for (const { name, start, end } of seen) {
      // A window that began before its state belongs to none.
      const inside = windows.filter(([at]) => at - 26 > start && at <= end).map(([, speed]) => speed);
      speeds[name] = (speeds[name] ?? []).concat(inside);
    }
    const taken = sampled.map((one) => {
      const { rows: [{ name, self }], samples, idle } = summarise(settled(one));
      return { name, self, samples: Math.round(samples * (1 - idle)) };
    });
    return { speeds, taken, code, lines: lines.length, wellFormed: windows.every((window) => window.length === 2) };
  } finally {
    try {
      child.kill();
    } catch { /* It has ended by itself. */ }
  }
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
