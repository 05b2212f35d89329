/**
 * What types buy: those that V8 sees, those that it does not, and those that it took for granted.
 *
 * V8's own traces say why code was thrown away; the times are only shown beside that.
 *
 * @original none, chapter 8's questions on JIT and AOT compilers and on type annotations
 * @run deno run --allow-read=. --allow-write=results --allow-run=deno --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch08/jit/compare_types.ts
 * @takes 9 s
 */

import { barChart, palette } from "../../bench/lib/chart.ts";
import { measureInTurns, type Measurement } from "../../bench/lib/measure.ts";
import { type Figure, figure } from "../../bench/lib/results.ts";
import { compareSections, needing, type Section } from "../../bench/lib/sections.ts";
import { median } from "../../bench/lib/statistics.ts";
import { formatNumber, formatRatio, formatTime, table } from "../../bench/lib/table.ts";
import { denoOnPath } from "../../bench/parts.ts";
import { annotatedSource, pairs as unseenPairs, withoutTypes } from "./annotations.ts";
import { cases, type Deoptimisation, deoptimise } from "./deoptimisation.ts";
import { freshCopy, makeKinds, makeShapes, type Point, shapeCounts, sumX } from "./shapes.ts";
import { pairs as hintPairs } from "./type_hints.ts";

export function run(args: readonly string[]) {
  return compareSections({
    chapter: "ch08",
    topic: "jit_types",
    question: "Why do type annotations help, and what happens when V8 guessed wrong?",
    answer: "V8 compiles for the types it has seen",
  }, {
    deoptimisation: needing(denoOnPath, deoptimisationSection),
    shapes: shapesSection,
    annotations: annotationsSection,
  }, args);
}

/** Bets lost, one by one. */
async function deoptimisationSection(full: boolean): Promise<Section> {
  const runs: Record<string, Deoptimisation>[] = [];
  for (let i = 0; i < (full ? 7 : 1); i++) runs.push(await deoptimise());
  const names = Object.keys(cases);
  const typical = (name: string, key: "before" | "after" | "lost" | "recovery") =>
    median(runs.map((run) => run[name][key]));
  const slower = (name: string) => typical(name, "after") / typical(name, "before");
  const all = names.flatMap((name) => runs.map((run) => run[name]));
  const lasting = names.filter((name) => slower(name) >= 1.3).toSorted((a, b) => slower(b) - slower(a));
  const dearest = names.toSorted((a, b) => slower(b) - slower(a))[0];
  const share = median(names.map((name) => typical(name, "lost") / typical(name, "before")));
  const expected = (name: string) => runs.every((run) => run[name].reason?.startsWith(cases[name].reason));
  return {
    tables: [table(
      [
        "first seen",
        { head: "V8's reason", align: "left" },
        "a call",
        "the call that lost",
        "falls to",
        "optimised in",
        "a call after",
        "slower",
      ],
      names.map((name) => [
        name.replaceAll("_", " "),
        (runs[0][name].reason ?? "none").slice(0, 26),
        formatTime(typical(name, "before")),
        formatTime(typical(name, "lost")),
        runs[0][name].tiers[1],
        formatTime(typical(name, "recovery")),
        formatTime(typical(name, "after")),
        formatRatio(slower(name)),
      ]),
    )],
    figures: names.flatMap((name) =>
      (["before", "lost", "recovery", "after"] as const).map((key) =>
        figure(`deoptimisation ${name}: ${key}`, 1000, typical(name, key), "s", runs.map((run) => run[name][key]))
      )
    ),
    checks: [
      {
        claim: "each function was in TurboFan before, fell out of it at the unusual input with a reason, and came back",
        passed: all.every(({ reason, tiers: [before, fallen, end] }) =>
          reason && before === "Turbofan" && fallen !== "Turbofan" && end === "Turbofan"
        ),
        evidence: names.map((name) => `${name}: ${runs[0][name].tiers.join(" > ")} (${runs[0][name].reason})`).join(
          "; ",
        ),
      },
      {
        claim: "optimised anew, each comes to what it comes to where it is called once",
        passed: names.every((name) =>
          runs.every(({ [name]: { results } }) => {
            const { kernel, usual, unusual } = cases[name];
            return results[0] === kernel(usual()) && results[1] === kernel(unusual());
          })
        ),
        evidence: names.join(", "),
      },
    ],
    claims: [
      {
        claim: "V8 gives the reasons that it gave when this was written (V8 15.0)",
        held: names.every(expected),
        evidence:
          names.filter((name) => !expected(name)).map((name) => `${name}: ${runs[0][name].reason}`).join("; ") ||
          `all ${names.length}`,
      },
      {
        claim: "the call that loses takes ten times as long as an optimised one, or more",
        held: names.every((name) => typical(name, "lost") >= 10 * typical(name, "before")),
        evidence: `${formatRatio(share)} in the median`,
      },
      {
        claim: "once optimised anew the function is as fast as before (within 30%)",
        held: lasting.length === 0,
        evidence: lasting.length === 0
          ? "all are"
          : `not after ${
            lasting.map((name) => `${name.replaceAll("_", " ")} (${formatRatio(slower(name))})`).join(", ")
          }: its code allows for both now`,
      },
    ],
    finding:
      `the call that shows a function something new takes ${
        formatRatio(share)
      } its time, and the function stays up to ` +
      `${formatRatio(slower(dearest))} slower (${dearest.replaceAll("_", " ")})`,
  };
}

