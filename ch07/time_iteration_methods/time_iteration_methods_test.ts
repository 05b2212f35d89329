import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import * as aq from "arquero";
import pl from "nodejs-polars";
import { fitLine } from "../../bench/lib/statistics.ts";
import * as arqueroExpression from "./arquero_expression.ts";
import * as arqueroFunction from "./arquero_function.ts";
import { countLines, exactSlopes } from "./compare.ts";
import * as duckdbArithmetic from "./duckdb_arithmetic.ts";
import * as duckdbList from "./duckdb_list.ts";
import * as duckdbRegrSlope from "./duckdb_regr_slope.ts";
import * as flatColumns from "./flat_columns.ts";
import * as flatColumnsBlocked from "./flat_columns_blocked.ts";
import * as flatColumnsFused from "./flat_columns_fused.ts";
import * as flatQuarters from "./flat_quarters.ts";
import * as flatRows from "./flat_rows.ts";
import * as flatSubarray from "./flat_subarray.ts";
import * as flatUnrolled from "./flat_unrolled.ts";
import * as mapRecords from "./map_records.ts";
import * as polarsExpression from "./polars_expression.ts";
import * as polarsLazy from "./polars_lazy.ts";
import * as polarsRows from "./polars_rows.ts";
import * as rowByIndex from "./row_by_index.ts";
import * as rowCursor from "./row_cursor.ts";
import * as rowIterator from "./row_iterator.ts";
import * as rowObjects from "./row_objects.ts";
import * as wasmSimdColumns from "./wasm_simd_columns.ts";
import * as wasmSimdRows from "./wasm_simd_rows.ts";

interface Technique<Table> {
  prepare(hours: Float64Array): Table | Promise<Table>;
  slopes(table: Table): Float64Array | Promise<Float64Array>;
}

/** Makes a table and takes its slopes; `spoil` may change the table in between, or give another. */
type Run<Table> = (hours: Float64Array, spoil?: (table: Table) => unknown) => Promise<Float64Array>;

function runOf<Table>({ prepare, slopes }: Technique<Table>): Run<Table> {
  return async (hours, spoil) => {
    const table = await prepare(hours);
    try {
      return (await slopes((await spoil?.(table) ?? table) as Table)).slice();
    } finally {
      (table as { close?(): void }).close?.();
    }
  };
}

const objects = { row_objects: runOf(rowObjects), map_records: runOf(mapRecords) };
const frames = {
  row_by_index: runOf(rowByIndex),
  row_iterator: runOf(rowIterator),
  row_cursor: runOf(rowCursor),
  flat_columns: runOf(flatColumns),
  flat_columns_blocked: runOf(flatColumnsBlocked),
  flat_columns_fused: runOf(flatColumnsFused),
};
const arquero = { arquero_function: runOf(arqueroFunction), arquero_expression: runOf(arqueroExpression) };
const polars = { polars_rows: runOf(polarsRows), polars_expression: runOf(polarsExpression) };
const lazy = runOf(polarsLazy);
const duckdb = {
  duckdb_arithmetic: runOf(duckdbArithmetic),
  duckdb_list: runOf(duckdbList),
  duckdb_regr_slope: runOf(duckdbRegrSlope),
};
const all: Record<string, (hours: Float64Array) => Promise<Float64Array>> = {
  ...objects,
  ...frames,
  ...arquero,
  ...polars,
  polars_lazy: lazy,
  ...duckdb,
  flat_subarray: runOf(flatSubarray),
  flat_rows: runOf(flatRows),
  flat_unrolled: runOf(flatUnrolled),
  flat_quarters: runOf(flatQuarters),
  wasm_simd_rows: runOf(wasmSimdRows),
  wasm_simd_columns: runOf(wasmSimdColumns),
};

const days = 14;
const table = (people: number) => rowObjects.generate(people);

function assertClose(found: Float64Array, expected: ArrayLike<number>, within: number, name: string) {
  assertEquals(found.length, expected.length, name);
  found.forEach((slope, i) => {
    const same = Number.isNaN(slope) && Number.isNaN(expected[i]) || Math.abs(slope - expected[i]) <= within;
    assert(same, `${name}: person ${i} has ${slope}, not ${expected[i]}`);
  });
}

