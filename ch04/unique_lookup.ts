/**
 * The distinct names in a phone book, with an array and with a Set.
 *
 * What to notice: both keep the names seen so far. To find out whether a name is new, the array compares it with all of
 * them, n times n/2 comparisons at worst, while the Set looks in one place that the name itself tells. With twice as many
 * names there are four times as many comparisons in the array, and twice as many steps with the Set. A single row may lie:
 * one comparison of two texts takes V8 1 ns at one time and 25 at another, and why is not found out yet; compare.ts fits the
 * exponent over many sizes. `includes` and Set agree on what is the same, NaN and -0 included, as `indexOf` and `===` do not.
 *
 * @original 04_dict_set/unique_lookup.py
 * @run deno run ch04/unique_lookup.ts
 * @takes 1 s
 */

export interface Entry {
  name: string;
  number: string;
}

/** A phone book of `count` entries whose names are drawn, with repeats, from `count` possible ones. */
export function makePhoneBook(count: number, seed = 4): Entry[] {
  let state = seed;
  // mulberry32
  const random = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return Array.from({ length: count }, () => {
    const person = Math.floor(random() * count);
    return { name: `Name ${person}`, number: `555-${String(person).padStart(7, "0")}` };
  });
}

/** The number of distinct values: each is compared with those found so far. O(n²). */
export function countUniqueByArray<T>(values: readonly T[]): number {
  const unique: T[] = [];
  for (const value of values) if (!unique.includes(value)) unique.push(value);
  return unique.length;
}

/** The number of distinct values, each looked up by its hash. O(n). */
export function countUniqueBySet<T>(values: readonly T[]): number {
  const unique = new Set<T>();
  for (const value of values) unique.add(value);
  return unique.size;
}

if (import.meta.main) {
  const milliseconds = (count: (names: string[]) => number, names: string[]) => {
    let shortest = Infinity;
    for (let repeat = 0; repeat < 7; repeat++) {
      const start = performance.now();
      count(names);
      shortest = Math.min(shortest, performance.now() - start);
    }
    return shortest;
  };
  // Compiled first, so that the smallest size is not the one that waits for it.
  const few = makePhoneBook(1000).map(({ name }) => name);
  for (let i = 0; i < 30; i++) countUniqueByArray(few) + countUniqueBySet(few);
  console.log("  names  distinct     array       Set   growth of both");
  let before: number[] | undefined;
  for (const size of [1000, 2000, 4000, 8000]) {
    const names = makePhoneBook(size).map(({ name }) => name);
    const distinct = countUniqueByArray(names);
    if (distinct !== countUniqueBySet(names)) throw new Error("array and Set disagree");
    const times = [milliseconds(countUniqueByArray, names), milliseconds(countUniqueBySet, names)];
    const growth = before && times.map((time, i) => (time / before![i]).toFixed(1).padStart(7));
    console.log(
      `${size}`.padStart(7),
      `${distinct}`.padStart(9),
      ...times.map((time) => `${time.toFixed(3)}`.padStart(9)),
      ...growth ?? [],
    );
    before = times;
  }
  console.log("(milliseconds)");
}
