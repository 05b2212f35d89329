/**
 * How large is a value? Three ways that can be right, and what libraries from npm answer.
 *
 * @original 12_less_ram/getsizeof/asizeof.py
 * @run deno run --allow-read=. --allow-write=results --allow-run=deno --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch12/getsizeof/compare.ts
 * @takes 5 s
 */

import objectSizeof from "npm:object-sizeof@2.6.5";
import jsSizeof from "npm:js-sizeof@0.0.1";
import sizeof from "npm:sizeof@1.0.0";
import { barChart, palette } from "../../bench/lib/chart.ts";
import { figure } from "../../bench/lib/results.ts";
import { compareSections, needing, type Section } from "../../bench/lib/sections.ts";
import { quantile } from "../../bench/lib/statistics.ts";
import { formatNumber, formatRatio, formatTime, table } from "../../bench/lib/table.ts";
import { denoOnPath } from "../../bench/parts.ts";
import { examples } from "./size_by_heap_difference.ts";
import { sizeOf } from "./size_by_walking.ts";

export function run(args: readonly string[]) {
  return compareSections(
    {
      chapter: "ch12",
      topic: "getsizeof",
      question: "How large is a value, with all that it holds?",
      answer: "Against the growth of the heap by a thousand copies",
    },
    { sizes: needing(denoOnPath, sizes) },
    args,
  );
}

