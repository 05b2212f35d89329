/**
 * The tours of all chapters, one after the other. With `--brief`, which measures nothing that counts, two at a time.
 *
 * @run deno task tour
 * @takes 15 min
 */

import { pooledMap } from "@std/async/pool";
import { styleText } from "node:util";

/** The chapters that deno.json has a task for, in the order of the book. */
export async function chapters(): Promise<string[]> {
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("../deno.json", import.meta.url)));
  return Object.keys(tasks).filter((name) => /^ch\d\d$/.test(name)).sort();
}

/** Runs a chapter's tour and returns its exit code. If others run beside it, it is heard only when it is through. */
async function tour(chapter: string, beside: boolean): Promise<number> {
  const stdout = beside ? "piped" : "inherit";
  const child = new Deno.Command(Deno.execPath(), {
    args: ["task", chapter, ...Deno.args],
    stdin: beside ? "null" : "inherit",
    stdout,
    stderr: stdout,
  }).spawn();
  if (!beside) return (await child.status).code;
  const { code, stdout: said, stderr: progress } = await child.output();
  // A write may take only a part.
  for (const [stream, bytes] of [[Deno.stderr, progress], [Deno.stdout, said]] as const) {
    for (let sent = 0; sent < bytes.length;) sent += await stream.write(bytes.subarray(sent));
  }
  return code;
}

if (import.meta.main) {
  const brief = Deno.args.includes("--brief");
  const failed: string[] = [];
  const tours = pooledMap(brief ? 2 : 1, await chapters(), async (chapter) => ({
    chapter,
    code: await tour(chapter, brief),
  }));
  for await (const { chapter, code } of tours) if (code !== 0) failed.push(chapter);
  if (failed.length > 0) {
    console.error(styleText("red", `did not pass: ${failed.join(", ")}`));
    Deno.exit(1);
  }
}
