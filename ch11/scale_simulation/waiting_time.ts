/**
 * How long a job waits in line, by formula and by trying it out: one server, and several that share one line.
 *
 * What to notice: at half load a job waits about as long as one takes; at 90 % nine times as long, at 99 % ninety-nine. A
 * broker that is busy nine tenths of the time is therefore full. Requests that all take the same time wait half as long
 * as those that vary at random. And many servers that share a line wait far less than each with a line of its own,
 * which is why workers take jobs from one queue and do not get them dealt out.
 *
 * @original none, chapter 11's question on the costs of clustering
 * @run deno run ch11/scale_simulation/waiting_time.ts
 * @takes 1 s
 */

/**
 * The mean wait for one server, in units of the time that a job takes; jobs arrive at random moments (a Poisson process).
 *
 * @param load the share of the time that the server is busy, from 0 to below 1
 * @param variation of the times that jobs take: their variance over their mean squared; 1 for exponential (M/M/1), 0 for
 *   times that are all the same (M/D/1). The formula is that of Pollaczek and Khinchine.
 */
export function waitForOne(load: number, variation: number): number {
  checkLoad(load);
  return load * (1 + variation) / (2 * (1 - load));
}

/**
 * The same for several servers with one line and exponential times (M/M/c), by the formula of Erlang: the chance that all
 * are busy, over how fast a line then shrinks.
 *
 * @param load of each server, from 0 to below 1
 */
export function waitForMany(servers: number, load: number): number {
  checkLoad(load);
  return chanceToWait(servers, load) / (servers * (1 - load));
}

/** Erlang's C: the chance that a job finds all servers busy. Erlang's B, of a system without a line, comes first. */
export function chanceToWait(servers: number, load: number): number {
  const offered = servers * load;
  let blocked = 1;
  for (let n = 1; n <= servers; n++) blocked = offered * blocked / (n + offered * blocked);
  return blocked / (1 - load * (1 - blocked));
}

function checkLoad(load: number): void {
  if (!(load >= 0 && load < 1)) {
    throw new RangeError(`a load must be from 0 to below 1, not ${load}: the line grows forever`);
  }
}

/**
 * The mean wait of so many jobs, tried out: each goes to the server that is free first. There is no clock and no event,
 * only for each server the time at which it is free again.
 *
 * @param random numbers from 0 to below 1
 */
export function tryOut(
  { servers, load, jobs, times, random }: {
    servers: number;
    load: number;
    jobs: number;
    times: "fixed" | "exponential";
    random: () => number;
  },
): number {
  checkLoad(load);
  const exponential = () => -Math.log1p(-random()), free = new Float64Array(servers);
  let arrival = 0, waited = 0;
  for (let job = 0; job < jobs; job++) {
    arrival += exponential() / (servers * load);
    const first = free.indexOf(Math.min(...free)), start = Math.max(arrival, free[first]);
    free[first] = start + (times === "fixed" ? 1 : exponential());
    waited += start - arrival;
  }
  return waited / jobs;
}

/** Random numbers from 0 to below 1: sfc32 by Chris Doty-Humphrey, its first numbers thrown away. */
function randomNumbers(seed: number): () => number {
  let a = seed | 0, b = 0x243f6a88, c = 0x85a308d3, counter = 1;
  const next = () => {
    const sum = a + b + counter++ | 0;
    a = b ^ b >>> 9, b = c + (c << 3) | 0, c = (c << 21 | c >>> 11) + sum | 0;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 20; i++) next();
  return next;
}

if (import.meta.main) {
  console.log("the wait for a job of 1 s, formula / tried out with 200,000 jobs");
  console.log("load      times vary (M/M/1)   all the same (M/D/1)   8 servers, one line (M/M/8)");
  for (const load of [0.5, 0.8, 0.9]) {
    const random = randomNumbers(11), jobs = 200_000;
    const cells = [
      [waitForOne(load, 1), tryOut({ servers: 1, load, jobs, times: "exponential", random })],
      [waitForOne(load, 0), tryOut({ servers: 1, load, jobs, times: "fixed", random })],
      [waitForMany(8, load), tryOut({ servers: 8, load, jobs, times: "exponential", random })],
    ];
    const text = cells.map(([formula, found]) => `${formula.toFixed(3)} / ${found.toFixed(3)} s`);
    console.log(`${100 * load} %`, text[0].padStart(23), text[1].padStart(22), text[2].padStart(29));
    // The waits of neighbours in a line are alike, so that many jobs say as much as few: hence so wide a margin.
    for (const [formula, found] of cells) {
      if (Math.abs(found / formula - 1) > 0.15) throw new Error(`${found} was found where the formula says ${formula}`);
    }
  }
}
