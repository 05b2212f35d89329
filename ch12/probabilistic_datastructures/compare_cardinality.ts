/**
 * Counting different keys approximately: the error against the theory and the bound, bytes, and what an insertion costs.
 *
 * It may read everything, because the list of words lies where Deno keeps npm packages, which is not the same everywhere.
 *
 * @original 12_less_ram/probabilistic_datastructures/_benchmark.py
 * @run deno run --allow-read=. --allow-write=results --allow-env=REFLECT_METADATA_USE_MAP_POLYFILL,XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch12/probabilistic_datastructures/compare_cardinality.ts
 * @takes 14 s
 */

import bloomFilters from "bloom-filters";
import wordList from "word-list";
import { pathToFileURL } from "node:url";
import { lineChart } from "../../bench/lib/chart.ts";
import { isBrief, measureInTurns } from "../../bench/lib/measure.ts";
import { type Figure, figure } from "../../bench/lib/results.ts";
import { compareSections, type Section } from "../../bench/lib/sections.ts";
import { formatBytes, formatNumber, formatRatio, formatTime, table } from "../../bench/lib/table.ts";
import { estimateFrom, HyperLogLog } from "./hyper_log_log.ts";
import { HyperLogLogPacked } from "./hyper_log_log_packed.ts";
import { KMinValues } from "./k_min_values.ts";
import { LogLog } from "./log_log.ts";
import { ScalingBloomFilter } from "./scaling_bloom_filter.ts";
import { bias, deviation, SuperLogLog } from "./super_log_log.ts";

export function run(args: readonly string[]) {
  return compareSections(
    {
      chapter: "ch12",
      topic: "cardinality",
      question: "How many different keys were there, and how few bytes does it take to know?",
      answer: "With an error that only the bytes decide",
    },
    { error, bytes, words, time, large },
    args,
  );
}

interface Counter {
  add(key: string | number): void;
  estimate(): number;
  readonly relativeError: number;
  readonly bytes: number;
}

/** By name, with 2^p registers or hashes. */
const counters: Record<string, (p: number) => Counter> = {
  "LogLog": (p) => new LogLog(p),
  "SuperLogLog": (p) => new SuperLogLog(p),
  "HyperLogLog": (p) => new HyperLogLog(p),
  "HyperLogLog, packed": (p) => new HyperLogLogPacked(p),
  "k-min values": (p) => new KMinValues(2 ** p),
};
const names = Object.keys(counters);

const percent = (share: number) => `${formatNumber(100 * share)}%`;
const rootMeanSquare = (errors: readonly number[]) => Math.hypot(...errors) / Math.sqrt(errors.length);

/**
 * How many times the standard error the root mean square of so many errors may be: more only in 3 of 10^7 cases, which is
 * what five standard deviations leave. By Wilson's and Hilferty's approximation of chi-squared.
 */
function allowance(trials: number): number {
  const width = 2 / (9 * trials);
  return Math.sqrt((1 - width + 5 * Math.sqrt(width)) ** 3);
}

/** What the theory says about the error of a counter at n keys; NaN where it says nothing. */
function expectedError(name: string, p: number, n: number): number {
  const m = 2 ** p, { relativeError } = counters[name](p);
  if (/^(Super)?LogLog$/.test(name) && n < 10 * m) return NaN;
  // The published algorithm has its bump in between.
  if (name === "HyperLogLog" && n > m && n < 8 * m) return NaN;
  // It jumps where the cut moves on to the next rank; with few registers that happens over a range of n.
  const around = [0.9, 1, 1.1].map((share) => deviation(share * n / m));
  return name === "SuperLogLog" ? Math.hypot(Math.max(...around) / Math.sqrt(m), bias(n / m)) : relativeError;
}

