/**
 * Many requests that wait: one by one, at once, a bounded number at once, and what the client itself adds.
 *
 * The server is a process of its own, so that the processor time of this one is the client's alone, and it says how late
 * its own timers were. What `fetch` opened it keeps from one run to the next; node_agent and tcp open theirs in each run.
 *
 * @original 09_concurrency/crawler/parallel_requests.py, …/visualize.py
 * @run deno run --allow-read=. --allow-write=results --allow-run=deno --allow-net=127.0.0.1 --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch09/crawler/compare.ts
 * @takes 25 s
 */

import { delay as wait } from "@std/async/delay";
import process from "node:process";
import { type Chart, lineChart, palette } from "../../bench/lib/chart.ts";
import { isBrief } from "../../bench/lib/measure.ts";
import { type Check, figure } from "../../bench/lib/results.ts";
import { compareSections, needing, type Section } from "../../bench/lib/sections.ts";
import { median } from "../../bench/lib/statistics.ts";
import { formatNumber, formatRatio, formatTime, table } from "../../bench/lib/table.ts";
import { denoOnPath } from "../../bench/parts.ts";
import { crawl as nodeAgent } from "./crawl_node_agent.ts";
import { crawl as pooled } from "./crawl_pooled.ts";
import { crawl as reliably, faults, type Outcome, seeded, startFaultyServer } from "./crawl_reliably.ts";
import { crawl as semaphore } from "./crawl_semaphore.ts";
import { crawl as serial } from "./crawl_serial.ts";
import { crawl as tcp } from "./crawl_tcp.ts";
import { crawl as unbounded } from "./crawl_unbounded.ts";
import { type DelayingServer, lateness, mostAtOnce, type Served, startServer } from "./delaying_server.ts";

const clients = {
  serial,
  unbounded,
  pooled,
  semaphore,
  node_agent: nodeAgent,
  "node_agent, closing": (urls: string[], options: { concurrency: number }) =>
    nodeAgent(urls, { ...options, keepAlive: false }),
  tcp,
};
type Client = keyof typeof clients;

export function run(args: readonly string[]) {
  return compareSections({
    chapter: "ch09",
    topic: "crawler",
    question: "How much time does concurrency save where a program waits for others, and what does it cost?",
    answer: "requests that wait together wait once",
  }, {
    timeline: needing(denoOnPath, timelineSection),
    clients: needing(denoOnPath, clientsSection),
    sweep: needing(denoOnPath, sweepSection),
    faults: faultsSection,
  }, args);
}

/** Requests of one delay, of which at most `atOnce` are to be under way at the same time. */
interface Job {
  client: Client;
  requests: number;
  /** Milliseconds. */
  delay: number;
  atOnce: number;
}

interface Run extends Job {
  /** Seconds. */
  wall: number;
  /** Seconds of processor time of this process for each request. */
  own: number;
  served: Served[];
  connections: number;
  /** When it began, in milliseconds since 1970. */
  start: number;
  right: boolean;
}

async function crawlOnce(server: DelayingServer, job: Job): Promise<Run> {
  const urls = Array.from({ length: job.requests }, (_, id) => server.address(id, job.delay));
  const before = process.cpuUsage(), start = performance.now();
  const bodies = await clients[job.client](urls, { concurrency: job.atOnce });
  const wall = (performance.now() - start) / 1000, { user, system } = process.cpuUsage(before);
  const served = await server.takeServed();
  return {
    ...job,
    wall,
    own: (user + system) / 1e6 / job.requests,
    served,
    connections: new Set(served.map(({ connection }) => connection)).size,
    start: performance.timeOrigin + start,
    right: bodies.length === job.requests && bodies.every((body, id) => body === `${id ** 2}`),
  };
}

/** The time in seconds that no client can beat: requests x delay / number at once, in whole rounds. */
const floorOf = ({ requests, delay, atOnce }: Job) => Math.ceil(requests / atOnce) * delay / 1000;

