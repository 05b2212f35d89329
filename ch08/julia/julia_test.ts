import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { parseHeader, runScript } from "../../bench/lib/script.ts";
import { openJulia } from "../../bench/limit/julia.ts";
import * as arrays from "./julia_arrays.ts";
import * as assemblyscriptAsWritten from "./julia_assemblyscript_as_written.ts";
import * as assemblyscriptSimd from "./julia_assemblyscript_simd.ts";
import * as assemblyscriptTyped from "./julia_assemblyscript_typed.ts";
import * as cToWasm from "./julia_c_to_wasm.ts";
import * as cToWasmNpm from "./julia_c_to_wasm_npm.ts";
import * as float32 from "./julia_float32.ts";
import * as inFlight from "./julia_in_flight.ts";
import * as megamorphic from "./julia_megamorphic.ts";
import * as objectsExpanded from "./julia_objects_expanded.ts";
import * as objectsHypot from "./julia_objects_hypot.ts";
import * as porffor from "./julia_porffor.ts";
import * as typedArrays from "./julia_typed_arrays.ts";
import * as wasmThreads from "./julia_wasm_threads.ts";
import * as wat from "./julia_wat.ts";

interface Experiment {
  run(): void;
  counts(): ArrayLike<number>;
  close?(): unknown;
}

const exact: Record<string, (width: number) => Experiment | null | Promise<Experiment | null>> = {
  objects_hypot: objectsHypot.experiment,
  objects_expanded: objectsExpanded.experiment,
  megamorphic: megamorphic.experiment,
  arrays: arrays.experiment,
  typed_arrays: typedArrays.experiment,
  in_flight: inFlight.experiment,
  porffor: porffor.experiment,
  assemblyscript_as_written: assemblyscriptAsWritten.experiment,
  assemblyscript_typed: assemblyscriptTyped.experiment,
  assemblyscript_unchecked: (width) => assemblyscriptTyped.experiment(width, { checks: false }),
  assemblyscript_simd: assemblyscriptSimd.experiment,
  c_to_wasm: cToWasm.experiment,
  c_to_wasm_npm: cToWasmNpm.experiment,
  wat: wat.experiment,
  wasm_one_thread: (width) => wasmThreads.experiment(width, { workers: 1 }),
  wasm_two_threads: (width) => wasmThreads.experiment(width, { workers: 2 }),
  wasm_three_threads_static: (width) => wasmThreads.experiment(width, { workers: 3, split: "static" }),
  c: (width) => openJulia(width, "julia"),
  c_vectors: (width) => openJulia(width, "julia_vectors"),
  c_in_flight: (width) => openJulia(width, "julia_in_flight"),
  c_in_flight_openmp: (width) => openJulia(width, "julia_in_flight", { openmp: true }),
};

async function counts(open: (typeof exact)[string], width: number): Promise<number[]> {
  const experiment = (await open(width))!;
  experiment.run();
  const first = Array.from(experiment.counts());
  // A second run starts from the same points.
  experiment.run();
  assertEquals(Array.from(experiment.counts()), first);
  await experiment.close?.();
  return first;
}

/** How often z = z * z + c stays inside, in exact arithmetic on fractions with a power of two below the line. */
function exactCount(re: number, im: number, limit: number): number {
  const bits = 4096n, one = 1n << bits;
  // A double is a whole number times a power of two, here at least 2^-1074.
  const fraction = (x: number) => BigInt(x * 2 ** 60) * (one >> 60n);
  let a = fraction(re), b = fraction(im);
  const c = fraction(-0.62772), d = fraction(-0.42193);
  for (let n = 0; n < limit; n++) {
    if (a * a + b * b >= 4n * one * one) return n;
    [a, b] = [((a * a - b * b) >> bits) + c, ((2n * a * b) >> bits) + d];
  }
  return limit;
}

