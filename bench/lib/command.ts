/** Running another program, where it may well not be installed. */

/** What a command printed and how it ended, or null if there is no such command. */
export async function runCommand(
  command: string,
  args: string[],
  env: Record<string, string> = {},
): Promise<Deno.CommandOutput | null> {
  try {
    return await new Deno.Command(command, { args, env, stdin: "null" }).output();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** Whether a command is there and says its version. */
export async function hasCommand(command: string): Promise<boolean> {
  return (await runCommand(command, ["--version"]))?.success ?? false;
}
