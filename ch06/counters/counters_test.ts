import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { hasCommand } from "../../bench/lib/command.ts";
import { countMisses, numbers, parseSummary } from "./cache_misses.ts";
import { countResources } from "./page_faults.ts";

const hasValgrind = await hasCommand("valgrind");
const countsFaults = Deno.build.os !== "windows";

const summary = `==4711== Cachegrind, a cache and branch-prediction profiler
==4711== Command: deno run -
--4711-- warning: L3 cache found, using its data for the LL simulation.
error: a line of the program's own, I   refs: 1
==4711==
==4711== I   refs:      172,257,311
==4711== I1  misses:        200,348
==4711== LLi misses:         53,360
==4711== I1  miss rate:        0.12%
==4711==
==4711== D   refs:       55,301,927  (34,889,505 rd   + 20,412,422 wr)
==4711== D1  misses:        667,732  (   344,551 rd   +    323,181 wr)
==4711== LLd misses:            512  (         0 rd   +        512 wr)
==4711== D1  miss rate:         1.2% (       1.0%     +        1.6%  )
==4711==
==4711== LL refs:           868,080  (   544,899 rd   +    323,181 wr)
==4711== LL misses:         565,719  (   288,740 rd   +    276,979 wr)
`;

Deno.test("the summary of cachegrind is read: instructions, and of data only the reads", () => {
  assertEquals(parseSummary(summary), {
    instructions: 172_257_311,
    reads: 34_889_505,
    d1Misses: 344_551,
    llMisses: 0,
  });
});

Deno.test("a summary without the lines of the caches is refused, naming the line", () => {
  assertThrows(() => parseSummary(""), Error, "cachegrind printed no line «I refs»");
  // What a newer cachegrind prints where nobody asks it to simulate caches.
  assertThrows(() => parseSummary("==1== I refs:        1,234,567\n"), Error, "cachegrind printed no line «D refs»");
});

Deno.test({
  name: "row order misses D1 once for 8 numbers and column order once for each, as the size of a line demands",
  ignore: !hasValgrind,
  async fn() {
    const { rows, columns, "columns, padded": padded } = await countMisses();
    const near = (count: number, expected: number) =>
      assert(Math.abs(count / numbers / expected - 1) < 0.2, `${count}`);
    near(rows.d1Misses, 1 / 8);
    near(columns.d1Misses, 1);
    near(padded.d1Misses, 1);
    // The matrix outgrows the last cache; a column's 2048 lines (128 KiB) fit it only where they do not compete.
    near(rows.llMisses, 1 / 8);
    near(columns.llMisses, 1);
    near(padded.llMisses, 1 / 8);
    // Each number is read, and takes at least an addition, a comparison and a step of the index.
    for (const { reads, instructions } of [rows, columns, padded]) {
      assert(reads >= numbers && instructions >= 3 * numbers, `${reads} reads, ${instructions} instructions`);
    }
  },
});

Deno.test("a cache that cannot be simulated is refused with one line and exit code 2", async () => {
  for (const value of ["32768", "32768,8", "40000,8,64", "0,8,64", "32768,8,0", "a,b,c"]) {
    const { code, stderr } = await run(["--allow-run=valgrind"], "cache_misses.ts", "--d1", value);
    assertEquals(code, 2);
    assertEquals(stderr.trim().split("\n").length, 1, stderr);
    assert(stderr.startsWith(`error: --d1 ${value}: must be BYTES,WAYS,LINE`), stderr);
  }
});

Deno.test("without valgrind the command that installs it is named, with exit code 2", async () => {
  const { code, stderr } = await run(["--allow-run=valgrind"], "cache_misses.ts", { PATH: "" });
  assertEquals(code, 2);
  assert(stderr.includes("error: there is no valgrind; install it: apt-get install valgrind\n"), stderr);
});

