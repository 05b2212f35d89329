/**
 * Four platforms for messages: how fast, how late, what they promise, what they cost to run, and what is left of them after
 * `kill -9`.
 *
 * @original none, the book's question on choosing a messaging platform
 * @run deno run --allow-read=. --allow-write=results --allow-run=nats-server,redis-server,sh --allow-net=127.0.0.1 --ignore-env --allow-env=XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch11/platforms/compare.ts
 * @takes 12 s
 */

import { barChart, palette } from "../../bench/lib/chart.ts";
import { hasCommand } from "../../bench/lib/command.ts";
import { isBrief } from "../../bench/lib/measure.ts";
import { type Check, type Claim, type Figure, figure, type Missing, resultsFolder } from "../../bench/lib/results.ts";
import { residentOf } from "../../bench/lib/processes.ts";
import { compareSections, type Section } from "../../bench/lib/sections.ts";
import { type Server, startNats, startRedis } from "../../bench/lib/servers.ts";
import { median, quantile } from "../../bench/lib/statistics.ts";
import { formatBytes, formatNumber, formatRatio, formatTime, table } from "../../bench/lib/table.ts";
import { fileURLToPath } from "node:url";
import * as jetstream from "./jetstream.ts";
import * as natsCore from "./nats_core.ts";
import * as redisStream from "./redis_stream.ts";
import * as sqliteTable from "./sqlite_table.ts";

interface Kind {
  open: typeof sqliteTable.open;
  guarantees: typeof sqliteTable.guarantees;
  /** None for SQLite, which is a file. */
  server?: { command: string; remedy: string; start(): Promise<Server> };
}

const nats = { command: "nats-server", remedy: "apt-get install nats-server", start: () => startNats() };
const kinds: Record<string, Kind> = {
  "SQLite": sqliteTable,
  "Redis stream": {
    ...redisStream,
    server: { command: "redis-server", remedy: "apt-get install redis-server", start: () => startRedis() },
  },
  "NATS": { ...natsCore, server: nats },
  "JetStream": { ...jetstream, server: nats },
};

export function run(args: readonly string[]) {
  return compareSections(
    {
      chapter: "ch11",
      topic: "platforms",
      question: "What considerations should I take when picking a messaging platform?",
      answer: "What may be lost, who runs it, and how fast it must be",
    },
    { platforms: platformsSection },
    args,
  );
}

interface Found {
  starting: number;
  publish: number[];
  receive: number[];
  latencies: number[];
  resident: number;
  kept: number | undefined;
  inOrder: boolean;
  again: boolean;
}

async function measurePlatform({ open, server: kind }: Kind, full: boolean): Promise<Found> {
  const count = isBrief() ? 1000 : full ? 100_000 : 10_000, rounds = isBrief() ? 1 : 3, together = 100;
  const folder = await Deno.makeTempDir({ dir: fileURLToPath(resultsFolder) });
  const begin = performance.now(), server = await kind?.start(), starting = (performance.now() - begin) / 1000;
  try {
    const where = server?.address ?? `${folder}/messages.db`,
      found: Found = {
        ...{ starting, publish: [], receive: [], latencies: [], resident: 0, inOrder: true, again: false },
        kept: undefined,
      };
    {
      await using platform = await open(where);
      for (let round = 0; round < rounds; round++) {
        const messages = Array.from({ length: count }, (_, i) => `message ${round} ${i}`), received: string[] = [];
        const all = Promise.withResolvers<void>();
        // Who is not there when a message is sent does not get it from NATS alone: all listen from the start.
        const stop = await platform.receive((message) => {
          if (received.push(message) === count) all.resolve();
        });
        const start = performance.now();
        for (let i = 0; i < count; i += together) await platform.publish(messages.slice(i, i + together));
        found.publish.push(count / (performance.now() - start) * 1000);
        await all.promise;
        found.receive.push(count / (performance.now() - start) * 1000);
        await stop();
        found.inOrder &&= received.every((message, i) => message === messages[i]);
      }
      // One message at a time, there and noticed.
      let arrived = () => {};
      const stop = await platform.receive(() => arrived());
      for (let i = 0; i < (isBrief() ? 20 : 300); i++) {
        const { promise, resolve } = Promise.withResolvers<void>();
        arrived = resolve;
        const start = performance.now();
        await platform.publish([`single ${i}`]);
        await promise;
        found.latencies.push((performance.now() - start) / 1000);
      }
      await stop();
      if (server) found.resident = await residentOf(server.pid);
    }
    if (server) {
      // Nobody listens; what is confirmed now must be there when the server is back.
      const platform = await open(where);
      await platform.publish(Array.from({ length: 500 }, (_, i) => `kept ${i}`));
      await server.kill("SIGKILL");
      await platform[Symbol.asyncDispose]();
      await server.restart();
      await using back = await open(where);
      found.kept = await back.waiting();
    }
    return found;
  } finally {
    await server?.[Symbol.asyncDispose]();
    await Deno.remove(folder, { recursive: true });
  }
}

