/**
 * Looking up a name: local, closure, module, global, a property of a global, and a scope that is a true dictionary.
 *
 * What to notice: in Python a global is looked up by name in a dict each time, a local by number. In JavaScript all names of
 * functions and modules are numbered when the code is compiled; the engine knows before the first run which slot of
 * which scope is meant. Only globals are names at run time, and of those V8 remembers where they lie, so that compiled code
 * reads all four at the same price. What cannot be known beforehand is the scope of a `with` statement, which
 * TypeScript refuses: an object that may have the name or not. That is what a dictionary lookup for each name costs. Copying
 * a global into a local, which pays in Python, pays here only for code that is not compiled yet (add
 * --v8-flags=--no-opt,--no-maglev,--no-sparkplug).
 *
 * @original 04_dict_set/namespace.py
 * @run deno run ch04/namespace.ts
 * @takes 1 s
 */

declare global {
  /** Exists while `lookups` is in use. */
  var namespaceGlobal: number;
}

const moduleSin = Math.sin;
let moduleVariable = 1;

export type Lookup = (count: number) => number;

/** Sums a variable that is found in another scope each time; each returns `count`. */
export function variableLookups(): Record<string, Lookup> {
  globalThis.namespaceGlobal = 1;
  // Written to, so that none of them is a constant.
  moduleVariable = [1, 2][count()];
  let closureVariable = [1, 2][count()];
  const withDictionary = new Function(
    "scope",
    "count",
    "with (scope) { let sum = 0; for (let i = 0; i < count; i++) sum += name; return sum; }",
  );
  const increase = () => {
    closureVariable++;
    moduleVariable++;
  };
  if (count() > 0) increase();
  return {
    local_lookup(count) {
      const localVariable = globalThis.namespaceGlobal;
      let sum = 0;
      for (let i = 0; i < count; i++) sum += localVariable;
      return sum;
    },
    closure_lookup(count) {
      let sum = 0;
      for (let i = 0; i < count; i++) sum += closureVariable;
      return sum;
    },
    module_lookup(count) {
      let sum = 0;
      for (let i = 0; i < count; i++) sum += moduleVariable;
      return sum;
    },
    global_lookup(count) {
      let sum = 0;
      for (let i = 0; i < count; i++) sum += namespaceGlobal;
      return sum;
    },
    with_lookup: (count) => withDictionary({ name: 1 }, count),
  };
}

function count(): number {
  return 0;
}

/** The original's three: a function found as a property of a global, in the module, in a local. Sums of sines of 0, 1, …. */
export const functionLookups: Record<string, Lookup> = {
  local_sin(count) {
    const sin = Math.sin;
    let sum = 0;
    for (let i = 0; i < count; i++) sum += sin(i);
    return sum;
  },
  module_sin(count) {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += moduleSin(i);
    return sum;
  },
  global_sin(count) {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += Math.sin(i);
    return sum;
  },
};

/** Nanoseconds a lookup, the least of `repeats` loops; throws if a loop does not come to `expected`. */
export function time(lookup: Lookup, count: number, repeats: number, expected: number): number {
  let shortest = Infinity;
  for (let repeat = 0; repeat < repeats; repeat++) {
    const start = performance.now(), result = lookup(count);
    shortest = Math.min(shortest, performance.now() - start);
    if (result !== expected) throw new Error(`${lookup.name} came to ${result}, not ${expected}`);
  }
  return shortest / count * 1e6;
}

/** All lookups timed: nanoseconds by name. */
export function timeAll(count = 10_000, repeats = 100): Record<string, number> {
  const variables = variableLookups(), times: Record<string, number> = {};
  for (const [name, lookup] of Object.entries(variables)) times[name] = time(lookup, count, repeats, count);
  let sines = 0;
  for (let i = 0; i < count; i++) sines += Math.sin(i);
  for (const [name, lookup] of Object.entries(functionLookups)) times[name] = time(lookup, count, repeats, sines);
  return times;
}

if (import.meta.main) {
  for (const [name, nanoseconds] of Object.entries(timeAll())) {
    console.log(name.padEnd(15), `${nanoseconds.toFixed(2)} ns`.padStart(10));
  }
}
