/**
 * Reading arrays and tuples: lookup by index over size, the kinds of elements, and what a tuple costs.
 *
 * @original none, chapter 3's questions on the complexity of a lookup and on tuples
 * @run deno run --allow-read=. --allow-write=results --allow-run=deno --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch03/compare_access.ts
 * @takes 8 s
 */

import { barChart, lineChart, palette } from "../bench/lib/chart.ts";
import { measureInTurns, type Measurement } from "../bench/lib/measure.ts";
import type { Figure } from "../bench/lib/results.ts";
import { compareSections, needing, type Section } from "../bench/lib/sections.ts";
import { formatBytes, formatRatio, formatTime, table } from "../bench/lib/table.ts";
import { denoOnPath } from "../bench/parts.ts";
import { findKinds, freshSum, kinds, transitions } from "./element_kinds.ts";
import { linearSearch } from "./linear_search.ts";
import { fitPower, lookUpInChain, makeChain, makeWalk, walk } from "./lookup.ts";
import { findProperties, makeMany, makes, returns } from "./tuples.ts";

export function run(args: readonly string[]) {
  return compareSections(
    {
      chapter: "ch03",
      topic: "access",
      question: "What is the complexity of a lookup, how is it achieved, and what is a tuple for?",
      answer: "An index is an address",
    },
    { lookup, transitions: needing(denoOnPath, transitionsSection), kinds: kindsSection, tuples },
    args,
  );
}

function reading(name: string, size: number, measured: Measurement, count: number, per: string): Figure {
  const { median, samples, spread } = measured;
  return { name, size, value: median / count, unit: `s per ${per}`, samples, spread };
}

/** By index, by value, and by walking, over the length. */
async function lookup(full: boolean): Promise<Section> {
  const sizes = [64, 512, 4096, 32_768, 262_144, 2_097_152, ...full ? [16_777_216] : []];
  const steps = 2 ** 14, stops = 32, names = ["the same 32", "any", "chain", "by value"] as const;
  const labels = {
    "the same 32": "by index, in the cache",
    any: "by index, anywhere",
    chain: "in a chain",
    "by value": "by value",
  };
  // What has to walk is left out where it would take too long.
  const slow = (size: number) => size <= 262_144;
  const readings = new Map<string, Measurement>(), broken: string[] = [];
  // Compiled before the first size, or that one would seem slow where the compiler's thread has to wait for a core.
  const warm = makeWalk(64);
  for (const start = performance.now(); performance.now() - start < 200;) walk(warm, steps);
  for (const size of sizes) {
    const some = makeWalk(size, stops), any = makeWalk(size), first = slow(size) ? makeChain(size) : null;
    const plain = slow(size) ? Array.from({ length: size }, (_, i) => i) : [], middle = size / 2;
    if (walk(some, stops) !== 0 || walk(any, size) !== 0) broken.push(`walk at ${size}`);
    if (first && (lookUpInChain(first, middle) !== middle || linearSearch(plain, middle) !== middle)) {
      broken.push(`middle at ${size}`);
    }
    const calls: Record<string, () => unknown> = {
      "the same 32": () => walk(some, steps),
      any: () => walk(any, steps),
    };
    if (first) {
      calls.chain = () => lookUpInChain(first, middle);
      calls["by value"] = () => linearSearch(plain, middle);
    }
    // The least of three medians: what is asked for is the time of a lookup, not of waiting for a core.
    for (let turn = 0; turn < 3; turn++) {
      const measured = await measureInTurns(calls, { budget: full ? 0.2 : 0.012 });
      for (const name of Object.keys(calls)) {
        const before = readings.get(`${name} ${size}`);
        if (!before || measured[name].median < before.median) readings.set(`${name} ${size}`, measured[name]);
      }
    }
  }
  const count = (name: string) => name === "the same 32" || name === "any" ? steps : 1;
  const has = (name: string, size: number) => readings.has(`${name} ${size}`);
  const time = (name: string, size: number) => (readings.get(`${name} ${size}`)?.median ?? NaN) / count(name);
  const power = (name: string) => {
    const here = sizes.filter((size) => has(name, size));
    return fitPower(here, here.map((size) => time(name, size)));
  };
  const largest = sizes.at(-1)!;
  return {
    tables: [
      table(
        ["elements", "bytes", ...names],
        sizes.map((size) => [
          size.toLocaleString("en-US"),
          formatBytes(8 * size),
          ...names.map((name) => has(name, size) ? formatTime(time(name, size)) : "-"),
        ]),
      ),
      table(
        ["lookup", "grows as", "r²"],
        names.map((name) => {
          const { power: exponent, r2 } = power(name);
          return [name, `n^${exponent.toFixed(2)}`, r2.toFixed(3)];
        }),
      ),
    ],
    charts: {
      lookup: lineChart({
        title: "Looking one element up",
        x: { title: "elements", log: true, ticks: sizes },
        y: { title: "ns a lookup", log: true },
        lines: names.map((name) => ({
          name: labels[name],
          points: sizes.filter((size) => has(name, size)).map((size) => ({ x: size, y: time(name, size) * 1e9 })),
        })),
      }),
    },
    figures: names.flatMap((name) =>
      sizes.filter((size) => has(name, size)).map((size) =>
        reading(`lookup ${name}`, size, readings.get(`${name} ${size}`)!, count(name), "lookup")
      )
    ),
    checks: [{
      claim: "walks come back to where they began, chain and search find the middle",
      passed: broken.length === 0,
      evidence: broken.join(", ") || sizes.join(", "),
    }],
    claims: [
      {
        claim: "a lookup by index is O(1): n^0 within 0.05 for elements that lie in the cache",
        held: Math.abs(power("the same 32").power) <= 0.05,
        evidence: `n^${power("the same 32").power.toFixed(3)} from ${sizes[0]} to ${largest} elements`,
      },
      {
        claim: "a chain and a search by value are O(n): n^1 within 0.1",
        held: ["chain", "by value"].every((name) => Math.abs(power(name).power - 1) <= 0.1),
        evidence: `n^${power("chain").power.toFixed(2)}, n^${power("by value").power.toFixed(2)}`,
      },
      {
        claim: "and a lookup takes the same time wherever it is (within a factor of 2)",
        held: time("any", largest) <= 2 * time("any", sizes[0]),
        evidence: `${formatTime(time("any", sizes[0]))} in ${formatBytes(8 * sizes[0])}, ${
          formatTime(time("any", largest))
        } in ${formatBytes(8 * largest)}: as many steps, but each waits for memory`,
      },
    ],
    finding: `a lookup takes ${formatTime(time("the same 32", sizes[0]))} in ${sizes[0]} elements and ${
      formatTime(time("the same 32", largest))
    } in ${largest.toLocaleString("en-US")} (n^${power("the same 32").power.toFixed(2)}), up to ${
      formatTime(time("any", largest))
    } where it misses the caches`,
  };
}

