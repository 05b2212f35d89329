/**
 * How many numbers should go into a message, and into how many chunks should work be cut?
 *
 * @original 10_multiprocessing/prime_generation/diagrams/
 * @run deno run --allow-read=. --allow-write=results --allow-env=XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch10/prime_generation/compare_chunks.ts
 * @takes 10 s
 */

import { assertEquals } from "@std/assert";
import { lineChart } from "../../bench/lib/chart.ts";
import { isBrief } from "../../bench/lib/measure.ts";
import { compareSections, type Section } from "../../bench/lib/sections.ts";
import { formatNumber, formatRatio, formatTime, table } from "../../bench/lib/table.ts";
import * as atomicCounter from "./primes_atomic_counter.ts";
import * as pool from "./primes_pool.ts";
import * as sieve from "./primes_sieve.ts";

const first = 100_000_000, cores = navigator.hardwareConcurrency;
const thousands = (n: number) => n.toLocaleString("en-US");

/**
 * Times calls in turns, forwards and backwards, and keeps the best (seconds): each takes as long as it takes, and what
 * else the machine does can only add to that.
 */
async function bestOf(rounds: number, calls: Record<string, () => Promise<void>>) {
  const names = Object.keys(calls), samples = new Map<string, number[]>(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const name of round % 2 ? names : names.toReversed()) {
      const start = performance.now();
      await calls[name]();
      samples.get(name)!.push((performance.now() - start) / 1000);
    }
  }
  return (name: string) => {
    const sorted = samples.get(name)!.toSorted((a, b) => a - b);
    return { value: sorted[0], samples: rounds, spread: sorted[Math.floor(rounds / 2)] / sorted[0] - 1 };
  };
}

interface Experiment {
  run(chunk?: number): Promise<void>;
  primes(): Uint32Array;
}

/** Opens the three ways on the first `count` numbers, each with one worker for each core. */
async function open(count: number, closing: AsyncDisposableStack): Promise<Record<string, Experiment>> {
  const ways = {
    pool: await pool.experiment(first, first + count),
    pool_shuffled: await pool.experiment(first, first + count, { order: "shuffled" }),
    counter: await atomicCounter.experiment(first, first + count),
  };
  for (const { close } of Object.values(ways)) closing.defer(async () => void await close());
  return ways;
}

/** Runs every way with every chunk size once, and says how many runs found just the primes that a sieve finds. */
async function checkAll(count: number, ways: Record<string, Experiment>, chunks: number[]): Promise<number> {
  const reference = sieve.experiment(first, first + count);
  reference.run();
  const expected = reference.primes();
  let runs = 0;
  for (const experiment of Object.values(ways)) {
    for (const chunk of chunks) {
      await experiment.run(chunk);
      assertEquals(experiment.primes(), expected);
      runs++;
    }
  }
  return runs;
}

async function sizes(full: boolean): Promise<Section> {
  const count = full ? 1_000_000 : 100_000, few = count / 20;
  const chunks = full
    ? [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000]
    : [1, 10, 100, 1000, 3000, 10_000, 30_000, 100_000];
  const names = ["pool", "pool_shuffled", "counter"];
  await using closing = new AsyncDisposableStack();
  // Small chunks take long, and show the same on fewer numbers.
  const many = await open(count, closing), fewer = await open(few, closing);
  const isSmall = (chunk: number) => chunk < 100;
  const small = chunks.filter(isSmall), large = chunks.filter((chunk) => !isSmall(chunk));
  const runs = await checkAll(few, fewer, small) + await checkAll(count, many, large);
  const calls: Record<string, () => Promise<void>> = {};
  for (const name of names) {
    for (const chunk of chunks) calls[`${name} ${chunk}`] = () => (isSmall(chunk) ? fewer : many)[name].run(chunk);
  }
  const measured = await bestOf(isBrief() ? 1 : full ? 15 : 4, calls);
  const reading = (name: string, chunk: number) => {
    const { value, ...rest } = measured(`${name} ${chunk}`);
    return { ...rest, value: value / (isSmall(chunk) ? few : count) };
  };
  const time = (name: string, chunk: number) => reading(name, chunk).value;
  const best = (name: string) => chunks.reduce((a, b) => time(name, b) < time(name, a) ? b : a);
  const largest = chunks.at(-1)!, single = time("pool", 1) / time("pool", best("pool"));
  const wide = time("pool", largest) / time("pool", best("pool")),
    free = time("counter", 1) / time("counter", best("counter"));
  const shuffling = chunks.filter((chunk) => !isSmall(chunk)).map((chunk) =>
    time("pool", chunk) / time("pool_shuffled", chunk)
  );
  return {
    tables: [table(
      ["a number, by numbers a chunk", ...names],
      chunks.map((chunk) => [thousands(chunk), ...names.map((name) => formatTime(time(name, chunk)))]),
    )],
    charts: {
      prime_chunk_sizes: lineChart({
        title: `Time a number by chunk size, ${cores} workers`,
        x: { title: "numbers a chunk", log: true, ticks: [1, 10, 100, 1000, 10_000, 100_000] },
        y: { title: "µs a number", log: true },
        lines: names.map((name) => ({
          name,
          points: chunks.map((chunk) => ({ x: chunk, y: 1e6 * time(name, chunk) })),
        })),
      }),
    },
    figures: names.flatMap((name) =>
      chunks.map((chunk) => ({ name, size: chunk, unit: "s per number", ...reading(name, chunk) }))
    ),
    checks: [{
      claim: "whatever the chunk and the order, the primes are those of the sieve",
      passed: runs === names.length * chunks.length,
      evidence: `${runs} runs`,
    }],
    claims: [
      {
        claim: "single numbers in messages take ten times as long as chunks of the best size, or more",
        held: single >= 10,
        evidence: `${formatRatio(single)}; best of the pool: ${thousands(best("pool"))} numbers`,
      },
      {
        claim: full
          ? "a tenth of the range is not yet too large a chunk"
          : "one chunk is as slow as one core: 1.5 times or more",
        held: full ? wide < 1.2 : wide >= 1.5,
        evidence: `${thousands(largest)} of ${thousands(count)} numbers take ${formatRatio(wide)} the best time`,
      },
      {
        claim: "from the counter, single numbers cost at most 1.5 times the best",
        held: free <= 1.5,
        evidence: formatRatio(free),
      },
      {
        claim: "in shuffled order chunks are neither faster nor slower (10 %)",
        held: shuffling.every((ratio) => Math.abs(ratio - 1) <= 0.1),
        evidence: `shuffled is ${shuffling.map((ratio) => ratio.toFixed(2)).join(", ")} times as fast for chunks of ${
          large.map(thousands).join(", ")
        }: neighbours are no harder than others, there is nothing to spread`,
      },
    ],
    finding: `single numbers a message take ${formatRatio(single)} as long as chunks of ${
      thousands(best("pool"))
    }, from a shared counter only ${formatRatio(free)}`,
  };
}

