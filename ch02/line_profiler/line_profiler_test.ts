import { assert, assertAlmostEquals, assertEquals, assertMatch } from "@std/assert";
import { hasCommand } from "../../bench/lib/command.ts";
import { childrenOf, mustEnd } from "../../bench/lib/processes.ts";
import { parseHeader, runScript } from "../../bench/lib/script.ts";
import { countTests, juliaSet, limit, variants } from "./julia_split_while.ts";
import { addUp, addUpHits, format, functionEnd, type Profile, profileScript, Source } from "./line_profiler.ts";

const root = new URL("../../", import.meta.url), tool = new URL("line_profiler.ts", import.meta.url);
const ignore = !await hasCommand("deno"), withSignals = { ignore: ignore || Deno.build.os === "windows" };
const { run } = parseHeader(await Deno.readTextFile(tool));
const flags = run.split(" ").filter((word) => word.startsWith("--"));

/** Two loops of which the first takes 70% of the rounds, after much that is gone from the JavaScript. */
const shares = `/** A comment. */
interface Point {
  x: number;
  y: number;
}

type Points = Point[];

export function burn(rounds: number, seed: Point): number {
  let s = seed.x;
  for (let i = 0; i < 7 * rounds; i++) {
    s = Math.hypot(s, seed.y) - 1; // 70
  }
  for (let i = 0; i < 3 * rounds; i++) {
    s = Math.hypot(s, seed.y) - 1; // 30
  }
  return s;
}

const points: Points = [{ x: 1, y: 2 }];
console.log(typeof burn(Number(Deno.args[0] ?? 1e6), points[0]));
`;

const busyWorker = `
function spin(): void {
  let s = 1;
  while (s > 0) {
    s = Math.hypot(s, 1) % 100 + 1; // spins
  }
}
if ("WorkerGlobalScope" in globalThis) {
  console.log("spinning");
  spin();
} else {
  new Worker(import.meta.url, { type: "module" });
}
`;

/** The time of the line that ends in a comment, over that of all. */
function shareOf(text: string, report: string): number {
  const line = report.split("\n").find((line) => line.includes(text));
  assert(line, `no line with ${text} in:\n${report}`);
  return Number(line.match(/([\d.]+)%/)?.[1]);
}

Deno.test({
  name: "lines of TypeScript are named as they were written, and 70% is reported as 65 to 75",
  ignore,
  fn: () =>
    inFolder({ "shares.ts": shares }, async (folder) => {
      const { times, sources, code } = await profileScript(`${folder}/shares.ts`, { folder, quiet: true });
      assertEquals(code, 0);
      const [[url, { lines, functions }]] = times.files;
      const time = (line: number) => lines.get(line)?.[0] ?? 0;
      const all = [...lines.values()].reduce((sum, [time]) => sum + time, 0);
      const first = (time(11) + time(12)) / all;
      assert(first > 0.65 && first < 0.75, `${first}`);
      assertEquals(sources.get(url)!.lines[11].trim(), "s = Math.hypot(s, seed.y) - 1; // 70");
      const [hottest] = functions.toSorted((a, b) => b.time - a.time);
      assertEquals([hottest.name, hottest.line], ["burn", 9]);
      const report = format(times, sources);
      assertMatch(report, /burn, lines 9 to 18/);
      assert(!report.includes("interface Point"), "what took no time is left out");
    }),
});

Deno.test({
  name: "hits are exact, also in lines that Deno puts together, of workers too",
  ignore,
  fn: () => {
    const text = `interface A {\n  x: number;\n}
function work(n: number, a: A): number {
  let s = 0, i = n;
  while (
    i > 0 &&
    s >= 0
  ) i--, s += a.x;
  if (s < 0) {
    s = 1;
  }
  return s;
}
work(1234, { x: 1 });
if (!("WorkerGlobalScope" in globalThis)) {
  new Worker(import.meta.url, { type: "module" }).onmessage = (event) => {
    (event.target as Worker).terminate();
  };
} else {
  postMessage(1);
}
`;
    return inFolder({ "hits.ts": text }, async (folder) => {
      const options = { folder, hits: true, flags: [`--allow-read=${folder}`] };
      const { hits, sources } = await profileScript(`${folder}/hits.ts`, options);
      const [[, lines]] = [...hits!].filter(([url]) => sources.has(url));
      const begun = (line: number) => lines.get(line)?.begun;
      // Two threads ran it.
      assertEquals([5, 7, 8, 9, 10, 11, 13].map(begun), [2, 2, 2468, 2468, 2, 0, 2]);
      assertEquals(lines.get(6), { begun: 2, most: 2 });
      assertEquals([2, 3, 12].map(begun), [undefined, undefined, undefined]);
    });
  },
});

