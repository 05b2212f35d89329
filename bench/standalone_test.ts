import { assert, assertEquals } from "@std/assert";
import { parseHeader, runScript } from "./lib/script.ts";
import { findLacks, linksOnly, scripts } from "./scripts.ts";

const { techniques } = await scripts();
const lacks = await findLacks();
const links = await linksOnly();

for (const script of techniques) {
  const lack = lacks(script);
  Deno.test({
    name: `${script.path} runs when it is copied alone into an empty folder${lack ? ` (needs ${lack})` : ""}`,
    ignore: !!lack,
    async fn() {
      const folder = await Deno.makeTempDir();
      try {
        const file = script.path.split("/").at(-1)!;
        await Deno.writeTextFile(`${folder}/${file}`, script.source);
        await Deno.writeTextFile(`${folder}/deno.json`, links);
        const run = parseHeader(script.source).run.replaceAll(script.path, file);
        const { code, stdout, stderr } = await runScript(run, { cwd: folder });
        assertEquals(code, 0, stderr);
        assert(stdout.trim().length > 0, "it printed nothing");
        const left = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name !== "deno.lock");
        assertEquals(left.sort(), ["deno.json", file].sort(), "it left something behind");
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}
