/**
 * What each tool of this chapter costs the program that it observes: the loop of one Julia set, timed by itself.
 *
 * @original 02_profiling/ (the book's table of tools is in its text)
 * @run deno run --allow-read=. --allow-write=results --allow-run=deno --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch02/compare_costs.ts
 * @takes 15 s
 */

import { barChart, palette } from "../bench/lib/chart.ts";
import { isBrief } from "../bench/lib/measure.ts";
import { type Figure, figure } from "../bench/lib/results.ts";
import { compareSections, needing, type Section } from "../bench/lib/sections.ts";
import { median } from "../bench/lib/statistics.ts";
import { formatRatio, formatTime, table } from "../bench/lib/table.ts";
import { denoOnPath } from "../bench/parts.ts";
import { fileURLToPath } from "node:url";

export function run(args: readonly string[]) {
  return compareSections(
    {
      chapter: "ch02",
      topic: "costs",
      question: "What does it cost to look?",
      answer: "Times as long as the program takes by itself, loop only",
    },
    { tools: needing(denoOnPath, tools) },
    args,
  );
}

const root = fileURLToPath(new URL("..", import.meta.url)), program = "ch02/cpu_profiling/julia.ts";

/** A tool's script under its own permissions, to which the program is handed. */
const tool = (script: string, ...permissions: string[]) => ["run", "--no-prompt", ...permissions, `ch02/${script}`];
const net = "--allow-net=127.0.0.1", deno = "--allow-run=deno", files = ["--allow-read=.", "--allow-write=."];
const lineProfiler = tool("line_profiler/line_profiler.ts", deno, net, ...files);
const memoryProfiler = tool("memory_profiler/memory_profiler.ts", deno, net);

/** What stands before the program on Deno's command line. */
const observers: Record<string, string[]> = {
  "nothing": ["run"],
  "process_cost": tool("cpu_profiling/process_cost.ts", deno, "--allow-read=.", "--allow-ffi=/lib,/lib64,/usr/lib"),
  "profile_table": tool("cpu_profiling/profile_table.ts", deno, net, ...files),
  "line_profiler": lineProfiler,
  "line_profiler --hits": [...lineProfiler, "--hits"],
  "memory_profiler": memoryProfiler,
  "memory_profiler --allocations": [...memoryProfiler, "--allocations"],
  "gc_trace": tool("gc/gc_trace.ts", deno, net),
  "optimisation_log": tool("bytecode/optimisation_log.ts", deno, ...files),
};

interface Timed {
  /** Seconds: what the program's own clock says of its loop, and from the start of all to its end. */
  loop: number;
  wall: number;
  /** What the program printed, without its time. */
  output: string;
}

async function time(before: string[], width: number): Promise<Timed> {
  const start = performance.now();
  const { code, stdout, stderr } = await new Deno.Command("deno", {
    args: [...before, program, `--width=${width}`],
    cwd: root,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const wall = (performance.now() - start) / 1000, text = new TextDecoder().decode(stdout);
  const seconds = text.match(/took ([\d.]+) seconds/)?.[1];
  if (code !== 0 || !seconds) throw new Error(`${before.at(-1)}: code ${code}, ${new TextDecoder().decode(stderr)}`);
  return { loop: Number(seconds), wall, output: text.replace(seconds, "") };
}

async function tools(full: boolean): Promise<Section> {
  const width = isBrief() ? 100 : full ? 1000 : 400, rounds = isBrief() ? 1 : full ? 5 : 3;
  const names = Object.keys(observers), timed = new Map<string, Timed[]>(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    // Each round begins with another, so that a slow moment does not always meet the same one.
    for (const i of names.keys()) {
      const name = names[(i + 4 * round) % names.length];
      timed.get(name)!.push(await time(observers[name], width));
    }
  }
  const loop = (name: string) => median(timed.get(name)!.map(({ loop }) => loop));
  const wall = (name: string) => median(timed.get(name)!.map(({ wall }) => wall));
  const cost = (name: string) => loop(name) / loop("nothing"), beside = (name: string) => wall(name) - loop(name);
  const plain = timed.get("nothing")![0].output;
  const changed = names.filter((name) => timed.get(name)!.some(({ output }) => output !== plain));
  const exact = "line_profiler --hits", cheap = names.filter((name) => name !== exact && name !== "nothing");
  const dearest = cheap.reduce((a, b) => cost(a) > cost(b) ? a : b);
  return {
    tables: [table(
      [`observed by, at ${width} x ${width}`, "the loop", "vs unobserved", "all, with the tool's start and report"],
      names.map((name) => [name, formatTime(loop(name)), formatRatio(cost(name)), formatTime(wall(name))]),
    )],
    charts: {
      costs: barChart({
        title: "What it costs a program to be observed",
        x: { title: "times as long as the loop takes unobserved" },
        bars: names.map((name) => ({ name, value: cost(name), color: palette[name === "nothing" ? 9 : 0] })),
        text: formatRatio,
      }),
    },
    figures: names.flatMap((name): Figure[] => [
      figure(`loop under ${name}`, width, loop(name), "s", timed.get(name)!.map(({ loop }) => loop)),
      figure(`all under ${name}`, width, wall(name), "s", timed.get(name)!.map(({ wall }) => wall)),
    ]),
    checks: [{
      claim: "under each tool the program prints what it prints by itself",
      passed: changed.length === 0,
      evidence: changed.join(", ") || `${names.length} ways`,
    }],
    claims: [
      {
        claim: "what samples or waits for events costs the program less than a quarter of its time",
        held: cost(dearest) < 1.25,
        evidence: `the dearest is ${dearest}, ${formatRatio(cost(dearest))}`,
      },
      {
        claim: "counting how often each line runs costs more than sampling where the time goes",
        held: cost(exact) > cost("line_profiler"),
        evidence: `${formatRatio(cost(exact))} against ${formatRatio(cost("line_profiler"))}`,
      },
    ],
    finding: `${cheap.map((name) => `${name} ${formatRatio(cost(name))}`).join(", ")}; counting every line ${
      formatRatio(cost(exact))
    }; a tool's start and report take up to ${formatTime(Math.max(...names.map(beside)) - beside("nothing"))} on top`,
  };
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
