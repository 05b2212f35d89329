import { assert, assertEquals, assertMatch } from "@std/assert";
import { hasCommand } from "../../bench/lib/command.ts";
import { childrenOf, mustEnd } from "../../bench/lib/processes.ts";
import { parseHeader, runScript } from "../../bench/lib/script.ts";
import { measure, NamespaceError, type Report } from "./two_hosts.ts";

const root = new URL("../../", import.meta.url), script = new URL("two_hosts.ts", import.meta.url);
const { run } = parseHeader(await Deno.readTextFile(script));
const ignore = !await hasCommand("nats-server") || !await hasCommand("deno");

/** What no network can beat, and what a margin of ten leaves of the gain. */
function mustBeDelayed([near, far, ...none]: Report[]): void {
  assertEquals([near.delay, far.delay, none.length], [0, 5, 0]);
  // A timer may be early by a fraction of a millisecond.
  assert(far.roundTrip >= 0.0045, `a round trip took ${far.roundTrip} s`);
  assert(far.single >= 100 * 0.0045, `a hundred took ${far.single} s`);
  assert(far.single > 10 * far.batched, `a hundred singly ${far.single} s, batched ${far.batched} s`);
  assert(far.single > 2 * far.underWay, `a hundred singly ${far.single} s, under way ${far.underWay} s`);
}

Deno.test({
  name:
    "a worker in a network of its own gets all jobs through the cable, or the error says why there is no such network",
  ignore,
  async fn() {
    let reports: Report[];
    try {
      reports = await measure("namespaces");
    } catch (error) {
      assert(error instanceof NamespaceError, `${error}`);
      assertMatch(error.message, /^cannot make network namespaces here: ./);
      return;
    }
    mustBeDelayed(reports);
    // 600 jobs by number, and what belongs to each answer.
    assert(reports[0].bytes > 10_000 && reports[1].bytes > reports[0].bytes, JSON.stringify(reports));
  },
});

Deno.test({
  name: "over loopback, where there is no cable, the relay's delay is the same",
  ignore,
  async fn() {
    const reports = await measure("loopback");
    mustBeDelayed(reports);
    assertEquals(reports.map(({ by, bytes }) => [by, bytes]), [["relay", 0], ["relay", 0]]);
  },
});

/** A folder to be the PATH: the true `deno` and `nats-server`, and an `unshare` as it is told. */
async function withPath(unshare: string | undefined, test: (path: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempDir();
  try {
    for (const name of ["deno", "nats-server"]) {
      const lines = new TextDecoder().decode(
        (await new Deno.Command("sh", { args: ["-c", `command -v ${name}`] }).output()).stdout,
      );
      await Deno.symlink(lines.trim(), `${path}/${name}`);
    }
    if (unshare) await Deno.writeTextFile(`${path}/unshare`, `#!/bin/sh\n${unshare}\n`, { mode: 0o755 });
    await test(path);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}

Deno.test({
  name: "where the kernel refuses a namespace, the script says so in its words and measures over loopback",
  ignore: ignore || Deno.build.os !== "linux",
  fn: () =>
    withPath("echo 'unshare: unshare failed: Operation not permitted' >&2; exit 1", async (path) => {
      const { code, stdout, stderr } = await runScript(run, { cwd: root, env: { PATH: path } });
      assertEquals(code, 0, stderr);
      assertMatch(stdout, /^cannot make network namespaces here: unshare: unshare failed: Operation not permitted\n/);
      assertMatch(stdout, /100 jobs over loopback/);
    }),
});

Deno.test({
  name: "where the command for namespaces is missing, or those for the cable, it says which",
  ignore: ignore || Deno.build.os !== "linux",
  async fn() {
    await withPath(undefined, async (path) => {
      const { stdout } = await runScript(run, { cwd: root, env: { PATH: path } });
      assertMatch(stdout, /^cannot make network namespaces here: there is no unshare \(Linux, package util-linux\)\n/);
    });
    // The broker's host then starts where it is, but finds no `ip`.
    await withPath(`while [ "$1" != deno ]; do shift; done; exec "$@"`, async (path) => {
      const { stdout } = await runScript(run, { cwd: root, env: { PATH: path } });
      assertMatch(stdout, /^cannot make network namespaces here: there is no ip \(package iproute2\)\n/);
    });
  },
});

async function descendants(pid: number): Promise<number[]> {
  const children = await childrenOf(pid);
  return [...children, ...(await Promise.all(children.map(descendants))).flat()];
}

Deno.test({
  name: "when the script is killed in the middle, both hosts and the server are gone soon after",
  ignore: ignore || Deno.build.os !== "linux",
  async fn() {
    const [, , ...args] = run.split(" ");
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", ...args],
      cwd: root,
      stdout: "null",
      stderr: "null",
    }).spawn();
    // Two hosts and a server, and with namespaces the command that waits for the first of them.
    let others: number[] = [];
    while (others.length < 3) others = await descendants(child.pid);
    child.kill("SIGKILL");
    await child.status;
    for (const pid of others) await mustEnd(pid);
  },
});

Deno.test("arguments are refused", async () => {
  const { code, stdout, stderr } = await runScript(run, { cwd: root, more: ["--delay"] });
  assertEquals([code, stdout, stderr], [2, "", "error: --delay: there are no arguments\n"]);
});

Deno.test("without a server or deno on the PATH it says how to get them", async () => {
  const path = await Deno.makeTempDir();
  try {
    const { code, stderr } = await runScript(run, { cwd: root, env: { PATH: path } });
    assertEquals(code, 2);
    assertMatch(
      stderr,
      /^error: there is no nats-server or no deno on the PATH; install them: apt-get install nats-server/m,
    );
  } finally {
    await Deno.remove(path, { recursive: true });
  }
});
