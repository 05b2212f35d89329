import { assert, assertEquals, assertInstanceOf, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { parseHeader, runScript } from "../../bench/lib/script.ts";
import { openEcho, prepare, type Way, ways } from "./message_cost.ts";
import { Pool, tasks, WorkerLost } from "./pool.ts";
import { experiment } from "./pool_size.ts";
import { openPool as openTinypool } from "./pool_tinypool.ts";
import { startProcess, startWorker } from "./threads_or_processes.ts";

const module = import.meta.resolve("./pool.ts");
const open = (options: { size?: number; batch?: number } = {}) =>
  new Pool<typeof tasks>(module, { size: 2, ...options });

/** The sieve of Eratosthenes: how many primes there are below `limit`. */
function sieve(limit: number): number {
  const composite = new Uint8Array(limit);
  let count = 0;
  for (let n = 2; n < limit; n++) {
    if (composite[n]) continue;
    count++;
    for (let multiple = n * n; multiple < limit; multiple += n) composite[multiple] = 1;
  }
  return count;
}

Deno.test("a map gives each result once and in order, whatever the sizes of pool and batches", async () => {
  const inputs = Array.from({ length: 237 }, (_, i) => i);
  for (const size of [1, 2, 5]) {
    for (const batch of [1, 7, 1000]) {
      await using pool = open({ size, batch });
      assertEquals(await Array.fromAsync(pool.map("echo", inputs)), inputs, `${size} workers, batches of ${batch}`);
      assertEquals(await Array.fromAsync(pool.map("echo", [])), []);
    }
  }
});

Deno.test("both pools count the primes that a sieve finds, in tasks of uneven length", async () => {
  const limit = 20_011, ends = [0, 1, 2, 3, 100, 101, 5000, 19_999, limit];
  const ranges = ends.slice(1).map((end, i) => [ends[i], end] as [number, number]);
  const sum = (counts: number[]) => counts.reduce((sum, count) => sum + count, 0);
  await using pool = open({ batch: 3 });
  assertEquals(sum(await Array.fromAsync(pool.map("countPrimes", ranges))), sieve(limit));
  const tinypool = await openTinypool(2);
  try {
    assertEquals(sum(await tinypool.map("countPrimes", ranges)), sieve(limit));
    const error = await assertRejects(() => tinypool.run("fail", "on purpose"), Error, "on purpose");
    assertMatch(error.stack!, /pool_tinypool\.ts/);
  } finally {
    await tinypool.close();
  }
});

Deno.test("a map asks for inputs only as far ahead as it was told", async () => {
  await using pool = open();
  let asked = 0, taken = 0;
  function* inputs() {
    for (; asked < 100; asked++) yield asked;
  }
  for await (const _ of pool.map("echo", inputs(), { ahead: 6 })) {
    taken++;
    assert(asked - taken < 6, `${asked} asked for and ${taken} taken`);
  }
  assertEquals(taken, 100);
});

Deno.test("buffers are handed over in both directions and not copied", async () => {
  await using pool = open();
  const numbers = Float64Array.of(1, 2.5, -3), result = pool.run("double", numbers, { transfer: [numbers.buffer] });
  await Promise.resolve();
  await Promise.resolve();
  assertEquals(numbers.length, 0);
  assertEquals(await result, Float64Array.of(2, 5, -6));
});

Deno.test("a task that throws rejects with its error, stack and cause, and its neighbours are done", async () => {
  for (const batch of [1, 10]) {
    await using pool = open({ batch });
    const results = await Promise.allSettled([
      pool.run("echo", 1),
      pool.run("fail", "on purpose"),
      pool.run("echo", 3),
    ]);
    assertEquals(results.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled"]);
    const { reason } = results[1] as PromiseRejectedResult;
    assertInstanceOf(reason, RangeError);
    assertEquals([reason.message, reason.cause], ["on purpose", "this is what the task is for"]);
    assertMatch(reason.stack!, /fail.*pool\.ts/s);
  }
});

for (const how of ["close", "exit", "uncaught"] as const) {
  Deno.test(`a worker ended by ${how} loses its one task; it is replaced, and the rest is done`, async () => {
    for (const batch of [1, 8]) {
      const pool = open({ batch });
      const others = Array.from({ length: 30 }, (_, i) => i), half = others.slice(0, 15), rest = others.slice(15);
      const start = half.map((i) => pool.run("echo", i)), lost = pool.run("die", how);
      const end = rest.map((i) => pool.run("echo", i));
      const error = await assertRejects(() => lost, WorkerLost, "the worker ended");
      if (how === "uncaught") assertMatch(`${error.message}`, /nobody catches this/);
      assertEquals(await Promise.all([...start, ...end]), others);
      await pool.close();
    }
  });
}

Deno.test("an abort rejects with its reason, ends the worker in the middle, and spares the others", async () => {
  const pool = open({ size: 1, batch: 3 });
  const abort = new AbortController();
  const endless = pool.run("sleep", 1e6, { signal: abort.signal }).catch((reason) => reason);
  const behind = [pool.run("echo", 1), pool.run("echo", 2)];
  const queued = pool.run("sleep", 1e6, { signal: abort.signal }).catch((reason) => reason);
  await new Promise((later) => setTimeout(later, 100));
  abort.abort("enough");
  assertEquals([await endless, await queued], ["enough", "enough"]);
  assertEquals(await Promise.all(behind), [1, 2]);
  await assertRejects(() => pool.run("echo", 3, { signal: AbortSignal.abort(new Error("before")) }), Error, "before");
  const mapped = pool.map("sleep", [0, 1e6, 1e6], { signal: AbortSignal.timeout(100) });
  await assertRejects(() => Array.fromAsync(mapped), DOMException);
  assertEquals(await pool.run("echo", 4), 4);
  await pool.close();
});

Deno.test("whoever leaves a map early stops what is under way, and the pool goes on", async () => {
  const pool = open();
  for await (const first of pool.map("echo", [1, 2, 3])) {
    assertEquals(first, 1);
    break;
  }
  await assertRejects(() => Array.fromAsync(pool.map("fail", ["a", "b", "c"])), RangeError, "a");
  assertEquals(await pool.run("echo", 5), 5);
  await pool.close();
});

Deno.test("what cannot be copied is the fault of its own task", async () => {
  await using pool = open({ batch: 5 });
  const results = await Promise.allSettled([1, () => 1, 3].map((input) => pool.run("echo", input as number)));
  assertEquals(results.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled"]);
  // deno-lint-ignore no-explicit-any
  await assertRejects(() => pool.run("none such" as any, 1 as never), TypeError, "no task none such");
});

Deno.test("close finishes what was handed in and takes nothing more; stop rejects it", async () => {
  const pool = open({ size: 3 });
  const results = Promise.all(Array.from({ length: 20 }, (_, i) => pool.run("echo", i)));
  await pool.close();
  assertEquals((await results).length, 20);
  await assertRejects(() => pool.run("echo", 1), Error, "the pool is closed");
  await pool.close();
  const stopped = open(), lost = stopped.run("sleep", 1e6).catch((reason) => reason);
  stopped.stop("no more");
  assertEquals(await lost, "no more");
});

Deno.test("a pool whose module does not load rejects its tasks and does not try for ever", async () => {
  const pool = new Pool(import.meta.resolve("./no_such_file.ts"), { size: 2 });
  await assertRejects(() => pool.run("echo", 1), WorkerLost);
});

Deno.test("a pool of no workers, of part of one or of a thousand is refused", () => {
  for (const size of [0, -1, 2.5, 1000, NaN]) assertThrows(() => open({ size }), RangeError, "from 1 to 64");
  assertThrows(() => open({ batch: 0 }), RangeError, "batch 0");
});

Deno.test("messages come back as they were sent; what is shared is the same memory", async () => {
  const echo = await openEcho();
  try {
    for (const way of Object.keys(ways) as Way[]) {
      const { call, message } = prepare(echo, way, 16);
      await call();
      assertEquals(message(), ways[way](16), way);
    }
    const shared = ways.share(4), back = await echo.roundTrip(shared);
    shared[2] = 99;
    assertEquals(back[2], 99);
    const given = ways.transfer(4);
    await echo.roundTrip(given, [given.buffer]);
    assertEquals(given.length, 0);
  } finally {
    await echo.close();
  }
});

Deno.test("every size of pool does every task once", async () => {
  for (const workers of [1, 3]) {
    const { run, close } = await experiment(workers);
    assertEquals(await run({ tasks: 7, below: 1000, wait: 1 }), 7 * sieve(1000));
    assertEquals(await run({ tasks: 0, below: 1000, wait: 0 }), 0);
    await close();
  }
});

Deno.test("a worker and a process answer alike, and a killed process rejects what it had", async () => {
  const servers = [await startWorker(), await startProcess()];
  for (const server of servers) {
    const answers = await Promise.all([server.countPrimes(0, 1000), server.countPrimes(1000, 5000), server.memory()]);
    assertEquals(answers[0] + answers[1], sieve(5000));
    assert(answers[2] > 2 ** 20);
    await server.close();
  }
  const victim = await startProcess(), lost = assertRejects(() => victim.countPrimes(0, 1e9), Error, "SIGKILL");
  victim.kill();
  await lost;
  await victim.close();
});

// In a process of its own: tests of other files may have workers in this one.
Deno.test({
  name: "after deaths, aborts, errors, early exits and stops, a closed pool has left no thread",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const code = `import { Pool } from ${JSON.stringify(module)};
      const workers = () => [...Deno.readDirSync("/proc/self/task")].filter(({ name }) => {
        try { return Deno.readTextFileSync("/proc/self/task/" + name + "/comm").startsWith("worker-"); }
        catch { return false; }
      }).length;
      const open = (options) => new Pool(${JSON.stringify(module)}, options);
      const pool = open({ size: 3 }), sizes = [];
      await Promise.all([1, 2, 3, 4, 5, 6].map((i) => pool.run("echo", i)));
      sizes.push(workers());
      const faults = ["close", "exit", "uncaught"].map((how) => pool.run("die", how));
      faults.push(pool.run("sleep", 1e6, { signal: AbortSignal.timeout(50) }), pool.run("fail", "x"));
      await Promise.allSettled(faults);
      for await (const _ of pool.map("echo", [1, 2, 3, 4])) break;
      await Array.fromAsync(pool.map("fail", ["a", "b"])).catch(() => {});
      sizes.push(await pool.run("echo", 7));
      await pool.close();
      const stopped = open({ size: 2 }), lost = stopped.run("sleep", 1e6).catch(() => {});
      stopped.stop();
      await lost;
      await open({ size: 2 }).close();
      for (let i = 0; i < 100 && workers() > 0; i++) await new Promise((later) => setTimeout(later, 20));
      console.log(...sizes, workers());`;
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args: ["eval", code] }).output();
    assert(success, new TextDecoder().decode(stderr));
    assertEquals(new TextDecoder().decode(stdout), "3 7 0\n");
  },
});

