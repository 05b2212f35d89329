import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { type Results, resultsFormat } from "../lib/results.ts";
import { runScript } from "../lib/script.ts";
import { table } from "../lib/table.ts";
import { chapters } from "../questions.ts";
import { root } from "../scripts.ts";
import { html } from "./html.ts";
import { techniquesOf } from "./notebook.ts";
import { buildReport } from "./report.ts";
import { parseResults } from "./results.ts";
import { formatFigure, pick } from "./view.ts";

const machine = {
  cpu: "A processor",
  cores: 2,
  memory: 4,
  os: "linux 6 x86_64",
  deno: "2.9.6",
  v8: "15",
  gpu: null,
};

/** Results as ch06/norm leaves them. */
function example(changes: Partial<Results> = {}): Results {
  return {
    format: resultsFormat,
    topic: "norm",
    question: "Why?",
    answer: "Because of <b>4.5x</b> & more.",
    machine,
    // Later than the scripts were changed.
    measured: new Date(Date.now() + 60_000).toISOString(),
    mode: "quick",
    figures: [
      { name: "loop", size: 10, value: 2e-6, unit: "s per call", samples: 5, spread: 0.04 },
      { name: "loop", size: 20, value: 4e-6, unit: "s per call", samples: 5, spread: 0.02 },
      { name: "wasm_simd", size: 20, value: 1e-6, unit: "s per call", samples: 1, spread: 0 },
    ],
    checks: [{ claim: "all agree", passed: true, evidence: "0" }],
    claims: [{ claim: "reduce is fast", held: false, evidence: "it is not" }],
    missing: [{ name: "C compiler", remedy: "apt-get install gcc" }],
    tables: [table(["name", "ms"], [["loop", "4"]]), "a line"],
    charts: [{ file: "norm.svg", title: "Norms" }],
    ...changes,
  };
}

async function withResults(files: Record<string, string>, test: (folder: URL) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempDir();
  try {
    for (const [name, text] of Object.entries(files)) {
      await Deno.mkdir(`${path}/${name.split("/")[0]}`, { recursive: true });
      await Deno.writeTextFile(`${path}/${name}`, text);
    }
    await test(new URL(`file://${path}/`));
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}

const count = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].length;

Deno.test("without any results every question stands there with the command that answers it", () =>
  withResults({}, async (folder) => {
    const { text, answered, of } = await buildReport(folder);
    const questions = chapters.flatMap(({ questions }) => questions);
    assertEquals([answered, of], [0, questions.length]);
    assertEquals(count(text, /<article /g), of);
    assertEquals(count(text, /Not measured here\./g), questions.flatMap(({ answers }) => answers).length);
    assertStringIncludes(text, "nothing has been measured here yet: deno task tour");
  }));

Deno.test("an answer comes with its figures, charts, tables, checks and claims, and what is text stays text", () =>
  withResults({
    "ch06/norm.json": JSON.stringify(example()),
    "ch06/norm.svg": `<svg width="9"><clipPath id="clip0"/><g clip-path="url(#clip0)"/></svg>`,
  }, async (folder) => {
    const { text, answered } = await buildReport(folder);
    assertEquals(answered, 1);
    assertStringIncludes(text, "Because of &#60;b&#62;4.5x&#60;/b&#62; &#38; more.");
    // Of two sizes the larger, and the second figure over the first.
    assertMatch(text, /<th scope="row">loop<\/th><td class="right">4 µs per call<\/td><td class="right">2 %<\/td>/);
    assertMatch(text, /<th scope="row">wasm_simd<\/th>.*<td class="right">0\.25<\/td>/);
    assertStringIncludes(text, `<clipPath id="ch06-norm-svg-clip0"/><g clip-path="url(#ch06-norm-svg-clip0)"/>`);
    assertStringIncludes(text, `<td class="right">4</td>`);
    assertStringIncludes(text, "<p>a line</p>");
    assertMatch(text, /did not hold<\/span> reduce is fast: <span class="evidence">it is not/);
    assertMatch(text, /not run<\/span> what needs C compiler: <span class="evidence">apt-get install gcc/);
    assertStringIncludes(text, `<a href="../../ch06/norm/norm_wasm_simd.ts">`);
    assert(!text.includes("Take it with care"), "nothing is wrong with these results");
  }));

