/**
 * Why the friendly estimator is slow: a CPU profile and a heap profile of the process itself, function by function.
 *
 * What to notice: the guess would be the singular values, or checking the input. It is neither: most of the time goes
 * into matrices that are made, filled, transposed and thrown away, each row an array of its own, kilobytes for one number
 * of 8 bytes. V8's inspector can be asked from inside (node:inspector); it looks at the stack every 100 microseconds, and
 * at one allocation for some kilobytes. What V8 has inlined mostly counts for the function around it: the matrices that
 * `mmul` makes for its results count as arithmetic, the short checks as whatever they stand in. With
 * `--v8-flags=--no-turbo-inlining,--no-maglev-inlining` both come into sight; the checks are still few.
 *
 * Deno has no name for the inspector's permission alone, so this runs with --allow-sys.
 *
 * @original 07_pandas/ols_basics/sklearn_line_profiler.py
 * @run deno run --allow-sys ch07/ols_basics/profile_estimator.ts
 * @takes 3 s
 */

import { type HeapProfiler, type Runtime, Session } from "node:inspector/promises";
import LinearRegression from "npm:ml-regression-multivariate-linear@2.0.4";

/** What a function is for: the first expression that its name matches decides. */
const purposes: [string, RegExp][] = [
  ["garbage collection", /^\(garbage collector\)$/],
  ["validation", /^(check|is[A-Z])/],
  ["decomposition", /^(SingularValueDecomposition|inverse|pseudoInverse|hypotenuse|get )/],
  ["arithmetic", /^(mmul|mul|add|addM|subM|neg|negate|mulS|abs|pow|sqrt)$/],
  [
    "making and copying matrices",
    /^(Matrix|AbstractMatrix|#initData|Float64Array|Array|fill|(add|remove|set|get)(Row|Column)|transpose|clone|copy|to2DArray|to1DArray|diag|diagonal|entries|zeros|eye|columnVector|subMatrix|set|get|from|map)$/,
  ],
];
const rest = "the estimator itself and its call";

export interface Cost {
  name: string;
  purpose: string;
  /** Share of the time, from 0 to 1. */
  share: number;
  /** Bytes allocated by a fit. */
  bytes: number;
}

export interface EstimatorProfile {
  functions: Cost[];
  /** Microseconds and bytes of a fit, the time without any profiler. */
  time: number;
  bytes: number;
  /** Looks at the stack. */
  samples: number;
}

/**
 * Fits lines to 14 days, `fits` times, under the CPU profiler and then under the heap profiler.
 *
 * @param statistics whether the estimator works out its statistics too, as it does by itself
 */
export async function profileEstimator(fits: number, { statistics = true } = {}): Promise<EstimatorProfile> {
  const inputs = Array.from({ length: 14 }, (_, day) => [day]), outputs = inputs.map(([day]) => [1 + day % 3 / 10]);
  const work = (count: number) => {
    for (let i = 0; i < count; i++) new LinearRegression(inputs, outputs, { statistics });
  };
  work(fits / 5);
  const start = performance.now();
  work(fits);
  const time = (performance.now() - start) * 1000 / fits;

  const session = new Session();
  session.connect();
  try {
    await session.post("Profiler.enable");
    await session.post("Profiler.setSamplingInterval", { interval: 100 });
    await session.post("Profiler.start");
    work(fits);
    const { profile: { nodes, samples = [], timeDeltas = [] } } = await session.post("Profiler.stop");
    await session.post("HeapProfiler.enable");
    const everything = { includeObjectsCollectedByMajorGC: true, includeObjectsCollectedByMinorGC: true };
    await session.post("HeapProfiler.startSampling", { samplingInterval: 4096, ...everything });
    work(fits / 5);
    const { profile: { head } } = await session.post("HeapProfiler.stopSampling");

    const costs = new Map<string, Cost>();
    const cost = ({ callFrame: { functionName, url } }: { callFrame: Runtime.CallFrame }) => {
      // What the inspector itself does, and what V8 counts as waiting, belongs to no function here.
      const name = url.startsWith("ext:") || /^\((root|program|idle)\)$/.test(functionName) ? "" : functionName;
      const purpose = purposes.find(([, pattern]) => pattern.test(name))?.[0] ?? rest;
      if (!costs.has(name)) costs.set(name, { name: name || "other", purpose, share: 0, bytes: 0 });
      return costs.get(name)!;
    };
    const byId = new Map(nodes.map((node) => [node.id, node]));
    // The first delta goes from the start to the first look; the time up to the next look counts for what this one saw.
    const total = timeDeltas.slice(1).reduce((sum, delta) => sum + delta, 0);
    samples.forEach((id, i) => cost(byId.get(id)!).share += (timeDeltas[i + 1] ?? 0) / total);
    const walk = (node: HeapProfiler.SamplingHeapProfileNode) => {
      if (node.selfSize > 0) cost(node).bytes += node.selfSize / (fits / 5);
      node.children.forEach(walk);
    };
    walk(head);
    const functions = [...costs.values()].sort((a, b) => b.share - a.share);
    return { functions, time, bytes: functions.reduce((sum, { bytes }) => sum + bytes, 0), samples: samples.length };
  } finally {
    session.disconnect();
  }
}

/** The costs of all functions with one purpose together, the dearest first. */
export function byPurpose(functions: readonly Cost[]): Cost[] {
  const sums = [...purposes.map(([purpose]) => purpose), rest].map((purpose) => {
    const own = functions.filter((cost) => cost.purpose === purpose);
    const sum = (key: "share" | "bytes") => own.reduce((sum, cost) => sum + cost[key], 0);
    return { name: purpose, purpose, share: sum("share"), bytes: sum("bytes") };
  });
  return sums.sort((a, b) => b.share - a.share);
}

if (import.meta.main) {
  const profile = await profileEstimator(5000), plain = await profileEstimator(5000, { statistics: false });
  const line = ({ name, share, bytes }: Cost) =>
    console.log(name.padEnd(36), `${(100 * share).toFixed(1)} %`.padStart(7), `${Math.round(bytes)}`.padStart(8));
  console.log(`${"of the time and bytes of one fit, by".padEnd(36)}    time    bytes`);
  byPurpose(profile.functions).forEach(line);
  console.log("\nthe functions that take the most");
  profile.functions.slice(0, 8).forEach(line);
  console.log(
    `\nA fit: ${profile.time.toFixed(0)} µs and ${(profile.bytes / 1024).toFixed(0)} KiB; without statistics ` +
      `${plain.time.toFixed(0)} µs and ${(plain.bytes / 1024).toFixed(0)} KiB. ${profile.samples} looks at the stack.`,
  );
  const shares = profile.functions.reduce((sum, { share }) => sum + share, 0);
  if (Math.abs(shares - 1) > 1e-9) throw new Error(`the shares add up to ${shares}`);
  if (!profile.functions.some(({ name }) => name === "mmul")) throw new Error("the profile did not see the estimator");
}
