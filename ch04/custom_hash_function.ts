/**
 * Points as keys: a Set compares objects by identity, and four ways to make it compare values.
 *
 * What to notice: in Python a class says what equality and hash mean for it, and dict asks. In JavaScript nobody asks: a
 * Map or Set takes two objects for the same only if they are one object, and there is no method to write that would change
 * it. So the key must be something that is compared by value (a string; a number that holds both coordinates; one Map
 * inside another), or equal points must be made one object when they are made (interning). A string is the usual way and
 * the dearest: it must be built and hashed at each lookup, only to be thrown away.
 *
 * @original 04_dict_set/custom_hash_function.py
 * @run deno run ch04/custom_hash_function.ts
 * @takes 1 s
 */

export interface Point {
  x: number;
  y: number;
}

export type CountDistinct = (points: readonly Point[]) => number;

/** WRONG for values: counts objects, since each object is the same as itself only. */
export const distinctByIdentity: CountDistinct = (points) => {
  const seen = new Set<Point>();
  for (const point of points) seen.add(point);
  return seen.size;
};

/** A string of both coordinates; any numbers, though -0 and 0 become the same, as in a Map. */
export const distinctByString: CountDistinct = (points) => {
  const seen = new Set<string>();
  for (const { x, y } of points) seen.add(`${x},${y}`);
  return seen.size;
};

/** A Map of Sets, one for each x; any numbers. */
export const distinctByNesting: CountDistinct = (points) => {
  const columns = new Map<number, Set<number>>();
  let size = 0;
  for (const { x, y } of points) {
    let column = columns.get(x);
    if (!column) columns.set(x, column = new Set());
    if (column.has(y)) continue;
    column.add(y);
    size++;
  }
  return size;
};

/** One number that holds both coordinates, x in the upper half of 30 bits. Throws unless they are whole and within ±2^14. */
export const distinctByNumber: CountDistinct = (points) => {
  const seen = new Set<number>();
  for (const { x, y } of points) seen.add(packed(x) << 15 | packed(y));
  return seen.size;
};

function packed(coordinate: number): number {
  if (coordinate !== (coordinate | 0) || coordinate < -16384 || coordinate > 16383) {
    throw new RangeError(`${coordinate} is no whole number from -16384 to 16383`);
  }
  return coordinate & 0x7fff;
}

/** Gives the one object there is for a pair of coordinates, so that identity means equality from then on. */
export class Interner {
  #columns = new Map<number, Map<number, Point>>();

  intern(x: number, y: number): Point {
    let column = this.#columns.get(x);
    if (!column) this.#columns.set(x, column = new Map());
    let point = column.get(y);
    // What is shared must not change.
    if (!point) column.set(y, point = Object.freeze({ x, y }));
    return point;
  }
}

/** `count` objects for points of a grid of width * width, each drawn many times if `count` is larger. */
export function makePoints(count: number, width: number): Point[] {
  return Array.from({ length: count }, (_, i) => {
    const cell = Math.imul(i, 2654435761) >>> 0;
    return { x: cell % width, y: Math.floor(cell / width) % width };
  });
}

if (import.meta.main) {
  const points = makePoints(100_000, 100), interner = new Interner();
  const interned = points.map(({ x, y }) => interner.intern(x, y));
  const ways: [string, () => number][] = [
    ["identity (wrong)", () => distinctByIdentity(points)],
    ["string keys", () => distinctByString(points)],
    ["nested maps", () => distinctByNesting(points)],
    ["one number", () => distinctByNumber(points)],
    ["interned before", () => distinctByIdentity(interned)],
  ];
  for (const [name, count] of ways) {
    let shortest = Infinity, distinct = 0;
    for (let repeat = 0; repeat < 7; repeat++) {
      const start = performance.now();
      distinct = count();
      shortest = Math.min(shortest, performance.now() - start);
    }
    const expected = name.startsWith("identity") ? points.length : distinctByNesting(points);
    if (distinct !== expected) throw new Error(`${name} found ${distinct} points, not ${expected}`);
    const each = (shortest / points.length * 1e6).toFixed(0);
    console.log(name.padEnd(17), `${distinct}`.padStart(7), "points", `${each} ns each`.padStart(12));
  }
}
