import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { parseHeader, runScript } from "../../bench/lib/script.ts";
import {
  type Cluster,
  EventHeap,
  exponential,
  fixed,
  measured,
  pareto,
  randomNumbers,
  simulate,
} from "./cluster_simulation.ts";
import { chanceToWait, tryOut, waitForMany, waitForOne } from "./waiting_time.ts";

const root = new URL("../../", import.meta.url);

Deno.test("the heap gives events in the order of a stable sort, also while more are put in", () => {
  const random = randomNumbers(1), heap = new EventHeap(2);
  // Few distinct times, so that many are equal.
  const events = Array.from({ length: 3000 }, (_, what) => ({ time: Math.floor(random() * 50), what }));
  for (const { time, what } of events) heap.push(time, what);
  const taken: { time: number; what: number }[] = [];
  while (heap.size > 0) {
    const what = heap.pop();
    taken.push({ time: heap.now, what });
  }
  assertEquals(taken, events.toSorted((a, b) => a.time - b.time || a.what - b.what));

  const mixed = new EventHeap(), waiting: { time: number; what: number }[] = [];
  for (let what = 0; what < 2000; what++) {
    const time = random();
    mixed.push(time, what);
    waiting.push({ time, what });
    if (random() < 0.6 && waiting.length > 0) {
      waiting.sort((a, b) => a.time - b.time);
      const next = waiting.shift()!;
      assertEquals([mixed.pop(), mixed.now], [next.what, next.time]);
    }
  }
  assertThrows(() => new EventHeap().pop(), RangeError, "no event is left");
});

Deno.test("Erlang's C is the sum of the textbook, and the values that are known exactly", () => {
  // (a^c / c!) / ((1 - load) sum of a^k / k! + a^c / c!), term by term.
  const textbook = (servers: number, load: number) => {
    let term = 1, sum = 0;
    for (let k = 0; k < servers; k++, term *= servers * load / k) sum += term;
    return term / ((1 - load) * sum + term);
  };
  for (const servers of [1, 2, 5, 30]) {
    for (const load of [0.1, 0.5, 0.95]) {
      assertAlmostEquals(chanceToWait(servers, load), textbook(servers, load), 1e-12);
    }
  }
  // One server is busy for as much of the time as its load; two at half load for a third.
  assertAlmostEquals(chanceToWait(1, 0.7), 0.7, 1e-12);
  assertAlmostEquals(chanceToWait(2, 0.5), 1 / 3, 1e-12);
  assertAlmostEquals(waitForMany(1, 0.8), waitForOne(0.8, 1), 1e-12);
  assertAlmostEquals(waitForOne(0.5, 1), 1, 1e-12);
  assertAlmostEquals(waitForOne(0.5, 0), 0.5, 1e-12);
  for (const load of [1, -0.1, NaN]) {
    assertThrows(() => waitForOne(load, 1), RangeError, "a load must be from 0 to below 1");
  }
});

/** The mean wait in a simulated queue: workers as servers, a broker and a network that take no time. */
function simulatedWait(servers: number, load: number, times: "fixed" | "exponential", jobs: number): number {
  const length = times === "fixed" ? fixed(1) : exponential(1);
  return simulate({ workers: servers, jobs, length, arrivals: servers * load }).jobWait;
}

Deno.test("simulated waits are those of the formulas for M/M/1, M/D/1 and M/M/c", () => {
  for (const load of [0.3, 0.6, 0.8]) {
    const within = (found: number, formula: number, name: string) =>
      assert(Math.abs(found / formula - 1) < 0.06, `${name} at ${load}: ${found}, by the formula ${formula}`);
    within(simulatedWait(1, load, "exponential", 300_000), waitForOne(load, 1), "M/M/1");
    within(simulatedWait(1, load, "fixed", 200_000), waitForOne(load, 0), "M/D/1");
    within(simulatedWait(4, load, "exponential", 400_000), waitForMany(4, load), "M/M/4");
  }
});

Deno.test("with fixed times and several servers, of which there is no formula, it agrees with trying it out", () => {
  const tried = tryOut({ servers: 3, load: 0.8, jobs: 200_000, times: "fixed", random: randomNumbers(5) });
  assert(Math.abs(simulatedWait(3, 0.8, "fixed", 200_000) / tried - 1) < 0.06);
});

Deno.test("the broker of many workers is an M/D/1 queue as long as it is not nearly full", () => {
  // 1,000 workers with jobs of 1 s ask about 1,000 times a second, at random moments.
  for (const load of [0.3, 0.6]) {
    const broker = { perRequest: load / 1000, perJob: 0 };
    const run = (jobs: number) => simulate({ workers: 1000, jobs, length: exponential(1), broker });
    // What a longer run waits more than a shorter one is without the first moment, when all ask at once.
    const short = run(100_000), long = run(400_000);
    const wait = (long.requestWait * long.requests - short.requestWait * short.requests) /
      (long.requests - short.requests);
    const busy = (long.brokerBusy * long.makespan - short.brokerBusy * short.makespan) /
      (long.makespan - short.makespan);
    const formula = waitForOne(load, 0) * broker.perRequest;
    assert(Math.abs(busy / load - 1) < 0.03, `busy ${busy}`);
    assert(Math.abs(wait / formula - 1) < 0.08, `${wait}, by the formula ${formula}`);
  }
});

