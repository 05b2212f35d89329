/**
 * Pi by processes that share a queue in a file: tasks survive whoever works on them.
 *
 * What to notice: nobody is asked any more. Tasks lie in a table, and a process that is free claims one for ten seconds; if
 * it dies, the task can be claimed again when they are over. Workers may come and go, and be many, but each task now costs
 * two transactions, so that it should be larger than in pi_pool.ts. ch11/queue does this with all that belongs to it
 * (heartbeats, retries, dead letters), and with a server behind it for more than one machine.
 *
 * @original 11_clusters/nsq/
 * @run deno run --allow-read=. --allow-write=. --allow-run=deno ch11/from_workers_to_cluster/pi_queue.ts
 * @takes 2 s
 */

import { DatabaseSync } from "node:sqlite";

/** Some of the pieces of the work, each of 4096 darts with random numbers of its own: who throws them changes nothing. */
interface Task {
  from: number;
  to: number;
}

/** How many darts of these pieces hit the quarter circle. */
export function countHits({ from, to }: Task): number {
  let inside = 0;
  for (let piece = from; piece < to; piece++) {
    // The generator sfc32; its first numbers still show the seed, and are thrown away.
    let a = 10, b = piece, c = 0x9e3779b9 | 0, counter = 1;
    const random = () => {
      const sum = a + b + counter++ | 0;
      a = b ^ b >>> 9, b = c + (c << 3) | 0, c = (c << 21 | c >>> 11) + sum | 0;
      return (sum >>> 0) / 2 ** 32;
    };
    for (let i = 0; i < 20; i++) random();
    for (let dart = 0; dart < 4096; dart++) {
      const x = random(), y = random();
      inside += Number(x * x + y * y <= 1);
    }
  }
  return inside;
}

/** All the work, cut into tasks. */
function cut(pieces: number, perTask: number): Task[] {
  return Array.from({ length: Math.ceil(pieces / perTask) }, (_, i) => ({
    from: i * perTask,
    to: Math.min(pieces, (i + 1) * perTask),
  }));
}

/** Opens the queue; whoever finds it locked waits for up to five seconds. */
function openQueue(file: string) {
  const db = new DatabaseSync(file, { timeout: 5000 });
  // Without the log a reader would stop the writers. A crash of the machine may cost the last tasks, but no damage.
  db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
  db.exec("CREATE TABLE IF NOT EXISTS tasks (first, beyond, hits, claimed DEFAULT 0)");
  db.exec("CREATE INDEX IF NOT EXISTS open ON tasks (claimed) WHERE hits IS NULL");
  return db;
}

/** Claims tasks and stores their results until the input ends. */
async function work(file: string): Promise<void> {
  using db = openQueue(file);
  const claim = db.prepare(
    `UPDATE tasks SET claimed = ?1 WHERE rowid =
       (SELECT rowid FROM tasks WHERE hits IS NULL AND claimed < ?1 - 10000 LIMIT 1) RETURNING rowid, first, beyond`,
  );
  const finish = db.prepare("UPDATE tasks SET hits = ? WHERE rowid = ?");
  let ended = false;
  Deno.stdin.readable.pipeTo(new WritableStream()).then(() => ended = true);
  console.log("ready");
  while (!ended) {
    const task = claim.get(Date.now()) as Record<string, number> | undefined;
    if (task) finish.run(countHits({ from: task.first, to: task.beyond }), task.rowid);
    // Also lets the end of the input be heard.
    await new Promise((later) => task ? setImmediate(later) : setTimeout(later, 1));
  }
}

/** Starts the workers. `run` throws 4096 darts for each piece, so many pieces a task, and counts those that hit. */
export async function experiment({ workers, folder = "." }: { workers: number; folder?: string }) {
  const place = await Deno.makeTempDir({ dir: folder, prefix: ".pi_queue_" }), file = `${place}/queue.sqlite`;
  await using open = new AsyncDisposableStack();
  open.defer(() => Deno.remove(place, { recursive: true }));
  const db = open.use(openQueue(file));
  await Promise.all(Array.from({ length: workers }, async () => {
    const args = ["run", "--no-prompt", "--no-lock", `--allow-read=${place}`, `--allow-write=${place}`];
    const child = new Deno.Command("deno", {
      args: [...args, import.meta.url.split("?")[0], "--work", file],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const output = child.stdout.getReader();
    open.defer(async () => {
      await child.stdin.close().catch(() => {});
      await output.cancel();
      await child.status;
    });
    if ((await output.read()).done) throw new Error(`a worker ended with code ${(await child.status).code}`);
  }));
  const rest = open.move();
  return {
    async run(pieces: number, perTask: number): Promise<number> {
      db.exec("DELETE FROM tasks");
      db.exec("BEGIN");
      const put = db.prepare("INSERT INTO tasks (first, beyond) VALUES (?, ?)");
      for (const { from, to } of cut(pieces, perTask)) put.run(from, to);
      db.exec("COMMIT");
      const left = db.prepare("SELECT 1 FROM tasks WHERE hits IS NULL LIMIT 1");
      while (left.get()) await new Promise((later) => setTimeout(later, 2));
      return db.prepare("SELECT sum(hits) AS inside FROM tasks").get()!.inside as number;
    },
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  };
}

if (Deno.args[0] === "--work" && import.meta.main) {
  await work(Deno.args[1]);
} else if (import.meta.main) {
  await using pi = await experiment({ workers: 2 });
  const pieces = 8192, start = performance.now(), inside = await pi.run(pieces, 256);
  const ms = (performance.now() - start).toFixed(0);
  console.log(`pi is about ${4 * inside / pieces / 4096}: ${pieces * 4096} darts, 2 workers, ${ms} ms`);
  if (inside !== 26354262) throw new Error(`of these darts, 26354262 hit, not ${inside}`);
}
