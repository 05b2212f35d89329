import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { hasCommand } from "../lib/command.ts";
import { runScript } from "../lib/script.ts";
import { root } from "../scripts.ts";
import { contestant, openPython } from "./contest.ts";
import { contest } from "./peers.ts";
import { workloads } from "./workloads.ts";

const ignore = !await hasCommand("python3");

/** Starts a program whose ways are the given lines of Python. */
async function withProgram(ways: string, test: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.copyFile(new URL("peer.py", import.meta.url), `${folder}/peer.py`);
    await Deno.writeTextFile(`${folder}/ways.py`, `from peer import serve\n${ways}\n`);
    await test(`file://${folder}/ways.py`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("of one of ours only the run is timed, and its state is made afresh and discarded", async () => {
  const said: string[] = [];
  const wait = () => new Promise((later) => setTimeout(later, 40));
  const one = contestant("typescript", "one", {
    fresh: async () => (await wait(), said.push("fresh"), { value: 20 }),
    run: ({ value }) => Promise.resolve(value + 1),
    answer: (_, result) => 2 * (result as number),
    discard: async () => (await wait(), said.push("discarded")),
  });
  const { seconds, answer } = await one.run();
  assertEquals([answer, said], [42, ["fresh", "discarded"]]);
  assert(seconds < 0.04, `${seconds} s`);
});

Deno.test({
  name: "each way of a Python program runs its own function, however they take turns",
  ignore,
  fn: () =>
    withProgram(
      `def three():
    return lambda _: 3, lambda: None, lambda x: [x, x + 1]
serve({"one": ([], lambda: lambda: 1), "two": ([], lambda: lambda: 2), "three": ([], three)})`,
      async (path) => {
        await using python = (await openPython(path, []))!;
        const answers = [];
        for (const i of [0, 1, 2, 0, 1]) answers.push((await python.contestants[i].run()).answer);
        assertEquals(answers, [1, 2, [3, 4], 1, 2]);
      },
    ),
});

Deno.test({
  name: "a way that fails says why, and the others go on; one whose module is missing is named",
  ignore,
  fn: () =>
    withProgram(
      `serve({"bad": ([], lambda: lambda: 1 / 0), "good": ([], lambda: lambda: 7), "odd": (["no_such"], None)})`,
      async (path) => {
        await using python = (await openPython(path, []))!;
        assertEquals(python.contestants.map(({ name }) => name), ["bad", "good"]);
        assertEquals(python.lacking, [{ way: "odd", module: "no_such" }]);
        await assertRejects(() => python.contestants[0].run(), Error, "ZeroDivisionError: division by zero");
        assertEquals((await python.contestants[1].run()).answer, 7);
      },
    ),
});

Deno.test({
  name: "a program that dies says so, each time it is asked, and leaves nothing that could not be ended",
  ignore,
  fn: () =>
    withProgram(
      `import os
serve({"dies": ([], lambda: lambda: os._exit(3)), "good": ([], lambda: lambda: 7)})`,
      async (path) => {
        await using python = (await openPython(path, []))!;
        for (const { run } of python.contestants) await assertRejects(run, Error, "ways.py ended with code 3");
      },
    ),
});

Deno.test("every piece of work has its Python program", async () => {
  for (const { python } of Object.values(workloads)) {
    assertStringIncludes(await Deno.readTextFile(new URL(python, import.meta.url)), "serve({");
  }
});

Deno.test({
  name: "Python and ours come to the same norm, and each is timed",
  ignore,
  async fn() {
    const { found, checks } = await contest("norm", workloads.norm);
    assert(checks.length >= 2 && checks.every(({ passed }) => passed), JSON.stringify(checks));
    assertEquals([...found.keys()].filter((name) => /^(Python 3|reduce$)/.test(name)).length, 2);
    for (const { samples } of found.values()) assert(samples.length >= 1 && samples.every((seconds) => seconds > 0));
  },
});

Deno.test({
  name: "what comes to another answer does not pass",
  ignore,
  async fn() {
    const { checks } = await contest("norm", {
      ...workloads.norm,
      open: () =>
        Promise.resolve({
          contestants: [
            contestant("typescript", "wrong", { fresh: () => 0, run: () => 1, answer: (_, one) => one as number }),
          ],
        }),
    });
    assert(checks.length >= 1 && checks.every(({ passed }) => !passed));
  },
});

Deno.test("an unknown piece of work is refused with one line and exit code 2", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", root)));
  const { code, stderr } = await runScript(tasks.peers.command, { cwd: root, more: ["--only", "sort"] });
  assertEquals(code, 2);
  assertEquals(stderr, `error: --only sort: must be some of ${Object.keys(workloads).join(", ")}\n`);
});
