/**
 * Arrays that grow: the steps in which they do, what an append costs, and what the growth leaves unused.
 *
 * @original 03_lists_tuples/allocations/list_allocation_graph.py
 * @run deno run --allow-read=. --allow-write=results --allow-run=deno --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch03/compare_growth.ts
 * @takes 9 s
 */

import { barChart, lineChart, palette } from "../bench/lib/chart.ts";
import { measureInTurns, type Measurement } from "../bench/lib/measure.ts";
import { type Figure, figure } from "../bench/lib/results.ts";
import { compareSections, needing, type Section } from "../bench/lib/sections.ts";
import { formatNumber, formatRatio, formatTime, table } from "../bench/lib/table.ts";
import { denoOnPath } from "../bench/parts.ts";
import { copiesPerPush, findGrowth, predictGrowth } from "./allocations/array_allocation_graph.ts";
import { appends, quadratic } from "./append.ts";
import { fitPower } from "./lookup.ts";
import { holders, measureMemory } from "./overallocation_memory_use.ts";

export function run(args: readonly string[]) {
  return compareSections({
    chapter: "ch03",
    topic: "growth",
    question: "How does appending to an array work, and what memory does it leave unused?",
    answer: "A full array moves to a store half as large again",
  }, {
    steps: needing(denoOnPath, steps),
    append,
    memory: needing(denoOnPath, memory),
  }, args);
}

/** CPython 3.12's rule for lists, from its Objects/listobject.c: an eighth more, and 6, in multiples of 4. */
export function predictPython(pushes: number): { length: number; capacity: number }[] {
  const steps = [];
  let capacity = 0;
  for (let length = 1; length <= pushes; length = capacity + 1) {
    capacity = (length + (length >> 3) + 6) & ~3;
    steps.push({ length, capacity });
  }
  return steps;
}

/** The capacities, read off the heap. */
async function steps(full: boolean): Promise<Section> {
  const pushes = full ? 100_000 : 20_000;
  const found = await findGrowth(pushes), predicted = predictGrowth(pushes), python = predictPython(pushes);
  const copies = copiesPerPush(found, pushes), pythonCopies = copiesPerPush(python, pushes);
  const chart = (name: string, steps: typeof found) => ({
    name,
    // A corner before and at each step, so that the line is a staircase.
    points: steps.filter(({ length }) => length <= 500).flatMap(({ length, capacity }, i) => [
      ...i > 0 ? [{ x: length, y: steps[i - 1].capacity }] : [],
      { x: length, y: capacity },
    ]).concat([{ x: 500, y: steps.findLast(({ length }) => length <= 500)!.capacity }]),
  });
  return {
    tables: [table(
      ["at push", "V8's new capacity", "n + n/2 + 16", "unused"],
      found.map(({ length, capacity }, i) => [
        `${length}`,
        `${capacity}`,
        `${predicted[i]?.capacity}`,
        `${Math.round(100 * (1 - length / capacity))}%`,
      ]),
    )],
    charts: {
      growth_steps: lineChart({
        title: "Capacity of an array as elements are pushed",
        x: { title: "elements" },
        y: { title: "slots" },
        lines: [
          chart("V8, measured", found),
          { ...chart("CPython's rule", python), dash: true },
          { name: "elements", points: [{ x: 1, y: 1 }, { x: 500, y: 500 }], color: palette[9] },
        ],
      }),
    },
    figures: found.map(({ length, capacity }) => figure("capacity", length, capacity, "slots")),
    checks: [{
      claim: "the capacities read off the heap are n + n/2 + 16, each to the slot",
      passed: JSON.stringify(found) === JSON.stringify(predicted),
      evidence: found.map(({ length, capacity }) => `${length}: ${capacity}`).join(", "),
    }],
    claims: [{
      claim: "growing copies less than 3 elements for each push",
      held: copies < 3,
      evidence: `${formatNumber(copies)} in ${formatNumber(pushes)} pushes; by CPython's rule ${
        formatNumber(pythonCopies)
      }, in ${python.length} growths in place of ${found.length}`,
    }],
    finding: `${formatNumber(pushes)} pushes grow it ${found.length} times and copy ${
      formatNumber(copies)
    } elements each (by CPython's rule ${python.length} times and ${formatNumber(pythonCopies)})`,
  };
}

