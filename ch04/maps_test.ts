import { assert, assertEquals, assertThrows } from "@std/assert";
import { distinctByIdentity, distinctByNesting, distinctByNumber, distinctByString } from "./custom_hash_function.ts";
import { Interner, makePoints } from "./custom_hash_function.ts";
import { byValue, byValueConstant, HashMap, type Keying, type Point } from "./custom_vs_default_hash.ts";
import { firstProbes, place, pythonHash } from "./dict_probing.ts";
import { expectedSum, reads } from "./inline_cache.ts";
import { ChainedTable, collidingKeys, hashInteger, lookUpAll, spreadKeys } from "./map_chains.ts";
import { functionLookups, variableLookups } from "./namespace.ts";
import { containers, makeKeys, reordered, timeOperations } from "./operations.ts";
import { fills } from "./presizing.ts";
import { fill, hashes, HashTable, makeKeys as makePairs, searchAll } from "./timing_hash_function.ts";
import { countUniqueByArray, countUniqueBySet, makePhoneBook } from "./unique_lookup.ts";

Deno.test("array and Set count the same distinct values as sorting does", () => {
  for (const size of [0, 1, 2, 10, 1000]) {
    const names = makePhoneBook(size).map(({ name }) => name);
    const sorted = names.toSorted(), expected = sorted.filter((name, i) => name !== sorted[i - 1]).length;
    assertEquals(countUniqueByArray(names), expected);
    assertEquals(countUniqueBySet(names), expected);
  }
});

Deno.test("a phone book of 1000 is the same each time, and has repeats", () => {
  assertEquals(makePhoneBook(1000), makePhoneBook(1000));
  const distinct = countUniqueBySet(makePhoneBook(10_000).map(({ name }) => name));
  // 1 - 1/e of them are expected to be drawn at all.
  assert(Math.abs(distinct / 10_000 - (1 - 1 / Math.E)) < 0.02, `${distinct}`);
});

Deno.test("NaN is one value, 0 and -0 are one, and lone surrogates are told apart, by array and by Set", () => {
  const cases: [unknown[], number][] = [
    [[NaN, NaN, 0 / 0], 1],
    [[0, -0], 1],
    [["\ud800", "\udc00", "\ud800"], 2],
    [["é", "e\u0301"], 2],
    [[1, "1", 1n, true], 4],
    [[undefined, null, undefined], 2],
    [[{}, {}], 2],
  ];
  for (const [values, expected] of cases) {
    assertEquals(countUniqueByArray(values), expected);
    assertEquals(countUniqueBySet(values), expected);
  }
});

Deno.test("all ways to values find the same points, and identity finds every object", () => {
  for (const [count, width] of [[0, 1], [1, 1], [5000, 30], [5000, 1000]]) {
    const points = makePoints(count, width), expected = new Set(points.map(({ x, y }) => JSON.stringify([x, y]))).size;
    for (const distinct of [distinctByString, distinctByNesting, distinctByNumber]) {
      assertEquals(distinct(points), expected);
    }
    assertEquals(distinctByIdentity(points), count);
    const interner = new Interner();
    assertEquals(distinctByIdentity(points.map(({ x, y }) => interner.intern(x, y))), expected);
  }
});

Deno.test("negative coordinates are packed, -0 is 0, and NaN is NaN", () => {
  const points = [{ x: -1, y: 1 }, { x: 1, y: -1 }, { x: -16384, y: 16383 }, { x: -1, y: 1 }, { x: 0, y: 0 }, {
    x: -0,
    y: 0,
  }];
  for (const distinct of [distinctByString, distinctByNesting, distinctByNumber]) assertEquals(distinct(points), 4);
  for (const distinct of [distinctByString, distinctByNesting]) {
    assertEquals(distinct([{ x: NaN, y: 0 }, { x: NaN, y: 0 }]), 1);
  }
});

Deno.test("coordinates that do not fit one number are refused", () => {
  for (const x of [0.5, NaN, Infinity, 16384, -16385]) {
    assertThrows(() => distinctByNumber([{ x, y: 0 }]), RangeError, `${x} is no whole number from -16384 to 16383`);
  }
});

Deno.test("interned points cannot be changed", () => {
  const point = new Interner().intern(1, 2);
  assertThrows(() => point.x = 3, TypeError);
  assertEquals(point, { x: 1, y: 2 });
});

Deno.test("a HashMap does what a Map with text keys does, over 5000 random steps, with a good and a constant hash", () => {
  for (const keying of [byValue, byValueConstant]) {
    const map = new HashMap<Point, number>(keying), oracle = new Map<string, number>();
    let state = 1;
    const random = (below: number) => (state = Math.imul(state, 1103515245) + 12345 & 0x7fffffff) % below;
    for (let step = 0; step < 5000; step++) {
      const point = { x: random(12), y: random(13) - 6 }, key = `${point.x},${point.y}`;
      if (random(3) === 0) assertEquals(map.delete(point), oracle.delete(key));
      else map.set(point, step) && oracle.set(key, step);
      assertEquals(map.get({ ...point }), oracle.get(key));
      assertEquals(map.size, oracle.size);
    }
  }
});

