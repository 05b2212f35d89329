/**
 * Deoptimisation: V8 compiled a function for what it had seen, and then sees something else.
 *
 * What to notice: optimised code is a bet with a check at each place where it could be lost. The first value that loses
 * it (a fraction, a text, another order of fields, a hole, an index past the end, an overflow, a branch never taken
 * before) throws the code away in the middle of the call: the rest of that call runs in a lower tier, and so do the next
 * calls, until V8 has compiled the function anew. That is paid once. What stays is the wider bet: the new code allows for
 * both, also where only the first kind comes from then on, and some of it is slower for good. That the code was thrown
 * away, and why, V8 says itself (`--trace-deopt`).
 *
 * @original none, chapter 8's question on why types help a compiler
 * @run deno run --allow-run=deno ch08/jit/deoptimisation.ts
 * @takes 1 s
 */

// deno-lint-ignore no-explicit-any
type Kernel = (input: any) => unknown;

export interface Case {
  /** Works through 1000 elements. Where cases name the same one, each gets a copy: V8 keeps what it learns by function. */
  kernel: Kernel;
  /** What it is called with at first, and what then loses the bet. */
  usual: () => unknown;
  unusual: () => unknown;
  /** The reason that V8 15 gives. */
  reason: string;
}

const addUp: Kernel = (x) => {
  let sum = 0;
  for (let i = 0; i < 1000; i++) sum += x;
  return sum;
};

const total: Kernel = (values) => {
  let sum = 0;
  for (let i = 0; i < 1000; i++) sum += values[i] ?? 0;
  return sum;
};

const totalOfX: Kernel = (points) => {
  let sum = 0;
  for (let i = 0; i < 1000; i++) sum += points[i].x;
  return sum;
};

const totalOfRoots: Kernel = (values) => {
  let sum = 0;
  for (let i = 0; i < 1000; i++) {
    if (values[i] < 0) sum -= Math.sqrt(-values[i]);
    else sum += values[i];
  }
  return sum;
};

export const cases: Record<string, Case> = {
  fraction: { kernel: addUp, usual: () => 3, unusual: () => 3.5, reason: "not a Smi" },
  overflow: { kernel: addUp, usual: () => 3, unusual: () => 5_000_000, reason: "overflow" },
  text: { kernel: addUp, usual: () => 3, unusual: () => "3", reason: "not a Smi" },
  shape: {
    kernel: totalOfX,
    usual: () => Array.from({ length: 1000 }, (_, i) => ({ x: i, y: 1 })),
    unusual: () => Array.from({ length: 1000 }, (_, i) => ({ y: 1, x: i })),
    reason: "wrong map",
  },
  hole: {
    kernel: total,
    usual: () => Array.from({ length: 1000 }, (_, i) => i),
    unusual: () => {
      const values = Array.from({ length: 1000 }, (_, i) => i);
      delete values[500];
      return values;
    },
    reason: "wrong map",
  },
  past_the_end: {
    kernel: total,
    usual: () => new Float64Array(1000).fill(0.5),
    unusual: () => new Float64Array(999).fill(0.5),
    reason: "out of bounds",
  },
  new_branch: {
    kernel: totalOfRoots,
    usual: () => Array.from({ length: 1000 }, (_, i) => i),
    unusual: () => Array.from({ length: 1000 }, (_, i) => i === 500 ? -4 : i),
    reason: "Insufficient type feedback",
  },
};

export interface Deoptimisation {
  /** What V8 gave as the reason, or undefined if it reported none. */
  reason?: string;
  /** The tier before the unusual call, after it, and in the end. */
  tiers: [before: string, fallen: string, end: string];
  /** Seconds of a call with the usual input before and after, and of the one call that lost the bet. */
  before: number;
  after: number;
  lost: number;
  /** Seconds of further unusual calls until V8 had the function optimised anew. */
  recovery: number;
  /** What the usual and the unusual input came to in the end. */
  results: [usual: unknown, unusual: unknown];
}

