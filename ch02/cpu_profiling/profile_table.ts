/**
 * Function by function, where a program's time goes: a table of a CPU profile, with the callers and callees of any
 * function.
 *
 * What to notice: V8 looks at the stack some thousand times a second and writes down what it sees. The time until the
 * next look counts for the function on top (self) and for every one below it (total), once each, however often
 * recursion has it there. Self time says what to make faster, total time whom to call less. `--function` says who calls
 * it. How OFTEN something was called, no sample says; neither whether a function ran at full speed or the machine was
 * busy with something else.
 *
 * Takes a file that `deno run --cpu-prof` wrote, or a script, which is then profiled, its workers too:
 *
 *     deno run --allow-read=. --allow-write=. --allow-run=deno --allow-net=127.0.0.1 ch02/cpu_profiling/profile_table.ts \
 *       --sort=total --function=abs ch02/cpu_profiling/julia.ts --width=500
 *
 * A profile is written when its thread ends: by itself, by an error, by `Deno.exit`, a worker also by `terminate`; not
 * so a worker that is still there when the main thread ends all. Ctrl-C ends the program in that way too (the network
 * is for that: a loop that never pauses can only be ended through V8's inspector).
 *
 * @original none, the book's cProfile with pstats
 * @run deno run --allow-read=. --allow-write=. --allow-run=deno --allow-net=127.0.0.1 ch02/cpu_profiling/profile_table.ts
 * @takes 2 s
 */

interface CallFrame {
  functionName: string;
  url: string;
  /** From 0; -1 where there is no source. */
  lineNumber: number;
  columnNumber: number;
}

/**
 * A `.cpuprofile`: a tree of all stacks that were seen, and which of its nodes was on top when. Times in microseconds.
 */
export interface Profile {
  nodes: { id: number; callFrame: CallFrame; children?: number[] }[];
  samples: number[];
  /** From each sample to the one before it, from the first to the start. */
  timeDeltas: number[];
  startTime: number;
  endTime: number;
}

/** Times of a function, in milliseconds. */
export interface FunctionTimes {
  name: string;
  /** File and line, or empty for what has no source. */
  place: string;
  self: number;
  total: number;
  /**
   * How many samples saw it on the stack. Where the machine was busy, samples lie further apart and weigh more each.
   */
  samples: number;
}

/** Reads a profile. Throws an Error that says what is wrong with it. */
export function parseProfile(text: string): Profile {
  let profile: Profile;
  try {
    profile = JSON.parse(text);
  } catch (error) {
    throw new Error(`it is not JSON, or cut off: ${(error as Error).message}`);
  }
  const { nodes, samples, timeDeltas } = profile ?? {};
  if (![nodes, samples, timeDeltas].every(Array.isArray)) {
    throw new Error("it is JSON but no CPU profile: it lacks nodes, samples or timeDeltas");
  }
  const ids = new Set(nodes.map((node) => node?.id));
  const known = nodes.length > 0 && samples.length === timeDeltas.length && samples.every((id) => ids.has(id)) &&
    timeDeltas.every(Number.isFinite) && [profile.startTime, profile.endTime].every(Number.isFinite) &&
    nodes.every(({ callFrame, children = [] }) =>
      typeof callFrame?.functionName === "string" && typeof callFrame.url === "string" &&
      children.every((id) => ids.has(id))
    );
  if (!known) throw new Error("it is damaged: its samples do not fit its nodes");
  return profile;
}

/** What a node was seen for: milliseconds on top of the stack, and in how many samples. */
interface Seen {
  self: number;
  samples: number;
}

/** What each node was seen for. A sample lasts to the next one, the first from the start, the last to the end. */
function seenByNode({ nodes, samples, timeDeltas, startTime, endTime }: Profile): Map<number, Seen> {
  let time = startTime;
  // V8 can write samples out of order.
  const inOrder = samples.map((id, i) => ({ id, time: time += timeDeltas[i] })).sort((a, b) => a.time - b.time);
  const seen = new Map(nodes.map(({ id }) => [id, { self: 0, samples: 0 }]));
  for (const [i, { id, time }] of inOrder.entries()) {
    const from = i === 0 ? startTime : time, to = inOrder[i + 1]?.time ?? Math.max(endTime, time), node = seen.get(id)!;
    node.self += (to - from) / 1000;
    node.samples++;
  }
  return seen;
}

