/** Trial division in C as one more experiment, to be measured beside the techniques of ch10/prime_validation. */

import { openLimit } from "./limit.ts";

const kernel = { parameters: ["u64", "u64", "u64"], result: "u64" } as const;

/** The smallest odd divisor in a range by one of the kernels in C, or null where they cannot be built. */
export async function openPrimeValidation(
  name: "find_remainder" | "find_quotient" | "find_vectors" | "find_parallel",
  options: { openmp?: boolean } = {},
) {
  const symbols = { find_remainder: kernel, find_quotient: kernel, find_vectors: kernel, find_parallel: kernel };
  const library = await openLimit("prime_validation", symbols, options);
  if (!library) return null;
  const find = library.symbols[name];
  return {
    /** The smallest odd number from `from` up to, not including, `to` that divides `n`, or 0; `n` below 2 ** 64. */
    findFactor: (n: bigint, from: number, to: number) => Number(find(n, BigInt(from), BigInt(to))),
  };
}
