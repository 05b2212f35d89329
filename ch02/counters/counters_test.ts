import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { hasCommand } from "../../bench/lib/command.ts";
import { parseHeader, runScript } from "../../bench/lib/script.ts";
import { parseSummary } from "./cachegrind.ts";
import { beyond, countEvents, format, parseCounts } from "./hardware_counters.ts";

const noPerf = !await hasCommand("perf"), noValgrind = !(await hasCommand("valgrind") && await hasCommand("deno"));

/** The command line of a tool, with the tool's path in full, so that it runs in any folder. */
async function commandOf(name: string): Promise<string> {
  const { run } = parseHeader(await Deno.readTextFile(new URL(name, import.meta.url)));
  return run.replace(`ch02/counters/${name}`, import.meta.resolve(`./${name}`));
}

const perf = await commandOf("hardware_counters.ts"), cachegrind = await commandOf("cachegrind.ts");

const lines = [
  "out of the script, 1,2,3",
  ["26.15", "msec", "task-clock", "3.40%", "26146516", "100.00", "0.171", "CPUs utilized"].join("\x1e"),
  ["2000", "", "instructions:u", "0.10%", "26146516", "100.00", "", ""].join("\x1e"),
  ["1000", "", "cycles", "0.20%", "26146516", "100.00", "", ""].join("\x1e"),
  ["<not supported>", "", "branch-misses", "0.00%", "0", "100.00", "", ""].join("\x1e"),
  ["<not counted>", "", "cache-misses", "0.00%", "0", "100.00", "", ""].join("\x1e"),
];

Deno.test("what perf wrote is read: counts, deviations, and what it does not count", () => {
  const { counts, deviations } = parseCounts(lines);
  assertEquals([...counts], [
    ["task-clock", 26.15],
    ["instructions", 2000],
    ["cycles", 1000],
    ["branch-misses", null],
    ["cache-misses", null],
  ]);
  assertEquals(deviations.get("instructions"), 0.001);
  assertEquals(parseCounts(["100\x1e\x1epage-faults\x1e26146516\x1e100.00"]).deviations.size, 0);
});

Deno.test("the start of the runtime is subtracted, also from the instructions for each cycle", () => {
  const all = new Map([["instructions", 2000], ["cycles", 1000]]),
    start = new Map([["instructions", 500], ["cycles", 400]]);
  assertEquals(beyond(all, start, "instructions"), 1500);
  assertEquals(beyond(all, start, "branches"), null);
  const rest = { code: 0, deviations: new Map() };
  assertMatch(format({ ...rest, counts: all }, { ...rest, counts: start }), /^instructions for each cycle: 2\.50$/m);
});

Deno.test("what is not supported is named, and where to turn", () => {
  const counted = { code: 0, ...parseCounts(lines) };
  assertMatch(
    format(counted, counted),
    /^perf says «not supported» of branch-misses, cache-misses: .*cachegrind\.ts\.$/m,
  );
});

Deno.test({
  name: "the system's counts come also where the processor's do not: pages that were touched",
  ignore: noPerf,
  fn: () =>
    inFolder(async (folder) => {
      await Deno.writeTextFile(
        `${folder}/touch.ts`,
        "const a = new Uint8Array(Number(Deno.args[0])); for (let i = 0; i < a.length; i += 4096) a[i] = 1;",
      );
      const counts = await Promise.all([2 ** 22, 2 ** 27].map(async (bytes) =>
        (await countEvents(`${folder}/touch.ts`, { args: [`${bytes}`], repeat: 2 })).counts
      ));
      const faults = beyond(counts[1], counts[0], "page-faults")!;
      assert(faults >= (2 ** 27 - 2 ** 22) / 2 ** 21, `${faults} faults`);
      assert(counts[0].get("task-clock")! > 0);
    }),
});

Deno.test({
  name: "under perf what the script does passes through: arguments, output, exit code",
  ignore: noPerf,
  fn: () =>
    inFolder(async (folder) => {
      const script = "console.log(...Deno.args); console.error('err'); Deno.exit(Deno.env.get('HOME') === '' ? 1 : 7);";
      await Deno.writeTextFile(`${folder}/script.ts`, script);
      const more = ["--repeat=2", "--allow-env=HOME", "script.ts", "--repeat=x", "--help"];
      const { code, stdout, stderr } = await runScript(perf, { cwd: folder, more });
      assertEquals([code, stdout], [7, "--repeat=x --help\n".repeat(2)], stderr);
      assert(stderr.startsWith("err\nerr\n\n"), stderr);
      assertMatch(stderr, /^page faults +[\d,]+ +\d+\.\d% +[\d,]+ +-?[\d,]+$/m);
      assertEquals([...Deno.readDirSync(folder)].length, 1);
    }),
});

