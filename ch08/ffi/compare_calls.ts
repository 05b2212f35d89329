/**
 * What a call of C costs by what it passes, from what length on a sum pays for it, and what libm gains over Math.
 *
 * @original none (the book compares ways of calling C by their effort, not by the cost of a call)
 * @run deno run --allow-read=. --allow-write=results --allow-run=cc --allow-ffi=results,/lib,/lib64,/usr/lib --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch08/ffi/compare_calls.ts
 * @takes 12 s
 */

import { barChart, lineChart, palette } from "../../bench/lib/chart.ts";
import { measureInTurns, type Measurement } from "../../bench/lib/measure.ts";
import type { Outcome } from "../../bench/lib/report.ts";
import { type Figure, type Missing, resultsFolder } from "../../bench/lib/results.ts";
import { compareSections, type Section } from "../../bench/lib/sections.ts";
import { formatRatio, formatTime, table } from "../../bench/lib/table.ts";
import { missingCompiler } from "../../bench/limit/limit.ts";
import { openCalls } from "./call_cost.ts";
import { countDifferences, drawArguments, makeLoop, type Name, openLibm, shared } from "./libm.ts";
import { openSums } from "./sum_break_even.ts";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(resultsFolder);

export function run(args: readonly string[]): Promise<Outcome> {
  const question = "What does a call of C from TypeScript cost, and when does it pay?";
  return compareSections(
    { chapter: "ch08", topic: "ffi_calls", question, answer: "Little where V8 knows the function, but not nothing" },
    { calls, break_even: breakEven, libm },
    args,
  );
}

function figure(name: string, size: number, { median, samples, spread }: Measurement, count: number): Figure {
  return { name, size, value: median / count, unit: "s per call", samples, spread };
}

/** Nothing found, for want of something; two sections may want the same. */
function without(part: Missing, what: string): Section {
  const missing = named.has(part.name) ? [] : [part];
  named.add(part.name);
  return { tables: [], figures: [], checks: [], claims: [], missing, finding: `${what} were not measured` };
}

const named = new Set<string>();

/** One call, by what it passes. */
async function calls(full: boolean): Promise<Section> {
  const opened = await openCalls({ folder });
  if (!opened) return without(missingCompiler, "calls");
  try {
    // Enough of them that the loop around the calls is compiled; few of what takes thousands of times as long.
    const count = (name: string) => name.includes("nonblocking") ? 20 : 10_000;
    const names = Object.keys(opened.calls);
    const results: string[] = [];
    for (const name of names) {
      const result = await opened.calls[name](count(name));
      if (result !== count(name)) throw new Error(`${name}: ${count(name)} calls came to ${result}`);
      results.push(name);
    }
    const timed = Object.fromEntries(names.map((name) => [name, () => opened.calls[name](count(name))]));
    const measured = await measureInTurns(timed, { budget: full ? 1 : 0.1 });
    const time = (name: string) => measured[name].median / count(name);
    const base = time("JavaScript, not inlined");
    const plain = time("FFI: f64"), general = time("FFI: f64, eight functions");
    const all = (await Deno.permissions.query({ name: "ffi" })).state === "granted";
    return {
      tables: [
        table(
          ["one call", "time", "±", "vs JavaScript's"],
          names.map((name) => [
            name,
            formatTime(time(name)),
            `${Math.round(measured[name].spread * 100)}%`,
            formatRatio(time(name) / base),
          ]),
        ),
        ...all ? [] : ["UnsafePointer.of and UnsafeCallback need --allow-ffi without a path, and were not measured."],
      ],
      charts: {
        ffi_calls: barChart({
          title: "One call, by where it goes and what it passes",
          x: { title: "ns a call (logarithmic)", log: true },
          bars: names.map((name) => ({
            name,
            value: time(name) * 1e9,
            color: palette[name.startsWith("FFI") ? 0 : name.startsWith("Node-API") ? 1 : 9],
          })),
          text: (ns) => formatTime(ns / 1e9),
        }),
      },
      figures: names.map((name) => figure(name, 1, measured[name], count(name))),
      checks: [{
        claim: "every loop of calls comes to the number of its calls",
        passed: results.length === names.length,
        evidence: `${results.length} of ${names.length}`,
      }],
      claims: [
        {
          claim: "a foreign call of plain numbers costs no more than twice a JavaScript call that is not inlined",
          held: plain <= 2 * base,
          evidence: `${formatTime(plain)}, ${formatTime(base)}`,
        },
        {
          claim: "where one place calls several foreign functions, each call costs more than five times as much",
          held: general > 5 * plain,
          evidence: `${formatTime(general)}, ${formatRatio(general / plain)}`,
        },
        {
          claim: "a Node-API call costs more than five times as much as a foreign one",
          held: time("Node-API: f64") > 5 * plain,
          evidence: `${formatTime(time("Node-API: f64"))}, ${formatRatio(time("Node-API: f64") / plain)}`,
        },
        {
          claim: "a call on another thread costs more than a thousand plain ones",
          held: time("FFI: f64, nonblocking") > 1000 * plain,
          evidence: `${formatTime(time("FFI: f64, nonblocking"))}, ${
            formatRatio(time("FFI: f64, nonblocking") / plain)
          }`,
        },
      ],
      finding: `two doubles there and one back take ${formatTime(plain)}, with a buffer ${
        formatTime(time("FFI: buffer"))
      }, through Node-API ${formatTime(time("Node-API: f64"))}, on another thread ${
        formatTime(time("FFI: f64, nonblocking"))
      }`,
    };
  } finally {
    opened.close();
  }
}

