/**
 * The warm-up of one function, call by call: each of V8's tiers takes over after so many calls.
 *
 * What to notice: the function changes under the caller's feet. The first calls run in the interpreter; what they see of
 * types goes into a feedback vector, and each tier above is compiled from that, on another thread, while the calls go on
 * in the tier below. So a single cold call says nothing about a function, a benchmark must warm up, and a program that
 * ends within some milliseconds never sees the last tier. The time up to there is not lost, only slower: the price of
 * the warm-up is what the calls took beyond the same number of calls at full speed. How many calls each tier waits for
 * depends on their length and on how soon the other thread is through: it differs from run to run. Sparkplug, which
 * compiles functions in batches, may be overtaken by Maglev where one function is hot alone.
 *
 * @original none, chapter 8's question on when a JIT compiler helps
 * @run deno run --allow-run=deno ch08/jit/warm_up.ts
 * @takes 1 s
 */

/** Three points of the Julia set of -0.62772 - 0.42193i: the number of iterations, at most 300 each, of all together. */
export function juliaPoints(): number {
  let sum = 0;
  for (let i = 0; i < 3; i++) {
    let zr = 0.1 * i - 0.1, zi = 0.3, n = 0;
    while (n < 300 && zr * zr + zi * zi < 4) {
      const next = zr * zr - zi * zi - 0.62772;
      zi = 2 * zr * zi - 0.42193;
      zr = next;
      n++;
    }
    sum += n;
  }
  return sum;
}

export interface WarmUp {
  /** Seconds of each call. */
  seconds: number[];
  /** The tiers in order, each with the number (from 0) of the first call that began in it. */
  changes: { tier: string; call: number }[];
  /** What each call came to. */
  sum: number;
}

/**
 * Calls the function in a fresh process and times each call. Throws if deno is not on the PATH.
 *
 * @param calls how many; up to 20 times as many where TurboFan, on another thread, is not through by then
 */
export async function warmUp(calls: number): Promise<WarmUp> {
  return JSON.parse(
    await runAlone(`
    ${juliaPoints}
    const tiers = ["Ignition", "Sparkplug", "Maglev", "Turbofan"];
    const asks = tiers.map((tier) => new Function("f", "return %ActiveTierIs" + tier + "(f)"));
    const tierOf = (f) => tiers[asks.findIndex((ask) => ask(f))];
    // The clock and the questions are warmed up first, on another function, so that their own warm-up is not in the curve.
    for (let i = 0; i < 5000; i++) performance.now(), tierOf(tierOf);
    const seconds = new Float64Array(${20 * calls}), changes = [];
    let sum = 0, call = 0;
    for (; call < ${calls} || call < seconds.length && changes.at(-1).tier !== "Turbofan"; call++) {
      // A function that was never called has no code, hence no tier; its first call is interpreted.
      const tier = tierOf(juliaPoints) ?? tiers[0];
      if (changes.at(-1)?.tier !== tier) changes.push({ tier, call });
      const start = performance.now();
      sum = juliaPoints();
      seconds[call] = (performance.now() - start) / 1000;
    }
    console.log(JSON.stringify({ seconds: [...seconds.subarray(0, call)], changes, sum }));
  `),
  );
}

/** The median of numbers; NaN of none. */
export function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
}

/** Runs JavaScript in a `deno` of its own, without any permission, and gives what it prints. */
async function runAlone(program: string): Promise<string> {
  const child = new Deno.Command("deno", {
    args: ["run", "--no-prompt", "--no-config", "--no-lock", "--v8-flags=--allow-natives-syntax", "--ext=js", "-"],
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
  const calls = 50_000;
  let found: WarmUp;
  try {
    found = await warmUp(calls);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    console.error("error: there is no deno on the PATH to start afresh in; install it: npm install -g deno");
    Deno.exit(2);
  }
  const { seconds, changes, sum } = found;
  const microseconds = (value: number) => `${(value * 1e6).toFixed(1).padStart(6)} µs`;
  console.log(`call        1  ${microseconds(seconds[0])}  compiles to bytecode, then interprets it`);
  changes.forEach(({ tier, call }, i) => {
    const from = Math.max(call, 1), time = median(seconds.slice(from, changes[i + 1]?.call));
    console.log(`from ${`${from + 1}`.padStart(8)}  ${microseconds(time)}  ${tier}`);
  });
  const total = seconds.reduce((sum, time) => sum + time), steady = median(seconds.slice(-1000));
  const full = steady * seconds.length;
  console.log(`${seconds.length} calls: ${(total * 1e3).toFixed(1)} ms, at full speed ${(full * 1e3).toFixed(1)} ms`);
  if (sum !== juliaPoints()) throw new Error(`the points sum to ${juliaPoints()}, not ${sum}`);
  if (changes[0].tier !== "Ignition" || changes.at(-1)!.tier !== "Turbofan") {
    throw new Error(`from Ignition to Turbofan it should go, not ${changes.map(({ tier }) => tier).join(", ")}`);
  }
}
