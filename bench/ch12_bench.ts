/**
 * `deno bench` over chapter 12: how long the small structures take that its compares weigh. It needs no permissions.
 *
 * @run deno bench bench/ch12_bench.ts
 * @takes 40 s
 */

import * as dawg from "../ch12/compressing_text/words_dawg.ts";
import * as codedDawg from "../ch12/compressing_text/words_dawg_coded.ts";
import * as frontCoded from "../ch12/compressing_text/words_front_coded.ts";
import * as louds from "../ch12/compressing_text/words_louds.ts";
import * as oneBuffer from "../ch12/compressing_text/words_one_buffer.ts";
import * as set from "../ch12/compressing_text/words_set.ts";
import * as sortedArray from "../ch12/compressing_text/words_sorted_array.ts";
import * as arrayTrie from "../ch12/compressing_text/words_trie_array.ts";
import { DictVectorizer } from "../ch12/hashing_trick/dict_vectorizer.ts";
import { FeatureHasher } from "../ch12/hashing_trick/feature_hasher.ts";
import { MorrisCounters } from "../ch12/morris_counter_example/morris_counter.ts";
import { containers, sortedNumbers } from "../ch12/numbers/containers.ts";
import { DeltaBlocks } from "../ch12/numbers/delta_blocks.ts";
import { DeltaRice } from "../ch12/numbers/delta_rice.ts";
import { DeltaVarint } from "../ch12/numbers/delta_varint.ts";
import { PackedBits } from "../ch12/numbers/packed_bits.ts";
import * as blocks from "../ch12/numexpr/cross_entropy_blocks.ts";
import * as fused from "../ch12/numexpr/cross_entropy_fused.ts";
import * as inPlace from "../ch12/numexpr/cross_entropy_in_place.ts";
import * as temporaries from "../ch12/numexpr/cross_entropy_temporaries.ts";
import { BloomFilter } from "../ch12/probabilistic_datastructures/bloom_filter.ts";
import { BloomFilterBlocked } from "../ch12/probabilistic_datastructures/bloom_filter_blocked.ts";
import { CuckooFilter } from "../ch12/probabilistic_datastructures/cuckoo_filter.ts";
import { HyperLogLog } from "../ch12/probabilistic_datastructures/hyper_log_log.ts";
import { HyperLogLogPacked } from "../ch12/probabilistic_datastructures/hyper_log_log_packed.ts";
import { KMinValues } from "../ch12/probabilistic_datastructures/k_min_values.ts";
import * as dense from "../ch12/sparse/dense.ts";
import * as csr from "../ch12/sparse/sparse_csr.ts";
import { group } from "./lib/bench.ts";
import { pathToFileURL } from "node:url";
import list from "word-list";

const { default: text } = await import(pathToFileURL(list).href, { with: { type: "text" } });
const words: string[] = text.split("\n"), asked = words.filter((_, i) => i % 100 === 0);
const structures = { set, sortedArray, oneBuffer, frontCoded, arrayTrie, louds, dawg, codedDawg };
await group(
  `finding ${asked.length} of ${words.length} words`,
  Object.fromEntries(
    Object.entries(structures).map(([name, { build }]) => {
      const built = build(words);
      return [name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), () => asked.filter((w) => built.has(w))];
    }),
  ),
  "set",
);

const numbers = sortedNumbers(100_000);
await group("adding up 100,000 sorted numbers", {
  objects: containers.objects(numbers).sum,
  bigints: containers.BigInts(numbers).sum,
  uint32_array: containers.Uint32Array(numbers).sum,
  ...Object.fromEntries(
    Object.entries({ packed_bits: PackedBits, varint: DeltaVarint, blocks: DeltaBlocks, rice: DeltaRice }).map((
      [name, code],
    ) => {
      const encoded = code.encode(numbers);
      return [name, () => encoded.sum()];
    }),
  ),
}, "uint32_array");

const entropies = { temporaries, in_place: inPlace, blocks, fused };
await group(
  "the cross entropy of 100,000 chances",
  Object.fromEntries(Object.entries(entropies).map(([name, { experiment }]) => [name, experiment(100_000).run])),
  "temporaries",
);

const keys = Array.from({ length: 10_000 }, (_, i) => i * 7919);
const counters = {
  hyper_log_log: new HyperLogLog(16),
  hyper_log_log_packed: new HyperLogLogPacked(16),
  k_min_values: new KMinValues(2 ** 12),
};
await group("counting 10,000 different numbers", {
  set: () => new Set(keys).size,
  ...Object.fromEntries(
    Object.entries(counters).map(([name, counter]) => [name, () => keys.forEach((key) => counter.add(key))]),
  ),
}, "set");

const filters = {
  set: new Set<string | number>(),
  bloom: new BloomFilter(20_000, 0.01),
  bloom_blocked: new BloomFilterBlocked(20_000, 0.01),
  cuckoo: new CuckooFilter(20_000, 0.01),
};
for (const filter of Object.values(filters)) for (const key of keys) filter.add(key);
await group(
  "asking for 10,000 numbers, of which half are there",
  Object.fromEntries(
    Object.entries(filters).map(([name, filter]) => [name, () => keys.filter((key, i) => filter.has(key + i % 2))]),
  ),
  "set",
);

const morris = new MorrisCounters(), exact = new Float64Array(1);
await group("counting 10,000 events", {
  float64: () => {
    for (let i = 0; i < 10_000; i++) exact[0]++;
  },
  morris_one_by_one: () => {
    for (let i = 0; i < 10_000; i++) morris.increment();
  },
  morris_at_once: () => morris.add(10_000),
}, "float64");

const size = 400, values = Float64Array.from({ length: size * size }, (_, i) => i % 100 ? 0 : 1 + i % 7);
const full = { rows: size, columns: size, values }, x = Float64Array.from({ length: size }, (_, i) => i);
const stored = [...values.keys()].filter((i) => values[i] !== 0);
const sparse = csr.fromCoordinates(size, size, {
  rows: stored.map((i) => Math.floor(i / size)),
  columns: stored.map((i) => i % size),
  values: stored.map((i) => values[i]),
});
await group(`a matrix of ${size} x ${size}, 1% of it not zero, by a vector`, {
  dense: () => dense.timesVector(full, x),
  csr: () => csr.timesVector(sparse, x),
}, "dense");

const texts = Array.from({ length: 200 }, (_, i) => words.slice(100 * i, 100 * i + 100).join(" "));
await group("200 texts of 100 words as rows of numbers", {
  dictionary: () => new DictVectorizer(1).fitTransform(texts),
  hashed: () => new FeatureHasher(2 ** 20, 1).transform(texts),
}, "dictionary");
