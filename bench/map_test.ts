import { assertEquals } from "@std/assert";
import { counterparts, formattedMap, mapFile, mapped, originalOf, pathsIn, unknownIn } from "./map.ts";
import { originals } from "./original.ts";

const all = await mapped();

Deno.test("every file of the original has its counterpart here", () => {
  const without = [...counterparts(all)].filter(([, ours]) => ours.length === 0).map(([file]) => file);
  assertEquals(without, []);
  assertEquals(new Set(originals).size, originals.length);
});

Deno.test("no header names a file that the original does not have", () => {
  const wrong = all.flatMap(({ path, source }) => unknownIn(originalOf(source)).map((file) => `${path}: ${file}`));
  assertEquals(wrong, []);
});

Deno.test("an @original may name files, folders, and neighbours of the file before", () => {
  assertEquals(pathsIn("01_understanding/check_prime.py, …/reducing_operations.py (both)"), [
    "01_understanding/check_prime.py",
    "01_understanding/reducing_operations.py",
  ]);
  assertEquals(pathsIn("05_iterators/, the whole"), ["05_iterators/"]);
  assertEquals(pathsIn("none, the book's own words"), []);
  assertEquals(unknownIn("05_iterators/none.py, 05_iterators/fibonacci.py"), ["05_iterators/none.py"]);
});

Deno.test("what names a file stands for it rather than what names the folder around it", () => {
  const script = (path: string, original: string) => ({
    path,
    source: `/**\n * A title.\n *\n * @original ${original}\n * @run deno run ${path}\n * @takes 1 s\n */`,
  });
  const found = counterparts([script("a.ts", "05_iterators/"), script("b.ts", "05_iterators/fibonacci.py")]);
  assertEquals(found.get("05_iterators/fibonacci.py"), ["b.ts"]);
  assertEquals(found.get("05_iterators/lazy_data_analysis.py"), ["a.ts"]);
  assertEquals(found.get("01_understanding/check_prime.py"), []);
});

Deno.test("MAP.md is what the headers say (deno task map)", async () => {
  assertEquals(await Deno.readTextFile(mapFile), await formattedMap());
});
