/**
 * Says what this machine has, what each missing part would unlock, and how to get it.
 *
 * @run deno task doctor
 * @takes 1 s
 */

import { describeMachine, isRecent, oldestDeno } from "./lib/machine.ts";
import { renderTable, table } from "./lib/table.ts";
import { installCommand, missingParts, parts } from "./parts.ts";

if (import.meta.main) {
  const machine = await describeMachine();
  const missing = await missingParts();
  console.log(renderTable(table(["machine", { head: "", align: "left" }], [
    ["processor", machine.cpu],
    ["cores", `${machine.cores}${machine.cores === 1 ? " (the scripts with workers run, but cannot be faster)" : ""}`],
    ["memory", `${machine.memory} GiB`],
    ["system", machine.os],
    [
      "Deno",
      `${machine.deno}${
        isRecent(machine.deno) ? "" : `, too old: ${oldestDeno.join(".")} or later is needed (deno upgrade)`
      }`,
    ],
    ["V8", machine.v8],
    ["GPU", machine.gpu ?? "no adapter: the WebGPU scripts of ch06 cannot run"],
  ])));
  console.log();
  console.log(
    renderTable(table(
      ["part", { head: "here", align: "left" }, { head: "what for", align: "left" }, {
        head: "packages",
        align: "left",
      }],
      parts.map((part) => [part.name, missing.includes(part) ? "no" : "yes", part.unlocks, part.packages.join(" ")]),
    )),
  );
  if (missing.length > 0) {
    const apt = Deno.build.os === "linux"
      ? `sudo ${installCommand(missing)}`
      : "see the packages above; they are named after Debian's";
    console.log(`\nto add what is missing: ${apt}`);
  }
}
