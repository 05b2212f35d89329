/**
 * A cluster predicted: checked against formulas, then against the worker processes of this machine, then taken to 10,000
 * workers, with what the broker, stragglers and batches do there.
 *
 * What a claim costs at the broker and how long the network takes is measured first, in the same run.
 *
 * @original none, chapter 11's question on the costs of clustering, beyond the machines at hand
 * @run deno run --allow-read=. --allow-write=results --allow-run=deno --allow-net=127.0.0.1 --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch11/scale_simulation/compare.ts
 * @takes 16 s
 */

import { lineChart, palette } from "../../bench/lib/chart.ts";
import { isBrief } from "../../bench/lib/measure.ts";
import { figure, resultsFolder } from "../../bench/lib/results.ts";
import { compareSections, needing, type Section } from "../../bench/lib/sections.ts";
import { median, quantile } from "../../bench/lib/statistics.ts";
import { formatNumber, formatTime, table } from "../../bench/lib/table.ts";
import { denoOnPath } from "../../bench/parts.ts";
import { open } from "../queue/embedded_queue.ts";
import {
  type Cluster,
  exponential,
  fixed,
  type Lengths,
  measured,
  type Outcome,
  pareto,
  simulate,
} from "./cluster_simulation.ts";
import { waitForMany, waitForOne } from "./waiting_time.ts";

export function run(args: readonly string[]) {
  let known: Promise<Costs> | undefined;
  const costs = () => known ??= measureCosts();
  return compareSections({
    chapter: "ch11",
    topic: "scale_simulation",
    question: "How far do more workers help, and what holds them up?",
    answer: "Simulated with the costs of this machine",
  }, {
    theory: theorySection,
    cluster: needing(denoOnPath, async (full) => clusterSection(await costs(), full)),
    scale: async (full) => scaleSection(await costs(), full),
    stragglers: async (full) => stragglersSection(await costs(), full),
  }, args);
}

/** What the simulation is fed with, in seconds. */
interface Costs {
  broker: { perRequest: number; perJob: number };
  roundTrip: number;
}

