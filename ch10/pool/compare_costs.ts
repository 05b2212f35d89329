/**
 * What workers and processes cost: messages by size and kind, starting, memory, and the right number of them.
 *
 * @original 10_multiprocessing/pi_estimation/pi_processes_parallel/pi_graph_speed_tests.py
 * @run deno run --allow-read=. --allow-write=results --allow-run=deno --allow-env=XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch10/pool/compare_costs.ts
 * @takes 8 s
 */

import { lineChart } from "../../bench/lib/chart.ts";
import { hasCommand } from "../../bench/lib/command.ts";
import { measure, measureInTurns, type Measurement } from "../../bench/lib/measure.ts";
import { compareSections, type Section } from "../../bench/lib/sections.ts";
import { summarise } from "../../bench/lib/statistics.ts";
import { formatBytes, formatRatio, formatTime, table } from "../../bench/lib/table.ts";
import { openEcho, prepare, timeProcessStart, timeWorkerStart, type Way, ways } from "./message_cost.ts";
import { computeTime, experiment } from "./pool_size.ts";
import { startProcess, startWorker, surviveIn } from "./threads_or_processes.ts";

const figure = (name: string, size: number, { median, samples, spread }: Measurement, unit = "s") => ({
  name,
  size,
  value: median,
  unit,
  samples,
  spread,
});

/** A message there and back, by its size and kind. */
async function messages(full: boolean): Promise<Section> {
  const counts = [2, 128, 2048, 16_384, 131_072, 1_048_576, ...full ? [16_777_216] : []];
  const names = Object.keys(ways) as Way[];
  const slow = (way: Way, count: number) => count > (full ? 131_072 : 16_384) && (way === "array" || way === "objects");
  const readings = new Map<number, Partial<Record<Way, Measurement>>>();
  const wrong: string[] = [];
  const echo = await openEcho();
  try {
    for (const count of counts) {
      const calls: Partial<Record<Way, () => unknown>> = {};
      for (const way of names.filter((way) => !slow(way, count))) {
        const { call, message } = prepare(echo, way, count);
        await call();
        if (!sameMessage(message(), ways[way](count))) wrong.push(`${way} of ${count}`);
        calls[way] = call;
      }
      readings.set(count, await measureInTurns(calls as Record<Way, () => unknown>, { budget: full ? 0.5 : 0.04 }));
    }
  } finally {
    await echo.close();
  }
  const time = (way: Way, count: number) => readings.get(count)![way]?.median ?? NaN;
  const large = 1_048_576, listed = 16_384, first = counts[0];
  return {
    tables: [table(
      ["there and back", ...names],
      counts.map((count) => [
        formatBytes(8 * count),
        ...names.map((way) => Number.isNaN(time(way, count)) ? "-" : formatTime(time(way, count))),
      ]),
    )],
    charts: {
      message_cost: lineChart({
        title: "A message to a worker and back, by its size",
        x: { title: "bytes as 64-bit numbers", log: true, ticks: counts.map((count) => 8 * count) },
        y: { title: "µs", log: true },
        lines: names.map((way) => ({
          name: way,
          points: counts.map((count) => ({ x: 8 * count, y: time(way, count) * 1e6 })),
        })),
      }),
    },
    figures: counts.flatMap((count) =>
      names.filter((way) => readings.get(count)![way]).map((way) =>
        figure(`message ${way}`, 8 * count, readings.get(count)![way]!, "s there and back")
      )
    ),
    checks: [{
      claim: "every message comes back as it was sent",
      passed: wrong.length === 0,
      evidence: wrong.join(", ") || `${counts.length} sizes in ${names.length} ways`,
    }],
    claims: [
      {
        claim: `to hand over or share ${formatBytes(8 * large)} costs less than a tenth of copying it`,
        held: Math.max(time("transfer", large), time("share", large)) < time("copy", large) / 10,
        evidence: `copied ${formatTime(time("copy", large))}, handed over ${
          formatTime(time("transfer", large))
        }, shared ${formatTime(time("share", large))}`,
      },
      {
        claim: "numbers in a typed array are copied at least 5 times as fast as in an array of objects",
        held: time("objects", listed) > 5 * time("copy", listed),
        evidence:
          `${formatRatio(time("objects", listed) / time("copy", listed))} at ${formatBytes(8 * listed)}, an array of ` +
          `numbers ${formatRatio(time("array", listed) / time("copy", listed))}`,
      },
    ],
    finding: `a message there and back costs at least ${formatTime(time("copy", first))}; ${
      formatBytes(8 * large)
    } cost ${formatTime(time("copy", large))} copied and ${formatTime(time("transfer", large))} handed over; ${
      formatBytes(8 * listed)
    } cost ${formatTime(time("copy", listed))} copied as a typed array and ${
      formatTime(time("objects", listed))
    } as objects`,
  };
}

