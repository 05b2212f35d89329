/**
 * A pool written by hand, a pool from npm, and none: what a task costs, and how long tasks must be for a pool to gain.
 *
 * @original 10_multiprocessing/prime_generation/primes.py
 * @run deno run --allow-read=. --allow-write=results --allow-env=PISCINA_DISABLE_ATOMICS,XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch10/pool/compare.ts
 * @takes 8 s
 */

import { lineChart } from "../../bench/lib/chart.ts";
import { measureInTurns } from "../../bench/lib/measure.ts";
import { compareSections, type Section } from "../../bench/lib/sections.ts";
import { formatRatio, formatTime, table } from "../../bench/lib/table.ts";
import { Pool, tasks, WorkerLost } from "./pool.ts";
import { openPool as openTinypool } from "./pool_tinypool.ts";

const module = import.meta.resolve("./pool.ts");

/** Tasks that do nothing. */
async function cost(full: boolean): Promise<Section> {
  const count = full ? 20_000 : 500, numbers = Array.from({ length: count }, (_, i) => i);
  await using pools = new AsyncDisposableStack();
  const open = (batch: number) => pools.use(new Pool<typeof tasks>(module, { batch }));
  const single = open(1), tens = open(10), hundreds = open(100), tinypool = await openTinypool();
  pools.defer(() => tinypool.close());
  const oneByOne = async (run: (n: number) => Promise<number>) => {
    const results: number[] = [];
    for (const n of numbers) results.push(await run(n));
    return results;
  };
  const calls: Record<string, () => Promise<number[]>> = {
    "no pool, awaited": () => oneByOne((n) => Promise.resolve(tasks.echo(n))),
    "pool, one at a time": () => oneByOne((n) => single.run("echo", n) as Promise<number>),
    "pool, in flight": () => Array.fromAsync(single.map("echo", numbers)) as Promise<number[]>,
    "pool, batches of 10": () => Array.fromAsync(tens.map("echo", numbers)) as Promise<number[]>,
    "pool, batches of 100": () => Array.fromAsync(hundreds.map("echo", numbers)) as Promise<number[]>,
    "tinypool, one at a time": () => oneByOne((n) => tinypool.run("echo", n) as Promise<number>),
    "tinypool, in flight": () => tinypool.map("echo", numbers) as Promise<number[]>,
  };
  const wrong: string[] = [];
  for (const [name, call] of Object.entries(calls)) {
    const results = await call();
    if (results.length !== count || results.some((result, i) => result !== i)) wrong.push(name);
  }
  const measured = await measureInTurns(calls, { budget: full ? 2 : 0.1 });
  const names = Object.keys(calls), time = (name: string) => measured[name].median / count;
  const tiny = time("tinypool, one at a time"), own = time("pool, one at a time");
  return {
    tables: [table(
      ["a task that does nothing", "a task", "±", "vs tinypool, one at a time"],
      names.map((name) => [
        name,
        formatTime(time(name)),
        `${Math.round(100 * measured[name].spread)}%`,
        formatRatio(tiny / time(name)),
      ]),
    )],
    figures: names.map((name) => {
      const { samples, spread } = measured[name];
      return { name: `cost ${name}`, size: count, value: time(name), unit: "s per task", samples, spread };
    }),
    checks: [{
      claim: "every pool gives every result, in the order of the tasks",
      passed: wrong.length === 0,
      evidence: wrong.length > 0 ? `not so: ${wrong.join(", ")}` : `${count} tasks each`,
    }],
    claims: [
      { claim: "the pool costs less than 200 µs a task", held: own < 200e-6, evidence: formatTime(own) },
      {
        claim: "several tasks in flight cost at most half of one at a time",
        held: time("pool, in flight") <= own / 2,
        evidence:
          `${formatTime(time("pool, in flight"))} after ${formatTime(own)}: the main thread sends and receives ` +
          "as many messages, and that is what takes the time",
      },
      {
        claim: "batches of 100 cost at most a quarter of one at a time",
        held: time("pool, batches of 100") <= own / 4,
        evidence: `${formatTime(time("pool, batches of 100"))}, ${
          formatRatio(own / time("pool, batches of 100"))
        } less`,
      },
    ],
    finding: `a task costs ${formatTime(own)} in the pool written by hand and ${formatTime(tiny)} in tinypool, ` +
      `and ${formatTime(time("pool, batches of 100"))} in batches of 100`,
  };
}

