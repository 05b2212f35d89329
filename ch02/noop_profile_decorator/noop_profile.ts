/**
 * A `@profile` that stays in the code, and does nothing unless a profiler is there.
 *
 * What to notice: whether there is one is asked once, where the class or function is made. Without one, `@profile`
 * hands back the very function it was given: not a wrapper that does nothing, but nothing, so that it costs nothing and
 * tests see the code as it will run. A profiler is whoever put a function `profile` into the global scope before this
 * was loaded; call_profiler.ts does so, and the program need not know:
 *
 *     deno run --allow-run=deno ch02/noop_profile_decorator/call_profiler.ts ch02/noop_profile_decorator/noop_profile.ts
 *
 * @original 02_profiling/noop_profile_decorator/
 * @run deno run ch02/noop_profile_decorator/noop_profile.ts
 * @takes 1 s
 */

// deno-lint-ignore no-explicit-any -- of a function that is only handed on, nothing is known
type AnyFunction = (...args: any[]) => any;

/**
 * What a profiler puts into the global scope as `profile`: gives the function to be called in place of the given one.
 */
export type Profiler = <F extends AnyFunction>(fn: F, name: string) => F;

/**
 * Marks a method (`@profile`) or a function (`profile(fn)`) as worth looking at. The function itself without a
 * profiler.
 */
export function profile<F extends AnyFunction>(fn: F, context?: ClassMethodDecoratorContext): F {
  const { profile: profiler } = globalThis as { profile?: Profiler };
  return profiler === undefined ? fn : profiler(fn, String(context?.name ?? fn.name));
}

/** Sums of primes, marked for the profiler in both ways. */
export class Primes {
  @profile
  isPrime(n: number): boolean {
    for (let i = 2; i * i <= n; i++) if (n % i === 0) return false;
    return n >= 2;
  }

  /** The sum of all primes below a limit. */
  @profile
  sum(limit: number): number {
    let sum = 0;
    for (let n = 0; n < limit; n++) if (this.isPrime(n)) sum += n;
    return sum;
  }
}

/** The same test without the mark, to compare. */
export class UnmarkedPrimes {
  isPrime(n: number): boolean {
    for (let i = 2; i * i <= n; i++) if (n % i === 0) return false;
    return n >= 2;
  }

  sum(limit: number): number {
    let sum = 0;
    for (let n = 0; n < limit; n++) if (this.isPrime(n)) sum += n;
    return sum;
  }
}

/** The mean of numbers: a function that is marked without being a method. */
export const mean = profile(function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
});

/** The best of several runs of two functions in turns, in milliseconds. */
export function bestInTurns(first: () => unknown, second: () => unknown, rounds: number): [number, number] {
  const best: [number, number] = [Infinity, Infinity];
  for (let round = 0; round < rounds; round++) {
    for (const [i, call] of [first, second].entries()) {
      const start = performance.now();
      call();
      best[i] = Math.min(best[i], performance.now() - start);
    }
  }
  return best;
}

if (import.meta.main) {
  const limit = 10_000, primes = new Primes(), unmarked = new UnmarkedPrimes();
  const sum = primes.sum(limit);
  // The sum is in OEIS, A046731.
  if (sum !== 5736396 || unmarked.sum(limit) !== sum) throw new Error(`the primes below ${limit} sum to ${sum}`);
  const [marked, without] = bestInTurns(() => primes.sum(limit), () => unmarked.sum(limit), 30);
  const profiled = "profile" in globalThis ? "a profiler is there" : "no profiler is there";
  console.log(
    `the primes below ${limit} sum to ${sum}, their tests take ${mean([marked, without]).toFixed(2)} ms; ${profiled}`,
  );
  console.log(
    `with @profile ${marked.toFixed(2)} ms, without ${without.toFixed(2)} ms: ratio ${(marked / without).toFixed(2)}`,
  );
}
