/** The primes of a range in C as one more experiment, to be measured beside the techniques of ch10/prime_generation. */

import { openLimit } from "./limit.ts";

const kernel = { parameters: ["u32", "i32", "buffer"], result: "void" } as const;

/** The book's experiment by one of the kernels in C, or null where they cannot be built. */
export async function openPrimes(
  from: number,
  to: number,
  name: "primes" | "primes_by_inverses",
  options: { openmp?: boolean } = {},
) {
  const library = await openLimit("prime_generation", { primes: kernel, primes_by_inverses: kernel }, options);
  if (!library) return null;
  const flags = new Uint8Array(to - from);
  return {
    run: () => library.symbols[name](from, to - from, flags),
    primes() {
      const found: number[] = [];
      for (let i = 0; i < flags.length; i++) if (flags[i]) found.push(from + i);
      return Uint32Array.from(found);
    },
  };
}
