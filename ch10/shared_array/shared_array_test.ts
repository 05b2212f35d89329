import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { parseHeader, runScript } from "../../bench/lib/script.ts";
import { demonstrate } from "./copy_pitfalls.ts";
import { experiment as sending, ways } from "./copy_transfer_share.ts";
import * as randomRows from "./random_rows.ts";
import * as sharedRows from "./shared_rows.ts";

const root = new URL("../../", import.meta.url);

Deno.test("every number is marked once a pass, by whom the workers say, also with more workers than rows", async () => {
  for (const [rows, columns, workers] of [[1, 1, 1], [7, 3, 2], [100, 11, 3], [2, 5, 4], [1000, 17, 8]]) {
    const { array, run, close } = await sharedRows.experiment({ rows, columns, workers });
    try {
      for (let pass = 0; pass < 3; pass++) {
        const says = await run();
        // The oracle: every number by itself, in the plainest way.
        const found = new Map<number, number>();
        for (const mark of array) found.set(mark, (found.get(mark) ?? 0) + 1);
        assertEquals(sharedRows.tally(array), found);
        const marked = [...says].filter(([, rows]) => rows > 0);
        assertEquals(found.size, marked.length);
        for (const [mark, rows] of marked) assertEquals(found.get(mark), rows * columns);
        assertEquals([...says.keys()], Array.from({ length: workers }, (_, i) => pass * workers + 1 + i));
        for (let row = 0; row < rows; row++) {
          assert(array.subarray(row * columns, (row + 1) * columns).every((mark) => mark === array[row * columns]));
        }
      }
    } finally {
      await close();
    }
  }
});

Deno.test("a row that has a mark of this pass already is an error, which names it and ends all workers", async () => {
  const { array, run } = await sharedRows.experiment({ rows: 10, columns: 4, workers: 2 });
  array[3 * 4] = 99;
  await assertRejects(run, Error, "row 3 has been marked with 99 already");
});

Deno.test("an array that does not fit is refused before a worker is started", async () => {
  await assertRejects(() => sharedRows.experiment({ rows: 2 ** 30, columns: 2 ** 20, workers: 2 }), RangeError);
});

Deno.test("sharing does not double the memory, a copy does", async () => {
  const source = `
    import { experiment } from ${JSON.stringify(import.meta.resolve("./shared_rows.ts"))};
    import * as message from ${JSON.stringify(import.meta.resolve("./copy_transfer_share.ts"))};
    const rss = () => Deno.memoryUsage().rss, before = rss();
    const { array, run, close } = await experiment({ rows: 1000, columns: 16_000, workers: 4 });
    await run();
    const shared = (rss() - before) / array.byteLength;
    await close();
    const between = rss(), copy = await message.experiment(array.byteLength, "copy");
    await copy.run();
    const copied = (rss() - between) / array.byteLength;
    await copy.close();
    console.log(JSON.stringify({ shared, copied }));
  `;
  // In a process of its own, as other tests take memory too.
  const { success, stdout } = await new Deno.Command(Deno.execPath(), { args: ["eval", source], cwd: root }).output();
  assert(success);
  const { shared, copied } = JSON.parse(new TextDecoder().decode(stdout));
  assert(shared > 0.9 && shared < 1.7, `shared by four: ${shared} times the array`);
  assert(copied > 1.8, `copied for one: ${copied} times the array`);
});

Deno.test("the generator steps as xoshiro128++ does, reckoned in BigInt", () => {
  const mask = 0xffffffffn, rotate = (x: bigint, by: bigint) => (x << by | x >> (32n - by)) & mask;
  const s = [1n, 2n, 0xfedcba98n, 0x80000001n], state = Int32Array.from(s, Number);
  for (let i = 0; i < 1000; i++) {
    const expected = rotate((s[0] + s[3]) & mask, 7n) + s[0] & mask, t = s[1] << 9n & mask;
    s[2] ^= s[0], s[3] ^= s[1], s[1] ^= s[2], s[0] ^= s[3], s[2] ^= t, s[3] = rotate(s[3], 11n);
    assertEquals(randomRows.next(state) >>> 0, Number(expected));
    assertEquals([...state].map((word) => word >>> 0), s.map(Number));
  }
});

