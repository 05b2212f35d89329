/**
 * All slopes by WebAssembly with 128-bit SIMD, from columns that lie in its memory: eight people in each turn.
 *
 * What to notice: an instruction subtracts a day from its mirror image for two people, so that people lie side by side
 * and no sum goes across a vector. One address moves along: the columns are at fixed distances from it, which are
 * written into the instructions when the table is made. The checks of bounds, too, cost nothing, since V8 leaves them
 * to the page tables. It is about as fast as C on the same columns, for both wait for memory.
 *
 * @original 07_pandas/ols_basics/time_iteration_methods.py
 * @run deno run ch07/time_iteration_methods/wasm_simd_columns.ts
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

const names = Array.from({ length: DAYS }, (_, day) => `day${day}`);

/** Columns in WebAssembly's memory, and the function that was made for their length. */
export interface Table {
  /** `day0` to `day13`, and space for up to seven people more. */
  columns: Record<string, Float64Array>;
  result: Float64Array;
  compute(): void;
}

const lanes = 8;

/** A function over `stride` people, a multiple of eight and not 0; columns follow each other, and the result them. */
function source(stride: number): string {
  const day = (day: number, lane: number) => `(v128.load offset=${8 * (stride * day + lane)} (local.get $at))`;
  const pair = (k: number, lane: number) =>
    `(f64x2.mul (local.get $weight${k}) (f64x2.sub ${day(7 + k, lane)} ${day(6 - k, lane)}))`;
  const pairs = [0, 1, 2, 3, 4, 5, 6];
  const slope = (lane: number) =>
    pairs.slice(1).reduce((sum, k) => `(f64x2.add ${sum} ${pair(k, lane)})`, pair(0, lane));
  return `(module
    (memory (export "memory") ${Math.ceil(8 * stride * (DAYS + 1) / 65536)})
    (func (export "compute") (local $at i32) ${pairs.map((k) => `(local $weight${k} v128)`).join(" ")}
      ${pairs.map((k) => `(local.set $weight${k} (f64x2.splat (f64.const ${(2 * k + 1) / 455})))`).join("\n")}
      (loop $people
        ${
    [0, 2, 4, 6].map((lane) => `(v128.store offset=${8 * (stride * DAYS + lane)} (local.get $at) ${slope(lane)})`)
      .join("\n")
  }
        (br_if $people (i32.lt_u
          (local.tee $at (i32.add (local.get $at) (i32.const ${8 * lanes})))
          (i32.const ${8 * stride}))))))`;
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

/** The hours as columns in WebAssembly's memory. Throws a RangeError if they are no whole rows. */
export async function prepare(hours: Float64Array): Promise<Table> {
  if (hours.length % DAYS !== 0) throw new RangeError(`${hours.length} hours are no whole rows of ${DAYS} days`);
  const people = hours.length / DAYS, stride = Math.max(1, Math.ceil(people / lanes)) * lanes;
  const { instance } = await WebAssembly.instantiate(await assemble(source(stride)));
  const { memory, compute } = instance.exports as { memory: WebAssembly.Memory; compute: () => void };
  const columnAt = (day: number) => new Float64Array(memory.buffer, 8 * stride * day, people);
  const columns = Object.fromEntries(names.map((name, day) => [name, columnAt(day)]));
  for (let i = 0; i < hours.length; i++) columns[names[i % DAYS]][Math.floor(i / DAYS)] = hours[i];
  return { columns, result: columnAt(DAYS), compute };
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
