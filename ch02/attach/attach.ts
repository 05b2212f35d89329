/**
 * Attaches to a Deno process that runs already, and says in which functions it spends its time.
 *
 * What to notice: the process is neither changed nor stopped. V8 has a sampling profiler in every process; the inspector
 * switches it on from outside, also while the program is in a loop that never returns, and off again. A process that was
 * started with an address for its inspector can be attached to, once or with tables that follow each other:
 *
 *     deno run --inspect=127.0.0.1:9229 server.ts
 *     deno run --allow-net=127.0.0.1 --allow-run=deno ch02/attach/attach.ts 127.0.0.1:9229 --live
 *
 * V8 does not know the names in what it compiled before anybody attached: what it had inlined, or compiled in the middle of
 * a loop, would count as the caller's. So its optimised code is thrown away once, and is compiled anew within milliseconds.
 * That is done by asking for coverage for a moment; coverage that somebody else collects in the process ends with it.
 * A process without an address can be told to open 127.0.0.1:9229 (`kill -USR1 PID`), and does so when it next waits for
 * something. In its first half second, and as long as it never waits, the signal kills it instead. It keeps no source maps
 * then: `deno transpile` makes them again. Whoever can connect can run code in the process; hence 127.0.0.1.
 *
 * @original 02_profiling/py-spy/
 * @run deno run --allow-net=127.0.0.1 --allow-run=deno ch02/attach/attach.ts
 * @takes 3 s
 */

import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import {
  GREATEST_LOWER_BOUND,
  LEAST_UPPER_BOUND,
  originalPositionFor,
  TraceMap,
} from "npm:@jridgewell/trace-mapping@0.3.31";

/** A profile as `.cpuprofile` files hold it. Lines and columns of a call frame begin with 0, lines of ticks with 1. */
export interface Profile {
  nodes: ProfileNode[];
  /** Microseconds of a clock of V8's own. */
  startTime: number;
  endTime: number;
  samples: number[];
  timeDeltas: number[];
}

interface ProfileNode {
  id: number;
  callFrame: Frame;
  hitCount: number;
  children?: number[];
  positionTicks?: { line: number; ticks: number }[];
}

interface Frame {
  functionName: string;
  scriptId: string;
  url: string;
  lineNumber: number;
  columnNumber: number;
}

/** What one thread of the process did, the main one or a worker. */
export interface Sampled {
  /** The address of its script, and for a worker «worker [1]» before it. */
  title: string;
  profile: Profile;
  /** By the id of the script. */
  maps: Map<string, TraceMap>;
}

/** Something outside this program is at fault: the address, or who answers there. */
export class AttachError extends Error {}

/** The thread that was asked has ended. */
class Gone extends AttachError {}

// deno-lint-ignore no-explicit-any
type Message = any;

/** Milliseconds that an answer may take. */
const patience = 3000;

/** Waits for a promise, but not for ever. */
async function within<T>(promise: Promise<T>, complaint: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new AttachError(complaint)), patience);
  });
  return await Promise.race([promise, timeout]).finally(() => clearTimeout(timer));
}

/** The socket at an address: a port, HOST:PORT, the list at http://HOST:PORT/json, or the socket itself. */
export async function findSocket(address: string): Promise<string> {
  if (/^wss?:\/\/\S+$/.test(address)) return address;
  const [, host = "127.0.0.1", port] = address.match(/^(?:http:\/\/)?(?:([\w.-]+):)?(\d{1,5})(?:\/(?:json)?)?$/) ?? [];
  if (!port || Number(port) > 65535) {
    throw new AttachError(`${address}: must be HOST:PORT, as in 127.0.0.1:9229, or ws://HOST:PORT/…`);
  }
  let text;
  try {
    text = await (await fetch(`http://${host}:${port}/json`, { signal: AbortSignal.timeout(patience) })).text();
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    if ((error as Error).name === "TimeoutError") throw new AttachError(`${host}:${port} does not answer`);
    throw new AttachError(
      `no inspector at ${host}:${port}; start the program by: deno run --inspect=${host}:${port} …`,
    );
  }
  try {
    const socket = JSON.parse(text)[0].webSocketDebuggerUrl;
    if (typeof socket === "string") return socket;
  } catch { /* Whatever it said, it is not the list of an inspector. */ }
  throw new AttachError(`${host}:${port} answers, but is no inspector`);
}

