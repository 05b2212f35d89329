/**
 * Types that change, pauses of the collector, and one thread.
 *
 * @original none, chapter 1's question on hurdles to performant code
 * @run deno run --allow-read=. --allow-write=results --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch01/compare_hurdles.ts
 * @takes 3 s
 */

import { figure } from "../bench/lib/results.ts";
import { compareSections, type Section } from "../bench/lib/sections.ts";
import { median } from "../bench/lib/statistics.ts";
import { formatRatio, formatTime, table } from "../bench/lib/table.ts";
import { longestPause, meetAnotherType, timerBesideWork } from "./hurdles.ts";

export function run(args: readonly string[]) {
  return compareSections(
    {
      chapter: "ch01",
      topic: "hurdles",
      question: "What are some of the hurdles to making performant TypeScript code?",
      answer: "Types that V8 learns instead of being told, memory that it clears, and one thread for everything",
    },
    { types, pauses, thread },
    args,
  );
}

/** One function that has seen numbers, meets texts once, and sees numbers again. */
function types(full: boolean): Section {
  const runs = Array.from({ length: full ? 15 : 3 }, () => meetAnotherType());
  const typical = (key: "before" | "meeting" | "after") => median(runs.map((run) => run[key])) / 1e9;
  const slower = typical("after") / typical("before");
  const rows = { before: "numbers only", meeting: "the one call with texts", after: "numbers again" } as const;
  const keys = Object.keys(rows) as (keyof typeof rows)[];
  return {
    tables: [table(
      ["one function for a sum", "an element", "vs numbers only"],
      keys.map((key) => [rows[key], formatTime(typical(key)), formatRatio(typical(key) / typical("before"))]),
    )],
    figures: keys.map((key) =>
      figure(`types: ${key}`, 1000, typical(key), "s per element", runs.map((run) => run[key] / 1e9))
    ),
    checks: [{
      claim: "the sum of the numbers is the same before and after, and the texts are joined",
      passed: true,
      evidence: `${runs.length} runs`,
    }],
    claims: [{
      claim: "a function that once met texts is slower for numbers ever after (1.3 times or more)",
      held: slower >= 1.3,
      evidence: formatRatio(slower),
    }],
    finding: `a function that once met texts takes ${formatRatio(slower)} the time for numbers`,
  };
}

/** Equal steps, of which some are not. */
function pauses(full: boolean): Section {
  const steps = full ? 4000 : 600, kinds = ["objects", "typed array"] as const;
  const found = kinds.map((how) => longestPause(how, steps));
  const [objects, flat] = found;
  return {
    tables: [table(
      [`${steps} equal steps, of which the last 100 are kept`, "median", "longest", "longest / median"],
      kinds.map((how, i) => [
        how,
        formatTime(found[i].median / 1000),
        formatTime(found[i].longest / 1000),
        formatRatio(found[i].longest / found[i].median),
      ]),
    )],
    figures: kinds.flatMap((how, i) =>
      (["median", "longest"] as const).map((key) =>
        figure(`pauses ${how}: ${key}`, steps, found[i][key] / 1000, "s per step")
      )
    ),
    checks: [{
      claim: "what is kept at the end adds up to what the steps wrote, for both",
      passed: true,
      evidence: "each compares its sum with the formula's, and throws if it differs",
    }],
    claims: [
      {
        claim: "the longest of equal steps takes ten times as long as the median one, where each makes objects",
        held: objects.longest >= 10 * objects.median,
        evidence: formatRatio(objects.longest / objects.median),
      },
      {
        claim: "writing over a typed array instead, a step takes less than a tenth, and the longest is shorter too",
        held: flat.median < objects.median / 10 && flat.longest < objects.longest,
        evidence: `${formatRatio(objects.median / flat.median)} as fast; ${
          formatTime(flat.longest / 1000)
        } for the longest (the system's own interruptions are in there)`,
      },
    ],
    finding: `of equal steps that make objects the longest takes ${formatTime(objects.longest / 1000)}, ${
      formatRatio(objects.longest / objects.median)
    } the median`,
  };
}

/** A timer of 1 ms beside 200 ms of work, in one piece and in smaller ones. */
async function thread(full: boolean): Promise<Section> {
  const work = full ? 2000 : 200, pieces = [work, 50, 10, 2];
  const found: { fired: number; longest: number }[] = [];
  for (const piece of pieces) found.push(await timerBesideWork(work, piece));
  const [whole, smallest] = [found[0], found.at(-1)!];
  return {
    tables: [table(
      [`${work} ms of work, in pieces of`, "the timer of 1 ms fired", "longest wait"],
      pieces.map((piece, i) => [`${piece} ms`, `${found[i].fired}`, formatTime(found[i].longest / 1000)]),
    )],
    figures: pieces.map((piece, i) => figure("thread: longest wait", piece, found[i].longest / 1000, "s")),
    checks: [{
      claim: "a timer never fires during a piece of work, and does between pieces",
      passed: whole.fired === 0 && found.slice(1).every(({ fired }, i) => fired > 0 && fired <= work / pieces[i + 1]),
      evidence: found.map(({ fired }) => fired).join(", "),
    }],
    claims: [{
      claim: "the longest wait comes down with the piece, and for pieces of 2 ms to less than a tenth",
      held: found[1].longest < whole.longest && smallest.longest < whole.longest / 10,
      evidence: found.map(({ longest }) => formatTime(longest / 1000)).join(", "),
    }],
    finding: `a timer of 1 ms waited ${formatTime(whole.longest / 1000)} beside work in one piece, ${
      formatTime(smallest.longest / 1000)
    } beside pieces of 2 ms`,
  };
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
