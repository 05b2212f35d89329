/**
 * Hash functions: MurmurHash3 and xxHash, and what 64 bits cost in a language whose fast integers have 32.
 *
 * What to notice: `Math.imul`, shifts and XOR are one instruction each, so a function made of 32-bit steps runs as it would in
 * C. One made of 64-bit steps needs BigInt, an object for each step, and takes ten to thirty times as long; two 32-bit hashes
 * with different seeds are 64 bits as well. A text need not become bytes first: `murmur3Text` takes its UTF-16 code units
 * where they lie, and gives what MurmurHash3 gives for the same units as bytes. `murmur3Number` does the same for the 4 bytes
 * of a number, one-to-one, so that no two whole numbers of 32 bits collide at all. The finaliser alone, `mix`, would be that
 * too, and is often taken for enough; but consecutive numbers come out of it less than random, and a HyperLogLog of 2^16
 * registers is off by 0.3 % on average, where it should be right. The other scripts of this folder carry what they need, 30
 * lines, so that each can be copied alone; a test holds the copies equal. To pass the function in would spare the lines and
 * cost a call that cannot be inlined, once two different ones have been passed. None of these resists an attacker who chooses
 * keys: for that there is node:crypto.
 *
 * Sources: Appleby, SMHasher (MurmurHash3_x86_32, fmix32, fmix64); Collet, xxHash specification 0.1.1.
 *
 * @original none, chapter 12's mmh3
 * @run deno run ch12/probabilistic_datastructures/hashes.ts
 * @takes 1 s
 */

/** MurmurHash3 of bytes, x86 variant with 32 bits. From 0 to 2^32 - 1. */
export function murmur3(bytes: Uint8Array, seed = 0): number {
  const whole = bytes.length & ~3;
  let h = seed, tail = 0;
  for (let i = 0; i < whole; i += 4) h = block(h, wordAt(bytes, i));
  for (let i = bytes.length - 1; i >= whole; i--) tail = tail << 8 | bytes[i];
  return mix(h ^ scramble(tail) ^ bytes.length) >>> 0;
}

/** MurmurHash3 of a text's UTF-16 code units, the lower byte of each first. From 0 to 2^32 - 1. */
export function murmur3Text(text: string, seed = 0): number {
  let h = seed, i = 0;
  for (; i + 1 < text.length; i += 2) h = block(h, text.charCodeAt(i) | text.charCodeAt(i + 1) << 16);
  if (i < text.length) h ^= scramble(text.charCodeAt(i));
  return mix(h ^ 2 * text.length) >>> 0;
}

/** MurmurHash3 of the four bytes of a number from -2^31 to 2^31 - 1, the lowest first. From 0 to 2^32 - 1. */
export function murmur3Number(number: number, seed = 0): number {
  return mix(block(seed, number) ^ 4) >>> 0;
}

function block(h: number, word: number): number {
  return Math.imul(rotate(h ^ scramble(word), 13), 5) + 0xe6546b64 | 0;
}

function scramble(word: number): number {
  return Math.imul(rotate(Math.imul(word, 0xcc9e2d51), 15), 0x1b873593);
}

/** MurmurHash3's finaliser: one-to-one on 32 bits, and each bit of the result depends on each of `h`. */
export function mix(h: number): number {
  h = Math.imul(h ^ h >>> 16, 0x85ebca6b);
  h = Math.imul(h ^ h >>> 13, 0xc2b2ae35);
  return h ^ h >>> 16;
}

/** The same for 64 bits. */
export function mix64(h: bigint): bigint {
  h = BigInt.asUintN(64, (h ^ h >> 33n) * 0xff51afd7ed558ccdn);
  h = BigInt.asUintN(64, (h ^ h >> 33n) * 0xc4ceb9fe1a85ec53n);
  return h ^ h >> 33n;
}

/** Four bytes as a word, the lowest first; a DataView made for each key would take longer than the hash. */
function wordAt(bytes: Uint8Array, i: number): number {
  return bytes[i] | bytes[i + 1] << 8 | bytes[i + 2] << 16 | bytes[i + 3] << 24;
}

function rotate(value: number, bits: number): number {
  return value << bits | value >>> 32 - bits;
}

/** xxHash with 32 bits. From 0 to 2^32 - 1. */
export function xxHash32(bytes: Uint8Array, seed = 0): number {
  const p1 = 0x9e3779b1, p2 = 0x85ebca77, p3 = 0xc2b2ae3d, p4 = 0x27d4eb2f, p5 = 0x165667b1;
  let i = 0, h = seed + p5 | 0;
  if (bytes.length >= 16) {
    // Four lanes do not wait for each other.
    let a = seed + p1 + p2 | 0, b = seed + p2 | 0, c = seed | 0, d = seed - p1 | 0;
    const round = (lane: number, at: number) => Math.imul(rotate(lane + Math.imul(wordAt(bytes, at), p2) | 0, 13), p1);
    for (; i + 16 <= bytes.length; i += 16) {
      a = round(a, i);
      b = round(b, i + 4);
      c = round(c, i + 8);
      d = round(d, i + 12);
    }
    h = rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18) | 0;
  }
  h = h + bytes.length | 0;
  for (; i + 4 <= bytes.length; i += 4) h = Math.imul(rotate(h + Math.imul(wordAt(bytes, i), p3) | 0, 17), p4);
  for (; i < bytes.length; i++) h = Math.imul(rotate(h + Math.imul(bytes[i], p5) | 0, 11), p1);
  h = Math.imul(h ^ h >>> 15, p2);
  h = Math.imul(h ^ h >>> 13, p3);
  return (h ^ h >>> 16) >>> 0;
}

