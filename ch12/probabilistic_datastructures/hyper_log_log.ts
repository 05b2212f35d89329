/**
 * HyperLogLog as published: LogLog's registers with a harmonic mean, and corrections for few and for very many keys.
 *
 * What to notice: the harmonic mean is not disturbed by the largest registers, which brings the error down to
 * 1.04 / sqrt(m) with all registers in use. Below 2.5 keys a register the empty ones are counted instead (linear counting,
 * with the natural logarithm: with the base 2, as in the original, it is 44 % too much). Where one estimate gives way to the
 * other the error has a bump. Above 2^32 / 30 keys the estimate is corrected for hashes that are equal by chance. But equal
 * hashes do not lower the largest rank, and the correction makes a good estimate worse, by 13 % at 1e9 keys. It is here
 * because it was published; `estimateFrom` can do without. hyper_log_log_packed.ts has neither bump nor correction.
 *
 * Source: Flajolet, Fusy, Gandouet and Meunier, HyperLogLog, AofA 2007, figure 3.
 *
 * @original 12_less_ram/probabilistic_datastructures/hyperloglog.py
 * @run deno run ch12/probabilistic_datastructures/hyper_log_log.ts
 * @takes 1 s
 */

import { crc32 } from "node:zlib";

const seed = 0x9747b28c, version = 1;

export class HyperLogLog {
  readonly precision: number;
  /** For each group of hashes the largest rank, which is the place of the first 1 behind the bits that choose the group. */
  #registers: Uint8Array;

  /**
   * @param precision p: 2^p registers of a byte; 4 to 18
   * @throws RangeError for any other
   */
  constructor(precision: number) {
    if (!(Number.isInteger(precision) && precision >= 4 && precision <= 18)) {
      throw new RangeError(`precision ${precision}: must be a whole number from 4 to 18`);
    }
    this.precision = precision;
    this.#registers = new Uint8Array(2 ** precision);
  }

  /** Counts a key: a text, or a whole number, which is another key than its text. */
  add(key: string | number): void {
    const h = hash(key, seed), registers = this.#registers, p = this.precision;
    // The bit behind the last one of the hash ends the search for a 1.
    const rank = Math.clz32(h << p | 1 << p - 1) + 1;
    const index = h >>> 32 - p;
    if (rank > registers[index]) registers[index] = rank;
  }

  /** The number of different keys, with a standard error of `relativeError` but for a bump around 2.5 * 2^p. */
  estimate(): number {
    return estimateFrom(this.#registers);
  }

  get relativeError(): number {
    return Math.sqrt(3 * Math.LN2 - 1) / Math.sqrt(this.#registers.length);
  }

  get bytes(): number {
    return this.#registers.length;
  }

  /** The counter of all keys that either has seen, the same as if it had seen them itself. */
  union(other: HyperLogLog): HyperLogLog {
    if (other.precision !== this.precision) {
      throw new RangeError(`a union needs equal precisions, not ${this.precision} and ${other.precision}`);
    }
    const union = new HyperLogLog(this.precision);
    union.#registers = this.#registers.map((rank, i) => Math.max(rank, other.#registers[i]));
    return union;
  }

  save(): Uint8Array {
    return pack("HLL ", [this.precision], this.#registers);
  }

  /** Throws if `saved` is cut off, damaged or something else. */
  static load(saved: Uint8Array): HyperLogLog {
    const { parameters: [precision], content } = unpack("HLL ", 1, saved);
    const loaded = new HyperLogLog(precision);
    loaded.#registers.set(content);
    return loaded;
  }
}

/**
 * The published estimate from m registers that were filled from hashes of 32 bits.
 *
 * @param corrected whether to do as published with very many keys
 */
export function estimateFrom(registers: Uint8Array, corrected = true): number {
  const m = registers.length;
  let sum = 0, empty = 0;
  for (const rank of registers) {
    sum += 2 ** -rank;
    if (rank === 0) empty++;
  }
  const alpha = m === 16 ? 0.673 : m === 32 ? 0.697 : m === 64 ? 0.709 : 0.7213 / (1 + 1.079 / m);
  const raw = alpha * m * m / sum, hashes = 2 ** 32;
  if (raw <= 2.5 * m && empty > 0) return m * Math.log(m / empty);
  if (raw > hashes / 30 && corrected) return raw < hashes ? -hashes * Math.log1p(-raw / hashes) : Infinity;
  return raw;
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
  const distinct = 2_000_000, counter = new HyperLogLog(16);
  for (let i = 0; i < 3 * distinct; i++) counter.add(i % distinct);
  const estimate = counter.estimate(), error = estimate / distinct - 1, { bytes, relativeError } = counter;
  console.log(`${distinct} different numbers, each three times: about ${Math.round(estimate)}, from ${bytes} bytes`);
  console.log(
    `off by ${(100 * error).toFixed(2)} %, where ${(100 * relativeError).toFixed(2)} % is the standard error`,
  );
  const few = new HyperLogLog(16);
  for (let i = 0; i < 1000; i++) few.add(`word ${i}`);
  console.log(`1000 different words: about ${Math.round(few.estimate())}, by counting the empty registers`);
  if (Math.abs(error) > 5 * relativeError) throw new Error(`${estimate} is too far from ${distinct}`);
  if (Math.abs(few.estimate() - 1000) > 30) throw new Error(`${few.estimate()} is too far from 1000`);
}
