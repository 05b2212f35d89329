import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { hasCommand } from "../../bench/lib/command.ts";
import { parseHeader, runScript } from "../../bench/lib/script.ts";
import { bytesEach } from "./size_by_heap_difference.ts";
import { retainedSizes } from "./size_by_snapshot.ts";
import { sizeOf } from "./size_by_walking.ts";

const root = new URL("../../", import.meta.url);
const bytes = (value: unknown) => sizeOf(value).bytes;

/**
 * A value of arrays, Maps, Sets, texts and numbers, chosen at random; written so that its text can be run elsewhere.
 */
function randomValue(seed: number, depth = 4): unknown {
  let state = seed;
  const random = (below: number) => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) % 65_521 % below;
  const grow = (depth: number): unknown => {
    const size = random(9);
    switch (random(depth > 0 ? 9 : 5)) {
      case 0:
        return random(1000);
      case 1:
        return random(1000) + 0.5;
      case 2:
        return Array.from({ length: size + 2 }, () => String.fromCharCode(97 + random(26))).join("") + "";
      case 3:
        return 2n ** BigInt(10 * size + 9) + BigInt(random(500));
      case 4:
        return new Uint8Array(random(200));
      case 5:
        return new Map(Array.from({ length: size }, (_, i) => [i, grow(depth - 1)]));
      case 6:
        return new Set(Array.from({ length: size }, () => grow(depth - 1)));
      case 7:
        return { left: [grow(depth - 1)], right: [grow(depth - 1)], depth };
      default:
        return Array.from({ length: size }, () => 0 as unknown).map(() => grow(depth - 1));
    }
  };
  return [grow(depth), grow(depth), grow(depth)];
}

Deno.test({
  name: "a walk over random values comes to what the heap grows by, within 10 %",
  ignore: !await hasCommand("deno"),
  async fn() {
    const program = `
      import { bytesEach } from ${JSON.stringify(import.meta.resolve("./size_by_heap_difference.ts"))};
      import { sizeOf } from ${JSON.stringify(import.meta.resolve("./size_by_walking.ts"))};
      ${randomValue}
      const sizes = [];
      for (let seed = 1; seed <= 12; seed++) {
        sizes.push([sizeOf(randomValue(seed)).bytes, bytesEach(() => randomValue(seed), 100)]);
      }
      console.log(JSON.stringify(sizes));`;
    const args = ["eval", "--no-config", "--no-lock", "--v8-flags=--single-threaded,--expose-gc", program];
    const { stdout } = await new Deno.Command("deno", { args, stderr: "inherit" }).output();
    const sizes: [number, number][] = JSON.parse(new TextDecoder().decode(stdout));
    assertEquals(sizes.length, 12);
    assert(Math.max(...sizes.map(([, heap]) => heap)) > 2000);
    for (const [walk, heap] of sizes) assert(Math.abs(walk - heap) <= 0.1 * heap + 16, `${walk} and ${heap}`);
  },
});

Deno.test("layouts are those that the words come to", () => {
  assertEquals([0, -1, 2 ** 31 - 1, -(2 ** 31), true, null, undefined, "", "a"].map(bytes), Array(9).fill(0));
  assertEquals([2 ** 31, -0, 0.5, NaN, Infinity].map(bytes), Array(5).fill(16));
  assertEquals([0n, 1n, -1n, 2n ** 64n - 1n, 2n ** 64n, -(2n ** 64n)].map(bytes), [16, 24, 24, 24, 32, 32]);
  // Code units, not characters: an accented Latin letter takes one byte, an emoji two units of two bytes.
  assertEquals(["abcdefgh", "éééééééé", "ａ", "🙂"].map(bytes), [24, 24, 24, 24]);
  assertEquals([[], [1], [0.5], [1, "ab"], [, 0.5]].map(bytes), [32, 56, 56, 88, 64]);
  assertEquals([{}, { a: 1 }, { a: 0.5 }, { a: {} }].map(bytes), [56, 32, 48, 88]);
  assertEquals([4, 5, 8, 9].map((size) => bytes(new Set(Array(size).keys()))), [152, 232, 232, 392]);
});

