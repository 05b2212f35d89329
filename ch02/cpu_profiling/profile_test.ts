import { assert, assertAlmostEquals, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { hasCommand } from "../../bench/lib/command.ts";
import { parseHeader, runScript } from "../../bench/lib/script.ts";
import * as flame from "./flame_graph.ts";
import * as diff from "./profile_diff.ts";
import { formatTable, functionTimes, neighbours, parseProfile, profileScript } from "./profile_table.ts";

const root = new URL("../../", import.meta.url);
const ignore = !await hasCommand("deno");
const tools = ["profile_table.ts", "flame_graph.ts", "profile_diff.ts"];

/** The `@run` of a script of this folder, which may also read and write another one. */
async function commandOf(script: string, folder: string): Promise<string> {
  const { run } = parseHeader(await Deno.readTextFile(new URL(script, import.meta.url)));
  return run.replace("--allow-read=.", `--allow-read=.,${folder}`).replace(
    "--allow-write=.",
    `--allow-write=.,${folder}`,
  );
}

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const temporaries = () => [...Deno.readDirSync(root)].filter(({ name }) => name.startsWith(".cpu_profile_"));

/** A profile written by hand: each stack, from main to its top, with the milliseconds for which it was seen. */
function handMade(stacks: [string[], number][], url = "file:///project/a.ts"): flame.Profile & { nodes: Node[] } {
  const frame = (functionName: string) => {
    const own = /^\w/.test(functionName);
    return { functionName, scriptId: "1", url: own ? url : "", lineNumber: own ? 9 : -1, columnNumber: own ? 0 : -1 };
  };
  const nodes: Node[] = [{ id: 1, callFrame: frame("(root)"), children: [] }];
  const samples = stacks.map(([stack]) => {
    let node = nodes[0];
    for (const name of stack) {
      let child = node.children.map((id) => nodes[id - 1]).find(({ callFrame }) => callFrame.functionName === name);
      if (!child) {
        child = { id: nodes.length + 1, callFrame: frame(name), children: [] };
        nodes.push(child);
        node.children.push(child.id);
      }
      node = child;
    }
    return node.id;
  });
  const startTime = 5_000_000, times = stacks.map(([, milliseconds]) => 1000 * milliseconds);
  // The time of a sample lies after it, and the first is taken at the start.
  const timeDeltas = [0, ...times.slice(0, -1)];
  return { nodes, samples, timeDeltas, startTime, endTime: startTime + times.reduce((sum, time) => sum + time, 0) };
}

interface Node {
  id: number;
  callFrame: { functionName: string; scriptId: string; url: string; lineNumber: number; columnNumber: number };
  children: number[];
}

const recursive = handMade([
  [["main"], 10],
  [["main", "f"], 20],
  [["main", "f", "g", "f"], 30],
  [["main", "f", "g", "f", "h"], 40],
  [["main", "g"], 50],
  [["(garbage collector)"], 6],
  [["main", "f"], 4],
]);

Deno.test("self and total times of a profile written by hand are exact, also under recursion", () => {
  const times = Object.fromEntries(
    functionTimes(recursive).map((one) => [one.name, [one.self, one.total, one.samples]]),
  );
  assertEquals(times, {
    "(root)": [0, 160, 7],
    main: [10, 154, 6],
    f: [54, 94, 4],
    g: [50, 120, 3],
    h: [40, 40, 1],
    "(garbage collector)": [6, 6, 1],
  });
  assertEquals(functionTimes(recursive).find(({ name }) => name === "f")!.place, "a.ts:10");
});

Deno.test("callers add up to the total time, callees and self time as well", () => {
  const { self, total, callers, callees } = neighbours(recursive, "f")!;
  assertEquals([self, total], [54, 94]);
  assertEquals([...callers], [["main a.ts:10", 94]]);
  assertEquals([...callees], [["h a.ts:10", 40]]);
  assertEquals([...neighbours(recursive, "g")!.callers], [["f a.ts:10", 70], ["main a.ts:10", 50]]);
  assertEquals([...neighbours(recursive, "g")!.callees], [["f a.ts:10", 70]]);
  assertEquals(neighbours(recursive, "nobody"), undefined);
});

Deno.test("samples that V8 wrote out of order are sorted, and the time before the first sample is not lost", () => {
  const { nodes, startTime } = handMade([[["a"], 1], [["b"], 1]]);
  // Seen at 4, 2 and 7 ms of 10: b at 2, a at 4, b at 7.
  const profile = {
    nodes,
    startTime,
    endTime: startTime + 10_000,
    samples: [2, 3, 3],
    timeDeltas: [4000, -2000, 5000],
  };
  const times = Object.fromEntries(functionTimes(profile).map(({ name, self }) => [name, self]));
  assertEquals(times, { "(root)": 0, a: 3, b: 7 });
  assertEquals(flame.buildFrames(profile).total, 10);
  assertEquals([...diff.selfByFunction(profile).values()].sort(), [3, 7]);
});

Deno.test("the table is sorted as asked, names the rest, and has a function's neighbours", () => {
  const bySelf = formatTable("x", recursive, { sort: "self", top: 2, function: "g" }).split("\n");
  assertEquals(bySelf[0], "x: 160 ms, 7 samples, by self time");
  assertMatch(bySelf[2], /^ +54\.0 +33\.8% +94\.0 +58\.8% +4 {2}f {2}a\.ts:10$/);
  assertMatch(bySelf[3], / g {2}a\.ts:10$/);
  assertMatch(bySelf[4], /^ +56\.0 +35\.0% +3 more$/);
  assertMatch(
    bySelf.slice(5).join("\n"),
    /^who called g, of its total of 120\.0 ms:\n.* f a\.ts:10\n.* main a\.ts:10\nwhat g /,
  );
  const byTotal = formatTable("x", recursive, { sort: "total", top: 9 }).split("\n");
  assertEquals(byTotal.slice(2).map((line) => line.match(/% +\d+ {2}(\S+)/)![1]), [
    "(root)",
    "main",
    "g",
    "f",
    "h",
    "(garbage",
  ]);
  assertMatch(formatTable("x", recursive, { sort: "self", top: 1, function: "k" }), /no sample has a function k$/);
});

Deno.test("what is no profile is refused with the reason, by all three readers", () => {
  const whole = JSON.stringify(recursive);
  assertEquals(parseProfile(whole), recursive);
  const broken: [string, string][] = [
    [whole.slice(0, -40), "not JSON, or cut off"],
    ["", "not JSON, or cut off"],
    ["null", "JSON but no CPU profile"],
    ['{"nodes": [], "samples": []}', "JSON but no CPU profile"],
    [JSON.stringify({ ...recursive, samples: [1] }), "its samples do not fit its nodes"],
    [JSON.stringify({ ...recursive, samples: recursive.samples.map(() => 99) }), "its samples do not fit its nodes"],
    [JSON.stringify({ ...recursive, nodes: [] }), "its samples do not fit its nodes"],
  ];
  for (const parse of [parseProfile, flame.parseProfile, diff.parseProfile]) {
    for (const [text, message] of broken) assertThrows(() => parse(text), Error, message);
  }
});

Deno.test("the boxes of a flame graph are as wide as their times, lie above their callers, and merge equal stacks", () => {
  const frames = flame.buildFrames(recursive), [main, gc] = frames.children, [f, g] = main.children;
  assertEquals([frames.name, frames.total, frames.children.length], ["all", 160, 2]);
  assertEquals([main.total, gc.total, gc.kind], [154, 6, "garbage collector"]);
  assertEquals([f.name, f.total, f.self, g.total], ["f", 94, 24, 50]);
  const svg = flame.drawFlameGraph(frames, "a <title> & more", 1224);
  assert(svg.includes("a &#60;title&#62; &#38; more"), svg);
  const boxes = [...svg.matchAll(/<g><title>(\S+)[^<]*<\/title><rect x="([\d.]+)" y="(\d+)" width="([\d.]+)"/g)]
    .map(([, name, x, y, width]) => ({ name, x: Number(x), y: Number(y), width: Number(width) }));
  assertEquals(boxes.map(({ name }) => name), ["all", "main", "f", "g", "f", "h", "g", "(garbage"]);
  // 1200 pixels are 160 ms.
  assertEquals(boxes.map(({ width }) => width), [160, 154, 94, 70, 70, 40, 50, 6].map((time) => time * 7.5));
  assertEquals(boxes.map(({ x }) => x), [0, 0, 0, 0, 0, 0, 94, 154].map((time) => 12 + time * 7.5));
  assertEquals(boxes.map(({ y }) => (boxes[0].y - y) / 18), [0, 1, 2, 3, 4, 5, 2, 1]);
});

Deno.test("boxes too narrow to be seen are left out, and names are written only where they fit", () => {
  const svg = flame.drawFlameGraph(
    flame.buildFrames(handMade([[["wide"], 9989], [["aFunctionWithALongName"], 10], [["tiny"], 1]])),
    "x",
  );
  assert(svg.includes(">wide</text>"));
  assert(svg.includes("<title>aFunctionWithALongName") && !svg.includes(">aFunctionWithALongName</text>"));
  assert(!svg.includes("tiny"));
});

Deno.test("a function's colour says whose code it is", () => {
  const kind = (functionName: string, url: string) => flame.kindOf({ functionName, url, lineNumber: 1 });
  assertEquals(kind("f", "file:///home/me/a.ts"), "own code");
  assertEquals(kind("f", "file:///home/me/.cache/deno/npm/registry.npmjs.org/vega/6.4.0/index.js"), "packages");
  assertEquals(kind("f", "file:///home/me/node_modules/vega/index.js"), "packages");
  assertEquals(kind("f", "https://jsr.io/@std/cli/1.0.0/mod.ts"), "packages");
  assertEquals(kind("f", "ext:core/01_core.js"), "Deno and V8");
  assertEquals(kind("f", "node:util"), "Deno and V8");
  assertEquals(kind("hypot", ""), "Deno and V8");
  assertEquals(kind("(garbage collector)", ""), "garbage collector");
  assertEquals(kind("(idle)", ""), "idle and other");
});

Deno.test("two profiles are compared by time and by share, and the changes add up", () => {
  const before = handMade([[["main"], 10], [["main", "slow"], 80], [["main", "gone"], 10]]);
  const after = handMade([[["main"], 10], [["main", "slow"], 30], [["main", "fresh"], 10]]);
  const differences = diff.compareProfiles(before, after);
  assertEquals(differences.slice(0, 1), [{
    name: "slow  a.ts",
    before: 80,
    after: 30,
    difference: -50,
    shareBefore: 0.8,
    shareAfter: 0.6,
  }]);
  assertEquals(differences.map(({ name, difference }) => [name.split(" ")[0], difference]).slice(1).sort(), [
    ["fresh", 10],
    ["gone", -10],
    ["main", 0],
  ]);
  assertEquals(differences.reduce((sum, { difference }) => sum + difference, 0), -50);
  // By share it is 0.8 to 0.6, nothing to 0.2, 0.1 to nothing, and 0.1 to 0.2.
  const shares = diff.compareProfiles(before, after, "share").map(({ name }) => name.split(" ")[0]);
  assertEquals([shares.slice(0, 2).sort(), shares.slice(2).sort()], [["fresh", "slow"], ["gone", "main"]]);
  const text = diff.formatDifferences(differences, 1).split("\n");
  assertMatch(text[1], /^ +80\.0 +30\.0 +-50\.0 +80\.0% +60\.0% {2}slow {2}a\.ts$/);
  assertMatch(text[3], /^ +100\.0 +50\.0 +-50\.0 +100\.0% +100\.0% {2}all$/);
});

const program = `
function spin(rounds: number): number {
  let x = 1;
  for (let i = 0; i < rounds; i++) x = (x * 16807) % 2147483647;
  return x;
}
function seven(rounds: number): number {
  let x = 1;
  for (let i = 0; i < 7 * rounds; i++) x = (x * 16807) % 2147483647;
  return x;
}
function three(rounds: number): number {
  let x = 1;
  for (let i = 0; i < 3 * rounds; i++) x = (x * 16807) % 2147483647;
  return x;
}
function deep(level: number): number {
  return level === 0 ? spin(2000) : spin(2000) + deep(level - 1);
}
const onceForAll: unknown[] = [];
function work() {
  // In short turns, so that whatever else the machine does falls on both alike.
  for (let i = 0, rounds = 1; i < 300; i++, rounds = rounds * 16807 % 10007) onceForAll[0] = seven(rounds) + three(rounds);
  for (let i = 0; i < 30; i++) onceForAll[1] = deep(30);
}
`;

Deno.test({
  name: "of a program that spends 7 parts of 10 in one function, by construction, 65 to 75% are reported; workers too",
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      const script = `${folder}/program.ts`;
      await Deno.writeTextFile(
        script,
        `${program}
        work();
        if (!("WorkerGlobalScope" in globalThis)) {
          const worker = new Worker(import.meta.url, { type: "module" });
          worker.onmessage = () => worker.terminate();
          Deno.exitCode = 3;
        } else (globalThis as any).postMessage("done");`,
      );
      const flags = [`--allow-read=${folder}`];
      const { code, profiles } = await profileScript(script, { flags, folder, quiet: true });
      assertEquals(code, 3);
      assertEquals(Object.keys(profiles), ["main thread", "worker 1"]);
      for (const [thread, profile] of Object.entries(profiles)) {
        const times = functionTimes(profile), of = (name: string) => times.find((one) => one.name === name)!;
        const share = of("seven").samples / (of("seven").samples + of("three").samples);
        assert(share >= 0.65 && share <= 0.75, `${thread}: ${share}`);
        // Where other programs take the processor, some samples last long, and the times scatter more.
        const timeShare = of("seven").self / (of("seven").self + of("three").self);
        assert(timeShare >= 0.5 && timeShare <= 0.9, `${thread}: ${timeShare}`);
        const span = (profile.endTime - profile.startTime) / 1000;
        assertAlmostEquals(times.reduce((sum, { self }) => sum + self, 0), span, 0.01);
        for (const { name, self, total } of times) assert(self <= total + 1e-6 && total <= span + 1e-6, name);
        // Thirty levels deep, and still counted once.
        const deep = neighbours(profile, "deep")!;
        assert(deep.total > 0 && deep.total < span / 2, `${thread}: ${deep.total} of ${span} ms`);
        assertAlmostEquals(
          deep.self + [...deep.callees.values()].reduce((sum, time) => sum + time, 0),
          deep.total,
          0.01,
        );
        // The flame graph and the comparison see the same.
        assertAlmostEquals(flame.buildFrames(profile).total, span, 0.01);
        assertAlmostEquals(diff.selfByFunction(profile).get("seven  program.ts")!, of("seven").self, 0.01);
      }
      assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["program.ts"]);
    }),
});

