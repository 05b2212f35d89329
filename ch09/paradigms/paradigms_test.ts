import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { parseHeader, runScript } from "../../bench/lib/script.ts";
import { report, startServer, ways as abortWays } from "./abort.ts";
import { type Ask, askAtOnce, bytesPerRequest, openSocket, ways as styleWays } from "./callbacks_promises_async.ts";
import { experiment as openPool, kinds, type Way, ways as whenWays } from "./concurrency_or_parallelism.ts";
import { debounce, throttle, type Timers } from "./debounce_and_throttle.ts";
import { measureLag, ways as lagWays } from "./event_loop_lag.ts";
import { experiment as listen, ways as eventWays } from "./events.ts";
import { byWorkers, experiment as fanOut, inBatches, unevenDelays, ways as fanWays } from "./fan_out_fan_in.ts";
import { always, callers, observe, violations } from "./order.ts";
import { type Clock, excess, TokenBucket } from "./rate_limit.ts";
import { highWaterMark, transfer, ways as streamWays } from "./streams_back_pressure.ts";
import { delay, TaskGroup } from "./task_group.ts";

const root = new URL("../../", import.meta.url);
const turn = () => new Promise<void>((done) => setImmediate(() => done()));
const keys = <K extends string>(object: Record<K, unknown>) => Object.keys(object) as K[];

