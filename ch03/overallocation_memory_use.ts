/**
 * Bytes for nine numbers, in each of the things that can hold nine numbers.
 *
 * What to notice: V8 overallocates when an array grows, never when its length is known. A literal, `new Array(9)` and a copy
 * have 9 slots, 9 pushes make 17: 184 bytes in place of 120. Freezing afterwards takes no slot away, nor does setting
 * `length`; `slice()` does, as Python's `tuple(list)`. A frozen array is no smaller than another. Nine times the same
 * constants share one store until somebody writes to it. An object of nine fields is smaller than any array, since it has its
 * slots inside; a typed array of nine is the largest of all, and the smallest for nine million.
 *
 * The heap is measured in a process of its own, single-threaded, after a collection, and compared with the theory: an array
 * takes 32 bytes, its store 16, a slot 8, a double outside an array of doubles 16 more. 50,000 of each; `--count 1000000`
 * does the book's million.
 *
 * @original 03_lists_tuples/overallocation_memory_use.py
 * @run deno run --allow-run=deno ch03/overallocation_memory_use.ts
 * @takes 2 s
 */

import { parseArgs } from "jsr:@std/cli@1/parse-args";

export interface Holder {
  /** Makes nine numbers from i on. It refers to nothing outside itself, since it travels as text. */
  make: (i: number) => unknown;
  /** Bytes on the heap by V8's layout: 64 bits without pointer compression; undefined where V8's own bookkeeping decides. */
  theory?: number;
}

const array = 32, store = 16, slot = 8, boxed = 16;

export const holders: Record<string, Holder> = {
  "literal": {
    make: (i) => [i, i + 1, i + 2, i + 3, i + 4, i + 5, i + 6, i + 7, i + 8],
    theory: array + store + 9 * slot,
  },
  "literal of constants": { make: () => [1, 2, 3, 4, 5, 6, 7, 8, 9], theory: array },
  "pushed": {
    make: (i) => {
      const numbers = [];
      for (let k = 0; k < 9; k++) numbers.push(i + k);
      return numbers;
    },
    theory: array + store + 17 * slot,
  },
  "pushed, length = 9": {
    make: (i) => {
      const numbers = [];
      for (let k = 0; k < 9; k++) numbers.push(i + k);
      numbers.length = 9;
      return numbers;
    },
    theory: array + store + 17 * slot,
  },
  "pushed, frozen": {
    make: (i) => {
      const numbers = [];
      for (let k = 0; k < 9; k++) numbers.push(i + k);
      return Object.freeze(numbers);
    },
    theory: array + store + 17 * slot,
  },
  "pushed, slice()": {
    make: (i) => {
      const numbers = [];
      for (let k = 0; k < 9; k++) numbers.push(i + k);
      return numbers.slice();
    },
    theory: array + store + 9 * slot,
  },
  "new Array(9)": {
    make: (i) => {
      const numbers = new Array(9);
      for (let k = 0; k < 9; k++) numbers[k] = i + k;
      return numbers;
    },
    theory: array + store + 9 * slot,
  },
  "Array.from": { make: (i) => Array.from({ length: 9 }, (_, k) => i + k), theory: array + store + 9 * slot },
  "literal, frozen": {
    make: (i) => Object.freeze([i, i + 1, i + 2, i + 3, i + 4, i + 5, i + 6, i + 7, i + 8]),
    theory: array + store + 9 * slot,
  },
  "literal of doubles": {
    make: (i) => [i + .5, i + 1.5, i + 2.5, i + 3.5, i + 4.5, i + 5.5, i + 6.5, i + 7.5, i + 8.5],
    theory: array + store + 9 * slot,
  },
  "a text and 8 doubles": {
    make: (i) => ["text", i + 1.5, i + 2.5, i + 3.5, i + 4.5, i + 5.5, i + 6.5, i + 7.5, i + 8.5],
    theory: array + store + 9 * slot + 8 * boxed,
  },
  "object of 9 fields": {
    make: (i) => ({ a: i, b: i + 1, c: i + 2, d: i + 3, e: i + 4, f: i + 5, g: i + 6, h: i + 7, i: i + 8 }),
    theory: 24 + 9 * slot,
  },
  "Int32Array": { make: (i) => Int32Array.of(i, i + 1, i + 2, i + 3, i + 4, i + 5, i + 6, i + 7, i + 8) },
  "Float64Array": { make: (i) => Float64Array.of(i, i + 1, i + 2, i + 3, i + 4, i + 5, i + 6, i + 7, i + 8) },
};

