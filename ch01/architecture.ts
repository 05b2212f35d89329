/**
 * What a computer is made of, measured: its caches and memory by waiting for them and by streaming through them, the
 * gain of reading in order, and of branches that can be foreseen.
 *
 * What to notice: a chain of places, each of which says where the next one is, cannot be fetched ahead, so that each step
 * takes as long as the nearest memory that holds the whole chain. As the chain grows the curve climbs from one stair to
 * the next, and where a stair ends, a cache is full. (The stairs slope: beyond some thousand pages also the table of
 * their places, the TLB, is too small.) Streaming is something else: the processor sees what comes next, and the bound
 * is how many bytes a second arrive. Random reads that do not wait for each other lie in between. And an `if` costs
 * nothing if it goes as it went before, and several turns of the loop if the processor guessed wrong.
 *
 * @original none, chapter 1's question on the elements of a computer's architecture
 * @run deno run ch01/architecture.ts
 * @takes 2 s
 */

/** Bytes between the places of a chain: two cache lines, since processors like to fetch the neighbour as well. */
const apart = 128;

/** Numbers from 0 to 1 by mulberry32. */
export function generator(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), seed | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * A chain that visits every 128th byte of so many bytes in random order and returns to its start: Sattolo's shuffle
 * makes one cycle of all places. Each place holds the index of the next.
 */
export function makeChain(bytes: number, seed = 1): Int32Array<ArrayBuffer> {
  if (!(bytes >= apart && bytes % apart === 0 && bytes < 2 ** 32)) {
    throw new RangeError(`${bytes} bytes are not a multiple of ${apart} below 4 GiB`);
  }
  const chain = new Int32Array(bytes / 4), stride = apart / 4, random = generator(seed);
  for (let i = 0; i < chain.length; i += stride) chain[i] = i;
  for (let i = chain.length / stride - 1; i > 0; i--) {
    const a = i * stride, b = Math.floor(random() * i) * stride, kept = chain[a];
    chain[a] = chain[b];
    chain[b] = kept;
  }
  return chain;
}

/** Follows a chain for some steps; returns the place it comes to. */
export function follow(chain: Int32Array, steps: number, from = 0): number {
  let at = from;
  for (let step = 0; step < steps; step++) at = chain[at];
  return at;
}

export interface Level {
  /** Bytes of the longest chain that this level still holds for the larger part. */
  holds: number;
  /** Seconds a step. */
  seconds: number;
  /** Whether the ladder ends in it, so that it may hold more. */
  last: boolean;
}

/**
 * Reads the levels off a ladder: `seconds[i]` a step in a chain of `bytes[i]` bytes, ascending. A level is a stair of
 * three sizes or more that lie within `within` of the first. It is full where the curve has climbed half of the way to
 * the next stair, by ratio: a chain somewhat too long for a cache is still found in it in part.
 */
export function findLevels(bytes: readonly number[], seconds: readonly number[], within = 1.3): Level[] {
  // A longer chain is no faster: where it seems so, the shorter one was disturbed.
  const time = [...seconds];
  for (let i = time.length - 2; i >= 0; i--) time[i] = Math.min(time[i], time[i + 1]);
  const stairs: number[] = [];
  for (let i = 0; i < time.length;) {
    let end = i;
    while (end + 1 < time.length && time[end + 1] <= within * time[i]) end++;
    // A stair that is hardly higher than the one before is the same one, which slopes.
    const height = time[(i + end) >> 1];
    if (end - i >= 2 && !(height <= 1.6 * stairs[stairs.length - 1])) stairs.push(height);
    i = end - i >= 2 ? end + 1 : i + 1;
  }
  return stairs.map((seconds, k) => {
    // Where it climbs and no stair follows within the ladder, twice the time counts as half of the way.
    const next = stairs[k + 1] ?? 4 * seconds, full = time.findIndex((time) => time > Math.sqrt(seconds * next));
    return { seconds, last: full < 0, holds: bytes[(full < 0 ? bytes.length : full) - 1] };
  });
}

type Vector = Float64Array;

/** STREAM's four kernels on arrays a, b, c of one length, in its order, with its factor; each a loop of its own. */
export const stream: Record<"copy" | "scale" | "add" | "triad", (a: Vector, b: Vector, c: Vector) => void> = {
  copy: (a, _b, c) => {
    for (let i = 0; i < a.length; i++) c[i] = a[i];
  },
  scale: (_a, b, c) => {
    for (let i = 0; i < c.length; i++) b[i] = 3 * c[i];
  },
  add: (a, b, c) => {
    for (let i = 0; i < a.length; i++) c[i] = a[i] + b[i];
  },
  triad: (a, b, c) => {
    for (let i = 0; i < b.length; i++) a[i] = b[i] + 3 * c[i];
  },
};

