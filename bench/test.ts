/**
 * All checks in one: format, lint, types, tests. The last line counts; the exit code is 0 only if all is well.
 *
 * @run deno task test
 * @takes 150 s
 */

import { styleText } from "node:util";

const root = new URL("..", import.meta.url);

/** Runs a `deno` command, showing what it prints, and returns how it ended, and that text. */
async function deno(...args: string[]): Promise<{ code: number; signal: string | null; text: string }> {
  console.log(styleText("bold", `deno ${args.join(" ")}`));
  const child = new Deno.Command(Deno.execPath(), {
    args,
    cwd: root,
    stdout: "piped",
    stderr: "inherit",
    stdin: "null",
  })
    .spawn();
  let text = "";
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    await Deno.stdout.write(new TextEncoder().encode(chunk));
    text += chunk;
  }
  const { code, signal } = await child.status;
  return { code, signal, text };
}

/** What `deno test` says at its end, as in «ok | 12 passed (3 steps) | 0 failed | 1 ignored (2s)». */
export function parseCounts(text: string): { passed: number; failed: number; skipped: number } {
  // deno-lint-ignore no-control-regex
  const plain = text.replace(/\x1b\[[0-9;]*m/g, "");
  const summary = [...plain.matchAll(/^(?:ok|FAILED) \|.*$/gm)].at(-1)?.[0];
  if (!summary) throw new Error("deno test did not say how many tests it ran");
  const count = (word: string) => Number(summary.match(new RegExp(`(\\d+) ${word}`))?.[1] ?? 0);
  return { passed: count("passed"), failed: count("failed"), skipped: count("ignored") };
}

if (import.meta.main) {
  let failed = 0;
  for (const check of [["fmt", "--check"], ["lint"], ["check"]]) {
    if ((await deno(...check)).code !== 0) failed++;
  }
  // Tests start scripts, each with its own permissions, and read what any of them may touch.
  const test = () =>
    deno(
      "test",
      // They were checked a moment ago.
      "--no-check",
      "--parallel",
      "--allow-read",
      "--allow-write",
      "--allow-run",
      "--allow-env",
      "--allow-ffi",
      "--allow-sys",
      "--allow-net=127.0.0.1",
    );
  let tests = await test();
  // Deno 2.9.6 was once seen to crash on its way out, after its last test had passed. Only a run that ends well counts.
  if (tests.signal && parseCounts(tests.text).failed === 0) {
    console.log(styleText("red", `no test failed, but ${tests.signal} ended deno test itself; all of it once more`));
    tests = await test();
  }
  const counts = parseCounts(tests.text);
  failed += counts.failed;
  if (tests.code !== 0 && counts.failed === 0) {
    console.log(styleText("red", `deno test itself ended with code ${tests.code}, though no test failed`));
    failed++;
  }
  // On a machine of its own, setup has installed every part: nothing has a reason to be skipped.
  const skipFails = Deno.env.get("CI") === "true" && counts.skipped > 0;
  if (skipFails) console.log(styleText("red", "with CI=true a skipped test is a failure"));
  console.log(
    `test: ${counts.passed} passed, ${failed + (skipFails ? counts.skipped : 0)} failed, ${counts.skipped} skipped`,
  );
  if (failed > 0 || skipFails) Deno.exit(1);
}