/** Bytes for each, on V8's heap and outside it. */
export interface Memory {
  heap: number;
  outside: number;
}

/** The memory of `count` of each holder, for one of them. Throws if deno is not on the PATH. */
export async function measureMemory(count: number): Promise<Record<string, Memory>> {
  return JSON.parse(
    await runAlone(`
      import v8 from "node:v8";
      const makes = { ${
      Object.entries(holders).map(([name, { make }]) => `${JSON.stringify(name)}: ${make}`).join(",\n")
    } };
      const trials = ${count > 200_000 ? 1 : 2}, found = {};
      for (const [name, make] of Object.entries(makes)) {
        let heap = Infinity, outside = Infinity;
        // The minimum of trials: the first one also pays for compiling.
        for (let trial = 0; trial < trials; trial++) {
          const kept = new Array(${count}).fill(null);
          make(0);
          gc();
          const before = v8.getHeapStatistics();
          for (let i = 0; i < ${count}; i++) kept[i] = make(i);
          gc();
          const after = v8.getHeapStatistics();
          heap = Math.min(heap, (after.used_heap_size - before.used_heap_size) / kept.length);
          outside = Math.min(outside, (after.external_memory - before.external_memory) / kept.length);
        }
        found[name] = { heap, outside };
      }
      // One flat array for all of them.
      gc();
      const before = v8.getHeapStatistics(), flat = new Int32Array(9 * ${count}), after = v8.getHeapStatistics();
      found["share of one Int32Array"] = {
        heap: (after.used_heap_size - before.used_heap_size) / ${count},
        outside: (after.external_memory - before.external_memory) / flat.length * 9,
      };
      console.log(JSON.stringify(found));
    `),
  );
}

/** Runs JavaScript in a `deno` of its own, without any permission, and gives what it prints. */
async function runAlone(program: string): Promise<string> {
  const child = new Deno.Command("deno", {
    args: [
      "run",
      "--no-prompt",
      "--no-config",
      "--no-lock",
      "--v8-flags=--single-threaded,--expose-gc",
      "--ext=js",
      "-",
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const feed = new Response(program).body!.pipeTo(child.stdin).catch(() => {});
  const [{ code, stdout, stderr }] = await Promise.all([child.output(), feed]);
  if (code !== 0) throw new Error(`deno ended with code ${code}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

if (import.meta.main) {
  const refuse = (message: string) => (console.error(`error: ${message}`), Deno.exit(2));
  const flags = parseArgs(Deno.args, {
    boolean: ["help"],
    string: ["count"],
    default: { count: "50000" },
    unknown: (argument) => refuse(`${argument}: there is only --count and --help`),
  });
  if (flags.help) {
    console.log("--count N   how many of each, from 1000 to 1000000 (50000)");
    Deno.exit(0);
  }
  const count = Number(flags.count);
  if (!(Number.isInteger(count) && count >= 1000 && count <= 1_000_000)) {
    refuse(`--count ${flags.count}: must be a whole number from 1000 to 1000000`);
  }
  let found: Record<string, Memory>;
  try {
    found = await measureMemory(count);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    console.error("error: there is no deno on the PATH to measure the heap in; install it: npm install -g deno");
    Deno.exit(2);
  }
  console.log("bytes for 9 numbers         heap   outside    theory   an element");
  for (const [name, { heap, outside }] of Object.entries(found)) {
    const theory = holders[name]?.theory;
    const cells = [heap.toFixed(1), outside.toFixed(1), `${theory ?? "-"}`, ((heap + outside) / 9).toFixed(1)];
    console.log(name.padEnd(24), ...cells.map((cell, i) => cell.padStart([7, 9, 9, 12][i])));
    if (theory && Math.abs(heap - theory) > 1) throw new Error(`${name}: ${heap} bytes where ${theory} were foretold`);
  }
}
