import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import * as arquero from "./strings_arquero.ts";
import * as duckdb from "./strings_duckdb.ts";
import * as byIndex from "./strings_index.ts";
import * as oneBuffer from "./strings_one_buffer.ts";
import * as polars from "./strings_polars.ts";
import * as split from "./strings_split.ts";

const texts = ["1.9", "0.05", "9.0", "12.0009", "0.9833333333333333", "1.0", ".9", "9.99", "5."];
const places = [0, -1, -1, 3, 0, -1, 0, 0, -1];

Deno.test("the first 9 behind the point is found, and a 9 before it is not", () => {
  assertEquals([...split.find(split.prepare(texts))], places);
  assertEquals([...byIndex.find(byIndex.prepare(texts))], places);
  assertEquals([...oneBuffer.find(oneBuffer.prepare(texts))], places);
  assertEquals([...arquero.find(arquero.prepare(texts))], places);
});

Deno.test("polars finds the same, with a split and with one pattern", () => {
  const frame = polars.prepare(texts);
  assertEquals([...polars.find(frame)], places);
  assertEquals([...polars.findAtOnce(frame)], places);
});

Deno.test("DuckDB finds the same, over more rows than one of its vectors holds", async () => {
  const many = Array.from({ length: 500 }, () => texts).flat(), table = await duckdb.prepare(many);
  assertEquals([...await duckdb.find(table)], Array.from({ length: 500 }, () => places).flat());
  table.close();
});

Deno.test("letters of several bytes before the point and quotes in a text disturb nothing", async () => {
  const odd = ["äöü€.19", "'); DROP TABLE people; --.9", `"".09`], expected = [1, 0, 1];
  assertEquals([...split.find(split.prepare(odd))], expected);
  assertEquals([...oneBuffer.find(oneBuffer.prepare(odd))], expected);
  assertEquals([...polars.find(polars.prepare(odd))], expected);
  const table = await duckdb.prepare(odd);
  assertEquals([...await duckdb.find(table)], expected);
  table.close();
});

Deno.test("a text without a point, a number or null is refused, with its row", async () => {
  for (const wrong of ["7", 7, null] as string[]) {
    const message = `row 1 must be a text with a point, not ${JSON.stringify(wrong)}`;
    for (const { prepare } of [split, byIndex, oneBuffer, arquero, polars]) {
      assertThrows(() => prepare(["1.5", wrong]), TypeError, message);
    }
    await assertRejects(() => duckdb.prepare(["1.5", wrong]), TypeError, message);
  }
});

Deno.test("of no texts there are no places", async () => {
  assertEquals(split.find(split.prepare([])).length, 0);
  assertEquals(byIndex.find(byIndex.prepare([])).length, 0);
  assertEquals(oneBuffer.find(oneBuffer.prepare([])).length, 0);
  const table = await duckdb.prepare([]);
  assertEquals((await duckdb.find(table)).length, 0);
  table.close();
});
