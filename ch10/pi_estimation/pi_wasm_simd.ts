/**
 * Pi in WebAssembly with SIMD: eight streams side by side, four in a vector, written in AssemblyScript.
 *
 * What to notice: a generator is a chain, each state needs the one before, so that one stream cannot use a vector. Eight
 * streams of eight blocks can: they do the same at the same time. Their numbers are those of the plain loop, and so is the
 * count, to the last dart. The last eight blocks may be fewer, and the last of them shorter: what its neighbours throw
 * too much is not counted.
 *
 * @original 10_multiprocessing/pi_estimation/pi_processes_parallel/pi_numpy_serial_blocks.py
 * @run deno run --allow-env=CI ch10/pi_estimation/pi_wasm_simd.ts
 * @takes 1 s
 */

const block = 2 ** 16, vectors = 2, streams = 4 * vectors;
const each = (text: (vector: number) => string) => Array.from({ length: vectors }, (_, v) => text(v)).join("\n");

// Where in the memory the states of the streams lie, first words first, and their counts.
const states = 1024, counts = 2048;

// One number of each of four streams, without its last bit: those that are left fit into signed integers.
const draw = (name: string, v: number) => `
  const sum${name}${v} = i32x4.add(a${v}, d${v});
  const ${name}${v} = i32x4.shr_u(i32x4.add(v128.or(i32x4.shl(sum${name}${v}, 7), i32x4.shr_u(sum${name}${v}, 25)), a${v}), 1);
  const shifted${name}${v} = i32x4.shl(b${v}, 9);
  c${v} = v128.xor(c${v}, a${v});
  d${v} = v128.xor(d${v}, b${v});
  b${v} = v128.xor(b${v}, c${v});
  a${v} = v128.xor(a${v}, d${v});
  c${v} = v128.xor(c${v}, shifted${name}${v});
  d${v} = v128.or(i32x4.shl(d${v}, 11), i32x4.shr_u(d${v}, 21));`;

// Two of the four darts as doubles: how far are they from the corner, squared? Those inside count as minus one.
const look = (v: number, half: string, of: (name: string) => string) => `
  const x${half}${v} = f64x2.convert_low_i32x4_s(${of(`x${v}`)}), y${half}${v} = f64x2.convert_low_i32x4_s(${
  of(`y${v}`)
});
  ${half}${v} = i64x2.sub(${half}${v}, f64x2.le(
    f64x2.add(f64x2.mul(x${half}${v}, x${half}${v}), f64x2.mul(y${half}${v}, y${half}${v})), radius));`;

