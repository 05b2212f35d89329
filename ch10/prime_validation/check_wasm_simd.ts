/**
 * Is a number prime? Trial division in WebAssembly with SIMD: two candidates a vector, several vectors in flight.
 *
 * What to notice: as in check_imul the quotient is estimated, and the last 32 bits of the product decide. Of two vectors
 * with two quotients each, a shuffle makes one with the last 32 bits of all four, so that one multiplication does for
 * four candidates and one branch for sixteen. No division needs the result of another, so they follow each other without
 * waiting, and what is left is how many the processor's divider takes in: two in the time of one.
 *
 * @original 10_multiprocessing/prime_validation/primes.py
 * @run deno run --allow-env=CI ch10/prime_validation/check_wasm_simd.ts
 * @takes 1 s
 */

import asc from "npm:assemblyscript@0.28.20/asc";

// So many pairs of vectors of two candidates in flight.
const pairs = 4;
const each = (text: (pair: number) => string) => Array.from({ length: pairs }, (_, p) => text(p)).join("\n");

const source = `
export function findFactor(n: u64, from: f64, to: f64): f64 {
  const end = u64(to);
  let d = u64(from);
  for (; d < end && d <= 8192; d += 2) {
    if (n % d == 0) return f64(d);
  }
  const approximate = f64x2.splat(f64(n)), rounding = f64x2.splat(${1.5 * 2 ** 52}), last32 = i32x4.splat(u32(n));
  const step = f64x2.splat(${8 * pairs}), integerStep = i32x4.splat(${8 * pairs});
  // The four candidates of a pair, as floating-point numbers and as integers.
  ${
  each((p) =>
    `let a${p} = f64x2.add(f64x2.splat(f64(d)), f64x2(${8 * p}, ${8 * p + 2}));
     let b${p} = f64x2.add(f64x2.splat(f64(d)), f64x2(${8 * p + 4}, ${8 * p + 6}));
     let integers${p} = i32x4.add(i32x4.splat(u32(d)), i32x4(${8 * p}, ${8 * p + 2}, ${8 * p + 4}, ${8 * p + 6}));`
  )
}
  for (; d + ${8 * pairs} <= end; d += ${8 * pairs}) {
    let found = i32x4.splat(0);
    ${
  each((p) =>
    `const quotients${p} = v128.shuffle<i32>(
       f64x2.add(f64x2.div(approximate, a${p}), rounding),
       f64x2.add(f64x2.div(approximate, b${p}), rounding), 0, 2, 4, 6);
     found = v128.or(found, i32x4.eq(i32x4.mul(quotients${p}, integers${p}), last32));
     a${p} = f64x2.add(a${p}, step); b${p} = f64x2.add(b${p}, step);
     integers${p} = i32x4.add(integers${p}, integerStep);`
  )
}
    if (v128.any_true(found)) break;
  }
  // Which of a group it was, and the candidates that do not fill one, one by one.
  for (; d < end; d += 2) {
    if (n % d == 0) return f64(d);
  }
  return 0;
}`;

/** Compiles AssemblyScript to WebAssembly. Throws with the compiler's messages if it does not compile. */
async function compile(source: string): Promise<Uint8Array<ArrayBuffer>> {
  let wasm: unknown;
  const { error, stderr } = await asc.main(
    "main.ts -O3 --runtime stub --enable simd -o main.wasm".split(" "),
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