/** One place in the code, more and more shapes. */
async function shapesSection(full: boolean): Promise<Section> {
  const count = 400, inputs: Record<string, Point[]> = {};
  for (const shapes of shapeCounts) inputs[`${shapes} shape${shapes > 1 ? "s" : ""}`] = makeShapes(count, shapes);
  inputs["8 kinds of one shape"] = makeKinds(count, 8);
  const names = Object.keys(inputs);
  const calls = Object.fromEntries(names.map((name) => {
    const sum = freshCopy(sumX);
    return [name, () => sum(inputs[name])];
  }));
  const sums = names.map((name) => calls[name]()), expected = count * (count - 1) / 2;
  const readings = await measureInTurns(calls, { budget: full ? 1 : 0.05 });
  const time = (name: string) => readings[name].median / count;
  const ratio = (name: string) => time(name) / time("1 shape");
  return {
    tables: [table(
      ["read .x of objects of", "an object", "vs 1 shape"],
      names.map((name) => [name, formatTime(time(name)), formatRatio(ratio(name))]),
    )],
    charts: {
      jit_shapes: barChart({
        title: "Shapes of objects at one place in the code",
        x: { title: "ns to read .x of an object and add it" },
        bars: names.map((name) => ({
          name,
          value: time(name) * 1e9,
          color: palette[/[58] shapes/.test(name) ? 1 : 0],
        })),
        text: (value) => `${formatNumber(value)} ns`,
      }),
    },
    figures: names.map((name) => reading(`shapes: ${name}`, count, readings[name], count)),
    checks: [{
      claim: "objects of every shape sum to the same",
      passed: sums.every((sum) => sum === expected),
      evidence: sums.join(", "),
    }],
    claims: [
      {
        claim: "the fifth shape costs more than the three before it together",
        held: ratio("5 shapes") - ratio("4 shapes") > ratio("4 shapes") - ratio("1 shape"),
        evidence: `${formatRatio(ratio("4 shapes"))} at four, ${formatRatio(ratio("5 shapes"))} at five, of one shape`,
      },
      {
        claim: "kinds told apart by a field cost nothing (within 20%)",
        held: ratio("8 kinds of one shape") <= 1.2,
        evidence: formatRatio(ratio("8 kinds of one shape")),
      },
    ],
    finding: `reading a field costs ${formatRatio(ratio("8 shapes"))} as much with 8 shapes as with one`,
  };
}

/** Types that V8 does not see, and code that tells it some. */
async function annotationsSection(full: boolean): Promise<Section> {
  // Few enough for the first cache, so that what else the machine does matters less.
  const count = 1000;
  const pairs = Object.entries({ ...unseenPairs, ...hintPairs }).map(([name, make]) => ({ name, ...make(count) }));
  const calls: Record<string, () => number> = {}, differing: string[] = [];
  for (const { name, plain, hinted } of pairs) {
    calls[`${name} plain`] = plain;
    calls[`${name} hinted`] = hinted;
    if (plain() !== hinted()) differing.push(name);
  }
  const readings = await measureInTurns(calls, { budget: full ? 0.5 : 0.05 });
  const time = (name: string, which: "plain" | "hinted") => readings[`${name} ${which}`].median / count;
  const gain = (name: string) => time(name, "plain") / time(name, "hinted");
  const { plain, hinted } = pairs.find(({ name }) => name === "annotations")!;
  const stripped = withoutTypes(annotatedSource);
  const pays = ["integer", "imul", "typed_array", "all_fields"];
  return {
    tables: [table(
      [{ head: "what is said", align: "left" }, "without", "with", "times as fast"],
      pairs.map(({ name, hint }) => [
        hint,
        formatTime(time(name, "plain")),
        formatTime(time(name, "hinted")),
        formatRatio(gain(name)),
      ]),
    )],
    figures: pairs.flatMap(({ name }) =>
      (["plain", "hinted"] as const).map((which) =>
        reading(`${name}: ${which}`, count, readings[`${name} ${which}`], count)
      )
    ),
    checks: [
      {
        claim: "the annotated loop reaches V8 as the very same characters as the plain one",
        passed: `${plain}` === `${hinted}` && !/Metres|readonly|number/.test(stripped),
        evidence: stripped,
      },
      {
        claim: "both loops of each pair come to the same number",
        passed: differing.length === 0,
        evidence: differing.join(", ") || `all ${pairs.length} pairs`,
      },
    ],
    claims: [
      {
        claim: "annotations change nothing, nor does a const enum in place of texts (within 25%)",
        held: ["annotations", "enums"].every((name) => Math.abs(Math.log(gain(name))) <= Math.log(1.25)),
        evidence:
          `annotations ${formatRatio(gain("annotations"))}, enums ${formatRatio(gain("enums"))}; the first two are ` +
          "the same code, so what they differ by is the noise of this run",
      },
      {
        claim: "values and operations that have a type pay (1.5 times or more)",
        held: pays.every((name) => gain(name) >= 1.5),
        evidence: pays.map((name) => `${name} ${formatRatio(gain(name))}`).join(", "),
      },
      {
        claim: "Math.fround, which promises single precision, pays too",
        held: gain("fround") > 1,
        evidence: `${formatRatio(gain("fround"))}; V8 computes in doubles and rounds each result on top`,
      },
    ],
    finding: `annotations are gone before V8 looks, while | 0 made a sum ${
      formatRatio(gain("integer"))
    } and a typed array a loop ${formatRatio(gain("typed_array"))} as fast`,
  };
}

function reading(name: string, size: number, { median, samples, spread }: Measurement, count: number): Figure {
  return { name, size, value: median / count, unit: "s per element", samples, spread };
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