/** What V8 says an array is. */
async function transitionsSection(): Promise<Section> {
  const own = Object.entries(kinds).filter(([name]) => !["frozen", "Float64Array"].includes(name));
  const found = await findKinds([
    ...transitions.map(([source]) => source),
    ...own.map(([, make]) => `(${make})(100)`),
  ]);
  const other = transitions.filter(([, kind], i) => found[i] !== kind), made = found.slice(transitions.length);
  const changed = (source: string) => found[transitions.findIndex(([text]) => text === source)];
  return {
    tables: [table(
      ["an array made by", { head: "is, says V8", align: "left" }],
      transitions.map(([source], i) => [source, found[i]]),
    )],
    figures: [],
    checks: [{
      claim: "the arrays that are timed below are of the kinds that they are called",
      passed: own.every(([name], i) => made[i] === name),
      evidence: own.map(([name], i) => `${name}: ${made[i]}`).join(", "),
    }],
    claims: [
      {
        claim: "V8 gives the kinds that it gave when this was written (V8 15.0)",
        held: other.length === 0,
        evidence: other.map(([source]) => `${source}: ${changed(source)}`).join("; ") || `all ${transitions.length}`,
      },
      {
        claim: "an array once holey is never packed again",
        held: changed("new Array(3).fill(0)").startsWith("holey"),
        evidence: `new Array(3) is ${changed("new Array(3)")}, filled by a loop ${
          changed("fillUp(new Array(3))")
        }, filled by fill(0) ${changed("new Array(3).fill(0)")}`,
      },
    ],
    finding: "",
  };
}