const describe = ({ client, requests, delay, atOnce }: Job) =>
  `${client}, ${formatNumber(requests)} of ${delay} ms, ${formatNumber(atOnce)} at once`;

/** What must hold of every run: the clients are checked before anything is said of their speed. */
function checksOf(what: string, runs: readonly Run[]): Check[] {
  const wrong = runs.filter(({ right }) => !right);
  const notOnce = runs.filter(({ served, requests }) =>
    served.length !== requests || new Set(served.map(({ id }) => id)).size !== requests
  );
  const crowded = runs.filter(({ served, atOnce }) => mostAtOnce(served) > atOnce);
  const wide = runs.filter(({ client, connections, atOnce }) =>
    (client === "node_agent" || client === "tcp") && connections > atOnce
  );
  const evidence = (failed: Run[]) => failed.length === 0 ? `${runs.length} runs` : failed.map(describe).join("; ");
  return [
    { claim: `${what}: every answer is the right one`, passed: wrong.length === 0, evidence: evidence(wrong) },
    {
      claim: `${what}: the server got every request once`,
      passed: notOnce.length === 0,
      evidence: evidence(notOnce),
    },
    {
      claim: `${what}: the server never saw more at once than the bound`,
      passed: crowded.length === 0,
      evidence: evidence(crowded),
    },
    ...runs.some(({ client }) => client === "node_agent" || client === "tcp")
      ? [{
        claim: `${what}: the clients that count connections opened no more than the bound`,
        passed: wide.length === 0,
        evidence: evidence(wide),
      }]
      : [],
  ];
}

/** The staircase and the wall: when each request was under way. */
async function timelineSection(full: boolean): Promise<Section> {
  const requests = full ? 100 : 50, delay = full ? 50 : 20;
  await using server = await startServer();
  await crawlOnce(server, { client: "semaphore", requests, delay: 0, atOnce: requests });
  const jobs: Record<string, Job> = {
    "one at a time": { client: "serial", requests, delay, atOnce: 1 },
    "10 at once": { client: "semaphore", requests, delay, atOnce: 10 },
    "all at once": { client: "unbounded", requests, delay, atOnce: requests },
  };
  const runs: Record<string, Run> = {};
  for (const [name, job] of Object.entries(jobs)) runs[name] = await crawlOnce(server, job);
  const names = Object.keys(runs), all = Object.values(runs);
  const bars = names.flatMap((name, i) =>
    runs[name].served.map(({ id, start, end }) => ({
      name,
      request: id,
      start: start - runs[name].start,
      end: end - runs[name].start,
      color: palette[i],
    }))
  );
  return {
    tables: [],
    charts: {
      crawler_timeline: timelineChart(`${requests} requests of ${delay} ms: when each one waits`, names, bars),
    },
    figures: names.map((name) => figure(`timeline, ${name}`, requests, runs[name].wall, "s")),
    checks: [...checksOf("timeline", all), {
      claim: "one at a time, no two requests are under way together; all at once, more than ten are",
      passed: mostAtOnce(runs["one at a time"].served) === 1 && mostAtOnce(runs["all at once"].served) > 10,
      evidence: names.map((name) => `${name}: ${mostAtOnce(runs[name].served)}`).join(", "),
    }],
    claims: [],
    finding: `${requests} of ${delay} ms take ${
      names.map((name) => `${formatTime(runs[name].wall)} ${name}`).join(", ")
    }`,
  };
}

interface Bar {
  name: string;
  request: number;
  start: number;
  end: number;
  color: string;
}

function timelineChart(title: string, names: string[], bars: Bar[]): Chart {
  return {
    title,
    data: { values: bars },
    facet: { row: { field: "name", type: "nominal", sort: names, title: null, header: { labelFontSize: 12 } } },
    spec: {
      width: 560,
      height: 150,
      mark: { type: "rule", strokeWidth: 2 },
      encoding: {
        x: { field: "start", type: "quantitative", title: "milliseconds since the first request" },
        x2: { field: "end" },
        y: { field: "request", type: "quantitative", title: "request", scale: { nice: false, padding: 4 } },
        color: { field: "color", type: "nominal", scale: null },
      },
    },
  } as unknown as Chart;
}

