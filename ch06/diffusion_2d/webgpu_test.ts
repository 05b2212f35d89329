import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import * as nested from "./diffusion_nested.ts";
import * as convolution from "./webgpu_convolution.ts";
import * as elementwise from "./webgpu_elementwise.ts";
import * as float16 from "./webgpu_float16.ts";
import * as fused from "./webgpu_fused.ts";
import * as tiled from "./webgpu_tiled.ts";
import * as timestamps from "./webgpu_timestamps.ts";
import * as transfer from "./webgpu_transfer.ts";

const adapter = await navigator.gpu?.requestAdapter() ?? undefined;
const missing = (feature: GPUFeatureName) => !adapter?.features.has(feature);

const techniques = {
  webgpu_elementwise: elementwise.experiment,
  webgpu_convolution: (size: number) => convolution.experiment(size),
  webgpu_fused: fused.experiment,
  webgpu_tiled: tiled.experiment,
  webgpu_transfer: transfer.experiment,
  webgpu_float16: float16.experiment,
};

/**
 * What rounding explains, as a share of the largest value at the start. A step takes weighted means of the cells, which
 * makes no error larger; its own roundings add less than four times 2 ** -bits, and the start is rounded once.
 */
const bound = (bits: number, steps: number) => (4 * steps + 1) * 2 ** -bits;

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  assertEquals(a.length, b.length);
  return Array.from(a).reduce((most, value, k) => Math.max(most, Math.abs(value - b[k])), 0);
}

const sum = (values: ArrayLike<number>) => Array.from(values).reduce((total, value) => total + value, 0);

for (const [name, experiment] of Object.entries(techniques)) {
  const bits = name === "webgpu_float16" ? 11 : 24;
  const ignore = bits === 11 ? missing("shader-f16") : !adapter;
  const needs = bits === 11 ? " (needs a GPU with shader-f16)" : " (needs a GPU)";

  for (const size of [1, 2, 3, 5, 17, 64, 100]) {
    Deno.test({
      name: `${name} agrees with nested arrays on ${size} x ${size} and keeps the mass${needs}`,
      ignore,
      async fn() {
        const oracle = nested.experiment(size);
        const { run, grid, close } = await experiment(size);
        const mass = sum(oracle.grid());
        let done = 0;
        for (const steps of [0, 1, 8, 3]) {
          await run(steps);
          oracle.run(steps);
          done += steps;
          const values = await grid(), allowed = bound(bits, done);
          assertEquals(values.length, size * size);
          const error = largestDifference(values, oracle.grid()) / 0.005;
          assert(error <= allowed, `after ${done} steps off by ${error}, where ${allowed} is allowed`);
          assert(Math.abs(sum(values) - mass) <= allowed * mass, `after ${done} steps ${mass} became ${sum(values)}`);
        }
        close();
      },
    });
  }

  // A transfer every step has no such bound.
  if (name === "webgpu_transfer") continue;
  Deno.test({
    name: `${name} takes more steps than one submit holds${needs}`,
    ignore,
    async fn() {
      const oracle = nested.experiment(20);
      const { run, grid, close } = await experiment(20);
      await run(301);
      oracle.run(301);
      const error = largestDifference(await grid(), oracle.grid()) / 0.005;
      assert(error <= bound(bits, 301), `off by ${error}`);
      close();
    },
  });
}

Deno.test({
  name: "the convolution takes any odd kernel, also one larger than the grid (needs a GPU)",
  ignore: !adapter,
  async fn() {
    // Not symmetric, so that a mirrored or transposed kernel would show.
    const weights = Array.from({ length: 5 }, (_, i) => Array.from({ length: 5 }, (_, j) => (i * 5 + j - 12) / 40));
    for (const size of [1, 2, 3, 7]) {
      const { run, grid, close } = await convolution.experiment(size, weights);
      const before = await grid();
      await run(1);
      const expected = before.map((value, cell) => {
        const row = Math.floor(cell / size), column = cell % size;
        const at = (i: number, j: number) =>
          before[(row + i + 2 * size) % size * size + (column + j + 2 * size) % size];
        return value + 0.1 * sum(weights.flatMap((line, i) => line.map((weight, j) => weight * at(i - 2, j - 2))));
      });
      assert(largestDifference(await grid(), expected) <= 1e-8);
      close();
    }
  },
});

Deno.test("the convolution refuses a kernel without a middle, before it looks for a GPU", async () => {
  await assertRejects(() => convolution.experiment(8, [[0, 1], [1, 0]]), RangeError, "odd");
  await assertRejects(() => convolution.experiment(8, [[0, 1, 0], [1, 0, 1]]), RangeError, "odd");
});

Deno.test({
  name: "the GPU's clock times every pass, and both ways to the next step agree (needs a GPU with timestamp-query)",
  ignore: missing("timestamp-query"),
  async fn() {
    const { seconds, wall, difference } = await timestamps.profile(65, 3);
    assertEquals(seconds.length, timestamps.passes.length);
    assert(seconds.every((time) => time >= 0 && time < 10), `${seconds}`);
    assert(wall > 0 && wall < 10);
    assert(difference <= bound(24, 1), `they differ by ${difference}`);
  },
});

