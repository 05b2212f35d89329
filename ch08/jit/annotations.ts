/**
 * Annotations that V8 never sees: two pairs of loops, the second of each with all the types that it takes.
 *
 * What to notice: TypeScript's types are gone before V8 reads the code. Generics, `as`, `readonly`, branded types and
 * `number` leave the same characters behind, shown below, and so the same speed. A const enum leaves a number where the other
 * loop compares texts, but V8 compares texts that stand in the source by their address. Annotations help the reader and the
 * type checker, who keep a program such that V8's own guesses hold; type_hints.ts has what V8 does see.
 *
 * @original none, chapter 8's question on why type annotations help
 * @run deno run ch08/jit/annotations.ts
 * @takes 1 s
 */

import { stripTypeScriptTypes } from "node:module";

/** A loop with as many annotations as it takes, and what is left of it, character by character but for blanks. */
export const annotatedSource = `
  type Metres = number & { readonly unit: "m" };
  function total<Point extends { readonly x: number }>(points: readonly Point[]): Metres {
    let sum: number = 0;
    for (let i: number = 0; i < points.length; i++) sum += points[i]!.x as number;
    return sum as Metres;
  }`;

/** Removes the types, and all blanks that they leave. */
export function withoutTypes(source: string): string {
  return stripTypeScriptTypes(source).replaceAll(/\s+/g, " ").replaceAll(/ (?=[;(){}])/g, "").trim();
}

export interface Pair {
  /** What is said in the second of the two. */
  hint: string;
  plain(): number;
  hinted(): number;
}

type Metres = number & { readonly unit: "m" };
const enum Step {
  Add,
  Subtract,
  Triple,
}

/** The pairs, each over `count` elements of its own; both loops of a pair come to the same number. */
export const pairs: Record<string, (count: number) => Pair> = {
  annotations(count) {
    const points = Array.from({ length: count }, (_, i) => ({ x: i }));
    return {
      hint: "generics, as, readonly, brands",
      plain: () => {
        let sum = 0;
        for (let i = 0; i < points.length; i++) {
          sum += points[i].x;
        }
        return sum;
      },
      hinted: (): Metres => {
        let sum: number = 0;
        for (let i: number = 0; i < (points as readonly { readonly x: number }[]).length; i++) {
          sum += points[i]!.x as number;
        }
        return sum as Metres;
      },
    };
  },
  enums(count) {
    const texts = Array.from({ length: count }, (_, i) => (["add", "subtract", "triple"] as const)[i % 3]);
    const steps = Array.from({ length: count }, (_, i) => [Step.Add, Step.Subtract, Step.Triple][i % 3]);
    return {
      hint: "const enum for texts",
      plain: () => {
        let sum = 0;
        for (let i = 0; i < count; i++) {
          const step = texts[i];
          sum = (step === "add" ? sum + i : step === "subtract" ? sum - 1 : sum * 3) | 0;
        }
        return sum;
      },
      hinted: () => {
        let sum = 0;
        for (let i = 0; i < count; i++) {
          const step = steps[i];
          sum = (step === Step.Add ? sum + i : step === Step.Subtract ? sum - 1 : sum * 3) | 0;
        }
        return sum;
      },
    };
  },
};

if (import.meta.main) {
  console.log(withoutTypes(annotatedSource), "\n");
  const count = 4096;
  const best = (call: () => number) => {
    let best = Infinity;
    for (let turn = 0; turn < 1000; turn++) {
      const start = performance.now();
      call();
      best = Math.min(best, performance.now() - start);
    }
    return best / count * 1e6;
  };
  for (const [name, make] of Object.entries(pairs)) {
    const { hint, plain, hinted } = make(count);
    if (plain() !== hinted()) throw new Error(`${name}: the two differ`);
    // What V8 was given to compile.
    if (name === "annotations" && `${plain}` !== `${hinted}`) throw new Error(`the code differs: ${plain}, ${hinted}`);
    const times = [best(plain), best(hinted)];
    const [before, after] = times.map((time) => `${time.toFixed(2).padStart(6)} ns`);
    console.log(name.padEnd(12), before, "->", after, `${(times[0] / times[1]).toFixed(1).padStart(5)}x `, hint);
  }
}
