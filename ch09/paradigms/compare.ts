/**
 * What callbacks, promises, events and streams cost, what keeps them in check, and when concurrency is the right thing.
 *
 * @original none, chapter 9's questions on paradigms and on the right time for concurrency
 * @run deno run --allow-read=. --allow-write=results --allow-net=127.0.0.1 --allow-env=XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch09/paradigms/compare.ts
 * @takes 13 s
 */

import { barChart, lineChart, palette } from "../../bench/lib/chart.ts";
import { isBrief, measureInTurns, type Measurement } from "../../bench/lib/measure.ts";
import { type Check, type Claim, type Figure, figure } from "../../bench/lib/results.ts";
import { compareSections, type Section } from "../../bench/lib/sections.ts";
import { median } from "../../bench/lib/statistics.ts";
import { formatBytes, formatNumber, formatRatio, formatTime, table } from "../../bench/lib/table.ts";
import { startServer, ways as abortWays } from "./abort.ts";
import { askAtOnce, bytesPerRequest, openSocket, ways as styleWays } from "./callbacks_promises_async.ts";
import {
  experiment as openPool,
  kinds,
  serverDelay,
  type Way,
  ways as whenWays,
} from "./concurrency_or_parallelism.ts";
import { measureLag, slice, ways as lagWays } from "./event_loop_lag.ts";
import { experiment as listen, ways as eventWays } from "./events.ts";
import { experiment as fanOut, unevenDelays, ways as fanWays } from "./fan_out_fan_in.ts";
import { callers, violations } from "./order.ts";
import { excess, TokenBucket } from "./rate_limit.ts";
import { highWaterMark, transfer, ways as streamWays } from "./streams_back_pressure.ts";
import { delay, TaskGroup } from "./task_group.ts";

export function run(args: readonly string[]) {
  return compareSections(
    {
      chapter: "ch09",
      topic: "paradigms",
      question: "Which ways of writing asynchronous code are there, and when is concurrency the right one?",
      answer: "Concurrency for what waits, workers for what computes",
    },
    { when, lag, styles, events, back_pressure: backPressure, control },
    args,
  );
}

function keys<K extends string>(object: Record<K, unknown>): K[] {
  return Object.keys(object) as K[];
}

function reading(name: string, size: number, { median, samples, spread }: Measurement, unit: string, per = 1): Figure {
  return { name, size, value: median / per, unit, samples, spread };
}

