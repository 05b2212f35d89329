/**
 * Appending n elements one by one: to an array that grows, one that is there already, and a new one each time.
 *
 * What to notice: a push into a full store copies everything, and is still cheap in the mean: stores grow by half, so there
 * are only some 2 copies for each element, however many are pushed. The time of n pushes grows as n. Making a new array for
 * each element, as `[...array, x]` and `concat` do and as a tuple must, copies all n each time and grows as n².
 * Knowing the length beforehand saves the copies. `new Array(n)` is then full of holes, and stays an array that may
 * have some after a loop has filled them all (see element_kinds.ts); `fill` in its place, or a typed array, does not.
 *
 * @original none, chapter 3's question on how appending works
 * @run deno run ch03/append.ts
 * @takes 2 s
 */

export type Append = (count: number) => ArrayLike<number>;

/** Each makes the numbers 0 to count - 1. */
export const appends: Record<"push" | "index" | "presized" | "typed_array" | "spread" | "concat", Append> = {
  push(count) {
    const array: number[] = [];
    for (let i = 0; i < count; i++) array.push(i);
    return array;
  },
  index(count) {
    const array: number[] = [];
    for (let i = 0; i < count; i++) array[array.length] = i;
    return array;
  },
  presized(count) {
    const array = new Array<number>(count);
    for (let i = 0; i < count; i++) array[i] = i;
    return array;
  },
  typed_array(count) {
    const array = new Float64Array(count);
    for (let i = 0; i < count; i++) array[i] = i;
    return array;
  },
  spread(count) {
    let array: readonly number[] = [];
    for (let i = 0; i < count; i++) array = [...array, i];
    return array;
  },
  concat(count) {
    let array: readonly number[] = [];
    for (let i = 0; i < count; i++) array = array.concat(i);
    return array;
  },
};

/** Those that copy everything for each element. */
export const quadratic: readonly string[] = ["spread", "concat"];

/** The slope of the line through the logarithms: the power of x with which y grows. */
function fitPower(x: readonly number[], y: readonly number[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const centre = (values: readonly number[]) => values.map((value) => Math.log(value) - mean(values.map(Math.log)));
  const a = centre(x),
    b = centre(y),
    dot = (u: number[], v: number[]) => u.reduce((sum, one, i) => sum + one * v[i], 0);
  return dot(a, b) / dot(a, a);
}

if (import.meta.main) {
  for (const [name, append] of Object.entries(appends)) {
    // Compiled before it counts.
    for (let call = 0; call < 30; call++) append(300);
    const copies = quadratic.includes(name);
    const sizes = copies ? [1000, 2000, 4000, 8000] : [4000, 16_000, 64_000, 256_000];
    const times = sizes.map((size) => {
      let best = Infinity;
      for (let call = 0; call < (copies ? 4 : 30); call++) {
        const start = performance.now();
        const array = append(size);
        best = Math.min(best, performance.now() - start);
        if (array.length !== size || array[size - 1] !== size - 1) throw new Error(`${name} lost elements`);
      }
      return best;
    });
    const each = (times.at(-1)! / sizes.at(-1)! * 1e6).toFixed(2), power = fitPower(sizes, times).toFixed(2);
    const at = `at ${sizes.at(-1)!.toLocaleString()}`;
    console.log(`${name.padEnd(12)} grows as n to the power ${power}; ${each.padStart(8)} ns an element ${at}`);
  }
}
