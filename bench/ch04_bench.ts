/**
 * `deno bench` over chapter 4: the same functions as in its compares. It needs no permissions.
 *
 * @run deno bench bench/ch04_bench.ts
 * @takes 30 s
 */

import {
  distinctByIdentity,
  distinctByNesting,
  distinctByNumber,
  distinctByString,
  Interner,
  makePoints,
} from "../ch04/custom_hash_function.ts";
import { reads } from "../ch04/inline_cache.ts";
import { collidingKeys, lookUpAll as lookUpIntegers, spreadKeys } from "../ch04/map_chains.ts";
import { functionLookups, variableLookups } from "../ch04/namespace.ts";
import { containers, makeKeys } from "../ch04/operations.ts";
import { fills } from "../ch04/presizing.ts";
import { fill, hashes, lookUpAll, makeKeys as makePairs, searchAll } from "../ch04/timing_hash_function.ts";
import { countUniqueByArray, countUniqueBySet, makePhoneBook } from "../ch04/unique_lookup.ts";
import { group } from "./lib/bench.ts";

const names = makePhoneBook(4000).map(({ name }) => name);
await group("the distinct names of 4,000 entries", {
  array: () => countUniqueByArray(names),
  set: () => countUniqueBySet(names),
}, "array");

const points = makePoints(10_000, 100), interner = new Interner();
const interned = points.map(({ x, y }) => interner.intern(x, y));
await group("the distinct of 10,000 points, by key", {
  string: () => distinctByString(points),
  nested_maps: () => distinctByNesting(points),
  one_number: () => distinctByNumber(points),
  interned: () => distinctByIdentity(interned),
}, "string");

const pairs = makePairs(), map = new Map(pairs.map((key, i) => [key, i]));
const tables = Object.entries(hashes).map(([name, hash]) => [name, fill(hash, pairs)] as const);
await group("676 lookups of pairs of letters, by hash function", {
  ...Object.fromEntries(tables.map(([name, table]) => [name, () => lookUpAll(table, pairs)])),
  array: () => searchAll(pairs, pairs),
  built_in_map: () => lookUpAll(map, pairs),
}, "ideal");

const spread = spreadKeys(1000), colliding = collidingKeys(1000);
const spreadSet = new Set(spread), collidingSet = new Set(colliding);
await group("1,000 lookups of integers in a Set", {
  spread: () => lookUpIntegers(spreadSet, spread),
  one_bucket: () => lookUpIntegers(collidingSet, colliding),
}, "spread");

const keys = makeKeys(1000);
const filled = Object.entries(containers).map(([name, container]) => ({
  name,
  container,
  held: container.insert(keys),
}));
for (const operation of ["insert", "lookUp", "iterate"] as const) {
  await group(
    `${operation}, 1,000 text keys`,
    Object.fromEntries(filled.map(({ name, container, held }) => [
      name,
      {
        insert: () => container.insert(keys),
        lookUp: () => container.lookUp(held, keys),
        iterate: () => container.iterate(held),
      }[operation],
    ])),
    "map",
  );
}

await group("200 reads of one of eight fields", reads(200), "field, one shape");
await group("filling with 10,000 entries", fills(10_000), "Map, growing");

// The interpreter sees these too: --v8-flags=--no-opt,--no-maglev,--no-sparkplug
const lookups = { ...variableLookups(), ...functionLookups };
await group(
  "1,000 lookups of a name",
  Object.fromEntries(Object.entries(lookups).map(([name, lookup]) => [name, () => lookup(1000)])),
  "local_lookup",
);
