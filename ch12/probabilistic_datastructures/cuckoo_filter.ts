/**
 * A cuckoo filter: keeps a few bits of each key, its fingerprint, in one of two buckets. Keys can be removed.
 *
 * What to notice: a fingerprint of f bits is compared with the 8 in two buckets, which gives a rate of 8 / 2^f: so
 * log2(1/e) + 3 bits, at a load of 95 % divided by 0.95. That is fewer than Bloom's 1.44 log2(1/e) where e is below 0.3 %.
 * A full bucket throws a fingerprint out, which moves to its other bucket, and may throw out the next. The other bucket must
 * follow from the fingerprint and this bucket alone, since the key is gone. Here both numbers add up to a hash of the
 * fingerprint, modulo the number of buckets; the paper's XOR does the same only for powers of two, at up to twice the bytes.
 * There is no union: two full filters do not fit in one.
 *
 * Source: Fan, Andersen, Kaminsky and Mitzenmacher, Cuckoo filter: practically better than Bloom, CoNEXT 2014.
 *
 * @original none, chapter 12's filters with removal
 * @run deno run ch12/probabilistic_datastructures/cuckoo_filter.ts
 * @takes 1 s
 */

import { crc32 } from "node:zlib";

const seeds = [0x9747b28c, 0x3c6ef372], version = 1;

/** Slots of a bucket, the load at which the filter is full, and how many keys may be moved for one. */
const slots = 4, load = 0.95, mostMoves = 500;

export class CuckooFilter {
  readonly capacity: number;
  readonly errorRate: number;
  readonly buckets: number;
  /** f: bits of a fingerprint. */
  readonly width: number;
  /** Fingerprints of f bits, one behind the other, each slot of each bucket; 0 where there is none. */
  #words: Int32Array;
  #count = 0;
  #random = 1;

  /**
   * @param capacity the number of keys that there is room for
   * @param errorRate the share of other keys that the full filter takes for its own, from 1e-8 to below 1
   * @throws RangeError for anything else, and for more than 2^32 bits
   */
  constructor(capacity: number, errorRate: number) {
    checkPromise(capacity, errorRate);
    if (errorRate < 1e-8) throw new RangeError(`error rate ${errorRate}: fingerprints of 30 bits are good for 1e-8`);
    this.capacity = capacity;
    this.errorRate = errorRate;
    // No fingerprint is 0, which leaves 2^f - 1.
    this.width = Math.ceil(Math.log2(2 * slots * load / errorRate + 1));
    // A small table has a chance to be full earlier.
    this.buckets = Math.ceil(capacity / load / slots + Math.sqrt(capacity) / 8) + 2;
    const bits = this.buckets * slots * this.width;
    if (bits > 2 ** 32) throw new RangeError(`${capacity} keys at a rate of ${errorRate} need more than 2^32 bits`);
    // A word more, so that two can always be read.
    this.#words = new Int32Array(Math.ceil(bits / 32) + 1);
  }

