/**
 * Approximate sets: the rate of false positives promised and measured, bits a key against the fewest, and what a key costs.
 *
 * It may read everything, because the list of words lies where Deno keeps npm packages, which is not the same everywhere.
 *
 * @original 12_less_ram/probabilistic_datastructures/_benchmark.py
 * @run deno run --allow-read=. --allow-write=results --allow-env=REFLECT_METADATA_USE_MAP_POLYFILL,XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch12/probabilistic_datastructures/compare_filters.ts
 * @takes 12 s
 */

import bloomFilters from "bloom-filters";
import wordList from "word-list";
import { pathToFileURL } from "node:url";
import { lineChart } from "../../bench/lib/chart.ts";
import { isBrief, measureInTurns, type Measurement } from "../../bench/lib/measure.ts";
import { figure } from "../../bench/lib/results.ts";
import { compareSections, type Section } from "../../bench/lib/sections.ts";
import { formatBytes, formatNumber, formatRatio, formatTime, table } from "../../bench/lib/table.ts";
import { BloomFilter } from "./bloom_filter.ts";
import { BloomFilterBlocked } from "./bloom_filter_blocked.ts";
import { CountingBloomFilter } from "./counting_bloom_filter.ts";
import { CuckooFilter } from "./cuckoo_filter.ts";
import { ScalingBloomFilter } from "./scaling_bloom_filter.ts";

export function run(args: readonly string[]) {
  return compareSections(
    {
      chapter: "ch12",
      topic: "filters",
      question: "Is this key among those, in how few bits, and how often is the answer wrong?",
      answer: "As seldom as one wants, for bits",
    },
    { rates, deletion, time, large, library },
    args,
  );
}

interface Filter {
  add(key: string | number): unknown;
  has(key: string | number): boolean;
  readonly bytes: number;
}

const filters: Record<string, (capacity: number, errorRate: number) => Filter> = {
  "Bloom": (capacity, errorRate) => new BloomFilter(capacity, errorRate),
  "Bloom, blocked": (capacity, errorRate) => new BloomFilterBlocked(capacity, errorRate),
  "Bloom, counting": (capacity, errorRate) => new CountingBloomFilter(capacity, errorRate),
  "Bloom, scaling": (capacity, errorRate) => new ScalingBloomFilter(Math.ceil(capacity / 15), errorRate),
  "cuckoo": (capacity, errorRate) => new CuckooFilter(capacity, errorRate),
};
const names = Object.keys(filters);

const percent = (share: number) => `${formatNumber(100 * share)}%`;

/** Five standard deviations of a count of rare events, of which so many are expected. */
const fiveDeviations = (expected: number) => 5 * Math.sqrt(expected);

