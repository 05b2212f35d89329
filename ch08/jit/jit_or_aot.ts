/**
 * One function compiled while it runs (V8 on TypeScript), before it runs (C), and in between (WebAssembly).
 *
 * What to notice: the first two rows are one text. V8 gets it without its types, guesses them from what it sees, and
 * compiles while the program is running; AssemblyScript takes `f64` and `i32` at their word and makes WebAssembly of it, once,
 * before. That is half a compilation: V8 makes machine code of it, fast (Liftoff) or well (TurboFan), with no type left
 * to guess. C is compiled to the end, and its process starts and ends in the time in which Deno has not begun. So the order at a
 * tiny image is that of the starts, and at a large one that of the loops. Which compiler of V8 ran is asked of V8.
 *
 * Needs a C compiler for the last row, which it leaves out otherwise: `apt-get install gcc libc6-dev`.
 *
 * @beside julia.c
 * @original none, chapter 8's question on the difference between JIT and AOT compilers
 * @run deno run --allow-run=deno,cc --allow-write=. --allow-env=CI ch08/jit/jit_or_aot.ts
 * @takes 4 s
 */

import { stripTypeScriptTypes } from "node:module";
import { fileURLToPath } from "node:url";

/** The sum over the Julia set of -0.62772 - 0.42193i, at most 300 iterations a point, in TypeScript and in AssemblyScript. */
const source = `
function row(y: f64, step: f64): i32 {
  let sum: i32 = 0;
  for (let x: f64 = -1.8; x < 1.8; x += step) {
    let zr: f64 = x, zi: f64 = y, n: i32 = 0;
    while (n < 300 && zr * zr + zi * zi < 4) {
      const next: f64 = zr * zr - zi * zi - 0.62772;
      zi = 2 * zr * zi - 0.42193;
      zr = next;
      n++;
    }
    sum += n;
  }
  return sum;
}
export function julia(width: i32): i32 {
  const step: f64 = 3.6 / (width as f64);
  let sum: i32 = 0;
  for (let y: f64 = 1.8; y > -1.8; y -= step) sum += row(y, step);
  return sum;
}`;

export interface Run {
  /** Seconds for each image in one process. */
  images: number[];
  /** Seconds that the program itself took to compile WebAssembly before the first image. */
  compiling: number;
  sum: number;
  /** What V8 says compiled the WebAssembly. */
  tier?: string;
  /** Seconds from the start of the process to its end. */
  process: number;
}

/** What one way of compiling came to. */
export interface Way {
  /** Seconds that it took to compile before any run. */
  build: number;
  /** A process for each job. */
  runs: Run[];
}

/** A process to be run: so many images of `width` x `width` points. */
export interface Job {
  width: number;
  images: number;
}

/** JavaScript that draws the images and prints what it took; `load` gives `julia` and, for WebAssembly, its tier. */
const harness = (load: string) => `
  const start = performance.now();
  ${load}
  const compiling = (performance.now() - start) / 1000, images = [];
  let sum = 0;
  while (images.length < Number(Deno.args[1])) {
    const start = performance.now();
    sum = julia(Number(Deno.args[0]));
    images.push((performance.now() - start) / 1000);
  }
  console.log(JSON.stringify({ images, compiling, sum, tier: tier() }));`;

/**
 * Compiles the function in each way and runs the jobs. The last way is left out where there is no C compiler.
 *
 * @param folder where a temporary folder for the compiled C is made and removed again
 * @throws `Deno.errors.NotFound` if deno is not on the PATH; what a compiler or a process said that failed
 */
export async function compileAndRun(jobs: Job[], folder = "."): Promise<Record<string, Way>> {
  const temporary = await Deno.makeTempDir({ dir: folder });
  // After Ctrl-C the process that runs is ended, and then what it left is removed.
  const stop = new AbortController(), interrupted = () => stop.abort();
  Deno.addSignalListener("SIGINT", interrupted);
  try {
    const found: Record<string, Way> = {}, programs = await build(`${temporary}/julia`, stop.signal);
    for (const [name, { build }] of Object.entries(programs)) found[name] = { build, runs: [] };
    for (const job of jobs) {
      for (const [name, { run }] of Object.entries(programs)) found[name].runs.push(await run(job));
    }
    return found;
  } finally {
    Deno.removeSignalListener("SIGINT", interrupted);
    await Deno.remove(temporary, { recursive: true });
    if (stop.signal.aborted) Deno.exit(130);
  }
}

type Program = { build: number; run(job: Job): Promise<Run> };

