import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { hasCommand } from "./command.ts";
import { isRunning } from "./processes.ts";
import { ServerError, startNats, startRedis } from "./servers.ts";

const kinds = {
  "nats-server": { start: startNats, here: await hasCommand("nats-server"), greeting: /^INFO \{/ },
  "redis-server": { start: startRedis, here: await hasCommand("redis-server"), greeting: /^\+PONG/ },
};

/** What a server says to whoever connects and says PING. */
async function ask(port: number): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(new TextEncoder().encode("PING\r\n"));
  const buffer = new Uint8Array(4096);
  return new TextDecoder().decode(buffer.subarray(0, await connection.read(buffer) ?? 0));
}

for (const [name, { start, here, greeting }] of Object.entries(kinds)) {
  Deno.test({
    name: `${name} listens on this machine, is there again after a restart, and gone with its files in the end`,
    ignore: !here,
    async fn() {
      const folder = await Deno.makeTempDir();
      try {
        let pid = 0, files = "";
        {
          await using server = await start({ folder });
          assertMatch(await ask(server.port), greeting);
          [pid, files] = [server.pid, server.folder];
          await server.kill();
          assertEquals(await isRunning(pid), false);
          await server.restart();
          assertMatch(await ask(server.port), greeting);
          pid = server.pid;
        }
        assertEquals(await isRunning(pid), false);
        await assertRejects(() => Deno.stat(files), Deno.errors.NotFound);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}

Deno.test({
  name: "a port that is taken is a ServerError",
  ignore: !kinds["nats-server"].here,
  async fn() {
    const folder = await Deno.makeTempDir();
    using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    try {
      await assertRejects(() => startNats({ folder, port: taken.addr.port }), ServerError);
      assertEquals([...Deno.readDirSync(folder)], []);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
