/**
 * What a dictionary costs in memory: how Map, Set, object and array grow, and bytes an entry, read off the heap.
 *
 * @original 04_dict_set/allocations/
 * @run deno run --allow-read=. --allow-write=results --allow-run=deno --allow-sys=cpus,systemMemoryInfo,osRelease ch04/compare_memory.ts
 * @takes 5 s
 */

import { lineChart } from "../bench/lib/chart.ts";
import { type Figure, figure } from "../bench/lib/results.ts";
import { compareSections, needing, type Section } from "../bench/lib/sections.ts";
import { formatNumber, table } from "../bench/lib/table.ts";
import { denoOnPath } from "../bench/parts.ts";
import { arrayBytes, nextCapacity, type Step } from "./allocations/array_allocation.ts";
import { mapBytes } from "./allocations/map_allocation.ts";
import { dictionaryBytes, dictionarySlots } from "./allocations/object_allocation.ts";
import { setBytes } from "./allocations/set_allocation.ts";
import { sizes } from "./overhead.ts";

export function run(args: readonly string[]) {
  return compareSections(
    {
      chapter: "ch04",
      topic: "memory",
      question: "What is the overhead when using a dictionary?",
      answer: "In bytes an entry",
    },
    { growth: needing(denoOnPath, growth), overhead: needing(denoOnPath, overhead) },
    args,
  );
}

/** What each container allocates for the next table when it is full with so many entries. */
const theory: Record<string, (size: number) => number> = {
  Map: (size) => mapBytes(2 * size),
  Set: (size) => setBytes(2 * size),
  // Until its twentieth property an object is no dictionary.
  object: (size) => size < 19 ? NaN : dictionaryBytes(dictionarySlots(size + 1)),
  array: (size) => arrayBytes(nextCapacity(size)),
};

/** Runs a module's text in a process of its own, whose heap nobody else uses; what it prints, as JSON. */
export async function evaluate<T>(flags: string[], source: string): Promise<T> {
  return JSON.parse(await printed(flags, source));
}