/** Every client on the same jobs: how near it comes to the floor, and what it takes of the processor itself. */
async function clientsSection(full: boolean): Promise<Section> {
  const requests = isBrief() ? 200 : 1000, delay = isBrief() ? 20 : 100, few = requests / 10, many = requests / 2;
  const bounded: Client[] = ["pooled", "semaphore", "node_agent", "tcp"];
  const short = { requests, delay: delay / 10 };
  const jobs: (Job & { repeats: number })[] = [
    { client: "serial", requests: full ? requests : 5, delay, atOnce: 1, repeats: 1 },
    ...bounded.map((client) => ({ client, requests, delay, atOnce: few, repeats: full ? 7 : 1 })),
    { client: "node_agent, closing", requests, delay, atOnce: few, repeats: full ? 7 : 1 },
    ...bounded.map((client) => ({ client, requests, delay, atOnce: many, repeats: full ? 15 : 3 })),
    { client: "unbounded", requests, delay, atOnce: requests, repeats: full ? 15 : 3 },
    { client: "semaphore", ...short, atOnce: few, repeats: full ? 15 : 5 },
    { client: "unbounded", ...short, atOnce: requests, repeats: full ? 15 : 5 },
  ];
  await using server = await startServer();
  for (const client of ["semaphore", "node_agent", "tcp"] as const) {
    await crawlOnce(server, { client, requests, delay: 1, atOnce: 100 });
  }
  const runs: Run[] = [];
  const results = new Map<string, { job: Job; wall: number; own: number; late: number; connections: number }>();
  for (const job of jobs) {
    const repeated: Run[] = [];
    for (let i = 0; i < (isBrief() ? 1 : job.repeats); i++) repeated.push(await crawlOnce(server, job));
    runs.push(...repeated);
    results.set(describe(job), {
      job,
      wall: median(repeated.map(({ wall }) => wall)),
      own: median(repeated.map(({ own }) => own)),
      late: median(repeated.map(({ served }) => median(lateness(served)) / 1000)),
      connections: Math.max(...repeated.map(({ connections }) => connections)),
    });
  }
  const at = (client: Client, atOnce: number, of = delay) =>
    results.get(describe({ client, requests, delay: of, atOnce }))!;
  const over = (client: Client, atOnce: number) => at(client, atOnce).wall / floorOf(at(client, atOnce).job) - 1;
  const percent = (share: number) => `${(100 * share).toFixed(0)}%`;
  const nearFloor = (client: Client, atOnce: number, within: number) => ({
    claim: `${client}, ${formatNumber(requests)} of ${delay} ms, ${atOnce} at once: within ${
      percent(within)
    } of the floor`,
    held: over(client, atOnce) <= within,
    evidence: `${formatTime(at(client, atOnce).wall)}, ${
      percent(over(client, atOnce))
    } over; the server's own timers add ${percent(at(client, atOnce).late / (delay / 1000))}`,
  });
  const fetching = runs.filter(({ client }) => client === "pooled" || client === "semaphore");
  const widest = Math.max(...fetching.map(({ connections, atOnce }) => connections / atOnce));
  const dearest = bounded.toSorted((a, b) => at(b, few).own - at(a, few).own)[0];
  const shortFew = at("semaphore", few, short.delay).wall, shortAll = at("unbounded", requests, short.delay).wall;
  const longMany = at("semaphore", many).wall, longAll = at("unbounded", requests).wall;
  return {
    tables: [table(
      ["client", "requests", "delay", "at once", "time", "floor", "over it", "own cost", "connections", "server late"],
      [...results.values()].map(({ job, wall, own, late, connections }) => [
        job.client,
        formatNumber(job.requests),
        `${job.delay} ms`,
        job.client === "unbounded" ? "all" : formatNumber(job.atOnce),
        formatTime(wall),
        formatTime(floorOf(job)),
        percent(wall / floorOf(job) - 1),
        formatTime(own),
        formatNumber(connections),
        formatTime(late),
      ]),
    )],
    figures: jobs.flatMap((job) => {
      const same = runs.filter((run) => describe(run) === describe(job)), { wall, own } = results.get(describe(job))!;
      return [
        figure(describe(job), job.requests, wall, "s", same.map(({ wall }) => wall)),
        figure(`${describe(job)}: own cost`, job.requests, own, "s per request", same.map(({ own }) => own)),
      ];
    }),
    checks: checksOf("clients", runs),
    claims: [
      nearFloor("semaphore", few, 0.1),
      nearFloor("tcp", few, 0.1),
      nearFloor("semaphore", many, 0.6),
      nearFloor("tcp", many, 0.6),
      {
        claim: "each client takes less than 300 µs of the processor for a request",
        held: bounded.every((client) => at(client, few).own < 300e-6),
        evidence: bounded.map((client) => `${client} ${formatTime(at(client, few).own)}`).join(", "),
      },
      {
        claim: "a connection for each request costs the client more than one that is kept",
        held: at("node_agent, closing", few).own > at("node_agent", few).own,
        evidence: `${formatTime(at("node_agent, closing", few).own)} and ${formatTime(at("node_agent", few).own)}; ` +
          `${formatNumber(at("node_agent, closing", few).connections)} connections and ${
            at("node_agent", few).connections
          }`,
      },
      {
        claim: "fetch opens no more connections than there are requests at once",
        held: widest <= 1,
        evidence: `at most ${formatRatio(widest)} as many`,
      },
      {
        claim: `all ${
          formatNumber(requests)
        } of ${short.delay} ms at once are less than twice as fast as ${few} at once`,
        held: shortFew < 2 * shortAll,
        evidence: `${formatTime(shortAll)} and ${formatTime(shortFew)}, of which the client itself works ${
          formatTime(requests * at("semaphore", few, short.delay).own)
        }`,
      },
      {
        claim: `all ${
          formatNumber(requests)
        } of ${delay} ms at once are less than 1.5 times as fast as ${many} at once`,
        held: longMany < 1.5 * longAll,
        evidence: `${formatTime(longAll)} and ${formatTime(longMany)}, with half the floor, for twice the connections`,
      },
    ],
    finding:
      `${formatNumber(requests)} requests of ${delay} ms take ${formatTime(at("semaphore", few).wall)} at ${few} ` +
      `at once and ${formatTime(longMany)} at ${many}; each costs the client ${formatTime(at("semaphore", few).own)} ` +
      `by fetch, ${formatTime(at("tcp", few).own)} by hand${
        dearest === "semaphore" ? "" : ` and ${formatTime(at(dearest, few).own)} by ${dearest}`
      }`,
  };
}

