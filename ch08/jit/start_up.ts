/**
 * What a program costs before its first line runs: a large npm package imported, cached, bundled, and put off.
 *
 * What to notice: Deno itself starts fast because its own JavaScript comes out of a snapshot of V8's heap, made when Deno
 * was built. What is imported must be found, read, parsed and compiled at each start. The code cache, filled by the
 * runs before, saves compiling (`--no-code-cache` does without). `deno bundle` makes one file of several hundred and leaves out
 * what is never used. V8 helps itself by being lazy: of a function that is not called yet it only finds the end
 * (`--no-lazy` compiles all at once). An `import()` that is never reached costs next to nothing.
 *
 * `deno compile` would put bundle, code cache and runtime into one file, but fetches that runtime over the network first;
 * it is left out here. Snapshots of a program of one's own are for those who embed V8, or use Node (`--build-snapshot`).
 *
 * @original none, chapter 8's question on when a JIT compiler helps
 * @run deno run --allow-run=deno --allow-write=. ch08/jit/start_up.ts
 * @takes 4 s
 */

/** A large package of many modules; what is printed says that it came. */
const importing = `import { View } from "npm:vega@6.4.0";\nconsole.log(typeof View);\n`;
const notReached = `if (Deno.args[0]) await import("npm:vega@6.4.0");\nconsole.log("function");\n`;
const nothing = `console.log("function");\n`;

/** Programs, or the bundle in place of one, and the flags they are run with. */
const cases: Record<string, { program?: string; flags: string[] }> = {
  "nothing": { program: nothing, flags: ["--no-code-cache"] },
  "import, not cached": { program: importing, flags: ["--no-code-cache"] },
  "import, code cache": { program: importing, flags: [] },
  "import(), not reached": { program: notReached, flags: [] },
  "bundle, not cached": { flags: ["--no-code-cache"] },
  "bundle, not lazy": { flags: ["--no-code-cache", "--v8-flags=--no-lazy"] },
  "bundle, code cache": { flags: [] },
};

export interface StartUp {
  /** Seconds from the start of a process to its end, by case: all that were taken. */
  seconds: Record<string, number[]>;
  /** What `deno bundle` said, where it made no bundle: it fetches its bundler from npm when it is first used. */
  bundleFailed?: string;
}

/**
 * Starts a process for each case, in turns.
 *
 * @param folder where a temporary folder is made and removed again
 * @throws `Deno.errors.NotFound` if deno is not on the PATH, and what a process said that failed
 */
export async function startUp({ folder = ".", runs = 5 } = {}): Promise<StartUp> {
  const temporary = await Deno.makeTempDir({ dir: folder });
  const stop = new AbortController(), interrupted = () => stop.abort();
  Deno.addSignalListener("SIGINT", interrupted);
  try {
    const lock = `--lock=${temporary}/deno.lock`, bundle = `${temporary}/bundle.js`, entry = `${temporary}/import.js`;
    // What is cached of these files goes into the folder too, and away with it; the package stays in the usual place.
    const cache = { DENO_DIR: `${temporary}/cache` };
    // After Ctrl-C the process that runs is ended, and then what it left is removed.
    const deno = (args: string[], input: string, env?: Record<string, string>) =>
      runDeno({ args, env, signal: stop.signal }, input);
    const start = ({ program, flags }: typeof cases[string]) =>
      program
        ? deno(["run", "--no-prompt", lock, ...flags, "--ext=js", "-"], program)
        : deno(["run", "--no-prompt", "--no-config", "--no-lock", ...flags, bundle], "", cache);
    // Fetches the package, writes the lock file and fills the code cache.
    await start(cases["import, code cache"]);
    await Deno.writeTextFile(entry, importing);
    const bundled = await deno(["bundle", lock, entry, "-o", bundle], "").catch((error: Error) => error);
    const failed = bundled instanceof Error;

    const seconds: Record<string, number[]> = {};
    const measured = Object.entries(cases).filter(([, { program }]) => program || !failed);
    // The first run of each is not counted.
    for (let run = 0; run <= runs; run++) {
      for (const [name, one] of measured) {
        const begin = performance.now(), printed = await start(one), end = performance.now();
        if (printed.trim() !== "function") throw new Error(`${name} printed ${printed}`);
        if (run > 0) (seconds[name] ??= []).push((end - begin) / 1000);
      }
    }
    return { seconds, bundleFailed: failed ? bundled.message : undefined };
  } finally {
    Deno.removeSignalListener("SIGINT", interrupted);
    await Deno.remove(temporary, { recursive: true });
    if (stop.signal.aborted) Deno.exit(130);
  }
}

/** The median of numbers; NaN of none. */
export function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
}

/** Runs a `deno` with what it is given on its standard input, and gives what it prints. */
async function runDeno(options: Deno.CommandOptions, input: string): Promise<string> {
  const piped = { stdin: "piped", stdout: "piped", stderr: "piped" } as const;
  const child = new Deno.Command("deno", { ...options, ...piped }).spawn();
  // One that does not read to the end says why on its standard error.
  const feed = new Response(input).body!.pipeTo(child.stdin).catch(() => {});
  const [{ code, stdout, stderr }] = await Promise.all([child.output(), feed]);
  if (code !== 0) {
    throw new Error(`deno ${options.args![0]} ended with code ${code}: ${new TextDecoder().decode(stderr)}`);
  }
  return new TextDecoder().decode(stdout);
}

if (import.meta.main) {
  let found: StartUp;
  try {
    found = await startUp({ runs: 3 });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    console.error("error: there is no deno on the PATH to start; install it: npm install -g deno");
    Deno.exit(2);
  }
  const { seconds, bundleFailed } = found;
  for (const [name, times] of Object.entries(seconds)) {
    console.log(name.padEnd(22), `${(median(times) * 1e3).toFixed(0).padStart(4)} ms`);
  }
  if (bundleFailed) console.log(`without the bundle: ${bundleFailed}`);
}