/** Numbers from 0 to 1, the same each time (mulberry32). */
function seeded(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), seed | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Time that passes only when everybody sleeps. Who sleeps is awake up to `late` ms after he wanted. */
class VirtualTime implements Clock, Timers {
  #now = 0;
  #next = 1;
  #timers = new Map<number, { at: number; call: () => void }>();
  constructor(private readonly late: () => number = () => 0) {}
  now = () => this.#now;
  sleep = (ms: number) => new Promise<void>((awake) => void this.setTimeout(awake, ms + this.late()));
  setTimeout = (call: () => void, ms: number) => {
    this.#timers.set(this.#next, { at: this.#now + ms, call });
    return this.#next++;
  };
  clearTimeout = (timer: unknown) => void this.#timers.delete(timer as number);
  /** Lets time pass up to a moment, or until nobody sleeps any more. */
  async pass(until = Infinity): Promise<void> {
    for (;;) {
      await turn();
      const [first] = [...this.#timers].sort(([, a], [, b]) => a.at - b.at);
      if (!first || first[1].at > until) break;
      this.#timers.delete(first[0]);
      this.#now = first[1].at;
      first[1].call();
    }
    if (until < Infinity) this.#now = until;
  }
}

Deno.test("callbacks, promises, async/await and iterators add up the same answers, over a socket too", async () => {
  await using socket = await openSocket();
  for (const way of keys(styleWays)) {
    for (const count of [0, 1, 2, 50]) {
      let expected = 0;
      for (let n = 0; n < count; n++) expected += 2 * n;
      assertEquals(await styleWays[way](askAtOnce, count), expected, way);
      assertEquals(await styleWays[way](socket.ask, count), expected, way);
    }
    assert(await bytesPerRequest(styleWays[way], askAtOnce, 1000) > 0);
  }
});

Deno.test("each of them rejects with the first error and asks no further", async () => {
  for (const way of keys(styleWays)) {
    let asked = 0;
    const ask: Ask = (n, callback) => {
      asked++;
      queueMicrotask(() => n === 3 ? callback(new Error("request 3"), NaN) : callback(null, n));
    };
    await assertRejects(() => styleWays[way](ask, 10), Error, "request 3");
    await turn();
    assertEquals(asked, 4, way);
  }
});

Deno.test("a second request over the socket while one is under way is refused", async () => {
  await using socket = await openSocket();
  const both = [1, 2].map((n) =>
    new Promise((resolve) => socket.ask(n, (error, answer) => resolve(error ? error.message : answer)))
  );
  assertEquals(await Promise.all(both), [2, "one request at a time"]);
});

Deno.test("listeners hear an event in their order before the next line runs", () => {
  for (const way of keys(eventWays)) {
    const heard: string[] = [];
    const tell = eventWays[way](["a", "b", "c"].map((name) => (value: number) => void heard.push(name + value)));
    tell(1);
    heard.push("next line");
    tell(2);
    assertEquals(heard, ["a1", "b1", "c1", "next line", "a2", "b2", "c2"], way);
    const { tell: count, heard: sum } = listen(way, 4);
    count(5);
    assertEquals(sum(), 20);
  }
});

Deno.test("an error in a listener ends the round, except with an EventTarget, which reports it and goes on", () => {
  for (const way of keys(eventWays)) {
    const heard: number[] = [], reported: string[] = [];
    const report = (event: ErrorEvent) => {
      event.preventDefault();
      reported.push(event.message);
    };
    const tell = eventWays[way]([
      () => {
        throw new Error("the first");
      },
      (value) => void heard.push(value),
    ]);
    globalThis.addEventListener("error", report);
    try {
      if (way === "event_target") tell(7);
      else assertThrows(() => tell(7), Error, "the first");
    } finally {
      globalThis.removeEventListener("error", report);
    }
    assertEquals(heard, way === "event_target" ? [7] : [], way);
    assertEquals(reported.length, way === "event_target" ? 1 : 0, way);
  }
});

Deno.test("microtasks, ticks, timers and immediates run in the documented order, whoever puts them off", async () => {
  for (const [caller, call] of Object.entries(callers)) {
    const log = await call();
    assertEquals(log.length, 12, log.join());
    assertEquals(violations(log), [], caller);
  }
  // In a timer nextTick comes before promises, in a microtask after them.
  const before = (log: string[], a: string, b: string) => log.indexOf(a) < log.indexOf(b);
  assert(before(await callers["a timer"](), "tick", "promise"));
  assert(before(await Promise.resolve().then(observe), "microtask in promise", "tick"));
});

Deno.test("an order that is wrong or incomplete is noticed", () => {
  const right = [
    "async function until its first await",
    "end of the function",
    "tick",
    "promise",
    "microtask",
    "await",
  ];
  const log = [...right, "microtask in promise", "tick in promise", "immediate", "tick in immediate"];
  assertEquals(violations([...log, "promise in immediate", "timeout"]), []);
  assertEquals(violations([...log, "timeout"]).length, 1);
  assertEquals(violations([...log, "promise in immediate", "timeout"].reverse()).length, always.length);
});

Deno.test("fanned out, results come in the order of the items, and never more than the limit run", async () => {
  const delays = unevenDelays(23).map((ms) => ms / 10);
  for (const way of keys(fanWays)) {
    for (const limit of [1, 4, 23, 100]) {
      const { run, peak } = fanOut(way, delays, limit);
      assertEquals(await run(), delays);
      assertEquals(peak(), way === "all_at_once" ? 23 : Math.min(limit, 23), `${way}, ${limit}`);
    }
    assertEquals(await fanWays[way]([], 3, (item) => Promise.resolve(item)), []);
  }
});

Deno.test("the first error stops workers from taking more; the call ends when none runs, with every error", async () => {
  let started = 0, running = 0;
  const work = async (i: number) => {
    started++;
    running++;
    await turn();
    if (i === 5) await turn();
    running--;
    if (i === 4 || i === 5) throw new Error(`item ${i}`);
  };
  const error = await assertRejects(() => byWorkers([...Array(100).keys()], 3, work), AggregateError);
  assertEquals(error.errors.map(({ message }) => message), ["item 4", "item 5"]);
  // Item 3 ended before item 4 had failed, and its worker took one more.
  assertEquals([started, running], [7, 0]);
  await assertRejects(() => byWorkers([4], 3, work), Error, "item 4");
});

Deno.test("a limit that is no whole number from 1 is refused before anything starts", async () => {
  for (const limit of [0, -1, NaN, 1.5, Infinity]) {
    for (const way of [inBatches, byWorkers]) {
      await assertRejects(() => way([1], limit, () => Promise.reject(new Error("started"))), RangeError, `${limit}`);
    }
  }
});

/** The most by which any span of moments exceeds the bucket, by looking at every span. */
function excessOfAllSpans(moments: number[], rate: number, burst: number): number {
  let most = -Infinity;
  for (let i = 0; i < moments.length; i++) {
    for (let j = i; j < moments.length; j++) {
      most = Math.max(most, j - i + 1 - burst - rate * (moments[j] - moments[i]) / 1000);
    }
  }
  return most;
}

Deno.test("the excess over a bucket is the same as by looking at every span", () => {
  const random = seeded(1);
  for (let round = 0; round < 50; round++) {
    const moments = Array.from({ length: 1 + Math.floor(40 * random()) }, () => 1000 * random()).sort((a, b) => a - b);
    const rate = 100 * random(), burst = 1 + Math.floor(5 * random());
    assert(Math.abs(excess(moments, rate, burst) - excessOfAllSpans(moments, rate, burst)) < 1e-9);
  }
  assertEquals(excess([0, 0, 0], 1, 2), 1);
  assertEquals(excess([0, 0, 500, 1000], 2, 2), 0);
});

Deno.test("a token bucket never exceeds its rate, however requests come and however late timers are", async () => {
  const random = seeded(2);
  for (const [rate, burst, late] of [[10, 1, 0], [100, 5, 0], [3, 7, 40], [1000, 20, 15], [0.5, 2, 3000]]) {
    const time = new VirtualTime(() => late * random()), bucket = new TokenBucket(rate, burst, time);
    const moments: number[] = [], order: number[] = [];
    for (let i = 0, at = 0; i < 150; i++) {
      // In flocks, with quiet in between.
      if (random() < 0.2) at += 8000 * random() * burst / rate;
      time.setTimeout(() =>
        void bucket.take().then((moment) => {
          moments.push(moment);
          order.push(i);
        }), at);
    }
    await time.pass();
    assertEquals(order, [...Array(150).keys()], "first come, first served");
    assert(excess(moments, rate, burst) <= 1e-6, `rate ${rate}, burst ${burst}: ${excess(moments, rate, burst)}`);
  }
});

Deno.test("a token bucket gives all that its rate allows: a burst at once, and then one in each interval", async () => {
  const time = new VirtualTime(), bucket = new TokenBucket(10, 3, time), moments: number[] = [];
  for (let i = 0; i < 8; i++) bucket.take().then((moment) => moments.push(moment));
  await time.pass();
  assertEquals(moments.map(Math.round), [0, 0, 0, 100, 200, 300, 400, 500]);
});

Deno.test("who does not want to wait gets a token if there is one and nobody waits", async () => {
  const time = new VirtualTime(), bucket = new TokenBucket(10, 2, time);
  assertEquals([bucket.tryTake(), bucket.tryTake(), bucket.tryTake()], [true, true, false]);
  const waiting = bucket.take();
  await time.pass(50);
  assertEquals(bucket.tryTake(), false);
  await time.pass();
  assertEquals(Math.round(await waiting), 100);
  await time.pass(10_000);
  assertEquals([bucket.tryTake(), bucket.tryTake(), bucket.tryTake()], [true, true, false]);
});

Deno.test("a bucket without a rate above 0 or without room for a token is refused", () => {
  for (const rate of [0, -1, NaN, Infinity]) assertThrows(() => new TokenBucket(rate, 1), RangeError, `rate ${rate}`);
  for (const burst of [0, -1, NaN, 1.5]) assertThrows(() => new TokenBucket(1, burst), RangeError, `burst ${burst}`);
});

Deno.test("debounce calls once, with the last arguments, after it has been quiet", async () => {
  const time = new VirtualTime(), calls: [string, number][] = [];
  const call = debounce((value: string) => void calls.push([value, time.now()]), 100, time);
  for (const [at, value] of [[0, "a"], [60, "b"], [150, "c"], [400, "d"]] as const) {
    time.setTimeout(() => call(value), at);
  }
  await time.pass();
  assertEquals(calls, [["c", 250], ["d", 500]]);
  call("forgotten");
  call.cancel();
  await time.pass();
  assertEquals(calls.length, 2);
});

Deno.test("throttle calls at once, at most once in each interval, and does not lose the last value", async () => {
  const time = new VirtualTime(), calls: [string, number][] = [];
  const call = throttle((value: string) => void calls.push([value, time.now()]), 100, time);
  for (const [at, value] of [[0, "a"], [30, "b"], [90, "c"], [110, "d"], [450, "e"]] as const) {
    time.setTimeout(() => call(value), at);
  }
  await time.pass();
  assertEquals(calls, [["a", 0], ["c", 100], ["d", 200], ["e", 450]]);
  call("at once");
  call("forgotten");
  call.cancel();
  await time.pass();
  assertEquals(calls.map(([value]) => value).slice(4), ["at once"]);
  for (const ms of [0, -1, NaN, Infinity]) {
    assertThrows(() => debounce(() => {}, ms), RangeError);
    assertThrows(() => throttle(() => {}, ms), RangeError);
  }
});

Deno.test("back-pressure keeps the queue under the mark, without it nearly all is queued; all arrives either way", async () => {
  const chunks = 256, bytes = chunks * 2 ** 16;
  for (const way of keys(streamWays)) {
    const { received, intact, peakQueued, queued } = await transfer(way, chunks);
    assertEquals([received, intact, queued.length], [bytes, true, chunks]);
    assertEquals(Math.max(...queued), peakQueued);
    // The chunk that was just made counts too, before the stream has it.
    if (way === "heedless") assert(peakQueued > bytes / 4, `${peakQueued}`);
    else assert(peakQueued <= highWaterMark + 2 ** 16, `${way}: ${peakQueued}`);
  }
});

Deno.test("a sink that fails fails every way of writing to it", async () => {
  for (const way of keys(streamWays)) {
    let written = 0;
    const sink = new WritableStream<Uint8Array>({
      write() {
        if (++written === 3) throw new Error("the disk is full");
      },
    });
    await assertRejects(() => streamWays[way](sink, () => new Uint8Array(1), 10), Error, "the disk is full");
    await turn();
    assertEquals(written, 3, way);
  }
});

Deno.test("a task group loses no error, waits for every task, and leaves none running", async () => {
  const random = seeded(3);
  for (let round = 0; round < 20; round++) {
    const group = new TaskGroup(), thrown: unknown[] = [];
    let live = 0;
    const fail = (text: string) => {
      const error = new Error(text);
      thrown.push(error);
      return error;
    };
    for (let i = 0; i < 20; i++) {
      const fails = random() < 0.3, dirty = random() < 0.3, ms = 1 + 8 * random(), cleaning = 4 * random();
      group.spawn(async (signal) => {
        live++;
        try {
          await delay(ms, signal);
          if (fails) throw fail(`task ${i}`);
        } finally {
          await new Promise((cleaned) => setTimeout(cleaned, cleaning));
          live--;
          // deno-lint-ignore no-unsafe-finally
          if (dirty) throw fail(`cleaning up after ${i}`);
        }
      });
    }
    const error = await group.join().then(() => null, (error) => error);
    assertEquals([live, group.running], [0, 0]);
    // What a task throws while it cleans up replaces what it threw before: that is JavaScript, not the group.
    const last = thrown.filter((error) => !thrown.some((other) => isCleaningAfter(other, error)));
    if (last.length === 0) assertEquals(error, null);
    else assertEquals(new Set(error.errors), new Set(last));
  }
});

function isCleaningAfter(other: unknown, error: unknown): boolean {
  const number = (error as Error).message.match(/^task (\d+)$/)?.[1];
  return number !== undefined && (other as Error).message === `cleaning up after ${number}`;
}

Deno.test("the first failure cancels the siblings at once, also one that throws before its first await", async () => {
  const start = performance.now(), group = new TaskGroup(), reasons: string[] = [];
  for (let i = 0; i < 3; i++) {
    group.spawn((signal) => delay(60_000, signal).catch((reason) => void reasons.push(reason.message)));
  }
  group.spawn(() => {
    throw new Error("at once");
  });
  let started = false;
  group.spawn(() => void (started = true)).catch(() => {});
  const error = await assertRejects(() => group.join(), AggregateError, "1 of the group's tasks failed");
  assertEquals(error.errors.map(({ message }) => message), ["at once"]);
  assertEquals(reasons, Array(3).fill("another task of the group failed"));
  assertEquals(started, true, "one that was spawned before the failure was seen still starts");
  assertThrows(() => group.spawn(() => {}), TypeError, "takes no more tasks");
  assert(performance.now() - start < 30_000);
});

Deno.test("a task that does not heed its signal is waited for, and an AbortError of its own before that is a failure", async () => {
  const group = new TaskGroup();
  let ended = false;
  group.spawn(() => new Promise((done) => setTimeout(done, 30)).then(() => void (ended = true)));
  group.spawn(() => Promise.reject(new DOMException("mine", "AbortError")));
  const error = await assertRejects(() => group.join(), AggregateError);
  assertEquals([ended, error.errors.length, error.errors[0].message], [true, 1, "mine"]);
});

Deno.test("a group gives results, waits for tasks that tasks have started, and ends without an error when there is none", async () => {
  const group = new TaskGroup(), done: string[] = [];
  const result = group.spawn(async (signal) => {
    await delay(1, signal);
    group.spawn(async (signal) => {
      await delay(1, signal);
      done.push("child");
      group.spawn(() => void done.push("grandchild"));
    });
    return 42;
  });
  await group.join();
  assertEquals([await result, done], [42, ["child", "grandchild"]]);
  await new TaskGroup().join();
});

Deno.test("leaving an `await using` block cancels what runs, and keeps the block's error beside those of the tasks", async () => {
  let cancelled = 0;
  const linger = (signal: AbortSignal) => delay(60_000, signal).finally(() => cancelled++);
  const left = await (async () => {
    await using group = new TaskGroup();
    group.spawn(linger);
    group.spawn(linger);
    return "left";
  })();
  assertEquals([left, cancelled], ["left", 2]);

  const error = await assertRejects(async () => {
    await using group = new TaskGroup();
    group.spawn((signal) => linger(signal).catch(() => Promise.reject(new Error("the task"))));
    await turn();
    throw new Error("the block");
  }, SuppressedError);
  assertEquals((error.suppressed as Error).message, "the block");
  assertEquals((error.error as AggregateError).errors.map(({ message }) => message), ["the task"]);
  assertEquals(cancelled, 3);

  // What join has thrown is not thrown again at the end of the block.
  await assertRejects(async () => {
    await using group = new TaskGroup();
    group.spawn(() => Promise.reject(new Error("once")));
    await group.join();
  }, AggregateError);
});

Deno.test("a group is cancelled from outside with the outside's reason, and no more once it has ended", async () => {
  const outside = new AbortController(), group = new TaskGroup(outside.signal);
  group.spawn((signal) => delay(60_000, signal));
  setTimeout(() => outside.abort(new Error("from outside")), 5);
  await assertRejects(() => group.join(), Error, "from outside");
  const late = new TaskGroup(outside.signal);
  let ran = false;
  late.spawn(() => void (ran = true)).catch(() => {});
  await assertRejects(() => late.join(), Error, "from outside");
  assertEquals(ran, false);

  const another = new AbortController(), ended = new TaskGroup(another.signal);
  await ended.join();
  another.abort();
  assertEquals(ended.signal.aborted, false);
});

Deno.test("a signal stops the work at the server, a race with a timer does not", async () => {
  for (const way of keys(abortWays)) {
    await using server = startServer(200);
    assertEquals(await abortWays[way](server.url, 5, 50), "TimeoutError");
    while (server.seen.finished + server.seen.abandoned < 5) await delay(2, new AbortController().signal);
    assertEquals(
      server.seen,
      way === "race" ? { started: 5, finished: 5, abandoned: 0 } : { started: 5, finished: 0, abandoned: 5 },
    );
  }
});

Deno.test("a page that takes longer than its own limit fails the report, and one that does not succeeds", async () => {
  await using slow = startServer(60_000), quick = startServer(1);
  const error = await assertRejects(() => report(slow.url, 2, 30), DOMException);
  assertEquals(error.name, "TimeoutError");
  assertEquals(await report(quick.url, 3, 10_000, new AbortController().signal), ["done", "done", "done"]);
  const reason = new Error("changed my mind");
  await assertRejects(() => report(quick.url, 1, 10_000, AbortSignal.abort(reason)), Error, "changed my mind");
});

Deno.test("every way of computing finds the same primes; only blocking and awaiting promises hold up the timers", async () => {
  for (const way of keys(lagWays)) {
    const { result, took, lags } = await measureLag(() => lagWays[way](100_000));
    assertEquals(result, 9592, way);
    // The first tick was due within two milliseconds of the start.
    if (way === "in_one_go" || way === "await_promises") {
      assert(Math.max(...lags) > took - 4, `${way}: ${lags} of ${took}`);
    }
    assert(lags.every((lag) => lag >= 0) && lags.length > 0);
  }
  for (const below of [0, 1, 2, 3, 500, 501]) {
    const results = await Promise.all(keys(lagWays).map((way) => lagWays[way](below)));
    assertEquals(new Set(results).size, 1, `${below}: ${results}`);
  }
});

Deno.test("each tick that was due during a block counts, by its own lateness", async () => {
  const { lags } = await measureLag(() => {
    for (const end = performance.now() + 50; performance.now() < end;);
  }, 10);
  assert(lags.length >= 5, lags.join());
  for (let i = 1; i < 5; i++) assert(Math.abs(lags[i - 1] - lags[i] - 10) < 1e-6, lags.join());
  await assertRejects(() => measureLag(() => Promise.reject(new Error("the work failed"))), Error, "the work failed");
});

Deno.test("serial, concurrent and parallel give the result of every task in order, also with more workers than tasks", async () => {
  const { run, close } = await openPool(3);
  try {
    for (const kind of keys(kinds)) {
      for (const way of keys(whenWays) as Way[]) {
        const primes = kinds[kind].below === 0 ? 0 : 4203;
        assertEquals(await run(way, kinds[kind], 5), [0, 1, 2, 3, 4].map((i) => i + primes), `${kind}, ${way}`);
        assertEquals(await run(way, kinds.waiting, 1), [0]);
        assertEquals(await run(way, kinds.waiting, 0), []);
      }
    }
  } finally {
    close();
  }
  for (const workers of [0, -1, NaN, 1.5]) {
    await assertRejects(() => openPool(workers), RangeError, `${workers} workers`);
  }
});

Deno.test("rates and bursts that make no sense, and unknown flags, end with code 2 and one line", async () => {
  const { run } = parseHeader(await Deno.readTextFile(new URL("rate_limit.ts", import.meta.url)));
  for (
    const flag of ["--rate=0", "--rate=-1", "--rate=NaN", "--burst=0", "--burst=1.5", "--fast"]
  ) {
    const { code, stdout, stderr } = await runScript(run, { cwd: root, more: [flag] });
    assertEquals([code, stdout], [2, ""], flag);
    assertMatch(
      stderr,
      flag === "--fast" ? /^error: --fast is not a flag of this script/ : /^error: --(rate|burst) \S+: must be .*\n$/,
    );
  }
});

Deno.test("the compare refuses sections and flags that it does not have", async () => {
  const { run } = parseHeader(await Deno.readTextFile(new URL("compare.ts", import.meta.url)));
  for (const flag of ["--only=lags", "--size=10"]) {
    const { code, stdout, stderr } = await runScript(run, { cwd: root, more: [flag] });
    assertEquals([code, stdout], [2, ""], stderr);
    assertMatch(stderr, /^error: --(only lags: must be one of when, lag,|size=10 is not a flag)/);
  }
});
