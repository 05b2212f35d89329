import { assert, assertEquals, assertThrows } from "@std/assert";
import { fused, inPlace, trackAllocations, withTemporaries } from "./allocation_churn.ts";
import { makeMatrix, sumByColumns, sumByRows } from "./row_or_column.ts";
import { sumStrided } from "./stride.ts";
import { pageBytes, touchPages } from "./touch_pages.ts";

Deno.test("a matrix of 1, 2, 3, … sums to n (n + 1) / 2 in both orders", () => {
  for (const size of [1, 2, 3, 8, 100]) {
    const matrix = Float64Array.from({ length: size * size }, (_, i) => i + 1);
    const expected = size ** 2 * (size ** 2 + 1) / 2;
    assertEquals(sumByRows(matrix, size), expected);
    assertEquals(sumByColumns(matrix, size), expected);
  }
});

Deno.test("both orders read every number of the matrix once and none of the gap after a row", () => {
  const size = 5, pitch = 7;
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < pitch; column++) {
      const matrix = new Float64Array(size * pitch);
      matrix[row * pitch + column] = 1;
      const expected = column < size ? 1 : 0;
      assertEquals(sumByRows(matrix, size, pitch), expected);
      assertEquals(sumByColumns(matrix, size, pitch), expected);
    }
  }
});

Deno.test("the orders differ where rounding does: the order of additions is really another", () => {
  const matrix = Float64Array.of(1, 1e16, -1e16, 1);
  assertEquals(sumByRows(matrix, 2), ((1 + 1e16) - 1e16) + 1);
  assertEquals(sumByColumns(matrix, 2), ((1 - 1e16) + 1e16) + 1);
});

Deno.test("a made matrix holds (row + column) % 8 and NaN in its gaps", () => {
  const matrix = makeMatrix(16, 20);
  assertEquals(matrix[3 * 20 + 7], 2);
  assert(Number.isNaN(matrix[3 * 20 + 16]));
  assertEquals(sumByRows(matrix, 16, 20), 3.5 * 16 * 16);
});

Deno.test("a matrix too short for its shape and a pitch below the row length are refused", () => {
  for (const sum of [sumByRows, sumByColumns]) {
    assertThrows(() => sum(new Float64Array(15), 4), RangeError, "15 numbers hold no 4 rows of 4");
    assertThrows(() => sum(new Float64Array(16), 4, 3), RangeError, "a pitch of 3");
    assertThrows(() => sum(new Float64Array(16), 4, NaN), RangeError, "a pitch of NaN");
  }
});

Deno.test("a stride below a cache line sums the multiples of the stride", () => {
  const values = Float64Array.from({ length: 64 }, (_, i) => i);
  // 0 + s + 2 s + … + 7 s
  for (const stride of [1, 2, 4]) assertEquals(sumStrided(values, stride, 8), 28 * stride);
});

Deno.test("a stride of a cache line or more reads one number of each line, whatever the stride", () => {
  for (const length of [64, 1024, 4096]) {
    const count = length / 8;
    for (let stride = 8; stride <= length; stride += 8) {
      const values = new Float64Array(length);
      for (let i = 0; i < length; i += 8) values[i] = i + 1;
      // 1 + 9 + 17 + …: each line once, and nothing of what lies between.
      assertEquals(sumStrided(values, stride, count), count + 8 * count * (count - 1) / 2);
    }
  }
});

Deno.test("a stride between lines and an array too short are refused", () => {
  const values = new Float64Array(64);
  for (const stride of [0, 3, 12, -8, 1.5, NaN]) {
    assertThrows(() => sumStrided(values, stride, 8), RangeError, `a stride of ${stride} is neither`);
  }
  assertThrows(() => sumStrided(values, 1, 9), RangeError, "9 lines of 8 do not fit 64 numbers");
});

