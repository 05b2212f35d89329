/**
 * A line profiler: the source of a script as it was written, with the time that each line took and how often it ran.
 *
 *     deno run <flags as below> line_profiler.ts [--hits] [--top=N] [--out=FILE] [--interval=µs] [--all-files]
 *         [flags of deno run, as in --allow-read=.] SCRIPT [ARGUMENT…]
 *
 * The script keeps its arguments, input, output and exit code; the report follows on stderr, or in FILE. Ctrl-C ends a
 * script that never ends by itself, and reports what it did until then. (Where it must break off a busy loop, Deno prints
 * «Uncaught undefined».) Without a script this profiles itself.
 *
 * What to notice: V8 stops each thread every 100 µs and notes the line it is at. Of 10,000 samples a line with 20% gets
 * 2000, give or take 40; one with 3 samples may as well have 6. A line's time includes built-in functions such as
 * Math.hypot or sort, but not functions that have lines of their own. Waiting counts in no share.
 *
 * The lines that V8 names are those of the JavaScript which Deno makes of TypeScript, and the source map leads back. Deno
 * puts some lines together, such as a condition over two lines, or a loop without braces and its body. Their time
 * stands at the first, and `"` at the others: for a line of its own give it a statement of its own, or braces. Optimised
 * code is moved about, too, so between neighbours a few percent may be on the wrong side.
 *
 * `--hits` counts exactly how often each line was begun, and in brackets how often the part of it ran that ran most: the
 * head of a loop is begun once, its body is what ran. Lines outside of functions are not always counted, and a worker
 * that still computes when the main thread calls `Deno.exit` leaves no profile. The counters
 * are stored to memory at each branch, so a tight loop takes about twice as long, and the lines at which it branches get
 * time that is not theirs: of the Julia set's loop the hottest line falls from nine tenths to a half. Take times from a run
 * without it.
 *
 * @original 02_profiling/line_profiler/julia1_lineprofiler.py
 * @run deno run --allow-run=deno --allow-net=127.0.0.1 --allow-read=. --allow-write=. ch02/line_profiler/line_profiler.ts
 * @takes 1 s
 */

import { decodedMappings, TraceMap } from "npm:@jridgewell/trace-mapping@0.3.31";
import { fileURLToPath, pathToFileURL } from "node:url";

export interface Profile {
  nodes: {
    id: number;
    callFrame: { functionName: string; url: string; lineNumber: number; columnNumber: number };
    hitCount?: number;
    children?: number[];
    positionTicks?: { line: number; ticks: number }[];
  }[];
  samples: number[];
  /** Microseconds. */
  startTime: number;
  endTime: number;
}

/** What V8 counted in one file: of nested ranges of characters the innermost has the count. */
export interface Coverage {
  url: string;
  functions: {
    functionName: string;
    isBlockCoverage: boolean;
    ranges: { startOffset: number; endOffset: number; count: number }[];
  }[];
}

/** A script as it was written, and the way there from the JavaScript that ran. Lines count from 1. */
export class Source {
  /** As written; empty where it could not be read. */
  readonly lines: string[];
  #ran: string[];
  /** For each line that ran: where its parts start, and the line and column that each was written at. */
  #parts: { column: number; line: number; at: number }[][];

