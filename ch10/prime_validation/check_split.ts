/**
 * Is a number prime? Trial division of a number of 64 bits that is split into two Numbers.
 *
 * What to notice: school division, with digits of 43 and 21 bits. All in between is a whole number below 2 ** 53, and
 * therefore exact: the remainder of the upper part is less than d, at most 2 ** 32, and with 21 more bits still fits.
 * Divisions of Numbers round, but a quotient a / b of such numbers that is not whole lies 1 / b or more from the next
 * whole number, which is further than rounding goes as a < 2 ** 53. `%` would do as well, but is a call of a function.
 *
 * @original 10_multiprocessing/prime_validation/primes.py
 * @run deno run ch10/prime_validation/check_split.ts
 * @takes 2 s
 */

/**
 * The smallest odd number from `from` up to, not including, `to` that divides `n`, or 0.
 *
 * @param n from 0 to 2 ** 64 - 1
 * @param from odd, from 3
 * @param to up to 2 ** 32
 */
export function findFactor(n: bigint, from: number, to: number): number {
  const upper = Number(n >> 21n), lower = Number(n & 0x1fffffn);
  for (let d = from; d < to; d += 2) {
    const remainder = upper - Math.floor(upper / d) * d;
    const quotient = (remainder * 2 ** 21 + lower) / d;
    if (quotient === Math.floor(quotient)) return d;
  }
  return 0;
}

export const experiment = () => ({ findFactor });

/** The largest whole number whose square is not above `n`. */
function squareRoot(n: bigint): number {
  let root = BigInt(Math.floor(Math.sqrt(Number(n))));
  while (root * root > n) root--;
  while ((root + 1n) ** 2n <= n) root++;
  return Number(root);
}

if (import.meta.main) {
  for (
    const [n, smallest] of [[112272535095295n, 5], [100109100129100369n, 95362951], [100109100129162907n, 0]] as const
  ) {
    const end = squareRoot(n) + 1, start = performance.now(), factor = findFactor(n, 3, end);
    const ms = performance.now() - start, trials = Math.floor((factor ? factor - 1 : end - 2) / 2);
    if (factor !== smallest) throw new Error(`the smallest factor of ${n} is ${smallest}, not ${factor}`);
    console.log(
      `${n} ${factor ? `is ${factor} times ${n / BigInt(factor)}` : "is prime"}: ` +
        `${ms.toFixed(1)} ms, ${(ms * 1e6 / trials).toFixed(2)} ns for each of ${trials} trials`,
    );
  }
}
