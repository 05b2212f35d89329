/**
 * Every pause of a program for the garbage collector: when, of what kind, how long, and what it brought.
 *
 *     deno run … gc_trace.ts [--full] [FLAGS OF DENO RUN] SCRIPT [ARGUMENT…]
 *
 *     --full    all pauses, not only the ten longest
 *
 * What to notice: garbage costs little by itself. A scavenge of the young generation only visits what is still alive, so
 * that a program which drops everything at once pauses often and shortly. What survives two scavenges is promoted, and it
 * is objects that are kept which make collections long. Buffers that are used again cost nothing at all. Without a
 * script, this shows itself on one that makes four million objects and keeps none.
 *
 * V8 has `--v8-flags=--trace-gc`, but prints it into the program's output, in blocks that may begin and end in the middle
 * of a line, and loses the last block at Ctrl-C. So the pauses are taken from `GCProfiler` of node:v8, which is asked from
 * outside through the inspector, also in the middle of a busy loop; the report goes to stderr. It knows no times: those
 * here lie between two answers, which come every 5 ms, and are estimated from what was allocated in between. What only `--trace-gc` knows is why V8 collected.
 *
 * @original none, after 02_profiling
 * @run deno run --allow-run=deno --allow-net=127.0.0.1 ch02/gc/gc_trace.ts
 * @takes 1 s
 */

export interface Pause {
  /** Milliseconds from just before the program's first line to its end, estimated between two answers. */
  time: number;
  kind: "Scavenge" | "MinorMarkSweep" | "MarkSweepCompact" | "IncrementalMarking" | "ProcessWeakCallbacks";
  /** Milliseconds. */
  length: number;
  /** Bytes in use on V8's heap. */
  before: number;
  after: number;
  /** Bytes by which the old generation grew in a scavenge. */
  promoted: number;
}

export interface Trace {
  pauses: Pause[];
  /** Milliseconds from the program's first line to when it was last heard of. */
  duration: number;
  /** Bytes in use when it began. */
  start: number;
  /** Exit code of the program. */
  code: number;
  /** What it printed, where that was asked for. */
  output: string;
}

export interface Options {
  /** Flags for `deno run`. */
  flags?: string[];
  args?: string[];
  /** Whether to return what the program prints and not to show it. */
  capture?: boolean;
}

const interval = 5;

/**
 * What is loaded into the program before its first line (`--preload`). It waits until the inspector is there, and leaves
 * behind a function that tells the pauses since it was last called. At `Deno.exit` it waits for the inspector to go.
 */
function patch() {
  if ("WorkerGlobalScope" in globalThis) return;
  const globals = globalThis as unknown as Record<string | symbol, unknown>,
    held = new Int32Array(new SharedArrayBuffer(4));
  for (const end = performance.now() + 10_000; !globals.__gcTrace; Atomics.wait(held, 0, 0, 1)) {
    if (performance.now() > end) return;
  }
  const send = globals.__gcTrace as (message: string) => void;
  delete globals.__gcTrace;
  const { GCProfiler } = globalThis.process.getBuiltinModule("node:v8"), now = performance.now.bind(performance);
  const young = /^new_/, start = Deno.memoryUsage().heapUsed, begin = now();
  // Once for nothing: what that loads must not be loaded later, in the middle of whatever the program is doing then.
  new GCProfiler().stop();
  let profiler = new GCProfiler(), over = false;
  profiler.start();
  const old = ({ heapSpaceStatistics }: { heapSpaceStatistics: { spaceName: string; spaceUsedSize: number }[] }) =>
    heapSpaceStatistics.reduce(
      (sum, { spaceName, spaceUsedSize }) => young.test(spaceName) ? sum : sum + spaceUsedSize,
      0,
    );
  const take = (kind = "") => {
    const { statistics } = profiler.stop()!;
    profiler = new GCProfiler();
    profiler.start();
    const time = now() - begin;
    const pauses = statistics.map(({ gcType, cost, beforeGC, afterGC }) => ({
      kind: gcType,
      length: cost / 1e6,
      before: beforeGC.heapStatistics.usedHeapSize,
      after: afterGC.heapStatistics.usedHeapSize,
      promoted: gcType === "Scavenge" ? Math.max(0, old(afterGC) - old(beforeGC)) : 0,
    }));
    return { kind, time, start, pauses };
  };
  const report = (kind: string) => send(JSON.stringify(take(kind)));
  // After the last line of all modules: at the end that follows, there is nothing to ask any more.
  addEventListener("load", () => report("load"));
  addEventListener("beforeunload", () => over = true);
  addEventListener("unload", () => {
    if (over) return;
    held[0] = 1;
    report("exit");
    // The inspector's questions are answered while this waits. Should nobody be there any more, it goes on by itself.
    for (const end = now() + 5000; held[0] && now() < end;) Atomics.wait(held, 0, 1, 1);
    // The inspector's connection takes a moment to close. Where it has not by the time the runtime exits, that panics.
    Atomics.wait(held, 0, 0, 250);
  });
  for (const event of ["error", "unhandledrejection"]) addEventListener(event, () => over || report("error"));
  Object.defineProperty(globals, Symbol.for("gc trace"), { value: { take, release: () => held[0] = 0 } });
}