  /** @param ran the JavaScript, with its source map if it was made from something else */
  constructor(ran: string) {
    const inline = ran.match(/\n\/\/# sourceMappingURL=data:application\/json;base64,(\S+)\s*$/);
    this.#ran = ran.split("\n");
    if (!inline) {
      this.lines = this.#ran;
      this.#parts = this.#ran.map((text, i) =>
        [...text.matchAll(/\w+|[^\w\s]/g)].map(({ index }) => ({ column: index, line: i + 1, at: index }))
      );
      return;
    }
    const map = new TraceMap(new TextDecoder().decode(Uint8Array.from(atob(inline[1]), (c) => c.charCodeAt(0))));
    this.lines = (map.sourcesContent?.[0] ?? "").split("\n");
    this.#parts = decodedMappings(map).map((segments) =>
      segments.filter((segment) => segment.length > 1)
        .map(([column, , line, at]) => ({ column, line: line! + 1, at: at! }))
    );
  }

  /** The written lines that a line that ran is made of, in the order in which they ran. */
  written(line: number): number[] {
    const lines = new Set(this.#parts[line - 1]?.map(({ line }) => line));
    return lines.size > 0 ? [...lines] : [line];
  }

  /** How often each written line was begun, and how often the part of it ran that ran most. */
  hits({ functions }: Coverage): Map<number, { begun: number; most: number }> {
    // Of the whole of a module V8 may only count that it was entered, which it is twice: once to be set up.
    const ranges = functions.filter((one) =>
      one.isBlockCoverage || one.functionName !== "" || one.ranges[0].startOffset > 0
    )
      .flatMap(({ ranges }) => ranges)
      .sort((a, b) => (a.endOffset - a.startOffset) - (b.endOffset - b.startOffset));
    const hits = new Map<number, { at: number; begun: number; most: number }>();
    let start = 0;
    this.#ran.forEach((text, i) => {
      for (const { column, line, at } of this.#parts[i] ?? []) {
        const offset = start + column;
        const range = ranges.find(({ startOffset, endOffset }) => startOffset <= offset && offset < endOffset);
        // A line of nothing but brackets does not run.
        if (!range || !/\w/.test(this.lines[line - 1])) continue;
        const before = hits.get(line) ?? { at: Infinity, begun: 0, most: 0 };
        const first = at < before.at ? { at, begun: range.count } : before;
        hits.set(line, { ...first, most: Math.max(before.most, range.count) });
      }
      start += text.length + 1;
    });
    return hits;
  }
}

export interface FileTime {
  /** Milliseconds by line and thread. */
  lines: Map<number, number[]>;
  /** Lines whose time stands at an earlier one, which Deno put them together with. */
  joined: Set<number>;
  functions: { name: string; line: number; time: number }[];
}

export interface LineTimes {
  threads: string[];
  files: Map<string, FileTime>;
  /** Milliseconds of processor time by what took it, where that was no line of the files. */
  outside: Map<string, number>;
  /** Milliseconds of all lines and of what is outside, and of waiting. */
  busy: number;
  idle: number;
}

