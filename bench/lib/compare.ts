/**
 * The declarative compare: several variants of one computation, checked against each other first and timed second.
 * A compare with other needs calls the same parts (flags, measure, table, chart) by itself and ends in `report`.
 */

import type { Chart } from "./chart.ts";
import { parseCompareFlags } from "./flags.ts";
import { isBrief, measureInTurns, type Measurement } from "./measure.ts";
import { startProgress } from "./progress.ts";
import { type Outcome, report } from "./report.ts";
import { type Claim, type Figure, type Missing, prepareResults } from "./results.ts";
import { formatNumber, formatRatio, formatTime, type Table, table } from "./table.ts";

export type Answer = number | ArrayLike<number>;

/** A variant set up for one size. */
export interface Prepared {
  /** What is timed. */
  call(): unknown;
  /** What the first call came to, to be compared across variants. */
  answer(): Answer | Promise<Answer>;
  close?(): void | Promise<void>;
}

export interface Comparison {
  chapter: string;
  topic: string;
  question: string;
  /** Name to set-up, which is outside the clock. Null where this machine lacks what the variant needs. */
  variants: Record<string, (size: number) => Prepared | null | Promise<Prepared | null>>;
  sizes: { quick: number[]; full: number[]; min: number; max: number };
  /** The size of the main table; where it is not among the sizes of a run, the largest one is. */
  headline: number;
  /** All answers lie within this of `with`'s, relative to the largest magnitude in it; `except` names other bounds. */
  agree: { with: string; within: number; except?: Record<string, number> };
  baseline: string;
  /** The native kernels that say how fast this machine could go, left out where they could not be built. */
  limits: string[];
  /** What a row counts: one call does `count(size)` of `per`, each of which moves at least `bytes(size)`. */
  unit: {
    per: string;
    count?: (size: number) => number;
    bytes?: (size: number) => number;
    label?: (size: number) => string;
  };
  /** Seconds of sampling for each variant and size. */
  budget: { quick: number; full: number };
  /** Leaves a variant out at sizes where it would take minutes. */
  tooSlow?: (name: string, size: number) => boolean;
  /** What to report as missing if the variant of that name cannot be had. */
  needs?: Record<string, Missing>;
  /** Runs before anything else, but after the flags are known to be good. */
  prepare?: () => Promise<void>;
  charts?: (readings: Readings) => Record<string, Chart>;
  claims?: (readings: Readings) => Claim[];
  /** The question's answer in one sentence with figures of this run. */
  answer: (readings: Readings) => string;
}

/** What a run measured, by name and size. What did not run reads as NaN. */
export class Readings {
  #readings = new Map<string, Measurement>();

  constructor(readonly names: string[], readonly sizes: number[], readonly headline: number) {}

  set(name: string, size: number, measurement: Measurement) {
    this.#readings.set(`${name} ${size}`, measurement);
  }
  get(name: string, size: number = this.headline): Measurement | undefined {
    return this.#readings.get(`${name} ${size}`);
  }
  /** Seconds per unit. */
  time(name: string, size: number = this.headline): number {
    return this.get(name, size)?.median ?? NaN;
  }
  /** How many times as fast as `slower` the variant `faster` is. */
  ratio(slower: string, faster: string, size: number = this.headline): number {
    return this.time(slower, size) / this.time(faster, size);
  }
}

