/**
 * A counting Bloom filter: counters of 4 bits in place of bits, so that keys can be removed again.
 *
 * What to notice: a bit may stand for many keys and cannot be cleared for one of them; a counter can go down. Four bits are
 * enough: that any of the counters of a full filter passes 15 has a chance of about 1e-15 times their number. One that
 * does stays at 15 for ever, so that no key is ever lost. It costs four times the bytes of bloom_filter.ts; cuckoo_filter.ts
 * removes keys as well, in a quarter of these. Removing a key that never was added, but is taken for known, damages others.
 *
 * Source: Fan, Cao, Almeida and Broder, Summary cache, IEEE/ACM Transactions on Networking 8 (2000).
 *
 * @original none, the Bloom filter of chapter 12 with removal
 * @run deno run ch12/probabilistic_datastructures/counting_bloom_filter.ts
 * @takes 1 s
 */

import { crc32 } from "node:zlib";

/** Added to the step between the positions of a key, so that a step near 0, or half of all, does not repeat positions. */
const spread = 0x9e3779b1;

const seeds = [0x9747b28c, 0x3c6ef372], version = 1, most = 15;

export class CountingBloomFilter {
  readonly capacity: number;
  readonly errorRate: number;
  /** m and k. */
  readonly counters: number;
  readonly hashes: number;
  /** Two counters a byte, the even one in the lower half. */
  #bytes: Uint8Array;

  /**
   * @param capacity the number of different keys up to which the rate is kept; more may be added, and it rises
   * @param errorRate the share of other keys that the full filter takes for its own, above 0 and below 1
   * @throws RangeError for anything else, and for more than 2^32 counters
   */
  constructor(capacity: number, errorRate: number) {
    checkPromise(capacity, errorRate);
    this.capacity = capacity;
    this.errorRate = errorRate;
    const { bits, hashes } = fewestBits(capacity, errorRate);
    this.counters = bits;
    this.hashes = hashes;
    if (this.counters > 2 ** 32) {
      throw new RangeError(`${capacity} keys at a rate of ${errorRate} need more than 2^32 counters`);
    }
    this.#bytes = new Uint8Array(Math.ceil(this.counters / 2));
  }

  /** Adds a key: a text, or a whole number, which is another key than its text. Each time counts, to be removed as often. */
  add(key: string | number): void {
    this.#change(key, 1);
  }

  /** Removes a key that was added; of one that certainly was not returns false, and changes nothing. */
  remove(key: string | number): boolean {
    const known = this.has(key);
    if (known) this.#change(key, -1);
    return known;
  }

  #change(key: string | number, by: 1 | -1): void {
    const bytes = this.#bytes, scale = this.counters / 2 ** 32;
    let a = hash(key, seeds[0]), b = hash(key, seeds[1]);
    for (let i = 0; i < this.hashes; i++) {
      const position = (a >>> 0) * scale >>> 0,
        shift = 4 * (position & 1),
        count = bytes[position >>> 1] >>> shift & most;
      // Nobody knows how far a counter has been past 15, so it stays there.
      if (count !== most && count + by >= 0) bytes[position >>> 1] += by << shift;
      a = a + b | 0;
      b = b + spread | 0;
    }
  }

  /** Whether the key is there: never false for one that is, and rarely true for one that is not. */
  has(key: string | number): boolean {
    const bytes = this.#bytes, scale = this.counters / 2 ** 32;
    let a = hash(key, seeds[0]), b = hash(key, seeds[1]);
    for (let i = 0; i < this.hashes; i++) {
      const position = (a >>> 0) * scale >>> 0;
      if ((bytes[position >>> 1] >>> 4 * (position & 1) & most) === 0) return false;
      a = a + b | 0;
      b = b + spread | 0;
    }
    return true;
  }

  /** The number of different keys, from how many counters are above 0; infinite if all are. */
  estimate(): number {
    let used = 0;
    for (const two of this.#bytes) used += (two & most ? 1 : 0) + (two >>> 4 ? 1 : 0);
    return -this.counters / this.hashes * Math.log1p(-used / this.counters);
  }

  get bytes(): number {
    return this.#bytes.length;
  }

  /** The filter of all keys in either, the same as if they had been added to it, as often. */
  union(other: CountingBloomFilter): CountingBloomFilter {
    if (other.counters !== this.counters || other.hashes !== this.hashes) {
      throw new RangeError(
        `a union needs equal filters, not ${this.counters} counters with ${this.hashes} hashes and ` +
          `${other.counters} with ${other.hashes}`,
      );
    }
    const result = new CountingBloomFilter(this.capacity, this.errorRate);
    result.#bytes = this.#bytes.map((two, i) => {
      const more = other.#bytes[i];
      return Math.min(most, (two & most) + (more & most)) | Math.min(most, (two >>> 4) + (more >>> 4)) << 4;
    });
    return result;
  }

  save(): Uint8Array {
    return pack("BloC", [this.capacity, this.errorRate], this.#bytes);
  }

  /** Throws if `saved` is cut off, damaged or something else. */
  static load(saved: Uint8Array): CountingBloomFilter {
    const { parameters: [capacity, errorRate], content } = unpack("BloC", 2, saved);
    const loaded = new CountingBloomFilter(capacity, errorRate);
    loaded.#bytes.set(content);
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
  const count = 500_000, filter = new CountingBloomFilter(count, 0.01);
  for (let i = 0; i < 2 * count; i++) filter.add(i);
  for (let i = count; i < 2 * count; i++) filter.remove(i);
  let missing = 0, wrong = 0;
  for (let i = 0; i < count; i++) if (!filter.has(i)) missing++;
  for (let i = count; i < 2 * count; i++) if (filter.has(i)) wrong++;
  const bits = (8 * filter.bytes / count).toFixed(1);
  console.log(`${2 * count} numbers added, half of them removed again: ${filter.bytes} bytes, ${bits} bits a number`);
  console.log(`not found: ${missing}; found, but removed: ${(100 * wrong / count).toFixed(3)} %, promised 1 %`);
  const deviation = Math.sqrt(0.01 * 0.99 / count);
  if (missing > 0 || wrong / count > 0.01 + 5 * deviation) throw new Error("the filter does not keep its promise");
}
