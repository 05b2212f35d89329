/**
 * The Julia set in single precision: what it gains, and what it changes.
 *
 * @original 08_compiling/pytorch/ (whose tensors have single precision)
 * @run deno run --allow-read=. --allow-write=results --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch08/julia/compare_precision.ts
 * @takes 5 s
 */

import { measureInTurns } from "../../bench/lib/measure.ts";
import { compareSections, type Section } from "../../bench/lib/sections.ts";
import { formatRatio, formatTime, table } from "../../bench/lib/table.ts";
import * as float32 from "./julia_float32.ts";
import * as typedArrays from "./julia_typed_arrays.ts";

async function julia(full: boolean): Promise<Section> {
  const width = full ? 1000 : 400;
  const double = typedArrays.experiment(width), single = float32.experiment(width);
  const times = await measureInTurns({ float64: double.run, float32: single.run }, { budget: full ? 2 : 0.5 });
  const [doubles, singles] = [double.counts(), single.counts()];
  const sum = (counts: Int32Array) => counts.reduce((sum, n) => sum + n, 0);
  const changed = doubles.filter((n, i) => n !== singles[i]).length;
  const largest = doubles.reduce((most, n, i) => Math.max(most, Math.abs(n - singles[i])), 0);
  const ratio = times.float64.median / times.float32.median;
  const figure = (name: "float64" | "float32") => ({
    name,
    size: width,
    value: times[name].median,
    unit: "s per set",
    samples: times[name].samples,
    spread: times[name].spread,
  });
  return {
    tables: [table(
      [`at ${width} x ${width}`, "a set", "vs float64", "sum of the counts"],
      [
        ["float64", formatTime(times.float64.median), "1x", sum(doubles)],
        ["float32", formatTime(times.float32.median), formatRatio(ratio), sum(singles)],
      ].map((row) => row.map(String)),
    )],
    figures: [figure("float64"), figure("float32")],
    checks: [
      {
        claim: "single precision gives another sum",
        passed: sum(doubles) !== sum(singles),
        evidence: `${sum(singles)} and not ${sum(doubles)}`,
      },
      {
        claim: "it is the edge of the set that moves: fewer than one point in fifty changes",
        passed: changed > 0 && changed < doubles.length / 50,
        evidence: `${changed} of ${doubles.length} points have another count, by up to ${largest}`,
      },
    ],
    claims: [{
      claim: "single precision is faster",
      held: ratio > 1,
      evidence: `${formatRatio(ratio)} as fast: V8 rounds by converting to 32 bits and back, in the chain of each step`,
    }],
    finding: `${formatRatio(ratio)} as fast, and ${changed} of ${doubles.length} points come out differently`,
  };
}

export async function run(args: readonly string[]) {
  return await compareSections(
    {
      chapter: "ch08",
      topic: "julia_precision",
      question: "Would half the bits do, and be twice as fast?",
      answer: "Not in plain TypeScript",
    },
    { julia },
    args,
  );
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