Deno.test("throughput stays within the two bounds of a closed system, and reaches the nearer one far from their knee", () => {
  const broker = { perRequest: 1e-3, perJob: 1e-4 }, roundTrip = 5e-3, length = fixed(0.1), service = 1.1e-3;
  for (const workers of [1, 5, 20, 500, 2000]) {
    const { throughput } = simulate({ workers, jobs: 100 * workers, length, broker, roundTrip });
    const bound = Math.min(workers / (0.1 + roundTrip + service), 1 / service);
    assert(throughput <= bound * 1.0001, `${workers}: ${throughput} of ${bound}`);
    assert(throughput >= bound * 0.95, `${workers}: ${throughput} of ${bound}`);
  }
});

Deno.test("one worker takes exactly the sum of its parts", () => {
  const broker = { perRequest: 2, perJob: 0.5 };
  // Half a round trip there; five times request, answer and job; the last request takes the result in.
  const one = simulate({ workers: 1, jobs: 5, length: fixed(10), broker, roundTrip: 1 });
  assertAlmostEquals(one.makespan, 0.5 + 5 * (2 + 0.5 + 1 + 10) + 2, 1e-9);
  assertEquals(one.requests, 6);
  const batched = simulate({ workers: 1, jobs: 5, length: fixed(10), broker, roundTrip: 1, batch: 3 });
  assertAlmostEquals(batched.makespan, 0.5 + 2 * (2 + 1) + 5 * (0.5 + 10) + 2, 1e-9);
  assertEquals(batched.requests, 3);
});

Deno.test("a second copy from a faster machine wins, the first runs in vain, and without speculation nothing does", () => {
  // Two machines, of which the first takes a hundred times as long; two jobs of a second.
  const run: Cluster = { workers: 2, jobs: 2, length: fixed(1), slow: { share: 0.5, factor: 100 } };
  const without = simulate(run), copied = simulate({ ...run, speculate: 0.5 });
  assertEquals([without.makespan, without.wasted, without.repeated], [100, 0, 0]);
  assertEquals([copied.makespan, copied.repeated], [2, 1]);
  assertAlmostEquals(copied.wasted, 100 / 102, 1e-12);
});

Deno.test("speculation helps against slow machines, and not against long jobs; both finish every job", () => {
  const run = { workers: 200, jobs: 10_000 };
  const slow: Cluster = { ...run, length: exponential(0.1), slow: { share: 0.02, factor: 10 } };
  const heavy: Cluster = { ...run, length: pareto(0.1, 1.2) };
  assert(simulate({ ...slow, speculate: 0.05 }).makespan < 0.9 * simulate(slow).makespan);
  assertEquals(simulate({ ...heavy, speculate: 0.05 }).makespan, simulate(heavy).makespan);
});

Deno.test("lengths have the mean and the tail that they promise", () => {
  const mean = (length: (random: () => number) => number, n = 400_000) => {
    const random = randomNumbers(3);
    let sum = 0;
    for (let i = 0; i < n; i++) sum += length(random);
    return sum / n;
  };
  assertEquals(mean(fixed(0.5), 10), 0.5);
  assertAlmostEquals(mean(exponential(2)), 2, 0.02);
  assertAlmostEquals(mean(pareto(2, 3)), 2, 0.03);
  assertAlmostEquals(mean(measured([1, 2, 6])), 3, 0.03);
  const random = randomNumbers(4), tail = Array.from({ length: 100_000 }, () => pareto(3, 1.5)(random));
  // The smallest is 3 * 0.5 / 1.5 = 1; ten times that is exceeded with chance 10^-1.5.
  assertAlmostEquals(tail.filter((t) => t > 10).length / tail.length, 10 ** -1.5, 0.002);
  assert(tail.every((t) => t >= 1));
});

Deno.test("the same seed gives the same run, another one another", () => {
  const run: Cluster = { workers: 50, jobs: 1000, length: exponential(0.1), roundTrip: 1e-3, batch: 2 };
  assertEquals(simulate(run), simulate(run));
  assert(simulate(run).makespan !== simulate({ ...run, seed: 12 }).makespan);
});

Deno.test("nonsense is refused by name", () => {
  const run: Cluster = { workers: 1, jobs: 1, length: fixed(1) };
  const refused: [Partial<Cluster>, string][] = [
    [{ workers: 0 }, "workers must be a whole number from 1, not 0"],
    [{ jobs: 1.5 }, "jobs must be a whole number from 1, not 1.5"],
    [{ batch: NaN }, "batch must be a whole number from 1, not NaN"],
    [{ roundTrip: -1 }, "roundTrip must be seconds from 0, not -1"],
    [{ broker: { perRequest: Infinity, perJob: 0 } }, "broker.perRequest must be seconds from 0, not Infinity"],
    [{ speculate: 2 }, "speculate must be from 0 to 1, not 2"],
    [{ slow: { share: 0.5, factor: 0.5 } }, "slow.factor must be 1 or more, not 0.5"],
    [{ arrivals: -3 }, "arrivals must be above 0, not -3"],
  ];
  for (const [wrong, message] of refused) assertThrows(() => simulate({ ...run, ...wrong }), RangeError, message);
});

Deno.test("the compare refuses sections and flags that it does not have", async () => {
  const { run } = parseHeader(await Deno.readTextFile(new URL("compare.ts", import.meta.url)));
  for (
    const [flag, message] of [
      ["--only=scal", "error: --only scal: must be one of theory, cluster, scale, stragglers\n"],
      ["--workers=3", "error: --workers=3 is not a flag of this script (see --help)\n"],
    ]
  ) {
    const { code, stdout, stderr } = await runScript(run, { cwd: root, more: [flag] });
    assertEquals([code, stdout, stderr], [2, "", message]);
  }
});
