/**
 * Fan out, fan in: many items to a bounded number of workers, and their results back into one, in order.
 *
 * What to notice: all at once is fastest, and holds as many connections as there are items, which is how servers are
 * brought down. In batches the bound holds, but each batch waits for its slowest while the others have nothing to do.
 * Workers that take the next item when they are done keep the bound and never wait: within a few per cent of the
 * shortest time that the bound allows. The first error stops them from taking more, and the call ends when all have.
 *
 * @original none, chapter 9's question on paradigms; 09_concurrency/workload/workload.py (batches)
 * @run deno run ch09/paradigms/fan_out_fan_in.ts
 * @takes 2 s
 */

/** Does `work` on every item, `limit` of them at once, and gives the results in the order of the items. */
export type FanOut = <T, R>(items: readonly T[], limit: number, work: (item: T) => Promise<R>) => Promise<R[]>;

/** No bound: `limit` is ignored. */
export const allAtOnce: FanOut = (items, _limit, work) => Promise.all(items.map(work));

function requireLimit(limit: number): void {
  if (!Number.isInteger(limit) || limit < 1) throw new RangeError(`${limit} at once: must be a whole number from 1`);
}

/** Throws RangeError where `limit` is no whole number from 1. */
export const inBatches: FanOut = async <T, R>(items: readonly T[], limit: number, work: (item: T) => Promise<R>) => {
  requireLimit(limit);
  const results: R[] = [];
  for (let i = 0; i < items.length; i += limit) {
    results.push(...await Promise.all(items.slice(i, i + limit).map(work)));
  }
  return results;
};

/** Throws RangeError as `inBatches`. Rejects after all running have ended: with the error, or an AggregateError of several. */
export const byWorkers: FanOut = async <T, R>(items: readonly T[], limit: number, work: (item: T) => Promise<R>) => {
  requireLimit(limit);
  const results = new Array<R>(items.length), errors: unknown[] = [];
  let next = 0;
  // Between reading `next` and raising it nothing else can run: one thread needs no lock here.
  const worker = async () => {
    while (next < items.length && errors.length === 0) {
      const i = next++;
      try {
        results[i] = await work(items[i]);
      } catch (error) {
        errors.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  if (errors.length > 1) throw new AggregateError(errors, `${errors.length} items failed`);
  if (errors.length === 1) throw errors[0];
  return results;
};

export const ways = { all_at_once: allAtOnce, in_batches: inBatches, by_workers: byWorkers };

/** A wait of `delays[i]` ms for each item; `peak` is the most that ever waited at once. */
export function experiment(way: keyof typeof ways, delays: readonly number[], limit: number) {
  let running = 0, peak = 0;
  const work = async (ms: number) => {
    peak = Math.max(peak, ++running);
    await new Promise((done) => setTimeout(done, ms));
    running--;
    return ms;
  };
  return { run: () => ways[way](delays, limit, work), peak: () => peak };
}

/** Delays from 10 to 59 ms, mixed, the same each time. */
export function unevenDelays(count: number): number[] {
  return Array.from({ length: count }, (_, i) => 10 + (i * 37) % 50);
}

if (import.meta.main) {
  const limit = 10, delays = unevenDelays(100), total = delays.reduce((sum, ms) => sum + ms);
  console.log(`${delays.length} waits of 10 to 59 ms, at most ${limit} at once: ${total / limit} ms or more`);
  for (const way of Object.keys(ways) as (keyof typeof ways)[]) {
    const { run, peak } = experiment(way, delays, limit);
    const start = performance.now(), results = await run(), ms = performance.now() - start;
    console.log(`  ${way.padEnd(14)}${ms.toFixed(0).padStart(5)} ms, ${`${peak()}`.padStart(3)} at once`);
    if (results.join() !== delays.join()) throw new Error(`${way}: the results are not in the order of the items`);
    if (way !== "all_at_once" && peak() > limit) throw new Error(`${way}: ${peak()} at once`);
  }
}
