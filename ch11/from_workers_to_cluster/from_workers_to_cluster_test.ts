import { connect } from "@nats-io/transport-node";
import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { hasCommand } from "../../bench/lib/command.ts";
import { startNats } from "../../bench/lib/servers.ts";
import { parseHeader, runScript } from "../../bench/lib/script.ts";
import { commonLines } from "./compare.ts";
import * as engines from "./pi_engines.ts";
import * as pool from "./pi_pool.ts";
import * as queue from "./pi_queue.ts";

const root = new URL("../../", import.meta.url);
const ignore = !await hasCommand("nats-server") || !await hasCommand("deno");

Deno.test("the kernel is the same text in all three, and counts about pi/4 of the darts", () => {
  assertEquals(`${queue.countHits}`, `${pool.countHits}`);
  assertEquals(`${engines.countHits}`, `${pool.countHits}`);
  const darts = 100 * 4096, p = Math.PI / 4, hits = pool.countHits({ from: 0, to: 100 });
  // Five standard deviations.
  assertEquals(Math.abs(hits - p * darts) < 5 * Math.sqrt(darts * p * (1 - p)), true, `${hits}`);
  assertEquals(pool.countHits({ from: 0, to: 30 }) + pool.countHits({ from: 30, to: 100 }), hits);
  assertEquals(pool.countHits({ from: 7, to: 7 }), 0);
});

Deno.test({
  name: "pool, queue and engines count the same, however the work is cut and by how many",
  ignore,
  async fn() {
    const expected = pool.countHits({ from: 0, to: 50 }), folder = await Deno.makeTempDir();
    try {
      for (
        const open of [
          pool.experiment,
          (o: { workers: number }) => queue.experiment({ ...o, folder }),
          engines.experiment,
        ]
      ) {
        for (const workers of [1, 3]) {
          await using way = await open({ workers });
          for (const perTask of [1, 7, 100]) assertEquals(await way.run(50, perTask), expected);
        }
      }
      assertEquals([...Deno.readDirSync(folder)], []);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test({
  name: "an engine that is gone loses its tasks to the others, and if none is left the run fails",
  ignore,
  async fn() {
    const folder = await Deno.makeTempDir(), token = "secret";
    try {
      await using server = await startNats({ token, folder });
      const access = { server: `127.0.0.1:${server.port}`, token };
      const connection = await connect({ servers: access.server, token });
      // It says hello, and is not there when it is asked; the other one answers every task with 1.
      connection.subscribe("pi.hello", { callback: (_, message) => void message.respond("pi.gone") });
      connection.subscribe("pi.hello", { callback: (_, message) => void message.respond("pi.other") });
      const other = connection.subscribe("pi.other", { callback: (_, message) => void message.respond("1") });
      await connection.flush();
      {
        await using way = await engines.experiment({ workers: 2, access });
        assertEquals(await way.run(10, 1), 10);
        other.unsubscribe();
        await connection.flush();
        await assertRejects(() => way.run(10, 1), Error, "no engine is left");
      }
      await connection.close();
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test("lines in common are the longest common subsequence", () => {
  assertEquals(commonLines(["a", "b", "c", "d"], ["b", "x", "d", "a"]), 2);
  assertEquals(commonLines(["a"], []), 0);
  assertEquals(commonLines([..."XMJYAUZ"], [..."MZJAWXU"]), 4);
});

Deno.test("an engine without a server to go to, and one whose server is not there, say so", async () => {
  const { run } = parseHeader(await Deno.readTextFile(new URL("pi_engines.ts", import.meta.url)));
  const nowhere = await runScript(run, { cwd: root, more: ["--serve"] });
  assertEquals(nowhere.code, 2);
  assertMatch(nowhere.stderr, /^error: --serve: NATS_SERVER must say where the server is, as in host:4222$/m);
  const wrong = await runScript(run, { cwd: root, more: ["--server"] });
  assertEquals([wrong.code, wrong.stdout], [2, ""]);
  await assertRejects(() => queue.experiment({ workers: 1, folder: "no such folder" }), Deno.errors.NotFound);
});
