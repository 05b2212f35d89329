/**
 * Hashing whose results are saved: what is lost by waiting for each, in batches, and not at all; to files and databases.
 *
 * @original 09_concurrency/workload/
 * @run deno run --allow-read=. --allow-write=results --allow-net=127.0.0.1 --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch09/workload/compare.ts
 * @takes 25 s
 */

import { delay } from "@std/async/delay";
import { type Chart, lineChart, palette } from "../../bench/lib/chart.ts";
import { isBrief } from "../../bench/lib/measure.ts";
import { figure } from "../../bench/lib/results.ts";
import { compareSections, type Section } from "../../bench/lib/sections.ts";
import { median, quantile } from "../../bench/lib/statistics.ts";
import { formatNumber, formatRatio, formatTime, table } from "../../bench/lib/table.ts";
import { type Report, startServer } from "./save_server.ts";
import * as async from "./workload_async.ts";
import * as batches from "./workload_batches.ts";
import * as file from "./workload_file.ts";
import * as noIo from "./workload_no_io.ts";
import * as offThread from "./workload_off_thread.ts";
import * as serial from "./workload_serial.ts";
import * as sqlite from "./workload_sqlite.ts";

/** How long the server takes for a save, in seconds, and how many saves a batch has. */
const serverTakes = 0.1, batchSize = 100;

interface Run {
  count: number;
  /** Seconds of the whole run, and of the hashes in it; NaN where they were hashed on other threads. */
  time: number;
  hashing: number;
  /** What the server says, where it was one. */
  report?: Report;
  /** Whether what was saved is each hash, once, as it is without saving. */
  right: boolean;
}

/** Hashes and seconds for them, counted by a function that takes the place of `hashItem`. */
function timedHash() {
  let seconds = 0;
  const hash = (item: number, cost: number) => {
    const start = performance.now(), result = noIo.hashItem(item, cost);
    seconds += (performance.now() - start) / 1000;
    return result;
  };
  return { hash, seconds: () => seconds };
}

/** Whether these are the items from 0 on, in any order, each once and with its hash. */
function isComplete(saved: readonly (readonly [item: number, hash: string])[], hashes: readonly string[]): boolean {
  const items = new Map(saved);
  return saved.length === hashes.length && hashes.every((hash, item) => items.get(item) === hash);
}

/** A temporary folder in results/, which is removed also after Ctrl-C. */
async function inFolder<T>(use: (folder: string) => T | Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir({ dir: "results" });
  const remove = () => Deno.removeSync(folder, { recursive: true });
  const interrupted = () => (remove(), Deno.exit(130));
  Deno.addSignalListener("SIGINT", interrupted);
  try {
    return await use(folder);
  } finally {
    Deno.removeSignalListener("SIGINT", interrupted);
    remove();
  }
}

/** How many items are run at a cost: enough for the end of a run, 100 ms, to be a small part of it. */
function plan(full: boolean): { cost: number; count: number; serial: number }[] {
  if (full) return [5, 6, 7, 8, 9, 10, 11, 12].map((cost) => ({ cost, count: 200, serial: 20 }));
  if (isBrief()) return [{ cost: 4, count: batchSize, serial: 2 }, { cost: 5, count: batchSize, serial: 2 }];
  return [
    { cost: 5, count: 200, serial: 8 },
    { cost: 6, count: 200, serial: 8 },
    // Fewer than a batch: there, batches are left out.
    { cost: 10, count: 30, serial: 3 },
  ];
}

const percent = (share: number) =>
  share >= 2 ? formatRatio(share) : `${formatNumber(Number((100 * share).toPrecision(2)))}%`;

