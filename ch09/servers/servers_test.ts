import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { hasCommand, runCommand } from "../../bench/lib/command.ts";
import { childrenOf, mustEnd } from "../../bench/lib/processes.ts";
import { parseHeader, runScript } from "../../bench/lib/script.ts";
import { drive, Histogram, stall, startStalling } from "./load_client.ts";
import { bytesPerConnection, holdConnections, mostConnections } from "./many_connections.ts";
import { handlers, parseWrk, runWrk, startServer } from "./server_under_load.ts";

const root = new URL("../../", import.meta.url);
const ignore = !await hasCommand("deno");

/** The command line of a script's header. */
async function runOf(name: string): Promise<string> {
  return parseHeader(await Deno.readTextFile(new URL(name, import.meta.url))).run;
}

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A server that treats each connection as it is told. */
function listen(treat: (conn: Deno.Conn, i: number) => unknown) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 }),
    open: Deno.Conn[] = [],
    treated: Promise<unknown>[] = [];
  let closing = false;
  const accepting = (async () => {
    for await (const conn of listener) {
      open.push(conn);
      // A connection over which no request comes is read until it is closed.
      treated.push(
        (async () => await treat(conn, open.length - 1))().catch((error) => {
          if (!closing) throw error;
        }),
      );
    }
  })();
  return {
    url: `http://127.0.0.1:${(listener.addr as Deno.NetAddr).port}/`,
    async [Symbol.asyncDispose]() {
      closing = true;
      listener.close();
      await accepting;
      for (const conn of open) conn.close();
      await Promise.all(treated);
    },
  };
}

Deno.test("the histogram's quantiles are those of the sorted values, to within 1.6 %", () => {
  let state = 1;
  const random = () => (state = state * 48271 % 2147483647) / 2147483647;
  for (const make of [() => 1e6 * random(), () => 2 ** (38 * random()), () => 1000 / (random() + 1e-6)]) {
    const histogram = new Histogram(), values = Array.from({ length: 5000 }, () => 1 + make());
    for (const value of values) histogram.record(value);
    values.sort((a, b) => a - b);
    for (const share of [0, 0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 1]) {
      const exact = values[Math.max(0, Math.ceil(share * values.length) - 1)];
      assert(
        Math.abs(histogram.quantile(share) / exact - 1) <= 1 / 64,
        `${share}: ${histogram.quantile(share)}, ${exact}`,
      );
    }
    assertEquals(histogram.count, 5000);
  }
  assertEquals(new Histogram().quantile(0.5), NaN);
  const ends = new Histogram();
  for (const value of [0, -1, NaN, 0.5, 2 ** 60]) ends.record(value);
  assertEquals([ends.count, ends.quantile(0.8) < 2, ends.quantile(1) > 2 ** 40], [5, true, true]);
});

const report = `Running 1s test @ http://127.0.0.1:8000/
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     2.38ms    2.03ms  40.21ms   90.51%
    Req/Sec    15.01k     2.51k   18.93k    72.73%
  Latency Distribution
     50%  870.00us
     75%    3.17ms
     90%    1.20s 
     99%    1.50m 
  16449 requests in 1.10s, 2.21MB read
Requests/sec:  14936.55
Transfer/sec:      2.01MB
`;

Deno.test("the report of wrk is read with its units, errors of all kinds are added up, and anything else is refused", () => {
  const unpadded = report.replaceAll(/ $/gm, "");
  const percentiles = { p50: 0.87, p75: 3.17, p90: 1200, p99: 90_000 };
  assertEquals(parseWrk(unpadded), { perSecond: 14936.55, requests: 16449, errors: 0, percentiles });
  const errors = "  Socket errors: connect 1, read 2, write 3, timeout 4\n  Non-2xx or 3xx responses: 50\nRequests/sec";
  assertEquals(parseWrk(unpadded.replace("Requests/sec", errors)).errors, 60);
  for (const text of ["", "unable to connect to 127.0.0.1:1 Connection refused"]) {
    assertThrows(() => parseWrk(text), Error, "not a report of wrk");
  }
});

Deno.test({
  name: "wrk and the server agree on what was asked",
  ignore: await runCommand("wrk", ["--version"]) === null,
  async fn() {
    await using server = startServer();
    const { requests, errors, perSecond, percentiles } = await runWrk(server.url + "trivial", 4, 1);
    assert(requests > 0 && perSecond > 0 && errors === 0);
    // What was under way at the end was answered and not counted.
    assert(server.answered() >= requests && server.answered() <= requests + 4, `${server.answered()} of ${requests}`);
    assertEquals(Object.keys(percentiles), ["p50", "p75", "p90", "p99"]);
    assert((await runWrk(server.url + "none", 2, 1)).errors > 0);
  },
});

Deno.test("every handler answers, and what is none of them is not found", async () => {
  await using server = startServer();
  for (const name of Object.keys(handlers)) {
    const response = await fetch(server.url + name), text = await response.text();
    // 1438 primes are below 12,000.
    assertEquals([response.status, text], [200, name === "computing" ? "1438" : "ok"], name);
  }
  for (const name of ["", "toString", "none"]) {
    const response = await fetch(server.url + name);
    await response.body?.cancel();
    assertEquals(response.status, 404, name);
  }
  assertEquals(server.answered(), 3);
});

