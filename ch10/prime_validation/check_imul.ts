/**
 * Is a number prime? Trial division by an estimated quotient, and a remainder in 32 bits.
 *
 * What to notice: n as a Number is off by half a unit in 2 ** 53 and so is the quotient n / d, together by less than one
 * half while n / d < 2 ** 51. If d divides n, the quotient rounded to the nearest whole number is therefore the true one,
 * and n - quotient * d is 0. If not, that is a number from -d to d other than 0, and d < 2 ** 32: then its last 32 bits
 * are not all zero. So those are enough, and `Math.imul` gives them. There is one division of Numbers a trial.
 *
 * @original 10_multiprocessing/prime_validation/primes.py
 * @run deno run ch10/prime_validation/check_imul.ts
 * @takes 1 s
 */

// The sum of this and a Number from 0 to 2 ** 51 is rounded to a whole number, and its last 32 bits are that number's.
const rounding = 1.5 * 2 ** 52;

// Below this the quotient is too large for 2 ** 51: such candidates are few, and are taken by BigInt.
const firstEstimated = 8193;

/**
 * The smallest odd number from `from` up to, not including, `to` that divides `n`, or 0.
 *
 * @param n from 0 to 2 ** 64 - 1
 * @param from odd, from 3
 * @param to up to 2 ** 32
 */
export function findFactor(n: bigint, from: number, to: number): number {
  let d = from;
  for (; d < to && d < firstEstimated; d += 2) if (n % BigInt(d) === 0n) return d;
  const approximate = Number(n), last32 = Number(BigInt.asIntN(32, n));
  for (; d < to; d += 2) {
    if (Math.imul(approximate / d + rounding, d) === last32) return d;
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
