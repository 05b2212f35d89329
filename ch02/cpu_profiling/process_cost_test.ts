import { assert, assertEquals, assertMatch } from "@std/assert";
import { hasCommand } from "../../bench/lib/command.ts";
import { parseHeader, runScript } from "../../bench/lib/script.ts";
import { atShare, type Cost } from "./process_cost.ts";

const root = new URL("../../", import.meta.url);
const { run } = parseHeader(await Deno.readTextFile(new URL("process_cost.ts", import.meta.url)));
const ignore = Deno.build.os === "windows" || !await hasCommand("deno");

/** Runs the tool on a script with that text; its own flags before, the script's arguments after. */
async function cost(source: string, { flags = [] as string[], args = [] as string[] } = {}) {
  const folder = await Deno.makeTempDir();
  try {
    const script = `${folder}/script.ts`;
    await Deno.writeTextFile(script, source);
    return await runScript(run, { cwd: root, more: [...flags, script, ...args] });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The numbers of a line of the report. */
const numbers = (report: string, line: string) =>
  report.split("\n").find((text) => text.startsWith(line))!.slice(line.length).match(/[\d.]+/g)!.map(Number);

Deno.test({
  name: "a process that touches 200 MiB has them in its peak and its faults, and Deno alone has not",
  ignore,
  async fn() {
    const { code, stderr } = await cost("new Uint8Array(200 * 2 ** 20).fill(1);");
    assertEquals(code, 0, stderr);
    const [peak] = numbers(stderr, "peak memory:"), [faults, alone] = numbers(stderr, "minor page faults");
    assert(peak >= 200 && peak < 1000, `${peak} MiB`);
    // A fault brings 4 KiB, or up to 2 MiB where the system hands out huge pages.
    assert(faults - alone >= 50, `${faults} and ${alone} faults`);
  },
});

Deno.test({
  name: "waiting is wall time and no user time, and also the time of children is counted",
  ignore,
  async fn() {
    const waiting = await cost("await new Promise((resolve) => setTimeout(resolve, 800));");
    const [wall] = numbers(waiting.stderr, "wall, ms"), [user] = numbers(waiting.stderr, "user, ms");
    assert(wall >= 800 && user < wall / 2, `${user} of ${wall} ms`);
    const loop = "const end = performance.now() + 500; while (performance.now() < end);";
    const source = `await new Deno.Command("deno", { args: ["eval", ${JSON.stringify(loop)}] }).output();`;
    const parent = await cost(source, { flags: ["--allow-run=deno"] });
    const [child] = numbers(parent.stderr, "user, ms"), [alone] = numbers(parent.stderr, "user, ms").slice(1);
    assert(child > 2 * alone, `${child} ms with the child, ${alone} ms for Deno alone`);
  },
});

Deno.test({
  name: "outputs, arguments and exit code pass unchanged, and the report comes after them",
  ignore,
  async fn() {
    const source = "console.log('out', ...Deno.args); console.error('err'); Deno.exit(3);";
    const { code, stdout, stderr } = await cost(source, { args: ["--help", "--", "--repeat=2"] });
    assertEquals([code, stdout], [3, "out --help -- --repeat=2\n"]);
    assert(stderr.startsWith("err\n "), stderr);
    assertMatch(stderr, /: 1 run, exit code 3\n$/);
  },
});

Deno.test({
  name: "a script that throws, and one that is killed, are counted too",
  ignore,
  async fn() {
    const thrown = await cost("throw new Error('broken');");
    assertEquals(thrown.code, 1);
    assertMatch(thrown.stderr, /broken[^]*wall, ms[^]*exit code 1\n$/);
    const killed = await cost("Deno.kill(Deno.pid, 'SIGKILL'); while (true);", { flags: ["--allow-run"] });
    assertEquals(killed.code, 137, killed.stderr);
    assertMatch(killed.stderr, /wall, ms[^]*exit code 137\n$/);
  },
});

Deno.test({
  name: "repeats are run as often as asked, with the first code that is not 0, and permissions are handed on",
  ignore,
  async fn() {
    const source = "console.log(Deno.permissions.querySync({ name: 'env' }).state); Deno.exit(5);";
    const { code, stdout, stderr } = await cost(source, { flags: ["--repeat=3", "--allow-env"] });
    assertEquals([code, stdout], [5, "granted\n".repeat(3)]);
    assertMatch(stderr, /median +least +most +Deno alone\n/);
    const [median, least, most] = numbers(stderr, "wall, ms");
    assert(0 < least && least <= median && median <= most);
  },
});

Deno.test("the median, the least and the most are taken of each count by itself", () => {
  const cost = (wall: number, user: number) => ({ wall, user }) as Cost;
  const costs = [cost(5, 1), cost(1, 9), cost(3, 2)];
  assertEquals(atShare(costs, 0), cost(1, 1));
  assertEquals(atShare(costs, 0.5), cost(3, 2));
  assertEquals(atShare(costs, 1), cost(5, 9));
  assertEquals(atShare([cost(4, 4)], 0.5), cost(4, 4));
});

Deno.test({
  name: "Ctrl-C ends the script, and its counts are still written",
  ignore,
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      const script = `${folder}/script.ts`;
      await Deno.writeTextFile(script, "console.log('begun'); setInterval(() => {}, 1000);");
      const [, ...args] = `${run} ${script}`.split(" ");
      const options = { args, cwd: root, stdin: "null", stdout: "piped", stderr: "piped" } as const;
      const child = new Deno.Command(Deno.execPath(), options).spawn();
      const reader = child.stdout.getReader();
      assertEquals(new TextDecoder().decode((await reader.read()).value), "begun\n");
      child.kill("SIGINT");
      await reader.cancel();
      const stderr = await new Response(child.stderr).text();
      assertEquals((await child.status).code, 130, stderr);
      assertMatch(stderr, /wall, ms[^]*: 1 run, exit code 130\n$/);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test({
  name: "bad input is refused with one line and exit code 2",
  ignore: Deno.build.os === "windows",
  async fn() {
    const cases: [string[], RegExp][] = [
      [["--repeat=0", "x.ts"], /^error: --repeat=0: must be --repeat=N, a whole number from 1 to 1000\n$/],
      [["--repeat", "x.ts"], /^error: --repeat: must be --repeat=N/],
      [["--verbose", "x.ts"], /^error: --verbose is neither a flag of this tool nor one of deno run/],
      [["no_such_script.ts"], /^error: there is no script no_such_script\.ts: [^\n]*\n$/],
      [["bench"], /^error: bench is no file\n$/],
      [["--repeat=2"], /^error: there is no script; usage/],
    ];
    for (const [more, message] of cases) {
      const { code, stdout, stderr } = await runScript(run, { cwd: root, more });
      assertEquals([code, stdout], [2, ""]);
      assertMatch(stderr, message);
    }
    const { code, stderr } = await runScript(run, {
      cwd: root,
      more: ["ch02/cpu_profiling/julia.ts"],
      env: { PATH: "" },
    });
    assertEquals(code, 2);
    assertMatch(stderr, /^error: there is no deno on the PATH; install it: npm install -g deno\n$/m);
  },
});
