/**
 * A Bloom filter: a set that answers «certainly not» or «probably», in some 10 bits a key at 1 % of false answers.
 *
 * What to notice: the keys themselves are not kept. Each sets k of m bits, and is taken for known when all of its k are set,
 * which other keys may have done. For n keys and a rate e of false positives m = n ln(1/e) / ln(2)^2 bits are needed, of
 * which half are set in the end: 1.44 log2(1/e) bits a key, however long a key is, where no set can do with less than
 * log2(1/e). Two hashes make all k positions. Nothing can be removed: counting_bloom_filter.ts and cuckoo_filter.ts can.
 *
 * Sources: Bloom, CACM 13 (1970); Kirsch and Mitzenmacher, Less hashing, same performance, ESA 2006; Dillinger and Manolios,
 * Bloom filters in probabilistic verification, FMCAD 2004 (a step that changes); Swamidass and Baldi 2007 (`estimate`).
 *
 * @original 12_less_ram/probabilistic_datastructures/bloomfilter.py
 * @run deno run ch12/probabilistic_datastructures/bloom_filter.ts
 * @takes 1 s
 */

import { crc32 } from "node:zlib";

/** Added to the step between the positions of a key, so that a step near 0, or half of all, does not repeat positions. */
const spread = 0x9e3779b1;

const seeds = [0x9747b28c, 0x3c6ef372], version = 1;

export class BloomFilter {
  readonly capacity: number;
  readonly errorRate: number;
  /** m and k. */
  readonly bits: number;
  readonly hashes: number;
  #words: Int32Array;

  /**
   * @param capacity the number of different keys up to which the rate is kept; more may be added, and it rises
   * @param errorRate the share of other keys that the full filter takes for its own, above 0 and below 1
   * @throws RangeError for anything else, and for more than 2^32 bits
   */
  constructor(capacity: number, errorRate: number) {
    checkPromise(capacity, errorRate);
    this.capacity = capacity;
    this.errorRate = errorRate;
    const { bits, hashes } = fewestBits(capacity, errorRate);
    this.bits = bits;
    this.hashes = hashes;
    if (this.bits > 2 ** 32) {
      throw new RangeError(`${capacity} keys at a rate of ${errorRate} need more than 2^32 bits`);
    }
    this.#words = new Int32Array(Math.ceil(this.bits / 32));
  }

  /** Adds a key: a text, or a whole number, which is another key than its text. Returns whether it was certainly new. */
  add(key: string | number): boolean {
    const words = this.#words, scale = this.bits / 2 ** 32;
    let a = hash(key, seeds[0]), b = hash(key, seeds[1]), missing = 0;
    for (let i = 0; i < this.hashes; i++) {
      // The product's whole part spreads 32 bits over any m without a division.
      const position = (a >>> 0) * scale >>> 0, word = words[position >>> 5], bit = 1 << position;
      missing |= ~word & bit;
      words[position >>> 5] = word | bit;
      a = a + b | 0;
      b = b + spread | 0;
    }
    return missing !== 0;
  }

  /** Whether the key was added: never false for one that was, and rarely true for one that was not. */
  has(key: string | number): boolean {
    const words = this.#words, scale = this.bits / 2 ** 32;
    let a = hash(key, seeds[0]), b = hash(key, seeds[1]);
    for (let i = 0; i < this.hashes; i++) {
      const position = (a >>> 0) * scale >>> 0;
      if ((words[position >>> 5] & 1 << position) === 0) return false;
      a = a + b | 0;
      b = b + spread | 0;
    }
    return true;
  }

  /** The share of the bits that are set; to the power of k it is the rate of false positives that is due just now. */
  get fill(): number {
    let set = 0;
    for (const word of this.#words) set += countBits(word);
    return set / this.bits;
  }

  /** The number of different keys, from how many bits are set; infinite if all are. */
  estimate(): number {
    return -this.bits / this.hashes * Math.log1p(-this.fill);
  }

  get bytes(): number {
    return this.#words.byteLength;
  }

  /** The filter of all keys in either, bit by bit the same as if they had been added to it. */
  union(other: BloomFilter): BloomFilter {
    return this.#combine("a union", other, (a, b) => a | b);
  }

  /** A filter that knows all keys that are in both, and takes others for its own more often than one made from them would. */
  intersection(other: BloomFilter): BloomFilter {
    return this.#combine("an intersection", other, (a, b) => a & b);
  }

  #combine(what: string, other: BloomFilter, combine: (a: number, b: number) => number): BloomFilter {
    if (other.bits !== this.bits || other.hashes !== this.hashes) {
      throw new RangeError(
        `${what} needs equal filters, not ${this.bits} bits with ${this.hashes} hashes and ` +
          `${other.bits} with ${other.hashes}`,
      );
    }
    const result = new BloomFilter(this.capacity, this.errorRate);
    result.#words = this.#words.map((word, i) => combine(word, other.#words[i]));
    return result;
  }

  save(): Uint8Array {
    return pack("Bloo", [this.capacity, this.errorRate], new Uint8Array(this.#words.buffer));
  }

  /** Throws if `saved` is cut off, damaged or something else. */
  static load(saved: Uint8Array): BloomFilter {
    const { parameters: [capacity, errorRate], content } = unpack("Bloo", 2, saved);
    const loaded = new BloomFilter(capacity, errorRate);
    loaded.#words.set(new Int32Array(content.buffer));
    return loaded;
  }
}

/** The fewest bits, and the number of hashes, that keep the rate: of m bits n keys leave a share of e^(-k n / m) clear. */
function fewestBits(capacity: number, errorRate: number): { bits: number; hashes: number } {
  const [down, up] = [Math.floor, Math.ceil].map((round) => {
    const hashes = Math.max(1, round(-Math.log2(errorRate)));
    return { hashes, bits: Math.ceil(-hashes * capacity / Math.log1p(-(errorRate ** (1 / hashes)))) };
  });
  return down.bits <= up.bits ? down : up;
}

function checkPromise(capacity: number, errorRate: number): void {
  if (!(Number.isSafeInteger(capacity) && capacity >= 1)) {
    throw new RangeError(`capacity ${capacity}: must be a whole number of keys, 1 or more`);
  }
  if (!(errorRate > 0 && errorRate < 1)) throw new RangeError(`error rate ${errorRate}: must be above 0 and below 1`);
}

/** How many bits of 32 are set. */
function countBits(word: number): number {
  word -= word >>> 1 & 0x55555555;
  word = (word & 0x33333333) + (word >>> 2 & 0x33333333);
  return Math.imul(word + (word >>> 4) & 0x0f0f0f0f, 0x01010101) >>> 24;
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
  const count = 1_000_000, filter = new BloomFilter(count, 0.01);
  for (let i = 0; i < count; i++) filter.add(i);
  let missing = 0, wrong = 0;
  for (let i = 0; i < count; i++) if (!filter.has(i)) missing++;
  for (let i = count; i < 2 * count; i++) if (filter.has(i)) wrong++;
  console.log(`${count} numbers in ${filter.bytes} bytes, ${(filter.bits / count).toFixed(2)} bits a number`);
  console.log(`not found: ${missing}; found, but never added: ${(100 * wrong / count).toFixed(3)} %, promised 1 %`);
  console.log(`by the bits that are set there are about ${Math.round(filter.estimate())} numbers`);
  const deviation = Math.sqrt(0.01 * 0.99 / count);
  if (missing > 0 || wrong / count > 0.01 + 5 * deviation) throw new Error("the filter does not keep its promise");
}
