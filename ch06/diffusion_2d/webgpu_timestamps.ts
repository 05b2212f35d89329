/**
 * Profiling the GPU by its own clock: what each pass of a diffusion step takes, apart from sending it off and waiting.
 *
 * What to notice: the clock on the wall counts the submit, the wait and everything queued before, and cannot look inside
 * a submit. Timestamps are written by the GPU as a pass begins and ends. The eleven operations of the plain way differ
 * by the bytes they move, hardly by what they calculate, and together take many times as long as the one pass that does
 * the whole step. Where the adapter is software, its clock is the processor's, and the arithmetic counts as well.
 *
 * @original 06_matrix/diffusion_2d/diffusion_pytorch_conv_profile.py
 * @run deno run ch06/diffusion_2d/webgpu_timestamps.ts
 * @takes 2 s
 */

import { parseArgs } from "jsr:@std/cli@1/parse-args";

/** The passes in WGSL, each over whole N x N grids: one cell a thread, a row of the grid a row of workgroups. */
const kernels = (size: number) => `
  const size = ${size};
  override down = 0;
  override right = 0;
  override factor = 1.0;
  @group(0) @binding(0) var<storage, read> a: array<f32>;
  @group(0) @binding(1) var<storage, read> b: array<f32>;
  @group(0) @binding(2) var<storage, read_write> result: array<f32>;

  fn rolled(y: i32, x: i32, down: i32, right: i32) -> f32 {
    return a[(y + size - down) % size * size + (x + size - right) % size];
  }
  @compute @workgroup_size(64)
  fn roll(@builtin(global_invocation_id) id: vec3u) {
    let k = id.y * size + id.x;
    if (id.x < size) { result[k] = rolled(i32(id.y), i32(id.x), down, right); }
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
  }
  @compute @workgroup_size(64)
  fn fused(@builtin(global_invocation_id) id: vec3u) {
    let y = i32(id.y);
    let x = i32(id.x);
    if (x >= size) { return; }
    let beside = rolled(y, x, 1, 0) + rolled(y, x, -1, 0) + rolled(y, x, 0, 1) + rolled(y, x, 0, -1);
    result[y * size + x] = a[y * size + x] + 0.1 * (beside - 4 * a[y * size + x]);
  }`;

interface Pass {
  name: string;
  kernel: "roll" | "add" | "scale" | "fused";
  constants?: Record<string, number>;
  /** The grids it reads, one or two, and the one it writes. */
  from: number[];
  to: number;
}

/** A step from grid 0 to grid 3 in whole-array operations, and then the same step from grid 0 to grid 4 in one pass. */
export const passes: Pass[] = [
  { name: "roll down", kernel: "roll", constants: { down: 1 }, from: [0], to: 1 },
  { name: "roll up", kernel: "roll", constants: { down: -1 }, from: [0], to: 2 },
  { name: "add", kernel: "add", from: [1, 2], to: 3 },
  { name: "roll right", kernel: "roll", constants: { right: 1 }, from: [0], to: 1 },
  { name: "add", kernel: "add", from: [3, 1], to: 2 },
  { name: "roll left", kernel: "roll", constants: { right: -1 }, from: [0], to: 1 },
  { name: "add", kernel: "add", from: [2, 1], to: 3 },
  { name: "times -4", kernel: "scale", constants: { factor: -4 }, from: [0], to: 1 },
  { name: "add", kernel: "add", from: [3, 1], to: 2 },
  { name: "times dt", kernel: "scale", constants: { factor: 0.1 }, from: [2], to: 1 },
  { name: "add", kernel: "add", from: [0, 1], to: 3 },
  { name: "fused", kernel: "fused", from: [0], to: 4 },
];

/** A device with room for buffers of so many bytes, or an error whose one line says what is missing. */
async function openDevice(bytes: number): Promise<GPUDevice> {
  const lacking = (what: string) => new Deno.errors.NotSupported(what);
  if (!navigator.gpu) throw lacking("this runtime has no WebGPU (navigator.gpu is missing)");
  const adapter = await navigator.gpu.requestAdapter();
  const remedy = "install the GPU's driver, or for a GPU in software Debian's mesa-vulkan-drivers and libvulkan1";
  if (!adapter) throw lacking(`no GPU adapter: ${remedy}`);
  const clock = "timestamp-query";
  if (!adapter.features.has(clock)) throw lacking(`no ${clock} on this adapter: a newer driver may have it`);
  for (const limit of ["maxBufferSize", "maxStorageBufferBindingSize"] as const) {
    const has = adapter.limits[limit];
    if (has < bytes) throw lacking(`${limit} is ${has} on this adapter, and this size needs ${bytes}`);
  }
  const requiredLimits = { maxBufferSize: bytes, maxStorageBufferBindingSize: bytes };
  return await adapter.requestDevice({ requiredFeatures: [clock], requiredLimits });
}

