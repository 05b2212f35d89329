/**
 * The C library's mathematics, called without a compiler: every system has it installed.
 *
 * What to notice: Math has no erf, no gamma function and no fma; here they are, for the price of naming their types. What
 * Math has, V8 brings along in an implementation of its own, and IEEE 754 fixes only the square root to the last bit:
 * of the others some differ in some last bits. Math.sin is the same on every system; libm's is whatever is installed.
 * A foreign call costs a few ns and the function itself often more, so where libm computes a function faster, it wins.
 *
 * A bare "libm.so.6" would be found by the linker anywhere, but only with all of --allow-ffi; with the narrow permission
 * below a path is needed, so the usual ones are tried.
 *
 * @original 08_compiling/ctypes/diffusion_ctypes.py (opening a library that is there, and declaring its functions)
 * @run deno run --allow-ffi=/lib,/lib64,/usr/lib ch08/ffi/libm.ts
 * @takes 2 s
 */

const one = { parameters: ["f64"], result: "f64" } as const;
const three = { parameters: ["f64", "f64", "f64"], result: "f64" } as const;
const two = { parameters: ["f64", "f64"], result: "f64" } as const;
const symbols = {
  ...{ sin: one, cos: one, tan: one, atan: one, exp: one, log: one, cbrt: one, sinh: one, sqrt: one },
  ...{ pow: two, hypot: two },
  ...{ erf: one, tgamma: one, fma: three },
} as const;

/** Where the mathematics of C are on each system. */
const paths = Deno.build.os === "darwin"
  ? ["/usr/lib/libSystem.B.dylib"]
  : Deno.build.os === "windows"
  ? ["C:\\Windows\\System32\\ucrtbase.dll"]
  : [`/lib/${Deno.build.arch}-linux-gnu/libm.so.6`, "/lib64/libm.so.6", "/lib/libm.so.6", "/usr/lib/libm.so.6"];

/** Opens the mathematical library of this system, or gives null where it is in none of the usual places. */
export function openLibm(): Deno.DynamicLibrary<typeof symbols> | null {
  for (const path of paths) {
    try {
      return Deno.dlopen(path, symbols);
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) throw error;
    }
  }
  return null;
}

/** The functions that both have, with the range that arguments are drawn from. */
export const shared = {
  ...{ sin: [-100, 100], cos: [-100, 100], tan: [-100, 100], atan: [-10, 10], exp: [-20, 20], log: [1e-3, 1e3] },
  ...{ cbrt: [-1e3, 1e3], sinh: [-5, 5], sqrt: [0, 1e3], pow: [0.1, 10], hypot: [-1e3, 1e3] },
} as const;

export type Name = keyof typeof shared;

/** `count` arguments, and as many second ones, spread evenly over the range of the function by a seeded generator. */
export function drawArguments(name: Name, count: number): { x: Float64Array; y: Float64Array } {
  const [low, high] = shared[name];
  // Mulberry32.
  let state = 20;
  const random = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const draw = () => Float64Array.from({ length: count }, () => low + (high - low) * random());
  return { x: draw(), y: draw() };
}

// V8 keeps what it learnt for each text, not for each function made from it, so every loop gets a text of its own.
let made = 0;

/** A loop that writes f(x) or f(x, y) to `out`: made anew from text, so that V8 compiles it for its one function. */
export function makeLoop(name: Name, f: (x: number, y: number) => number) {
  const call = symbols[name].parameters.length === 1 ? "f(x[i])" : "f(x[i], y[i])";
  const loop = `for (let i = 0; i < x.length; i++) out[i] = ${call};`;
  const make = new Function("f", `return (x, y, out) => { ${loop} }; // ${name} ${made++}`);
  return make(f) as (x: Float64Array, y: Float64Array, out: Float64Array) => void;
}

/** In how many places a and b differ, and by how many representable numbers at most. */
export function countDifferences(a: Float64Array, b: Float64Array): { count: number; most: number } {
  // Floats of one sign lie in the same order as the integers that have their bits.
  const bits = (values: Float64Array) => new BigInt64Array(values.buffer, values.byteOffset, values.length);
  const p = bits(a), q = bits(b);
  let count = 0, most = 0n;
  for (let i = 0; i < p.length; i++) {
    if (p[i] === q[i]) continue;
    const apart = p[i] > q[i] ? p[i] - q[i] : q[i] - p[i];
    count++;
    if (apart > most) most = apart;
  }
  return { count, most: Number(most) };
}

if (import.meta.main) {
  const libm = openLibm();
  if (!libm) {
    console.error(
      `error: none of ${paths.join(", ")}, whose functions were to be called, is here; Debian's is in libc6`,
    );
    Deno.exit(2);
  }
  const c = libm.symbols;
  console.log(`erf(0.5) = ${c.erf(0.5)}, gamma(5) = ${c.tgamma(5)}, fma(0.1, 10, -1) = ${c.fma(0.1, 10, -1)}\n`);
  // Tables of erf; 4!; what 0.1 is too large by as a double, times ten, is lost where the product is rounded first.
  if (Math.abs(c.erf(0.5) - 0.5204998778130465) > 1e-15 || Math.abs(c.tgamma(5) - 24) > 1e-13) throw new Error("libm?");
  if (c.fma(0.1, 10, -1) !== 2 ** -54) throw new Error("fma rounded twice");

  const count = 100_000, places = [8, 10, 10, 12, 18];
  const line = (cells: unknown[]) => console.log(cells.map((cell, i) => `${cell}`.padStart(places[i])).join(""));
  line(["", "Math ns", "libm ns", "different", "at most, in ulp"]);
  for (const name of Object.keys(shared) as Name[]) {
    const { x, y } = drawArguments(name, count);
    const results: Float64Array[] = [], times: string[] = [];
    for (const f of [Math[name], c[name]]) {
      const loop = makeLoop(name, f), out = new Float64Array(count);
      let shortest = Infinity;
      for (let repeat = 0; repeat < 6; repeat++) {
        const start = performance.now();
        loop(x, y, out);
        shortest = Math.min(shortest, performance.now() - start);
      }
      results.push(out);
      times.push((shortest / count * 1e6).toFixed(1));
    }
    const different = countDifferences(results[0], results[1]);
    line([name, ...times, different.count, different.most]);
    // The standard demands the one, decency the other.
    const allowed = name === "sqrt" ? 0 : 4;
    if (different.most > allowed) throw new Error(`${name} differs by ${different.most} ulp`);
  }
  libm.close();
}
