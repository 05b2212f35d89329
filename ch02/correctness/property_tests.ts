/**
 * How to keep fast code correct: a slow version that is obviously right, thousands of made-up inputs, and mutations.
 *
 * What to notice: two fast functions are held to slow ones. Then each is broken on purpose, one mutation at a time, and
 * run through three tests: the usual one, a single example with a known result; and a property, «for every input the same
 * as the slow one», twice. fast-check makes its inputs from a seed and shrinks one that fails to the smallest. The
 * book's own check, the sum over a million points, does not see a lost last point, nor c upside down, since the picture
 * has the same sum both ways. What the property sees depends on what it is fed: NaN, -0, nothing at all, odd lengths, the
 * very edge, and numbers such as 1, since numbers of any magnitude are mostly tiny ones.
 *
 * @original none, chapter 2's question on correctness while tuning
 * @run deno run ch02/correctness/property_tests.ts
 * @takes 3 s
 */

import fc from "npm:fast-check@4.10.2";

export interface Complex {
  re: number;
  im: number;
}

/** The slow Julia set: z = z * z + c with objects, as the formula reads, until |z|² is not below 4 or at the limit. */
export function juliaSlow(limit: number, zs: Complex[]): number[] {
  const multiply = (a: Complex, b: Complex) => ({ re: a.re * b.re - a.im * b.im, im: a.re * b.im + a.im * b.re });
  const add = (a: Complex, b: Complex) => ({ re: a.re + b.re, im: a.im + b.im });
  return zs.map((z) => {
    let n = 0;
    for (; n < limit && z.re * z.re + z.im * z.im < 4; n++) z = add(multiply(z, z), { re: -0.62772, im: -0.42193 });
    return n;
  });
}

/** The fast one: typed arrays, the formula written out, two steps a round. */
export function juliaFast(limit: number, res: Float64Array, ims: Float64Array): Int32Array {
  const counts = new Int32Array(res.length), cRe = -0.62772, cIm = -0.42193;
  for (let i = 0; i < res.length; i++) {
    let re = res[i], im = ims[i], n = 0;
    let re2 = re * re, im2 = im * im;
    while (n + 1 < limit) {
      if (!(re2 + im2 < 4)) break;
      im = 2 * re * im + cIm, re = re2 - im2 + cRe, re2 = re * re, im2 = im * im, n++;
      if (!(re2 + im2 < 4)) break;
      im = 2 * re * im + cIm, re = re2 - im2 + cRe, re2 = re * re, im2 = im * im, n++;
    }
    // The step that an odd limit leaves.
    if (n < limit && re2 + im2 < 4) n++;
    counts[i] = n;
  }
  return counts;
}

/** The slow maximum. NaN if one is among the values, and 0 is larger than -0. Of nothing it is -Infinity. */
export function maximumSlow(values: Float64Array): number {
  return values.toSorted().reduce((last, value) => Number.isNaN(last) ? last : value, -Infinity);
}

/** The fast one: four at a time, which do not wait for each other. */
export function maximumFast(values: Float64Array): number {
  let a = -Infinity, b = -Infinity, c = -Infinity, d = -Infinity, i = 0;
  const whole = values.length - values.length % 4;
  for (; i < whole; i += 4) {
    a = Math.max(a, values[i]);
    b = Math.max(b, values[i + 1]);
    c = Math.max(c, values[i + 2]);
    d = Math.max(d, values[i + 3]);
  }
  for (; i < values.length; i++) a = Math.max(a, values[i]);
  return Math.max(a, b, c, d);
}

type Test<F> = (fast: F) => string | undefined;

interface Subject<F> {
  fast: F;
  /** What is wrong, in a few words, and what to write in place of what in the source that runs. */
  mutations: Record<string, [part: string, other: string]>;
  /** Each says what went wrong, or nothing. */
  example: Test<F>;
  /** With ordinary numbers only, and with those at the edge as well. */
  ordinary: Test<F>;
  property: Test<F>;
}

const seed = 2, numRuns = 600;

/** The smallest input found that fails. */
function check<T>(inputs: fc.Arbitrary<T>, holds: (input: T) => boolean): string | undefined {
  const { failed, counterexample } = fc.check(fc.property(inputs, holds), { seed, numRuns });
  return failed ? fc.stringify(counterexample![0]) : undefined;
}

const same = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  a.length === b.length && Array.from(a).every((value, i) => Object.is(value, b[i]));

/** Held to the slow one on points of numbers near the circle, and of others where there are any. */
function juliaProperty(fast: typeof juliaFast, ...others: number[]): string | undefined {
  const number = fc.double({ min: -2, max: 2, minExcluded: true, maxExcluded: true, noNaN: true });
  const coordinate = fc.oneof({ weight: 4, arbitrary: number }, ...others.map((other) => fc.constant(other)));
  return check(
    fc.record({ limit: fc.integer({ min: 0, max: 40 }), zs: fc.array(fc.tuple(coordinate, coordinate)) }),
    ({ limit, zs }) =>
      same(
        fast(limit, Float64Array.from(zs, ([re]) => re), Float64Array.from(zs, ([, im]) => im)),
        juliaSlow(limit, zs.map(([re, im]) => ({ re, im }))),
      ),
  );
}

function maximumProperty(fast: typeof maximumFast, ...others: number[]): string | undefined {
  const number = fc.double({ noNaN: true });
  const value = fc.oneof({ weight: 4, arbitrary: number }, ...others.map((other) => fc.constant(other)));
  return check(
    fc.array(value, { minLength: others.length > 0 ? 0 : 1, maxLength: 12 }),
    (values) => Object.is(fast(Float64Array.from(values)), maximumSlow(Float64Array.from(values))),
  );
}

