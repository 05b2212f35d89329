/**
 * Two CPU profiles compared, function by function: what a change made faster, and what slower.
 *
 * What to notice: what a change was meant to make faster is one line, and what it did elsewhere are the others. Here
 * |z| comes from a square root in place of `Math.hypot`. Functions that nobody touched differ as well: so much is
 * noise, and a change has to be larger to mean anything. Milliseconds say what was gained. The share of each profile
 * says what the program is about now, also where one run did more work or met a busier machine.
 *
 *     deno run --cpu-prof --cpu-prof-name=before.cpuprofile script.ts
 *     deno run --allow-read=. ch02/cpu_profiling/profile_diff.ts before.cpuprofile after.cpuprofile
 *
 * Functions are the same if name and file are: lines move when code is changed. A function that was renamed appears
 * twice.
 *
 * @original none, the book's advice to change one thing, and profile again
 * @run deno run --allow-read=. --allow-write=. --allow-run=deno ch02/cpu_profiling/profile_diff.ts
 * @takes 3 s
 * @beside julia.ts
 */

import { parseArgs } from "jsr:@std/cli@1/parse-args";

/** What a `.cpuprofile` holds that matters here. Times in microseconds. */
export interface Profile {
  nodes: { id: number; callFrame: { functionName: string; url: string } }[];
  samples: number[];
  timeDeltas: number[];
  startTime: number;
  endTime: number;
}

/** A function in both profiles: self time in milliseconds, and share of its profile from 0 to 1. */
export interface Difference {
  name: string;
  before: number;
  after: number;
  difference: number;
  shareBefore: number;
  shareAfter: number;
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
    nodes.every(({ callFrame }) => typeof callFrame?.url === "string");
  if (!known) throw new Error("it is damaged: its samples do not fit its nodes");
  return profile;
}

/** Milliseconds of self time by function and file; they add up to the span of the profile. */
export function selfByFunction({ nodes, samples, timeDeltas, startTime, endTime }: Profile): Map<string, number> {
  const names = new Map(nodes.map(({ id, callFrame: { functionName, url } }) => {
    return [id, `${functionName || "(anonymous)"}  ${url.split("/").at(-1)}`.trimEnd()];
  }));
  const self = new Map<string, number>();
  let time = startTime;
  // A sample lasts until the next one; V8 can write them out of order.
  const seen = samples.map((id, i) => ({ id, time: time += timeDeltas[i] })).sort((a, b) => a.time - b.time);
  for (const [i, { id, time }] of seen.entries()) {
    const to = seen[i + 1]?.time ?? Math.max(endTime, time), name = names.get(id)!;
    self.set(name, (self.get(name) ?? 0) + (to - (i === 0 ? startTime : time)) / 1000);
  }
  return self;
}

/** All functions of two profiles, those first that changed the most. */
export function compareProfiles(before: Profile, after: Profile, by: "time" | "share" = "time"): Difference[] {
  const times = [before, after].map(selfByFunction);
  const spans = times.map((self) => [...self.values()].reduce((sum, time) => sum + time, 0));
  const differences = [...new Set(times.flatMap((self) => [...self.keys()]))].map((name) => {
    const [from, to] = times.map((self) => self.get(name) ?? 0);
    const [shareBefore, shareAfter] = [from / spans[0] || 0, to / spans[1] || 0];
    return { name, before: from, after: to, difference: to - from, shareBefore, shareAfter };
  });
  const change = (one: Difference) => Math.abs(by === "time" ? one.difference : one.shareAfter - one.shareBefore);
  return differences.sort((a, b) => change(b) - change(a));
}