/** The time of n appends over n. */
async function append(full: boolean): Promise<Section> {
  const names = Object.keys(appends) as (keyof typeof appends)[];
  const linear = [1000, 4000, 16_000, 64_000, 256_000, ...full ? [1_024_000, 4_096_000] : []];
  const square = [500, 1000, 2000, 4000, 8000, ...full ? [16_000] : []];
  const sizesOf = (name: string) => quadratic.includes(name) ? square : linear;
  const readings = new Map<string, Measurement>(), wrong: string[] = [];
  for (const size of [...new Set([...square, ...linear])].sort((a, b) => a - b)) {
    const here = names.filter((name) => sizesOf(name).includes(size));
    for (const name of here) {
      const array = appends[name](size);
      if (array.length !== size || array[size - 1] !== size - 1) wrong.push(`${name} at ${size}`);
    }
    const calls = Object.fromEntries(here.map((name) => [name, () => appends[name](size)]));
    const measured = await measureInTurns(calls, { budget: full ? 0.5 : 0.03 });
    for (const name of here) readings.set(`${name} ${size}`, measured[name]);
  }
  const time = (name: string, size: number) => readings.get(`${name} ${size}`)!.median;
  const power = (name: string) => fitPower(sizesOf(name), sizesOf(name).map((size) => time(name, size)));
  const common = 4000, largest = linear.at(-1)!;
  const each = (name: string) => time(name, common) / common;
  return {
    tables: [table(
      [
        "append",
        `an element of ${formatNumber(common)}`,
        "vs push",
        `of ${largest.toLocaleString("en-US")}`,
        "grows as",
        "r²",
      ],
      names.map((name) => [
        name.replaceAll("_", " "),
        formatTime(each(name)),
        formatRatio(each(name) / each("push")),
        quadratic.includes(name) ? "-" : formatTime(time(name, largest) / largest),
        `n^${power(name).power.toFixed(2)}`,
        power(name).r2.toFixed(3),
      ]),
    )],
    charts: {
      append: lineChart({
        title: "Appending n elements one by one",
        x: { title: "elements", log: true, ticks: linear },
        y: { title: "ns an element", log: true },
        lines: names.map((name) => ({
          name: name.replaceAll("_", " "),
          points: sizesOf(name).map((size) => ({ x: size, y: time(name, size) / size * 1e9 })),
        })),
      }),
    },
    figures: names.flatMap((name) =>
      sizesOf(name).map((size): Figure => {
        const { median, samples, spread } = readings.get(`${name} ${size}`)!;
        return { name: `append ${name}`, size, value: median / size, unit: "s per element", samples, spread };
      })
    ),
    checks: [{
      claim: "each way makes the same array",
      passed: wrong.length === 0,
      evidence: wrong.join(", ") || names.join(", "),
    }],
    claims: [
      {
        claim: "a push is amortised O(1): n pushes grow as n (power 0.9 to 1.1)",
        held: Math.abs(power("push").power - 1) <= 0.1,
        evidence: `n^${power("push").power.toFixed(2)}, r² ${power("push").r2.toFixed(3)}`,
      },
      {
        claim: "a new array for each element is O(n²) (power 1.6 or more)",
        held: quadratic.every((name) => power(name).power >= 1.6),
        evidence: quadratic.map((name) => `${name} n^${power(name).power.toFixed(2)}`).join(", "),
      },
      {
        claim: "knowing the length beforehand is faster than pushing, at every size",
        held: linear.every((size) => time("presized", size) < time("push", size)),
        evidence: linear.map((size) => `${formatRatio(time("push", size) / time("presized", size))} at ${size}`).join(
          ", ",
        ),
      },
    ],
    finding: `a push takes ${formatTime(each("push"))} in the mean, into an array of known length ${
      formatTime(each("presized"))
    }, while a new array for each of ${formatNumber(common)} elements costs ${
      formatRatio(each("spread") / each("push"))
    } that by [...a, x] and ${formatRatio(each("concat") / each("push"))} by concat`,
  };
}

/** Bytes for nine numbers. */
async function memory(full: boolean): Promise<Section> {
  const count = full ? 1_000_000 : 20_000;
  const found = await measureMemory(count), names = Object.keys(found);
  const total = (name: string) => found[name].heap + found[name].outside;
  const off = names.filter((name) => {
    const theory = holders[name]?.theory;
    return theory && Math.abs(found[name].heap - theory) > 1;
  });
  const known = names.filter((name) => holders[name]?.theory);
  return {
    tables: [table(
      ["9 numbers in", "heap", "outside", "theory", "an element", "vs literal"],
      names.map((name) => [
        name,
        `${found[name].heap.toFixed(1)} B`,
        `${found[name].outside.toFixed(1)} B`,
        `${holders[name]?.theory ?? "-"}`,
        `${(total(name) / 9).toFixed(1)} B`,
        formatRatio(total(name) / total("literal")),
      ]),
    )],
    charts: {
      memory: barChart({
        title: `Nine numbers, ${formatNumber(count)} times`,
        x: { title: "bytes for nine, on V8's heap and outside it" },
        bars: names.map((name) => ({ name, value: total(name), color: palette[found[name].outside > 1 ? 1 : 0] })),
        text: (value) => `${formatNumber(value)}`,
      }),
    },
    figures: names.map((name) => figure(`memory ${name}`, count, total(name), "bytes per 9 numbers")),
    checks: [{
      claim: "what the heap grows by is what V8's layout foretells, within a byte",
      passed: off.length === 0,
      evidence: (off.length ? off : known).map((name) => `${name} ${found[name].heap.toFixed(2)}`).join(", "),
    }],
    claims: [
      {
        claim: "a tuple is smaller than a list: frozen than not",
        held: total("literal, frozen") < total("literal") - 1,
        evidence: `${formatNumber(total("literal, frozen"))} and ${formatNumber(total("literal"))} bytes; but pushed ${
          formatNumber(total("pushed"))
        }`,
      },
      {
        claim: "nine numbers in a typed array of their own take less than in an array",
        held: total("Int32Array") < total("literal"),
        evidence: `${formatNumber(total("Int32Array"))} bytes; as a share of one large array ${
          formatNumber(total("share of one Int32Array"))
        }`,
      },
    ],
    finding: `nine numbers take ${formatNumber(total("literal"))} bytes as a literal, frozen or not, ${
      formatNumber(total("pushed"))
    } pushed, ${formatNumber(total("Float64Array"))} as a typed array of their own, ${
      formatNumber(total("share of one Int32Array"))
    } as a part of a large one`,
  };
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