/** The same work cut into more and more tasks. */
async function length(full: boolean): Promise<Section> {
  const limit = full ? 1_000_000 : 200_000, primes = full ? 78498 : 17984;
  const counts = full ? [10, 100, 1000, 10_000, 40_000] : [10, 100, 2000];
  await using pools = new AsyncDisposableStack();
  const single = pools.use(new Pool<typeof tasks>(module));
  const batches = pools.use(new Pool<typeof tasks>(module, { batch: 20 }));
  const tinypool = await openTinypool();
  pools.defer(() => tinypool.close());
  const names = ["none", "pool", "pool, batches", "tinypool"] as const;
  const readings = new Map<
    number,
    Record<(typeof names)[number], { median: number; samples: number; spread: number }>
  >();
  const sums = new Set<number>();
  for (const count of counts) {
    const ranges = Array.from(
      { length: count },
      (_, i) => [i, i + 1].map((part) => Math.floor(limit * part / count)) as [number, number],
    );
    const total = (results: number[]) => results.reduce((sum, primes) => sum + primes, 0);
    const calls = {
      none: () => Promise.resolve(total(ranges.map(tasks.countPrimes))),
      pool: async () => total(await Array.fromAsync(single.map("countPrimes", ranges))),
      "pool, batches": async () => total(await Array.fromAsync(batches.map("countPrimes", ranges))),
      tinypool: async () => total(await tinypool.map("countPrimes", ranges)),
    };
    for (const name of names) sums.add(await calls[name]());
    readings.set(count, await measureInTurns(calls, { budget: full ? 1.5 : 0.08 }));
  }
  const time = (count: number, name: (typeof names)[number]) => readings.get(count)![name].median;
  const gain = (count: number, name: (typeof names)[number]) => time(count, "none") / time(count, name);
  const best = (name: (typeof names)[number]) => Math.max(...counts.map((count) => gain(count, name)));
  const most = counts.at(-1)!, lasts = (count: number) => time(count, "none") / count;
  return {
    tables: [table(
      [`primes below ${limit.toLocaleString("en-US")}`, "a task lasts", "no pool", ...names.slice(1)],
      counts.map((count) => [
        `${count} tasks`,
        formatTime(lasts(count)),
        formatTime(time(count, "none")),
        ...names.slice(1).map((name) => formatRatio(gain(count, name))),
      ]),
    )],
    charts: {
      pool_task_length: lineChart({
        title: "What a pool gains, by the length of a task",
        x: { title: "a task lasts, ms", log: true },
        y: { title: "times as fast as without a pool" },
        lines: names.map((name) => ({
          name: name === "none" ? "no pool" : name,
          dash: name === "none",
          points: counts.map((count) => ({ x: lasts(count) * 1000, y: gain(count, name) })).reverse(),
        })),
      }),
    },
    figures: counts.flatMap((count) =>
      names.map((name) => {
        const { median, samples, spread } = readings.get(count)![name];
        return { name: `work ${name}`, size: count, value: median, unit: "s", samples, spread };
      })
    ),
    checks: [{
      claim: `there are ${primes} primes below ${limit}, however the work is cut`,
      passed: sums.size === 1 && sums.has(primes),
      evidence: [...sums].join(", "),
    }],
    claims: [
      {
        claim: "with long tasks, the pool is at least 0.8 times the cores as fast as none",
        held: best("pool") >= 0.8 * navigator.hardwareConcurrency,
        evidence: `${formatRatio(best("pool"))} on ${navigator.hardwareConcurrency} cores`,
      },
      {
        claim: "tasks of a few microseconds are slower in a pool than without, unless they share messages",
        held: gain(most, "pool") < 1,
        evidence: `tasks of ${formatTime(lasts(most))}: ${formatRatio(gain(most, "pool"))}, in batches ${
          formatRatio(gain(most, "pool, batches"))
        }, tinypool ${formatRatio(gain(most, "tinypool"))}`,
      },
    ],
    finding:
      `tasks of ${formatTime(lasts(counts[1]))} run ${formatRatio(gain(counts[1], "pool"))} as fast as without a ` +
      `pool, of ${formatTime(lasts(most))} ${formatRatio(gain(most, "pool"))}, and in batches ` +
      formatRatio(gain(most, "pool, batches")),
  };
}

/** Tasks that throw and workers that die, among others that must not notice. */
async function faults(): Promise<Section> {
  await using pool = new Pool<typeof tasks>(module, { batch: 4 });
  const results = await Promise.allSettled(Array.from({ length: 60 }, (_, i) => {
    if (i % 20 === 5) return pool.run("fail", `task ${i}`);
    if (i % 20 === 15) return pool.run("die", (["close", "exit", "close"] as const)[Math.floor(i / 20)]);
    return pool.run("echo", i);
  }));
  const done = results.filter((result, i) => result.status === "fulfilled" && result.value === i).length;
  const reasons = results.flatMap((result) => result.status === "rejected" ? [result.reason] : []);
  const lost = reasons.filter((reason) => reason instanceof WorkerLost).length;
  const threw = reasons.filter((reason) => reason instanceof RangeError).length;
  return {
    tables: [],
    figures: [],
    checks: [{
      claim: "of 60 tasks, the 3 that throw and the 3 that end their worker reject with the cause, and 54 are done",
      passed: done === 54 && lost === 3 && threw === 3,
      evidence: `${done} done, ${threw} threw, ${lost} lost`,
    }],
    claims: [],
    finding: "a worker that dies takes one task with it",
  };
}

export function run(args: readonly string[]) {
  return compareSections(
    {
      chapter: "ch10",
      topic: "pool",
      question: "What does a pool of workers offer, and what does a task in it cost?",
      answer: "Results in order, limits, and workers replaced",
    },
    { cost, length, faults },
    args,
  );
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
