import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { type Job, open, QueueError } from "./embedded_queue.ts";

const jobs = (count: number): Job[] =>
  Array.from({ length: count }, (_, i) => ({ id: `${i}`, type: "square", data: i }));

async function withFile(test: (file: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(`${folder}/queue.db`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Sets the clock on the wall forward or back, as this process sees it, while `test` runs. */
async function withWall(jump: number, test: () => Promise<void>): Promise<void> {
  const real = Date.now;
  Date.now = () => real() + jump;
  try {
    await test();
  } finally {
    Date.now = real;
  }
}

const later = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const hour = 3_600_000;

for (const jump of [-hour, hour]) {
  const way = jump > 0 ? "forward" : "back";
  Deno.test(`the wall's clock is set ${way} by an hour: leases end when they would have`, () =>
    withFile(async (file) => {
      await using queue = await open(file);
      await queue.put(jobs(2));
      const [long] = await queue.claim({ leaseMs: 60_000 });
      await queue.claim({ leaseMs: 100 });
      await withWall(jump, async () => {
        assertEquals(await queue.claim(), []);
        await using newcomer = await open(file);
        assertEquals(await newcomer.claim(), [], "one that opens after the jump has the queue's clock too");
        await later(110);
        assertEquals((await newcomer.claim({ leaseMs: 60_000 })).map(({ id, attempt }) => [id, attempt]), [["1", 2]]);
        assertEquals(await queue.claim(), [], "and the first sees the newcomer's lease for what it is");
        assertEquals(await queue.ack([{ lease: long }]), [true]);
      });
    }));
}

Deno.test("one that opened between a jump and its correction follows the others", () =>
  withFile(async (file) => {
    await using queue = await open(file);
    await queue.put(jobs(1));
    const [lease] = await queue.claim({ leaseMs: 60_000 });
    await withWall(hour, async () => {
      await using early = await open(file);
      assertEquals(await queue.extend(lease), true);
      assertEquals(await early.claim(), []);
    });
  }));

Deno.test("the wall was set back while no process was there: jobs that wait can be claimed at once", () =>
  withFile(async (file) => {
    await (await open(file).then(async (queue) => (await queue.put(jobs(1)), queue))).close();
    await withWall(-hour, async () => {
      await using queue = await open(file);
      assertEquals((await queue.claim()).length, 1);
    });
  }));

Deno.test("of two holders of one job the later one's result is stored, the earlier one's is refused", () =>
  withFile(async (file) => {
    await using queue = await open(file);
    await using other = await open(file);
    await queue.put(jobs(1));
    const [first] = await queue.claim({ leaseMs: 1 });
    const [second] = await other.claim({ leaseMs: 60_000, waitMs: 1000 });
    assertEquals([first.attempt, second.attempt], [1, 2]);
    assertEquals(await queue.ack([{ lease: first, result: "first" }]), [false]);
    assertEquals([await queue.extend(first), await queue.retry(first, "late"), await queue.bury(first, "late")], [
      false,
      "lost",
      false,
    ]);
    assertEquals(await other.ack([{ lease: second, result: "second" }]), [true]);
    assertEquals(await other.ack([{ lease: second, result: "twice" }]), [false]);
    assertEquals(await Array.fromAsync(queue.results()), [{ id: "0", result: "second" }]);
  }));

Deno.test("a job that has used up its attempts does not hide one behind it that has not", () =>
  withFile(async (file) => {
    await using queue = await open(file, { maxAttempts: 2 });
    await queue.put(jobs(2));
    await queue.claim({ leaseMs: 1 });
    await later(5);
    assertEquals((await queue.claim({ count: 2, leaseMs: 1 })).map(({ attempt }) => attempt), [2, 1]);
    await later(5);
    assertEquals((await queue.claim()).map(({ id, attempt }) => [id, attempt]), [["1", 2]]);
    const [{ job, error, attempts }] = await Array.fromAsync(queue.deadLetters());
    assertEquals([job.id, error, attempts], ["0", "the lease ended 2 times without a result", 2]);
  }));

Deno.test("a file that another process keeps locked is an error after a while, and none once it is let go", () =>
  withFile(async (file) => {
    await using queue = await open(file, { patienceMs: 50 });
    const other = new DatabaseSync(file);
    other.exec("begin immediate");
    const { message } = await assertRejects(() => queue.put(jobs(1)), QueueError);
    assert(message.startsWith(`${file} is locked`), message);
    assertEquals(await queue.counts(), { waiting: 0, active: 0, done: 0, dead: 0 });
    other.exec("commit");
    other.close();
    assertEquals(await queue.put(jobs(1)), 1);
  }));

Deno.test("a damaged page is an error that names the file", () =>
  withFile(async (file) => {
    const fill = await open(file);
    await fill.put(jobs(2000));
    await fill.close();
    const bytes = await Deno.readFile(file);
    for (let i = 4096; i < bytes.length; i++) bytes[i] = 0xff;
    await Deno.writeFile(file, bytes);
    const use = async () => {
      await using queue = await open(file);
      await queue.claim({ count: 2000 });
    };
    assertMatch((await assertRejects(use, QueueError)).message, /queue\.db is damaged/);
  }));
