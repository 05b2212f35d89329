/**
 * What each step of the Julia set's ladder costs to write, and what it gains.
 *
 * The effort is read off the scripts: the lines of code that differ from the plainest version, without comments and without
 * the part that only runs the script; and what they need beyond Deno, as named by their imports and permissions.
 *
 * @original 08_compiling/diminishing_returns/
 * @run deno run --allow-read=. --allow-write=results --allow-run=clang --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch08/diminishing_returns/compare.ts
 * @takes 12 s
 */

import { frontierOf, palette, scatterChart } from "../../bench/lib/chart.ts";
import { measureInTurns } from "../../bench/lib/measure.ts";
import { parseHeader } from "../../bench/lib/script.ts";
import { compareSections, type Section } from "../../bench/lib/sections.ts";
import { formatRatio, formatTime, table } from "../../bench/lib/table.ts";
import * as arrays from "../julia/julia_arrays.ts";
import * as assemblyscriptSimd from "../julia/julia_assemblyscript_simd.ts";
import * as assemblyscriptTyped from "../julia/julia_assemblyscript_typed.ts";
import * as cToWasm from "../julia/julia_c_to_wasm.ts";
import * as inFlight from "../julia/julia_in_flight.ts";
import * as objectsExpanded from "../julia/julia_objects_expanded.ts";
import * as objectsHypot from "../julia/julia_objects_hypot.ts";
import * as porffor from "../julia/julia_porffor.ts";
import * as typedArrays from "../julia/julia_typed_arrays.ts";
import * as wasmThreads from "../julia/julia_wasm_threads.ts";
import * as wat from "../julia/julia_wat.ts";

interface Experiment {
  run(): void;
  counts(): ArrayLike<number>;
  close?(): unknown;
}

const plain = "objects_hypot";
const ladder: Record<string, (width: number) => Experiment | Promise<Experiment>> = {
  [plain]: objectsHypot.experiment,
  objects_expanded: objectsExpanded.experiment,
  arrays: arrays.experiment,
  typed_arrays: typedArrays.experiment,
  in_flight: inFlight.experiment,
  porffor: porffor.experiment,
  assemblyscript_typed: assemblyscriptTyped.experiment,
  c_to_wasm: cToWasm.experiment,
  wat: wat.experiment,
  assemblyscript_simd: assemblyscriptSimd.experiment,
  wasm_threads: wasmThreads.experiment,
};

/** The lines of code of a script, without comments, blank lines and what runs only if the script is started. */
export function linesOfCode(source: string): string[] {
  return source
    .replace(/\nif \((?:import\.meta\.main|"WorkerGlobalScope" in globalThis)\) \{[\s\S]*$/, "")
    .replaceAll(/\/\*\*[\s\S]*?\*\//g, "")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !/^(\/\/|;;)/.test(line));
}

/** How many of the lines are not, in this order, among the others: what had to be written. */
export function linesChanged(lines: readonly string[], others: readonly string[]): number {
  // The longest common subsequence, row by row.
  let above = new Int32Array(others.length + 1);
  for (const line of lines) {
    const row = new Int32Array(others.length + 1);
    for (let j = 0; j < others.length; j++) {
      row[j + 1] = line === others[j] ? above[j] + 1 : Math.max(above[j + 1], row[j]);
    }
    above = row;
  }
  return lines.length - above[others.length];
}

/** What a script needs beyond Deno: packages of npm and commands. */
export function toolsOf(source: string): string[] {
  const packages = [...source.matchAll(/"npm:(@?[^@"]+)@/g)].map(([, name]) => name);
  const commands = parseHeader(source).run.match(/--allow-run=(\S+)/)?.[1].split(",") ?? [];
  return [...new Set([...packages, ...commands])];
}

