/**
 * A table of DuckDB that grows by an INSERT for each row, by a prepared one, in one transaction, and by its appender.
 *
 * What to notice: no way here is quadratic, for a table is not copied when it grows. The ways differ by what each row
 * costs: parsing and planning a statement, a transaction, a call over the border. The appender has none of these but the
 * last, and a whole chunk of 2048 rows makes that one call.
 *
 * @original 07_pandas/ols_basics/time_iteration_methods_slow_with_diagram.py
 * @run deno run --allow-ffi ch07/concat_cost/grow_duckdb.ts
 * @takes 1 s
 */

import { DOUBLE, type DuckDBConnection, DuckDBInstance } from "npm:@duckdb/node-api@1.5.5-r.5";

const SEED = 1;

/** `count` slopes, one for each person, as some work would hand them over one by one. */
export function makeSlopes(count: number): Float64Array {
  let state = SEED;
  return Float64Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 8) / 2 ** 24 - 0.5;
  });
}

/** Says after how many rows the result is this long: what is timed from outside. */
export type Progress = (rows: number) => void;

/** A statement for each row, each its own transaction. @returns as many numbers as there are slopes, in their order */
export const build = (slopes: Float64Array, progress?: Progress) =>
  withTable(async (connection) => {
    for (let i = 0; i < slopes.length; i++) {
      await connection.run("INSERT INTO result VALUES ($1)", [slopes[i]], [DOUBLE]);
      progress?.(i + 1);
    }
  });

/** The same statement prepared once, all in one transaction. @returns the same */
export const buildPrepared = (slopes: Float64Array) =>
  withTable(async (connection) => {
    await connection.run("BEGIN");
    const insert = await connection.prepare("INSERT INTO result VALUES ($1)");
    for (const slope of slopes) {
      insert.bindDouble(1, slope);
      await insert.run();
    }
    await connection.run("COMMIT");
  });

/** A row at a time by the appender, which a single call of the database ends. @returns the same */
export const buildAppended = (slopes: Float64Array) =>
  withTable(async (connection) => {
    const appender = await connection.createAppender("result");
    for (const slope of slopes) {
      appender.appendDouble(slope);
      appender.endRow();
    }
    appender.closeSync();
  });

async function withTable(fill: (connection: DuckDBConnection) => Promise<void>): Promise<number[]> {
  const instance = await DuckDBInstance.create(":memory:"), connection = await instance.connect();
  try {
    await connection.run("CREATE TABLE result (slope DOUBLE)");
    await fill(connection);
    const [rows = []] = (await connection.runAndReadAll("SELECT slope FROM result")).getColumns();
    return rows as number[];
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

if (import.meta.main) {
  const slopes = makeSlopes(1_000), start = performance.now(), built = await build(slopes);
  const time = performance.now() - start;
  console.log(`${built.length.toLocaleString("en-US")} rows by a statement each in ${time.toFixed(0)} ms`);
  if (!slopes.every((slope, i) => built[i] === slope)) throw new Error("the rows are not what was put in");
}
