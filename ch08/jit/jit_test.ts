import { assert, assertEquals, assertMatch, assertNotEquals, assertRejects } from "@std/assert";
import { hasCommand } from "../../bench/lib/command.ts";
import { parseHeader, runScript } from "../../bench/lib/script.ts";
import { annotatedSource, pairs as unseenPairs, withoutTypes } from "./annotations.ts";
import { cases, deoptimise, findReason } from "./deoptimisation.ts";
import { compileAndRun } from "./jit_or_aot.ts";
import { freshCopy, makeKinds, makeShapes, shapeCounts, sumX } from "./shapes.ts";
import { median, startUp } from "./start_up.ts";
import { coordinates, juliaRow, runTier, type Tier, tiers } from "./tiers.ts";
import { pairs as hintPairs } from "./type_hints.ts";
import { juliaPoints, warmUp } from "./warm_up.ts";

const root = new URL("../../", import.meta.url);
const ignore = !await hasCommand("deno");

/** Iterations until |z| reaches 2, on objects and with a square root, as a textbook writes it. */
function escapeTime(re: number, im: number): number {
  let z = { re, im }, n = 0;
  for (; n < 300 && Math.hypot(z.re, z.im) < 2; n++) {
    const square = { re: z.re * z.re - z.im * z.im, im: z.re * z.im + z.im * z.re };
    z = { re: square.re - 0.62772, im: square.im - 0.42193 };
  }
  return n;
}

/** The sum over an image, from the textbook's. */
function imageSum(width: number): number {
  let sum = 0;
  for (let y = 1.8; y > -1.8; y -= 3.6 / width) for (let x = -1.8; x < 1.8; x += 3.6 / width) sum += escapeTime(x, y);
  return sum;
}

Deno.test("a row of the Julia set agrees with the textbook's iteration, point by point", () => {
  const xs = coordinates(40, -1.8);
  for (const y of [-1.5, 0, 0.3, 1.799]) {
    const counts = new Int32Array(xs.length + 2).fill(-1);
    juliaRow(xs, y, counts, 1);
    assertEquals([...counts], [-1, ...[...xs].map((x) => escapeTime(x, y)), -1]);
  }
});

Deno.test("1000 x 1000 points sum to the book's 33219980", () => {
  const xs = coordinates(1000, -1.8), ys = coordinates(1000, 1.8), counts = new Int32Array(xs.length * ys.length);
  ys.forEach((y, row) => juliaRow(xs, y, counts, row * xs.length));
  assertEquals(counts.reduce((sum, n) => sum + n), 33219980);
});

Deno.test("coordinates go from the start to just before its opposite", () => {
  assertEquals([...coordinates(4, -2)], [-2, -1, 0, 1]);
  assertEquals([...coordinates(4, 2)], [2, 1, 0, -1]);
});

Deno.test({
  name: "each tier runs where its flags hold V8 back, and all come to the same sum",
  ignore,
  async fn() {
    const width = 60, expected = imageSum(width);
    for (const tier of Object.keys(tiers) as Tier[]) {
      const { active, seconds, sum } = await runTier(tier, width, 3);
      assertEquals(active, [tier, tier]);
      assert(seconds.length >= 3);
      assertEquals(sum, expected);
    }
  },
});

Deno.test({
  name: "a function warms up from the interpreter to TurboFan, never back below where it began",
  ignore,
  async fn() {
    const { seconds, changes, sum } = await warmUp(30_000);
    assert(seconds.length >= 30_000);
    assert(seconds.every((time) => time >= 0 && time < 10));
    assertEquals(changes[0], { tier: "Ignition", call: 0 });
    assertEquals(changes.at(-1)!.tier, "Turbofan");
    for (let i = 1; i < changes.length; i++) assert(changes[i].call > changes[i - 1].call);
    assertEquals(sum, [-0.1, 0, 0.1].reduce((sum, x) => sum + escapeTime(x, 0.3), 0));
    assertEquals(sum, juliaPoints());
  },
});

Deno.test({
  name: "every unusual input throws a function out of TurboFan, for a reason, and it comes back with the right results",
  ignore,
  async fn() {
    const triangle = 999 * 1000 / 2;
    const expected: Record<string, [unknown, unknown]> = {
      fraction: [3000, 3500],
      overflow: [3000, 5e9],
      text: [3000, "0" + "3".repeat(1000)],
      shape: [triangle, triangle],
      hole: [triangle, triangle - 500],
      past_the_end: [500, 499.5],
      new_branch: [triangle, triangle - 500 - 2],
    };
    const found = await deoptimise();
    assertEquals(Object.keys(found), Object.keys(cases));
    for (const [name, { reason, tiers, results, before, lost }] of Object.entries(found)) {
      assert(reason, `${name}: V8 reported no deoptimisation`);
      assertEquals([tiers[0], tiers[2]], ["Turbofan", "Turbofan"], name);
      assertNotEquals(tiers[1], "Turbofan", name);
      assertEquals(results, expected[name], name);
      assert(before > 0 && lost > 0);
    }
  },
});