async function platformsSection(full: boolean): Promise<Section> {
  const found = new Map<string, Found>(), missing: Missing[] = [];
  for (const [name, kind] of Object.entries(kinds)) {
    if (kind.server && !await hasCommand(kind.server.command)) {
      missing.push({ name: kind.server.command, remedy: kind.server.remedy });
    } else found.set(name, await measurePlatform(kind, full));
  }
  const names = [...found.keys()], of = (name: string) => found.get(name)!;
  const rate = (rates: number[]) => formatNumber(Math.round(median(rates)));
  const claims: Claim[] = [],
    checks: Check[] = [{
      claim: "every platform delivers all messages, each once and in order, while nothing fails",
      passed: names.every((name) => of(name).inOrder),
      evidence: names.join(", "),
    }];
  if (found.has("JetStream")) {
    const persistent = names.filter((name) => name !== "NATS" && of(name).kept !== undefined);
    checks.push({
      claim: "what JetStream and Redis have confirmed is still there after kill -9, and NATS alone keeps nothing",
      passed: persistent.every((name) => of(name).kept === 500) && of("NATS").kept === 0,
      evidence: names.map((name) => `${name} ${of(name).kept ?? "no server"}`).join(", "),
    });
    claims.push({
      claim: "to keep messages costs half of the rate or more: NATS against JetStream",
      held: median(of("NATS").receive) >= 2 * median(of("JetStream").receive),
      evidence: formatRatio(median(of("NATS").receive) / median(of("JetStream").receive)),
    }, {
      claim: "JetStream takes 20,000 messages a second from end to end, or more",
      held: median(of("JetStream").receive) >= 20_000,
      evidence: `${rate(of("JetStream").receive)} a second`,
    });
  }
  claims.push({
    claim: "without a server at all, SQLite takes more messages than any server",
    held: names.every((name) => median(of(name).receive) <= median(of("SQLite").receive)),
    evidence: names.map((name) => `${name} ${rate(of(name).receive)}`).join(", "),
  });
  const figures: Figure[] = names.flatMap((name) => [
    figure(`${name}: sent`, 100, median(of(name).publish), "messages a second", of(name).publish),
    figure(`${name}: end to end`, 100, median(of(name).receive), "messages a second", of(name).receive),
    figure(`${name}: latency`, 1, median(of(name).latencies), "s", of(name).latencies),
    ...of(name).resident ? [figure(`${name}: memory of the server`, 1, of(name).resident, "bytes")] : [],
    ...of(name).kept === undefined
      ? []
      : [figure(`${name}: kept after kill -9`, 500, of(name).kept!, "messages of 500")],
  ]);
  return {
    tables: [
      table(
        [
          "messages a second, 100 at once",
          "sent",
          "end to end",
          "one, there",
          "p99",
          "start",
          "server's memory",
          "kept after kill -9",
        ],
        names.map((name) => {
          const { publish, receive, latencies, starting, resident, kept } = of(name);
          return [
            name,
            rate(publish),
            rate(receive),
            formatTime(median(latencies)),
            formatTime(quantile(latencies, 0.99)),
            kinds[name].server ? formatTime(starting) : "-",
            resident ? formatBytes(resident) : "-",
            kept === undefined ? "-" : `${kept} of 500`,
          ];
        }),
      ),
      table(
        ["", { head: "delivery", align: "left" }, { head: "order", align: "left" }, { head: "kept", align: "left" }, {
          head: "to run",
          align: "left",
        }],
        names.map((name) => {
          const { guarantees: { delivery, order, kept }, server } = kinds[name];
          return [name, delivery, order, kept, server ? server.command : "nothing, on one machine only"];
        }),
      ),
    ],
    charts: {
      platforms: barChart({
        title: "Messages a second from end to end, sent a hundred at once",
        x: { title: "messages a second", log: true },
        bars: names.map((name) => ({
          name,
          value: median(of(name).receive),
          color: palette[name === "NATS" ? 1 : 0],
        })),
        text: (value) => Math.round(value).toLocaleString("en-US"),
      }),
    },
    figures,
    checks,
    claims,
    missing,
    finding: `${
      names.map((name) =>
        `${name} takes ${rate(of(name).receive)} messages a second from end to end, one in ${
          formatTime(median(of(name).latencies))
        }`
      ).join("; ")
    }`,
  };
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