Deno.test("a HashMap finds NaN and takes -0 for 0", () => {
  const map = new HashMap<Point, string>(byValue).set({ x: NaN, y: -0 }, "found");
  assertEquals(map.get({ x: NaN, y: 0 }), "found");
  assertEquals(map.get({ x: 0, y: NaN }), undefined);
});

Deno.test("a hash that differs for equal keys loses them: the rule is the caller's", () => {
  let calls = 0;
  const broken: Keying<string> = { hash: () => calls++, equals: (a, b) => a === b };
  assertEquals(new HashMap<string, number>(broken).set("a", 1).get("a"), undefined);
});

Deno.test("a HashTable finds all keys with each hash, and none that is not there", () => {
  const keys = makePairs();
  assertEquals(keys.length, 676);
  for (const hash of Object.values(hashes)) {
    const table = fill(hash, keys);
    assertEquals(table.size, 676);
    for (const [i, key] of keys.entries()) assertEquals(table.get(key), i);
    for (const key of ["", "a", "abc", "AA", "\ud800"]) assertEquals(table.get(key), undefined);
    table.set("aa", -1);
    assertEquals([table.get("aa"), table.size], [-1, 676]);
  }
  assertEquals(searchAll(keys, keys), 676 * 675 / 2);
});

Deno.test("FNV-1a gives its published values", () => {
  assertEquals(hashes.fnv1a("") >>> 0, 0x811c9dc5);
  assertEquals(hashes.fnv1a("a") >>> 0, 0xe40c292c);
  assertEquals(hashes.fnv1a("foobar") >>> 0, 0xbf9cf968);
});

Deno.test("a hash table takes the fewest probes with the ideal hash, one, and the most with a constant", () => {
  const keys = makePairs(),
    probes = Object.values(hashes).map((hash) => {
      const table = fill(hash, keys);
      table.probes = 0;
      for (const key of keys) table.get(key);
      return table.probes / keys.length;
    });
  assertEquals(probes, probes.toSorted((a, b) => a - b));
  assertEquals(probes[0], 1);
  // One key after the other along the same path: (n + 1) / 2, and some slots that the path meets twice.
  assert(probes.at(-1)! >= 677 / 2 && probes.at(-1)! < 677 / 2 + 1, `${probes}`);
});

Deno.test("an empty hash table has nothing, and grows from 5 to 6 keys without losing any", () => {
  const table = new HashTable<number>(hashes.constant);
  assertEquals(table.get("a"), undefined);
  for (let i = 0; i < 6; i++) table.set(`${i}`, i);
  assertEquals([0, 1, 2, 3, 4, 5].map((i) => table.get(`${i}`)), [0, 1, 2, 3, 4, 5]);
});

Deno.test("hash 0 goes round 8 slots in the order given in CPython's Objects/dictobject.c", () => {
  assertEquals(firstProbes(0n, 8, 9), [0, 1, 6, 7, 4, 5, 2, 3, 0]);
});

Deno.test("keys lie where CPython 3.11 was seen to put them, read from the memory of its dicts", () => {
  const cases: [bigint[], number[]][] = [
    [[2n, 10n, 18n, 26n, 34n], [2, 3, 0, 1, 4, -1, -1, -1]],
    [[66n, 82n, 2n, 3n, 83n], [3, 4, 0, 2, -1, 1, -1, -1]],
    [[-2n, -10n, -18n, 6n, 14n], [-1, -1, 4, -1, 2, 3, 0, 1]],
    [[2n ** 40n + 3n, 3n, 11n, 2n ** 33n + 3n], [1, 2, -1, 0, -1, -1, 3, -1]],
    [[2n ** 61n - 2n, 3n - 2n ** 61n, 6n], [-1, -1, -1, 1, -1, -1, 0, 2]],
  ];
  for (const [hashes, slots] of cases) assertEquals(place(hashes, 8), slots);
});

Deno.test("every hash reaches every slot: within 13 steps of shifting and one round", () => {
  for (const size of [1, 2, 8, 64, 1024]) {
    for (const hash of [0n, 1n, -1n, 12345678901234567n, 2n ** 63n - 1n, -(2n ** 63n)]) {
      assertEquals(new Set(firstProbes(hash, size, size + 13)).size, size);
    }
  }
});

Deno.test("a hash of more than 64 bits, a size that is no power of two, and too many keys are refused", () => {
  for (const hash of [2n ** 63n, -(2n ** 63n) - 1n]) {
    assertThrows(() => firstProbes(hash, 8, 1), RangeError, "is no signed integer of 64 bits");
  }
  for (const size of [0, -8, 7, 1.5, NaN, 2 ** 31]) {
    assertThrows(() => firstProbes(0n, size, 1), RangeError, `${size} is no power of two`);
  }
  assertThrows(() => place([1n, 2n, 3n, 4n, 5n, 6n], 8), RangeError, "6 keys are too many for 8 slots");
});

