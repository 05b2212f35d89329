import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { parseHeader, runScript } from "../../bench/lib/script.ts";
import { murmur3Number, murmur3Text } from "./hashes.ts";
import { estimateFrom, HyperLogLog } from "./hyper_log_log.ts";
import { HyperLogLogPacked } from "./hyper_log_log_packed.ts";
import { KMinValues } from "./k_min_values.ts";
import { LogLog } from "./log_log.ts";
import { bias, deviation, SuperLogLog } from "./super_log_log.ts";

// As in the scripts.
const seeds = [0x9747b28c, 0x3c6ef372];

interface Counter<Self> {
  add(key: string | number): void;
  estimate(): number;
  union(other: Self): Self;
  save(): Uint8Array;
  readonly bytes: number;
  readonly relativeError: number;
}

// deno-lint-ignore no-explicit-any
const kinds: Record<string, { make: (size: number) => Counter<any>; load: (saved: Uint8Array) => Counter<any> }> = {
  LogLog: { make: (p) => new LogLog(p), load: LogLog.load },
  SuperLogLog: { make: (p) => new SuperLogLog(p), load: SuperLogLog.load },
  HyperLogLog: { make: (p) => new HyperLogLog(p), load: HyperLogLog.load },
  HyperLogLogPacked: { make: (p) => new HyperLogLogPacked(p), load: HyperLogLogPacked.load },
  KMinValues: { make: (p) => new KMinValues(2 ** p), load: KMinValues.load },
};

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

function filled(name: string, size: number, keys: Iterable<string | number>) {
  const counter = kinds[name].make(size);
  for (const key of keys) counter.add(key);
  return counter;
}

/** What follows the header and `count` parameters in a saved form. */
const content = (saved: Uint8Array, count = 1) => saved.subarray(16 + 8 * count);

/** The 32 bits of a key's hash as a text. */
const bitsOf = (key: string | number, seed: number) =>
  (typeof key === "number" ? ~murmur3Number(key, seed) >>> 0 : murmur3Text(key, seed)).toString(2).padStart(32, "0");

/** The registers by the definition, on texts of 0 and 1. */
function registersOf(keys: Iterable<string | number>, p: number, bits: (key: string | number) => string): number[] {
  const registers = new Array(2 ** p).fill(0);
  for (const key of keys) {
    const text = bits(key), index = parseInt(text.slice(0, p), 2);
    registers[index] = Math.max(registers[index], `${text.slice(p)}1`.indexOf("1") + 1);
  }
  return registers;
}

const keys = [...range(0, 3000), ...range(0, 3000).map((i) => `word ${i}`), "", "naïve", "🦉"];

Deno.test("registers hold what the definition says, of 8 bits and of 6", () => {
  for (const name of ["LogLog", "SuperLogLog", "HyperLogLog"]) {
    const expected = registersOf(keys, 6, (key) => bitsOf(key, seeds[0]));
    assertEquals([...content(filled(name, 6, keys).save())], expected, name);
  }
  const expected = registersOf(keys, 6, (key) => bitsOf(key, seeds[0]) + bitsOf(key, seeds[1]));
  const all = content(filled("HyperLogLogPacked", 6, keys).save()).reduceRight(
    (sum, byte) => sum << 8n | BigInt(byte),
    0n,
  );
  assertEquals(expected.map((_, i) => Number(all >> BigInt(6 * i) & 63n)), expected);
});

Deno.test("where the first hash is used up the second one decides, in 6 bits", () => {
  // Each step of the hash undone, from a hash whose first bits are the register, and all others zeros.
  const inverse = (factor: number) => {
    let x = factor;
    for (let i = 0; i < 5; i++) x = Math.imul(x, 2 - Math.imul(factor, x));
    return x;
  };
  const times = (h: number, factor: number) => Math.imul(h, inverse(factor));
  const back = (h: number, bits: number) => h >>> bits | h << 32 - bits;
  let h = ~(5 << 28);
  h = times(h ^ h >>> 16, 0xc2b2ae35);
  h = times(h ^ h >>> 13 ^ h >>> 26, 0x85ebca6b);
  h = back(times((h ^ h >>> 16 ^ 4) - 0xe6546b64, 5), 13) ^ seeds[0];
  const key = times(back(times(h, 0x1b873593), 15), 0xcc9e2d51);
  assertEquals(bitsOf(key, seeds[0]), "0101".padEnd(32, "0"));

  const counter = filled("HyperLogLogPacked", 4, [key]);
  const all = content(counter.save()).reduceRight((sum, byte) => sum << 8n | BigInt(byte), 0n);
  assertEquals(Number(all >> 30n & 63n), 28 + bitsOf(key, seeds[1]).indexOf("1") + 1);
});