/** All workloads at all costs. */
async function saving(full: boolean): Promise<Section> {
  const steps = plan(full), runs = new Map<string, Run>();
  const server = await startServer(), pool = offThread.openPool();
  try {
    // In the first hashes V8 still compiles, in each worker for itself.
    noIo.run(20, 5);
    await Promise.all(Array.from({ length: 20 * pool.size }, (_, item) => pool.hash(item, 5)));
    await Promise.all(Array.from({ length: 20 }, (_, item) => server.save(item, "to warm up")));
    await server.report();
    for (const { cost, count, serial: few } of steps) {
      const { hash, seconds } = timedHash(), begin = performance.now(), hashes = noIo.run(count, cost, null, hash);
      const time = (performance.now() - begin) / 1000;
      runs.set(`no_io ${cost}`, { count, time, hashing: seconds(), right: noIo.hashItem(0, cost) === hashes[0] });
      const toServer: Record<string, (hash: typeof noIo.hashItem) => Promise<string[]>> = {
        serial: (hash) => serial.run(few, cost, server.save, hash),
        ...count >= batchSize && { batches: (hash) => batches.run(count, cost, server.save, hash, batchSize) },
        async: (hash) => async.run(count, cost, server.save, hash),
        off_thread: () => offThread.run(count, cost, server.save, pool.hash),
      };
      for (const [name, run] of Object.entries(toServer)) {
        const { hash, seconds } = timedHash(), start = performance.now(), result = await run(hash);
        const time = (performance.now() - start) / 1000, report = await server.report();
        const right = isComplete(report.saved, hashes.slice(0, result.length)) && result.length > 0;
        const hashing = name === "off_thread" ? NaN : seconds();
        runs.set(`${name} ${cost}`, { count: result.length, time, hashing, report, right });
      }
      await inFolder(async (folder) => {
        const paths = { file: `${folder}/results.txt`, sqlite: `${folder}/results.db` };
        const less = Math.min(count, full ? 100 : 2 * few);
        for (const [name, path] of Object.entries(paths)) {
          const { run, openResults } = name === "file" ? file : sqlite;
          const { hash, seconds } = timedHash(), store = openResults(path), start = performance.now();
          try {
            await run(less, cost, store.save, hash);
          } finally {
            store.close();
          }
          const time = (performance.now() - start) / 1000,
            saved = name === "file" ? readFile(path) : readDatabase(path);
          const right = isComplete(saved, hashes.slice(0, less));
          runs.set(`${name} ${cost}`, { count: less, time, hashing: seconds(), right });
        }
      });
    }
  } finally {
    pool.close();
    server.close();
  }

  const costs = steps.map(({ cost }) => cost), dearest = costs.at(-1)!, cheapest = costs[0];
  const get = (name: string, cost: number) => runs.get(`${name} ${cost}`);
  /** Time beyond that of the hashes of the same run, as a share of those. */
  const lost = (name: string, cost: number) => get(name, cost)!.time / get(name, cost)!.hashing - 1;
  const each = (name: string, cost: number) => get(name, cost)!.time / get(name, cost)!.count;
  const hash = (name: string, cost: number) => get(name, cost)!.hashing / get(name, cost)!.count;
  const more = (name: string, cost: number) => each(name, cost) / each("no_io", cost) - 1;
  const drawn = ["serial", "batches", "async", "sqlite", "file"];
  const at = (name: string) => costs.filter((cost) => runs.has(`${name} ${cost}`));
  const late = costs.flatMap((cost) => get("serial", cost)!.report!.late);
  const wrong = [...runs].filter(([, { right }]) => !right).map(([name]) => name);
  const crowded = [...runs].filter(([, { report }]) => report && report.atOnce > 100).map(([name]) => name);
  const high = costs.filter((cost) => cost >= 10), gains = costs.map((cost) => 1 / (1 + more("off_thread", cost)));
  const cores = navigator.hardwareConcurrency;
  /** Seconds lost an item. */
  const wait = (name: string, cost: number) => lost(name, cost) * hash(name, cost);
  const range = (values: number[], format: (value: number) => string) =>
    `${format(Math.min(...values))} to ${format(Math.max(...values))}`;
  const heads = costs.map((cost) => `cost ${cost}`);
  return {
    tables: [
      table(
        ["time lost, of the run's own hashing", ...heads],
        drawn.map((name) => [name, ...costs.map((cost) => get(name, cost) ? percent(lost(name, cost)) : "-")]),
      ),
      table(
        ["time an item", ...heads],
        ["no_io", ...drawn, "off_thread"].map((name) => [
          name,
          ...costs.map((cost) => get(name, cost) ? formatTime(each(name, cost)) : "-"),
        ]),
      ),
    ],
    charts: {
      workload: lineChart({
        title: "Time lost by saving each result (the server takes 100 ms)",
        x: { title: "processor time an item: a bcrypt hash, in ms", log: true },
        y: { title: "time lost, in % of the time that the hashes take", log: true },
        lines: [
          ...drawn.map((name, i) => ({
            name,
            color: palette[i],
            points: at(name).map((cost) => ({ x: 1000 * hash(name, cost), y: 100 * lost(name, cost) })),
          })),
          ...Object.entries({ "100 ms an item": serverTakes, "1 ms an item": serverTakes / batchSize }).map((
            [name, time],
          ) => ({
            name,
            color: palette[9],
            dash: true,
            points: costs.map((cost) => ({ x: 1000 * hash("no_io", cost), y: 100 * time / hash("no_io", cost) })),
          })),
        ],
      }),
    },
    figures: [
      ...drawn.flatMap((name) => at(name).map((cost) => figure(`${name}, lost`, cost, lost(name, cost), "of hashing"))),
      ...[...runs].map(([name, { time, count }]) =>
        figure(name.split(" ")[0], Number(name.split(" ")[1]), time / count, "s per item")
      ),
    ],
    checks: [
      {
        claim: "each result was saved exactly once, with the same hash by every workload; the database is whole",
        passed: wrong.length === 0,
        evidence: `not so: ${wrong.join(", ")}`,
      },
      {
        claim: "a hash is what other implementations of bcrypt make of the same password and salt",
        passed: noIo.hashItem(1, 5) === "$2b$05$CCCCCCCCCCCCCCCCCCCCC.Q5EHQOc7x2UlIhwfxIFYDpncccRSvq6",
        evidence: noIo.hashItem(1, 5),
      },
      {
        claim: "the server never had more than 100 requests at once",
        passed: crowded.length === 0,
        evidence: crowded.map((name) => `${name}: ${runs.get(name)!.report!.atOnce}`).join(", "),
      },
    ],
    claims: [
      {
        claim: "waiting for each result loses 100 ms an item (within a fifth)",
        held: costs.every((cost) => wait("serial", cost) < 1.2 * serverTakes),
        evidence: `${range(costs.map((cost) => wait("serial", cost)), formatTime)}; the server's timer was late by ${
          formatTime(median(late) / 1000)
        } in the median, ${formatTime(quantile(late, 0.95) / 1000)} in 95%`,
      },
      {
        claim: "in batches of 100, 1 ms an item and no more than another 0.5 ms for the requests themselves",
        held: at("batches").every((cost) => wait("batches", cost) < 1.5 * serverTakes / batchSize),
        evidence: range(at("batches").map((cost) => wait("batches", cost)), formatTime),
      },
      {
        claim: "serial loses most, batches less, async least, at every cost",
        held: costs.every((cost) =>
          lost("serial", cost) > lost("async", cost) &&
          (!get("batches", cost) ||
            lost("serial", cost) > lost("batches", cost) && lost("batches", cost) > lost("async", cost))
        ),
        evidence: costs.map((cost) =>
          `cost ${cost}: ${
            ["serial", "batches", "async"].map((name) => get(name, cost) ? percent(lost(name, cost)) : "-").join(", ")
          }`
        ).join("; "),
      },
      ...high.length === 0 ? [] : [{
        claim: "at cost 10 and above async loses 5% at most of what the hashes take",
        held: high.every((cost) => lost("async", cost) <= 0.05),
        evidence: high.map((cost) =>
          `${percent(lost("async", cost))} at cost ${cost}, of which the last save alone ${
            percent(serverTakes / get("async", cost)!.hashing)
          }; against the run without saving ${(100 * more("async", cost)).toFixed(1)}%`
        ).join("; "),
      }],
      {
        claim: "hashes take as long while results are saved as without (within 5%)",
        held: costs.every((cost) => Math.abs(hash("async", cost) / hash("no_io", cost) - 1) <= 0.05),
        evidence: range(costs.map((cost) => hash("async", cost) / hash("no_io", cost)), (ratio) => ratio.toFixed(2)),
      },
      {
        claim: "to a file, and to SQLite in transactions, less than 10% is lost already at the lowest cost",
        held: lost("file", cheapest) < 0.1 && lost("sqlite", cheapest) < 0.1,
        evidence: `${percent(lost("file", cheapest))} and ${percent(lost("sqlite", cheapest))} of ${
          formatTime(hash("file", cheapest))
        }`,
      },
      {
        claim: `at cost ${dearest}, with ${cores} workers, one for each core, it is ${
          (0.8 * cores).toFixed(1)
        } times as fast as one thread without saving, or more`,
        held: gains.at(-1)! >= 0.8 * cores,
        evidence: costs.map((cost, i) => `${gains[i].toFixed(2)} times at cost ${cost}`).join(", "),
      },
    ],
    finding: `of the hashing time at cost ${cheapest} and ${dearest}, waiting for each save loses ${
      percent(lost("serial", cheapest))
    } and ${percent(lost("serial", dearest))}, saving meanwhile ${percent(lost("async", cheapest))} and ${
      percent(lost("async", dearest))
    }; off the thread it takes ${(1 / gains.at(-1)!).toFixed(2)} of the time without any saving`,
  };
}