/** The error over the number of keys. */
function error(full: boolean): Section {
  const p = 12, m = 2 ** p, trials = isBrief() ? 20 : full ? 300 : 60, perDecade = 6, decades = full ? 5 : 4.5;
  // And one where HyperLogLog as published has just changed from one estimate to the other.
  const steps = [
    ...Array.from({ length: decades * perDecade + 1 }, (_, i) => Math.round(10 ** (1 + i / perDecade))),
    2.75 * m,
  ].sort((a, b) => a - b);
  const errors = new Map(names.map((name) => [name, steps.map((): number[] => [])]));
  for (let trial = 0; trial < trials; trial++) {
    for (const name of names) {
      // Other keys in each trial.
      const counter = counters[name](p), first = trial * 2 ** 24;
      let n = 0;
      for (const [i, step] of steps.entries()) {
        for (; n < step; n++) counter.add(first + n);
        errors.get(name)![i].push(counter.estimate() / n - 1);
      }
    }
  }
  const measured = (name: string, i: number) => rootMeanSquare(errors.get(name)![i]);
  const share = (name: string, i: number) => measured(name, i) / expectedError(name, p, steps[i]);
  const worst = (name: string) => Math.max(...steps.map((_, i) => share(name, i)).filter(Number.isFinite));
  const bound = 1.04 / Math.sqrt(m), far = 5 / Math.sqrt(trials);
  const middle = (name: string, i: number) => errors.get(name)![i].reduce((sum, error) => sum + error, 0) / trials;
  // For all n, since no n is an exception here.
  const unbiased = ["HyperLogLog, packed", "k-min values"];
  const drift = (name: string) =>
    Math.max(...steps.map((_, i) => Math.abs(middle(name, i)) / expectedError(name, p, steps[i]))) / far * 5;
  const bump = Math.max(...steps.map((n, i) => n > m && n < 8 * m ? measured("HyperLogLog", i) / bound : 0));
  const shown = [10, 100, 1000, 10_000, 100_000].map((n) => steps.indexOf(n));
  return {
    tables: [table(
      [`${m} registers; error at`, ...shown.map((i) => formatNumber(steps[i])), "in theory"],
      names.map((name) => [
        name,
        ...shown.map((i) => percent(measured(name, i))),
        percent(counters[name](p).relativeError),
      ]),
    )],
    charts: {
      cardinality_error: lineChart({
        title: `Counting different keys with ${m} registers: the error, ${trials} trials`,
        x: { title: "different keys", log: true },
        y: { title: `relative error (root mean square), %`, log: true },
        lines: [
          // Below there is only k-min values, which is exact there, and above only what is of no use.
          ...names.map((name) => ({
            name,
            points: steps.map((x, i) => ({ x, y: 100 * measured(name, i) })).filter(({ y }) => y > 0.3 && y < 30),
          })),
          {
            name: "1.04 / √m",
            color: "#444444",
            dash: true,
            points: [steps[0], steps.at(-1)!].map((x) => ({ x, y: 100 * bound })),
          },
        ],
      }),
    },
    figures: names.flatMap((name) =>
      steps.map((n, i) => figure(`error of ${name}, ${m} registers`, n, measured(name, i), "share"))
    ),
    checks: [
      {
        claim: `where the theory holds, the error of ${trials} trials is at most ${
          allowance(trials).toFixed(2)
        } times the standard error (five deviations)`,
        passed: names.every((name) => worst(name) <= allowance(trials)),
        evidence: names.map((name) => `${name} ${worst(name).toFixed(2)}`).join(", "),
      },
      {
        claim: "HyperLogLog, packed, and k-min values have no bias for any number of keys (within 5 standard errors)",
        passed: unbiased.every((name) => drift(name) <= 5),
        evidence: unbiased.map((name) => `${name} ${drift(name).toFixed(1)}`).join(", "),
      },
      {
        claim: "k-min values counts exactly below k keys",
        passed: steps.every((n, i) => n >= m || measured("k-min values", i) === 0),
        evidence: `below ${m}`,
      },
    ],
    claims: [
      {
        claim:
          "HyperLogLog as published has a bump where one estimate gives way to the other (1.2 times 1.04 / sqrt(m))",
        held: bump >= 1.2,
        evidence: `${formatRatio(bump)} at most from ${m} to ${8 * m} keys`,
      },
      {
        claim: "LogLog is no use for few keys (off by a factor of two or more at 100)",
        held: measured("LogLog", shown[1]) >= 1,
        evidence: percent(measured("LogLog", shown[1])),
      },
    ],
    finding: `at 100,000 keys ${m} registers are off by ${
      names.map((name) => `${percent(measured(name, shown[4]))} (${name})`).join(", ")
    }`,
  };
}

