/**
 * A count in a file, added to by several processes without a lock. Wrong: it loses most of it.
 *
 * What to notice: an increment is read, add, write. Two processes that read the same number write the same number,
 * and one increment is gone. It gets worse: writing a file begins by making it empty, and who reads at that moment
 * reads nothing, begins again at 0 and throws away everything that all have counted. With one process nothing is
 * lost, so a test with one finds nothing. (That an increment takes long here is not for want of a lock: opening and
 * emptying takes it.)
 *
 * @original 10_multiprocessing/locking/ex1_nolock1.py, 10_multiprocessing/locking/ex1_nolock4.py
 * @run deno run --allow-run=deno --allow-read=. --allow-write=. ch10/locking/file_unlocked.ts
 * @takes 1 s
 */

/** Adds one to the number in a file, `each` times. An empty file counts as 0. */
export function count(path: string, each: number): void {
  for (let i = 0; i < each; i++) {
    const number = Number(Deno.readTextFileSync(path));
    Deno.writeTextFileSync(path, `${number + 1}\n`);
  }
}

/**
 * Starts processes that count in one file, which begins empty.
 *
 * @param folder where a temporary folder is made, and removed by `close` and after Ctrl-C
 */
export async function experiment(workers: number, folder = ".") {
  const place = await Deno.makeTempDir({ dir: folder }), path = `${place}/count.txt`;
  const processes: Deno.ChildProcess[] = [];
  const stop = () => {
    Deno.removeSignalListener("SIGINT", interrupted);
    for (const process of processes) kill(process);
    Deno.removeSync(place, { recursive: true });
  };
  const interrupted = () => (stop(), Deno.exit(130));
  Deno.addSignalListener("SIGINT", interrupted);
  // Each may touch the count and nothing else. The end of its input is its end, also where this process was killed.
  const args = ["run", "--no-prompt", `--allow-read=${path}`, `--allow-write=${path}`, import.meta.url, "--in", path];
  const start = () => {
    const process = new Deno.Command("deno", { args, stdin: "piped", stdout: "piped" }).spawn();
    processes.push(process);
    return { to: process.stdin.getWriter(), from: process.stdout.getReader() };
  };
  const hear = async ({ from }: ReturnType<typeof start>) => {
    const { done } = await from.read();
    if (done) throw new Error("a process ended before it had counted");
  };
  let ends: ReturnType<typeof start>[];
  try {
    await Deno.writeTextFile(path, "");
    ends = Array.from({ length: workers }, start);
    await Promise.all(ends.map(hear));
  } catch (error) {
    stop();
    throw error;
  }
  return {
    /**
     * Has every process add one `each` times, all at once. Returns what the file then says. After an error only
     * `close` is left.
     */
    async run(each: number): Promise<number> {
      await Deno.writeTextFile(path, "");
      await Promise.all(ends.map(async (end) => {
        // If it is not there any more, there is nothing to hear either.
        await end.to.write(new TextEncoder().encode(`${each}`)).catch(() => {});
        await hear(end);
      }));
      return Number(await Deno.readTextFile(path));
    },
    async close() {
      for (const { to } of ends) await to.close().catch(() => {});
      await Promise.all(processes.map(({ status }) => status));
      await Promise.all(ends.map(({ from }) => from.cancel()));
      stop();
    },
    /** The processes' ids. */
    pids: processes.map(({ pid }) => pid),
  };
}

/** Ends a process, if it has not ended yet. */
function kill(process: Deno.ChildProcess) {
  try {
    process.kill("SIGKILL");
  } catch {
    // It has ended.
  }
}

/** The other side: a process that says «ready», and then counts as often as each line says. */
function serve(path: string) {
  const line = new Uint8Array(32), ready = new TextEncoder().encode("ready\n");
  for (;;) {
    Deno.stdout.writeSync(ready);
    const length = Deno.stdin.readSync(line);
    if (!length) return;
    count(path, Number(new TextDecoder().decode(line.subarray(0, length))));
  }
}

if (import.meta.main && Deno.args[0] === "--in") {
  serve(Deno.args[1]);
} else if (import.meta.main) {
  const { parseArgs } = await import("jsr:@std/cli@1/parse-args");
  const refuse = (message: string) => (console.error(`error: ${message}`), Deno.exit(2));
  const flags = parseArgs(Deno.args, {
    string: ["workers", "each"],
    boolean: "help",
    default: { workers: "4", each: "1000" },
    unknown: (argument) => refuse(`${argument}: there is only --workers, --each and --help`),
  });
  if (flags.help) {
    console.log(
      "Processes count in one file.\n  --workers N  1 to 64\n  --each N     how often each adds one, 1 to 1000000",
    );
    Deno.exit(0);
  }
  const number = (name: "workers" | "each", most: number) => {
    const value = Number(flags[name] || NaN);
    if (Number.isInteger(value) && value >= 1 && value <= most) return value;
    return refuse(`--${name} ${flags[name]}: must be a whole number from 1 to ${most}`);
  };
  const workers = number("workers", 64), each = number("each", 1000000);

  const { run, close } = await experiment(workers);
  try {
    await run(100);
    const start = performance.now(), counted = await run(each), expected = workers * each;
    const time = (performance.now() - start) / expected * 1000;
    const lost = (100 * (expected - counted) / expected).toFixed(1);
    console.log(`${workers} processes added one ${each} times each: the file says ${counted}, not ${expected}`);
    console.log(`lost: ${lost}%; ${time.toFixed(1)} µs an increment`);
    if (!(counted >= 1 && counted <= expected)) throw new Error(`nobody wrote ${counted}`);
    if (workers === 1 && counted !== expected) throw new Error("there was nobody to lose to");
  } finally {
    await close();
  }
}
