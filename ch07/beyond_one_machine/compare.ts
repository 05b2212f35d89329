/**
 * The slopes by PostgreSQL: one local table, two shards that compute, and two shards whose rows are fetched.
 *
 * @original 07_pandas/ols_basics/time_iteration_methods_dask.py
 * @run deno run --allow-read=. --allow-write=results --allow-run=sh --allow-net=127.0.0.1 --ignore-env --allow-env=XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch07/beyond_one_machine/compare.ts
 * @takes 12 s
 */

import { barChart, palette } from "../../bench/lib/chart.ts";
import { parseCompareFlags } from "../../bench/lib/flags.ts";
import { isBrief } from "../../bench/lib/measure.ts";
import { startProgress } from "../../bench/lib/progress.ts";
import { report } from "../../bench/lib/report.ts";
import { type Check, figure, prepareResults } from "../../bench/lib/results.ts";
import { median } from "../../bench/lib/statistics.ts";
import { formatRatio, formatTime, table } from "../../bench/lib/table.ts";
import { ask, type Cluster, columns, distribute, generate, insert, slopesOf, startServers } from "./postgres_shards.ts";

const question = "Can a data frame's work be distributed among machines?";

/** How each way sets the coordinator up, and what it asks; `pushed`: the shards compute; `local`: there are none. */
const ways: Record<string, { about: string; local?: boolean; parallel?: boolean; settings?: string; server?: string }> =
  {
    local: { about: "one table, one process", local: true },
    local_parallel: { about: "one table, PostgreSQL's own workers", local: true, parallel: true },
    shards: { about: "both shards at once" },
    shards_in_turn: { about: "one shard after the other", server: "async_capable 'false'" },
    shards_small_fetch: { about: "both, 100 rows a trip (the default)", server: "fetch_size '100'" },
    rows_fetched: { about: "both, rows fetched, computed here", settings: "SET enable_partitionwise_aggregate = off" },
  };

/** The settings that a way changes, as they are without it. */
const settings = (parallel = false) => `
  SET enable_partitionwise_aggregate = on;
  SET max_parallel_workers_per_gather = ${parallel ? 2 : 0};
  -- By itself it would not use them here: it expects the groups that workers hand over to cost more than they gain.
  SET parallel_setup_cost = ${parallel ? 0 : 1000};
  SET parallel_tuple_cost = ${parallel ? 0 : 0.1}`;
