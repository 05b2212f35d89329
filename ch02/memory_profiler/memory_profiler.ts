/**
 * The memory of a running program over time, with the program's own labels, and who allocated it.
 *
 *     deno run … memory_profiler.ts [FLAGS] [FLAGS OF DENO RUN] SCRIPT [ARGUMENT…]
 *
 *     --interval=MS     time between two samples, 1 to 100 (10)
 *     --allocations     also which function allocated how much, what was collected since included
 *     --snapshot=FILE   a heap snapshot at the end or at Ctrl-C, for heap_snapshot.ts
 *     --out=FILE        samples and spans as JSON
 *
 * What to notice: the program is not changed. It runs under V8's inspector, which answers in the middle of a busy loop,
 * where a timer inside the program would have to wait. What the program labels with `console.time` and `timeEnd`, or with
 * `performance.mark` and `measure`, becomes a span with its own growth and peak. Arguments, input, output and exit code
 * are the program's own; the report goes to stderr. Without a script, this shows itself on one that builds two lists.
 *
 * Of workers, V8's heap is sampled too; the resident set is that of the whole process. Typed arrays lie outside V8's
 * heap («external»), so that `--allocations` does not see their contents.
 *
 * @original 02_profiling/memory_profiler/ (the profiler itself, and mprof)
 * @run deno run --allow-run=deno --allow-net=127.0.0.1 ch02/memory_profiler/memory_profiler.ts
 * @takes 2 s
 */

import type { Buffer } from "node:buffer";
import { originalPositionFor, TraceMap } from "npm:@jridgewell/trace-mapping@0.3.31";

export interface Sample {
  /** Milliseconds since just before the program's first line. */
  time: number;
  /** Bytes: what the process holds of the machine's memory, and V8's heap: what it has, and what is in use there. */
  rss: number;
  heapTotal: number;
  heapUsed: number;
  /** Bytes outside V8's heap that its objects hold: the contents of typed arrays. */
  external: number;
}

export interface Span {
  label: string;
  start: Sample;
  end: Sample;
  /** Whether the program ended it. */
  closed: boolean;
}

export interface Allocation {
  name: string;
  /** Where the function begins in its source, as in «file.ts:12»; empty for V8's own. */
  place: string;
  /** Bytes on V8's heap, from samples: right within a few per cent from some megabytes up. */
  bytes: number;
}

export interface Profile {
  samples: Sample[];
  spans: Span[];
  /** The most that was in use in each worker's heap, in bytes. */
  workers: { url: string; peak: number }[];
  /** Largest first; only where asked for. */
  allocations?: Allocation[];
  /** Exit code of the program. */
  code: number;
}

export interface Options {
  /** Milliseconds. */
  interval?: number;
  allocations?: boolean;
  /** Where to write a heap snapshot. */
  snapshot?: string;
  /** Flags for `deno run`. */
  flags?: string[];
  args?: string[];
  /** Whether to drop what the program prints. */
  quiet?: boolean;
}

/**
 * What is loaded into the program before its first line (`--preload`).
 *
 * It waits until the inspector is there, and leaves behind a function that takes a sample. Labels are sent at once, each
 * with a sample of its own, so that a span's growth is exact. `Deno.exit`, and with `hold` an error that nobody catches,
 * make the program stand still until it is released: what is to be asked at the end can then be asked.
 */
