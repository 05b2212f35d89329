/**
 * Bytes a number and the time to add them up, from objects to a code near the bound.
 *
 * @original 12_less_ram, the book's array.array and numpy against list
 * @run deno run --allow-read=. --allow-write=results --allow-run=deno --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch12/numbers/compare.ts
 * @takes 5 s
 */

import { palette, scatterChart } from "../../bench/lib/chart.ts";
import { measureInTurns } from "../../bench/lib/measure.ts";
import { figure } from "../../bench/lib/results.ts";
import { compareSections, needing, type Section } from "../../bench/lib/sections.ts";
import { formatNumber, formatRatio, formatTime, table } from "../../bench/lib/table.ts";
import { denoOnPath } from "../../bench/parts.ts";
import { containers, sortedNumbers } from "./containers.ts";
import { DeltaBlocks } from "./delta_blocks.ts";
import { boundBits, DeltaRice } from "./delta_rice.ts";
import { DeltaVarint } from "./delta_varint.ts";
import { PackedBits } from "./packed_bits.ts";

export function run(args: readonly string[]) {
  return compareSections(
    {
      chapter: "ch12",
      topic: "numbers",
      question: "How many bytes does a number take, and what does it cost to have it take fewer?",
      answer: "Of sorted whole numbers",
    },
    { numbers: needing(denoOnPath, numbers) },
    args,
  );
}

/** What is not an array or a typed array: its own code. */
const codes: Record<
  string,
  { encode(values: Uint32Array): { byteLength: number; sum(): number; decode(): Uint32Array } }
> = {
  "packed bits": PackedBits,
  "delta, varint": DeltaVarint,
  "delta, blocks": DeltaBlocks,
  "delta, Rice": DeltaRice,
};