/** Runs a comparison under the given command-line arguments. Throws, and prints no time, if the variants disagree. */
export async function compare(comparison: Comparison, args: readonly string[]): Promise<Outcome> {
  const { chapter, topic, question, variants, sizes, unit, baseline, limits, agree } = comparison;
  const flags = parseCompareFlags(args, { about: question, names: Object.keys(variants), size: sizes });
  prepareResults(chapter);
  await comparison.prepare?.();

  const always = [agree.with, baseline, ...limits];
  const names = Object.keys(variants).filter((name) => !flags.only || [...flags.only, ...always].includes(name));
  // The largest size takes most of the time, and to see that all runs and agrees the others will do.
  const smaller = sizes.quick.slice(0, Math.max(1, sizes.quick.length - 1));
  const run = flags.sizes ?? (isBrief() ? smaller : sizes[flags.mode]);
  const readings = new Readings(names, run, run.includes(comparison.headline) ? comparison.headline : Math.max(...run));
  const errors = new Map<string, number>();
  const lacking = new Set<string>();
  const rounds = 3;
  const progress = startProgress(`${chapter}/${topic}`, run.length * names.length * (rounds + 1));
  try {
    for (const size of run) {
      const here = [agree.with, ...names.filter((name) => name !== agree.with && !comparison.tooSlow?.(name, size))];
      await using prepared = new AsyncDisposableStack();
      const calls: Record<string, () => unknown> = {};
      let reference: Answer = NaN;
      for (const name of here) {
        progress.step(`checking ${name} at ${size}`);
        const variant = await variants[name](size);
        if (!variant) {
          lacking.add(name);
          continue;
        }
        prepared.defer(() => variant.close?.());
        await variant.call();
        const answer = await variant.answer();
        if (name === agree.with) reference = typeof answer === "number" ? answer : new Float64Array(answer);
        const error = relativeError(answer, reference);
        const bound = agree.except?.[name] ?? agree.within;
        if (!(error <= bound)) {
          throw new Error(`${name} differs from ${agree.with} by ${error} at size ${size}, where ${bound} is allowed`);
        }
        errors.set(name, Math.max(error, errors.get(name) ?? 0));
        calls[name] = () => variant.call();
      }
      const before = (name: string) => progress.step(`timing ${name} at ${size}`);
      const measured = await measureInTurns(calls, {
        budget: comparison.budget[flags.mode],
        rounds,
        before,
      });
      const count = unit.count?.(size) ?? 1;
      for (const name of Object.keys(calls)) {
        readings.set(name, size, { ...measured[name], median: measured[name].median / count });
      }
    }
  } finally {
    progress.stop();
  }

  const bound = Object.entries({ ...agree.except }).map(([name, bound]) => `; ${name} within ${bound}`).join("");
  const answer = comparison.answer(readings);
  return await report({
    chapter,
    topic,
    question,
    mode: flags.mode,
    tables: [mainTable(comparison, readings, errors), ...run.length > 1 ? [sizeTable(comparison, readings)] : []],
    figures: names.flatMap((name) =>
      run.filter((size) => readings.get(name, size)).map((size): Figure => {
        const { median, samples, spread } = readings.get(name, size)!;
        return { name, size, value: median, unit: `s per ${unit.per}`, samples, spread };
      })
    ),
    checks: [{
      claim: `all agree with ${agree.with} within ${agree.within}${bound}`,
      passed: true,
      evidence: [...errors.keys()].map((name) => `${name} ${formatNumber(errors.get(name)!)}`).join(", "),
    }],
    // What --only left out, or this machine lacks, reads as NaN, about which there is nothing to say.
    claims: (comparison.claims?.(readings) ?? []).filter(({ evidence }) => !/\bNaN/.test(evidence)),
    missing: [
      ...new Set([...lacking].map((name) => comparison.needs?.[name])),
    ].filter((missing) => missing !== undefined),
    charts: comparison.charts?.(readings) ?? {},
    answer: /\bNaN/.test(answer) ? "not everything ran that the answer speaks of" : answer,
  });
}

/** The largest difference over the largest magnitude of the reference. NaN where either holds a NaN or lengths differ. */
export function relativeError(answer: Answer, reference: Answer): number {
  if (typeof answer === "number") answer = [answer];
  if (typeof reference === "number") reference = [reference];
  if (answer.length !== reference.length) return NaN;
  let difference = 0, magnitude = 0;
  for (let i = 0; i < reference.length; i++) {
    // Math.max keeps a NaN where a comparison would lose it.
    difference = Math.max(difference, Math.abs(answer[i] - reference[i]));
    magnitude = Math.max(magnitude, Math.abs(reference[i]));
  }
  return difference === 0 ? 0 : difference / magnitude;
}

function mainTable({ unit, baseline, limits }: Comparison, readings: Readings, errors: Map<string, number>): Table {
  const size = readings.headline;
  const label = unit.label ?? String;
  const shownLimits = limits.filter((limit) => readings.get(limit));
  const columns = [
    `at ${label(size)}`,
    `a ${unit.per}`,
    "±",
    ...unit.bytes ? ["GB/s"] : [],
    `vs ${baseline}`,
    ...shownLimits.map((limit) => `of ${limit}`),
    "error",
  ];
  const rows = readings.names.filter((name) => readings.get(name)).map((name) => [
    name,
    formatTime(readings.time(name)),
    `${Math.round(readings.get(name)!.spread * 100)}%`,
    ...unit.bytes ? [formatNumber(unit.bytes(size) / readings.time(name) / 1e9)] : [],
    formatRatio(readings.ratio(baseline, name)),
    ...shownLimits.map((limit) => readings.ratio(limit, name).toFixed(2)),
    formatNumber(errors.get(name)!),
  ]);
  return table(columns, rows);
}

function sizeTable({ unit, baseline }: Comparison, readings: Readings): Table {
  const rows = readings.names.filter((name) => readings.sizes.some((size) => readings.get(name, size))).map((name) => [
    name,
    ...readings.sizes.map((size) => readings.get(name, size) ? formatRatio(readings.ratio(baseline, name, size)) : "-"),
  ]);
  return table([`times as fast as ${baseline}`, ...readings.sizes.map(unit.label ?? String)], rows);
}