/** What a module's text says on stdout, as JSON, in a process of its own, whose heap nobody else uses. */
async function evaluate<T>(flags: string[], source: string): Promise<T> {
  const args = ["run", "--no-prompt", "--no-config", "--no-lock", ...flags, "--ext=ts", "-"];
  const child = new Deno.Command("deno", { args, stdin: "piped", stdout: "piped", stderr: "piped" }).spawn();
  const output = child.output(), writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(source));
  await writer.close();
  const { success, stdout, stderr } = await output;
  if (!success) throw new Error(`deno ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

const module = (name: string) => JSON.stringify(import.meta.resolve(`./size_by_${name}.ts`));

const libraries: Record<string, (value: unknown) => number> = {
  "object-sizeof": objectSizeof,
  "js-sizeof": jsSizeof,
  sizeof: sizeof.sizeof,
};

/** What a library answers; NaN where it throws or answers with no number, as on what refers to itself. */
function ask(library: string, value: unknown): number {
  const log = console.log;
  // One of them prints the stack of what went wrong.
  console.log = () => {};
  try {
    const answer: unknown = libraries[library](value);
    return typeof answer === "number" ? answer : NaN;
  } catch {
    return NaN;
  } finally {
    console.log = log;
  }
}

async function sizes(): Promise<Section> {
  const names = Object.keys(examples);
  // Each made a few times first: V8 gives the first instances of a class room to spare.
  const made = `Object.values(examples).map(({ make }) => Array.from({ length: 20 }, (_, i) => make(i)).pop())`;
  const heap = await evaluate<number[]>(
    ["--v8-flags=--single-threaded,--expose-gc"],
    `import { measureExamples } from ${module("heap_difference")};
     console.log(JSON.stringify(Object.values(measureExamples())));`,
  );
  const { snapshot, seconds } = await evaluate<{ snapshot: number[]; seconds: number }>(
    [],
    `import { examples } from ${module("heap_difference")};
     import { retainedSizes } from ${module("snapshot")};
     const values = ${made}, start = performance.now();
     await retainedSizes([1]);
     const seconds = (performance.now() - start) / 1000;
     console.log(JSON.stringify({ snapshot: await retainedSizes(values), seconds }));`,
  );
  const values = names.map((name) => examples[name].make(1));
  const walked = values.map(sizeOf), walk = walked.map(({ bytes }) => bytes);
  const start = performance.now();
  for (let i = 0; i < 10; i++) values.forEach(sizeOf);
  const walkSeconds = (performance.now() - start) / 1000 / 10 / names.length;
  const asked = Object.keys(libraries), answers = asked.map((library) => values.map((value) => ask(library, value)));

  // Where the heap cannot tell: a number that lies in its place takes nothing, and shared bytes are not counted.
  const truth = (i: number) => names[i].startsWith("SharedArrayBuffer") ? snapshot[i] : heap[i];
  const close = (size: number, i: number) => Math.abs(size - truth(i)) <= Math.max(0.1 * truth(i), 1);
  const known = (i: number) => !examples[names[i]].unseen && walked[i].guesses.length === 0;
  const off = (sizes: number[], which: (i: number) => boolean) =>
    names.filter((_, i) => which(i) && !close(sizes[i], i)).map((name) => {
      const i = names.indexOf(name);
      return `${name}: ${formatNumber(sizes[i])}, not ${formatNumber(truth(i))}`;
    });
  /** How many times too small or too large. */
  const factor = (size: number, i: number) => truth(i) < 8 ? NaN : Math.max(truth(i) / size, size / truth(i));
  const factors = (sizes: number[]) => sizes.map(factor).filter((value) => !Number.isNaN(value));
  const right = (sizes: number[]) => sizes.filter((size, i) => close(size, i)).length;
  const methods: [string, number[]][] = [
    ["walking", walk],
    ["snapshot", snapshot],
    ...asked.map((library, i): [string, number[]] => [library, answers[i]]),
  ];
  const best = Math.max(...answers.map(right));
  return {
    tables: [
      table(
        [
          "bytes of",
          "heap grows by",
          "walking",
          "snapshot",
          ...asked,
          { head: "what walking does not see", align: "left" },
        ],
        names.map((name, i) => [
          name,
          heap[i].toFixed(0),
          ...methods.map(([, sizes]) => Number.isNaN(sizes[i]) ? "fails" : formatNumber(sizes[i])),
          examples[name].unseen ?? "",
        ]),
      ),
      table(
        ["", `right within 10 %, of ${names.length}`, "times off, median", "fails or says 0"],
        methods.map(([method, sizes]) => [
          method,
          `${right(sizes)}`,
          formatRatio(quantile(factors(sizes), 0.5)),
          `${sizes.filter((size, i) => Number.isNaN(size) || size === 0 && truth(i) >= 8).length}`,
        ]),
      ),
    ],
    charts: {
      getsizeof: barChart({
        title: `Who knows how large a value is? Of ${names.length} kinds, right within 10 %`,
        x: { title: "kinds of values (orange: libraries from npm)" },
        bars: methods.map(([name, sizes]) => ({
          name,
          value: right(sizes),
          color: palette[asked.includes(name) ? 1 : 0],
        })),
        text: String,
      }),
    },
    figures: [["heap difference", heap] as [string, number[]], ...methods].flatMap(([method, sizes]) =>
      names.flatMap((name, i) => Number.isNaN(sizes[i]) ? [] : [figure(`${method}: ${name}`, 1, sizes[i], "bytes")])
    ),
    checks: [
      {
        claim: "walking comes within 10 % of the heap's growth for every kind whose parts the language shows",
        passed: off(walk, known).length === 0,
        evidence: off(walk, known).join("; ") || `${names.filter((_, i) => known(i)).length} kinds`,
      },
      {
        claim: "and does not for at least four of the kinds with parts that it does not show",
        passed: off(walk, (i) => !known(i)).length >= 4,
        evidence: off(walk, (i) => !known(i)).join("; "),
      },
      {
        claim: "the snapshot does for all but what only one value of a kind would keep alive",
        passed: off(snapshot, (i) => !/^RegExp|private/.test(names[i])).length === 0,
        evidence: off(snapshot, () => true).join("; ") || "all",
      },
    ],
    claims: [
      {
        claim: "no library is right within 10 % for more than a third of the kinds",
        held: best <= names.length / 3,
        evidence: asked.map((library, i) => `${library} for ${right(answers[i])}`).join(", ") + ` of ${names.length}`,
      },
      {
        claim: "a snapshot takes a thousand times as long as a walk, or more",
        held: seconds >= 1000 * walkSeconds,
        evidence: `${formatTime(seconds)} and ${formatTime(walkSeconds)}`,
      },
    ],
    finding:
      `walking is right for ${right(walk)} of ${names.length} kinds in ${formatTime(walkSeconds)} each, a snapshot ` +
      `for ${right(snapshot)} in ${formatTime(seconds)}, ${
        asked.map((library, i) => `${library} for ${right(answers[i])}`).join(", ")
      }`,
  };
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