/** Calls `visit` for every node with what it was seen for and the functions on its stack, from the root to itself. */
function walk(profile: Profile, visit: (seen: Seen, stack: FunctionTimes[]) => void): FunctionTimes[] {
  const seen = seenByNode(profile), byId = new Map(profile.nodes.map((node) => [node.id, node]));
  const functions = new Map<string, FunctionTimes>(), stack: FunctionTimes[] = [];
  const enter = (id: number) => {
    const { callFrame, children = [] } = byId.get(id)!;
    const { functionName, url, lineNumber, columnNumber } = callFrame;
    const key = [functionName, url, lineNumber, columnNumber].join("\n");
    if (!functions.has(key)) {
      // Of a path its last part says enough; names of Deno's own modules have few parts.
      const place = url && `${url.split("/").at(-1)}${lineNumber >= 0 ? `:${lineNumber + 1}` : ""}`;
      functions.set(key, { name: functionName || "(anonymous)", place, self: 0, total: 0, samples: 0 });
    }
    stack.push(functions.get(key)!);
    visit(seen.get(id)!, stack);
    children.forEach(enter);
    stack.pop();
  };
  const called = new Set(profile.nodes.flatMap(({ children = [] }) => children));
  profile.nodes.filter(({ id }) => !called.has(id)).forEach(({ id }) => enter(id));
  return [...functions.values()];
}

/** The times of all functions: their self times add up to the span of the profile. */
export function functionTimes(profile: Profile): FunctionTimes[] {
  return walk(profile, ({ self, samples }, stack) => {
    stack.at(-1)!.self += self;
    for (const one of new Set(stack)) {
      one.total += self;
      one.samples += samples;
    }
  });
}

/**
 * Who called the functions of a name, and what they called, with milliseconds of each. The callers add up to the total
 * time, the callees and the self time as well: of recursion the outermost call has the caller, the innermost the
 * callee.
 */
export function neighbours(profile: Profile, name: string) {
  const callers = new Map<string, number>(), callees = new Map<string, number>(), sum = { self: 0, total: 0 };
  const add = (map: Map<string, number>, { name, place }: FunctionTimes, time: number) =>
    map.set(`${name} ${place}`.trim(), (map.get(`${name} ${place}`.trim()) ?? 0) + time);
  const found = walk(profile, ({ self }, stack) => {
    const first = stack.findIndex((one) => one.name === name), last = stack.findLastIndex((one) => one.name === name);
    if (first < 0 || self === 0) return;
    sum.total += self;
    if (first > 0) add(callers, stack[first - 1], self);
    if (last < stack.length - 1) add(callees, stack[last + 1], self);
    else sum.self += self;
  }).some((one) => one.name === name);
  return found ? { ...sum, callers, callees } : undefined;
}

/** Listens for Ctrl-C, so that it does not kill the program before it could write its profile. */
const keepAlive = 'data:text/javascript,Deno.addSignalListener("SIGINT",()=>{})';

/**
 * Runs a script under V8's profiler and gives its exit code and the profiles of its threads, the main thread's first.
 *
 * @param flags flags of `deno run`
 * @param interval microseconds between two samples
 * @param folder where a temporary folder is made and removed again
 * @throws `Deno.errors.NotFound` if deno is not on the PATH
 */
export async function profileScript(
  script: string,
  { flags = [], args = [], interval = 500, folder = ".", quiet = false }: {
    flags?: string[];
    args?: string[];
    interval?: number;
    folder?: string;
    quiet?: boolean;
  } = {},
): Promise<{ code: number; profiles: Record<string, Profile> }> {
  const temporary = await Deno.makeTempDir({ dir: folder, prefix: ".cpu_profile_" });
  const stdio = quiet ? "null" : "inherit", listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const own = ["-q", `--inspect=127.0.0.1:${port}`, "--inspect-publish-uid=http", `--preload=${keepAlive}`];
  own.push(
    "--cpu-prof",
    `--cpu-prof-dir=${temporary}`,
    "--cpu-prof-name=p.cpuprofile",
    `--cpu-prof-interval=${interval}`,
  );
  let interrupted = false;
  const stop = () => {
    interrupted = true;
    // One that ends by itself at Ctrl-C cannot be reached any more.
    setTimeout(() => endProgram(port).catch(() => {}), 500);
  };
  Deno.addSignalListener("SIGINT", stop);
  try {
    const options = { stdin: stdio, stdout: stdio, stderr: stdio } as const;
    const child = new Deno.Command("deno", { ...options, args: ["run", ...own, ...flags, script, ...args] }).spawn();
    const { code } = await child.status;
    const names = [...Deno.readDirSync(temporary)].map(({ name }) => name).sort((a, b) =>
      a.length - b.length || (a < b ? -1 : 1)
    );
    const profiles: Record<string, Profile> = {};
    for (const name of names) {
      const thread = name.match(/worker-\d+/)?.[0].replace("-", " ") ?? "main thread";
      profiles[thread] = parseProfile(await Deno.readTextFile(`${temporary}/${name}`));
    }
    return { code: interrupted ? 130 : code, profiles };
  } finally {
    Deno.removeSignalListener("SIGINT", stop);
    await Deno.remove(temporary, { recursive: true });
  }
}