/** The book's 2^16 registers, and how near the bytes are to the fewest. */
function bytes(full: boolean): Section {
  const p = 16, trials = isBrief() ? 4 : full ? 150 : 16, n = 1_000_000;
  const rows = names.map((name) => {
    const errors = Array.from({ length: trials }, (_, trial) => {
      const counter = counters[name](p), first = trial * 2 ** 24;
      for (let i = 0; i < n; i++) counter.add(first + i);
      return counter.estimate() / n - 1;
    });
    const { bytes, relativeError } = counters[name](p), theory = expectedError(name, p, n);
    return { name, bytes, error: rootMeanSquare(errors), theory, product: 8 * bytes * relativeError ** 2 };
  });
  const least = leastProduct(), row = (name: string) => rows.find((row) => row.name === name)!;
  return {
    tables: [table(
      [`2^${p} registers, ${formatNumber(n)} keys`, "bytes", "error", "in theory", "bits x variance", "vs the least"],
      rows.map(({ name, bytes, error, theory, product }) => [
        name,
        formatBytes(bytes),
        percent(error),
        percent(theory),
        formatNumber(product),
        formatRatio(product / least),
      ]),
    )],
    figures: rows.flatMap(({ name, bytes, error, product }) => [
      figure(`bytes of ${name}, 2^${p} registers`, n, bytes, "bytes"),
      figure(`error of ${name}, 2^${p} registers`, n, error, "share"),
      figure(`bits times variance of ${name}`, n, product, "bits"),
    ]),
    checks: [{
      claim: `the error of ${trials} trials is at most ${
        allowance(trials).toFixed(2)
      } times the standard error (five deviations)`,
      passed: rows.every(({ error, theory }) => error <= theory * allowance(trials)),
      evidence: rows.map(({ name, error, theory }) => `${name} ${(error / theory).toFixed(2)}`).join(", "),
    }],
    claims: [{
      claim: "six bits a register in place of eight leave the error as it is (within 20%)",
      held: Math.abs(row("HyperLogLog, packed").error / row("HyperLogLog").error - 1) <= 0.2,
      evidence: `${percent(row("HyperLogLog").error)} and ${percent(row("HyperLogLog, packed").error)}`,
    }],
    finding: `HyperLogLog needs ${
      formatRatio(row("HyperLogLog").product / least)
    } the fewest bits for its error, packed ${formatRatio(row("HyperLogLog, packed").product / least)}, k-min values ${
      formatRatio(row("k-min values").product / least)
    }`,
  };
}

/**
 * The least that the bits of such a counter, times the square of its relative error, can come to: the entropy of all that
 * hashes tell over the information in it, 1.98 (Pettie and Wang, Information theoretic limits of cardinality estimation:
 * Fisher meets Shannon, STOC 2021).
 */
function leastProduct(): number {
  let entropy = 1 / Math.LN2;
  const terms = 100_000;
  for (let k = 1; k <= terms; k++) entropy += Math.log2(1 + 1 / k) / k;
  // What is left of the sum of 1 / (k^2 ln 2).
  return (entropy + 1 / (terms * Math.LN2)) / (Math.PI ** 2 / 6);
}

let dictionary: string[] | undefined;

/** The words of npm:word-list. As a module of text it needs no permission, wherever npm packages lie. */
async function readWords(): Promise<string[]> {
  if (!dictionary) {
    const { default: text } = await import(pathToFileURL(wordList).href, { with: { type: "text" } });
    dictionary = text.trim().split("\n") as string[];
  }
  return dictionary;
}

/** A text of `length` words, drawn from a list so that some are frequent and many are rare: seeded, by Weyl's sequence. */
function drawText(list: readonly string[], length: number): string[] {
  return Array.from({ length }, (_, i) => {
    const even = (i + 1) * ((Math.sqrt(5) - 1) / 2) % 1;
    return list[Math.floor(list.length * even ** 3)];
  });
}