/** The sum of an array, by its length. */
async function breakEven(full: boolean): Promise<Section> {
  const opened = await openSums({ folder });
  if (!opened) return without(missingCompiler, "sums");
  try {
    const { sums } = opened, names = Object.keys(sums);
    const lengths = Array.from({ length: full ? 17 : 13 }, (_, power) => 2 ** power);
    const readings = new Map<number, Record<string, Measurement>>();
    const count = (length: number) => Math.max(16, 2 ** 14 / length);
    let agreed = 0;
    for (const length of lengths) {
      const ones = new Float64Array(length).fill(1), calls = count(length);
      for (const name of names) {
        const result = sums[name](ones, calls);
        if (result !== calls) throw new Error(`${name} of ${length} ones, ${calls} times, came to ${result * length}`);
        agreed++;
      }
      const timed = Object.fromEntries(names.map((name) => [name, () => sums[name](ones, calls)]));
      readings.set(length, await measureInTurns(timed, { budget: full ? 0.5 : 0.03 }));
    }
    const time = (name: string, length: number) => readings.get(length)![name].median / count(length);
    const longest = lengths.at(-1)!;
    const [order, lanes] = ["C, in order", "C, in lanes"];
    // The first length from which on C is faster at every longer one.
    const from = (fast: string, slow: string) =>
      lengths.find((length) => lengths.every((other) => other < length || time(fast, other) < time(slow, other)));
    const beats = (fast: string, slow: string) => from(fast, slow) ? `from ${from(fast, slow)} on` : "never for good";
    const tie = time("TypeScript", longest) / time(order, longest);
    return {
      tables: [table(
        ["sum of an array", ...names, "C in lanes / TypeScript"],
        lengths.map((length) => [
          `${length}`,
          ...names.map((name) => formatTime(time(name, length))),
          formatRatio(time("TypeScript", length) / time(lanes, length)),
        ]),
      )],
      charts: {
        ffi_break_even: lineChart({
          title: "Sum of an array of doubles: C through FFI against TypeScript",
          x: { title: "length of the array", log: true, ticks: lengths.filter((_, i) => i % 2 === 0) },
          y: { title: "ns a sum", log: true },
          lines: names.map((name, i) => ({
            name,
            color: palette[[9, 3, 5, 0][i]],
            points: lengths.map((length) => ({ x: length, y: time(name, length) * 1e9 })),
          })),
        }),
      },
      figures: lengths.flatMap((length) =>
        names.map((name) => figure(`sum ${name}`, length, readings.get(length)![name], count(length)))
      ),
      checks: [{
        claim: "all sums of ones come to their number",
        passed: agreed === names.length * lengths.length,
        evidence: `${agreed} of ${names.length * lengths.length}`,
      }],
      claims: [
        {
          claim: "with leave to add in another order, C pays from 100 numbers on or earlier",
          held: (from(lanes, "TypeScript") ?? Infinity) <= 100,
          evidence: beats(lanes, "TypeScript"),
        },
        {
          claim: "against four sums by hand in TypeScript, too, C pays in the end",
          held: from(lanes, "TypeScript, four sums") !== undefined,
          evidence: beats(lanes, "TypeScript, four sums"),
        },
        {
          claim: `in the order of the array C gains less than half again on ${longest} numbers`,
          held: tie < 1.5,
          evidence: `${formatRatio(tie)} as fast: either waits for the addition before`,
        },
      ],
      finding: `a sum in C pays ${beats(lanes, "TypeScript")} if C may reorder it, and is then ${
        formatRatio(time("TypeScript", longest) / time(lanes, longest))
      } as fast at ${longest} numbers; in order it is ${formatRatio(tie)}`,
    };
  } finally {
    opened.close();
  }
}