const servers = "async_capable 'true', fetch_size '10000'";
const setOptions = (options: string) => options.replaceAll(/(\w+) (?=')/g, "SET $1 ");

/** The local table's name. */
const local = "local_hours";

/** What the slopes come to: so many, the smallest, the largest, and their sum. */
type Summary = [number, number, number, number];
const summaryOf = (from: string) =>
  `SELECT count(*)::integer, min(slope), max(slope), sum(slope) FROM (${from}) AS slopes`;

async function summarise({ coordinator }: Cluster, from: string): Promise<Summary> {
  return (await ask(coordinator, { text: summaryOf(from), rowMode: "array" })).rows[0] as Summary;
}

/** The textbook's formula, which weighs each day by itself. */
function expectedSummary(hours: Float64Array): Summary {
  const result: Summary = [hours.length / 14, Infinity, -Infinity, 0];
  for (let at = 0; at < hours.length; at += 14) {
    let slope = 0;
    for (let day = 0; day < 14; day++) slope += (day - 6.5) * hours[at + day] / 227.5;
    result[1] = Math.min(result[1], slope);
    result[2] = Math.max(result[2], slope);
    result[3] += slope;
  }
  return result;
}

interface Node {
  "Node Type": string;
  "Actual Rows": number;
  Plans?: Node[];
}

/** How many rows came from other servers. */
async function fetchedRows({ coordinator }: Cluster, from: string): Promise<number> {
  const { rows } = await coordinator.query(`EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ${summaryOf(from)}`);
  const count = (node: Node): number =>
    node["Node Type"] === "Foreign Scan"
      ? node["Actual Rows"]
      : (node.Plans ?? []).reduce((sum, plan) => sum + count(plan), 0);
  return count(rows[0]["QUERY PLAN"][0].Plan);
}

export async function run(args: readonly string[]) {
  const { mode, only, sizes } = parseCompareFlags(args, {
    about: question,
    names: Object.keys(ways),
    size: { min: 2, max: 1_000_000 },
  });
  prepareResults("ch07");
  const people = sizes?.[0] ?? (isBrief() ? 1000 : mode === "full" ? 200_000 : 40_000);
  const rounds = isBrief() ? 1 : mode === "full" ? 7 : 3;
  const names = Object.keys(ways).filter((name) => !only || ["local", "shards", ...only].includes(name));
  const times = new Map<string, number[]>(names.map((name) => [name, []])), fetched = new Map<string, number>();
  const hours = generate(people), expected = expectedSummary(hours), differences: string[] = [];
  const checks: Check[] = [];
  let plan: string[] = [], whole: number[] = [];
  const progress = startProgress("ch07/beyond_one_machine", names.length * (rounds + 1) + 2);
  try {
    progress.step("starting three servers");
    const machine = await startServers(3);
    try {
      const [at, ...shards] = machine.addresses, cluster = await distribute(hours, at, shards);
      try {
        const { coordinator } = cluster;
        await coordinator.query(`BEGIN; CREATE TABLE ${local} ${columns}`);
        await insert(coordinator, local, hours, 0, people);
        await coordinator.query(`COMMIT; ANALYZE ${local}`);
        plan = await cluster.plan();
        for (let round = 0; round <= rounds; round++) {
          for (const name of names) {
            progress.step(name);
            const way = ways[name], from = slopesOf(way.local ? local : cluster.table);
            await coordinator.query(settings(way.parallel));
            if (way.settings) await coordinator.query(way.settings);
            if (way.server) await alterServers(cluster, way.server);
            if (round === 0) {
              fetched.set(name, await fetchedRows(cluster, from));
            } else {
              const start = performance.now(), summary = await summarise(cluster, from);
              times.get(name)!.push((performance.now() - start) / 1000);
              const off = summary.some((value, i) => !(Math.abs(value - expected[i]) <= 1e-9));
              if (off) differences.push(`${name}: ${summary}, not ${expected}`);
            }
            if (way.server) await alterServers(cluster, servers);
          }
        }
        await coordinator.query(settings());
        whole = await slopesToTypeScript(cluster, isBrief() ? 1 : 3);
        progress.step("a shard is killed");
        checks.push(await loseShard(cluster, machine, expected));
      } finally {
        await cluster.close();
      }
    } finally {
      await machine.close();
    }
  } finally {
    progress.stop();
  }

  const time = (name: string) => median(times.get(name) ?? []);
  const ratio = (slower: string, faster: string) => time(slower) / time(faster);
  const remote = plan.filter((line) => line.includes("Remote SQL:"));
  checks.unshift({
    claim:
      `count, least, largest and sum of the slopes agree with the textbook's formula within 1e-9, each way, each time`,
    passed: differences.length === 0,
    evidence: differences.join("; "),
  }, {
    claim: "each shard is sent the whole GROUP BY, and both run at once",
    passed: plan.filter((line) => line.includes("Async Foreign Scan")).length === 2 && remote.length === 2 &&
      remote.every((line) => /regr_slope\(hours, day\).*GROUP BY/.test(line)),
    evidence: plan.join(" "),
  }, {
    claim: "where the shards compute, a row for each person is fetched, otherwise fourteen",
    passed: names.every((name) =>
      fetched.get(name) === (ways[name].local ? 0 : name === "rows_fetched" ? 14 * people : people)
    ),
    evidence: names.map((name) => `${name} ${fetched.get(name)}`).join(", "),
  });
  return await report({
    chapter: "ch07",
    topic: "beyond_one_machine",
    question,
    mode,
    tables: [
      table(
        [
          `${people.toLocaleString("en-US")} people`,
          { head: "how", align: "left" },
          "a query",
          "vs local",
          "rows fetched",
        ],
        names.map((name) => [
          name,
          ways[name].about,
          formatTime(time(name)),
          formatRatio(ratio("local", name)),
          fetched.get(name)!.toLocaleString("en-US"),
        ]),
      ),
      `All slopes from both shards into a typed array: ${formatTime(median(whole))}.\n\n${plan.join("\n")}`,
    ],
    charts: {
      beyond_one_machine: barChart({
        title: `Slopes of ${people.toLocaleString("en-US")} people in PostgreSQL`,
        x: {
          title: "milliseconds (grey: one table; blue: shards that compute; orange: shards whose rows are fetched)",
        },
        bars: names.map((name) => ({
          name: ways[name].about,
          value: time(name) * 1e3,
          color: palette[ways[name].local ? 9 : name === "rows_fetched" ? 1 : 0],
        })),
        text: (ms) => formatTime(ms / 1e3),
      }),
    },
    figures: [
      ...names.map((name) => figure(name, people, time(name), "s", times.get(name))),
      figure("slopes into a typed array", people, median(whole), "s", whole),
    ],
    checks,
    claims: [
      {
        claim: "two shards are faster than one table in one process",
        held: ratio("local", "shards") > 1,
        evidence: `${formatRatio(ratio("local", "shards"))}; PostgreSQL's own workers ${
          formatRatio(ratio("local", "local_parallel"))
        }, where they are forced on it`,
      },
      {
        claim: "to have the shards compute is 3 times as fast as to fetch their rows, or more",
        held: ratio("rows_fetched", "shards") >= 3,
        evidence: `${formatRatio(ratio("rows_fetched", "shards"))}; fetching makes two shards ${
          formatRatio(ratio("rows_fetched", "local"))
        } as slow as no shards`,
      },
      {
        claim: "both at once is 1.3 times as fast as one after the other, or more",
        held: ratio("shards_in_turn", "shards") >= 1.3,
        evidence: formatRatio(ratio("shards_in_turn", "shards")),
      },
      {
        claim: "100 rows a trip, the default, is 1.2 times as slow as 10,000, or more",
        held: ratio("shards_small_fetch", "shards") >= 1.2,
        evidence: formatRatio(ratio("shards_small_fetch", "shards")),
      },
    ].filter(({ evidence }) => !evidence.includes("NaN")),
    missing: [],
    answer:
      `Yes: two PostgreSQL shards that compute the slopes and send only those are ${
        formatRatio(ratio("local", "shards"))
      } as fast as one table in one process` +
      (times.has("rows_fetched")
        ? `, and ${formatRatio(ratio("rows_fetched", "shards"))} as fast as fetching their rows.`
        : "."),
  });
}

async function alterServers({ coordinator, servers }: Cluster, options: string): Promise<void> {
  for (const server of servers) await coordinator.query(`ALTER SERVER ${server} OPTIONS (${setOptions(options)})`);
}

/** Seconds to have all slopes in a typed array. */
async function slopesToTypeScript(cluster: Cluster, calls: number): Promise<number[]> {
  const times: number[] = [];
  for (let call = 0; call < calls; call++) {
    const start = performance.now();
    await cluster.slopes();
    times.push((performance.now() - start) / 1000);
  }
  return times;
}

/** Kills a shard, asks, starts it again and asks once more. */
async function loseShard(
  cluster: Cluster,
  machine: Awaited<ReturnType<typeof startServers>>,
  expected: Summary,
): Promise<Check> {
  const question = slopesOf(cluster.table);
  await machine.kill(2);
  const without = await summarise(cluster, question).then(
    (summary) => `an answer: ${summary}`,
    (error) => error.message,
  );
  await machine.start(2);
  const after = await summarise(cluster, question);
  const address = `shard 2 at 127.0.0.1:${machine.addresses[2].port}`;
  return {
    claim:
      "without one of the shards there is an error that names it, and no answer; once it is back, the whole answer",
    passed: without.includes("a shard is missing") && without.includes(address) && after[0] === expected[0] &&
      Math.abs(after[3] - expected[3]) <= 1e-9,
    evidence: `${without}; then ${after}`,
  };
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
