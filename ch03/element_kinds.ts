/**
 * The kinds of elements that V8 has for arrays, and what turns one into another.
 *
 * What to notice: an array begins as what it is first seen to hold, and goes one way only: small integers (32 bits), doubles,
 * anything; packed, then holey; at last a dictionary, a hash table from index to value. One fraction, one hole, one text
 * is enough, and taking it away again does not lead back. A new array made from the old one may be of the better kind, and
 * so may one that `fill` has filled. Small integers cost the same as doubles here, holes a comparison, boxed numbers a pointer to follow, a
 * dictionary a search; and a frozen array, which nothing can happen to, is read more slowly than most. `undefined` among numbers counts as a hole for V8 15, no longer as an object.
 *
 * V8 is asked itself, in a process of its own, by the functions that `--allow-natives-syntax` gives.
 *
 * @original none, chapter 3's question on how lookup is achieved
 * @run deno run --allow-run=deno ch03/element_kinds.ts
 * @takes 1 s
 */

/** A way to make an array, as text, and the kind that V8 15 gives it. */
export type Transition = [source: string, kind: string];

export const transitions: Transition[] = [
  ["[1, 2, 3]", "packed small integers"],
  ["[1, 2, 2 ** 31 - 1]", "packed small integers"],
  ["[1, 2, 2 ** 31]", "packed doubles"],
  ["[1, 2, 3.5]", "packed doubles"],
  ["[1, 2, -0]", "packed doubles"],
  ["[1, 2, NaN]", "packed doubles"],
  ["[1, 2, null]", "packed objects"],
  ["[1, 2, 'three']", "packed objects"],
  ["[1, 2, 3n]", "packed objects"],
  ["[1, 2, undefined]", "holey doubles"],
  ["[1, , 3]", "holey small integers"],
  ["a = [1, 2, 3], a.push(4.5), a.pop(), a", "packed doubles"],
  ["a = [1, 2, 3.5], a.length = 0, a.push(1), a", "packed doubles"],
  ["a = [1, 2, 3], delete a[2], a[2] = 3, a", "holey small integers"],
  ["a = [1, 2, 3], a.length = 5, a", "holey small integers"],
  ["a = [1, 2, 3], a[5] = 6, a", "holey small integers"],
  ["a = [1, 2, 3], a[1026] = 4, a", "holey small integers"],
  ["a = [1, 2, 3], a[5000] = 4, a", "dictionary"],
  ["a = [], a[5000] = 0, fillUp(a), a", "holey small integers"],
  ["Object.defineProperty([1, 2], 0, { writable: false })", "dictionary"],
  ["new Array(3)", "holey small integers"],
  ["fillUp(new Array(3))", "holey small integers"],
  ["new Array(3).fill(0)", "packed small integers"],
  ["[...fillUp(new Array(3))]", "holey small integers"],
  ["Array.from({ length: 3 }, (_, i) => i)", "packed small integers"],
  ["[1, 2, 3].map((x) => x / 2)", "packed doubles"],
  ["new Array(2 ** 25)", "holey small integers"],
  ["new Array(2 ** 25 + 1)", "dictionary"],
  ["Object.freeze([1, 2, 3])", "packed, frozen or sealed"],
];

/** The kinds that V8 gives arrays made by each text. Throws if deno is not on the PATH. */
export async function findKinds(sources: readonly string[]): Promise<string[]> {
  return JSON.parse(
    await runAlone(`
      const ask = (name) => new Function("array", "return %Has" + name + "Elements(array)");
      const isDictionary = ask("Dictionary"), isHoley = ask("Holey"), isFast = ask("Fast");
      const contents = { "small integers": ask("Smi"), doubles: ask("Double"), objects: ask("Object") };
      const kindOf = (array) => {
        if (isDictionary(array)) return "dictionary";
        const content = Object.keys(contents).find((name) => contents[name](array));
        return (isHoley(array) ? "holey" : "packed") + (content ? " " + content : ", frozen or sealed");
      };
      function fillUp(array) {
        for (let i = 0; i < array.length; i++) array[i] = i;
        return array;
      }
      const sources = ${JSON.stringify(sources)};
      console.log(JSON.stringify(sources.map((source) => kindOf(new Function("fillUp", "let a; return " + source)(fillUp)))));
    `),
  );
}

export type Sum = (array: readonly number[]) => number;

/** The sum of all elements, where a hole counts as nothing. */
export const sum: Sum = (array) => {
  let total = 0;
  for (let i = 0; i < array.length; i++) total += array[i] ?? 0;
  return total;
};

/** Arrays of the numbers 0 to length - 1, one of each kind. The last of some, there to set the kind, counts as nothing. */
export const kinds: Record<string, (length: number) => readonly number[]> = {
  "packed small integers": (length) => Array.from({ length }, (_, i) => i),
  "holey small integers": (length) => {
    const array = new Array<number>(length);
    for (let i = 0; i < length; i++) array[i] = i;
    return array;
  },
  "packed doubles": (length) => {
    const array = [0.5];
    for (let i = 0; i < length; i++) array[i] = i;
    return array;
  },
  "holey doubles": (length) => {
    const array = new Array<number>(length);
    array[0] = 0.5;
    for (let i = 0; i < length; i++) array[i] = i;
    return array;
  },
  // The numbers before the text are doubles, each in an object of its own.
  "packed objects": (length) => {
    const array = [0.5];
    for (let i = 0; i < length; i++) array[i] = i;
    (array as unknown[]).push("text");
    array.pop();
    return array;
  },
  "frozen": (length) => Object.freeze(Array.from({ length }, (_, i) => i)),
  "dictionary": (length) => {
    const array: number[] = [];
    // An element that can be deleted but not written turns the array into a dictionary, and keeps it one.
    Object.defineProperty(array, 0, { value: 0, configurable: true, enumerable: true, writable: false });
    for (let i = 1; i < length; i++) array[i] = i;
    return array;
  },
  "Float64Array": (length) => Float64Array.from({ length }, (_, i) => i) as unknown as readonly number[],
};

let copies = 0;

/** A copy of `sum` that has seen no array yet: V8 keeps by text and place what it learns. */
export function freshSum(): Sum {
  return new Function(`return ${sum} // copy ${++copies}`)();
}

/** Runs JavaScript in a `deno` of its own, without any permission, and gives what it prints. */
async function runAlone(program: string): Promise<string> {
  const child = new Deno.Command("deno", {
    args: ["run", "--no-prompt", "--no-config", "--no-lock", "--v8-flags=--allow-natives-syntax", "--ext=js", "-"],
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
  let found: string[];
  try {
    found = await findKinds(transitions.map(([source]) => source));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    console.error("error: there is no deno on the PATH to ask V8 in; install it: npm install -g deno");
    Deno.exit(2);
  }
  for (const [i, [source, expected]] of transitions.entries()) {
    console.log(source.padEnd(54), found[i], found[i] === expected ? "" : `(${expected} when this was written)`);
  }
  console.log();
  const length = 10_000;
  for (const [name, make] of Object.entries(kinds)) {
    const array = make(length), sum = freshSum();
    let best = Infinity;
    for (let call = 0; call < 400; call++) {
      const start = performance.now();
      const total = sum(array);
      best = Math.min(best, performance.now() - start);
      if (total !== length * (length - 1) / 2) throw new Error(`${name}: the sum is ${total}`);
    }
    console.log(name.padEnd(22), `${(best / length * 1e6).toFixed(2)} ns an element`);
  }
}