async function build(executable: string, signal: AbortSignal): Promise<Record<string, Program>> {
  const { result: plain, seconds: stripping } = await timed(() => stripTypeScriptTypes(source).replace("export", ""));
  const { result: wasm, seconds: compiling } = await timed(compileToWasm);
  // Whether a function was compiled by Liftoff, by TurboFan, or not yet; the names are no JavaScript, hence \`new Function\`.
  const load = `
    const bytes = Uint8Array.fromBase64("${wasm.toBase64()}");
    const { julia } = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
    const ask = (name) => new Function("f", "return %" + name + "(f)")(julia);
    const tier = () => ask("IsLiftoffFunction") ? "Liftoff" : ask("IsTurboFanFunction") ? "TurboFan" : "none";`;
  const deno = (program: string, build: number, ...flags: string[]): Program => ({
    build,
    run: async (job) => {
      const v8Flags = `--v8-flags=${["--allow-natives-syntax", ...flags].join(",")}`;
      const { result, seconds } = await timed(() => runDeno([v8Flags], program, job, signal));
      return { ...JSON.parse(result), process: seconds };
    },
  });
  const programs: Record<string, Program> = {
    "TypeScript, JIT": deno(harness(`${plain}\nconst tier = () => undefined;`), stripping),
    "Wasm, Liftoff": deno(harness(load), compiling, "--liftoff-only"),
    "Wasm, TurboFan": deno(harness(load), compiling, "--no-liftoff"),
    "Wasm, V8's choice": deno(harness(load), compiling),
  };
  try {
    const code = fileURLToPath(new URL("julia.c", import.meta.url));
    const { seconds } = await timed(() => runProcess("cc", { args: ["-O3", "-o", executable, code], signal }, ""));
    // This process may not run what it may write. A `deno` may that has leave for this one file.
    const program = `
      const run = (args) => new Deno.Command("${executable}", { args }).output();
      await run(["1", "1"]);
      const start = performance.now(), { stdout } = await run(Deno.args), process = (performance.now() - start) / 1000;
      console.log(JSON.stringify({ ...JSON.parse(new TextDecoder().decode(stdout)), process }));`;
    const run = async (job: Job) => JSON.parse(await runDeno([`--allow-run=${executable}`], program, job, signal));
    programs["C, cc -O3"] = { build: seconds, run };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return programs;
}

/** Compiles AssemblyScript. Throws with the compiler's messages if it does not compile. */
async function compileToWasm(): Promise<Uint8Array<ArrayBuffer>> {
  const { default: asc } = await import("npm:assemblyscript@0.28.20/asc");
  let wasm: unknown;
  const { error, stderr } = await asc.main(["main.ts", "-O3", "--runtime", "stub", "-o", "main.wasm"], {
    readFile: (name) => name === "main.ts" ? source : null,
    writeFile: (_, contents) => void (wasm = contents),
    listFiles: () => [],
  });
  if (error) throw new Error(`${error.message}\n${stderr}`);
  return wasm as Uint8Array<ArrayBuffer>;
}

async function timed<T>(call: () => T | Promise<T>): Promise<{ result: T; seconds: number }> {
  const start = performance.now(), result = await call();
  return { result, seconds: (performance.now() - start) / 1000 };
}

/** Runs JavaScript in a `deno` of its own, and gives what it prints. */
function runDeno(flags: string[], program: string, { width, images }: Job, signal: AbortSignal): Promise<string> {
  const args = ["run", "--no-prompt", "--no-config", "--no-lock", ...flags, "--ext=js", "-", `${width}`, `${images}`];
  return runProcess("deno", { args, signal }, program);
}

/** Runs a command on what it is given on standard input. Throws `Deno.errors.NotFound`, or what a failed one said. */
async function runProcess(command: string, options: Deno.CommandOptions, input: string): Promise<string> {
  const piped = { stdin: "piped", stdout: "piped", stderr: "piped" } as const;
  const child = new Deno.Command(command, { ...options, ...piped }).spawn();
  // One that does not read to the end says why on its standard error.
  const feed = new Response(input).body!.pipeTo(child.stdin).catch(() => {});
  const [{ code, stdout, stderr }] = await Promise.all([child.output(), feed]);
  if (code !== 0) throw new Error(`${command} ended with code ${code}:\n${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

if (import.meta.main) {
  let found: Record<string, Way>;
  try {
    found = await compileAndRun([{ width: 50, images: 1 }, { width: 1000, images: 3 }]);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    console.error("error: there is no deno on the PATH to start afresh in; install it: npm install -g deno");
    Deno.exit(2);
  }
  console.log("ms                     built   50 x 50, process   1000 x 1000: first       best");
  for (const [name, { build, runs: [small, large] }] of Object.entries(found)) {
    const times = [build, small.process, large.images[0], Math.min(...large.images)];
    const cells = times.map((seconds, i) => (seconds * 1e3).toFixed(1).padStart([10, 18, 21, 10][i]));
    console.log(name.padEnd(17), ...cells);
    if (large.sum !== 33219980) throw new Error(`${name}: 1000 x 1000 points sum to 33219980, not ${large.sum}`);
    const asked = name.match(/Wasm, (Liftoff|TurboFan)/)?.[1];
    if (asked && asked !== large.tier) throw new Error(`${large.tier} ran in place of ${asked}`);
  }
  if (!found["C, cc -O3"]) console.log("without C, compiled ahead of time to the end: apt-get install gcc libc6-dev");
}
