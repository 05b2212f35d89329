/**
 * Is a number prime? Trial division with BigInt, exact at any size.
 *
 * What to notice: a Number holds every whole number only up to 2 ** 53. Beyond that, `%` divides another number than the
 * one that was written, and the last line shows a factor that it does not see. BigInt is exact, and the price is that
 * it has no fixed size: every remainder takes several times as long as a division of two Numbers.
 *
 * @original 10_multiprocessing/prime_validation/primes.py
 * @run deno run ch10/prime_validation/check_bigint.ts
 * @takes 3 s
 */

/**
 * The smallest odd number from `from` up to, not including, `to` that divides `n`, or 0.
 *
 * @param n from 0, of any size
 * @param from odd, from 3
 * @param to up to 2 ** 32
 */
export function findFactor(n: bigint, from: number, to: number): number {
  const end = BigInt(to);
  for (let d = BigInt(from); d < end; d += 2n) {
    if (n % d === 0n) return Number(d);
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
  const n = 100109100129100369n, factor = 95362951;
  console.log(`${n} % ${factor} is ${n % BigInt(factor)} with BigInt, and with Numbers ${Number(n) % factor}`);
}