const readFile = (path: string) =>
  Deno.readTextFileSync(path).split("\n").slice(0, -1).map((line): [number, string] => {
    const [item, hash] = line.split(" ");
    return [Number(item), hash];
  });

const readDatabase = (path: string) => sqlite.readResults(path).map(({ item, hash }): [number, string] => [item, hash]);

interface Span {
  start: number;
  end: number;
}

/** The spans with those joined that follow one another within half a millisecond. Milliseconds. */
function joined(spans: readonly Span[]): Span[] {
  const result: Span[] = [];
  for (const { start, end } of spans) {
    const last = result.at(-1);
    if (last && start - last.end < 0.5) last.end = end;
    else result.push({ start, end });
  }
  return result;
}

/** How long two things lasted at the same time, in milliseconds. */
function overlap(one: readonly Span[], others: readonly Span[]): number {
  let sum = 0;
  for (const a of one) for (const b of others) sum += Math.max(0, Math.min(a.end, b.end) - Math.max(a.start, b.start));
  return sum;
}

/** The spans in which one or more of the given are under way, and how many there are from each moment on. */
function inFlight(spans: readonly Span[]) {
  const changes = spans.flatMap(({ start, end }) => [{ at: start, by: 1 }, { at: end, by: -1 }]);
  const steps: { at: number; count: number }[] = [{ at: 0, count: 0 }], busy: Span[] = [];
  let count = 0;
  for (const { at, by } of changes.toSorted((a, b) => a.at - b.at)) {
    if (count === 0) busy.push({ start: at, end: at });
    count += by;
    if (count === 0) busy.at(-1)!.end = at;
    steps.push({ at, count });
  }
  return { steps, busy };
}

