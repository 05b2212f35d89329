import { assert, assertEquals } from "@std/assert";
import murmurhash from "murmurhash";
import { stripTypeScriptTypes } from "node:module";
import xxhash from "xxhash-wasm";
import { avalanche, mix, mix64, murmur3, murmur3Number, murmur3Text, xxHash32, xxHash64 } from "./hashes.ts";

const folder = new URL("./", import.meta.url);
const bytesOf = (text: string) => new TextEncoder().encode(text);

/** A text's UTF-16 code units, the lower byte of each first. */
function unitsOf(text: string): Uint8Array {
  const bytes = new Uint8Array(2 * text.length), view = new DataView(bytes.buffer);
  for (let i = 0; i < text.length; i++) view.setUint16(2 * i, text.charCodeAt(i), true);
  return bytes;
}

/** A whole number in 4 or 8 bytes, the lowest first. */
function bytesOfNumber(number: number, size: 4 | 8): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigInt64(0, BigInt(number), true);
  return bytes.subarray(0, size);
}

const texts = [
  "",
  "a",
  "ab",
  "abc",
  "naïve",
  "nai\u0308ve",
  "日本語",
  "🦉",
  "\ud83e",
  "probabilistic",
  "x".repeat(1001),
];

Deno.test("MurmurHash3 gives the published values", () => {
  const published: [text: string, seed: number, hash: number][] = [
    ["", 0, 0],
    ["", 1, 0x514e28b7],
    ["", 0xffffffff, 0x81f16f39],
    ["test", 0, 0xba6bd213],
    ["test", 0x9747b28c, 0x704b81dc],
    ["Hello, world!", 0, 0xc0363e43],
    ["Hello, world!", 0x9747b28c, 0x24884cba],
    ["The quick brown fox jumps over the lazy dog", 0, 0x2e4ff723],
    ["The quick brown fox jumps over the lazy dog", 0x9747b28c, 0x2fa826cd],
  ];
  for (const [text, seed, hash] of published) assertEquals(murmur3(bytesOf(text), seed), hash, `${text}, ${seed}`);
  assertEquals(murmur3(Uint8Array.of(0xff, 0xff, 0xff, 0xff)), 0x76293b50);
  assertEquals(murmur3(Uint8Array.of(0x21, 0x43, 0x65, 0x87)), 0xf55b516b);
  assertEquals(mix64(1n), 0xb456bcfc34c2cb2cn);
});

Deno.test("all three have the verification value of SMHasher, which is a hash of 256 hashes", () => {
  const verify = (size: number, hash: (bytes: Uint8Array, seed: number) => bigint) => {
    const key = Uint8Array.from({ length: 256 }, (_, i) => i), hashes = new Uint8Array(256 * size);
    const put = (at: number, value: bigint) => {
      for (let i = 0; i < size; i++) hashes[at + i] = Number(value >> BigInt(8 * i) & 255n);
    };
    for (let i = 0; i < 256; i++) put(i * size, hash(key.subarray(0, i), 256 - i));
    return Number(hash(hashes, 0) & 0xffffffffn);
  };
  assertEquals(verify(4, (bytes, seed) => BigInt(murmur3(bytes, seed))), 0xb0f57ee3);
  assertEquals(verify(4, (bytes, seed) => BigInt(xxHash32(bytes, seed))), 0xba88b743);
  assertEquals(verify(8, (bytes, seed) => xxHash64(bytes, BigInt(seed))), 0x024b7cf4);
});

Deno.test("all agree with libraries on bytes of every length up to 130, also from the middle of a buffer", async () => {
  const { h32Raw, h64Raw } = await xxhash();
  const buffer = Uint8Array.from({ length: 200 }, (_, i) => mix(i + 1));
  for (let length = 0; length <= 130; length++) {
    const bytes = buffer.subarray(3, 3 + length), seed = mix(length) >>> 0;
    assertEquals(murmur3(bytes, seed), murmurhash.v3(bytes, seed), `${length} bytes`);
    assertEquals(xxHash32(bytes, seed), h32Raw(bytes, seed), `${length} bytes`);
    assertEquals(xxHash64(bytes, BigInt(seed)), h64Raw(bytes, BigInt(seed)), `${length} bytes`);
  }
});

