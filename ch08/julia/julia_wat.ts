/**
 * The Julia set in WebAssembly written by hand, in its text format.
 *
 * What to notice: this is what the other scripts' compilers write. A stack machine: each instruction takes its operands
 * from the stack and leaves its result there, in the order in which one would press the keys of an old calculator; `tee`
 * stores and leaves. The names of locals and labels are for readers. By hand it is no faster than by any compiler: V8
 * translates it once more, and chooses registers by itself.
 *
 * @original 08_compiling/cython/nparray_memoryview/julia1_np_nocython.py
 * @run deno run ch08/julia/julia_wat.ts
 * @takes 1 s
 */

const source = `
(module
  (import "env" "memory" (memory 1))
  (func (export "julia") (param $limit i32) (param $z_re i32) (param $z_im i32) (param $c_re f64) (param $c_im f64)
      (param $counts i32) (param $n i32)
    (local $re f64) (local $im f64) (local $re2 f64) (local $im2 f64) (local $count i32)
    (block $none
      (br_if $none (i32.eqz (local.get $n)))
      (loop $points
        (local.set $re (f64.load (local.get $z_re)))
        (local.set $im (f64.load (local.get $z_im)))
        (local.set $count (i32.const 0))
        (block $escaped
          (loop $steps
            ;; Until the limit is reached or |z|^2 >= 4.
            (br_if $escaped (i32.ge_s (local.get $count) (local.get $limit)))
            (local.set $re2 (f64.mul (local.get $re) (local.get $re)))
            (local.set $im2 (f64.mul (local.get $im) (local.get $im)))
            (br_if $escaped (i32.eqz (f64.lt (f64.add (local.get $re2) (local.get $im2)) (f64.const 4))))
            ;; z = z^2 + c: the imaginary part first, while re is still the old one.
            (local.set $im
              (f64.add (f64.mul (f64.add (local.get $re) (local.get $re)) (local.get $im)) (local.get $c_im)))
            (local.set $re (f64.add (f64.sub (local.get $re2) (local.get $im2)) (local.get $c_re)))
            (local.set $count (i32.add (local.get $count) (i32.const 1)))
            (br $steps)))
        (i32.store (local.get $counts) (local.get $count))
        (local.set $z_re (i32.add (local.get $z_re) (i32.const 8)))
        (local.set $z_im (i32.add (local.get $z_im) (i32.const 8)))
        (local.set $counts (i32.add (local.get $counts) (i32.const 4)))
        (br_if $points (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))))`;

/** Assembles WebAssembly's text format. Throws with the line and column of what it does not understand. */
export async function assemble(source: string): Promise<Uint8Array<ArrayBuffer>> {
  const { default: wabt } = await import("npm:wabt@1.0.39");
  const module = (await wabt()).parseWat("julia.wat", source);
  try {
    module.validate();
    return new Uint8Array(module.toBinary({}).buffer);
  } finally {
    module.destroy();
  }
}

/** The book's experiment: width x width points from -1.8 to 1.8, row by row from the top. */
export async function experiment(width: number) {
  const points = width * width;
  const memory = new WebAssembly.Memory({ initial: Math.max(1, Math.ceil(points * 20 / 65536)) });
  const { instance } = await WebAssembly.instantiate(await assemble(source), { env: { memory } });
  const julia = instance.exports.julia as (...numbers: number[]) => void;
  const [zRe, zIm] = [0, points * 8].map((at) => new Float64Array(memory.buffer, at, points));
  const counts = new Int32Array(memory.buffer, points * 16, points);
  // The coordinates come from repeated addition: their rounding is part of the answer.
  const step = 3.6 / width;
  for (let row = 0, im = 1.8, i = 0; row < width; row++, im -= step) {
    for (let column = 0, re = -1.8; column < width; column++, re += step) zRe[i] = re, zIm[i++] = im;
  }
  const run = () => julia(300, zRe.byteOffset, zIm.byteOffset, -0.62772, -0.42193, counts.byteOffset, points);
  return { run, counts: () => counts };
}

if (import.meta.main) {
  const { run, counts } = await experiment(1000);
  const start = performance.now();
  run();
  console.log(`1000 x 1000 points: ${(performance.now() - start).toFixed(0)} ms`);
  const sum = counts().reduce((sum, n) => sum + n, 0);
  if (sum !== 33219980) throw new Error(`the counts add up to 33219980, not ${sum}`);
}
