import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { copiesPerPush, findGrowth, predictGrowth } from "./allocations/array_allocation_graph.ts";
import { appends } from "./append.ts";
import { predictPython } from "./compare_growth.ts";
import { findKinds, freshSum, kinds, sum, transitions } from "./element_kinds.ts";
import { fitPower, lookUpInChain, makeChain, makeWalk, walk } from "./lookup.ts";
import { holders, measureMemory } from "./overallocation_memory_use.ts";
import { findProperties, makeMany, makes, returns } from "./tuples.ts";

const lacksDeno = await new Deno.Command("deno", { args: ["--version"], stdout: "null" }).output().then(
  () => false,
  () => true,
);

Deno.test("a walk comes by as many different places as it should, and is then back", () => {
  for (const [length, stops] of [[1, 1], [2, 2], [10, 3], [100, 100], [1000, 32]]) {
    const array = makeWalk(length, stops), seen = new Set([0]);
    for (let at = array[0], step = 1; step < stops; step++, at = array[at]) seen.add(at);
    assertEquals(seen.size, stops);
    assertEquals(array.length, length);
    assertEquals(walk(array, stops), 0);
    if (stops > 1) assert(walk(array, 1) !== 0 && walk(array, stops - 1) !== 0);
  }
});

Deno.test("a walk over few stops spreads them over the array", () => {
  const array = makeWalk(1000, 32), places = array.flatMap((next, place) => next === 0 ? [] : [place]);
  assert(Math.max(...places) > 700 && Math.min(...places) < 300);
});

Deno.test("a chain gives what is at a place, and undefined beyond its end", () => {
  const chain = makeChain(5);
  assertEquals([0, 1, 4, 5, 99].map((index) => lookUpInChain(chain, index)), [0, 1, 4, undefined, undefined]);
  assertEquals(lookUpInChain(makeChain(0), 0), undefined);
});

Deno.test("powers are fitted: n, n² and a constant", () => {
  const x = [1, 10, 100, 1000];
  assertAlmostEquals(fitPower(x, x.map((n) => 3 * n)).power, 1, 1e-12);
  assertAlmostEquals(fitPower(x, x.map((n) => n * n / 7)).power, 2, 1e-12);
  assertAlmostEquals(fitPower(x, [5, 6, 6, 5]).power, 0, 1e-12);
  assertAlmostEquals(fitPower(x, x).r2, 1, 1e-12);
});

Deno.test("every way to append makes 0, 1, 2, …, also for none and one", () => {
  for (const count of [0, 1, 17, 18, 100]) {
    const expected = [...Array(count).keys()];
    for (const [name, append] of Object.entries(appends)) assertEquals(Array.from(append(count)), expected, name);
  }
});

Deno.test("the rule foretells the steps that were published for V8, and CPython's those of its source", () => {
  assertEquals(predictGrowth(140).map(({ capacity }) => capacity), [17, 43, 82, 140]);
  assertEquals(predictGrowth(140).map(({ length }) => length), [1, 18, 44, 83]);
  // The pattern in the comment beside list_resize.
  assertEquals(predictPython(70).map(({ capacity }) => capacity), [4, 8, 16, 24, 32, 40, 52, 64, 76]);
  assertEquals([predictGrowth(0), predictPython(0)], [[], []]);
});

Deno.test("copies a push are counted as a growing store would copy", () => {
  // 1 push copies none; the 18th copies 17.
  assertEquals(copiesPerPush(predictGrowth(1), 1), 0);
  assertEquals(copiesPerPush(predictGrowth(18), 18), 17 / 18);
});

Deno.test({
  name: "the heap grows by the stores that the rule foretells, and by nothing else",
  ignore: lacksDeno,
  async fn() {
    assertEquals(await findGrowth(3000), predictGrowth(3000));
  },
});

Deno.test({
  name: "nine numbers take the bytes that V8's layout foretells, and typed arrays 4 or 8 a number outside",
  ignore: lacksDeno,
  async fn() {
    const found = await measureMemory(5000);
    for (const [name, { theory }] of Object.entries(holders)) {
      if (theory) assertAlmostEquals(found[name].heap, theory, 1, name);
    }
    assertEquals([found.Int32Array.outside, found.Float64Array.outside], [36, 72]);
    assertAlmostEquals(found["share of one Int32Array"].outside, 36, 0.1);
  },
});

