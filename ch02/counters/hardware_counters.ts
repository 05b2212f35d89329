/**
 * What the processor counts while a script runs: instructions, cycles, branches guessed wrong, cache misses. By `perf stat`.
 *
 * What to notice: instructions for each cycle (IPC) tell waiting from working. A modern core can finish four and more; below
 * one it mostly waits, for memory as a rule. The start of the runtime is counted too, and so an empty script stands
 * beside, to be subtracted. Many virtual machines do not pass these counters on. Then only what the operating system counts
 * is left (time, page faults, context switches), and cachegrind.ts counts instructions and misses by simulation.
 *
 *     deno run --allow-run=perf ch02/counters/hardware_counters.ts --repeat=5 --allow-read=. my_script.ts
 *
 * Needs perf, which runs on Linux. The report comes on stderr when the script has ended.
 *
 * @original 06_matrix/Makefile (perf stat), and chapter 2's advice to look at CPU counters
 * @run deno run --allow-run=perf ch02/counters/hardware_counters.ts
 * @takes 1 s
 */

/** What perf is asked for: first what the operating system counts, then what the processor does. */
const events = [
  ...["task-clock", "page-faults", "context-switches", "cpu-migrations"],
  ...["instructions", "cycles", "branches", "branch-misses", "cache-references", "cache-misses"],
];

/** What was counted by event; null where perf says that this machine does not count it. */
export type Counts = Map<string, number | null>;

export interface Counted {
  code: number;
  /** What perf wrote where it could not count at all. */
  complaint?: string;
  counts: Counts;
  /** The standard deviation of each mean over the mean, where a script ran several times. */
  deviations: Map<string, number>;
}

export interface Options {
  /** Flags for `deno run`. */
  flags?: string[];
  /** Arguments of the script. */
  args?: string[];
  /** How often it runs; the counts are means. */
  repeat?: number;
  /** Whether to drop what the script prints. */
  quiet?: boolean;
}

/** No text that a script prints contains it: it parts the fields that perf writes. */
const separator = "\x1e";

/** Runs a script under perf. Throws `Deno.errors.NotFound` where perf is missing. */
export async function countEvents(
  script: string,
  { flags = [], args = [], repeat = 1, quiet }: Options = {},
): Promise<Counted> {
  const child = new Deno.Command("perf", {
    args: [
      ...["stat", "-x", separator, "-r", `${repeat}`, "-e", events.join(",")],
      ...["--", Deno.execPath(), "run", ...flags, script, ...args],
    ],
    stdin: "inherit",
    stdout: quiet ? "null" : "inherit",
    stderr: "piped",
  }).spawn();
  // Ctrl-C ends the script; perf then still says what it counted.
  const interrupt = () => child.kill("SIGINT");
  Deno.addSignalListener("SIGINT", interrupt);
  try {
    const lines: string[] = [];
    let rest = "";
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
      const parts = (rest + text).split("\n");
      rest = parts.pop()!;
      lines.push(...parts);
      // What the script itself says goes on at once.
      if (!quiet) { for (const line of parts) if (!line.includes(separator)) console.error(line); }
    }
    if (!quiet && rest !== "") await Deno.stderr.write(new TextEncoder().encode(rest));
    const { code } = await child.status, { counts, deviations } = parseCounts(lines);
    return { code, counts, deviations, ...counts.size === 0 ? { complaint: [...lines, rest].join("\n").trim() } : {} };
  } finally {
    Deno.removeSignalListener("SIGINT", interrupt);
  }
}

/** Reads the lines that perf wrote: value, unit, event, perhaps the deviation, and what is not needed here. */
export function parseCounts(lines: string[]): Pick<Counted, "counts" | "deviations"> {
  const counts: Counts = new Map(), deviations = new Map<string, number>();
  for (const [value, , event, deviation = ""] of lines.map((line) => line.split(separator))) {
    // Where the kernel may not be counted, perf adds «:u» to what it was asked for.
    const name = event?.replace(/:\w+$/, "");
    if (!name || !events.includes(name)) continue;
    counts.set(name, Number.isNaN(Number(value)) ? null : Number(value));
    if (deviation.endsWith("%")) deviations.set(name, parseFloat(deviation) / 100);
  }
  return { counts, deviations };
}

/** What a script took beyond an empty one, whose start is the same; null where it was not counted. */
export function beyond(counts: Counts, empty: Counts, event: string): number | null {
  const all = counts.get(event) ?? null, start = empty.get(event) ?? null;
  return all === null || start === null ? null : all - start;
}

