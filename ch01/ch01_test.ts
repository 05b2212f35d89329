import { assert, assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { bytesHeld, countCollections, expectedSum, kinds, makeSum } from "./abstraction.ts";
import { fourAtATime, gpu, oneByOne, startValues, steps, vectors } from "./alternate_architectures.ts";
import {
  findLevels,
  follow,
  makeChain,
  shuffledOrder,
  stream,
  sumFrom,
  sumFromByMask,
  sumInOrder,
} from "./architecture.ts";
import * as primes from "./check_prime.ts";
import { longestPause, meetAnotherType, timerBesideWork } from "./hurdles.ts";
import { builtIn, searches } from "./reducing_operations.ts";
import { asPut, check, day, makeEvents, strategies } from "./strategies.ts";

const { oneAtATime, byRemainder, eightAtOnce, wholeArrays } = primes;
const checks = { oneAtATime, byRemainder, eightAtOnce, wholeArrays, simd: await primes.makeSimd() };

Deno.test("every way to check a prime agrees with the sieve of Eratosthenes up to 20,000", () => {
  const limit = 20_000, composite = new Uint8Array(limit + 1).fill(1, 0, 2);
  for (let p = 2; p * p <= limit; p++) for (let k = p * p; k <= limit; k += p) composite[k] = 1;
  for (const [name, check] of Object.entries(checks)) {
    for (let n = 0; n <= limit; n++) assertEquals(check(n), composite[n] === 0, `${name}(${n})`);
  }
});

Deno.test("the book's numbers, squares of primes and products of neighbouring primes come out right", () => {
  const known: [number, boolean][] = [
    [10_000_000, false],
    [10_000_019, true],
    [10_007 ** 2, false],
    [99_991 * 100_003, false],
    [1e10 + 19, true],
    [1e12 + 39, true],
  ];
  for (const [name, check] of Object.entries(checks)) {
    for (const [number, prime] of known) assertEquals(check(number), prime, `${name}(${number})`);
  }
});

Deno.test("a quotient rounded to a whole number is not taken for one just below 2^53", () => {
  // 9007199254740881 is the largest prime below 2^53: none of its quotients by a divisor may seem whole.
  const prime = 9_007_199_254_740_881n;
  for (let divisor = 94_900_000; divisor < 94_906_266; divisor++) {
    const quotient = Number(prime) / divisor;
    assert(quotient !== Math.floor(quotient), `${divisor}`);
    assert(prime % BigInt(divisor) !== 0n);
  }
});

Deno.test("a search finds what is there and nothing else, in arrays of none, one and many", () => {
  const many = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5];
  for (const [name, search] of Object.entries(searches)) {
    assertEquals(search([], 1), false, name);
    assertEquals(search([7], 7), true, name);
    assertEquals(search([7], 8), false, name);
    for (let needle = -1; needle < 11; needle++) assertEquals(search(many, needle), many.indexOf(needle) >= 0, name);
  }
});

Deno.test("minus zero is zero to every search, and only the built-in one finds NaN", () => {
  for (const [name, search] of Object.entries(searches)) {
    assertEquals(search([1, -0], 0), true, name);
    assertEquals(search([1, 0], -0), true, name);
    assertEquals(search([1, NaN], NaN), search === builtIn, name);
  }
});

Deno.test("the loop without a return is the one that looks at everything, and the lazy chain stops", () => {
  const looks = (name: string) => {
    let count = 0;
    const haystack = new Proxy([1, 2, 3, 4, 5, 6, 7, 8], {
      get: (target, key) => (/^\d+$/.test(String(key)) && count++, Reflect.get(target, key)),
    });
    assert(searches[name](haystack, 2));
    return count;
  };
  assertEquals(looks("searchFast"), 2);
  assertEquals(looks("searchLazy"), 2);
  assertEquals(looks("searchSome"), 2);
  assertEquals(looks("builtIn"), 2);
  assertEquals(looks("searchSlow"), 8);
  assertEquals(looks("searchEager"), 8);
});

Deno.test("a chain visits each of its places once and returns, whatever its length", () => {
  for (const places of [1, 2, 3, 100, 1024]) {
    const chain = makeChain(128 * places), seen = new Set<number>();
    for (let step = 0, at = 0; step < places; step++) seen.add(at = follow(chain, 1, at));
    assertEquals(seen.size, places);
    assertEquals(follow(chain, places), 0);
    assert([...seen].every((place) => place % 32 === 0));
  }
});

