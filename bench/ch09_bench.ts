/**
 * `deno bench` over chapter 9: what asynchronous code costs where there is nothing to wait for. `deno task bench` allows
 * connections to this machine; a plain `deno bench` asks for nothing and leaves the clients out.
 *
 * @run deno bench --allow-net=127.0.0.1 bench/ch09_bench.ts
 * @takes 20 s
 */

import { crawl as nodeAgent } from "../ch09/crawler/crawl_node_agent.ts";
import { crawl as pooled } from "../ch09/crawler/crawl_pooled.ts";
import { crawl as semaphore } from "../ch09/crawler/crawl_semaphore.ts";
import { crawl as serial } from "../ch09/crawler/crawl_serial.ts";
import { crawl as tcp } from "../ch09/crawler/crawl_tcp.ts";
import { crawl as unbounded } from "../ch09/crawler/crawl_unbounded.ts";
import { askAtOnce, ways } from "../ch09/paradigms/callbacks_promises_async.ts";
import { experiment as tellers, ways as events } from "../ch09/paradigms/events.ts";
import { TaskGroup } from "../ch09/paradigms/task_group.ts";
import { group } from "./lib/bench.ts";

const count = 1000;
await group(
  `${count} answers that are there at once`,
  Object.fromEntries(Object.entries(ways).map(([name, way]) => [name, () => way(askAtOnce, count)])),
  Object.keys(ways)[0],
);

await group(
  "telling 10 listeners",
  Object.fromEntries(
    (Object.keys(events) as (keyof typeof events)[]).map((name) => {
      const { tell } = tellers(name, 10);
      return [name, () => tell(1)];
    }),
  ),
  Object.keys(events)[0],
);

const tasks = Array.from({ length: 100 }, (_, i) => i);
await group("100 tasks that end at once", {
  promise_all: () => Promise.all(tasks.map((i) => Promise.resolve(i))),
  task_group: async () => {
    await using all = new TaskGroup();
    for (const i of tasks) all.spawn(() => i);
  },
}, "promise_all");

if ((await Deno.permissions.query({ name: "net", host: "127.0.0.1" })).state === "granted") {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => new Response("here"));
  const urls = Array.from({ length: 100 }, (_, i) => `http://127.0.0.1:${server.addr.port}/${i}`);
  const options = { concurrency: 10 };
  await group("100 requests that are answered at once, 10 at a time", {
    serial: () => serial(urls),
    unbounded: () => unbounded(urls),
    pooled: () => pooled(urls, options),
    semaphore: () => semaphore(urls, options),
    node_agent: () => nodeAgent(urls, options),
    tcp: () => tcp(urls, options),
  }, "serial");
  server.unref();
}
