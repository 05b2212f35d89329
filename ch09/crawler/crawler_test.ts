import { assert, assertEquals, assertMatch, assertNotEquals, assertRejects } from "@std/assert";
import { delay as wait } from "@std/async/delay";
import { isRunning } from "../../bench/lib/processes.ts";
import { parseHeader, runScript } from "../../bench/lib/script.ts";
import { hasCommand } from "../../bench/lib/command.ts";
import { crawl as nodeAgent } from "./crawl_node_agent.ts";
import { crawl as pooled } from "./crawl_pooled.ts";
import { crawl as reliably, faults, type Outcome, seeded, startFaultyServer } from "./crawl_reliably.ts";
import { crawl as semaphore, Semaphore } from "./crawl_semaphore.ts";
import { crawl as serial } from "./crawl_serial.ts";
import { crawl as tcp } from "./crawl_tcp.ts";
import { crawl as unbounded } from "./crawl_unbounded.ts";
import { lateness, mostAtOnce, type Served, startServer } from "./delaying_server.ts";

const bounded = { pooled, semaphore, nodeAgent, tcp };
const clients = { serial, unbounded, ...bounded };
const root = new URL("../../", import.meta.url);
const ignore = !await hasCommand("deno");

const commandOf = async (name: string) =>
  parseHeader(await Deno.readTextFile(new URL(`${name}.ts`, import.meta.url))).run;

Deno.test({
  name: "every client brings every answer in order, asks once for each, and keeps to its bound",
  ignore,
  async fn() {
    await using server = await startServer();
    for (const [name, crawl] of Object.entries(clients)) {
      // Unlike delays, so that the answers do not come in the order of the requests.
      const urls = Array.from({ length: 60 }, (_, id) => server.address(id, 1 + (7 * id) % 20));
      const bodies = await crawl(urls, { concurrency: 7 });
      assertEquals(bodies, Array.from({ length: 60 }, (_, id) => `${id * id}`), name);
      const served = await server.takeServed();
      assertEquals(served.map(({ id }) => id).sort((a, b) => a - b), Array.from({ length: 60 }, (_, id) => id), name);
      const most = mostAtOnce(served), connections = new Set(served.map(({ connection }) => connection)).size;
      if (name === "serial") assertEquals([most, connections], [1, 1]);
      else if (name === "unbounded") assert(most > 7, `${most} at once`);
      else assert(most <= 7 && most > 1, `${name}: ${most} at once`);
      if (name === "nodeAgent" || name === "tcp") assertEquals(connections, 7, name);
      assertEquals(await crawl([], { concurrency: 7 }), [], name);
    }
    await nodeAgent(Array.from({ length: 30 }, (_, id) => server.address(id, 0)), { concurrency: 3, keepAlive: false });
    assertEquals(new Set((await server.takeServed()).map(({ connection }) => connection)).size, 30);
  },
});

Deno.test("a bound that is no whole number from 1 to 2,000 is refused, and so are more addresses than that at once", async () => {
  for (const [name, crawl] of Object.entries({ ...bounded, reliably })) {
    for (const concurrency of [0, -1, 1.5, NaN, Infinity, 1e6]) {
      const error = await assertRejects(() => crawl(["http://127.0.0.1/"], { concurrency }), RangeError);
      assertEquals(error.message, `concurrency ${concurrency}: must be a whole number from 1 to 2000`, name);
    }
  }
  await assertRejects(() => unbounded(Array(2001).fill("http://127.0.0.1/")), RangeError, "2001 addresses at once");
});

Deno.test("every client rejects what is no address, a port where nobody listens, a status and a broken answer", async () => {
  using server = await startFaultyServer();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  const refused = [
    "nonsense",
    `http://127.0.0.1:${port}/`,
    ...["missing", "drop", "half"].map((fault) => `${server.url}?id=3&fault=${fault}`),
  ];
  for (const [name, crawl] of Object.entries(clients)) {
    for (const url of refused) {
      const error = await assertRejects(() => crawl([url, url], { concurrency: 2 }), Error, "", `${name}: ${url}`);
      assertNotEquals(error.message, "", name);
    }
    // After all that the server and the client are as good as before.
    assertEquals(await crawl([`${server.url}?id=12`], { concurrency: 1 }), ["144"], name);
  }
});

