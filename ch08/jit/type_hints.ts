/**
 * What does tell V8 a type: values and operations. Five pairs of loops with the same result.
 *
 * What to notice: `| 0` keeps a sum in 32 bits, where `%` needs a division of doubles. Math.imul multiplies 32-bit integers
 * without rounding, which otherwise takes two products. A typed array holds nothing but its type, while an array that
 * ever held null keeps each fraction as an object of its own, made anew when it is written. A class that gives every field
 * a value makes objects of one shape. The last, Math.fround, pays nothing: V8 computes in doubles all the same, and the
 * roundings to single precision come on top.
 *
 * @original none, chapter 8's question on why type annotations help
 * @run deno run ch08/jit/type_hints.ts
 * @takes 2 s
 */

export interface Pair {
  /** What is said in the second of the two. */
  hint: string;
  plain(): number;
  hinted(): number;
}

interface Item {
  id: number;
  size?: number;
  weight?: number;
  price?: number;
}
class FullItem {
  constructor(
    readonly id: number,
    readonly size: number | null,
    readonly weight: number | null,
    readonly price: number | null,
  ) {}
}

/** The pairs, each over `count` elements of its own; both loops of a pair come to the same number. */
export const pairs: Record<string, (count: number) => Pair> = {
  integer(count) {
    const words = Array.from({ length: count }, (_, i) => Math.imul(i, 0x9e3779b1) >>> 0);
    return {
      hint: "| 0 for % 2 ** 32",
      plain: () => {
        let sum = 0;
        for (let i = 0; i < words.length; i++) sum = (sum + words[i]) % 0x100000000;
        return sum;
      },
      hinted: () => {
        let sum = 0;
        for (let i = 0; i < words.length; i++) sum = (sum + words[i]) | 0;
        return sum >>> 0;
      },
    };
  },
  imul(count) {
    // The FNV-1a hash, whose product needs 56 bits: a plain `*` would round it.
    const bytes = Uint8Array.from({ length: count }, (_, i) => i * 197), prime = 0x01000193;
    return {
      hint: "Math.imul for two halves",
      plain: () => {
        let hash = 0x811c9dc5;
        for (let i = 0; i < bytes.length; i++) {
          hash ^= bytes[i];
          hash = ((hash & 0xffff) * prime + (((hash >>> 16) * prime & 0xffff) << 16)) >>> 0;
        }
        return hash;
      },
      hinted: () => {
        let hash = 0x811c9dc5;
        for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i], prime);
        return hash >>> 0;
      },
    };
  },
  typed_array(count) {
    const boxed: (number | null)[] = Array.from({ length: count }, () => null);
    for (let i = 0; i < count; i++) boxed[i] = i / 2;
    const typed = Float64Array.from({ length: count }, (_, i) => i / 2);
    return {
      hint: "Float64Array for an array",
      plain: () => {
        for (let i = 0; i < boxed.length; i++) boxed[i] = boxed[i]! * 0.5 + 1.25;
        return boxed[count - 1]!;
      },
      hinted: () => {
        for (let i = 0; i < typed.length; i++) typed[i] = typed[i] * 0.5 + 1.25;
        return typed[count - 1];
      },
    };
  },
  all_fields(count) {
    const items = Array.from({ length: count }, (_, i) => {
      const item: Item = { id: i };
      if (i & 1) item.size = 1;
      if (i & 2) item.weight = 2;
      if (i & 4) item.price = 3;
      return item;
    });
    const full = items.map(({ id, size = null, weight = null, price = null }) => new FullItem(id, size, weight, price));
    return {
      hint: "a class with all fields",
      plain: () => {
        let sum = 0;
        for (let i = 0; i < count; i++) sum += (items[i].size ?? 0) + (items[i].weight ?? 0) + (items[i].price ?? 0);
        return sum;
      },
      hinted: () => {
        let sum = 0;
        for (let i = 0; i < count; i++) sum += (full[i].size ?? 0) + (full[i].weight ?? 0) + (full[i].price ?? 0);
        return sum;
      },
    };
  },
  fround(count) {
    // Whole numbers below 2 ** 24, which single precision holds exactly.
    const a = Float32Array.from({ length: count }, (_, i) => i % 2), b = Float32Array.from(a, (_, i) => i % 3);
    return {
      hint: "Math.fround",
      plain: () => {
        let sum = 0;
        for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
        return sum;
      },
      hinted: () => {
        let sum = 0;
        for (let i = 0; i < a.length; i++) sum = Math.fround(sum + Math.fround(a[i] * b[i]));
        return sum;
      },
    };
  },
};

if (import.meta.main) {
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
    const times = [best(plain), best(hinted)];
    const [before, after] = times.map((time) => `${time.toFixed(2).padStart(6)} ns`);
    console.log(name.padEnd(12), before, "->", after, `${(times[0] / times[1]).toFixed(1).padStart(5)}x `, hint);
  }
}
