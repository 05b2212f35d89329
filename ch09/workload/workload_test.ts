import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import bcrypt from "bcryptjs";
import { parseHeader, runScript } from "../../bench/lib/script.ts";
import { startServer } from "./save_server.ts";
import * as async from "./workload_async.ts";
import * as batches from "./workload_batches.ts";
import * as file from "./workload_file.ts";
import * as noIo from "./workload_no_io.ts";
import * as offThread from "./workload_off_thread.ts";
import * as serial from "./workload_serial.ts";
import * as sqlite from "./workload_sqlite.ts";

const root = new URL("../../", import.meta.url);

// What crypt(3) of libxcrypt makes of «result 0» to «result 3» with this salt.
const known: Record<number, string[]> = {
  4: [
    "$2b$04$CCCCCCCCCCCCCCCCCCCCC.HM94T9e7DI/RHrEVO3GiYmWwIqMdSA2",
    "$2b$04$CCCCCCCCCCCCCCCCCCCCC.gRHXQYvaptOPfXRcUbvqSHHvnCGpMn2",
    "$2b$04$CCCCCCCCCCCCCCCCCCCCC.b9BrqCcUqjagx3.4pT8hgKpiqw9hxmi",
    "$2b$04$CCCCCCCCCCCCCCCCCCCCC.rJpS8bhfy9j/HKLjOGQqco0AN5ONPqS",
  ],
  5: [
    "$2b$05$CCCCCCCCCCCCCCCCCCCCC.yjLTcE67e3nQgjQPD0uxS5/5rUk7Z.u",
    "$2b$05$CCCCCCCCCCCCCCCCCCCCC.Q5EHQOc7x2UlIhwfxIFYDpncccRSvq6",
    "$2b$05$CCCCCCCCCCCCCCCCCCCCC.jsJUgn20Rwr102FLbr7XgvAzKH/MLBK",
    "$2b$05$CCCCCCCCCCCCCCCCCCCCC.ruhWS73fXoADV1ms4CoBiDRRoltSX.i",
  ],
  10: ["$2b$10$CCCCCCCCCCCCCCCCCCCCC.O76aq./pmN12.F.lahQsEx.97nb7BMa"],
};

const hashers = { noIo, serial, batches, async, file, sqlite, offThread };

/** A hash that is none, and takes no time. */
const instant = (item: number, cost: number) => `hash-${item}-${cost}`;

type Save = serial.Save;
type Run = (count: number, cost: number, save: Save, hash: typeof instant) => Promise<string[]>;

/** The workloads that save to a server. */
const toServer: Record<string, Run> = {
  serial: serial.run,
  batches: (count, cost, save, hash) => batches.run(count, cost, save, hash, 10),
  async: (count, cost, save, hash) => async.run(count, cost, save, hash, 10),
  off_thread: (count, cost, save, hash) => offThread.run(count, cost, save, hash, 4, 10),
};

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const soon = () => new Promise<void>((later) => setTimeout(later, 1));

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("every workload hashes as another implementation of bcrypt does", () => {
  for (const [name, { hashItem }] of Object.entries(hashers)) {
    for (const [cost, hashes] of Object.entries(known)) {
      assertEquals(hashes.map((_, item) => hashItem(item, Number(cost))), hashes, name);
    }
    assert(bcrypt.compareSync("result 17", hashItem(17, 4)));
    assert(!bcrypt.compareSync("result 18", hashItem(17, 4)));
  }
});