/** The book's comparison: a long text, how many different words. */
async function words(full: boolean): Promise<Section> {
  const length = isBrief() ? 200_000 : full ? 10_000_000 : 1_000_000, p = 16;
  const text = drawText(await readWords(), length), seen = new Set(text), exact = seen.size;
  let letters = 0;
  for (const word of seen) letters += word.length;
  const library = new bloomFilters.HyperLogLog(2 ** p), few = text.slice(0, isBrief() ? 20 : 200);
  const scaling = new ScalingBloomFilter(2 ** p, 0.005);
  const runs: Record<string, { add(word: string): unknown; estimate(): number; bytes: number; error: number }> = {
    "a Set (its letters only)": { add: (word) => seen.add(word), estimate: () => seen.size, bytes: letters, error: 0 },
  };
  for (const name of names) {
    const counter = counters[name](p);
    runs[name] = {
      add: (word) => counter.add(word),
      estimate: () => counter.estimate(),
      bytes: counter.bytes,
      error: expectedError(name, p, exact),
    };
  }
  runs["scaling Bloom filter"] = {
    add: (word) => scaling.add(word),
    estimate: () => scaling.count,
    bytes: NaN,
    // It misses those words that it takes for known.
    error: 0.005,
  };
  const took = new Map<string, number>();
  for (const [name, { add }] of Object.entries(runs)) {
    const start = performance.now();
    for (const word of text) add(word);
    took.set(name, (performance.now() - start) / 1000);
  }
  runs["scaling Bloom filter"].bytes = scaling.bytes;
  const start = performance.now();
  for (const word of few) library.update(word);
  const libraryTime = (performance.now() - start) / 1000 / few.length, ownTime = took.get("HyperLogLog")! / length;
  const libraryOff = library.count() / new Set(few).size - 1;
  const off = (name: string) => runs[name].estimate() / exact - 1;
  const ours = Object.keys(runs);
  return {
    tables: [table(
      [`a text of ${formatNumber(length)} words`, "different", "error", "bytes", "a word"],
      [
        ...ours.map((name) => [
          name,
          Math.round(runs[name].estimate()).toLocaleString("en-US"),
          percent(off(name)),
          formatBytes(runs[name].bytes),
          formatTime(took.get(name)! / length),
        ]),
        [
          `npm:bloom-filters, the first ${few.length}`,
          Math.round(library.count()).toLocaleString("en-US"),
          percent(libraryOff),
          "-",
          formatTime(libraryTime),
        ],
      ],
    )],
    figures: [
      ...ours.flatMap((name): Figure[] => [
        figure(`words: estimate of ${name}`, length, runs[name].estimate(), "words"),
        figure(`words: bytes of ${name}`, length, runs[name].bytes, "bytes"),
        figure(`words: time of ${name}`, length, took.get(name)! / length, "s per word"),
      ]),
      figure("words: time of npm:bloom-filters HyperLogLog", few.length, libraryTime, "s per word"),
    ],
    checks: [{
      claim: "every estimate of which the theory speaks is within 5 standard errors of the Set's count",
      passed: ours.every((name) => !(Math.abs(off(name)) > 5 * runs[name].error)),
      evidence: ours.map((name) => `${name} ${percent(off(name))}`).join(", "),
    }],
    claims: [
      {
        claim: "HyperLogLog takes a word a hundred times as fast as the library's, or more",
        held: libraryTime >= 100 * ownTime,
        evidence: formatRatio(libraryTime / ownTime),
      },
      {
        claim: "the library counts few words rightly (within 20%)",
        held: Math.abs(libraryOff) <= 0.2,
        evidence: `${percent(libraryOff)}: it counts zeros from 0, so that half of its used registers look empty`,
      },
    ],
    finding: `of ${formatNumber(length)} words ${exact.toLocaleString("en-US")} were different, and HyperLogLog in ${
      formatBytes(runs["HyperLogLog, packed"].bytes)
    } said ${
      Math.round(runs["HyperLogLog, packed"].estimate()).toLocaleString("en-US")
    }, where their letters alone are ${formatBytes(letters)}`,
  };
}

