import { assert, assertEquals, assertThrows } from "@std/assert";
import { parseHeader, runScript } from "../../bench/lib/script.ts";
import { MorrisCounters } from "./morris_counter.ts";

/** The exact distribution of the exponent after `events` events, step by step from the definition. */
function distribution(base: number, events: number): number[] {
  let chances = [1];
  for (let event = 0; event < events; event++) {
    const next = new Array(chances.length + 1).fill(0);
    chances.forEach((chance, x) => {
      next[x] += chance * (1 - base ** -x);
      next[x + 1] += chance * base ** -x;
    });
    chances = next;
  }
  return chances;
}

/** How many standard deviations chi-squared is above what is expected, over the exponents that are likely enough. */
function strayed(counters: MorrisCounters, chances: number[]): number {
  const seen = new Map<number, number>();
  for (let i = 0; i < counters.length; i++) seen.set(counters.exponent(i), (seen.get(counters.exponent(i)) ?? 0) + 1);
  let chiSquared = 0, classes = 0, rest = counters.length, expectedRest = counters.length;
  chances.forEach((chance, x) => {
    const expected = chance * counters.length;
    if (expected < 20) return;
    chiSquared += ((seen.get(x) ?? 0) - expected) ** 2 / expected;
    classes++;
    rest -= seen.get(x) ?? 0;
    expectedRest -= expected;
  });
  // All others together.
  if (expectedRest > 1) chiSquared += (rest - expectedRest) ** 2 / expectedRest;
  return (chiSquared - classes) / Math.sqrt(2 * classes);
}

Deno.test("the exact distribution has the mean n and the variance (base - 1) n (n - 1) / 2", () => {
  for (const base of [2, 1.3, 1.05]) {
    const events = 200, chances = distribution(base, events);
    const moment = (power: number) =>
      chances.reduce((sum, chance, x) => sum + chance * ((base ** x - 1) / (base - 1)) ** power, 0);
    assert(Math.abs(moment(1) / events - 1) < 1e-9);
    const deviation = Math.sqrt(moment(2) - moment(1) ** 2) / events;
    assert(Math.abs(deviation / new MorrisCounters(1, base).relativeError(events) - 1) < 1e-6);
  }
});

Deno.test("counted one by one, at once, and merged, the exponents have the exact distribution", () => {
  const count = 20_000, events = 150;
  for (const base of [2, 1.2]) {
    const chances = distribution(base, events);
    const oneByOne = new MorrisCounters(count, base, 3), atOnce = new MorrisCounters(count, base, 4);
    const merged = new MorrisCounters(count, base, 5), others = new MorrisCounters(count, base, 6);
    for (let i = 0; i < count; i++) {
      for (let event = 0; event < events; event++) oneByOne.increment(i);
      atOnce.add(100, i);
      atOnce.add(50, i);
      merged.add(110, i);
      others.add(40, i);
    }
    merged.merge(others);
    for (const [name, counters] of Object.entries({ oneByOne, atOnce, merged })) {
      assert(strayed(counters, chances) < 5, `${name}, base ${base}: ${strayed(counters, chances)} deviations`);
    }
    // The test can fail: one event in ten more is seen.
    const more = new MorrisCounters(count, base, 7);
    for (let i = 0; i < count; i++) more.add(events * 1.1, i);
    assert(strayed(more, chances) > 5);
  }
});

Deno.test("the mean of many is right up to 1e70 events, and a byte with base 2 goes to 5.8e76", () => {
  const count = 4000, counters = new MorrisCounters(count, 2, 9);
  for (const events of [1e12, 1e40, 1e70]) {
    const many = new MorrisCounters(count, 2, 11);
    let sum = 0;
    for (let i = 0; i < count; i++) {
      many.add(events, i);
      sum += many.estimate(i);
    }
    assert(Math.abs(sum / count / events - 1) < 5 * many.relativeError() / Math.sqrt(count), `${events}`);
  }
  assertEquals(counters.limit, 2 ** 255 - 1);
});

