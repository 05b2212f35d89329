/**
 * The primes of a range by a sieve on one core: a better algorithm beats all the cores.
 *
 * What to notice: trial division asks of every number which divisors it has, up to 5,000 questions each. A sieve turns
 * the loops around: every prime up to the root of the range's end strikes out its multiples, and only those are touched.
 * Only the odd numbers of the range have a byte. Before looking for more cores, look for less work.
 *
 * @original none: the book stays with trial division, to have something to share out
 * @run deno run ch10/prime_generation/primes_sieve.ts
 * @takes 1 s
 */

/** Strikes the multiples of prime `p`, from its square on, out of the odd numbers `first`, `first + 2`, …, one a byte. */
function strikeOut(p: number, first: number, composite: Uint8Array): void {
  let start = Math.max(p * p, Math.ceil(first / p) * p);
  if (start % 2 === 0) start += p;
  for (let i = (start - first) / 2; i < composite.length; i += p) composite[i] = 1;
}

/** The odd primes below `end`. */
function oddPrimes(end: number): number[] {
  const composite = new Uint8Array(Math.max(0, Math.ceil((end - 3) / 2)));
  const primes: number[] = [];
  for (let i = 0; i < composite.length; i++) {
    const p = 3 + 2 * i;
    if (composite[i]) continue;
    primes.push(p);
    if (p * p < end) strikeOut(p, 3, composite);
  }
  return primes;
}

/** The primes from `from` to, but not including, `to`, in ascending order; both up to 2^31. */
export function experiment(from: number, to: number) {
  // Zero, the even numbers and one are no odd primes.
  const first = Math.max(3, from | 1);
  const composite = new Uint8Array(Math.max(0, Math.ceil((to - first) / 2)));
  return {
    run() {
      composite.fill(0);
      for (const p of oddPrimes(Math.floor(Math.sqrt(to)) + 1)) strikeOut(p, first, composite);
    },
    primes() {
      const found = from <= 2 && to > 2 ? [2] : [];
      for (let i = 0; i < composite.length; i++) if (!composite[i]) found.push(first + 2 * i);
      return Uint32Array.from(found);
    },
  };
}

if (import.meta.main) {
  const { run, primes } = experiment(100_000_000, 101_000_000);
  // The first run is the one in which V8 still compiles.
  run();
  const start = performance.now();
  run();
  const time = performance.now() - start, found = primes(), summary = [found.length, found[0], found.at(-1)].join();
  console.log(`1,000,000 numbers on one core: ${time.toFixed(1)} ms; primes, first, last: ${summary}`);
  // Counted by trial division.
  if (summary !== "54208,100000007,100999993") throw new Error(`not the primes: ${summary}`);
}
