/**
 * One function in each tier of V8: interpreter (Ignition), baseline (Sparkplug), Maglev and TurboFan.
 *
 * What to notice: the interpreter and the baseline compiler know no types. Each `+` asks what its operands are, and each
 * result that is no small integer becomes a new object on the heap; baseline code only saves looking up which bytecode
 * comes next, which is next to nothing where allocation costs the time. Maglev uses the types seen so far and keeps
 * doubles in registers; TurboFan does so with more care for the loop. V8 reaches the last by itself; flags hold it
 * back here, each in a process of its own, and V8 itself is asked which tier ran: `%ActiveTierIsMaglev` and the like. They
 * are no JavaScript, hence `new Function` and a flag.
 *
 * @original none, chapter 8's question on JIT against AOT compilers
 * @run deno run --allow-run=deno ch08/jit/tiers.ts
 * @takes 3 s
 */

/** Flags that stop V8 at a tier, and what it does there. */
export const tiers = {
  Ignition: { flags: "--no-opt,--no-maglev,--no-sparkplug", does: "interprets bytecode" },
  Sparkplug: { flags: "--no-opt,--no-maglev,--always-sparkplug", does: "bytecode turned to machine code, no types" },
  Maglev: { flags: "--no-opt", does: "compiled fast, by the types seen" },
  Turbofan: { flags: "", does: "compiled well, by the types seen (V8's default)" },
} as const;

export type Tier = keyof typeof tiers;

export interface TierRun {
  /** The tier that V8 says ran, before and after the last image. */
  active: string[];
  /** Seconds for each image, the first of them with its warm-up. */
  seconds: number[];
  /** Iterations in an image: the sum of all its points. */
  sum: number;
}

/**
 * One row of the Julia set of -0.62772 - 0.42193i: how many iterations of z = z² + c keep each point within 2, at most 300.
 *
 * @param xs, y the coordinates of the row
 * @param counts takes the results, from `at` on
 */
export function juliaRow(xs: Float64Array, y: number, counts: Int32Array, at: number): void {
  for (let i = 0; i < xs.length; i++) {
    let zr = xs[i], zi = y, n = 0;
    while (n < 300 && zr * zr + zi * zi < 4) {
      const next = zr * zr - zi * zi - 0.62772;
      zi = 2 * zr * zi - 0.42193;
      zr = next;
      n++;
    }
    counts[at + i] = n;
  }
}

/** From `start` towards its opposite in `width` steps, by repeated addition as the book does it. */
export function coordinates(width: number, start: number): Float64Array {
  const values: number[] = [], step = -2 * start / width;
  for (let value = start; start < 0 ? value < -start : value > -start; value += step) values.push(value);
  return Float64Array.from(values);
}

/** Draws the Julia set in a process that is held in one tier, at least `runs` times and twice in that tier. Throws if deno is not on the PATH. */
export async function runTier(tier: Tier, width: number, runs = 3): Promise<TierRun> {
  // The text of the functions and nothing else: what else this file does would warm them up.
  return JSON.parse(
    await runAlone(
      tiers[tier].flags,
      `
    ${juliaRow}
    ${coordinates}
    const xs = coordinates(${width}, -1.8), ys = coordinates(${width}, 1.8);
    const counts = new Int32Array(xs.length * ys.length);
    const tiers = ${JSON.stringify(Object.keys(tiers))};
    const asks = tiers.map((tier) => new Function("f", "return %ActiveTierIs" + tier + "(f)"));
    const active = [], seconds = [];
    // The upper tiers are compiled on another thread, which a busy machine may keep waiting.
    const end = performance.now() + 3000, there = () => active.slice(-2).every((tier) => tier === "${tier}");
    while (seconds.length < ${Math.max(runs, 2)} || !there() && performance.now() < end) {
      const start = performance.now();
      ys.forEach((y, row) => juliaRow(xs, y, counts, row * xs.length));
      seconds.push((performance.now() - start) / 1000);
      active.push(tiers[asks.findIndex((ask) => ask(juliaRow))]);
    }
    console.log(JSON.stringify({ active: active.slice(-2), seconds, sum: counts.reduce((a, b) => a + b) }));
  `,
    ),
  );
}

/** Runs JavaScript in a `deno` of its own, without any permission, and gives what it prints. */
async function runAlone(flags: string, program: string): Promise<string> {
  const child = new Deno.Command("deno", {
    args: [
      "run",
      "--no-prompt",
      "--no-config",
      "--no-lock",
      `--v8-flags=--allow-natives-syntax${flags && `,${flags}`}`,
      "--ext=js",
      "-",
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  // One that does not read to the end says why on its standard error.
  const feed = new Response(program).body!.pipeTo(child.stdin).catch(() => {});
  const [{ code, stdout, stderr }] = await Promise.all([child.output(), feed]);
  if (code !== 0) throw new Error(`deno ended with code ${code}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

if (import.meta.main) {
  const width = 350, found = new Map<Tier, TierRun>();
  try {
    for (const tier of Object.keys(tiers) as Tier[]) found.set(tier, await runTier(tier, width));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    console.error("error: there is no deno on the PATH to run each tier in; install it: npm install -g deno");
    Deno.exit(2);
  }
  const best = ({ seconds, sum }: TierRun) => Math.min(...seconds) / sum;
  for (const [tier, run] of found) {
    const times = best(found.get("Ignition")!) / best(run);
    console.log(
      tier.padEnd(10),
      `${(best(run) * 1e9).toFixed(1).padStart(5)} ns an iteration, ${times.toFixed(1).padStart(4)}x  ${
        tiers[tier].does
      }`,
    );
    if (run.active.some((active) => active !== tier)) throw new Error(`${run.active} ran in place of ${tier}`);
    if (run.sum !== found.get("Ignition")!.sum) throw new Error(`${tier} comes to ${run.sum}`);
  }
  const { sum } = await runTier("Turbofan", 1000, 1);
  if (sum !== 33219980) throw new Error(`the sum of 1000 x 1000 points is 33219980, not ${sum}`);
  console.log(`1000 x 1000 points sum to ${sum}`);
}
