import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { fileURLToPath } from "node:url";
import { hasCommand, runCommand } from "../../bench/lib/command.ts";
import { parseHeader, runScript } from "../../bench/lib/script.ts";
import { parquetReadObjects } from "hyparquet";
import * as arquero from "./arquero_columns.ts";
import { fetched, serve } from "./bytes_fetched.ts";
import * as duckdb from "./duckdb_sql.ts";
import { agree, emptyDeno, runApart, ways } from "./larger_than_ram.ts";
import { checkParquet, cityOf, expected, generate, joinedOf, verify, withPeople, writePeople } from "./people.ts";
import * as eager from "./polars_eager.ts";
import * as lazy from "./polars_lazy.ts";
import * as streaming from "./polars_streaming.ts";
import * as pushdown from "./pushdown.ts";
import * as rows from "./row_objects.ts";

const root = new URL("../../", import.meta.url);
const engines: Record<string, { query: typeof rows.query | typeof eager.query }> = {
  row_objects: rows,
  arquero_columns: arquero,
  polars_eager: eager,
  polars_lazy: lazy,
  polars_streaming: streaming,
  duckdb_sql: duckdb,
  pushdown,
};
const people = 5000;

Deno.test("every engine comes to what a count person by person comes to, sorted and shuffled, whatever days are asked", async () => {
  const hours = generate(people);
  for (const shuffled of [false, true]) {
    await withPeople({ people, shuffled, group: 700 }, async (file) => {
      for (const [from, to] of [[1825, 2190], [0, 99999], [0, 1], [3651, 3652], [5000, 6000], [10, 10]]) {
        const right = new Map<string, number[]>();
        for (let person = 0; person < people; person++) {
          const joined = Math.floor(person * 3652 / people);
          if (joined < from || joined >= to) continue;
          right.set(cityOf(person), [...right.get(cityOf(person)) ?? [], hours[14 * person + 13]]);
        }
        const rule = expected(people, from, to);
        assertEquals(rule.map(({ city }) => city), [...right.keys()].sort());
        for (const { city, people, hours } of rule) {
          assertEquals(people, right.get(city)!.length);
          assert(Math.abs(hours - right.get(city)!.reduce((sum, one) => sum + one) / people) < 1e-9);
        }
        for (const { query } of Object.values(engines)) verify(await query(file, from, to), rule);
      }
    });
  }
});

Deno.test("what is wrong with an answer is noticed: a city, a count or an hour", () => {
  const right = expected(2000, 0, 4000);
  verify(right, right);
  for (const change of [{ city: "Rome" }, { people: 1 }, { hours: right[0].hours + 2e-9 }]) {
    assertThrows(() => verify([{ ...right[0], ...change }, ...right.slice(1)], right));
  }
  assertThrows(() => verify(right.slice(1), right));
});

Deno.test("a shuffled file holds each person once, with that person's city, day and hours", async () => {
  const hours = generate(people);
  await withPeople({ people, shuffled: true, group: 999 }, async (file) => {
    const { buffer } = Deno.readFileSync(file);
    const all = await parquetReadObjects({
      file: { byteLength: buffer.byteLength, slice: (start, end) => buffer.slice(start, end) },
    });
    assertEquals(new Set(all.map(({ person }) => person)).size, people);
    assert(all.some(({ person }, i) => person !== i));
    for (const { person, city, joined, day0, day13 } of all) {
      assertEquals([city, joined], [cityOf(person), joinedOf(person, people)]);
      assertEquals([day0, day13], [hours[14 * person], hours[14 * person + 13]]);
    }
  });
});

Deno.test("tables without people, and those that cannot be shuffled, are refused and leave no file", () => {
  assertThrows(() => writePeople("none.parquet", { people: 0 }), RangeError, "at least one person, not 0");
  assertThrows(() => writePeople("none.parquet", { people: 1_299_709 }), RangeError, "cannot be shuffled");
  assertThrows(() => Deno.statSync("none.parquet"), Deno.errors.NotFound);
});

Deno.test("the plan changes as the query does, and plans of something else are not let through", async () => {
  await withPeople({ people: 100 }, (file) => {
    const plans = lazy.explain(file, 1, 2);
    lazy.checkPlans(plans);
    assertThrows(() => lazy.checkPlans({ ...plans, optimised: plans.written }));
    assertThrows(() => lazy.checkPlans({ ...plans, written: plans.optimised }));
  });
});

