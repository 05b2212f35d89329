/** What takes part in `deno task peers`: functions here, and ways of a Python program that waits to be asked for them. */

import { fileURLToPath } from "node:url";

/** A number, or several. */
export type Answer = number | number[];

export interface Contestant {
  name: string;
  kind: "typescript" | "python" | "c";
  /** Does the work once. What is prepared and what reads the answer is not timed. */
  run(): Promise<{ seconds: number; answer: Answer }>;
}

/** One of ours. `fresh` makes what a run needs anew; `answer` reads off that, and off what `run` returns or resolves to. */
export function contestant<State>(
  kind: Contestant["kind"],
  name: string,
  { fresh, run, answer, discard }: {
    fresh(): State | Promise<State>;
    run(state: State): unknown;
    answer(state: State, result: unknown): Answer;
    discard?(state: State): unknown;
  },
): Contestant {
  return {
    name,
    kind,
    async run() {
      const state = await fresh();
      try {
        const start = performance.now();
        let result = run(state);
        if (result instanceof Promise) result = await result;
        const seconds = (performance.now() - start) / 1000;
        return { seconds, answer: answer(state, result) };
      } finally {
        await discard?.(state);
      }
    },
  };
}

export interface Python extends AsyncDisposable {
  contestants: Contestant[];
  lacking: { way: string; module: string }[];
}

/** The Pythons to look for: the first on the PATH, and the system's own, for which Debian has the packages. */
export const pythons = ["python3", "/usr/bin/python3"];

/**
 * Starts a program of this folder with the Python that lacks the fewest modules for it. Null where there is no Python.
 * Throws if the program ends before it says what it can do.
 */
export async function openPython(program: string, args: string[]): Promise<Python | null> {
  const opened = (await Promise.all(pythons.map((command) => start(command, program, args)))).filter((one) => !!one);
  opened.sort((a, b) => a.lacking.length - b.lacking.length);
  await Promise.all(opened.slice(1).map((one) => one[Symbol.asyncDispose]()));
  return opened[0] ?? null;
}

/** The lines of what a child prints, as they come. */
async function* linesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string, void> {
  let rest = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
}

async function start(command: string, program: string, args: string[]): Promise<Python | null> {
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(command, {
      args: ["-B", fileURLToPath(new URL(program, import.meta.url)), ...args],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
  const lines = linesOf(child.stdout);
  const writer = child.stdin.getWriter();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${program} ended with code ${(await child.status).code}`);
    return JSON.parse(value);
  };
  const { python, lacking }: { python: string; lacking: Record<string, string | null> } = await next();
  return {
    contestants: Object.keys(lacking).filter((way) => lacking[way] === null).map((way) => ({
      name: way === "Python" ? `Python ${python}` : way,
      kind: "python",
      async run() {
        // If it has ended, what comes next says so, and with which code.
        await writer.write(new TextEncoder().encode(`${way}\n`)).catch(() => {});
        const { error, ...result } = await next();
        if (error) throw new Error(error);
        return result;
      },
    })),
    lacking: Object.keys(lacking).filter((way) => lacking[way] !== null).map((way) => ({ way, module: lacking[way]! })),
    async [Symbol.asyncDispose]() {
      // One that has ended by itself cannot be told to.
      await writer.close().catch(() => {});
      await Promise.all([child.status, lines.return()]);
    },
  };
}
