/**
 * Cross entropy with temporaries and without: the time it takes and the memory, each in a process of its own.
 *
 * @original 12_less_ram/numexpr_pandas/
 * @run deno run --allow-read=. --allow-write=results --allow-run=cc,deno --allow-ffi=results --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch12/numexpr/compare.ts
 * @takes 6 s
 */

import { palette, scatterChart } from "../../bench/lib/chart.ts";
import { isBrief } from "../../bench/lib/measure.ts";
import { figure, type Missing } from "../../bench/lib/results.ts";
import { compareSections, needing, type Section } from "../../bench/lib/sections.ts";
import { median } from "../../bench/lib/statistics.ts";
import { formatBytes, formatNumber, formatRatio, formatTime, table } from "../../bench/lib/table.ts";
import { missingCompiler, openLimit } from "../../bench/limit/limit.ts";
import { denoOnPath } from "../../bench/parts.ts";

export function run(args: readonly string[]) {
  return compareSections(
    {
      chapter: "ch12",
      topic: "numexpr",
      question: "What do temporaries cost, in memory and in time?",
      answer: "Cross entropy",
    },
    { cross_entropy: needing(denoOnPath, crossEntropy) },
    args,
  );
}

interface Run {
  result: number;
  /** Seconds of each run but the first, in which V8 compiles. */
  seconds: number[];
  /** The most memory that the process ever held, in bytes. */
  peak: number;
}

/** File and number of threads. */
const variants: Record<string, [file: string, threads?: number]> = {
  temporaries: ["temporaries"],
  in_place: ["in_place"],
  blocks: ["blocks"],
  fused: ["fused"],
  wasm_simd: ["wasm_simd"],
  wasm_simd_threads: ["wasm_simd", navigator.hardwareConcurrency],
};