Deno.test({
  name: "a profiled script keeps its output, arguments and exit code, also where it throws; the table goes to stderr",
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      const run = await commandOf("profile_table.ts", folder);
      await Deno.writeTextFile(
        `${folder}/exits.ts`,
        "console.log('out', ...Deno.args); Deno.exit(Number(Deno.args[1]));",
      );
      await Deno.writeTextFile(`${folder}/throws.ts`, "console.log('out'); throw new Error('broken');");
      const exits = await runScript(run, { cwd: root, more: ["--top=2", `${folder}/exits.ts`, "--top=0", "4", "--"] });
      assertEquals([exits.code, exits.stdout], [4, "out --top=0 4 --\n"]);
      assertMatch(exits.stderr, /^\n.*exits\.ts, main thread: \d+ ms, \d+ samples, by self time\n/);
      const throws = await runScript(run, { cwd: root, more: [`${folder}/throws.ts`] });
      assertEquals([throws.code, throws.stdout], [1, "out\n"]);
      assertMatch(throws.stderr, /broken[^]*main thread: \d+ ms/);
      assertEquals(temporaries(), []);
    }),
});

Deno.test({
  name: "Ctrl-C ends a program that waits and one in an endless loop, and both leave their table",
  ignore: ignore || Deno.build.os === "windows",
  fn: () =>
    inFolder(async (folder) => {
      const run = await commandOf("profile_table.ts", folder);
      await Promise.all(
        ["setInterval(() => {}, 1000);", "(function forever() { while (true); })();"].map(async (body, i) => {
          const script = `${folder}/endless_${i}.ts`;
          await Deno.writeTextFile(script, `console.log("begun"); ${body}`);
          const [, ...args] = `${run} ${script}`.split(" ");
          const options = { args, cwd: root, stdin: "null", stdout: "piped", stderr: "piped" } as const;
          const child = new Deno.Command(Deno.execPath(), options).spawn();
          const reader = child.stdout.getReader();
          assertEquals(new TextDecoder().decode((await reader.read()).value), "begun\n");
          child.kill("SIGINT");
          await reader.cancel();
          const stderr = await new Response(child.stderr).text();
          assertEquals((await child.status).code, 130, stderr);
          assertMatch(stderr, i === 0 ? /main thread: \d+ ms/ : /forever {2}endless_1\.ts:1\n/);
        }),
      );
      assertEquals(temporaries(), []);
    }),
});

