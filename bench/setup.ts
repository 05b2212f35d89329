/**
 * Gets what the suite needs beyond npm: asks apt where it may, and says what to type where it may not.
 * Silent if nothing is missing. Never fails: without a part, the scripts that want it say so and the rest goes on.
 *
 * @run deno task setup
 * @takes 1 s
 */

import { hasCommand, runCommand } from "./lib/command.ts";
import { installCommand, missingParts } from "./parts.ts";

export async function setUp(): Promise<void> {
  const missing = await missingParts();
  if (missing.length === 0) return;
  const names = missing.map(({ name }) => name).join(", ");
  const command = installCommand(missing);
  if (Deno.build.os !== "linux" || !await hasCommand("apt-get")) {
    console.error(`going on without: ${names} (\`deno task doctor\` says more)`);
  } else if (Deno.uid() !== 0) {
    console.error(`going on without: ${names}. To add: sudo ${command}`);
  } else {
    console.error(`installing ${names}: ${command}`);
    const apt = async (...args: string[]) =>
      (await runCommand("apt-get", args, { DEBIAN_FRONTEND: "noninteractive" }))?.success;
    const installed = await apt("update", "-q") && await apt(...command.split(" ").slice(1));
    if (!installed) console.error(`apt-get failed; going on without. To see why: ${command}`);
  }
}

if (import.meta.main) await setUp();
