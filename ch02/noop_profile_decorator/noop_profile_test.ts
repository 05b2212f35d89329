import { assert, assertEquals, assertMatch, assertStrictEquals, assertThrows } from "@std/assert";
import { hasCommand } from "../../bench/lib/command.ts";
import { parseHeader, runScript } from "../../bench/lib/script.ts";
import { makeProfiler } from "./call_profiler.ts";
import { mean, Primes, profile, type Profiler, UnmarkedPrimes } from "./noop_profile.ts";

const root = new URL("../../", import.meta.url);
const { run } = parseHeader(await Deno.readTextFile(new URL("call_profiler.ts", import.meta.url)));
const ignore = !await hasCommand("deno");

/** With a profiler in the global scope for as long as `use` runs. */
function withProfiler(profiler: Profiler, use: () => void): void {
  const scope = globalThis as { profile?: Profiler };
  scope.profile = profiler;
  try {
    use();
  } finally {
    delete scope.profile;
  }
}

/** A class that is made, and so decorated, now. */
function makeCounter() {
  return new class Counter {
    count = 0;
    @profile
    add(n: number): number {
      if (n < 0) throw new RangeError("negative");
      return n === 0 ? this.count : (this.count++, this.add(n - 1));
    }
  }();
}

Deno.test("the marked code is tested as it is, with no profiler there", () => {
  // The sum of the primes below 1000, OEIS A046731.
  assertEquals(new Primes().sum(1000), 76127);
  assertEquals([0, 1, 2, 3, 4, 25, 29].filter((n) => new Primes().isPrime(n)), [2, 3, 29]);
  assertEquals(new UnmarkedPrimes().sum(1000), 76127);
  assertEquals(mean([1, 2, 6]), 3);
});

Deno.test("without a profiler a marked function is the very function, and a marked method the one that was written", () => {
  const square = (x: number) => x * x;
  assertStrictEquals(profile(square), square);
  assertEquals(`${Primes.prototype.isPrime}`, `${UnmarkedPrimes.prototype.isPrime}`);
  assertEquals(makeCounter().add(3), 3);
});

Deno.test("a profiler counts calls by name, recursion too, and changes neither this, result, name nor errors", () => {
  const { profile: profiler, counts } = makeProfiler();
  withProfiler(profiler, () => {
    const counter = makeCounter(),
      square = profile(function square(x: number) {
        return x * x;
      });
    assertEquals([counter.add(3), counter.count, counter.add.name, counter.add.length], [3, 3, "add", 1]);
    assertEquals([square(5), square(6), square.name], [25, 36, "square"]);
    assertThrows(() => counter.add(-1), RangeError, "negative");
    assertEquals([...counts].map(([name, { calls }]) => [name, calls]), [["add", 5], ["square", 2]]);
    assert([...counts.values()].every(({ total }) => total >= 0));
  });
});

Deno.test("the time of a function that calls itself is that of its outermost call", () => {
  const { profile: profiler, counts } = makeProfiler();
  const pause: (depth: number) => void = profiler((depth: number) => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    if (depth > 0) pause(depth - 1);
  }, "pause");
  const start = performance.now();
  pause(4);
  const passed = performance.now() - start, { calls, total } = counts.get("pause")!;
  assertEquals(calls, 5);
  assert(total >= 95 && total <= passed, `${total} of ${passed} ms`);
});

Deno.test({
  name: "a profiled program keeps its output, arguments, permissions and exit code, and gets its counts on stderr",
  ignore,
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      const marks = import.meta.resolve("./noop_profile.ts"), script = `${folder}/script.ts`;
      await Deno.writeTextFile(
        script,
        `import { Primes, mean } from ${JSON.stringify(marks)};
        console.log(new Primes().sum(100), mean([1, 3]), Deno.args.join(), Deno.permissions.querySync({ name: "env" }).state);
        Deno.exit(4);`,
      );
      const more = ["--allow-env", `--allow-import`, script, "--help", "x"];
      const { code, stdout, stderr } = await runScript(run, { cwd: root, more });
      assertEquals([code, stdout], [4, "1060 2 --help,x granted\n"], stderr);
      assertMatch(stderr, /^profiled +calls +total, ms\nisPrime +100 +[\d.]+\nsum +1 +[\d.]+\nmean +1 +[\d.]+\n$/);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test("bad flags are refused with one line and exit code 2, and so is a PATH without deno", async () => {
  const refused: [string[], RegExp][] = [
    [["--count", "x.ts"], /^error: --count is no flag of deno run that this hands on \(see --help\)\n$/],
    [["--allow-env"], /^error: there is no script; usage: [^\n]*\n$/],
  ];
  for (const [more, message] of refused) {
    const { code, stdout, stderr } = await runScript(run, { cwd: root, more });
    assertEquals([code, stdout], [2, ""]);
    assertMatch(stderr, message);
  }
  const { code, stderr } = await runScript(run, { cwd: root, env: { PATH: "" } });
  assertEquals(code, 2);
  assertMatch(stderr, /^error: there is no deno on the PATH; install it: npm install -g deno\n$/m);
});