async function open(address: string): Promise<WebSocket> {
  let socket: WebSocket;
  try {
    socket = new WebSocket(address);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    throw new AttachError(`${address} is no address of a socket`);
  }
  const opened = new Promise<void>((resolve, reject) => {
    socket.onopen = () => resolve();
    socket.onerror = () => reject(new AttachError(`no inspector at ${address}`));
  });
  await within(opened, `${address} does not answer`).catch((error) => {
    socket.close();
    throw error;
  });
  return socket;
}

/** The inspector of a process: requests and answers, and events. A thread is the session of a worker, or "" for the main one. */
class Inspector {
  #waiting = new Map<number, { thread: string; resolve(result: Message): void; reject(error: Error): void }>();
  #lastId = 0;
  onEvent: (thread: string, method: string, params: Message) => void = () => {};

  constructor(readonly socket: WebSocket) {
    socket.onmessage = ({ data }) => this.#hear("", JSON.parse(data));
    socket.addEventListener("close", () => this.giveUp());
  }

  call(thread: string, method: string, params: Message = {}): Promise<Message> {
    const id = ++this.#lastId, message = JSON.stringify({ id, method, params });
    const { promise, ...settle } = Promise.withResolvers<Message>();
    this.#waiting.set(id, { thread, ...settle });
    if (this.socket.readyState !== WebSocket.OPEN) this.giveUp();
    else if (thread === "") this.socket.send(message);
    else {
      // What a worker is asked travels in a request to the main thread, and its answer comes back in an event.
      const params = { sessionId: thread, message };
      this.socket.send(JSON.stringify({ id: ++this.#lastId, method: "NodeWorker.sendMessageToWorker", params }));
    }
    return within(promise, "the process does not answer: it was stopped, or is inside a call that is not JavaScript")
      .finally(() => this.#waiting.delete(id));
  }

  /** Expects no more answers from a worker, or from anybody. */
  giveUp(worker?: string): void {
    for (const { thread, reject } of this.#waiting.values()) {
      if (worker === undefined || thread === worker) reject(new Gone("it has ended"));
    }
  }

  #hear(thread: string, { id, method, params, result, error }: Message): void {
    const waiting = this.#waiting.get(id);
    if (method === "NodeWorker.receivedMessageFromWorker") this.#hear(params.sessionId, JSON.parse(params.message));
    else if (method) this.onEvent(thread, method, params);
    else if (error) waiting?.reject(new Error(error.message));
    else waiting?.resolve(result);
  }
}

interface Script {
  scriptId: string;
  url: string;
  sourceMapURL?: string;
}

interface Thread extends Omit<Sampled, "profile"> {
  id: string;
  running: boolean;
  /** All that was announced, by id, and those of them whose maps are still to be read. */
  scripts: Map<string, Script>;
  unread: Script[];
}

/** Everything between attaching to a process and detaching from it. */
export class Session {
  readonly #threads: Thread[] = [];
  readonly #starting: Promise<void>[] = [];
  readonly #end = Promise.withResolvers<void>();
  /** Fulfilled when the process has come to its end, where it waits until this detaches, or when it is gone. */
  readonly ended = this.#end.promise;

  private constructor(readonly inspector: Inspector, readonly interval: number, readonly recompile: boolean) {
    inspector.socket.addEventListener("close", () => this.#end.resolve());
    inspector.onEvent = (thread, method, params) => this.#hear(thread, method, params);
  }

  /**
   * Begins to sample the main thread and all workers.
   *
   * @param interval microseconds between samples
   * @param recompile whether optimised code is thrown away, so that all functions have their names
   */
  static async attach(address: string, { interval = 1000, recompile = true } = {}): Promise<Session> {
    const session = new Session(new Inspector(await open(await findSocket(address))), interval, recompile);
    try {
      await session.inspector.call("", "NodeRuntime.notifyWhenWaitingForDisconnect", { enabled: true });
      await session.#start("", "");
      await session.inspector.call("", "NodeWorker.enable", { waitForDebuggerOnStart: false });
    } catch (error) {
      session.detach();
      throw new AttachError(`${address} cannot be profiled: ${(error as Error).message}`);
    }
    return session;
  }

  #hear(id: string, method: string, params: Message): void {
    const thread = this.#thread(id);
    // Each is announced anew whenever the debugger is switched on.
    if (method === "Debugger.scriptParsed" && thread && !thread.scripts.has(params.scriptId)) {
      thread.scripts.set(params.scriptId, params);
      thread.unread.push(params);
    }
    if (method === "NodeRuntime.waitingForDisconnect") this.#end.resolve();
    if (method === "NodeWorker.detachedFromWorker") this.inspector.giveUp(params.sessionId);
    // A worker is announced twice.
    if (method === "NodeWorker.attachedToWorker" && !this.#thread(params.sessionId)) {
      const { title, url } = params.workerInfo;
      this.#starting.push(this.#start(params.sessionId, `${title} ${url}`).catch(unlessGone));
    }
  }

  #thread(id: string): Thread | undefined {
    return this.#threads.find((thread) => thread.id === id);
  }

  async #start(id: string, title: string): Promise<void> {
    const thread: Thread = { id, title, maps: new Map(), scripts: new Map(), unread: [], running: false };
    this.#threads.push(thread);
    await this.#readMaps(thread);
    await this.inspector.call(id, "Profiler.enable");
    await this.inspector.call(id, "Profiler.setSamplingInterval", { interval: this.interval });
    await this.#sample(id);
    thread.running = true;
  }

  async #sample(id: string): Promise<void> {
    await this.inspector.call(id, "Profiler.start");
    if (!this.recompile) return;
    // To count calls V8 must throw away all optimised code; from then on it tells the profiler what it compiles.
    await this.inspector.call(id, "Profiler.startPreciseCoverage", { callCount: false, detailed: false });
    await this.inspector.call(id, "Profiler.stopPreciseCoverage");
  }

