/**
 * Deno.serve under load from another process: requests a second, latency, what a closed loop hides, open connections.
 *
 * @original none, chapter 9: servers under load
 * @run deno run --allow-read=. --allow-write=results --allow-run=deno,sh,wrk --allow-net=127.0.0.1 --allow-env=XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch09/servers/compare.ts
 * @takes 14 s
 */

import { lineChart } from "../../bench/lib/chart.ts";
import { runCommand } from "../../bench/lib/command.ts";
import { isBrief } from "../../bench/lib/measure.ts";
import { type Figure, figure } from "../../bench/lib/results.ts";
import { compareSections, needing, type Section } from "../../bench/lib/sections.ts";
import { fitLine, quantile } from "../../bench/lib/statistics.ts";
import { formatBytes, formatNumber, formatRatio, formatTime, table } from "../../bench/lib/table.ts";
import { denoOnPath } from "../../bench/parts.ts";
import { drive, period, stall, startStalling } from "./load_client.ts";
import { holdConnections, mostConnections } from "./many_connections.ts";
import { handlers, type Load, runWrk, startServer, wait } from "./server_under_load.ts";
import { fileURLToPath } from "node:url";

export function run(args: readonly string[]) {
  return compareSections({
    chapter: "ch09",
    topic: "servers",
    question: "How much load does one thread bear, and how late are its answers?",
    answer: "One thread serves whatever waits, and one computation at a time",
  }, {
    handlers: needing(denoOnPath, handlersSection),
    open_loop: needing(denoOnPath, openLoopSection),
    connections: needing(denoOnPath, connectionsSection),
  }, args);
}

