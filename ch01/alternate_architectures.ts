/**
 * One computation on what a computer has besides plain instructions: several at once in one core, a vector unit, a GPU.
 *
 * What to notice: each number goes through 256 steps, of which each waits for the one before. One number after the
 * other leaves a core's arithmetic idle most of the time; four at a time fill the gaps, with the same instructions; a
 * vector unit (WebAssembly's SIMD) takes two or four numbers with each instruction; a GPU takes thousands in step, for work that
 * is as uniform as this. Whether a GPU pays depends on what it is: a driver in software is the processor again. And
 * each trip there takes a time of its own, however little it carries. Many cores are chapter 10's, GPUs chapter 6's matter.
 *
 * @original none, chapter 1's question on common alternate architectures
 * @run deno run ch01/alternate_architectures.ts
 * @takes 1 s
 */

/** Steps of x = 0.75 x + 0.5, which tends to 2 and forgets its errors on the way. */
export const steps = 256;

/** Numbers to be worked through. Their count is a multiple of 64. */
export interface Prepared {
  run(): void | Promise<void>;
  /** The results of the last run. */
  values(): Float64Array | Float32Array;
  close?(): void;
}

/** One number after the other. */
export function oneByOne(start: Float32Array): Prepared {
  const from = new Float64Array(start), result = new Float64Array(start.length);
  const run = () => {
    for (let i = 0; i < from.length; i++) {
      let x = from[i];
      for (let step = 0; step < steps; step++) x = 0.75 * x + 0.5;
      result[i] = x;
    }
  };
  return { run, values: () => result };
}

/** Four numbers at a time, whose steps do not wait for each other. */
export function fourAtATime(start: Float32Array): Prepared {
  const from = new Float64Array(start), result = new Float64Array(start.length);
  const run = () => {
    for (let i = 0; i < from.length; i += 4) {
      let x = from[i], y = from[i + 1], z = from[i + 2], w = from[i + 3];
      for (let step = 0; step < steps; step++) {
        x = 0.75 * x + 0.5, y = 0.75 * y + 0.5, z = 0.75 * z + 0.5, w = 0.75 * w + 0.5;
      }
      result[i] = x, result[i + 1] = y, result[i + 2] = z, result[i + 3] = w;
    }
  };
  return { run, values: () => result };
}

/** Four vectors at a time, each a local variable; `type` is f64x2 or f32x4. */
const program = (type: string, lanes: number) => {
  const each = (line: (k: number) => string) => [0, 1, 2, 3].map(line).join("\n");
  const constant = (value: number) => `(v128.const ${type} ${Array(lanes).fill(value).join(" ")})`;
  return `(module (import "env" "memory" (memory 1))
  (func (export "run") (param $from i32) (param $to i32) (param $end i32)
    (local $step i32) (local $x0 v128) (local $x1 v128) (local $x2 v128) (local $x3 v128)
    (loop $numbers
      ${each((k) => `(local.set $x${k} (v128.load offset=${16 * k} (local.get $from)))`)}
      (local.set $step (i32.const ${steps}))
      (loop $steps
        ${
    each((k) => `(local.set $x${k} (${type}.add (${type}.mul (local.get $x${k}) ${constant(0.75)}) ${constant(0.5)}))`)
  }
        (br_if $steps (local.tee $step (i32.sub (local.get $step) (i32.const 1)))))
      ${each((k) => `(v128.store offset=${16 * k} (local.get $to) (local.get $x${k}))`)}
      (local.set $to (i32.add (local.get $to) (i32.const 64)))
      (local.set $from (i32.add (local.get $from) (i32.const 64)))
      (br_if $numbers (i32.lt_u (local.get $from) (local.get $end))))))`;
};