Deno.test("another seed makes another chain, and the same seed the same", () => {
  assertEquals(makeChain(2 ** 14, 3), makeChain(2 ** 14, 3));
  assert(makeChain(2 ** 14, 3).some((next, i) => next !== makeChain(2 ** 14, 4)[i]));
});

Deno.test("a chain of a length that is no multiple of 128 bytes is refused", () => {
  for (const bytes of [0, 64, 100, -128, NaN, 2 ** 32]) {
    assertThrows(() => makeChain(bytes), RangeError, `${bytes} bytes are not a multiple of 128`);
  }
});

Deno.test("levels are read off a curve with stairs where the stairs end, between two sizes", () => {
  const bytes = Array.from({ length: 33 }, (_, i) => 2 ** (12 + i / 2));
  // The part of a chain that fits is found at the speed of its level, the rest at that of the next.
  const capacities = [48 * 1024, 2 ** 20, 16 * 2 ** 20, Infinity], times = [2e-9, 6e-9, 30e-9, 120e-9];
  const curve = bytes.map((size) => {
    const level = capacities.findIndex((capacity) => size <= capacity);
    const share = level === 0 ? 0 : capacities[level - 1] / size;
    return level === 0 ? times[0] : share ** 4 * times[level - 1] + (1 - share ** 4) * times[level];
  });
  const levels = findLevels(bytes, curve);
  assertEquals(levels.length, 4);
  for (const [k, { holds, last, seconds }] of levels.entries()) {
    assertEquals(last, k === 3);
    assertAlmostEquals(seconds, times[k], 0.2 * times[k]);
    if (!last) assert(holds >= capacities[k] / 1.5 && holds <= capacities[k] * 1.5, `level ${k} holds ${holds}`);
  }
});

Deno.test("a flat curve is one level without an end, a disturbed size does not end it, and a short one is none", () => {
  assertEquals(findLevels([1, 2, 4, 8], [1, 1, 1, 1]), [{ holds: 8, seconds: 1, last: true }]);
  assertEquals(findLevels([1, 2, 4, 8, 16], [1, 1, 9, 1, 1]), [{ holds: 16, seconds: 1, last: true }]);
  assertEquals(findLevels([1, 2, 4, 8, 16], [1, 1, 1, 3, 10]), [{ holds: 4, seconds: 1, last: false }]);
  assertEquals(findLevels([1, 2], [1, 1]), []);
  assertEquals(findLevels([], []), []);
});

Deno.test("the four kernels of STREAM write what they should and nothing else", () => {
  const a = Float64Array.of(1, 2, 3), b = Float64Array.of(10, 20, 30), c = new Float64Array(3);
  stream.copy(a, b, c);
  assertEquals([[...a], [...b], [...c]], [[1, 2, 3], [10, 20, 30], [1, 2, 3]]);
  stream.scale(a, b, c);
  assertEquals([[...a], [...b], [...c]], [[1, 2, 3], [3, 6, 9], [1, 2, 3]]);
  stream.add(a, b, c);
  assertEquals([[...a], [...b], [...c]], [[1, 2, 3], [3, 6, 9], [4, 8, 12]]);
  stream.triad(a, b, c);
  assertEquals([[...a], [...b], [...c]], [[15, 30, 45], [3, 6, 9], [4, 8, 12]]);
});

Deno.test("a shuffled order holds every number once, and sums to the same", () => {
  const order = shuffledOrder(1000), values = Float64Array.from({ length: 1000 }, (_, i) => i);
  assertEquals([...order].sort((a, b) => a - b), [...values]);
  assert(order.some((place, i) => place !== i));
  assertEquals(sumInOrder(values, order), 499_500);
});

Deno.test("with and without a branch the same values are counted, at every limit", () => {
  const values = Uint8Array.from({ length: 1000 }, (_, i) => i * 7 % 256);
  for (let limit = 0; limit <= 256; limit++) {
    const kept = [...values].filter((value) => value >= limit);
    const expected = { count: kept.length, sum: kept.reduce((sum, value) => sum + value, 0) };
    assertEquals(sumFrom(values, limit), expected);
    assertEquals(sumFromByMask(values, limit), expected);
  }
});

Deno.test("all architectures take the steps that the formula of the sequence gives", async () => {
  const start = startValues(128);
  // x_n = 2 + 0.75^n (x_0 - 2)
  const expected = start.map((x) => 2 + 0.75 ** steps * (x - 2));
  const device = await gpu(start);
  const variants = [oneByOne(start), fourAtATime(start), await vectors(start), await vectors(start, true)];
  for (const variant of [...variants, ...device ? [device] : []]) {
    await variant.run();
    const values = variant.values();
    assertEquals(values.length, start.length);
    for (let i = 0; i < start.length; i++) assertAlmostEquals(values[i], expected[i], 1e-6);
  }
  device?.close?.();
});