/** What a module's text prints in a process of its own. */
export async function printed(flags: string[], source: string): Promise<string> {
  const args = ["run", "--no-prompt", "--no-config", "--no-lock", `--v8-flags=${flags.join(",")}`, "--ext=ts", "-"];
  const child = new Deno.Command("deno", { args, stdin: "piped", stdout: "piped", stderr: "piped" }).spawn();
  const output = child.output(), writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(source));
  await writer.close();
  const { success, stdout, stderr } = await output;
  if (!success) throw new Error(`deno ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

/** The steps at which each grows. */
export async function measureGrowth(count: number): Promise<Record<string, Step[]>> {
  const module = (name: string) => JSON.stringify(import.meta.resolve(`./allocations/${name}_allocation.ts`));
  const steps: Record<string, Step[]> = {};
  for (const name of Object.keys(theory)) {
    const lower = name.toLowerCase();
    steps[name] = await evaluate(
      ["--single-threaded"],
      `import { ${lower}Steps } from ${module(lower)};\nconsole.log(JSON.stringify(${lower}Steps(${count})));`,
    );
  }
  return steps;
}

async function growth(full: boolean): Promise<Section> {
  const count = full ? 100_000 : 4000, steps = await measureGrowth(count), names = Object.keys(steps);
  // The first steps of an object are not those of a dictionary, and so are in no theory.
  const known = (name: string) => steps[name].filter(({ size }) => !Number.isNaN(theory[name](size)));
  const off = names.flatMap((name) =>
    known(name).filter(({ size, bytes }) => bytes !== theory[name](size)).map(({ size, bytes }) =>
      `${name} at ${size}: ${bytes} and not ${theory[name](size)}`
    )
  );
  // What is held at each size: the last table that was made, over the entries.
  const each = (name: string) =>
    steps[name].filter(({ size }) => size >= 16).flatMap(({ size, bytes }, i, all) => [
      { x: size + 1, y: bytes / (size + 1) },
      ...all[i + 1] ? [{ x: all[i + 1].size, y: bytes / all[i + 1].size }] : [],
    ]);
  const last = (name: string) => steps[name].at(-1)!;
  return {
    tables: [table(
      ["grows", { head: "when it is full with", align: "left" }, { head: "to bytes", align: "left" }],
      names.map((name) => [
        name,
        steps[name].slice(0, 10).map(({ size }) => size).join(" "),
        steps[name].slice(0, 10).map(({ bytes }) => bytes).join(" "),
      ]),
    )],
    charts: {
      growth: lineChart({
        title: "Bytes an entry over the number of entries (just the table)",
        x: { title: "entries", log: true },
        y: { title: "bytes an entry" },
        lines: names.map((name) => ({ name, points: each(name) })),
      }),
    },
    figures: names.flatMap((name) =>
      steps[name].map(({ size, bytes }): Figure => figure(`growth of ${name}`, size, bytes, "bytes"))
    ),
    checks: [{
      claim: "each of them grows, Map and Set at the same sizes",
      passed: names.every((name) => steps[name].length >= 5) &&
        `${steps.Map.map(({ size }) => size)}` === `${steps.Set.map(({ size }) => size)}`,
      evidence: names.map((name) => `${name}: ${steps[name].length} steps`).join(", "),
    }],
    claims: [
      {
        claim: "Map and Set double from 4 on",
        held: steps.Map.every(({ size }, i) => size === 4 * 2 ** i),
        evidence: steps.Map.map(({ size }) => size).join(", "),
      },
      {
        claim: "each table is, to the byte, as large as its formula says (8-byte words, no compressed pointers)",
        held: off.length === 0,
        evidence: off.join("; ") || names.map((name) => `${name}: ${known(name).length} tables`).join(", "),
      },
    ],
    finding: `just grown, an entry takes ${
      names.map((name) => `${formatNumber(last(name).bytes / (last(name).size + 1))} in a ${name}`).join(", ")
    }`.replaceAll("a object", "an object").replaceAll("a array", "an array"),
  };
}

async function overhead(): Promise<Section> {
  const bytes = await evaluate<Record<string, number[]>>(
    ["--single-threaded", "--expose-gc"],
    `import { measureAll } from ${JSON.stringify(import.meta.resolve("./overhead.ts"))};
     console.log(JSON.stringify(measureAll()));`,
  );
  const names = Object.keys(bytes);
  // What the words come to: for the tables by the formulas, for a pair its object, its two elements, and its place.
  const expected: Record<string, number[]> = {
    "Float64Array": [8, 8],
    "Set of integers": [20, 40],
    "Map, integers": [28, 56],
    "Map, text keys": [28, 56],
    "Map, fractions": [28 + 16, 56 + 16],
    "object, text keys": [48, 48],
    "array of pairs": [32 + 32 + 8, 32 + 32 + 8],
  };
  const off = Object.entries(expected).filter(([name, theory]) =>
    theory.some((value, i) => Math.abs(bytes[name][i] - value) > 0.2)
  );
  const [full, grown] = bytes["Map, integers"];
  return {
    tables: [table(
      ["bytes an entry", ...sizes.map((size) => `${size} entries`), "by the formula"],
      names.map((name) => [
        name,
        ...bytes[name].map((value) => value.toFixed(1)),
        expected[name] ? [...new Set(expected[name])].join(" and ") : "",
      ]),
    )],
    figures: names.flatMap((name) =>
      sizes.map((size, i) => figure(`overhead: ${name}`, size, bytes[name][i], "bytes per entry"))
    ),
    checks: [{
      claim: "no container takes less than a number needs, and a Map just grown twice what it took when full",
      passed: names.every((name) => bytes[name].every((value) => value >= 7.9)) && Math.abs(grown / full - 2) < 0.05,
      evidence: `${full.toFixed(1)} and ${grown.toFixed(1)}`,
    }],
    claims: [{
      claim: "all are within 0.2 bytes of the formula",
      held: off.length === 0,
      evidence: off.map(([name]) => `${name}: ${bytes[name]}`).join("; ") || Object.keys(expected).join(", "),
    }],
    finding: `one number takes ${formatNumber(bytes["array, pushed"][0])} in an array, ${formatNumber(full)} to ${
      formatNumber(grown)
    } in a Map, ${bytes["Set of integers"].map(formatNumber).join(" to ")} in a Set, ${
      formatNumber(bytes["object, text keys"][0])
    } in an object by text keys`,
  };
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