  /**
   * Adds a key: a text, or a whole number, which is another key than its text. Each time counts, at most 8 times.
   *
   * @throws Error if no room is found for it; all keys that were there still are
   */
  add(key: string | number): void {
    let fingerprint = this.#fingerprint(key), bucket = this.#bucket(hash(key, seeds[0]));
    const other = this.#other(bucket, fingerprint), path: number[] = [];
    if (this.#replace(bucket, 0, fingerprint) || this.#replace(other, 0, fingerprint)) return void this.#count++;
    if (this.#next() & 1) bucket = other;
    while (path.length < mostMoves) {
      const slot = bucket * slots + (this.#next() & slots - 1), evicted = this.#get(slot);
      this.#set(slot, fingerprint);
      path.push(slot);
      fingerprint = evicted;
      bucket = this.#other(bucket, fingerprint);
      if (this.#replace(bucket, 0, fingerprint)) return void this.#count++;
    }
    // All goes back to where it was, in reverse.
    for (const slot of path.reverse()) {
      const moved = this.#get(slot);
      this.#set(slot, fingerprint);
      fingerprint = moved;
    }
    throw new Error(`the filter is full: it has ${this.#count} keys, and was made for ${this.capacity}`);
  }

  /** Whether the key is there: never false for one that is, and rarely true for one that is not. */
  has(key: string | number): boolean {
    const fingerprint = this.#fingerprint(key), bucket = this.#bucket(hash(key, seeds[0]));
    return this.#find(bucket, fingerprint) >= 0 || this.#find(this.#other(bucket, fingerprint), fingerprint) >= 0;
  }

  /** Removes a key that was added; of one that certainly was not returns false, and changes nothing. */
  remove(key: string | number): boolean {
    const fingerprint = this.#fingerprint(key), bucket = this.#bucket(hash(key, seeds[0]));
    if (!this.#replace(bucket, fingerprint, 0) && !this.#replace(this.#other(bucket, fingerprint), fingerprint, 0)) {
      return false;
    }
    this.#count--;
    return true;
  }

  /** How many keys were added and not removed. */
  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#words.byteLength;
  }

  save(): Uint8Array {
    return pack("Cuck", [this.capacity, this.errorRate, this.#count], new Uint8Array(this.#words.buffer));
  }

  /** Throws if `saved` is cut off, damaged or something else. */
  static load(saved: Uint8Array): CuckooFilter {
    const { parameters: [capacity, errorRate, count], content } = unpack("Cuck", 3, saved);
    const loaded = new CuckooFilter(capacity, errorRate);
    loaded.#words.set(new Int32Array(content.buffer));
    loaded.#count = count;
    return loaded;
  }

  #fingerprint(key: string | number): number {
    return hash(key, seeds[1]) >>> 32 - this.width || 1;
  }

  #bucket(h: number): number {
    return (h >>> 0) * (this.buckets / 2 ** 32) >>> 0;
  }

  #other(bucket: number, fingerprint: number): number {
    const other = this.#bucket(mix(fingerprint)) - bucket;
    return other < 0 ? other + this.buckets : other;
  }

  /** The first slot of a bucket with that fingerprint, or -1. */
  #find(bucket: number, fingerprint: number): number {
    for (let slot = bucket * slots; slot < (bucket + 1) * slots; slot++) {
      if (this.#get(slot) === fingerprint) return slot;
    }
    return -1;
  }

  /** Puts `to` in place of `from` in a bucket, where 0 is an empty slot. Returns whether `from` was there. */
  #replace(bucket: number, from: number, to: number): boolean {
    const slot = this.#find(bucket, from);
    if (slot >= 0) this.#set(slot, to);
    return slot >= 0;
  }

  #get(slot: number): number {
    const bit = slot * this.width, word = bit >>> 5, shift = bit & 31;
    // Shifted in two steps, since one by 32 would be one by 0.
    return (this.#words[word] >>> shift | this.#words[word + 1] << 1 << 31 - shift) & (1 << this.width) - 1;
  }

  #set(slot: number, fingerprint: number): void {
    const bit = slot * this.width,
      word = bit >>> 5,
      shift = bit & 31,
      mask = (1 << this.width) - 1,
      words = this.#words;
    words[word] = words[word] & ~(mask << shift) | fingerprint << shift;
    words[word + 1] = words[word + 1] & ~(mask >>> 1 >>> 31 - shift) | fingerprint >>> 1 >>> 31 - shift;
  }

  /** Xorshift (Marsaglia 2003), so that the same keys in the same order make the same filter. */
  #next(): number {
    let x = this.#random;
    x ^= x << 13;
    x ^= x >>> 17;
    return this.#random = x ^ x << 5;
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
  const count = 500_000, filter = new CuckooFilter(2 * count, 0.001);
  for (let i = 0; i < 2 * count; i++) filter.add(i);
  for (let i = count; i < 2 * count; i++) filter.remove(i);
  for (let i = 2 * count; i < 3 * count; i++) filter.add(i);
  let missing = 0, wrong = 0;
  for (let i = 0; i < 3 * count; i++) {
    const found = filter.has(i), removed = i >= count && i < 2 * count;
    if (removed && found) wrong++;
    if (!removed && !found) missing++;
  }
  const bits = (8 * filter.bytes / filter.count).toFixed(2), bloom = (-Math.log(0.001) / Math.LN2 ** 2).toFixed(2);
  console.log(`${filter.count} numbers in ${filter.bytes} bytes, ${bits} bits each, in a Bloom filter ${bloom}`);
  console.log(`not found: ${missing}; found, but removed: ${(100 * wrong / count).toFixed(3)} %, promised 0.1 %`);
  const deviation = Math.sqrt(0.001 * 0.999 / count);
  if (missing > 0 || wrong / count > 0.001 + 5 * deviation) throw new Error("the filter does not keep its promise");
}
