/**
 * The instructions, cache misses and wrong guesses of a script, counted by a simulated processor: `valgrind --tool=cachegrind`.
 *
 * What to notice: a time differs from run to run, a number of instructions hardly does, so that it shows a gain of one
 * percent, also on a machine that is busy with something else. It takes 50 times as long, and the caches are those of
 * --D1 and --LL, not of this machine. Deno's start alone takes tens of millions of instructions: an empty script is
 * counted beside, and subtracted. The demonstration adds up the same numbers in order and by leaps: the instructions are
 * the same, but the first cache (D1) misses at each number, and not at every 8th, for a line of it holds 8 of them.
 *
 *     deno run --allow-run=deno,valgrind ch02/counters/cachegrind.ts --allow-read=. my_script.ts
 *
 * Needs valgrind, which runs on Linux. The report comes on stderr when the script has ended.
 *
 * @original 06_matrix/Makefile (perf stat: cache-references, cache-misses)
 * @run deno run --allow-run=deno,valgrind ch02/counters/cachegrind.ts
 * @takes 10 s
 */

export interface Counts {
  instructions: number;
  /** Reads and writes of data. */
  accesses: number;
  /** Accesses that the first data cache did not hold, and those that the last cache did not hold either. */
  d1Misses: number;
  llMisses: number;
  branches: number;
  /** Branches that a simple predictor got wrong. */
  mispredicted: number;
}

export interface Options {
  /** Flags for `deno run`. */
  flags?: string[];
  /** Arguments of the script. */
  args?: string[];
  /** Whether to drop what the script prints. */
  quiet?: boolean;
  /** Caches as cachegrind takes them: bytes, ways, bytes in a line. */
  D1?: string;
  LL?: string;
}

const standard = { D1: "32768,8,64", LL: "8388608,16,64" };

/** Runs a script under cachegrind, the start of the runtime included. Throws `Deno.errors.NotFound` where that is missing. */
export async function simulate(
  script: string,
  { flags = [], args = [], quiet, D1 = standard.D1, LL = standard.LL }: Options = {},
): Promise<{ code: number; counts: Counts }> {
  const child = new Deno.Command("valgrind", {
    args: [
      ...["--tool=cachegrind", "--cache-sim=yes", "--branch-sim=yes", "--cachegrind-out-file=/dev/null"],
      ...["--I1=32768,8,64", `--D1=${D1}`, `--LL=${LL}`],
      // With one thread V8 compiles at the same moment in every run. What an earlier run left in the cache would be
      // less to compile in this one.
      ...[Deno.execPath(), "run", "--no-code-cache", ...withV8Flag(flags, "--single-threaded"), script, ...args],
    ],
    stdin: quiet ? "null" : "inherit",
    stdout: quiet ? "null" : "inherit",
    stderr: "piped",
  }).spawn();
  const interrupt = () => child.kill("SIGINT");
  Deno.addSignalListener("SIGINT", interrupt);
  try {
    const own = new RegExp(`^(==|--)${child.pid}(==|--)`);
    let summary = "", rest = "";
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) {
        if (own.test(line)) summary += line + "\n";
        else if (!quiet) console.error(line);
      }
    }
    if (!quiet && rest !== "") await Deno.stderr.write(new TextEncoder().encode(rest));
    const { code } = await child.status;
    return { code, counts: parseSummary(summary) };
  } finally {
    Deno.removeSignalListener("SIGINT", interrupt);
  }
}

/** Adds a flag for V8 to those that the user gave. */
function withV8Flag(flags: string[], flag: string): string[] {
  const given = flags.filter((flag) => flag.startsWith("--v8-flags=")).map((flag) => flag.slice("--v8-flags=".length));
  return [`--v8-flags=${[flag, ...given].join(",")}`, ...flags.filter((flag) => !flag.startsWith("--v8-flags="))];
}

/** What the script took beyond an empty one. */
export function beyond(counts: Counts, empty: Counts): Counts {
  return {
    instructions: counts.instructions - empty.instructions,
    accesses: counts.accesses - empty.accesses,
    d1Misses: counts.d1Misses - empty.d1Misses,
    llMisses: counts.llMisses - empty.llMisses,
    branches: counts.branches - empty.branches,
    mispredicted: counts.mispredicted - empty.mispredicted,
  };
}

/** Counts an empty script, of which only the start of the runtime is left. */
export async function simulateNothing(options: Options = {}): Promise<Counts> {
  return (await simulate("data:text/javascript,", { ...options, args: [], quiet: true })).counts;
}

/** Lets Deno strip the types off a script beforehand, so that no run counts that. Says whether it is a script at all. */
export async function prepare(script: string, quiet = false): Promise<boolean> {
  const args = ["cache", "--quiet", script];
  const { success } = await new Deno.Command("deno", { args, stdout: "null", stderr: quiet ? "null" : "inherit" })
    .output();
  return success;
}

/** Reads the summary that cachegrind prints at its end. */
export function parseSummary(text: string): Counts {
  const find = (name: string) => {
    const match = text.match(new RegExp(`^==\\d+== ${name.replace(" ", " +")}: +([\\d,]+)`, "m"));
    if (!match) throw new Error(`cachegrind printed no line «${name}»`);
    return Number(match[1].replaceAll(",", ""));
  };
  return {
    instructions: find("I refs"),
    accesses: find("D refs"),
    d1Misses: find("D1 misses"),
    llMisses: find("LLd misses"),
    branches: find("Branches"),
    mispredicted: find("Mispredicts"),
  };
}