Deno.test("every client comes to its end with the reason when the signal is given, before and while it waits", async () => {
  using server = await startFaultyServer();
  const silent = Array.from({ length: 5 }, (_, id) => `${server.url}?id=${id}&fault=silent`);
  for (const [name, crawl] of Object.entries(clients)) {
    const early = AbortSignal.abort(new Error("never mind"));
    const reasonOf = (error: Error) => [error, ...error instanceof AggregateError ? error.errors : [], error.cause];
    const check = async (signal: AbortSignal) => {
      const error = await assertRejects(() => crawl(silent, { concurrency: 2, signal }), Error);
      assert(reasonOf(error).includes(signal.reason), `${name}: ${error}`);
    };
    await check(early);
    const later = new AbortController();
    setTimeout(() => later.abort(new Error("enough")), 30);
    await check(later.signal);
  }
});

Deno.test("with a semaphore and over TCP the first failure breaks off what would never end", async () => {
  using server = await startFaultyServer();
  const urls = [
    `${server.url}?id=1&fault=silent`,
    `${server.url}?id=2&fault=missing`,
    `${server.url}?id=3&fault=silent`,
  ];
  for (const crawl of [semaphore, tcp, nodeAgent]) {
    await assertRejects(() => crawl(urls, { concurrency: 2 }), Error, "status 404");
  }
});

Deno.test("the client over TCP refuses other protocols and several hosts", async () => {
  for (const urls of [["https://127.0.0.1/"], ["http://127.0.0.1/", "http://127.0.0.2/"]]) {
    await assertRejects(() => tcp(urls, { concurrency: 1 }), TypeError, "must be of http and of one host");
  }
});

Deno.test("the client over TCP reads answers cut anywhere, counts bytes, and refuses what it does not know", async () => {
  const answers = [
    ["HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n€uro", "HTTP/1.1 200 OK\r\nX: y\r\ncontent-length:0\r\n\r\n"],
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"],
    ["HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n" + "x".repeat(70_000)],
  ];
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const serving = (async () => {
    for (const texts of answers) {
      using connection = await listener.accept();
      for (const text of texts) {
        await connection.read(new Uint8Array(1000));
        const bytes = new TextEncoder().encode(text), size = texts.length > 1 ? 1 : bytes.length;
        for (let i = 0; i < bytes.length; i += size) {
          await connection.write(bytes.subarray(i, i + size));
          await wait(0);
        }
      }
    }
  })();
  const url = `http://127.0.0.1:${port}/`;
  assertEquals(await tcp([url, url], { concurrency: 1 }), ["€uro", ""]);
  await assertRejects(() => tcp([url], { concurrency: 1 }), Error, "has no Content-Length");
  await assertRejects(() => tcp([url], { concurrency: 1 }), Error, "is longer than 65536 bytes");
  await serving;
});

Deno.test("a semaphore lets in as many as it has places, in order, and loses none of them to an error", async () => {
  const places = new Semaphore(2), order: number[] = [];
  let inside = 0, most = 0;
  const outcomes = await Promise.allSettled(Array.from({ length: 20 }, async (_, i) => {
    using _place = await places.acquire();
    order.push(i);
    most = Math.max(most, ++inside);
    await wait(1);
    inside--;
    if (i % 3 === 0) throw new Error("third");
  }));
  assertEquals(most, 2);
  assertEquals(order, Array.from({ length: 20 }, (_, i) => i));
  assertEquals(outcomes.filter(({ status }) => status === "rejected").length, 7);
  assert(await Promise.race([places.acquire(), wait(1000)]), "a place was lost");
});

Deno.test("how many were under way at once is counted from starts and ends", () => {
  const served = (...times: [number, number][]) =>
    times.map(([start, end], id): Served => ({ id, start, end, delay: 1, connection: 1 }));
  assertEquals(mostAtOnce([]), 0);
  assertEquals(mostAtOnce(served([0, 1], [1, 2], [2, 3])), 1);
  assertEquals(mostAtOnce(served([0, 5], [1, 2], [1.5, 6], [5, 7])), 3);
  assertEquals(lateness(served([0, 5], [1, 2.5])), [0.5, 4]);
});

Deno.test("the same seed brings the same waits, from 0 up to 1", () => {
  const one = seeded(9), same = seeded(9), other = seeded(10);
  const numbers = Array.from({ length: 1000 }, one);
  assertEquals(numbers, Array.from({ length: 1000 }, same));
  assertNotEquals(numbers, Array.from({ length: 1000 }, other));
  assert(numbers.every((number) => number >= 0 && number < 1));
  const mean = numbers.reduce((sum, number) => sum + number) / 1000;
  assert(Math.abs(mean - 0.5) < 0.05, `${mean}`);
});

