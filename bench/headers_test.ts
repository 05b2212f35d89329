import { assert, assertEquals } from "@std/assert";
import { parseHeader, runScript } from "./lib/script.ts";
import { root, scripts, sourceFiles } from "./scripts.ts";

const { techniques, compares } = await scripts();

Deno.test("every technique says what it shows, where it comes from, and how to run it", () => {
  for (const { path, source } of techniques) {
    const header = parseHeader(source);
    assert(header.title.length > 0, `${path} has no title`);
    assert(header.notice, `${path} does not say what to notice`);
    assert(header.original, `${path} has no @original`);
    assert(header.run.includes(path), `${path} has an @run that does not run it`);
  }
});

/** Packages with a library of machine code, which lies in the cache of npm packages, wherever a machine has that. */
const nativePackages = /"(npm:)?(nodejs-polars|@duckdb\/node-api)\b/;

Deno.test("no script asks for all permissions", () => {
  for (const { path, source } of [...techniques, ...compares]) {
    const flags = parseHeader(source).run.split(/\s+/);
    for (
      const flag of ["-A", "--allow-all", "--allow-run", "--allow-ffi", "--allow-net", "--allow-write", "--allow-env"]
    ) {
      // A compare loads the library through the techniques beside it.
      const folder = path.replace(/[^/]*$/, "");
      const sources = compares.some((compare) => compare.path === path)
        ? techniques.filter(({ path }) => path.startsWith(folder)).map(({ source }) => source)
        : [source];
      if (flag === "--allow-ffi" && sources.some((source) => nativePackages.test(source))) continue;
      assert(!flags.includes(flag), `${path} runs with ${flag}, which is not narrowed`);
    }
  }
});

Deno.test("no technique imports a file of this repository", () => {
  for (const { path, source } of techniques) {
    for (const specifier of importedSpecifiers(source)) {
      assert(/^(jsr|npm|node):/.test(specifier), `${path} imports ${specifier}`);
    }
  }
});

Deno.test("chapters do not import each other, and bench/lib imports no chapter", async () => {
  for (const path of await sourceFiles("")) {
    const own = path.match(/^(ch\d\d)\//)?.[1];
    if (!own && !path.startsWith("bench/lib/")) continue;
    for (const specifier of importedSpecifiers(await Deno.readTextFile(new URL(path, root)))) {
      const other = specifier.match(/\/(ch\d\d)\//)?.[1];
      assert(!other || other === own, `${path} imports ${specifier}`);
    }
  }
});

Deno.test("the versions written in scripts are those of deno.json", async () => {
  const { imports } = JSON.parse(await Deno.readTextFile(new URL("deno.json", root)));
  const pinned = new Map(Object.values<string>(imports).map((specifier) => [nameOf(specifier), specifier]));
  for (const path of await sourceFiles("")) {
    const source = await Deno.readTextFile(new URL(path, root));
    for (const [, specifier] of source.matchAll(/"((?:jsr|npm):[\w@./-]+)"/g)) {
      const expected = pinned.get(nameOf(specifier));
      const here = specifier.match(/^(?:jsr|npm):@?[^@]+@[^/]+/)?.[0];
      assertEquals(here, expected, `${path} imports ${specifier}`);
    }
  }
});

// That they run as it says, standalone_test.ts sees.

// The tours run the compares as their headers say; here only what `--help` needs: all imports, and nothing written.
for (const { path, source } of compares) {
  Deno.test(`${path} explains itself`, async () => {
    const { code, stdout, stderr } = await runScript(parseHeader(source).run, { cwd: root, more: ["--help"] });
    assertEquals(code, 0, stderr);
    assert(stdout.includes("--full"), stdout);
  });
}

function nameOf(specifier: string): string {
  return specifier.replace(/^(jsr|npm):/, "").match(/^@?[^@]+/)![0];
}

function importedSpecifiers(source: string): string[] {
  return [...source.matchAll(/(?:\bfrom|(?<!\()\bimport)\s*\(?\s*"([^"\s]+)"/g)].map(([, specifier]) => specifier);
}
