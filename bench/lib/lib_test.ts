import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { openLimit } from "../limit/limit.ts";
import { installCommand, parts } from "../parts.ts";
import { parseCounts } from "../test.ts";
import { childrenOf, isRunning, mustEnd } from "./processes.ts";
import { barChart, drawChart, lineChart } from "./chart.ts";
import { compare, type Comparison, relativeError } from "./compare.ts";
import { isRecent } from "./machine.ts";
import { measure, measureInTurns } from "./measure.ts";
import { type Results, resultsFolder } from "./results.ts";
import { parseHeader } from "./script.ts";
import { fitLine, fitPower, median, quantile } from "./statistics.ts";
import { formatBytes, formatNumber, formatRatio, formatTime, renderTable, table } from "./table.ts";

Deno.test("numbers, times, ratios and bytes are written with three digits and the unit that reads best", () => {
  assertEquals([0, 1, 12.345, 1234.5, 0.0001234, 1.5e7, NaN].map(formatNumber), [
    "0",
    "1",
    "12.3",
    "1,235",
    "1.2e-4",
    "1.5e+7",
    "NaN",
  ]);
  assertEquals([2, 0.0123, 4.5e-6, 7e-9, 1e-12].map(formatTime), ["2 s", "12.3 ms", "4.5 µs", "7 ns", "0.001 ns"]);
  assertEquals([1, 0.5, 3.14159, 123.4].map(formatRatio), ["1x", "0.5x", "3.1x", "123x"]);
  assertEquals([0, 512, 2048, 3 * 2 ** 20].map(formatBytes), ["0 B", "512 B", "2 KiB", "3 MiB"]);
});