/** Ends a program that listens for V8's inspector: at its next pause, or in the middle of a loop that has none. */
async function endProgram(port: number): Promise<void> {
  const [{ webSocketDebuggerUrl }] = await (await fetch(`http://127.0.0.1:${port}/json`)).json();
  const socket = new WebSocket(webSocketDebuggerUrl);
  await new Promise((resolve) => socket.onopen = resolve);
  const expression = "setTimeout(() => Deno.exit(130))";
  socket.send(JSON.stringify({ id: 1, method: "Runtime.evaluate", params: { expression } }));
  await new Promise((later) => setTimeout(later, 200));
  if (socket.readyState === WebSocket.OPEN) {
    socket.send(JSON.stringify({ id: 2, method: "Runtime.terminateExecution" }));
  }
  socket.close();
}

export interface TableOptions {
  sort: "self" | "total";
  /** How many functions. */
  top: number;
  /** Whose callers and callees are shown too. */
  function?: string;
}

/** The table of a profile as text. */
export function formatTable(title: string, profile: Profile, { sort, top, function: name }: TableOptions): string {
  const functions = functionTimes(profile).sort((a, b) => b[sort] - a[sort]).filter((one) => one[sort] > 0);
  const span = functions.reduce((sum, { self }) => sum + self, 0);
  const cell = (time: number) => `${time.toFixed(1).padStart(9)} ${(100 * time / span || 0).toFixed(1).padStart(5)}%`;
  const lines = [`${title}: ${span.toFixed(0)} ms, ${profile.samples.length} samples, by ${sort} time`];
  lines.push("  self, ms      %   total, ms      %  samples  function");
  for (const { name, place, self, total, samples } of functions.slice(0, top)) {
    lines.push(`${cell(self)}  ${cell(total)} ${`${samples}`.padStart(8)}  ${name}  ${place}`.trimEnd());
  }
  const rest = functions.slice(top);
  if (rest.length > 0) {
    lines.push(`${cell(rest.reduce((sum, { self }) => sum + self, 0))}  ${" ".repeat(25)}  ${rest.length} more`);
  }
  const found = name === undefined ? undefined : neighbours(profile, name);
  if (found) {
    const list = (map: Map<string, number>) =>
      [...map].sort((a, b) => b[1] - a[1]).map(([name, time]) => `${cell(time)}  ${name}`);
    lines.push(`who called ${name}, of its total of ${found.total.toFixed(1)} ms:`, ...list(found.callers));
    lines.push(`what ${name} called, besides ${found.self.toFixed(1)} ms in itself:`);
    lines.push(...found.callees.size > 0 ? list(found.callees) : ["  nothing that was seen"]);
  } else if (name !== undefined) {
    lines.push(`no sample has a function ${name}`);
  }
  return lines.join("\n");
}

/** What is profiled where no script is given: 7 to 3 by construction, and a function that calls itself. */
function spin(rounds: number): number {
  let x = 1;
  for (let i = 0; i < rounds; i++) x = (x * 16807) % 2147483647;
  return x;
}

function heavy(rounds: number): number {
  return spin(7 * rounds);
}

function light(rounds: number): number {
  return spin(3 * rounds);
}

function recurse(depth: number): number {
  return depth === 0 ? spin(1000) : spin(1000) + recurse(depth - 1);
}

const help = `Where a program's time goes, function by function.

usage: profile_table.ts [FLAG…] FILE.cpuprofile
       profile_table.ts [FLAG…] [FLAG OF DENO RUN…] SCRIPT [ARGUMENT…]

  --sort=self|total  by which time the functions are sorted; self unless said
  --top=N            so many functions; 15 unless said
  --function=NAME    who called it, and what it called
  --interval=N       microseconds between two samples of SCRIPT, 50 to 100000; 500 unless said
Flags of deno run take the form --flag=value, and all that follows SCRIPT is SCRIPT's own. The table of a file goes to
stdout, that of a script to stderr at its end. The exit code is SCRIPT's.`;

