/**
 * A scaling Bloom filter: keeps its rate of false positives without knowing beforehand how many keys there will be.
 *
 * What to notice: a full filter is kept, and another one of twice the size put beside it. A false answer of any of them is
 * one of the whole, so each is made stricter than the one before, to 0.8 of its rate: 0.2 e + 0.16 e + 0.128 e + … stays below
 * e. (Begin with e itself, as the original does, and the sum is a multiple of what was promised.) It costs 3.3 bits more a
 * key at once and half a bit more for each doubling, a query that asks every filter, and what is free in the last one.
 *
 * Source: Almeida, Baquero, Preguiça and Hutchison, Scalable Bloom filters, Information Processing Letters 101 (2007).
 *
 * @original 12_less_ram/probabilistic_datastructures/scalingbloomfilter.py
 * @run deno run ch12/probabilistic_datastructures/scaling_bloom_filter.ts
 * @takes 1 s
 */

import { crc32 } from "node:zlib";

/** Added to the step between the positions of a key, so that a step near 0, or half of all, does not repeat positions. */
const spread = 0x9e3779b1;

const seeds = [0x9747b28c, 0x3c6ef372], version = 1;

/** How many times as large, and as strict, each filter is as the one before. */
const growth = 2, tightening = 0.8;

/** One Bloom filter, as in bloom_filter.ts. */
interface Layer {
  capacity: number;
  bits: number;
  hashes: number;
  words: Int32Array;
}

export class ScalingBloomFilter {
  readonly capacity: number;
  readonly errorRate: number;
  #layers: Layer[] = [];
  /** Keys in the last layer. */
  #inLast = 0;

  /**
   * @param capacity the number of different keys that the first filter has room for
   * @param errorRate the share of other keys that all filters together take for their own, above 0 and below 1
   * @throws RangeError for anything else
   */
  constructor(capacity: number, errorRate: number) {
    checkPromise(capacity, errorRate);
    this.capacity = capacity;
    this.errorRate = errorRate;
    this.#grow();
  }

  #grow(): void {
    const capacity = this.capacity * growth ** this.#layers.length;
    const errorRate = this.errorRate * (1 - tightening) * tightening ** this.#layers.length;
    const { bits, hashes } = fewestBits(capacity, errorRate);
    if (bits > 2 ** 32) throw new RangeError(`${capacity} keys at a rate of ${errorRate} need more than 2^32 bits`);
    this.#layers.push({ capacity, bits, hashes, words: new Int32Array(Math.ceil(bits / 32)) });
    this.#inLast = 0;
  }

  /** Adds a key: a text, or a whole number, which is another key than its text. Returns whether it was certainly new. */
  add(key: string | number): boolean {
    const a = hash(key, seeds[0]), b = hash(key, seeds[1]);
    if (this.#find(a, b)) return false;
    // Only now, so that there is no empty layer before there is a key for it.
    if (this.#inLast === this.#layers.at(-1)!.capacity) this.#grow();
    insert(this.#layers.at(-1)!, a, b);
    this.#inLast++;
    return true;
  }

  /** Whether the key was added: never false for one that was, and rarely true for one that was not. */
  has(key: string | number): boolean {
    return this.#find(hash(key, seeds[0]), hash(key, seeds[1]));
  }

  /** The last layer first: it has half of the keys. */
  #find(a: number, b: number): boolean {
    for (let i = this.#layers.length - 1; i >= 0; i--) if (contains(this.#layers[i], a, b)) return true;
    return false;
  }

  /** The number of different keys, but for those that were taken for known when they were added. */
  get count(): number {
    return this.#layers.slice(0, -1).reduce((sum, { capacity }) => sum + capacity, this.#inLast);
  }

  /** How many filters there are by now. */
  get layers(): number {
    return this.#layers.length;
  }

  get bytes(): number {
    return this.#layers.reduce((sum, { words }) => sum + words.byteLength, 0);
  }

  save(): Uint8Array {
    const content = new Uint8Array(this.bytes);
    let start = 0;
    for (const { words } of this.#layers) {
      content.set(new Uint8Array(words.buffer), start);
      start += words.byteLength;
    }
    return pack("BloS", [this.capacity, this.errorRate, this.layers, this.#inLast], content);
  }

  /** Throws if `saved` is cut off, damaged or something else. */
  static load(saved: Uint8Array): ScalingBloomFilter {
    const { parameters: [capacity, errorRate, layers, inLast], content } = unpack("BloS", 4, saved);
    const loaded = new ScalingBloomFilter(capacity, errorRate);
    while (loaded.layers < layers) loaded.#grow();
    let start = 0;
    for (const { words } of loaded.#layers) {
      words.set(new Int32Array(content.buffer, start, words.length));
      start += words.byteLength;
    }
    loaded.#inLast = inLast;
    return loaded;
  }
}

function insert({ bits, hashes, words }: Layer, a: number, b: number): void {
  for (let i = 0; i < hashes; i++) {
    const position = (a >>> 0) * (bits / 2 ** 32) >>> 0;
    words[position >>> 5] |= 1 << position;
    a = a + b | 0;
    b = b + spread | 0;
  }
}

function contains({ bits, hashes, words }: Layer, a: number, b: number): boolean {
  for (let i = 0; i < hashes; i++) {
    const position = (a >>> 0) * (bits / 2 ** 32) >>> 0;
    if ((words[position >>> 5] & 1 << position) === 0) return false;
    a = a + b | 0;
    b = b + spread | 0;
  }
  return true;
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
  const count = 1_000_000, filter = new ScalingBloomFilter(1000, 0.01);
  for (let i = 0; i < count; i++) filter.add(i);
  let missing = 0, wrong = 0;
  for (let i = 0; i < count; i++) if (!filter.has(i)) missing++;
  for (let i = count; i < 2 * count; i++) if (filter.has(i)) wrong++;
  const bits = (8 * filter.bytes / count).toFixed(1), known = (-Math.log(0.01) / Math.LN2 ** 2).toFixed(1);
  console.log(`from room for 1000 to ${count} numbers: ${filter.layers} filters, ${filter.bytes} bytes`);
  console.log(`${bits} bits a number, where one filter that knew the number beforehand takes ${known}`);
  console.log(`not found: ${missing}; found, but never added: ${(100 * wrong / count).toFixed(3)} %, promised 1 %`);
  const deviation = Math.sqrt(0.01 * 0.99 / count);
  if (missing > 0 || wrong / count > 0.01 + 5 * deviation) throw new Error("the filter does not keep its promise");
}