/** Promise against measurement, and bits. */
function rates(full: boolean): Section {
  const capacity = isBrief() ? 20_000 : full ? 1_000_000 : 50_000, queries = (isBrief() ? 10 : 20) * capacity;
  const promised = [0.1, 0.03, 0.01, 0.003, 0.001, 0.0001];
  const rows = names.flatMap((name) =>
    promised.map((rate, i) => {
      const filter = filters[name](capacity, rate), first = i * 2 ** 32;
      for (let key = 0; key < capacity; key++) filter.add(first + key);
      let missing = 0, wrong = 0;
      for (let key = 0; key < capacity; key++) if (!filter.has(first + key)) missing++;
      for (let key = capacity; key < capacity + queries; key++) if (filter.has(first + key)) wrong++;
      return { name, rate, missing, wrong, bits: 8 * filter.bytes / capacity };
    })
  );
  const row = (name: string, rate: number) => rows.find((row) => row.name === name && row.rate === rate)!;
  const least = (rate: number) => -Math.log2(rate),
    crossing = promised.find((rate) => row("cuckoo", rate).bits < row("Bloom", rate).bits);
  const times = (bits: number, rate: number) => `${(bits / least(rate)).toFixed(2)}x`;
  const expected = (rate: number) => rate * queries;
  const excess = (name: string) =>
    Math.max(...promised.map((rate) => (row(name, rate).wrong - expected(rate)) / Math.sqrt(expected(rate))));
  return {
    tables: [
      table(
        [`false positives, ${formatNumber(capacity)} numbers; promised`, ...promised.map(percent)],
        names.map((name) => [name, ...promised.map((rate) => percent(row(name, rate).wrong / queries))]),
      ),
      table(
        ["bits a key (times the fewest)", ...promised.map(percent)],
        [
          ...names.map((name) => [
            name,
            ...promised.map((rate) => {
              const { bits } = row(name, rate);
              return `${bits.toFixed(1)} (${times(bits, rate)})`;
            }),
          ]),
          ["log2(1/e), the fewest", ...promised.map((rate) => least(rate).toFixed(1))],
        ],
      ),
    ],
    charts: {
      filter_bits: lineChart({
        title: "Approximate sets: bits a key over the rate of false positives",
        x: { title: "promised rate of false positives, %", log: true, ticks: [0.01, 0.1, 1, 10] },
        y: { title: "bits a key" },
        lines: [
          // A counting filter has four times what a Bloom filter has, and would only press the others together.
          ...names.filter((name) => name !== "Bloom, counting").map((name) => ({
            name,
            // From few to many, so that the labels stand where the promises are weakest.
            points: promised.toReversed().map((rate) => ({ x: 100 * rate, y: row(name, rate).bits })),
          })),
          {
            name: "the fewest",
            color: "#444444",
            dash: true,
            points: promised.toReversed().map((rate) => ({ x: 100 * rate, y: least(rate) })),
          },
        ],
      }),
    },
    figures: rows.flatMap(({ name, rate, wrong, bits }) => [
      figure(`false positives of ${name}, promised ${rate}`, capacity, wrong / queries, "share"),
      figure(`bits of ${name}, promised ${rate}`, capacity, bits, "bits per key"),
    ]),
    checks: [
      {
        claim: "every key that was added is found, in every filter",
        passed: rows.every(({ missing }) => missing === 0),
        evidence: rows.map(({ missing }) => missing).join(", "),
      },
      {
        claim: `no rate is above the promised one, within five standard deviations of ${formatNumber(queries)} queries`,
        passed: rows.every(({ rate, wrong }) => wrong <= expected(rate) + fiveDeviations(expected(rate))),
        evidence: names.map((name) => `${name} ${excess(name).toFixed(1)} deviations above at most`).join(", "),
      },
      {
        claim: "the Bloom filter's rate is what it promises, not less either",
        passed: promised.every((rate) =>
          Math.abs(row("Bloom", rate).wrong - expected(rate)) <= fiveDeviations(expected(rate))
        ),
        evidence: promised.map((rate) => percent(row("Bloom", rate).wrong / queries)).join(", "),
      },
      {
        claim: "a Bloom filter has 1.44 times the fewest bits, and up to 3% more because hashes are whole",
        passed: promised.every((rate) => {
          const times = row("Bloom", rate).bits / least(rate);
          return times >= 1.44 && times <= 1.03 / Math.LN2 + 32 / capacity;
        }),
        evidence: promised.map((rate) => times(row("Bloom", rate).bits, rate)).join(", "),
      },
    ],
    claims: [{
      claim: "a cuckoo filter has fewer bits than a Bloom filter below 0.3 %, and not above 1 %",
      held: promised.every((rate) =>
        rate < 0.003
          ? row("cuckoo", rate).bits < row("Bloom", rate).bits
          : rate <= 0.01 || row("cuckoo", rate).bits > row("Bloom", rate).bits
      ),
      evidence: crossing === undefined ? "nowhere fewer" : `fewer from ${percent(crossing)} down`,
    }],
    finding: `at 1% a Bloom filter has ${row("Bloom", 0.01).bits.toFixed(1)} bits a key, ${
      times(row("Bloom", 0.01).bits, 0.01)
    } the fewest, blocked ${row("Bloom, blocked", 0.01).bits.toFixed(1)}, counting ${
      row("Bloom, counting", 0.01).bits.toFixed(1)
    }, scaling ${row("Bloom, scaling", 0.01).bits.toFixed(1)}, cuckoo ${
      row("cuckoo", 0.01).bits.toFixed(1)
    }; at 0.01% Bloom ${row("Bloom", 0.0001).bits.toFixed(1)}, cuckoo ${row("cuckoo", 0.0001).bits.toFixed(1)}`,
  };
}

