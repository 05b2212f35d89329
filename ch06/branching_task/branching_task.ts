/**
 * Work that branches on its data, where a GPU loses: every walker follows a chain through a table until the chain ends.
 *
 * What to notice: the next place to look at is known only from the value just read, and nobody knows beforehand how many
 * reads there will be. One walker uses one of the GPU's thousands of lanes and waits at each step for memory, which is
 * slower to answer than a processor's cache. Many walkers at once hide that wait. But lanes advance in lockstep, eight or
 * 32 or 64 of them: where one chain is long, the others of its group have ended and wait. Both sides walk the same
 * chains, and the counts must be equal to the last one.
 *
 * @original 06_matrix/torch_branching_task.py
 * @run deno run ch06/branching_task/branching_task.ts
 * @takes 2 s
 */

/** Chains through a table: `table[i]` is the place after i, and place 0 is the end. */
export interface Chains {
  table: Uint32Array<ArrayBuffer>;
  /** Where each walker begins. */
  starts: Uint32Array<ArrayBuffer>;
}

/** Chains of the given lengths, strewn over one table in a shuffled order, so that no step is near the one before. */
export function strew(lengths: ArrayLike<number>, seed = 1): Chains {
  const total = Array.from(lengths).reduce((sum, length) => sum + length, 0);
  const places = Uint32Array.from({ length: total }, (_, i) => i + 1);
  // Fisher and Yates's shuffle, with mulberry32 for its dice.
  for (let i = total - 1, state = seed; i > 0; i--) {
    state = (state + 0x6d2b79f5) | 0;
    let dice = Math.imul(state ^ (state >>> 15), state | 1);
    dice ^= dice + Math.imul(dice ^ (dice >>> 7), dice | 61);
    const j = Math.floor(((dice ^ (dice >>> 14)) >>> 0) / 2 ** 32 * (i + 1));
    [places[i], places[j]] = [places[j], places[i]];
  }
  const table = new Uint32Array(total + 1), starts = new Uint32Array(lengths.length);
  for (let walker = 0, next = 0; walker < lengths.length; walker++) {
    let place = starts[walker] = lengths[walker] > 0 ? places[next++] : 0;
    for (let step = 1; step < lengths[walker]; step++) place = table[place] = places[next++];
  }
  return { table, starts };
}

/** Three sets of walkers on tables of so many places; each chain is known to have the length beside it. */
export function cases(places: number) {
  const walkers = places / 64;
  const long = Math.min(places / 2, 2 ** 15);
  const even = Array.from({ length: walkers }, () => 64);
  // Of each 32 walkers, who advance together on a GPU, the first has nearly all the steps.
  const uneven = even.map((length, walker) => walker % 32 === 0 ? 32 * length - 31 : 1);
  const { table, starts } = strew([long, places - long]);
  return {
    "one walker": { chains: { table, starts: starts.slice(0, 1) }, lengths: [long] },
    "many, even": { chains: strew(even), lengths: even },
    "many, uneven": { chains: strew(uneven), lengths: uneven },
  };
}

/** How many steps each walker takes to the end of its chain, on the processor. */
export function walk({ table, starts }: Chains): Uint32Array {
  const steps = new Uint32Array(starts.length);
  for (let walker = 0; walker < starts.length; walker++) {
    let count = 0;
    for (let place = starts[walker]; place !== 0; place = table[place]) count++;
    steps[walker] = count;
  }
  return steps;
}

const kernel = `
  @group(0) @binding(0) var<storage, read> table: array<u32>;
  @group(0) @binding(1) var<storage, read> starts: array<u32>;
  @group(0) @binding(2) var<storage, read_write> steps: array<u32>;

  @compute @workgroup_size(64)
  fn walk(@builtin(global_invocation_id) id: vec3u) {
    if (id.x >= arrayLength(&starts)) { return; }
    var count = 0u;
    for (var place = starts[id.x]; place != 0u; place = table[place]) { count++; }
    steps[id.x] = count;
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
 * The same walks on the GPU, a walker a thread. Every chain must end, and before 65,000 steps: Mesa's renderer in software
 * leaves a loop after 65,535 rounds without a word, and on real GPUs a watchdog ends what runs for seconds.
 */
export async function experiment({ table, starts }: Chains) {
  if (starts.length > 64 * 65535) throw new RangeError(`${starts.length} walkers are more than one dispatch can hold`);
  const device = await openDevice(Math.max(table.byteLength, starts.byteLength));
  let failure = "";
  device.addEventListener("uncapturederror", (event) => failure ||= (event as GPUUncapturedErrorEvent).error.message);

  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const buffers = [table, starts, starts].map(({ byteLength }) => device.createBuffer({ size: byteLength, usage }));
  device.queue.writeBuffer(buffers[0], 0, table);
  device.queue.writeBuffer(buffers[1], 0, starts);
  const module = device.createShaderModule({ code: kernel });
  const pipeline = device.createComputePipeline({ layout: "auto", compute: { module } });
  const group = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
  });

  return {
    /** Sends all walkers off so many times, each time from the start, and resolves when the GPU is done. */
    async run(times: number): Promise<void> {
      for (let left = times; left > 0; left -= 256) {
        const encoder = device.createCommandEncoder();
        const pass = encoder.beginComputePass();
        pass.setPipeline(pipeline);
        pass.setBindGroup(0, group);
        for (let k = 0; k < Math.min(left, 256); k++) pass.dispatchWorkgroups(Math.ceil(starts.length / 64));
        pass.end();
        device.queue.submit([encoder.finish()]);
      }
      await device.queue.onSubmittedWorkDone();
      if (failure) throw new Error(failure);
    },
    /** How many steps each walker took. */
    async steps(): Promise<Uint32Array> {
      const size = starts.byteLength;
      const copy = device.createBuffer({ size, usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ });
      const encoder = device.createCommandEncoder();
      encoder.copyBufferToBuffer(buffers[2], 0, copy, 0, size);
      device.queue.submit([encoder.finish()]);
      await copy.mapAsync(GPUMapMode.READ);
      const values = new Uint32Array(copy.getMappedRange().slice(0));
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

if (import.meta.main) {
  for (const [name, { chains, lengths }] of Object.entries(cases(2 ** 20))) {
    const total = lengths.reduce((sum, length) => sum + length, 0);
    const { run, steps, close } = await experiment(chains).catch((error) => {
      if (!(error instanceof Deno.errors.NotSupported)) throw error;
      console.error(`error: ${error.message}`);
      Deno.exit(2);
    });
    // The first walks warm the compiler up.
    for (let k = 0; k < 3; k++) walk(chains);
    let start = performance.now();
    const counted = walk(chains);
    const processor = 1e6 * (performance.now() - start) / total;
    // Waiting for the GPU costs milliseconds each time, so a run gets longer until that no longer counts.
    let times = 1, elapsed = 0;
    while (elapsed < 150) {
      start = performance.now();
      await run(times *= 2);
      elapsed = performance.now() - start;
    }
    const gpu = 1e6 * elapsed / times / total;
    if (!(await steps()).every((count, walker) => count === lengths[walker] && count === counted[walker])) {
      throw new Error(`${name}: the counts differ`);
    }
    console.log(`${name.padEnd(12)}  processor ${processor.toFixed(2)} ns a step, GPU ${gpu.toFixed(2)} ns a step`);
    close();
  }
}
