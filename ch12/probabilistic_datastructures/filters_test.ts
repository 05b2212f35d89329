import { assert, assertEquals, assertThrows } from "@std/assert";
import { blockedErrorRate, BloomFilterBlocked } from "./bloom_filter_blocked.ts";
import { BloomFilter } from "./bloom_filter.ts";
import { CountingBloomFilter } from "./counting_bloom_filter.ts";
import { CuckooFilter } from "./cuckoo_filter.ts";
import { ScalingBloomFilter } from "./scaling_bloom_filter.ts";

interface Filter {
  add(key: string | number): unknown;
  has(key: string | number): boolean;
  save(): Uint8Array;
  readonly bytes: number;
}

const kinds: Record<
  string,
  { make: (capacity: number, errorRate: number) => Filter; load: (saved: Uint8Array) => Filter }
> = {
  BloomFilter: { make: (capacity, rate) => new BloomFilter(capacity, rate), load: BloomFilter.load },
  BloomFilterBlocked: {
    make: (capacity, rate) => new BloomFilterBlocked(capacity, rate),
    load: BloomFilterBlocked.load,
  },
  CountingBloomFilter: {
    make: (capacity, rate) => new CountingBloomFilter(capacity, rate),
    load: CountingBloomFilter.load,
  },
  ScalingBloomFilter: {
    make: (capacity, rate) => new ScalingBloomFilter(capacity, rate),
    load: ScalingBloomFilter.load,
  },
  CuckooFilter: { make: (capacity, rate) => new CuckooFilter(capacity, rate), load: CuckooFilter.load },
};

function fill<T extends Filter>(filter: T, from: number, to: number): T {
  for (let key = from; key < to; key++) filter.add(key);
  return filter;
}

/** How many of a range of keys a filter knows. */
function known(filter: Filter, from: number, to: number): number {
  let count = 0;
  for (let key = from; key < to; key++) if (filter.has(key)) count++;
  return count;
}

/** Five standard deviations above what is expected of a count of rare events. */
const atMost = (expected: number) => expected + 5 * Math.sqrt(expected);

Deno.test("no key is lost and the promised rate is kept, by numbers and by words, at every rate", () => {
  const capacity = 20_000, queries = 100_000;
  for (const [name, { make }] of Object.entries(kinds)) {
    for (const rate of [0.3, 0.1, 0.01, 0.001]) {
      const numbers = fill(make(capacity, rate), 0, capacity), words = make(capacity, rate);
      assertEquals(known(numbers, 0, capacity), capacity, name);
      assert(known(numbers, capacity, capacity + queries) <= atMost(rate * queries), `${name}, ${rate}, numbers`);
      for (let i = 0; i < capacity; i++) words.add(`word ${i}`);
      let wrong = 0;
      for (let i = 0; i < capacity; i++) {
        assert(words.has(`word ${i}`));
        if (words.has(`other ${i}`)) wrong++;
      }
      assert(wrong <= atMost(rate * capacity), `${name}, ${rate}, words`);
    }
  }
});

Deno.test("small filters keep their promise on average: no positions repeat for unlucky keys", () => {
  for (const [name, { make }] of Object.entries(kinds)) {
    const capacity = 200, trials = 300, queries = 1000, rate = 0.01;
    let wrong = 0;
    for (let trial = 0; trial < trials; trial++) {
      const first = trial * 10_000;
      wrong += known(fill(make(capacity, rate), first, first + capacity), first + 5000, first + 5000 + queries);
    }
    // How many bits are set varies with so few keys, which adds some 2 % to the rate.
    assert(wrong <= atMost(1.02 * rate * trials * queries), `${name}: ${wrong / trials / queries}`);
  }
});

Deno.test("a Bloom filter has the fewest bits for whole hashes: 1.44 log2(1/e) a key where that is whole", () => {
  const filter = new BloomFilter(1000, 2 ** -7);
  assertEquals([filter.hashes, filter.bits], [7, Math.ceil(1000 * 7 / Math.LN2)]);
  for (const rate of [0.5, 0.1, 0.01, 1e-4, 1e-9]) {
    const { bits, hashes } = new BloomFilter(1000, rate);
    const promised = (bits: number, hashes: number) => (1 - Math.exp(-hashes * 1000 / bits)) ** hashes;
    assert(promised(bits, hashes) <= rate, "the formula's rate is kept");
    assert(promised(bits - 1, hashes) > rate, "with a bit less it would not be");
    for (const other of [hashes - 1, hashes + 1]) {
      if (other > 0) assert(promised(bits - 1, other) > rate, "nor with another number of hashes");
    }
  }
});

Deno.test("a Bloom filter tells how full it is, how many keys it has, and which of those it is given are new", () => {
  const filter = new BloomFilter(10_000, 0.01);
  assertEquals([filter.fill, filter.estimate()], [0, 0]);
  let fresh = 0;
  for (let key = 0; key < 10_000; key++) if (filter.add(key)) fresh++;
  assert(fresh > 9900 && fresh <= 10_000);
  assert(Math.abs(filter.fill - 0.5) < 0.02, "half of the bits are set when it is full");
  assert(Math.abs(filter.estimate() / 10_000 - 1) < 0.02);
  assertEquals(filter.add(5), false);
  const one = new BloomFilter(1, 0.5);
  for (let key = 0; key < 100; key++) one.add(key);
  assertEquals([one.fill, one.estimate()], [1, Infinity]);
});

