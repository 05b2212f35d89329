import { assert, assertAlmostEquals, assertEquals, assertMatch } from "@std/assert";
import { hasCommand } from "../../bench/lib/command.ts";
import { childrenOf, mustEnd } from "../../bench/lib/processes.ts";
import { parseHeader, runScript } from "../../bench/lib/script.ts";
import { matches, parseTraceGc } from "./compare.ts";
import { format, type Pause, programs, summarise, timePauses, type Trace, traceCollections } from "./gc_trace.ts";

const root = new URL("../../", import.meta.url), tool = "ch02/gc/gc_trace.ts";
const script = import.meta.resolve("./gc_trace.ts");
const ignore = !await hasCommand("deno");
const mib = 2 ** 20;

function pause(kind: Pause["kind"], length: number, before: number, after: number, promoted = 0): Pause {
  return { time: 0, kind, length, before: before * mib, after: after * mib, promoted: promoted * mib };
}

Deno.test("totals: pauses by generation, and what was allocated between one pause and the next", () => {
  const pauses = [
    pause("Scavenge", 1, 5, 3, 1),
    pause("IncrementalMarking", 0.5, 4, 4),
    pause("MarkSweepCompact", 8, 6, 2),
    pause("Scavenge", 2, 3, 3, 0.5),
  ];
  const trace: Trace = { pauses, duration: 100, start: 2 * mib, code: 0, output: "" };
  assertEquals(summarise(trace), {
    young: { count: 2, total: 3, longest: 2 },
    old: { count: 2, total: 8.5, longest: 8 },
    allocated: (3 + 1 + 2 + 1) * mib,
    promoted: 1.5 * mib,
  });
  const text = format(trace, true);
  assertMatch(text, /^ {5}0 {3}Scavenge +1\.00 {3}5\.0 -> 3\.0, 1\.0 promoted$/m);
  assertMatch(text, /^ {5}0 {3}MarkSweepCompact +8\.00 {3}6\.0 -> 2\.0$/m);
  assertMatch(text, /^old {4}2 pauses, 8\.5 ms, the longest 8\.00 ms$/m);
  assertMatch(text, /^paused 11\.5 % of 100 ms; allocated 7\.0 MiB \(73 MB\/s\), promoted 1\.5 MiB$/m);
  assertMatch(format({ ...trace, pauses: Array(12).fill(pauses[0]) }), /\(the longest 10 of 12; --full shows all\)/);
  assertMatch(format({ ...trace, pauses: [] }), /^no pause at all$/m);
});

Deno.test("pauses lie between the answers that tell them, further apart where more was allocated", () => {
  const timed = timePauses([
    { time: 10, start: 0, pauses: [] },
    { time: 30, start: 0, pauses: [pause("Scavenge", 2, 3, 0), pause("Scavenge", 2, 1, 1)] },
    { time: 35, start: 0, pauses: [pause("Scavenge", 9, 2, 2)] },
  ]);
  // 20 ms less 4 of pauses are 16, of which three quarters lie before the first.
  assertEquals(timed.map(({ time }) => Math.round(1000 * time) / 1000), [24, 30, 35]);
  assertEquals(timePauses([]), []);
});

const v8 =
  `[18044:0x5595348cd000]       15 ms: Scavenge 3.4 (4.2) -> 3.0 (4.9) MB, pooled: 0.0 MB, 1.40 / 0.00 ms (average mu = 1.000, current mu = 1.000) allocation failure; 
the program's own line: 1.0 (2.0) -> 3.0
[18126:0x55dd90e11000]      773 ms: Incremental Mark-Compact 77.3 (110.8) -> 65.1 (98.9) MB, pooled: 0.0 MB, 260.23 / 0.03 ms (+ 3.3 ms in 63 steps since start of marking, biggest step 0.1 ms, walltime since start of marking 294 ms) (average mu = 0.658, current mu = 0.658) finalize incremental marking via stack guard; GC in old space requested
[18126:0x55dd90e11000]     1064 ms: Scavenge (during sweeping) 119.5 (121.3) -> 119.5 (153.1) MB, pooled: 0.0 MB, 195.37 / 0.00 ms (average mu = 0.658, current mu = 0.658) allocation failure; 
`;