Deno.test("the formula in whole numbers gives the line by least squares", () => {
  const hours = table(50), x = Array.from({ length: days }, (_, day) => day);
  const rowAt = (person: number) => [...hours.subarray(person * days, (person + 1) * days)];
  const expected = Array.from({ length: 50 }, (_, person) => fitLine(x, rowAt(person)).slope);
  assertClose(exactSlopes(hours), expected, 1e-14, "exact");
});

Deno.test("all techniques give the slopes, also where blocks, quarters and vectors do not come out even", async () => {
  for (const people of [0, 1, 2, 3, 5, 8, 9, 1023, 1025, 2049]) {
    const hours = table(people), expected = exactSlopes(hours);
    for (const [name, run] of Object.entries(all)) assertClose(await run(hours), expected, 1e-13, `${name}, ${people}`);
  }
});

Deno.test("all techniques find the slopes of straight lines, rising and falling, large and small", async () => {
  const slopes = [0, 1, -1, 0.25, 1e6, -1e-6];
  const hours = Float64Array.from(
    { length: slopes.length * days },
    (_, i) => 3 + slopes[Math.floor(i / days)] * (i % days),
  );
  for (const [name, run] of Object.entries(all)) assertClose(await run(hours), slopes, 1e-9, name);
});

Deno.test("NaN gives NaN for its person and changes nothing for the others, in all techniques", async () => {
  const hours = table(9), expected = exactSlopes(hours);
  hours[4 * days + 5] = NaN;
  expected[4] = NaN;
  for (const [name, run] of Object.entries(all)) assertClose(await run(hours), expected, 1e-13, name);
});

Deno.test("rows that are not whole, one day among them, are refused by all techniques", async () => {
  for (const [name, run] of Object.entries(all)) {
    for (const length of [1, 13, 15, 27]) {
      const message = `${length} hours are no whole rows of 14 days`;
      await assertRejects(() => run(new Float64Array(length)), RangeError, message, name);
    }
  }
});

/** Each spoiled table must be refused with a TypeError that names the column. */
async function assertRefused<Table>(
  runs: Record<string, Run<Table>>,
  spoils: Record<string, (table: Table) => unknown>,
) {
  for (const [name, run] of Object.entries(runs)) {
    for (const [what, spoil] of Object.entries(spoils)) {
      await assertRejects(() => run(table(4), spoil), TypeError, "day5", `${name}, ${what}`);
    }
  }
}

Deno.test("a missing column, text and null are refused in rows, where JavaScript would take null for 0", async () => {
  const rows = (value: unknown) => (rows: rowObjects.Row[]) => void ((rows[2] as Record<string, unknown>).day5 = value);
  await assertRefused(objects, {
    missing: (rows: rowObjects.Row[]) => void delete rows[2].day5,
    text: rows("1.5"),
    null: rows(null),
  });
});

Deno.test("a missing column, one of other than numbers and one of another length are refused in frames", async () => {
  const column = (value: unknown) => (frame: rowByIndex.Frame) =>
    void ((frame as Record<string, unknown>).day5 = value);
  await assertRefused(frames, {
    missing: (frame: rowByIndex.Frame) => void delete frame.day5,
    text: column(["1", "2", "3", "4"]),
    null: column([1, 2, null, 4]),
    shorter: column(new Float64Array(3)),
    longer: column(new Float64Array(5)),
  });
});

Deno.test("a missing column, text, null and another length are refused in tables of Arquero", async () => {
  const column = (values: unknown[]) => (table: aq.ColumnTable) => table.assign(aq.table({ day5: values }));
  const withLength = (length: number) => (table: aq.ColumnTable) =>
    aq.table(
      Object.fromEntries(table.columnNames().map((name) => [name, new Float64Array(name === "day5" ? length : 4)])),
    );
  await assertRefused(arquero, {
    missing: (table: aq.ColumnTable) => table.select(aq.not("day5")),
    text: column(["1", "2", "3", "4"]),
    null: column([1, 2, null, 4]),
    shorter: withLength(3),
    longer: withLength(5),
  });
});