Deno.test("the first event always counts, none counts nothing, and a full counter stays where it is", () => {
  const counters = new MorrisCounters(2, 1.01, 1);
  assertEquals(counters.estimate(), 0);
  counters.increment();
  counters.add(0, 1);
  assertEquals([counters.estimate(0), counters.estimate(1)], [1, 0]);
  counters.add(1e12);
  assertEquals(counters.exponent(), 255);
  counters.add(1e12);
  for (let i = 0; i < 1000; i++) counters.increment();
  const other = new MorrisCounters(2, 1.01, 2);
  other.add(1e12);
  counters.merge(other);
  assertEquals(counters.exponent(), 255);
  assertEquals(counters.estimate(), counters.limit);
});

Deno.test("the same seed counts the same, another one does not", () => {
  const runs = [1, 1, 2].map((seed) => {
    const counters = new MorrisCounters(100, 1.1, seed);
    for (let i = 0; i < 100; i++) counters.add(1000, i);
    return counters.save();
  });
  assertEquals(runs[0], runs[1]);
  assert(runs[0].some((byte, i) => byte !== runs[2][i]));
});

Deno.test("a saved form is read back, and refused if cut off, of another version, or with any one bit changed", () => {
  const counters = new MorrisCounters(5, 1.5);
  for (let i = 0; i < 5; i++) counters.add(10 ** i, i);
  const saved = counters.save(), loaded = MorrisCounters.load(saved);
  assertEquals(loaded.save(), saved);
  assertEquals([0, 1, 2, 3, 4].map((i) => loaded.estimate(i)), [0, 1, 2, 3, 4].map((i) => counters.estimate(i)));
  for (let length = 0; length < saved.length; length++) {
    assertThrows(() => MorrisCounters.load(saved.subarray(0, length)), Error, "the saved form");
  }
  for (let bit = 0; bit < 8 * saved.length; bit++) {
    const flipped = saved.slice();
    flipped[bit >> 3] ^= 1 << (bit & 7);
    assertThrows(() => MorrisCounters.load(flipped), Error, "the saved form");
  }
  const other = saved.slice();
  other[7] = 2;
  assertThrows(() => MorrisCounters.load(other), Error, "the saved form has version 2, where 1 is known");
});

Deno.test("what makes no sense is refused, and says why", () => {
  for (const count of [0, -1, 1.5, NaN]) {
    assertThrows(() => new MorrisCounters(count), RangeError, `${count} counters: must be 1 or more`);
  }
  for (const base of [1, 0, -2, 2.1, NaN]) {
    assertThrows(() => new MorrisCounters(1, base), RangeError, `base ${base}: must be above 1, and 2 at most`);
  }
  assertThrows(() => new MorrisCounters(1, 2, 0.5), RangeError, "seed 0.5: must be a whole number");
  const counters = new MorrisCounters(3);
  for (const events of [-1, 0.5, NaN, Infinity]) {
    assertThrows(() => counters.add(events), RangeError, `${events} events`);
  }
  for (const counter of [-1, 3, 0.5, NaN]) {
    for (
      const use of [() => counters.increment(counter), () => counters.add(1, counter), () => counters.estimate(counter)]
    ) {
      assertThrows(use, RangeError, `counter ${counter}: there are 0 to 2`);
    }
  }
  assertThrows(() => counters.merge(new MorrisCounters(4)), RangeError, "not 3 of 2 and 4 of 2");
  assertThrows(() => counters.merge(new MorrisCounters(3, 1.5)), RangeError, "not 3 of 2 and 3 of 1.5");
});

Deno.test("the compare refuses sections that it does not have", async () => {
  const { run } = parseHeader(await Deno.readTextFile(new URL("compare.ts", import.meta.url)));
  const { code, stderr } = await runScript(run, { cwd: new URL("../../", import.meta.url), more: ["--only=runes"] });
  assertEquals([code, stderr], [2, "error: --only runes: must be one of runs, error, cost\n"]);
});