Deno.test("the library passes the test vectors of crypt_blowfish", () => {
  const vectors = [
    ["U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"],
    ["U*U*", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"],
    ["U*U*U", "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"],
    ["", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy"],
  ];
  for (const [password, hash] of vectors) assertEquals(bcrypt.hashSync(password, hash.slice(0, 29)), hash);
});

Deno.test("a cost below 4, above 31 or not a number is refused by every hash, also in another thread", async () => {
  const pool = offThread.openPool(1);
  try {
    for (const cost of [3, 32, NaN, -1, 5.5]) {
      for (const { hashItem } of Object.values(hashers)) {
        assertThrows(() => hashItem(0, cost), RangeError, "must be from 4 to 31");
      }
      await assertRejects(() => pool.hash(0, cost), RangeError, "must be from 4 to 31");
    }
    assertEquals(await pool.hash(1, 5), known[5][1]);
  } finally {
    pool.close();
  }
});

Deno.test("the server has each result of every workload exactly once, with its hash", async () => {
  const server = await startServer(), pool = offThread.openPool(2);
  try {
    for (const [name, run] of Object.entries(toServer)) {
      const count = name === "serial" ? 4 : 36;
      const hashes = await run(
        count,
        4,
        server.save,
        (name === "off_thread" ? pool.hash : noIo.hashItem) as typeof instant,
      );
      assertEquals(hashes, noIo.run(count, 4), name);
      assertEquals(hashes.slice(0, 4), known[4], name);
      const { saved, atOnce, late } = await server.report();
      assertEquals(
        saved.toSorted(([a], [b]) => a - b),
        hashes.map((hash, item): [number, string] => [item, hash]),
        name,
      );
      assert(atOnce <= 10, `${name}: ${atOnce} at once`);
      assertEquals(late.length, count);
      // A timer may be late, but is not early by more than its resolution.
      assert(late.every((ms) => ms > -2), `${late}`);
    }
  } finally {
    pool.close();
    server.close();
  }
});

Deno.test("saves overlap as far as they should: one, a batch, and never more than the bound", async () => {
  const expected: Record<string, number> = { serial: 1, batches: 10, async: 10, off_thread: 10 };
  for (const [name, run] of Object.entries(toServer)) {
    let underWay = 0, most = 0;
    // Slower than any hash, so that all that may be under way will be.
    await run(name === "serial" ? 3 : 25, 4, async () => {
      most = Math.max(most, ++underWay);
      await new Promise((later) => setTimeout(later, 100));
      underWay--;
    }, instant);
    assertEquals(most, expected[name], name);
    assertEquals(underWay, 0, `${name} did not wait for all`);
  }
});

Deno.test("async hashes while saves are under way; in batches and one by one nothing is hashed then", async () => {
  const during = async (run: Run) => {
    let underWay = 0, hashed = 0;
    await run(30, 4, async () => {
      underWay++;
      await soon();
      underWay--;
    }, (item, cost) => {
      if (underWay > 0) hashed++;
      return instant(item, cost);
    });
    return hashed;
  };
  assertEquals(await during(toServer.serial), 0);
  assertEquals(await during(toServer.batches), 0);
  assert(await during(toServer.async) > 0);
});

Deno.test("saves that fail are all reported, and with those that did not fail and those not begun make up the count", async () => {
  for (const [name, run] of Object.entries(toServer)) {
    const tried = new Set<number>(), saved = new Set<number>();
    const error = await assertRejects(
      () =>
        run(50, 4, async (item) => {
          tried.add(item);
          await soon();
          if (item === 13 || item === 15) throw new Error(`no room for ${item}`);
          saved.add(item);
        }, instant),
      AggregateError,
    );
    const [, good, of, failed, rest] = error.message.match(/^(\d+) of (\d+) saved, (\d+) failed, (\d+) not begun$/)!
      .map(Number);
    assertEquals([good, of, failed, rest], [saved.size, 50, tried.size - saved.size, 50 - tried.size], name);
    assertEquals(error.errors.length, failed, name);
    const items = error.errors.map(({ message }) => Number(message.match(/^result (\d+) was not saved$/)[1]));
    assertEquals(new Set(items), tried.difference(saved), name);
    assert(error.errors.every(({ cause }) => /^no room for 1[35]$/.test(cause.message)), name);
  }
});

Deno.test("a server that goes away in the middle is an error at once, and no result is taken for saved that it had not", async () => {
  for (const [name, run] of Object.entries(toServer)) {
    const server = await startServer(), acknowledged = new Set<number>();
    let begun = 0;
    const error = await assertRejects(
      () =>
        run(1000, 4, async (item, hash) => {
          if (++begun === 12) server.close();
          await server.save(item, hash);
          acknowledged.add(item);
        }, instant),
      AggregateError,
    );
    const [, good, , failed, rest] = error.message.match(/^(\d+) of (\d+) saved, (\d+) failed, (\d+) not begun$/)!
      .map(Number);
    assertEquals(good, acknowledged.size, name);
    assertEquals(good + failed + rest, 1000, name);
    assert(failed > 0 && rest > 900, `${name}: ${error.message}`);
  }
});

Deno.test("the server refuses what is no result, and does not count it", async () => {
  const server = await startServer();
  try {
    await assertRejects(() => server.save(NaN, "hash"), Error, "the server answered 400");
    await assertRejects(() => server.save(1, ""), Error, "the server answered 400");
    assertEquals((await server.report()).saved, []);
  } finally {
    server.close();
  }
});

Deno.test("files and databases hold what was saved, in every way", () =>
  inFolder(async (folder) => {
    for (const sync of [false, true]) {
      const path = `${folder}/${sync}.txt`, store = file.openResults(path, sync);
      const hashes = await file.run(25, 4, store.save, instant);
      assertEquals(store.saved(), 25);
      store.close();
      assertEquals(await Deno.readTextFile(path), hashes.map((hash, item) => `${item} ${hash}\n`).join(""));
      assertThrows(() => file.openResults(path), Error, "something in it already");
    }
    for (const way of Object.keys(sqlite.ways) as sqlite.Way[]) {
      const path = `${folder}/${way}.db`, store = sqlite.openResults(path, way);
      const hashes = await sqlite.run(250, 4, store.save, instant);
      assertEquals(store.saved(), way === "transactions" ? 200 : 250);
      store.close();
      assertEquals(store.saved(), 250);
      assertEquals(
        sqlite.readResults(path).map(({ item, hash }) => [item, hash]),
        hashes.map((hash, item) => [item, hash]),
      );
      assertThrows(() => sqlite.openResults(path, way), Error, "table results already exists");
    }
  }));

Deno.test("a result saved twice is refused by the database, and what came before it is kept", () =>
  inFolder(async (folder) => {
    const path = `${folder}/twice.db`, store = sqlite.openResults(path);
    for (let item = 0; item < 7; item++) store.save(item, "hash");
    assertThrows(() => store.save(3, "another"), Error, "UNIQUE");
    store.close();
    assertEquals(store.saved(), 7);
    assertEquals(sqlite.readResults(path).map(({ item }) => item), [0, 1, 2, 3, 4, 5, 6]);
    await Promise.resolve();
  }));

/** Runs a program in a `deno` of its own until it has printed a number of at least `least`; kills it; what it printed. */
async function killMidway(program: string, least: number): Promise<number> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-config", "--no-lock", program],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let printed = "";
  for await (const bytes of child.stdout) {
    printed += text(bytes);
    if (Number(printed.split("\n").at(-2) ?? 0) >= least) {
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended.
      }
    }
  }
  assertEquals((await child.status).signal, "SIGKILL");
  return Number(printed.split("\n").at(-2));
}