Deno.test("a jump goes 2 ** 64 steps ahead: the step's matrix over GF(2), squared 64 times, says the same", () => {
  const pack = (state: Int32Array) => state.reduceRight((all, word) => all << 32n | BigInt(word >>> 0), 0n);
  // Column i is what a step makes of bit i alone.
  let columns = Array.from({ length: 128 }, (_, i) => {
    const state = new Int32Array(4);
    state[i >> 5] = 1 << (i & 31);
    randomRows.next(state);
    return pack(state);
  });
  const times = (vector: bigint) => {
    let sum = 0n;
    for (let i = 0; i < 128; i++) if (vector >> BigInt(i) & 1n) sum ^= columns[i];
    return sum;
  };
  for (let i = 0; i < 64; i++) columns = columns.map(times);
  for (const words of [[1, 0, 0, 0], [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [-1, -2, -3, -4]]) {
    const state = Int32Array.from(words), expected = times(pack(state));
    randomRows.jump(state);
    assertEquals(pack(state), expected);
  }
});

Deno.test("the random rows are the same for any number of workers, uniform, and all different", async () => {
  const rows = 101, columns = 1000;
  let reference: Float64Array | undefined;
  for (const workers of [1, 2, 3, 7]) {
    const { array, run, close } = await randomRows.experiment({ rows, columns, workers });
    await run();
    const first = array.slice();
    // A second run gives the same.
    await run();
    await close();
    assertEquals(array.every((x, i) => x === first[i]), true);
    reference ??= first;
    assertEquals(array.every((x, i) => x === reference![i]), true, `${workers} workers`);
    assertEquals(randomRows.distinctRows(array, columns), rows);
  }
  // Chi-square over 20 classes with 19 degrees of freedom: above 43.8 once in a thousand. The seed is fixed.
  const classes = new Array(20).fill(0);
  for (const x of reference!) classes[Math.floor(20 * x)]++;
  const expected = rows * columns / 20;
  const chi = classes.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  assert(chi < 43.8, `chi-square ${chi}`);
});

Deno.test("with the same seed in n workers one row in n is new, rounded up", async () => {
  for (const [rows, workers, expected] of [[10, 1, 10], [10, 2, 5], [10, 3, 4], [3, 5, 1]]) {
    const { array, run, close } = await randomRows.experiment({ rows, columns: 20, workers, seeding: "same" });
    await run();
    await close();
    assertEquals(randomRows.distinctRows(array, 20), expected);
  }
});

Deno.test("what is copied stays as it is here, what is transferred or shared has changed", async () => {
  for (const way of ways) {
    for (const bytes of [8, 1024, 2 ** 20]) {
      const { run, first, close } = await sending(bytes, way);
      const there = [await run(), await run(), await run()];
      await close();
      assertEquals(there, way === "copy" ? [2, 2, 2] : [2, 3, 4]);
      assertEquals(first(), way === "copy" ? 1 : 4);
    }
  }
});

Deno.test("each of the surprises is one", async () => {
  const sentences = await demonstrate();
  assertEquals(sentences.length, 6);
  for (const [sentence, holds] of sentences) assert(holds, sentence);
});

Deno.test("what is no number of workers, megabytes or way of seeding is refused with one line and code 2", async () => {
  const workers = ["0", "-1", "1000", "two", "1.5"].map((value) => ["--workers", value, "a whole number from 1 to 64"]);
  const bad: Record<string, string[][]> = {
    shared_rows: [...workers, ["--megabytes", "0", "a whole number from 1 to 32000"]],
    random_rows: [...workers, ["--seeding", "none", "streams or same"]],
  };
  for (const [name, cases] of Object.entries(bad)) {
    const { run } = parseHeader(await Deno.readTextFile(new URL(`${name}.ts`, import.meta.url)));
    await Promise.all(cases.map(async ([flag, value, allowed]) => {
      const { code, stdout, stderr } = await runScript(run, { cwd: root, more: [`${flag}=${value}`] });
      assertEquals({ code, stdout, stderr }, {
        code: 2,
        stdout: "",
        stderr: `error: ${flag} ${value}: must be ${allowed}\n`,
      });
    }));
  }
});

Deno.test({
  name: "Ctrl-C ends a script and its workers",
  ignore: Deno.build.os === "windows",
  async fn() {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", "--allow-read", "ch10/shared_array/shared_rows.ts", "--megabytes=1500"],
      cwd: root,
      stdout: "null",
    }).spawn();
    await new Promise((later) => setTimeout(later, 300));
    child.kill("SIGINT");
    assertEquals((await child.status).signal, "SIGINT");
  },
});

Deno.test("tally counts runs of the same number, none of an empty array, and refuses NaN", () => {
  assertEquals(sharedRows.tally(new Float64Array(0)), new Map());
  assertEquals(sharedRows.tally(Float64Array.of(1, 1, 2, 1)), new Map([[1, 3], [2, 1]]));
  assertThrows(() => sharedRows.tally(Float64Array.of(1, NaN)), RangeError, "NaN");
});
