/**
 * What V8 did to the functions of a script while it ran: compiled them, threw that away again and why, and what it learned.
 *
 * What to notice: V8 writes all of it down if it is asked to (`--log-deopt`, `--log-ic`, `--log-function-events`), but with
 * its own names and with lines of the JavaScript that TypeScript becomes. Here are plain words and the lines of the source:
 * when each function rose through the tiers, each deoptimisation with its place, and the places that saw objects of more
 * than one shape. One shape is fast, up to four are compared one by one, more are looked up in a table. Any script can
 * take the place of the demonstration, with flags of `deno run` before it and arguments of its own behind it:
 *
 *     deno run --allow-run=deno --allow-read=. --allow-write=. ch02/bytecode/optimisation_log.ts --function=main my_script.ts
 *
 * The report comes on stderr when the script has ended, or goes to the file of --out. V8's log lies in a temporary folder.
 *
 * @original 02_profiling/requirements.txt (specialist)
 * @beside good_and_bad.ts
 * @run deno run --allow-run=deno --allow-read=. --allow-write=. ch02/bytecode/optimisation_log.ts
 * @takes 2 s
 */

import { fileURLToPath } from "node:url";
import { LEAST_UPPER_BOUND, originalPositionFor, TraceMap } from "npm:@jridgewell/trace-mapping@0.3.31";

/** A place in the source as it was written; lines and columns begin with 1. */
export interface Place {
  file: string;
  line: number;
  column: number;
}

/** What happened to one function. Times are milliseconds since the first line of the script's first module was ready. */
export interface FunctionHistory extends Place {
  name: string;
  /** Compiled for a tier; with OSR for one loop that was running, so that it could change over in the middle. */
  tiers: { at: number; tier: Tier; osr: boolean }[];
  deoptimisations: (Place & { at: number; reason: string })[];
  caches: Cache[];
}

/** A place that reads or writes a property, and the shapes of objects that came by. */
export interface Cache extends Place {
  access: "read" | "write";
  /** With its dot, or […] where the name is computed. */
  property: string;
  state: "uninitialised" | "monomorphic" | "polymorphic" | "megamorphic";
  shapes: number;
}

export type Tier = "Ignition" | "Sparkplug" | "Maglev" | "TurboFan";

const tiers: Record<string, Tier> = { "~": "Ignition", "^": "Sparkplug", "+": "Maglev", "*": "TurboFan" };

const states: Record<string, Cache["state"]> = {
  "0": "uninitialised",
  "1": "monomorphic",
  "P": "polymorphic",
  "N": "megamorphic",
  "D": "megamorphic",
  "G": "megamorphic",
};

/** V8's reasons in other words. */
const reasons: Record<string, string> = {
  "wrong map": "an object of another shape than those before",
  "overflow": "a number too large for the small integer that was expected",
  "lost precision": "a number that is no whole number of 32 bits",
  "lost precision or NaN": "a number that is no whole number of 32 bits",
  "not a Smi": "no small integer, where there had been nothing else",
  "Smi": "a small integer, where there had been none",
  "not a Number": "no number, where there had been nothing else",
  "not a Number or Oddball": "neither number nor undefined, null or boolean",
  "not a HeapNumber": "no fraction or large number, where there had been nothing else",
  "not a String": "no text, where there had been nothing else",
  "out of bounds": "an index beyond the end",
  "hole": "an element that is missing from its array",
  "minus zero": "a result of -0",
  "NaN": "a result that is not a number",
  "division by zero": "a division by zero",
  "wrong call target": "another function is called than before",
  "wrong name": "another property than before",
  "wrong value": "another value than the only one so far",
  "wrong instance type": "another kind of object than before",
  "prepare for on stack replacement (OSR)": "V8 changes over to better code in the middle of a loop",
  "dependent map was deprecated": "a field holds another kind of number than it did when this was compiled",
  "dependent prototype chain changed": "a prototype that this relied on has changed",
  "dependent field type constness changed": "a field that never changed does now",
};

function explain(reason: string): string {
  const plain = reasons[reason] ??
    (reason.startsWith("Insufficient type feedback") ? "a piece of code that had never run before" : undefined);
  return plain ? `${plain} (${reason})` : reason;
}

/** Where a place in the JavaScript of a file is in its source. */
type Locate = (url: string, line: number, column: number) => Place;

interface Code {
  start: number;
  end: number;
  /** Undefined for what does not belong to the user's files. */
  owner?: { history: FunctionHistory; url: string };
}

/** Finds code by an address in it; what was added last hides what is gone. */
class CodeMap {
  #pages = new Map<number, Code[]>();