/** The comparison as text: a line for each function that changed most, the others together, and all. */
export function formatDifferences(differences: Difference[], top: number): string {
  const sum = (some: Difference[], name: string): Difference => {
    const of = (key: Exclude<keyof Difference, "name">) => some.reduce((sum, one) => sum + one[key], 0);
    return {
      name,
      before: of("before"),
      after: of("after"),
      difference: of("difference"),
      shareBefore: of("shareBefore"),
      shareAfter: of("shareAfter"),
    };
  };
  const sign = (value: number, text: string) => `${value > 0 ? "+" : ""}${text}`;
  const rest = differences.slice(top);
  const lines = [
    ...differences.slice(0, top),
    ...rest.length > 0 ? [sum(rest, `${rest.length} more`)] : [],
    sum(differences, "all"),
  ].map(({ name, before, after, difference, shareBefore, shareAfter }) =>
    [
      before.toFixed(1).padStart(10),
      after.toFixed(1).padStart(9),
      sign(difference, difference.toFixed(1)).padStart(9),
      `${(100 * shareBefore).toFixed(1)}%`.padStart(9),
      `${(100 * shareAfter).toFixed(1)}%`.padStart(7),
      ` ${name}`,
    ].join(" ")
  );
  return ["before, ms     after   change     share   after  function (self time)", ...lines].join("\n");
}

/** Profiles a script in a temporary folder. What it prints is dropped. */
export async function record(script: string, args: string[], folder = "."): Promise<Profile> {
  const temporary = await Deno.makeTempDir({ dir: folder, prefix: ".cpu_profile_" });
  const stop = new AbortController(), interrupted = () => stop.abort();
  Deno.addSignalListener("SIGINT", interrupted);
  try {
    const flags = ["--cpu-prof", `--cpu-prof-dir=${temporary}`, "--cpu-prof-name=p.cpuprofile"];
    const command = ["run", ...flags, "--cpu-prof-interval=500", script, ...args], { signal } = stop;
    const { success, stderr } = await new Deno.Command("deno", { args: command, stdin: "null", signal }).output();
    if (!success) throw new Error(`${script}: ${new TextDecoder().decode(stderr)}`);
    return parseProfile(await Deno.readTextFile(`${temporary}/p.cpuprofile`));
  } finally {
    Deno.removeSignalListener("SIGINT", interrupted);
    await Deno.remove(temporary, { recursive: true });
    if (stop.signal.aborted) Deno.exit(130);
  }
}

function fail(message: string): never {
  console.error(`error: ${message}`);
  Deno.exit(2);
}

async function demonstrate(): Promise<[Profile, Profile]> {
  try {
    const script = import.meta.resolve("./julia.ts");
    return [await record(script, ["--width=600"]), await record(script, ["--width=600", "--squares"])];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) fail("there is no deno on the PATH; install it: npm install -g deno");
    throw error;
  }
}

async function read(file: string): Promise<Profile> {
  try {
    return parseProfile(await Deno.readTextFile(file));
  } catch (error) {
    fail(`${file}: ${(error as Error).message}`);
  }
}

if (import.meta.main) {
  const flags = parseArgs(Deno.args, {
    boolean: ["help"],
    string: ["by", "top"],
    default: { by: "time", top: "12" },
    unknown: (argument, name) => name === undefined || fail(`${argument} is not a flag of this script (see --help)`),
  });
  if (flags.help) {
    console.log(`What a change did to a program, function by function.

usage: profile_diff.ts [FLAG…] BEFORE.cpuprofile AFTER.cpuprofile

  --by=time|share   whether the largest change in time or in share of the profile comes first; time unless said
  --top=N           so many functions; 12 unless said
Without files, julia.ts is profiled before and after a change.`);
    Deno.exit();
  }
  const { by } = flags, top = /^\d+$/.test(flags.top) ? Number(flags.top) : 0, files = flags._.map(String);
  if (by !== "time" && by !== "share") fail(`--by=${by}: must be time or share`);
  if (top < 1) fail(`--top=${flags.top}: must be a whole number from 1`);
  if (files.length !== 0 && files.length !== 2) fail(`needs two profiles, before and after, not ${files.length}`);
  const [before, after] = files.length === 0 ? await demonstrate() : [await read(files[0]), await read(files[1])];
  const differences = compareProfiles(before, after, by);
  console.log(formatDifferences(differences, top));
  if (files.length === 0) {
    const find = (name: string) => differences.find((one) => one.name === `${name}  julia.ts`);
    const hypot = find("abs"), squares = find("absBySquares");
    if (hypot?.after !== 0 || squares?.before !== 0) throw new Error("abs should be gone, and absBySquares new");
  }
}
