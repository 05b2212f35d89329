import { assertEquals } from "@std/assert";
import { linesChanged, linesOfCode, toolsOf } from "./compare.ts";

Deno.test("comments, blank lines and the part that runs the script are no effort", () => {
  const source = `/**
 * A title.
 */

// Why.
const a = 1;

/** What it is. */
export const b = a;

if (import.meta.main) {
  console.log(b);
}
`;
  assertEquals(linesOfCode(source), ["const a = 1;", "export const b = a;"]);
});

Deno.test("only lines that are new or moved have changed", () => {
  assertEquals(linesChanged(["a", "b", "c"], ["a", "b", "c"]), 0);
  assertEquals(linesChanged(["a", "x", "c"], ["a", "b", "c"]), 1);
  assertEquals(linesChanged(["c", "a", "b"], ["a", "b", "c"]), 1);
  assertEquals(linesChanged(["a"], ["a", "b", "c"]), 0);
  assertEquals(linesChanged(["x", "y"], []), 2);
});

Deno.test("what a script needs is what it imports and what it may run", () => {
  const header = (run: string) => `/**\n * A title.\n *\n * @run deno run ${run} a.ts\n * @takes 1 s\n */\n`;
  assertEquals(toolsOf(header("--allow-env=CI") + `await import("npm:assemblyscript@0.28.20/asc");`), [
    "assemblyscript",
  ]);
  assertEquals(toolsOf(header("--allow-run=clang") + `import "npm:@${"a/b"}@1.0.0";`), ["@a/b", "clang"]);
  assertEquals(toolsOf(header("--allow-env=CI") + `import "jsr:@std/cli@1/parse-args";`), []);
});
