import { assert, assertEquals, assertThrows } from "@std/assert";
import { containers, measureBytes, sortedNumbers } from "./containers.ts";
import { DeltaBlocks } from "./delta_blocks.ts";
import { boundBits, DeltaRice } from "./delta_rice.ts";
import { DeltaVarint } from "./delta_varint.ts";
import { PackedBits } from "./packed_bits.ts";

const sortedCodes = { DeltaVarint, DeltaBlocks, DeltaRice };

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const exactSum = (values: ArrayLike<number>) =>
  Number(Array.from(values).reduce((sum, value) => sum + BigInt(value), 0n));

Deno.test("packed in any number of bits, numbers come back, one by one and all together, and sum to the same", () => {
  const random = seeded(1);
  for (let width = 0; width <= 32; width++) {
    for (const length of [0, 1, 31, 32, 33, 100, 1000]) {
      const values = Uint32Array.from({ length }, () => Math.floor(random() * 2 ** width));
      // All ones, where a bit too many or too few would show.
      if (length > 1) values.fill(2 ** width - 1, length >> 1, (length >> 1) + 3);
      const packed = PackedBits.encode(values, width);
      assertEquals(packed.decode(), values);
      assertEquals(Array.from(values, (_, i) => packed.at(i)), [...values]);
      assertEquals(packed.sum(), exactSum(values));
      assertEquals(packed.byteLength, 4 * width * Math.ceil(length / 32));
    }
  }
});

Deno.test("sorted numbers come back from every code and sum to the same, whatever their gaps", () => {
  const random = seeded(2);
  for (const [name, code] of Object.entries(sortedCodes)) {
    for (const length of [0, 1, 2, 5, 127, 128, 129, 256, 1025, 3000]) {
      for (const bits of [0, 1, 4, 7, 8, 12, 20]) {
        let last = 0;
        const values = Uint32Array.from({ length }, () => last += Math.floor(random() ** 4 * 2 ** bits));
        const coded = code.encode(values);
        assertEquals(coded.decode(), values, `${name}, ${length} numbers, gaps of ${bits} bits`);
        assertEquals(coded.sum(), exactSum(values), `${name}, ${length} numbers, gaps of ${bits} bits`);
        assertEquals(coded.length, length);
      }
    }
  }
});

Deno.test("codes hold the extremes: a gap of 32 bits among small ones, duplicates, the first and last number", () => {
  const small = Array.from({ length: 300 }, (_, i) => i);
  const cases = [
    [0],
    [2 ** 32 - 1],
    [0, 2 ** 32 - 1],
    [0, 0, 0, 2 ** 31, 2 ** 31, 2 ** 32 - 1],
    [...small, 2 ** 31 + 7],
    [...small, ...small.map((i) => 2 ** 32 - 300 + i)],
    new Array(500).fill(4_000_000_000),
  ];
  for (const [name, code] of Object.entries(sortedCodes)) {
    for (const values of cases) {
      const coded = code.encode(values);
      assertEquals([...coded.decode()], values, name);
      assertEquals(coded.sum(), exactSum(values), name);
    }
  }
});

Deno.test("codes refuse what they cannot hold, by value and place", () => {
  for (const code of Object.values(sortedCodes)) {
    assertThrows(() => code.encode([1, 3, 2]), RangeError, "2 at 2 comes after 3: the numbers must be sorted");
    for (const bad of [-1, 2 ** 32, 0.5, NaN, Infinity]) {
      assertThrows(() => code.encode([bad]), RangeError, `${bad} at 0: must be a whole number from 0 to 2^32 - 1`);
    }
  }
  assertThrows(() => PackedBits.encode([3, 8], 3), RangeError, "8 needs 4 bits and not 3");
  assertThrows(() => PackedBits.encode([1, -1]), RangeError, "-1 at 1");
  for (const width of [-1, 33, 1.5, NaN]) {
    assertThrows(() => PackedBits.encode([], width), RangeError, `width ${width}`);
  }
  const packed = PackedBits.encode([1, 2, 3]);
  for (const index of [-1, 3, 0.5, NaN]) assertThrows(() => packed.at(index), RangeError, `index ${index}`);
  assertThrows(() => containers["gaps, Uint8Array"](Uint32Array.of(1, 257)), RangeError, "gap 256 does not fit");
});

Deno.test("a varint is the published LEB128 of 624485, and 127 is the last in one byte", () => {
  assertEquals([...DeltaVarint.encode([624485]).bytes], [0xe5, 0x8e, 0x26]);
  assertEquals([127, 128, 2 ** 14 - 1, 2 ** 14, 2 ** 32 - 1].map((value) => DeltaVarint.encode([value]).byteLength), [
    1,
    2,
    2,
    3,
    5,
  ]);
});

Deno.test("the bound is the logarithm of the binomial coefficient", () => {
  for (const [universe, n] of [[10, 3], [100, 50], [1000, 125], [64, 0], [64, 64]]) {
    let sets = 1n;
    for (let i = 0; i < n; i++) sets = sets * BigInt(universe - i) / BigInt(i + 1);
    // The leading digits as a number, the rest as a power of two.
    const digits = sets.toString(2),
      exact = Math.log2(parseInt(digits.slice(0, 50), 2)) + Math.max(0, digits.length - 50);
    assert(Math.abs(boundBits(universe, n) - exact) < 1e-3, `${boundBits(universe, n)} and ${exact}`);
  }
});

Deno.test("for random sets no code is below the bound, and Rice is near it at every density", () => {
  const random = seeded(3), universe = 100_000;
  for (const density of [0.001, 0.01, 0.1, 0.3]) {
    const values = Array.from({ length: universe }, (_, i) => i).filter(() => random() < density);
    const bound = boundBits(universe, values.length);
    for (const code of Object.values(sortedCodes)) assert(8 * code.encode(values).byteLength >= bound);
    const rice = 8 * DeltaRice.encode(values).byteLength;
    // Two words are for the ends; gaps of 1 and more waste what 0 would have said, the more of the denser sets.
    assert(rice <= bound * (density < 0.1 ? 1.06 : 1.25) + 64, `${rice} bits, at best ${bound}, at ${density}`);
  }
});

Deno.test("all containers come to the same sum", () => {
  const values = sortedNumbers(5003), expected = exactSum(values);
  for (const [name, hold] of Object.entries(containers)) assertEquals(hold(values).sum(), expected, name);
});

Deno.test("sorted numbers are so many different ones, below eight times as many", () => {
  for (const count of [0, 1, 1000]) {
    const values = sortedNumbers(count);
    assertEquals(new Set(values).size, count);
    assertEquals(values, values.toSorted());
    assert(values.every((value) => value < 8 * count));
  }
});

Deno.test("without the flags the containers are not measured", () => {
  assertThrows(() => measureBytes(10), Error, "--expose-gc");
});