function patch(hold: boolean, snapshots: boolean) {
  if ("WorkerGlobalScope" in globalThis) return;
  const globals = globalThis as unknown as Record<string | symbol, unknown>,
    held = new Int32Array(new SharedArrayBuffer(4));
  for (const end = performance.now() + 10_000; !globals.__memoryProfiler; Atomics.wait(held, 0, 0, 1)) {
    if (performance.now() > end) return;
  }
  const send = globals.__memoryProfiler as (message: string) => void;
  delete globals.__memoryProfiler;
  // Loaded now, since questions come in the middle of whatever the program is doing, perhaps loading the same.
  const v8 = snapshots ? globalThis.process.getBuiltinModule("node:v8") : undefined;
  if (snapshots) globalThis.process.getBuiltinModule("node:stream");
  const usage = Deno.memoryUsage, now = performance.now.bind(performance), begin = now();
  let over = false;
  const sample = () => ({ time: now() - begin, ...usage() });
  const report = (kind: string, label: unknown, more?: object) =>
    send(JSON.stringify({ kind, label: String(label), sample: sample(), ...more }));
  const wrap = <T extends object>(object: T, name: keyof T, after: (args: unknown[], result: unknown) => void) => {
    const original = object[name] as (...args: unknown[]) => unknown;
    object[name] = function (this: unknown, ...args: unknown[]) {
      const result = original.apply(this, args);
      after(args, result);
      return result;
    } as T[keyof T];
  };
  report("begin", "");
  wrap(console, "time", ([label = "default"]) => report("start", label));
  wrap(console, "timeEnd", ([label = "default"]) => report("end", label));
  wrap(performance, "mark", ([label]) => report("mark", label));
  wrap(performance, "measure", ([label], result) => {
    const { startTime, duration } = result as PerformanceMeasure;
    report("measure", label, { from: startTime - begin, to: startTime + duration - begin });
  });
  const stop = (kind: string) => {
    if (over) return;
    held[0] = kind === "exit" || hold ? 1 : 0;
    report(kind, "");
    // The inspector's questions are answered while this waits. Should nobody be there any more, it goes on by itself.
    for (const end = now() + 5000; held[0] && now() < end;) Atomics.wait(held, 0, 1, 1);
    // The inspector's connection takes a moment to close. Where it has not by the time the runtime exits, that panics.
    if (kind === "exit") Atomics.wait(held, 0, 0, 250);
  };
  // This comes at the end of the last line, after the inspector has left, and not at Deno.exit.
  addEventListener("beforeunload", () => over = true);
  addEventListener("unload", () => stop("exit"));
  for (const event of ["error", "unhandledrejection"]) addEventListener(event, () => stop("error"));
  let snapshot: Buffer | undefined;
  const answers = {
    sample,
    release: () => held[0] = 0,
    // V8's own command for this waits until no function runs, which in a busy loop is never.
    snapshot: () => (snapshot = v8!.getHeapSnapshot().read() as Buffer).length,
    piece: (from: number, to: number) => snapshot!.toString("base64", from, to),
  };
  Object.defineProperty(globals, Symbol.for("memory profiler"), { value: answers });
}

