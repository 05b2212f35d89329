/**
 * From workers to a cluster: the same pi by a pool of workers, by processes on a queue, and by engines over NATS. What has
 * to be written anew, and how large a task must be before the difference no longer matters.
 *
 * @original 11_clusters/, the book's question how a multiprocessing solution becomes a clustered one
 * @run deno run --allow-read=. --allow-write=results --allow-run=deno,nats-server --allow-net=127.0.0.1 --allow-env=CI,NATS_SERVER,NATS_TOKEN,XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch11/from_workers_to_cluster/compare.ts
 * @takes 16 s
 */

import { lineChart } from "../../bench/lib/chart.ts";
import { hasCommand } from "../../bench/lib/command.ts";
import { isBrief } from "../../bench/lib/measure.ts";
import { figure, type Missing, resultsFolder } from "../../bench/lib/results.ts";
import { compareSections, type Section } from "../../bench/lib/sections.ts";
import { median } from "../../bench/lib/statistics.ts";
import { formatRatio, formatTime, table } from "../../bench/lib/table.ts";
import { denoOnPath } from "../../bench/parts.ts";
import * as engines from "./pi_engines.ts";
import * as pool from "./pi_pool.ts";
import * as queue from "./pi_queue.ts";

export function run(args: readonly string[]) {
  return compareSections(
    {
      chapter: "ch11",
      topic: "from_workers_to_cluster",
      question: "How can a multiprocessing solution become a clustered one?",
      answer: "Cut the work into tasks that are plain data, then exchange who is asked",
    },
    { lines: linesSection, sizes: sizesSection },
    args,
  );
}

const names = ["pool", "queue", "engines"] as const;

/** What of the pool's lines stays, and what is new, by a diff of the files themselves. */
async function linesSection(): Promise<Section> {
  const sources = await Promise.all(names.map(async (name) => {
    const source = await Deno.readTextFile(new URL(`pi_${name}.ts`, import.meta.url));
    return source.split("\n").map((line) => line.trim()).filter((line) =>
      line !== "" && !/^(\/\/|\/\*\*|\*)/.test(line)
    );
  }));
  const found = names.map((name, i) => ({ name, lines: sources[i].length, kept: commonLines(sources[0], sources[i]) }));
  const kernels = [pool, queue, engines].map(({ countHits }) => `${countHits}`);
  const [, byQueue, byEngines] = found;
  return {
    tables: [table(
      ["lines of code", "in all", "the pool's, kept", "the pool's, gone", "new"],
      found.map(({ name, lines, kept }) => [
        `pi_${name}.ts`,
        `${lines}`,
        `${kept}`,
        `${sources[0].length - kept}`,
        `${lines - kept}`,
      ]),
    )],
    figures: found.flatMap(({ name, lines, kept }) => [
      figure(`${name}: lines`, lines, lines, "lines"),
      figure(`${name}: kept of the pool`, lines, kept, "lines"),
    ]),
    checks: [{
      claim: "the function that does the work is the same in all three, to the letter",
      passed: kernels.every((kernel) => kernel === kernels[0]),
      evidence: `${kernels[0].split("\n").length} lines`,
    }],
    claims: [{
      claim: "less than half of the pool's lines have to go",
      held: [byQueue, byEngines].every(({ kept }) => kept > sources[0].length / 2),
      evidence: `${sources[0].length - byQueue.kept} of ${sources[0].length} for the queue, ${
        sources[0].length - byEngines.kept
      } for the engines`,
    }],
    finding: `for the queue ${sources[0].length - byQueue.kept} lines went and ${byQueue.lines - byQueue.kept} came, ` +
      `for engines ${sources[0].length - byEngines.kept} and ${byEngines.lines - byEngines.kept}`,
  };
}

/** How many lines two texts have in common in the same order: the longest common subsequence, row by row. */
export function commonLines(one: readonly string[], other: readonly string[]): number {
  let row = new Array<number>(other.length + 1).fill(0);
  for (const line of one) {
    const next = [0];
    for (let i = 0; i < other.length; i++) {
      next.push(line === other[i] ? row[i] + 1 : Math.max(row[i + 1], next[i]));
    }
    row = next;
  }
  return row[other.length];
}

