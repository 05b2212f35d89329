/**
 * Is a value in an array? Leaving the loop at the first hit, or going through all of it; asking lazily, or eagerly.
 *
 * What to notice: four of these stop at the first hit (a loop with `return`, the array's `includes` and `some`, and a
 * chain of iterator helpers, which makes one value at a time), so that a value near the head costs next to nothing. The
 * loop that goes on and the array of all answers (`map`, then `some`) cost the same wherever the value is. Near the tail
 * all look at everything, and what counts is what a look costs: there the lazy chain, which calls several functions for
 * each value, loses to the eager one. The right thing depends on where values are found.
 *
 * @original 01_understanding/reducing_operations.py
 * @run deno run ch01/reducing_operations.ts
 * @takes 1 s
 */

/** Whether the needle is in the haystack. All but `builtIn` compare by `===`, to which NaN equals nothing. */
export type Search = (haystack: readonly number[], needle: number) => boolean;

/** Returns at the first hit. */
export const searchFast: Search = (haystack, needle) => {
  for (let i = 0; i < haystack.length; i++) if (haystack[i] === needle) return true;
  return false;
};

/** Notes the hit and goes on to the end. */
export const searchSlow: Search = (haystack, needle) => {
  let found = false;
  for (let i = 0; i < haystack.length; i++) if (haystack[i] === needle) found = true;
  return found;
};

/** Python's `any` over a generator: one answer at a time, until one is true. */
export const searchLazy: Search = (haystack, needle) =>
  haystack.values().map((value) => value === needle).some((found) => found);

/** Python's `any` over a list: all answers first, in an array of their own. */
export const searchEager: Search = (haystack, needle) =>
  haystack.map((value) => value === needle).some((found) => found);

/** The array's own method for it, with a function for the test. */
export const searchSome: Search = (haystack, needle) => haystack.some((value) => value === needle);

/** The array's own method for just this, which finds NaN too. */
export const builtIn: Search = (haystack, needle) => haystack.includes(needle);

export const searches: Record<string, Search> = {
  searchFast,
  searchSlow,
  searchLazy,
  searchEager,
  searchSome,
  builtIn,
};

if (import.meta.main) {
  const size = 10_000, haystack = Array.from({ length: size }, (_, i) => i);
  const needles = { "near the head": 5, "near the tail": size - 5, missing: -1 };
  console.log("ns a search".padEnd(14), ...Object.keys(needles).map((name) => name.padStart(14)));
  for (const [name, search] of Object.entries(searches)) {
    const times = Object.values(needles).map((needle) => {
      let calls = 1, shortest = Infinity;
      // Calls in one reading, until it is long enough for the clock.
      for (const end = performance.now() + 40; performance.now() < end; calls *= shortest * calls < 1e5 ? 2 : 1) {
        let found = 0;
        const start = performance.now();
        for (let call = 0; call < calls; call++) if (search(haystack, needle)) found++;
        shortest = Math.min(shortest, (performance.now() - start) / calls * 1e6);
        if (found !== (needle < 0 ? 0 : calls)) throw new Error(`${name} found ${needle} ${found} of ${calls} times`);
      }
      return shortest;
    });
    console.log(name.padEnd(14), ...times.map((time) => time.toFixed(0).padStart(14)));
  }
}