/** Runs a script to its end and says what memory it took on the way. Throws Unstarted if it does not begin. */
export async function profileMemory(script: string | URL, options: Options = {}): Promise<Profile> {
  const { interval = 10, flags = [], args = [], quiet } = options, output = quiet ? "null" : "inherit";
  const port = freePort(), hold = !!(options.allocations || options.snapshot);
  const preload = `--preload=data:text/javascript,${encodeURIComponent(`(${patch})(${hold}, ${!!options.snapshot})`)}`;
  const inspect = [`--inspect-wait=127.0.0.1:${port}`, "--inspect-publish-uid=http"];
  const child = new Deno.Command("deno", {
    args: ["run", "-q", ...inspect, preload, ...flags, `${script}`, ...args],
    // Ctrl-C then reaches this process only, which takes the last sample first and passes the signal on.
    detached: true,
    stdin: "inherit",
    stdout: output,
    stderr: output,
  }).spawn();
  let ended = false;
  child.status.then(() => ended = true);
  // Two connections: the kernel would hold back the answer to a question while an event before it is under way.
  const inspector = await Inspector.connect(port, () => ended), sampler = await Inspector.connect(port, () => ended);
  if (!inspector || !sampler) throw new Unstarted();
  const leave = () => (inspector.close(), sampler.close());

  const profile: Profile = { samples: [], spans: [], workers: [], code: 0 };
  const sourceMaps = new Map<string, string | undefined>();
  const open = new Map<string, Sample>(), workers = new Map<string, { url: string; peak: number }>();
  let interrupted = false, reachedEnd = false;
  const inside = async (call: string) => {
    const expression = `globalThis[Symbol.for("memory profiler")].${call}`;
    return (await sampler.call("Runtime.evaluate", { expression, returnByValue: true }))?.result;
  };
  /** Takes a sample, unless the program is not there yet, or has come to its end, where the runtime waits for us to go. */
  const ask = async (): Promise<"loading" | "running" | "over"> => {
    const answer = await inside("sample()");
    if (!answer) return "over";
    if (answer.value) profile.samples.push(answer.value);
    return answer.value ? "running" : "loading";
  };

  /** Everything that can only be asked while the program is still there. */
  const collect = async () => {
    const tree = options.allocations && (await inspector.call("HeapProfiler.getSamplingProfile"))?.profile?.head;
    if (tree) profile.allocations = byFunction(tree, sourceMaps);
    if (options.snapshot) await takeSnapshot(inspector, inside, options.snapshot);
  };
  const handlers: Record<string, (label: string, sample: Sample, from: number, to: number) => void> = {
    start: (label, sample) => void open.set(label, sample),
    end: (label, end) => {
      const start = open.get(label);
      if (start) profile.spans.push({ label, start, end, closed: true });
      open.delete(label);
    },
    begin: () => {},
    mark: () => {},
    measure: (label, _, from, to) =>
      void profile.spans.push({
        label,
        start: nearest(profile.samples, from),
        end: nearest(profile.samples, to),
        closed: true,
      }),
    error: () => {
      reachedEnd = true;
      if (hold) collect().then(() => inside("release()"));
    },
    exit: () => {
      reachedEnd = true;
      collect().then(() => inside("release()")).then(leave);
    },
  };
  inspector.on("Runtime.bindingCalled", ({ payload }) => {
    const { kind, label, sample, from, to } = JSON.parse(payload);
    profile.samples.push(sample);
    handlers[kind](label, sample, from, to);
  });
  inspector.on("NodeWorker.attachedToWorker", ({ sessionId, workerInfo }) => {
    if (!workers.has(sessionId)) workers.set(sessionId, { url: workerInfo.url, peak: 0 });
  });
  inspector.on("NodeWorker.detachedFromWorker", ({ sessionId }) => {
    profile.workers.push(workers.get(sessionId)!);
    workers.delete(sessionId);
  });
  inspector.on("NodeWorker.receivedMessageFromWorker", ({ sessionId, message }) => {
    const worker = workers.get(sessionId);
    if (worker) worker.peak = Math.max(worker.peak, JSON.parse(message).result?.usedSize ?? 0);
  });

  if (options.allocations) {
    // It names the scripts and their source maps. The program's `debugger` statements stay without effect.
    inspector.on("Debugger.scriptParsed", ({ scriptId, sourceMapURL }) => sourceMaps.set(scriptId, sourceMapURL));
    await inspector.call("Debugger.enable");
    await inspector.call("Debugger.setSkipAllPauses", { skip: true });
    await inspector.call("HeapProfiler.startSampling", {
      samplingInterval: 16384,
      includeObjectsCollectedByMajorGC: true,
      includeObjectsCollectedByMinorGC: true,
    });
  }
  await inspector.call("NodeWorker.enable", { waitForDebuggerOnStart: false });
  await inspector.call("Runtime.runIfWaitingForDebugger");
  // This is what the program waits for. It can only be asked from then on.
  inspector.call("Runtime.addBinding", { name: "__memoryProfiler" });

  const interrupt = async (signal: Deno.Signal) => {
    if (!interrupted) {
      interrupted = true;
      // A program that waits in the kernel answers nothing.
      await Promise.race([Promise.all([ask(), collect()]), child.status, pause(3000)]);
    }
    if (!ended) child.kill(signal);
  };
  const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM", "SIGHUP"];
  const listeners = signals.map((signal) => ({ signal, listener: () => void interrupt(signal) }));
  for (const { signal, listener } of listeners) Deno.addSignalListener(signal, listener);
  try {
    for (let state = await ask(); state !== "over"; state = await ask()) {
      for (const sessionId of workers.keys()) {
        const message = JSON.stringify({ id: 1, method: "Runtime.getHeapUsage" });
        inspector.call("NodeWorker.sendMessageToWorker", { sessionId, message });
      }
      await pause(state === "loading" ? 1 : interval);
    }
    reachedEnd ||= !sampler.closed;
    // With this answer all that the program has reported is here.
    await inspector.call("Runtime.getHeapUsage");
    if (!sampler.closed && !interrupted) await collect();
    leave();
    const { code, signal } = await child.status;
    // An error in the program would have been announced, one in loading it is not.
    if (code !== 0 && !signal && !reachedEnd) throw new Unstarted();
    profile.code = code;
  } finally {
    for (const { signal, listener } of listeners) Deno.removeSignalListener(signal, listener);
    leave();
    if (!ended) child.kill("SIGKILL");
  }
  profile.samples.sort((a, b) => a.time - b.time);
  for (const [label, start] of open) profile.spans.push({ label, start, end: profile.samples.at(-1)!, closed: false });
  profile.spans.sort((a, b) => a.start.time - b.start.time);
  profile.workers.push(...workers.values());
  return profile;
}