/** Jobs claimed and acknowledged one by one and by the hundred, by one process; and a message over TCP and back. */
async function measureCosts(): Promise<Costs> {
  const folder = await makeFolder();
  try {
    const times: Record<number, number> = {};
    for (const [batch, rounds] of isBrief() ? [[1, 60], [100, 4]] : [[1, 1500], [100, 60]]) {
      await using queue = await open(`${folder}/costs_${batch}.sqlite`);
      await queue.put(jobs(batch * (rounds + 1)));
      const samples: number[] = [];
      for (let round = 0; round <= rounds; round++) {
        const start = performance.now();
        const leases = await queue.claim({ count: batch, leaseMs: 60_000 });
        await queue.ack(leases.map((lease) => ({ lease, result: 1 })));
        samples.push((performance.now() - start) / 1000);
      }
      // The mean, and not the median: what now and then takes long, such as a checkpoint, is part of what a job costs. The
      // first round, in which the statements are compiled, is not.
      times[batch] = samples.slice(1).reduce((sum, time) => sum + time) / rounds;
    }
    const perJob = Math.max(0, (times[100] - times[1]) / 99);
    return { broker: { perRequest: times[1] - perJob, perJob }, roundTrip: await measureRoundTrip() };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The median of many messages of 200 bytes to a server on this machine and back, in seconds. */
async function measureRoundTrip(): Promise<number> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const served = (async () => {
    using connection = await listener.accept();
    await connection.readable.pipeTo(connection.writable).catch(() => {});
  })();
  const samples: number[] = [], message = new Uint8Array(200), buffer = new Uint8Array(200);
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  for (let round = 0; round < (isBrief() ? 50 : 2000); round++) {
    const start = performance.now();
    await connection.write(message);
    for (let got = 0; got < message.length;) got += await connection.read(buffer) ?? message.length;
    samples.push((performance.now() - start) / 1000);
  }
  connection.close();
  await served;
  return median(samples);
}

function jobs(count: number) {
  return Array.from({ length: count }, (_, i) => ({ id: `${i}`, type: "wait", data: i }));
}

/** A folder in results/, where this script may write. */
async function makeFolder(): Promise<string> {
  return await Deno.makeTempDir({
    dir: decodeURIComponent(new URL("ch11/", resultsFolder).pathname),
    prefix: ".scale_",
  });
}

/** Waits in line, simulated and by formula. */
function theorySection(full: boolean): Section {
  const count = isBrief() ? 30_000 : full ? 2e6 : 3e5;
  const wait = (servers: number, load: number, length: Lengths) =>
    simulate({ workers: servers, jobs: count, length, arrivals: servers * load }).jobWait;
  const rows = [0.3, 0.5, 0.7].flatMap((load) => [
    { name: "M/M/1", load, found: wait(1, load, exponential(1)), formula: waitForOne(load, 1) },
    { name: "M/D/1", load, found: wait(1, load, fixed(1)), formula: waitForOne(load, 0) },
    { name: "M/M/4", load, found: wait(4, load, exponential(1)), formula: waitForMany(4, load) },
  ]);
  const errors = rows.map(({ found, formula }) => Math.abs(found / formula - 1)), worst = Math.max(...errors);
  // The mean of waits that are alike from one job to the next comes slowly to its value.
  const bound = isBrief() ? 0.25 : 0.06;
  return {
    tables: [table(
      ["jobs of 1 s wait", "load", "by the formula", "simulated", "error"],
      rows.map(({ name, load, found, formula }, i) => [
        name,
        `${100 * load}%`,
        `${formula.toFixed(4)} s`,
        `${found.toFixed(4)} s`,
        `${(100 * errors[i]).toFixed(1)}%`,
      ]),
    )],
    figures: rows.map(({ name, load, found }) => figure(`wait in ${name} at ${load}`, count, found, "s")),
    checks: [{
      claim: `simulated waits lie within ${100 * bound} % of Pollaczek and Khinchine's and of Erlang's formulas`,
      passed: worst <= bound,
      evidence: `the largest error is ${(100 * worst).toFixed(1)} %`,
    }],
    claims: [],
    finding: `waits agree with the formulas to ${(100 * worst).toFixed(1)} %`,
  };
}

/** What a worker process is asked for, as a line of JSON. */
interface Ask {
  file: string;
  batch: number;
  /** How long a job takes, by waiting, as for an answer from elsewhere. */
  ms: number;
}

/** What it answers: its jobs' lengths in seconds, and when the last one was acknowledged, in milliseconds since 1970. */
interface Worked {
  lengths: number[];
  last: number;
}

/** Real workers, real queue, no simulation: 1, 2 and 4 processes, beside what was predicted for them. */
async function clusterSection({ broker }: Costs, full: boolean): Promise<Section> {
  const most = isBrief() ? 2 : 4, seconds = isBrief() ? 0.05 : full ? 5 : 0.4;
  const folder = await makeFolder();
  const found: { name: string; workers: number; real: number; predicted: number; done: boolean }[] = [];
  try {
    await using pool = await startWorkers(most);
    for (
      const { name, ms, batch } of [
        { name: "jobs of 10 ms", ms: 10, batch: 1 },
        { name: "jobs of 10 ms, 8 at a time", ms: 10, batch: 8 },
        { name: "empty jobs", ms: 0, batch: 1 },
        { name: "empty jobs, 50 at a time", ms: 0, batch: 50 },
      ]
    ) {
      let lengths: number[] = [];
      for (const workers of new Set([1, 2, most])) {
        const file = `${folder}/${ms}_${batch}_${workers}.sqlite`;
        const rate = ms > 0 ? workers / (ms / 1000 + 1e-3) : batch / (broker.perRequest + broker.perJob * batch);
        const count = batch * workers * Math.ceil(seconds * rate / batch / workers);
        await using queue = await open(file);
        await queue.put(jobs(count));
        const start = performance.timeOrigin + performance.now();
        const worked = await Promise.all(pool.ask(workers, { file, batch, ms }));
        const { waiting, active, done, dead } = await queue.counts();
        // How long jobs take is learnt from one worker alone; more workers are predicted.
        if (workers === 1) lengths = worked[0].lengths;
        found.push({
          name,
          workers,
          real: count / (Math.max(...worked.map(({ last }) => last)) - start) * 1000,
          predicted: simulate({ workers, jobs: count, length: measured(lengths), broker, batch }).throughput,
          done: waiting + active + dead === 0 && done === count && worked.flatMap((w) => w.lengths).length === count,
        });
      }
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  const error = ({ real, predicted }: typeof found[0]) => predicted / real - 1;
  const waits = found.filter(({ name }) => name.includes("10 ms"));
  const percent = (share: number) => `${share > 0 ? "+" : ""}${(100 * share).toFixed(0)}%`;
  const typical = median(found.map((one) => Math.abs(error(one))));
  const worst = found.toSorted((a, b) => Math.abs(error(b)) - Math.abs(error(a)))[0];
  return {
    tables: [table(
      ["jobs a second", "processes", "predicted", "measured", "error"],
      found.map((one) => [
        one.name,
        `${one.workers}`,
        formatNumber(one.predicted),
        formatNumber(one.real),
        percent(error(one)),
      ]),
    )],
    figures: found.flatMap(({ name, workers, real, predicted }) => [
      figure(`${name}: measured`, workers, real, "jobs/s"),
      figure(`${name}: predicted`, workers, predicted, "jobs/s"),
    ]),
    checks: [{
      claim: "the processes did every job exactly once",
      passed: found.every(({ done }) => done),
      evidence: found.filter(({ done }) => !done).map(({ name, workers }) => `${name}, ${workers}`).join("; ") || "all",
    }],
    claims: [
      {
        claim: "where jobs take longer than the broker, the prediction is right within 15 %",
        held: waits.every((one) => Math.abs(error(one)) <= 0.15),
        evidence: waits.map((one) => percent(error(one))).join(", "),
      },
      {
        claim: "at the broker's ceiling it is right within 50 %",
        held: found.every((one) => Math.abs(error(one)) <= 0.5),
        evidence: `${worst.name}, ${worst.workers} processes: ${
          percent(error(worst))
        }; the broker is a file here, and whoever finds it locked sleeps and tries again, on ${navigator.hardwareConcurrency} cores`,
      },
    ],
    finding: `1 to ${most} processes are predicted with an error of ${(100 * typical).toFixed(0)} % in the median`,
  };
}

/** Throughput up to 10,000 workers, and what batches change. */
function scaleSection({ broker, roundTrip }: Costs, full: boolean): Section {
  const mean = 0.1, length = exponential(mean), batches = [1, 10, 100];
  const counts = full ? [1, 3, 10, 30, 100, 300, 1000, 3000, 10_000] : [1, 10, 100, 1000, 3000, 10_000];
  const most = counts.at(-1)!;
  const ceiling = (batch: number) => batch / (broker.perRequest + broker.perJob * batch);
  const outcomes = new Map<string, Outcome>();
  for (const batch of batches) {
    for (const workers of isBrief() ? [1, 100, most] : counts) {
      // Enough jobs that each worker asks many times; else beginning and end would be all there is.
      const asks = isBrief() ? batch < 100 ? 3 : 1 : full ? 40 : batch < 100 ? 20 : 8,
        count = Math.max(1000, asks * batch * workers);
      outcomes.set(`${batch} ${workers}`, simulate({ workers, jobs: count, length, broker, roundTrip, batch }));
    }
  }
  const at = (batch: number, workers: number) => outcomes.get(`${batch} ${workers}`)!;
  const shown = counts.filter((workers) => outcomes.has(`1 ${workers}`));
  const knee = (batch: number) => ceiling(batch) * (mean + roundTrip) + 1;
  const far = simulate({ workers: most, jobs: 10 * most, length, broker, roundTrip: 0.05 });
  // How large a batch should be: short jobs, so that the broker matters, shared by a thousand workers.
  const sizes = full ? [1, 2, 3, 5, 8, 12, 20, 30, 50, 100] : [1, 2, 4, 8, 16, 32, 100],
    crew = isBrief() ? 200 : 1000;
  const total = 100 * crew, short = 0.02;
  const spans = sizes.map((batch) => ({
    batch,
    ...simulate({ workers: crew, jobs: total, length: exponential(short), broker, roundTrip, batch }),
  }));
  const best = spans.toSorted((a, b) => a.makespan - b.makespan)[0];
  return {
    tables: [
      table(
        [
          "jobs of 0.1 s, a second",
          ...batches.map((batch) => `${batch} at a time`),
          "wait for the broker",
          "it is busy",
        ],
        [
          ...shown.map((workers) => [
            `${workers.toLocaleString("en-US")} workers`,
            ...batches.map((batch) => formatNumber(at(batch, workers).throughput)),
            formatTime(at(1, workers).requestWait),
            `${Math.round(100 * at(1, workers).brokerBusy)}%`,
          ]),
          ["the broker's ceiling", ...batches.map((batch) => formatNumber(ceiling(batch))), "", ""],
          ["reached by workers", ...batches.map((batch) => formatNumber(knee(batch))), "", ""],
        ],
      ),
      table(
        [`jobs of 0.02 s, ${crew} workers`, "makespan", "the broker is busy"],
        spans.map(({ batch, makespan, brokerBusy }) => [
          `${batch} at a time`,
          `${makespan.toFixed(2)} s`,
          `${Math.round(100 * brokerBusy)}%`,
        ]),
      ),
    ],
    charts: {
      scale_workers: lineChart({
        title: "Simulated: throughput over workers, and the broker's ceiling",
        x: { title: "workers, with jobs of 0.1 s each", log: true, ticks: [1, 10, 100, 1000, 10_000] },
        y: { title: "jobs a second (dashed: the ceiling)", log: true },
        lines: [
          ...batches.map((batch, i) => ({
            name: `${batch} at a time`,
            color: palette[i],
            points: shown.map((workers) => ({ x: workers, y: at(batch, workers).throughput })),
          })),
          ...batches.map((batch, i) => ({
            name: `ceiling, ${batch}`,
            dash: true,
            color: palette[i],
            points: [shown[0], most].map((x) => ({ x, y: ceiling(batch) })),
          })),
        ],
      }),
      scale_batch: lineChart({
        title: "Simulated: time for all jobs over how many a worker takes at once",
        x: {
          title: `jobs of 0.02 s taken at once, ${crew} workers with 100 jobs for each`,
          log: true,
          ticks: sizes,
        },
        y: { title: "seconds for all jobs" },
        lines: [
          { name: "makespan", points: spans.map(({ batch, makespan }) => ({ x: batch, y: makespan })) },
          {
            name: "no broker, no tail",
            dash: true,
            color: palette[9],
            points: [sizes[0], sizes.at(-1)!].map((x) => ({ x, y: total * short / crew })),
          },
        ],
      }),
    },
    figures: [
      figure("broker: request", 1, broker.perRequest, "s"),
      figure("broker: each job", 1, broker.perJob, "s"),
      figure("round trip", 1, roundTrip, "s"),
      ...batches.flatMap((batch) =>
        shown.map((workers) => figure(`throughput, batch ${batch}`, workers, at(batch, workers).throughput, "jobs/s"))
      ),
      ...spans.map(({ batch, makespan }) => figure("makespan over batch", batch, makespan, "s")),
    ],
    checks: [{
      claim: "no run is faster than the broker's ceiling, nor than all workers at work all the time",
      // A random run's mean job may be shorter than 0.1 s by a little.
      passed: batches.every((batch) =>
        shown.every((n) => at(batch, n).throughput <= Math.min(ceiling(batch), 1.1 * n / mean))
      ),
      evidence: batches.map((batch) => formatNumber(at(batch, most).throughput / ceiling(batch))).join(", "),
    }],
    claims: [
      {
        claim: "ten thousand workers that take one job at a time get no more done than a third of them",
        held: at(1, most).throughput <
          1.2 * simulate({ workers: 3333, jobs: 66_660, length, broker, roundTrip }).throughput,
        evidence: `${formatNumber(at(1, most).throughput)} jobs a second; the broker can do ${
          formatNumber(ceiling(1))
        }`,
      },
      {
        claim: "a network with a round trip of 50 ms leaves the ceiling where it is (within 20 %)",
        held: Math.abs(far.throughput / at(1, most).throughput - 1) <= 0.2,
        evidence: `${formatNumber(far.throughput)} jobs a second in place of ${formatNumber(at(1, most).throughput)}`,
      },
      {
        claim: "a batch can be too large as well as too small",
        held: best.batch > sizes[0] && best.batch < sizes.at(-1)!,
        evidence: `${best.batch} at a time: ${best.makespan.toFixed(2)} s; 1: ${spans[0].makespan.toFixed(2)} s; ` +
          `${sizes.at(-1)}: ${spans.at(-1)!.makespan.toFixed(2)} s`,
      },
    ],
    finding: `a request takes the broker ${formatTime(broker.perRequest)} and ${
      formatTime(broker.perJob)
    } a job, so that with jobs of 0.1 s taken singly ${
      formatNumber(knee(1))
    } workers are all it can feed, and a hundred at a time ${formatNumber(knee(100))}`,
  };
}

/** Slow machines and long jobs, and what a second copy of the last jobs saves of each. */
function stragglersSection({ broker, roundTrip }: Costs, full: boolean): Section {
  const workers = 1000, count = isBrief() ? 10_000 : 50_000, mean = 1, shares = [0, 0.005, 0.01, 0.02, 0.05, 0.1];
  const seeds = Array.from({ length: isBrief() ? 1 : full ? 31 : 5 }, (_, i) => i + 1);
  const kinds: Record<string, Pick<Cluster, "length" | "slow">> = {
    "slow machines": { length: exponential(mean), slow: { share: 0.02, factor: 10 } },
    "long jobs": { length: pareto(mean, 1.5) },
  };
  const names = Object.keys(kinds), ideal = count * mean / workers;
  const runs = (name: string, speculate: number) =>
    seeds.map((seed) =>
      // Jobs of a second, taken singly: the broker is not what holds them up.
      simulate({ workers, jobs: count, broker, roundTrip, speculate, seed, ...kinds[name] })
    );
  const outcomes = new Map(names.map((name) => [name, shares.map((share) => runs(name, share))]));
  const typical = (name: string, i: number, key: "makespan" | "wasted") =>
    quantile(outcomes.get(name)![i].map((run) => run[key]), 0.5);
  const saved = (name: string, i: number) => 1 - typical(name, i, "makespan") / typical(name, 0, "makespan");
  const five = shares.indexOf(0.05), percent = (share: number) => `${(100 * share).toFixed(1)}%`;
  return {
    tables: [table(
      ["jobs of 1 s handed out twice", ...names.flatMap((name) => [name, "wasted"])],
      shares.map((share, i) => [
        share === 0 ? "none" : `the last ${100 * share}%`,
        ...names.flatMap((
          name,
        ) => [`${typical(name, i, "makespan").toFixed(2)} s`, percent(typical(name, i, "wasted"))]),
      ]),
    )],
    charts: {
      scale_speculation: lineChart({
        title: "Simulated: time for all jobs, if the last ones are handed out twice",
        x: { title: `% of the ${count.toLocaleString("en-US")} jobs of 1 s handed out twice, ${workers} workers` },
        y: { title: "seconds for all jobs", log: true },
        lines: [
          ...names.map((name) => ({
            name,
            points: shares.map((share, i) => ({ x: 100 * share, y: typical(name, i, "makespan") })),
          })),
          {
            name: "all busy to the end",
            dash: true,
            color: palette[9],
            points: [shares[0], shares.at(-1)!].map((share) => ({ x: 100 * share, y: ideal })),
          },
        ],
      }),
    },
    figures: names.flatMap((name) =>
      shares.flatMap((share, i) =>
        (["makespan", "wasted"] as const).map((key) =>
          figure(
            `${name}: ${key}`,
            share,
            typical(name, i, key),
            key === "wasted" ? "share" : "s",
            outcomes.get(name)![i].map((run) => run[key]),
          )
        )
      )
    ),
    checks: [{
      claim: "without speculation no work is done in vain; with it no run takes 5 % longer or more",
      passed: names.every((name) =>
        outcomes.get(name)!.every((runs, i) =>
          runs.every((run, k) => {
            const without = outcomes.get(name)![0][k];
            return without.wasted === 0 && (i === 0 || run.makespan <= 1.05 * without.makespan);
          })
        )
      ),
      evidence: names.map((name) => `${name} ${percent(saved(name, five))}`).join(", "),
    }],
    claims: [
      {
        claim: "against slow machines, a second copy of the last 5 % saves a tenth of the time or more",
        held: saved("slow machines", five) >= 0.1,
        evidence: `${percent(saved("slow machines", five))}, for ${
          percent(typical("slow machines", five, "wasted"))
        } of all work done in vain`,
      },
      {
        claim: "against long jobs it saves nothing (5 % at most): the copy takes as long",
        held: saved("long jobs", five) <= 0.05,
        evidence: `${percent(saved("long jobs", five))}, for ${percent(typical("long jobs", five, "wasted"))} in vain`,
      },
    ],
    finding:
      `handing out the last 5 % twice saves ${percent(saved("slow machines", five))} of the time where machines ` +
      `are slow, and ${percent(saved("long jobs", five))} where jobs are long`,
  };
}

/** Worker processes: this script again, each with a line of input for each run. They end when their input does. */
async function startWorkers(count: number) {
  const folder = decodeURIComponent(resultsFolder.pathname);
  const children = Array.from({ length: count }, () => {
    const child = new Deno.Command("deno", {
      args: ["run", "--no-prompt", "--allow-read", `--allow-write=${folder}`, import.meta.url, "--worker"],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    return { child, input: child.stdin.getWriter(), answers: lines(child.stdout) };
  });
  const close = async () => {
    for (const { child, input, answers } of children) {
      await input.close().catch(() => {});
      await answers.return(undefined);
      await child.status;
    }
  };
  const next = async ({ answers, child }: typeof children[0]) => {
    const { value, done } = await answers.next();
    if (done) throw new Error(`a worker process ended with code ${(await child.status).code}`);
    return JSON.parse(value);
  };
  try {
    // Each says that it is there.
    await Promise.all(children.map(next));
  } catch (error) {
    await close();
    throw error;
  }
  return {
    ask: (workers: number, ask: Ask): Promise<Worked>[] =>
      children.slice(0, workers).map(async (child) => {
        await child.input.write(new TextEncoder().encode(`${JSON.stringify(ask)}\n`));
        return await next(child);
      }),
    [Symbol.asyncDispose]: close,
  };
}

async function* lines(bytes: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string, undefined> {
  let rest = "";
  for await (const text of bytes.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + text).split("\n");
    rest = parts.pop()!;
    yield* parts;
  }
}

/** The other side: claims, waits for as long as a job takes, acknowledges, until nothing is left. */
async function work({ file, batch, ms }: Ask): Promise<Worked> {
  await using queue = await open(file);
  const lengths: number[] = [];
  let last = 0;
  for (;;) {
    const leases = await queue.claim({ count: batch, leaseMs: 60_000, waitMs: 0 });
    if (leases.length === 0) return { lengths, last };
    for (let i = 0; i < leases.length; i++) {
      const start = performance.now();
      if (ms > 0) await new Promise((later) => setTimeout(later, ms));
      lengths.push((performance.now() - start) / 1000);
    }
    await queue.ack(leases.map((lease) => ({ lease, result: 1 })));
    last = performance.timeOrigin + performance.now();
  }
}

if (import.meta.main && Deno.args[0] === "--worker") {
  console.log("{}");
  for await (const line of lines(Deno.stdin.readable)) console.log(JSON.stringify(await work(JSON.parse(line))));
} else if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
