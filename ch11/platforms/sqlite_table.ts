/**
 * Messages in a table of an SQLite file: no server at all, and every process of one machine can send and receive.
 *
 * What to notice: a receiver marks what it took with the time until which nobody else may take it, and deletes it when
 * it is done; of one that dies, the messages are free again when that time is over. Each of these is a transaction, so
 * that a hundred messages at once cost little more than one. There is nobody to wake a receiver: it looks again, every
 * two milliseconds here, and that is how long a message waits.
 *
 * @original none, the book's question on choosing a messaging platform
 * @run deno run --allow-read=. --allow-write=. ch11/platforms/sqlite_table.ts
 * @takes 1 s
 */

import { DatabaseSync } from "node:sqlite";
import { setImmediate as turn, setTimeout as pause } from "node:timers/promises";

export interface Platform extends AsyncDisposable {
  /** Sends messages; resolves when the platform has confirmed all of them. */
  publish(messages: readonly string[]): Promise<void>;
  /** Hands messages to `handle`; what it does not throw for is acknowledged. Returns a function that ends this. */
  receive(handle: (message: string) => void): Promise<() => Promise<void>>;
  /** How many messages the platform holds. */
  waiting(): Promise<number>;
}

export const guarantees = {
  delivery: "at least once",
  order: "as sent",
  kept: "in a file, forced to the disk at checkpoints",
};

/** Opens the table in a file. Everything is done when it returns; the promises are the interface's. */
export function open(file: string): Promise<Platform> {
  const db = new DatabaseSync(file, { timeout: 5000 });
  // With NORMAL a commit is written, but not forced to the disk: it survives the process and not a power cut.
  db.exec("pragma journal_mode = wal; pragma synchronous = normal");
  db.exec("create table if not exists message (id integer primary key, body text not null, until integer default 0)");
  const insert = db.prepare("insert into message (body) select value from json_each(?) order by key");
  const take = db.prepare(`update message set until = ?1 + 30000 where id in
    (select id from message where until < ?1 order by id limit 100) returning id, body`);
  const remove = db.prepare("delete from message where id in (select value from json_each(?))");
  const release = db.prepare("update message set until = 0 where id = ?");
  const count = db.prepare("select count(*) as n from message");

  return Promise.resolve({
    publish(messages) {
      insert.run(JSON.stringify(messages));
      return Promise.resolve();
    },
    receive(handle) {
      let stopped = false;
      const work = async () => {
        while (!stopped) {
          const rows = take.all(Date.now()) as { id: number; body: string }[];
          const done: number[] = [];
          for (const { id, body } of rows.sort((a, b) => a.id - b.id)) {
            try {
              handle(body);
              done.push(id);
            } catch {
              // Whoever handles messages says what went wrong; here it only matters that the message comes again.
              release.run(id);
            }
          }
          if (rows.length > 0) remove.run(JSON.stringify(done));
          // Also where there are more: others in this process want their turn.
          await (rows.length < 100 ? pause(2) : turn());
        }
      };
      const working = work();
      return Promise.resolve(() => {
        stopped = true;
        return working;
      });
    },
    waiting: () => Promise.resolve((count.get() as { n: number }).n),
    [Symbol.asyncDispose]() {
      db.close();
      return Promise.resolve();
    },
  });
}

if (import.meta.main) {
  const messages = Array.from({ length: 20_000 }, (_, i) => `message ${i}`), received: string[] = [];
  const folder = await Deno.makeTempDir({ dir: "." });
  const remove = () => Deno.removeSync(folder, { recursive: true });
  Deno.addSignalListener("SIGINT", () => (remove(), Deno.exit(130)));
  try {
    await using platform = await open(`${folder}/messages.db`);
    const start = performance.now();
    for (let i = 0; i < messages.length; i += 100) await platform.publish(messages.slice(i, i + 100));
    const sent = performance.now();
    const all = Promise.withResolvers<void>();
    const stop = await platform.receive((message) => {
      if (received.push(message) === messages.length) all.resolve();
    });
    await all.promise;
    const end = performance.now();
    await stop();
    if (received.join() !== messages.join()) throw new Error("messages are missing or out of order");
    const rate = (ms: number) => Math.round(messages.length / ms * 1000).toLocaleString("en-US");
    console.log(`sent ${rate(sent - start)} messages a second, 100 at once`);
    console.log(`received ${rate(end - sent)} a second, all of them and in order`);
  } finally {
    remove();
  }
}
