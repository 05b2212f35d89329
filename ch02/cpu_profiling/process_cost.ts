/**
 * What a whole process costs: time, share of the processor, peak memory, page faults, context switches.
 *
 * What to notice: this is the place to begin, since it leaves nothing out: Deno's start, all threads, what the script
 * itself starts and waits for, and a crash. User time near the wall time: the script computes. Far below it: it waits.
 * Above it: several threads work. Much system time or many faults: it asks for memory, or for files. A few large
 * numbers say where to look next.
 *
 *     deno run --allow-read=. --allow-run=deno --allow-ffi=/lib,/lib64,/usr/lib ch02/cpu_profiling/process_cost.ts \
 *       --repeat=5 --allow-read=data.csv script.ts argument
 *
 * The kernel keeps these counts for every process and hands them to whoever waited for its end, by `getrusage`, as
 * `/usr/bin/time --verbose` has them too. Deno does not ask for them, so that the C library is called.
 *
 * What it cannot see: which function or line it was, and whether a page fault or a switch was the script's doing or
 * that of V8's threads. A process left running in the background is not waited for and not counted. The kernel begins a
 * child's peak with what its parent held when starting it, so that a peak below this script's own is no more than a
 * bound. Of several runs only the highest peak is known. Linux and macOS.
 *
 * @original none, the book's `/usr/bin/time --verbose`
 * @run deno run --allow-read=. --allow-run=deno --allow-ffi=/lib,/lib64,/usr/lib ch02/cpu_profiling/process_cost.ts
 * @takes 2 s
 */

export interface Cost {
  /** Milliseconds from before its start to after its end. */
  wall: number;
  /** Milliseconds of processor time in the process and in the kernel on its behalf, all threads together. */
  user: number;
  system: number;
  /** User and system time in percent of the wall time: 100 is one processor all the time. */
  share: number;
  /** Pages mapped without, and with reading them from a disk. */
  minorFaults: number;
  majorFaults: number;
  /** How often it gave up the processor by waiting, and how often it was taken away. */
  voluntarySwitches: number;
  involuntarySwitches: number;
}

/** What the kernel has counted so far. Of children the counts only grow: what one took is the difference. */
interface Usage extends Omit<Cost, "wall" | "share"> {
  /** The highest peak of any of them, in bytes. */
  peak: number;
}

/** Asks for the counts of this process, or of all its children that have ended. */
export type GetUsage = (whose: "own" | "children") => Usage;

/** Opens the C library for `getrusage`. Throws if there is none where Linux and macOS keep it. */
export function openUsage(): GetUsage {
  const candidates = Deno.build.os === "darwin" ? ["/usr/lib/libSystem.B.dylib"] : [
    `/lib/${Deno.build.arch}-linux-gnu/libc.so.6`,
    "/lib64/libc.so.6",
    "/usr/lib/libc.so.6",
  ];
  const errors: unknown[] = [];
  for (const path of candidates) {
    try {
      const { symbols } = Deno.dlopen(path, { getrusage: { parameters: ["i32", "buffer"], result: "i32" } });
      // struct rusage: two times of two words each, seconds and microseconds, and 14 counts.
      const words = new BigInt64Array(18);
      return (whose) => {
        if (symbols.getrusage(whose === "own" ? 0 : -1, words) !== 0) throw new Error("getrusage failed");
        const count = (i: number) => Number(words[i]);
        // Of the microseconds macOS fills only the lower half of the word.
        const milliseconds = (i: number) => count(i) * 1000 + Number(BigInt.asIntN(32, words[i + 1])) / 1000;
        return {
          user: milliseconds(0),
          system: milliseconds(2),
          peak: count(4) * (Deno.build.os === "darwin" ? 1 : 1024),
          minorFaults: count(8),
          majorFaults: count(9),
          voluntarySwitches: count(16),
          involuntarySwitches: count(17),
        };
      };
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) throw error;
      errors.push(error);
    }
  }
  throw new AggregateError(errors, `there is no C library at ${candidates.join(", ")}`);
}

/**
 * Runs `deno` with the given arguments to its end and says what that cost and how it ended. Nothing else may be started
 * meanwhile.
 *
 * @throws `Deno.errors.NotFound` if deno is not on the PATH
 */