/** Bytes that each moves for a number, by STREAM's way of counting. */
export const streamBytes = { copy: 16, scale: 16, add: 24, triad: 24 };

/** Sums the numbers in the order that another array gives. None waits for the one before to arrive. */
export function sumInOrder(values: Float64Array, order: Uint32Array): number {
  let sum = 0;
  for (let i = 0; i < order.length; i++) sum += values[order[i]];
  return sum;
}

/** How many numbers are `limit` or more, and their sum; written so that V8 makes a branch of it. */
export function sumFrom(values: Uint8Array, limit: number): { count: number; sum: number } {
  let count = 0, sum = 0;
  for (let i = 0; i < values.length; i++) {
    if (values[i] >= limit) {
      count++;
      sum += values[i];
    }
  }
  return { count, sum };
}

/** The same without a branch: a mask of ones or of zeros in place of the decision. `limit` is from 0 to 256. */
export function sumFromByMask(values: Uint8Array, limit: number): { count: number; sum: number } {
  let count = 0, sum = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i], mask = (limit - 1 - value) >> 31;
    count -= mask;
    sum += value & mask;
  }
  return { count, sum };
}

/** The whole numbers below `count` in random order (Fisher and Yates's shuffle). */
export function shuffledOrder(count: number, seed = 1): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, i) => i), random = generator(seed);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1)), kept = order[i];
    order[i] = order[j];
    order[j] = kept;
  }
  return order;
}

function shortest(repeats: number, call: () => unknown): number {
  let best = Infinity;
  for (let repeat = 0; repeat < repeats; repeat++) {
    const start = performance.now();
    call();
    best = Math.min(best, performance.now() - start);
  }
  return best / 1000;
}

if (import.meta.main) {
  console.log(`${navigator.hardwareConcurrency} cores, as the system counts them\n\nchain of       ns a step`);
  const sizes: number[] = [], steps = 50_000, ns = (seconds: number) => (seconds * 1e9).toFixed(2).padStart(8);
  for (let size = 2 ** 12; size <= 2 ** 24; size *= 2) sizes.push(size, size + size / 2);
  const ladder = sizes.map((bytes) => {
    const chain = makeChain(bytes), places = bytes / apart;
    if (follow(chain, places) !== 0) throw new Error(`a chain of ${places} places does not close`);
    let at = 0;
    return shortest(10, () => at = follow(chain, steps, at)) / steps;
  });
  for (const [i, bytes] of sizes.entries()) {
    if (i % 2 === 0) console.log(`${bytes / 1024} KiB`.padStart(10), ns(ladder[i]));
  }
  for (const { holds, seconds, last } of findLevels(sizes, ladder)) {
    console.log(`  a level of ${last ? "at least" : "about"} ${holds / 1024} KiB, ${ns(seconds).trim()} ns`);
  }

  const count = 2 ** 21, [a, b, c] = [1, 2, 0].map((value) => new Float64Array(count).fill(value));
  console.log("\nstreaming      GB/s");
  for (const name of ["copy", "scale", "add", "triad"] as const) {
    const seconds = shortest(10, () => stream[name](a, b, c));
    console.log(name.padEnd(12), (streamBytes[name] * count / seconds / 1e9).toFixed(1).padStart(6));
  }
  // The tenth triad of the tenth add of what was copied and scaled: all kernels ran, each on what it should.
  if (c[0] !== 4 || b[0] !== 3 || a[0] !== 15) throw new Error(`the streams end in ${a[0]}, ${b[0]}, ${c[0]}`);

  const ones = new Float64Array(count).fill(1), inOrder = Uint32Array.from({ length: count }, (_, i) => i);
  console.log("\nreading        ns a number");
  for (const [name, order] of Object.entries({ "in order": inOrder, "at random": shuffledOrder(count) })) {
    let sum = 0;
    console.log(name.padEnd(12), ns(shortest(5, () => sum = sumInOrder(ones, order)) / count));
    if (sum !== count) throw new Error(`the sum of ${count} ones is ${sum}`);
  }

  const random = generator(2), shuffled = Uint8Array.from({ length: count }, () => 256 * random());
  const sums: number[] = [];
  for (const [name, values] of Object.entries({ "sorted": shuffled.toSorted(), "shuffled": shuffled })) {
    const seconds = shortest(5, () => sums.push(sumFrom(values, 128).sum));
    console.log(`if, ${name}`.padEnd(12), ns(seconds / count));
  }
  if (new Set(sums).size !== 1) throw new Error("sorted and shuffled, the same numbers have the same sum");
}
