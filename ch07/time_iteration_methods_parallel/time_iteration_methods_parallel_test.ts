import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import * as copied from "./slopes_copied.ts";
import * as duckdb from "./slopes_duckdb.ts";
import * as oneThread from "./slopes_one_thread.ts";
import * as parquet from "./slopes_parquet.ts";
import * as shared from "./slopes_shared.ts";
import * as wasm from "./slopes_shared_wasm.ts";

const hours = oneThread.generate(1003), people = hours.length / 14;

/** In whole numbers: hours are whole minutes over 60, and twice the distances from the middle day add up to 910 squared. */
const exact = Float64Array.from({ length: people }, (_, person) => {
  let sum = 0;
  for (let day = 0; day < 14; day++) sum += (2 * day - 13) * Math.round(60 * hours[person * 14 + day]);
  return 2 * sum / 910 / 60;
});

function assertExact(found: Float64Array, expected = exact): void {
  assertEquals(found.length, expected.length);
  const worst = found.reduce((worst, slope, i) => Math.max(worst, Math.abs(slope - expected[i])), 0);
  assert(worst < 1e-12, `${worst}`);
}

Deno.test("one thread and DuckDB come to the exact slopes", async () => {
  assertExact(oneThread.slopes(oneThread.prepare(hours)));
  const table = await duckdb.prepare(hours);
  assertExact(await duckdb.slopes(table));
  table.close();
});

for (const workers of [1, 2, 3]) {
  Deno.test(`${workers} workers come to the exact slopes, however many people they take at a time, again and again`, async () => {
    for (const partition of [1, 7, 500, 1003, 10_000]) {
      for (const way of [shared, copied, wasm]) {
        const table = await way.prepare(hours, { workers, partition });
        try {
          // DuckDB's and Arquero's tables have other types: only these three share one.
          const slopes = way.slopes as (table: unknown) => Promise<Float64Array> | Float64Array;
          for (let call = 0; call < 2; call++) assertExact(await slopes(table));
        } finally {
          await table.close();
        }
      }
    }
  });
}

async function withFile(test: (path: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempFile({ suffix: ".parquet" });
  try {
    await parquet.write(path, hours, 100);
    await test(path);
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("workers that read their own row groups of a Parquet file come to the exact slopes, as does DuckDB", () =>
  withFile(async (path) => {
    for (const workers of [1, 3]) {
      const table = await parquet.prepare(path, { workers });
      try {
        assertExact(await parquet.slopes(table));
      } finally {
        await table.close();
      }
    }
    const table = await duckdb.prepareParquet(path);
    assertExact(await duckdb.slopes(table));
    table.close();
  }));

Deno.test("a Parquet file that is cut off, or none, is refused before any worker starts", () =>
  withFile(async (path) => {
    const bytes = await Deno.readFile(path);
    for (
      const part of [bytes.subarray(0, bytes.length / 2), bytes.subarray(0, 3), new TextEncoder().encode("a,b\n1,2\n")]
    ) {
      await Deno.writeFile(path, part);
      await assertRejects(() => parquet.prepare(path), Error);
    }
    await assertRejects(() => parquet.prepare(`${path}.none`), Deno.errors.NotFound);
  }));

Deno.test("hours that are no whole rows are refused everywhere", async () => {
  const odd = new Float64Array(15), message = "15 hours are no whole rows of 14 days";
  assertThrows(() => oneThread.prepare(odd), RangeError, message);
  for (const { prepare } of [shared, copied, wasm, duckdb]) {
    await assertRejects(() => prepare(odd) as Promise<unknown>, RangeError, message);
  }
});

Deno.test("NaN makes NaN of that person's slope alone, and of nobody there are no slopes", async () => {
  const odd = hours.slice();
  odd[14 * 5 + 3] = NaN;
  const none = new Float64Array(0);
  for (const way of [shared, copied, wasm]) {
    const slopes = way.slopes as (table: unknown) => Promise<Float64Array> | Float64Array;
    const table = await way.prepare(odd, { workers: 2, partition: 10 }),
      empty = await way.prepare(none, { workers: 2 });
    try {
      const found = Array.from(await slopes(table));
      assertEquals(found.flatMap((slope, i) => Number.isNaN(slope) ? [i] : []), [5]);
      assertEquals((await slopes(empty)).length, 0);
    } finally {
      await table.close();
      await empty.close();
    }
  }
});