  /** What was sampled since the last time, in each thread that still runs; `last` ends the sampling. */
  async take(last: boolean): Promise<Sampled[]> {
    await Promise.all(this.#starting);
    const taken = this.#threads.filter(({ running }) => running).map(async (thread): Promise<Sampled[]> => {
      thread.running = false;
      const { profile } = await this.inspector.call(thread.id, "Profiler.stop");
      // A script that was loaded since is not known yet.
      const unknown = ({ callFrame: { url, scriptId } }: ProfileNode) =>
        url.startsWith("file:") && !thread.scripts.has(scriptId);
      if (thread.unread.length > 0 || profile.nodes.some(unknown)) await this.#readMaps(thread);
      await (last ? this.inspector.call(thread.id, "Profiler.disable") : this.#sample(thread.id));
      thread.running = !last;
      const first = [...thread.scripts.values()].find(({ url }) => url.startsWith("file:"));
      return [{ title: thread.title || (first?.url ?? "a process"), maps: thread.maps, profile }];
    });
    return (await Promise.all(taken.map((one) => one.catch(unlessGone)))).flatMap((one) => one ?? []);
  }

  /** Leaves the process to itself: it runs on, or ends if it was about to. */
  detach(): void {
    this.inspector.socket.close();
  }

  /** Debugger.enable announces every script, which brings its source map along. */
  async #readMaps({ id, unread, maps }: Thread): Promise<void> {
    await this.inspector.call(id, "Debugger.enable");
    const scripts = unread.splice(0).filter(({ url }) => /^file:.*\.[cm]?tsx?$/.test(url));
    const sources = await Promise.all(
      scripts.map(({ scriptId }) => this.inspector.call(id, "Debugger.getScriptSource", { scriptId })),
    );
    await this.inspector.call(id, "Debugger.disable");
    for (const [i, { scriptId, url, sourceMapURL }] of scripts.entries()) {
      const map = sourceMapURL ? readMap(sourceMapURL) : await transpile(url, sources[i].scriptSource);
      if (map) maps.set(scriptId, map);
    }
  }
}

/** A thread that has ended answers nothing more, which is no fault. */
function unlessGone(error: unknown): undefined {
  if (!(error instanceof Gone)) throw error;
}

