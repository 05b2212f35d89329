/**
 * One line of code that reads `.x` from objects of 1, 2, 4, 5 and 8 shapes.
 *
 * What to notice: V8 gives objects with the same fields, added in the same order, one shape, and remembers at each place
 * in the code which shapes came by. For one it compiles a comparison and a load; for up to four a comparison for each.
 * From the fifth on the place is megamorphic: it looks every object up in a table shared by the whole program, and it
 * stays so. TypeScript's `{ x: number }` holds for all of them and tells V8 nothing. The remedy is the last line: eight
 * kinds of objects that are told apart by what a field holds, not by which fields there are.
 *
 * Measured on copies of one function, since a function does not forget the shapes it saw. A copy is compiled from a text of
 * its own: V8 recognises the same text, and gives the copy what the first one learnt.
 *
 * @original none, chapter 8's question on why types help a compiler
 * @run deno run ch08/jit/shapes.ts
 * @takes 1 s
 */

/** The numbers of shapes, around the four that V8 remembers at one place. */
export const shapeCounts = [1, 2, 4, 5, 8];

export interface Point {
  x: number;
}

export type SumX = (points: readonly Point[]) => number;

/** The sum of all x. */
export const sumX: SumX = (points) => {
  let sum = 0;
  for (let i = 0; i < points.length; i++) sum += points[i].x;
  return sum;
};

let copies = 0;

/** A copy of a function that refers to nothing outside itself; it has seen no shapes yet. */
export function freshCopy<F extends (...args: never[]) => unknown>(f: F): F {
  return new Function(`return ${f} // copy ${++copies}`)();
}

/** Objects { x: i, … } that take turns in so many shapes, told apart by the name of a second field. */
export function makeShapes(count: number, shapes: number): Point[] {
  const seconds = Array.from({ length: shapes }, (_, shape) => `kind${shape}`);
  return Array.from({ length: count }, (_, i) => ({ x: i, [seconds[i % shapes]]: 0 }));
}

/** The same with one shape: the second field is always called `kind` and holds which. */
export function makeKinds(count: number, kinds: number): Point[] {
  return Array.from({ length: count }, (_, i) => ({ x: i, kind: i % kinds }));
}

if (import.meta.main) {
  const count = 2000, calls = 5000;
  const time = (points: Point[]) => {
    const sum = freshCopy(sumX);
    let best = Infinity;
    for (let call = 0; call < calls; call++) {
      const start = performance.now();
      const result = sum(points);
      best = Math.min(best, performance.now() - start);
      if (result !== count * (count - 1) / 2) throw new Error(`the sum is ${count * (count - 1) / 2}, not ${result}`);
    }
    return best / count * 1e6;
  };
  const one = time(makeShapes(count, 1));
  const print = (name: string, nanoseconds: number) =>
    console.log(name.padEnd(21), `${nanoseconds.toFixed(2)} ns an object, ${(nanoseconds / one).toFixed(1)}x`);
  for (const shapes of shapeCounts) print(`${shapes} shape${shapes > 1 ? "s" : ""}`, time(makeShapes(count, shapes)));
  print("8 kinds of one shape", time(makeKinds(count, 8)));
}
