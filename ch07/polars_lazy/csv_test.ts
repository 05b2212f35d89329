import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { parse } from "@std/csv";
import { DuckDBInstance } from "@duckdb/node-api";
import pl from "nodejs-polars";

const whole = `city,hours\n"Bath",1.5\n"Ely",2\n`,
  broken = `city,hours\n"Bath,1.5\nEly,2\n`,
  text = `city,hours\nBath,much\n`;

async function withFile(content: string, test: (path: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempFile({ suffix: ".csv" });
  try {
    await Deno.writeTextFile(path, content);
    await test(path);
  } finally {
    await Deno.remove(path);
  }
}

/** DuckDB guesses how a file is written; told how, it refuses what is not so. */
async function readByDuckDb(path: string): Promise<unknown> {
  const instance = await DuckDBInstance.create(":memory:"), connection = await instance.connect();
  try {
    const query = `SELECT * FROM read_csv($path, header = true, delim = ',', quote = '"', strict_mode = true,
      columns = { city: 'VARCHAR', hours: 'DOUBLE' })`;
    return (await connection.runAndReadAll(query, { path })).getRows();
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

const schema = { city: pl.String, hours: pl.Float64 };

Deno.test("a CSV file is read alike by @std/csv, polars and DuckDB", () =>
  withFile(whole, async (path) => {
    const rows = [["Bath", 1.5], ["Ely", 2]];
    assertEquals(parse(whole, { skipFirstRow: true }).map(({ city, hours }) => [city, Number(hours)]), rows);
    assertEquals(pl.readCSV(path, { schema }).rows(), rows);
    assertEquals(await readByDuckDb(path), rows);
  }));

Deno.test("a CSV file with a quote that is never closed is refused by all three", () =>
  withFile(broken, async (path) => {
    assertThrows(() => parse(broken, { skipFirstRow: true }), SyntaxError);
    assertThrows(() => pl.readCSV(path, { schema }));
    await assertRejects(() => readByDuckDb(path), Error, "CSV");
  }));

Deno.test("a text in a column of numbers is refused by the engines that were told its type", () =>
  withFile(text, async (path) => {
    assertThrows(() => pl.readCSV(path, { schema }), Error, "much");
    await assertRejects(() => readByDuckDb(path), Error, "much");
  }));
