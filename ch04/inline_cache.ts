/**
 * One value by its name, in seven ways: from a field that V8 remembers to a table that it must search.
 *
 * What to notice: `record.port` is not a lookup. At each place in the code V8 remembers the shape of the object that came by
 * and where in it the field lies, an inline cache, and the next object of that shape costs a comparison and a load. The
 * cache is lost where the name is computed and changes, where more than four shapes come by, and where `delete`
 * turned the object into a dictionary. A Map has no shape: it is a search each time, by a constant
 * name as by any other, and for computed names the faster one. So: known names in an object with one shape, unknown ones in
 * a Map; and set to undefined what you would delete.
 *
 * Measured on copies of the functions, since a function does not forget the shapes it saw.
 *
 * @original none, chapter 4's question on how the performance of a dictionary is optimised
 * @run deno run ch04/inline_cache.ts
 * @takes 1 s
 */

export const names = ["host", "port", "path", "user", "role", "lang", "zone", "size"] as const;
type Name = typeof names[number];
export type Fields = Record<Name, number>;

/** Records 0, 1, 2, … whose field number k holds i + k. */
export function makeRecords(count: number): Fields[] {
  return Array.from(
    { length: count },
    (_, i) => ({ host: i, port: i + 1, path: i + 2, user: i + 3, role: i + 4, lang: i + 5, zone: i + 6, size: i + 7 }),
  );
}

/** The same with one field more, which is then deleted, and with it the shape: each becomes a dictionary. */
export function makeDictionaries(count: number): Fields[] {
  return makeRecords(count).map((record) => {
    const more: Fields & { draft?: number } = { draft: 0, ...record };
    delete more.draft;
    return more;
  });
}

/** The same in eight shapes, told apart by a field in front. */
export function makeShapes(count: number): Fields[] {
  return makeRecords(count).map((record, i) => ({ [`kind${i % 8}`]: 0, ...record }));
}

/** The same as Maps. */
export function makeMaps(count: number): Map<string, number>[] {
  return makeRecords(count).map((record) => new Map(Object.entries(record)));
}

let copies = 0;

/** A copy of a function that refers to nothing outside itself; V8 would know the same text again, so each differs. */
function freshCopy<F extends (...args: never[]) => unknown>(f: F): F {
  return new Function(`return ${f} // copy ${++copies}`)();
}

const field = (records: readonly Fields[]) => {
  let sum = 0;
  for (let i = 0; i < records.length; i++) sum += records[i].port;
  return sum;
};
const computed = (records: readonly Fields[], names: readonly Name[]) => {
  let sum = 0;
  for (let i = 0; i < records.length; i++) sum += records[i][names[i & 7]];
  return sum;
};
const get = (maps: readonly Map<string, number>[]) => {
  let sum = 0;
  for (let i = 0; i < maps.length; i++) sum += maps[i].get("port")!;
  return sum;
};
const getComputed = (maps: readonly Map<string, number>[], names: readonly Name[]) => {
  let sum = 0;
  for (let i = 0; i < maps.length; i++) sum += maps[i].get(names[i & 7])!;
  return sum;
};

/** Each reads one field of each record and gives the sum, with a memory of its own of what it saw. */
export function reads(count: number): Record<string, () => number> {
  const records = makeRecords(count), dictionaries = makeDictionaries(count), shapes = makeShapes(count);
  const maps = makeMaps(count);
  const [one, many, deleted, deletedComputed] = [field, field, field, computed].map((f) => freshCopy(f));
  const changing = freshCopy(computed), constant = freshCopy(get), any = freshCopy(getComputed);
  return {
    "field, one shape": () => one(records, names),
    "field, eight shapes": () => many(shapes, names),
    "field, after delete": () => deleted(dictionaries, names),
    "computed name": () => changing(records, names),
    "computed, after delete": () => deletedComputed(dictionaries, names),
    "Map, constant name": () => constant(maps),
    "Map, computed name": () => any(maps, names),
  };
}

/** What `reads` come to: field 1 of each of `count` records, or field i % 8 of record i. */
export function expectedSum(count: number, computed: boolean): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += i + (computed ? i % 8 : 1);
  return sum;
}

if (import.meta.main) {
  const count = 1000;
  for (const [name, read] of Object.entries(reads(count))) {
    let shortest = Infinity;
    for (let repeat = 0; repeat < 3000; repeat++) {
      const start = performance.now(), sum = read();
      shortest = Math.min(shortest, performance.now() - start);
      if (sum !== expectedSum(count, name.includes("computed"))) throw new Error(`${name} came to ${sum}`);
    }
    console.log(name.padEnd(23), `${(shortest / count * 1e6).toFixed(2)} ns`.padStart(10));
  }
}
