/**
 * What the operating system counts while a script runs: time, peak memory, page faults and context switches.
 *
 * What to notice: the figures come for nothing, since the kernel keeps them for every process. Without an argument this
 * runs itself three times: doing nothing, allocating 64 MiB, and touching them. Only the touching costs, a fault for
 * each page. Any script can take the place of that, with its arguments, and after `--` its permissions and other flags:
 *
 *     deno run --allow-run=deno ch06/counters/page_faults.ts ch06/diffusion_2d/diffusion_flat.ts -- --v8-flags=--no-opt
 *
 * Instructions and cache misses are counted by the processor, which `perf stat` reads; many virtual machines do not pass
 * those counters on, and it then says «not supported». cache_misses.ts shows what to do instead. Linux and macOS.
 *
 * @original 06_matrix/Makefile (perf stat, /usr/bin/time)
 * @run deno run --allow-run=deno ch06/counters/page_faults.ts
 * @takes 1 s
 */

import process from "node:process";

export interface Counts {
  /** Milliseconds from just before the first line of the script to its end. */
  wall: number;
  /** Milliseconds of processor time in the script and in the kernel on its behalf, all threads together. */
  user: number;
  system: number;
  /** The most memory the process ever held, in bytes; on Linux no less than what the process that started it held then. */
  peak: number;
  /** Pages mapped without, and with reading them from a disk. */
  minorFaults: number;
  majorFaults: number;
  /** How often it gave up the processor by waiting, and how often it was taken away. */
  voluntarySwitches: number;
  involuntarySwitches: number;
}

export interface Options {
  /** Flags for `deno run`: permissions, V8 flags. */
  flags?: string[];
  /** Arguments of the script. */
  args?: string[];
  /** Whether to drop what the script prints. */
  quiet?: boolean;
}

/**
 * Runs a script in a `deno` of its own and counts what it takes there, the start of the runtime left out.
 *
 * A process can only ask for its own counts. This file is therefore loaded into the other one too, before the script
 * (`--preload`), and reports at the end. Throws if the script fails.
 */
export async function countResources(
  script: string | URL,
  { flags = [], args = [], quiet }: Options = {},
): Promise<Counts> {
  const child = new Deno.Command("deno", {
    args: ["run", "--no-prompt", `--preload=${import.meta.url.split("?")[0]}?count`, ...flags, `${script}`, ...args],
    stdin: "null",
    stdout: quiet ? "null" : "inherit",
    stderr: "piped",
  }).spawn();
  const [{ code }, errors] = await Promise.all([child.status, new Response(child.stderr).text()]);
  const [text, counts] = errors.split(marker);
  if (text && !(quiet && counts)) console.error(text.trimEnd());
  if (code !== 0 || !counts) throw new Error(`${script} ended with code ${code}`);
  return JSON.parse(counts);
}

/** A character that no message contains: what follows it are the counts. */
const marker = "\x1e";

function takeStock(): Counts {
  const usage = process.resourceUsage();
  return {
    wall: performance.now(),
    user: usage.userCPUTime / 1000,
    system: usage.systemCPUTime / 1000,
    peak: usage.maxRSS * 1024,
    minorFaults: usage.minorPageFault,
    majorFaults: usage.majorPageFault,
    voluntarySwitches: usage.voluntaryContextSwitches,
    involuntarySwitches: usage.involuntaryContextSwitches,
  };
}

// The part that runs in the other process.
if (import.meta.url.endsWith("?count")) {
  const before = takeStock();
  addEventListener("unload", () => {
    const after = takeStock();
    for (const key of Object.keys(after) as (keyof Counts)[]) if (key !== "peak") after[key] -= before[key];
    Deno.stderr.writeSync(new TextEncoder().encode(marker + JSON.stringify(after)));
  });
}

const bytes = 2 ** 26;

/** What this script runs where it is given no other. */
const demonstrations: Record<string, () => void> = {
  nothing: () => {},
  allocate: () => void new Float64Array(bytes / 8),
  touch: () => {
    const values = new Float64Array(bytes / 8);
    for (let i = 0; i < values.length; i += 512) values[i] = 1;
  },
};

/** A line for each count, a column for each run. */
function print(runs: Record<string, Counts>): void {
  const line = (name: string, cell: (counts: Counts) => string) =>
    console.log(name.padEnd(30), ...Object.values(runs).map((counts) => cell(counts).padStart(12)));
  console.log("".padEnd(30), ...Object.keys(runs).map((name) => name.padStart(12)));
  line("wall, ms", ({ wall }) => wall.toFixed(1));
  line("user, ms", ({ user }) => user.toFixed(1));
  line("system, ms", ({ system }) => system.toFixed(1));
  line("peak memory, MiB", ({ peak }) => (peak / 2 ** 20).toFixed(1));
  line("minor page faults", ({ minorFaults }) => `${minorFaults}`);
  line("major page faults", ({ majorFaults }) => `${majorFaults}`);
  line("voluntary context switches", ({ voluntarySwitches }) => `${voluntarySwitches}`);
  line("involuntary context switches", ({ involuntarySwitches }) => `${involuntarySwitches}`);
}

function fail(message: string): never {
  console.error(`error: ${message}`);
  Deno.exit(2);
}

if (import.meta.main) {
  const end = Deno.args.includes("--") ? Deno.args.indexOf("--") : Deno.args.length;
  const [script, ...args] = Deno.args.slice(0, end), flags = Deno.args.slice(end + 1);
  if (script === "--demonstrate" && Object.hasOwn(demonstrations, args[0])) {
    demonstrations[args[0]]();
    Deno.exit();
  }
  if (script?.startsWith("-")) fail(`${script} is no script; usage: page_faults.ts [SCRIPT [ARGUMENT…]] [-- FLAG…]`);
  const wrong = flags.find((flag) => !flag.startsWith("-"));
  if (wrong) fail(`after --: ${wrong} must be a flag of deno run, such as --allow-read=.`);
  if (flags.length > 0 && !script) fail("after --: flags need a script before them");
  if (Deno.build.os === "windows") fail("page faults are not counted on Windows; run this on Linux or macOS");
  try {
    if (script) {
      print({ counted: await countResources(script, { args, flags }) });
    } else {
      const runs: Record<string, Counts> = {};
      for (const name of Object.keys(demonstrations)) {
        runs[name] = await countResources(import.meta.url, { args: ["--demonstrate", name] });
      }
      print(runs);
      const faults = runs.touch.minorFaults - runs.allocate.minorFaults;
      // A fault brings 4 KiB, or up to 2 MiB where the system hands out huge pages.
      if (faults < bytes / 2 ** 21) throw new Error(`${faults} faults cannot have brought ${bytes} bytes`);
      console.log(
        `Touching 64 MiB took ${faults} faults more: one for every ${(bytes / faults / 1024).toFixed(1)} KiB.`,
      );
    }
    console.log(
      "Not counted here: instructions and cache misses. See cache_misses.ts, or perf stat on hardware of your own.",
    );
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) fail("there is no deno on the PATH; install it: npm install -g deno");
    fail((error as Error).message);
  }
}