Deno.test("Ctrl-C ends a script with busy workers at once", async () => {
  const code = `import { Pool } from ${JSON.stringify(module)};
    const pool = new Pool(${JSON.stringify(module)}, { size: 2 });
    for (let i = 0; i < 4; i++) pool.run("countPrimes", [0, 1e9]);
    await pool.run("echo", 1).catch(() => {});`;
  const args = ["eval", code];
  const child = new Deno.Command(Deno.execPath(), { args, stdin: "null", stdout: "null", stderr: "null" }).spawn();
  await new Promise((later) => setTimeout(later, 600));
  child.kill("SIGINT");
  assertEquals((await child.status).signal, "SIGINT");
});

Deno.test("scripts with workers refuse what is no number of them", async () => {
  const cwd = new URL("../../", import.meta.url);
  for (const name of ["pool.ts", "pool_tinypool.ts"]) {
    const { run } = parseHeader(await Deno.readTextFile(new URL(name, import.meta.url)));
    for (const value of ["0", "-1", "1000", "two"]) {
      const { code, stdout, stderr } = await runScript(run, { cwd, more: [`--workers=${value}`] });
      const message = `error: --workers ${value}: must be a whole number from 1 to 64\n`;
      assertEquals([code, stdout, stderr], [2, "", message]);
    }
  }
});