const source = `
// The state at the beginning of a stream.
let a: u32, b: u32, c: u32, d: u32;

function step(): void {
  const shifted = b << 9;
  c ^= a; d ^= b; b ^= c; a ^= d; c ^= shifted;
  d = rotl<u32>(d, 11);
}

/** 2^64 steps at once: from one stream to the next. */
function jump(): void {
  let e: u32 = 0, f: u32 = 0, g: u32 = 0, h: u32 = 0;
  ${
  ["0x8764000b", "0xf542d2d3", "0x6fa035c3", "0x77f2db5b"].map((bits) => `
  for (let i = 0, bits: u32 = ${bits}; i < 32; i++, bits >>= 1) {
    if (bits & 1) { e ^= a; f ^= b; g ^= c; h ^= d; }
    step();
  }`).join("")
}
  a = e; b = f; c = g; d = h;
}

/** Throws so many darts in each stream, moves the states on, and leaves the counts of those that hit. */
function throwDarts(darts: i32): void {
  const radius = f64x2.splat(${2 ** 62});
  ${
  each((v) =>
    ["a", "b", "c", "d"].map((word, w) => `let ${word}${v} = v128.load(${states + 4 * streams * w + 16 * v});`).join(
      "\n",
    )
  )
}
  ${each((v) => `let low${v} = i64x2.splat(0), high${v} = low${v};`)}
  for (let i = 0; i < darts; i++) {
    ${each((v) => draw("x", v))}
    ${each((v) => draw("y", v))}
    ${each((v) => look(v, "low", (name) => name) + look(v, "high", (n) => `v128.shuffle<i32>(${n}, ${n}, 2, 3, 2, 3)`))}
  }
  ${
  each((v) =>
    ["a", "b", "c", "d"].map((word, w) => `v128.store(${states + 4 * streams * w + 16 * v}, ${word}${v});`).join("\n") +
    `v128.store(${counts + 32 * v}, low${v}); v128.store(${counts + 32 * v + 16}, high${v});`
  )
}
}

/** What the first so many streams have hit. */
function hits(streams: i32): f64 {
  let sum: i64 = 0;
  for (let i = 0; i < streams; i++) sum += load<i64>(${counts} + 8 * i);
  return f64(sum);
}

/** Throws all blocks of darts, \`last\` darts in the last and ${block} in all others, and returns how many hit. */
export function estimate(seed: u32, blocks: i32, last: i32): f64 {
  a = seed; b = 0x243f6a88; c = 0x85a308d3; d = 0x13198a2e;
  jump();
  let inside: f64 = 0;
  for (let first = 0; first < blocks; first += ${streams}) {
    for (let at = ${states}; at < ${states + 4 * streams}; at += 4, jump()) {
      store<u32>(at, a); store<u32>(at, b, ${4 * streams}); store<u32>(at, c, ${8 * streams}); store<u32>(at, d, ${
  12 * streams
});
    }
    const left = blocks - first;
    if (left > ${streams}) {
      throwDarts(${block});
      inside += hits(${streams});
    } else {
      // All throw as many as the last, then all but the last throw the rest.
      throwDarts(last);
      inside += hits(left);
      if (left > 1) {
        throwDarts(${block} - last);
        inside += hits(left - 1);
      }
    }
  }
  return inside;
}`;

/** Compiles AssemblyScript to WebAssembly with SIMD. Throws with the compiler's messages if it does not compile. */
async function compile(source: string): Promise<Uint8Array<ArrayBuffer>> {
  const { default: asc } = await import("npm:assemblyscript@0.28.20/asc");
  let wasm: unknown;
  const { error, stderr } = await asc.main(
    ["main.ts", "-O3", "--runtime", "stub", "--enable", "simd", "--importMemory", "-o", "main.wasm"],
    {
      readFile: (name) => name === "main.ts" ? source : null,
      writeFile: (_, contents) => void (wasm = contents),
      listFiles: () => [],
    },
  );
  if (error) throw new Error(`${error.message}\n${stderr}`);
  return wasm as Uint8Array<ArrayBuffer>;
}

// Compiled once, however many experiments there are.
let compiled: ReturnType<typeof compile> | undefined;

/** The book's experiment: of `darts` darts thrown at a square, how many hit the quarter circle; pi is 4 inside / darts. */
export async function experiment({ darts, seed = 10 }: { darts: number; seed?: number }) {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const { instance } = await WebAssembly.instantiate(await (compiled ??= compile(source)), { env: { memory } });
  const estimate = instance.exports.estimate as (seed: number, blocks: number, last: number) => number;
  const blocks = Math.ceil(darts / block), last = darts - (blocks - 1) * block;
  return { run: () => ({ inside: estimate(seed, blocks, last), darts }) };
}

if (import.meta.main) {
  const { run } = await experiment({ darts: 4e7 });
  // In the first runs V8 still compiles.
  for (let i = 0; i < 3; i++) run();
  const start = performance.now();
  const { inside, darts } = run();
  console.log(
    `pi is about ${4 * inside / darts}: ${inside} of ${darts} darts, in ${(performance.now() - start).toFixed(0)} ms`,
  );
  if (inside !== 31418790) throw new Error(`of these darts, 31418790 hit, not ${inside}`);
}