/** Runs a script to its end and tells its pauses for the collector. Throws Unstarted if it does not begin. */
export async function traceCollections(script: string | URL, options: Options = {}): Promise<Trace> {
  const { flags = [], args = [], capture } = options, port = freePort();
  const inspect = [`--inspect-wait=127.0.0.1:${port}`, "--inspect-publish-uid=http"];
  const preload = `--preload=data:text/javascript,${encodeURIComponent(`(${patch})()`)}`;
  const child = new Deno.Command("deno", {
    args: ["run", "-q", ...inspect, preload, ...flags, `${script}`, ...args],
    // Ctrl-C then reaches this process only, which asks a last time and passes the signal on.
    detached: true,
    stdin: "inherit",
    stdout: capture ? "piped" : "inherit",
    stderr: "inherit",
  }).spawn();
  let ended = false, reachedEnd = false, interrupted = false;
  child.status.then(() => ended = true);
  const output = capture ? new Response(child.stdout).text() : Promise.resolve("");
  // Two connections: the kernel would hold back the answer to a question while an event before it is under way.
  const inspector = await Inspector.connect(port, () => ended), asking = await Inspector.connect(port, () => ended);
  if (!inspector || !asking) throw new Unstarted();
  const leave = () => (inspector.close(), asking.close());

  const trace: Trace = { pauses: [], duration: 0, start: 0, code: 0, output: "" };
  const answers: Answer[] = [];
  const inside = async (call: string) => {
    const expression = `globalThis[Symbol.for("gc trace")].${call}`;
    return (await asking.call("Runtime.evaluate", { expression, returnByValue: true }))?.result;
  };
  const ask = async () => {
    const answer = await inside("take()");
    if (answer?.value) answers.push(answer.value);
    return answer && (answer.value ? "running" : "loading");
  };
  inspector.on("Runtime.bindingCalled", ({ payload }) => {
    const reported = JSON.parse(payload);
    answers.push(reported);
    if (reported.kind !== "load") reachedEnd = true;
    if (reported.kind === "exit") inside("release()").then(leave);
  });
  const interrupt = async (signal: Deno.Signal) => {
    // A program that waits in the kernel answers nothing.
    if (!interrupted) await Promise.race([ask(), child.status, pause(1000)]);
    interrupted = true;
    if (!ended) child.kill(signal);
  };
  const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM", "SIGHUP"];
  const listeners = signals.map((signal) => ({ signal, listener: () => void interrupt(signal) }));
  for (const { signal, listener } of listeners) Deno.addSignalListener(signal, listener);
  try {
    await inspector.call("Runtime.runIfWaitingForDebugger");
    // This is what the program waits for. It can only be asked from then on.
    inspector.call("Runtime.addBinding", { name: "__gcTrace" });
    for (let state = await ask(); state; state = await ask()) await pause(state === "loading" ? 1 : interval);
    // After the last line there is no context to ask any more, and the runtime waits for the inspector to leave.
    reachedEnd ||= !asking.closed;
    // With this answer all that the program has reported is here.
    await inspector.call("Runtime.getHeapUsage");
    leave();
    const { code, signal } = await child.status;
    // An error in the program would have been announced, one in loading it is not.
    if (code !== 0 && !signal && !reachedEnd) throw new Unstarted();
    trace.code = code;
    trace.output = await output;
  } finally {
    for (const { signal, listener } of listeners) Deno.removeSignalListener(signal, listener);
    leave();
    if (!ended) child.kill("SIGKILL");
  }
  answers.sort((a, b) => a.time - b.time);
  return { ...trace, pauses: timePauses(answers), duration: answers.at(-1)?.time ?? 0, start: answers[0]?.start ?? 0 };
}

