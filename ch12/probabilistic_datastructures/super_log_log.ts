/**
 * SuperLogLog: LogLog without the largest 30 % of its registers, which are the ones that vary most.
 *
 * What to notice: the same registers in the same bytes give 1.05 / sqrt(m) in place of LogLog's 1.30 / sqrt(m), by leaving
 * the outliers out. But where the cut falls among whole numbers depends on where log2(n) falls between them, and with one
 * constant for all n the estimate has a bias that comes and goes by 1 % as n doubles: at 2^16 registers more than the
 * standard error of 0.4 %. That varies too, from 0.94 to 1.23 over sqrt(m). `bias` and `deviation` compute them. Repeated keys change nothing; below 5 keys a register it is useless.
 *
 * Source: Durand and Flajolet, Loglog counting of large cardinalities, ESA 2003. Their second rule, to ignore
 * what a small register cannot hold, has nothing to do here: a hash of 32 bits fits in any register.
 *
 * @original 12_less_ram/probabilistic_datastructures/superll.py
 * @run deno run ch12/probabilistic_datastructures/super_log_log.ts
 * @takes 1 s
 */

import { crc32 } from "node:zlib";

const seed = 0x9747b28c, version = 1;

/** The share of the registers that is kept. */
const kept = 0.7;

export class SuperLogLog {
  readonly precision: number;
  /** For each group of hashes the largest rank, which is the place of the first 1 behind the bits that choose the group. */
  #registers: Uint8Array;

  /**
   * @param precision p: 2^p registers of a byte; 6 to 18
   * @throws RangeError for any other
   */
  constructor(precision: number) {
    if (!(Number.isInteger(precision) && precision >= 6 && precision <= 18)) {
      throw new RangeError(`precision ${precision}: must be a whole number from 6 to 18`);
    }
    this.precision = precision;
    this.#registers = new Uint8Array(2 ** precision);
  }

  /** Counts a key: a text, or a whole number, which is another key than its text. */
  add(key: string | number): void {
    const h = hash(key, seed), registers = this.#registers, p = this.precision;
    const rank = Math.clz32(h << p | 1 << p - 1) + 1;
    const index = h >>> 32 - p;
    if (rank > registers[index]) registers[index] = rank;
  }

  /** The number of different keys, within `relativeError` and `bias` where it is above 5 * 2^p. */
  estimate(): number {
    const m = this.#registers.length, smallest = this.#registers.toSorted().subarray(0, Math.floor(kept * m));
    let sum = 0;
    for (const rank of smallest) sum += rank;
    return averageConstant() * m * 2 ** (sum / smallest.length);
  }

  /** The standard error as published, without the bias; `deviation` is nearer. */
  get relativeError(): number {
    return 1.05 / Math.sqrt(this.#registers.length);
  }

  get bytes(): number {
    return this.#registers.length;
  }

  /** The counter of all keys that either has seen, the same as if it had seen them itself. */
  union(other: SuperLogLog): SuperLogLog {
    if (other.precision !== this.precision) {
      throw new RangeError(`a union needs equal precisions, not ${this.precision} and ${other.precision}`);
    }
    const union = new SuperLogLog(this.precision);
    union.#registers = this.#registers.map((rank, i) => Math.max(rank, other.#registers[i]));
    return union;
  }

  save(): Uint8Array {
    return pack("SLog", [this.precision], this.#registers);
  }

  /** Throws if `saved` is cut off, damaged or something else. */
  static load(saved: Uint8Array): SuperLogLog {
    const { parameters: [precision], content } = unpack("SLog", 1, saved);
    const loaded = new SuperLogLog(precision);
    loaded.#registers.set(content);
    return loaded;
  }
}

/**
 * Were there infinitely many registers: what 2 to the mean of the kept ones must be multiplied with to give `load`, the keys
 * a register, and the standard error of that times the square root of m. The largest rank of a register is below k + 1 with
 * probability e^(-load / 2^k); the sum of the kept ones is that of all, cut down to the largest kept, less those left out.
 */
function theory(load: number): { constant: number; deviation: number } {
  let mean = 0, square = 0, below = 0, rank = 0;
  while (below < kept) {
    const share = Math.exp(-load / 2 ** ++rank), probability = (share < kept ? share : 1) - below;
    mean += rank * probability;
    square += rank ** 2 * probability;
    below = share;
  }
  return {
    constant: load / 2 ** ((mean - (1 - kept) * rank) / kept),
    deviation: Math.LN2 * Math.sqrt(square - mean ** 2) / kept,
  };
}

let average: number | undefined;

/** The mean of the constant over a doubling of the number of keys. */
function averageConstant(): number {
  if (average === undefined) {
    const steps = 32;
    average = 0;
    for (let i = 0; i < steps; i++) average += theory(2 ** (10 + i / steps)).constant / steps;
  }
  return average;
}

/** By how much, as a share, the estimate is off on average with `load` keys a register. */
export function bias(load: number): number {
  return averageConstant() / theory(load).constant - 1;
}

/** The standard error with `load` keys a register, times the square root of the number of registers. */
export function deviation(load: number): number {
  return theory(load).deviation;
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
  const distinct = 2_000_000, counter = new SuperLogLog(16);
  for (let i = 0; i < 3 * distinct; i++) counter.add(i % distinct);
  const estimate = counter.estimate(), error = estimate / distinct - 1, { bytes, relativeError } = counter;
  const expected = bias(distinct / 2 ** 16), percent = (share: number) => `${(100 * share).toFixed(2)} %`;
  console.log(`${distinct} different numbers, each three times: about ${Math.round(estimate)}, from ${bytes} bytes`);
  console.log(`off by ${percent(error)}: bias ${percent(expected)}, standard error ${percent(relativeError)}`);
  const loads = Array.from({ length: 8 }, (_, i) => 2 ** (10 + i / 8));
  console.log(`on the way from n to 2n keys the bias is ${loads.map((load) => percent(bias(load))).join(", ")}`);
  console.log(`and the standard error, times sqrt(m), ${loads.map((load) => deviation(load).toFixed(2)).join(", ")}`);
  if (Math.abs(error - expected) > 5 * relativeError) throw new Error(`${estimate} is too far from ${distinct}`);
}