Deno.test("the waits between tries are drawn from an interval that doubles up to its bound", async () => {
  using server = await startFaultyServer();
  let drawn = 0;
  // With the largest number each time the waits are the bounds themselves: 20, 40, 50 and 50 ms.
  const random = () => (drawn++, 1);
  const start = performance.now();
  const options = { concurrency: 1, tries: 5, firstWait: 20, longestWait: 50, random };
  const [outcome] = await reliably([`${server.url}?id=1&fault=unavailable`], options);
  assertEquals([outcome.state, outcome.tries, drawn], ["failed", 5, 4]);
  assert(performance.now() - start >= 155, "it did not wait");
});

Deno.test("each fault ends as it must, in its place, with its reason and as many tries as the server saw", async () => {
  using server = await startFaultyServer();
  const silent = 150, kinds = Object.values(faults);
  const urls = kinds.map((query, id) => `${server.url}?id=${id}${query}`);
  const outcomes = await reliably(urls, { concurrency: 10, tries: 3, timeout: silent, firstWait: 1 });
  const seen = await server.countTries();
  const expected: Record<keyof typeof faults, [string, number, RegExp?]> = {
    "none": ["fulfilled", 1],
    "503 twice": ["fulfilled", 3],
    "503 always": ["failed", 3, /^status 503$/],
    "404 always": ["failed", 1, /^status 404$/],
    "connection dropped twice": ["fulfilled", 3],
    "connection dropped always": ["failed", 3, /./],
    "half a body once": ["fulfilled", 2],
    "half a body always": ["failed", 3, /./],
    "no answer once": ["fulfilled", 2],
    "no answer ever": ["failed", 3, /^not done within 150 ms$/],
  };
  Object.entries(expected).forEach(([name, [state, tries, reason]], id) => {
    const outcome = outcomes[id];
    assertEquals([outcome.url, outcome.state], [urls[id], state], name);
    if (outcome.state === "fulfilled") assertEquals(outcome.body, `${id ** 2}`);
    if (outcome.state === "failed") assertMatch(outcome.reason, reason!);
    const count = seen[urls[id].slice(server.url.length - 1)];
    // fetch itself repeats a request whose connection was a kept one: the server sees more then, and we need fewer tries.
    if (name.startsWith("connection dropped")) assert(outcome.tries <= tries && count >= outcome.tries, name);
    else assertEquals([outcome.tries, count], [tries, tries], name);
  });
});

Deno.test("cancelled at any moment, every address has one outcome, and the server is left alone", async () => {
  using server = await startFaultyServer();
  const kinds = Object.values(faults), states = new Set<Outcome["state"]>();
  for (const [round, after] of [0, 10, 60, 300].entries()) {
    const urls = Array.from({ length: 40 }, (_, i) => `${server.url}?id=${i + 100 * round}${kinds[i % kinds.length]}`);
    const outcomes = await reliably(urls, {
      concurrency: 8,
      signal: after === 0 ? AbortSignal.abort() : AbortSignal.timeout(after),
      timeout: 60,
      firstWait: 5,
    });
    assertEquals(outcomes.map(({ url }) => url), urls);
    for (const [i, outcome] of outcomes.entries()) {
      states.add(outcome.state);
      if (outcome.state === "fulfilled") assertEquals(outcome.body, `${(i + 100 * round) ** 2}`);
    }
    if (after === 0) assert(outcomes.every(({ state, tries }) => state === "cancelled" && tries === 0));
    await wait(100);
    const seen = await server.countTries();
    for (const { url, tries } of outcomes) {
      const count = seen[url.slice(server.url.length - 1)] ?? 0;
      assert(count <= (url.includes("drop") ? 2 : 1) * tries, `${url}: ${count} requests, ${tries} tries`);
    }
  }
  assert(states.has("fulfilled") && states.has("cancelled"));
});

Deno.test("what cannot be asked for at all fails with its reason, and is not tried again", async () => {
  const outcomes = await reliably(["nonsense", "", "ftp://127.0.0.1/"], { concurrency: 2, firstWait: 1, tries: 2 });
  assertEquals(outcomes.map(({ state }) => state), ["failed", "failed", "failed"]);
  assertEquals(outcomes.map(({ tries }) => tries).slice(0, 2), [0, 0]);
});