/** The program ended before its first line: it is not there, does not compile, or Deno does not know a flag. */
class Unstarted extends Error {}

interface ProfileNode {
  callFrame: { functionName: string; scriptId: string; url: string; lineNumber: number; columnNumber: number };
  selfSize: number;
  children: ProfileNode[];
}

/** The DevTools protocol over a WebSocket. What is asked when nobody is there any more is answered by undefined. */
class Inspector {
  closed = false;
  #socket: WebSocket;
  #last = 0;
  // deno-lint-ignore no-explicit-any
  #answers = new Map<number, (result: any) => void>();
  // deno-lint-ignore no-explicit-any
  #listeners = new Map<string, (params: any) => void>();

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.onmessage = ({ data }) => {
      const { id, method, params, result } = JSON.parse(data);
      if (method) return this.#listeners.get(method)?.(params);
      this.#answers.get(id)?.(result);
      this.#answers.delete(id);
    };
    socket.onclose = socket.onerror = () => this.close();
  }

  /** Waits until the process listens on the port; undefined if it ends before. */
  static async connect(port: number, ended: () => boolean): Promise<Inspector | undefined> {
    while (!ended()) {
      try {
        const [{ webSocketDebuggerUrl }] = await (await fetch(`http://127.0.0.1:${port}/json`)).json();
        const socket = new WebSocket(webSocketDebuggerUrl);
        await new Promise((resolve, reject) => (socket.onopen = resolve, socket.onerror = socket.onclose = reject));
        return new Inspector(socket);
      } catch (error) {
        // Nobody listens yet, or not any more: `ended` tells.
        if (error instanceof Deno.errors.NotCapable) throw error;
        await pause(5);
      }
    }
  }

  // deno-lint-ignore no-explicit-any
  call(method: string, params: object = {}): Promise<any> {
    if (this.closed) return Promise.resolve();
    this.#socket.send(JSON.stringify({ id: ++this.#last, method, params }));
    return new Promise((resolve) => this.#answers.set(this.#last, resolve));
  }

  // deno-lint-ignore no-explicit-any
  on(method: string, listener: (params: any) => void): void {
    this.#listeners.set(method, listener);
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.#socket.close();
    for (const answer of this.#answers.values()) answer(undefined);
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Writes a snapshot: taken in the program while it runs, and by the inspector after its last line. */
async function takeSnapshot(
  inspector: Inspector,
  inside: (call: string) => Promise<{ value: unknown } | undefined>,
  path: string,
): Promise<void> {
  const length = (await inside("snapshot()"))?.value, step = 3 * 2 ** 18;
  using file = await Deno.open(path, { write: true, create: true, truncate: true });
  const write = (bytes: Uint8Array) => {
    while (bytes.length > 0) bytes = bytes.subarray(file.writeSync(bytes));
  };
  if (typeof length === "number") {
    for (let from = 0; from < length; from += step) {
      const piece = (await inside(`piece(${from}, ${from + step})`))?.value;
      if (typeof piece !== "string") throw new Error(`${path}: the program ended before all of the snapshot was there`);
      write(Uint8Array.fromBase64(piece));
    }
    return;
  }
  inspector.on("HeapProfiler.addHeapSnapshotChunk", ({ chunk }) => write(new TextEncoder().encode(chunk)));
  await inspector.call("HeapProfiler.takeHeapSnapshot", { reportProgress: false });
}

/** Adds up V8's tree of calls by function, and finds each in the TypeScript that was written. */
function byFunction(root: ProfileNode, sourceMaps: Map<string, string | undefined>): Allocation[] {
  const maps = new Map<string, TraceMap | undefined>();
  const mapOf = (scriptId: string) => {
    const encoded = sourceMaps.get(scriptId)?.match(/^data:application\/json[^,]*;base64,(.*)$/)?.[1];
    const decode = (text: string) => new TraceMap(new TextDecoder().decode(Uint8Array.fromBase64(text)));
    if (!maps.has(scriptId)) maps.set(scriptId, encoded === undefined ? undefined : decode(encoded));
    return maps.get(scriptId);
  };
  const found = new Map<string, Allocation>();
  const visit = ({ callFrame, selfSize, children }: ProfileNode) => {
    const { functionName, scriptId, url, lineNumber, columnNumber } = callFrame;
    const key = [functionName, scriptId, lineNumber, columnNumber].join();
    if (!found.has(key)) {
      const map = mapOf(scriptId), file = url.startsWith("data:") ? "" : url.split("/").at(-1);
      const line = map && originalPositionFor(map, { line: lineNumber + 1, column: Math.max(0, columnNumber) }).line;
      found.set(key, {
        name: functionName || "(anonymous)",
        place: !file ? "" : `${file}:${line ?? lineNumber + 1}`,
        bytes: 0,
      });
    }
    found.get(key)!.bytes += selfSize;
    children.forEach(visit);
  };
  visit(root);
  return [...found.values()].filter(({ bytes }) => bytes > 0).sort((a, b) => b.bytes - a.bytes);
}

function nearest(samples: Sample[], time: number): Sample {
  return samples.reduce((best, sample) => Math.abs(sample.time - time) < Math.abs(best.time - time) ? sample : best);
}

/** The most of one kind of memory between two times, and when. */
export function peak(
  samples: Sample[],
  kind: "heapUsed" | "rss" | "external",
  from = -Infinity,
  to = Infinity,
): Sample {
  return samples.filter(({ time }) => time >= from && time <= to)
    .reduce((most, sample) => sample[kind] > most[kind] ? sample : most);
}

const mebibytes = (bytes: number) => (bytes / 2 ** 20).toFixed(1);

/** The profile as text: a line of blocks for each kind of memory, a bar for each span, tables. */
export function format({ samples, spans, workers, allocations }: Profile): string {
  const lines: string[] = [], columns = 60, last = samples.at(-1)!.time, step = last / columns || 1;
  const pad = Math.min(30, Math.max(10, ...spans.map(({ label }) => label.length)) + 1);
  const heading = (label: string) => label.slice(0, pad - 1).padEnd(pad);
  for (const [kind, name] of [["heapUsed", "heap used"], ["external", "external"], ["rss", "resident"]] as const) {
    const most = peak(samples, kind), levels: number[] = Array(columns).fill(NaN);
    for (const sample of samples) {
      const column = Math.min(columns - 1, Math.floor(sample.time / step));
      levels[column] = Math.max(levels[column] || 0, sample[kind]);
    }
    // A column without a sample shows the one before.
    const blocks = levels.map((_, i) => levels.slice(0, i + 1).findLast((level) => !Number.isNaN(level)) ?? 0)
      .map((level) => "▁▂▃▄▅▆▇█"[Math.min(7, Math.floor(8 * level / (most[kind] || 1)))]).join("");
    const around = spans.filter(({ start, end }) => start.time <= most.time && most.time <= end.time).at(-1);
    lines.push(
      `${heading(name)}${blocks} peak ${mebibytes(most[kind])} MiB at ${most.time.toFixed(0)} ms` +
        (around ? `, in «${around.label}»` : ""),
    );
  }
  const shown = spans.slice(0, 20);
  for (const { label, start, end, closed } of shown) {
    const from = Math.min(columns - 1, Math.floor(start.time / step));
    const length = Math.max(1, Math.min(columns, Math.ceil(end.time / step)) - from);
    lines.push(`${heading(label)}${" ".repeat(from)}${"━".repeat(length)}${closed ? "" : "…"}`);
  }
  if (shown.length > 0) {
    const row = (cells: string[]) => cells.map((cell, i) => i ? cell.padStart(14) : heading(cell)).join("");
    lines.push("", row(["span", "from, ms", "to, ms", "heap, MiB", "resident, MiB", "peak heap", "peak resident"]));
    for (const { label, start, end } of shown) {
      const most = (kind: "heapUsed" | "rss") =>
        mebibytes(Math.max(end[kind], peak([start, ...samples], kind, start.time, end.time)[kind]));
      const growth = (kind: "heapUsed" | "rss") =>
        (end[kind] < start[kind] ? "" : "+") + mebibytes(end[kind] - start[kind]);
      lines.push(row([
        label,
        start.time.toFixed(1),
        end.time.toFixed(1),
        growth("heapUsed"),
        growth("rss"),
        most("heapUsed"),
        most("rss"),
      ]));
    }
    if (spans.length > shown.length) lines.push(`and ${spans.length - shown.length} spans more, which --out writes`);
  }
  if (allocations) {
    const total = allocations.reduce((sum, { bytes }) => sum + bytes, 0);
    lines.push("", `${mebibytes(total)} MiB allocated on V8's heap, by function:`);
    for (const { name, place, bytes } of allocations.slice(0, 12)) {
      lines.push(
        `${mebibytes(bytes).padStart(9)} MiB ${(100 * bytes / total).toFixed(1).padStart(5)} %  ${name} ${place}`,
      );
    }
  }
  for (const { url, peak } of workers) lines.push(`worker ${url.split("/").at(-1)}: heap up to ${mebibytes(peak)} MiB`);
  const gaps = samples.slice(1).map(({ time }, i) => time - samples[i].time);
  lines.push(
    "",
    `${samples.length} samples in ${last.toFixed(0)} ms, the longest gap ${Math.max(0, ...gaps).toFixed(0)} ms`,
  );
  return lines.join("\n");
}

/** What this profiles where it is given no script: 2 ** 22 objects kept, as many dropped at once, a typed array. */
function demonstrate(): void {
  const count = 2 ** 22, kept: object[] = [];
  const keep = () => {
    for (let i = 0; i < count; i++) kept.push({ number: i });
  };
  const drop = () => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += (latest = { number: i }).number;
    return sum;
  };
  console.time("kept");
  keep();
  console.timeEnd("kept");
  performance.mark("dropped");
  drop();
  performance.measure("dropped", "dropped");
  console.time("typed array");
  const numbers = new Float64Array(2 ** 23).fill(1);
  console.timeEnd("typed array");
  if (kept.length !== count || numbers.at(-1) !== 1) throw new Error("the demonstration went wrong");
}

export let latest = { number: 0 };

function checkDemonstration({ spans, allocations = [] }: Profile): void {
  const bytes = 2 ** 22 * 32, find = (label: string) => spans.find((span) => span.label === label)!;
  const grown = (label: string, kind: "heapUsed" | "external") => find(label).end[kind] - find(label).start[kind];
  const allocated = (name: string) => allocations.find((one) => one.name === name)?.bytes ?? 0;
  const near = (what: string, actual: number, expected: number) => {
    if (Math.abs(actual / expected - 1) > 0.1) {
      throw new Error(`${what}: ${actual} bytes, where ${expected} were expected`);
    }
  };
  // An object is four words of 8 bytes; what drop makes is collected again, and counted nevertheless.
  near("allocated by drop", allocated("drop"), bytes);
  near("outside the heap", grown("typed array", "external"), 2 ** 26);
  if (grown("kept", "heapUsed") < bytes) throw new Error("what is kept is not seen in the heap");
}

function fail(message: string): never {
  console.error(`error: ${message}`);
  Deno.exit(2);
}

/** Splits the command line: this tool's flags, Deno's flags, and the script with its arguments. */
function parse(args: readonly string[]) {
  const start = args.findIndex((arg) => !arg.startsWith("-")), own: Record<string, string> = {}, flags: string[] = [];
  for (const flag of start < 0 ? args : args.slice(0, start)) {
    const [, name, value] = flag.match(/^--(interval|allocations|snapshot|out|help|demonstrate)(?:=(.*))?$/s) ?? [];
    if (!name) flags.push(flag);
    else own[name] = value ?? "";
    const bare = ["allocations", "help", "demonstrate"].includes(name);
    if (name && bare !== (value === undefined)) {
      fail(
        `${flag}: ${bare ? "takes no value" : `needs a value, as in --${name}=${name === "interval" ? 10 : "FILE"}`}`,
      );
    }
  }
  const interval = Number(own.interval ?? 10);
  if (!(interval >= 1 && interval <= 100)) fail(`--interval=${own.interval}: must be from 1 to 100 milliseconds`);
  return {
    own,
    flags,
    interval,
    script: start < 0 ? undefined : args[start],
    rest: start < 0 ? [] : args.slice(start + 1),
  };
}

async function main(): Promise<never> {
  const { own, flags, interval, script, rest } = parse(Deno.args);
  if ("help" in own) {
    console.log(
      "memory_profiler.ts [--interval=MS] [--allocations] [--snapshot=FILE] [--out=FILE] [FLAG OF DENO RUN…] SCRIPT [ARGUMENT…]",
    );
    Deno.exit();
  }
  if (!script && Deno.args.length > 0) fail(`${Deno.args.join(" ")}: a script is missing (see --help)`);
  try {
    // What cannot be written is better known before the program has run.
    for (const path of [own.out, own.snapshot]) {
      if (path) (await Deno.open(path, { write: true, create: true })).close();
    }
    const profile = script
      ? await profileMemory(script, {
        interval,
        flags,
        args: rest,
        allocations: "allocations" in own,
        snapshot: own.snapshot,
      })
      : await profileMemory(import.meta.url, { args: ["--demonstrate"], allocations: true });
    const { code, ...written } = profile;
    if (own.out) await Deno.writeTextFile(own.out, JSON.stringify(written));
    (script ? console.error : console.log)(`\n${format(profile)}`);
    if (!script) checkDemonstration(profile);
    Deno.exit(code);
  } catch (error) {
    // Deno has said why.
    if (error instanceof Unstarted) Deno.exit(2);
    if (error instanceof Deno.errors.NotFound && !own.out && !own.snapshot) {
      fail("there is no deno on the PATH; install it: npm install -g deno");
    }
    fail((error as Error).message);
  }
}

if (import.meta.main) {
  if (Deno.args[0] === "--demonstrate") demonstrate();
  else await main();
}