/** A table: the script, the empty one beside it, and what that comes to. */
export function format({ counts, deviations }: Counted, empty: Counted): string {
  const known = events.filter((event) => (counts.get(event) ?? null) !== null);
  const number = (value: number | null) => value === null ? "-" : Math.round(value).toLocaleString("en-US");
  const lines = [["", "the script", "±", "an empty one", "the difference"].map(pad).join("")];
  for (const event of known) {
    // perf gives the time in milliseconds.
    const name = event === "task-clock" ? "processor time, ms" : event.replaceAll("-", " ");
    const deviation = deviations.get(event), difference = beyond(counts, empty.counts, event);
    const spread = deviation === undefined ? "" : `${(100 * deviation).toFixed(1)}%`;
    lines.push(
      [name, number(counts.get(event)!), spread, number(empty.counts.get(event) ?? null), number(difference)].map(pad)
        .join(""),
    );
  }
  const share = (part: string, whole: string) => {
    const [a, b] = [part, whole].map((event) => beyond(counts, empty.counts, event));
    return a !== null && b !== null && b > 0 ? a / b : null;
  };
  const ipc = share("instructions", "cycles"), wrong = share("branch-misses", "branches");
  const missed = share("cache-misses", "cache-references");
  if (ipc !== null) {
    lines.push(`instructions for each cycle: ${ipc.toFixed(2)}${ipc < 1 ? ", so that it mostly waits" : ""}`);
  }
  if (wrong !== null) lines.push(`branches that were guessed wrong: ${(100 * wrong).toFixed(2)}%`);
  if (missed !== null) lines.push(`accesses of the last cache that missed it: ${(100 * missed).toFixed(1)}%`);
  const unknown = events.filter((event) => counts.get(event) === null);
  if (unknown.length > 0) {
    lines.push(
      `perf says «not supported» of ${unknown.join(", ")}: this machine does not pass them on. See cachegrind.ts.`,
    );
  }
  return lines.join("\n");
}

function pad(cell: string, column: number): string {
  return column === 0 ? cell.padEnd(20) : cell.padStart([0, 16, 8, 16, 16][column]);
}

const bytes = 2 ** 26;

/** Touches 64 MiB page by page, and adds up what is there. */
function demonstrate(): void {
  const values = new Float64Array(bytes / 8);
  for (let i = 0; i < values.length; i += 512) values[i] = 1;
  let sum = 0;
  for (const value of values) sum += value;
  console.log(`64 MiB: ${sum} pages`);
}

function fail(message: string): never {
  console.error(`error: ${message}`);
  Deno.exit(2);
}

const help = `hardware_counters.ts [--repeat=N] [FLAG OF deno run…] [SCRIPT [ARGUMENT…]]
  --repeat=N  runs the script N times, and gives means and how far they scatter (1)
Flags of deno run stand before SCRIPT, with their value after =, as in --allow-read=.`;

async function main(all: string[]): Promise<void> {
  if (all[0] === "--demonstrate") return demonstrate();
  const end = all.findIndex((arg) => !arg.startsWith("-")), own = end < 0 ? all : all.slice(0, end);
  const flags: string[] = [];
  let repeat = 1;
  for (const flag of own) {
    if (flag === "--help" || flag === "-h") return console.log(help);
    const text = flag.match(/^--repeat(?:=(.*))?$/);
    if (!text) flags.push(flag);
    else if (!/^[1-9]\d{0,2}$/.test(text[1] ?? "")) fail(`${flag}: --repeat takes a whole number from 1 to 999`);
    else repeat = Number(text[1]);
  }
  if (end < 0 && flags.length > 0) fail(`${flags[0]}: no flag of this script, and there is no SCRIPT to hand it to`);
  const [script, args] = end < 0 ? [import.meta.url, ["--demonstrate"]] : [all[end], all.slice(end + 1)];
  const empty = await countEvents("data:text/javascript,", { repeat, quiet: true });
  if (empty.complaint !== undefined) fail(`perf counts nothing here: ${empty.complaint.split("\n")[0]}`);
  const counted = await countEvents(script, { flags, args, repeat });
  if (end >= 0) {
    console.error(`\n${format(counted, empty)}`);
    Deno.exit(counted.code);
  }
  console.log(format(counted, empty));
  // A page fault brings at least 4 KiB, and up to 2 MiB where the system hands out huge pages.
  const faults = beyond(counted.counts, empty.counts, "page-faults") ?? 0;
  if (counted.code !== 0 || faults < bytes / 2 ** 21) {
    throw new Error(`${faults} faults cannot have brought ${bytes} bytes`);
  }
  const instructions = beyond(counted.counts, empty.counts, "instructions");
  if (instructions !== null && instructions < bytes / 8) throw new Error(`${instructions} instructions are too few`);
}

if (import.meta.main) {
  try {
    await main(Deno.args);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    fail("there is no perf; install it: apt-get install linux-perf (on Ubuntu: linux-tools-generic)");
  }
}