Deno.test("by hand, no byte is read twice or for nothing: all of the file, its columns, its groups", async () => {
  const people = 20_000;
  await withPeople({ people, group: 2000 }, async (file) => {
    const read = (options: { projection: boolean; predicate: boolean }) => pushdown.read(file, 0, 365, options);
    const all = await read({ projection: false, predicate: false });
    const columns = await read({ projection: true, predicate: false });
    const groups = await read({ projection: true, predicate: true });
    assertEquals([all.groups, columns.groups, groups.groups], [10, 10, 1]);
    // The columns joined and day13 take 12 bytes a person, the city half a one.
    assert(all.bytes >= Deno.statSync(file).size - 8 && all.bytes < Deno.statSync(file).size + 2 ** 14);
    assert(columns.bytes > 12 * people && columns.bytes < 13 * people + 2 ** 15, `${columns.bytes}`);
    assert(groups.bytes > 12 * people / 10 && groups.bytes < 13 * people / 10 + 2 ** 15, `${groups.bytes}`);
    assertEquals(groups.answer, all.answer);
  });
});

Deno.test("the server hands out exactly the ranges that it is asked for, and counts them", async () => {
  await withPeople({ people: 100 }, async (file) => {
    const bytes = Deno.readFileSync(file);
    await using server = serve(file);
    const get = async (range?: string) => {
      const response = await fetch(server.url, { headers: range ? { range } : {} });
      return { status: response.status, body: await response.bytes() };
    };
    assertEquals(await get("bytes=0-3"), { status: 206, body: bytes.slice(0, 4) });
    assertEquals(await get(`bytes=${bytes.length - 4}-`), { status: 206, body: bytes.slice(-4) });
    assertEquals((await get(`bytes=${bytes.length}-`)).status, 416);
    assertEquals(await get(), { status: 200, body: bytes });
    assertEquals([server.bytes, server.requests], [8 + bytes.length, 4]);
  });
});

Deno.test("Polars fetches less with the optimiser, and of a sorted file less again with equal types", async () => {
  const people = 100_000, right = expected(people, 1825, 2190);
  await withPeople({ people }, async (file) => {
    const { size } = Deno.statSync(file), ways = await fetched(file, 1825, 2190);
    for (const { rows } of Object.values(ways)) verify(rows as typeof right, right);
    const [none, cast, equal] = Object.values(ways).map(({ bytes }) => bytes);
    assert(none >= size && cast < size / 4 && equal < cast / 2, `${none} ${cast} ${equal}`);
  });
});

Deno.test({
  name: "with little memory the ways that hold a part of the table get through and those that hold all of it do not",
  ignore: Deno.build.os !== "linux" || !await hasCommand("deno"),
  async fn() {
    await withPeople({ people: 1_200_000 }, async (file) => {
      const limit = await emptyDeno() + 90 * 2 ** 20;
      const part = await runApart("polars_streaming", file, limit),
        whole = await runApart("polars_in_memory", file, limit);
      assertEquals(part.answer?.reduce((sum, { people }) => sum + people, 0), 1_200_000);
      assertMatch(whole.failure ?? "it got through", /memory/);
      assert(part.own > 0 && part.resident >= part.own && part.data > part.own);
    });
  },
});

Deno.test("every way finds the slopes of the closed formula, by city", async () => {
  const hours = generate(people), slopes = new Map<string, number[]>();
  for (let person = 0; person < people; person++) {
    let slope = 0;
    for (let day = 0; day < 14; day++) slope += (day - 6.5) * hours[14 * person + day];
    slopes.set(cityOf(person), [...slopes.get(cityOf(person)) ?? [], slope / 227.5]);
  }
  const right = [...slopes.keys()].sort().map((city) => {
    const all = slopes.get(city)!;
    return {
      city,
      people: all.length,
      mean: all.reduce((sum, one) => sum + one) / all.length,
      greatest: Math.max(...all),
    };
  });
  await withPeople({ people, group: 700 }, async (file) => {
    for (const [name, { run }] of Object.entries(ways)) assert(agree(await run(file), right), name);
  });
  assert(!agree(right, right.slice(1)) && !agree(undefined, right));
  assert(!agree(right, [{ ...right[0], greatest: 1 }, ...right.slice(1)]));
});

