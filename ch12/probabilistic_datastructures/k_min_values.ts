/**
 * K-minimum values: how many different keys there were, from how small the k smallest hashes are.
 *
 * What to notice: n hashes spread evenly over 0 to 1 have the k-th smallest near k / n. Keeping k of them, a double each,
 * gives an error of 1 / sqrt(k - 2): for the same error ten times the bytes of HyperLogLog. What that buys is
 * intersections, since the kept hashes are a sample of the keys, the same keys in every counter; and below k keys the count
 * is exact. Newcomers are collected unsorted and sorted every k of them, so that nearly every insertion is one comparison.
 *
 * Sources: Bar-Yossef and others, Counting distinct elements in a data stream, RANDOM 2002; Beyer and others, On synopses for
 * distinct-value estimation under multiset operations, SIGMOD 2007 (the estimator k - 1, unions, intersections).
 *
 * @original 12_less_ram/probabilistic_datastructures/kminvalues.py
 * @run deno run ch12/probabilistic_datastructures/k_min_values.ts
 * @takes 1 s
 */

import { crc32 } from "node:zlib";

const seeds = [0x9747b28c, 0x3c6ef372], version = 1;

export class KMinValues {
  readonly k: number;
  /** Hashes, whole numbers below 2^53: the smallest, sorted and each once, then newcomers as they came. */
  #hashes: Float64Array;
  #sorted = 0;
  #used = 0;
  /** Only what is below can be among the k smallest; `#high` are the upper 32 bits of it. */
  #limit = 2 ** 53;
  #high = 2 ** 32;

  /**
   * @param k how many hashes are kept; 3 to 2^24
   * @throws RangeError for any other
   */
  constructor(k: number) {
    if (!(Number.isInteger(k) && k >= 3 && k <= 2 ** 24)) {
      throw new RangeError(`k ${k}: must be a whole number from 3 to ${2 ** 24}`);
    }
    this.k = k;
    this.#hashes = new Float64Array(2 * k);
  }