Deno.test("the crawler refuses bad flags and addresses in one line, and reports names and ports that it cannot reach", async () => {
  const command = await commandOf("crawl_reliably");
  const refused: [string, RegExp][] = [
    ["--concurrency=0", /^error: --concurrency 0: must be a whole number from 1 to 2000\n$/],
    ["--concurrency=-1", /^error: --concurrency -1: must be a whole number from 1 to 2000\n$/],
    ["--concurrency=1e6", /^error: --concurrency 1e6: must be a whole number from 1 to 2000\n$/],
    ["--timeout=soon", /^error: --timeout soon: must be a whole number from 1 to 600000\n$/],
    ["--retry=3", /^error: --retry=3 is not a flag/],
    ["http://", /^error: http:\/\/: must be an address of http or https\n$/],
    ["ftp://127.0.0.1/", /^error: ftp:\/\/127.0.0.1\/: must be an address of http or https\n$/],
  ];
  await Promise.all(refused.map(async ([argument, message]) => {
    const { code, stdout, stderr } = await runScript(command, { cwd: root, more: [argument] });
    assertEquals([code, stdout], [2, ""], argument);
    assertMatch(stderr, message);
  }));
  const more = ["--tries=2", "http://127.0.0.1:9/", "http://does-not-exist.invalid/"];
  const { code, stdout } = await runScript(command, { cwd: root, more });
  assertEquals(code, 1);
  assertMatch(stdout, /:9\/ failed after 2 tries: .+\n/);
  assertMatch(stdout, /invalid\/ failed after 1 try: Requires net access/);
});

Deno.test({
  name: "Ctrl-C prints what was finished, closes all sockets and ends with code 130",
  ignore: Deno.build.os === "windows",
  async fn() {
    using server = await startFaultyServer();
    const [, ...args] = (await commandOf("crawl_reliably")).split(" ");
    const urls = ["?id=5", "?id=6&fault=silent", "?id=7&fault=silent", "?id=8"].map((query) => server.url + query);
    const child = new Deno.Command(Deno.execPath(), {
      args: [...args, "--concurrency=2", "--timeout=60000", ...urls],
      cwd: root,
      env: { NO_COLOR: "1" },
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    while (Object.keys(await server.countTries()).length < 3) await wait(10);
    child.kill("SIGINT");
    const { code, stdout } = await child.output();
    const lines = new TextDecoder().decode(stdout).trimEnd().split("\n").map((line) =>
      line.split(" ").slice(1).join(" ")
    );
    assertEquals(lines, [
      "fulfilled after 1 try, 2 characters",
      "cancelled after 1 try",
      "cancelled after 1 try",
      "cancelled",
    ]);
    assertEquals(code, 130);
  },
});

Deno.test({
  name: "the server ends with whoever started it, also when that is killed",
  ignore: ignore || Deno.build.os !== "linux",
  async fn() {
    const program = `
      import { startServer } from ${JSON.stringify(new URL("delaying_server.ts", import.meta.url).href)};
      const server = await startServer();
      console.log(server.address(0, 0));
      await new Promise((resolve) => setTimeout(resolve, 60_000));`;
    const child = new Deno.Command(Deno.execPath(), {
      args: ["eval", "--no-config", "--no-lock", program],
      stdout: "piped",
    }).spawn();
    const output = child.stdout.getReader();
    const url = new TextDecoder().decode((await output.read()).value).trim();
    assertEquals(await (await fetch(url)).text(), "0");
    child.kill("SIGKILL");
    await Promise.all([child.status, output.cancel()]);
    assertEquals(await isRunning(child.pid), false);
    // The port is free again as soon as the server has ended.
    for (let tries = 0; await answers(url); tries++) {
      assert(tries < 200, "the server is still there");
      await wait(20);
    }
  },
});

Deno.test("without deno on the PATH the server says how to get it, and the compare does the rest and passes", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const env = { PATH: folder };
    const { code, stderr } = await runScript(await commandOf("delaying_server"), { cwd: root, env });
    assertEquals(code, 2);
    assertMatch(stderr, /^error: there is no deno on the PATH; install it: npm install -g deno\n$/m);
    const compared = await runScript(await commandOf("compare"), { cwd: root, more: ["--brief"], env });
    assertEquals(compared.code, 0, compared.stderr);
    assertMatch(compared.stdout, /missing: deno on the PATH; npm install -g deno/);
    assertMatch(compared.stdout, /✓ every address has one outcome/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

async function answers(url: string): Promise<boolean> {
  try {
    await (await fetch(url)).text();
    return true;
  } catch {
    return false;
  }
}
