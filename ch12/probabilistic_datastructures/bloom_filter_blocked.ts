/**
 * A Bloom filter whose bits of one key lie all in one block of 512 bits, the size of a cache line.
 *
 * What to notice: in a filter larger than the caches each of the k bits is a miss of its own; here a key costs one. The price
 * is in the rate of false positives: some blocks have more keys than others by chance, and those give most of the false
 * answers. To keep the same promise takes more bits: 4 % more at 1 %, 14 % more at 0.01 %. The constructor looks for the
 * fewest bits that keep it, by the formula.
 *
 * Source: Putze, Sanders and Singler, Cache-, hash- and space-efficient Bloom filters, WEA 2007.
 *
 * @original none, the Bloom filter of chapter 12 made for caches
 * @run deno run ch12/probabilistic_datastructures/bloom_filter_blocked.ts
 * @takes 1 s
 */

import { crc32 } from "node:zlib";

const seeds = [0x9747b28c, 0x3c6ef372], version = 1;

/** Bits of a block, and the words of 32 bits that it consists of. */
const blockBits = 512, blockWords = blockBits / 32;

export class BloomFilterBlocked {
  readonly capacity: number;
  readonly errorRate: number;
  readonly blocks: number;
  readonly hashes: number;
  #words: Int32Array;

  /**
   * @param capacity the number of different keys up to which the rate is kept; more may be added, and it rises
   * @param errorRate the share of other keys that the full filter takes for its own, from 0.000001 to below 1
   * @throws RangeError for anything else, and for more than 2^32 bits
   */
  constructor(capacity: number, errorRate: number) {
    checkPromise(capacity, errorRate);
    if (errorRate < 1e-6) throw new RangeError(`error rate ${errorRate}: blocks are no good below 0.000001`);
    const { bits, hashes } = fewestBits(errorRate);
    this.capacity = capacity;
    this.errorRate = errorRate;
    this.blocks = Math.ceil(capacity * bits / blockBits);
    this.hashes = hashes;
    if (this.bits > 2 ** 32) {
      throw new RangeError(`${capacity} keys at a rate of ${errorRate} need more than 2^32 bits`);
    }
    this.#words = new Int32Array(this.blocks * blockWords);
  }

  get bits(): number {
    return this.blocks * blockBits;
  }

  /** Adds a key: a text, or a whole number, which is another key than its text. Returns whether it was certainly new. */
  add(key: string | number): boolean {
    const words = this.#words, start = ((hash(key, seeds[0]) >>> 0) * (this.blocks / 2 ** 32) >>> 0) * blockWords;
    let a = hash(key, seeds[1]), missing = 0;
    for (let i = 0; i < this.hashes; i++) {
      // The upper 4 bits choose the word, the next 5 the bit. Multiplying brings others there.
      const at = start + (a >>> 28), word = words[at], bit = 1 << (a >>> 23);
      missing |= ~word & bit;
      words[at] = word | bit;
      a = Math.imul(a, 0x9e3779b1);
    }
    return missing !== 0;
  }

  /** Whether the key was added: never false for one that was, and rarely true for one that was not. */
  has(key: string | number): boolean {
    const words = this.#words, start = ((hash(key, seeds[0]) >>> 0) * (this.blocks / 2 ** 32) >>> 0) * blockWords;
    let a = hash(key, seeds[1]);
    for (let i = 0; i < this.hashes; i++) {
      if ((words[start + (a >>> 28)] & 1 << (a >>> 23)) === 0) return false;
      a = Math.imul(a, 0x9e3779b1);
    }
    return true;
  }

  get bytes(): number {
    return this.#words.byteLength;
  }

  /** The filter of all keys in either, bit by bit the same as if they had been added to it. */
  union(other: BloomFilterBlocked): BloomFilterBlocked {
    if (other.blocks !== this.blocks || other.hashes !== this.hashes) {
      throw new RangeError(
        `a union needs equal filters, not ${this.blocks} blocks with ${this.hashes} hashes and ` +
          `${other.blocks} with ${other.hashes}`,
      );
    }
    const result = new BloomFilterBlocked(this.capacity, this.errorRate);
    result.#words = this.#words.map((word, i) => word | other.#words[i]);
    return result;
  }

  save(): Uint8Array {
    return pack("BloB", [this.capacity, this.errorRate], new Uint8Array(this.#words.buffer));
  }

  /** Throws if `saved` is cut off, damaged or something else. */
  static load(saved: Uint8Array): BloomFilterBlocked {
    const { parameters: [capacity, errorRate], content } = unpack("BloB", 2, saved);
    const loaded = new BloomFilterBlocked(capacity, errorRate);
    loaded.#words.set(new Int32Array(content.buffer));
    return loaded;
  }
}

/** The rate of false positives with so many bits a key and hashes: over blocks with a number of keys by Poisson's law. */
export function blockedErrorRate(bitsPerKey: number, hashes: number): number {
  const mean = blockBits / bitsPerKey;
  let rate = 0, probability = Math.exp(-mean);
  for (let keys = 0; keys < mean + 20 * Math.sqrt(mean) + 20; keys++) {
    const clear = (1 - 1 / blockBits) ** (keys * hashes);
    rate += probability * (1 - clear) ** hashes;
    probability *= mean / (keys + 1);
  }
  return rate;
}

/** The fewest bits a key, in steps of 0.5 %, that keep the rate, and the number of hashes with which they do. */
function fewestBits(errorRate: number): { bits: number; hashes: number } {
  for (let bits = -Math.log(errorRate) / Math.LN2 ** 2;; bits *= 1.005) {
    const most = Math.max(1, Math.ceil(bits * Math.LN2));
    for (let hashes = Math.max(1, most >> 1); hashes <= most; hashes++) {
      if (blockedErrorRate(bits, hashes) <= errorRate) return { bits, hashes };
    }
  }
}

function checkPromise(capacity: number, errorRate: number): void {
  if (!(Number.isSafeInteger(capacity) && capacity >= 1)) {
    throw new RangeError(`capacity ${capacity}: must be a whole number of keys, 1 or more`);
  }
  if (!(errorRate > 0 && errorRate < 1)) throw new RangeError(`error rate ${errorRate}: must be above 0 and below 1`);
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
  const count = 1_000_000, filter = new BloomFilterBlocked(count, 0.01);
  for (let i = 0; i < count; i++) filter.add(i);
  let missing = 0, wrong = 0;
  for (let i = 0; i < count; i++) if (!filter.has(i)) missing++;
  for (let i = count; i < 2 * count; i++) if (filter.has(i)) wrong++;
  const bits = filter.bits / count, classic = -Math.log(0.01) / Math.LN2 ** 2;
  console.log(
    `${count} numbers in ${filter.bytes} bytes, ${bits.toFixed(2)} bits a number, without blocks ${classic.toFixed(2)}`,
  );
  console.log(`not found: ${missing}; found, but never added: ${(100 * wrong / count).toFixed(3)} %, promised 1 %`);
  for (const rate of [0.1, 0.01, 0.001, 0.0001]) {
    const blocked = new BloomFilterBlocked(count, rate).bits / count * Math.LN2 ** 2 / -Math.log(rate);
    console.log(`${100 * rate} % costs ${(100 * blocked - 100).toFixed(0)} % more bits than without blocks`);
  }
  const deviation = Math.sqrt(0.01 * 0.99 / count);
  if (missing > 0 || wrong / count > 0.01 + 5 * deviation) throw new Error("the filter does not keep its promise");
}
