/**
 * All slopes by WebAssembly with 128-bit SIMD, row by row: seven vectors to a person, four people in each turn.
 *
 * What to notice: a row is seven vectors of two days each, whose products with the weights are added up; at the end the
 * two halves of the sum must be added across the vector, which is one thing more than with columns. The four people are
 * a quarter of the table apart, as in flat_quarters.ts: one after the other they would be read a quarter slower.
 *
 * @original 07_pandas/ols_basics/time_iteration_methods.py
 * @run deno run ch07/time_iteration_methods/wasm_simd_rows.ts
 * @takes 1 s
 */

const DAYS = 14, SEED = 1;

/** `people` x 14 hours a day, Poisson(60) minutes each, one person after the other. */
function generate(people: number): Float64Array {
  let state = SEED;
  const random = () => { // mulberry32
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const none = Math.exp(-60);
  return Float64Array.from({ length: people * DAYS }, () => {
    let u = random(), p = none, minutes = 0;
    for (; u > p; p *= 60 / ++minutes) u -= p;
    return minutes / 60;
  });
}

/** Rows in WebAssembly's memory, and the function that was made for their number. */
export interface Table {
  /** All hours, row after row. */
  hours: Float64Array;
  result: Float64Array;
  compute(): void;
}

/** A function over four times `quarter` people, which is not 0; the results follow the rows. */
function source(quarter: number): string {
  const vectors = [0, 1, 2, 3, 4, 5, 6], weight = (day: number) => (day - 6.5) / 227.5;
  const product = (vector: number, part: number) =>
    `(f64x2.mul (local.get $weight${vector})
      (v128.load offset=${8 * DAYS * quarter * part + 16 * vector} (local.get $row)))`;
  const slope = (part: number) =>
    vectors.slice(1).reduce((sum, vector) => `(f64x2.add ${sum} ${product(vector, part)})`, product(0, part));
  return `(module
    (memory (export "memory") ${Math.ceil(8 * 4 * quarter * (DAYS + 1) / 65536)})
    (func (export "compute") (local $row i32) (local $at i32) (local $sum v128)
      ${vectors.map((vector) => `(local $weight${vector} v128)`).join(" ")}
      ${
    vectors.map((vector) =>
      `(local.set $weight${vector} (v128.const f64x2 ${weight(2 * vector)} ${weight(2 * vector + 1)}))`
    ).join("\n")
  }
      (loop $people
        ${
    [0, 1, 2, 3].map((part) => `
        (local.set $sum ${slope(part)})
        (f64.store offset=${8 * quarter * (4 * DAYS + part)} (local.get $at)
          (f64.add (f64x2.extract_lane 0 (local.get $sum)) (f64x2.extract_lane 1 (local.get $sum))))`).join("")
  }
        (local.set $row (i32.add (local.get $row) (i32.const ${8 * DAYS})))
        (br_if $people (i32.lt_u
          (local.tee $at (i32.add (local.get $at) (i32.const 8)))
          (i32.const ${8 * quarter}))))))`;
}

/** Assembles WebAssembly's text format. Throws with the line and column of what it does not understand. */
async function assemble(source: string): Promise<Uint8Array<ArrayBuffer>> {
  const { default: wabt } = await import("npm:wabt@1.0.39");
  const module = (await wabt()).parseWat("slopes.wat", source, { simd: true });
  try {
    module.validate();
    return new Uint8Array(module.toBinary({}).buffer);
  } finally {
    module.destroy();
  }
}

/** The hours in WebAssembly's memory. Throws a RangeError if they are no whole rows. */
export async function prepare(hours: Float64Array): Promise<Table> {
  if (hours.length % DAYS !== 0) throw new RangeError(`${hours.length} hours are no whole rows of ${DAYS} days`);
  const people = hours.length / DAYS, quarter = Math.max(1, Math.ceil(people / 4));
  const { instance } = await WebAssembly.instantiate(await assemble(source(quarter)));
  const { memory, compute } = instance.exports as { memory: WebAssembly.Memory; compute: () => void };
  const inside = new Float64Array(memory.buffer, 0, hours.length);
  inside.set(hours);
  return { hours: inside, result: new Float64Array(memory.buffer, 8 * 4 * quarter * DAYS, people), compute };
}

/**
 * The slope of each person's line by least squares over the days 0 to 13, in hours a day, each day. NaN gives NaN.
 *
 * @returns a view of WebAssembly's memory, which the next call writes to
 */
export function slopes({ compute, result }: Table): Float64Array {
  compute();
  return result;
}

if (import.meta.main) {
  const table = await prepare(generate(100_000));
  slopes(table);
  const start = performance.now(), found = slopes(table), time = performance.now() - start;
  const steepest = found.reduce((best, slope, person) => slope > found[best] ? person : best, 0);
  const minutes = 60 * found[steepest];
  console.log(
    `100,000 slopes in ${time.toFixed(1)} ms; person ${steepest} stays ${minutes.toFixed(2)} minutes longer each day`,
  );
  // In whole minutes and with whole weights it is an exact fraction.
  if (Math.abs(minutes - 1068 / 455) > 1e-9) throw new Error(`it must be ${1068 / 455}, not ${minutes}`);
}
