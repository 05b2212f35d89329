/**
 * Diffusion on the GPU through a general convolution: any odd kernel, its weights read from a buffer.
 *
 * What to notice: the code knows nothing of the five points that matter. For each cell it multiplies nine neighbours,
 * four of them by zero, fetches every weight from memory, and wraps every index with a modulo, though only the border
 * needs it. That is the price of a kernel that may be exchanged without touching the code: one pass over the grid is
 * still far better than eleven, and a kernel written for the equation is better again.
 *
 * @original 06_matrix/diffusion_2d/diffusion_pytorch_conv.py
 * @run deno run ch06/diffusion_2d/webgpu_convolution.ts
 * @takes 2 s
 */

import { parseArgs } from "jsr:@std/cli@1/parse-args";

/** The five-point Laplacian as a 3 x 3 kernel. */
export const laplacian = [
  [0, 1, 0],
  [1, -4, 1],
  [0, 1, 0],
];

/**
 * next = u + dt * (weights * u) with dt = 0.1 and periodic edges, in WGSL. As in libraries for neural networks the weights
 * are not mirrored: the first row of them goes with the row above.
 */
const kernel = (size: number, side: number) => `
  const size = ${size}u;
  const side = ${side}u;
  // Leads to a neighbourhood's first cell without going below 0.
  const shift = ${Math.ceil(side / size) * size - (side - 1) / 2}u;
  const dt = 0.1;
  @group(0) @binding(0) var<storage, read> u: array<f32>;
  @group(0) @binding(1) var<storage, read_write> next: array<f32>;
  @group(0) @binding(2) var<storage, read> weights: array<f32>;

  @compute @workgroup_size(64)
  fn convolve(@builtin(global_invocation_id) id: vec3u) {
    if (id.x >= size) { return; }
    var sum = 0.0;
    for (var i = 0u; i < side; i++) {
      let row = (id.y + i + shift) % size * size;
      for (var j = 0u; j < side; j++) {
        sum += weights[i * side + j] * u[row + (id.x + j + shift) % size];
      }
    }
    next[id.y * size + id.x] = u[id.y * size + id.x] + dt * sum;
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

/**
 * The book's experiment on an N x N grid: zero, but 0.005 in a square off the middle; dt = 0.1; float32.
 *
 * @param weights as many rows as columns, an odd number of them; what diffuses is whatever they say
 */
export async function experiment(size: number, weights = laplacian) {
  const side = weights.length;
  if (side % 2 === 0 || weights.some((row) => row.length !== side)) throw new RangeError("a kernel is square and odd");
  const bytes = 4 * size * size;
  const device = await openDevice(bytes);
  let failure = "";
  device.addEventListener("uncapturederror", (event) => failure ||= (event as GPUUncapturedErrorEvent).error.message);

  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC;
  const buffers = [true, false].map((mappedAtCreation) =>
    device.createBuffer({ size: bytes, usage, mappedAtCreation })
  );
  const start = new Float32Array(buffers[0].getMappedRange());
  const low = Math.floor(0.4 * size), high = Math.floor(0.5 * size);
  for (let i = low; i < high; i++) start.fill(0.005, i * size + low, i * size + high);
  buffers[0].unmap();

  const values = Float32Array.from(weights.flat());
  const table = device.createBuffer({
    size: values.byteLength,
    usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST,
  });
  device.queue.writeBuffer(table, 0, values);

  const module = device.createShaderModule({ code: kernel(size, side) });
  const pipeline = device.createComputePipeline({ layout: "auto", compute: { module } });
  const groups = [buffers, buffers.toReversed()].map((pair) =>
    device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: [...pair, table].map((buffer, binding) => ({ binding, resource: { buffer } })),
    })
  );
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
          pass.dispatchWorkgroups(Math.ceil(size / 64), size);
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
      const values = new Float32Array(copy.getMappedRange().slice(0));
      copy.destroy();
      if (failure) throw new Error(failure);
      return values;
    },
    close(): void {
      for (const buffer of [...buffers, table]) buffer.destroy();
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
  let steps = 4, seconds = 0;
  while (seconds < 0.5) {
    const start = performance.now();
    await run(steps *= 2);
    seconds = (performance.now() - start) / 1000;
  }
  const rate = 8 * size * size * steps / seconds / 1e9;
  console.log(`${size} x ${size}: ${(1000 * seconds / steps).toFixed(3)} ms a step, ${rate.toFixed(1)} GB/s`);
  close();
}
