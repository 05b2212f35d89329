/**
 * Diffusion on the GPU, four steps each time the grid passes by: faster than memory allows a kernel of one step to be.
 *
 * What to notice: a workgroup loads a tile together with a border four cells wide, and advances it four steps on the
 * spot. Each step spoils one more ring of the border, whose outer neighbours are missing; the inside comes out right and
 * is all that is written. The memory moves a quarter as much for it; the price is work done twice where borders overlap.
 * Each thread keeps sixteen cells of a column in registers, as four vectors, so that the neighbours above and below cost
 * nothing: only what lies beside goes through the memory that a workgroup shares.
 *
 * @original 06_matrix/diffusion_2d/diffusion_pytorch_compute.py
 * @run deno run ch06/diffusion_2d/webgpu_tiled.ts
 * @takes 2 s
 */

import { parseArgs } from "jsr:@std/cli@1/parse-args";

/** Cells along a side of a tile, steps of a dispatch and so cells of border, and the cells left inside. */
const tile = 64, border = 4, inside = tile - 2 * border;

/** The same line of the kernel for each of a thread's four vectors. */
const each = (line: (k: number) => string) => [0, 1, 2, 3].map(line).join("");

/**
 * Up to four steps of u' = u + D dt (up + down + left + right - 4u) with D = 1, dt = 0.1 and periodic edges, in WGSL.
 * In the tile, row y of vectors holds the four rows of cells from 4y on. Size and steps come from a buffer, so that one
 * compilation serves all; as constants they invite the compiler to unroll the loop with its barriers.
 */
const kernel = `
  const dt = 0.1;
  struct Plan { size: u32, steps: u32 }
  @group(0) @binding(0) var<storage, read> u: array<f32>;
  @group(0) @binding(1) var<storage, read_write> next: array<f32>;
  @group(0) @binding(2) var<storage, read> plan: Plan;
  var<workgroup> cells: array<array<vec4f, ${tile}>, ${tile / 4}>;

  @compute @workgroup_size(${tile}, ${tile / 16})
  fn advance(@builtin(local_invocation_id) id: vec3u, @builtin(workgroup_id) group: vec3u) {
    let size = plan.size;
    let x = id.x;
    let y = 4u * id.y;
    // The first tile's border lies beyond the grid's edge: a multiple of the size keeps the numbers from falling below 0.
    let shift = (${border}u + size - 1u) / size * size - ${border}u;
    let column = (group.x * ${inside}u + x + shift) % size;
    let row0 = (group.y * ${inside}u + 4u * y + shift) % size;
    ${
  Array.from({ length: 15 }, (_, k) => `let row${k + 1} = select(row${k} + 1u, 0u, row${k} + 1u == size);`).join("\n")
}
    ${
  each((q) => `
    var m${q} = vec4f(${[0, 1, 2, 3].map((k) => `u[row${4 * q + k} * size + column]`).join(", ")});`)
}
    // What a cell at the tile's rim takes for a neighbour is wrong, and does not matter.
    let west = max(x, 1u) - 1u;
    let east = min(x + 1u, ${tile - 1}u);
    let north = max(y, 1u) - 1u;
    let south = min(y + 4u, ${tile / 4 - 1}u);
    for (var step = 0u; step < plan.steps; step++) {
      ${each((q) => `cells[y + ${q}u][x] = m${q};`)}
      workgroupBarrier();
      let before = vec4f(0, 0, 0, cells[north][x].w);
      let after = vec4f(cells[south][x].x, 0, 0, 0);
      ${each((q) => `let beside${q} = cells[y + ${q}u][west] + cells[y + ${q}u][east];`)}
      workgroupBarrier();
      ${
  each((q) => {
    const above = q === 0 ? "before" : `m${q - 1}`, below = q === 3 ? "after" : `m${q + 1}`;
    return `
      let n${q} = m${q} + dt * (vec4f(${above}.w, m${q}.xyz) + vec4f(m${q}.yzw, ${below}.x) + beside${q} - 4 * m${q});`;
  })
}
      ${each((q) => `m${q} = n${q};`)}
    }
    if (x < ${border}u || x >= ${tile - border}u || group.x * ${inside}u + x >= size + ${border}u) { return; }
    ${
  each((q) => `
    if (y + ${q}u > 0u && y + ${q}u < ${tile / 4 - 1}u) {
      let row = group.y * ${inside}u + 4u * (y + ${q}u) - ${border}u;
      ${each((k) => `if (row + ${k}u < size) { next[(row + ${k}u) * size + column] = m${q}[${k}]; }\n`)}
    }`)
}
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

  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC;
  const buffers = [true, false].map((mappedAtCreation) =>
    device.createBuffer({ size: bytes, usage, mappedAtCreation })
  );
  const start = new Float32Array(buffers[0].getMappedRange());
  const low = Math.floor(0.4 * size), high = Math.floor(0.5 * size);
  for (let i = low; i < high; i++) start.fill(0.005, i * size + low, i * size + high);
  buffers[0].unmap();

  const module = device.createShaderModule({ code: kernel });
  const pipeline = device.createComputePipeline({ layout: "auto", compute: { module } });
  const plans = [1, 2, 3, 4].map((steps) => {
    const plan = device.createBuffer({ size: 8, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST });
    device.queue.writeBuffer(plan, 0, Uint32Array.of(size, steps));
    return plan;
  });
  const groups = [buffers, buffers.toReversed()].map((pair) =>
    plans.map((plan) =>
      device.createBindGroup({
        layout: pipeline.getBindGroupLayout(0),
        entries: [...pair, plan].map((buffer, binding) => ({ binding, resource: { buffer } })),
      })
    )
  );
  const tiles = Math.ceil(size / inside);
  let current = 0;

  return {
    async run(steps: number): Promise<void> {
      // Submits of bounded length leave the driver time for others, and its watchdog nothing to end.
      for (let left = steps; left > 0; left -= 256) {
        const encoder = device.createCommandEncoder();
        const pass = encoder.beginComputePass();
        pass.setPipeline(pipeline);
        for (let step = Math.min(left, 256); step > 0; step -= border, current = 1 - current) {
          pass.setBindGroup(0, groups[current][Math.min(step, border) - 1]);
          pass.dispatchWorkgroups(tiles, tiles);
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
      for (const buffer of [...buffers, ...plans]) buffer.destroy();
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
  if (!(Math.abs(after - before) <= 1e-5 * before)) throw new Error(`mass not conserved: ${before} became ${after}`);

  // Waiting for the GPU costs milliseconds each time, so a run gets longer until that no longer counts.
  let steps = 8, seconds = 0;
  while (seconds < 0.5) {
    const start = performance.now();
    await run(steps *= 2);
    seconds = (performance.now() - start) / 1000;
  }
  const rate = 8 * size * size * steps / seconds / 1e9;
  console.log(`${size} x ${size}: ${(1000 * seconds / steps).toFixed(3)} ms a step, ${rate.toFixed(1)} GB/s`);
  close();
}