/** The source map that an address holds in itself. */
function readMap(url: string): TraceMap | undefined {
  const base64 = url.match(/^data:application\/json[^,]*;base64,(.*)/)?.[1];
  if (!base64) return undefined;
  return new TraceMap(new TextDecoder().decode(Uint8Array.from(atob(base64), (byte) => byte.charCodeAt(0))));
}

/** The source map of a script that came without; undefined where it cannot be made, or the file has changed since. */
async function transpile(url: string, source: string): Promise<TraceMap | undefined> {
  if ((await Deno.permissions.query({ name: "run", command: "deno" })).state !== "granted") return undefined;
  const args = ["transpile", "--quiet", "--no-check", "--no-config", "--source-map=inline", fileURLToPath(url)];
  const { stdout } = await new Deno.Command("deno", { args, stdin: "null", stderr: "null" }).output();
  const [code, map] = new TextDecoder().decode(stdout).split("//# sourceMappingURL=");
  return map && code.trimEnd() === source.trimEnd() ? readMap(map.trim()) : undefined;
}

export interface Row {
  name: string;
  /** File and line of the source as it was written: where a function begins, or the line itself. */
  place: string;
  /** Shares of the samples that were not idle, from 0 to 1: in the function itself, and with all that it called. */
  self: number;
  total: number;
}

/** The functions of a profile or its lines, hottest first, and the share of the time in which the thread had nothing to do. */
export function summarise({ profile: { nodes }, maps }: Sampled, by: "functions" | "lines" = "functions") {
  const byId = new Map(nodes.map((node) => [node.id, node])), rows = new Map<string, Row>();
  const parents = new Map(nodes.flatMap((node) => node.children?.map((child) => [child, node] as const) ?? []));
  const isIdle = ({ callFrame }: ProfileNode) => callFrame.functionName === "(idle)";
  const count = (some: ProfileNode[]) => some.reduce((sum, { hitCount }) => sum + hitCount, 0);
  const samples = count(nodes), idle = count(nodes.filter(isIdle)), busy = samples - idle;
  const rowOf = ({ callFrame }: ProfileNode, line?: number) => {
    const { functionName, lineNumber, url } = callFrame;
    const name = functionName || (lineNumber < 0 && url ? "(module)" : "(anonymous)");
    const place = placeOf(callFrame, maps, line), key = `${name} ${place}`;
    if (!rows.has(key)) rows.set(key, { name, place, self: 0, total: 0 });
    return rows.get(key)!;
  };
  for (const node of byId.values()) {
    if (node.hitCount === 0 || isIdle(node)) continue;
    if (by === "lines") {
      for (const { line, ticks } of node.positionTicks ?? []) rowOf(node, line).self += ticks / busy;
      continue;
    }
    rowOf(node).self += node.hitCount / busy;
    // One that calls itself is on the stack several times and counts once.
    const stack = new Set<Row>();
    for (let at: ProfileNode = node; parents.has(at.id); at = parents.get(at.id)!) stack.add(rowOf(at));
    for (const row of stack) row.total += node.hitCount / busy;
  }
  const sorted = [...rows.values()].sort((a, b) => b.self - a.self || b.total - a.total);
  return { samples, idle: samples && idle / samples, rows: sorted };
}

/** Where a frame, or a line of the JavaScript that runs, is in the source as it was written. */
function placeOf({ url, lineNumber, columnNumber, scriptId }: Frame, maps: Sampled["maps"], line?: number): string {
  if (url === "") return "";
  const file = url.startsWith("file:") ? fileURLToPath(url) : url;
  if (lineNumber < 0 && line === undefined) return file;
  // A line stands for what comes first on it, a function for where its parameters begin.
  const map = maps.get(scriptId),
    [at, column, bias] = line === undefined
      ? [lineNumber + 1, columnNumber, GREATEST_LOWER_BOUND] as const
      : [line, 0, LEAST_UPPER_BOUND] as const;
  const original = map && originalPositionFor(map, { line: at, column, bias }).line;
  return original || !/^file:.*ts$/.test(url) ? `${file}:${original ?? at}` : `${file} (line ${at} as JavaScript)`;
}

