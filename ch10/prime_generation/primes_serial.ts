/**
 * All primes from 100,000,000 to 101,000,000 by trial division, on one core: what the others are measured against.
 *
 * What to notice: the work of a number depends on the number. One in two is even and costs a single division; of the odd
 * ones most have a small divisor; but one in nine is prime and takes all 5,000 odd divisors up to its root. These few
 * take most of the time. No number needs to know of another, so nothing stands in the way of doing them side by side.
 *
 * @original 10_multiprocessing/prime_generation/primes.py
 * @run deno run ch10/prime_generation/primes_serial.ts
 * @takes 1 s
 */

/** Whether a whole number below 2^31 is prime, by trial division with all odd divisors up to its square root. */
export function checkPrime(n: number): boolean {
  if (!(n >= 0 && n < 2 ** 31)) throw new RangeError(`${n}: must be a whole number from 0 to 2^31 - 1`);
  if (n < 3 || n % 2 === 0) return n === 2;
  const root = Math.floor(Math.sqrt(n));
  for (let d = 3; d <= root; d += 2) if (n % d === 0) return false;
  return true;
}

/** The book's experiment: the primes from `from` to, but not including, `to`, in ascending order. */
export function experiment(from: number, to: number) {
  const found: number[] = [];
  return {
    run() {
      found.length = 0;
      for (let n = from; n < to; n++) if (checkPrime(n)) found.push(n);
    },
    primes: () => Uint32Array.from(found),
  };
}

if (import.meta.main) {
  const { run, primes } = experiment(100_000_000, 101_000_000);
  const start = performance.now();
  run();
  const time = performance.now() - start, found = primes(), summary = [found.length, found[0], found.at(-1)].join();
  console.log(`1,000,000 numbers on one core: ${time.toFixed(0)} ms; primes, first, last: ${summary}`);
  // From a sieve.
  if (summary !== "54208,100000007,100999993") throw new Error(`not the primes: ${summary}`);
}