/** When there was hashing, and when saves were under way. */
async function timeline(): Promise<Section> {
  const cost = isBrief() ? 4 : 5, many = isBrief() ? 100 : 200, server = await startServer();
  const runs: Record<string, (save: serial.Save, hash: typeof noIo.hashItem) => Promise<string[]>> = {
    serial: (save, hash) => serial.run(isBrief() ? 3 : 8, cost, save, hash),
    batches: (save, hash) => batches.run(many, cost, save, hash),
    async: (save, hash) => async.run(many, cost, save, hash),
    "async, one turn": (save, hash) => async.run(many, cost, save, hash, 100, 1),
  };
  const found: Record<string, { hashes: Span[]; saves: Span[]; whole: number }> = {};
  try {
    noIo.run(20, 5);
    for (const [name, run] of Object.entries(runs)) {
      const hashes: Span[] = [], saves: Span[] = [], origin = performance.now(), now = () => performance.now() - origin;
      await run(async (item, hash) => {
        const start = now();
        await server.save(item, hash);
        saves.push({ start, end: now() });
      }, (item, cost) => {
        const start = now(), hash = noIo.hashItem(item, cost);
        hashes.push({ start, end: now() });
        return hash;
      });
      found[name] = { hashes, saves, whole: now() };
    }
  } finally {
    server.close();
  }
  const length = (spans: Span[]) => spans.reduce((sum, { start, end }) => sum + end - start, 0);
  const share = (name: string) => {
    const { hashes, saves } = found[name];
    return overlap(hashes, inFlight(saves).busy) / length(hashes);
  };
  const busy = (name: string) => length(found[name].hashes) / found[name].whole;
  const took = (name: string) => median(found[name].saves.map(({ start, end }) => (end - start) / 1000));
  const names = Object.keys(found), oneTurn = "async, one turn";
  return {
    tables: [table(
      [
        "",
        "results",
        "whole",
        "hashing",
        "hashing while saves were under way",
        "saves at once, at most",
        "a save took",
      ],
      names.map((name) => [
        name,
        `${found[name].saves.length}`,
        formatTime(found[name].whole / 1000),
        percent(busy(name)),
        percent(share(name)),
        `${Math.max(...inFlight(found[name].saves).steps.map(({ count }) => count))}`,
        formatTime(took(name)),
      ]),
    )],
    charts: { workload_timeline: timelineChart(found) },
    figures: names.flatMap((name) => [
      figure(`${name}, hashing`, cost, busy(name), "of the time"),
      figure(`${name}, a save`, cost, took(name), "s", found[name].saves.map(({ start, end }) => (end - start) / 1000)),
    ]),
    checks: [
      {
        claim: "waiting for each result, and in batches, nothing is hashed while a save is under way",
        passed: share("serial") === 0 && share("batches") === 0,
        evidence: `${percent(share("serial"))} and ${percent(share("batches"))} of the hashing`,
      },
      {
        claim: "async hashes while saves are under way, for nine tenths of its hashing at least",
        passed: share("async") >= 0.9,
        evidence: `${percent(share("async"))} of the hashing`,
      },
    ],
    claims: [
      {
        claim:
          "with eight turns of the event loop after each hash, a save takes less than 1.5 times the server's 100 ms",
        held: took("async") < 1.5 * serverTakes,
        evidence: formatTime(took("async")),
      },
      {
        claim:
          "with one turn after each hash, a save seems to take longer (10% or more): sockets are looked at too rarely",
        held: took(oneTurn) > 1.1 * took("async"),
        evidence: formatTime(took(oneTurn)),
      },
    ],
    finding: `at cost ${cost} the processor hashes for ${
      ["serial", "batches", "async"].map((name) => `${percent(busy(name))} (${name})`).join(", ")
    } of the time`,
  };
}

