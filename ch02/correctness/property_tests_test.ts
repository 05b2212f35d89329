import { assert, assertEquals, assertThrows } from "@std/assert";
import { juliaFast, juliaSlow, maximumFast, maximumSlow, mutate, tryMutations } from "./property_tests.ts";

Deno.test("the slow versions come to what is known by hand", () => {
  // From 0 the way never leads out; -0.82 is outside after ten steps; NaN, 2 and infinity are not inside to begin with.
  const zs = [[0, 0], [-0.82, 0], [2, 0], [NaN, 0], [0, -Infinity]].map(([re, im]) => ({ re, im }));
  assertEquals(juliaSlow(300, zs), [300, 10, 0, 0, 0]);
  assertEquals(juliaSlow(7, zs), [7, 7, 0, 0, 0]);
  const known: [number[], number][] = [[[], -Infinity], [[-3, -1, -2], -1], [[-0, 0], 0], [[0, -0], 0], [[-0], -0]];
  for (const [values, expected] of known) assertEquals(maximumSlow(Float64Array.from(values)), expected);
  assertEquals(maximumSlow(Float64Array.of(1, NaN, 2)), NaN);
});

Deno.test("the fast versions agree with Math.max and the slow set, odd limits and lengths included", () => {
  for (let length = 0; length < 10; length++) {
    const values = Float64Array.from({ length }, (_, i) => -((i * 7) % 10) - 1);
    assertEquals(maximumFast(values), Math.max(...values));
    const res = values.map((v) => v / 8), ims = values.map((v) => v / -16);
    const zs = Array.from(res, (re, i) => ({ re, im: ims[i] }));
    for (const limit of [0, 1, 2, 3, 30]) assertEquals([...juliaFast(limit, res, ims)], juliaSlow(limit, zs));
  }
});

Deno.test("mutations are executed: each comes to something else, and the property catches all of them", () => {
  const rows = tryMutations();
  assert(rows.length > 12);
  for (const { subject, mutation, example, ordinary, property } of rows) {
    const name = `${subject}: ${mutation}`;
    if (mutation === "none") assertEquals([example, ordinary, property], [undefined, undefined, undefined], name);
    else assert(property !== undefined, name);
  }
  // The sum over a symmetric picture is the same for the conjugate of c.
  const conjugate = rows.find(({ mutation }) => mutation === "conjugate of c")!;
  assertEquals(conjugate.example, undefined);
  const missed = (test: "example" | "ordinary") => rows.filter((row) => row.mutation !== "none" && !row[test]).length;
  assert(missed("example") > missed("ordinary") && missed("ordinary") > 0);
});

Deno.test("a mutation is the function with that part replaced, and what is not there cannot be", () => {
  const withoutD = mutate(maximumFast, "Math.max(a, b, c, d)", "Math.max(a, b, c)");
  assertEquals(withoutD(Float64Array.of(1, 2, 3, 4)), 3);
  assertEquals(maximumFast(Float64Array.of(1, 2, 3, 4)), 4);
  assertThrows(() => mutate(maximumFast, "Math.min(a)", ""), Error, "there is no Math.min(a)");
});