/** Four vectors at a time: of two doubles each, or of four numbers in single precision. */
export async function vectors(start: Float32Array, single = false): Promise<Prepared> {
  const { default: wabt } = await import("npm:wabt@1.0.39");
  const source = single ? program("f32x4", 4) : program("f64x2", 2);
  const module = (await wabt()).parseWat("steps.wat", source, { simd: true });
  const binary = new Uint8Array(module.toBinary({}).buffer);
  module.destroy();
  const Values = single ? Float32Array : Float64Array, bytes = start.length * Values.BYTES_PER_ELEMENT;
  const memory = new WebAssembly.Memory({ initial: Math.ceil(2 * bytes / 65536) });
  const { instance } = await WebAssembly.instantiate(binary, { env: { memory } });
  const buffer = memory.buffer as ArrayBuffer;
  new Values(buffer).set(start);
  const run = instance.exports.run as (from: number, to: number, end: number) => void;
  return { run: () => run(0, bytes, bytes), values: () => new Values(buffer, bytes, start.length) };
}

/** One number a thread of a GPU, in single precision, there and back included. Null where there is none, not even in software. */
export async function gpu(start: Float32Array<ArrayBuffer>): Promise<Prepared & { name: string } | null> {
  const adapter = await navigator.gpu?.requestAdapter();
  if (!adapter) return null;
  const device = await adapter.requestDevice(),
    size = start.byteLength,
    { STORAGE, COPY_SRC, COPY_DST } = GPUBufferUsage;
  const values = device.createBuffer({ size, usage: STORAGE | COPY_SRC | COPY_DST });
  const back = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | COPY_DST });
  const code = `@group(0) @binding(0) var<storage, read_write> values: array<f32>;
    @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
      var x = values[id.x];
      for (var step = 0; step < ${steps}; step++) { x = 0.75 * x + 0.5; }
      values[id.x] = x;
    }`;
  const compute = { module: device.createShaderModule({ code }) };
  const pipeline = device.createComputePipeline({ layout: "auto", compute });
  const entries = [{ binding: 0, resource: { buffer: values } }];
  const group = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  const result = new Float32Array(start.length);
  const run = async () => {
    device.queue.writeBuffer(values, 0, start);
    const encoder = device.createCommandEncoder(), pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(start.length / 64);
    pass.end();
    encoder.copyBufferToBuffer(values, 0, back, 0, size);
    device.queue.submit([encoder.finish()]);
    await back.mapAsync(GPUMapMode.READ);
    result.set(new Float32Array(back.getMappedRange()));
    back.unmap();
  };
  const { description, device: model, vendor, isFallbackAdapter } = adapter.info;
  const name = `${description || model || vendor || "unnamed adapter"}${isFallbackAdapter ? " (software)" : ""}`;
  return { run, values: () => result, close: () => device.destroy(), name };
}

/** Numbers from -8 to 8, and so many that 64 divides them. */
export const startValues = (count: number) => Float32Array.from({ length: count }, (_, i) => i % 257 / 16 - 8);

if (import.meta.main) {
  const start = startValues(2 ** 16), device = await gpu(start);
  console.log(`cores: ${navigator.hardwareConcurrency}; GPU: ${device?.name ?? "none"}\n`);
  const variants: Record<string, Prepared | null> = {
    "one by one": oneByOne(start),
    "four at a time": fourAtATime(start),
    "vectors of 2 doubles": await vectors(start),
    "vectors of 4 singles": await vectors(start, true),
    "GPU, singles": device,
  };
  let expected: Float64Array | Float32Array | undefined;
  for (const [name, variant] of Object.entries(variants)) {
    if (!variant) continue;
    let shortest = Infinity;
    for (let repeat = 0; repeat < 6; repeat++) {
      const begin = performance.now();
      await variant.run();
      shortest = Math.min(shortest, performance.now() - begin);
    }
    console.log(`${name.padEnd(22)} ${(shortest * 1e6 / start.length / steps).toFixed(3)} ns a step`);
    const values = variant.values();
    expected ??= values;
    // Single precision rounds to 6e-8 of a number.
    const off = expected.findIndex((x, i) => !(Math.abs(x - values[i]) <= 1e-6));
    if (off >= 0) throw new Error(`${name}: number ${off} came to ${values[off]}, not ${expected[off]}`);
    variant.close?.();
  }
  if (!device) console.log("no GPU: install its driver, or in software Debian's mesa-vulkan-drivers and libvulkan1");
}
