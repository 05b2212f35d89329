import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { type Job, type Lease, open, type Queue, QueueError, type QueueOptions } from "./embedded_queue.ts";
import { hasCommand } from "../../bench/lib/command.ts";

async function withFile(test: (file: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(`${folder}/queue.db`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const withQueue = (test: (queue: Queue, file: string) => Promise<void>, options?: QueueOptions) =>
  withFile(async (file) => {
    await using queue = await open(file, options);
    await test(queue, file);
  });

const jobs = (count: number): Job[] =>
  Array.from({ length: count }, (_, i) => ({ id: `${i}`, type: "square", data: i }));
const collect = async (queue: Queue, topic?: string) =>
  Object.fromEntries((await Array.fromAsync(queue.results(topic))).map(({ id, result }) => [id, result]));

Deno.test("jobs are claimed in their order, acked with results, and counted on their way", () =>
  withQueue(async (queue) => {
    assertEquals(await queue.put(jobs(5)), 5);
    assertEquals(await queue.counts(), { waiting: 5, active: 0, done: 0, dead: 0 });
    const leases = await queue.claim({ count: 3 });
    assertEquals(leases.map(({ id, type, data, attempt }) => [id, type, data, attempt]), [
      ["0", "square", 0, 1],
      ["1", "square", 1, 1],
      ["2", "square", 2, 1],
    ]);
    assertEquals(await queue.counts(), { waiting: 2, active: 3, done: 0, dead: 0 });
    assertEquals(await queue.ack(leases.map((lease) => ({ lease, result: { n: lease.data } }))), [true, true, true]);
    assertEquals(await queue.counts(), { waiting: 2, active: 0, done: 3, dead: 0 });
    assertEquals(await collect(queue), { 0: { n: 0 }, 1: { n: 1 }, 2: { n: 2 } });
  }));

Deno.test("an id that was put before is not put again, not even when it is done", () =>
  withQueue(async (queue) => {
    assertEquals(await queue.put(jobs(2)), 2);
    assertEquals(await queue.put(jobs(3)), 1);
    for (const lease of await queue.claim({ count: 3 })) await queue.ack([{ lease }]);
    assertEquals(await queue.put(jobs(3)), 0);
    assertEquals(await queue.claim(), []);
  }));

Deno.test("a lease that ran out is handed on, and of its two holders one result is stored", () =>
  withQueue(async (queue) => {
    await queue.put(jobs(1));
    const [first] = await queue.claim({ leaseMs: 1 });
    const [second] = await queue.claim({ leaseMs: 60_000, waitMs: 1000 });
    assertEquals([second.id, second.attempt, (await queue.counts()).active], [first.id, 2, 1]);
    assertEquals(await queue.ack([{ lease: first, result: "late" }]), [false]);
    assertEquals(await queue.extend(first), false);
    assertEquals(await queue.retry(first, "late"), "lost");
    assertEquals(await queue.ack([{ lease: second, result: "in time" }]), [true]);
    assertEquals(await collect(queue), { 0: "in time" });
    await assertRejects(() => queue.claim({ leaseMs: 0 }), QueueError, "a lease of 0 ms: must be longer than 0");
  }));

Deno.test("who extends a lease keeps the job, however long it takes", () =>
  withQueue(async (queue) => {
    await queue.put(jobs(1));
    const [lease] = await queue.claim({ leaseMs: 60 });
    for (let i = 0; i < 5; i++) {
      await new Promise((later) => setTimeout(later, 30));
      assertEquals(await queue.extend(lease), true);
      assertEquals(await queue.claim(), []);
    }
    assertEquals(await queue.ack([{ lease, result: 1 }]), [true]);
  }));

Deno.test("a job that fails comes again, and is a dead letter with its error after its last attempt", () =>
  withQueue(async (queue) => {
    await queue.put(jobs(1));
    for (const end of ["again", "again", "dead"] as const) {
      const [lease] = await queue.claim();
      assertEquals(await queue.retry(lease, `failed at attempt ${lease.attempt}`), end);
    }
    assertEquals(await queue.claim(), []);
    const [{ job, error, attempts }] = await Array.fromAsync(queue.deadLetters());
    assertEquals([job, error, attempts], [jobs(1)[0], "failed at attempt 3", 3]);
    assertEquals(await queue.counts(), { waiting: 0, active: 0, done: 0, dead: 1 });
  }));

Deno.test("a job that is given back with a delay is not due before that, and one that is buried never", () =>
  withQueue(async (queue) => {
    await queue.put(jobs(2));
    const [first, second] = await queue.claim({ count: 2 });
    await queue.retry(first, "wait", 150);
    assertEquals(await queue.bury(second, "hopeless"), true);
    assertEquals(await queue.claim(), []);
    const start = performance.now(), [again] = await queue.claim({ waitMs: 2000 });
    assert(again.id === "0" && performance.now() - start >= 100, `after ${performance.now() - start} ms`);
  }));

Deno.test("results go to their topics, and queues of other names share the file without meeting", () =>
  withQueue(async (queue, file) => {
    await queue.put(jobs(4));
    for (const lease of await queue.claim({ count: 4 })) {
      await queue.ack([{ lease, result: lease.data, topic: (lease.data as number) % 2 ? "odd" : "even" }]);
    }
    assertEquals([await collect(queue, "odd"), await collect(queue, "even")], [{ 1: 1, 3: 3 }, { 0: 0, 2: 2 }]);
    await using other = await open(file, { name: "other" });
    assertEquals(await other.counts(), { waiting: 0, active: 0, done: 0, dead: 0 });
    assertEquals(await other.put(jobs(1)), 1);
    assertEquals((await queue.counts()).waiting, 0);
  }));

Deno.test("what is no JSON, too large or badly named is refused, and nothing of its batch is put", () =>
  withQueue(async (queue) => {
    const put = (job: unknown) => queue.put([...jobs(1), job as Job]);
    const refused: [job: unknown, message: RegExp][] = [
      [{ id: "a", type: "t", data: NaN }, /job a/],
      [{ id: "a", type: "t", data: undefined }, /job a/],
      [{ id: "a", type: "t", data: new Date(0) }, /job a/],
      [{ id: "a", type: "t", data: "x".repeat(2 ** 20) }, /job a/],
      [{ id: "a b", type: "t", data: 1 }, /a b/],
      [{ id: "", type: "t", data: 1 }, /id/],
    ];
    for (const [job, message] of refused) {
      assertMatch((await assertRejects(() => put(job), QueueError)).message, message);
    }
    assertEquals((await queue.counts()).waiting, 0);
  }));

Deno.test("a damaged file, a missing folder and a closed queue are errors that say so", () =>
  withFile(async (file) => {
    await Deno.writeTextFile(file, "no database ".repeat(500));
    assertMatch((await assertRejects(() => open(file), QueueError)).message, /damaged, or is no SQLite file/);
    await assertRejects(() => open(`${file}/none/queue.db`), QueueError);
    await Deno.remove(file);
    const queue = await open(file);
    await queue.close();
    await queue.close();
    assertMatch((await assertRejects(() => queue.put(jobs(1)), QueueError)).message, /is closed/);
  }));

Deno.test({
  name: "workers that are killed with kill -9 at any moment lose no job and store no result twice",
  ignore: !await hasCommand("deno"),
  fn: () =>
    withFile(async (file) => {
      await using queue = await open(file, { maxAttempts: 50 });
      await queue.put(jobs(1000));
      const module = new URL("embedded_queue.ts", import.meta.url).href;
      const program = `
        import { open } from "${module}";
        await using queue = await open(${JSON.stringify(file)}, { maxAttempts: 50 });
        for (;;) {
          const leases = await queue.claim({ count: 5, leaseMs: 300, waitMs: 1500 });
          if (leases.length === 0) break;
          await new Promise((later) => setTimeout(later, 30));
          await queue.ack(leases.map((lease) => ({ lease, result: lease.data ** 2 })));
        }`;
      const start = () => {
        const child = new Deno.Command("deno", {
          args: ["run", "--no-prompt", "--allow-read", "--allow-write", "--ext=ts", "-"],
          stdin: "piped",
          stdout: "null",
          stderr: "inherit",
        }).spawn();
        void new Response(program).body!.pipeTo(child.stdin).catch(() => {});
        return child;
      };
      for (let round = 0; round < 4; round++) {
        const victims = [start(), start()];
        await new Promise((later) => setTimeout(later, 350));
        for (const victim of victims) victim.kill("SIGKILL");
        await Promise.all(victims.map(({ status }) => status));
      }
      const between = await queue.counts();
      assert(between.done > 0 && between.done < 1000, `${between.done} are done: nobody was killed at work`);
      const last = [start(), start()];
      for (const { status } of last) assertEquals((await status).code, 0);
      assertEquals(await queue.counts(), { waiting: 0, active: 0, done: 1000, dead: 0 });
      assertEquals(await collect(queue), Object.fromEntries(jobs(1000).map(({ id }, i) => [id, i * i])));
    }),
});

Deno.test("two handles on one file never hold the same job", () =>
  withQueue(async (queue, file) => {
    await using other = await open(file);
    await queue.put(jobs(200));
    const held: Lease[] = [];
    for (let more = true; more;) {
      const [a, b] = [await queue.claim({ count: 3 }), await other.claim({ count: 2 })];
      held.push(...a, ...b);
      more = a.length + b.length > 0;
    }
    assertEquals(held.length, 200);
    assertEquals(new Set(held.map(({ id }) => id)).size, 200);
  }));
