/** The header of a script: what it says of itself, and running it by what it says. */

export interface Header {
  /** The first sentence or two. */
  title: string;
  /** The original's path, or "none" with a reason. */
  original?: string;
  /** Files of the same folder that belong to the script: whoever copies it, copies them too. */
  beside: string[];
  /** The command line, as the reader types it. */
  run: string;
  /** Seconds. */
  takes: number;
  /** Whether there is a paragraph that begins with «What to notice:». */
  notice: boolean;
}

/** Parses the comment that a script starts with. Throws if it is missing or has no @run or no @takes. */
export function parseHeader(source: string): Header {
  const comment = source.match(/^\/\*\*\n([\s\S]*?)\n \*\//)?.[1];
  if (!comment) throw new Error("the script does not start with a /** header */");
  const lines = comment.split("\n").map((line) => line.replace(/^ \* ?/, ""));
  const tag = (name: string) => lines.find((line) => line.startsWith(`@${name} `))?.slice(name.length + 2).trim();
  const run = tag("run"), takes = tag("takes");
  if (!run) throw new Error("the header has no @run");
  if (!takes?.match(/^\d+ s$/)) throw new Error("the header has no @takes, as in «@takes 1 s»");
  return {
    title: lines.slice(0, lines.indexOf("")).join(" "),
    original: tag("original"),
    beside: tag("beside")?.split(/\s+/) ?? [],
    run,
    takes: parseInt(takes),
    notice: lines.some((line) => line.startsWith("What to notice:")),
  };
}

/**
 * Runs a command line that begins with `deno run` without a prompt: what the flags do not allow, fails.
 * The Deno that runs this is the Deno that runs that.
 */
export async function runScript(commandLine: string, { cwd, more = [], env }: RunOptions): Promise<Finished> {
  const [deno, verb, ...args] = commandLine.split(/\s+/);
  if (deno !== "deno" || verb !== "run") throw new Error(`not a «deno run» command: ${commandLine}`);
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", ...args, ...more],
    cwd,
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

export interface RunOptions {
  cwd: string | URL;
  /** Arguments after the script's own. */
  more?: string[];
  env?: Record<string, string>;
}

export interface Finished {
  code: number;
  stdout: string;
  stderr: string;
}