/** A module's address without what follows `?` or `#`. */
export const plain = (url: string) => url.replace(/[?#].*$/, "");

/** Adds up the profiles of all threads, by written line. What has no source in `sources` is outside. */
export function addUp(profiles: Map<string, Profile>, sources: Map<string, Source>): LineTimes {
  const threads = [...profiles.keys()], files = new Map<string, FileTime>(), outside = new Map<string, number>();
  let busy = 0, idle = 0;
  threads.forEach((thread, column) => {
    const { nodes, samples, startTime, endTime } = profiles.get(thread)!;
    const tick = (endTime - startTime) / 1000 / Math.max(1, samples.length);
    const parents = new Map(nodes.flatMap((node) => node.children?.map((child) => [child, node] as const) ?? []));
    for (const node of nodes) {
      const { callFrame: { url, functionName, lineNumber }, hitCount = 0, positionTicks = [] } = node;
      const time = hitCount * tick, source = sources.get(plain(url));
      if (hitCount === 0 || functionName === "(root)") continue;
      // The second is a worker that waits for the profiler.
      if (functionName === "(idle)" || functionName === "op_worker_maybe_wait_for_debugger") {
        idle += time;
        continue;
      }
      busy += time;
      if (!source) {
        let caller = parents.get(node.id);
        while (caller && !sources.has(plain(caller.callFrame.url))) caller = parents.get(caller.id);
        const what = describe(url, functionName) + (caller ? `, called by ${nameOf(caller, sources)}` : "");
        outside.set(what, (outside.get(what) ?? 0) + time);
        continue;
      }
      const file: FileTime = files.get(plain(url)) ?? { lines: new Map(), joined: new Set(), functions: [] };
      files.set(plain(url), file);
      const name = nameOf(node, sources), first = name === topLevel ? 1 : lineNumber + 1;
      const known = file.functions.find((one) => one.name === name && one.line === first);
      if (known) known.time += time;
      else file.functions.push({ name, line: first, time });
      const add = (line: number, time: number) => {
        const times = file.lines.get(line) ?? threads.map(() => 0);
        times[column] += time;
        file.lines.set(line, times);
      };
      let left = hitCount;
      for (const { line, ticks } of positionTicks) {
        // A function in the middle of what was put together cannot have run what stands before it.
        const written = source.written(line), begin = Math.max(0, written.findIndex((line) => line >= first));
        add(written[begin], ticks * tick);
        for (const other of written.slice(begin + 1)) if (other > written[begin]) file.joined.add(other);
        left -= ticks;
      }
      // Compiling a script, for one.
      if (left > 0) outside.set(`${name}, at no line`, (outside.get(`${name}, at no line`) ?? 0) + left * tick);
    }
  });
  for (const file of files.values()) for (const line of file.lines.keys()) file.joined.delete(line);
  return { threads, files, outside, busy, idle };
}

function nameOf({ callFrame: { functionName, url, lineNumber } }: Profile["nodes"][0], sources: Map<string, Source>) {
  if (functionName) return functionName;
  // A script as a whole is a function without a name that starts where the first line does.
  return lineNumber < sources.get(plain(url))!.written(1)[0] ? topLevel : "(anonymous)";
}

const topLevel = "(top level)";

function describe(url: string, name: string): string {
  if (name === "(garbage collector)") return "garbage collector";
  if (name === "(program)") return "native code, no JavaScript running";
  const npm = url.match(
    /\/(?:registry\.npmjs\.org|node_modules\/\.deno\/.*node_modules|node_modules)\/((?:@[^/]+\/)?[^/]+)/,
  );
  if (npm) return `npm:${npm[1]}`;
  if (/^(ext|node):/.test(url)) return "Deno's own JavaScript";
  if (url.startsWith("wasm:")) return "WebAssembly";
  return url === "" ? `built-in ${name || "function"}` : plain(url);
}

export interface ReportOptions {
  /** How many functions are shown, the hottest first. */
  top?: number;
  hits?: Map<string, Map<number, { begun: number; most: number }>>;
}

/** The report: of each file the functions that took time, in full, with the hottest file first. */
export function format(times: LineTimes, sources: Map<string, Source>, { top = 10, hits }: ReportOptions = {}): string {
  const { threads, busy } = times;
  const share = (time: number) => `${(100 * time / (busy || 1)).toFixed(1)}%`;
  const sum = (values: number[]) => values.reduce((sum, value) => sum + value, 0);
  // A column for each thread where a few threads ran lines, one for all workers where many did.
  const active = threads.filter((_, i) =>
    [...times.files.values()].some(({ lines }) => [...lines.values()].some((t) => t[i]))
  );
  const columns: [string, (times: number[]) => number][] = active.length <= 1
    ? []
    : active.length <= 4
    ? active.map((name) => [name, (times) => times[threads.indexOf(name)]])
    : [["main", (times) => times[0]], [`${threads.length - 1} workers`, (times) => sum(times.slice(1))]];
  const hottest = [...times.files.entries()].flatMap(([url, { functions }]) =>
    functions.filter(({ time }) => time >= busy / 200).map((one) => ({ ...one, url }))
  )
    .sort((a, b) => b.time - a.time).slice(0, top);
  const total = (file: FileTime) => sum([...file.lines.values()].map(sum));
  const text: string[] = [];

  for (const [url, file] of [...times.files].sort(([, a], [, b]) => total(b) - total(a))) {
    const functions = hottest.filter((one) => one.url === url), { lines } = sources.get(url)!;
    if (functions.length === 0) continue;
    text.push("", `${display(url)}: ${share(total(file))} of the processor time`);
    const shown = new Set<number>();
    for (const { name, line, time } of functions) {
      const end = functionEnd(lines, line), many = end > line ? `s ${line} to ${end}` : ` ${line}`;
      text.push(`  ${share(time).padStart(6)}  ${name}${name === topLevel ? "" : `, line${many}`}`);
      if (name !== topLevel) { for (let i = line; i <= end; i++) shown.add(i); }
    }
    for (const [line, times] of file.lines) if (sum(times) >= busy / 200) shown.add(line);
    text.push(
      "",
      ["ms", "share", ...columns.map(([name]) => name)].map((head) => head.padStart(9)).join("") +
        (hits ? "times run".padStart(24) : "") + "   line",
    );
    let last = 0;
    for (const line of [...shown].sort((a, b) => a - b)) {
      if (last > 0 && line > last + 1) text.push("      …");
      last = line;
      const own = file.lines.get(line), count = hits?.get(url)?.get(line);
      const cells = own
        ? [sum(own).toFixed(1), share(sum(own)), ...columns.map(([, of]) => of(own).toFixed(1))]
        : [file.joined.has(line) ? '"' : "", "", ...columns.map(() => "")];
      text.push((cells.map((cell) => cell.padStart(9)).join("") + (hits ? showHits(count).padStart(24) : "") +
        `${line}`.padStart(7) + `  ${lines[line - 1] ?? ""}`).trimEnd());
    }
  }

  const outside = [...times.outside].sort(([, a], [, b]) => b - a);
  const [large, small] = [
    outside.filter(([, time]) => time >= busy / 200),
    outside.filter(([, time]) => time < busy / 200),
  ];
  if (small.length > 0) large.push(["the rest", sum(small.map(([, time]) => time))]);
  text.push("", `outside of these files: ${share(sum(outside.map(([, time]) => time)))}`);
  for (const [name, time] of large) text.push(time.toFixed(1).padStart(9) + share(time).padStart(9) + `   ${name}`);
  const of = threads.length > 1 ? `${threads.length} threads` : "one thread";
  text.push("", `100% are ${busy.toFixed(0)} ms of ${of}; waiting, ${times.idle.toFixed(0)} ms, is not counted.`);
  return text.slice(1).join("\n") + "\n";
}

function showHits(count?: { begun: number; most: number }): string {
  if (!count) return "";
  const { begun, most } = count;
  return begun === most
    ? begun.toLocaleString("en-US")
    : `${begun.toLocaleString("en-US")} (${most.toLocaleString("en-US")})`;
}

/** The last line of what starts at `start`, by its indentation: exact where the source is formatted. */
export function functionEnd(lines: readonly string[], start: number): number {
  const opens = (text: string) => /[({[]\s*(\/\/.*)?$|=>\s*$/.test(text);
  const indent = (text: string) => text.search(/\S/), first = lines[start - 1] ?? "";
  if (!opens(first)) return start;
  for (let i = start; i < lines.length; i++) {
    const depth = indent(lines[i]);
    // What closes the parameters may open the body.
    if (depth >= 0 && depth <= indent(first) && !opens(lines[i])) return i + 1;
  }
  return lines.length;
}

/** A file's address as its path, from the current folder where it lies below. */
function display(url: string): string {
  const path = fileURLToPath(url), here = Deno.cwd();
  return path.startsWith(here) ? path.slice(here.length + 1) : path;
}

/**
 * Brings a process to its end so that Deno still writes its profiles, which it does not after a signal. The inspector
 * gets through to a busy loop too: it puts `Deno.exit` on the list of what is to be done next, and then ends the loop.
 */
async function endThroughInspector(port: number): Promise<void> {
  const [{ webSocketDebuggerUrl }] = await (await fetch(`http://127.0.0.1:${port}/json`)).json();
  const socket = new WebSocket(webSocketDebuggerUrl), closed = Promise.withResolvers<void>();
  // The process may be gone at any time from here on, which is what is wanted.
  socket.onclose = () => closed.resolve();
  socket.onerror = () => {};
  const soon = () => Promise.race([closed.promise, new Promise((resolve) => setTimeout(resolve, 100))]);
  let id = 0;
  const send = (method: string, params = {}) => {
    const message = JSON.stringify({ id: ++id, method, params });
    if (socket.readyState === WebSocket.OPEN) socket.send(message);
    return message;
  };
  const workers = new Set<string>();
  socket.onmessage = ({ data }) => {
    const { method, params } = JSON.parse(data);
    if (method === "NodeWorker.attachedToWorker") workers.add(params.sessionId);
  };
  await Promise.race([closed.promise, new Promise((resolve) => socket.onopen = resolve)]);
  send("NodeWorker.enable", { waitForDebuggerOnStart: false });
  await soon();
  for (const sessionId of workers) {
    const inWorker = (method: string, params = {}) =>
      send("NodeWorker.sendMessageToWorker", { sessionId, message: JSON.stringify({ id: ++id, method, params }) });
    inWorker("Runtime.evaluate", { expression: "self.close()" });
    inWorker("Runtime.terminateExecution");
  }
  await soon();
  send("Runtime.evaluate", { expression: "setTimeout(() => Deno.exit(130))" });
  await soon();
  send("Runtime.terminateExecution");
  socket.close();
  await closed.promise;
}

export interface Options {
  /** Flags for `deno run`, and arguments of the script. */
  flags?: string[];
  args?: string[];
  /** Microseconds between samples. */
  interval?: number;
  hits?: boolean;
  /** Whether files of packages are taken for the user's own. */
  allFiles?: boolean;
  /** Where a temporary folder is made and removed again. */
  folder?: string;
  /** Whether to drop what the script prints. */
  quiet?: boolean;
}

export interface Profiled {
  /** How the script ended. */
  code: number;
  times: LineTimes;
  sources: Map<string, Source>;
  hits?: ReportOptions["hits"];
}

/** The input is at fault: a script that cannot run, or a file that cannot be written. */
class BadInput extends Error {}

/** Runs a script in a `deno` of its own and says what its lines took. Throws if it cannot be started. */
export async function profileScript(script: string, options: Options = {}): Promise<Profiled> {
  const { flags = [], args = [], interval = 100, hits = false, allFiles = false, folder = ".", quiet } = options;
  if (!/^(https?|jsr|npm|data|node):/.test(script)) await readSource(script);
  const { denoDir } = JSON.parse((await deno(["info", "--json"])).out);
  const temporary = Deno.makeTempDirSync({ dir: folder, prefix: "line_profiler_" });
  const profiles = `${temporary}/profiles`, counts = `${temporary}/counts`;
  try {
    const code = await runToItsEnd(
      [
        ...["--cpu-prof", `--cpu-prof-dir=${profiles}`, "--cpu-prof-name=main.cpuprofile"],
        `--cpu-prof-interval=${interval}`,
        ...flags,
        script,
        ...args,
      ],
      // The flag --coverage is refused beside the inspector; the variable does the same, and workers' counts come too.
      { output: quiet ? "null" : "inherit", env: hits ? { DENO_COVERAGE_DIR: counts } : {} },
    );
    const all = new Map(
      (await readFolder<Profile>(profiles)).map(([name, profile]) =>
        [name.replace(/^main\.worker-/, "worker ").replace(".cpuprofile", ""), profile] as const
      ),
    );
    if (all.size === 0) throw new BadInput(`${script} did not start, or not end, so there is nothing to report`);
    const coverage = (await readFolder<Coverage>(counts)).map(([, coverage]) => coverage);

    const sources = new Map<string, Source>(), cache = pathToFileURL(denoDir).href;
    const urls = [...all.values()].flatMap(({ nodes }) => nodes.map(({ callFrame }) => plain(callFrame.url)));
    for (const url of new Set(urls)) {
      const foreign = url.startsWith(cache) || url.includes("/node_modules/");
      if (url.startsWith("file:") && (allFiles || !foreign)) sources.set(url, await readSource(fileURLToPath(url)));
    }
    return { code, times: addUp(all, sources), sources, hits: hits ? addUpHits(coverage, sources) : undefined };
  } finally {
    await Deno.remove(temporary, { recursive: true });
  }
}

/** The counts of all threads together. */
export function addUpHits(coverage: Coverage[], sources: Map<string, Source>): NonNullable<ReportOptions["hits"]> {
  const all: NonNullable<ReportOptions["hits"]> = new Map();
  for (const one of coverage) {
    const url = plain(one.url), sum = all.get(url) ?? new Map();
    for (const [line, { begun, most }] of sources.get(url)?.hits(one) ?? []) {
      const before = sum.get(line) ?? { begun: 0, most: 0 };
      sum.set(line, { begun: before.begun + begun, most: before.most + most });
    }
    all.set(url, sum);
  }
  return all;
}

/** Runs a script to its end, or until Ctrl-C, and returns its exit code. */
async function runToItsEnd(
  args: string[],
  { output, env }: { output: "inherit" | "null"; env: Record<string, string> },
): Promise<number> {
  // Where another process takes the port in between, the script does not start and says so.
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 }), { port } = listener.addr as Deno.NetAddr;
  listener.close();
  const child = new Deno.Command("deno", {
    // The script must outlive a Ctrl-C that it does not listen for.
    args: [
      ...["run", "-q", `--inspect=127.0.0.1:${port}`, "--inspect-publish-uid=http"],
      `--preload=data:text/javascript,Deno.addSignalListener("SIGINT",()=>{})`,
      ...args,
    ],
    env,
    stdin: "inherit",
    stdout: output,
    stderr: output,
    // Ctrl-C reaches only this process, which passes it on once.
    detached: Deno.build.os !== "windows",
  }).spawn();
  let ended = false, interrupted = false, ending: Promise<void> | undefined;
  const status = child.status.finally(() => ended = true);
  const kill = (signal: Deno.Signal) => ended || child.kill(signal);
  const end = async (signal: Deno.Signal) => {
    if (signal === "SIGINT" && Deno.build.os !== "windows") {
      // A script that handles Ctrl-C itself is given half a second for it.
      kill(signal);
      for (let i = 0; i < 50 && !ended; i++) await new Promise((resolve) => setTimeout(resolve, 10));
    }
    if (ended) return;
    const late = setTimeout(() => kill("SIGKILL"), 3000);
    await endThroughInspector(port).catch(() => kill("SIGKILL"));
    await status;
    clearTimeout(late);
    interrupted = true;
  };
  const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM", "SIGHUP"];
  // Who asks twice does not want to wait.
  const handlers = signals.map((signal) => () => ending ? void kill("SIGKILL") : void (ending = end(signal)));
  signals.forEach((signal, i) => Deno.addSignalListener(signal, handlers[i]));
  try {
    const { code } = await status;
    await ending;
    return interrupted ? 130 : code;
  } finally {
    signals.forEach((signal, i) => Deno.removeSignalListener(signal, handlers[i]));
  }
}

async function deno(args: string[]) {
  const { success, stdout, stderr } = await new Deno.Command("deno", { args, stdin: "null", env: { NO_COLOR: "1" } })
    .output();
  const text = new TextDecoder();
  return { success, out: text.decode(stdout), errors: text.decode(stderr) };
}

/** Reads a script as it runs. Throws what Deno says, where it is not there or does not compile. */
async function readSource(path: string): Promise<Source> {
  const file = path.startsWith("file:") ? fileURLToPath(path) : path;
  if (/\.[cm]?js$/.test(file)) {
    // JavaScript runs as it was written. Where it may not be read, there is only the number of each line to show.
    const { state } = await Deno.permissions.query({ name: "read", path: file });
    try {
      return new Source(state === "granted" ? await Deno.readTextFile(file) : "");
    } catch (error) {
      throw new BadInput(`${path}: ${(error as Error).message}`);
    }
  }
  const { success, out, errors } = await deno(["transpile", "--source-map=inline", file]);
  if (success) return new Source(out);
  const reason = errors.match(/: ([^:\n]*\(os error \d+\))/)?.[1] ?? errors.match(/^error: (.*)/m)?.[1] ?? errors;
  throw new BadInput([path, reason, errors.match(/ at \S+:(\d+:\d+)/)?.[1]].filter(Boolean).join(": "));
}

/** The JSON files of a folder, which need not be there. */
async function readFolder<T>(folder: string): Promise<[string, T][]> {
  const found: [string, T][] = [];
  try {
    for await (const { name } of Deno.readDir(folder)) {
      found.push([name, JSON.parse(await Deno.readTextFile(`${folder}/${name}`))]);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return found.sort(([a], [b]) => a.localeCompare(b, undefined, { numeric: true }));
}

/** What this script profiles where it is given no other: the third line of the loop is the dear one. */
function demonstrate(rounds: number): number {
  let sum = 0;
  for (let i = 0; i < rounds; i++) {
    sum += i & 3;
    sum += Math.hypot(i, 1) % 2;
  }
  return sum;
}

const usage = `line_profiler.ts [FLAG…] [FLAG OF deno run…] SCRIPT [ARGUMENT…]

  --hits         count exactly how often each line ran; the run takes longer
  --top=N        show at most N functions (10)
  --interval=N   microseconds between samples, from 50 (100)
  --all-files    show files of packages as well
  --out=FILE     write the report to FILE and not to stderr
  --help         print this

Flags of deno run take their value after =, as in --allow-read=.`;

function fail(message: string): never {
  console.error(`error: ${message}`);
  Deno.exit(2);
}

function integer(flag: string, text: string, min: number, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  if (!(value >= min && value <= max)) fail(`--${flag}=${text}: must be a whole number from ${min} to ${max}`);
  return value;
}

async function main(): Promise<void> {
  if (Deno.args[0] === "--demonstrate") return console.log(demonstrate(3e6));
  const own = new Map<string, string>(), flags: string[] = [];
  let at = 0;
  for (; Deno.args[at]?.startsWith("-"); at++) {
    const [, name, value] = Deno.args[at].match(/^--(hits|all-files|help|top|interval|out)(?:=(.*))?$/) ?? [];
    if (!name) flags.push(Deno.args[at]);
    else if (/^(top|interval|out)$/.test(name) ? !value : value !== undefined) {
      fail(`${Deno.args[at]}: ${value === undefined ? "needs a value after =" : "takes no value"}`);
    } else own.set(name, value);
  }
  if (own.has("help")) return console.log(usage);
  const top = integer("top", own.get("top") ?? "10", 1, 1000);
  const interval = integer("interval", own.get("interval") ?? "100", 50, 1_000_000);
  const [script = import.meta.url, ...args] = Deno.args.slice(at), shown = at === Deno.args.length;
  if (shown && flags.length > 0) fail(`${flags[0]} needs a script after it (see --help)`);

  const options = { flags, args: shown ? ["--demonstrate"] : args, interval, hits: own.has("hits") };
  const found = await profileScript(script, { ...options, allFiles: own.has("all-files") });
  const text = format(found.times, found.sources, { top, hits: found.hits }), out = own.get("out");
  const failed = out && await Deno.writeTextFile(out, text).catch((error: Error) => error);
  // What took so long to find is not thrown away.
  if (!out || failed) console.error(`\n${text}`);
  if (failed) fail(`--out=${out}: ${failed.message}`);
  if (shown) {
    const { lines } = found.times.files.get(import.meta.url)!, [[line]] = [...lines].sort(([, [a]], [, [b]]) => b - a);
    const hottest = found.sources.get(import.meta.url)!.lines[line - 1].trim();
    if (!hottest.includes("Math.hypot(i, 1)")) throw new Error(`line ${line} cannot be the hottest: ${hottest}`);
  }
  Deno.exit(found.code);
}

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound && /deno/.test(error.message)) {
      fail("there is no deno on the PATH; install it: npm install -g deno");
    }
    if (error instanceof BadInput) fail(error.message);
    throw error;
  }
}
