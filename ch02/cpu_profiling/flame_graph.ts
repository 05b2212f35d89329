/**
 * A flame graph of a CPU profile: a picture of all stacks, as wide as they took time.
 *
 * What to notice: a box is a function, above the one that called it. Its width is its time and that of all above it;
 * what has nothing above it is self time. Wide roofs are what to make faster. The same stack seen at different times is
 * one box: left and right are the order of the first time, no more. The colour says whose code it is. Point at a box
 * for its figures.
 *
 * Without a file it profiles julia.ts and says in words what the picture would show; with `--out` it draws that:
 *
 *     deno run --cpu-prof --cpu-prof-name=x.cpuprofile script.ts
 *     deno run --allow-read=. --allow-write=. ch02/cpu_profiling/flame_graph.ts x.cpuprofile --out=x.svg
 *
 * `deno run --cpu-prof-flamegraph` draws one too. This shows what it takes: merge a tree, lay boxes on each other.
 *
 * @original none, the book's SnakeViz
 * @run deno run --allow-read=. --allow-write=. --allow-run=deno ch02/cpu_profiling/flame_graph.ts
 * @takes 2 s
 * @beside julia.ts
 */

import { parseArgs } from "jsr:@std/cli@1/parse-args";

interface CallFrame {
  functionName: string;
  url: string;
  lineNumber: number;
}

/** What a `.cpuprofile` holds: a tree of stacks, and which node was on top at which sample. Times in microseconds. */
export interface Profile {
  nodes: { id: number; callFrame: CallFrame; children?: number[] }[];
  samples: number[];
  timeDeltas: number[];
  startTime: number;
  endTime: number;
}

const colours = {
  "own code": "#f28e4b",
  "packages": "#6fa8dc",
  "Deno and V8": "#8fc79a",
  "garbage collector": "#d98ab3",
  "idle and other": "#d4d4d4",
};

export type Kind = keyof typeof colours;

/** A box: a function on one stack, times in milliseconds. */
export interface Frame {
  name: string;
  place: string;
  kind: Kind;
  self: number;
  total: number;
  children: Frame[];
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
    nodes.every((node) => typeof node.callFrame?.url === "string" && (node.children ?? []).every((id) => ids.has(id)));
  if (!known) throw new Error("it is damaged: its samples do not fit its nodes");
  return profile;
}

/** Whose code a function is, by its name and address. */
export function kindOf({ functionName, url }: CallFrame): Kind {
  if (functionName === "(garbage collector)") return "garbage collector";
  if (/^\((idle|program|root)\)$/.test(functionName)) return "idle and other";
  if (url === "" || /^(ext|node|native|checkin|internal):/.test(url)) return "Deno and V8";
  return /^(https?|jsr|npm):|\/node_modules\/|\/npm\/registry\./.test(url) ? "packages" : "own code";
}

/** The boxes of a profile: one for each function on each stack, in the order in which they were first seen. */
export function buildFrames({ nodes, samples, timeDeltas, startTime, endTime }: Profile): Frame {
  const self = new Map<number, number>();
  let time = startTime;
  // A sample lasts until the next one; V8 can write them out of order.
  const seen = samples.map((id, i) => ({ id, time: time += timeDeltas[i] })).sort((a, b) => a.time - b.time);
  for (const [i, { id, time }] of seen.entries()) {
    const to = seen[i + 1]?.time ?? Math.max(endTime, time);
    self.set(id, (self.get(id) ?? 0) + (to - (i === 0 ? startTime : time)) / 1000);
  }
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const frame = (name: string, place: string, kind: Kind): Frame => ({
    name,
    place,
    kind,
    self: 0,
    total: 0,
    children: [],
  });
  const add = (parent: Frame, id: number) => {
    const { callFrame, children = [] } = byId.get(id)!, { functionName, url, lineNumber } = callFrame;
    const name = functionName || "(anonymous)", place = lineNumber < 0 ? url : `${url}:${lineNumber + 1}`;
    let own = parent.children.find((one) => one.name === name && one.place === place);
    if (!own) parent.children.push(own = frame(name, place, kindOf(callFrame)));
    own.self += self.get(id) ?? 0;
    for (const child of children) add(own, child);
  };
  const sum = (one: Frame): number =>
    one.total = one.self + one.children.reduce((total, child) => total + sum(child), 0);
  const root = frame("all", "", "idle and other"), called = new Set(nodes.flatMap(({ children = [] }) => children));
  for (const { id } of nodes) if (!called.has(id)) add(root, id);
  // V8's own root does nothing but hold the others.
  const top = root.children.length === 1 && root.children[0].name === "(root)" ? root.children[0] : root;
  sum(top);
  return { ...top, name: "all" };
}

const escape = (text: string) => text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);

