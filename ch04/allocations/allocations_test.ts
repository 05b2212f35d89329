import { assert, assertEquals } from "@std/assert";
import { arrayBytes, nextCapacity, type Step } from "./array_allocation.ts";
import { mapBytes } from "./map_allocation.ts";
import { dictionaryBytes, dictionarySlots } from "./object_allocation.ts";
import { setBytes } from "./set_allocation.ts";

/** What a technique exports, run in a process whose heap nobody else uses. */
async function measure<T>(file: string, call: string, flags = "--single-threaded"): Promise<T> {
  const source = `import * as technique from ${JSON.stringify(import.meta.resolve(file))};
    console.log(JSON.stringify(technique.${call}));`;
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-config", "--no-lock", `--v8-flags=${flags}`, source],
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

Deno.test("a Map and a Set double from 4 entries on, to tables of the size that their words come to", async () => {
  const expected = [4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048];
  const maps = await measure<Step[]>("./map_allocation.ts", "mapSteps(4000)");
  assertEquals(maps, expected.map((size) => ({ size, bytes: mapBytes(2 * size) })));
  const sets = await measure<Step[]>("./set_allocation.ts", "setSteps(4000)");
  assertEquals(sets, expected.map((size) => ({ size, bytes: setBytes(2 * size) })));
});

Deno.test("an array grows by half and 16", async () => {
  const steps = await measure<Step[]>("./array_allocation.ts", "arraySteps(2000)");
  assertEquals(steps.map(({ size }) => size), [0, 17, 43, 82, 140, 227, 358, 554, 848, 1289, 1951]);
  for (const { size, bytes } of steps) assertEquals(bytes, arrayBytes(nextCapacity(size)));
});

Deno.test("an object becomes a dictionary at its twentieth property, one without a prototype is one from the start", async () => {
  const steps = await measure<Step[]>("./object_allocation.ts", "objectSteps(1000)");
  const large = steps.filter(({ size }) => size >= 19);
  assertEquals(large.map(({ size }) => size), [19, 21, 43, 85, 171, 341, 683]);
  for (const { size, bytes } of large) assertEquals(bytes, dictionaryBytes(dictionarySlots(size + 1)));
  const bare = await measure<Step[]>("./object_allocation.ts", "objectSteps(1000, () => Object.create(null))");
  assertEquals(bare.slice(-6), large.slice(-6));
});

Deno.test("a table's formula gives what was counted by hand for the smallest", () => {
  // Map of 4: header 2 words, counts 3, buckets 2, entries 4 * 3. Set: entries 4 * 2.
  assertEquals(mapBytes(4), 8 * (2 + 3 + 2 + 12));
  assertEquals(setBytes(4), 8 * (2 + 3 + 2 + 8));
  assertEquals(arrayBytes(17), 8 * (2 + 17));
  assertEquals([1, 2, 3, 20, 22, 43, 44].map(dictionarySlots), [1, 4, 4, 32, 64, 64, 128]);
});

Deno.test("nothing that is added makes no steps", async () => {
  assertEquals(await measure<Step[]>("./map_allocation.ts", "mapSteps(0)"), []);
  assertEquals(await measure<Step[]>("./set_allocation.ts", "setSteps(4)"), []);
});

Deno.test("bytes an entry are those of the formulas, and without the collector a line says what is needed", async () => {
  const bytes = await measure<Record<string, number[]>>(
    "../overhead.ts",
    "measureAll()",
    "--single-threaded,--expose-gc",
  );
  for (const [i, capacity] of [4096, 8192].entries()) {
    const size = 4096 + i;
    assert(Math.abs(bytes["Map, integers"][i] - mapBytes(capacity) / size) < 0.1);
    assert(Math.abs(bytes["Set of integers"][i] - setBytes(capacity) / size) < 0.1);
  }
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-config", "--no-lock", new URL("../overhead.ts", import.meta.url).href],
  }).output();
  assertEquals(code, 1);
  assert(new TextDecoder().decode(stderr).includes("run this with --v8-flags=--single-threaded,--expose-gc"));
});
