/**
 * Numbers in the narrowest type that holds them exactly: minutes in a byte in place of hours in eight.
 *
 * What to notice: a typed array never refuses. 300 stored in a Uint8Array is 44, 1.5 is 1, NaN is 0, and nobody is told.
 * `narrow` therefore looks at the values first and takes the first type that gives every one of them back; asked for a type
 * that is too narrow, it names the row. Hours are fractions and need a float, but they are whole minutes: the unit decides.
 * Fewer bytes are not always less time: one core adds up bytes no faster than floats, since V8 uses no SIMD and each byte has
 * to become a number first. What is saved is memory, and the traffic of several cores.
 *
 * @original none, chapter 7's advice on smaller types
 * @run deno run ch07/categories/narrow_numbers.ts
 * @takes 1 s
 */

const types = { Uint8Array, Int8Array, Uint16Array, Int16Array, Uint32Array, Int32Array, Float32Array, Float64Array };
export type TypeName = keyof typeof types;
export type Narrow = InstanceType<(typeof types)[TypeName]>;

/**
 * The same numbers in an array of the type named, or of the narrowest that will do.
 * Throws a RangeError with the first row whose value the type does not give back exactly, -0 and NaN included.
 */
export function narrow(values: ArrayLike<number>, type?: TypeName): Narrow {
  if (type) {
    const misfit = firstMisfit(values, type);
    if (misfit >= 0) throw new RangeError(`row ${misfit}: ${values[misfit]} does not fit into ${type}`);
    return types[type].from(values);
  }
  // Float64Array holds every number of JavaScript.
  const name = (Object.keys(types) as TypeName[]).find((name) => firstMisfit(values, name) < 0)!;
  return types[name].from(values);
}

function firstMisfit(values: ArrayLike<number>, type: TypeName): number {
  const one = new types[type](1);
  for (let i = 0; i < values.length; i++) {
    one[0] = values[i];
    if (!Object.is(one[0], values[i])) return i;
  }
  return -1;
}

/** Hours as whole minutes. Throws a RangeError with the first row that is none, to within a millionth of a minute. */
export function toMinutes(hours: ArrayLike<number>): Narrow {
  return narrow(Float64Array.from(hours, (hour, row) => {
    const minutes = Math.round(60 * hour);
    if (!(Math.abs(60 * hour - minutes) < 1e-6)) throw new RangeError(`row ${row}: ${hour} hours are no whole minutes`);
    return minutes;
  }));
}

/** The sum, in a loop of its own for each type: one that sees several types is slower on all. */
export const sums: Record<TypeName, (values: Narrow) => number> = Object.fromEntries(
  Object.keys(types).map((name) => [
    name,
    new Function("values", "let sum = 0; for (let i = 0; i < values.length; i++) sum += values[i]; return sum;"),
  ]),
) as Record<TypeName, (values: Narrow) => number>;

if (import.meta.main) {
  const hours = Float64Array.from({ length: 4_000_000 }, (_, i) => (i * 7919 % 121) / 60);
  const minutes = toMinutes(hours);
  let exact = 0;
  for (const one of minutes) exact += one;
  for (const [name, column] of Object.entries({ hours, minutes })) {
    const type = column.constructor.name as TypeName;
    for (let i = 0; i < 5; i++) sums[type](column);
    const start = performance.now(), sum = sums[type](column);
    console.log(
      `${name}, ${type}: ${(column.byteLength / 1e6).toFixed(0)} MB, added up in ${
        (performance.now() - start).toFixed(1)
      } ms`,
    );
    if (Math.abs(sum * (name === "hours" ? 60 : 1) - exact) > 0.01) {
      throw new Error(`${sum} should be ${exact} minutes`);
    }
  }
  console.log(`300 in a Uint8Array: ${Uint8Array.of(300)[0]}`);
  try {
    narrow([1, 2, 300], "Uint8Array");
    throw new Error("300 does not fit into a byte");
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    console.log(`refused: ${error.message}`);
  }
}