Deno.test({
  name: "the script keeps its arguments, input, output and exit code",
  ignore,
  fn: () => {
    const text = `console.log(JSON.stringify(Deno.args));\nconsole.error("to stderr");\nDeno.exit(3);\n`;
    return inFolder({ "args.ts": text }, async (folder) => {
      const { code, stdout, stderr } = await profiled(folder, ["args.ts", "--", "--x", "a b", "--hits", "--top=3"]);
      assertEquals(code, 3);
      assertEquals(JSON.parse(stdout), ["--", "--x", "a b", "--hits", "--top=3"]);
      assertMatch(stderr, /^to stderr$/m);
      assertMatch(stderr, /100% are \d+ ms of one thread/);
    });
  },
});

Deno.test({
  name: "a script that throws keeps its message and code 1, and is reported",
  ignore,
  fn: () => {
    const text = `${shares}\nburn(1e5, points[0]);\nthrow new Error("on purpose");\n`;
    return inFolder({ "throws.ts": text }, async (folder) => {
      const { code, stderr } = await profiled(folder, ["--out=report.txt", "throws.ts"]);
      assertEquals(code, 1, stderr);
      assertMatch(stderr, /Error: on purpose/);
      const report = await Deno.readTextFile(`${folder}/report.txt`);
      assert(shareOf("// 70", report) > shareOf("// 30", report));
      await Deno.remove(`${folder}/report.txt`);
    });
  },
});

Deno.test({
  name: "where the report cannot be written, it comes to stderr, with code 2",
  ignore,
  fn: () =>
    inFolder({ "empty.js": "\n" }, async (folder) => {
      const { code, stderr } = await profiled(folder, ["--out=no/such/folder.txt", "empty.js"]);
      assertEquals(code, 2);
      assertMatch(stderr, /100% are[^]*^error: --out=no\/such\/folder\.txt: No such file/m);
    }),
});

Deno.test({
  name: "bad input ends with code 2 and one line, and leaves nothing behind",
  ignore,
  fn: () =>
    inFolder({ "wrong.ts": "const x: number = ;\n", "empty.js": "\n" }, async (folder) => {
      const refused: [string[], RegExp][] = [
        [["none.ts"], /^error: none\.ts: .*No such file.*\n$/],
        [["none.js"], /^error: none\.js: No such file.*\n$/],
        [["wrong.ts"], /^error: wrong\.ts: SyntaxError: Expression expected: 1:19\n$/],
        [
          ["--no-such-flag", "empty.js"],
          /^error: empty\.js did not start, or not end, so there is nothing to report$/m,
        ],
        [["--top=0", "empty.js"], /^error: --top=0: must be a whole number from 1 to 1000\n$/],
        [["--interval=fast", "empty.js"], /^error: --interval=fast: must be a whole number from 50 to 1000000\n$/],
        [["--out", "empty.js"], /^error: --out: needs a value after =\n$/],
        [["--hits=3", "empty.js"], /^error: --hits=3: takes no value\n$/],
        [["--allow-read=."], /^error: --allow-read=\. needs a script after it \(see --help\)\n$/],
      ];
      await Promise.all(refused.map(async ([args, message]) => {
        const { code, stdout, stderr } = await profiled(folder, args);
        assertEquals(code, 2, stderr);
        assertMatch(stderr, message);
        assertEquals(stdout, "");
      }));
    }),
});

