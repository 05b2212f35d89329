import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { parseHeader, runScript } from "../../bench/lib/script.ts";
import {
  ask,
  distribute,
  generate,
  identifier,
  insert,
  ShardError,
  slopesOf,
  startServers,
} from "./postgres_shards.ts";

const root = new URL("../../", import.meta.url), script = new URL("postgres_shards.ts", import.meta.url);
const ignore = Deno.build.os !== "linux" || Deno.build.arch !== "x86_64";

/** Least squares as in a textbook: covariance over variance. */
function slopesByCovariance(hours: Float64Array): number[] {
  return Array.from({ length: hours.length / 14 }, (_, person) => {
    const row = [...hours.subarray(14 * person, 14 * person + 14)], mean = row.reduce((a, b) => a + b) / 14;
    return row.reduce((sum, y, x) => sum + (x - 6.5) * (y - mean), 0) /
      row.reduce((sum, _, x) => sum + (x - 6.5) ** 2, 0);
  });
}

function assertClose(slopes: Float64Array, expected: number[]) {
  assertEquals(slopes.length, expected.length);
  slopes.forEach((slope, i) => assert(Math.abs(slope - expected[i]) < 1e-9, `${i}: ${slope}, not ${expected[i]}`));
}

/** A folder for temporary files that whoever PostgreSQL runs as may enter, to see what is left in it. */
async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.chmod(folder, 0o755);
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const listing = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name);

async function startScript(more: string[], env: Record<string, string>): Promise<Deno.ChildProcess> {
  const args = ["run", "--no-prompt", ...(await header()).split(" ").slice(2), ...more];
  const quiet = { stdin: "null", stdout: "null", stderr: "null" } as const;
  return new Deno.Command(Deno.execPath(), { args, cwd: root, env, ...quiet }).spawn();
}

/** Waits until something holds. Throws if it does not within ten seconds. */
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 10_000; !await holds();) {
    if (Date.now() > end) throw new Error(`not within ten seconds: ${holds}`);
    await new Promise((later) => setTimeout(later, 20));
  }
}

async function header(): Promise<string> {
  return parseHeader(await Deno.readTextFile(script)).run;
}

