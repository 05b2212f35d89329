/**
 * What a number is to V8: its cost in time, in bytes, and in collections.
 *
 * @original none, chapter 1's question on how Python abstracts the underlying computer architecture
 * @run deno run --allow-read=. --allow-write=results --allow-run=deno --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch01/compare_abstraction.ts
 * @takes 5 s
 */

import { barChart, palette } from "../bench/lib/chart.ts";
import { measureInTurns } from "../bench/lib/measure.ts";
import { figure } from "../bench/lib/results.ts";
import { compareSections, needing, type Section } from "../bench/lib/sections.ts";
import { formatNumber, formatRatio, formatTime, table } from "../bench/lib/table.ts";
import { denoOnPath } from "../bench/parts.ts";
import { bytesHeld, countCollections, expectedSum, kinds, makeSum } from "./abstraction.ts";

const names = Object.keys(kinds);

export function run(args: readonly string[]) {
  return compareSections(
    {
      chapter: "ch01",
      topic: "abstraction",
      question: "How does the runtime abstract the underlying computer architecture?",
      answer: "One type `number` stands for several things",
    },
    { time, memory: needing(denoOnPath, memory) },
    args,
  );
}

/** A sum of so many numbers of each kind, and what the collector does about 100 of them. */
async function time(full: boolean): Promise<Section> {
  const count = full ? 1_000_000 : 100_000;
  const sums = Object.fromEntries(names.map((name) => [name, makeSum(kinds[name], count)]));
  const wrong = names.filter((name) => Number(sums[name]()) !== expectedSum(kinds[name], count));
  if (wrong.length > 0) throw new Error(`wrong sums: ${wrong.join(", ")}`);
  const readings = await measureInTurns(sums, { budget: full ? 1 : 0.1 });
  const nanoseconds = (name: string) => readings[name].median / count;
  const ratio = (name: string) => nanoseconds(name) / nanoseconds("small integers");
  const collected = Object.fromEntries(names.map((name) => [
    name,
    countCollections(() => {
      for (let call = 0; call < 100; call++) sums[name]();
    }),
  ]));
  // An element of a BigInt64Array becomes a BigInt when it is read.
  const others = names.filter((name) => !/Big/.test(name)).reduce((sum, name) => sum + collected[name].collections, 0);
  return {
    tables: [table(
      [`a sum of ${count}`, "a number", "vs small integers", "collections in 100 sums", "their pauses"],
      names.map((name) => [
        name,
        formatTime(nanoseconds(name)),
        formatRatio(ratio(name)),
        `${collected[name].collections}`,
        `${formatNumber(collected[name].pause)} ms`,
      ]),
    )],
    charts: {
      abstraction_time: barChart({
        title: "A sum of numbers, by what they are to V8",
        x: { title: "ns a number" },
        bars: names.map((name) => ({
          name,
          value: nanoseconds(name) * 1e9,
          color: palette[/Big/.test(name) ? 1 : 0],
        })),
        text: (value) => `${formatNumber(value)} ns`,
      }),
    },
    figures: names.map((name) => {
      const { samples, spread } = readings[name];
      return { name: `sum of ${name}`, size: count, value: nanoseconds(name), unit: "s per number", samples, spread };
    }),
    checks: [{
      claim: "every kind sums to what it must",
      passed: true,
      evidence: names.map((name) => `${name} ${expectedSum(kinds[name], count)}`).join(", "),
    }],
    claims: [
      {
        claim: "doubles are summed no slower than small integers, in an array as in a typed array (within 30%)",
        held: ["doubles", "Float64Array"].every((name) => ratio(name) <= 1.3),
        evidence: `${formatRatio(ratio("doubles"))}, ${formatRatio(ratio("Float64Array"))}`,
      },
      {
        claim: "boxed doubles and objects take longer",
        held: ratio("boxed doubles") > 1.1 && ratio("objects { x }") > 1.1,
        evidence: `${formatRatio(ratio("boxed doubles"))}, ${formatRatio(ratio("objects { x }"))}`,
      },
      {
        claim: "BigInts take more than five times as long, and keep the collector busier than all others together",
        held: ratio("BigInts") > 5 && collected.BigInts.collections > others,
        evidence: `${
          formatRatio(ratio("BigInts"))
        }, ${collected.BigInts.collections} collections in place of ${others}`,
      },
    ],
    finding: `a sum of objects takes ${formatRatio(ratio("objects { x }"))} and one of BigInts ${
      formatRatio(ratio("BigInts"))
    } the time of one of small integers`,
  };
}

/** Bytes an element, beside what V8's layout lets expect. */
async function memory(full: boolean): Promise<Section> {
  const count = full ? 1_000_000 : 100_000;
  const held: Record<string, number> = {};
  for (const name of names) held[name] = await bytesHeld(kinds[name], count);
  const far = names.filter((name) => Math.abs(held[name] - kinds[name].theory) > 0.01 * kinds[name].theory);
  const typed = { Float64Array: 8, Int32Array: 4, BigInt64Array: 8 };
  return {
    tables: [table(
      [`an element of ${count}`, "bytes", "expected"],
      names.map((name) => [name, held[name].toFixed(2), `${kinds[name].theory}`]),
    )],
    charts: {
      abstraction_memory: barChart({
        title: "Bytes that a number takes, by what it is to V8",
        x: { title: "bytes an element, its box and the slot that points there included" },
        bars: names.map((name) => ({ name, value: held[name] })),
        text: (value) => value.toFixed(1),
      }),
    },
    figures: names.map((name) => figure(`bytes of ${name}`, count, held[name], "bytes per element")),
    checks: [{
      claim: "a typed array takes what its element takes, within 1%",
      passed: Object.entries(typed).every(([name, bytes]) => Math.abs(held[name] / bytes - 1) <= 0.01),
      evidence: Object.keys(typed).map((name) => `${name} ${held[name].toFixed(2)}`).join(", "),
    }],
    claims: [{
      claim: "every kind takes what V8's layout without pointer compression lets expect, within 1%",
      held: far.length === 0,
      evidence: far.map((name) => `${name}: ${held[name].toFixed(2)}, not ${kinds[name].theory}`).join("; ") ||
        names.map((name) => `${name} ${held[name].toFixed(2)}`).join(", "),
    }],
    finding: `a number takes ${formatNumber(held.doubles)} bytes in an array of doubles, ${
      formatNumber(held["boxed doubles"])
    } in a box, ${formatNumber(held["objects { x }"])} in an object of its own`,
  };
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
