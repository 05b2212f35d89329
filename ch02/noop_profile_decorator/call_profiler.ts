/**
 * The profiler that `@profile` waits for: counts calls and time of marked functions, in a program that knows nothing of
 * it.
 *
 * What to notice: it is loaded before the program (`--preload`) and puts a function `profile` into the global scope; at
 * the end it prints what it counted. Marked functions are slower then, small ones much: counts are exact, times are
 * not. Any script that marks functions as noop_profile.ts does can take its place, with flags of `deno run` before it:
 *
 *     deno run --allow-run=deno ch02/noop_profile_decorator/call_profiler.ts --allow-read=. script.ts argument
 *
 * The program's output, arguments and exit code are its own; the counts go to stderr. It runs in the same thread, so
 * that workers are not counted, and after an error that nobody catches, or a kill, it says nothing.
 *
 * @original 02_profiling/noop_profile_decorator/ (line_profiler's kernprof)
 * @run deno run --allow-run=deno ch02/noop_profile_decorator/call_profiler.ts
 * @takes 2 s
 * @beside noop_profile.ts
 */

/** Calls of a function, and the milliseconds in it and in what it called; recursion counts by its outermost call. */
export interface Calls {
  calls: number;
  total: number;
}

/** Gives a function to put into the global scope as `profile`, and what it has counted by name. */
export function makeProfiler() {
  const counts = new Map<string, Calls>();
  // deno-lint-ignore no-explicit-any -- of a function that is only handed on, nothing is known
  function profile<F extends (...args: any[]) => any>(fn: F, name: string): F {
    const own = counts.get(name) ?? { calls: 0, total: 0 };
    counts.set(name, own);
    let depth = 0;
    function profiled(this: unknown, ...args: unknown[]) {
      const start = performance.now();
      own.calls++;
      depth++;
      try {
        return fn.apply(this, args);
      } finally {
        depth--;
        if (depth === 0) own.total += performance.now() - start;
      }
    }
    return Object.defineProperties(profiled, {
      name: { value: fn.name },
      length: { value: fn.length },
    }) as unknown as F;
  }
  return { profile, counts };
}

// The part that is loaded into the other process.
if (import.meta.url.endsWith("?install")) {
  const { profile, counts } = makeProfiler();
  Object.defineProperty(globalThis, "profile", { value: profile });
  addEventListener("unload", () => {
    const lines = [...counts].map(([name, { calls, total }]) =>
      `${name.padEnd(24)}${`${calls}`.padStart(9)}${total.toFixed(1).padStart(12)}`
    );
    const text = ["profiled                    calls   total, ms", ...lines].join("\n");
    Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));
  });
}

function fail(message: string): never {
  console.error(`error: ${message}`);
  Deno.exit(2);
}

if (import.meta.main) {
  const end = Deno.args.findIndex((arg) => !arg.startsWith("-"));
  const flags = end < 0 ? Deno.args : Deno.args.slice(0, end), command = end < 0 ? [] : Deno.args.slice(end);
  if (flags.includes("--help")) {
    console.log(
      "usage: call_profiler.ts [FLAG OF DENO RUN…] SCRIPT [ARGUMENT…]\n\nCounts the calls of what SCRIPT marks with @profile.",
    );
    Deno.exit();
  }
  const wrong = flags.find((flag) =>
    !/^(-A|-q|--(allow|deny|ignore|no|unstable|v8-flags|config|quiet)\b.*)$/.test(flag)
  );
  if (wrong) fail(`${wrong} is no flag of deno run that this hands on (see --help)`);
  if (flags.length > 0 && command.length === 0) {
    fail("there is no script; usage: call_profiler.ts [FLAG…] SCRIPT [ARGUMENT…]");
  }

  let child: Deno.ChildProcess | undefined;
  const run = async (preload: string[], script: string[]) => {
    child = new Deno.Command("deno", { args: ["run", ...preload, ...flags, ...script], stdin: "inherit" }).spawn();
    return (await child.status).code;
  };
  const install = [`--preload=${import.meta.url}?install`];
  try {
    if (command.length > 0) {
      // A terminal sends Ctrl-C to the script as well. Either way this waits for its end.
      Deno.addSignalListener("SIGINT", () => Deno.stdin.isTerminal() || child?.kill("SIGINT"));
      Deno.exit(await run(install, command));
    }
    const script = [import.meta.resolve("./noop_profile.ts")];
    const codes = [await run([], script), await run(install, script)];
    if (codes.some((code) => code !== 0)) throw new Error(`noop_profile.ts ended with codes ${codes.join(", ")}`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) fail("there is no deno on the PATH; install it: npm install -g deno");
    throw error;
  }
}
