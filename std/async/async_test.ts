import { assert, assertEquals, assertLess, assertRejects } from "jsr:@std/assert@1";
import { abortable, deadline, delay, pooledMap } from "jsr:@std/async@1";
import { delay as delayAlone } from "jsr:@std/async@1/delay";
import { pooledMap as pooledMapAlone } from "jsr:@std/async@1/pool";

Deno.test("delay resolves after the given time.", async () => {
  const start = performance.now();
  assertEquals(await delayAlone(20), undefined);
  assert(performance.now() - start >= 15);
});

Deno.test("delay rejects with the reason of its signal, before and while waiting.", async () => {
  const controller = new AbortController();
  const waiting = delay(10_000, { signal: controller.signal });
  controller.abort(new Error("no longer needed"));
  await assertRejects(() => waiting, Error, "no longer needed");
  await assertRejects(() => delay(10_000, { signal: controller.signal }), Error, "no longer needed");
  const error = await assertRejects(() => delay(10_000, { signal: AbortSignal.abort() }), DOMException);
  assertEquals(error.name, "AbortError");
});

Deno.test("A delay that is not persistent resolves as well.", async () => {
  await Promise.all([delay(1, { persistent: false }), delay(10)]);
});

Deno.test("deadline passes a value or an error on if they come in time.", async () => {
  assertEquals(await deadline(Promise.resolve("value"), 1000), "value");
  await assertRejects(() => deadline(Promise.reject(new RangeError("own error")), 1000), RangeError, "own error");
});

Deno.test("deadline rejects with a TimeoutError when the time is over.", async () => {
  const controller = new AbortController();
  const slow = delay(10_000, controller);
  const start = performance.now();
  const error = await assertRejects(() => deadline(slow, 20), DOMException);
  assertEquals(error.name, "TimeoutError");
  assertLess(performance.now() - start, 5000);
  controller.abort();
  await assertRejects(() => slow);
});

Deno.test("deadline rejects with the reason of its signal.", async () => {
  const never = new Promise<void>(() => {});
  await assertRejects(() => deadline(never, 1000, { signal: AbortSignal.abort(new Error("stop")) }), Error, "stop");
});

Deno.test("abortable ends the wait for a promise with the reason of its signal.", async () => {
  const controller = new AbortController();
  const never = new Promise<number>(() => {});
  const waiting = abortable(never, controller.signal);
  controller.abort(new Error("stop"));
  await assertRejects(() => waiting, Error, "stop");
  await assertRejects(async () => await abortable(never, AbortSignal.abort(new Error("before"))), Error, "before");
  assertEquals(await abortable(Promise.resolve(1), new AbortController().signal), 1);
});

Deno.test("abortable ends an async iteration with the reason of its signal.", async () => {
  const controller = new AbortController();
  async function* items() {
    yield 1;
    yield 2;
    await new Promise(() => {});
  }
  const seen: number[] = [];
  await assertRejects(
    async () => {
      for await (const item of abortable(items(), controller.signal)) {
        seen.push(item);
        if (seen.length === 2) setTimeout(() => controller.abort(new Error("stop")), 1);
      }
    },
    Error,
    "stop",
  );
  assertEquals(seen, [1, 2]);
});

Deno.test("pooledMap keeps the order of the items and the limit.", async () => {
  let underWay = 0;
  let most = 0;
  const results = pooledMapAlone(3, [30, 5, 20, 1, 10, 2], async (ms) => {
    most = Math.max(most, ++underWay);
    await delay(ms);
    underWay--;
    return `${ms} ms`;
  });
  assertEquals(await Array.fromAsync(results), ["30 ms", "5 ms", "20 ms", "1 ms", "10 ms", "2 ms"]);
  assertEquals(most, 3);
});

Deno.test("pooledMap takes async iterables and goes to work before its results are read.", async () => {
  async function* items() {
    yield* [1, 2, 3];
  }
  const begun: number[] = [];
  const results = pooledMap(2, items(), (item) => {
    begun.push(item);
    return Promise.resolve(item * 2);
  });
  await delay(10);
  assertEquals(begun, [1, 2, 3]);
  assertEquals(await Array.fromAsync(results), [2, 4, 6]);
});

Deno.test("pooledMap finishes what is under way after a failure, then throws all errors at once.", async () => {
  const begun: number[] = [];
  const seen: number[] = [];
  const error = await assertRejects(
    async () => {
      const results = pooledMap(3, [1, 2, 3, 4], async (item) => {
        begun.push(item);
        if (item < 3) throw new Error(`no ${item}`);
        await delay(10);
        return item;
      });
      for await (const result of results) seen.push(result);
    },
    AggregateError,
    "Cannot complete the mapping as an error was thrown from an item",
  );
  assertEquals(error.errors.map((each) => each.message), ["no 1", "no 2"]);
  assertEquals(begun, [1, 2, 3]);
  assertEquals(seen, [3]);
});

Deno.test("pooledMap catches what the function throws at once.", async () => {
  const results = pooledMap(2, [1], (): Promise<number> => {
    throw new RangeError("at once");
  });
  const error = await assertRejects(() => Array.fromAsync(results), AggregateError);
  assertEquals(error.errors.map(String), ["RangeError: at once"]);
});

Deno.test("pooledMap throws from its iterator if the iterable of items fails.", async () => {
  async function* items() {
    yield 1;
    await Promise.reject(new Error("no more items"));
  }
  const seen: number[] = [];
  await assertRejects(
    async () => {
      for await (const result of pooledMap(2, items(), (item) => Promise.resolve(item))) seen.push(result);
    },
    AggregateError,
  );
  assertEquals(seen, [1]);
});
