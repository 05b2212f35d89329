/**
 * The same arithmetic by plain instructions, several chains at once, vectors and a GPU.
 *
 * @original none, chapter 1's question on common alternate architectures
 * @run deno run --allow-read=. --allow-write=results --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch01/compare_alternate_architectures.ts
 * @takes 5 s
 */

import { barChart, lineChart } from "../bench/lib/chart.ts";
import { relativeError } from "../bench/lib/compare.ts";
import { requestAdapter } from "../bench/lib/machine.ts";
import { measureInTurns, type Measurement } from "../bench/lib/measure.ts";
import { compareSections, type Section } from "../bench/lib/sections.ts";
import { formatNumber, formatRatio, formatTime, table } from "../bench/lib/table.ts";
import { fourAtATime, gpu, oneByOne, type Prepared, startValues, steps, vectors } from "./alternate_architectures.ts";

const [plain, chains, doubles, singles, card] = [
  "one by one",
  "four at a time",
  "vectors of 2 doubles",
  "vectors of 4 singles",
  "GPU, singles",
];

export function run(args: readonly string[]) {
  return compareSections(
    {
      chapter: "ch01",
      topic: "alternate_architectures",
      question: "What are some common alternate computer architectures, and what does this machine have of them?",
      answer: "More of the same at once",
    },
    { lanes },
    args,
  );
}

async function lanes(full: boolean): Promise<Section> {
  const sizes = [2 ** 10, 2 ** 13, 2 ** 16, ...full ? [2 ** 19, 2 ** 21] : []], largest = sizes.at(-1)!, within = 1e-6;
  const readings = new Map<number, Record<string, Measurement>>(), errors: Record<string, number> = {};
  // Asked for here once, so that the driver's complaint about a missing desktop session is spared.
  await requestAdapter();
  let name: string | undefined;
  for (const size of sizes) {
    const start = startValues(size), device = await gpu(start);
    name = device?.name;
    const variants: Record<string, Prepared> = {
      [plain]: oneByOne(start),
      [chains]: fourAtATime(start),
      [doubles]: await vectors(start),
      [singles]: await vectors(start, true),
      ...device && { [card]: device },
    };
    for (const [name, { run, values }] of Object.entries(variants)) {
      await run();
      const error = relativeError(values(), variants[plain].values());
      if (!(error <= within)) throw new Error(`${name} is off by ${error}, where ${within} is allowed`);
      errors[name] = Math.max(errors[name] ?? 0, error);
    }
    const calls = Object.fromEntries(Object.entries(variants).map(([name, { run }]) => [name, () => run()]));
    readings.set(size, await measureInTurns(calls, { budget: full ? 0.5 : 0.05 }));
    device?.close?.();
  }
  const names = Object.keys(errors);
  const time = (name: string, size = largest) => (readings.get(size)![name]?.median ?? NaN) / size / steps;
  const gain = (name: string, size = largest) => time(plain, size) / time(name, size);
  const remedy = "install the GPU's driver, or for one in software: apt-get install mesa-vulkan-drivers libvulkan1";
  return {
    tables: [
      table(
        [`${largest} numbers, ${steps} steps each`, "a step", ...sizes.map((size) => `faster at ${size}`), "error"],
        names.map((name) => [
          name,
          formatTime(time(name)),
          ...sizes.map((size) => formatRatio(gain(name, size))),
          formatNumber(errors[name]),
        ]),
      ),
      `${navigator.hardwareConcurrency} cores; GPU: ${name ?? "none"}.`,
    ],
    charts: {
      alternate_architectures: barChart({
        title: "The same steps on other parts of the machine",
        x: { title: `times as fast as one number after the other, ${largest.toLocaleString("en-US")} numbers` },
        bars: names.map((name) => ({ name, value: gain(name) })),
        text: formatRatio,
      }),
      alternate_architectures_sizes: lineChart({
        title: "Times as fast as one number after the other, over how many there are",
        x: { title: "numbers", log: true, ticks: sizes },
        y: { title: "times as fast", log: true, ticks: [0.01, 0.1, 1, 10, 100, 1000] },
        lines: names.map((name) => ({ name, points: sizes.map((x) => ({ x, y: gain(name, x) })) })),
      }),
    },
    figures: sizes.flatMap((size) =>
      names.map((name) => {
        const { samples, spread } = readings.get(size)![name];
        return { name, size, value: time(name, size), unit: "s per step", samples, spread };
      })
    ),
    checks: [{
      claim: `all agree with one number after the other within ${within}, single precision included`,
      passed: true,
      evidence: names.map((name) => `${name} ${formatNumber(errors[name])}`).join(", "),
    }],
    claims: [
      {
        claim: "four chains at once are more than 3 times as fast with the same instructions",
        held: gain(chains) > 3,
        evidence: formatRatio(gain(chains)),
      },
      {
        claim: "vectors of two doubles add to that 1.2 times or more, of four singles 1.5 times or more again",
        held: time(chains) / time(doubles) >= 1.2 && time(doubles) / time(singles) >= 1.5,
        evidence: `${formatRatio(time(chains) / time(doubles))}, ${formatRatio(time(doubles) / time(singles))}`,
      },
      ...name === undefined ? [] : [{
        claim: "the GPU is the fastest for the most numbers and the slowest for the fewest",
        held: gain(card) > gain(singles) && gain(card, sizes[0]) < 1,
        evidence: `${formatRatio(gain(card))} at ${largest}, ${formatRatio(gain(card, sizes[0]))} at ${
          sizes[0]
        }, by ${name}`,
      }],
    ],
    missing: name === undefined ? [{ name: "GPU", remedy }] : [],
    finding:
      `the same steps ran ${formatRatio(gain(chains))} as fast four at a time, ${
        formatRatio(gain(singles))
      } in vectors` + (name === undefined ? "" : `, ${formatRatio(gain(card))} on the GPU (${name})`),
  };
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