Deno.test({
  name: "files are read and written as asked: a table, a picture, a comparison",
  fn: () =>
    inFolder(async (folder) => {
      const file = `${folder}/a.cpuprofile`, svg = `${folder}/a.svg`;
      await Deno.writeTextFile(file, JSON.stringify(recursive));
      const [table, picture, comparison] = await Promise.all(tools.map((tool) => commandOf(tool, folder)));
      const shown = await runScript(table, { cwd: root, more: ["--sort=total", "--top=3", file] });
      assertEquals([shown.code, shown.stderr], [0, ""]);
      assertMatch(shown.stdout, /^\S+a\.cpuprofile: 160 ms, 7 samples, by total time\n/);
      const drawn = await runScript(picture, { cwd: root, more: [file, `--out=${svg}`] });
      assertEquals([drawn.code, drawn.stdout], [0, `written: ${svg}\n`]);
      const printed = await runScript(picture, { cwd: root, more: [file] });
      assertEquals(printed.stdout, await Deno.readTextFile(svg));
      const compared = await runScript(comparison, { cwd: root, more: [file, file] });
      assertEquals(compared.code, 0);
      assertMatch(compared.stdout, /160\.0 +160\.0 +0\.0 .*all\n$/);
    }),
});

Deno.test("bad flags, scripts and files are refused with one line and exit code 2, and leave nothing behind", () =>
  inFolder(async (folder) => {
    const cut = `${folder}/cut.cpuprofile`, other = `${folder}/other.cpuprofile`, whole = `${folder}/whole.cpuprofile`;
    await Deno.writeTextFile(cut, JSON.stringify(recursive).slice(0, 200));
    await Deno.writeTextFile(other, "{}");
    await Deno.writeTextFile(whole, JSON.stringify(recursive));
    const cases: [string, string[], RegExp][] = [
      ["profile_table.ts", ["--sort=time", "x.ts"], /^error: --sort=time: must be self or total\n$/],
      ["profile_table.ts", ["--top", "x.ts"], /^error: --top needs a value, as in --top=15\n$/],
      [
        "profile_table.ts",
        ["--interval=1", "x.ts"],
        /^error: --interval=1: must be a whole number from 50 to 100000\n$/,
      ],
      [
        "profile_table.ts",
        ["--depth=3", "x.ts"],
        /^error: --depth=3 is neither a flag of this tool nor one of deno run/,
      ],
      ["profile_table.ts", ["no_such_script.ts"], /^error: no script: [^\n]*\n$/],
      ["profile_table.ts", ["--top=3"], /^error: there is no script and no file/],
      ["profile_table.ts", [cut], /^error: .*cut\.cpuprofile: it is not JSON, or cut off: [^\n]*\n$/],
      ["profile_table.ts", [other], /^error: .*other\.cpuprofile: it is JSON but no CPU profile: [^\n]*\n$/],
      ["profile_table.ts", [`${folder}/none.cpuprofile`], /^error: .*none\.cpuprofile: No such file[^\n]*\n$/],
      ["flame_graph.ts", [cut], /^error: .*cut\.cpuprofile: it is not JSON, or cut off: [^\n]*\n$/],
      ["flame_graph.ts", [whole, whole], /^error: one profile at a time, not 2\n$/],
      ["flame_graph.ts", [whole, "--out"], /^error: --out needs a value/],
      ["flame_graph.ts", [whole, `--out=${folder}/none/a.svg`], /^error: cannot write .*a\.svg: [^\n]*\n$/],
      ["flame_graph.ts", ["--height=3"], /^error: --height=3 is not a flag of this script/],
      ["profile_diff.ts", [whole], /^error: needs two profiles, before and after, not 1\n$/],
      ["profile_diff.ts", [whole, other], /^error: .*other\.cpuprofile: it is JSON but no CPU profile/],
      ["profile_diff.ts", ["--by=size", whole, whole], /^error: --by=size: must be time or share\n$/],
      ["profile_diff.ts", ["--top=none", whole, whole], /^error: --top=none: must be a whole number from 1\n$/],
    ];
    await Promise.all(cases.map(async ([tool, more, message]) => {
      const { code, stdout, stderr } = await runScript(await commandOf(tool, folder), { cwd: root, more });
      assertEquals([code, stdout], [2, ""], `${tool} ${more}: ${stderr}`);
      assertMatch(stderr, message);
    }));
    assertEquals([...Deno.readDirSync(folder)].length, 3);
    assertEquals(temporaries(), []);
  }));

Deno.test("without deno on the PATH the tools say how to get it, with exit code 2, and leave nothing behind", async () => {
  for (const tool of tools) {
    const { code, stderr } = await runScript(await commandOf(tool, "bench"), { cwd: root, env: { PATH: "" } });
    assertEquals(code, 2, stderr);
    assertMatch(stderr, /^error: there is no deno on the PATH; install it: npm install -g deno\n$/m);
  }
  assertEquals(temporaries(), []);
});
