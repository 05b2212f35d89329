import { assert, assertEquals } from "@std/assert";
import { hasCommand } from "../../bench/lib/command.ts";
import { startNats, startRedis } from "../../bench/lib/servers.ts";
import * as jetstream from "./jetstream.ts";
import * as natsCore from "./nats_core.ts";
import * as redisStream from "./redis_stream.ts";
import * as sqliteTable from "./sqlite_table.ts";

const hasNats = await hasCommand("nats-server"), hasRedis = await hasCommand("redis-server");

/** Opens a platform of its own for a test, in a temporary folder. */
async function withPlatform(
  name: string,
  test: (open: () => Promise<sqliteTable.Platform>) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    if (name === "sqlite") return await test(() => sqliteTable.open(`${folder}/messages.db`));
    await using server = await (name === "redis" ? startRedis({ folder }) : startNats({ folder }));
    const { open } = name === "redis" ? redisStream : name === "jetstream" ? jetstream : natsCore;
    await test(() => open(server.address));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Receives until that many have come, or none has for a second. */
async function receive(platform: sqliteTable.Platform, count: number, handle = (_: string) => {}): Promise<string[]> {
  const received: string[] = [], { promise, resolve } = Promise.withResolvers<void>();
  let timer = setTimeout(resolve, 1000);
  const stop = await platform.receive((message) => {
    clearTimeout(timer);
    timer = setTimeout(resolve, 1000);
    handle(message);
    if (received.push(message) === count) resolve();
  });
  await promise;
  clearTimeout(timer);
  await stop();
  return received;
}

for (const [name, here] of [["sqlite", true], ["redis", hasRedis], ["jetstream", hasNats]] as const) {
  Deno.test({
    name: `${name}: what is sent before anybody listens is received once, in order, and then gone`,
    ignore: !here,
    fn: () =>
      withPlatform(name, async (open) => {
        await using platform = await open();
        const messages = Array.from({ length: 300 }, (_, i) => `ä ${i} "quoted"`);
        await platform.publish(messages);
        await platform.publish([]);
        assertEquals(await platform.waiting(), 300);
        assertEquals(await receive(platform, 300), messages);
        assertEquals(await platform.waiting(), 0);
      }),
  });

  Deno.test({
    name: `${name}: what a receiver throws for is not lost`,
    ignore: !here,
    fn: () =>
      withPlatform(name, async (open) => {
        await using platform = await open();
        await platform.publish(["good", "bad", "fine"]);
        let failures = 0;
        const received = await receive(platform, 3, (message) => {
          if (message === "bad" && failures++ === 0) throw new Error("not now");
        });
        assert(failures >= 1);
        // Redis keeps it for whoever claims it; the others deliver it again by themselves.
        assertEquals(received.toSorted(), name === "redis" ? ["fine", "good"] : ["bad", "fine", "good"]);
        assertEquals(await platform.waiting(), name === "redis" ? 1 : 0);
      }),
  });

  Deno.test({
    name: `${name}: two receivers share the messages out, none comes to both`,
    ignore: !here,
    fn: () =>
      withPlatform(name, async (open) => {
        await using one = await open();
        await using two = await open();
        const messages = Array.from({ length: 400 }, (_, i) => `${i}`);
        await one.publish(messages);
        const [first, second] = await Promise.all([receive(one, 400), receive(two, 400)]);
        assertEquals([...first, ...second].map(Number).sort((a, b) => a - b), messages.map(Number));
      }),
  });
}

Deno.test({
  name: "nats: who listens receives, and what nobody listens to is gone",
  ignore: !hasNats,
  fn: () =>
    withPlatform("nats", async (open) => {
      await using platform = await open();
      await platform.publish(["too early"]);
      const received: string[] = [], stop = await platform.receive((message) => received.push(message));
      await platform.publish(["one", "two"]);
      await stop();
      assertEquals(received, ["one", "two"]);
      assertEquals(await platform.waiting(), 0);
    }),
});
