/**
 * Diffusion on the GPU with the grid copied there and back every step: how to lose what a GPU gains.
 *
 * What to notice: the kernel is one pass over the grid, but each step first sends the grid to the GPU, then waits for
 * the result to come back. A grid crosses the bus twice, which is far slower than the GPU's own memory, and the wait
 * alone costs milliseconds, in which neither side works. webgpu_fused.ts leaves the grid where it is.
 *
 * @original 06_matrix/diffusion_2d/diffusion_pytorch_transfer.py
 * @run deno run ch06/diffusion_2d/webgpu_transfer.ts
 * @takes 2 s
 */

import { parseArgs } from "jsr:@std/cli@1/parse-args";

/** One step of u' = u + D dt (up + down + left + right - 4u) with D = 1, dt = 0.1 and periodic edges, in WGSL. */
const kernel = (size: number) => `
  const size = ${size}u;
  const dt = 0.1;
  @group(0) @binding(0) var<storage, read> u: array<f32>;
  @group(0) @binding(1) var<storage, read_write> next: array<f32>;

  @compute @workgroup_size(64)
  fn step(@builtin(global_invocation_id) id: vec3u) {
    if (id.x >= size) { return; }
    let row = id.y * size;
    let up = u[(id.y + size - 1u) % size * size + id.x];
    let down = u[(id.y + 1u) % size * size + id.x];
    let left = u[row + (id.x + size - 1u) % size];
    let right = u[row + (id.x + 1u) % size];
    next[row + id.x] = u[row + id.x] + dt * (up + down + left + right - 4 * u[row + id.x]);
  }`;

/** A device with room for buffers of so many bytes, or an error whose one line says what is missing. */
async function openDevice(bytes: number): Promise<GPUDevice> {
  const lacking = (what: string) => new Deno.errors.NotSupported(what);
  if (!navigator.gpu) throw lacking("this runtime has no WebGPU (navigator.gpu is missing)");
  const adapter = await navigator.gpu.requestAdapter();
  const remedy = "install the GPU's driver, or for a GPU in software Debian's mesa-vulkan-drivers and libvulkan1";
  if (!adapter) throw lacking(`no GPU adapter: ${remedy}`);
  for (const limit of ["maxBufferSize", "maxStorageBufferBindingSize"] as const) {
    const has = adapter.limits[limit];
    if (has < bytes) throw lacking(`${limit} is ${has} on this adapter, and this size needs ${bytes}`);
  }
  return await adapter.requestDevice({ requiredLimits: { maxBufferSize: bytes, maxStorageBufferBindingSize: bytes } });
}

/** The book's experiment on an N x N grid: zero, but 0.005 in a square off the middle; dt = 0.1; float32. */
export async function experiment(size: number) {
  const bytes = 4 * size * size;
  const device = await openDevice(bytes);
  let failure = "";
  device.addEventListener("uncapturederror", (event) => failure ||= (event as GPUUncapturedErrorEvent).error.message);

  const low = Math.floor(0.4 * size), high = Math.floor(0.5 * size);
  const values = new Float32Array(size * size);
  for (let i = low; i < high; i++) values.fill(0.005, i * size + low, i * size + high);

  const { STORAGE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
  const buffers = [STORAGE | COPY_DST, STORAGE | COPY_SRC, MAP_READ | COPY_DST]
    .map((usage) => device.createBuffer({ size: bytes, usage }));
  const [u, next, copy] = buffers;
  const module = device.createShaderModule({ code: kernel(size) });
  const pipeline = device.createComputePipeline({ layout: "auto", compute: { module } });
  const group = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: [u, next].map((buffer, binding) => ({ binding, resource: { buffer } })),
  });

  return {
    async run(steps: number): Promise<void> {
      for (let step = 0; step < steps; step++) {
        device.queue.writeBuffer(u, 0, values);
        const encoder = device.createCommandEncoder();
        const pass = encoder.beginComputePass();
        pass.setPipeline(pipeline);
        pass.setBindGroup(0, group);
        pass.dispatchWorkgroups(Math.ceil(size / 64), size);
        pass.end();
        encoder.copyBufferToBuffer(next, 0, copy, 0, bytes);
        device.queue.submit([encoder.finish()]);
        await copy.mapAsync(GPUMapMode.READ);
        values.set(new Float32Array(copy.getMappedRange()));
        copy.unmap();
        if (failure) throw new Error(failure);
      }
    },
    /** The N x N values, row by row. */
    grid: () => Promise.resolve(values.slice()),
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
  await run(10);
  const after = await mass();
  if (!(Math.abs(after - before) <= 1e-5 * before)) throw new Error(`mass not conserved: ${before} became ${after}`);

  // Waiting for the GPU costs milliseconds each time, so a run gets longer until that no longer counts.
  let steps = 2, seconds = 0;
  while (seconds < 0.5) {
    const start = performance.now();
    await run(steps *= 2);
    seconds = (performance.now() - start) / 1000;
  }
  const rate = 8 * size * size * steps / seconds / 1e9;
  console.log(`${size} x ${size}: ${(1000 * seconds / steps).toFixed(3)} ms a step, ${rate.toFixed(1)} GB/s`);
  close();
}
