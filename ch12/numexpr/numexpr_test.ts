import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { crossEntropy as blocks } from "./cross_entropy_blocks.ts";
import { crossEntropy as fused } from "./cross_entropy_fused.ts";
import { crossEntropy as inPlace } from "./cross_entropy_in_place.ts";
import { crossEntropy as temporaries } from "./cross_entropy_temporaries.ts";
import { compile, open, prepare } from "./cross_entropy_wasm_simd.ts";

type Numbers = Float64Array<ArrayBuffer>;

async function wasm(y: Numbers, p: Numbers, workers = 1): Promise<number> {
  const { run, close } = await prepare(y, p, workers);
  try {
    return await run();
  } finally {
    close();
  }
}

const variants: Record<string, (y: Numbers, p: Numbers) => number | Promise<number>> = {
  temporaries,
  inPlace,
  blocks,
  fused,
  wasm,
};

function seeded(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
}

/** The formula, its terms added from the smallest up, so that the sum is as good as exact. */
function oracle(y: Numbers, p: Numbers): number {
  const terms = Array.from(y, (label, i) => -label * Math.log(p[i]) - (1 - label) * Math.log1p(-p[i]));
  return terms.sort((a, b) => a - b).reduce((sum, term) => sum + term, 0) / y.length;
}

/** The bits of a number as an integer: neighbours differ by one. */
const order = (value: number) => new BigInt64Array(new Float64Array([value]).buffer)[0];

Deno.test("all variants come to what the formula says, also where blocks and pairs do not come out even", async () => {
  const random = seeded(1);
  for (const n of [1, 2, 3, 1023, 1024, 1025, 2049, 5000, 10_001]) {
    const y = Float64Array.from({ length: n }, random),
      p = Float64Array.from({ length: n }, () => 0.001 + 0.998 * random());
    for (const [name, crossEntropy] of Object.entries(variants)) {
      const found = await crossEntropy(y, p), expected = oracle(y, p);
      assert(Math.abs(found / expected - 1) < 1e-13, `${name} at ${n}: ${found}, not ${expected}`);
    }
  }
});

Deno.test("threads share the numbers out without losing one, also where there are fewer than threads", async () => {
  const random = seeded(4);
  for (const n of [1, 3, 10_001]) {
    const y = Float64Array.from({ length: n }, random),
      p = Float64Array.from({ length: n }, () => 0.001 + 0.998 * random());
    const found = await wasm(y, p, 3), expected = oracle(y, p);
    assert(Math.abs(found / expected - 1) < 1e-13, `${found}, not ${expected}`);
  }
});

Deno.test("known values: a fair coin takes log 2, and certainty that is right nearly nothing", async () => {
  for (const crossEntropy of Object.values(variants)) {
    assertEquals(await crossEntropy(Float64Array.of(0, 1, 0.3), new Float64Array(3).fill(0.5)), Math.LN2);
    const certain = await crossEntropy(Float64Array.of(1, 0), Float64Array.of(1 - 2 ** -50, 2 ** -50));
    assert(Math.abs(certain / 2 ** -50 - 1) < 1e-10);
  }
});

Deno.test("of chances 0 and 1, of none and of what is no chance, all say what the formula says", async () => {
  const cases = [[1, 0], [0, 1], [0, 0], [1, 1], [1, NaN], [0.5, -1], [0.5, 2], [1, 1e-310], [1, Number.MIN_VALUE]];
  for (const [label, chance] of cases) {
    const y = Float64Array.of(0.5, label, 0.5), p = Float64Array.of(0.5, chance, 0.5);
    const expected = fused(y, p);
    for (const [name, crossEntropy] of Object.entries(variants)) {
      const found = await crossEntropy(y, p);
      assert(
        Object.is(found, expected) || Math.abs(found / expected - 1) < 1e-15,
        `${name} of ${chance}: ${found}, not ${expected}`,
      );
    }
  }
  assertEquals(fused(Float64Array.of(1), Float64Array.of(0)), Infinity);
});

Deno.test("arrays of different lengths, and empty ones, are refused", async () => {
  for (const crossEntropy of [temporaries, inPlace, blocks, fused]) {
    assertThrows(() => crossEntropy(new Float64Array(2), new Float64Array(3)), RangeError, "2 labels and 3 chances");
    assertThrows(() => crossEntropy(new Float64Array(0), new Float64Array(0)), RangeError, "0 labels and 0 chances");
  }
  await assertRejects(() => prepare(new Float64Array(2), new Float64Array(3), 2), RangeError, "2 labels and 3 chances");
  await assertRejects(() => prepare(new Float64Array(0), new Float64Array(0)), RangeError, "0 labels");
});

Deno.test("the logarithm is within one unit in the last place of Math.log, over all exponents and near 1", async () => {
  const { log } = await open(await compile()), random = seeded(2);
  const draws: (() => number)[] = [
    () => random(),
    () => 1 + (random() - 0.5) * 1e-3,
    () => 1 - random() * 1e-9,
    () => 2 ** (Math.floor(random() * 2046) - 1022) * (1 + random()),
    () => Math.SQRT1_2 + (random() - 0.5) * 1e-12,
  ];
  for (const draw of draws) {
    const values = Float64Array.from({ length: 20_001 }, draw), found = log(values);
    let worst = 0n;
    for (let i = 0; i < values.length; i++) {
      const difference = order(found[i]) - order(Math.log(values[i]));
      if (difference > worst || -difference > worst) worst = difference < 0n ? -difference : difference;
    }
    assert(worst <= 1n, `${draw} is off by ${worst} units`);
  }
});

Deno.test("logarithms of what has none, and of the largest and smallest numbers, are those of Math.log", async () => {
  const { log } = await open(await compile());
  const values = [
    0,
    -0,
    -1,
    NaN,
    Infinity,
    -Infinity,
    1,
    Number.MIN_VALUE,
    2 ** -1022,
    Number.MAX_VALUE,
    2,
    10,
    1e-300,
  ];
  for (const value of values) assertEquals([...log([value])], [Math.log(value)]);
  assertEquals([...log([])], []);
  // Digits from a table: log 2 and log 10.
  assertEquals([...log([2, 10])], [0.6931471805599453, 2.302585092994046]);
});

Deno.test("threads sum the same again and again, and are gone when closed", async () => {
  const random = seeded(3), n = 7001, shared = () => new Float64Array(new SharedArrayBuffer(8 * n));
  const y = shared(), p = shared();
  for (let i = 0; i < n; i++) [y[i], p[i]] = [random(), random() || 0.5];
  const { run, close } = await prepare(y, p, 2), first = await run();
  assertEquals([await run(), await run()], [first, first]);
  // Shared, not copied: what changes is seen.
  y.fill(1);
  assert(await run() !== first);
  close();
});
