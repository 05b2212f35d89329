/**
 * Gets what the suite needs beyond npm: asks apt where it may, and says what to type where it may not.
 * Silent if nothing is missing. Never fails: without a part, the scripts that want it say so and the rest goes on.
 *
 * @run deno task setup
 * @takes 1 s
 */

import { parseArgs } from "@std/cli/parse-args";
import { hasCommand, runCommand } from "./lib/command.ts";
import { fail } from "./lib/flags.ts";
import { installCommand, missingParts, type Part, peerPackages } from "./parts.ts";

/** Gets the parts that are missing, and for `peers` what Python needs for the comparison with it. */
export async function setUp({ peers = false } = {}): Promise<void> {
  const missing: Pick<Part, "name" | "packages">[] = await missingParts();
  // Whether they are there, apt knows best; it is quick where nothing is to do.
  if (peers) missing.push({ name: "Python's modules", packages: peerPackages });
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

if (import.meta.main) {
  const { peers } = parseArgs(Deno.args, {
    boolean: ["peers"],
    unknown: (argument) => fail(`${argument} is not a flag of setup: there is only --peers`),
  });
  await setUp({ peers });
}
