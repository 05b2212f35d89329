/**
 * A decorator that times each call: the clock is written once, and a method is timed by one word before it.
 *
 * What to notice: the timed method keeps its name, its `this`, its result and its errors, and of a promise the time is
 * taken when it settles. Decorators are part of JavaScript's standard, but for classes only: a plain function is
 * wrapped by the same function, called by hand. A wrapper costs a little at every call; around a function that takes a
 * millisecond that is nothing, around one that adds two numbers it is nearly all that is measured.
 *
 * A generator's call returns at once: its time would have to be taken where it is iterated.
 *
 * @original 02_profiling/decorator_time/julia1_decorator.py
 * @run deno run ch02/decorator_time/julia_decorator.ts
 * @takes 3 s
 */

/** Hears of each call that ended, by return or by throw: the name of the function and milliseconds. */
export type Report = (name: string, milliseconds: number) => void;

const print: Report = (name, milliseconds) =>
  console.log(`@timed: ${name} took ${(milliseconds / 1000).toFixed(3)} seconds`);

/**
 * The same function, timed. Its promise, where it returns one, is handed on as it is.
 *
 * @param fn any function but a constructor
 * @param name what the report calls it
 */
export function timeFunction<This, Args extends unknown[], Result>(
  fn: (this: This, ...args: Args) => Result,
  report: Report = print,
  name = fn.name,
): (this: This, ...args: Args) => Result {
  function timed(this: This, ...args: Args): Result {
    const start = performance.now(), done = () => report(name, performance.now() - start);
    let result: Result;
    try {
      result = fn.apply(this, args);
    } catch (error) {
      done();
      throw error;
    }
    // Both ways of settling are heard here; whoever has the promise still sees its rejection.
    if (result instanceof Promise) result.then(done, done);
    else done();
    return result;
  }
  // `length` is what tells frameworks how many arguments a function wants.
  return Object.defineProperties(timed, { name: { value: fn.name }, length: { value: fn.length } });
}

/**
 * Decorates a method, static ones too: `@timed`. A private one (`#name`) that takes arguments cannot be decorated in
 * Deno 2.9, which makes a getter of it, with parameters: a syntax error.
 */
export function timed<This, Args extends unknown[], Result>(
  method: (this: This, ...args: Args) => Result,
  context: ClassMethodDecoratorContext<This, (this: This, ...args: Args) => Result>,
): (this: This, ...args: Args) => Result {
  return timeFunction(method, print, String(context.name));
}

interface Complex {
  re: number;
  im: number;
}

const abs = (z: Complex) => Math.hypot(z.re, z.im);
const add = (a: Complex, b: Complex) => ({ re: a.re + b.re, im: a.im + b.im });
const multiply = (a: Complex, b: Complex) => ({ re: a.re * b.re - a.im * b.im, im: a.re * b.im + a.im * b.re });

/** The Julia set of width x width points, timed by decorators in place of a print. */
export class Julia {
  constructor(readonly width: number, readonly limit: number) {}

  /** For each point z, how often `z = z * z + c` can be taken before |z| reaches 2. */
  @timed
  calculateZSerial(zs: Complex[], cs: Complex[]): number[] {
    return zs.map((z, i) => {
      let n = 0;
      for (; abs(z) < 2 && n < this.limit; n++) z = add(multiply(z, z), cs[i]);
      return n;
    });
  }

  /** Builds the inputs and computes; gives the sum of the counts. */
  @timed
  calcPure(): number {
    const zs: Complex[] = [], cs: Complex[] = [], step = 3.6 / this.width;
    // The coordinates come from repeated addition: their rounding is part of the answer.
    for (let row = 0, im = 1.8; row < this.width; row++, im -= step) {
      for (let column = 0, re = -1.8; column < this.width; column++, re += step) {
        zs.push({ re, im });
        cs.push({ re: -0.62772, im: -0.42193 });
      }
    }
    return this.calculateZSerial(zs, cs).reduce((sum, n) => sum + n, 0);
  }

  /** What an asynchronous method takes is the time until its promise settles. */
  @timed
  async calcLater(milliseconds: number): Promise<number> {
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    return this.width;
  }
}

/** Nanoseconds a call of a small function takes, as it is and timed. Throws if the two differ in what they do. */
export function wrapperCost(calls: number): { plain: number; wrapped: number } {
  let heard = 0;
  const add = (a: number, b: number) => a + b, wrapped = timeFunction(add, () => void heard++);
  const run = (fn: (a: number, b: number) => number) => {
    let sum = 0;
    const start = performance.now();
    for (let i = 0; i < calls; i++) sum = fn(sum, i);
    return { sum, nanoseconds: (performance.now() - start) * 1e6 / calls };
  };
  run(add), run(wrapped);
  const [plain, timed] = [run(add), run(wrapped)];
  if (plain.sum !== timed.sum || heard !== 2 * calls) {
    throw new Error(`${plain.sum}, ${timed.sum}, ${heard} calls heard`);
  }
  return { plain: plain.nanoseconds, wrapped: timed.nanoseconds };
}

if (import.meta.main) {
  const julia = new Julia(1000, 300), sum = julia.calcPure();
  if (sum !== 33219980) throw new Error(`the sum is ${sum}, not 33219980`);
  await julia.calcLater(50);
  const square = timeFunction(function square(x: number) {
    return x * x;
  });
  if (square(3) !== 9 || square.name !== "square") throw new Error("square is not itself any more");

  const { plain, wrapped } = wrapperCost(1_000_000);
  console.log(`a sum of two numbers: ${plain.toFixed(1)} ns a call, timed ${wrapped.toFixed(1)} ns`);
}
