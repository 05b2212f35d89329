/**
 * One problem from naive to fast, step by step, with one test that holds every step to the first: how many pairs of
 * events lie at most `within` apart?
 *
 * What to notice: the order of the steps. First it was right: every pair, as the question says it. Then without the
 * arrays that nobody needs, then each pair once and not twice: a factor each. The numbers in a typed array, often the
 * first idea, gain next to nothing here, where V8 knows the events' shape and the caches hold them. After all that,
 * twice as many events still take four times as long. Sorting changes that: two places that only move forward find all
 * pairs, and the time grows about as the number of events does. Last comes what is known of the data: times of one day
 * can be put into buckets instead of sorted. A profile of the first version shows none of the last two. And each step is
 * fast for a reason that may be wrong: `check` says at once where it broke the answer.
 *
 * @original none, chapter 1's question on the strategies of a highly performant programmer
 * @run deno run ch01/strategies.ts
 * @takes 2 s
 */

/** Something that happened at a whole millisecond of a day. */
export interface Event {
  name: string;
  time: number;
}

/** Milliseconds in a day. */
export const day = 86_400_000;

/** How many pairs of two different events lie at most `within` milliseconds apart, a whole number from 0. */
export type CountPairs = (events: readonly Event[], within: number) => number;

/** As the question is put: for each event those others that are near, and half of their number. */
export const asPut: CountPairs = (events, within) =>
  events
    .map((a) => events.filter((b) => a !== b && Math.abs(a.time - b.time) <= within).length)
    .reduce((sum, count) => sum + count, 0) / 2;

/** Counting in place of arrays that are only asked for their length. */
export const noArrays: CountPairs = (events, within) => {
  let count = 0;
  for (const a of events) {
    for (const b of events) if (a !== b && Math.abs(a.time - b.time) <= within) count++;
  }
  return count / 2;
};

/** Each pair once. */
export const halfOfIt: CountPairs = (events, within) => {
  let count = 0;
  for (let i = 0; i < events.length; i++) {
    for (let j = i + 1; j < events.length; j++) if (Math.abs(events[i].time - events[j].time) <= within) count++;
  }
  return count;
};

/** The times alone, side by side in memory. */
export const typedArray: CountPairs = (events, within) => {
  const times = Int32Array.from(events, ({ time }) => time);
  let count = 0;
  for (let i = 0; i < times.length; i++) {
    const time = times[i];
    for (let j = i + 1; j < times.length; j++) if (Math.abs(time - times[j]) <= within) count++;
  }
  return count;
};

/** Sorted, the near ones are neighbours: the first that is near enough only ever moves forward. */
export const sorted: CountPairs = (events, within) => {
  const times = Int32Array.from(events, ({ time }) => time).sort();
  let count = 0;
  for (let i = 0, first = 0; i < times.length; i++) {
    while (times[i] - times[first] > within) first++;
    count += i - first;
  }
  return count;
};

/** Sorted into buckets as wide as `within`, or so that there are about as many as events: only neighbours can be near. */
export const buckets: CountPairs = (events, within) => {
  const width = Math.max(within, Math.ceil(day / Math.max(1, events.length)), 1), size = Math.ceil(day / width) + 1;
  const starts = new Int32Array(size + 1), times = new Int32Array(events.length);
  for (let i = 0; i < events.length; i++) starts[Math.floor(events[i].time / width) + 1]++;
  for (let k = 0; k < size; k++) starts[k + 1] += starts[k];
  const next = starts.slice();
  for (let i = 0; i < events.length; i++) times[next[Math.floor(events[i].time / width)]++] = events[i].time;
  let count = 0;
  for (let k = 0; k < size; k++) {
    const end = starts[Math.min(size, k + 2)];
    for (let i = starts[k]; i < starts[k + 1]; i++) {
      for (let j = i + 1; j < end; j++) if (Math.abs(times[i] - times[j]) <= within) count++;
    }
  }
  return count;
};

/** The steps in the order in which they were taken; the first is what the others must agree with. */
export const strategies: Record<string, CountPairs> = { asPut, noArrays, halfOfIt, typedArray, sorted, buckets };

/** Events at random times of the day, the same for the same seed (mulberry32). */
export function makeEvents(count: number, seed = 1): Event[] {
  const random = () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), seed | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return Array.from({ length: count }, (_, i) => ({ name: `event ${i}`, time: Math.floor(day * random()) }));
}

/** Throws where a version differs from the first one on small cases: none, one, equal times, the edges of the day, chance. */
export function check(countPairs: CountPairs): void {
  const at = (...times: number[]) => times.map((time) => ({ name: "", time }));
  const cases = [at(), at(5), at(7, 7, 7), at(0, day - 1), at(9, 1, 5, 3, 7), makeEvents(50, 2), makeEvents(300, 3)];
  for (const events of cases) {
    for (const within of [0, 1, 2, 4, 60_000, day / 10, day]) {
      const expected = asPut(events, within), count = countPairs(events, within);
      if (count !== expected) {
        throw new Error(`${count} pairs of ${events.length} events within ${within} ms, not ${expected}`);
      }
    }
  }
}

if (import.meta.main) {
  const sizes = [1000, 4000], within = 1000;
  console.log("events".padEnd(14), ...sizes.map((size) => `${size}`.padStart(11)), "     times as long");
  for (const [name, countPairs] of Object.entries(strategies)) {
    check(countPairs);
    const times = sizes.map((size) => {
      const events = makeEvents(size);
      let shortest = Infinity;
      for (let repeat = 0; repeat < 4; repeat++) {
        const start = performance.now();
        countPairs(events, within);
        shortest = Math.min(shortest, performance.now() - start);
      }
      return shortest;
    });
    console.log(
      name.padEnd(14),
      ...times.map((time) => `${time.toFixed(3)} ms`.padStart(11)),
      (times[1] / times[0]).toFixed(1).padStart(18),
    );
  }
}