Deno.test("single precision is another result than double, before the steps have forgotten the start", async () => {
  const start = new Float32Array(64).fill(1e30);
  const [double, single] = [await vectors(start), await vectors(start, true)];
  double.run();
  single.run();
  const difference = Math.abs(double.values()[0] / single.values()[0] - 1);
  assert(difference > 0 && difference < 1e-4, `${difference}`);
});

Deno.test("every kind of number sums to what its formula gives", () => {
  for (const [name, kind] of Object.entries(kinds)) {
    for (const count of [0, 1000, 5000]) assertEquals(Number(makeSum(kind, count)()), expectedSum(kind, count), name);
  }
});

Deno.test("an array of doubles and a typed array take 8 bytes an element, boxes more", async () => {
  assertAlmostEquals(await bytesHeld(kinds.Float64Array, 50_000), 8, 0.05);
  assertAlmostEquals(await bytesHeld(kinds.doubles, 50_000), 8, 0.1);
  assert(await bytesHeld(kinds["boxed doubles"], 50_000) > 16);
});

Deno.test("what cannot be made in the other process is an error with V8's message", async () => {
  await assertRejects(() => bytesHeld({ ...kinds.doubles, make: "nothing" }, 2000), Error, "nothing is not defined");
});

Deno.test("collections are counted where there is garbage", () => {
  let kept: unknown;
  const { collections, pause } = countCollections(() => {
    for (let i = 0; i < 2_000_000; i++) kept = { i, previous: [i] };
  });
  assert(kept);
  assert(collections > 0 && pause > 0);
});

Deno.test("without deno on the PATH the count of bytes ends with code 2 and one line", async () => {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--allow-run=deno", new URL("abstraction.ts", import.meta.url).href],
    env: { PATH: "", NO_COLOR: "1" },
  }).output();
  assertEquals(code, 2);
  // Deno itself says before that the permission is for a command that it does not find.
  const last = new TextDecoder().decode(stderr).trimEnd().split("\n").at(-1);
  assertEquals(last, "error: no deno on the PATH, in which to count bytes; install it: npm install -g deno");
});

Deno.test("the hurdles are measured on results that are right", async () => {
  // Each throws where a result is wrong.
  for (const time of Object.values(meetAnotherType(100, 400))) assert(time >= 0);
  for (const how of ["objects", "typed array"] as const) {
    const { median, longest } = longestPause(how, 40, 50, 10);
    assert(median <= longest);
  }
  assertEquals((await timerBesideWork(20, 20)).fired, 0);
  const pieces = await timerBesideWork(20, 2);
  assert(pieces.fired > 0 && pieces.fired <= 10, `${pieces.fired}`);
});

Deno.test("every step of the strategies counts what the first one counts", () => {
  for (const countPairs of Object.values(strategies)) check(countPairs);
});

Deno.test("the first step is held by cases counted by hand", () => {
  const at = (...times: number[]) => times.map((time) => ({ name: "", time }));
  assertEquals(asPut(at(), 5), 0);
  assertEquals(asPut(at(1), 5), 0);
  assertEquals(asPut(at(1, 6), 5), 1);
  assertEquals(asPut(at(1, 7), 5), 0);
  assertEquals(asPut(at(3, 3, 3, 3), 0), 6);
  assertEquals(asPut(at(0, 10, 20, 30), 10), 3);
  assertEquals(asPut(makeEvents(40), day), 40 * 39 / 2);
});

Deno.test("the check that holds the steps finds versions that are wrong in one case only", () => {
  const wrong = [
    // One too few where times are equal; pairs counted twice; the edge left out.
    (events: Parameters<typeof asPut>[0], within: number) =>
      asPut([...new Map(events.map((e) => [e.time, e])).values()], within),
    (events: Parameters<typeof asPut>[0], within: number) => 2 * asPut(events, within),
    (events: Parameters<typeof asPut>[0], within: number) =>
      within === 0 ? asPut(events, 0) : asPut(events, within - 1),
  ];
  for (const countPairs of wrong) assertThrows(() => check(countPairs), Error, "pairs of");
});

Deno.test("no step changes the events that it is given", () => {
  for (const countPairs of Object.values(strategies)) {
    const events = makeEvents(100), before = structuredClone(events);
    countPairs(events, 1000);
    assertEquals(events, before);
  }
});