/** Compares without writing millions of numbers out as text. */
function sameMessage(received: ArrayLike<unknown>, sent: ArrayLike<unknown>): boolean {
  if (received.length !== sent.length) return false;
  for (let i = 0; i < sent.length; i++) {
    const a = received[i], b = sent[i];
    if (typeof b === "object" ? JSON.stringify(a) !== JSON.stringify(b) : a !== b) return false;
  }
  return true;
}

/** What it takes to have a worker or a process, and to ask it something. */
async function servers(full: boolean): Promise<Section> {
  if (!await hasCommand("deno")) {
    const missing = { name: "deno on the PATH", remedy: "npm install -g deno (starts the child processes)" };
    return { tables: [], figures: [], checks: [], claims: [], missing: [missing], finding: "processes left out" };
  }
  const repeats = full ? 30 : 6;
  const starts = { worker: await times(repeats, timeWorkerStart), process: await times(repeats, timeProcessStart) };
  const many = 4, before = Deno.memoryUsage().rss;
  const workers = await Promise.all(Array.from({ length: many }, startWorker));
  const own = (Deno.memoryUsage().rss - before) / many;
  await Promise.all(workers.slice(1).map((worker) => worker.close()));
  const worker = workers[0], process = await startProcess();
  let asked: Record<"worker" | "process", Measurement>, memory: number;
  const counts = { worker: 0, process: 0 };
  try {
    memory = await process.memory();
    for (let i = 0; i < 10; i++) {
      counts.worker += await worker.countPrimes(1000 * i, 1000 * (i + 1));
      counts.process += await process.countPrimes(1000 * i, 1000 * (i + 1));
    }
    asked = await measureInTurns({
      worker: () => worker.countPrimes(0, 0),
      process: () => process.countPrimes(0, 0),
    }, { budget: full ? 1 : 0.1 });
  } finally {
    await Promise.all([worker.close(), process.close()]);
  }
  const victim = await startProcess(),
    cut = victim.countPrimes(0, 1e8).then(() => "done", (error) => `${error.message}`);
  victim.kill();
  const reported = await cut;
  await victim.close();
  const exit = await surviveIn("exit"), noMemory = await surviveIn("memory");
  const kinds = ["worker", "process"] as const;
  return {
    tables: [table(
      ["to have one", "starts in", "memory of its own", "a task that does nothing"],
      kinds.map((kind) => [
        kind,
        formatTime(starts[kind].median),
        formatBytes(kind === "worker" ? Math.max(0, own) : memory),
        formatTime(asked[kind].median),
      ]),
    )],
    figures: kinds.flatMap((kind) => [
      figure(`start ${kind}`, 1, starts[kind]),
      figure(`task ${kind}`, 1, asked[kind], "s per task"),
      { name: `memory ${kind}`, size: 1, value: kind === "worker" ? own : memory, unit: "B", samples: 1, spread: 0 },
    ]),
    checks: [
      {
        claim: "a worker and a process count the same primes, 1229 below 10,000",
        passed: counts.worker === 1229 && counts.process === 1229,
        evidence: `${counts.worker} and ${counts.process}`,
      },
      {
        claim: "a process killed in the middle of a task is reported, and its parent goes on",
        passed: reported.includes("SIGKILL"),
        evidence: reported,
      },
      {
        claim: "Deno.exit in a worker ends that worker and not the process",
        passed: exit.survived && exit.code === 0,
        evidence: `code ${exit.code}`,
      },
      {
        claim: "a worker that runs out of memory takes its whole process with it",
        passed: !noMemory.survived && noMemory.code !== 0,
        evidence: `code ${noMemory.code}`,
      },
    ],
    claims: [
      {
        claim: "a worker starts faster than a process",
        held: starts.worker.median < starts.process.median,
        evidence: `${formatTime(starts.worker.median)} and ${formatTime(starts.process.median)}`,
      },
      {
        claim: "a task costs a process more than twice what it costs a worker",
        held: asked.process.median > 2 * asked.worker.median,
        evidence: `${formatTime(asked.process.median)} and ${formatTime(asked.worker.median)}`,
      },
    ],
    finding: `a worker starts in ${formatTime(starts.worker.median)}, a process in ${
      formatTime(starts.process.median)
    }, and a task costs ${formatTime(asked.worker.median)} and ${formatTime(asked.process.median)}`,
  };
}

