/**
 * Diffusion on the GPU with cells of 16 bits: half the traffic, for three digits of accuracy.
 *
 * What to notice: the kernel is that of webgpu_fused.ts, and where memory is the bottleneck 4 bytes a cell take half the
 * time of 8. The arithmetic is float32, but what is stored keeps 11 bits, so that a change below a two-thousandth of the
 * cell's value is lost and the total drifts, while float32 holds it. Here that is a poor bargain, and for the weights of
 * a neural network a good one. compare_precision.ts follows the error over many steps.
 *
 * @original 06_matrix/diffusion_2d/figure_pytorch_naive_precision.py
 * @run deno run ch06/diffusion_2d/webgpu_float16.ts
 * @takes 2 s
 */

import { parseArgs } from "jsr:@std/cli@1/parse-args";

const strip = 4;
const threads = { across: 32, down: 8 };

/** Where N can be divided by four, a thread loads 8 bytes at once and works on four cells. */
const lanes = (size: number) => size % 4 === 0 ? 4 : 1;

/**
 * One step of u' = u + D dt (up + down + left + right - 4u) with D = 1, dt = 0.1 and periodic edges, in WGSL: loads
 * and stores are float16, what happens between them is float32.
 */
function kernel(size: number): string {
  const wide = lanes(size) === 4;
  const each = (count: number, line: (k: number) => string) =>
    Array.from({ length: count }, (_, k) => line(k)).join("\n");
  return `
    enable f16;
    alias Cells = ${wide ? "vec4f" : "f32"};
    alias Stored = ${wide ? "vec4h" : "f16"};
    const dt = 0.1;
    const rows = ${size}u;
    const columns = ${size / lanes(size)}u;
    @group(0) @binding(0) var<storage, read> u: array<Stored>;
    @group(0) @binding(1) var<storage, read_write> next: array<Stored>;

    fn sides(left: f32, middle: Cells, right: f32) -> Cells {
      return ${wide ? "vec4f(left, middle.xyz) + vec4f(middle.yzw, right)" : "left + right"};
    }

    @compute @workgroup_size(${threads.across}, ${threads.down})
    fn step(@builtin(global_invocation_id) id: vec3u) {
      let x = id.x;
      let y = id.y * ${strip}u;
      if (x >= columns || y >= rows) { return; }
      let west = select(x, columns, x == 0u) - 1u;
      let east = select(x + 1u, 0u, x + 1u == columns);
      ${
    each(strip + 2, (k) => `
      let row${k} = (y + ${k + size - 1}u) % rows * columns;
      let m${k} = Cells(u[row${k} + x]);`)
  }
      ${
    each(strip, (k) => `
      let l${k + 1} = f32(u[row${k + 1} + west]${wide ? ".w" : ""});
      let r${k + 1} = f32(u[row${k + 1} + east]${wide ? ".x" : ""});`)
  }
      ${
    each(strip, (k) => `
      if (y + ${k}u < rows) {
        next[row${k + 1} + x] = Stored(m${k + 1}
          + dt * (m${k} + m${k + 2} + sides(l${k + 1}, m${k + 1}, r${k + 1}) - 4 * m${k + 1}));
      }`)
  }
    }`;
}

/** A device with room for buffers of so many bytes, or an error whose one line says what is missing. */
async function openDevice(bytes: number): Promise<GPUDevice> {
  const lacking = (what: string) => new Deno.errors.NotSupported(what);
  if (!navigator.gpu) throw lacking("this runtime has no WebGPU (navigator.gpu is missing)");
  const adapter = await navigator.gpu.requestAdapter();
  const remedy = "install the GPU's driver, or for a GPU in software Debian's mesa-vulkan-drivers and libvulkan1";
  if (!adapter) throw lacking(`no GPU adapter: ${remedy}`);
  const f16 = "shader-f16";
  if (!adapter.features.has(f16)) {
    throw lacking(`no ${f16} on this adapter: it takes a GPU and driver for Vulkan that have it`);
  }
  for (const limit of ["maxBufferSize", "maxStorageBufferBindingSize"] as const) {
    const has = adapter.limits[limit];
    if (has < bytes) throw lacking(`${limit} is ${has} on this adapter, and this size needs ${bytes}`);
  }
  const requiredLimits = { maxBufferSize: bytes, maxStorageBufferBindingSize: bytes };
  return await adapter.requestDevice({ requiredFeatures: [f16], requiredLimits });
}