/** Tasks that compute, wait, or both: one by one, concurrently, in parallel, and both at once. */
async function when(full: boolean): Promise<Section> {
  const cores = navigator.hardwareConcurrency, tasks = isBrief() ? 4 : full ? 100 : 8;
  const repeats = isBrief() ? 1 : full ? 5 : 3;
  const seconds = new Map<string, number[]>(), wrong: string[] = [];
  const { run, close } = await openPool(cores);
  try {
    for (const kind of keys(kinds)) {
      for (const way of keys(whenWays)) await run(way, kinds[kind], cores);
      for (let repeat = 0; repeat < repeats; repeat++) {
        for (const way of keys(whenWays)) {
          const start = performance.now(), results = await run(way, kinds[kind], tasks);
          const samples = seconds.get(`${kind} ${way}`) ?? [];
          seconds.set(`${kind} ${way}`, [...samples, (performance.now() - start) / 1000]);
          const primes = kinds[kind].below === 0 ? 0 : 4203;
          if (results.length !== tasks || results.some((result, i) => result !== i + primes)) {
            wrong.push(`${kind} ${way}`);
          }
        }
      }
    }
  } finally {
    close();
  }
  const time = (kind: keyof typeof kinds, way: Way) => median(seconds.get(`${kind} ${way}`)!);
  const gain = (kind: keyof typeof kinds, way: Way) => time(kind, "serial") / time(kind, way);
  const names = {
    serial: "one by one",
    concurrent: "concurrent",
    parallel: `${cores} workers`,
    both: "workers, each concurrent",
  };
  const what = { computing: "computing", waiting: "waiting", both: "computing and waiting" };
  const colors = { serial: palette[9], concurrent: palette[0], parallel: palette[1], both: palette[2] };
  return {
    tables: [table(
      [`${tasks} tasks`, ...keys(names).flatMap((way) => way === "serial" ? [names[way]] : [names[way], "gain"])],
      keys(kinds).map((kind) => [
        what[kind],
        ...keys(names).flatMap((way) =>
          way === "serial" ? [formatTime(time(kind, way))] : [formatTime(time(kind, way)), formatRatio(gain(kind, way))]
        ),
      ]),
    )],
    charts: {
      concurrency_or_parallelism: barChart({
        title: `${tasks} tasks in three ways and both together, ${cores} cores`,
        x: { title: "times as fast as one by one" },
        bars: keys(kinds).flatMap((kind) =>
          keys(names).filter((way) => way !== "serial").map((way) => ({
            name: `${what[kind]}: ${names[way]}`,
            value: gain(kind, way),
            color: colors[way],
          }))
        ),
        text: formatRatio,
      }),
    },
    figures: keys(kinds).flatMap((kind) =>
      keys(names).map((way) => figure(`${kind}, ${way}`, tasks, time(kind, way), "s", seconds.get(`${kind} ${way}`)!))
    ),
    checks: [{
      claim: "every way gives the result of every task, in the tasks' order",
      passed: wrong.length === 0,
      evidence: wrong.join(", ") || `${tasks} tasks of ${keys(kinds).length} kinds`,
    }],
    claims: [
      {
        claim: `concurrency in one thread makes waiting at least ${formatNumber(tasks / 2)} times as fast`,
        held: gain("waiting", "concurrent") >= tasks / 2,
        evidence: `${formatRatio(gain("waiting", "concurrent"))} for ${tasks} tasks of ${serverDelay} ms`,
      },
      {
        claim: "and computing no faster (at most 15 %)",
        held: gain("computing", "concurrent") <= 1.15,
        evidence: formatRatio(gain("computing", "concurrent")),
      },
      {
        claim: "workers that do one task after the other gain no more than their number (within 15 %)",
        held: keys(kinds).every((kind) => gain(kind, "parallel") <= 1.15 * cores),
        evidence: keys(kinds).map((kind) => `${what[kind]} ${formatRatio(gain(kind, "parallel"))}`).join(", "),
      },
      {
        claim: "workers make computing at least 0.7 times the number of cores as fast",
        held: gain("computing", "parallel") >= 0.7 * cores,
        evidence: `${formatRatio(gain("computing", "parallel"))} on ${cores} cores`,
      },
      {
        claim: "tasks that compute and wait are done soonest by workers that are each concurrent",
        held: (["serial", "concurrent", "parallel"] as const).every((way) => time("both", "both") <= time("both", way)),
        evidence: keys(names).map((way) => `${names[way]} ${formatTime(time("both", way))}`).join(", "),
      },
    ],
    finding: `of ${tasks} tasks, waiting ones are done ${formatRatio(gain("waiting", "concurrent"))} as fast ` +
      `concurrently in one thread and ${
        formatRatio(gain("waiting", "parallel"))
      } by ${cores} workers, computing ones ` +
      `${formatRatio(gain("computing", "concurrent"))} and ${formatRatio(gain("computing", "parallel"))}`,
  };
}