const names: Record<keyof Counts, string> = {
  instructions: "instructions",
  accesses: "reads and writes",
  d1Misses: "misses of the first cache (D1)",
  llMisses: "misses of the last cache (LL)",
  branches: "branches",
  mispredicted: "branches guessed wrong",
};

/** A line for each count, a column for each script. */
export function format(columns: Record<string, Counts>): string {
  const line = (head: string, cells: string[]) => head.padEnd(32) + cells.map((cell) => cell.padStart(18)).join("");
  return [
    line("", Object.keys(columns)),
    ...Object.entries(names).map(([key, name]) =>
      line(name, Object.values(columns).map((counts) => counts[key as keyof Counts].toLocaleString("en-US")))
    ),
  ].join("\n");
}

/** How many numbers the demonstration adds up. */
export const numbers = 2 ** 20;

/** In order, or each one far from the one before. */
export const steps = { "in order": 1, "by leaps": 4099 };

/** Adds up 2^20 numbers, `step` places from one to the next; an odd step meets each of them once. */
function demonstrate(step: number): void {
  const values = new Float64Array(numbers);
  values[numbers / 2] = 1;
  let sum = 0;
  for (let i = 0; i < numbers; i++) sum += values[Math.imul(i, step) & (numbers - 1)];
  if (sum !== 1) throw new Error(`the sum is ${sum}, not 1`);
}

/** Counts walks of given steps, without the start of the runtime. */
export async function simulateWalks(walks: number[]): Promise<Counts[]> {
  await prepare(import.meta.url);
  const walk = async (step: number) => {
    const { code, counts } = await simulate(import.meta.url, { args: ["--demonstrate", `${step}`], quiet: true });
    if (code !== 0) throw new Error(`the walk by ${step} ended with code ${code}`);
    return counts;
  };
  // All at the same time: what else the machine does changes no count.
  const [empty, ...counted] = await Promise.all([simulateNothing(), ...walks.map(walk)]);
  return counted.map((counts) => beyond(counts, empty));
}

function fail(message: string): never {
  console.error(`error: ${message}`);
  Deno.exit(2);
}

const help = `cachegrind.ts [--D1=CACHE] [--LL=CACHE] [FLAG OF deno run…] [SCRIPT [ARGUMENT…]]
  --D1=BYTES,WAYS,LINE  the first data cache (${standard.D1})
  --LL=BYTES,WAYS,LINE  the last cache (${standard.LL})
Flags of deno run stand before SCRIPT, with their value after =, as in --allow-read=.`;

/** A cache that cachegrind can simulate: the number of its sets is a power of two. */
function checkCache(flag: string, text: string): string {
  const [bytes, ways, line] = /^\d+,\d+,\d+$/.test(text) ? text.split(",").map(Number) : [NaN, NaN, NaN];
  const sets = bytes / ways / line;
  if (!(sets >= 1) || !Number.isInteger(Math.log2(sets))) {
    fail(`${flag}=${text}: must be BYTES,WAYS,LINE with a power of two for BYTES / WAYS / LINE, as in 49152,12,64`);
  }
  return text;
}

async function main(all: string[]): Promise<void> {
  if (all[0] === "--demonstrate") return demonstrate(Number(all[1]));
  const end = all.findIndex((arg) => !arg.startsWith("-")), own = end < 0 ? all : all.slice(0, end);
  const flags: string[] = [], caches = { ...standard };
  for (const flag of own) {
    const [name, value = ""] = flag.split(/=(.*)/s);
    if (flag === "--help" || flag === "-h") return console.log(help);
    if (name === "--D1") caches.D1 = checkCache(name, value);
    else if (name === "--LL") caches.LL = checkCache(name, value);
    else flags.push(flag);
  }
  if (end < 0) {
    if (own.length > 0) fail(`${own[0]}: needs a SCRIPT`);
    const [order, leaps] = await simulateWalks([steps["in order"], steps["by leaps"]]);
    console.log(`${numbers} numbers, beyond an empty script; D1 ${standard.D1}, LL ${standard.LL}`);
    console.log(format({ "in order": order, "by leaps": leaps }));
    const instructions = leaps.instructions / order.instructions, more = (leaps.d1Misses - order.d1Misses) / numbers;
    console.log(
      `By leaps: ${instructions.toFixed(3)} of the instructions, ${more.toFixed(3)} more misses of D1 a number.`,
    );
    if (Math.abs(instructions - 1) > 0.02 || Math.abs(more - 7 / 8) > 0.1) {
      throw new Error("the same instructions must miss D1 at each number by leaps, and at every 8th in order");
    }
    return;
  }
  const script = all[end], options = { flags, args: all.slice(end + 1), ...caches };
  if (!await prepare(script)) fail(`${script} is no script`);
  const [empty, { code, counts }] = await Promise.all([simulateNothing(options), simulate(script, options)]);
  console.error(
    `\n${format({ "the script": counts, "an empty one": empty, "the difference": beyond(counts, empty) })}`,
  );
  Deno.exit(code);
}

if (import.meta.main) {
  try {
    await main(Deno.args);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    fail("this needs deno and valgrind on the PATH; install them: npm install -g deno, apt-get install valgrind");
  }
}
