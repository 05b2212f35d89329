import { assert, assertEquals } from "@std/assert";
import * as arquero from "./grow_arquero.ts";
import * as duckdb from "./grow_duckdb.ts";
import * as polars from "./grow_polars.ts";
import * as preallocated from "./grow_preallocated.ts";
import * as push from "./grow_push.ts";
import * as spread from "./grow_spread.ts";

const builds = {
  spread: spread.build,
  push: push.build,
  preallocated: preallocated.build,
  "Arquero by concat": arquero.build,
  "Arquero once": arquero.buildOnce,
  "polars by vstack": polars.build,
  "polars once": polars.buildOnce,
  "DuckDB by statements": duckdb.build,
  "DuckDB prepared": duckdb.buildPrepared,
  "DuckDB by the appender": duckdb.buildAppended,
};

for (const [name, build] of Object.entries(builds)) {
  Deno.test(`${name}: the rows stand in the table as they came, none, one, and a few hundred`, async () => {
    for (const count of [0, 1, 300]) {
      const slopes = spread.makeSlopes(count);
      assertEquals(Array.from(await build(slopes)), Array.from(slopes));
    }
  });

  Deno.test(`${name}: NaN, infinity and -0 stay what they are`, async () => {
    const odd = Float64Array.of(NaN, -0, Infinity, 5e-324, -1.7976931348623157e308);
    const built = Array.from(await build(odd));
    assert(built.every((value, i) => Object.is(value, odd[i])), `${built}`);
  });
}

Deno.test("what grows says after each row how long it is", async () => {
  for (const build of [spread.build, push.build, preallocated.build, arquero.build, polars.build, duckdb.build]) {
    const heard: number[] = [];
    await build(spread.makeSlopes(5), (rows) => heard.push(rows));
    assertEquals(heard, [1, 2, 3, 4, 5]);
  }
});
