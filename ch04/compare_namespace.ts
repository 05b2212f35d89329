/**
 * Names looked up in each kind of scope, by compiled code and by the interpreter, with the instructions that do it.
 *
 * @original 04_dict_set/namespace.py
 * @run deno run --allow-read=. --allow-write=results --allow-run=deno --allow-sys=cpus,systemMemoryInfo,osRelease ch04/compare_namespace.ts
 * @takes 4 s
 */

import { figure } from "../bench/lib/results.ts";
import { compareSections, needing, type Section } from "../bench/lib/sections.ts";
import { formatRatio, formatTime, table } from "../bench/lib/table.ts";
import { denoOnPath } from "../bench/parts.ts";
import { evaluate, printed } from "./compare_memory.ts";

export function run(args: readonly string[]) {
  return compareSections(
    {
      chapter: "ch04",
      topic: "namespace",
      question: "How are names kept, and are they looked up in dictionaries?",
      answer: "By numbers, not by names",
    },
    { namespaces: needing(denoOnPath, namespaces) },
    args,
  );
}

const tiers: Record<string, string[]> = {
  compiled: ["--single-threaded"],
  interpreted: ["--single-threaded", "--no-opt", "--no-maglev", "--no-sparkplug"],
};
const module = JSON.stringify(import.meta.resolve("./namespace.ts"));

/** The instruction of V8's bytecode that fetches the name in the loop of each of the functions. */
export async function findInstructions(names: readonly string[]): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const name of names) {
    const text = await printed(
      ["--print-bytecode", `--print-bytecode-filter=${name}`],
      `import { variableLookups } from ${module};\nvariableLookups().${name}(10);`,
    );
    const instructions = text.split("\n").map((line) => line.match(/@\s+\d+ : (?:[0-9a-f]{2} )+\s*(.+)/)?.[1] ?? "");
    // From the comparison that ends the loop up to the addition.
    const start = instructions.findIndex((line) => line.startsWith("TestLessThan"));
    const end = instructions.findIndex((line, i) => i > start && line.startsWith("Add"));
    const body = instructions.slice(start + 1, end).filter((line) => !/^(Jump|Throw|Star)/.test(line));
    found[name] = body[0]?.split(/\s+/)[0] ?? "none";
  }
  return found;
}

async function namespaces(full: boolean): Promise<Section> {
  const rounds = full ? 9 : 3, samples: Record<string, Record<string, number[]>> = {};
  for (let round = 0; round < rounds; round++) {
    for (const [tier, flags] of Object.entries(tiers)) {
      const times = await evaluate<Record<string, number>>(
        flags,
        `import { timeAll } from ${module};\nconsole.log(JSON.stringify(timeAll()));`,
      );
      for (const [name, nanoseconds] of Object.entries(times)) {
        ((samples[tier] ??= {})[name] ??= []).push(nanoseconds / 1e9);
      }
    }
  }
  const names = Object.keys(samples.compiled), variables = names.filter((name) => /^(?!with).*_lookup$/.test(name));
  const time = (tier: string, name: string) => samples[tier][name].toSorted((a, b) => a - b)[rounds >> 1];
  const ratio = (tier: string, name: string, to: string) => time(tier, name) / time(tier, to);
  const instructions = await findInstructions(variables);
  const within = (tier: string, list: string[], factor: number) => {
    const times = list.map((name) => time(tier, name));
    return Math.max(...times) / Math.min(...times) <= factor;
  };
  const sines = names.filter((name) => name.endsWith("_sin"));
  return {
    tables: [table(
      ["a name that is", { head: "instruction", align: "left" }, "compiled", "interpreted", "vs local"],
      names.map((name) => [
        name.replace("_lookup", "").replace("_", ", "),
        instructions[name] ?? "",
        ...Object.keys(tiers).map((tier) => formatTime(time(tier, name))),
        formatRatio(ratio("interpreted", name, name.endsWith("_sin") ? "local_sin" : "local_lookup")),
      ]),
    )],
    figures: Object.keys(tiers).flatMap((tier) =>
      names.map((name) => figure(`${tier}: ${name}`, 1, time(tier, name), "s per lookup", samples[tier][name]))
    ),
    checks: [{
      claim: "only a global is fetched by its name; a closure's and a module's variables by the number of their slot",
      passed: /ContextSlot/.test(instructions.closure_lookup) && /ContextSlot/.test(instructions.module_lookup) &&
        /LdaGlobal/.test(instructions.global_lookup) && !/ContextSlot|Global/.test(instructions.local_lookup),
      evidence: variables.map((name) => `${name}: ${instructions[name]}`).join(", "),
    }],
    claims: [
      {
        claim: "compiled, a local, a closure's, a module's and a global variable cost the same (within 30%)",
        held: within("compiled", variables, 1.3),
        evidence: variables.map((name) => `${name} ${formatTime(time("compiled", name))}`).join(", "),
      },
      {
        claim: "a scope that is a dictionary (`with`) costs fifty times as much, or more",
        held: ratio("compiled", "with_lookup", "local_lookup") >= 50,
        evidence: formatRatio(ratio("compiled", "with_lookup", "local_lookup")),
      },
      {
        claim: "the book's local name for a function pays in compiled code (5% or more)",
        held: ratio("compiled", "global_sin", "local_sin") >= 1.05,
        evidence: `${
          formatRatio(ratio("compiled", "global_sin", "local_sin"))
        }; V8 takes Math.sin for the constant it is`,
      },
      {
        claim: "it pays in the interpreter (5% or more)",
        held: ratio("interpreted", "global_sin", "local_sin") >= 1.05 && sines.length === 3,
        evidence: formatRatio(ratio("interpreted", "global_sin", "local_sin")),
      },
    ],
    finding: `compiled, a global takes ${formatRatio(ratio("compiled", "global_lookup", "local_lookup"))} a local, ` +
      `and a name in a \`with\` ${
        formatRatio(ratio("compiled", "with_lookup", "local_lookup"))
      }; interpreted, a global ` +
      formatRatio(ratio("interpreted", "global_lookup", "local_lookup")),
  };
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