interface Answer {
  time: number;
  start: number;
  pauses: Omit<Pause, "time">[];
}

/** Spreads the pauses of each answer over the time since the one before, as if memory had been allocated evenly. */
export function timePauses(answers: Answer[]): Pause[] {
  const timed: Pause[] = [];
  let last = 0, after = answers[0]?.start ?? 0;
  for (const { time, pauses } of answers) {
    const allocated = pauses.map(({ before }, i) => Math.max(1, before - (pauses[i - 1]?.after ?? after)));
    const sum = (values: number[]) => values.reduce((sum, value) => sum + value, 0);
    const free = Math.max(0, time - last - sum(pauses.map(({ length }) => length)));
    pauses.forEach((pause, i) => {
      last += free * allocated[i] / sum(allocated) + pause.length;
      timed.push({ ...pause, time: Math.min(last, time) });
    });
    last = time;
    after = pauses.at(-1)?.after ?? after;
  }
  return timed;
}

/** The program ended before its first line: it is not there, does not compile, or Deno does not know a flag. */
export class Unstarted extends Error {}

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

/** Totals of a trace: pauses of the young and the old generation, bytes allocated and promoted. */
export function summarise({ pauses, start }: Trace) {
  const of = (kinds: RegExp) => {
    const lengths = pauses.filter(({ kind }) => kinds.test(kind)).map(({ length }) => length);
    return { count: lengths.length, total: lengths.reduce((sum, ms) => sum + ms, 0), longest: Math.max(0, ...lengths) };
  };
  // What is in use before a pause and was not after the one before has been allocated in between.
  const allocated = pauses.reduce(
    (sum, { before }, i) => sum + Math.max(0, before - (pauses[i - 1]?.after ?? start)),
    0,
  );
  return {
    young: of(/^(Scavenge|MinorMarkSweep)$/),
    old: of(/^(MarkSweepCompact|IncrementalMarking|ProcessWeakCallbacks)$/),
    allocated,
    promoted: pauses.reduce((sum, { promoted }) => sum + promoted, 0),
  };
}

const mebibytes = (bytes: number) => (bytes / 2 ** 20).toFixed(1);