async function effortAndGain(full: boolean): Promise<Section> {
  const width = full ? 1000 : 400;
  await using open = new AsyncDisposableStack();
  const calls: Record<string, () => void> = {}, missing: Section["missing"] = [];
  let reference: ArrayLike<number> | undefined;
  for (const [name, experiment] of Object.entries(ladder)) {
    try {
      const { run, counts, close } = await experiment(width);
      open.defer(async () => void await close?.());
      run();
      reference ??= Array.from(counts());
      const different = Array.from(counts()).findIndex((n, i) => n !== reference![i]);
      if (different >= 0) throw new Error(`${name} counts point ${different} differently from ${plain}`);
      calls[name] = run;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      missing.push({ name: "clang, C compiled to WebAssembly", remedy: "apt-get install clang lld" });
    }
  }
  const times = await measureInTurns(calls, { budget: full ? 1 : 0.2 });

  const folder = new URL("../julia/", import.meta.url);
  const source = (name: string) => Deno.readTextFile(new URL(`julia_${name}.ts`, folder));
  const plainLines = linesOfCode(await source(plain));
  const steps = await Promise.all(
    Object.keys(calls).map(async (name) => ({
      name,
      time: times[name],
      gain: times[plain].median / times[name].median,
      lines: linesChanged(linesOfCode(await source(name)), plainLines),
      tools: toolsOf(await source(name)),
    })),
  );
  // A gain within the noise is none.
  const frontier = frontierOf(steps.map(({ name, lines, gain }) => ({ name, x: lines, y: gain })), 1.15);
  const worth = frontier.slice(1).map(({ name, x, y }, i) => ({
    name,
    times: y / frontier[i].y,
    lines: x - frontier[i].x,
  }));
  const last = worth.at(-1)!;
  return {
    tables: [
      table(
        [`at ${width} x ${width}`, "a set", `vs ${plain}`, "lines to write", "needs"],
        steps.map(({ name, time, gain, lines, tools }) => [
          name,
          formatTime(time.median),
          formatRatio(gain),
          `${lines}`,
          tools.join(", ") || "nothing more",
        ]),
      ),
    ],
    charts: {
      diminishing_returns: scatterChart({
        title: `What a faster Julia set costs to write (${width} x ${width})`,
        x: { title: "lines of code that differ from the plainest version (orange: and tools beyond Deno)" },
        y: { title: "times as fast", log: true },
        points: steps.map(({ name, lines, gain, tools }) => ({
          name,
          x: lines,
          y: gain,
          color: palette[tools.length > 0 ? 1 : 0],
        })),
      }),
    },
    figures: steps.flatMap(({ name, time, lines }) => [
      { name, size: width, value: time.median, unit: "s per set", samples: time.samples, spread: time.spread },
      { name, size: width, value: lines, unit: "lines", samples: 1, spread: 0 },
    ]),
    checks: [{
      claim: `all count as ${plain} does`,
      passed: true,
      evidence: `${width * width} counts, ${Object.keys(calls).length} versions`,
    }],
    claims: [{
      claim: "a doubling of the speed costs ten times as many lines in the last step as in the first, or more",
      held: costOfDoubling(last) >= 10 * costOfDoubling(worth[0]),
      evidence: worth.map((step) => `${step.name} ${costOfDoubling(step).toFixed(0)} lines`).join(", "),
    }],
    missing,
    finding: worth.slice(0, -1).map(({ name, times, lines }) => `${name} ${formatRatio(times)} for ${lines} lines`)
      .join(", ") + `, and the last step, to ${last.name}, ${formatRatio(last.times)} for ${last.lines} lines more`,
  };
}

/** The lines that a step takes for each doubling of the speed. */
function costOfDoubling({ times, lines }: { times: number; lines: number }): number {
  return lines / Math.log2(times);
}

export async function run(args: readonly string[]) {
  return await compareSections(
    {
      chapter: "ch08",
      topic: "diminishing_returns",
      question: "When is it time to stop?",
      answer: "Each step against the best cheaper one",
    },
    { effort_and_gain: effortAndGain },
    args,
  );
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