Deno.test("after kill -9 in the middle what was reported as saved is there, whole, and at most one save more", () =>
  inFolder(async (folder) => {
    const stores = { file: ["workload_file.ts", "false", 1], sqlite: ["workload_sqlite.ts", '"transactions"', 100] };
    for (const [name, [script, how, unit]] of Object.entries(stores)) {
      const path = `${folder}/${name}`;
      const reported = await killMidway(
        `
        import { openResults } from ${JSON.stringify(import.meta.resolve(`./${script}`))};
        const store = openResults(${JSON.stringify(path)}, ${how}), text = new TextEncoder();
        for (let item = 0; ; item++) {
          const before = store.saved();
          store.save(item, "hash-" + item);
          if (store.saved() > before) Deno.stdout.writeSync(text.encode(store.saved() + "\\n"));
        }`,
        350,
      );
      const found = name === "sqlite"
        ? sqlite.readResults(path).map(({ item, hash }) => `${item} ${hash}`)
        : (await Deno.readTextFile(path)).split("\n").slice(0, -1);
      assert(found.length === reported || found.length === reported + (unit as number), `${reported}, ${found.length}`);
      assertEquals(found, found.map((_, item) => `${item} hash-${item}`));
    }
  }));

/** Starts a script by its header in a folder, with more arguments. */
async function start(script: string, folder: string, more: string[]): Promise<Deno.ChildProcess> {
  const url = new URL(script, import.meta.url);
  const [, , ...flags] = parseHeader(await Deno.readTextFile(url)).run.split(" ").slice(0, -1);
  const args = ["run", "--no-prompt", `--config=${new URL("deno.json", root).pathname}`, ...flags, url.href, ...more];
  return new Deno.Command(Deno.execPath(), { args, cwd: folder, stdin: "null", stdout: "piped", stderr: "piped" })
    .spawn();
}

Deno.test({
  name: "Ctrl-C in the middle keeps what was finished, says how much, and removes what nobody asked to keep",
  ignore: Deno.build.os === "windows",
  fn: () =>
    inFolder(async (folder) => {
      const size = (path: string) => Deno.stat(path).then(({ size }) => size, () => 0);
      for (const script of ["workload_file.ts", "workload_sqlite.ts"]) {
        const path = `${folder}/results`, more = ["--count=100000", "--cost=4", "--results=results"];
        const child = await start(script, folder, more);
        while (await size(path) < 300) await soon();
        await new Promise((later) => setTimeout(later, 150));
        child.kill("SIGINT");
        const { code, stderr } = await child.output();
        assertEquals(code, 130, text(stderr));
        const said = text(stderr).match(/^interrupted: (\d+) of 100000 results are in results$/m);
        assert(said, text(stderr));
        const hashes = script === "workload_sqlite.ts"
          ? sqlite.readResults(path).map(({ hash }) => hash)
          : (await Deno.readTextFile(path)).split("\n").slice(0, -1).map((line) => line.split(" ")[1]);
        assertEquals(hashes.length, Number(said[1]));
        assert(hashes.length > 0);
        assertEquals(hashes.slice(0, 4), known[4].slice(0, hashes.length));
        await Deno.remove(path);

        const temporary = await start(script, folder, ["--count=100000", "--cost=4"]);
        while ([...Deno.readDirSync(folder)].length === 0) await soon();
        temporary.kill("SIGINT");
        const ended = await temporary.output();
        assertEquals(ended.code, 130, text(ended.stderr));
        assertEquals([...Deno.readDirSync(folder)], [], "something was left behind");
      }
    }),
});

