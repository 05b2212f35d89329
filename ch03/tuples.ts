/**
 * What a tuple is in TypeScript, and what it costs.
 *
 * What to notice: `readonly [number, number]` is a promise to the compiler and gone when the program runs: a tuple is an
 * array, of which a cast or plain JavaScript changes any element. `Object.freeze` keeps the promise at run time, one level
 * deep, at the price of a call to make and of slower reading here. Tuples are not compared by what they hold: `===`
 * and keys of a Map know only identity. A small function that returns two numbers costs about the same whether it does so
 * as a tuple, an object, or in an array it is handed, also destructured; only the frozen tuple costs many times that. What
 * Python has tuples for, being smaller and made faster than lists, frozen arrays are not.
 *
 * @original none, chapter 3's questions on what tuples are and when to use them
 * @run deno run ch03/tuples.ts
 * @takes 1 s
 */

import { stripTypeScriptTypes } from "node:module";

/** Two numbers that may not be changed, says the compiler. */
export type Pair = readonly [number, number];

/** Ways to make nine numbers, as a tuple and not. */
export const makes: Record<string, (i: number) => readonly number[]> = {
  "literal": (i) => [i, i + 1, i + 2, i + 3, i + 4, i + 5, i + 6, i + 7, i + 8],
  "constants": () => [0, 1, 2, 3, 4, 5, 6, 7, 8],
  "frozen literal": (i) => Object.freeze([i, i + 1, i + 2, i + 3, i + 4, i + 5, i + 6, i + 7, i + 8]),
  "pushed": (i) => {
    const numbers: number[] = [];
    for (let k = 0; k < 9; k++) numbers.push(i + k);
    return numbers;
  },
  "Float64Array": (i) =>
    Float64Array.of(i, i + 1, i + 2, i + 3, i + 4, i + 5, i + 6, i + 7, i + 8) as unknown as readonly number[],
};

/** Makes `count` of them, each kept until the ring of 64 comes round, so that none can be left unmade. */
export function makeMany(make: (i: number) => readonly number[], count: number): readonly (readonly number[])[] {
  const ring: (readonly number[])[] = Array.from({ length: 64 }, () => []);
  for (let i = 0; i < count; i++) ring[i & 63] = make(i);
  return ring;
}

/** Quotient and remainder of n by 7, added up for n from 0 to count - 1, in several ways to return two numbers. */
export const returns: Record<string, (count: number) => number> = {
  "two calls": (count) => {
    const quotient = (n: number) => Math.trunc(n / 7), remainder = (n: number) => n % 7;
    let sum = 0;
    for (let n = 0; n < count; n++) sum += quotient(n) + remainder(n);
    return sum;
  },
  "tuple, indexed": (count) => {
    const divide = (n: number): Pair => [Math.trunc(n / 7), n % 7];
    let sum = 0;
    for (let n = 0; n < count; n++) {
      const pair = divide(n);
      sum += pair[0] + pair[1];
    }
    return sum;
  },
  "tuple, destructured": (count) => {
    const divide = (n: number): Pair => [Math.trunc(n / 7), n % 7];
    let sum = 0;
    for (let n = 0; n < count; n++) {
      const [quotient, remainder] = divide(n);
      sum += quotient + remainder;
    }
    return sum;
  },
  "frozen tuple": (count) => {
    const divide = (n: number): Pair => Object.freeze([Math.trunc(n / 7), n % 7] as [number, number]);
    let sum = 0;
    for (let n = 0; n < count; n++) {
      const pair = divide(n);
      sum += pair[0] + pair[1];
    }
    return sum;
  },
  "object, destructured": (count) => {
    const divide = (n: number) => ({ quotient: Math.trunc(n / 7), remainder: n % 7 });
    let sum = 0;
    for (let n = 0; n < count; n++) {
      const { quotient, remainder } = divide(n);
      sum += quotient + remainder;
    }
    return sum;
  },
  "array handed over": (count) => {
    const divide = (n: number, out: [number, number]) => {
      out[0] = Math.trunc(n / 7);
      out[1] = n % 7;
    };
    const pair: [number, number] = [0, 0];
    let sum = 0;
    for (let n = 0; n < count; n++) {
      divide(n, pair);
      sum += pair[0] + pair[1];
    }
    return sum;
  },
};

/** What is true of tuples when the program runs. */
export function findProperties(): Record<string, boolean> {
  const pair: Pair = [1, 2], frozen: Pair = Object.freeze([1, 2] as [number, number]);
  const nested: readonly [number[]] = Object.freeze([[1]] as [number[]]);
  (pair as unknown as number[])[0] = 9;
  nested[0].push(2);
  let thrown: unknown;
  try {
    (frozen as unknown as number[])[0] = 9;
  } catch (error) {
    thrown = error;
  }
  const key = [1, 2], map = new Map([[key, "found"]]);
  return {
    "the type is gone when V8 reads the source": !/readonly|number/.test(
      stripTypeScriptTypes("const pair: readonly [number, number] = [1, 2];"),
    ),
    "a readonly tuple is an Array and can be written to": Array.isArray(pair) && pair[0] as number === 9,
    "a frozen one throws a TypeError instead": thrown instanceof TypeError && frozen[0] === 1,
    "but what it holds is not frozen": nested[0].length === 2,
    "two with the same elements are not equal": !Object.is([1, 2], [1, 2]),
    "and a Map finds only the very same one": map.get(key) === "found" && map.get([1, 2]) === undefined,
  };
}

if (import.meta.main) {
  for (const [property, holds] of Object.entries(findProperties())) {
    console.log(`${holds ? "yes" : "no "}  ${property}`);
    if (!holds) throw new Error(`not so: ${property}`);
  }
  const best = (call: () => void, calls: number) => {
    let least = Infinity;
    for (let i = 0; i < calls; i++) {
      const start = performance.now();
      call();
      least = Math.min(least, performance.now() - start);
    }
    return least * 1e6;
  };
  const count = 20_000;
  console.log("\nmaking nine numbers");
  for (const [name, make] of Object.entries(makes)) {
    // A copy for each, because a function that has called several others inlines none.
    const many: typeof makeMany = new Function(`return ${makeMany} // ${name}`)();
    const each = best(() => many(make, count), 40) / count;
    if (many(make, count).some((numbers) => numbers.length !== 9)) throw new Error(`${name} made no nine numbers`);
    console.log(name.padEnd(22), `${each.toFixed(1).padStart(6)} ns`);
  }
  console.log("\nreturning two numbers");
  const expected = returns["two calls"](count);
  for (const [name, call] of Object.entries(returns)) {
    if (call(count) !== expected) throw new Error(`${name} comes to ${call(count)}, not ${expected}`);
    console.log(name.padEnd(22), `${(best(() => call(count), 100) / count).toFixed(1).padStart(6)} ns`);
  }
}