/** For each workload, when there was hashing, and below it how many saves were under way. */
function timelineChart(found: Record<string, { hashes: Span[]; saves: Span[]; whole: number }>): Chart {
  const end = Math.max(...Object.values(found).map(({ whole }) => whole));
  const panels = Object.entries(found).map(([name, { hashes, saves }], i, all) => {
    const x = (field: string) => ({
      field,
      type: "quantitative" as const,
      scale: { domain: [0, end], nice: false },
      title: i === all.length - 1 ? "milliseconds" : null,
    });
    return {
      title: {
        text: `${name}: ${saves.length} results`,
        fontSize: 12,
        anchor: "start" as const,
        frame: "group" as const,
        offset: 20,
      },
      width: 560,
      height: 80,
      layer: [
        {
          data: { values: inFlight(saves).steps },
          mark: { type: "area" as const, interpolate: "step-after" as const, color: palette[0], opacity: 0.6 },
          encoding: {
            x: x("at"),
            y: {
              field: "count",
              type: "quantitative" as const,
              title: "saves",
              axis: { tickCount: 3, tickMinStep: 1 },
            },
          },
        },
        {
          data: { values: joined(hashes) },
          mark: { type: "rect" as const, color: palette[1] },
          encoding: { x: x("start"), x2: { field: "end" }, y: { value: -12 }, y2: { value: -3 } },
        },
      ],
    };
  });
  return {
    title: "Hashing (orange) and saves under way (blue)",
    vconcat: panels,
  } as unknown as Chart;
}