/**
 * Runs the passes on an N x N grid of the book's experiment, `rounds` times over.
 *
 * @returns the median seconds of each pass by the GPU's clock, and of one submit of all by ours, wait included; and how
 * far the two results lie apart, relative to the largest value
 */
export async function profile(size: number, rounds: number) {
  const bytes = 4 * size * size;
  const device = await openDevice(bytes);
  let failure = "";
  device.addEventListener("uncapturederror", (event) => failure ||= (event as GPUUncapturedErrorEvent).error.message);

  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC;
  const buffers = [0, 1, 2, 3, 4].map((k) => device.createBuffer({ size: bytes, usage, mappedAtCreation: k === 0 }));
  const start = new Float32Array(buffers[0].getMappedRange());
  const low = Math.floor(0.4 * size), high = Math.floor(0.5 * size);
  for (let i = low; i < high; i++) start.fill(0.005, i * size + low, i * size + high);
  buffers[0].unmap();

  const module = device.createShaderModule({ code: kernels(size) });
  const types: GPUBufferBindingType[] = ["read-only-storage", "read-only-storage", "storage"];
  const bindings = device.createBindGroupLayout({
    entries: types.map((type, binding) => ({ binding, visibility: GPUShaderStage.COMPUTE, buffer: { type } })),
  });
  const layout = device.createPipelineLayout({ bindGroupLayouts: [bindings] });
  const ready = passes.map(({ kernel, constants, from, to }) => ({
    pipeline: device.createComputePipeline({ layout, compute: { module, entryPoint: kernel, constants } }),
    group: device.createBindGroup({
      layout: bindings,
      entries: [from[0], from.at(-1)!, to].map((k, binding) => ({ binding, resource: { buffer: buffers[k] } })),
    }),
  }));

  const read = async (buffer: GPUBuffer, size: number) => {
    const copy = device.createBuffer({ size, usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ });
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(buffer, 0, copy, 0, size);
    device.queue.submit([encoder.finish()]);
    await copy.mapAsync(GPUMapMode.READ);
    const values = copy.getMappedRange().slice(0);
    copy.destroy();
    if (failure) throw new Error(failure);
    return values;
  };

  // Two timestamps a pass, in nanoseconds and of eight bytes each.
  const count = 2 * passes.length;
  const querySet = device.createQuerySet({ type: "timestamp", count });
  const stamps = device.createBuffer({
    size: 8 * count,
    usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
  });
  const wall: number[] = [], gpu: number[][] = passes.map(() => []);
  // The first round compiles the kernels and does not count.
  for (let round = 0; round <= rounds; round++) {
    const start = performance.now();
    const encoder = device.createCommandEncoder();
    ready.forEach(({ pipeline, group }, k) => {
      const timestampWrites = { querySet, beginningOfPassWriteIndex: 2 * k, endOfPassWriteIndex: 2 * k + 1 };
      const pass = encoder.beginComputePass({ timestampWrites });
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(Math.ceil(size / 64), size);
      pass.end();
    });
    encoder.resolveQuerySet(querySet, 0, count, stamps, 0);
    device.queue.submit([encoder.finish()]);
    const times = new BigUint64Array(await read(stamps, 8 * count));
    if (round === 0) continue;
    wall.push((performance.now() - start) / 1e3);
    gpu.forEach((seconds, k) => seconds.push(Number(times[2 * k + 1] - times[2 * k]) / 1e9));
  }

  const [plain, fused] = [
    new Float32Array(await read(buffers[3], bytes)),
    new Float32Array(await read(buffers[4], bytes)),
  ];
  const difference = plain.reduce((most, value, k) => Math.max(most, Math.abs(value - fused[k])), 0) / 0.005;
  querySet.destroy();
  for (const buffer of [...buffers, stamps]) buffer.destroy();
  device.destroy();
  const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1];
  return { seconds: gpu.map(median), wall: median(wall), difference };
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
  const { seconds, wall, difference } = await profile(size, 10).catch((error) => {
    if (error instanceof Deno.errors.NotSupported) fail(error.message);
    throw error;
  });
  if (!(difference <= 1e-6)) throw new Error(`the fused pass differs from the eleven by ${difference}`);
  console.log(`${size} x ${size}, by the GPU's clock:`);
  passes.forEach(({ name, from }, k) => {
    const rate = 4 * (from.length + 1) * size * size / seconds[k] / 1e9;
    console.log(
      `${name.padEnd(12)} ${(1e3 * seconds[k]).toFixed(3).padStart(9)} ms  ${rate.toFixed(1).padStart(7)} GB/s`,
    );
  });
  const total = seconds.reduce((sum, value) => sum + value, 0), plain = total - seconds.at(-1)!;
  console.log(`a step in eleven passes takes ${(plain / seconds.at(-1)!).toFixed(1)} times as long as in one`);
  console.log(
    `by the clock on the wall: ${(1e3 * wall).toFixed(1)} ms for all, ${
      (1e3 * (wall - total)).toFixed(1)
    } of them outside the passes`,
  );
}