Deno.test({
  name: "a script that touches a known number of pages is seen to fault on them",
  ignore: !countsFaults,
  async fn() {
    await withScript(
      "const values = new Float64Array(Number(Deno.args[0])); for (let i = 0; i < values.length; i += 512) values[i] = 1;",
      async (script) => {
        const [few, many] = await Promise.all(
          [2 ** 20, 2 ** 24].map((length) => countResources(script, { args: [`${length}`], quiet: true })),
        );
        const bytes = 8 * (2 ** 24 - 2 ** 20), faults = many.minorFaults - few.minorFaults, each = bytes / faults;
        // A fault brings a page of 4 KiB or, where the system so wishes, a larger one of up to 2 MiB.
        assert(faults >= 0.9 * bytes / 2 ** 21, `${faults} faults cannot have brought ${bytes} bytes`);
        if (Deno.build.arch === "x86_64" && each < 4 * 4096) {
          assert(many.minorFaults >= 8 * 2 ** 24 / 4096, `${many.minorFaults} faults for ${2 ** 27} bytes`);
        }
        assert(many.peak >= 2 ** 27, `a peak of ${many.peak} bytes`);
      },
    );
  },
});

Deno.test({
  name: "the counts begin with the script: a script that does nothing has few, and waiting takes no processor time",
  ignore: !countsFaults,
  async fn() {
    await withScript("await new Promise((resolve) => setTimeout(resolve, 300));", async (script) => {
      const { wall, user, system, minorFaults, voluntarySwitches } = await countResources(script);
      // The runtime's own start faults on thousands of pages.
      assert(minorFaults < 1000, `${minorFaults} faults`);
      assert(wall >= 300 && user + system < wall, `${user} ms and ${system} ms of ${wall} ms`);
      assert(voluntarySwitches >= 1);
    });
  },
});

Deno.test({
  name: "what a script prints passes through, and its exit counts as its end",
  ignore: !countsFaults,
  async fn() {
    const source = "console.log('out', ...Deno.args); console.error('err'); if (Deno.args[1]) Deno.exit(0);";
    await withScript(source, async (script) => {
      const { code, stdout, stderr } = await run(
        ["--allow-run=deno"],
        "page_faults.ts",
        script,
        "one",
        "two",
        "--",
        "-q",
      );
      assertEquals([code, stderr], [0, "err\n"]);
      assert(stdout.startsWith("out one two\n"), stdout);
      assert(/^minor page faults +\d+$/m.test(stdout), stdout);
    });
  },
});

Deno.test("a script runs with the permissions it was given and no others", async () => {
  await withScript(
    "Deno.exit(Deno.permissions.querySync({ name: 'env' }).state === 'granted' ? 0 : 9);",
    async (script) => {
      await assertRejects(() => countResources(script, { quiet: true }), Error, "ended with code 9");
      await countResources(script, { flags: ["--allow-env"] });
    },
  );
});

Deno.test({
  name: "bad arguments are refused with one line and exit code 2, and so is a script that fails",
  ignore: !countsFaults,
  async fn() {
    const cases: [string[], string][] = [
      [["--touch"], "error: --touch is no script"],
      [["--", "--allow-env"], "error: after --: flags need a script"],
      [["x.ts", "--", "read"], "error: after --: read must be a flag of deno run"],
      [["no_such_script.ts"], "error: no_such_script.ts ended with code 1"],
    ];
    for (const [args, expected] of cases) {
      const { code, stdout, stderr } = await run(["--allow-run=deno"], "page_faults.ts", ...args);
      assertEquals([code, stdout], [2, ""]);
      assert(stderr.trimEnd().split("\n").at(-1)!.startsWith(expected), stderr);
    }
  },
});

/** Runs a script of this folder with the given flags, arguments, and, at the end, environment. */
async function run(flags: string[], file: string, ...rest: (string | Record<string, string>)[]) {
  const args = rest.filter((item) => typeof item === "string");
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", ...flags, import.meta.resolve(`./${file}`), ...args],
    env: { NO_COLOR: "1", ...rest.find((item) => typeof item === "object") },
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

/** Writes a script to a folder of its own for as long as `use` needs it. */
async function withScript(source: string, use: (path: string) => Promise<void>) {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/script.ts`, source);
    await use(`${folder}/script.ts`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