export async function runAndCount(
  usage: GetUsage,
  args: string[],
  { quiet = false, started = (_child: Deno.ChildProcess) => {} } = {},
): Promise<{ cost: Cost; status: Deno.CommandStatus }> {
  const before = usage("children"), start = performance.now(), stdio = quiet ? "null" : "inherit";
  const child = new Deno.Command("deno", { args, stdin: stdio, stdout: stdio, stderr: stdio }).spawn();
  started(child);
  const status = await child.status;
  const wall = performance.now() - start, after = usage("children");
  const cost = { ...after, wall, share: NaN };
  for (const key of Object.keys(after) as (keyof Usage)[]) cost[key] -= before[key];
  cost.share = 100 * (cost.user + cost.system) / wall;
  return { cost, status };
}

const lines: Record<string, (cost: Cost) => string> = {
  "wall, ms": ({ wall }) => wall.toFixed(1),
  "user, ms": ({ user }) => user.toFixed(1),
  "system, ms": ({ system }) => system.toFixed(1),
  "share of a processor": ({ share }) => `${share.toFixed(0)}%`,
  "minor page faults": ({ minorFaults }) => `${minorFaults}`,
  "major page faults": ({ majorFaults }) => `${majorFaults}`,
  "voluntary context switches": ({ voluntarySwitches }) => `${voluntarySwitches}`,
  "involuntary context switches": ({ involuntarySwitches }) => `${involuntarySwitches}`,
};

/** A line for each count, a column for each named cost. */
function format(columns: Record<string, Cost>): string {
  const row = (name: string, cells: string[]) => [name.padEnd(30), ...cells.map((cell) => cell.padStart(12))].join("");
  return [
    row("", Object.keys(columns)),
    ...Object.entries(lines).map(([name, cell]) => row(name, Object.values(columns).map(cell))),
  ].join("\n");
}

/** Of every count by itself the one at a share of the sorted runs: 0 the least, 0.5 the median, 1 the most. */
export function atShare(costs: Cost[], share: number): Cost {
  const keys = Object.keys(costs[0]) as (keyof Cost)[];
  const at = (key: keyof Cost) =>
    costs.map((cost) => cost[key]).sort((a, b) => a - b)[Math.round(share * (costs.length - 1))];
  return Object.fromEntries(keys.map((key) => [key, at(key)])) as unknown as Cost;
}

/** What this script runs where it is given no other. */
const demonstrations: Record<string, () => unknown> = {
  waiting: () => new Promise((resolve) => setTimeout(resolve, 300)),
  computing: () => {
    let sum = 0;
    for (let i = 0; i < 3e8; i++) sum += i;
    return sum;
  },
  "256 MiB": () => new Uint8Array(2 ** 28).fill(1),
};

async function demonstrate(usage: GetUsage): Promise<void> {
  const costs: Record<string, Cost> = {}, peaks: string[] = [];
  for (const name of Object.keys(demonstrations)) {
    const { cost, status } = await runAndCount(usage, ["run", import.meta.url, "--demonstrate", name]);
    if (!status.success) throw new Error(`${name} ended with code ${status.code}`);
    costs[name] = cost;
    peaks.push((usage("children").peak / 2 ** 20).toFixed(0));
  }
  console.log(format(costs));
  console.log("highest peak so far, MiB".padEnd(30) + peaks.map((peak) => peak.padStart(12)).join(""));
  const { waiting, computing, "256 MiB": touching } = costs;
  if (waiting.wall < 300 || waiting.user > computing.user) {
    throw new Error("waiting cannot compute more than computing");
  }
  // A fault brings 4 KiB, or up to 2 MiB where the system hands out huge pages.
  if (usage("children").peak < 2 ** 28 || touching.minorFaults < 2 ** 28 / 2 ** 21) {
    throw new Error("256 MiB were not seen");
  }
}

const help = `What a whole process costs.

usage: process_cost.ts [--repeat=N] [FLAG OF DENO RUN…] SCRIPT [ARGUMENT…]

  --repeat=N   runs it N times (1 to 1000): median, least and most of each count
Flags of deno run take the form --flag=value, and all that follows SCRIPT is SCRIPT's own. The counts go to
stderr at the end. The exit code is SCRIPT's, of several runs the first that is not 0.`;

function fail(message: string): never {
  console.error(`error: ${message}`);
  Deno.exit(2);
}

