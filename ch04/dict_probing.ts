/**
 * The slots in which CPython's dict looks for a key, one after the other.
 *
 * What to notice: the first slot is the hash's lowest bits. If another key is there, the next is 5 i + 1, which alone would
 * visit all slots of a table of 2^k in one fixed circle, so that keys that met once would meet all the way. Therefore the
 * bits above are mixed in, five more at each step: keys that differ anywhere part soon. When those bits are used up, the
 * circle remains, and every slot is found in the end. V8's Map works in another way: see map_chains.ts.
 *
 * This is the order since CPython 3.7, which shifts before it adds; before, the first addition took the hash as it was.
 *
 * @original 04_dict_set/dict_probing.py
 * @run deno run ch04/dict_probing.ts
 * @takes 1 s
 */

/** How many bits of the hash come in at each step: PERTURB_SHIFT in CPython's Objects/dictobject.c. */
const perturbShift = 5n;

/**
 * The slots for a hash, without end.
 *
 * @param hash what Python's hash() gives: a signed integer of 64 bits
 * @param size of the table, a power of two from 1 to 2^30
 */
export function* probe(hash: bigint, size: number): Generator<number, never> {
  if (BigInt.asIntN(64, hash) !== hash) throw new RangeError(`${hash} is no signed integer of 64 bits`);
  if (!(Number.isInteger(size) && size >= 1 && size <= 2 ** 30 && (size & (size - 1)) === 0)) {
    throw new RangeError(`${size} is no power of two from 1 to 2^30`);
  }
  const mask = BigInt(size - 1);
  let perturb = BigInt.asUintN(64, hash), i = perturb & mask;
  for (;;) {
    yield Number(i);
    perturb >>= perturbShift;
    i = (i * 5n + perturb + 1n) & mask;
  }
}

/** The first so many slots. */
export function firstProbes(hash: bigint, size: number, count: number): number[] {
  return probe(hash, size).take(count).toArray();
}

/** Python's hash() of a whole number: the remainder by 2^61 - 1, with the sign of the number; -1 is taken for errors. */
export function pythonHash(value: bigint): bigint {
  const remainder = value % (2n ** 61n - 1n);
  return remainder === -1n ? -2n : remainder;
}

/**
 * Where keys of these hashes, all different, come to lie when they are put into an empty table in this order.
 *
 * @returns for each slot the number of the key, or -1
 * @throws RangeError if there are more keys than two thirds of the slots, at which CPython would have grown the table
 */
export function place(hashes: readonly bigint[], size: number): number[] {
  if (3 * hashes.length > 2 * size) throw new RangeError(`${hashes.length} keys are too many for ${size} slots`);
  const slots = new Array(size).fill(-1);
  for (const [key, hash] of hashes.entries()) {
    for (const slot of probe(hash, size)) {
      if (slots[slot] !== -1) continue;
      slots[slot] = key;
      break;
    }
  }
  return slots;
}

if (import.meta.main) {
  const size = 8;
  // The circle that dictobject.c gives in a comment for 8 slots.
  const circle = firstProbes(0n, size, size + 1).join(" ");
  if (circle !== "0 1 6 7 4 5 2 3 0") throw new Error(`the circle is ${circle}`);
  console.log(`hash 0 in ${size} slots: ${circle}`); // hash 0 in 8 slots: 0 1 6 7 4 5 2 3 0

  for (const hash of [66n, 2n ** 40n + 3n, -2n]) {
    const slots = firstProbes(hash, size, 40), reached = new Set<number>();
    const steps = slots.findIndex((slot) => reached.add(slot).size === size) + 1;
    if (steps === 0) throw new Error(`hash ${hash} does not reach all slots`);
    console.log(`hash ${hash}: ${slots.slice(0, 12).join(" ")} … (all ${size} reached after ${steps})`);
  }

  // Cities hashed by the first letter's code, so that some of them meet.
  const cities = ["Rome", "San Francisco", "New York", "Barcelona"];
  const slots = place(cities.map((city) => BigInt(city.charCodeAt(0))), size);
  for (const [slot, key] of slots.entries()) {
    if (key < 0) continue;
    const code = cities[key].charCodeAt(0), path = firstProbes(BigInt(code), size, 8);
    console.log(`slot ${slot}: ${cities[key].padEnd(13)} ${path.slice(0, path.indexOf(slot) + 1).join(" > ")}`);
  }
}
