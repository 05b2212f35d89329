/**
 * Which tests see that fast code went wrong: an example with a known result, and properties against a slow version.
 *
 * @original none, chapter 2's question on correctness while tuning
 * @run deno run --allow-read=. --allow-write=results --allow-env=XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch02/correctness/compare.ts
 * @takes 3 s
 */

import { barChart, palette } from "../../bench/lib/chart.ts";
import { figure } from "../../bench/lib/results.ts";
import { compareSections, type Section } from "../../bench/lib/sections.ts";
import { table } from "../../bench/lib/table.ts";
import { tryMutations, verdict } from "./property_tests.ts";

export function run(args: readonly string[]) {
  return compareSections(
    {
      chapter: "ch02",
      topic: "correctness",
      question: "How do I keep my code correct while tuning performance?",
      answer: "Hold the fast version to a slow one on inputs made up by a machine",
    },
    { mutations },
    args,
  );
}

function mutations(): Section {
  const rows = tryMutations(), mutants = rows.filter(({ mutation }) => mutation !== "none"), all = mutants.length;
  const tests = { example: "one example", ordinary: "property, ordinary numbers", property: "property, edges too" };
  const keys = Object.keys(tests) as (keyof typeof tests)[];
  const caught = (test: typeof keys[number]) => mutants.filter((row) => row[test] !== undefined).length;
  const missedBy = (test: typeof keys[number]) =>
    mutants.filter((row) => row[test] === undefined).map(({ subject, mutation }) => `${subject}: ${mutation}`);
  const unchanged = rows.filter(({ mutation }) => mutation === "none");
  return {
    tables: [table(
      [
        "function",
        { head: "mutation", align: "left" },
        ...keys.map((test) => ({ head: tests[test], align: "left" as const })),
        { head: "smallest input that fails", align: "left" },
      ],
      rows.map((row) => [
        row.subject,
        row.mutation,
        ...keys.map((test) => verdict(row, row[test])),
        row.property ?? "",
      ]),
    )],
    charts: {
      correctness: barChart({
        title: `Mutations caught, of ${all}`,
        x: { title: "mutations of the fast functions" },
        bars: keys.map((test) => ({
          name: tests[test],
          value: caught(test),
          color: palette[test === "example" ? 1 : 0],
        })),
        text: (value) => `${value} of ${all}`,
      }),
    },
    figures: keys.map((test) => figure(`caught: ${tests[test]}`, all, caught(test), "mutations")),
    checks: [
      {
        claim: "as they are, both fast functions pass all tests",
        passed: unchanged.every((row) => keys.every((test) => row[test] === undefined)),
        evidence: unchanged.map(({ subject, property }) => `${subject}: ${property ?? "passes"}`).join(", "),
      },
      {
        claim: "the property catches every mutation",
        passed: caught("property") === all,
        evidence: missedBy("property").join(", ") || `all ${all}`,
      },
    ],
    claims: [
      {
        claim: "an example with a known result sees most mutations",
        held: caught("example") > all / 2,
        evidence: `${caught("example")} of ${all}`,
      },
      {
        claim: "ordinary numbers are enough for the property",
        held: caught("ordinary") === all,
        evidence: `${caught("ordinary")} of ${all}; missed ${missedBy("ordinary").join(", ") || "none"}`,
      },
    ],
    finding: `of ${all} mutations ${keys.map((test) => `${tests[test]} caught ${caught(test)}`).join("; ")}`,
  };
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
