/**
 * Splits the candidates of a trial division into ranges, one for each worker.
 *
 * What to notice: the ends lie at the fractions of the number of candidates, rounded down. So each candidate is in
 * exactly one range, the lengths differ by one at most, and nothing special is needed where the number of candidates is
 * no multiple of that of the ranges, nor where there are more ranges than candidates: then some are empty.
 *
 * @original 10_multiprocessing/prime_validation/create_range.py
 * @run deno run ch10/prime_validation/create_range.ts
 * @takes 1 s
 */

/**
 * The odd numbers from `from` up to, not including, `to` as `parts` ranges, of which each begins where the one before
 * ends: [first, end], where the first is odd and the end is not included. An empty range has both the same.
 *
 * Throws a RangeError if `from` is even, or `parts` is no whole number from 1.
 */
export function createRanges(from: number, to: number, parts: number): [number, number][] {
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || from % 2 !== 1) {
    throw new RangeError(`from ${from} to ${to}: must be whole numbers, and the first of them odd`);
  }
  if (!(Number.isInteger(parts) && parts >= 1)) throw new RangeError(`${parts} parts: must be a whole number from 1`);
  const candidates = Math.max(0, Math.ceil((to - from) / 2));
  const end = (part: number) => from + 2 * Math.floor(candidates * part / parts);
  return Array.from({ length: parts }, (_, part) => [end(part), end(part + 1)]);
}

if (import.meta.main) {
  // The square root of 100109100129162907 is 316400221.85…
  for (const [from, to, parts] of [[3, 316400222, 4], [3, 12, 2], [3, 12, 8], [3, 3, 2]]) {
    const ranges = createRanges(from, to, parts);
    console.log(
      `odd numbers from ${from} up to ${to} in ${parts}: ${ranges.map((range) => range.join(" to ")).join(", ")}`,
    );
    const covered = ranges.reduce((sum, [first, end]) => sum + (end - first) / 2, 0);
    if (covered !== Math.ceil((to - from) / 2)) throw new Error(`${covered} candidates are in the ranges`);
  }
}