  add(code: Code): void {
    for (let page = Math.floor(code.start / 4096); page <= Math.floor(code.end / 4096); page++) {
      const codes = this.#pages.get(page);
      if (codes) codes.push(code);
      else this.#pages.set(page, [code]);
    }
  }

  find(address: number): Code | undefined {
    return this.#pages.get(Math.floor(address / 4096))?.findLast(({ start, end }) => address >= start && address < end);
  }
}

/** What the log of one thread says of the functions of the user's files, and when it ended. */
export interface ThreadHistory {
  functions: FunctionHistory[];
  ended: number;
}

/** Reads the log of one thread; `locate` finds places in the source. */
export function parseLog(text: string, locate: Locate): ThreadHistory {
  const histories = new Map<string, FunctionHistory>(), codes = new CodeMap();
  const caches = new Map<string, { cache: Cache; shapes: Set<string> }>();
  let zero: number | undefined, ended = 0;
  const since = (microseconds: string) => (Number(microseconds) - (zero ??= Number(microseconds))) / 1000;
  const readers: Record<string, (fields: string[]) => void> = {
    "code-creation"([type, , time, address, size, name = "", , marker = ""]) {
      const [, title, url = "", line, column] = name.match(/^(.*?) ?(\w+:\/\/\S*?):(\d+):(\d+)$/) ?? [];
      const tier = tiers[marker.match(/[~^+*]/)?.[0] ?? ""], start = Number(address), end = start + Number(size);
      if (zero !== undefined) ended = since(time);
      if (!isOwn(url) || !tier) return codes.add({ start, end });
      let history = histories.get(name);
      if (!history) {
        const shown = type === "Script" ? "(module)" : title || "(anonymous)";
        // A module has no place of its own, it is the file.
        const place = type === "Script"
          ? { file: fileURLToPath(url), line: 1, column: 1 }
          : locate(url, Number(line), Number(column));
        histories.set(name, history = { name: shown, ...place, tiers: [], deoptimisations: [], caches: [] });
      }
      history.tiers.push({ at: since(time), tier, osr: marker.startsWith("o") });
      codes.add({ start, end, owner: { history, url } });
    },
    "code-move"([from, to]) {
      const code = codes.find(Number(from));
      if (code) codes.add({ ...code, start: Number(to), end: Number(to) + code.end - code.start });
    },
    "code-deopt"([time, , address, , , , place = "", ...reason]) {
      const owner = codes.find(Number(address))?.owner;
      // The place may be in a function that was inlined, which then is named first.
      const [, url = "", line, column] = place.match(/^<(.+?):(\d+):(\d+)>/) ?? [];
      if (!owner) return;
      const where = isOwn(url) ? locate(url, Number(line), Number(column)) : { file: url, line: 0, column: 0 };
      owner.history.deoptimisations.push({ at: since(time), reason: reason.join(","), ...where });
    },
  };
  for (const line of text.split("\n")) {
    const [event, ...fields] = line.split(",");
    const [, keyed, kind] = event.match(/^(Keyed)?(Load|Store)IC$/) ?? [];
    if (kind) readCache(fields, keyed ? "[…]" : undefined, kind === "Load" ? "read" : "write");
    else readers[event]?.(fields);
  }
  return { functions: [...histories.values()], ended };

  function readCache(fields: string[], name: string | undefined, access: Cache["access"]): void {
    const [address, , line, column, , state = "", shape, property = ""] = fields;
    const owner = codes.find(Number(address))?.owner;
    if (!owner || !(state in states || state === "^")) return;
    const key = [owner.url, line, column, access, name ?? property].join(" ");
    if (!caches.has(key)) {
      const place = locate(owner.url, Number(line), Number(column));
      const cache: Cache = { ...place, access, property: name ?? `.${property}`, state: "uninitialised", shapes: 0 };
      owner.history.caches.push(cache);
      caches.set(key, { cache, shapes: new Set() });
    }
    const { cache, shapes } = caches.get(key)!;
    cache.state = states[state] ?? cache.state;
    cache.shapes = shapes.add(shape).size;
  }
}

/** Whether a module is the user's own, not a part of the runtime or of a package. */
function isOwn(url: string): boolean {
  return url.startsWith("file:") && !url.includes("/node_modules/");
}