/** The same darts in tasks of more and more pieces, by one and by two. */
async function sizesSection(full: boolean): Promise<Section> {
  // As many pieces as make two of the largest tasks for each worker, or more.
  const pieces = isBrief() ? 256 : full ? 8192 : 1024;
  const sizes = isBrief() ? [1, 64] : full ? [1, 2, 4, 8, 16, 32, 64, 128, 256, 512] : [1, 4, 16, 64, 256];
  const missing: Missing[] = [];
  const hasDeno = await hasCommand("deno"), hasServer = await hasCommand("nats-server");
  if (!hasDeno) missing.push(denoOnPath);
  if (!hasServer) missing.push({ name: "NATS server, for engines", remedy: "apt-get install nats-server" });
  const shown = names.filter((name) => name === "pool" || hasDeno && (name === "queue" || hasServer));
  const seconds = new Map<string, number>(), counts = new Set<number>(), figures: Section["figures"] = [];
  const rounds = isBrief() ? 1 : full ? 9 : 4;
  const folder = decodeURIComponent(new URL("ch11/", resultsFolder).pathname);
  const open = {
    pool: pool.experiment,
    queue: (options: { workers: number }) => queue.experiment({ ...options, folder }),
    engines: engines.experiment,
  };
  // One after the other: idle workers of a queue go on looking for tasks, and would take time from the rest.
  for (const workers of [1, 2]) {
    for (const name of shown) {
      await using way = await open[name]({ workers });
      for (const perTask of sizes) {
        const samples: number[] = [];
        for (let round = 0; round <= rounds; round++) {
          const start = performance.now();
          counts.add(await way.run(pieces, perTask));
          samples.push((performance.now() - start) / 1000);
        }
        // The first round is not counted, in which V8 still compiles.
        const taken = samples.slice(1), typical = median(taken);
        seconds.set(`${name} ${workers} ${perTask}`, typical);
        figures.push(figure(`${name}, ${workers} workers`, perTask, typical, "s", taken));
      }
    }
  }
  // The pool's time for the largest tasks, by one worker, is what the darts themselves take.
  const alone = seconds.get(`pool 1 ${sizes.at(-1)}`)!;
  const time = (name: string, workers: number, size: number) => seconds.get(`${name} ${workers} ${size}`)!;
  const overhead = (name: string) => Math.max(0, (time(name, 1, 1) - alone) / pieces);
  const best = (name: string, workers: number) =>
    Math.min(
      ...sizes.filter((size) => seconds.has(`${name} ${workers} ${size}`)).map((size) => time(name, workers, size)),
    );
  const gain = (name: string) => best(name, 1) / best(name, 2);
  // From which size on it is within a tenth of the pool.
  const evens = (name: string) => sizes.find((size) => time(name, 2, size) <= 1.1 * time("pool", 2, size));
  const share = alone / pieces;
  return {
    tables: [
      table(
        ["2 workers, a task takes", ...shown.flatMap((name) => [name, "of ideal"])],
        sizes.map((size) => [
          formatTime(size * share),
          ...shown.flatMap((name) => [
            formatTime(time(name, 2, size)),
            `${Math.round(100 * alone / 2 / time(name, 2, size))}%`,
          ]),
        ]),
      ),
      table(
        ["", "overhead of a task", "best by 1", "best by 2", "gain"],
        shown.map((name) => [
          name,
          formatTime(overhead(name)),
          formatTime(best(name, 1)),
          formatTime(best(name, 2)),
          formatRatio(gain(name)),
        ]),
      ),
    ],
    charts: {
      from_workers_to_cluster: lineChart({
        title: "Pi by two workers: the share of ideal speed over the size of a task",
        x: { title: "milliseconds that a task takes by itself", log: true },
        y: { title: "% of twice the speed of one worker without overhead" },
        lines: shown.map((name) => ({
          name,
          points: sizes.map((size) => ({ x: 1000 * size * share, y: 100 * alone / 2 / time(name, 2, size) })),
        })),
      }),
    },
    figures,
    checks: [{
      claim: "the same darts hit, by whom and in whatever tasks they are thrown",
      passed: counts.size === 1,
      evidence: [...counts].join(" or "),
    }],
    claims: shown.length < 3 ? [] : [
      {
        claim: "a task costs least by the pool, and most by the engines, as a server stands between them and who asks",
        held: overhead("engines") > overhead("queue") && overhead("queue") > overhead("pool"),
        evidence: shown.map((name) => `${name} ${formatTime(overhead(name))}`).join(", "),
      },
      {
        claim: "in large tasks two are 1.6 times one or more, in every way",
        held: shown.every((name) => gain(name) >= 1.6),
        evidence: shown.map((name) => `${name} ${formatRatio(gain(name))}`).join(", "),
      },
    ],
    missing,
    finding: shown.map((name) =>
      `${name}: ${formatTime(overhead(name))} a task, two are ${formatRatio(gain(name))} one` +
      (name === "pool"
        ? ""
        : evens(name)
        ? `, as good as the pool from tasks of ${formatTime(evens(name)! * share)}`
        : "")
    ).join("; "),
  };
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
