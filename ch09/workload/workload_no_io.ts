/**
 * Hashing with bcrypt and nothing else: what the workload takes where no result is saved.
 *
 * What to notice: a cost of one more doubles the time of a hash, from 4 to 31. This is work for the processor alone, so
 * `async` could do nothing for it. The workloads that save their results are measured by how much more they take than
 * this one.
 *
 * @original 09_concurrency/workload/workload.py
 * @run deno run ch09/workload/workload_no_io.ts
 * @takes 1 s
 */

import bcrypt from "npm:bcryptjs@3.0.3";

/**
 * The bcrypt hash of a result, computed on this thread. Real salts are random; with this one the hashes can be checked.
 *
 * @param cost 2^cost rounds, 4 to 31
 * @throws RangeError for another cost
 */
export function hashItem(item: number, cost: number): string {
  if (!(Number.isInteger(cost) && cost >= 4 && cost <= 31)) throw new RangeError(`cost ${cost}: must be from 4 to 31`);
  return bcrypt.hashSync(`result ${item}`, `$2b$${`${cost}`.padStart(2, "0")}$CCCCCCCCCCCCCCCCCCCCC.`);
}

/** The book's experiment without its saves: hashes `count` items. */
export function run(count: number, cost: number, _save?: unknown, hash = hashItem): string[] {
  const hashes: string[] = [];
  for (let item = 0; item < count; item++) hashes.push(hash(item, cost));
  return hashes;
}

if (import.meta.main) {
  const { parseArgs } = await import("jsr:@std/cli@1/parse-args");
  const refuse = (message: string) => (console.error(`error: ${message}`), Deno.exit(2));
  const flags = parseArgs(Deno.args, {
    string: ["count", "cost"],
    boolean: "help",
    default: { count: "32" },
    unknown: (argument) => refuse(`${argument}: there is only --count, --cost and --help`),
  });
  if (flags.help) {
    console.log("Hashes with bcrypt.\n  --count N  1 to 1000000\n  --cost N   4 to 31; costs of 4 to 8 if not given");
    Deno.exit(0);
  }
  const number = (name: "count" | "cost", least: number, most: number) => {
    const value = Number(flags[name] || NaN);
    if (Number.isInteger(value) && value >= least && value <= most) return value;
    return refuse(`--${name} ${flags[name]}: must be a whole number from ${least} to ${most}`);
  };
  const count = number("count", 1, 1000000);
  const costs = flags.cost === undefined ? [4, 5, 6, 7, 8] : [number("cost", 4, 31)];

  // In the first hashes V8 still compiles. This one, at cost 5, is known.
  const known = run(20, 5)[1];
  if (known !== "$2b$05$CCCCCCCCCCCCCCCCCCCCC.Q5EHQOc7x2UlIhwfxIFYDpncccRSvq6") throw new Error(`wrong: ${known}`);
  for (const cost of costs) {
    const start = performance.now();
    run(count, cost);
    console.log(`cost ${cost}: ${((performance.now() - start) / count).toFixed(1)} ms a hash`);
  }
}
