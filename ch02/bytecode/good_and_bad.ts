/**
 * One sum written well and badly, and given well-made and badly made objects: what the tools beside this look at.
 *
 * What to notice: both versions are right, and the source hides what sets them apart. `totalBad` takes its orders from an
 * iterator, which needs three times the bytecode. They were put together field by field as each came, so that they have
 * 8 shapes, too many for the place that reads the price; it was compiled for one. And when the sum outgrows a small
 * integer, what was compiled is thrown away once more. `totalGood` goes by index through orders that have all fields in
 * the same order. bytecode.ts shows the instructions of both, and optimisation_log.ts what V8 made of them and when.
 *
 * @original 02_profiling/requirements.txt (specialist)
 * @run deno run ch02/bytecode/good_and_bad.ts
 * @takes 1 s
 */

export interface Order {
  price: number;
}

/** The sum of the prices. */
export function totalGood(orders: Order[]): number {
  let total = 0;
  for (let i = 0; i < orders.length; i++) {
    total += orders[i].price;
  }
  return total;
}

/** The same sum. */
export function totalBad(orders: Order[]): number {
  let total = 0;
  for (const order of orders.values()) {
    const { price } = order;
    total += price;
  }
  return total;
}

export const count = 1000;

/** Orders of one shape: what is not known is there all the same, as 0. */
function wellMade(price: (i: number) => number): Order[] {
  return Array.from({ length: count }, (_, i) => ({ gift: 0, express: 0, rebate: 0, price: price(i) }));
}

/** Orders of 8 shapes: only what is known was put in. */
function badlyMade(price: (i: number) => number): Order[] {
  return Array.from({ length: count }, (_, i) => {
    const order: Partial<Record<string, number>> = {};
    if (i & 1) order.gift = 1;
    if (i & 2) order.express = 1;
    if (i & 4) order.rebate = 1;
    order.price = price(i);
    return order as unknown as Order;
  });
}

/** Prices of which a thousand add up to 499,500, and others whose sum is no small integer any more. */
const low = (i: number) => i, high = (i: number) => i * 1_000_000;

/**
 * The versions, and what each is called with in turn. Nothing is made before its turn: an object with a price that is
 * no small integer would change the shape of all that were made along the same path, also of the well-made ones.
 */
export const versions = {
  good: { total: totalGood, phases: [() => wellMade(low), () => wellMade(low), () => wellMade(low)] },
  bad: { total: totalBad, phases: [() => wellMade(low), () => badlyMade(low), () => badlyMade(high)] },
};

/** What the sums of the phases must be. */
export const sums = { good: [499_500, 499_500, 499_500], bad: [499_500, 499_500, 499_500_000_000] };

/** Calls a version in each phase `calls` times; gives the seconds of a call, over the last half. Throws if a sum is wrong. */
export function run(version: keyof typeof versions, calls = 4000): number[] {
  const { total, phases } = versions[version];
  return phases.map((make, phase) => {
    const orders = make(), half = calls >> 1;
    let start = 0;
    for (let call = 0; call < calls; call++) {
      if (call === half) start = performance.now();
      const sum = total(orders), expected = sums[version][phase];
      if (sum !== expected) throw new Error(`the sum is ${expected}, not ${sum}`);
    }
    return (performance.now() - start) / 1000 / (calls - half);
  });
}

if (import.meta.main) {
  const chosen = Deno.args.length > 0 ? Deno.args : Object.keys(versions);
  for (const version of chosen) {
    if (version !== "good" && version !== "bad") {
      console.error(`error: ${version}: must be good or bad`);
      Deno.exit(2);
    }
    const times = run(version).map((seconds) => `${(seconds * 1e6).toFixed(2)} µs`);
    console.log(`${version.padEnd(4)} a call takes ${times.join(", then ")}`);
  }
}
