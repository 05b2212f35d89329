/**
 * One count by several processes or workers: what is lost without a lock, and what each way of losing nothing costs.
 *
 * @original 10_multiprocessing/locking/
 * @run deno run --allow-read=. --allow-write=results --allow-run=deno,redis-server --allow-env=XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch10/locking/compare.ts
 * @takes 8 s
 */

import { barChart, palette } from "../../bench/lib/chart.ts";
import type { Figure, Missing } from "../../bench/lib/results.ts";
import { compareSections, type Section } from "../../bench/lib/sections.ts";
import { median, quantile } from "../../bench/lib/statistics.ts";
import { formatNumber, formatRatio, formatTime, table } from "../../bench/lib/table.ts";
import * as fileCount from "./file_count.ts";
import * as integerCount from "./integer_count.ts";
import * as integerMutex from "./integer_mutex.ts";
import * as integerRedis from "./integer_redis.ts";

interface Experiment {
  run(each: number): Promise<number>;
  close(): Promise<unknown>;
}

interface Way {
  open(workers: number): Promise<Experiment>;
  /** How often each worker adds one in a run. */
  each: number;
  right: boolean;
}

// The files lie in results/, the only folder that a compare may write to.
const ways: Record<string, Way> = {
  "file, no lock": { open: (n) => fileCount.experiment(n, "results", "none"), each: 100, right: false },
  "file, each access locked": { open: (n) => fileCount.experiment(n, "results", "access"), each: 1000, right: false },
  "file, locked": { open: (n) => fileCount.experiment(n, "results"), each: 1000, right: true },
  "Redis INCR": { open: (n) => integerRedis.experiment(n, "results"), each: 300, right: true },
  "integer, mutex, using": { open: (n) => integerMutex.experiment(n, "using"), each: 50_000, right: true },
  "integer, mutex, finally": { open: (n) => integerMutex.experiment(n, "finally"), each: 100_000, right: true },
  "integer, Atomics.add": { open: (n) => integerCount.experiment(n), each: 500_000, right: true },
  "integer, ++": { open: (n) => integerCount.experiment(n, "plain"), each: 2_000_000, right: false },
  "integer, own count first": { open: (n) => integerCount.experiment(n, "own"), each: 5_000_000, right: true },
};

const noRedis: Missing = { name: "redis-server, for a count by INCR", remedy: "apt-get install redis-server" };

interface Reading {
  /** Seconds an increment: of a run, over the increments of all workers. */
  seconds: number;
  spread: number;
  /** The share of increments lost, in each run. */
  lost: number[];
}

const percent = (share: number) => `${(100 * share).toFixed(share > 0 && share < 0.01 ? 2 : 1)}%`;