function fail(message: string): never {
  console.error(`error: ${message}`);
  Deno.exit(2);
}

/** Splits the command line: this tool's flags, those of `deno run`, the script or file, its arguments. */
function parse(args: string[]) {
  const end = args.findIndex((arg) => !arg.startsWith("-")), before = end < 0 ? args : args.slice(0, end);
  const values: Record<string, string> = { sort: "self", top: "15", interval: "500" }, flags: string[] = [];
  for (const flag of before) {
    const [, name, value] = flag.match(/^--(sort|top|function|interval)(?:=(.*))?$/) ?? [];
    if (name && !value) fail(`${flag} needs a value, as in --${name}=${values[name] ?? "NAME"}`);
    if (name) values[name] = value;
    else flags.push(flag);
  }
  if (flags.includes("--help") || flags.includes("-h")) {
    console.log(help);
    Deno.exit();
  }
  const known =
    /^(-A|-q|--(allow|deny|ignore|no|unstable|v8-flags|config|import-map|lock|cached|env-file|seed|cert|quiet|node-modules|preload|check|reload)\b.*)$/;
  const unknown = flags.find((flag) => !known.test(flag));
  if (unknown) fail(`${unknown} is neither a flag of this tool nor one of deno run that it hands on (see --help)`);
  if (end < 0 && args.length > 0) {
    fail("there is no script and no file; usage: profile_table.ts [FLAG…] SCRIPT [ARGUMENT…]");
  }
  const { sort } = values;
  if (sort !== "self" && sort !== "total") fail(`--sort=${sort}: must be self or total`);
  const number = (name: string, least: number, most: number) => {
    const value = /^\d+$/.test(values[name]) ? Number(values[name]) : NaN;
    if (!(value >= least && value <= most)) {
      fail(`--${name}=${values[name]}: must be a whole number from ${least} to ${most}`);
    }
    return value;
  };
  const table: TableOptions = { sort, top: number("top", 1, 100_000), function: values.function };
  return { table, interval: number("interval", 50, 100_000), flags, command: end < 0 ? [] : args.slice(end) };
}

if (import.meta.main) {
  if (Deno.args[0] === "--demonstrate") {
    // Turns of different length, so that they do not keep step with the samples.
    for (let i = 0, rounds = 1; i < 400; i++, rounds = rounds * 16807 % 20011) {
      heavy(rounds);
      light(rounds);
      if (i % 10 === 0) recurse(20);
    }
    Deno.exit();
  }
  const { table, interval, flags, command: [target, ...args] } = parse(Deno.args);
  try {
    if (target === undefined) {
      const { code, profiles } = await profileScript(import.meta.url, { args: ["--demonstrate"], interval });
      if (code !== 0) throw new Error(`the demonstration ended with code ${code}`);
      const profile = profiles["main thread"], times = functionTimes(profile);
      console.log(formatTable("the demonstration", profile, { ...table, function: table.function ?? "spin" }));
      const seen = (name: string) => times.find((one) => one.name === name)?.samples ?? 0;
      const share = seen("heavy") / (seen("heavy") + seen("light"));
      if (!(Math.abs(share - 0.7) < 0.05)) throw new Error(`the share of heavy is ${share}, not 0.7`);
    } else if (target.endsWith(".cpuprofile")) {
      let profile: Profile;
      try {
        profile = parseProfile(await Deno.readTextFile(target));
      } catch (error) {
        fail(`${target}: ${(error as Error).message}`);
      }
      console.log(formatTable(target, profile, table));
    } else {
      if (!/^[a-z]+:/i.test(target)) await Deno.stat(target).catch((error) => fail(`no script: ${error.message}`));
      const { code, profiles } = await profileScript(target, { flags, args, interval });
      for (const [thread, profile] of Object.entries(profiles)) {
        console.error(`\n${formatTable(`${target}, ${thread}`, profile, table)}`);
      }
      if (Object.keys(profiles).length === 0) console.error("error: it left no profile");
      Deno.exit(code);
    }
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) fail("there is no deno on the PATH; install it: npm install -g deno");
    fail((error as Error).message);
  }
}