/** Files that are no table of people, and what is said of them. */
const bad: Record<string, { make(file: string, good: string): void; message: RegExp }> = {
  missing: { make: () => {}, message: /there is no such file/ },
  folder: { make: (file) => Deno.mkdirSync(file), message: /this is a folder, not a file/ },
  empty: { make: (file) => Deno.writeTextFileSync(file, ""), message: /0 bytes are too few/ },
  text: { make: (file) => Deno.writeTextFileSync(file, "person,day0\n1,2\n"), message: /this is no Parquet file/ },
  cut_off: {
    make: (file, good) => Deno.writeFileSync(file, Deno.readFileSync(good).slice(0, 50_000)),
    message: /its end is missing: the file was cut off/,
  },
  front_cut_off: {
    make: (file, good) => Deno.writeFileSync(file, Deno.readFileSync(good).slice(-50_000)),
    message: /its beginning is missing: the file was cut off/,
  },
  footer: {
    make(file) {
      const bytes = new TextEncoder().encode("PAR1abcdefghPAR1");
      new DataView(bytes.buffer).setUint32(8, 1000, true);
      Deno.writeFileSync(file, bytes);
    },
    message: /its footer of 1000 bytes does not fit into 16/,
  },
  "o'clock; DROP TABLE people": { make: (file, good) => Deno.copyFileSync(good, file), message: /^$/ },
};

Deno.test("a bad file is named with its fault by the check, and every engine refuses it too", async () => {
  await withPeople({ people }, async (good, folder) => {
    for (const [name, { make, message }] of Object.entries(bad)) {
      const file = `${folder}/${name}.parquet`;
      make(file, good);
      assertMatch(checkParquet(file) ?? "", message);
      for (const [engine, { query }] of Object.entries(engines)) {
        let failed = false;
        try {
          verify(await query(file, 1825, 2190), expected(people, 1825, 2190));
        } catch (error) {
          failed = (error as Error).message.length > 0;
        }
        assertEquals(failed, message.source !== "^$", `${engine}: ${name}`);
      }
    }
    assertEquals(checkParquet(good), undefined);
  });
});

Deno.test("every script ends at a bad file or a missing column with code 2 and one line", async () => {
  const folder = await Deno.makeTempDir({ dir: fileURLToPath(root) });
  try {
    const { default: pl } = await import("nodejs-polars");
    pl.DataFrame({ joined: [1, 2], town: ["a", "b"] }).writeParquet(`${folder}/other.parquet`);
    await Deno.writeTextFile(`${folder}/text.parquet`, "this is no table at all");
    const end = async (name: string, more: string[], message: RegExp) => {
      const { run } = parseHeader(await Deno.readTextFile(new URL(`${name}.ts`, import.meta.url)));
      const { code, stdout, stderr } = await runScript(run, { cwd: root, more });
      assertEquals([code, stdout], [2, ""], `${name}: ${stderr}`);
      assertMatch(stderr, message);
    };
    await Promise.all(
      Object.keys(engines).map(async (name) => {
        await end(name, [`${folder}/other.parquet`], /^error: .*other\.parquet: .*(city|day13).*\n$/);
        await end(name, [`${folder}/text.parquet`], /^error: .*text\.parquet: this is no Parquet file\n$/);
      }),
    );
    await end("duckdb_sql", ["x.parquet", "1.5", "2"], /^error: FROM 1\.5: must be a whole number/);
    await end("people", ["--people=0"], /^error: --people 0: must be from 1 to/);
    await end("people", [`${folder}/none/x.parquet`], /^error: .*x\.parquet: No such file or directory/);
    await end("larger_than_ram", ["--memory=much"], /^error: --memory much: must be a whole number/);
    assertEquals([...Deno.readDirSync(folder)].length, 2);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test({
  name: "a disk that fills up while the table is written is one line, and half a table is not left behind",
  ignore: Deno.build.os !== "linux" || !await hasCommand("deno"),
  async fn() {
    const folder = await Deno.makeTempDir({ dir: fileURLToPath(root) });
    try {
      // A file may have 512 KiB here; without the trap a signal would end the process.
      const script = `trap '' XFSZ; ulimit -f 1024; exec deno run --no-prompt "$@"`;
      const permissions = [`--allow-read=${folder}`, `--allow-write=${folder}`];
      const file = fileURLToPath(new URL("people.ts", import.meta.url));
      const child = await runCommand("sh", ["-c", script, "sh", ...permissions, file, `${folder}/full.parquet`]);
      assertEquals(child?.code, 2);
      assertMatch(new TextDecoder().decode(child?.stderr), /error: .*full\.parquet: .*(large|space)/i);
      assertEquals([...Deno.readDirSync(folder)], []);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