Deno.test({
  name: "Ctrl-C ends a busy loop, and its lines are reported",
  ...withSignals,
  fn: () => {
    const text = busyWorker.replace(/if \("Worker[\s\S]*/, `console.log("spinning");\nspin();\n`);
    return inFolder({ "busy.ts": text }, async (folder) => {
      const { code, stderr } = await interrupted(folder, "busy.ts", 300);
      assertEquals(code, 130, stderr);
      assert(shareOf("// spins", stderr) > 50, stderr);
    });
  },
});

Deno.test({
  name: "Ctrl-C ends a script whose worker alone is busy, and reports that one's lines",
  ...withSignals,
  fn: () =>
    inFolder({ "worker.ts": busyWorker }, async (folder) => {
      const { code, stderr } = await interrupted(folder, "worker.ts", 500);
      assertEquals(code, 130, stderr);
      assert(shareOf("// spins", stderr) > 30, stderr);
    }),
});

Deno.test({
  name: "Ctrl-C ends a script that waits, whose waiting counts in no share",
  ...withSignals,
  fn: () =>
    inFolder({ "waits.js": `console.log("spinning");\nsetInterval(() => {}, 1e6);\n` }, async (folder) => {
      const { code, stderr } = await interrupted(folder, "waits.js", 600);
      assertEquals(code, 130, stderr);
      const [, busy, idle] = stderr.match(/100% are (\d+) ms of one thread; waiting, (\d+) ms/)!.map(Number);
      assert(idle > 400 && busy < idle, stderr);
    }),
});

Deno.test({
  name: "a script that handles Ctrl-C itself ends as it wants to",
  ...withSignals,
  fn: () => {
    const text =
      `Deno.addSignalListener("SIGINT", () => Deno.exit(7));\nconsole.log("x");\nsetInterval(() => {}, 1e6);\n`;
    return inFolder({ "handles.ts": text }, async (folder) => {
      const { code, stderr } = await interrupted(folder, "handles.ts", 300);
      assertEquals(code, 7, stderr);
      assertMatch(stderr, /100% are/);
    });
  },
});

Deno.test({
  name: "a script of another chapter with workers has a column for each thread",
  ignore,
  async fn() {
    const path = "ch10/pi_estimation/pi_workers.ts";
    const { code, stderr } = await runScript(run, { cwd: root, more: [`--allow-read=${path}`, path] });
    assertEquals(code, 0, stderr);
    assertMatch(stderr, /^ +ms +share +main +worker 1 +worker 2 +line$/m);
    assertMatch(stderr, /100% are \d+ ms of 3 threads/);
  },
});

/** A profile of 100 ticks of 1 ms: of f, of what it calls, and of nothing. */
function handMade(url: string): Profile {
  const frame = (functionName: string, url = "", lineNumber = -1) => ({
    callFrame: { functionName, url, lineNumber, columnNumber: 0 },
  });
  return {
    nodes: [
      { id: 1, ...frame("(root)"), hitCount: 0, children: [2, 3, 4] },
      // The same line twice, as V8 does it.
      {
        id: 2,
        ...frame("f", url, 3),
        hitCount: 50,
        positionTicks: [[2, 20], [2, 20], [3, 10]].map(ticks),
        children: [5],
      },
      { id: 3, ...frame("(idle)"), hitCount: 20 },
      { id: 4, ...frame("(garbage collector)"), hitCount: 10 },
      { id: 5, ...frame("op_now"), hitCount: 20, positionTicks: [[1, 20]].map(ticks) },
    ],
    samples: Array(100).fill(1),
    startTime: 0,
    endTime: 100_000,
  };
}

const ticks = ([line, ticks]: number[]) => ({ line, ticks });

Deno.test("ticks of a line are added up, waiting is left out, and what a function called says so", () => {
  const url = "file:///f.ts", written = "type T = 1;\n\n\nfunction f() {\n  g() &&\n    h();\n}\n";
  // The second line that ran came from lines 5 and 6, the third from line 7.
  const map = { version: 3, sources: [url], sourcesContent: [written], names: [], mappings: "AAGA;EACE,GACE;AACJ" };
  const ran = `function f() {\n  g() && h();\n}\n//# sourceMappingURL=data:application/json;base64,${
    btoa(JSON.stringify(map))
  }`;
  const sources = new Map([[url, new Source(ran)]]);
  const times = addUp(new Map([["main", handMade(url)], ["worker 1", handMade(`${url}?x`)]]), sources);
  const { lines, joined, functions } = times.files.get(url)!;
  assertEquals(lines, new Map([[5, [40, 40]], [7, [10, 10]]]));
  assertEquals(joined, new Set([6]));
  assertEquals(functions, [{ name: "f", line: 4, time: 100 }]);
  assertEquals(times.outside, new Map([["garbage collector", 20], ["built-in op_now, called by f", 40]]));
  assertEquals([times.busy, times.idle], [160, 40]);
  const report = format(times, sources);
  assertMatch(report, /f, lines 4 to 7/);
  assertMatch(report, /^ {5}80\.0 {4}50\.0% {5}40\.0 {5}40\.0 {6}5 {4}g\(\) &&$/m);
  assertMatch(report, /^ +" +6 {6}h\(\);$/m);
});

Deno.test("of nested ranges the innermost has the count, and threads are added", () => {
  const url = "file:///g.js", source = new Source("function g(n) {\n  while (n--) {\n    h();\n  }\n}\n");
  const range = (startOffset: number, endOffset: number, count: number) => ({ startOffset, endOffset, count });
  const coverage = {
    url,
    functions: [
      { functionName: "", isBlockCoverage: false, ranges: [range(0, 47, 2)] },
      { functionName: "g", isBlockCoverage: true, ranges: [range(0, 46, 2), range(30, 44, 9)] },
    ],
  };
  const hits = addUpHits([coverage, coverage], new Map([[url, source]]));
  assertEquals(hits.get(url)!.get(3), { begun: 18, most: 18 });
  assertEquals(hits.get(url)!.has(4), false);
});

Deno.test("a function ends where its indentation does, also after parameters over several lines", () => {
  const lines = ["function f(", "  a,", "): void {", "  a();", "", "}", "const g = (x) => x;", "h();"];
  assertEquals([functionEnd(lines, 1), functionEnd(lines, 7), functionEnd([], 1)], [6, 7, 1]);
});

Deno.test("all variants of the loop come to the book's sum, and tests are counted as they are made", () => {
  let size = 0, n = 0;
  const counting = (nFirst: boolean) => (limit: number, re: number, im: number) => {
    let steps = 0;
    const isSmall = () => (size++, Math.hypot(re, im) < 2), isLeft = () => (n++, steps < limit);
    while (nFirst ? isLeft() && isSmall() : isSmall() && isLeft()) {
      [re, im] = [re * re - im * im - 0.62772, 2 * re * im - 0.42193];
      steps++;
    }
    return steps;
  };
  for (const order of ["written", "swapped"] as const) {
    size = n = 0;
    const counts = juliaSet(counting(order === "swapped"), 40);
    assertEquals(countTests(counts)[order], { size, n });
    for (const [name, variant] of Object.entries(variants)) assertEquals(juliaSet(variant, 40), counts, name);
  }
  const { steps, points, escaped } = countTests(juliaSet(variants.squared, 1000));
  assertEquals([steps, points], [33219980, 1e6]);
  assert(escaped < points && limit === 300);
});

Deno.test("the experiment refuses what it does not know", async () => {
  const { run } = parseHeader(await Deno.readTextFile(new URL("julia_split_while.ts", import.meta.url)));
  for (
    const [flag, message] of [
      ["--variant=other", /^error: --variant=other: must be one of written, split, swapped, squared\n$/],
      ["--width=0", /^error: --width=0: must be a whole number from 1 to 4000\n$/],
      ["--size=3", /^error: --size is neither --variant=NAME nor --width=N\n$/],
    ] as [string, RegExp][]
  ) {
    const { code, stderr } = await runScript(run, { cwd: root, more: [flag] });
    assertEquals(code, 2);
    assertMatch(stderr, message);
  }
});

Deno.test("without deno on the PATH the profiler says how to get it", () =>
  inFolder({}, async (folder) => {
    const { code, stderr } = await runScript(run, { cwd: root, env: { PATH: folder } });
    assertEquals(code, 2);
    assertMatch(stderr, /^error: there is no deno on the PATH; install it: npm install -g deno\n$/m);
  }));

Deno.test("shares of the report add up to 100%", { ignore }, () =>
  inFolder({ "shares.ts": shares }, async (folder) => {
    const options = { folder, quiet: true, args: ["100000"] };
    const { times } = await profileScript(`${folder}/shares.ts`, options);
    const lines = [...times.files.values()].flatMap(({ lines }) => [...lines.values()].flat());
    assertAlmostEquals([...lines, ...times.outside.values()].reduce((a, b) => a + b), times.busy, 1e-6);
  }));

/** The tool in a folder, with the permissions of its header. */
async function profiled(folder: string, args: string[]) {
  const result = await runScript(`deno run --no-config ${flags.join(" ")} ${tool.href}`, { cwd: folder, more: args });
  return result;
}

/** The tool, sent SIGINT some time after the script printed something. Nothing may run on. */
async function interrupted(folder: string, script: string, after: number) {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-config", ...flags, tool.href, "--allow-read=.", script],
    cwd: folder,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const errors = new Response(child.stderr).text(), reader = child.stdout.getReader();
  await reader.read();
  await new Promise((later) => setTimeout(later, after));
  const running = await childrenOf(child.pid);
  child.kill("SIGINT");
  const { code } = await child.status;
  await reader.cancel();
  if (Deno.build.os === "linux") assert(running.length > 0);
  for (const pid of running) await mustEnd(pid);
  return { code, stderr: await errors };
}

/** A folder with files, outside the repository; nothing else may be in it afterwards. */
async function inFolder(files: Record<string, string>, use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${folder}/${name}`, text);
    await use(folder);
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), Object.keys(files).sort());
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
