import { assertAlmostEquals, assertEquals, assertMatch } from "@std/assert";
import { parseHeader, runScript } from "../../bench/lib/script.ts";
import { norm as blas } from "./norm_blas.ts";
import { norm as lanes } from "./norm_lanes.ts";
import { norm as loop } from "./norm_loop.ts";
import { norm as mapReduce } from "./norm_map_reduce.ts";
import { norm as reduce } from "./norm_reduce.ts";
import { norm as typedArray } from "./norm_typed_array.ts";
import * as wasmSimd from "./norm_wasm_simd.ts";

const arrays = { reduce, mapReduce, loop };
const typedArrays = { blas, lanes, typedArray };

/** 0² + 1² + … + (n - 1)² */
const pyramid = (n: number) => (n - 1) * n * (2 * n - 1) / 6;
const lengths = [0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 100, 1000, 65537];

for (const [name, norm] of Object.entries(arrays)) {
  Deno.test(`${name}: the squares of 0, 1, 2, … sum to the pyramidal numbers`, () => {
    for (const n of lengths) {
      assertAlmostEquals(norm(Array.from({ length: n }, (_, i) => i)), pyramid(n), 1e-15 * pyramid(n));
    }
  });
}

for (const [name, norm] of Object.entries(typedArrays)) {
  Deno.test(`${name}: the squares of 0, 1, 2, … sum to the pyramidal numbers`, () => {
    for (const n of lengths) {
      assertEquals(norm(Float64Array.from({ length: n }, (_, i) => i)), pyramid(n), `length ${n}`);
    }
  });
}

Deno.test("wasm_simd: the squares of 0, 1, 2, … sum to the pyramidal numbers", async () => {
  for (const n of lengths) assertEquals((await wasmSimd.experiment(n)).run(), pyramid(n), `length ${n}`);
});

Deno.test("fractions and negative numbers are squared too, and one NaN spoils the sum", () => {
  for (const norm of Object.values(arrays)) {
    assertEquals(norm([0.5, -1.5, 2]), 6.5);
    assertEquals(norm([1, NaN]), NaN);
  }
  for (const norm of Object.values(typedArrays)) {
    assertEquals(norm(Float64Array.of(0.5, -1.5, 2)), 6.5);
    assertEquals(norm(Float64Array.of(1, NaN)), NaN);
  }
});

Deno.test("the compare refuses lengths that are none", async () => {
  const { run } = parseHeader(await Deno.readTextFile(new URL("compare.ts", import.meta.url)));
  for (const value of ["0", "-5", "1e9", "NaN", "long"]) {
    const { code, stderr } = await runScript(run, {
      cwd: new URL("../../", import.meta.url),
      more: [`--size=${value}`],
    });
    assertEquals(code, 2, stderr);
    assertMatch(stderr, /^error: --size .*: must be a whole number from 1 to 67108864\n$/);
  }
});