Deno.test("a table has its heads in the first line and right-aligned numbers below", () => {
  // deno-lint-ignore no-control-regex
  const lines = renderTable(table(["name", "ms"], [["a", "1"], ["longer", "100"]])).replace(/\x1b\[\d+m/g, "").split(
    "\n",
  );
  assertEquals(lines.map((line) => line.trim()), ["name      ms", "a          1", "longer   100"]);
});

Deno.test("the relative error is of the largest magnitude, and a NaN or another length is no agreement", () => {
  assertEquals(relativeError([1, 2, 4], [1, 2, 4]), 0);
  assertEquals(relativeError([1, 2, 5], [1, 2, 4]), 0.25);
  assertEquals(relativeError(3, 2), 0.5);
  assertEquals(relativeError([1, NaN], [1, 2]), NaN);
  assertEquals(relativeError([1], [1, 2]), NaN);
});

Deno.test("measuring calls what it is given, awaits promises, and counts its samples", async () => {
  let calls = 0, finished = 0;
  const { median, samples } = await measure(() => ++calls, { budget: 0.05 });
  assert(calls > samples && samples >= 2 && median > 0);
  const both = await measureInTurns({
    sync: () => ++calls,
    async: async () => {
      await new Promise((resolve) => setTimeout(resolve, 2));
      finished++;
    },
  }, { budget: 0.006, rounds: 3 });
  assertEquals(Object.keys(both), ["sync", "async"]);
  assert(finished >= 3, `${finished} calls came to their end`);
  assert(both.async.median >= 0.001, "the clock stopped before the promise was settled");
});

const charts = {
  line: lineChart({
    title: "A title",
    x: { title: "size", log: true, ticks: [1, 10] },
    y: { title: "ms", log: true },
    lines: [
      { name: "first one", points: [{ x: 1, y: 1 }, { x: 10, y: 5 }] },
      { name: "second one", points: [{ x: 1, y: 2 }, { x: 10, y: 5.01 }, { x: 100, y: NaN }] },
    ],
  }),
  bar: barChart({
    title: "A title",
    x: { title: "ms" },
    bars: [{ name: "first one", value: 3 }, { name: "second one", value: 4 }],
    text: String,
  }),
};
for (const [kind, chart] of Object.entries(charts)) {
  Deno.test(`a ${kind} chart is an SVG with its title, source, axis and names`, async () => {
    const svg = await drawChart(chart, "some machine, 2026-01-01");
    assertMatch(svg, /^<svg/);
    for (const text of ["A title", "some machine, 2026-01-01", "first one", "second one", "ms"]) {
      assertStringIncludes(svg, text);
    }
    assert(!/NaN|Infinity|undefined/.test(svg), "a value that is none was drawn");
  });
}

Deno.test("labels at the ends of lines stay apart", async () => {
  const svg = await drawChart(charts.line, "");
  const tops = ["first one", "second one"].map((name) =>
    Number(svg.match(new RegExp(`translate\\([\\d.]+,([\\d.]+)\\)[^>]*>${name}<`))?.[1])
  );
  assert(Math.abs(tops[0] - tops[1]) >= 12, `${tops}`);
});

const comparison: Comparison = {
  chapter: "test",
  topic: "lib_test",
  question: "Does it?",
  variants: {
    plain: (size) => ({ call: () => size, answer: () => size }),
    other: (size) => ({ call: () => size, answer: () => size }),
  },
  sizes: { quick: [2, 3], full: [4], min: 1, max: 10 },
  headline: 3,
  agree: { with: "plain", within: 1e-12 },
  baseline: "plain",
  limits: [],
  unit: { per: "call" },
  budget: { quick: 0.001, full: 0.001 },
  answer: () => "It does.",
};
const folder = new URL("test/", resultsFolder);

Deno.test("a compare writes its figures, checks and machine as JSON, and leaves no part behind", async () => {
  try {
    const { passed, files } = await compare({ ...comparison, charts: () => ({ lib_test: charts.bar }) }, []);
    assert(passed);
    assertEquals(files, ["results/test/lib_test.json", "results/test/lib_test.svg"]);
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), ["lib_test.json", "lib_test.svg"]);
    const results: Results = JSON.parse(await Deno.readTextFile(new URL("lib_test.json", folder)));
    assertEquals(results.figures.map(({ name, size }) => `${name} ${size}`), [
      "plain 2",
      "plain 3",
      "other 2",
      "other 3",
    ]);
    assert(results.figures.every(({ value, samples }) => value > 0 && samples >= 2));
    assertEquals([results.mode, results.topic, results.machine.deno], ["quick", "lib_test", Deno.version.deno]);
    assert(results.checks.every(({ passed }) => passed));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a compare whose variants disagree fails, closes them all and writes nothing", async () => {
  let closed = 0;
  const wrong = (size: number) => ({ call: () => {}, answer: () => size + 1e-6, close: () => void closed++ });
  try {
    const variants = { ...comparison.variants, wrong };
    await assertRejects(() => compare({ ...comparison, variants }, []), Error, "wrong differs from plain by");
    assertEquals(closed, 1);
    assertEquals([...Deno.readDirSync(folder)], []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a variant that cannot be had is left out and reported as missing", async () => {
  try {
    const compiler = { name: "C compiler", remedy: "install one" };
    const variants = { ...comparison.variants, c: () => null };
    const { passed, missing } = await compare({ ...comparison, variants, limits: ["c"], needs: { c: compiler } }, []);
    assert(passed);
    assertEquals(missing, [compiler]);
    const results: Results = JSON.parse(await Deno.readTextFile(new URL("lib_test.json", folder)));
    assertEquals(new Set(results.figures.map(({ name }) => name)), new Set(["plain", "other"]));
    assertEquals(results.missing, [compiler]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a header is parsed, and one without its tags is refused", () => {
  const header = (tags: string) => `/**\n * Title.\n *\n * What to notice: this.\n *\n${tags} */\n`;
  assertEquals(parseHeader(header(" * @original a.py\n * @run deno run a.ts\n * @takes 2 s\n")), {
    title: "Title.",
    beside: [],
    original: "a.py",
    run: "deno run a.ts",
    takes: 2,
    notice: true,
  });
  assertThrows(() => parseHeader("export {};"), Error, "header");
  assertThrows(() => parseHeader(header(" * @takes 2 s\n")), Error, "@run");
  assertThrows(() => parseHeader(header(" * @run deno run a.ts\n * @takes long\n")), Error, "@takes");
});

Deno.test("the counts of deno test are read off its last line, coloured or not", () => {
  const counts = { passed: 12, failed: 1, skipped: 3 };
  assertEquals(parseCounts("…\nFAILED | 12 passed (3 steps) | 1 failed | 3 ignored (2s)\n"), counts);
  assertEquals(parseCounts("\x1b[31mFAILED\x1b[0m | 12 passed | 1 failed | 3 ignored \x1b[2m(2s)\x1b[0m\n"), counts);
  assertEquals(parseCounts("ok | 2 passed | 0 failed (1s)"), { passed: 2, failed: 0, skipped: 0 });
  assertThrows(() => parseCounts("killed"), Error, "did not say");
});

Deno.test("an older Deno is told from a recent one", () => {
  assertEquals(["2.8.9", "2.9.0", "2.10.1", "3.0.0", "1.46.3"].map(isRecent), [false, true, true, true, false]);
});

Deno.test("setup asks for the packages of what is missing, in one line", () => {
  assertEquals(
    installCommand(parts.slice(0, 2)),
    "apt-get install -y --no-install-recommends gcc libc6-dev libvulkan1 mesa-vulkan-drivers",
  );
});

Deno.test("without a C compiler a limit is null, and nothing is left half-built", async () => {
  const symbols = { norm: { parameters: ["buffer", "i32"], result: "f64" } } as const;
  assertEquals(await openLimit("norm", symbols, { compiler: "no-such-compiler" }), null);
  const left = [...Deno.readDirSync(new URL("limit/", resultsFolder))].map(({ name }) => name);
  assertEquals(left.filter((name) => name.endsWith(`.${Deno.pid}.part`)), []);
});

Deno.test({
  name: "a process that runs is seen, with its children, and one that has ended is not",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const child = new Deno.Command("sh", { args: ["-c", "sleep 60 & wait"] }).spawn();
    let [grandchild] = [0];
    for (let i = 0; i < 100 && !grandchild; i++) {
      [grandchild = 0] = await childrenOf(child.pid);
      await new Promise((later) => setTimeout(later, 20));
    }
    assertEquals([await isRunning(child.pid), await isRunning(grandchild)], [true, true]);
    child.kill("SIGKILL");
    await child.status;
    assertEquals([await isRunning(child.pid), await isRunning(grandchild)], [false, true]);
    Deno.kill(grandchild, "SIGKILL");
    await mustEnd(grandchild);
  },
});

Deno.test("a power is fitted exactly where it is one, and loosely where it is none", () => {
  const xs = [1, 2, 4, 8];
  const { slope, r2 } = fitPower(xs, xs.map((x) => 3 * x ** 1.5));
  assertAlmostEquals(slope, 1.5, 1e-12);
  assertAlmostEquals(r2, 1, 1e-12);
  assertAlmostEquals(fitPower([1, 2, 3, 10], [1, 2, 3, 10].map((x) => 5 * x ** 1.7)).slope, 1.7, 1e-12);
  assert(fitPower(xs, [1, 9, 1, 9]).r2 < 0.9);
  assert(fitPower([1, 2, 3, 4], [2, 1, 2, 1]).r2 < 0.5);
  assertEquals(fitPower(xs, [2, 2, 2, 2]), { slope: 0, r2: 1 });
  assertEquals(fitPower([1, 2], [3, 3]), { slope: 0, r2: 1 });
  assertThrows(() => fitPower([1], [1]), RangeError, "two points");
});

Deno.test("a line is fitted with its slope and intercept", () => {
  const { slope, intercept, r2 } = fitLine([1, 2, 3], [5, 7, 9]);
  assertAlmostEquals(slope, 2, 1e-12);
  assertAlmostEquals(intercept, 3, 1e-12);
  assertAlmostEquals(r2, 1, 1e-12);
});

Deno.test("a median is the middle value, and of two the larger", () => {
  assertEquals([median([3, 1, 2]), median([4, 1, 3, 2]), median([]), quantile([4, 3, 2, 1], 0.75)], [2, 3, NaN, 4]);
});

// The last one: nothing in this process measures properly after it.
Deno.test("a brief compare checks everything, hardly measures, and says so in its results", async () => {
  try {
    const slow = { ...comparison, sizes: { ...comparison.sizes, quick: [2] }, budget: { quick: 1, full: 1 } };
    const start = performance.now();
    assert((await compare(slow, ["--brief"])).passed);
    assert(performance.now() - start < 2000, "2 variants of a second each, and their warm-up");
    const results: Results = JSON.parse(await Deno.readTextFile(new URL("lib_test.json", folder)));
    assertEquals(results.mode, "brief");
    const wrong = () => ({ call: () => {}, answer: () => 7 });
    const variants = { ...comparison.variants, wrong };
    await assertRejects(() => compare({ ...slow, variants }, ["--brief"]), Error, "wrong differs from plain by");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