const summary = `==4711== Cachegrind, a cache and branch-prediction profiler
--4711-- warning: L3 cache found, using its data for the LL simulation.
==4711== I   refs:      172,257,311
==4711== I1  misses:        200,348
==4711== D   refs:       55,301,927  (34,889,505 rd   + 20,412,422 wr)
==4711== D1  misses:        667,732  (   344,551 rd   +    323,181 wr)
==4711== LLd misses:            512  (         0 rd   +        512 wr)
==4711== LL refs:           868,080  (   544,899 rd   +    323,181 wr)
==4711== Branches:        7,281,614  ( 6,928,457 cond +    353,157 ind)
==4711== Mispredicts:       371,543  (   193,069 cond +    178,474 ind)
`;

Deno.test("the summary of cachegrind is read, and one that lacks a line is refused", () => {
  assertEquals(parseSummary(summary), {
    instructions: 172_257_311,
    accesses: 55_301_927,
    d1Misses: 667_732,
    llMisses: 512,
    branches: 7_281_614,
    mispredicted: 371_543,
  });
  assertThrows(() => parseSummary(summary.replace("Mispredicts", "")), Error, "printed no line «Mispredicts»");
});

Deno.test({
  name: "under cachegrind a script's own instructions are counted, and what it does passes through",
  ignore: noValgrind,
  fn: () =>
    inFolder(async (folder) => {
      const script = `let sum = 0; for (let i = 0; i < 3_000_000; i++) sum += i & 3;
        console.log(sum, ...Deno.args); console.error("err"); Deno.exit(7);`;
      await Deno.writeTextFile(`${folder}/script.ts`, script);
      const more = ["script.ts", "--D1=x"];
      const { code, stdout, stderr } = await runScript(cachegrind, { cwd: folder, more });
      assertEquals([code, stdout], [7, "4500000 --D1=x\n"], stderr);
      assert(stderr.startsWith("err\n\n"), stderr);
      const [all, start, own] = stderr.match(/^instructions.*$/m)![0].match(/[\d,]+/g)!
        .map((text) => Number(text.replaceAll(",", "")));
      assertEquals(all - start, own);
      // At least an addition, a step of the index and a comparison each, and no more than an interpreter takes.
      assert(own > 3 * 3_000_000 && own < 100 * 3_000_000, `${own}`);
      assertEquals([...Deno.readDirSync(folder)].length, 1);
    }),
});

Deno.test("bad input is refused with one line at the end and exit code 2", () =>
  inFolder(async (folder) => {
    const cases: [string, string[], string, boolean][] = [
      [perf, ["--repeat=0", "x.ts"], "error: --repeat=0: --repeat takes a whole number from 1 to 999", false],
      [perf, ["--repeat", "x.ts"], "error: --repeat: --repeat takes a whole number", false],
      [perf, ["--fast"], "error: --fast: no flag of this script", false],
      [cachegrind, ["--D1=40000,8,64", "x.ts"], "error: --D1=40000,8,64: must be BYTES,WAYS,LINE", false],
      [cachegrind, ["--LL=", "x.ts"], "error: --LL=: must be BYTES,WAYS,LINE", false],
      [cachegrind, ["no_such_script.ts"], "error: no_such_script.ts is no script", noValgrind],
      [cachegrind, ["--fast"], "error: --fast: needs a SCRIPT", false],
    ];
    for (const [command, more, message, skipped] of cases) {
      if (skipped) continue;
      const { code, stdout, stderr } = await runScript(command, { cwd: folder, more });
      assertEquals([code, stdout], [2, ""], stderr);
      assert(stderr.trimEnd().split("\n").at(-1)!.startsWith(message), stderr);
    }
  }));

Deno.test("without perf or valgrind the package that brings it is named, with exit code 2", () =>
  inFolder(async (folder) => {
    for (const [command, packages] of [[perf, "linux-perf"], [cachegrind, "valgrind"]]) {
      const { code, stderr } = await runScript(command, { cwd: folder, env: { PATH: folder } });
      assertEquals(code, 2, stderr);
      assertMatch(stderr, new RegExp(`^error: .*apt-get install ${packages}.*\\n$`, "m"));
    }
  }));

Deno.test("without perf and valgrind the compare names both and passes", async () => {
  const { run } = parseHeader(await Deno.readTextFile(new URL("compare.ts", import.meta.url)));
  await inFolder(async (folder) => {
    const { code, stdout, stderr } = await runScript(run, {
      cwd: new URL("../../", import.meta.url),
      env: { PATH: folder },
    });
    assertEquals(code, 0, stderr);
    assertMatch(stdout, /missing: perf; apt-get install linux-perf/);
    assertMatch(stdout, /missing: valgrind; apt-get install valgrind/);
  });
});

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
