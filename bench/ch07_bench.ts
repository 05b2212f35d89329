/**
 * `deno bench` over chapter 7: the slopes of 20,000 people over 14 days by the ways that need no engine with machine code
 * of its own, which a plain `deno bench` may not load. It needs no permissions.
 *
 * @run deno bench bench/ch07_bench.ts
 * @takes 20 s
 */

import * as arqueroExpression from "../ch07/time_iteration_methods/arquero_expression.ts";
import * as arqueroFunction from "../ch07/time_iteration_methods/arquero_function.ts";
import * as flatColumns from "../ch07/time_iteration_methods/flat_columns.ts";
import * as flatColumnsFused from "../ch07/time_iteration_methods/flat_columns_fused.ts";
import * as flatQuarters from "../ch07/time_iteration_methods/flat_quarters.ts";
import * as flatRows from "../ch07/time_iteration_methods/flat_rows.ts";
import * as flatSubarray from "../ch07/time_iteration_methods/flat_subarray.ts";
import * as mapRecords from "../ch07/time_iteration_methods/map_records.ts";
import * as rowByIndex from "../ch07/time_iteration_methods/row_by_index.ts";
import * as rowCursor from "../ch07/time_iteration_methods/row_cursor.ts";
import * as rowIterator from "../ch07/time_iteration_methods/row_iterator.ts";
import * as rowObjects from "../ch07/time_iteration_methods/row_objects.ts";
import * as wasmSimdColumns from "../ch07/time_iteration_methods/wasm_simd_columns.ts";
import * as wasmSimdRows from "../ch07/time_iteration_methods/wasm_simd_rows.ts";
import { group } from "./lib/bench.ts";

const people = 20_000, hours = rowObjects.generate(people);

/** A call of one of the ways on its own table, which is made here. */
async function prepared<Table>(
  { prepare, slopes }: { prepare(hours: Float64Array): Table | Promise<Table>; slopes(table: Table): unknown },
): Promise<() => unknown> {
  const table = await prepare(hours);
  return () => slopes(table);
}

await group(`the slopes of ${people} people over 14 days`, {
  row_objects: await prepared(rowObjects),
  map_records: await prepared(mapRecords),
  row_iterator: await prepared(rowIterator),
  row_by_index: await prepared(rowByIndex),
  row_cursor: await prepared(rowCursor),
  arquero_function: await prepared(arqueroFunction),
  arquero_expression: await prepared(arqueroExpression),
  flat_subarray: await prepared(flatSubarray),
  flat_rows: await prepared(flatRows),
  flat_quarters: await prepared(flatQuarters),
  flat_columns: await prepared(flatColumns),
  flat_columns_fused: await prepared(flatColumnsFused),
  wasm_simd_rows: await prepared(wasmSimdRows),
  wasm_simd_columns: await prepared(wasmSimdColumns),
}, "row_objects");