Deno.test({
  name: "two shards give every slope, or an error where one is missing, and never a part",
  ignore,
  async fn(t) {
    const servers = await startServers(3), [at, ...shards] = servers.addresses;
    try {
      const hours = generate(1001), expected = slopesByCovariance(hours);
      const name = `o'Neil's "hours"; DROP TABLE x; --`;
      const cluster = await distribute(hours, at, shards, { name, fetch: 100 });

      await t.step("every slope is that of a textbook, under a table's name with quotes and SQL in it", async () => {
        assertClose(await cluster.slopes(), expected);
        assertEquals(cluster.table.endsWith(`."o'Neil's ""hours""; DROP TABLE x; --"`), true);
      });

      await t.step("the plan has both shards do the whole GROUP BY at once", async () => {
        const plan = (await cluster.plan()).join("\n");
        assertEquals(plan.match(/Async Foreign Scan/g)?.length, 2, plan);
        assertEquals(plan.match(/Remote SQL: SELECT person, regr_slope\(hours, day\) .* GROUP BY 1/g)?.length, 2, plan);
      });

      await t.step("people lie on both, and no one on two", async () => {
        const { rows } = await ask(cluster.coordinator, {
          text: `SELECT count(DISTINCT person)::integer, count(*)::integer, count(DISTINCT tableoid)::integer
            FROM ${cluster.table}`,
          rowMode: "array",
        });
        assertEquals(rows, [[1001, 14 * 1001, 2]]);
      });

      await t.step("of a killed shard the error says which and where; started again, the answer is whole", async () => {
        await servers.kill(2);
        const address = `127.0.0.1:${shards[1].port}`;
        for (let again = 0; again < 2; again++) {
          const error = await assertRejects(() => cluster.slopes(), ShardError, "a shard is missing");
          assert(error.message.includes(`shard 2 at ${address}`), error.message);
        }
        const error = await assertRejects(() => distribute(hours, at, shards), ShardError);
        assert(error.message.startsWith(`no connection to ${address}: `), error.message);
        await servers.start(2);
        assertClose(await cluster.slopes(), expected);
      });

      await t.step("a shard that has lost rows is an error too", async () => {
        await ask(cluster.coordinator, { text: `DELETE FROM ${cluster.table} WHERE person = 1000`, rowMode: "array" });
        await assertRejects(() => cluster.slopes(), ShardError, "1000 of 1001 people answered");
      });

      await t.step("a question that the shards do not understand is no missing shard", async () => {
        const query = { text: slopesOf("no_such_table"), rowMode: "array" as const };
        const error = await assertRejects(() => ask(cluster.coordinator, query), Error);
        assert(!(error instanceof ShardError));
        assertMatch(error.message, /relation "no_such_table" does not exist/);
      });

      await t.step("NaN stays with its person", async () => {
        const some = hours.slice(0, 3 * 14);
        some[14] = NaN;
        const other = await distribute(some, at, shards);
        const [first, second, third] = await other.slopes();
        assertClose(Float64Array.of(first, third), [expected[0], expected[2]]);
        assertEquals(second, NaN);
        await other.close();
      });

      await t.step("rows that are not whole, and too few of them, are refused", async () => {
        await assertRejects(
          () => distribute(new Float64Array(15), at, shards),
          RangeError,
          "15 hours are no whole rows",
        );
        await assertRejects(
          () => distribute(new Float64Array(14), at, shards),
          RangeError,
          "1 people are too few for 2",
        );
        await assertRejects(
          () => distribute(new Float64Array(0), at, shards),
          RangeError,
          "0 people are too few for 2",
        );
        const one = await distribute(hours.slice(0, 14), at, shards.slice(0, 1));
        assertClose(await one.slopes(), expected.slice(0, 1));
        await assertRejects(() => insert(one.coordinator, "no_such_table", hours, 0, 1), Error, "does not exist");
        await one.close();
      });

      await t.step(
        "by --shards it uses servers of one's own, with any password, and leaves nothing there",
        () =>
          inFolder(async (folder) => {
            const user = `o"Brien'; --`, password = `it's "so"\\ $1`;
            const own = await Promise.all(shards.map((shard) => distribute(hours.slice(0, 14), shard, [at])));
            const schemas = async () => {
              const query = "SELECT 1 FROM pg_namespace WHERE nspowner = $1::regrole";
              const found = own.map(({ coordinator }) => coordinator.query(query, [identifier(user)]));
              return (await Promise.all(found)).reduce((sum, { rows }) => sum + rows.length, 0);
            };
            for (const { coordinator } of own) {
              const secret = coordinator.escapeLiteral(password);
              await coordinator.query(`CREATE ROLE ${identifier(user)} LOGIN PASSWORD ${secret}`);
              await coordinator.query(`GRANT CREATE ON DATABASE postgres TO ${identifier(user)}`);
            }
            const where = ["--shards", shards.map(({ port }) => `127.0.0.1:${port}`).join()];
            const env = { PGUSER: user, PGPASSWORD: password, TMPDIR: folder };

            const right = await runScript(await header(), { cwd: root, more: [...where, "--people", "500"], env });
            assertEquals(right.code, 0, right.stderr);
            assertMatch(right.stdout, /500 slopes from 2 servers/);
            assertEquals([await schemas(), listing(folder)], [0, []]);

            const denied = { ...env, PGPASSWORD: "wrong" };
            const wrong = await runScript(await header(), {
              cwd: root,
              more: [...where, "--people", "500"],
              env: denied,
            });
            assertEquals(wrong.code, 2);
            assertMatch(wrong.stderr, /error: no connection to 127\.0\.0\.1:\d+: password authentication failed/);
            assertEquals([await schemas(), listing(folder)], [0, []]);

            // Ctrl-C, while it fills the tables.
            const child = await startScript([...where, "--people", "50000"], env);
            await until(async () => await schemas() === 2);
            child.kill("SIGINT");
            assertEquals((await child.status).code, 130);
            assertEquals([await schemas(), listing(folder)], [0, []]);
            for (const cluster of own) await cluster.close();
          }),
      );

      await cluster.close();
    } finally {
      await servers.close();
    }
    await assertRejects(() => Deno.stat(servers.folder), Deno.errors.NotFound);
    for (const { port } of servers.addresses) {
      await assertRejects(() => Deno.connect({ hostname: "127.0.0.1", port }), Deno.errors.ConnectionRefused);
    }
  },
});

Deno.test({
  name: "even after SIGKILL no server and no file is left",
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      const child = await startScript([], { TMPDIR: folder });
      // The third server's folder is there: they are about to start.
      const about = () => listing(folder).some((place) => listing(`${folder}/${place}`).includes("data2"));
      await until(about);
      child.kill("SIGKILL");
      await child.status;
      // The shell sees its input end.
      await until(() => listing(folder).length === 0);
    }),
});

Deno.test("a name is quoted whatever is in it, and refused where PostgreSQL would change it", () => {
  assertEquals(identifier(`a"b`), `"a""b"`);
  assertEquals(identifier("ä".repeat(31)), `"${"ä".repeat(31)}"`);
  for (const name of ["", "a\0b", "x".repeat(64), "ä".repeat(32)]) assertThrows(() => identifier(name), RangeError);
});

Deno.test("bad flags end the script with code 2 and a line that says why", async () => {
  const login = { PGUSER: "me", PGPASSWORD: "secret" };
  const refused: [string[], Record<string, string>, RegExp][] = [
    [["--people", "0"], {}, /^error: --people 0: must be a whole number from 1 to 1000000\n$/],
    [["--people=many"], {}, /^error: --people many: /],
    [["--shards", "127.0.0.1:5432"], {}, /^error: --shards: PGUSER and PGPASSWORD must say who logs in there\n$/],
    [["--shards", "127.0.0.1"], login, /^error: --shards 127\.0\.0\.1: must be host:port\n$/],
    [["--shards", "a:1,b:70000"], login, /^error: --shards b:70000: a port is a number from 1 to 65535\n$/],
    [["--shards", "a:1; rm -rf /"], login, /must be host:port\n$/],
    [["--port=1"], {}, /^error: --port=1: there is only --shards, --people and --help\n$/],
  ];
  for (const [more, env, message] of refused) {
    const { code, stdout, stderr } = await runScript(await header(), { cwd: root, more, env });
    assertEquals(code, 2, stderr);
    assertMatch(stderr, message);
    assertEquals(stdout, "");
  }
});