/** Runs something while `navigator.gpu` is another. */
async function withGpu(gpu: unknown, act: () => Promise<void>) {
  Object.defineProperty(navigator, "gpu", { value: gpu, configurable: true });
  try {
    await act();
  } finally {
    delete (navigator as { gpu?: unknown }).gpu;
  }
}

const limits = { maxBufferSize: 2 ** 31, maxStorageBufferBindingSize: 2 ** 27 };
const adapterWith = (...features: string[]) => ({
  requestAdapter: () => Promise.resolve({ features: new Set(features), limits }),
});
const all = { ...techniques, webgpu_timestamps: (size: number) => timestamps.profile(size, 1) };

for (const [name, experiment] of Object.entries(all)) {
  Deno.test(`${name} tells in one line what it lacks: WebGPU, an adapter, or room`, async () => {
    const refused = async (size: number, message: RegExp) => {
      const error = await assertRejects(() => experiment(size), Deno.errors.NotSupported);
      assertMatch(error.message, message);
      assertEquals(error.message.split("\n").length, 1);
    };
    await withGpu(undefined, () => refused(64, /no WebGPU/));
    await withGpu(
      { requestAdapter: () => Promise.resolve(null) },
      () => refused(64, /mesa-vulkan-drivers.*libvulkan1/),
    );
    const rich = adapterWith("shader-f16", "timestamp-query");
    await withGpu(rich, () => refused(12000, /^maxStorageBufferBindingSize is 134217728 .* needs \d+$/));
    await withGpu(
      rich,
      () => refused(32768, /^maxBufferSize is 2147483648 .* needs \d+$|^maxStorage.* needs 2147483648$/),
    );
  });
}

Deno.test("float16 and timestamps name the feature that an adapter lacks", async () => {
  await withGpu(adapterWith(), async () => {
    await assertRejects(() => float16.experiment(64), Deno.errors.NotSupported, "shader-f16");
    await assertRejects(() => timestamps.profile(64, 1), Deno.errors.NotSupported, "timestamp-query");
  });
});

/** Runs a technique by itself: its exit code, and what it says on stderr, but for what Mesa adds without a desktop. */
async function runScript(name: string, args: string[], env: Record<string, string> = {}) {
  const script = new URL(`./${name}.ts`, import.meta.url).href;
  const command = new Deno.Command(Deno.execPath(), { args: ["run", "--quiet", "--no-prompt", script, ...args], env });
  const { code, stdout, stderr } = await command.output();
  const lines = (bytes: Uint8Array) => new TextDecoder().decode(bytes).split("\n").filter((line) => line !== "");
  return { code, stdout: lines(stdout), stderr: lines(stderr).filter((line) => !line.includes("XDG_RUNTIME_DIR")) };
}

const names = Object.keys(all);

Deno.test("every script refuses a bad flag with one line and exit code 2", async () => {
  for (
    const [flag, message] of [
      ["--size=0", "error: --size 0: must be a whole number from 1 to 32768"],
      ["--size=32769", "error: --size 32769: must be a whole number from 1 to 32768"],
      ["--size", "error: --size : must be a whole number from 1 to 32768"],
      ["--steps=3", "error: --steps=3 is not a flag of this script (see --help)"],
    ]
  ) {
    const runs = await Promise.all(names.map((name) => runScript(name, [flag])));
    for (const { code, stdout, stderr } of runs) {
      assertEquals({ code, stdout, stderr }, { code: 2, stdout: [], stderr: [message] });
    }
  }
});

Deno.test("every script explains itself with --help", async () => {
  for (const { code, stdout } of await Promise.all(names.map((name) => runScript(name, ["--help"])))) {
    assertEquals(code, 0);
    assertMatch(stdout.join("\n"), /--size N/);
  }
});

Deno.test({
  name: "every script ends with one line and exit code 2 where no driver is found",
  // Elsewhere drivers are not found through these variables.
  ignore: Deno.build.os !== "linux",
  async fn() {
    const env = { DENO_WEBGPU_BACKEND: "vulkan", VK_DRIVER_FILES: "/nowhere.json", VK_ICD_FILENAMES: "/nowhere.json" };
    for (const { code, stdout, stderr } of await Promise.all(names.map((name) => runScript(name, [], env)))) {
      assertEquals([code, stdout, stderr.length], [2, [], 1]);
      assertMatch(stderr[0], /^error: no GPU adapter: install .*mesa-vulkan-drivers and libvulkan1$/);
    }
  },
});

Deno.test({
  name: "a grid beyond the adapter's limits ends with one line that names the limit, and exit code 2 (needs a GPU)",
  ignore: !adapter || Math.min(adapter.limits.maxBufferSize, adapter.limits.maxStorageBufferBindingSize) >= 2 ** 32,
  async fn() {
    const { code, stdout, stderr } = await runScript("webgpu_fused", ["--size=32768"]);
    assertEquals([code, stdout, stderr.length], [2, [], 1]);
    assertMatch(
      stderr[0],
      /^error: max(Storage)?Buffer(Binding)?Size is \d+ on this adapter, and this size needs 4294967296$/,
    );
  },
});