/** xxHash with 64 bits, SLOW: in BigInt. */
export function xxHash64(bytes: Uint8Array, seed = 0n): bigint {
  const [p1, p2, p3] = [0x9e3779b185ebca87n, 0xc2b2ae3d27d4eb4fn, 0x165667b19e3779f9n];
  const [p4, p5] = [0x85ebca77c2b2ae63n, 0x27d4eb2f165667c5n];
  const cut = (value: bigint) => BigInt.asUintN(64, value);
  const turn = (value: bigint, bits: bigint) => cut(value << bits) | value >> 64n - bits;
  const round = (lane: bigint, input: bigint) => cut(turn(cut(lane + input * p2), 31n) * p1);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let i = 0, h = cut(seed + p5);
  if (bytes.length >= 32) {
    const lanes = [cut(seed + p1 + p2), cut(seed + p2), seed, cut(seed - p1)];
    for (; i + 32 <= bytes.length; i += 32) {
      for (let lane = 0; lane < 4; lane++) lanes[lane] = round(lanes[lane], view.getBigUint64(i + 8 * lane, true));
    }
    h = cut([1n, 7n, 12n, 18n].reduce((sum, bits, lane) => sum + turn(lanes[lane], bits), 0n));
    for (const lane of lanes) h = cut((h ^ round(0n, lane)) * p1 + p4);
  }
  h = cut(h + BigInt(bytes.length));
  for (; i + 8 <= bytes.length; i += 8) h = cut(turn(h ^ round(0n, view.getBigUint64(i, true)), 27n) * p1 + p4);
  if (i + 4 <= bytes.length) {
    h = cut(turn(h ^ cut(BigInt(view.getUint32(i, true)) * p1), 23n) * p2 + p3);
    i += 4;
  }
  for (; i < bytes.length; i++) h = cut(turn(h ^ cut(BigInt(bytes[i]) * p5), 11n) * p1);
  h = cut((h ^ h >> 33n) * p2);
  h = cut((h ^ h >> 29n) * p3);
  return h ^ h >> 32n;
}

/**
 * The mean share of a hash's bits that change when one bit of an integer key does; 1/2 is ideal.
 *
 * @returns for each bit of the key
 */
export function avalanche(hash: (key: number) => number, keys = 1000): number[] {
  return Array.from({ length: 32 }, (_, bit) => {
    let changed = 0;
    for (let key = 0; key < keys; key++) {
      for (let word = hash(key) ^ hash(key ^ 1 << bit); word !== 0; word &= word - 1) changed++;
    }
    return changed / keys / 32;
  });
}

if (import.meta.main) {
  const text = "probabilistic", bytes = new TextEncoder().encode(text), repeats = 100_000;
  // By seed, and what each gives for seed 1.
  const ways: Record<string, [expected: string, hash: (seed: number) => number | bigint]> = {
    "mix": ["514e28b7", (seed) => mix(seed) >>> 0],
    "murmur3Number": ["5e11e574", (seed) => murmur3Number(seed, seed)],
    "mix64, in BigInt": ["b456bcfc34c2cb2c", (seed) => mix64(BigInt(seed))],
    "murmur3Text": ["6953a084", (seed) => murmur3Text(text, seed)],
    "murmur3": ["7f619f48", (seed) => murmur3(bytes, seed)],
    "xxHash32": ["267fc50b", (seed) => xxHash32(bytes, seed)],
    "xxHash64, in BigInt": ["eba1423f06622979", (seed) => xxHash64(bytes, BigInt(seed))],
  };
  console.log(`a number, or the ${bytes.length} letters of «${text}»`);
  for (const [name, [expected, hash]] of Object.entries(ways)) {
    let shortest = Infinity, last: number | bigint = 0;
    for (let run = 0; run < 5; run++) {
      const start = performance.now();
      for (let seed = 0; seed < repeats; seed++) last = hash(seed);
      shortest = Math.min(shortest, performance.now() - start);
    }
    if (last !== hash(repeats - 1)) throw new Error(`${name} is not the same twice`);
    const found = hash(1).toString(16);
    console.log(name.padEnd(20), found.padStart(16), `${(shortest / repeats * 1e6).toFixed(1)} ns`.padStart(12));
    if (found !== expected) throw new Error(`${name} gives ${found}, not ${expected}`);
  }
  const shares = avalanche(murmur3Number), [least, most] = [Math.min(...shares), Math.max(...shares)];
  console.log(`another bit in a number changes ${least.toFixed(3)} to ${most.toFixed(3)} of the bits of its hash`);
  if (least < 0.45 || most > 0.55) throw new Error("a number is not mixed well");
}