Deno.test("what is old, brief, of another version, damaged or without its chart is shown as that", async () => {
  const shown = async (changes: Partial<Results> | string) => {
    let page = "";
    const text = typeof changes === "string" ? changes : JSON.stringify(example(changes));
    await withResults({ "ch06/norm.json": text }, async (folder) => {
      page = (await buildReport(folder)).text;
    });
    return page;
  };
  assertMatch(await shown({ measured: "2020-01-01T00:00:00.000Z" }), /measured before \w+\.ts was last changed/);
  assertStringIncludes(await shown({ mode: "brief" }), "measured nothing that counts");
  assertStringIncludes(await shown({}), "The chart «Norms» is not there, or not whole.");
  assertStringIncludes(
    await shown({ format: 1 } as unknown as Partial<Results>),
    "of another version of this suite (format 1, not 2)",
  );
  assertStringIncludes(await shown("{"), "Its results cannot be read: damaged: it is not JSON.");
});

Deno.test("results of two machines are shown, and that they cannot be compared is said", () =>
  withResults({
    "ch06/norm.json": JSON.stringify(example()),
    "ch06/memory.json": JSON.stringify(example({ topic: "memory", machine: { ...machine, cpu: "Another <CPU>" } })),
  }, async (folder) => {
    const { text } = await buildReport(folder);
    assertStringIncludes(text, "These results come from 2 machines");
    assertStringIncludes(text, "Another &#60;CPU&#62;");
  }));

Deno.test("damage is named: no JSON, no results, a list or a word missing, no machine, no date", () => {
  const broken = (changes: Record<string, unknown>) => () => parseResults(JSON.stringify({ ...example(), ...changes }));
  assertEquals(parseResults(JSON.stringify(example())).topic, "norm");
  assertThrows(() => parseResults("["), Error, "damaged: it is not JSON");
  assertThrows(() => parseResults("null"), Error, "no results of a compare");
  assertThrows(() => parseResults(`{"a": 1}`), Error, "no results of a compare");
  assertThrows(broken({ format: undefined }), Error, "of another version of this suite (format 1, not 2)");
  assertThrows(broken({ claims: 3 }), Error, "damaged: «claims» is not as it should be");
  assertThrows(broken({ answer: null }), Error, "damaged: «answer» is not as it should be");
  assertThrows(broken({ figures: [{ name: "x" }] }), Error, "damaged: a figure without a name or a unit");
  assertThrows(broken({ machine: {} }), Error, "damaged: it does not say on which machine");
  assertThrows(broken({ measured: "yesterday" }), Error, "damaged: it does not say when");
});

Deno.test("a figure is written in the unit that reads best", () => {
  const written = (value: number | null, unit: string) =>
    formatFigure({ name: "", size: 1, value: value as number, unit, samples: 1, spread: 0 });
  assertEquals(
    [
      written(2e-6, "s per call"),
      written(0.5, "s"),
      written(2048, "bytes per word"),
      written(5, "B"),
      written(3, "GB/s"),
    ],
    ["2 µs per call", "500 ms", "2 KiB per word", "5 bytes", "3 GB/s"],
  );
  // NaN, as JSON has it.
  assertEquals(written(null, "s"), "not measured");
  assertEquals(pick(example(), "loop")!.size, 20);
  assertEquals(pick(example(), "none"), undefined);
});

Deno.test("a template escapes what is put in, joins lists and leaves out what is not there", () => {
  assertEquals(
    html`<p title="${`"'`}">${["<", html`<i>&amp;</i>`]}${false}${undefined}${0}</p>`.text,
    `<p title="&#34;&#39;">&#60;<i>&amp;</i>0</p>`,
  );
});

Deno.test("the scripts of a compare are those that it names, or else all of its folder", () => {
  const technique = (path: string) => ({ path, source: "" });
  const all = ["ch06/norm/a.ts", "ch06/norm/b.ts", "ch06/memory/a.ts"].map(technique);
  const paths = (source: string) => techniquesOf({ path: "ch06/norm/compare.ts", source }, all).map(({ path }) => path);
  assertEquals(paths(`import "./b.ts";`), ["ch06/norm/b.ts"]);
  assertEquals(paths(""), ["ch06/norm/a.ts", "ch06/norm/b.ts"]);
});

Deno.test("an unknown flag is refused with one line and exit code 2", async () => {
  const run = "deno run --allow-read=. bench/report/report.ts";
  const { code, stderr } = await runScript(run, { cwd: root, more: ["--force"] });
  assertEquals([code, stderr], [2, "error: --force is not a flag of the report: there is only --help\n"]);
});