const juliaSubject: Subject<typeof juliaFast> = {
  fast: juliaFast,
  mutations: {
    "<= for < in the limit": ["n + 1 < limit", "n + 1 <= limit"],
    "<= for < at the edge": ["(!(re2 + im2 < 4)) break", "(!(re2 + im2 <= 4)) break"],
    ">= 4 for not < 4": ["(!(re2 + im2 < 4)) break", "(re2 + im2 >= 4) break"],
    "odd step forgotten": ["if (n < limit && re2 + im2 < 4) n++;", ""],
    "odd step not tested": ["n < limit && re2 + im2 < 4", "n < limit"],
    "first point forgotten": ["let i = 0", "let i = 1"],
    "last point forgotten": ["i < res.length", "i < res.length - 1"],
    "conjugate of c": ["cIm = -0.42193", "cIm = 0.42193"],
    "new re used for im": [
      "im = 2 * re * im + cIm, re = re2 - im2 + cRe",
      "re = re2 - im2 + cRe, im = 2 * re * im + cIm",
    ],
  },
  // The book's: the sum over 1000 x 1000 points.
  example(fast) {
    const width = 1000, res = new Float64Array(width ** 2), ims = new Float64Array(width ** 2);
    for (let row = 0, im = 1.8; row < width; row++, im -= 3.6 / width) {
      for (let column = 0, re = -1.8; column < width; column++, re += 3.6 / width) {
        res[row * width + column] = re, ims[row * width + column] = im;
      }
    }
    const sum = fast(300, res, ims).reduce((sum, n) => sum + n, 0);
    return sum === 33219980 ? undefined : `sum ${sum}`;
  },
  ordinary: (fast) => juliaProperty(fast),
  property: (fast) => juliaProperty(fast, 0, -0, 1, 2, -2, NaN, Infinity),
};

const maximumSubject: Subject<typeof maximumFast> = {
  fast: maximumFast,
  mutations: {
    "rest forgotten": ["i < values.length", "i < whole"],
    "starts at 0": ["a = -Infinity", "a = 0"],
    "comparison for Math.max": ["d = Math.max(d, values[i + 3])", "if (values[i + 3] > d) d = values[i + 3]"],
    "one of four forgotten": ["Math.max(a, b, c, d)", "Math.max(a, b, c)"],
    "reads past the end": ["values.length - values.length % 4", "values.length"],
    "starts at the first value": ["a = -Infinity", "a = values[0]"],
  },
  // A thousand values in a scrambled order.
  example(fast) {
    const found = fast(Float64Array.from({ length: 1000 }, (_, i) => i * 617 % 1000));
    return found === 999 ? undefined : `maximum ${found}`;
  },
  ordinary: (fast) => maximumProperty(fast),
  property: (fast) => maximumProperty(fast, 0, -0, NaN, -Infinity),
};

export interface Row {
  subject: string;
  mutation: string;
  /** What the test said, or nothing where it missed the mutation. */
  example?: string;
  ordinary?: string;
  property?: string;
}

/** The function that runs, with one part of its source replaced. Throws if that part is not in it. */
export function mutate<F>(fast: F, part: string, other: string): F {
  // Layout and comments are no part of it: Deno prints the source anew when it takes the types away.
  const bare = (text: string) => text.replaceAll(/\/\/.*/g, "").replaceAll(/\s+/g, " ");
  const source = bare(`${fast}`);
  if (!source.includes(bare(part))) throw new Error(`there is no ${part} in ${source}`);
  return new Function(`return ${source.replaceAll(bare(part), bare(other))}`)();
}

/** Runs all tests on both functions, as they are (mutation "none") and with every mutation. */
export function tryMutations(): Row[] {
  const test = <F>(fast: F, { example, ordinary, property }: Subject<F>) => ({
    example: example(fast),
    ordinary: ordinary(fast),
    property: property(fast),
  });
  const rows = <F>(name: string, subject: Subject<F>): Row[] => [
    { subject: name, mutation: "none", ...test(subject.fast, subject) },
    ...Object.entries(subject.mutations).map(([mutation, [part, other]]) => ({
      subject: name,
      mutation,
      ...test(mutate(subject.fast, part, other), subject),
    })),
  ];
  return [...rows("julia", juliaSubject), ...rows("maximum", maximumSubject)];
}

/** What a test did with a mutation, or with the function as it is. */
export function verdict({ mutation }: Row, failure?: string): string {
  return failure ? "caught" : mutation === "none" ? "passes" : "MISSED";
}

if (import.meta.main) {
  const rows = tryMutations(), wide = [8, 26, 8, 9, 0];
  const print = (...cells: string[]) => console.log(cells.map((cell, i) => cell.padEnd(wide[i])).join(" ").trimEnd());
  print("", "mutation", "example", "ordinary", "property, and the smallest input that fails");
  for (const row of rows) {
    const { subject, mutation, example, ordinary, property } = row;
    const last = `${verdict(row, property)} ${property ?? ""}`;
    print(subject, mutation, verdict(row, example), verdict(row, ordinary), last);
  }
  const mutants = rows.filter(({ mutation }) => mutation !== "none");
  const missed = (test: "example" | "ordinary" | "property") => mutants.filter((row) => !row[test]).length;
  console.log(
    `Of ${mutants.length} mutations the example missed ${missed("example")}, the property on ordinary numbers ` +
      `${missed("ordinary")}, the property ${missed("property")}.`,
  );
  if (rows.some((row) => row.mutation === "none" && (row.example || row.ordinary || row.property))) {
    throw new Error("a fast function is wrong as it is");
  }
  if (missed("property") > 0) throw new Error("the property must catch every mutation");
}
