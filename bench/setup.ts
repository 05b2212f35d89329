/**
 * Gets what the suite needs beyond npm: asks apt where it may, and says what to type where it may not.
 * Silent if nothing is missing. Never fails: without a part, the scripts that want it say so and the rest goes on.
 *
 * @run deno task setup
 * @takes 1 s
 */

import { installCommand, missingParts } from "./parts.ts";

export async function setUp(): Promise<void> {
  const missing = await missingParts();
  if (missing.length === 0) return;
  const names = missing.map(({ name }) => name).join(", ");
  const command = installCommand(missing);
  if (Deno.build.os !== "linux" || !await asApt(["--version"])) {
    console.error(`going on without: ${names} (\`deno task doctor\` says more)`);
  } else if (Deno.uid() !== 0) {
    console.error(`going on without: ${names}. To add: sudo ${command}`);
  } else {
    console.error(`installing ${names}: ${command}`);
    const installed = await asApt(["update", "-q"]) && await asApt(command.split(" ").slice(1));
    if (!installed) console.error(`apt-get failed; going on without. To see why: ${command}`);
  }
}

async function asApt(args: string[]): Promise<boolean> {
  try {
    const env = { DEBIAN_FRONTEND: "noninteractive" };
    return (await new Deno.Command("apt-get", { args, env, stdout: "null", stderr: "null", stdin: "null" }).output())
      .success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

if (import.meta.main) await setUp();
