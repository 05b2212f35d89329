import { assert, assertEquals } from "@std/assert";
import { parseHeader, runScript } from "./lib/script.ts";
import { findLacks, linksOnly, root, scripts } from "./scripts.ts";

const { techniques } = await scripts();
const lacks = await findLacks();
const links = await linksOnly();

for (const script of techniques) {
  const lack = lacks(script);
  Deno.test({
    name: `${script.path} runs alone in an empty folder, with the permissions of its header${
      lack ? ` (needs ${lack})` : ""
    }`,
    ignore: !!lack,
    async fn() {
      const folder = await Deno.makeTempDir();
      try {
        const file = script.path.split("/").at(-1)!, { beside, run: asPrinted } = parseHeader(script.source);
        const files = [file, ...beside];
        for (const name of files) {
          await Deno.copyFile(new URL(script.path.replace(file, name), root), `${folder}/${name}`);
        }
        await Deno.writeTextFile(`${folder}/deno.json`, links);
        const run = asPrinted.replaceAll(script.path.replace(file, ""), "");
        const { code, stdout, stderr } = await runScript(run, { cwd: folder });
        assertEquals(code, 0, stderr);
        assert(stdout.trim().length > 0, "it printed nothing");
        const left = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name !== "deno.lock");
        assertEquals(left.sort(), ["deno.json", ...files].sort(), "it left something behind");
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}
