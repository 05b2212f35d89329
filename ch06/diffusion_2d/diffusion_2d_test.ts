import { assert, assertAlmostEquals, assertEquals, assertMatch } from "@std/assert";
import { openDiffusion } from "../../bench/limit/diffusion.ts";
import { parseHeader, runScript } from "../../bench/lib/script.ts";
import * as blocked from "./diffusion_blocked.ts";
import type { Experiment } from "./compare.ts";
import * as flat from "./diffusion_flat.ts";
import * as flatModulo from "./diffusion_flat_modulo.ts";
import * as float32 from "./diffusion_float32.ts";
import * as fused from "./diffusion_fused.ts";
import * as inPlace from "./diffusion_in_place.ts";
import * as library from "./diffusion_library.ts";
import * as nested from "./diffusion_nested.ts";
import * as nestedTwoBuffers from "./diffusion_nested_two_buffers.ts";
import * as slices from "./diffusion_slices.ts";
import * as temporaries from "./diffusion_temporaries.ts";
import * as wasmSimd from "./diffusion_wasm_simd.ts";
import * as wasmThreads from "./diffusion_wasm_threads.ts";
import * as workers from "./diffusion_workers.ts";

const root = new URL("../../", import.meta.url);

const c = await openDiffusion(), openmp = await openDiffusion({ openmp: true });

/** All techniques, those with several shapes in each shape that takes another path. */
const experiments: Record<string, (size: number) => Experiment | Promise<Experiment>> = {
  nested: nested.experiment,
  nested_two_buffers: nestedTwoBuffers.experiment,
  flat_modulo: flatModulo.experiment,
  flat: flat.experiment,
  temporaries: temporaries.experiment,
  in_place: inPlace.experiment,
  slices: slices.experiment,
  library: library.experiment,
  float32: float32.experiment,
  fused: fused.experiment,
  "blocked, 1 step deep": (size) => blocked.experiment(size, 1),
  "blocked, 7 steps deep": (size) => blocked.experiment(size, 7),
  "1 worker": (size) => workers.experiment(size, 1),
  "3 workers": (size) => workers.experiment(size, 3),
  wasm_simd: wasmSimd.experiment,
  "1 Wasm thread, 1 step deep": (size) => wasmThreads.experiment(size, { workers: 1, depth: 1 }),
  "1 Wasm thread, 4 steps deep": (size) => wasmThreads.experiment(size, { workers: 1, depth: 4 }),
  "2 Wasm threads, 7 steps deep": (size) => wasmThreads.experiment(size, { workers: 2, depth: 7 }),
  "3 Wasm threads, 2 steps deep": (size) => wasmThreads.experiment(size, { workers: 3, depth: 2 }),
  ...c && { c },
  ...openmp && { openmp },
};

// Seven digits for floats; doubles in another order of addition differ in the last one or two of sixteen.
const tolerance = (name: string) => 0.005 * (name === "float32" ? 1e-6 : 1e-14);

/**
 * The solution of the discrete equation by another road: each Fourier mode (k, l) of the start shrinks by the factor
 * 1 - 4 dt (sin²(πk/N) + sin²(πl/N)) in every step, and the modes add up again to the grid.
 */
function spectral(size: number, steps: number): Float64Array {
  const low = Math.floor(0.4 * size), high = Math.floor(0.5 * size);
  const wave = (k: number, x: number) => 2 * Math.PI * k * x / size;
  const square = (k: number) => Math.sin(Math.PI * k / size) ** 2;
  // The start is a product of the same function of i and of j, and so is its transform.
  const modes = Array.from({ length: size }, (_, k) => {
    let re = 0, im = 0;
    for (let x = low; x < high; x++) (re += Math.cos(wave(k, x)), im -= Math.sin(wave(k, x)));
    return { re: re / size, im: im / size };
  });
  const grid = new Float64Array(size * size);
  for (let k = 0; k < size; k++) {
    for (let l = 0; l < size; l++) {
      const decay = 0.005 * (1 - 0.4 * (square(k) + square(l))) ** steps;
      const re = decay * (modes[k].re * modes[l].re - modes[k].im * modes[l].im);
      const im = decay * (modes[k].re * modes[l].im + modes[k].im * modes[l].re);
      for (let i = 0; i < size; i++) {
        for (let j = 0; j < size; j++) {
          const phase = wave(k, i) + wave(l, j);
          grid[i * size + j] += re * Math.cos(phase) - im * Math.sin(phase);
        }
      }
    }
  }
  return grid;
}

