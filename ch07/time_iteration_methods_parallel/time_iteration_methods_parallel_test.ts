import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { parquetWriteBuffer } from "hyparquet-writer";
import { hasCommand } from "../../bench/lib/command.ts";
import { parseHeader, runScript } from "../../bench/lib/script.ts";
import * as copied from "./slopes_copied.ts";
import * as duckdb from "./slopes_duckdb.ts";
import * as oneThread from "./slopes_one_thread.ts";
import * as parquet from "./slopes_parquet.ts";
import * as polars from "./slopes_polars.ts";
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
    for (const partition of [10, 500, 10_000]) {
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

Deno.test("a Parquet file without a column, or with text or nulls in one, is refused with the column's name", () =>
  withFile(async (path) => {
    type Column = Parameters<typeof parquetWriteBuffer>[0]["columnData"][number];
    const right = (name: string): Column => ({ name, data: Float64Array.of(1, 2), type: "DOUBLE", nullable: false });
    const columns = Array.from({ length: 14 }, (_, day) => right(`day${day}`));
    const text: Column = { name: "day3", data: ["1", "2"], type: "STRING", nullable: false };
    const holed: Column = { name: "day3", data: [1, null], type: "DOUBLE" };
    for (const columnData of [columns.toSpliced(3, 1), columns.with(3, text), columns.with(3, holed)]) {
      await Deno.writeFile(path, new Uint8Array(parquetWriteBuffer({ columnData })));
      await assertRejects(() => parquet.prepare(path), TypeError, "column day3 must be there and hold only numbers");
    }
  }));

Deno.test("a Parquet file that goes while workers run is an error, and the workers can be closed", () =>
  withFile(async (path) => {
    const table = await parquet.prepare(path, { workers: 2 });
    try {
      await Deno.truncate(path, 1000);
      const error = await assertRejects(() => parquet.slopes(table), Error, "a worker failed");
      assertMatch(String(error.cause), /is no whole Parquet file/);
    } finally {
      await table.close();
    }
  }));

Deno.test("DuckDB takes a path with quotes and SQL in it, refuses NULL by its row, and threads that are none", async () => {
  const folder = await Deno.makeTempDir(), path = `${folder}/it's'); DROP TABLE people; --.parquet`;
  try {
    await parquet.write(path, hours);
    const table = await duckdb.prepareParquet(path);
    assertExact(await duckdb.slopes(table));
    for (const threads of [0, 1.5, NaN]) {
      await assertRejects(() => table.setThreads(threads), RangeError, `${threads} threads`);
    }
    table.close();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  const table = await duckdb.prepare(hours);
  await table.connection.run("UPDATE people SET day3 = NULL WHERE rowid = 7");
  await assertRejects(() => duckdb.slopes(table), TypeError, "row 7 holds null");
  table.close();
});

Deno.test({
  name: "Polars comes to the slopes of a textbook with any number of threads",
  ignore: !await hasCommand("deno"),
  async fn() {
    const { slopes, columns, error } = await polars.experiment(3, 1003, 2);
    assertEquals([slopes.length, columns.length], [2, 2]);
    assert(error < 1e-12, `${error}`);
  },
});

Deno.test("without deno on the PATH the script for Polars ends with code 2 and says how to get it", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const { run } = parseHeader(await Deno.readTextFile(new URL("slopes_polars.ts", import.meta.url)));
    const { code, stderr } = await runScript(run, { cwd: new URL("../../", import.meta.url), env: { PATH: folder } });
    assertEquals(code, 2, stderr);
    assertMatch(stderr, /^error: there is no deno on the PATH; install it: npm install -g deno\n$/m);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test({
  name: "after Ctrl-C the script that writes a Parquet file leaves nothing behind",
  ignore: Deno.build.os === "windows",
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      const args = [
        "run",
        "--no-prompt",
        "--no-config",
        "--allow-read",
        "--allow-write=.",
        import.meta.resolve("./slopes_parquet.ts"),
      ];
      const quiet = { stdin: "null", stdout: "null", stderr: "null" } as const;
      const child = new Deno.Command(Deno.execPath(), { args, cwd: folder, ...quiet }).spawn();
      const listing = () => [...Deno.readDirSync(folder)];
      for (const end = Date.now() + 10_000; listing().length === 0 && Date.now() < end;) {
        await new Promise((later) => setTimeout(later, 20));
      }
      assertEquals(listing().length, 1);
      // The signal is heard between two of its steps.
      child.kill("SIGINT");
      assertEquals((await child.status).code, 130);
      assertEquals(listing(), []);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