/** Draws boxes as an SVG that needs nothing else. The first box lies at the bottom. */
export function drawFlameGraph(root: Frame, title: string, width = 1200): string {
  const row = 18, letter = 6.62, margin = 12, top = 62, scale = (width - 2 * margin) / (root.total || 1);
  // What is narrower than this, in pixels, is left out.
  const narrowest = 0.4;
  const depth = (frame: Frame): number =>
    1 + Math.max(0, ...frame.children.filter(({ total }) => total * scale >= narrowest).map(depth));
  const rows = depth(root), bottom = top + rows * row, boxes: string[] = [];
  const draw = (frame: Frame, x: number, level: number) => {
    const boxWidth = frame.total * scale;
    if (boxWidth < narrowest) return;
    const y = bottom - (level + 1) * row, share = (100 * frame.total / root.total).toFixed(1);
    const label = frame.name.length * letter + 6 <= boxWidth
      ? `<text x="${(x + 3).toFixed(1)}" y="${y + 13}">${escape(frame.name)}</text>`
      : "";
    const figures = `${frame.total.toFixed(1)} ms (${share}%), itself ${frame.self.toFixed(1)} ms`;
    const tip = [frame.name, frame.place, figures].filter(Boolean).join("\n");
    boxes.push(
      `<g><title>${escape(tip)}</title><rect x="${x.toFixed(2)}" y="${y}" width="${boxWidth.toFixed(2)}" ` +
        `height="${row - 1}" fill="${colours[frame.kind]}"/>${label}</g>`,
    );
    let left = x;
    for (const child of frame.children) {
      draw(child, left, level + 1);
      left += child.total * scale;
    }
  };
  draw(root, margin, 0);

  const legend = Object.entries(colours).map(([kind, colour], i) =>
    `<rect x="${margin + i * 150}" y="36" width="12" height="12" fill="${colour}"/>` +
    `<text x="${margin + i * 150 + 17}" y="46">${kind}</text>`
  );
  // A tick at every 1, 2 or 5 times a power of ten, ten of them at most.
  const rough = Math.max(root.total, 1e-6) / 10, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= rough)!;
  const axis = Array.from({ length: Math.floor(root.total / step) + 1 }, (_, i) => {
    const x = (margin + i * step * scale).toFixed(1), text = `${Number((i * step).toPrecision(6))}`;
    return `<line x1="${x}" y1="${bottom + 2}" x2="${x}" y2="${bottom + 7}" stroke="#888"/>` +
      `<text x="${x}" y="${bottom + 19}" text-anchor="${i === 0 ? "start" : "middle"}">${text}${
        i === 0 ? " ms" : ""
      }</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${bottom + 28}" ` +
    `viewBox="0 0 ${width} ${bottom + 28}" font-family="monospace" font-size="11">\n` +
    `<rect width="100%" height="100%" fill="white"/>\n` +
    `<text x="${margin}" y="22" font-size="15" font-weight="bold" font-family="sans-serif">${escape(title)}</text>\n` +
    [...legend, ...boxes, ...axis].join("\n") + "\n</svg>\n";
}

/** Profiles a script in a temporary folder and gives the text of the profile. What the script prints is dropped. */
export async function record(script: string, args: string[], folder = "."): Promise<string> {
  const temporary = await Deno.makeTempDir({ dir: folder, prefix: ".cpu_profile_" });
  const stop = new AbortController(), interrupted = () => stop.abort();
  Deno.addSignalListener("SIGINT", interrupted);
  try {
    const flags = [
      "--cpu-prof",
      `--cpu-prof-dir=${temporary}`,
      "--cpu-prof-name=p.cpuprofile",
      "--cpu-prof-interval=500",
    ];
    const command = ["run", ...flags, script, ...args], { signal } = stop;
    const { success, stderr } = await new Deno.Command("deno", { args: command, stdin: "null", signal }).output();
    if (!success) throw new Error(`${script}: ${new TextDecoder().decode(stderr)}`);
    return await Deno.readTextFile(`${temporary}/p.cpuprofile`);
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

if (import.meta.main) {
  const flags = parseArgs(Deno.args, {
    boolean: ["help"],
    string: ["out"],
    unknown: (argument, name) => name === undefined || fail(`${argument} is not a flag of this script (see --help)`),
  });
  if (flags.help) {
    console.log(`A flame graph of a CPU profile.

usage: flame_graph.ts [FILE.cpuprofile] [--out=FILE.svg]

Without --out the picture of a file goes to stdout. Without a file, the Julia set of julia.ts is profiled.`);
    Deno.exit();
  }
  if (flags._.length > 1) fail(`one profile at a time, not ${flags._.length}`);
  if (flags.out === "") fail("--out needs a value, as in --out=FILE.svg");
  const [file] = flags._.map(String);
  let frames: Frame;
  try {
    const text = file === undefined
      ? await record(import.meta.resolve("./julia.ts"), ["--width=500"])
      : await Deno.readTextFile(file);
    frames = buildFrames(parseProfile(text));
  } catch (error) {
    if (file === undefined && error instanceof Deno.errors.NotFound) {
      fail("there is no deno on the PATH; install it: npm install -g deno");
    }
    fail(`${file ?? "the demonstration"}: ${(error as Error).message}`);
  }
  const svg = drawFlameGraph(frames, `${file ?? "the Julia set"}: ${frames.total.toFixed(0)} ms`);
  if (flags.out !== undefined) {
    await Deno.writeTextFile(flags.out, svg).catch((error) => fail(`cannot write ${flags.out}: ${error.message}`));
    console.log(`written: ${flags.out}`);
  } else if (file !== undefined) {
    console.log(svg.trimEnd());
  }
  if (file === undefined) {
    // The way up through the widest box of each row.
    let frame: Frame | undefined = frames;
    for (let level = 0; frame; level++) {
      console.log(
        `${"  ".repeat(level)}${frame.name}: ${frame.total.toFixed(0)} ms, itself ${frame.self.toFixed(0)} ms`,
      );
      const { self, children }: Frame = frame;
      const widest: Frame | undefined = children.toSorted((a, b) => b.total - a.total)[0];
      frame = widest && widest.total > self ? widest : undefined;
    }
    if (!svg.includes(">calculateZSerial<")) throw new Error("the box of calculateZSerial is missing");
  }
}
