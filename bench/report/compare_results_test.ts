import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type Figure, type Results, resultsFormat } from "../lib/results.ts";
import { runScript } from "../lib/script.ts";
import { root } from "../scripts.ts";
import { compareSides, direction, judge, type Side } from "./compare_results.ts";

const of = (value: number, spread = 0.1, samples = 9, more: Partial<Figure> = {}): Figure => ({
  ...{ name: "loop", size: 1, unit: "s per call", value, spread, samples },
  ...more,
});

Deno.test("a difference counts only where the middle halves of the samples do not touch", () => {
  // 0.95 to 1.05 against 1.06 and its half of a tenth: 1.007 to 1.113.
  assertEquals(judge(of(1), of(1.06)).verdict, "within noise");
  assertEquals(judge(of(1), of(1.2)).verdict, "worse");
  assertEquals(judge(of(1.2), of(1)).verdict, "better");
  assertEquals(judge(of(1, 0.5), of(1.2, 0.5)).verdict, "within noise");
  assertEquals(judge(of(1), of(1)), { ratio: 1, noise: 0.1, verdict: "within noise" });
  assertEquals(judge(of(0), of(0)).ratio, 1);
});

Deno.test("of a single sample nothing is said", () => {
  assertEquals(judge(of(1, 0, 1), of(9)).verdict, "one sample");
  assertEquals(judge(of(1), of(9, 0, 1)).verdict, "one sample");
});

Deno.test("less is better of times and bytes, more of rates, and of other units nobody can say", () => {
  assertEquals(["s", "s per call", "bytes", "B", "ns"].map(direction), [-1, -1, -1, -1, -1]);
  assertEquals(["GB/s", "requests a second", "times per ms"].map(direction), [1, 1, 1]);
  assertEquals(["slots", "", "share", "samples"].map(direction), [0, 0, 0, 0]);
  assertEquals(judge(of(1, 0.1, 9, { unit: "GB/s" }), of(2, 0.1, 9, { unit: "GB/s" })).verdict, "better");
  assertEquals(judge(of(1, 0.1, 9, { unit: "slots" }), of(2, 0.1, 9, { unit: "slots" })).verdict, "different");
});

const machine = {
  cpu: "A processor",
  cores: 2,
  memory: 4,
  os: "linux 6 x86_64",
  deno: "2.9.6",
  v8: "15",
  gpu: null,
};
const results = (figures: Figure[], changes: Partial<Results> = {}): Results => ({
  ...{ format: resultsFormat, topic: "norm", question: "?", answer: "!", machine, mode: "quick", figures },
  ...{ measured: "2026-01-02T03:04:05.000Z", checks: [], claims: [], missing: [], tables: [], charts: [] },
  ...changes,
});
const side = (figures: Figure[]): Side => ({ results: new Map([["ch06/norm", results(figures)]]), unreadable: [] });

Deno.test("only what has the same name, size and unit is compared, and only what was measured", () => {
  const pairs = compareSides(
    side([of(1), of(2, 0.1, 9, { size: 2 }), of(3, 0.1, 9, { unit: "bytes" }), of(NaN, 0.1, 9, { name: "x" })]),
    side([of(4), of(5, 0.1, 9, { size: 3 }), of(6, 0.1, 9, { name: "x" })]),
  );
  assertEquals(pairs.map(({ a, b, ratio, verdict }) => [a.value, b.value, ratio, verdict]), [[1, 4, 4, "worse"]]);
});

const command = "deno run --allow-read --allow-write=results bench/report/compare_results.ts";

Deno.test("two folders and two files are compared, and what cannot be read is named", async () => {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, value] of [["a", 1], ["b", 2]] as const) {
      await Deno.mkdir(`${folder}/${name}/ch06`, { recursive: true });
      await Deno.writeTextFile(`${folder}/${name}/ch06/norm.json`, JSON.stringify(results([of(value)])));
    }
    await Deno.writeTextFile(`${folder}/b/ch06/memory.json`, "{");
    const both = await runScript(command, { cwd: root, more: [`${folder}/a`, `${folder}/b`] });
    assertEquals(both.code, 0, both.stderr);
    assertMatch(both.stdout, /ch06\/norm +loop +1 +1 s per call +2 s per call +2 +10 % +worse/);
    assertStringIncludes(both.stdout, "of B 0 are better, 1 worse,");
    assertStringIncludes(both.stdout, "in the median a time of B is 2 of A's");
    assertStringIncludes(both.stdout, "not read of B: ch06/memory.json: damaged: it is not JSON");
    const page = await Deno.readTextFile(new URL("results/report/compare.html", root));
    assert(page.includes(">worse</td>") && page.includes("Content-Security-Policy"));

    const files = [`${folder}/a/ch06/norm.json`, `${folder}/b/ch06/norm.json`];
    const single = await runScript(command, { cwd: root, more: files });
    assertMatch(single.stdout, /norm +loop/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("what cannot be compared is refused with one line and exit code 2", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/empty`);
    const file = async (name: string, text: string) => {
      await Deno.writeTextFile(`${folder}/${name}`, text);
      return `${folder}/${name}`;
    };
    const good = await file("good.json", JSON.stringify(results([of(1)])));
    const old = await file("old.json", JSON.stringify({ ...results([of(1)]), format: 1 }));
    const other = await file("other.json", JSON.stringify(results([of(1)], { topic: "memory" })));
    const refused: [args: string[], message: string][] = [
      [[], "give two results to compare, each a file or a folder (see --help)"],
      [[good], "give two results to compare, each a file or a folder (see --help)"],
      [[good, good, "--fast"], "--fast is not a flag: there are only --all and --help"],
      [[good, `${folder}/none.json`], `${folder}/none.json: there is no such file`],
      [[good, `${folder}/empty`], `${folder}/empty: holds no results (no chNN/*.json)`],
      [[good, old], `${old}: of another version of this suite (format 1, not 2)`],
      [[good, await file("damaged.json", "[")], `${folder}/damaged.json: damaged: it is not JSON`],
      [[good, other], "the two have no figure in common"],
    ];
    for (const [more, message] of refused) {
      const { code, stderr } = await runScript(command, { cwd: root, more });
      assertEquals([code, stderr], [2, `error: ${message}\n`]);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
