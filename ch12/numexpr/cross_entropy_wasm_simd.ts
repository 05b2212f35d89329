/**
 * Cross entropy in WebAssembly with SIMD, its logarithm written by hand, on one core or several.
 *
 * What to notice: `Math.log` is a call for each number; here two logarithms are computed at once, between the
 * operations around them. A number is 2^k m with m near 1, and log m = log((1 + s) / (1 - s)) for s = (m - 1) / (m + 1)
 * is an odd polynomial in s, to the last digit. The script computes its coefficients when it starts. Blocks are copied
 * into the module's small memory, which costs little beside two logarithms: the arrays may lie anywhere, and be larger
 * than WebAssembly's 4 GiB (the assembler takes 25 MiB at the start). A number that is not an ordinary chance between 0
 * and 1 is left to `Math.log`.
 *
 * @original 12_less_ram/numexpr_pandas/
 * @run deno run --allow-read=ch12/numexpr/cross_entropy_wasm_simd.ts ch12/numexpr/cross_entropy_wasm_simd.ts
 * @takes 1 s
 */

/** The bits of a number. */
const bitsOf = (value: number) => new BigUint64Array(new Float64Array([value]).buffer)[0];

/** log 2 in two parts: the first has 40 bits, so that its product with any exponent is exact. */
const ln2Digits = 6931471805599453094172321214581765680755n, scale = 10n ** 40n;
const ln2Bits = (ln2Digits << 40n) / scale, ln2High = Number(ln2Bits) / 2 ** 40;
const ln2Low = Number((ln2Digits << 40n) - ln2Bits * scale) / 1e40 / 2 ** 40;

/**
 * The coefficients of h in log((1 + s) / (1 - s)) = 2 s + s z h(z) with z = s^2: the polynomial through the series at
 * the seven Chebyshev nodes of the interval in which z lies, which is nowhere further off than 3e-16 of h.
 */
function coefficients(): number[] {
  const s = (Math.SQRT2 - 1) / (Math.SQRT2 + 1), largest = s * s, count = 7;
  const h = (z: number) =>
    Array.from({ length: 16 }, (_, n) => 2 / (2 * n + 3) * z ** n).reduceRight((sum, term) => sum + term);
  // In t = z / largest, from 0 to 1: Newton's divided differences, and then powers of t.
  const nodes = Array.from({ length: count }, (_, i) => (1 + Math.cos((2 * i + 1) * Math.PI / (2 * count))) / 2);
  const differences = nodes.map((t) => h(t * largest));
  for (let order = 1; order < count; order++) {
    for (let i = count - 1; i >= order; i--) {
      differences[i] = (differences[i] - differences[i - 1]) / (nodes[i] - nodes[i - order]);
    }
  }
  let powers: number[] = [];
  for (let i = count - 1; i >= 0; i--) {
    powers = [differences[i], ...powers].map((value, power) => value - nodes[i] * (powers[power] ?? 0));
  }
  return powers.map((value, power) => value / largest ** power);
}

const constants: Record<string, bigint> = {
  // From half the root of 2 to the root: there m lies, and k follows from how many bits a number is above.
  lowest: bitsOf(Math.SQRT1_2),
  exponent: 0xfff0000000000000n,
  // Added to the bits of a small integer they make it a number; subtracted as a number they leave the integer.
  magic: bitsOf(1.5 * 2 ** 52),
  one: bitsOf(1),
  half: bitsOf(0.5),
  ln2High: bitsOf(ln2High),
  ln2Low: bitsOf(ln2Low),
  normal: bitsOf(2 ** -1022),
  largest: bitsOf(Number.MAX_VALUE),
  ...Object.fromEntries(coefficients().map((value, i) => [`c${i}`, bitsOf(value)])),
};

/** Sets $log to the logarithms of the two numbers in a local; they must be normal and above 0. */
const logarithm = (x: string) => `
  (local.set $t (i64x2.sub (local.get ${x}) (local.get $lowest)))
  (local.set $k (f64x2.sub
    (i64x2.add (i64x2.shr_s (local.get $t) (i32.const 52)) (local.get $magic)) (local.get $magic)))
  (local.set $m (i64x2.sub (local.get ${x}) (v128.and (local.get $t) (local.get $exponent))))
  (local.set $f (f64x2.sub (local.get $m) (local.get $one)))
  (local.set $s (f64x2.div (local.get $f) (f64x2.add (local.get $m) (local.get $one))))
  (local.set $z (f64x2.mul (local.get $s) (local.get $s)))
  (local.set $h ${
  [5, 4, 3, 2, 1, 0].reduce(
    (inner, i) => `(f64x2.add (local.get $c${i}) (f64x2.mul (local.get $z) ${inner}))`,
    "(local.get $c6)",
  )
})
  ;; 2 s + s z h, written so that what is rounded is small: f - (f^2 / 2 - s (f^2 / 2 + z h)).
  (local.set $square (f64x2.mul (f64x2.mul (local.get $half) (local.get $f)) (local.get $f)))
  (local.set $log (f64x2.sub
    (f64x2.mul (local.get $k) (local.get $ln2High))
    (f64x2.sub
      (f64x2.sub
        (local.get $square)
        (f64x2.add
          (f64x2.mul (local.get $s) (f64x2.add (local.get $square) (f64x2.mul (local.get $z) (local.get $h))))
          (f64x2.mul (local.get $k) (local.get $ln2Low))))
      (local.get $f))))`;

