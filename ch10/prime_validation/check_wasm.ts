/**
 * Is a number prime? Trial division with WebAssembly's unsigned 64-bit integers.
 *
 * What to notice: WebAssembly has what JavaScript lacks, integers of 64 bits, and `n % d` is one instruction that is
 * exact up to 2 ** 64. BigInt goes in and out by itself. The processor's division of integers is slower than
 * that of floating-point numbers, though: check_imul, in JavaScript, may well be ahead.
 *
 * @original 10_multiprocessing/prime_validation/primes.py
 * @run deno run --allow-env=CI ch10/prime_validation/check_wasm.ts
 * @takes 2 s
 */

import asc from "npm:assemblyscript@0.28.20/asc";

const source = `
export function findFactor(n: u64, from: f64, to: f64): f64 {
  const end = u64(to);
  for (let d = u64(from); d < end; d += 2) {
    if (n % d == 0) return f64(d);
  }
  return 0;
}`;

/** Compiles AssemblyScript to WebAssembly. Throws with the compiler's messages if it does not compile. */
async function compile(source: string): Promise<Uint8Array<ArrayBuffer>> {
  let wasm: unknown;
  const { error, stderr } = await asc.main(
    "main.ts -O3 --runtime stub -o main.wasm".split(" "),
    {
      readFile: (name) => name === "main.ts" ? source : null,
      writeFile: (_, contents) => void (wasm = contents),
      listFiles: () => [],
    },
  );
  if (error) throw new Error(`${error.message}\n${stderr}`);
  return wasm as Uint8Array<ArrayBuffer>;
}

/** Compiles the kernel. */
export async function experiment() {
  const { instance } = await WebAssembly.instantiate(await compile(source));
  const run = instance.exports.findFactor as (n: bigint, from: number, to: number) => number;
  return {
    /**
     * The smallest odd number from `from` up to, not including, `to` that divides `n`, or 0.
     *
     * @param n from 0 to 2 ** 64 - 1
     * @param from odd, from 3
     * @param to up to 2 ** 32
     */
    findFactor: (n: bigint, from: number, to: number) => run(n, from, to),
  };
}

/** The largest whole number whose square is not above `n`. */
function squareRoot(n: bigint): number {
  let root = BigInt(Math.floor(Math.sqrt(Number(n))));
  while (root * root > n) root--;
  while ((root + 1n) ** 2n <= n) root++;
  return Number(root);
}

if (import.meta.main) {
  const { findFactor } = await experiment();
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