/** How late timers are beside computations of several lengths. */
async function lag(full: boolean): Promise<Section> {
  const sizes = isBrief() ? [100_000] : [100_000, 200_000, 300_000, ...full ? [600_000, 800_000] : []];
  const primes: Record<number, number> = {
    100_000: 9592,
    200_000: 17_984,
    300_000: 25_997,
    600_000: 49_098,
    800_000: 63_951,
  };
  const repeats = isBrief() ? 1 : full ? 9 : 3, wrong: string[] = [];
  const took = new Map<string, number[]>(), longest = new Map<string, number[]>();
  const add = (map: Map<string, number[]>, key: string, value: number) => map.set(key, [...map.get(key) ?? [], value]);
  for (const way of keys(lagWays)) await lagWays[way](50_000);
  for (const below of sizes) {
    for (let repeat = 0; repeat < repeats; repeat++) {
      for (const way of keys(lagWays)) {
        const measured = await measureLag(() => lagWays[way](below));
        if (measured.result !== primes[below]) wrong.push(`${way} finds ${measured.result} below ${below}`);
        add(took, `${way} ${below}`, measured.took);
        add(longest, `${way} ${below}`, Math.max(...measured.lags));
      }
    }
  }
  const idle = await measureLag(() => delay(isBrief() ? 50 : 200, new AbortController().signal));
  const last = sizes.at(-1)!;
  const at = (map: Map<string, number[]>, way: keyof typeof lagWays, below = last) =>
    median(map.get(`${way} ${below}`)!);
  const names = {
    in_one_go: "in one go",
    await_promises: "awaiting promises",
    give_way: "giving way by setImmediate",
    in_worker: "in a worker",
  };
  return {
    tables: [table(
      [`primes below ${last.toLocaleString("en-US")}`, "the computation", "the longest lag"],
      [
        ...keys(names).map((way) => [names[way], formatTime(at(took, way) / 1e3), formatTime(at(longest, way) / 1e3)]),
        ["nothing to compute", "-", formatTime(Math.max(...idle.lags) / 1e3)],
      ],
    )],
    charts: {
      event_loop_lag: lineChart({
        title: "How late a timer is while primes are counted",
        x: { title: "ms that the computation takes in one go" },
        y: { title: "longest lag, ms", log: true },
        lines: keys(names).map((way) => ({
          name: names[way],
          points: sizes.map((below) => ({ x: at(took, "in_one_go", below), y: at(longest, way, below) }))
            .toSorted((a, b) => a.x - b.x),
        })),
      }),
    },
    figures: keys(names).flatMap((way) =>
      sizes.flatMap((below) => [
        figure(`lag, ${way}`, below, at(longest, way, below) / 1e3, "s", longest.get(`${way} ${below}`)!),
        figure(`computation, ${way}`, below, at(took, way, below) / 1e3, "s", took.get(`${way} ${below}`)!),
      ])
    ),
    checks: [
      {
        claim: "every way counts the right number of primes",
        passed: wrong.length === 0,
        evidence: wrong.join("; ") || sizes.map((below) => primes[below]).join(", "),
      },
      {
        claim:
          "to await promises that are there lets no timer in: the first is late by the whole computation, as in one go",
        passed: sizes.every((below) =>
          (["in_one_go", "await_promises"] as const).every((way) =>
            at(longest, way, below) >= 0.9 * at(took, way, below) - 3
          )
        ),
        evidence: `${formatTime(at(longest, "await_promises") / 1e3)} of ${
          formatTime(at(took, "await_promises") / 1e3)
        }`,
      },
    ],
    claims: [
      {
        claim: `giving way every ${slice} ms bounds the lag: under a quarter of that in one go`,
        held: at(longest, "give_way") < at(longest, "in_one_go") / 4,
        evidence: `${formatTime(at(longest, "give_way") / 1e3)} and ${formatTime(at(longest, "in_one_go") / 1e3)}`,
      },
      {
        claim: "and makes the computation no more than 20 % longer",
        held: at(took, "give_way") <= 1.2 * at(took, "in_one_go"),
        evidence: `${formatTime(at(took, "give_way") / 1e3)} and ${formatTime(at(took, "in_one_go") / 1e3)}`,
      },
      {
        claim: "a worker bounds it too: under a quarter",
        held: at(longest, "in_worker") < at(longest, "in_one_go") / 4,
        evidence: formatTime(at(longest, "in_worker") / 1e3),
      },
    ],
    finding: `a computation of ${formatTime(at(took, "in_one_go") / 1e3)} makes timers late by ${
      formatTime(at(longest, "in_one_go") / 1e3)
    } in one go, ${formatTime(at(longest, "give_way") / 1e3)} where it gives way and ${
      formatTime(at(longest, "in_worker") / 1e3)
    } in a worker`,
  };
}