Deno.test("a missing column, text and null are refused in frames of polars, eager and lazy", async () => {
  const column = (values: unknown[], type: pl.DataType) => (frame: pl.DataFrame) =>
    frame.withColumn(pl.Series("day5", values, type));
  const spoils = {
    missing: (frame: pl.DataFrame) => frame.drop("day5"),
    text: column(["1", "2", "3", "4"], pl.Utf8),
    null: column([1, 2, null, 4], pl.Float64),
  };
  await assertRefused(polars, spoils);
  const lazily = Object.entries(spoils).map(([what, spoil]) =>
    [what, (frame: pl.LazyDataFrame) => spoil(frame.collectSync()).lazy()] as const
  );
  await assertRefused({ polars_lazy: lazy }, Object.fromEntries(lazily));
  // Columns of different lengths never become a frame.
  assertThrows(() => pl.DataFrame({ day0: [1, 2], day1: [1] }), Error, "match");
});

Deno.test("a missing column, text and null are refused in tables of DuckDB", async () => {
  const sql = (statement: string) => async ({ connection }: duckdbArithmetic.Table) =>
    void await connection.run(statement);
  await assertRefused(duckdb, {
    missing: sql("ALTER TABLE people DROP COLUMN day5"),
    text: sql("ALTER TABLE people ALTER COLUMN day5 TYPE VARCHAR"),
    null: sql("UPDATE people SET day5 = NULL WHERE rowid = 2"),
  });
});

Deno.test("a table of DuckDB may have any name, also one that is SQL", async () => {
  const hours = table(3), expected = exactSlopes(hours);
  for (const technique of [duckdbArithmetic, duckdbList, duckdbRegrSlope]) {
    for (const name of ['x"; DROP TABLE kept; --', "x'; DROP TABLE kept; --", "select", "naïve 'name'"]) {
      const made = await technique.prepare(hours, name);
      try {
        await made.connection.run("CREATE TABLE kept (number INTEGER)");
        assertClose(await technique.slopes(made), expected, 1e-13, name);
        const tables = await made.connection.runAndReadAll("SELECT table_name FROM duckdb_tables() ORDER BY 1");
        assertEquals(tables.getRows().flat().sort(), ["kept", name].sort());
      } finally {
        made.close();
      }
    }
  }
});

Deno.test("where a result is given, the slopes go into it", () => {
  const hours = table(7), result = new Float64Array(7);
  assertStrictEquals(flatUnrolled.slopes(hours, result), result);
  assertClose(result, exactSlopes(hours), 1e-13, "unrolled");
  assertStrictEquals(flatQuarters.slopes(hours, result.fill(0)), result);
  assertClose(result, exactSlopes(hours), 1e-13, "quarters");
  assertStrictEquals(flatColumnsFused.slopes(flatColumnsFused.prepare(hours), result.fill(0)), result);
  assertClose(result, exactSlopes(hours), 1e-13, "columns");
});

Deno.test("WebAssembly sees what is written into its columns and rows later", async () => {
  const hours = table(5), columns = await wasmSimdColumns.prepare(hours), rows = await wasmSimdRows.prepare(hours);
  for (let day = 0; day < days; day++) rows.hours[3 * days + day] = columns.columns[`day${day}`][3] = 2 * day;
  for (const found of [wasmSimdColumns.slopes(columns), wasmSimdRows.slopes(rows)]) {
    assert(Math.abs(found[3] - 2) < 1e-13);
    assertClose(found.slice(0, 3), exactSlopes(hours).slice(0, 3), 1e-13, "others");
  }
});

Deno.test("the lines of a technique are those of slopes and of what it calls, without comments and types", () => {
  const source = `/**
 * A header.
 */

const DAYS = 14;

interface Table {
  slopes(): void;
}

const weights = [
  1,
];

/** Not called. */
function other() {
  return helper();
}

function helper() {
  // A comment.
  return weights;
}

export async function slopes(table: Table) {

  return helper() && DAYS;
}

if (import.meta.main) {
  slopes();
}
`;
  assertEquals(countLines(source), 3 + 3 + 3);
});