const locals = [
  "t",
  "k",
  "m",
  "f",
  "s",
  "z",
  "h",
  "square",
  "log",
  "x",
  "y",
  "p",
  "q",
  "sum",
  ...Object.keys(constants),
];
const prologue = locals.map((name) => `(local $${name} v128)`).join(" ") +
  Object.entries(constants).map(([name, bits]) => `(local.set $${name} (v128.const i64x2 ${bits} ${bits}))`).join("\n");

/** Calls an imported function with a lane of each of some locals. */
const call = (name: string, lane: number, ...args: string[]) =>
  `(call ${name} ${args.map((arg) => `(f64x2.extract_lane ${lane} (local.get ${arg}))`).join(" ")})`;
const both = (name: string, ...args: string[]) =>
  `(f64x2.replace_lane 1 (f64x2.splat ${call(name, 0, ...args)}) ${call(name, 1, ...args)})`;

const source = `
(module
  (import "env" "memory" (memory 1))
  (import "env" "element" (func $element (param f64 f64) (result f64)))
  (import "env" "log" (func $mathLog (param f64) (result f64)))
  ;; The sum of y log p + (1 - y) log (1 - p), for n numbers, an even number of them and above 0.
  (func (export "sum") (param $ys i32) (param $ps i32) (param $n i32) (result f64)
    ${prologue}
    (loop $pairs
      (local.set $y (v128.load (local.get $ys)))
      (local.set $p (v128.load (local.get $ps)))
      (local.set $q (f64x2.sub (local.get $one) (local.get $p)))
      (if (i64x2.all_true (f64x2.ge (f64x2.pmin (local.get $p) (local.get $q)) (local.get $normal)))
        (then
          ${logarithm("$p")}
          (local.set $x (f64x2.mul (local.get $y) (local.get $log)))
          ${logarithm("$q")}
          (local.set $sum (f64x2.add (local.get $sum) (f64x2.add (local.get $x)
            (f64x2.mul (f64x2.sub (local.get $one) (local.get $y)) (local.get $log))))))
        (else (local.set $sum (f64x2.add (local.get $sum) ${both("$element", "$y", "$p")}))))
      (local.set $ys (i32.add (local.get $ys) (i32.const 16)))
      (local.set $ps (i32.add (local.get $ps) (i32.const 16)))
      (br_if $pairs (local.tee $n (i32.sub (local.get $n) (i32.const 2)))))
    (f64.add (f64x2.extract_lane 0 (local.get $sum)) (f64x2.extract_lane 1 (local.get $sum))))
  ;; The logarithms of n numbers in their place.
  (func (export "log") (param $ps i32) (param $n i32)
    ${prologue}
    (loop $pairs
      (local.set $p (v128.load (local.get $ps)))
      (if (i64x2.all_true (v128.and
          (f64x2.ge (local.get $p) (local.get $normal)) (f64x2.le (local.get $p) (local.get $largest))))
        (then ${logarithm("$p")})
        (else (local.set $log ${both("$mathLog", "$p")})))
      (v128.store (local.get $ps) (local.get $log))
      (local.set $ps (i32.add (local.get $ps) (i32.const 16)))
      (br_if $pairs (local.tee $n (i32.sub (local.get $n) (i32.const 2))))))
)`;

/** Assembles WebAssembly's text format. Throws with the line and column of what it does not understand. */
async function assemble(source: string): Promise<Uint8Array<ArrayBuffer>> {
  const { default: wabt } = await import("npm:wabt@1.0.39");
  const module = (await wabt()).parseWat("cross_entropy.wat", source, { simd: true });
  try {
    module.validate();
    return new Uint8Array(module.toBinary({}).buffer);
  } finally {
    module.destroy();
  }
}

let compiled: Promise<WebAssembly.Module> | undefined;

/** The module, compiled once. */
export function compile(): Promise<WebAssembly.Module> {
  return compiled ??= assemble(source).then((binary) => WebAssembly.compile(binary));
}

/** Numbers of a block; two of them are in the memory, 16 KiB each. */
const size = 2048;