Deno.test("of V8's report the last line about TurboFan's code of that very function counts", () => {
  const line = (reason: string, name: string, code: string) =>
    `[bailout (kind: deopt-eager, reason: ${reason}): begin. deoptimizing 0x1f <JSFunction ${name} (sfi = 0x2a)>, ` +
    `0x0c <Code ${code}>, opt id 3, bytecode offset 23, deopt exit 3]\n`;
  const trace = line("wrong map", "total", "TURBOFAN_JS") + line("not a Smi", "total", "TURBOFAN_JS") +
    line("prepare for on stack replacement (OSR)", "total", "MAGLEV") + line("overflow", "totalOfX", "TURBOFAN_JS");
  assertEquals(findReason(trace, "total"), "not a Smi");
  assertEquals(findReason(trace, "totalOfX"), "overflow");
  assertEquals(findReason(trace, "tot"), undefined);
  assertEquals(findReason("", "total"), undefined);
});

Deno.test({
  name: "objects have as many shapes as they should, by V8's own comparison, and eight kinds have one",
  ignore,
  async fn() {
    const program = `
      import { makeKinds, makeShapes } from ${JSON.stringify(import.meta.resolve("./shapes.ts"))};
      const same = new Function("a", "b", "return %HaveSameMap(a, b)");
      const count = (objects) => objects.filter((one, i) => !objects.slice(0, i).some((other) => same(one, other))).length;
      const counts = ${JSON.stringify(shapeCounts)}.map((shapes) => count(makeShapes(100, shapes)));
      console.log(JSON.stringify([...counts, count(makeKinds(100, 8))]));`;
    const args = ["eval", "--no-config", "--no-lock", "--v8-flags=--allow-natives-syntax", program];
    const { stdout } = await new Deno.Command("deno", { args, stderr: "inherit" }).output();
    assertEquals(JSON.parse(new TextDecoder().decode(stdout)), [...shapeCounts, 1]);
  },
});

Deno.test("objects of any shape sum to the same, also by a copy of the function", () => {
  const copy = freshCopy(sumX);
  assert(copy !== sumX && copy !== freshCopy(sumX));
  for (const objects of [makeShapes(100, 1), makeShapes(100, 8), makeKinds(100, 8)]) {
    assertEquals(sumX(objects), 4950);
    assertEquals(copy(objects), 4950);
  }
  assertEquals(sumX([]), 0);
});

Deno.test("annotations are gone from what V8 is given: source and compiled functions are the same characters", () => {
  const plain =
    `function total(points) { let sum = 0; for (let i = 0; i < points.length; i++) sum += points[i].x; return sum; }`;
  const bare = (code: string) => code.replaceAll(/\s/g, "");
  assertEquals(bare(withoutTypes(annotatedSource)), bare(plain));
  const { plain: without, hinted } = unseenPairs.annotations(3);
  assertEquals(`${without}`, `${hinted}`);
});

Deno.test("both loops of every pair come to the same number, however long", () => {
  for (const [name, make] of Object.entries({ ...unseenPairs, ...hintPairs })) {
    for (const count of [1, 2, 7, 1000, 4097]) {
      const { plain, hinted } = make(count);
      assertEquals(plain(), hinted(), `${name}, ${count}`);
    }
  }
});

Deno.test("32-bit sum and hash agree with exact arithmetic in BigInt", () => {
  for (const count of [1, 9, 1000]) {
    let sum = 0n, hash = 0x811c9dc5n;
    for (let i = 0n; i < count; i++) {
      sum += BigInt.asUintN(32, i * 0x9e3779b1n);
      hash = BigInt.asUintN(32, (hash ^ (i * 197n & 255n)) * 0x01000193n);
    }
    assertEquals(hintPairs.integer(count).hinted(), Number(BigInt.asUintN(32, sum)));
    assertEquals(hintPairs.imul(count).hinted(), Number(hash));
  }
});

Deno.test("the median is the middle of the sorted numbers, and NaN of none", () => {
  assertEquals(median([5, 100, 9]), 9);
  assertEquals(median([]), NaN);
});

