import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { magnitudesInPolar } from "./compare.ts";
import { limit, magnitudes, points } from "./nonconvergence.ts";

/** |z|² in whole numbers of 2^-256, so that nothing is rounded that matters. */
function exactSteps(re: number, im: number): number {
  const bits = 256n, one = 1n << bits;
  const fixed = (value: number) => BigInt(Math.round(value * 1e5)) * one / 100_000n;
  let x = fixed(re), y = fixed(im), n = 0;
  for (; n < limit && (x * x + y * y) >> bits < 4n * one; n++) {
    [x, y] = [((x * x - y * y) >> bits) + fixed(-0.62772), ((2n * x * y) >> bits) + fixed(-0.42193)];
  }
  return n;
}

Deno.test("the steps are those of exact arithmetic: 10 and all 300", () => {
  assertEquals(points.map(({ z }) => magnitudes(z).length - 1), points.map(({ z }) => exactSteps(z.re, z.im)));
  assertEquals(points.map(({ steps }) => steps), [300, 10]);
});

Deno.test("the way of a point ends with the first magnitude that is not below 2", () => {
  const escaping = magnitudes(points[1].z);
  assert(escaping.slice(0, -1).every((value) => value < 2) && escaping.at(-1)! >= 2);
  assert(magnitudes(points[0].z).every((value) => value < 2));
  assertEquals(magnitudes({ re: 2, im: 0 }), [2]);
  assertEquals(magnitudes({ re: 0, im: 0 }, 0), [0]);
});

Deno.test("polar coordinates come to the same", () => {
  for (const { z, steps } of points) {
    const polar = magnitudesInPolar(z, steps);
    magnitudes(z).forEach((value, n) => assertAlmostEquals(value, polar[n], 1e-9));
  }
});