/** From one to 500 at once, for short delays and long ones. */
async function sweepSection(full: boolean): Promise<Section> {
  const delays = isBrief() ? [50, 200] : full ? [50, 100, 200, 400, 800] : [50, 200, 800];
  const counts = isBrief() ? [1, 10, 100] : full ? [1, 2, 5, 10, 20, 50, 100, 200, 500] : [1, 5, 20, 100, 500];
  // Few at once would take long for many requests: they get fewer, in whole rounds, so that the floor is exact.
  const requestsFor = (delay: number, atOnce: number) =>
    full ? Math.min(1000, 50 * atOnce) : atOnce * (isBrief() ? 1 : Math.max(1, Math.round(200 / delay)));
  await using server = await startServer();
  await crawlOnce(server, { client: "semaphore", requests: 500, delay: 1, atOnce: counts.at(-1)! });
  const runs: Run[] = [];
  for (const delay of delays) {
    for (const atOnce of counts) {
      const requests = requestsFor(delay, atOnce);
      runs.push(await crawlOnce(server, { client: "semaphore", requests, delay, atOnce }));
    }
  }
  const of = (delay: number) => runs.filter((run) => run.delay === delay);
  const excess = (run: Run) => run.wall / floorOf(run);
  const most = counts.at(-1)!, shortest = of(delays[0]).at(-1)!, longest = of(delays.at(-1)!).at(-1)!;
  return {
    tables: [table(
      ["over the floor, by number at once", ...counts.map(String)],
      delays.map((delay) => [`${delay} ms`, ...of(delay).map((run) => formatRatio(excess(run)))]),
    )],
    charts: {
      crawler_sweep: lineChart({
        title: "Time a request, by number at once (dashed: the floor)",
        x: { title: "number of requests at once", log: true, ticks: counts },
        y: { title: "milliseconds: time of a run / its requests", log: true },
        lines: delays.flatMap((delay, i) => [
          {
            name: `${delay} ms`,
            points: of(delay).map(({ atOnce, wall, requests }) => ({ x: atOnce, y: 1000 * wall / requests })),
            color: palette[i],
          },
          {
            name: `floor of ${delay} ms`,
            points: counts.map((count) => ({ x: count, y: delay / count })),
            color: palette[i],
            dash: true,
          },
        ]),
      }),
    },
    figures: runs.map((run) => figure(`sweep, ${describe(run)}`, run.requests, run.wall, "s")),
    checks: checksOf("sweep", runs),
    claims: [
      {
        claim: "up to 20 at once the time of a request falls as the number at once grows (within 15% of the floor)",
        held: runs.every((run) => run.atOnce > 20 || excess(run) <= 1.15),
        evidence: `at most ${
          formatRatio(Math.max(...runs.filter(({ atOnce }) => atOnce <= 20).map(excess)))
        } the floor`,
      },
      {
        claim: `at ${most} at once short delays are further from their floor than long ones`,
        held: excess(shortest) > excess(longest),
        evidence: `${formatRatio(excess(shortest))} at ${shortest.delay} ms, ${
          formatRatio(excess(longest))
        } at ${longest.delay} ms`,
      },
    ],
    finding: `${most} at once divide the time of a request of ${longest.delay} ms by ${
      formatNumber(longest.delay / 1000 / (longest.wall / longest.requests))
    } and of one of ${shortest.delay} ms by ${
      formatNumber(shortest.delay / 1000 / (shortest.wall / shortest.requests))
    }, as the client's own work cannot be divided`,
  };
}

