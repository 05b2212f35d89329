/**
 * What the queue in an SQLite file takes: claims and acks a second, singly and in batches, by one process and by two.
 *
 * @original none, the second edition's chapter on clusters (NSQ)
 * @run deno run --allow-read=. --allow-write=results --allow-run=deno --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch11/queue/compare.ts
 * @takes 10 s
 */

import { lineChart } from "../../bench/lib/chart.ts";
import { isBrief } from "../../bench/lib/measure.ts";
import { figure, resultsFolder } from "../../bench/lib/results.ts";
import { compareSections, needing, type Section } from "../../bench/lib/sections.ts";
import { median } from "../../bench/lib/statistics.ts";
import { formatNumber, formatTime, table } from "../../bench/lib/table.ts";
import { denoOnPath } from "../../bench/parts.ts";
import { open } from "./embedded_queue.ts";
import { fileURLToPath } from "node:url";

export function run(args: readonly string[]) {
  return compareSections(
    {
      chapter: "ch11",
      topic: "queue",
      question: "What does it cost to hand jobs to other processes without losing one?",
      answer: "Through a file, with leases and results stored once",
    },
    { rates: needing(denoOnPath, ratesSection) },
    args,
  );
}

/** A worker process: waits for a line, then claims and acks until there is nothing left, and says how many it did. */
async function work(file: string, batch: number): Promise<void> {
  await using queue = await open(file);
  console.log("ready");
  await Deno.stdin.read(new Uint8Array(8));
  let done = 0;
  for (;;) {
    const leases = await queue.claim({ count: batch });
    if (leases.length === 0) break;
    const acked = await queue.ack(leases.map((lease) => ({ lease, result: (lease.data as number) ** 2 })));
    done += acked.filter(Boolean).length;
  }
  console.log(`${done}`);
}

/** Seconds that some processes take for jobs in a fresh file. Throws if a result is missing or wrong. */
async function measureRate(jobs: number, batch: number, processes: number): Promise<number> {
  const folder = await Deno.makeTempDir({ dir: fileURLToPath(resultsFolder) }), file = `${folder}/queue.db`;
  const script = fileURLToPath(import.meta.url);
  try {
    await using queue = await open(file);
    for (let i = 0; i < jobs; i += 1000) {
      const count = Math.min(1000, jobs - i);
      await queue.put(Array.from({ length: count }, (_, j) => ({ id: `${i + j}`, type: "square", data: i + j })));
    }
    const workers = Array.from({ length: processes }, () =>
      new Deno.Command("deno", {
        args: ["run", "--no-prompt", "--allow-read=.", "--allow-write=results", script, "--work", file, `${batch}`],
        cwd: fileURLToPath(new URL("../../", import.meta.url)),
        stdin: "piped",
        stdout: "piped",
      }).spawn());
    const outputs = workers.map(({ stdout }) => stdout.pipeThrough(new TextDecoderStream()).getReader());
    for (const output of outputs) await output.read();
    const start = performance.now();
    await Promise.all(workers.map(async ({ stdin }) => {
      const writer = stdin.getWriter();
      await writer.write(new TextEncoder().encode("go\n"));
      await writer.close();
    }));
    const said = await Promise.all(outputs.map(async (output) => (await output.read()).value));
    const seconds = (performance.now() - start) / 1000;
    await Promise.all([...outputs.map((output) => output.cancel()), ...workers.map(({ status }) => status)]);
    const done = said.reduce((sum, count) => sum + Number(count), 0);
    let results = 0;
    for await (const { id, result } of queue.results()) {
      if (result !== Number(id) ** 2) throw new Error(`job ${id} came to ${result}`);
      results++;
    }
    if (done !== jobs || results !== jobs) {
      throw new Error(`of ${jobs} jobs ${done} were acked and ${results} have results`);
    }
    return seconds;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function ratesSection(full: boolean): Promise<Section> {
  const batches = isBrief() ? [1, 100] : [1, 10, 100, 1000], rounds = isBrief() ? 1 : full ? 7 : 3;
  const samples = new Map<string, number[]>(), key = (batch: number, processes: number) => `${batch} ${processes}`;
  for (let round = 0; round < rounds; round++) {
    for (const batch of batches) {
      const jobs = (isBrief() ? 0.1 : full ? 5 : 1) * (batch === 1 ? 3000 : batch === 10 ? 10_000 : 30_000);
      for (const processes of [1, 2]) {
        const rate = jobs / await measureRate(jobs, batch, processes);
        samples.set(key(batch, processes), [...samples.get(key(batch, processes)) ?? [], rate]);
      }
    }
  }
  const rate = (batch: number, processes: number) => median(samples.get(key(batch, processes))!);
  const shown = (batch: number, processes: number) => Math.round(rate(batch, processes)).toLocaleString("en-US");
  const most = batches.at(-1)!;
  return {
    tables: [table(
      ["jobs claimed and acked at a time", "a second, one process", "two processes", "a job, one process"],
      batches.map((batch) => [`${batch}`, shown(batch, 1), shown(batch, 2), formatTime(1 / rate(batch, 1))]),
    )],
    charts: {
      queue_rates: lineChart({
        title: "Jobs claimed and acked through one SQLite file",
        x: { title: "jobs at a time", log: true, ticks: batches },
        y: { title: "jobs a second", log: true },
        lines: [1, 2].map((processes) => ({
          name: processes === 1 ? "one process" : "two processes",
          points: batches.map((x) => ({ x, y: rate(x, processes) })),
        })),
      }),
    },
    figures: batches.flatMap((batch) =>
      [1, 2].map((processes) =>
        figure(
          `${batch} at a time, ${processes === 1 ? "one process" : "two processes"}`,
          batch,
          rate(batch, processes),
          "jobs a second",
          samples.get(key(batch, processes))!,
        )
      )
    ),
    checks: [{
      claim: "every job is acked by one process alone, and its result stored once and right",
      passed: true,
      evidence: `${batches.length * 2 * rounds} runs`,
    }],
    claims: [
      {
        claim: "one at a time, two processes claim and ack 10,000 jobs a second, or more",
        held: rate(1, 2) >= 10_000,
        evidence: `${shown(1, 2)} a second, one process ${shown(1, 1)}`,
      },
      {
        claim: "in batches they claim and ack 100,000 a second, or more",
        held: rate(most, 2) >= 100_000,
        evidence: `${shown(most, 2)} a second, one process ${shown(most, 1)}`,
      },
      {
        claim: "a second process adds nothing to the rate of the file itself (within 30 %)",
        held: rate(1, 2) <= 1.3 * rate(1, 1),
        evidence: `${formatNumber(rate(1, 2) / rate(1, 1))} times one at a time, ${
          formatNumber(rate(most, 2) / rate(most, 1))
        } times ${most} at a time`,
      },
    ],
    finding: `${shown(1, 1)} jobs a second are claimed and acked singly by one process, ${shown(1, 2)} by two; ${
      shown(most, 1)
    } and ${shown(most, 2)} where ${most} are taken at a time`,
  };
}

if (import.meta.main) {
  if (Deno.args[0] === "--work") await work(Deno.args[1], Number(Deno.args[2]));
  else {
    const { passed } = await run(Deno.args);
    if (!passed) Deno.exit(1);
  }
}