/** Loses the bet of each case in a fresh process. Throws if deno is not on the PATH. */
export async function deoptimise(): Promise<Record<string, Deoptimisation>> {
  const entries = Object.entries(cases),
    text = (key: "kernel" | "usual" | "unusual") =>
      `{ ${entries.map(([name, one]) => `${name}: ${one[key]}`).join(",\n")} }`;
  const program = (until: "lost" | "recovered") => `
    const kernels = ${text("kernel")}, usual = ${text("usual")}, unusual = ${text("unusual")};
    const tiers = ["Ignition", "Sparkplug", "Maglev", "Turbofan"];
    const asks = tiers.map((tier) => new Function("f", "return %ActiveTierIs" + tier + "(f)"));
    const tierOf = (f) => tiers[asks.findIndex((ask) => ask(f))];
    let result;
    function time(kernel, input, calls = 1) {
      const start = performance.now();
      for (let call = 0; call < calls; call++) result = kernel(input);
      return (performance.now() - start) / 1000 / calls;
    }
    // A caller that has seen several functions inlines none, which would then lose its bet as a part of the caller.
    for (const other of [() => 1, () => 2, () => 3]) time(other, 0, 10000);
    const best = (kernel, input) => Math.min(...Array.from({ length: 40 }, () => time(kernel, input, 25)));
    const optimise = (kernel, input) => {
      for (let call = 0; call < 20000 && tierOf(kernel) !== "Turbofan"; call++) time(kernel, input);
    };
    // The last tier may be reached, left and reached again.
    const settle = (kernel, input) => {
      let rounds = 50;
      do optimise(kernel, input), best(kernel, input); while (tierOf(kernel) !== "Turbofan" && --rounds);
    };
    function examine(kernel, input, other) {
      settle(kernel, input);
      const before = best(kernel, input), tierBefore = tierOf(kernel);
      const lost = time(kernel, other), fallen = tierOf(kernel);
      if (${until === "lost"}) return;
      const start = performance.now();
      optimise(kernel, other);
      const recovery = (performance.now() - start) / 1000;
      settle(kernel, other);
      const results = [kernel(input), kernel(other)];
      settle(kernel, input);
      const after = best(kernel, input);
      return { tiers: [tierBefore, fallen, tierOf(kernel)], before, after, lost, recovery, results };
    }
    const found = Object.keys(kernels).map((name) => [name, examine(kernels[name], usual[name](), unusual[name]())]);
    if (${until === "recovered"}) console.log(JSON.stringify(Object.fromEntries(found)));
  `;
  // Once for the times and once for the reasons: V8 prints them, and printing takes time.
  const found: Record<string, Deoptimisation> = JSON.parse(await runAlone("", program("recovered")));
  const trace = await runAlone("--trace-deopt", program("lost"));
  for (const name of Object.keys(found)) found[name].reason = findReason(trace, name);
  return found;
}

/** The reason for which TurboFan's code of a function was last thrown away, in what `--trace-deopt` printed. */
export function findReason(trace: string, name: string): string | undefined {
  const line =
    /\[bailout \(kind: [^,]+, reason: (.+?)\): begin\. deoptimizing \S+ <JSFunction (\S+) .*?<Code TURBOFAN/g;
  return [...trace.matchAll(line)].findLast(([, , deoptimised]) => deoptimised === name)?.[1];
}

/** Runs JavaScript in a `deno` of its own, without any permission, and gives what it and V8 print. */
async function runAlone(flags: string, program: string): Promise<string> {
  const v8Flags = ["--allow-natives-syntax", flags].filter(Boolean).join(",");
  const child = new Deno.Command("deno", {
    args: ["run", "--no-prompt", "--no-config", "--no-lock", `--v8-flags=${v8Flags}`, "--ext=js", "-"],
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
  let found: Record<string, Deoptimisation>;
  try {
    found = await deoptimise();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    console.error("error: there is no deno on the PATH to start afresh in; install it: npm install -g deno");
    Deno.exit(2);
  }
  const widths = [13, 28, 12, 11, 13, 13, 11];
  const row = (cells: string[]) => cells.map((cell, i) => cell[i < 2 ? "padEnd" : "padStart"](widths[i])).join(" ");
  const microseconds = (seconds: number) => `${(seconds * 1e6).toFixed(1)} µs`;
  console.log(
    row(["first seen:", "V8's reason", "call before", "lost call", "fallen to", "optimised in", "call after"]),
  );
  for (const [name, { reason, tiers, before, after, lost, recovery, results }] of Object.entries(found)) {
    const cells = [microseconds(before), microseconds(lost), tiers[1], microseconds(recovery), microseconds(after)];
    console.log(row([name.replaceAll("_", " "), (reason ?? "none").slice(0, 27), ...cells]));
    if (!reason || tiers[0] !== "Turbofan" || tiers[1] === "Turbofan") throw new Error(`${name} lost no bet: ${tiers}`);
    const { kernel, usual, unusual } = cases[name];
    if (results[0] !== kernel(usual()) || results[1] !== kernel(unusual())) throw new Error(`${name}: wrong sums`);
  }
}