Deno.test("LogLog and SuperLogLog estimate by the formulas of the paper", () => {
  const registers = registersOf(range(0, 5000), 8, (key) => bitsOf(key, seeds[0])), m = registers.length;
  const mean = (values: number[]) => values.reduce((sum, rank) => sum + rank, 0) / values.length;
  // The constant for finitely many registers is within 1.1 / m of that for infinitely many.
  const logLog = Math.exp(-0.5772156649) / Math.SQRT2 * m * 2 ** mean(registers);
  assert(Math.abs(filled("LogLog", 8, range(0, 5000)).estimate() / logLog - 1) < 1.1 / m);
  // And the constant of SuperLogLog is what makes the bias nil over a doubling.
  const smallest = registers.toSorted((a, b) => a - b).slice(0, Math.floor(0.7 * m));
  const ratio = filled("SuperLogLog", 8, range(0, 5000)).estimate() / (m * 2 ** mean(smallest));
  assert(ratio > 0.764 && ratio < 0.78, `${ratio}`);
  const waves = range(0, 16).map((i) => bias(2 ** (12 + i / 16)));
  assert(Math.abs(mean(waves)) < 1e-3 && Math.max(...waves) > 0.005 && Math.min(...waves) < -0.01);
});

Deno.test("SuperLogLog's standard error goes up and down as its formula says: of registers drawn by their distribution", () => {
  const m = 2048, trials = 400;
  let drawn = 0;
  for (const load of [1100, 1300, 2000]) {
    const errors = Float64Array.from({ length: trials }, () => {
      const ranks = Uint8Array.from({ length: m }, () => {
        const uniform = (murmur3Number(drawn++) + 0.5) / 2 ** 32;
        return Math.max(0, Math.ceil(Math.log2(load / -Math.log(uniform))));
      }).sort().subarray(0, Math.floor(0.7 * m));
      return 2 ** (ranks.reduce((sum, rank) => sum + rank, 0) / ranks.length);
    });
    const mean = errors.reduce((sum, error) => sum + error, 0) / trials;
    const measured = Math.sqrt(errors.reduce((sum, error) => sum + (error / mean - 1) ** 2, 0) / trials * m);
    assert(Math.abs(measured / deviation(load) - 1) < 5 / Math.sqrt(2 * trials), `${load}: ${measured}`);
  }
  // The published constant, 1.05, is in between.
  assert(deviation(1440) < 1 && deviation(1480) > 1.2);
});

Deno.test("few keys are counted by the empty registers, with the natural logarithm", () => {
  const counter = filled("HyperLogLog", 10, range(0, 300));
  const empty = content(counter.save()).filter((rank) => rank === 0).length;
  assertAlmostEquals(counter.estimate(), 1024 * Math.log(1024 / empty), 1e-9);
});

Deno.test("many keys are corrected as published: -2^32 ln(1 - E / 2^32) from E = 2^32 / 30 on", () => {
  for (const [rank, corrected] of [[15, false], [17, true], [19, true], [25, true]] as const) {
    const registers = new Uint8Array(4096).fill(rank), plain = estimateFrom(registers, false);
    assertAlmostEquals(plain, 0.7213 / (1 + 1.079 / 4096) * 4096 * 2 ** rank, 1);
    const expected = plain < 2 ** 32 ? -(2 ** 32) * Math.log(1 - plain / 2 ** 32) : Infinity;
    if (corrected && expected < Infinity) {
      assert(Math.abs(estimateFrom(registers) / expected - 1) < 1e-12, `rank ${rank}`);
    } else assertEquals(estimateFrom(registers), corrected ? expected : plain, `rank ${rank}`);
  }
});