/** The same requests by callbacks, promises, async/await and an async iterator. */
async function styles(full: boolean): Promise<Section> {
  const names = keys(styleWays), wrong: string[] = [];
  await using socket = await openSocket();
  const asks = { "over a socket": socket.ask, "answered at once": askAtOnce };
  const counts = { "over a socket": 200, "answered at once": 1000 };
  const readings = new Map<string, Measurement>(), bytes = new Map<string, number>();
  for (const kind of keys(asks)) {
    const calls = {} as Record<(typeof names)[number], () => Promise<void>>;
    for (const way of names) {
      calls[way] = async () => {
        const count = counts[kind], sum = await styleWays[way](asks[kind], count);
        if (sum !== count * (count - 1)) wrong.push(`${way} ${kind}: ${sum}`);
      };
    }
    const measured = await measureInTurns(calls, { budget: full ? 2 : 0.06 });
    for (const way of names) {
      readings.set(`${kind} ${way}`, measured[way]);
      bytes.set(`${kind} ${way}`, await bytesPerRequest(styleWays[way], asks[kind], counts[kind]));
    }
  }
  const time = (kind: keyof typeof asks, way: (typeof names)[number]) =>
    readings.get(`${kind} ${way}`)!.median / counts[kind];
  const range = (kind: keyof typeof asks) => {
    const times = names.map((way) => time(kind, way));
    return Math.max(...times) / Math.min(...times);
  };
  return {
    tables: [table(
      ["a request", ...keys(asks).flatMap((kind) => [kind, "bytes"])],
      names.map((way) => [
        way.replaceAll("_", " "),
        ...keys(asks).flatMap((kind) => [formatTime(time(kind, way)), formatNumber(bytes.get(`${kind} ${way}`)!)]),
      ]),
    )],
    figures: keys(asks).flatMap((kind) =>
      names.flatMap((way) => {
        const name = `${kind} ${way}`, count = counts[kind];
        return [
          reading(`request ${name}`, count, readings.get(name)!, "s per request", count),
          figure(`bytes ${name}`, count, bytes.get(name)!, "B per request"),
        ];
      })
    ),
    checks: [{
      claim: "all ways add up all answers, in every call that was timed",
      passed: wrong.length === 0,
      evidence: wrong.slice(0, 5).join(", ") || `${names.length} ways`,
    }],
    claims: [
      {
        claim: "over a socket it makes no difference which is used (the slowest within 25 % of the fastest)",
        held: range("over a socket") <= 1.25,
        evidence: formatRatio(range("over a socket")),
      },
      {
        claim: "async/await costs no more than chained promises",
        held: time("answered at once", "async_await") <= time("answered at once", "promises"),
        evidence: `${formatTime(time("answered at once", "async_await"))} and ${
          formatTime(time("answered at once", "promises"))
        } where the answer is there at once`,
      },
      {
        claim: "callbacks cost least of all",
        held: names.every((way) => time("answered at once", "callbacks") <= time("answered at once", way)),
        evidence: `${formatTime(time("answered at once", "callbacks"))}; an async iterator ${
          formatTime(time("answered at once", "async_iterator"))
        }`,
      },
    ],
    finding: `async/await adds ${
      formatTime(time("answered at once", "async_await") - time("answered at once", "callbacks"))
    } to what callbacks cost, of a request over a socket of ${formatTime(time("over a socket", "async_await"))}`,
  };
}

/** Telling ten listeners. */
async function events(full: boolean): Promise<Section> {
  const listeners = 10, names = keys(eventWays), told = { value: 0 };
  const heard = new Map<string, number>(), calls = {} as Record<(typeof names)[number], () => void>;
  for (const way of names) {
    const { tell, heard: count } = listen(way, listeners);
    tell(1);
    heard.set(way, count());
    calls[way] = () => tell(++told.value & 1);
  }
  const readings = await measureInTurns(calls, { budget: full ? 0.5 : 0.05 });
  const time = (way: (typeof names)[number]) => readings[way].median;
  return {
    tables: [table(
      [`telling ${listeners} listeners`, "an event", "vs direct calls"],
      names.map((
        way,
      ) => [way.replaceAll("_", " "), formatTime(time(way)), formatRatio(time(way) / time("direct_calls"))]),
    )],
    figures: names.map((way) => reading(`event ${way}`, listeners, readings[way], "s per event")),
    checks: [{
      claim: `each of the ${listeners} listeners hears an event once, before the next line runs`,
      passed: [...heard.values()].every((count) => count === listeners),
      evidence: [...heard].map(([way, count]) => `${way} ${count}`).join(", "),
    }],
    claims: [{
      claim: "an EventTarget costs more than three times an EventEmitter",
      held: time("event_target") > 3 * time("event_emitter"),
      evidence: `${formatTime(time("event_target"))} and ${formatTime(time("event_emitter"))}`,
    }],
    finding: "",
  };
}