/** What an insertion costs. */
async function time(full: boolean): Promise<Section> {
  const p = 16, list = await readWords(), batch = 5000;
  const calls: Record<string, () => void> = {};
  for (const name of names) {
    const numbers = counters[name](p), texts = counters[name](p);
    // Loops of their own, so that each sees one kind of counter only.
    const addNumbers = new Function("counter", "from", "to", "for (let i = from; i < to; i++) counter.add(i)");
    const addTexts = new Function(
      "counter",
      "list",
      "at",
      "n",
      "for (let i = at; i < at + n; i++) counter.add(list[i])",
    );
    let next = 0, word = 0;
    calls[`${name}, numbers`] = () => addNumbers(numbers, next, next = (next + batch) % 2 ** 30);
    calls[`${name}, words`] = () => addTexts(texts, list, word = (word + batch) % (list.length - batch), batch);
  }
  const readings = await measureInTurns(calls, { budget: full ? 1 : 0.1 });
  const each = (name: string, kind: string) => readings[`${name}, ${kind}`].median / batch;
  const rate = (name: string, kind: string) => `${formatNumber(1e-6 / each(name, kind))} million`;
  return {
    tables: [table(
      [`2^${p} registers, an insertion`, "number", "word", "numbers/s", "words/s"],
      names.map((name) => [
        name,
        formatTime(each(name, "numbers")),
        formatTime(each(name, "words")),
        rate(name, "numbers"),
        rate(name, "words"),
      ]),
    )],
    figures: Object.keys(calls).map((name) => {
      const { median, samples, spread } = readings[name];
      return {
        name: `insertion into ${name}`,
        size: 2 ** p,
        value: median / batch,
        unit: "s per key",
        samples,
        spread,
      };
    }),
    checks: [],
    claims: [
      {
        claim: "HyperLogLog takes 20 million numbers a second and 5 million words, with registers of 8 bits and of 6",
        held: names.slice(2, 4).every((name) => each(name, "numbers") <= 1 / 20e6 && each(name, "words") <= 1 / 5e6),
        evidence: names.slice(2, 4).map((name) => `${rate(name, "numbers")} and ${rate(name, "words")}`).join("; "),
      },
    ],
    finding: `HyperLogLog takes ${rate("HyperLogLog", "numbers")} numbers a second, packed ${
      rate("HyperLogLog, packed", "numbers")
    }`,
  };
}

/** The published correction for very many keys: registers drawn as that many keys would have filled them. */
function large(full: boolean): Section {
  const p = 12, m = 2 ** p, trials = full ? 1000 : 50, highest = 33 - p;
  let state = 1;
  const random = () => {
    state = state + 0x9e3779b9 | 0;
    let h = Math.imul(state ^ state >>> 16, 0x85ebca6b);
    h = Math.imul(h ^ h >>> 13, 0xc2b2ae35);
    return (((h ^ h >>> 16) >>> 0) + 0.5) / 2 ** 32;
  };
  const rows = [1e8, 3e8, 1e9, 4e9].map((n) => {
    const plain: number[] = [], corrected: number[] = [];
    for (let trial = 0; trial < trials; trial++) {
      // No key of n has a rank above k in a register with probability e^(-n / m / 2^k).
      const registers = Uint8Array.from(
        { length: m },
        () => Math.max(0, Math.min(highest, Math.ceil(Math.log2(n / m / -Math.log(random()))))),
      );
      plain.push(estimateFrom(registers, false) / n - 1);
      corrected.push(estimateFrom(registers) / n - 1);
    }
    return { n, plain: rootMeanSquare(plain), corrected: rootMeanSquare(corrected) };
  });
  const billion = rows.find(({ n }) => n === 1e9)!;
  return {
    tables: [table(
      ["keys, hashes of 32 bits", "error as published", "without correction"],
      rows.map(({ n, plain, corrected }) => [formatNumber(n), percent(corrected), percent(plain)]),
    )],
    figures: rows.flatMap(({ n, plain, corrected }) => [
      figure(`many keys: error as published, ${m} registers`, n, corrected, "share"),
      figure(`many keys: error without correction, ${m} registers`, n, plain, "share"),
    ]),
    checks: [{
      claim: "at 10^8 keys, where nothing is corrected yet, both are the same and within the theory",
      passed: rows[0].plain === rows[0].corrected && rows[0].plain <= 1.04 / Math.sqrt(m) * allowance(trials),
      evidence: percent(rows[0].plain),
    }],
    claims: [{
      claim: "the published correction for very many keys makes the estimate better (at 10^9)",
      held: billion.corrected < billion.plain,
      evidence:
        `${percent(billion.corrected)} with it, ${percent(billion.plain)} without: equal hashes do not lower the ` +
        "largest rank, so there is nothing to correct",
    }],
    finding: `with hashes of 32 bits 10^9 keys are off by ${percent(billion.corrected)} as published, by ${
      percent(billion.plain)
    } without the correction`,
  };
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