Deno.test("the k smallest hashes, sorted and each once, are kept, and the estimate is (k - 1) / u_k", () => {
  const value = (key: string | number) => parseInt(bitsOf(key, seeds[0]) + bitsOf(key, seeds[1]).slice(0, 21), 2);
  const distinct = [...new Set(keys.map(value))].sort((a, b) => a - b);
  // Each key three times, in another order each.
  const counter = filled("KMinValues", 7, [...keys, ...keys.toReversed(), ...keys]);
  const kept = new Float64Array(content(counter.save()).slice().buffer);
  assertEquals([...kept], distinct.slice(0, 128));
  assertAlmostEquals(counter.estimate(), 127 / ((distinct[127] + 1) / 2 ** 53), 1e-6);
  assertEquals(filled("KMinValues", 7, range(0, 127)).estimate(), 127);
});

Deno.test("k-min values count what two have in common: exactly for few keys, and within the error for many", () => {
  const make = (p: number, from: number, to: number) => {
    const counter = new KMinValues(2 ** p);
    for (let key = from; key < to; key++) counter.add(key);
    return counter;
  };
  assertEquals(make(7, 0, 60).intersection(make(7, 40, 100)), 20);
  assertEquals(make(7, 0, 50).intersection(make(7, 50, 100)), 0);
  assertEquals(make(7, 0, 0).intersection(make(7, 0, 100)), 0);
  const [a, b] = [make(12, 0, 60_000), make(12, 20_000, 80_000)];
  // Half of the union is common: the sample's share has a relative error of 1 / sqrt(k), the union's size another.
  assert(Math.abs(a.intersection(b) / 40_000 - 1) < 5 * Math.sqrt(2 / 4096));
  assertThrows(() => a.intersection(make(7, 0, 10)), RangeError, "a union needs equal k, not 4096 and 128");
});

Deno.test("over many sets of keys the error is what the theory says, neither more nor less", () => {
  const p = 7, trials = 300, n = 5000;
  for (const name of Object.keys(kinds)) {
    let squares = 0, sum = 0;
    for (let trial = 0; trial < trials; trial++) {
      const error = filled(name, p, range(trial * 10_000, trial * 10_000 + n)).estimate() / n - 1;
      squares += error ** 2;
      sum += error;
    }
    const { relativeError } = kinds[name].make(p), wave = name === "SuperLogLog" ? bias(n / 2 ** p) : 0;
    // The mean strays by 1 / sqrt(trials) standard errors. So few registers add a bias of at most 1 / m to the published.
    const far = 5 / Math.sqrt(trials) * relativeError + 2 ** -p;
    assert(Math.abs(sum / trials - wave) < far, `${name}: bias ${sum / trials}`);
    // The variance strays by sqrt(2 / trials) of itself.
    const ratio = squares / trials / (relativeError ** 2 + wave ** 2), margin = 5 * Math.sqrt(2 / trials);
    assert(ratio > 1 - margin && ratio < 1 + margin, `${name}: ${ratio} of the variance`);
  }
});

Deno.test("the packed estimator is right from no key to thousands a register", () => {
  const p = 10, m = 2 ** p;
  assertEquals(kinds.HyperLogLogPacked.make(p).estimate(), 0);
  for (const n of [1, 10, m / 2, m, 2.5 * m, 3 * m, 5 * m, 100 * m, 1000 * m]) {
    const counter = kinds.HyperLogLogPacked.make(p);
    for (let key = 0; key < n; key++) counter.add(key);
    assert(Math.abs(counter.estimate() / n - 1) < 5 * counter.relativeError, `${n}: ${counter.estimate()}`);
  }
});

Deno.test("a union is the counter of both, bit by bit, and leaves the two as they were", () => {
  for (const [name, { make }] of Object.entries(kinds)) {
    const a = filled(name, 7, range(0, 2000)), b = filled(name, 7, [...range(1000, 4000), "word"]);
    const before = a.save(), both = filled(name, 7, [...range(0, 4000), "word"]);
    assertEquals(a.union(b).save(), both.save(), name);
    assertEquals(b.union(a).save(), both.save(), name);
    assertEquals(a.union(make(7)).save(), a.save(), name);
    assertEquals(a.save(), before, name);
    assertThrows(() => a.union(make(8)), RangeError, name === "KMinValues" ? "128 and 256" : "7 and 8");
  }
});