for (const [name, experiment] of Object.entries(experiments)) {
  Deno.test(`${name}: the grid is that of the Fourier solution, also when it is computed in two goes`, async () => {
    for (const [size, steps] of [[10, 0], [10, 1], [12, 7], [17, 20]]) {
      const { run, grid, close } = await experiment(size);
      await run(Math.floor(steps / 3));
      await run(steps - Math.floor(steps / 3));
      const got = await grid(), expected = spectral(size, steps);
      assertEquals(got.length, size * size);
      const bound = name === "float32" ? tolerance(name) : 1e-16;
      for (let i = 0; i < expected.length; i++) {
        assertAlmostEquals(got[i], expected[i], bound, `cell ${i} of size ${size} after ${steps} steps`);
      }
      await close?.();
    }
  });

  Deno.test(`${name}: every size agrees with nested arrays, edges and odd ends included`, async () => {
    for (const size of [1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 33, 65, 130]) {
      const { run, grid, close } = await experiment(size);
      const expected = nested.experiment(size);
      await run(13);
      expected.run(13);
      const got = await grid(), want = expected.grid();
      for (let i = 0; i < want.length; i++) {
        assertAlmostEquals(got[i], want[i], tolerance(name), `cell ${i} of size ${size}`);
      }
      await close?.();
    }
  });

  Deno.test(`${name}: no mass is lost in 200 steps`, async () => {
    const size = 40;
    const { run, grid, close } = await experiment(size);
    await run(200);
    const mass = Array.from(await grid()).reduce((sum, u) => sum + u, 0);
    assertAlmostEquals(mass, 0.005 * 4 * 4, name === "float32" ? 1e-7 : 1e-14);
    await close?.();
  });
}

for (
  const [script, flags] of Object.entries({
    diffusion_workers: ["workers"],
    diffusion_wasm_threads: ["workers", "depth"],
  })
) {
  Deno.test(`${script} refuses bad flags in one line and with exit code 2`, async () => {
    const { run } = parseHeader(await Deno.readTextFile(new URL(`${script}.ts`, import.meta.url)));
    for (const flag of flags) {
      for (const value of ["0", "-5", "1e9", "NaN", "many", "2.5"]) {
        const { code, stderr, stdout } = await runScript(run, { cwd: root, more: [`--${flag}=${value}`] });
        assertEquals(code, 2, stderr);
        assertEquals(stderr.trim(), `error: --${flag} ${value}: must be a whole number from 1 to 64`);
        assertEquals(stdout, "");
      }
    }
    const unknown = await runScript(run, { cwd: root, more: ["--threads=2"] });
    assertEquals(unknown.code, 2);
    assertMatch(unknown.stderr, /^error: --threads=2: there is only --workers/);
    const help = await runScript(run, { cwd: root, more: ["--help"] });
    assertEquals(help.code, 0);
    assert(help.stdout.includes("--workers"));
  });
}

for (const name of ["compare.ts", "compare_blocking.ts"]) {
  Deno.test(`${name} refuses sizes that are no sizes, and what it does not know`, async () => {
    const { run } = parseHeader(await Deno.readTextFile(new URL(name, import.meta.url)));
    for (const value of ["0", "-5", "1e9", "NaN", "large", "64,0"]) {
      const { code, stderr } = await runScript(run, { cwd: root, more: [`--size=${value}`] });
      assertEquals(code, 2, stderr);
      assertMatch(stderr, /^error: --size .*: must be a whole number from 1 to 8192\n$/);
    }
    const only = await runScript(run, { cwd: root, more: ["--only=fortran"] });
    assertEquals(only.code, 2);
    assertMatch(only.stderr, /^error: --only fortran: must be one of /);
    const unknown = await runScript(run, { cwd: root, more: ["--fast"] });
    assertEquals([unknown.code, unknown.stderr], [2, "error: --fast is not a flag of this script (see --help)\n"]);
  });

  Deno.test(`${name} stops before it measures where it may not write`, async () => {
    const { run } = parseHeader(await Deno.readTextFile(new URL(name, import.meta.url)));
    const readOnly = run.replace("--allow-write=results", "--allow-write=nowhere");
    const { code, stderr, stdout } = await runScript(readOnly, { cwd: root, more: ["--size=8"] });
    assertEquals(code, 2, stderr);
    assertMatch(stderr, /^error: cannot write to results\/ch06\/: .*\n$/);
    assertEquals(stdout, "");
  });
}
