import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { parseHeader, runScript } from "../../bench/lib/script.ts";
import { Cache, countHits, parallelMap } from "./parallel_map_cached.ts";

async function withCache(test: (cache: Cache, warnings: string[]) => Promise<void>) {
  const folder = await Deno.makeTempDir(), warnings: string[] = [];
  try {
    const cache = new Cache(`${folder}/cache`);
    cache.warn = (message) => warnings.push(message);
    await test(cache, warnings);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const square = (n: number) => n * n;
const inputs = [3, 1, 4, 1, 5, 9, 2];

Deno.test("results come in order, and the second time from disk, whatever the number of workers", () =>
  withCache(async (cache) => {
    const first = await parallelMap(square, inputs, { cache, workers: 3 });
    assertEquals(first, { results: inputs.map(square), computed: 7 });
    assertEquals(await parallelMap(square, inputs, { cache, workers: 1 }), { results: first.results, computed: 0 });
    assertEquals((await parallelMap(square, [...inputs, 7], { cache })).computed, 1);
    assertEquals(await parallelMap(square, [], { cache }), { results: [], computed: 0 });
  }));

Deno.test("another source or another argument has another key", () =>
  withCache((cache) => {
    const keys = [
      cache.key("(n) => n * n", 2),
      cache.key("(n) => n * n ", 2),
      cache.key("(n) => n * n", 3),
      cache.key("(n) => n * n", "2"),
      cache.key("(n) => n * n", [2]),
      cache.key("(n) => n * n", -0),
      cache.key("(n) => n * n", 0),
    ];
    assertEquals(new Set(keys).size, keys.length);
    return Promise.resolve();
  }));

Deno.test("typed arrays, maps, NaN and undefined come back from disk as they were", () =>
  withCache(async (cache) => {
    const make = (n: number) => ({ numbers: Float64Array.of(n, NaN), map: new Map([[n, undefined]]), big: 1n });
    const { results } = await parallelMap(make, [1, 2], { cache });
    assertEquals(await parallelMap(make, [1, 2], { cache }), { results, computed: 0 });
    assertEquals(results, [make(1), make(2)]);
    const nothing = () => undefined;
    await parallelMap(nothing, [0], { cache });
    assertEquals((await parallelMap(nothing, [0], { cache })).computed, 0);
  }));

Deno.test("a damaged entry is noticed wherever it is damaged, said, and computed again", () =>
  withCache(async (cache, warnings) => {
    await parallelMap(square, [12], { cache });
    const path = `${cache.folder}/${cache.key(square.toString(), 12)}.entry`, whole = await Deno.readFile(path);
    const flipped = (at: number) => whole.map((byte, i) => i === at ? byte ^ 1 : byte);
    const damaged = [0, 32, whole.length - 1].map(flipped);
    damaged.push(whole.slice(0, 0), whole.slice(0, 20), whole.slice(0, -1));
    for (const [i, bytes] of damaged.entries()) {
      await Deno.writeFile(path, bytes);
      assertEquals(await parallelMap(square, [12], { cache }), { results: [144], computed: 1 });
      assertEquals(warnings.length, i + 1);
      assertMatch(warnings[i], /is damaged and is computed again/);
      assertEquals(await Deno.readFile(path), whole);
    }
  }));

Deno.test("an entry that was copied to another key is not believed", () =>
  withCache(async (cache, warnings) => {
    await parallelMap(square, [2], { cache });
    const path = (n: number) => `${cache.folder}/${cache.key(square.toString(), n)}.entry`;
    await Deno.copyFile(path(2), path(3));
    assertEquals((await parallelMap(square, [3], { cache })).results, [9]);
    assertEquals(warnings.length, 1);
  }));

Deno.test("many writers of one entry and its readers meet no half-written file", () =>
  withCache(async (cache, warnings) => {
    const key = cache.key("f", 1), value = new Float64Array(20_000).fill(7);
    await cache.write(key, value);
    await Promise.all(Array.from({ length: 60 }, async (_, i) => {
      if (i % 2) await cache.write(key, value);
      else assertEquals((await cache.read(key))?.[0], value);
    }));
    assertEquals(warnings, []);
    assertEquals([...Deno.readDirSync(cache.folder)].map(({ name }) => name), [`${key}.entry`]);
  }));

Deno.test("an error is passed on with what was thrown, and is not kept; what was done before is", () =>
  withCache(async (cache) => {
    const picky = (n: number) => {
      if (n > 2) throw new RangeError(`${n} is too large`);
      return n;
    };
    const error = await assertRejects(() => parallelMap(picky, [1, 2, 3], { cache, workers: 1 }), RangeError);
    assertEquals(error.message, "3 is too large");
    assertEquals(await parallelMap(picky, [1, 2], { cache }), { results: [1, 2], computed: 0 });
    const outside = 5, closure = (n: number) => n + outside;
    await assertRejects(() => parallelMap(closure, [1], { cache }), Error, "outside is not defined");
  }));

Deno.test("clear removes entries and leftovers, and no file of anyone else", () =>
  withCache(async (cache) => {
    await parallelMap(square, [1, 2], { cache });
    await Deno.writeTextFile(`${cache.folder}/${crypto.randomUUID()}.part`, "left by a writer that was killed");
    await Deno.writeTextFile(`${cache.folder}/notes.entry`, "not ours");
    assertEquals(cache.clear(), 3);
    assertEquals([...Deno.readDirSync(cache.folder)].map(({ name }) => name), ["notes.entry"]);
  }));

Deno.test("pieces are independent: their hits vary as those of a fair coin of that chance", () => {
  const darts = 2000, p = Math.PI / 4;
  const hits = Array.from({ length: 400 }, (_, piece) => countHits({ seed: 3, piece, darts }));
  const mean = hits.reduce((sum, n) => sum + n, 0) / hits.length;
  const variance = hits.reduce((sum, n) => sum + (n - mean) ** 2, 0) / (hits.length - 1);
  const expected = darts * p * (1 - p);
  assert(Math.abs(mean - darts * p) < 5 * Math.sqrt(expected / hits.length), `mean ${mean}`);
  assert(variance > 0.7 * expected && variance < 1.4 * expected, `variance ${variance}, expected ${expected}`);
});

Deno.test("the script keeps a cache that it is given, clears it, and refuses what makes no sense", async () => {
  const cwd = await Deno.makeTempDir(), script = new URL("parallel_map_cached.ts", import.meta.url);
  try {
    const config = new URL("../../deno.json", import.meta.url).pathname;
    const { run } = parseHeader(await Deno.readTextFile(script));
    const command = run.replace("deno run --allow-read=.", `deno run --config=${config} --no-lock --allow-read`)
      .replace(
        "ch10/pi_estimation/parallel_map_cached.ts",
        script.pathname,
      );
    const start = (...more: string[]) => runScript(command, { cwd, more });
    assertMatch((await start("--cache", "kept")).stdout, /at first.*16 of 16/);
    assertMatch((await start("--cache", "kept", "--workers", "1")).stdout, /at first.* 0 of 16/);
    assertMatch((await start("--cache", "kept", "--clear")).stdout, /16 files removed/);
    await Deno.writeTextFile(`${cwd}/file`, "");
    for (
      const [args, message] of [
        [["--workers", "0"], "--workers 0: must be a whole number from 1 to 64"],
        [["--workers=-1"], "--workers -1: must be a whole number from 1 to 64"],
        [["--clear"], "--clear: must come with --cache FOLDER"],
        [["--cache", "file"], "--cache file: must be a folder that can be written to"],
      ] as const
    ) {
      const { code, stderr } = await start(...args);
      assertEquals([code, stderr.startsWith(`error: ${message}`), stderr.split("\n").length], [2, true, 2], stderr);
    }
    assertEquals([...Deno.readDirSync(cwd)].map(({ name }) => name).sort(), ["file", "kept"]);
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
});