/** Filling, removing half, filling again. */
function deletion(full: boolean): Section {
  const capacity = isBrief() ? 20_000 : full ? 1_000_000 : 100_000, rate = 0.001, rounds = 4;
  const made: Record<string, Filter & { remove(key: number): boolean }> = {
    "Bloom, counting": new CountingBloomFilter(capacity, rate),
    "cuckoo": new CuckooFilter(capacity, rate),
  };
  const rows = Object.entries(made).map(([name, filter]) => {
    let first = 0, removed = true;
    for (let key = 0; key < capacity; key++) filter.add(key);
    // Each round removes the older half and adds as many new ones.
    for (let round = 0; round < rounds; round++) {
      for (let key = first; key < first + capacity / 2; key++) removed = filter.remove(key) && removed;
      for (let key = first + capacity; key < first + 1.5 * capacity; key++) filter.add(key);
      first += capacity / 2;
    }
    let missing = 0, wrong = 0;
    for (let key = first; key < first + capacity; key++) if (!filter.has(key)) missing++;
    for (let key = 0; key < first; key++) if (filter.has(key)) wrong++;
    return { name, missing, wrong, removed, gone: first, bytes: filter.bytes };
  });
  return {
    tables: [table(
      [`${rounds} times half removed, half added`, "bytes", "not found", "found, but removed", "promised"],
      rows.map(({ name, bytes, missing, wrong, gone }) => [
        name,
        formatBytes(bytes),
        `${missing}`,
        percent(wrong / gone),
        percent(rate),
      ]),
    )],
    figures: rows.map(({ name, wrong, gone }) =>
      figure(`removed, but found: ${name}`, capacity, wrong / gone, "share")
    ),
    checks: [{
      claim: "after removals all other keys are found, and removed ones no more often than promised (five deviations)",
      passed: rows.every(({ missing, wrong, removed, gone }) =>
        removed && missing === 0 && wrong <= rate * gone + fiveDeviations(rate * gone)
      ),
      evidence: rows.map(({ name, missing, wrong }) => `${name}: ${missing} not found, ${wrong} found`).join("; "),
    }],
    claims: [],
    finding: `with removal a cuckoo filter takes ${
      formatRatio(rows[1].bytes / rows[0].bytes)
    } the bytes of a counting one`,
  };
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

/** What a key costs. */
async function time(full: boolean): Promise<Section> {
  const list = (await readWords()).slice(0, isBrief() ? 20_000 : Infinity), capacity = list.length;
  const rate = 0.01, batch = 2000;
  const calls: Record<string, () => void> = {};
  const makers: Record<string, () => Pick<Filter, "add" | "has">> = {
    ...Object.fromEntries(names.map((name) => [name, () => filters[name](capacity, rate)])),
    "Set": () => new Set<string | number>(),
  };
  // Loops of their own, so that each sees one kind of filter only.
  const adding = () =>
    new Function("filter", "keys", "at", "n", "for (let i = at; i < at + n; i++) filter.add(keys[i])");
  const asking = () =>
    new Function("filter", "keys", "at", "n", "let c = 0; for (let i = at; i < at + n; i++) c += filter.has(keys[i])");
  const numbers = Int32Array.from(list, (_, i) => i), others = Int32Array.from(list, (_, i) => capacity + i);
  const unknown = list.map((word) => `${word}?`);
  for (const [name, make] of Object.entries(makers)) {
    for (const kind of ["number", "word"]) {
      const keys = kind === "number" ? numbers : list, absent = kind === "number" ? others : unknown;
      let filter = make();
      const add = adding(), present = asking(), missing = asking();
      let at = 0, asked = 0, askedMissing = 0;
      calls[`${name}, add ${kind}`] = () => {
        // Made anew when the keys begin again: adding what is there would be another question.
        if (at + batch > capacity) {
          filter = make();
          at = 0;
        }
        add(filter, keys, at, batch);
        at += batch;
      };
      const filled = make();
      for (const key of keys) filled.add(key);
      const next = (from: number) => (from + batch) % (capacity - batch);
      calls[`${name}, find ${kind}`] = () => present(filled, keys, asked = next(asked), batch);
      calls[`${name}, miss ${kind}`] = () => missing(filled, absent, askedMissing = next(askedMissing), batch);
    }
  }
  const readings = await measureInTurns(calls, { budget: full ? 1 : 0.04 });
  const each = (call: string) => readings[call].median / batch;
  const operations = ["add number", "find number", "miss number", "add word", "find word", "miss word"];
  return {
    tables: [table(
      [`${formatNumber(capacity)} keys, ${percent(rate)}`, ...operations],
      Object.keys(makers).map((name) => [name, ...operations.map((call) => formatTime(each(`${name}, ${call}`)))]),
    )],
    figures: Object.keys(calls).map((call) => timing(call, capacity, readings[call], batch)),
    checks: [],
    claims: [
      {
        claim: "a Bloom filter takes 10 million numbers a second, and finds as many",
        held: ["add", "find", "miss"].every((call) => each(`Bloom, ${call} number`) <= 1 / 10e6),
        evidence: ["add", "find", "miss"].map((call) => formatTime(each(`Bloom, ${call} number`))).join(", "),
      },
      {
        claim: "a query for what is not there takes no longer than for what is, since the first clear bit ends it",
        held: each("Bloom, miss number") <= each("Bloom, find number"),
        evidence: `${formatTime(each("Bloom, miss number"))}, ${
          formatTime(each("Bloom, find number"))
        } (where a miss ends the processor cannot foresee)`,
      },
    ],
    finding: `adding a number to a Bloom filter takes ${formatTime(each("Bloom, add number"))}, to a cuckoo filter ${
      formatTime(each("cuckoo, add number"))
    }, to a Set ${formatTime(each("Set, add number"))}`,
  };
}

/** Blocks, where the filter is larger than the caches. */
async function large(full: boolean): Promise<Section> {
  const rate = 0.01, sizes = isBrief() ? [10_000, 1_000_000] : full ? [10_000, 1e6, 1e7, 1e8] : [10_000, 1e6, 5e7];
  const batch = 5000, touched = isBrief() ? 100_000 : 500_000;
  type Row = { capacity: number; bytes: number; readings: Record<string, Measurement> };
  const rows: Row[] = [];
  for (const capacity of sizes) {
    const calls: Record<string, () => void> = {};
    const made = names.slice(0, 2).map((name) => {
      const filter = filters[name](capacity, rate);
      // Memory that was never written to is all the same page of zeros; so many keys reach every page.
      for (let key = 0; key < touched; key++) filter.add(key);
      const add = new Function("filter", "from", "to", "for (let i = from; i < to; i++) filter.add(i)");
      let next = 0;
      calls[name] = () => add(filter, next, next = (next + batch) % capacity);
      return filter;
    });
    const readings = await measureInTurns(calls, { budget: full ? 1 : 0.1 });
    rows.push({ capacity, bytes: made[0].bytes, readings });
  }
  const each = ({ readings }: Row, name: string) => readings[name].median / batch;
  const gain = (row: Row) => each(row, "Bloom") / each(row, "Bloom, blocked");
  const largest = rows.at(-1)!;
  return {
    tables: [table(
      ["room for", "bytes", "Bloom, add", "blocked, add", "times as fast"],
      rows.map((row) => [
        formatNumber(row.capacity),
        formatBytes(row.bytes),
        formatTime(each(row, "Bloom")),
        formatTime(each(row, "Bloom, blocked")),
        formatRatio(gain(row)),
      ]),
    )],
    figures: rows.flatMap(({ capacity, readings }) =>
      Object.keys(readings).map((name) => timing(`${name}, add number by size`, capacity, readings[name], batch))
    ),
    checks: [],
    claims: [{
      claim: "in a filter larger than the caches blocks make insertion 1.5 times as fast, or more",
      held: gain(largest) >= 1.5,
      evidence: `${formatRatio(gain(largest))} at ${formatBytes(largest.bytes)}`,
    }],
    finding: `blocks make insertion ${formatRatio(gain(rows[0]))} as fast at ${formatBytes(rows[0].bytes)}, ${
      formatRatio(gain(largest))
    } at ${formatBytes(largest.bytes)}`,
  };
}

/** The same from a kept library. */
async function library(full: boolean): Promise<Section> {
  const capacity = isBrief() ? 500 : full ? 20_000 : 2000,
    rate = 0.01,
    list = (await readWords()).slice(0, 2 * capacity);
  const made: [name: string, filter: { add(word: string): unknown; has(word: string): boolean }, bits: number][] = [];
  const bloom = bloomFilters.BloomFilter.create(capacity, rate),
    cuckoo = bloomFilters.CuckooFilter.create(capacity, rate);
  made.push(["Bloom", new BloomFilter(capacity, rate), 8 * new BloomFilter(capacity, rate).bytes]);
  made.push(["npm:bloom-filters, Bloom", bloom, bloom.size]);
  made.push(["cuckoo", new CuckooFilter(capacity, rate), 8 * new CuckooFilter(capacity, rate).bytes]);
  // Its fingerprints are texts, a hexadecimal digit for four bits; counted here as if they were packed.
  made.push(["npm:bloom-filters, cuckoo", cuckoo, cuckoo.size * cuckoo.bucketSize * cuckoo.fingerprintLength * 4]);
  const rows = made.map(([name, filter, bits]) => {
    let missing = 0, wrong = 0;
    const start = performance.now();
    for (let i = 0; i < capacity; i++) filter.add(list[i]);
    const added = performance.now();
    for (let i = 0; i < capacity; i++) if (!filter.has(list[i])) missing++;
    const end = performance.now();
    for (let i = capacity; i < 2 * capacity; i++) if (filter.has(list[i])) wrong++;
    const add = (added - start) / 1000 / capacity, find = (end - added) / 1000 / capacity;
    return { name, bits: bits / capacity, missing, wrong, add, find };
  });
  const gain = rows[1].add / rows[0].add, lost = rows[3].missing;
  return {
    tables: [table(
      [`${formatNumber(capacity)} words, promised ${percent(rate)}`, "bits a key", "wrong", "lost", "add", "find"],
      rows.map(({ name, bits, missing, wrong, add, find }) => [
        name,
        formatNumber(bits),
        percent(wrong / capacity),
        `${missing}`,
        formatTime(add),
        formatTime(find),
      ]),
    )],
    figures: rows.flatMap(({ name, bits, wrong, add, find }) => [
      figure(`library: bits of ${name}`, capacity, bits, "bits per key"),
      figure(`library: false positives of ${name}`, capacity, wrong / capacity, "share"),
      figure(`library: ${name}, add`, capacity, add, "s per key"),
      figure(`library: ${name}, find`, capacity, find, "s per key"),
    ]),
    checks: [{
      claim: "both Bloom filters and our cuckoo filter find all words that were added",
      passed: rows.slice(0, 3).every(({ missing }) => missing === 0),
      evidence: rows.map(({ name, missing }) => `${name} ${missing}`).join(", "),
    }],
    claims: [
      {
        claim: "a Bloom filter takes a word ten times as fast as the library's, or more",
        held: gain >= 10,
        evidence: `${formatRatio(gain)}, even where so few words hardly let ours be compiled`,
      },
      {
        claim: "the library's cuckoo filter finds all words that were added",
        held: lost === 0,
        evidence:
          `${lost} of ${capacity} are lost: it XORs bucket numbers modulo a size that is no power of two, and from ` +
          "the other bucket that does not lead back",
      },
    ],
    finding: `npm:bloom-filters takes ${formatRatio(gain)} the time to add a word, and its cuckoo filter loses ${
      percent(lost / capacity)
    } of them`,
  };
}

function timing(name: string, size: number, { median, samples, spread }: Measurement, batch: number) {
  return { name, size, value: median / batch, unit: "s per key", samples, spread };
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