/** A table of the hottest functions, and of lines. */
export function format(sampled: Sampled, { top = 15, lines = false } = {}): string {
  const { samples, idle, rows } = summarise(sampled), { startTime, endTime } = sampled.profile;
  const percent = (share: number) => `${(100 * share).toFixed(1)}%`.padStart(6);
  const list = (rows: Row[], shares: (row: Row) => number[]) => {
    const shown = rows.slice(0, top), width = Math.max(...shown.map(({ name }) => name.length));
    return shown.map((row) => [...shares(row).map(percent), row.name.padEnd(width), row.place].join("  ").trimEnd());
  };
  return [
    `${sampled.title}: ${((endTime - startTime) / 1e6).toFixed(1)} s, ${samples} samples, ${
      (100 * idle).toFixed(0)
    }% of them idle; of the others:`,
    "  self   total  function",
    ...list(rows, ({ self, total }) => [self, total]),
    ...lines ? ["  self  line", ...list(summarise(sampled, "lines").rows, ({ self }) => [self])] : [],
  ].join("\n");
}

// The program that is looked at where no other is named: two functions do the same, one 70 times and one 30 times.

type Total = number;

function cool(from: number): Total {
  let total: Total = 0;
  for (let i = 0; i < 50; i++) total += Math.sqrt(from + i) % 3;
  return total;
}

function hot(from: number): Total {
  let total: Total = 0;
  for (let i = 0; i < 50; i++) total += Math.sqrt(from + i) % 3;
  return total;
}

/** Both are short enough for V8 to inline them here. */
function work(): Total {
  let total: Total = 0;
  for (let i = 0; i < 100; i++) total += i % 10 < 7 ? hot(i) : cool(i);
  return total;
}

/** Prints after each 25 ms when they ended (ms since 1970) and how often it did its work, in a millisecond. */
async function demonstrate(milliseconds: number): Promise<void> {
  for (const end = Date.now() + milliseconds; Date.now() < end;) {
    const start = performance.now();
    let times = 0;
    for (; performance.now() - start < 25; times++) work();
    console.log(JSON.stringify([Date.now(), times / (performance.now() - start)]));
    await new Promise((later) => setTimeout(later, 2));
  }
  Deno.exit(7);
}