/** A server that fails, to the end and cancelled half-way. */
async function faultsSection(full: boolean): Promise<Section> {
  const each = full ? 20 : 5, tries = 4, timeout = 500;
  const options = { concurrency: 20, tries, timeout, random: seeded(9) };
  using server = await startFaultyServer();
  const kinds = Object.entries(faults);
  const addresses = (offset: number) =>
    Array.from(
      { length: each * kinds.length },
      (_, i) => `${server.url}?id=${i + offset}${kinds[i % kinds.length][1]}`,
    );
  const counted = async (urls: string[]) => {
    const counts = await server.countTries();
    return urls.map((url) => counts[url.slice(server.url.length - 1)] ?? 0);
  };
  const sum = (counts: number[]) => counts.reduce((sum, count) => sum + count, 0);

  const crawl = (urls: string[], signal?: AbortSignal) => reliably(urls, { ...options, signal });
  const urls = addresses(0), outcomes = await crawl(urls), seen = await counted(urls);

  const again = addresses(10_000), half = new AbortController(), cancelling = crawl(again, half.signal);
  while (sum(await counted(again)) < again.length / 2) await wait(2);
  half.abort();
  const cancelled = await cancelling;
  // Long enough for tries that nobody should make any more.
  await wait(300);
  const seenLater = await counted(again);

  const ofKind = (k: number) => outcomes.filter((_, i) => i % kinds.length === k);
  const states = (among: Outcome[]) =>
    (["fulfilled", "failed", "cancelled"] as const).map((state) =>
      among.filter((outcome) => outcome.state === state).length
    );
  const [done, failed, left] = states(cancelled);
  // Once or twice the address answers after that; always or ever it does not.
  const endsWell = (name: string) => !/ (always|ever)$/.test(name);
  // Of a connection that was kept and is dropped fetch thinks that it had been idle for too long, and asks again.
  const isDropped = (i: number) => kinds[i % kinds.length][0].startsWith("connection dropped");
  const repeated = sum(seen) - sum(outcomes.map(({ tries }) => tries));
  const row = (name: string, among: Outcome[]) => [
    name,
    ...states(among).map(String),
    formatNumber(sum(among.map(({ tries }) => tries)) / among.length),
    [...new Set(among.map((outcome) => outcome.state === "failed" ? outcome.reason : ""))].filter(Boolean).slice(0, 1)
      .join(""),
  ];
  return {
    tables: [table(
      [
        "what the server does",
        "fulfilled",
        "failed",
        "cancelled",
        "tries",
        { head: "reason", align: "left" },
      ],
      [
        ...kinds.map(([name], k) => row(name, ofKind(k))),
        row("all of these, cancelled half-way", cancelled).with(5, ""),
      ],
    )],
    figures: [],
    checks: [
      {
        claim: "every address has one outcome, in its place, also where half-way all was cancelled",
        passed: [[urls, outcomes], [again, cancelled]].every(([asked, got]) =>
          asked.length === got.length && asked.every((url, i) => (got[i] as Outcome).url === url)
        ),
        evidence: `${outcomes.length} and ${cancelled.length} outcomes of ${urls.length} addresses each`,
      },
      {
        claim: "what fails for a while ends with the right answer, what fails for good with a reason",
        passed: outcomes.every((outcome, i) =>
          endsWell(kinds[i % kinds.length][0])
            ? outcome.state === "fulfilled" && outcome.body === `${i ** 2}`
            : outcome.state === "failed" && outcome.reason !== ""
        ),
        evidence: kinds.map(([name], k) => `${name}: ${states(ofKind(k)).join("/")}`).join(", "),
      },
      {
        claim: "the server was asked as often as the outcomes say, but for what fetch repeats by itself",
        passed: outcomes.every(({ tries }, i) => tries === seen[i] || isDropped(i) && tries < seen[i]),
        evidence: `${sum(seen)} requests, ${sum(outcomes.map(({ tries }) => tries))} tries`,
      },
      {
        claim: `what fails for good is tried ${tries} times, and once where there is no point in trying again`,
        passed: outcomes.every((outcome, i) =>
          outcome.state !== "failed" || outcome.tries === (kinds[i % kinds.length][0] === "404 always" ? 1 : tries)
        ),
        evidence: kinds.map(([name], k) => `${name}: ${ofKind(k).map(({ tries }) => tries).join(" ")}`).join("; "),
      },
      {
        claim: "cancelled half-way, what was done is kept, and the server is not asked for the rest",
        passed: done > 0 && left > 0 && done + failed + left === again.length &&
          cancelled.every((outcome, i) => outcome.state !== "fulfilled" || outcome.body === `${(i + 10_000) ** 2}`) &&
          // What fetch repeats by itself comes on top, at most once for each try.
          cancelled.every(({ tries }, i) => seenLater[i] <= (isDropped(i) ? 2 : 1) * tries),
        evidence: `${done} fulfilled, ${failed} failed, ${left} cancelled; ${sum(seenLater)} requests`,
      },
    ],
    claims: [{
      claim: "fetch repeats some requests by itself: those whose connection was a kept one and is dropped",
      held: repeated > 0,
      evidence: `${repeated} of ${sum(seen)} requests`,
    }],
    finding: `of ${urls.length} requests to a server that fails in five ways every one is accounted for`,
  };
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