/** Load from our own client in a process of its own, as wrk is one. */
async function runOwnClient(url: string, connections: number, seconds: number): Promise<Load> {
  const script = fileURLToPath(import.meta.resolve("./load_client.ts"));
  const flags = ["--quiet", "--no-prompt", "--no-lock", "--allow-net=127.0.0.1"];
  const { code, stdout, stderr } = await new Deno.Command("deno", {
    args: ["run", ...flags, script, url, "--json", "--connections", `${connections}`, "--seconds", `${seconds}`],
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  if (code !== 0) throw new Error(`the load client ended with code ${code}: ${text.decode(stderr)}`);
  const { answered, failed, unanswered, perSecond, percentiles } = JSON.parse(text.decode(stdout));
  return { perSecond, requests: answered + failed, errors: failed + unanswered, percentiles };
}

/** A trivial handler, one that computes and one that waits, under few and many connections. */
async function handlersSection(full: boolean): Promise<Section> {
  const wrk = await runCommand("wrk", ["--version"]) !== null;
  // wrk takes whole seconds only, which is too long where hardly anything is to be measured.
  const client = wrk && !isBrief() ? runWrk : runOwnClient, seconds = isBrief() ? 0.3 : full ? 5 : 1;
  const many = full ? 256 : 32, counts = isBrief() ? [many] : full ? [1, 16, 64, 256] : [1, many];
  const names = Object.keys(handlers), loads = new Map<string, Load & { answered: number }>();
  for (const name of names) {
    await using server = startServer();
    for (const connections of counts) {
      const before = server.answered(), load = await client(server.url + name, connections, seconds);
      loads.set(`${name} ${connections}`, { ...load, answered: server.answered() - before });
    }
  }
  const load = (name: string, connections = many) => loads.get(`${name} ${connections}`)!;
  const ceiling = many / (wait / 1000), cost = 1 / load("trivial").perSecond;
  const all = [...loads.values()];
  return {
    tables: [table(
      [
        client === runWrk ? "load from wrk" : "load from load_client.ts",
        "connections",
        "a second",
        "p50",
        "p90",
        "p99",
      ],
      names.flatMap((name) =>
        counts.map((connections) => {
          const { perSecond, percentiles } = load(name, connections);
          return [
            name,
            `${connections}`,
            formatNumber(perSecond),
            ...["p50", "p90", "p99"].map((percent) => formatTime(percentiles[percent] / 1e3)),
          ];
        })
      ),
    )],
    charts: {
      server_latency: lineChart({
        title: `Latency of three handlers, ${many} connections`,
        x: { title: "percentile", ticks: [50, 75, 90, 99] },
        y: { title: "ms", log: true },
        lines: names.map((name) => ({
          name: `${name}, ${formatNumber(load(name).perSecond)} a second`,
          points: Object.entries(load(name).percentiles).filter(([percent]) => /^p\d\d$/.test(percent))
            .map(([percent, ms]) => ({ x: Number(percent.slice(1)), y: ms })),
        })),
      }),
    },
    figures: [...loads].flatMap(([key, { perSecond, percentiles }]): Figure[] => {
      const [name, connections] = key.split(" ");
      return [
        figure(`${name}: throughput`, Number(connections), perSecond, "requests a second"),
        ...["p50", "p90", "p99"].map((percent) =>
          figure(`${name}: ${percent}`, Number(connections), percentiles[percent] / 1e3, "s")
        ),
      ];
    }),
    checks: [{
      claim: "no request failed, and the server answered at least as many as the client counts",
      passed: all.every(({ errors, requests, answered }) => errors === 0 && requests > 0 && answered >= requests),
      evidence: [...loads].map(([name, { errors, requests, answered }]) =>
        `${name}: ${errors} failed, ${requests} counted, ${answered} answered`
      ).join("; "),
    }],
    claims: [
      {
        claim: "the handler that waits comes within 30 % of connections over waiting time",
        held: load("waiting").perSecond >= 0.7 * ceiling,
        evidence: `${formatNumber(load("waiting").perSecond)} of ${formatNumber(ceiling)} a second`,
      },
      {
        claim: "its latency stays under twice its waiting time at the median",
        held: load("waiting").percentiles.p50 < 2 * wait,
        evidence: formatTime(load("waiting").percentiles.p50 / 1e3),
      },
      {
        claim: `where it computes, ${many} connections gain nothing over one (at most 30 %), but wait in line`,
        held: counts.length === 1 || load("computing").perSecond <= 1.3 * load("computing", 1).perSecond,
        evidence: counts.length === 1
          ? `only ${many} connections were tried`
          : `${formatNumber(load("computing", 1).perSecond)} a second with one, ${
            formatNumber(load("computing").perSecond)
          } with ${many}; median ${formatTime(load("computing", 1).percentiles.p50 / 1e3)} and ${
            formatTime(load("computing").percentiles.p50 / 1e3)
          }`,
      },
      {
        claim: "connections, throughput and median latency agree by Little's law (within 40 %) where all do the same",
        held: ["computing", "waiting"].every((name) =>
          Math.abs(Math.log(load(name).perSecond * load(name).percentiles.p50 / 1e3 / many)) <= Math.log(1.4)
        ),
        evidence: ["computing", "waiting"].map((name) =>
          `${name}: ${formatNumber(load(name).perSecond * load(name).percentiles.p50 / 1e3)} under way of ${many}`
        ).join(", "),
      },
    ],
    missing: wrk ? [] : [{ name: "wrk", remedy: "apt-get install -y wrk (load_client.ts took its place)" }],
    finding: `${formatNumber(load("trivial").perSecond)} trivial requests a second, ${formatTime(cost)} each, ${
      formatNumber(load("computing").perSecond)
    } that compute for a millisecond and ${formatNumber(load("waiting").perSecond)} that wait for ${wait} ms`,
  };
}

/** A server that stands still now and then, asked in a closed and in an open loop. */
async function openLoopSection(full: boolean): Promise<Section> {
  // At least one whole period, so that there is a standstill in it.
  const options = { connections: 16, seconds: isBrief() ? 0.6 : full ? 10 : 2 }, rate = 1000;
  await using server = await startStalling();
  await drive(server.url, { connections: 4, seconds: 0.1 });
  const closed = await drive(server.url, options), open = await drive(server.url, { ...options, rate });
  const slower: Record<string, number> = { p50: 2, p90: 10, p99: 100, "p99.9": 1000 };
  const line = (name: string, percentiles: Record<string, number>) => ({
    name,
    points: Object.entries(slower).map(([percent, x]) => ({ x, y: percentiles[percent] })),
  });
  const rows = { "closed loop": closed.percentiles, "open loop": open.percentiles };
  return {
    tables: [table(
      [`stands still ${stall} ms in ${period}`, "a second", ...Object.keys(slower), "longest"],
      Object.entries(rows).map(([name, percentiles]) => [
        name,
        formatNumber((name === "closed loop" ? closed : open).perSecond),
        ...[...Object.keys(slower), "max"].map((percent) => formatTime(percentiles[percent] / 1e3)),
      ]),
    )],
    charts: {
      coordinated_omission: lineChart({
        title: `One server, standing still ${stall} ms in ${period}, seen by two clients`,
        x: { title: "one request in so many is slower", log: true, ticks: Object.values(slower) },
        y: { title: "ms", log: true },
        lines: [line("closed loop", closed.percentiles), line(`open loop, ${rate} a second`, open.percentiles)],
      }),
    },
    figures: Object.entries(rows).flatMap(([name, percentiles]) =>
      Object.entries(percentiles).map(([percent, ms]) =>
        figure(`${name}: ${percent}`, name === "open loop" ? rate : options.connections, ms / 1e3, "s")
      )
    ),
    checks: [
      {
        claim: "every request was answered",
        passed:
          [closed, open].every(({ failed, unanswered, answered }) =>
            failed === 0 && unanswered === 0 && answered > 0
          ) && open.answered === rate * options.seconds,
        evidence: [closed, open].map(({ answered, failed, unanswered }) =>
          `${answered} answered, ${failed} failed, ${unanswered} unanswered`
        ).join("; "),
      },
      {
        claim: "the open loop notes the standstill in its 99th percentile (at least half of it)",
        passed: open.percentiles.p99 >= stall / 2,
        evidence: formatTime(open.percentiles.p99 / 1e3),
      },
    ],
    claims: [{
      claim: "the closed loop does not: its 99th percentile is under a fifth of the standstill",
      held: closed.percentiles.p99 < stall / 5,
      evidence: `${formatTime(closed.percentiles.p99 / 1e3)}, while its longest is ${
        formatTime(closed.percentiles.max / 1e3)
      }`,
    }],
    finding: `where the server stands still for ${stall} ms in ${period}, 1 % of requests take more than ${
      formatTime(open.percentiles.p99 / 1e3)
    }, of which a closed loop sees ${formatTime(closed.percentiles.p99 / 1e3)}`,
  };
}

/** Connections that are open and idle. */
async function connectionsSection(full: boolean): Promise<Section> {
  const most = await mostConnections(), wanted = isBrief() ? 500 : full ? 10_000 : 5000, total = Math.min(wanted, most);
  const counts = [10, ...[0.25, 0.5, 0.75, 1].map((share) => Math.round(share * total))];
  const steps = await holdConnections(counts, isBrief() ? 50 : 500), last = steps.at(-1)!;
  const { slope, r2 } = fitLine(steps.map((step) => step.connections), steps.map((step) => step.memory));
  const at = (step: typeof last, share: number) => quantile(step.latencies, share);
  return {
    tables: [table(
      ["open connections", "memory of the server", "a request over one of them", "p99"],
      steps.map((step) => [
        `${step.connections}`,
        formatBytes(step.memory),
        formatTime(at(step, 0.5) / 1e3),
        formatTime(at(step, 0.99) / 1e3),
      ]),
    )],
    charts: {
      many_connections: lineChart({
        title: "Memory of a server that holds connections open",
        x: { title: "open connections" },
        y: { title: "MiB resident" },
        lines: [{
          name: `${formatBytes(slope)} a connection`,
          points: steps.map((step) => ({ x: step.connections, y: step.memory / 2 ** 20 })),
        }],
      }),
    },
    figures: [
      figure("memory", last.connections, slope, "B per connection"),
      ...steps.flatMap((step) => [
        figure("server's memory", step.connections, step.memory, "B"),
        figure("request", step.connections, at(step, 0.5) / 1e3, "s", step.latencies.map((ms) => ms / 1e3)),
      ]),
    ],
    checks: [{
      claim: `${last.connections} connections are open at once, and requests over those held are answered`,
      passed: steps.every((step, i) => step.connections === counts[i] && step.latencies.length > 0),
      evidence: steps.map((step) => `${step.latencies.length} over ${step.connections}`).join(", "),
    }],
    claims: [
      {
        claim: "a connection takes less than 64 KiB of the server's own memory",
        held: slope < 65_536,
        evidence: `${formatBytes(slope)}, on a line that explains ${formatNumber(100 * r2)} % of the variance`,
      },
      {
        claim: "a request takes no longer with all of them open than with ten (at most 50 %)",
        held: at(last, 0.5) <= 1.5 * at(steps[0], 0.5),
        evidence: `${formatTime(at(last, 0.5) / 1e3)} and ${formatTime(at(steps[0], 0.5) / 1e3)}, ${
          formatRatio(at(last, 0.5) / at(steps[0], 0.5))
        }`,
      },
    ],
    missing: total < wanted
      ? [{ name: `room for ${wanted} open files`, remedy: `ulimit -n ${wanted + 100} (${total} were opened)` }]
      : [],
    finding: `${last.connections} open connections take ${formatBytes(slope)} each, and a request among them ${
      formatTime(at(last, 0.5) / 1e3)
    }`,
  };
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