/** A fast writer and a slow reader. */
async function backPressure(full: boolean): Promise<Section> {
  const chunks = isBrief() ? 128 : full ? 4096 : 1024, total = chunks * 2 ** 16;
  const order = ["wait_for_ready", "pipe_to", "heedless"] as const;
  // The one that lets memory grow comes last: what was once had is not given back at once.
  const found = {} as Record<keyof typeof streamWays, Awaited<ReturnType<typeof transfer>>>;
  for (const way of order) found[way] = await transfer(way, chunks);
  const mib = (bytes: number) => bytes / 2 ** 20;
  const every = Math.ceil(chunks / 64);
  return {
    tables: [table(
      [`${formatBytes(total)} to a slow reader`, "took", "queued at most", "memory grew by"],
      order.map((way) => [
        way.replaceAll("_", " "),
        formatTime(found[way].seconds),
        formatBytes(found[way].peakQueued),
        formatBytes(Math.max(0, found[way].peakGrowth)),
      ]),
    )],
    charts: {
      back_pressure: lineChart({
        title: `${formatBytes(total)} to a slow reader: what is queued on the way`,
        x: { title: "MiB written" },
        y: { title: "MiB queued" },
        lines: (["heedless", "wait_for_ready"] as const).map((way) => ({
          name: way.replaceAll("_", " "),
          points: found[way].queued.flatMap((bytes, i) => i % every === 0 ? [{ x: i / 16, y: mib(bytes) }] : []),
        })),
      }),
    },
    figures: order.flatMap((way) => [
      figure(`queued ${way}`, total, found[way].peakQueued, "B"),
      figure(`memory ${way}`, total, found[way].peakGrowth, "B"),
      figure(`transfer ${way}`, total, found[way].seconds, "s"),
    ]),
    checks: [
      {
        claim: "every byte arrives as it was sent",
        passed: order.every((way) => found[way].intact && found[way].received === total),
        evidence: order.map((way) => `${way} ${found[way].received}`).join(", "),
      },
      {
        claim: `with back-pressure no more is queued than the mark of ${
          formatBytes(highWaterMark)
        } and the chunk in hand`,
        passed: (["wait_for_ready", "pipe_to"] as const).every((way) =>
          found[way].peakQueued <= highWaterMark + 2 ** 16
        ),
        evidence: order.map((way) => `${way} ${formatBytes(found[way].peakQueued)}`).join(", "),
      },
    ],
    claims: [
      {
        claim: "without it, more than half of everything is queued",
        held: found.heedless.peakQueued > total / 2,
        evidence: formatBytes(found.heedless.peakQueued),
      },
      {
        claim: "it costs no time (at most 25 %), since the reader sets the pace",
        held: found.wait_for_ready.seconds <= 1.25 * found.heedless.seconds,
        evidence: `${formatTime(found.wait_for_ready.seconds)} and ${formatTime(found.heedless.seconds)}`,
      },
    ],
    finding:
      `back-pressure keeps ${formatBytes(found.wait_for_ready.peakQueued)} of ${formatBytes(total)} queued, without ` +
      `it there are ${formatBytes(found.heedless.peakQueued)}`,
  };
}