/** Functions of libm against those of Math: time, and results that differ. */
async function libm(full: boolean): Promise<Section> {
  const library = openLibm();
  if (!library) {
    return without({ name: "C library in a usual place", remedy: "apt-get install libc6" }, "functions of libm");
  }
  try {
    const length = full ? 2 ** 20 : 2 ** 16, names = Object.keys(shared) as Name[];
    const differences = new Map<Name, ReturnType<typeof countDifferences>>();
    const timed: Record<string, () => void> = {};
    for (const name of names) {
      const { x, y } = drawArguments(name, length);
      const results = [Math[name], library.symbols[name]].map((f, i) => {
        const loop = makeLoop(name, f), out = new Float64Array(length);
        loop(x, y, out);
        timed[`${name} ${i}`] = () => loop(x, y, out);
        return out;
      });
      differences.set(name, countDifferences(results[0], results[1]));
    }
    const measured = await measureInTurns(timed, { budget: full ? 0.5 : 0.03 });
    const time = (name: Name, i: 0 | 1) => measured[`${name} ${i}`].median / length;
    const gain = (name: Name) => time(name, 0) / time(name, 1);
    const most = Math.max(...names.map((name) => differences.get(name)!.most));
    const faster = names.filter((name) => gain(name) > 1.05), slower = names.filter((name) => gain(name) < 0.95);
    const different = names.filter((name) => differences.get(name)!.count > 0);
    const share = (name: Name) => `${(100 * differences.get(name)!.count / length).toFixed(1)}%`;
    const commonest = different.toSorted((a, b) => differences.get(b)!.count - differences.get(a)!.count).slice(0, 3);
    return {
      tables: [table(
        ["one function", "Math", "libm", "libm is", "results differ", "at most by"],
        names.map((name) => [
          name,
          formatTime(time(name, 0)),
          formatTime(time(name, 1)),
          `${formatRatio(gain(name))} as fast`,
          share(name),
          `${differences.get(name)!.most} ulp`,
        ]),
      )],
      figures: names.flatMap((name) => [
        figure(`Math.${name}`, length, measured[`${name} 0`], length),
        figure(`libm ${name}`, length, measured[`${name} 1`], length),
      ]),
      checks: [
        {
          claim: "the square root, which IEEE 754 fixes to the last bit, is the same in both",
          passed: differences.get("sqrt")!.count === 0,
          evidence: `${differences.get("sqrt")!.count} of ${length} differ`,
        },
        { claim: "no function differs by more than 4 ulp", passed: most <= 4, evidence: `${most} ulp` },
      ],
      claims: [
        {
          claim: "Math and libm differ in last bits for some arguments of most functions",
          held: different.length > names.length / 2,
          evidence: `${different.length} of ${names.length}; most often ${
            commonest.map((name) => `${name} ${share(name)}`).join(", ")
          }`,
        },
        {
          claim: "the foreign call eats up what libm's functions gain: Math is as fast or faster for most",
          held: faster.length <= names.length / 2,
          evidence: `a function takes some ${formatTime(time("exp", 1))} and more, of which the call is a few; ` +
            `libm is faster for ${faster.join(", ") || "none"}; slower for ${slower.join(", ") || "none"}`,
        },
      ],
      finding:
        `libm is faster than Math for ${faster.length} of ${names.length} functions, and gives other last bits for ${different.length}`,
    };
  } finally {
    library.close();
  }
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