/** A function that finds places in the source, by the source maps of all TypeScript that a log names. */
async function locator(log: string): Promise<Locate> {
  const maps = new Map<string, TraceMap>();
  const urls = new Set([...log.matchAll(/^script-details,\d+,(file:[^,]+\.[cm]?tsx?),/gm)].map(([, url]) => url));
  await Promise.all(
    [...urls].filter(isOwn).map(async (url) => {
      const args = ["transpile", "--quiet", "--no-check", "--no-lock", "--source-map=inline", fileURLToPath(url)];
      const { stdout } = await new Deno.Command("deno", { args, stdin: "null", stderr: "null" }).output();
      const base64 = new TextDecoder().decode(stdout).match(/sourceMappingURL=data:application\/json;base64,(\S+)/)
        ?.[1];
      if (!base64) return;
      const bytes = Uint8Array.from(atob(base64), (byte) => byte.charCodeAt(0));
      maps.set(url, new TraceMap(new TextDecoder().decode(bytes)));
    }),
  );
  return (url, line, column) => {
    const map = maps.get(url), position = { line, column: column - 1 };
    const found = map &&
      (originalPositionFor(map, position).line
        ? originalPositionFor(map, position)
        : originalPositionFor(map, { ...position, bias: LEAST_UPPER_BOUND }));
    if (found?.line) [line, column] = [found.line, found.column + 1];
    return { file: fileURLToPath(url), line, column };
  };
}

export interface Options {
  /** Flags for `deno run`. */
  flags?: string[];
  /** Arguments of the script. */
  args?: string[];
  /** Whether to drop what the script prints. */
  quiet?: boolean;
  /** Where a temporary folder is made, and removed again. */
  folder?: string;
}

/** Runs a script, and gives its exit code and what V8 did to its functions, a thread each, the main one first. */
export async function optimisationLog(
  script: string,
  { flags = [], args = [], quiet, folder = "." }: Options = {},
): Promise<{ code: number; threads: ThreadHistory[] }> {
  const temporary = await Deno.makeTempDir({ dir: folder, prefix: "v8_log_" });
  const own = flags.filter((flag) => flag.startsWith("--v8-flags=")).map((flag) => flag.slice("--v8-flags=".length));
  const v8 = ["--log-deopt", "--log-ic", "--log-function-events", `--logfile=${temporary}/v8.log`, ...own].join(",");
  try {
    const output = quiet ? "null" : "inherit";
    const child = new Deno.Command("deno", {
      args: ["run", `--v8-flags=${v8}`, ...flags.filter((flag) => !flag.startsWith("--v8-flags=")), script, ...args],
      stdin: "inherit",
      stdout: output,
      stderr: output,
    }).spawn();
    // Ctrl-C ends the script, and the report of what it did until then still comes.
    const interrupt = () => child.kill("SIGINT");
    Deno.addSignalListener("SIGINT", interrupt);
    const { code } = await child.status.finally(() => Deno.removeSignalListener("SIGINT", interrupt));
    // V8 makes a log for each thread, the main one's first.
    const files = [...Deno.readDirSync(temporary)].map(({ name }) => `${temporary}/${name}`);
    const made = new Map(files.map((file) => [file, Deno.statSync(file).birthtime?.getTime() ?? 0]));
    const sorted = files.toSorted((a, b) => made.get(a)! - made.get(b)!);
    const logs = await Promise.all(sorted.map((file) => Deno.readTextFile(file)));
    return { code, threads: await Promise.all(logs.map(async (log) => parseLog(log, await locator(log)))) };
  } finally {
    await Deno.remove(temporary, { recursive: true });
  }
}

/** The report on one function. */
export function format(history: FunctionHistory, { all = false } = {}): string {
  const { name, file, line, tiers, deoptimisations, caches } = history;
  const at = (milliseconds: number) => `${milliseconds.toFixed(1).padStart(8)} ms`;
  const where = (place: Place) => `${place.file === file ? "line " : `${place.file}:`}${place.line}:${place.column}`;
  const events: { at: number; text: string }[] = [];
  for (const { at, tier, osr } of tiers) {
    events.push({ at, text: `${tier}${osr ? ", for a loop that was running" : ""}` });
  }
  const counted = new Map<string, { at: number; count: number }>();
  for (const { at, reason, ...place } of deoptimisations) {
    const text = `thrown away at ${where(place)}: ${explain(reason)}`;
    counted.set(text, { at: counted.get(text)?.at ?? at, count: (counted.get(text)?.count ?? 0) + 1 });
  }
  for (const [text, { at, count }] of counted) events.push({ at, text: count > 1 ? `${text}, ${count} times` : text });
  const several = caches.filter(({ state }) => all || state === "polymorphic" || state === "megamorphic");
  return [
    `${name} (${file}:${line})`,
    ...events.sort((a, b) => a.at - b.at).map(({ at: when, text }) => `${at(when)}  ${text}`),
    ...several.map(({ line, column, access, property, state, shapes }) =>
      `${"".padStart(13)}line ${line}:${column} ${access}s ${property}: ${state}, ${shapes} shape${
        shapes === 1 ? "" : "s"
      }${state === "megamorphic" && shapes < 5 ? " and many names" : ""}`
    ),
  ].join("\n");
}