for (const [name, open] of Object.entries(exact)) {
  Deno.test(`${name}: the counts of 1000 x 1000 points add up to 33219980, the book's sum`, async () => {
    const experiment = (await open(1000))!;
    experiment.run();
    const sum = Array.from(experiment.counts()).reduce((sum, n) => sum + n, 0);
    await experiment.close?.();
    assertEquals(sum, 33219980);
  });

  Deno.test(`${name}: every single count is that of the plainest version, at odd widths too`, async () => {
    for (const width of [1, 2, 3, 7, 33, 64]) {
      assertEquals(await counts(open, width), await counts(exact.objects_hypot, width), `width ${width}`);
    }
  });
}

Deno.test("counts agree with exact arithmetic as long as rounding has not grown to matter", () => {
  const width = 20, { run, counts } = typedArrays.experiment(width);
  run();
  let checked = 0;
  for (let row = 0, im = 1.8, i = 0; row < width; row++, im -= 3.6 / width) {
    for (let column = 0, re = -1.8; column < width; column++, re += 3.6 / width, i++) {
      if (counts()[i] > 20) continue;
      assertEquals(counts()[i], exactCount(re, im, 300), `point ${re} + ${im}i`);
      checked++;
    }
  }
  assert(checked > 300, `only ${checked} points escape early`);
});

Deno.test("the set is symmetric about zero, but for points where the rounding of their coordinates decides", async () => {
  const width = 100, all = await counts(exact.typed_arrays, width);
  // Row 1 from the top lies opposite to row width - 1: the rows begin at 1.8 and end a step before -1.8.
  let different = 0;
  for (let row = 1; row < width; row++) {
    for (let column = 1; column < width; column++) {
      if (all[row * width + column] !== all[(width - row) * width + width - column]) different++;
    }
  }
  assert(different < width * width / 100, `${different} points differ from those opposite`);
});

Deno.test("single precision gives another sum, and it is always the same", () => {
  const { run, counts } = float32.experiment(1000);
  run();
  assertEquals(counts().reduce((sum, n) => sum + n, 0), 33222988);
});

Deno.test("threads report every step that they took, and no more", async () => {
  for (const split of ["static", "dynamic"] as const) {
    const { run, counts, steps, close } = await wasmThreads.experiment(200, { workers: 3, split });
    run();
    assertEquals(steps().reduce((sum, n) => sum + n, 0), counts().reduce((sum, n) => sum + n, 0));
    await close();
  }
});

Deno.test("a mistake in the source is reported with the compiler's own words", async () => {
  await assertRejects(() => cToWasm.compile("int julia( { }"), Error, "error: expected parameter declarator");
  await assertRejects(() => cToWasmNpm.compile("int julia( { }"), Error, "error: expected parameter declarator");
  await assertRejects(() => wat.assemble("(module (func (drop)))"), Error, "julia.wat:1");
});

Deno.test("without clang the script names the packages, and exits with code 2", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const { run } = parseHeader(await Deno.readTextFile(new URL("julia_c_to_wasm.ts", import.meta.url)));
    const cwd = new URL("../../", import.meta.url);
    const { code, stderr } = await runScript(run, { cwd, env: { PATH: folder } });
    assertEquals(code, 2, stderr);
    assertMatch(stderr, /error: no clang, .* apt-get install clang lld\n$/);
  } finally {
    await Deno.remove(folder);
  }
});

Deno.test("wasm_threads refuses what is no number of threads and no way to split", async () => {
  const { run } = parseHeader(await Deno.readTextFile(new URL("julia_wasm_threads.ts", import.meta.url)));
  const cwd = new URL("../../", import.meta.url);
  for (const value of ["0", "65", "2.5", "-1", "two"]) {
    const { code, stderr } = await runScript(run, { cwd, more: [`--workers=${value}`] });
    assertEquals([code, stderr], [2, `error: --workers ${value}: must be a whole number from 1 to 64\n`]);
  }
  const { code, stderr } = await runScript(run, { cwd, more: ["--split", "fair"] });
  assertEquals([code, stderr], [2, "error: --split fair: must be dynamic or static\n"]);
});