Deno.test({
  name: "starting up is measured as often as asked for, and leaves nothing behind",
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      const { seconds, bundleFailed } = await startUp({ folder, runs: 1 });
      const names = ["nothing", "import, not cached", "import, code cache", "import(), not reached"];
      const bundle = ["bundle, not cached", "bundle, not lazy", "bundle, code cache"];
      assertEquals(Object.keys(seconds), bundleFailed ? names : [...names, ...bundle]);
      for (const times of Object.values(seconds)) assert(times.length === 1 && times[0] > 0);
      assertEquals([...Deno.readDirSync(folder)], []);
    }),
});

Deno.test({
  name: "every way of compiling comes to the textbook's sums, and leaves nothing behind",
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      const found = await compileAndRun([{ width: 30, images: 1 }, { width: 50, images: 3 }], folder);
      assertEquals(Object.keys(found).length, await hasCommand("cc") ? 5 : 4);
      for (const [name, { build, runs }] of Object.entries(found)) {
        assert(build > 0);
        assertEquals(runs.map(({ sum }) => sum), [imageSum(30), imageSum(50)], name);
        assertEquals(runs.map(({ images }) => images.length), [1, 3], name);
        for (const { process, images } of runs) assert(process > images.reduce((sum, time) => sum + time), name);
      }
      assertEquals(found["Wasm, Liftoff"].runs.map(({ tier }) => tier), ["Liftoff", "Liftoff"]);
      assertEquals(found["Wasm, TurboFan"].runs.map(({ tier }) => tier), ["TurboFan", "TurboFan"]);
      assertEquals([...Deno.readDirSync(folder)], []);
    }),
});

Deno.test("where the folder for temporary files is missing, that is the error", async () => {
  await assertRejects(() => startUp({ folder: "no such folder" }), Deno.errors.NotFound);
  await assertRejects(() => compileAndRun([], "no such folder"), Deno.errors.NotFound);
});

Deno.test({
  name: "Ctrl-C ends what runs and leaves nothing behind",
  ignore: ignore || Deno.build.os === "windows",
  fn: () =>
    inFolder(async (folder) => {
      const script = new URL("start_up.ts", import.meta.url);
      const [, , ...flags] = parseHeader(await Deno.readTextFile(script)).run.split(" ").slice(0, -1);
      const args = ["run", "--no-prompt", "--no-config", ...flags, script.href];
      const options = { args, cwd: folder, stdin: "null", stdout: "null", stderr: "null" } as const;
      const child = new Deno.Command(Deno.execPath(), options).spawn();
      const temporary = () => [...Deno.readDirSync(folder)].filter(({ isDirectory }) => isDirectory);
      while (temporary().length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
      // A child is running by then, or is about to.
      await new Promise((resolve) => setTimeout(resolve, 300));
      child.kill("SIGINT");
      assertEquals((await child.status).code, 130);
      assertEquals(temporary(), []);
    }),
});

Deno.test("without deno on the PATH the scripts that need it end with code 2 and say how to get it", () =>
  inFolder(async (folder) => {
    for (const name of ["tiers", "warm_up", "deoptimisation", "start_up", "jit_or_aot"]) {
      const { run } = parseHeader(await Deno.readTextFile(new URL(`${name}.ts`, import.meta.url)));
      const { code, stderr } = await runScript(run, { cwd: root, env: { PATH: folder } });
      assertEquals(code, 2, `${name}: ${stderr}`);
      assertMatch(stderr, /^error: there is no deno on the PATH to .*; install it: npm install -g deno\n$/m);
    }
  }));

Deno.test("without deno on the PATH the compare names it, does the rest and passes", () =>
  inFolder(async (folder) => {
    const { run } = parseHeader(await Deno.readTextFile(new URL("compare_types.ts", import.meta.url)));
    const more = ["--only=deoptimisation,shapes"];
    const { code, stdout, stderr } = await runScript(run, { cwd: root, more, env: { PATH: folder } });
    assertEquals(code, 0, stderr);
    assertMatch(stdout, /missing: deno on the PATH; npm install -g deno/);
    assertMatch(stdout, /8 kinds of one shape/);
  }));

Deno.test("the compare refuses sections and flags that it does not have", async () => {
  const { run } = parseHeader(await Deno.readTextFile(new URL("compare_types.ts", import.meta.url)));
  const refused: [string, RegExp][] = [
    ["--only=shape", /^error: --only shape: must be one of deoptimisation, shapes, annotations\n$/],
    ["--size=10", /^error: --size=10 is not a flag of this script/],
  ];
  for (const [flag, message] of refused) {
    const { code, stdout, stderr } = await runScript(run, { cwd: root, more: [flag] });
    assertEquals(code, 2, stderr);
    assertMatch(stderr, message);
    assertEquals(stdout, "");
  }
});

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
