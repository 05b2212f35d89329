/**
 * Is a number prime? Trial division up to the square root, one divisor at a time and several at once.
 *
 * What to notice: the loop that tests one divisor and leaves at the first hit is the plainest, and for an even number the
 * fastest. For a prime it makes a decision for each divisor. Eight quotients and one decision for all of them keep the
 * processor's divider busier; WebAssembly's SIMD divides two numbers with one instruction on top. That is the vector
 * unit at work. Whole arrays of quotients, as a vector library makes them, write to memory what a loop keeps in a
 * register, and for an even number they compute everything to find that the first test was enough. The remainder `%` of
 * numbers beyond 2^31 is a call of a slow function; a quotient is one instruction.
 *
 * @original 01_understanding/check_prime.py
 * @run deno run ch01/check_prime.ts
 * @takes 1 s
 */

/** Whether a whole number from 0 to 2^53 is prime. */
export type CheckPrime = (number: number) => boolean;

/**
 * One divisor at a time, by its quotient. Exact: a quotient that is not whole is further from the next whole number than
 * rounding moves it, since the number is below 2^53.
 */
export const oneAtATime: CheckPrime = (number) => {
  if (number < 2) return false;
  const root = Math.sqrt(number);
  for (let divisor = 2; divisor <= root; divisor++) {
    const quotient = number / divisor;
    if (quotient === Math.floor(quotient)) return false;
  }
  return true;
};

/** One divisor at a time, by the remainder. */
export const byRemainder: CheckPrime = (number) => {
  if (number < 2) return false;
  const root = Math.sqrt(number);
  for (let divisor = 2; divisor <= root; divisor++) if (number % divisor === 0) return false;
  return true;
};

/** Eight quotients, and then one branch for all of them. */
export const eightAtOnce: CheckPrime = (number) => {
  // Among eight divisors some are beyond the root; below 64 one of those could be the number itself.
  if (number < 64) return oneAtATime(number);
  const root = Math.sqrt(number);
  for (let divisor = 2; divisor <= root; divisor += 8) {
    const a = number / divisor, b = number / (divisor + 1), c = number / (divisor + 2), d = number / (divisor + 3);
    const e = number / (divisor + 4),
      f = number / (divisor + 5),
      g = number / (divisor + 6),
      h = number / (divisor + 7);
    // A product is zero as soon as one of the fractions is.
    const fractions = (a - Math.floor(a)) * (b - Math.floor(b)) * (c - Math.floor(c)) * (d - Math.floor(d)) *
      ((e - Math.floor(e)) * (f - Math.floor(f)) * (g - Math.floor(g)) * (h - Math.floor(h)));
    if (fractions === 0) return false;
  }
  return true;
};

/** As a library of vectors does it: an array of all divisors, one of all quotients, one of all tests, then `any`. */
export const wholeArrays: CheckPrime = (number) => {
  if (number < 2) return false;
  const count = Math.max(0, Math.floor(Math.sqrt(number)) - 1);
  const divisors = new Float64Array(count), quotients = new Float64Array(count), whole = new Uint8Array(count);
  for (let i = 0; i < count; i++) divisors[i] = i + 2;
  for (let i = 0; i < count; i++) quotients[i] = number / divisors[i];
  for (let i = 0; i < count; i++) whole[i] = quotients[i] === Math.floor(quotients[i]) ? 1 : 0;
  return !whole.includes(1);
};

/** Whether one of the divisors from 2 to the root, eight a turn and two an instruction, divides the number. */
const source = `(module (func (export "divides") (param $number f64) (param $root f64) (result i32)
  (local $n v128) (local $q v128) (local $hits v128) (local $d v128) (local $divisor f64)
  (local.set $n (f64x2.splat (local.get $number)))
  (local.set $d (v128.const f64x2 2 3))
  (local.set $divisor (f64.const 2))
  (loop $turn
    (local.set $hits (v128.const i64x2 0 0))
    ${
  [0, 2, 4, 6].map((first) => `
    (local.set $q (f64x2.div (local.get $n) (f64x2.add (local.get $d) (v128.const f64x2 ${first} ${first}))))
    (local.set $hits (v128.or (local.get $hits) (f64x2.eq (local.get $q) (f64x2.floor (local.get $q)))))`).join("")
}
    (if (v128.any_true (local.get $hits)) (then (return (i32.const 1))))
    (local.set $d (f64x2.add (local.get $d) (v128.const f64x2 8 8)))
    (local.set $divisor (f64.add (local.get $divisor) (f64.const 8)))
    (br_if $turn (f64.le (local.get $divisor) (local.get $root))))
  (i32.const 0)))`;

/** Assembles the WebAssembly and gives the test by two divisors an instruction. */
export async function makeSimd(): Promise<CheckPrime> {
  const { default: wabt } = await import("npm:wabt@1.0.39");
  const module = (await wabt()).parseWat("check_prime.wat", source, { simd: true });
  const bytes = new Uint8Array(module.toBinary({}).buffer);
  module.destroy();
  const { instance } = await WebAssembly.instantiate(bytes);
  const divides = instance.exports.divides as (number: number, root: number) => number;
  return (number) => number < 64 ? oneAtATime(number) : divides(number, Math.sqrt(number)) === 0;
}

if (import.meta.main) {
  const variants = { oneAtATime, byRemainder, eightAtOnce, wholeArrays, simd: await makeSimd() };
  // The book's two numbers, and a prime for which %, of numbers beyond 2^31, is another thing.
  const numbers: [number, boolean, number][] = [[10_000_000, false, 300], [10_000_019, true, 300], [
    1e12 + 39,
    true,
    2,
  ]];
  console.log("shortest of several, µs".padEnd(24), ...numbers.map(([number]) => `${number}`.padStart(16)));
  for (const [name, check] of Object.entries(variants)) {
    const times = numbers.map(([number, expected, repeats]) => {
      let shortest = Infinity;
      for (let repeat = 0; repeat < repeats; repeat++) {
        const start = performance.now(), prime = check(number);
        shortest = Math.min(shortest, performance.now() - start);
        if (prime !== expected) throw new Error(`${name}(${number}) is ${prime}`);
      }
      return shortest * 1000;
    });
    console.log(name.padEnd(24), ...times.map((time) => time.toFixed(1).padStart(16)));
  }
}