  /** Counts a key: a text, or a whole number, which is another key than its text. */
  add(key: string | number): void {
    const high = hash(key, seeds[0]) >>> 0;
    if (high <= this.#high) this.#insert(high * 2 ** 21 + (hash(key, seeds[1]) >>> 11));
  }

  #insert(value: number): void {
    if (value >= this.#limit) return;
    this.#hashes[this.#used++] = value;
    if (this.#used === this.#hashes.length) this.#sort();
  }

  /** Brings the newcomers in: sorts, drops repeated hashes, and keeps the k smallest. */
  #sort(): void {
    if (this.#used === this.#sorted) return;
    const hashes = this.#hashes;
    hashes.subarray(0, this.#used).sort();
    let kept = 0;
    for (let i = 0; i < this.#used && kept < this.k; i++) {
      if (kept === 0 || hashes[i] !== hashes[kept - 1]) hashes[kept++] = hashes[i];
    }
    this.#sorted = this.#used = kept;
    if (kept < this.k) return;
    this.#limit = hashes[kept - 1];
    this.#high = Math.floor(this.#limit / 2 ** 21);
  }

  /** The number of different keys: exact below k, and above with a standard error of `relativeError`. */
  estimate(): number {
    this.#sort();
    return this.#sorted < this.k ? this.#sorted : (this.k - 1) / ((this.#hashes[this.k - 1] + 1) / 2 ** 53);
  }

  get relativeError(): number {
    return 1 / Math.sqrt(this.k - 2);
  }

  /** Of what is kept; while counting there is room for as many newcomers. */
  get bytes(): number {
    return 8 * this.k;
  }

  /** The counter of all keys that either has seen, the same as if it had seen them itself. */
  union(other: KMinValues): KMinValues {
    if (other.k !== this.k) throw new RangeError(`a union needs equal k, not ${this.k} and ${other.k}`);
    const union = new KMinValues(this.k);
    for (const one of [this, other]) {
      one.#sort();
      for (const value of one.#hashes.subarray(0, one.#sorted)) union.#insert(value);
    }
    union.#sort();
    return union;
  }

  /**
   * The number of different keys that both have seen: exact if together they have seen fewer than k; else the share of the
   * union's k smallest hashes that both have kept, times the union. The error grows as that share becomes small.
   */
  intersection(other: KMinValues): number {
    const union = this.union(other), both = [this, other].map((one) => new Set(one.#hashes.subarray(0, one.#sorted)));
    const common =
      union.#hashes.subarray(0, union.#sorted).filter((value) => both.every((one) => one.has(value))).length;
    return union.#sorted < union.k ? common : common / union.k * union.estimate();
  }

  save(): Uint8Array {
    this.#sort();
    return pack("KMin", [this.k], new Uint8Array(this.#hashes.slice(0, this.#sorted).buffer));
  }

  /** Throws if `saved` is cut off, damaged or something else. */
  static load(saved: Uint8Array): KMinValues {
    const { parameters: [k], content } = unpack("KMin", 1, saved);
    const loaded = new KMinValues(k);
    for (const value of new Float64Array(content.buffer)) loaded.#insert(value);
    loaded.#sort();
    return loaded;
  }
}

/**
 * MurmurHash3 (x86, 32 bits) of a text's UTF-16 code units, or of the 4 or 8 bytes of a whole number, then inverted lest the
 * number be taken for a text of the same bytes. See hashes.ts.
 */
function hash(key: string | number, seed: number): number {
  if (typeof key === "number") {
    if (key === (key | 0)) return ~mix(block(seed, key) ^ 4);
    if (!Number.isSafeInteger(key)) throw new RangeError(`${key} must be a whole number from -(2^53 - 1) to 2^53 - 1`);
    return ~mix(block(block(seed, key | 0), Math.floor(key / 2 ** 32)) ^ 8);
  }
  let h = seed, i = 0;
  for (; i + 1 < key.length; i += 2) h = block(h, key.charCodeAt(i) | key.charCodeAt(i + 1) << 16);
  if (i < key.length) h ^= scramble(key.charCodeAt(i));
  return mix(h ^ 2 * key.length);
}

function block(h: number, word: number): number {
  h ^= scramble(word);
  return Math.imul(h << 13 | h >>> 19, 5) + 0xe6546b64 | 0;
}

function scramble(word: number): number {
  word = Math.imul(word, 0xcc9e2d51);
  return Math.imul(word << 15 | word >>> 17, 0x1b873593);
}

function mix(h: number): number {
  h = Math.imul(h ^ h >>> 16, 0x85ebca6b);
  h = Math.imul(h ^ h >>> 13, 0xc2b2ae35);
  return h ^ h >>> 16;
}

/** A saved form: kind (4 letters), version, CRC-32 of what follows, length; then the parameters as doubles, the content. */
function pack(kind: string, parameters: number[], content: Uint8Array): Uint8Array {
  const start = 16 + 8 * parameters.length, saved = new Uint8Array(start + content.length);
  const view = new DataView(saved.buffer);
  new TextEncoder().encodeInto(kind, saved);
  view.setUint32(4, version);
  view.setUint32(12, saved.length);
  parameters.forEach((value, i) => view.setFloat64(16 + 8 * i, value));
  saved.set(content, start);
  view.setUint32(8, crc32(saved.subarray(12)));
  return saved;
}

/** What was packed, of which `count` are parameters. Throws if it is of another kind or version, cut off or damaged. */
function unpack(kind: string, count: number, saved: Uint8Array): { parameters: number[]; content: Uint8Array } {
  const view = new DataView(saved.buffer, saved.byteOffset, saved.length), start = 16 + 8 * count;
  const refuse = (what: string): never => {
    throw new Error(`the saved form ${what}`);
  };
  if (saved.length < start) refuse("is cut off");
  if (String.fromCharCode(...saved.subarray(0, 4)) !== kind) refuse(`does not begin with ${kind}`);
  if (view.getUint32(4) !== version) refuse(`has version ${view.getUint32(4)}, where ${version} is known`);
  if (view.getUint32(12) !== saved.length) refuse(`has ${saved.length} bytes, where it says ${view.getUint32(12)}`);
  if (view.getUint32(8) !== crc32(saved.subarray(12))) refuse("is damaged: its checksum is wrong");
  const parameters = Array.from({ length: count }, (_, i) => view.getFloat64(16 + 8 * i));
  return { parameters, content: saved.slice(start) };
}

if (import.meta.main) {
  const distinct = 2_000_000, a = new KMinValues(2 ** 14), b = new KMinValues(2 ** 14);
  for (let i = 0; i < 3 * distinct; i++) {
    a.add(i % distinct);
    b.add(i % distinct + distinct / 2);
  }
  const estimate = a.estimate(), error = estimate / distinct - 1, { bytes, relativeError } = a;
  console.log(`${distinct} different numbers, each three times: about ${Math.round(estimate)}, from ${bytes} bytes`);
  console.log(
    `off by ${(100 * error).toFixed(2)} %, where ${(100 * relativeError).toFixed(2)} % is the standard error`,
  );
  const all = a.union(b).estimate(), common = a.intersection(b);
  console.log(
    `with ${distinct} more, of which half are the same: ${Math.round(all)} in all, ${Math.round(common)} in both`,
  );
  if (Math.abs(error) > 5 * relativeError) throw new Error(`${estimate} is too far from ${distinct}`);
  // A third of the union's sample is common: its number varies by the square root of 2/3 of itself at most.
  if (Math.abs(common / (distinct / 2) - 1) > 5 * Math.sqrt(3) * relativeError) throw new Error(`${common} in both`);
}