/** Runs one variant in a process that starts small: on Linux the peak of a process is no less than its parent's. */
async function measureAlone([file, threads]: [string, number?], size: number, runs: number): Promise<Run> {
  const inner = `
    import process from "node:process";
    import { experiment } from ${JSON.stringify(import.meta.resolve(`./cross_entropy_${file}.ts`))};
    const { run, close } = await experiment(${size}${threads ? `, { threads: ${threads} }` : ""});
    const result = await run(), seconds = [];
    for (let i = 0; i < ${runs}; i++) {
      const start = performance.now();
      await run();
      seconds.push((performance.now() - start) / 1000);
    }
    console.log(JSON.stringify({ result, seconds, peak: process.resourceUsage().maxRSS * 1024 }));
    close?.();`;
  const outer = `
    const args = ["eval", "--no-config", "--no-lock", ${JSON.stringify(inner)}];
    const options = { args, stdin: "null", stdout: "inherit", stderr: "inherit" };
    const { code } = await new Deno.Command("deno", options).output();
    Deno.exit(code);`;
  const args = ["eval", "--no-config", "--no-lock", outer];
  const { success, stdout, stderr } = await new Deno.Command("deno", { args, stdin: "null" }).output();
  if (!success) throw new Error(`${file}: ${new TextDecoder().decode(stderr)}`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** The same in C, in this process: its time only. Null where there is no compiler. */
async function measureC(size: number, runs: number): Promise<Run | null> {
  const library = await openLimit("cross_entropy", {
    cross_entropy: { parameters: ["buffer", "buffer", "i64"], result: "f64" },
  });
  if (!library) return null;
  const y = new Float64Array(size), p = new Float64Array(size);
  for (let i = 0, state = 1; i < size; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    y[i] = state & 0x40000000 ? 1 : 0;
    p[i] = ((state & 0x3fffffff) + 0.5) / 2 ** 30;
  }
  const call = () => library.symbols.cross_entropy(y, p, BigInt(size));
  const result = call(), seconds: number[] = [];
  for (let i = 0; i < runs; i++) {
    const start = performance.now();
    call();
    seconds.push((performance.now() - start) / 1000);
  }
  return { result, seconds, peak: NaN };
}

async function crossEntropy(full: boolean): Promise<Section> {
  const size = full ? 200_000_000 : isBrief() ? 300_000 : 2_000_000, runs = full || !isBrief() ? 3 : 1;
  const data = 16 * size, found: Record<string, Run> = {}, missing: Missing[] = [];
  for (const [name, variant] of Object.entries(variants)) {
    // Eight temporaries and what goes in, if the garbage collector is late.
    const needed = data * (name === "temporaries" ? 6 : name === "in_place" ? 2.2 : 1.2);
    if (Deno.systemMemoryInfo().available < needed) {
      missing.push({
        name: `${formatBytes(needed)} of free memory for ${name}`,
        remedy: "without --full it takes less",
      });
    } else {
      found[name] = await measureAlone(variant, size, runs);
    }
  }
  const c = Deno.systemMemoryInfo().available < 1.2 * data ? null : await measureC(size, runs);
  if (c) found.c = c;
  else missing.push(missingCompiler);

  const names = Object.keys(found), measured = names.filter((name) => name !== "c");
  const time = (name: string) => found[name] ? median(found[name].seconds) / size : NaN;
  const ratio = (slower: string, faster: string) => time(slower) / time(faster);
  const peak = (name: string) => found[name]?.peak ?? NaN;
  // What the runtime takes by itself: all but the data where there are no temporaries.
  const beyond = (name: string) => peak(name) - peak("fused");
  const within = 1e-10, expected = found.fused.result, bound = 6 / Math.sqrt(size);
  const differing = names.filter((name) => !(Math.abs(found[name].result - expected) <= within * expected));
  // A peak can only be told apart from what the runtime takes if there are enough numbers.
  const large = data > 25e6;
  const claims = [
    {
      claim: "whole-array temporaries take more than the two arrays that go in, beyond them",
      held: beyond("temporaries") > data,
      evidence: `${formatBytes(beyond("temporaries"))} more than one loop, the data being ${formatBytes(data)}`,
    },
    {
      claim:
        "two arrays that are used again take as much as the two that go in (within 20 %), and blocks nothing (5 %)",
      held: Math.abs(beyond("in_place") / data - 1) < 0.2 && Math.abs(beyond("blocks")) < 0.05 * peak("fused"),
      evidence: `${formatBytes(beyond("in_place"))}, and ${formatBytes(Math.max(0, beyond("blocks")))}`,
    },
    {
      claim: "blocks are faster than whole arrays (1.3 times or more)",
      held: ratio("temporaries", "blocks") >= 1.3,
      evidence: `${formatRatio(ratio("temporaries", "blocks"))}; than arrays that are used again ${
        formatRatio(ratio("in_place", "blocks"))
      }`,
    },
    {
      claim: "one loop is faster still (1.1 times or more)",
      held: ratio("blocks", "fused") >= 1.1,
      evidence: formatRatio(ratio("blocks", "fused")),
    },
    {
      claim: "two logarithms at once are twice as fast as Math.log",
      held: ratio("fused", "wasm_simd") >= 2,
      evidence: formatRatio(ratio("fused", "wasm_simd")),
    },
    {
      claim: "WebAssembly with SIMD reaches 0.6 of C with vectors, on one core",
      held: ratio("c", "wasm_simd") >= 0.6,
      evidence: ratio("c", "wasm_simd").toFixed(2),
    },
  ];
  return {
    tables: [table(
      [`${size} numbers`, "a number", "vs temporaries", ...c ? ["of c"] : [], "peak memory", "beyond one loop's"],
      names.map((name) => [
        name,
        formatTime(time(name)),
        formatRatio(ratio("temporaries", name)),
        ...c ? [ratio("c", name).toFixed(2)] : [],
        name === "c" ? "" : formatBytes(peak(name)),
        name === "c" ? "" : formatBytes(Math.max(0, beyond(name))),
      ]),
    )],
    charts: {
      numexpr: scatterChart({
        title: `Cross entropy of ${size.toLocaleString("en-US")} numbers: speed and peak memory`,
        x: { title: `peak memory, MiB (labels and chances take ${formatNumber(data / 2 ** 20)})` },
        y: { title: "numbers in a microsecond" },
        points: measured.map((name) => ({
          name,
          x: peak(name) / 2 ** 20,
          y: 1e-6 / time(name),
          color: palette[name.startsWith("wasm") ? 1 : 0],
        })),
      }),
    },
    figures: [
      ...names.map((name) => ({
        ...figure(`${name}: time`, size, time(name), "s per number", found[name].seconds.map((value) => value / size)),
      })),
      ...measured.map((name) => figure(`${name}: peak`, size, peak(name), "bytes")),
    ],
    checks: [
      {
        claim: `all agree with the one loop within ${within}`,
        passed: differing.length === 0,
        evidence: names.map((name) => `${name} ${found[name].result}`).join(", "),
      },
      {
        claim: "the cross entropy is 1, that of chances which know nothing of the labels (within six standard errors)",
        passed: Math.abs(expected - 1) < bound,
        evidence: `${expected}, allowed ${formatNumber(bound)}`,
      },
      {
        claim: "no peak is below what the data take",
        passed: measured.every((name) => peak(name) >= data),
        evidence: measured.map((name) => `${name} ${formatBytes(peak(name))}`).join(", "),
      },
    ],
    claims: large ? claims.filter(({ evidence }) => !evidence.includes("NaN")) : [],
    missing,
    finding: `with temporaries takes ${formatTime(time("temporaries"))} a number and ${
      formatRatio(peak("temporaries") / peak("fused"))
    } the memory of one loop, in blocks ${formatTime(time("blocks"))}, in one loop ${
      formatTime(time("fused"))
    }, with SIMD ${formatTime(time("wasm_simd"))}, and on ${navigator.hardwareConcurrency} cores ${
      formatTime(time("wasm_simd_threads"))
    }`,
  };
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