Deno.test({
  name: "a full disk is one line that says how many results are there, and they are",
  ignore: Deno.build.os === "windows",
  fn: () =>
    inFolder(async (folder) => {
      // A limit on the size of files stands in for the end of the disk: the write that crosses it comes back short.
      for (const [script, blocks] of [["workload_file.ts", 4], ["workload_sqlite.ts", 64]] as const) {
        const url = new URL(script, import.meta.url).href;
        const command = `trap '' XFSZ; ulimit -f ${blocks}; exec "$0" run --no-prompt --config="$1" ` +
          `--allow-read=. --allow-write=. ${url} --count=1000 --cost=4 --results=full`;
        const { code, stderr } = await new Deno.Command("sh", {
          args: ["-c", command, Deno.execPath(), new URL("deno.json", root).pathname],
          cwd: folder,
        }).output();
        assertEquals(code, 2, text(stderr));
        const said = text(stderr).match(/^error: (\d+) of 1000 results are in full: (.+)$/m);
        assert(said, text(stderr));
        assertMatch(said[2], /^(there was room for \d+ bytes|File too large|disk I\/O error|database or disk is full)/);
        const path = `${folder}/full`, count = Number(said[1]);
        assert(count > 0);
        if (script === "workload_sqlite.ts") {
          assertEquals(
            sqlite.readResults(path).map(({ item }) => item),
            Array.from({ length: count }, (_, item) => item),
          );
        } else {
          const lines = (await Deno.readTextFile(path)).split("\n");
          assertEquals(lines.map((line) => line.split(" ")[0]), [...Array(count).keys().map(String), ""]);
          assert(lines.slice(0, -1).every((line) => /^\d+ \S{60}$/.test(line)));
        }
        await Deno.remove(path);
      }
    }),
});

Deno.test("a place that cannot be written to is one line, and exit code 2", () =>
  inFolder(async (folder) => {
    await Deno.mkdir(`${folder}/taken`);
    const refused: [string, string, RegExp][] = [
      ["workload_file.ts", "none/results", /No such file or directory/],
      ["workload_file.ts", "taken", /Is a directory/],
      ["workload_file.ts", "../results", /Requires write access/],
      ["workload_sqlite.ts", "none/results", /unable to open database file/],
      ["workload_sqlite.ts", "taken", /unable to open database file/],
      ["workload_sqlite.ts", "../results", /Requires write access|Requires read access/],
    ];
    await Promise.all(refused.map(async ([script, place, message]) => {
      const { code, stdout, stderr } = await (await start(script, folder, [`--results=${place}`])).output();
      const line = text(stderr).match(/^error: .*$/m)?.[0] ?? "";
      assertEquals([code, text(stdout)], [2, ""], text(stderr));
      assert(line.startsWith(`error: no results can be saved in ${place}: `), text(stderr));
      assertMatch(line, message);
    }));
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["taken"]);
  }));

Deno.test("bad flags are refused in a line that says what is allowed", async () => {
  const scripts = ["no_io", "serial", "batches", "async", "file", "sqlite", "off_thread"].map((name) =>
    `workload_${name}.ts`
  );
  const refused: [string, RegExp][] = [
    ["--cost=3", /^error: --cost 3: must be a whole number from 4 to 31$/m],
    ["--cost=32", /^error: --cost 32: must be/m],
    ["--cost=NaN", /^error: --cost NaN: must be/m],
    ["--count=0", /^error: --count 0: must be a whole number from 1 to 1000000$/m],
    ["--count=-1", /^error: --count -1: must be/m],
    ["--count", /^error: --count : must be/m],
    ["--fast", /^error: --fast: there is only --count, --cost/m],
    ["surplus", /^error: surplus: there is only/m],
  ];
  // Every flag once, and every script at least once with each kind of number.
  const cases = refused.map((one, i) => [scripts[i % scripts.length], ...one] as const)
    .concat(scripts.map((script, i) => [script, ...refused[(i + 3) % 5]] as const));
  cases.push([
    "workload_sqlite.ts",
    "--way=fast",
    /^error: --way fast: must be one of statements, prepared, transactions$/m,
  ]);
  cases.push(["workload_file.ts", "--results", /^error: --results needs the name of a file$/m]);
  for (const [script, flag, message] of cases) {
    const { run } = parseHeader(await Deno.readTextFile(new URL(script, import.meta.url)));
    const { code, stdout, stderr } = await runScript(run, { cwd: root, more: [flag] });
    assertEquals([code, stdout], [2, ""], `${script} ${flag}: ${stderr}`);
    assertMatch(stderr, message);
  }
});