/** The functions of a module with a memory of their own. */
export async function open(module: WebAssembly.Module) {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const element = (y: number, p: number) => y * Math.log(p) + (1 - y) * Math.log(1 - p);
  const { exports } = await WebAssembly.instantiate(module, { env: { memory, element, log: Math.log } });
  const kernels = exports as { sum: (y: number, p: number, n: number) => number; log: (at: number, n: number) => void };
  const [ys, ps] = [0, 1].map((block) => new Float64Array(memory.buffer, 8 * size * block, size));
  return {
    /** The sum of y log p + (1 - y) log (1 - p) over the numbers from `from` up to, not including, `to`. */
    sum(y: Float64Array, p: Float64Array, from: number, to: number): number {
      let total = 0;
      if ((to - from) % 2 === 1) total = element(y[--to], p[to]);
      for (; from < to; from += size) {
        const end = Math.min(from + size, to);
        ys.set(y.subarray(from, end));
        ps.set(p.subarray(from, end));
        total += kernels.sum(ys.byteOffset, ps.byteOffset, end - from);
      }
      return total;
    },
    /** The natural logarithms of numbers, within one unit in the last place of what Math.log gives. */
    log(values: ArrayLike<number>): Float64Array {
      const result = new Float64Array(values.length);
      for (let from = 0; from < values.length; from += size) {
        const block = Float64Array.from({ length: Math.min(size, values.length - from) }, (_, i) => values[from + i]);
        ys.set(block);
        kernels.log(ys.byteOffset, block.length + block.length % 2);
        result.set(ys.subarray(0, block.length), from);
      }
      return result;
    },
  };
}

/** What a worker is to know. */
interface Share {
  module: WebAssembly.Module;
  y: Float64Array;
  p: Float64Array;
  from: number;
  to: number;
}

/**
 * The cross entropy of labels and chances, the mean of -(y log p + (1 - y) log (1 - p)), ready to be computed again and
 * again.
 *
 * @param y n labels from 0 to 1
 * @param p n chances; where one is 0 or 1, the result is what the formula says, Infinity or NaN
 * @param threads the calling one included; if more than one, the arrays are best in shared memory, or are copied
 * @throws RangeError if there are none, or not as many of both
 */
export async function prepare(y: Float64Array, p: Float64Array, threads = 1) {
  if (y.length !== p.length || y.length === 0) throw new RangeError(`${y.length} labels and ${p.length} chances`);
  const module = await compile(), { sum } = await open(module), n = y.length;
  const start = (thread: number) => Math.floor(n / 2 * thread / threads) * 2;
  const workers: Worker[] = [], close = () => workers.forEach((worker) => worker.terminate());
  const asks = Array.from({ length: threads - 1 }, () => {
    const worker = new Worker(import.meta.url, { type: "module" });
    workers.push(worker);
    return (message: Share | "run") =>
      new Promise<number>((resolve, reject) => {
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = (event) => (event.preventDefault(), reject(new Error(event.message)));
        worker.postMessage(message);
      });
  });
  try {
    await Promise.all(asks.map((ask, i) => ask({ module, y, p, from: start(i), to: start(i + 1) })));
  } catch (error) {
    close();
    throw error;
  }
  return {
    async run(): Promise<number> {
      const answers = asks.map((ask) => ask("run"));
      let total = sum(y, p, start(threads - 1), n);
      for (const answer of answers) total += await answer;
      return -total / n;
    },
    close,
  };
}

/** The book's experiment: so many labels, 0 or 1, and so many chances between 0 and 1, from a seeded generator. */
export function experiment(size: number, { threads = 1 } = {}) {
  const [y, p] = [0, 1].map(() =>
    new Float64Array(threads > 1 ? new SharedArrayBuffer(8 * size) : new ArrayBuffer(8 * size))
  );
  for (let i = 0, state = 1; i < size; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    y[i] = state & 0x40000000 ? 1 : 0;
    p[i] = ((state & 0x3fffffff) + 0.5) / 2 ** 30;
  }
  return prepare(y, p, threads);
}

/** The other side: a worker opens the module, and then sums its share as often as asked. */
function serve(): void {
  // The type checker takes this file for a main module, which has no one to send messages to.
  const toCaller = self as unknown as Worker;
  let run: () => number;
  toCaller.onmessage = async ({ data }: MessageEvent<Share | "run">) => {
    if (data === "run") return toCaller.postMessage(run());
    const { sum } = await open(data.module);
    run = () => sum(data.y, data.p, data.from, data.to);
    toCaller.postMessage(0);
  };
}

if ("WorkerGlobalScope" in globalThis) {
  serve();
} else if (import.meta.main) {
  const size = 5_000_000;
  for (const threads of new Set([1, navigator.hardwareConcurrency])) {
    const { run, close } = await experiment(size, { threads });
    await run();
    const start = performance.now(), result = await run();
    console.log(
      `${size} numbers, ${threads} thread${threads > 1 ? "s" : ""}: ${(performance.now() - start).toFixed(0)} ms, ` +
        `cross entropy ${result.toFixed(4)}`,
    );
    close();
    // Of chances that know nothing of the labels it is 1: the integral of -log p from 0 to 1.
    if (!(Math.abs(result - 1) < 0.01)) throw new Error(`it must be near 1, not ${result}`);
  }
}