async function times(repeats: number, time: () => Promise<number>): Promise<Measurement> {
  const seconds: number[] = [];
  for (let i = 0; i < repeats; i++) seconds.push(await time());
  return summarise(seconds);
}

/** Pools of 1 to 4 times as many workers as cores. */
async function size(full: boolean): Promise<Section> {
  const cores = navigator.hardwareConcurrency, below = 30_000, tasks = (full ? 60 : 12) * cores;
  const sizes = [...new Set([1, cores, 2 * cores, 3 * cores, 4 * cores])], primes = 3245;
  const wait = Math.max(1, Math.round(computeTime(below)));
  const kinds = {
    computing: { tasks, below, wait: 0 },
    mixed: { tasks, below, wait },
    waiting: { tasks, below: 2, wait },
  };
  const names = Object.keys(kinds) as (keyof typeof kinds)[];
  const readings = new Map<number, Record<keyof typeof kinds, Measurement>>();
  let wrong = 0;
  for (const workers of sizes) {
    const { run, close } = await experiment(workers);
    try {
      for (const name of names) {
        if (await run(kinds[name]) !== (kinds[name].below === 2 ? 0 : primes * tasks)) wrong++;
      }
      const row = {} as Record<keyof typeof kinds, Measurement>;
      for (const name of names) row[name] = await measure(() => run(kinds[name]), { budget: full ? 2 : 0.08 });
      readings.set(workers, row);
    } finally {
      await close();
    }
  }
  const gain = (name: keyof typeof kinds, workers: number) =>
    readings.get(1)![name].median / readings.get(workers)![name].median;
  const beyond = gain("computing", 4 * cores) / gain("computing", cores);
  const mixed = gain("mixed", 2 * cores) / gain("mixed", cores);
  return {
    tables: [table(
      [`workers on ${cores} cores`, ...names.flatMap((name) => [name, "vs 1"])],
      sizes.map((workers) => [
        `${workers}`,
        ...names.flatMap((name) => [
          formatTime(readings.get(workers)![name].median),
          formatRatio(gain(name, workers)),
        ]),
      ]),
    )],
    charts: {
      pool_size: lineChart({
        title: `Speed by the size of the pool, ${cores} cores`,
        x: { title: "workers", ticks: sizes },
        y: { title: "times as fast as one worker" },
        lines: names.map((name) => ({
          name,
          points: sizes.map((workers) => ({ x: workers, y: gain(name, workers) })),
        })),
      }),
    },
    figures: sizes.flatMap((workers) =>
      names.map((name) => figure(`pool size ${name}`, workers, readings.get(workers)![name]))
    ),
    checks: [{
      claim: `pools of every size find the same primes, ${primes} in each task`,
      passed: wrong === 0,
      evidence: `${sizes.join(", ")} workers${wrong > 0 ? `, ${wrong} times wrong` : ""}`,
    }],
    claims: [
      {
        claim: "for tasks that only compute, more workers than cores gain nothing (at most 10 %)",
        held: beyond <= 1.1,
        evidence: `${4 * cores} workers are ${formatRatio(beyond)} as fast as ${cores}`,
      },
      {
        claim: "for tasks that wait half of the time, twice as many workers as cores gain a quarter or more",
        held: mixed >= 1.25,
        evidence: `${2 * cores} workers are ${formatRatio(mixed)} as fast as ${cores}`,
      },
    ],
    finding:
      `${4 * cores} workers are ${formatRatio(beyond)} as fast as ${cores}, one for each core, where tasks only ` +
      `compute; where they wait for half of the time, ${2 * cores} are ${formatRatio(mixed)} as fast`,
  };
}

export function run(args: readonly string[]) {
  return compareSections(
    {
      chapter: "ch10",
      topic: "pool_costs",
      question: "What do messages, workers and processes cost, and how large should a pool be?",
      answer: "Few large messages, one worker for each core, processes where they must be kept apart",
    },
    { messages, servers, size },
    args,
  );
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