Deno.test({
  name: "fresh memory comes by page faults at the first touch and by none at the second",
  ignore: Deno.build.os === "windows",
  async fn() {
    // In a process of its own, because page faults are counted for all of a process and other tests run beside this one.
    const bytes = 2 ** 26, pages = bytes / pageBytes;
    const { resident, allocation, first, second } = await evaluate<Touched>(`
      import { touchPages } from ${JSON.stringify(import.meta.resolve("./touch_pages.ts"))};
      touchPages(2 ** 22);
      const before = Deno.memoryUsage().rss, costs = touchPages(${bytes});
      console.log(JSON.stringify({ ...costs, resident: Deno.memoryUsage().rss - before }));
    `);
    // A second witness, which knows no faults: as much memory became resident as was touched.
    assert(resident > 0.9 * bytes, `${resident} bytes became resident`);
    // A fault brings a page of 4 KiB or, where the system so wishes, a larger one of up to 2 MiB.
    const faults = allocation.faults + first.faults, each = bytes / faults;
    assert(each <= 2 ** 21, `${faults} faults cannot have brought ${bytes} bytes`);
    if (Deno.build.arch === "x86_64" && each < 4 * pageBytes) {
      assert(faults >= pages, `${faults} faults, ${pages} pages`);
    }
    assert(allocation.faults * 10 < first.faults, `${allocation.faults} faults when nothing was touched yet`);
    assert(second.faults * 10 < first.faults, `${second.faults} faults at the second touch`);
  },
});

type Touched = ReturnType<typeof touchPages> & { resident: number };

/** Runs TypeScript in a process of its own and returns what it prints as JSON. */
async function evaluate<T>(source: string): Promise<T> {
  const options: Deno.CommandOptions = { args: ["eval", "--no-config", "--no-lock", source], stderr: "inherit" };
  const { success, stdout } = await new Deno.Command(Deno.execPath(), options).output();
  assert(success);
  return JSON.parse(new TextDecoder().decode(stdout));
}

Deno.test("a number of bytes that is no multiple of a page is refused", () => {
  for (const bytes of [0, -4096, 100, 4097, NaN, Infinity]) {
    assertThrows(() => touchPages(bytes), RangeError, `${bytes} is no multiple of 4096`);
  }
});

Deno.test("the expression comes out the same in all three ways, as reckoned on plain numbers", () => {
  const length = 1000;
  const [a, b, c] = [7, 11, 13].map((factor) => Float64Array.from({ length }, (_, i) => (i * factor) % 17));
  const expected = Array.from({ length }, (_, i) => (a[i] + b[i]) * c[i] - a[i]);
  assertEquals([...withTemporaries(a, b, c)], expected);
  assertEquals([...inPlace(a, b, c, new Float64Array(length))], expected);
  assertEquals([...fused(a, b, c, new Float64Array(length))], expected);
});

Deno.test("in place and in one loop the result is the array that was given", () => {
  const [a, b, c, out] = [1, 2, 3, 0].map((value) => new Float64Array(4).fill(value));
  assert(inPlace(a, b, c, out) === out);
  assert(fused(a, b, c, out) === out);
  assertEquals([...a, ...b, ...c], [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3]);
});

Deno.test("array buffers that are kept are counted to the byte", () => {
  let kept: unknown;
  assertEquals(trackAllocations(() => kept = new Float64Array(10_000)).external, 80_000);
  assertEquals(trackAllocations(() => kept = [new Uint8Array(12_345), new ArrayBuffer(1000)]).external, 13_345);
  assert(kept);
});

Deno.test("temporaries are counted too unless a collection falls into the call, and work in place is free", () => {
  const [a, b, c, out] = [1, 2, 3, 0].map((value) => new Float64Array(10_000).fill(value));
  let kept: unknown;
  const { external, collections } = trackAllocations(() => kept = withTemporaries(a, b, c));
  assert(kept);
  if (collections === 0) assertEquals(external, 3 * 80_000);
  else assert(external >= 80_000 && external <= 3 * 80_000, `${external} bytes`);
  assertEquals(trackAllocations(() => inPlace(a, b, c, out)).external, 0);
});

Deno.test("objects are counted on the heap and not as array buffers", () => {
  let kept: unknown;
  const { heap, external } = trackAllocations(() => kept = new Array(1_000_000).fill(0));
  assert(kept);
  // 8 bytes for each element; what the count is off by stays below a quarter of that.
  assert(heap >= 8_000_000 && heap < 10_000_000, `${heap} bytes`);
  assertEquals(external, 0);
});

Deno.test("a call that allocates without end is seen to collect garbage, for less time than it takes", () => {
  let kept: unknown;
  const { heap, collections, pause, milliseconds } = trackAllocations(() => {
    for (let i = 0; i < 3_000_000; i++) kept = { i, previous: [i] };
  });
  assert(kept);
  assert(collections > 0);
  assert(pause > 0 && pause <= milliseconds, `${pause} ms of ${milliseconds} ms`);
  // An object of two fields and an array of one element take more than 50 bytes; most were gone long before the end.
  assert(heap >= 3_000_000 * 50, `${heap} bytes`);
});