/** Bytes a number of the containers, read off the heap of a process of their own. */
async function containerBytes(count: number): Promise<Record<string, number>> {
  const source = `import { measureBytes } from ${JSON.stringify(import.meta.resolve("./containers.ts"))};
    console.log(JSON.stringify(measureBytes(${count})));`;
  const args = ["eval", "--no-config", "--no-lock", "--v8-flags=--single-threaded,--expose-gc", source];
  const { success, stdout, stderr } = await new Deno.Command("deno", { args, stdin: "null" }).output();
  if (!success) throw new Error(`deno eval: ${new TextDecoder().decode(stderr)}`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

async function numbers(full: boolean): Promise<Section> {
  const count = full ? 2 ** 21 : 2 ** 17, universe = 8 * count, values = sortedNumbers(count);
  const expected = values.reduce((sum, value) => sum + value, 0);
  const coded = Object.fromEntries(Object.entries(codes).map(([name, code]) => [name, code.encode(values)]));
  const bytes: Record<string, number> = {
    ...await containerBytes(count),
    ...Object.fromEntries(Object.entries(coded).map(([name, { byteLength }]) => [name, byteLength / count])),
  };
  const holders = {
    ...Object.fromEntries(Object.entries(containers).map(([name, hold]) => [name, hold(values)])),
    ...coded,
  };
  const names = Object.keys(holders);
  const wrong = names.filter((name) => holders[name].sum() !== expected);
  const changed = Object.keys(coded).filter((name) => {
    const decoded = coded[name].decode();
    return decoded.length !== count || !decoded.every((value, i) => value === values[i]);
  });
  const bound = boundBits(universe, count) / count / 8, rice = bytes["delta, Rice"];
  const readings = wrong.length > 0 ? null : await measureInTurns(
    Object.fromEntries(names.map((name) => [name, () => holders[name].sum()])),
    { budget: full ? 0.6 : 0.06 },
  );
  const time = (name: string) => readings ? readings[name].median / count : NaN;
  const plain = "array, small integers", typed = "Uint32Array";
  const exact: Record<string, number> = {
    objects: 40,
    BigInts: 32,
    "array, fractions and text": 24,
    "array, fractions": 8,
    [plain]: 8,
    BigUint64Array: 8,
    Float64Array: 8,
    Float32Array: 4,
    [typed]: 4,
    "gaps, Uint16Array": 2,
    "gaps, Uint8Array": 1,
  };
  const off = Object.keys(exact).filter((name) => Math.abs(bytes[name] - exact[name]) > 0.05);
  const blocks = "delta, blocks";
  return {
    tables: [table(
      [`${count} of ${universe}, sorted`, "bytes a number", "of the bound", "to add one", `vs ${plain}`],
      [
        ...names.map((name) => [
          name,
          bytes[name].toFixed(2),
          formatRatio(bytes[name] / bound),
          formatTime(time(name)),
          formatRatio(time(plain) / time(name)),
        ]),
        ["bound, log2 C(U, n) bits", bound.toFixed(2), "1x", "", ""],
      ],
    )],
    charts: {
      numbers: scatterChart({
        title: "Bytes a number, and how fast numbers are added",
        x: {
          title: "bytes a number (orange: not by index, one after the other only)",
          log: true,
          ticks: [0.5, 1, 2, 4, 8, 16, 32],
        },
        y: { title: "numbers added in a microsecond", log: true },
        points: names.map((name) => ({
          name,
          x: bytes[name],
          y: 1e-6 / time(name),
          color: palette[/gaps|delta/.test(name) ? 1 : 0],
        })),
      }),
    },
    figures: [
      ...names.map((name) => figure(`${name}: size`, count, bytes[name], "bytes per number")),
      ...readings
        ? names.map((name) => ({
          ...figure(`${name}: sum`, count, time(name), "s per number"),
          samples: readings[name].samples,
          spread: readings[name].spread,
        }))
        : [],
      figure("bound", count, bound, "bytes per number"),
    ],
    checks: [
      {
        claim: "all come to the same sum",
        passed: wrong.length === 0,
        evidence: wrong.join(", ") || `${expected}`,
      },
      {
        claim: "every code gives back the numbers that went in",
        passed: changed.length === 0,
        evidence: changed.join(", ") || Object.keys(coded).join(", "),
      },
      {
        claim: "arrays and objects take the bytes that their words come to (within 0.05)",
        passed: off.length === 0,
        evidence: off.map((name) => `${name}: ${bytes[name]}, not ${exact[name]}`).join("; ") || "all",
      },
      {
        claim: "no code is below the bound, and Rice is within 10 % of it",
        passed: Object.keys(coded).every((name) => bytes[name] >= bound) && rice <= 1.1 * bound,
        evidence: `${(8 * rice).toFixed(2)} bits, at best ${(8 * bound).toFixed(2)}`,
      },
    ],
    claims: [
      {
        claim: "a typed array of 32 bits is added at least as fast as an array of small integers (within 10 %)",
        held: time(typed) <= 1.1 * time(plain),
        evidence: `${formatRatio(time(plain) / time(typed))} as fast`,
      },
      {
        claim: "blocks of packed gaps are added as fast as an array of small integers, in a tenth of the bytes",
        held: time(blocks) <= 1.1 * time(plain) && bytes[blocks] <= 0.1 * bytes[plain],
        evidence: `${formatRatio(time(plain) / time(blocks))} as fast, ${bytes[blocks].toFixed(2)} bytes`,
      },
      {
        claim: "the last bits are dear: Rice takes twice as long as blocks, or more",
        held: time("delta, Rice") >= 2 * time(blocks),
        evidence: formatRatio(time("delta, Rice") / time(blocks)),
      },
    ],
    finding:
      `one takes 40 bytes as an object, 8 in an array, 4 in a Uint32Array, ${
        formatNumber(bytes[blocks])
      } in blocks of ` +
      `packed gaps and ${formatNumber(rice)} in a Rice code, where ${
        formatNumber(bound)
      } is the bound; to add it takes ${
        ["objects", plain, typed, blocks, "delta, Rice"].map((name) => formatTime(time(name))).join(", ")
      }`,
  };
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
