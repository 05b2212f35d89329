/**
 * What a number is to V8: small integer, double, boxed double, BigInt, a field of an object; what each costs in time
 * and, to the byte, in memory.
 *
 * What to notice: TypeScript has one type `number`, V8 has several. An array of small integers and one of doubles hold
 * the numbers themselves, 8 bytes each. As soon as one element is no number, the array holds pointers, and each number
 * that is not a small integer becomes a box on the heap: 8 bytes for the pointer and 16 for the box (what it is, and the
 * number). Objects and BigInts are boxes from the start. The sum itself is as fast for the one as for the other where V8
 * has seen only that one; a sum of BigInts makes a new box for each addition, which the garbage collector clears away.
 *
 * Bytes are counted in a `deno` of its own with all of V8 on one thread: what the heap holds after a collection, with and
 * without the array. Needs `deno` on the PATH.
 *
 * @original none, chapter 1's question on how Python abstracts the underlying computer architecture
 * @run deno run --allow-run=deno ch01/abstraction.ts
 * @takes 2 s
 */

import v8 from "node:v8";

/** A way to hold numbers: as V8 code, so that each is compiled for itself and can be sent to a process of its own. */
export interface Kind {
  /** An expression for what holds `count` numbers; the k-th is k % 1000, or half as much more where it says so. */
  make: string;
  /** An expression for element i of `values`, and the zero that the sum starts with. */
  read: string;
  zero: string;
  /** What the heap and the array buffers hold for an element, by V8's layout without pointer compression. */
  theory: number;
  /** Whether the numbers are k % 1000 + 0.5. */
  halves?: boolean;
}

const loop = (start: string, value: string) =>
  `(() => { const values = ${start}; for (let i = 0; i < count; i++) values[i] = ${value}; return values; })()`;

export const kinds: Record<string, Kind> = {
  // Pointer-sized slots that hold the number itself.
  "small integers": { make: loop("new Array(count).fill(0)", "i % 1000"), read: "values[i]", zero: "0", theory: 8 },
  doubles: {
    make: loop("new Array(count).fill(0.5)", "i % 1000 + 0.5"),
    read: "values[i]",
    zero: "0",
    theory: 8,
    halves: true,
  },
  // One text among them was enough: the slots hold pointers from then on, and stay so when the text is gone.
  "boxed doubles": {
    make: loop('new Array(count).fill("")', "i % 1000 + 0.5"),
    read: "values[i]",
    zero: "0",
    theory: 8 + 16,
    halves: true,
  },
  // Slot; map, properties, elements, the field; the field's number is a box.
  "objects { x }": {
    make: loop("new Array(count).fill(null)", "({ x: i % 1000 + 0.5 })"),
    read: "values[i].x",
    zero: "0",
    theory: 8 + 32 + 16,
    halves: true,
  },
  // Slot; map, sign and length, one digit of 64 bits.
  BigInts: {
    make: loop("new Array(count).fill(0n)", "BigInt(i % 1000)"),
    read: "values[i]",
    zero: "0n",
    theory: 8 + 24,
  },
  Float64Array: {
    make: loop("new Float64Array(count)", "i % 1000 + 0.5"),
    read: "values[i]",
    zero: "0",
    theory: 8,
    halves: true,
  },
  Int32Array: { make: loop("new Int32Array(count)", "i % 1000"), read: "values[i]", zero: "0", theory: 4 },
  BigInt64Array: {
    make: loop("new BigInt64Array(count)", "BigInt(i % 1000)"),
    read: "values[i]",
    zero: "0n",
    theory: 8,
  },
};

/** A sum over `count` numbers of a kind, in a function that has seen no other kind. Returns a number or a BigInt. */
export function makeSum({ make, read, zero }: Kind, count: number): () => number | bigint {
  return new Function(
    "count",
    `const values = ${make};
    return () => { let sum = ${zero}; for (let i = 0; i < count; i++) sum += ${read}; return sum; };`,
  )(count);
}

/** What the sum must come to. The count is a multiple of 1000. */
export function expectedSum({ halves }: Kind, count: number): number {
  return count * (499.5 + (halves ? 0.5 : 0));
}

/**
 * Bytes an element that an array of a kind holds, heap and array buffers together: what one of `count` elements takes more
 * than one of 1000, least of some trials in a process of its own.
 * Throws Deno.errors.NotFound without `deno` on the PATH.
 */
export async function bytesHeld({ make }: Kind, count: number): Promise<number> {
  const program = `
    const stock = () => (gc(), gc(), Deno.memoryUsage()), kept = [];
    const make = (count) => ${make};
    let least = Infinity;
    for (let trial = 0; trial < 3; trial++) {
      kept[0] = make(1000);
      const before = stock();
      kept[0] = make(${count});
      const after = stock();
      const held = after.heapUsed + after.external - before.heapUsed - before.external;
      least = Math.min(least, held);
    }
    console.log(least / ${count - 1000});`;
  const flags = ["--no-prompt", "--no-config", "--no-lock", "--v8-flags=--single-threaded,--expose-gc", "--ext=js"];
  const child = new Deno.Command("deno", {
    args: ["run", ...flags, `data:text/javascript,${encodeURIComponent(program)}`],
    stdin: "null",
    env: { NO_COLOR: "1" },
  });
  const { success, stdout, stderr } = await child.output();
  if (!success) throw new Error(`deno: ${new TextDecoder().decode(stderr)}`);
  return Number(new TextDecoder().decode(stdout));
}

/** Calls something and counts what the garbage collector did meanwhile: collections, and their pauses in milliseconds. */
export function countCollections(call: () => void): { collections: number; pause: number } {
  const profiler = new v8.GCProfiler();
  profiler.start();
  call();
  const costs = profiler.stop()!.statistics.map(({ cost }) => cost / 1e6);
  return { collections: costs.length, pause: costs.reduce((sum, cost) => sum + cost, 0) };
}

if (import.meta.main) {
  const count = 100_000, calls = 100;
  console.log("a sum of numbers      ns a number   bytes a number   collections in 100 sums, ms");
  for (const [name, kind] of Object.entries(kinds)) {
    const sum = makeSum(kind, count), expected = expectedSum(kind, count);
    let shortest = Infinity;
    const { collections, pause } = countCollections(() => {
      for (let call = 0; call < calls; call++) {
        const start = performance.now(), result = sum();
        shortest = Math.min(shortest, performance.now() - start);
        if (Number(result) !== expected) throw new Error(`${name}: the sum is ${expected}, not ${result}`);
      }
    });
    let bytes;
    try {
      bytes = await bytesHeld(kind, count);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      console.error("error: no deno on the PATH, in which to count bytes; install it: npm install -g deno");
      Deno.exit(2);
    }
    const cells = [shortest / count * 1e6, bytes].map((value) => value.toFixed(2));
    console.log(
      name.padEnd(18),
      cells[0].padStart(14),
      cells[1].padStart(16),
      `${collections}, ${pause.toFixed(1)}`.padStart(22),
    );
  }
}
