/**
 * Diffusion on the GPU in whole-array operations: the plain way to write it with a library of tensors.
 *
 * What to notice: a step is eleven operations, and each one reads whole grids and writes a whole grid to the GPU's
 * memory: 108 bytes a cell, where one pass over the grid needs 8. The arithmetic is the same; the traffic is what is
 * slow. Compare webgpu_fused.ts.
 *
 * @original 06_matrix/diffusion_2d/diffusion_pytorch_compute.py, …/diffusion_pytorch_highmem.py
 * @run deno run ch06/diffusion_2d/webgpu_elementwise.ts
 * @takes 2 s
 */

import { parseArgs } from "jsr:@std/cli@1/parse-args";

/** The operations in WGSL, each over whole N x N grids: one cell a thread, a row of the grid a row of workgroups. */
const operations = (size: number) => `
  const size = ${size};
  override down = 0;
  override right = 0;
  override factor = 1.0;
  @group(0) @binding(0) var<storage, read> a: array<f32>;
  @group(0) @binding(1) var<storage, read> b: array<f32>;
  @group(0) @binding(2) var<storage, read_write> result: array<f32>;

  @compute @workgroup_size(64)
  fn roll(@builtin(global_invocation_id) id: vec3u) {
    let y = i32(id.y);
    let x = i32(id.x);
    if (x >= size) { return; }
    result[y * size + x] = a[(y + size - down) % size * size + (x + size - right) % size];
  }
  @compute @workgroup_size(64)
  fn add(@builtin(global_invocation_id) id: vec3u) {
    let k = id.y * size + id.x;
    if (id.x < size) { result[k] = a[k] + b[k]; }
  }
  @compute @workgroup_size(64)
  fn scale(@builtin(global_invocation_id) id: vec3u) {
    let k = id.y * size + id.x;
    if (id.x < size) { result[k] = factor * a[k]; }
  }`;

/**
 * One step, operation by operation: its name, its constants, the grids it reads (one or two) and the one it writes.
 * Grid 0 is the state before the step, grid 3 the state after it; the others hold what is only needed on the way.
 */
const step: [string, Record<string, number>, number[], number][] = [
  ["roll", { down: 1 }, [0], 1],
  ["roll", { down: -1 }, [0], 2],
  ["add", {}, [1, 2], 3],
  ["roll", { right: 1 }, [0], 1],
  ["add", {}, [3, 1], 2],
  ["roll", { right: -1 }, [0], 1],
  ["add", {}, [2, 1], 3],
  ["scale", { factor: -4 }, [0], 1],
  ["add", {}, [3, 1], 2],
  ["scale", { factor: 0.1 }, [2], 1],
  ["add", {}, [0, 1], 3],
];

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

  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC;
  const buffers = [0, 1, 2, 3].map((k) => device.createBuffer({ size: bytes, usage, mappedAtCreation: k === 0 }));
  const start = new Float32Array(buffers[0].getMappedRange());
  const low = Math.floor(0.4 * size), high = Math.floor(0.5 * size);
  for (let i = low; i < high; i++) start.fill(0.005, i * size + low, i * size + high);
  buffers[0].unmap();

  const module = device.createShaderModule({ code: operations(size) });
  const type = (type: GPUBufferBindingType, binding: number) => ({
    binding,
    visibility: GPUShaderStage.COMPUTE,
    buffer: { type },
  });
  const storage: GPUBufferBindingType[] = ["read-only-storage", "read-only-storage", "storage"];
  const bindings = device.createBindGroupLayout({ entries: storage.map(type) });
  const layout = device.createPipelineLayout({ bindGroupLayouts: [bindings] });
  // The state is in buffer 0 and in buffer 3 by turns, so every operation has two sets of grids to work on.
  const passes = step.map(([entryPoint, constants, from, to]) => ({
    pipeline: device.createComputePipeline({ layout, compute: { module, entryPoint, constants } }),
    groups: [buffers, buffers.toReversed()].map((grid) =>
      device.createBindGroup({
        layout: bindings,
        entries: [from[0], from.at(-1)!, to].map((k, binding) => ({ binding, resource: { buffer: grid[k] } })),
      })
    ),
  }));
  let current = 0;

  return {
    async run(steps: number): Promise<void> {
      // Submits of bounded length leave the driver time for others, and its watchdog nothing to end.
      for (let left = steps; left > 0; left -= 32) {
        const encoder = device.createCommandEncoder();
        const pass = encoder.beginComputePass();
        for (let step = 0; step < Math.min(left, 32); step++, current = 1 - current) {
          for (const { pipeline, groups } of passes) {
            pass.setPipeline(pipeline);
            pass.setBindGroup(0, groups[current]);
            pass.dispatchWorkgroups(Math.ceil(size / 64), size);
          }
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
      encoder.copyBufferToBuffer(buffers[current * 3], 0, copy, 0, bytes);
      device.queue.submit([encoder.finish()]);
      await copy.mapAsync(GPUMapMode.READ);
      const values = new Float32Array(copy.getMappedRange().slice(0));
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
  await run(10);
  const after = await mass();
  if (!(Math.abs(after - before) <= 1e-5 * before)) throw new Error(`mass not conserved: ${before} became ${after}`);

  // Waiting for the GPU costs milliseconds each time, so a run gets longer until that no longer counts.
  let steps = 1, seconds = 0;
  while (seconds < 0.5) {
    const start = performance.now();
    await run(steps *= 2);
    seconds = (performance.now() - start) / 1000;
  }
  const rate = 108 * size * size * steps / seconds / 1e9;
  console.log(`${size} x ${size}: ${(1000 * seconds / steps).toFixed(3)} ms a step, ${rate.toFixed(1)} GB/s`);
  close();
}