/** All ways with 1, 2 and 4 workers. */
async function counting(full: boolean): Promise<Section> {
  const rounds = full ? 41 : 7, counts = full ? [1, 2, 4, 8] : [1, 2, 4];
  const readings = new Map<string, Reading>(), missing: Missing[] = [];
  for (const [name, { open, each }] of Object.entries(ways)) {
    for (const workers of counts) {
      let experiment: Experiment;
      try {
        experiment = await open(workers);
      } catch (error) {
        if (!(error instanceof integerRedis.MissingRedis)) throw error;
        if (missing.length === 0) missing.push(noRedis);
        continue;
      }
      const times: number[] = [], lost: number[] = [], expected = workers * each;
      try {
        // In the first runs V8 still compiles: they are counted for what they lose, but not timed.
        for (let round = -3; round < rounds; round++) {
          const start = performance.now(), counted = await experiment.run(each);
          const seconds = (performance.now() - start) / 1000;
          lost.push((expected - counted) / expected);
          if (round >= 0) times.push(seconds / expected);
        }
      } finally {
        await experiment.close();
      }
      const seconds = median(times);
      const spread = (quantile(times, 0.75) - quantile(times, 0.25)) / seconds;
      readings.set(`${name} ${workers}`, { seconds, spread, lost });
    }
  }

  const names = Object.keys(ways).filter((name) => readings.has(`${name} 1`));
  const at = (name: string, workers: number) => readings.get(`${name} ${workers}`)!;
  const time = (name: string, workers: number) => readings.get(`${name} ${workers}`)?.seconds ?? NaN;
  const lossOf = (name: string, workers: number) => median(at(name, workers).lost);
  const right = names.filter((name) => ways[name].right), wrong = names.filter((name) => !ways[name].right);
  const inexact = right.filter((name) => counts.some((n) => at(name, n).lost.some((share) => share !== 0)));
  const most = counts.at(-1)!, more = counts.slice(1);
  const range = (shares: number[]) => `${percent(Math.min(...shares))} to ${percent(Math.max(...shares))}`;
  const losses = (name: string) => more.map((n) => `${n}: ${range(at(name, n).lost)}`).join(", ");
  const shared = "integer, Atomics.add",
    mutex = "integer, mutex, finally",
    using = "integer, mutex, using",
    own = "integer, own count first";
  const lossless = wrong.filter((name) => more.some((n) => Math.max(...at(name, n).lost) === 0));
  const each = "file, each access locked", locked = "file, locked", redis = "Redis INCR";
  return {
    tables: [table(
      [
        "one increment, by workers",
        ...counts.map(String),
        "±",
        `vs Atomics.add, ${most}`,
        ...more.map((n) => `lost, ${n}`),
      ],
      names.map((name) => [
        name,
        ...counts.map((n) => formatTime(time(name, n))),
        percent(at(name, most).spread),
        formatNumber(time(name, most) / time(shared, most)),
        ...more.map((n) => percent(lossOf(name, n))),
      ]),
    )],
    charts: {
      locking: barChart({
        title: "What adding one costs, with a lock and without (orange: loses increments)",
        x: { title: "nanoseconds an increment: time of a run over the increments of all workers", log: true },
        bars: names.flatMap((name) =>
          counts.map((n) => ({
            name: `${name}, ${n} worker${n > 1 ? "s" : ""}`,
            value: time(name, n) * 1e9,
            color: ways[name].right ? palette[0] : palette[1],
          }))
        ),
        text: (ns) => formatTime(ns / 1e9),
      }),
    },
    figures: names.flatMap((name) =>
      counts.flatMap((size): Figure[] => {
        const { seconds, spread, lost } = at(name, size);
        return [
          { name, size, value: seconds, unit: "s per increment", samples: rounds, spread },
          { name: `${name}, lost`, size, value: median(lost), unit: "of increments", samples: lost.length, spread: 0 },
        ];
      })
    ),
    checks: [{
      claim: `${right.join("; ")}: exact in every run, with ${counts.join(", ")} workers`,
      passed: inexact.length === 0,
      evidence: `not exact: ${inexact.join("; ")}`,
    }, {
      claim: "one worker alone loses nothing, also without a lock",
      passed: wrong.every((name) => at(name, 1).lost.every((share) => share === 0)),
      evidence: wrong.map((name) => `${name}: ${range(at(name, 1).lost)}`).join("; "),
    }],
    claims: [
      {
        claim: "without a lock several workers lose increments, in some runs at least",
        held: lossless.length === 0,
        evidence: wrong.filter((name) => name !== each).map((name) => `${name}, ${losses(name)}`).join("; "),
      },
      {
        claim:
          "locking each access for itself costs as much as the right lock, within a factor of two, and still loses",
        held: time(each, most) > time(locked, most) / 2 && lossOf(each, most) > 0,
        evidence: `${formatTime(time(each, most))} and ${formatTime(time(locked, most))}; lost with ${losses(each)}`,
      },
      {
        claim: "two workers on one Atomics.add take longer for an increment than one, as the cache line travels",
        held: time(shared, 2) > time(shared, 1),
        evidence: `${formatTime(time(shared, 1))} and ${formatTime(time(shared, 2))}`,
      },
      {
        claim: "where several workers want it, Atomics.add is more than three times as fast as a mutex",
        held: more.every((n) => time(mutex, n) > 3 * time(shared, n)),
        evidence: counts.map((n) => `${formatRatio(time(mutex, n) / time(shared, n))} with ${n}`).join(", "),
      },
      {
        claim: "`using` costs no more than `finally`, within a fifth",
        held: time(using, 1) < 1.2 * time(mutex, 1),
        evidence: `${formatTime(time(using, 1))} and ${
          formatTime(time(mutex, 1))
        } with one worker: V8 does not optimise it`,
      },
      {
        claim: "two workers who count by themselves and add once are 1.6 times as fast as one",
        held: time(own, 1) / time(own, 2) >= 1.6,
        evidence: formatRatio(time(own, 1) / time(own, 2)),
      },
      ...names.includes(redis)
        ? [{
          claim: "an INCR in Redis costs more than a locked file on the same machine",
          held: counts.every((n) => time(redis, n) > time(locked, n)),
          evidence: counts.map((n) => `${formatRatio(time(redis, n) / time(locked, n))} with ${n}`).join(", "),
        }]
        : [],
    ],
    missing,
    finding: `${most} processes lose ${percent(lossOf("file, no lock", most))} of a count in a file without a lock, ${
      percent(lossOf(each, most))
    } with a lock around each access and nothing with one around all; ${most} workers lose ${
      percent(lossOf("integer, ++", most))
    } of a shared ++ and nothing of an Atomics.add, which takes ${formatTime(time(shared, most))} where a mutex takes ${
      formatTime(time(mutex, most))
    } and a count of one's own ${formatTime(time(own, most))}`,
  };
}

/** A holder that dies with the lock in its hands. */
async function holders(full: boolean): Promise<Section> {
  const kills = [];
  for (let i = 0; i < (full ? 20 : 3); i++) kills.push(await fileCount.killHolder("results"));
  const { before, refused, recovered, after } = await integerMutex.terminateHolder();
  const waited = median(kills.map(({ waited }) => waited));
  return {
    tables: [],
    figures: [{
      name: "file lock free after kill -9",
      size: 1,
      value: waited,
      unit: "s",
      samples: kills.length,
      spread: 0,
    }],
    checks: [{
      claim: "a file's lock is held until its holder is killed with SIGKILL, and then free",
      passed: kills.every(({ held }) => held),
      evidence: `held: ${kills.map(({ held }) => held).join(", ")}`,
    }, {
      claim: "a mutex whose holder was terminated is not free, and is again after it was given back in that one's name",
      passed: before === "TimeoutError" && refused && recovered && after === "had it",
      evidence: `${before}, then ${after}`,
    }],
    claims: [],
    finding:
      `a file's lock is free ${formatTime(waited)} after its holder was killed, a mutex in shared memory never, ` +
      "unless somebody gives it back in its name",
  };
}

export async function run(args: readonly string[]) {
  return await compareSections(
    {
      chapter: "ch10",
      topic: "locking",
      question: "Why do I need locking to avoid data loss?",
      answer: "Because adding one is a read, an addition and a write, and others come in between",
    },
    { counting, holders },
    args,
  );
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
