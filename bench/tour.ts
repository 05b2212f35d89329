/**
 * The tours of all chapters, one after the other. With `--brief`, which measures nothing that counts, most of them two at
 * a time.
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

/** Chapters that check shares of time, which other work would shift: nothing runs beside them. */
const alone = ["ch02", "ch09"];

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
  const all = await chapters(), failed: string[] = [];
  const together = Deno.args.includes("--brief") ? all.filter((chapter) => !alone.includes(chapter)) : [];
  for (const chapter of all.filter((chapter) => !together.includes(chapter))) {
    if (await tour(chapter, false) !== 0) failed.push(chapter);
  }
  for await (
    const [chapter, code] of pooledMap(2, together, async (chapter) => [chapter, await tour(chapter, true)] as const)
  ) {
    if (code !== 0) failed.push(chapter);
  }
  if (failed.length > 0) {
    console.error(styleText("red", `did not pass: ${failed.join(", ")}`));
    Deno.exit(1);
  }
}