Deno.test("Python's hash of whole numbers is the number up to 2^61 - 2, and of -1 it is -2", () => {
  const prime = 2n ** 61n - 1n;
  const cases: [bigint, bigint][] = [[0n, 0n], [-1n, -2n], [-2n, -2n], [prime, 0n], [prime + 1n, 1n], [
    -prime - 1n,
    -2n,
  ]];
  for (const [value, hash] of cases) assertEquals(pythonHash(value), hash);
});

Deno.test("a chained table keeps integers as a Set does, in the order of insertion", () => {
  const table = new ChainedTable(), oracle = new Set<number>();
  assertEquals([...table.keys()], []);
  for (let i = 0; i < 2000; i++) {
    const key = Math.imul(i, 7919) % 1000;
    table.add(key);
    oracle.add(key);
  }
  assertEquals([...table.keys()], [...oracle]);
  for (let key = -1100; key < 1100; key++) assertEquals(table.has(key), oracle.has(key));
});

Deno.test("hashes of integers are 30 bits, chosen keys share the lowest of them, and all keys differ", () => {
  const keys = collidingKeys(300);
  assertEquals(new Set(keys).size, 300);
  for (const key of keys) assertEquals(hashInteger(key) & 4095, 5);
  for (const key of [0, 1, -1, 2 ** 30 - 1, -(2 ** 30)]) assert(hashInteger(key) >= 0 && hashInteger(key) < 2 ** 30);
  const table = keys.reduce((table, key) => table.add(key), new ChainedTable());
  assertEquals(keys.reduce((sum, key) => sum + table.steps(key), 0), 300 * 301 / 2);
  assertEquals(lookUpAll(new Set(keys), spreadKeys(10)), spreadKeys(10).filter((key) => keys.includes(key)).length);
});

Deno.test("every scope gives the variable's value each time", () => {
  for (const [name, lookup] of Object.entries(variableLookups())) {
    for (const count of [0, 1, 1000]) assertEquals(lookup(count), count, name);
  }
  const sums = Object.values(functionLookups).map((lookup) => lookup(1000));
  assertEquals(new Set(sums).size, 1);
});

Deno.test("all ways to read a field read that field", () => {
  for (const count of [0, 1, 8, 100]) {
    for (const [name, read] of Object.entries(reads(count))) {
      assertEquals(read(), expectedSum(count, name.includes("computed")), name);
    }
  }
});

Deno.test("V8 says that an object which lost a field is a dictionary, even if it was the field added last", async () => {
  const { stdout, success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "eval",
      "--no-config",
      "--no-lock",
      "--v8-flags=--allow-natives-syntax",
      `
      import { makeDictionaries, makeRecords } from ${JSON.stringify(import.meta.resolve("./inline_cache.ts"))};
      const isFast = new Function("object", "return %HasFastProperties(object)");
      const last = { a: 1 };
      last.draft = 0;
      delete last.draft;
      console.log(isFast(makeRecords(1)[0]), isFast(makeDictionaries(1)[0]), isFast(last));
    `,
    ],
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  assertEquals(new TextDecoder().decode(stdout).trim(), "true false false");
});

Deno.test("containers hold what was put in, with keys that look like other things", () => {
  const keys = ["", "NaN", "-0", "0", "constructor", "__proto__", "\ud800", "\udc00", "key"];
  for (const [name, container] of Object.entries(containers)) {
    const filled = container.insert(keys);
    assertEquals(container.lookUp(filled, keys), 36, name);
    assertEquals(container.remove(filled, keys.slice(0, 4)), 5, name);
    assertEquals(container.lookUp(filled, keys.slice(4)), name === "set" ? 10 : 4 + 5 + 6 + 7 + 8, name);
  }
});

Deno.test("an object that began as {} has keys that nobody put there, and an order of its own", () => {
  assert("constructor" in {} && !("constructor" in Object.create(null)));
  assertEquals(Object.keys({ 10: 0, b: 0, 9: 0 }), ["9", "10", "b"]);
  assertEquals([...new Map([["10", 0], ["b", 0], ["9", 0]]).keys()], ["10", "b", "9"]);
});

Deno.test("all operations come to the right result for one entry and for many; wrong ones would throw", () => {
  for (const [name, container] of Object.entries(containers)) {
    for (const count of [1, 2, 100]) {
      const times = timeOperations(container, count, 1);
      assert(Object.values(times).every((time) => time >= 0), name);
    }
  }
  const forgetful = { ...containers.map, lookUp: () => 0 };
  assertThrows(() => timeOperations(forgetful, 10, 1), Error, "0 found");
});

Deno.test("reordered keys are the same keys in another order", () => {
  for (const count of [1, 2, 3, 4, 10, 97, 1000]) {
    const keys = makeKeys(count), other = reordered(keys);
    assertEquals(other.toSorted(), keys.toSorted());
    if (count >= 10) assert(other.some((key, i) => key !== keys[i]));
  }
});

Deno.test("all fills put i at i, and nothing beyond", () => {
  for (const count of [0, 1, 5, 1000]) {
    for (const [name, fill] of Object.entries(fills(count))) {
      const filled = fill();
      for (let i = 0; i < count; i++) assertEquals(filled.get(i), i, name);
      assertEquals(filled.get(count), undefined, name);
    }
  }
});