interface Choice {
  name?: string;
  deoptsOnly: boolean;
}

/** The report on a run: functions that V8 compiled beyond its interpreter, or those of one name. */
function report(threads: ThreadHistory[], { name, deoptsOnly }: Choice): string {
  const chosen = (history: FunctionHistory) =>
    (name ? history.name === name : history.tiers.some(({ tier }) => tier !== "Ignition")) &&
    (!deoptsOnly || history.deoptimisations.length > 0);
  const parts = threads.flatMap(({ functions }, i) => {
    const found = functions.filter(chosen).map((history) => format(history, { all: name !== undefined }));
    return found.length > 0 && i > 0 ? [`worker ${i}`, ...found] : found;
  });
  const none = name ? `${name} never ran, or has another name to V8` : "no function ran often enough to be compiled";
  return parts.join("\n\n") || (deoptsOnly ? "nothing was thrown away" : none);
}

function fail(message: string): never {
  console.error(`error: ${message}`);
  Deno.exit(2);
}

const help = `optimisation_log.ts [--function=NAME] [--deopts] [--out=FILE] [FLAG OF deno run…] [SCRIPT [ARGUMENT…]]
  --function=NAME  only functions of this name, with all places where they read or write properties
  --deopts         only functions whose compiled code was thrown away
  --out=FILE       writes the report there, not to stderr
Flags of deno run stand before SCRIPT, with their value after =, as in --allow-read=. or --v8-flags=--no-opt`;

async function main(all: string[]): Promise<void> {
  const end = all.findIndex((arg) => !arg.startsWith("-")), own = end < 0 ? all : all.slice(0, end);
  const script = end < 0 ? undefined : all[end], flags: string[] = [];
  let out: string | undefined;
  const choice: Choice = { deoptsOnly: false };
  for (const flag of own) {
    const [name, value] = flag.split(/=(.*)/s);
    if (flag === "--help" || flag === "-h") return console.log(help);
    else if (flag === "--deopts") choice.deoptsOnly = true;
    else if ((name === "--function" || name === "--out") && !value) fail(`${flag}: needs a value, as in ${name}=NAME`);
    else if (name === "--function") choice.name = value;
    else if (name === "--out") out = value;
    else flags.push(flag);
  }
  if (script === undefined) {
    if (flags.length > 0) fail(`${flags[0]}: no flag of this script, and there is no SCRIPT to hand it to`);
    return await show();
  }
  const { code, threads } = await optimisationLog(script, { flags, args: all.slice(end + 1) });
  if (!threads.some(({ functions }) => functions.length > 0)) fail(`nothing of ${script} ran`);
  const text = report(threads, choice) + "\n";
  if (out) await Deno.writeTextFile(out, text);
  else console.error(`\n${text.trimEnd()}`);
  Deno.exit(code);
}

/** Shows both versions of good_and_bad.ts. */
async function show(): Promise<void> {
  for (const [version, name, places] of [["good", "totalGood", 0], ["bad", "totalBad", 1]] as const) {
    const { code, threads } = await optimisationLog(import.meta.resolve("./good_and_bad.ts"), { args: [version] });
    if (code !== 0) throw new Error(`good_and_bad.ts ended with code ${code}`);
    const history = threads[0].functions.find((history) => history.name === name)!;
    console.log(`${format(history)}\n`);
    const found = history.deoptimisations.map(({ reason }) => reason).filter((reason) => !reason.startsWith("prepare"));
    const expected = version === "good" ? [] : ["wrong map", "overflow"];
    const megamorphic = history.caches.filter(({ state }) => state === "megamorphic").length;
    if (expected.some((reason) => !found.includes(reason)) || (expected.length === 0 && found.length > 0)) {
      throw new Error(`${name} is thrown away for ${found.join(", ") || "nothing"}, not for ${expected}`);
    }
    if (megamorphic !== places) throw new Error(`${name} has ${megamorphic} places with many shapes, not ${places}`);
  }
}

if (import.meta.main) {
  try {
    await main(Deno.args);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) fail("there is no deno on the PATH; install it: npm install -g deno");
    if (error instanceof Deno.errors.NotCapable) fail((error as Error).message);
    throw error;
  }
}
