/**
 * The tours of all chapters, one after the other.
 *
 * @run deno task tour
 * @takes 90 s
 */

import { styleText } from "node:util";

/** The chapters that deno.json has a task for, in the order of the book. */
export async function chapters(): Promise<string[]> {
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("../deno.json", import.meta.url)));
  return Object.keys(tasks).filter((name) => /^ch\d\d$/.test(name)).sort();
}

if (import.meta.main) {
  const failed: string[] = [];
  for (const chapter of await chapters()) {
    const { code } = await new Deno.Command(Deno.execPath(), { args: ["task", chapter, ...Deno.args] }).spawn().status;
    if (code !== 0) failed.push(chapter);
  }
  if (failed.length > 0) {
    console.error(styleText("red", `did not pass: ${failed.join(", ")}`));
    Deno.exit(1);
  }
}