/** One loop over each kind. */
async function kindsSection(full: boolean): Promise<Section> {
  const length = 1000, names = Object.keys(kinds), expected = length * (length - 1) / 2;
  const calls = Object.fromEntries(names.map((name) => {
    const sum = freshSum(), array = kinds[name](length);
    return [name, () => sum(array)];
  }));
  const sums = names.map((name) => calls[name]());
  const readings = await measureInTurns(calls, { budget: full ? 1 : 0.05 });
  const time = (name: string) => readings[name].median / length;
  const ratio = (name: string) => time(name) / time("packed small integers");
  return {
    tables: [table(
      ["sum of elements", "an element", "vs packed small integers"],
      names.map((name) => [name, formatTime(time(name)), formatRatio(ratio(name))]),
    )],
    charts: {
      element_kinds: barChart({
        title: "Summing an array, by the kind of its elements",
        x: { title: "ns an element (log)", log: true },
        bars: names.map((name) => ({
          name,
          value: time(name) * 1e9,
          color: palette[ratio(name) > 3 ? 1 : 0],
        })),
        text: (value) => `${value.toPrecision(3)} ns`,
      }),
    },
    figures: names.map((name) => reading(`kind ${name}`, length, readings[name], length, "element")),
    checks: [{
      claim: "arrays of every kind sum to the same",
      passed: sums.every((sum) => sum === expected),
      evidence: sums.join(", "),
    }],
    claims: [
      {
        claim: "small integers and doubles, packed, are summed at the same speed (within 30%)",
        held: Math.abs(Math.log(ratio("packed doubles"))) <= Math.log(1.3),
        evidence: formatRatio(ratio("packed doubles")),
      },
      {
        claim: "a frozen array is read as fast as another (within 30%)",
        held: ratio("frozen") <= 1.3,
        evidence: formatRatio(ratio("frozen")),
      },
      {
        claim: "a dictionary is more than ten times as slow",
        held: ratio("dictionary") > 10,
        evidence: formatRatio(ratio("dictionary")),
      },
    ],
    finding: `to sum holey small integers takes ${formatRatio(ratio("holey small integers"))}, boxed numbers ${
      formatRatio(ratio("packed objects"))
    }, a frozen array ${formatRatio(ratio("frozen"))} and a dictionary ${
      formatRatio(ratio("dictionary"))
    } the time of packed small integers`,
  };
}

/** Making and returning tuples. */
async function tuples(full: boolean): Promise<Section> {
  const count = 1000, made = Object.keys(makes), returned = Object.keys(returns), properties = findProperties();
  const making = Object.fromEntries(made.map((name) => {
    // A copy for each, because a function that has called several others inlines none.
    const many: typeof makeMany = new Function(`return ${makeMany} // compare ${name}`)();
    return [name, () => many(makes[name], count)];
  }));
  const returning = Object.fromEntries(returned.map((name) => [name, () => returns[name](count)]));
  const results = returned.map((name) => returning[name]());
  const budget = full ? 1 : 0.04;
  const makeTimes = await measureInTurns(making, { budget }), returnTimes = await measureInTurns(returning, { budget });
  const make = (name: string) => makeTimes[name].median / count,
    give = (name: string) => returnTimes[name].median / count;
  return {
    tables: [
      table(
        ["make nine numbers", "each", "vs literal"],
        made.map((name) => [name, formatTime(make(name)), formatRatio(make(name) / make("literal"))]),
      ),
      table(
        ["return two numbers", "each", "vs two calls"],
        returned.map((name) => [name, formatTime(give(name)), formatRatio(give(name) / give("two calls"))]),
      ),
    ],
    charts: {
      tuples: barChart({
        title: "Making nine numbers",
        x: { title: "ns (log)", log: true },
        bars: made.map((name) => ({ name, value: make(name) * 1e9 })),
        text: (value) => `${value.toPrecision(3)} ns`,
      }),
    },
    figures: [
      ...made.map((name) => reading(`make ${name}`, count, makeTimes[name], count, "nine numbers")),
      ...returned.map((name) => reading(`return ${name}`, count, returnTimes[name], count, "two numbers")),
    ],
    checks: [
      ...Object.entries(properties).map(([claim, passed]) => ({ claim, passed, evidence: `${passed}` })),
      {
        claim: "two numbers add up to the same however they are returned",
        passed: results.every((result) => result === results[0]),
        evidence: results.join(", "),
      },
    ],
    claims: [
      {
        claim: "a tuple is made faster than a list: a frozen literal than a pushed array",
        held: make("frozen literal") < make("pushed"),
        evidence: `${formatTime(make("frozen literal"))} and ${formatTime(make("pushed"))}; a plain literal ${
          formatTime(make("literal"))
        }, of constants ${formatTime(make("constants"))}`,
      },
      {
        claim: "returning two numbers as a tuple costs no more than two calls (within 25%), where V8 inlines it",
        held: give("tuple, destructured") <= 1.25 * give("two calls"),
        evidence: `${formatRatio(give("tuple, destructured") / give("two calls"))}; frozen ${
          formatRatio(give("frozen tuple") / give("two calls"))
        }`,
      },
    ],
    finding: `nine numbers take ${formatTime(make("literal"))} to make as a literal, ${
      formatTime(make("pushed"))
    } pushed, ${formatTime(make("frozen literal"))} frozen; a tuple returned and destructured costs ${
      formatRatio(give("tuple, destructured") / give("two calls"))
    } two calls, frozen ${formatRatio(give("frozen tuple") / give("two calls"))}`,
  };
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