Deno.test("a closed loop counts what the server counts; an open one asks exactly at its rate", async () => {
  await using server = startServer();
  const closed = await drive(server.url + "trivial", { connections: 3, seconds: 0.2 });
  assertEquals([closed.answered, closed.failed, closed.unanswered], [server.answered(), 0, 0]);
  assert(closed.answered > 0);
  assertEquals(closed.percentiles, closed.fromSending);
  const open = await drive(server.url + "waiting", { connections: 20, seconds: 0.3, rate: 200 });
  assertEquals([open.answered, open.failed, open.unanswered], [60, 0, 0]);
  assertEquals(server.answered(), closed.answered + 60);
  // No request is answered before the handler has waited, nor sent before it is due.
  assert(open.fromSending.p50 > 9 && open.percentiles.p50 >= open.fromSending.p50 * (1 - 1 / 32));
});

Deno.test("answers that are errors, cut off, without a length, or of a connection that is dropped count as failed", async () => {
  await using server = startServer();
  const missing = await drive(server.url + "none", { connections: 2, seconds: 0.1, rate: 100 });
  assertEquals([missing.answered, missing.failed, missing.unanswered], [0, 10, 0]);
  assertEquals(missing.firstFailure, "status 404");
  const answer = (text: string) => async (conn: Deno.Conn) => {
    await conn.read(new Uint8Array(4096));
    await conn.write(new TextEncoder().encode(text));
    (conn as Deno.TcpConn).closeWrite();
  };
  const broken = [
    "",
    "HTTP/1.1 200 OK\r\n",
    "HTTP/1.1 200 OK\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhalf",
  ];
  for (const text of broken) {
    await using server = listen(answer(text));
    const { answered, failed, unanswered } = await drive(server.url, { connections: 2, seconds: 0.1, rate: 100 });
    assertEquals([answered, failed, unanswered], [0, 10, 0], JSON.stringify(text));
  }
  // One in which head and body come in pieces is whole all the same.
  await using slow = listen(async (conn) => {
    await conn.read(new Uint8Array(4096));
    for (const part of ["HTTP/1.1 200 OK\r\nCONTENT-LENGTH:  4\r", "\n\r\nab", "cd"]) {
      await conn.write(new TextEncoder().encode(part));
      await new Promise((later) => setTimeout(later, 5));
    }
  });
  const whole = await drive(slow.url, { connections: 1, seconds: 0.05, rate: 20 });
  assertEquals([whole.answered, whole.failed, whole.unanswered], [1, 0, 0]);
});

Deno.test("of a server that never answers, every request that was due counts as unanswered", async () => {
  await using server = listen(() => {});
  const options = { seconds: 0.1, patience: 50 };
  const open = await drive(server.url, { ...options, connections: 3, rate: 100 });
  assertEquals([open.answered, open.failed, open.unanswered], [0, 0, 10]);
  const closed = await drive(server.url, { ...options, connections: 3 });
  assertEquals([closed.answered, closed.failed, closed.unanswered], [0, 0, 3]);
});

Deno.test("a port on which nobody listens is an error, also when the server goes away in the middle", async () => {
  const gone = listen(() => {});
  await gone[Symbol.asyncDispose]();
  await assertRejects(() => drive(gone.url, { connections: 1, seconds: 1 }), Deno.errors.ConnectionRefused);
  const left = Promise.withResolvers<void>();
  const leaving = listen((_, i) => {
    if (i === 1) setTimeout(() => leaving[Symbol.asyncDispose]().then(left.resolve, left.reject), 20);
  });
  await assertRejects(() => drive(leaving.url, { connections: 2, seconds: 1 }), Deno.errors.ConnectionRefused);
  await left.promise;
});

Deno.test({
  name: "the open loop sees the server stand still, in its 99th percentile, and sending alone does not tell all of it",
  ignore,
  async fn() {
    await using server = await startStalling();
    // Two connections cannot send all that is due while the server stands still.
    const load = await drive(server.url, { connections: 2, seconds: 0.6, rate: 500 });
    assertEquals([load.answered, load.failed, load.unanswered], [300, 0, 0]);
    assert(load.percentiles.p99 >= stall / 2, `${load.percentiles.p99}`);
    assert(load.percentiles.p90 > load.fromSending.p90);
  },
});

Deno.test({
  name: "connections are held and answered at each step, and a count that does not fit is refused before any is opened",
  ignore,
  async fn() {
    const steps = await holdConnections([3, 40, 120], 20);
    assertEquals(steps.map(({ connections }) => connections), [3, 40, 120]);
    for (const { latencies, memory } of steps) {
      assertEquals(latencies.length, 20);
      assertEquals(latencies, latencies.toSorted((a, b) => a - b));
      assert(latencies[0] > 0 && memory > 2 ** 20);
    }
    assertEquals(bytesPerConnection([{ ...steps[0], memory: 0 }, { ...steps[2], memory: 1170 }]), 10);
    const most = await mostConnections();
    await assertRejects(() => holdConnections([10, most + 1]), RangeError, `at most ${most}`);
    await assertRejects(() => holdConnections([NaN]), RangeError);
  },
});