Deno.test("the hash of a text is that of its code units as bytes, accents, emoji and halves of such included", () => {
  for (const text of texts) {
    for (const seed of [0, 0x9747b28c]) assertEquals(murmur3Text(text, seed), murmur3(unitsOf(text), seed), text);
  }
  assertEquals(new Set(texts.map((text) => murmur3Text(text))).size, texts.length);
});

Deno.test("the hash of a number is that of its four bytes", () => {
  for (const number of [0, 1, -1, 2 ** 31 - 1, -(2 ** 31), 123456789]) {
    for (const seed of [0, 0x9747b28c]) {
      assertEquals(murmur3Number(number, seed), murmur3(bytesOfNumber(number, 4), seed), `${number}`);
    }
  }
});

Deno.test("the finaliser is one-to-one, and each bit of a key changes half of the hash", () => {
  // Undone step by step, with the inverses of the two factors modulo 2^32.
  const undo = (h: number) => {
    h = Math.imul(h ^ h >>> 16, 0x7ed1b41d);
    h = Math.imul(h ^ h >>> 13 ^ h >>> 26, 0xa5cb9243);
    return h ^ h >>> 16;
  };
  for (let key = 1; key < 1e9; key = key * 3 + 7) assertEquals(undo(mix(key)), key | 0);
  // Of 32 * 1000 bits a share within 5 / (2 sqrt(32000)) of a half.
  for (const hash of [mix, murmur3Number]) {
    for (const share of avalanche(hash)) assert(Math.abs(share - 0.5) < 5 / 2 / Math.sqrt(32_000), `${share}`);
  }
  // A hash that does nothing is found out.
  for (const share of avalanche((key) => key)) assertEquals(share, 1 / 32);
});

Deno.test("the functions that the scripts repeat are the same, character by character, and hash as hashes.ts does", async () => {
  const copies = new Map<string, Map<string, string[]>>();
  for (const where of ["./", "../morris_counter_example/"]) {
    for await (const { name } of Deno.readDir(new URL(where, folder))) {
      if (!name.endsWith(".ts") || /_test|compare|hashes/.test(name)) continue;
      const source = await Deno.readTextFile(new URL(where + name, folder));
      for (
        const repeated of [
          "hash",
          "mix",
          "block",
          "scramble",
          "pack",
          "unpack",
          "checkPromise",
          "fewestBits",
          "countBits",
        ]
      ) {
        const body = source.match(new RegExp(`^function ${repeated}\\([^]*?^}$`, "m"))?.[0];
        // The blocked filter has a formula of its own for what it calls the same.
        if (!body || repeated === "fewestBits" && name === "bloom_filter_blocked.ts") continue;
        const versions = copies.get(repeated) ?? new Map<string, string[]>();
        copies.set(repeated, versions.set(body, [...versions.get(body) ?? [], name]));
      }
    }
  }
  const count = (name: string) => [...copies.get(name)!.values()].flat().length;
  assertEquals([...copies].filter(([, versions]) => versions.size > 1).map(([name]) => name), []);
  assertEquals(["hash", "pack", "fewestBits"].map(count), [10, 11, 3]);

  const parts = ["hash", "block", "scramble", "mix"].map((name) => [...copies.get(name)!.keys()][0]);
  const copy = new Function(`${stripTypeScriptTypes(parts.join("\n"))}; return hash`)();
  for (const seed of [0, 0x9747b28c]) {
    for (const text of texts) assertEquals(copy(text, seed) >>> 0, murmur3Text(text, seed));
    for (const key of [0, -0, 1, -1, 2 ** 31 - 1, -(2 ** 31)]) {
      assertEquals(~copy(key, seed) >>> 0, murmur3(bytesOfNumber(key, 4), seed));
    }
    for (const key of [2 ** 31, -(2 ** 31) - 1, 2 ** 40 + 3, 2 ** 53 - 1, -(2 ** 53 - 1)]) {
      assertEquals(~copy(key, seed) >>> 0, murmur3(bytesOfNumber(key, 8), seed));
    }
  }
  // Whole numbers beyond 32 bits are not the same as their lower 32 bits.
  const large = [5, 5 + 2 ** 32, 5 + 2 ** 33, 5 - 2 ** 32, 5 + 2 ** 52, 2 ** 53 - 1, -(2 ** 53 - 1)];
  assertEquals(new Set(large.map((key) => copy(key, 0))).size, large.length);
});
