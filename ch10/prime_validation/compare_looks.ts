/**
 * How often should a worker look whether it may stop? The cost of looking against the time until it stops.
 *
 * @original 10_multiprocessing/prime_validation/primes_pool_per_number_manager.py
 * @run deno run --allow-read --allow-write=results --allow-run=redis-server --allow-net=127.0.0.1 --ignore-env --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch10/prime_validation/compare_looks.ts
 * @takes 8 s
 */

import { lineChart } from "../../bench/lib/chart.ts";
import { isBrief } from "../../bench/lib/measure.ts";
import { compareSections, type Section } from "../../bench/lib/sections.ts";
import { median } from "../../bench/lib/statistics.ts";
import { formatRatio, formatTime, table } from "../../bench/lib/table.ts";
import * as messages from "./validate_messages.ts";
import * as redis from "./validate_redis.ts";
import * as sharedFlag from "./validate_shared_flag.ts";

const ways = {
  atomics: sharedFlag.experiment,
  shared_byte: (options: { workers: number; look?: number }) => sharedFlag.experiment({ ...options, plain: true }),
  messages: messages.experiment,
  redis: redis.experiment,
};

async function looks(full: boolean): Promise<Section> {
  const every = Array.from({ length: 8 }, (_, power) => 10 ** power),
    workers = 2,
    repeats = isBrief() ? 1 : full ? 21 : 5;
  const prime = 100109100129162907n, composite = 100109100129101027n, factor = 171656941;
  const cost = new Map<string, number>(), latency = new Map<string, number>();
  const figures: Section["figures"] = [], wrong: string[] = [], missing: Section["missing"] = [];
  const names: string[] = [];
  for (const [name, experiment] of Object.entries(ways)) {
    for (const look of every) {
      const opened = await experiment({ workers, look }).catch((error) => {
        if (error instanceof redis.MissingRedis) return null;
        throw error;
      });
      if (!opened) {
        missing.push({ name: "Redis", remedy: "apt-get install redis-server" });
        break;
      }
      if (!names.includes(name)) names.push(name);
      try {
        // Enough candidates for the clock, but not more looks than take some ten milliseconds.
        const most = /messages|redis/.test(name) ? 100 : 300_000;
        const trials = workers * Math.max(look, Math.min(1e7, most * look)), from = 100_000_001;
        const costs: number[] = [], latencies: number[] = [];
        // So many candidates for each worker that the second begins just before the factor, and the first has much to do.
        // Not at the factor: it would be found before the first worker has begun, which then stops at its first look.
        const half = 4e7, lead = look < 100_000 ? 0 : 100_000, middleOf = factor - 2 * lead;
        // Until V8 has compiled the loop for good, with what it meets in it.
        for (let i = 0; i < 3; i++) {
          await opened.run(prime, 200_000_001, 200_000_001 + 2 * Math.max(look, Math.min(4e6, most * look)));
        }
        for (let i = 0; i <= repeats; i++) {
          const start = performance.now(), whole = await opened.run(prime, from, from + 2 * trials);
          const end = performance.now(),
            stopped = await opened.run(composite, middleOf - 2 * half, middleOf + 2 * half);
          const time = performance.now();
          if (whole.factor || whole.trials !== trials) wrong.push(`${name} ${look}: ${JSON.stringify(whole)}`);
          if (stopped.factor !== factor) {
            wrong.push(`${name} ${look}: ${JSON.stringify(stopped)}`);
          }
          // The first time, V8 still compiles.
          if (i === 0) continue;
          costs.push((end - start) / 1000 / trials * workers);
          latencies.push(Math.max(1e-6, (time - end) / 1000 - lead * Math.min(...costs)));
        }
        const key = `${name} ${look}`;
        // The shortest: what else the machine does can only add. A stop also depends on when the look comes.
        cost.set(key, Math.min(...costs));
        latency.set(key, median(latencies));
        const spread = (values: number[]) => (Math.max(...values) - Math.min(...values)) / median(values);
        figures.push(
          { name, size: look, value: Math.min(...costs), unit: "s per trial", samples: repeats, spread: spread(costs) },
          {
            name: `${name}, stop`,
            size: look,
            value: median(latencies),
            unit: "s",
            samples: repeats,
            spread: spread(latencies),
          },
        );
      } finally {
        await opened.close();
      }
    }
  }
  const best = (name: string) => Math.min(...every.map((look) => cost.get(`${name} ${look}`)!));
  // The shortest distance between looks that costs less than a fifth.
  const enough = Object.fromEntries(names.map((name) => {
    return [name, every.find((look) => cost.get(`${name} ${look}`)! < 1.2 * best(name))!];
  }));
  const lines = (y: (key: string) => number) =>
    names.map((name) => ({ name, points: every.map((look) => ({ x: look, y: y(`${name} ${look}`) })) }));
  const report = names.map((name) =>
    `${name} every ${enough[name].toLocaleString("en-US")} trials (stops after ${
      formatTime(latency.get(`${name} ${enough[name]}`)!)
    })`
  ).join(", ");
  return {
    tables: [table(
      ["trials between looks", ...names.flatMap((name) => [name, "stops after"])],
      every.map((look) => [
        look.toLocaleString("en-US"),
        ...names.flatMap((name) => [
          formatTime(cost.get(`${name} ${look}`)!),
          formatTime(latency.get(`${name} ${look}`)!),
        ]),
      ]),
    )],
    charts: {
      prime_validation_looks: lineChart({
        title: "What it costs to look whether to stop",
        x: { title: "trials between looks", log: true, ticks: [1, 100, 1e4, 1e6] },
        y: { title: "nanoseconds a trial and worker", log: true },
        lines: lines((key) => cost.get(key)! * 1e9),
      }),
      prime_validation_latency: lineChart({
        title: "How long until all have stopped",
        x: { title: "trials between looks", log: true, ticks: [1, 100, 1e4, 1e6] },
        y: { title: "milliseconds from one worker's find to the answer", log: true },
        lines: lines((key) => latency.get(key)! * 1000),
      }),
    },
    figures,
    checks: [{
      claim: "however often they look, workers try every candidate of a prime once, and all find the factor",
      passed: wrong.length === 0,
      evidence: wrong.join(", ") || `${names.length} ways, ${every.length} distances, ${repeats + 1} times each`,
    }],
    claims: [
      {
        claim: "a look in shared memory every 100,000 trials costs under 10 %",
        held: cost.get("atomics 100000")! < 1.1 * best("atomics"),
        evidence: `${formatRatio(cost.get("atomics 100000")! / best("atomics"))} of the least`,
      },
      {
        claim: "a plain byte is no cheaper to look at than an atomic (within 20 %)",
        held: Math.abs(cost.get("shared_byte 10")! / cost.get("atomics 10")! - 1) < 0.2,
        evidence: `every 10 trials, ${formatTime(cost.get("shared_byte 10")!)} a trial against ${
          formatTime(cost.get("atomics 10")!)
        }`,
      },
      {
        claim: "by message, a look costs more than 500 times as much as by Atomics",
        held: cost.get("messages 1")! > 500 * cost.get("atomics 1")!,
        evidence: formatRatio(cost.get("messages 1")! / cost.get("atomics 1")!),
      },
    ],
    missing,
    finding: `for less than 20 % more time a worker can look ${report}`,
  };
}

export async function run(args: readonly string[]) {
  return await compareSections(
    {
      chapter: "ch10",
      topic: "prime_validation_looks",
      question: "How often should a worker look whether it may stop?",
      answer: "As often as a look is cheap",
    },
    { looks },
    args,
  );
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