Deno.test("what is held twice counts once: objects, buffers and equal texts, but not numbers", () => {
  const shared = { a: 1 }, buffer = new ArrayBuffer(1000);
  assertEquals(bytes([shared, shared]), 32 + 32 + 32);
  assertEquals(bytes([new Uint8Array(buffer), new Uint8Array(buffer, 8, 16)]), 32 + 32 + 2 * 104 + 96 + 1000);
  assertEquals(bytes(["some text", "some text"]), 32 + 32 + 32);
  assertEquals(bytes(["", 0.5, 0.5]), 32 + 40 + 32);
});

Deno.test("cycles and lists longer than the stack is deep are walked", () => {
  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;
  assertEquals(bytes(cycle), 32);
  let list: unknown = null;
  for (let i = 0; i < 200_000; i++) list = { next: list };
  assertEquals(bytes(list), 200_000 * 32);
});

Deno.test("getters are not called, and what cannot be seen is named", () => {
  let called = 0;
  const { guesses } = sizeOf({
    get trap() {
      return ++called;
    },
    call: () => called,
  });
  assertEquals(called, 0);
  assertEquals(guesses.sort(), ["getters and setters", "the variables that a function closes over"]);
  assertEquals(sizeOf(new URL("http://localhost/")).guesses.length, 1);
  assertEquals(sizeOf(new Map([[{ a: [1] }, new Date(0)]])).guesses, []);
  const sparse: number[] = [];
  sparse[2 ** 30] = 1;
  assertMatch(sizeOf(sparse).guesses.join(), /sparse/);
});

/** Not within the test, on whose stack the array would be seen. */
function closeOver(length: number): () => unknown[] {
  const own = new Array(length).fill("z");
  return () => own;
}

Deno.test("a snapshot counts what only the value keeps alive, closures included", async () => {
  const shared = new Array(1000).fill("x"), big = new Array(500).fill("y");
  const [holder, twice, closure, number] = await retainedSizes([
    [shared],
    [big.slice(), big.slice()],
    closeOver(500),
    1,
  ]);
  assertEquals(holder, 32 + 24);
  assertEquals(twice, 32 + 32 + 2 * (32 + 16 + 8 * 500));
  assert(closure > 4000 && closure < 4500, `${closure}`);
  assertEquals(number, 0);
  assertEquals(shared.length, 1000);
});

Deno.test("two snapshots at once do not take each other's values", async () => {
  const lengths = [100, 1000];
  const found = await Promise.all(lengths.map((length) => retainedSizes([new Float64Array(length)])));
  assertEquals(found, lengths.map((length) => [104 + 96 + 8 * length]));
  assertEquals(await retainedSizes([]), []);
});

Deno.test("without the flags the heap is not measured, nor for no copies", () => {
  assertThrows(() => bytesEach(() => 1, 0), RangeError, "copies: 0 must be a whole number from 1");
  assertThrows(() => bytesEach(() => 1), Error, "--expose-gc");
});

Deno.test("a value that does not exist is refused", async () => {
  await assertRejects(() => retainedSizes(undefined as unknown as unknown[]), TypeError);
});

Deno.test("each script takes one expression, and refuses what is none with code 2", async () => {
  for (const name of ["walking", "heap_difference", "snapshot"]) {
    const { run } = parseHeader(await Deno.readTextFile(new URL(`size_by_${name}.ts`, import.meta.url)));
    const given = await runScript(run, { cwd: root, more: ["[i,2,3]"] });
    assertEquals(given.code, 0, given.stderr);
    assertMatch(given.stdout, /72(\.0)? bytes/);
    for (const more of [["new", "Map"], ["]"], ["nobody.knows"]]) {
      const { code, stderr } = await runScript(run, { cwd: root, more });
      assertEquals(code, 2, `${name} ${more}: ${stderr}`);
      assertMatch(stderr, /^error: .+\n$/);
    }
  }
});