Deno.test("unions are bit by bit the filter of both; unequal filters are refused", () => {
  const makers = {
    BloomFilter: (capacity: number) => new BloomFilter(capacity, 0.01),
    BloomFilterBlocked: (capacity: number) => new BloomFilterBlocked(capacity, 0.01),
    CountingBloomFilter: (capacity: number) => new CountingBloomFilter(capacity, 0.01),
  };
  for (const [name, make] of Object.entries(makers)) {
    // deno-lint-ignore no-explicit-any
    const a: any = fill(make(1000), 0, 500), b: any = fill(make(1000), 500, 1000);
    assertEquals(a.union(b).save(), fill(make(1000), 0, 1000).save(), name);
    assertEquals(a.union(make(1000)).save(), a.save(), name);
    assertThrows(() => a.union(make(2000)), RangeError, "a union needs equal filters, not");
  }
});

Deno.test("an intersection knows all common keys, and few others", () => {
  const a = fill(new BloomFilter(2000, 0.01), 0, 2000), b = fill(new BloomFilter(2000, 0.01), 1000, 3000);
  const both = a.intersection(b);
  assertEquals(known(both, 1000, 2000), 1000);
  // What only one was given is in the other by mistake.
  assert(known(both, 0, 1000) + known(both, 2000, 3000) <= atMost(0.01 * 2000));
  assertThrows(() => a.intersection(new BloomFilter(2000, 0.02)), RangeError, "an intersection needs equal filters");
});

Deno.test("the rate of a blocked filter is that of the formula, and above that of an unblocked one", () => {
  for (const [bits, hashes] of [[8, 5], [10, 7], [16, 10]]) {
    assert(blockedErrorRate(bits, hashes) > (1 - Math.exp(-hashes / bits)) ** hashes);
  }
  const capacity = 50_000, filter = fill(new BloomFilterBlocked(capacity, 0.02), 0, capacity), queries = 400_000;
  const expected = blockedErrorRate(filter.bits / capacity, filter.hashes) * queries;
  const wrong = known(filter, capacity, capacity + queries);
  // The formula counts bits as if those of a key were all different: 2 % of grace beside the deviations.
  assert(Math.abs(wrong - expected) < 5 * Math.sqrt(expected) + 0.02 * expected, `${wrong}, expected ${expected}`);
});

Deno.test("removing takes away what was added, and nothing else, as often as it was added", () => {
  for (const make of [() => new CountingBloomFilter(5000, 0.001), () => new CuckooFilter(5000, 0.001)]) {
    const filter = fill(make(), 0, 5000);
    filter.add(1);
    for (let key = 0; key < 5000; key += 2) assertEquals(filter.remove(key), true);
    for (let key = 1; key < 5000; key += 2) assert(filter.has(key));
    let left = 0;
    for (let key = 0; key < 5000; key += 2) if (filter.has(key)) left++;
    assert(left <= atMost(0.001 * 2500));
    filter.remove(1);
    assert(filter.has(1), "it was added twice");
    // All others removed as well, nothing is left of them: the same as an empty filter.
    for (let key = 1; key < 5000; key += 2) assertEquals(filter.remove(key), true);
    const empty = make(), bytes = filter.save().subarray(empty instanceof CuckooFilter ? 40 : 32);
    assert(bytes.every((byte) => byte === 0));
    assertEquals(filter.remove(1), false);
    assertEquals(empty.remove("never added"), false);
  }
});

Deno.test("a counter at 15 stays there: removing as often does not lose keys that share it", () => {
  const filter = new CountingBloomFilter(100, 0.01);
  for (let i = 0; i < 20; i++) filter.add("often");
  for (let i = 0; i < 20; i++) filter.remove("often");
  assert(filter.has("often"), "nobody knows how often it was there");
  const many = new CountingBloomFilter(100, 0.01), twice = many.union(many);
  assertEquals(twice.has("often"), false);
  assert(Math.abs(fill(many, 0, 100).estimate() - 100) < 25);
});

Deno.test("a full cuckoo filter says so, and has lost nothing: it is bit by bit what it was", () => {
  const filter = new CuckooFilter(2000, 0.01);
  let count = 0, before = filter.save();
  const message = assertThrows(() => {
    for (;; count++) {
      before = filter.save();
      filter.add(count);
    }
  }, Error).message;
  assertEquals(message, `the filter is full: it has ${count} keys, and was made for 2000`);
  assert(count >= 2000, `${count}`);
  assertEquals(filter.save(), before);
  assertEquals([filter.count, known(filter, 0, count)], [count, count]);
  // With room made for it, there is room.
  for (let key = 0; key < 100; key++) filter.remove(key);
  filter.add("another");
  assertEquals([filter.has("another"), filter.count], [true, count - 99]);
});