Deno.test({
  name: "how many connections fit follows from ulimit -n",
  ignore: ignore || Deno.build.os === "windows",
  async fn() {
    const [, , ...args] = (await runOf("many_connections.ts")).split(" ");
    const command = `ulimit -n 700; exec "${Deno.execPath()}" run --no-prompt ${args.join(" ")} --connections 650`;
    const { code, stderr } = await new Deno.Command("sh", { args: ["-c", command], cwd: root }).output();
    assertEquals(code, 2);
    assertEquals(
      new TextDecoder().decode(stderr),
      "error: --connections 650: must be a whole number from 100 to 600, for which ulimit -n has room\n",
    );
  },
});

Deno.test("counts, rates and URLs that make no sense, and unknown flags, end with code 2 and one line", async () => {
  const refused: [string, string, RegExp][] = [
    ["load_client.ts", "--rate=0", /^error: --rate 0: must be a number above 0, at most 100000\n$/],
    ["load_client.ts", "--rate=-1", /^error: --rate -1: must be/],
    ["load_client.ts", "--rate=NaN", /^error: --rate NaN: must be/],
    ["load_client.ts", "--connections=0", /^error: --connections 0: must be a whole number from 1 to 1000\n$/],
    ["load_client.ts", "--connections=1e6", /^error: --connections 1e6: must be/],
    ["load_client.ts", "--quickly", /^error: --quickly is not a flag of this script/],
    ["load_client.ts", "ftp://127.0.0.1/", /^error: ftp:\/\/127.0.0.1\/: must be a URL such as/],
    ["load_client.ts", "http://127.0.0.1:1/", /^error: http:\/\/127.0.0.1:1\/: nobody listens there\n$/],
    ["load_client.ts", "http://does-not-exist.invalid/", /^error: Requires net access to "does-not-exist.invalid:80"/],
    ["many_connections.ts", "--connections=0", /^error: --connections 0: must be a whole number from 100 to \d+/],
    ["many_connections.ts", "--connections=1000000", /^error: --connections 1000000: must be/],
    ["many_connections.ts", "--all", /^error: --all is not a flag of this script/],
    ["compare.ts", "--only=wrk", /^error: --only wrk: must be one of handlers, open_loop, connections\n$/],
  ];
  const runs = new Map<string, string>();
  for (const [name, flag, message] of refused) {
    if (!runs.has(name)) runs.set(name, await runOf(name));
    const { code, stdout, stderr } = await runScript(runs.get(name)!, { cwd: root, more: [flag] });
    assertEquals([code, stdout], [2, ""], `${name} ${flag}: ${stderr}`);
    assertMatch(stderr, message);
  }
});

Deno.test({
  name: "Ctrl-C leaves no process behind",
  ignore: ignore || Deno.build.os !== "linux",
  async fn() {
    for (const name of ["load_client.ts", "many_connections.ts"]) {
      const [, , ...flags] = (await runOf(name)).split(" ");
      const args = ["run", "--no-prompt", ...flags];
      const script = new Deno.Command(Deno.execPath(), { args, cwd: root, stdout: "null", stderr: "null" }).spawn();
      let children: number[] = [];
      while (children.length === 0) {
        await new Promise((later) => setTimeout(later, 20));
        children = await childrenOf(script.pid);
      }
      await new Promise((later) => setTimeout(later, 200));
      children = await childrenOf(script.pid);
      assertEquals(children.length, 1, name);
      script.kill("SIGINT");
      assertEquals((await script.status).signal, "SIGINT", name);
      await mustEnd(children[0]);
    }
  },
});

Deno.test("without deno or wrk on the PATH the scripts that need it end with code 2 and say how to get it", () =>
  inFolder(async (folder) => {
    for (
      const [name, program] of [["load_client", "deno"], ["many_connections", "deno"], ["server_under_load", "wrk"]]
    ) {
      const { code, stderr } = await runScript(await runOf(`${name}.ts`), { cwd: root, env: { PATH: folder } });
      assertEquals(code, 2, stderr);
      assertMatch(
        stderr,
        new RegExp(`^error: there is no ${program} on the PATH; install it: (npm|apt-get) install `, "m"),
      );
    }
  }));

Deno.test({
  name: "without wrk the compare says so, and the load comes from our own client",
  ignore: ignore || Deno.build.os === "windows",
  fn: () =>
    inFolder(async (folder) => {
      await Deno.symlink(Deno.execPath(), `${folder}/deno`);
      const more = ["--brief", "--only=handlers"];
      const { code, stdout, stderr } = await runScript(await runOf("compare.ts"), {
        cwd: root,
        more,
        env: { PATH: folder },
      });
      assertEquals(code, 0, stderr + stdout);
      assertMatch(stdout, /missing: wrk; apt-get install -y wrk/);
      assertMatch(stdout, /load from load_client\.ts/);
    }),
});