/** The trace as text: the longest pauses or all of them in the order of time, and the totals. */
export function format(trace: Trace, full = false): string {
  const { pauses, duration } = trace, { young, old, allocated, promoted } = summarise(trace);
  const chosen = full ? pauses : pauses.toSorted((a, b) => b.length - a.length).slice(0, 10);
  const lines = chosen.length === 0 ? ["no pause at all"] : ["at, ms   kind                pause, ms   heap, MiB"];
  for (const { time, kind, length, before, after, promoted } of chosen.toSorted((a, b) => a.time - b.time)) {
    lines.push(
      `${time.toFixed(0).padStart(6)}   ${kind.padEnd(18)} ${length.toFixed(2).padStart(10)}   ` +
        `${mebibytes(before)} -> ${mebibytes(after)}${promoted > 0 ? `, ${mebibytes(promoted)} promoted` : ""}`,
    );
  }
  if (chosen.length < pauses.length) lines.push(`(the longest ${chosen.length} of ${pauses.length}; --full shows all)`);
  for (const [name, { count, total, longest }] of [["young", young], ["old", old]] as const) {
    lines.push(`${name.padEnd(6)} ${count} pauses, ${total.toFixed(1)} ms, the longest ${longest.toFixed(2)} ms`);
  }
  const share = 100 * (young.total + old.total) / duration, rate = allocated / 1e6 / (duration / 1000);
  lines.push(
    `paused ${share.toFixed(1)} % of ${duration.toFixed(0)} ms; allocated ${mebibytes(allocated)} MiB ` +
      `(${rate.toFixed(0)} MB/s), promoted ${mebibytes(promoted)} MiB`,
  );
  return lines.join("\n");
}

/** What this traces where it is given no script: one and the same sum, by objects dropped, kept, or by a buffer. */
export const programs: Record<string, (count: number) => number> = {
  garbage: (count) => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += (latest = { number: i & 1 }).number;
    return sum;
  },
  kept: (count) => {
    const all: { number: number }[] = [];
    for (let i = 0; i < count; i++) all.push({ number: i & 1 });
    return all.reduce((sum, { number }) => sum + number, 0);
  },
  reused: (count) => {
    const buffer = new Int32Array(1024);
    let sum = 0;
    for (let from = 0; from < count; from += buffer.length) {
      for (let i = 0; i < buffer.length; i++) buffer[i] = from + i & 1;
      for (let i = 0; i < buffer.length; i++) sum += buffer[i];
    }
    return sum;
  },
};

/** Holds the newest object of `garbage`, which V8 would otherwise not make at all. */
export let latest = { number: 0 };

function fail(message: string): never {
  console.error(`error: ${message}`);
  Deno.exit(2);
}

async function main(): Promise<never> {
  const at = Deno.args.findIndex((arg) => !arg.startsWith("-")), script = Deno.args[at];
  const own = script === undefined ? Deno.args : Deno.args.slice(0, at), full = own.includes("--full");
  if (own.includes("--help")) {
    console.log("gc_trace.ts [--full] [FLAG OF DENO RUN…] SCRIPT [ARGUMENT…]");
    Deno.exit();
  }
  const flags = own.filter((flag) => flag !== "--full");
  if (script === undefined && flags.length > 0) fail(`${flags.join(" ")}: a script is missing (see --help)`);
  try {
    const trace = script === undefined
      ? await traceCollections(import.meta.url, { args: ["--demonstrate=garbage"] })
      : await traceCollections(script, { flags, args: Deno.args.slice(at + 1) });
    (script === undefined ? console.log : console.error)(`\n${format(trace, full)}`);
    // An object is four words of 8 bytes.
    const { allocated, young } = summarise(trace), expected = 32 * 2 ** 22;
    if (script === undefined && !(young.count > 0 && Math.abs(allocated / expected - 1) < 0.2)) {
      throw new Error(`${expected} bytes were made, ${allocated} were seen in ${young.count} scavenges`);
    }
    Deno.exit(trace.code);
  } catch (error) {
    // Deno has said why.
    if (error instanceof Unstarted) Deno.exit(2);
    if (error instanceof Deno.errors.NotFound) fail("there is no deno on the PATH; install it: npm install -g deno");
    fail((error as Error).message);
  }
}

if (import.meta.main) {
  const program = programs[Deno.args[0]?.match(/^--demonstrate=(\w+)$/)?.[1] ?? ""];
  if (!program) await main();
  else if (program(2 ** 22) !== 2 ** 21) throw new Error("the sum is wrong");
}