Deno.test("a cuckoo filter holds a key 8 times at most", () => {
  const filter = fill(new CuckooFilter(1000, 0.01), 0, 500);
  let times = 0;
  assertThrows(
    () => {
      for (;; times++) filter.add("again");
    },
    Error,
    "the filter is full",
  );
  assert(times <= 8 && times >= 4, `${times}`);
  assertEquals(known(filter, 0, 500), 500);
});

Deno.test("cuckoo filters of every size take the keys they were made for", () => {
  let full = 0, made = 0;
  for (const capacity of [1, 2, 3, 5, 10, 30, 100, 1000]) {
    for (let trial = 0; trial < 50; trial++, made++) {
      try {
        const filter = fill(new CuckooFilter(capacity, 0.01), trial * 10_000, trial * 10_000 + capacity);
        assertEquals(known(filter, trial * 10_000, trial * 10_000 + capacity), capacity);
      } catch (error) {
        assert((error as Error).message.startsWith("the filter is full"));
        full++;
      }
    }
  }
  assert(full <= 1, `${full} of ${made} were full before`);
});

Deno.test("a scaling filter keeps its rate at 300 times its first capacity, and knows how many keys it has", () => {
  for (const rate of [0.05, 0.01]) {
    const filter = new ScalingBloomFilter(100, rate), queries = 200_000;
    for (const total of [100, 101, 1000, 30_000]) {
      fill(filter, 0, total);
      assertEquals(known(filter, 0, total), total);
      assert(known(filter, 1e6, 1e6 + queries) <= atMost(rate * queries), `${rate}, ${total}`);
      // It takes some new keys for known, and does not count those.
      assert(filter.count <= total && filter.count >= total - atMost(rate * total), `${filter.count} of ${total}`);
    }
    assertEquals(filter.layers, 9);
    assertEquals(filter.add(5), false);
  }
});

Deno.test("capacities and rates that make no sense are refused by every filter, and the message says why", () => {
  for (const [name, { make }] of Object.entries(kinds)) {
    for (const capacity of [0, -1, 1.5, NaN, Infinity]) {
      const message = `capacity ${capacity}: must be a whole number of keys, 1 or more`;
      assertThrows(() => make(capacity, 0.01), RangeError, message, name);
    }
    for (const rate of [0, 1, -1, 2, NaN]) {
      assertThrows(() => make(100, rate), RangeError, `error rate ${rate}: must be above 0 and below 1`, name);
    }
    assertThrows(() => make(1e12, 0.01), RangeError, "need more than 2^32", name);
    for (const key of [0.5, NaN, Infinity, 2 ** 53]) {
      assertThrows(() => make(100, 0.01).add(key), RangeError, `${key} must be a whole number`, name);
      assertThrows(() => make(100, 0.01).has(key), RangeError, `${key} must be a whole number`, name);
    }
    // The smallest there is works.
    const one = make(1, 0.99);
    one.add("a");
    assert(one.has("a"), name);
  }
  assertThrows(() => new BloomFilterBlocked(100, 1e-7), RangeError, "blocks are no good below 0.000001");
  assertThrows(() => new CuckooFilter(100, 1e-9), RangeError, "fingerprints of 30 bits are good for 1e-8");
});

Deno.test("fingerprints of every width lie side by side without touching each other", () => {
  for (let rate = 0.9; rate >= 1e-8; rate /= 2) {
    const filter = fill(new CuckooFilter(300, rate), 0, 300);
    assertEquals(known(filter, 0, 300), 300, `${filter.width} bits`);
    for (let key = 0; key < 300; key++) assert(filter.remove(key));
    assert(filter.save().subarray(40).every((byte) => byte === 0), `${filter.width} bits`);
  }
});

Deno.test("texts with accents and emoji are keys like others, as they are written, and no number is its text", () => {
  for (const [name, { make }] of Object.entries(kinds)) {
    const filter = make(100, 1e-6);
    for (const key of ["", "naïve", "🦉", 7]) filter.add(key);
    for (const key of ["", "naïve", "🦉", 7]) assert(filter.has(key), `${name}: ${key}`);
    for (const key of ["nai\u0308ve", "\ud83e", "7", 7 + 2 ** 32, -7, 0]) assert(!filter.has(key), `${name}: ${key}`);
    filter.add(-0);
    assert(filter.has(0), name);
    // The number whose four bytes are the two code units of this text.
    const twin = make(100, 1e-6);
    twin.add("ab");
    assert(!twin.has("a".charCodeAt(0) | "b".charCodeAt(0) << 16), name);
  }
});

Deno.test("saved forms are read back, and refused if cut off, of another version or kind, or with any one bit changed", () => {
  for (const [name, { make, load }] of Object.entries(kinds)) {
    // The scaling filter has several layers by then.
    const filter = fill(make(name === "ScalingBloomFilter" ? 10 : 60, 0.05), 0, 60), saved = filter.save();
    const loaded = load(saved);
    assertEquals(loaded.save(), saved, name);
    assertEquals(known(loaded, 0, 60), 60, name);
    // What was read back goes on as the first would.
    if (name !== "CuckooFilter") assertEquals(fill(loaded, 60, 80).save(), fill(filter, 60, 80).save(), name);
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