/** Starts that program with flags of `deno run`; with an inspector among them, waits for its address. */
export async function startDemonstration(milliseconds: number, flags: string[]) {
  const child = new Deno.Command("deno", {
    args: ["run", "--no-prompt", ...flags, import.meta.url, "--demonstrate", `${milliseconds}`],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const said = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  let text = "", address: string | undefined;
  while (flags.length > 0 && !(address = text.match(/ws:\/\/([\d.]+:\d+)\/\S+\s/)?.[1])) {
    const { value, done } = await said.read();
    if (done) throw new Error(`the demonstration did not start: ${text}`);
    text += value;
  }
  // Nobody needs the rest, but it must go somewhere.
  said.releaseLock();
  const output = new Response(child.stdout).text();
  return { child, address: address ?? "", output };
}

/** What makes a process attachable. */
export const attachable = ["--inspect=127.0.0.1:0"];

interface Options {
  seconds: number;
  live: boolean;
  lines: boolean;
  top: number;
  interval: number;
  out?: string;
}

/** Attaches, prints and detaches. */
async function observe(address: string, { seconds, live, lines, top, interval, out }: Options): Promise<Sampled[]> {
  const session = await Session.attach(address, { interval });
  const interrupted = Promise.withResolvers<void>();
  Deno.addSignalListener("SIGINT", interrupted.resolve);
  const ending = Promise.race([
    session.ended.then(() => "the process came to its end"),
    interrupted.promise.then(() => "interrupted; the process goes on"),
  ]);
  let sampled: Sampled[] = [], reason = "";
  try {
    do {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const pause = new Promise<string>((later) => timer = setTimeout(later, 1000 * seconds, ""));
      reason = await Promise.race([pause, ending]);
      clearTimeout(timer);
      const taken = await session.take(!live || reason !== "");
      if (taken.length > 0) {
        sampled = taken;
        if (live && Deno.stdout.isTerminal()) console.log("\x1b[H\x1b[2J");
        console.log(taken.map((one) => format(one, { top, lines })).join("\n\n") + (live ? "\n" : ""));
      }
    } while (live && reason === "");
  } finally {
    session.detach();
    Deno.removeSignalListener("SIGINT", interrupted.resolve);
  }
  // One that was killed, or threw an error that nobody caught, takes its samples along.
  if (sampled.length === 0) throw new AttachError("the process was gone before it could be asked for its samples");
  if (reason) console.log(`(${reason})`);
  for (const [i, { profile }] of out ? sampled.entries() : []) {
    const path = i === 0 ? out! : out!.replace(/(\.cpuprofile)?$/, `.worker-${i}.cpuprofile`);
    await Deno.writeTextFile(path, JSON.stringify(profile));
    console.log(`written: ${path}`);
  }
  return sampled;
}

function fail(message: string): never {
  console.error(`error: ${message}`);
  Deno.exit(2);
}

const help = `attach.ts [ADDRESS] [FLAG…]
  ADDRESS       of the inspector: HOST:PORT or ws://…; without it, this attaches to a program of its own
  --seconds=N   how long to sample (5)
  --live        tables of N seconds each (1), one after the other, until Ctrl-C or until the process ends
  --lines       lines too, not only functions
  --top=N       how many of them (15)
  --interval=N  microseconds between two samples (1000)
  --out=FILE    saves the profile as DevTools reads it, .cpuprofile (needs --allow-write=FILE)`;

function readFlags(args: string[]): Options & { address?: string } {
  const text = { type: "string" } as const, flag = { type: "boolean" } as const;
  const options = { seconds: text, live: flag, lines: flag, top: text, interval: text, out: text, help: flag };
  const { values, positionals } = (() => {
    try {
      return parseArgs({ args, options, allowPositionals: true });
    } catch (error) {
      fail((error as Error).message);
    }
  })();
  if (values.help) {
    console.log(help);
    Deno.exit(0);
  }
  if (positionals.length > 1) fail(`${positionals[1]}: one address is enough`);
  if (values.live && values.out) fail("--live and --out exclude each other");
  const number = (name: "seconds" | "top" | "interval", least: number, most: number, standard: number) => {
    const text = values[name] ?? `${standard}`, value = Number(text);
    if (text.trim() === "" || !(value >= least && value <= most)) {
      fail(`--${name}=${text}: must be a number from ${least} to ${most}`);
    }
    return value;
  };
  return {
    address: positionals[0],
    seconds: number("seconds", 0.1, 86400, values.live ? 1 : 5),
    top: number("top", 1, 1000, 15),
    interval: Math.round(number("interval", 50, 1e6, 1000)),
    live: values.live ?? false,
    lines: values.lines ?? false,
    out: values.out,
  };
}

/** Attaches to the program above for half of its time. */
async function show(options: Options): Promise<void> {
  const { child, address, output } = await startDemonstration(2000, attachable);
  try {
    const [main] = await observe(address, { ...options, seconds: 1, lines: true });
    const { rows: [{ name, self }] } = summarise(main);
    if (name !== "hot" || Math.abs(self - 0.7) > 0.1) throw new Error(`hot must take 70%, not ${name} ${self}`);
    const windows = (await output).trim().split("\n").length, { code } = await child.status;
    if (code !== 7) throw new Error(`the program must end with code 7, not ${code}`);
    console.log(`The process went on, for ${windows} times 25 ms in all, and ended with its own code, ${code}.`);
  } finally {
    try {
      child.kill();
    } catch { /* It has ended by itself. */ }
  }
}

if (import.meta.main) {
  if (Deno.args[0] === "--demonstrate") await demonstrate(Number(Deno.args[1]));
  const { address, ...options } = readFlags(Deno.args);
  try {
    if (address === undefined) await show(options);
    else await observe(address, options);
  } catch (error) {
    if (error instanceof AttachError || error instanceof Deno.errors.NotCapable) fail(error.message);
    if (error instanceof Deno.errors.NotFound) fail("there is no deno on the PATH; install it: npm install -g deno");
    throw error;
  }
}