/** Splits the command line: this tool's flags, those of `deno run`, the script and its arguments. */
function parse(args: string[]): { repeat: number; flags: string[]; command: string[] } {
  let repeat = 1;
  const end = args.findIndex((arg) => !arg.startsWith("-")), own = end < 0 ? args : args.slice(0, end);
  const flags = own.filter((flag) => {
    const [, value] = flag.match(/^--repeat(?:=(.*))?$/) ?? [];
    if (value === undefined && !/^--repeat\b/.test(flag)) return true;
    repeat = /^\d+$/.test(value ?? "") ? Number(value) : NaN;
    if (!(repeat >= 1 && repeat <= 1000)) fail(`${flag}: must be --repeat=N, a whole number from 1 to 1000`);
    return false;
  });
  if (flags.includes("--help") || flags.includes("-h")) {
    console.log(help);
    Deno.exit();
  }
  const known =
    /^(-A|-q|--(allow|deny|ignore|no|unstable|v8-flags|config|import-map|lock|cached|env-file|seed|cert|quiet|node-modules|preload|check|reload)\b.*)$/;
  const unknown = flags.find((flag) => !known.test(flag));
  if (unknown) fail(`${unknown} is neither a flag of this tool nor one of deno run that it hands on (see --help)`);
  if (end < 0 && args.length > 0) fail("there is no script; usage: process_cost.ts [FLAG…] SCRIPT [ARGUMENT…]");
  return { repeat, flags, command: end < 0 ? [] : args.slice(end) };
}

/** Refuses a script that is not there, where that may be looked up; otherwise `deno run` says so. */
function mustExist(script: string): void {
  if (/^[a-z]+:/i.test(script)) return;
  if (Deno.permissions.querySync({ name: "read", path: script }).state !== "granted") return;
  try {
    if (!Deno.statSync(script).isFile) fail(`${script} is no file`);
  } catch (error) {
    fail(`there is no script ${script}: ${(error as Error).message}`);
  }
}

if (import.meta.main) {
  if (Deno.args[0] === "--demonstrate" && Object.hasOwn(demonstrations, Deno.args[1])) {
    await demonstrations[Deno.args[1]]();
    Deno.exit();
  }
  const { repeat, flags, command } = parse(Deno.args);
  if (Deno.build.os === "windows") fail("Windows keeps other counts; run this on Linux or macOS");
  try {
    const usage = openUsage();
    if (command.length === 0) {
      await demonstrate(usage);
      Deno.exit();
    }
    mustExist(command[0]);

    let child: Deno.ChildProcess | undefined, stopped = false, code = 0;
    const pass = (signal: Deno.Signal) => {
      stopped = true;
      // A terminal sends Ctrl-C to the script as well.
      if (!(signal === "SIGINT" && Deno.stdin.isTerminal())) child?.kill(signal);
    };
    Deno.addSignalListener("SIGINT", () => pass("SIGINT"));
    Deno.addSignalListener("SIGTERM", () => pass("SIGTERM"));
    const costs: Cost[] = [];
    for (let run = 0; run < repeat && !stopped; run++) {
      const { cost, status } = await runAndCount(usage, ["run", ...flags, ...command], {
        started: (process) => child = process,
      });
      costs.push(cost);
      code ||= status.code;
    }
    child = undefined;
    const { peak } = usage("children");
    const empty: Cost[] = [];
    while (empty.length < 3) {
      empty.push((await runAndCount(usage, ["run", ...flags, "data:text/javascript,"], { quiet: true })).cost);
    }
    const alone = atShare(empty, 0.5);
    console.error(format(
      costs.length === 1
        ? { "script": costs[0], "Deno alone": alone }
        : { median: atShare(costs, 0.5), least: atShare(costs, 0), most: atShare(costs, 1), "Deno alone": alone },
    ));
    const bound = peak <= usage("own").peak ? " or less" : "";
    console.error(
      `peak memory${costs.length > 1 ? " of the highest run" : ""}: ${(peak / 2 ** 20).toFixed(1)} MiB${bound}`,
    );
    console.error(
      `deno run ${[...flags, ...command].join(" ")}: ${costs.length} run${
        costs.length > 1 ? "s" : ""
      }, exit code ${code}`,
    );
    Deno.exit(code);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) fail("there is no deno on the PATH; install it: npm install -g deno");
    fail((error as Error).message);
  }
}