/** What a save costs by itself. */
async function stores(full: boolean): Promise<Section> {
  const budget = isBrief() ? 10 : full ? 2000 : 100, hash = noIo.hashItem(0, 4);
  const ways = {
    "file, a line": (path: string) => file.openResults(path),
    "file, a line, on the disk": (path: string) => file.openResults(path, true),
    "SQLite, a statement": (path: string) => sqlite.openResults(path, "statements"),
    "SQLite, prepared": (path: string) => sqlite.openResults(path, "prepared"),
    "SQLite, in transactions of 100": (path: string) => sqlite.openResults(path, "transactions"),
  };
  const names = Object.keys(ways) as (keyof typeof ways)[];
  const times = new Map<string, number[]>(), wrong: string[] = [];
  await inFolder(async (folder) => {
    for (const [i, name] of names.entries()) {
      // Ctrl-C is heard only when the event loop turns.
      await delay(0);
      const path = `${folder}/${i}`, store = ways[name](path), samples: number[] = [];
      const end = performance.now() + budget;
      let item = 0;
      try {
        while (samples.length < 3 || performance.now() < end) {
          const start = performance.now();
          for (let n = 0; n < 100; n++) store.save(item++, hash);
          samples.push((performance.now() - start) / 1000 / 100);
        }
      } finally {
        store.close();
      }
      const saved = name.startsWith("file") ? readFile(path) : readDatabase(path);
      if (!isComplete(saved, Array(item).fill(hash)) || store.saved() !== item) wrong.push(name);
      times.set(name, samples);
    }
  });
  const time = (name: keyof typeof ways) => median(times.get(name)!);
  const [plain, synced, statement, prepared, transactions] = names;
  return {
    tables: [table(
      ["one save", "time", "vs a line in a file"],
      names.map((name) => [
        name,
        formatTime(time(name)),
        formatRatio(time(name) / time(plain)),
      ]),
    )],
    figures: names.map((name) => figure(name, 1, time(name), "s per save", times.get(name)!)),
    checks: [{
      claim: "files and databases hold each item once, and the databases are whole",
      passed: wrong.length === 0,
      evidence: wrong.join(", "),
    }],
    claims: [
      {
        claim: "a transaction for 100 results makes each ten times as fast, or more",
        held: time(prepared) >= 10 * time(transactions),
        evidence: formatRatio(time(prepared) / time(transactions)),
      },
      {
        claim: "preparing the statement once gains less than that",
        held: time(statement) / time(prepared) < time(prepared) / time(transactions),
        evidence: formatRatio(time(statement) / time(prepared)),
      },
      {
        claim: "a save in SQLite takes longer than waiting for the disk after a line, as it waits more than once",
        held: time(prepared) > time(synced),
        evidence: `${formatTime(time(prepared))} and ${formatTime(time(synced))}`,
      },
      {
        claim: "a line in a file that need not be on the disk yet takes less than 100 µs",
        held: time(plain) < 1e-4,
        evidence: formatTime(time(plain)),
      },
    ],
    finding: `a save takes ${formatTime(time(plain))} in a file, ${formatTime(time(prepared))} in SQLite, ${
      formatTime(time(transactions))
    } there in transactions`,
  };
}

export function run(args: readonly string[]) {
  return compareSections(
    {
      chapter: "ch09",
      topic: "workload",
      question: "How does asynchronous saving keep the processor busy, and what is lost otherwise?",
      answer: "The waiting is hidden behind the work as long as somebody lets the sockets have their turn",
    },
    { saving, timeline, stores },
    args,
  );
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
