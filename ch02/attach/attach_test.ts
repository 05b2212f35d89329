import { assert, assertAlmostEquals, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { hasCommand } from "../../bench/lib/command.ts";
import { parseHeader, runScript } from "../../bench/lib/script.ts";
import {
  attachable,
  AttachError,
  findSocket,
  type Profile,
  type Sampled,
  Session,
  startDemonstration,
  summarise,
} from "./attach.ts";

const root = new URL("../../", import.meta.url);
const ignore = !await hasCommand("deno");
const tool = new URL("attach.ts", import.meta.url);
const source = await Deno.readTextFile(tool);
const { run: command } = parseHeader(source);
const attach = (...more: string[]) => runScript(command, { cwd: root, more });

/** The number of the line that a text begins on. */
const lineOf = (text: string) => source.slice(0, source.indexOf(text)).split("\n").length;

/** A profile of stacks, outermost function first, with how often each was sampled. */
function profileOf(stacks: Record<string, number>): Sampled {
  const frame = (functionName: string) => ({
    functionName,
    scriptId: "1",
    url: "x.js",
    lineNumber: 0,
    columnNumber: 0,
  });
  const nodes: Profile["nodes"] = [{ id: 1, callFrame: frame("(root)"), hitCount: 0, children: [] }];
  for (const [stack, count] of Object.entries(stacks)) {
    let node = nodes[0];
    for (const name of stack.split(" ")) {
      let child = node.children!.map((id) => nodes[id - 1]).find(({ callFrame }) => callFrame.functionName === name);
      if (!child) {
        child = { id: nodes.length + 1, callFrame: frame(name), hitCount: 0, children: [] };
        nodes.push(child);
        node.children!.push(child.id);
      }
      node = child;
    }
    node.hitCount += count;
  }
  return { title: "", maps: new Map(), profile: { nodes, startTime: 0, endTime: 0, samples: [], timeDeltas: [] } };
}

Deno.test("shares are of what is not idle, and a function that calls itself counts once", () => {
  const { rows, idle, samples } = summarise(profileOf({ "(idle)": 50, "a b": 20, "a b a b": 20, "a": 10 }));
  assertEquals([samples, idle], [100, 0.5]);
  const shares = rows.map(({ name, self, total }) => [name, self, total]);
  assertEquals(shares, [["b", 0.8, 0.8], ["a", 0.2, 1]]);
});

Deno.test("a profile in which nothing was sampled, or nothing but idleness, has no rows", () => {
  assertEquals(summarise(profileOf({})), { samples: 0, idle: 0, rows: [] });
  assertEquals(summarise(profileOf({ "(idle)": 3 })), { samples: 3, idle: 1, rows: [] });
});

Deno.test({
  name: "two sessions at once find the hot function on its line, and the process ends with its own code",
  ignore,
  async fn() {
    const { child, address, output } = await startDemonstration(3000, attachable);
    // As DevTools does: with the debugger on, and told of everything that is printed.
    const devTools = new WebSocket(await findSocket(address));
    await new Promise((resolve) => devTools.onopen = resolve);
    for (const [id, method] of ["Runtime.enable", "Debugger.enable", "Profiler.enable"].entries()) {
      devTools.send(JSON.stringify({ id, method }));
    }
    const sessions = [await Session.attach(address), await Session.attach(address, { interval: 200 })];
    await new Promise((later) => setTimeout(later, 1500));
    for (const session of sessions) {
      const [main] = await session.take(true);
      session.detach();
      const { rows: [hot, cool] } = summarise(main);
      assertEquals([hot.name, cool.name], ["hot", "cool"]);
      assertAlmostEquals(hot.self, 0.7, 0.12);
      assert(hot.place.endsWith(`/attach.ts:${lineOf("function hot(")}`), hot.place);
      const line = summarise(main, "lines").rows[0].place;
      const loop = lineOf("function hot(") + 2;
      assert(line.endsWith(`/attach.ts:${loop}`), line);
    }
    devTools.close();
    assertEquals((await child.status).code, 7);
    for (const line of (await output).trim().split("\n")) assertEquals(JSON.parse(line).length, 2);
  },
});

Deno.test({
  name: "a worker has a table of its own, and does its work to the end",
  ignore,
  fn: () =>
    withProcess(
      `interface Nothing {}
       function spin(n: number): number { let sum = 0; for (let i = 0; i < n; i++) sum += Math.sqrt(i) % 3; return sum; }
       if ("WorkerGlobalScope" in globalThis) {
         for (const end = Date.now() + 900; Date.now() < end;) spin(20000);
         self.postMessage("done");
       } else {
         const worker = new Worker(import.meta.url, { type: "module" });
         worker.onmessage = ({ data }) => { console.log(data); Deno.exit(9); };
       }`,
      async ({ address, ended }) => {
        const { code, stdout } = await attach(address, "--seconds=0.4");
        assertEquals(code, 0);
        assertMatch(stdout, /^file:.*script\.ts: .* (9\d|100)% of them idle/m);
        assertMatch(stdout, /^worker \[1\] file:.*script\.ts: .* \d% of them idle/m);
        assertMatch(stdout, /% +spin +\S*script\.ts:2$/m);
        assertEquals(await ended, { code: 9, stdout: "done\n" });
      },
    ),
});

Deno.test({
  name: "a process that ends while it is sampled is reported up to its end, and ends with its own code",
  ignore,
  fn: () =>
    withProcess(busy("Deno.exit(5)"), async ({ address, ended }) => {
      const { code, stdout } = await attach(address, "--seconds=60");
      assertEquals(code, 0);
      assertMatch(stdout, / +spin +\S*script\.ts:1\n/);
      assertMatch(stdout, /\(the process came to its end\)\n$/);
      assertEquals((await ended).code, 5);
    }),
});

Deno.test({
  name: "one that ends by an error that nobody catches takes its samples along, which is said with exit code 2",
  ignore,
  fn: () =>
    withProcess(busy("throw new Error('own fault')"), async ({ address, ended }) => {
      const { code, stderr } = await attach(address, "--seconds=60");
      assertEquals([code, stderr], [2, "error: the process was gone before it could be asked for its samples\n"]);
      assertEquals((await ended).code, 1);
    }),
});

Deno.test({
  name: "live tables follow each other until Ctrl-C, after which the process goes on",
  ignore: ignore || Deno.build.os === "windows",
  fn: () =>
    withProcess(busy("Deno.exit(5)", 1700), async ({ address, ended }) => {
      const [, , ...args] = [...command.split(" "), address, "--live", "--seconds=0.3"];
      const child = new Deno.Command(Deno.execPath(), {
        args: ["run", ...args],
        cwd: root,
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      setTimeout(() => child.kill("SIGINT"), 1300);
      const { code, stdout, stderr } = await child.output();
      assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
      const text = new TextDecoder().decode(stdout);
      assert(text.match(/ samples, /g)!.length >= 2, text);
      assert(!text.includes("\x1b["), "codes of a terminal where there is none");
      assertMatch(text, /\(interrupted; the process goes on\)\n$/);
      assertEquals(await ended, { code: 5, stdout: "end\n" });
    }),
});

Deno.test({
  name: "a process that was started without an inspector opens one on SIGUSR1, and its lines are those of the source",
  ignore: ignore || Deno.build.os !== "linux",
  fn: () =>
    withProcess(busy("Deno.exit(5)", 2300), async ({ child, ended }) => {
      // Before that long the signal would kill it.
      await new Promise((later) => setTimeout(later, 1200));
      child.kill("SIGUSR1");
      await new Promise((later) => setTimeout(later, 200));
      const { code, stdout, stderr } = await attach("9229", "--seconds=0.3");
      assertEquals(code, 0, stderr);
      assertMatch(stdout, /% +\S+ +\S*script\.ts(:1)?\n/);
      assertEquals((await ended).code, 5);
    }, []),
});

Deno.test({
  name: "a function in a loop that began before anybody attached, and never ends, has its name and its lines",
  ignore,
  fn: () =>
    withProcess(
      `function caller(): number {
         return spin(Date.now() + 2500);
       }
       function spin(end: number): number {
         let sum = 0;
         while (Date.now() < end) {
           for (let i = 0; i < 1e6; i++) sum += Math.sqrt(i) % 3; // here
         }
         return sum;
       }
       caller();
       Deno.exit(5);`,
      async ({ address, ended }) => {
        // By then it is compiled.
        await new Promise((later) => setTimeout(later, 500));
        const { code, stdout, stderr } = await attach(address, "--seconds=0.5", "--lines");
        assertEquals(code, 0, stderr);
        assertMatch(stdout, /^ *(9\d\.\d|100\.0)% +\d+\.\d% +spin +\S+script\.ts:4$/m);
        assertMatch(stdout, /^ *\d+\.\d% +spin +\S+script\.ts:7$/m);
        assertEquals((await ended).code, 5);
      },
    ),
});

Deno.test({
  name: "the profile is saved as DevTools reads it: every sample names a node, every delta a time",
  ignore,
  fn: () =>
    withProcess(busy("Deno.exit(5)"), async ({ address, folder }) => {
      const file = `${folder}/a.cpuprofile`;
      const allowed = command.replace("--allow-run", `--allow-write=${file} --allow-run`);
      const { code, stdout, stderr } = await runScript(allowed, {
        cwd: root,
        more: [address, "--seconds=0.4", `--out=${file}`],
      });
      assertEquals(code, 0, stderr);
      assert(stdout.endsWith(`written: ${file}\n`), stdout);
      const { nodes, samples, timeDeltas, startTime, endTime }: Profile = JSON.parse(await Deno.readTextFile(file));
      const ids = new Set(nodes.map(({ id }) => id));
      assert(samples.length > 100 && samples.every((id) => ids.has(id)));
      assertEquals(timeDeltas.length, samples.length);
      assert(timeDeltas.reduce((sum, delta) => sum + delta, 0) <= endTime - startTime);
    }),
});

Deno.test("an address with nobody, with something else, or with silence is refused with exit code 2", async () => {
  await using other = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, () => new Response("hello"));
  const something = `127.0.0.1:${other.addr.port}`;
  const silent = Deno.listen({ port: 0, hostname: "127.0.0.1" }),
    nobody = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const silence = `127.0.0.1:${silent.addr.port}`, free = `127.0.0.1:${nobody.addr.port}`;
  nobody.close();
  const cases: [string, string][] = [
    [something, `error: ${something} answers, but is no inspector\n`],
    [`ws://${something}/`, `error: no inspector at ws://${something}/\n`],
    [silence, `error: ${silence} does not answer\n`],
    [free, `error: no inspector at ${free}; start the program by: deno run --inspect=${free} …\n`],
    ["main.ts", "error: main.ts: must be HOST:PORT, as in 127.0.0.1:9229, or ws://HOST:PORT/…\n"],
    ["127.0.0.1:70000", "error: 127.0.0.1:70000: must be HOST:PORT"],
  ];
  try {
    await Promise.all(cases.map(async ([address, expected]) => {
      const { code, stdout, stderr } = await attach(address);
      assertEquals([code, stdout], [2, ""], stderr);
      assert(stderr.startsWith(expected), stderr);
    }));
  } finally {
    silent.close();
  }
  await assertRejects(() => findSocket(""), AttachError, "must be HOST:PORT");
});

Deno.test("bad flags are refused with one line and exit code 2", async () => {
  const cases: [string[], string][] = [
    [["--seconds=no"], "--seconds=no: must be a number from 0.1 to 86400"],
    [["--seconds="], "--seconds=: must be a number"],
    [["--top=0"], "--top=0: must be a number from 1 to 1000"],
    [["--interval=1"], "--interval=1: must be a number from 50 to 1000000"],
    [["--live", "--out=x"], "--live and --out exclude each other"],
    [["9229", "9230"], "9230: one address is enough"],
    [["--fast"], "Unknown option '--fast'"],
  ];
  await Promise.all(cases.map(async ([args, expected]) => {
    const { code, stdout, stderr } = await attach(...args);
    assertEquals([code, stdout], [2, ""]);
    assert(stderr.startsWith(`error: ${expected}`), stderr);
    assertEquals(stderr.trimEnd().split("\n").length, 1);
  }));
});

/** A program that is busy for a while, says «end», and then does something last. */
function busy(last: string, milliseconds = 2000): string {
  return `function spin(n: number): number { let sum = 0; for (let i = 0; i < n; i++) sum += Math.sqrt(i) % 3; return sum; }
    for (const end = Date.now() + ${milliseconds}; Date.now() < end;) {
      spin(200000);
      await new Promise((later) => setTimeout(later, 1));
    }
    console.log("end");
    ${last};`;
}

interface Observed {
  child: Deno.ChildProcess;
  address: string;
  folder: string;
  ended: Promise<{ code: number; stdout: string }>;
}

/** Runs a program with an inspector for as long as `use` needs it. */
async function withProcess(text: string, use: (observed: Observed) => Promise<void>, flags = attachable) {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/script.ts`, text);
  const args = ["run", "--no-prompt", "--allow-read", ...flags, `${folder}/script.ts`];
  const child = new Deno.Command("deno", { args, stdin: "null", stdout: "piped", stderr: "piped" }).spawn();
  const errors = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  try {
    const ended = (async () => {
      const [stdout, { code }] = await Promise.all([new Response(child.stdout).text(), child.status]);
      return { code, stdout };
    })();
    let said = "", address: string | undefined;
    while (flags.length > 0 && !(address = said.match(/ws:\/\/([\d.:]+)\/\S+\s/)?.[1])) {
      const { value, done } = await errors.read();
      assert(!done, said);
      said += value;
    }
    await use({ child, address: address ?? "", folder, ended });
    await ended;
  } finally {
    await errors.cancel();
    try {
      child.kill();
    } catch { /* It has ended. */ }
    await Deno.remove(folder, { recursive: true });
  }
}