Deno.test("what V8 prints with --trace-gc is read, with its reasons", () => {
  const reason = "finalize incremental marking via stack guard; GC in old space requested";
  assertEquals(parseTraceGc(v8), [
    { kind: "Scavenge", before: 3.4, after: 3, length: 1.4, reason: "allocation failure" },
    { kind: "Mark-Compact", before: 77.3, after: 65.1, length: 260.23, reason },
    { kind: "Scavenge", before: 119.5, after: 119.5, length: 195.37, reason: "allocation failure" },
  ]);
});

Deno.test("pauses are found in V8's trace in its order, with the same heap, or they are not", () => {
  const lines = parseTraceGc(v8), mark = pause("MarkSweepCompact", 260, 77.3, 65.1);
  const scavenge = pause("Scavenge", 195, 119.5, 119.5);
  assertEquals(matches([pause("IncrementalMarking", 1, 70, 70), mark, scavenge], lines), 2);
  assertEquals(matches([scavenge, mark], lines), 1);
  assertEquals(matches([pause("Scavenge", 260, 77.3, 65.1)], lines), 0);
  assertEquals(matches([pause("MarkSweepCompact", 260, 77.3, 60)], lines), 0);
});

Deno.test("the three programs come to the same sum", () => {
  for (const count of [1024, 4096]) {
    assertEquals(Object.values(programs).map((program) => program(count)), Array(3).fill(count / 2));
  }
});

Deno.test({
  name: "in one and the same run the collections are those of V8's own trace, and as long",
  ignore,
  async fn() {
    const { pauses, output } = await traceCollections(script, {
      args: ["--demonstrate=kept"],
      flags: ["--v8-flags=--trace-gc"],
      capture: true,
    });
    const lines = parseTraceGc(output), own = pauses.filter(({ kind }) => /^(Scavenge|MarkSweepCompact)$/.test(kind));
    assert(own.length >= 5, `${own.length} pauses`);
    assertEquals(matches(pauses, lines), own.length, output);
    const longest = Math.max(...own.map(({ length }) => length));
    assertAlmostEquals(longest, Math.max(...lines.map(({ length }) => length)), 0.1 * longest + 1);
  },
});

Deno.test({
  name: "what is dropped is seen to be allocated and not promoted; what is kept is promoted; a buffer is neither",
  ignore,
  async fn() {
    const [garbage, kept, reused] = await Promise.all(
      ["garbage", "kept", "reused"].map(async (name) =>
        summarise(await traceCollections(script, { args: [`--demonstrate=${name}`], capture: true }))
      ),
    );
    assertAlmostEquals(garbage.allocated, 2 ** 27, 2 ** 24);
    assert(garbage.young.count >= 10 && garbage.promoted < 2 ** 23, `${garbage.promoted} bytes promoted`);
    assert(kept.promoted > 2 ** 25, `${kept.promoted} bytes promoted`);
    assert(reused.allocated < 2 ** 23, `${reused.allocated} bytes allocated`);
  },
});

const churn = "for (let i = 0; i < 1e6; i++) globalThis.last = { i };";