/** What keeps concurrent work in check: bounds, rates, cancelling, groups, and the order in which things run. */
async function control(full: boolean): Promise<Section> {
  const checks: Check[] = [], claims: Claim[] = [], figures: Figure[] = [];

  const limit = 10, delays = unevenDelays(isBrief() ? 30 : full ? 1000 : 100);
  const bound = delays.reduce((sum, ms) => sum + ms) / limit / 1e3;
  const fans = {} as Record<keyof typeof fanWays, { seconds: number; peak: number }>;
  for (const way of keys(fanWays)) {
    const { run, peak } = fanOut(way, delays, limit), start = performance.now(), results = await run();
    fans[way] = { seconds: (performance.now() - start) / 1e3, peak: peak() };
    if (results.join() !== delays.join()) throw new Error(`${way} does not give the results in the order of the items`);
    figures.push(figure(`fan out, ${way}`, delays.length, fans[way].seconds, "s"));
  }
  checks.push({
    claim: `batches and workers never have more than ${limit} under way`,
    passed: fans.in_batches.peak <= limit && fans.by_workers.peak <= limit,
    evidence: `${fans.in_batches.peak} and ${fans.by_workers.peak}`,
  });
  claims.push({
    claim: "workers end sooner than batches, of which each waits for its slowest",
    held: fans.by_workers.seconds < fans.in_batches.seconds,
    evidence: `${formatTime(fans.by_workers.seconds)} and ${formatTime(fans.in_batches.seconds)}; the bound allows ${
      formatTime(bound)
    }`,
  });

  // Given up after a fraction of the time that the answers take.
  const pages = 20, patience = 50, needed = isBrief() ? 150 : 400;
  const abandoned = {} as Record<keyof typeof abortWays, number>;
  const stopped = {} as Record<keyof typeof abortWays, number>;
  for (const way of keys(abortWays)) {
    await using server = startServer(needed);
    const start = performance.now();
    await abortWays[way](server.url, pages, patience);
    while (server.seen.finished + server.seen.abandoned < pages) await new Promise((later) => setTimeout(later, 1));
    stopped[way] = (performance.now() - start) / 1e3;
    abandoned[way] = server.seen.abandoned;
    figures.push(figure(`given up, ${way}`, pages, stopped[way], "s until the server is done"));
  }
  checks.push({
    claim: "an abort signal reaches the server of every request; a race with a timer reaches none",
    passed: abandoned.signal === pages && abandoned.race === 0,
    evidence: `${abandoned.signal} and ${abandoned.race} of ${pages}`,
  });

  const group = new TaskGroup(), ended: number[] = [];
  for (let i = 0; i < 10; i++) {
    group.spawn(async (signal) => {
      try {
        await delay(i === 3 ? 10 : 5000, signal);
        throw new Error("task 3");
      } finally {
        // Cleaning up takes a moment, and fails once.
        await new Promise((later) => setTimeout(later, 5));
        ended.push(i);
        // deno-lint-ignore no-unsafe-finally
        if (i === 7) throw new Error("cleaning up after 7");
      }
    });
  }
  const failure = await group.join().then(() => null, (error) => error);
  const messages = failure instanceof AggregateError ? failure.errors.map(({ message }) => message) : [`${failure}`];
  checks.push({
    claim: "a task group's first failure cancels the others, all have ended when it returns, and both errors come out",
    passed: ended.length === 10 && group.running === 0 && messages.toSorted().join() === "cleaning up after 7,task 3",
    evidence: `${ended.length} of 10 ended; ${messages.join(", ")}`,
  });

  const rate = 200, burst = 10, bucket = new TokenBucket(rate, burst);
  const moments = await Promise.all(Array.from({ length: burst + (full ? 400 : 40) }, () => bucket.take()));
  const achieved = (moments.length - burst) / ((moments.at(-1)! - moments[0]) / 1e3);
  checks.push({
    claim: `of ${moments.length} requests none goes sooner than ${rate} a second and a burst of ${burst} allow`,
    passed: excess(moments, rate, burst) <= 1e-6,
    evidence: `${achieved.toFixed(0)} a second after the burst`,
  });
  figures.push(figure("token bucket", rate, achieved, "requests a second"));

  const wrong: string[] = [];
  for (const caller of Object.keys(callers)) {
    const pair: [string, string] = caller === "a microtask" ? ["microtask in promise", "tick"] : ["tick", "promise"];
    const log = await callers[caller]();
    wrong.push(...violations(log), ...violations(log, [pair]));
  }
  checks.push({
    claim: "microtasks run before timers and immediates, and nextTick before microtasks unless one is just running",
    passed: wrong.length === 0,
    evidence: wrong.join("; ") || Object.keys(callers).join(", "),
  });

  return {
    tables: [table(
      [`${delays.length} waits, ${limit} at once`, "took", "most at once"],
      keys(fanWays).map((way) => [way.replaceAll("_", " "), formatTime(fans[way].seconds), `${fans[way].peak}`]),
    )],
    figures,
    checks,
    claims,
    finding: `a server is done ${
      formatTime(stopped.signal - patience / 1e3)
    } after its clients give up by a signal, and ${
      formatTime(stopped.race - patience / 1e3)
    } after they merely stop waiting`,
  };
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
