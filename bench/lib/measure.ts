/** Measuring: a thin layer over mitata that keeps medians and spreads. */

import { delay } from "@std/async/delay";
import { measure as sample } from "mitata";
import { summarise } from "./statistics.ts";

export interface Measurement {
  /** Seconds: the median of the samples. */
  median: number;
  /** The distance between the quartiles over the median: 0.02 is quiet, 0.2 is noisy. */
  spread: number;
  samples: number;
}

export interface MeasureOptions {
  /** Seconds of sampling after the warm-up. */
  budget?: number;
}

let effort = 1;

/** From here on hardly measures: what it takes to see that everything runs. The figures are then worth nothing. */
export function measureBriefly(): void {
  effort = 0.05;
}

// Every result lands here, so that no call can be optimised away as unused.
let _sink: unknown;

/** Whether this run hardly measures. */
export function isBrief(): boolean {
  return effort < 1;
}

/** Times `call` (seconds a call). A call that returns a promise is awaited inside the clock. */
export async function measure(call: () => unknown, { budget = 0.2 }: MeasureOptions = {}): Promise<Measurement> {
  await warm(call, effort * budget / 2);
  return summarise(await samples(call, effort * budget));
}

/**
 * Times several calls in turns: each round takes them in a new order, so that a slow moment of the machine, or the heat
 * of the one before, does not fall on the same one every time. `before` hears the name of each call as its turn comes.
 */
export async function measureInTurns<Name extends string>(
  calls: Record<Name, () => unknown>,
  { budget = 0.2, rounds = 3, before = () => {} }: MeasureOptions & { rounds?: number; before?: (name: Name) => void } =
    {},
): Promise<Record<Name, Measurement>> {
  const names = Object.keys(calls) as Name[];
  const collected = new Map<Name, number[]>(names.map((name) => [name, []]));
  budget *= effort;
  if (isBrief()) rounds = 1;
  for (const name of names) await warm(calls[name], budget);
  for (let round = 0; round < rounds; round++) {
    for (const name of shuffled(names, round)) {
      before(name);
      // Threads of the one before may still be spinning for more work, OpenMP's for some milliseconds.
      await delay(10);
      // Not pushed as arguments: of a short call there are more samples than the stack has room for.
      collected.set(name, collected.get(name)!.concat(await samples(calls[name], budget / rounds)));
    }
  }
  return Object.fromEntries(names.map((name) => [name, summarise(collected.get(name)!)])) as Record<Name, Measurement>;
}

/** Calls until the optimising compiler has had its chance: a loop that ran once or twice is not yet what it will be. */
async function warm(call: () => unknown, seconds: number): Promise<void> {
  const end = performance.now() + 1000 * seconds;
  do _sink = await call(); while (performance.now() < end);
}

async function samples(call: () => unknown, budget: number): Promise<number[]> {
  const stats = await sample(() => _sink = call(), {
    min_cpu_time: budget * 1e9,
    min_samples: 1,
    // A call shorter than the threshold (ns) is timed in batches of this many, so that the clock's own cost vanishes.
    batch_threshold: 50_000,
    batch_samples: 64,
    // Collecting garbage is part of what some variants cost: it is neither forced nor hidden.
    gc: false,
  });
  return stats.samples.map((ns) => ns / 1e9);
}

/** A Fisher-Yates shuffle with a small seeded generator (mulberry32): the order differs by round, not by run. */
function shuffled<T>(items: readonly T[], seed: number): T[] {
  const result = [...items];
  let state = seed + 1;
  const random = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [result[i], result[j]] = [result[j], result[i]];
  }
  return result;
}