Deno.test({
  name: "output, arguments and exit code are the program's own however it ends, and the report comes after",
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      const cases: [string, string, number, string, RegExp][] = [
        ["ends", `${churn} console.log(JSON.stringify(Deno.args));`, 0, '["x","--full","--"]\n', /^/],
        ["exits", `${churn} console.log(1); Deno.exit(3);`, 3, "1\n", /^/],
        ["code", `${churn} Deno.exitCode = 5;`, 5, "", /^/],
        ["throws", `${churn} throw new Error("one");`, 1, "", /Uncaught.* Error: one/],
        ["later", `setTimeout(() => { ${churn} throw new Error("two"); });`, 1, "", /Error: two/],
      ];
      await Promise.all(cases.map(async ([name, source, code, stdout, stderr]) => {
        await Deno.writeTextFile(`${folder}/${name}.ts`, source);
        const more = ["--full", "--allow-env=HOME", `${folder}/${name}.ts`, "x", "--full", "--"];
        const ended = await runScript(`deno run --allow-run=deno --allow-net=127.0.0.1 ${tool}`, { cwd: root, more });
        assertEquals([ended.code, ended.stdout], [code, stdout], `${name}: ${ended.stderr}`);
        assertMatch(ended.stderr, stderr, name);
        const young = Number(ended.stderr.match(/^young +(\d+) pauses/m)?.[1]);
        assert(young >= 5, `${name}: ${ended.stderr}`);
      }));
    }),
});

Deno.test({
  name: "Ctrl-C ends a program that never would, asleep or busy, after the report, and nothing is left",
  ignore: ignore || Deno.build.os === "windows",
  fn: () =>
    inFolder(async (folder) => {
      const sources = {
        asleep: 'console.log("begun"); setInterval(() => {}, 1000);',
        busy: 'console.log("begun"); for (let i = 0;; i++) globalThis.last = { i };',
      };
      await Promise.all(
        Object.entries(sources).map(async ([name, source]) => {
          await Deno.writeTextFile(`${folder}/${name}.ts`, source);
          const child = new Deno.Command(Deno.execPath(), {
            args: ["run", "--no-prompt", "--allow-run=deno", "--allow-net=127.0.0.1", tool, `${folder}/${name}.ts`],
            cwd: root,
            stdin: "null",
            stdout: "piped",
            stderr: "piped",
          }).spawn();
          const reader = child.stdout.getReader();
          assertEquals(new TextDecoder().decode((await reader.read()).value), "begun\n");
          const [program] = await childrenOf(child.pid);
          child.kill("SIGINT");
          const [{ code }, stderr] = await Promise.all([child.status, new Response(child.stderr).text()]);
          await reader.cancel();
          assertEquals(code, 130, stderr);
          assertMatch(stderr, /^paused .* % of .* ms; allocated/m, name);
          await mustEnd(program);
        }),
      );
    }),
});

Deno.test({
  name: "what cannot be run is said by Deno or in one line, with exit code 2 and no report",
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      await Deno.writeTextFile(`${folder}/broken.ts`, "const x: = 1;");
      const refused: [string[], RegExp][] = [
        [[`${folder}/none.ts`], /^error: Module not found/],
        [[`${folder}/broken.ts`], /^error: .*Unexpected token/],
        [["--fully", `${folder}/broken.ts`], /unexpected argument '--fully'/],
        [["--allow-net"], /^error: --allow-net: a script is missing \(see --help\)\n$/],
      ];
      await Promise.all(refused.map(async ([more, message]) => {
        const run = `deno run --allow-run=deno --allow-net=127.0.0.1 ${tool}`;
        const { code, stdout, stderr } = await runScript(run, { cwd: root, more });
        assertEquals([code, stdout], [2, ""], more.join(" "));
        assertMatch(stderr, message);
        assert(!stderr.includes("pauses"), stderr);
      }));
      const { run } = parseHeader(await Deno.readTextFile(new URL("gc_trace.ts", import.meta.url)));
      const { code, stderr } = await runScript(run, { cwd: root, env: { PATH: folder } });
      assertEquals(code, 2);
      assertMatch(stderr, /^error: there is no deno on the PATH; install it: npm install -g deno\n$/m);
    }),
});

Deno.test("without deno on the PATH the compare names it and passes", () =>
  inFolder(async (folder) => {
    const { run } = parseHeader(await Deno.readTextFile(new URL("compare.ts", import.meta.url)));
    const { code, stdout, stderr } = await runScript(run, { cwd: root, more: ["--brief"], env: { PATH: folder } });
    assertEquals(code, 0, stderr);
    assertMatch(stdout, /missing: deno on the PATH; npm install -g deno/);
  }));

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