Deno.test("a repeated key changes nothing; a number is not its text; -0 is 0; accents and emoji are keys like others", () => {
  for (const name of Object.keys(kinds)) {
    const once = filled(name, 6, keys).save();
    assertEquals(filled(name, 6, [...keys, ...keys]).save(), once, name);
    assertEquals(filled(name, 6, [-0]).save(), filled(name, 6, [0]).save(), name);
    for (const [a, b] of [[1, "1"], ["naïve", "nai\u0308ve"], ["🦉", "\ud83e"], [7, 7 + 2 ** 40], ["", 0]]) {
      assert(filled(name, 6, [a]).save().some((byte, i) => byte !== filled(name, 6, [b]).save()[i]), `${name}: ${a}`);
    }
  }
});

Deno.test("numbers that are not whole, or too large, are refused", () => {
  for (const [name, { make }] of Object.entries(kinds)) {
    for (const key of [0.5, NaN, Infinity, 2 ** 53]) {
      assertThrows(() => make(6).add(key), RangeError, `${key} must be a whole number`, name);
    }
  }
});

Deno.test("sizes that make no sense are refused, and the message says what is allowed", () => {
  for (const name of ["LogLog", "SuperLogLog", "HyperLogLog", "HyperLogLogPacked"]) {
    for (const p of [0, 3, 19, -1, 6.5, NaN]) {
      assertThrows(() => kinds[name].make(p), RangeError, `precision ${p}: must be a whole number from`, name);
    }
  }
  for (const k of [0, 2, -1, 3.5, NaN, 2 ** 24 + 1]) {
    assertThrows(() => new KMinValues(k), RangeError, `k ${k}: must be a whole number from 3 to 16777216`);
  }
});

Deno.test("saved forms are read back, and refused if cut off, of another version or kind, or with any one bit changed", () => {
  for (const [name, { load }] of Object.entries(kinds)) {
    const counter = filled(name, 6, range(0, 1000)), saved = counter.save(), loaded = load(saved);
    assertEquals([loaded.save(), loaded.estimate()], [saved, counter.estimate()], name);
    // What was read back goes on counting.
    for (const key of range(1000, 2000)) loaded.add(key);
    assertEquals(loaded.save(), filled(name, 6, range(0, 2000)).save(), name);
    for (let length = 0; length < saved.length; length++) {
      assertThrows(() => load(saved.subarray(0, length)), Error, "the saved form", `${name}: ${length} bytes`);
    }
    for (let bit = 0; bit < 8 * saved.length; bit++) {
      const flipped = saved.slice();
      flipped[bit >> 3] ^= 1 << (bit & 7);
      assertThrows(() => load(flipped), Error, "the saved form", `${name}: bit ${bit}`);
    }
    const newer = saved.slice();
    newer[7] = 2;
    assertThrows(() => load(newer), Error, "has version 2, where 1 is known", name);
    for (const other of Object.keys(kinds)) {
      if (other !== name) assertThrows(() => kinds[other].load(saved), Error, "does not begin with");
    }
    assertThrows(() => load(Uint8Array.of(...saved, 0)), Error, "where it says");
  }
});

Deno.test("a saved form may lie in the middle of a buffer", () => {
  for (const [name, { load }] of Object.entries(kinds)) {
    const saved = filled(name, 6, keys).save(), larger = new Uint8Array(saved.length + 7);
    larger.set(saved, 3);
    assertEquals(load(larger.subarray(3, 3 + saved.length)).save(), saved, name);
  }
});

Deno.test("bytes are what is kept: a byte a register, six bits packed, eight bytes a hash", () => {
  const bytes = Object.fromEntries(Object.entries(kinds).map(([name, { make }]) => [name, make(10).bytes]));
  assertEquals(bytes, { LogLog: 1024, SuperLogLog: 1024, HyperLogLog: 1024, HyperLogLogPacked: 769, KMinValues: 8192 });
});

Deno.test("the compares refuse sections that they do not have", async () => {
  for (const name of ["compare_cardinality.ts", "compare_filters.ts"]) {
    const { run } = parseHeader(await Deno.readTextFile(new URL(name, import.meta.url)));
    const { code, stderr } = await runScript(run, { cwd: new URL("../../", import.meta.url), more: ["--only=all"] });
    assertEquals(code, 2);
    assert(stderr.startsWith("error: --only all: must be one of "), stderr);
  }
});