/** The book's experiment on an N x N grid: zero, but 0.005 in a square off the middle; dt = 0.1; float16. */
export async function experiment(size: number) {
  // WebGPU copies whole words of four bytes: an odd number of cells gets one more.
  const bytes = 4 * Math.ceil(size * size / 2);
  const device = await openDevice(bytes);
  let failure = "";
  device.addEventListener("uncapturederror", (event) => failure ||= (event as GPUUncapturedErrorEvent).error.message);

  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC;
  const buffers = [true, false].map((mappedAtCreation) =>
    device.createBuffer({ size: bytes, usage, mappedAtCreation })
  );
  const start = new Float16Array(buffers[0].getMappedRange());
  const low = Math.floor(0.4 * size), high = Math.floor(0.5 * size);
  for (let i = low; i < high; i++) start.fill(0.005, i * size + low, i * size + high);
  buffers[0].unmap();

  const module = device.createShaderModule({ code: kernel(size) });
  const pipeline = device.createComputePipeline({ layout: "auto", compute: { module } });
  const groups = [buffers, buffers.toReversed()].map((pair) =>
    device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: pair.map((buffer, binding) => ({ binding, resource: { buffer } })),
    })
  );
  const across = Math.ceil(size / lanes(size) / threads.across), down = Math.ceil(size / strip / threads.down);
  let current = 0;

  return {
    async run(steps: number): Promise<void> {
      // Submits of bounded length leave the driver time for others, and its watchdog nothing to end.
      for (let left = steps; left > 0; left -= 256) {
        const encoder = device.createCommandEncoder();
        const pass = encoder.beginComputePass();
        pass.setPipeline(pipeline);
        for (let step = 0; step < Math.min(left, 256); step++, current = 1 - current) {
          pass.setBindGroup(0, groups[current]);
          pass.dispatchWorkgroups(across, down);
        }
        pass.end();
        device.queue.submit([encoder.finish()]);
      }
      await device.queue.onSubmittedWorkDone();
      if (failure) throw new Error(failure);
    },
    /** The N x N values, row by row. */
    async grid(): Promise<Float32Array> {
      const copy = device.createBuffer({ size: bytes, usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ });
      const encoder = device.createCommandEncoder();
      encoder.copyBufferToBuffer(buffers[current], 0, copy, 0, bytes);
      device.queue.submit([encoder.finish()]);
      await copy.mapAsync(GPUMapMode.READ);
      const values = new Float32Array(new Float16Array(copy.getMappedRange(), 0, size * size));
      copy.destroy();
      if (failure) throw new Error(failure);
      return values;
    },
    close(): void {
      for (const buffer of buffers) buffer.destroy();
      device.destroy();
    },
  };
}

function fail(message: string): never {
  console.error(`error: ${message}`);
  Deno.exit(2);
}

if (import.meta.main) {
  const flags = parseArgs(Deno.args, {
    string: ["size"],
    boolean: ["help"],
    default: { size: "1024" },
    unknown: (argument) => fail(`${argument} is not a flag of this script (see --help)`),
  });
  if (flags.help) {
    console.log("--size N  cells along a side of the grid, 1 to 32768");
    Deno.exit();
  }
  const size = /^\d+$/.test(flags.size) ? Number(flags.size) : NaN;
  if (!(size >= 1 && size <= 32768)) fail(`--size ${flags.size}: must be a whole number from 1 to 32768`);
  const { run, grid, close } = await experiment(size).catch((error) => {
    if (error instanceof Deno.errors.NotSupported) fail(error.message);
    throw error;
  });
  const mass = async () => (await grid()).reduce((sum, u) => sum + u, 0);
  const before = await mass();
  await run(100);
  const after = await mass();
  if (!(Math.abs(after - before) <= 0.05 * before)) throw new Error(`mass not conserved: ${before} became ${after}`);

  // Waiting for the GPU costs milliseconds each time, so a run gets longer until that no longer counts.
  let steps = 8, seconds = 0;
  while (seconds < 0.5) {
    const start = performance.now();
    await run(steps *= 2);
    seconds = (performance.now() - start) / 1000;
  }
  const rate = 4 * size * size * steps / seconds / 1e9;
  console.log(`${size} x ${size}: ${(1000 * seconds / steps).toFixed(3)} ms a step, ${rate.toFixed(1)} GB/s`);
  const drift = (100 * (after / before - 1)).toFixed(3);
  console.log(`after 100 steps the mass is off by ${drift} %; float32 keeps it within 0.001 %`);
  close();
}