Deno.test("what is said to hold nine numbers holds nine", () => {
  for (const [name, { make }] of Object.entries(holders)) {
    const made = make(3) as Record<string, unknown>;
    assertEquals(Object.keys(made).filter((key) => made[key] !== undefined).length, 9, name);
  }
});

Deno.test({
  name: "V8 names the kinds: integers, doubles, anything; packed, holey; dictionary",
  ignore: lacksDeno,
  async fn() {
    // Those that do not depend on V8's mood: a fraction, a text, a hole, a gap too wide.
    assertEquals(await findKinds(["[1]", "[1.5]", "['a']", "[1, , 2]", "[1.5, , 2]", "a = [], a[1e6] = 1, a"]), [
      "packed small integers",
      "packed doubles",
      "packed objects",
      "holey small integers",
      "holey doubles",
      "dictionary",
    ]);
    const timed = Object.entries(kinds).filter(([name]) => name !== "frozen" && name !== "Float64Array");
    assertEquals(await findKinds(timed.map(([, make]) => `(${make})(50)`)), timed.map(([name]) => name));
    assertEquals((await findKinds(transitions.map(([source]) => source))).length, transitions.length);
  },
});

Deno.test("arrays of all kinds hold the same numbers, for any length from one on, and the sum skips holes", () => {
  for (const [name, make] of Object.entries(kinds)) {
    for (const length of [1, 2, 10]) assertEquals(Array.from(make(length)), [...Array(length).keys()], name);
  }
  // deno-lint-ignore no-sparse-arrays
  assertEquals([sum([]), sum([1, , 3] as number[]), freshSum()([1, 2])], [0, 4, 3]);
});

Deno.test("tuples are what they are said to be", () => {
  for (const [property, holds] of Object.entries(findProperties())) assert(holds, property);
});

Deno.test("all ways to make nine numbers make nine, and the ring keeps the last of each", () => {
  for (const [name, make] of Object.entries(makes)) {
    const expected = name === "constants" ? [0, 1, 2, 3, 4, 5, 6, 7, 8] : [5, 6, 7, 8, 9, 10, 11, 12, 13];
    assertEquals(Array.from(make(5)), expected, name);
    assertEquals(Object.isFrozen(make(5)), name === "frozen literal");
  }
  assertEquals(makeMany(makes.literal, 70).map(([first]) => first).slice(4, 8), [68, 69, 6, 7]);
});

Deno.test("quotient and remainder add up to what they should, however they are returned", () => {
  // 0 to 6 have quotient 0, 7 to 13 quotient 1; remainders 0 to 6 twice.
  for (const [name, call] of Object.entries(returns)) assertEquals(call(14), 7 + 2 * 21, name);
});

Deno.test("a bad count and an unknown flag are refused with one line and exit code 2, before anything is measured", async () => {
  const wrong: [args: string[], message: string][] = [
    ...["0", "-5", "1e9", "many", "1000.5", "999"].map((count): [string[], string] => [
      [`--count=${count}`],
      `error: --count ${count}: must be a whole number from 1000 to 1000000`,
    ]),
    [["--size=5000"], "error: --size=5000: there is only --count and --help"],
  ];
  for (const [args, message] of wrong) {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", "ch03/overallocation_memory_use.ts", ...args],
      cwd: new URL("..", import.meta.url),
    }).output();
    assertEquals([code, stdout.length, new TextDecoder().decode(stderr).trim()], [2, 0, message]);
  }
});

for (const script of ["allocations/array_allocation_graph.ts", "overallocation_memory_use.ts", "element_kinds.ts"]) {
  Deno.test(`${script} says what to install where deno is not on the PATH, and ends with exit code 2`, async () => {
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", "--allow-run", `ch03/${script}`],
      cwd: new URL("..", import.meta.url),
      env: { PATH: "" },
    }).output();
    assertEquals(code, 2);
    assert(new TextDecoder().decode(stderr).includes("npm install -g deno"));
  });
}