async function counts(full: boolean): Promise<Section> {
  const count = full ? 200_000 : 20_000, cuts = Array.from({ length: 20 }, (_, i) => i + 1);
  await using closing = new AsyncDisposableStack();
  const { pool, pool_shuffled } = await open(count, closing);
  const ways = { ascending: pool, shuffled: pool_shuffled }, names = ["ascending", "shuffled"] as const;
  const sizeOf = (cut: number) => Math.ceil(count / cut);
  const runs = await checkAll(count, ways, cuts.map(sizeOf));
  const calls: Record<string, () => Promise<void>> = {};
  for (const name of names) for (const cut of cuts) calls[`${name} ${cut}`] = () => ways[name].run(sizeOf(cut));
  const measured = await bestOf(isBrief() ? 1 : full ? 25 : 8, calls);
  const time = (name: string, cut: number) => measured(`${name} ${cut}`).value;
  const whole = time("ascending", 1);
  /** With equal chunks and messages for nothing: as many turns as the busiest worker has. */
  const ideal = (cut: number) => whole * Math.ceil(cut / cores) / cut;
  const uneven = cores + 1, step = time("ascending", uneven) / time("ascending", cores);
  const off = cuts.map((cut) => Math.abs(time("ascending", cut) / ideal(cut) - 1)).sort((a, b) => a - b);
  return {
    tables: [table(
      [`${thousands(count)} numbers in chunks`, ...names, "ideal"],
      cuts.map((cut) => [`${cut}`, ...names.map((name) => formatTime(time(name, cut))), formatTime(ideal(cut))]),
    )],
    charts: {
      prime_chunk_counts: lineChart({
        title: `${thousands(count)} numbers in 1 to 20 chunks on ${cores} workers`,
        x: { title: "chunks" },
        y: { title: "ms" },
        lines: [
          ...names.map((name) => ({ name, points: cuts.map((cut) => ({ x: cut, y: 1000 * time(name, cut) })) })),
          {
            name: "ideal",
            dash: true,
            color: "#888888",
            points: cuts.map((cut) => ({ x: cut, y: 1000 * ideal(cut) })),
          },
        ],
      }),
    },
    figures: names.flatMap((name) =>
      cuts.map((cut) => ({
        name: `${name}, by number of chunks`,
        size: cut,
        unit: "s per range",
        ...measured(`${name} ${cut}`),
      }))
    ),
    checks: [{
      claim: "whatever the number of chunks, the primes are those of the sieve",
      passed: runs === names.length * cuts.length,
      evidence: `${runs} runs`,
    }],
    claims: cores < 20
      ? [
        {
          claim: "one chunk more than there are workers is slower than as many",
          held: step > 1.1,
          evidence: `${uneven} chunks take ${formatRatio(step)} as long as ${cores}; ideally ${
            formatRatio(ideal(uneven) / ideal(cores))
          }`,
        },
        {
          claim: "the times follow the sawtooth of turns (half of them within 15 %)",
          held: off[Math.floor(off.length / 2)] <= 0.15,
          evidence: `the median is ${formatNumber(100 * off[Math.floor(off.length / 2)])} % off`,
        },
      ]
      : [],
    finding:
      `${uneven} chunks for ${cores} workers take ${formatRatio(step)} as long as ${cores}, and the more chunks, the ` +
      `smaller the teeth`,
  };
}

export async function run(args: readonly string[]) {
  return await compareSections(
    {
      chapter: "ch10",
      topic: "prime_chunks",
      question: "How large should the chunks be that go to workers?",
      answer: "Large enough to hide the message, and many for each worker",
    },
    { sizes, counts },
    args,
  );
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
