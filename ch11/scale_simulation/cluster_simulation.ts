/**
 * A job queue with up to 10,000 workers, simulated: how far more workers help, and what stragglers cost.
 *
 * What to notice: a broker that takes s seconds for each request serves 1/s requests a second, however many workers ask.
 * Up to there throughput is workers / (job + round trip); beyond, the workers wait in line for the broker. Asking for
 * several jobs at once moves that ceiling. At the end of a run one slow machine keeps all others waiting: handing its jobs
 * out a second time costs a little work and saves most of the wait, but where the job itself is long it saves nothing.
 *
 * Nothing here runs for as long as it simulates: the clock jumps from event to event, the next of which lies on top of a
 * binary heap. All jobs wait at the broker at first, or come one by one at a rate.
 *
 * @original none, chapter 11's question on the costs of clustering, beyond the machines at hand
 * @run deno run ch11/scale_simulation/cluster_simulation.ts
 * @takes 2 s
 */

/** Events by time, earliest first; of those at the same time the one that was put in first. */
export class EventHeap {
  #times: Float64Array;
  #order: Float64Array;
  #what: Int32Array;
  #put = 0;
  size = 0;
  /** The time of the event that `pop` took last. */
  now = 0;

  constructor(capacity = 1024) {
    this.#times = new Float64Array(capacity);
    this.#order = new Float64Array(capacity);
    this.#what = new Int32Array(capacity);
  }

  push(time: number, what: number): void {
    if (this.size === this.#times.length) this.#grow();
    const times = this.#times, order = this.#order, events = this.#what, put = this.#put++;
    // The hole at the end rises past all that come later than the new event, which then fills it.
    let hole = this.size++;
    while (hole > 0) {
      const parent = hole - 1 >> 1;
      if (times[parent] <= time) break;
      times[hole] = times[parent], order[hole] = order[parent], events[hole] = events[parent];
      hole = parent;
    }
    times[hole] = time, order[hole] = put, events[hole] = what;
  }

  /** Takes the earliest event and moves the clock there. @throws RangeError if there is none */
  pop(): number {
    if (this.size === 0) throw new RangeError("no event is left");
    const times = this.#times, order = this.#order, events = this.#what;
    const what = events[0], last = --this.size;
    this.now = times[0];
    // The hole at the top sinks to the earlier child until the last event fits into it.
    const time = times[last], put = order[last];
    let hole = 0;
    for (let child = 1; child < last; child = 2 * hole + 1) {
      const right = child + 1;
      if (right < last && isBefore(times[right], order[right], times[child], order[child])) child = right;
      if (isBefore(time, put, times[child], order[child])) break;
      times[hole] = times[child], order[hole] = order[child], events[hole] = events[child];
      hole = child;
    }
    times[hole] = time, order[hole] = put, events[hole] = events[last];
    return what;
  }

  #grow(): void {
    const larger = <T extends Float64Array | Int32Array>(old: T, array: T): T => (array.set(old), array);
    this.#times = larger(this.#times, new Float64Array(2 * this.size));
    this.#order = larger(this.#order, new Float64Array(2 * this.size));
    this.#what = larger(this.#what, new Int32Array(2 * this.size));
  }
}

function isBefore(time: number, put: number, otherTime: number, otherPut: number): boolean {
  return time < otherTime || time === otherTime && put < otherPut;
}

/** Random numbers from 0 to below 1: sfc32 by Chris Doty-Humphrey, its first numbers thrown away. */
export function randomNumbers(seed: number): () => number {
  let a = seed | 0, b = 0x243f6a88, c = 0x85a308d3, counter = 1;
  const next = () => {
    const sum = a + b + counter++ | 0;
    a = b ^ b >>> 9, b = c + (c << 3) | 0, c = (c << 21 | c >>> 11) + sum | 0;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 20; i++) next();
  return next;
}

/** How long a job takes on a machine of the usual speed, in seconds. */
export type Lengths = (random: () => number) => number;

export const fixed = (mean: number): Lengths => () => mean;
export const exponential = (mean: number): Lengths => (random) => -mean * Math.log1p(-random());
/** Heavy-tailed: most jobs are short, and a few so long that they make up much of the work. `shape` is above 1. */
export const pareto = (mean: number, shape = 1.5): Lengths => (random) =>
  mean * (shape - 1) / shape * (1 - random()) ** (-1 / shape);
/** One of the lengths that were measured. */
export const measured = (lengths: readonly number[]): Lengths => (random) =>
  lengths[Math.floor(random() * lengths.length)];

export interface Cluster {
  workers: number;
  jobs: number;
  length: Lengths;
  /** Seconds that the broker is busy with a request, and with each job that it hands out and takes back. */
  broker?: { perRequest: number; perJob: number };
  /** Seconds to the broker and back. */
  roundTrip?: number;
  /** The most jobs that a worker takes with one request. */
  batch?: number;
  /** A share of the machines takes so many times as long for everything. */
  slow?: { share: number; factor: number };
  /** Jobs a second, one by one at random moments; without it all are there at the beginning. */
  arrivals?: number;
  /** Once this share of the jobs is all that is left, those are handed out a second time, the oldest first. */
  speculate?: number;
  seed?: number;
}

export interface Outcome {
  /** Seconds until the last result was in. */
  makespan: number;
  /** Jobs a second. */
  throughput: number;
  /** The share of the time that the broker was busy, and seconds that a request waited for it, in the mean. */
  brokerBusy: number;
  requestWait: number;
  /** Seconds from a job's arrival until it was handed out, in the mean. */
  jobWait: number;
  /** Jobs that were handed out twice, and the share of all working time that went into results that came second. */
  repeated: number;
  wasted: number;
  requests: number;
}

/**
 * Runs jobs through a cluster. A worker's request gives back its last jobs and asks for new ones; the broker answers
 * requests in the order they come. One that finds nothing waits there until there is something.
 *
 * @throws RangeError for counts below 1, shares outside 0 to 1 and times below 0
 */
export function simulate(cluster: Cluster): Outcome {
  const { workers, jobs, length, broker = { perRequest: 0, perJob: 0 }, roundTrip = 0, batch = 1 } = cluster;
  const { slow = { share: 0, factor: 1 }, arrivals, speculate = 0, seed = 11 } = cluster;
  refuseNonsense(cluster);

  // Lengths, speeds and arrivals are drawn beforehand, so that the same jobs meet the same machines under any policy.
  const draw = randomNumbers(seed), lengths = new Float64Array(jobs), came = new Float64Array(jobs);
  for (let job = 0; job < jobs; job++) lengths[job] = length(draw);
  const slowOnes = Math.round(slow.share * workers);
  const factorOf = (worker: number) => worker < slowOnes ? slow.factor : 1;

  const events = new EventHeap(workers + 1), arrival = -1;
  if (arrivals) events.push(exponential(1 / arrivals)(draw), arrival);
  for (let worker = 0; worker < workers; worker++) events.push(roundTrip / 2, worker);

  // What each worker holds, where it waits for something to do, and what of the jobs is done.
  const held: number[][] = Array.from({ length: workers }, () => []), parked: number[] = [];
  const done = new Uint8Array(jobs), copied = new Uint8Array(jobs);
  let arrived = arrivals ? 0 : jobs, handedOut = 0, oldest = 0, finished = 0, parkedFrom = 0;
  let free = 0, busy = 0, requests = 0, waited = 0, jobWaited = 0, worked = 0, wasted = 0, repeated = 0, makespan = 0;

  /** New jobs, or else one that is still running elsewhere, for a request that the broker takes up at this time. */
  const choose = (time: number): number[] => {
    const chosen: number[] = [];
    while (chosen.length < batch && handedOut < arrived) {
      jobWaited += time - came[handedOut];
      chosen.push(handedOut++);
    }
    if (chosen.length > 0 || handedOut < jobs || jobs - finished > speculate * jobs) return chosen;
    while (oldest < jobs && (done[oldest] || copied[oldest])) oldest++;
    if (oldest < jobs) {
      copied[oldest] = 1;
      repeated++;
      chosen.push(oldest);
    }
    return chosen;
  };

  /** The broker answers a worker; the worker's next request arrives when all that it got is done. */
  const answer = (worker: number, time: number, chosen: number[]): void => {
    free = time + broker.perRequest + broker.perJob * chosen.length;
    busy += free - time;
    held[worker] = chosen;
    let work = 0;
    for (const job of chosen) work += lengths[job] * factorOf(worker);
    worked += work;
    events.push(free + roundTrip + work, worker);
  };

  while (finished < jobs) {
    const who = events.pop();
    if (who === arrival) {
      came[arrived++] = events.now;
      if (arrived < jobs) events.push(events.now + exponential(1 / arrivals!)(draw), arrival);
    } else {
      requests++;
      const start = Math.max(events.now, free);
      waited += start - events.now;
      for (const job of held[who]) {
        if (done[job]) wasted += lengths[job] * factorOf(who);
        else finished++;
        done[job] = 1;
      }
      held[who] = [];
      makespan = start + broker.perRequest;
      const chosen = choose(start);
      if (chosen.length > 0) answer(who, start, chosen);
      else {
        // What it brought back had to be taken in all the same.
        free = makespan;
        busy += broker.perRequest;
        parked.push(who);
      }
    }
    // Something may have come for those who wait.
    while (parkedFrom < parked.length) {
      const start = Math.max(events.now, free), chosen = choose(start);
      if (chosen.length === 0) break;
      answer(parked[parkedFrom++], start, chosen);
    }
  }
  // Copies that are still running when the last result is in ran in vain up to then, and further.
  for (let worker = 0; worker < workers; worker++) {
    for (const job of held[worker]) wasted += lengths[job] * factorOf(worker);
  }
  return {
    makespan,
    throughput: jobs / makespan,
    brokerBusy: busy / makespan,
    requestWait: waited / requests,
    jobWait: jobWaited / jobs,
    repeated,
    wasted: wasted / worked,
    requests,
  };
}

function refuseNonsense(cluster: Cluster): void {
  const { workers, jobs, batch = 1, roundTrip = 0, broker, slow, speculate = 0, arrivals = 1 } = cluster;
  for (const [name, value] of Object.entries({ workers, jobs, batch })) {
    if (!(Number.isInteger(value) && value >= 1)) {
      throw new RangeError(`${name} must be a whole number from 1, not ${value}`);
    }
  }
  const times = { roundTrip, "broker.perRequest": broker?.perRequest ?? 0, "broker.perJob": broker?.perJob ?? 0 };
  for (const [name, value] of Object.entries(times)) {
    if (!(value >= 0 && value < Infinity)) throw new RangeError(`${name} must be seconds from 0, not ${value}`);
  }
  for (const [name, value] of Object.entries({ "slow.share": slow?.share ?? 0, speculate })) {
    if (!(value >= 0 && value <= 1)) throw new RangeError(`${name} must be from 0 to 1, not ${value}`);
  }
  if (!((slow?.factor ?? 1) >= 1)) throw new RangeError(`slow.factor must be 1 or more, not ${slow!.factor}`);
  if (!(arrivals > 0)) throw new RangeError(`arrivals must be above 0, not ${arrivals}`);
}

if (import.meta.main) {
  // Orders of magnitude of a broker on one machine, and jobs of a tenth of a second. compare.ts measures its own.
  const broker = { perRequest: 80e-6, perJob: 8e-6 }, roundTrip = 0.5e-3, length = exponential(0.1);
  const ceiling = (batch: number) => batch / (broker.perRequest + broker.perJob * batch);
  console.log("jobs a second, of 0.1 s each       one at a time   ten at a time");
  for (const workers of [1, 10, 100, 1000, 10_000]) {
    const jobs = Math.max(1000, 40 * workers);
    const [single, ten] = [1, 10].map((batch) =>
      simulate({ workers, jobs, length, broker, roundTrip, batch }).throughput
    );
    console.log(`${workers} workers`.padEnd(28), single.toFixed(0).padStart(18), ten.toFixed(0).padStart(15));
    if (single > ceiling(1) || ten > ceiling(10)) throw new Error("more than the broker can serve");
  }
  console.log(
    "the broker's ceiling".padEnd(28),
    ...[1, 10].map((n) => ceiling(n).toFixed(0).padStart(n === 1 ? 18 : 15)),
  );

  const run = { workers: 200, jobs: 10_000, broker, roundTrip };
  const line = (name: string, { makespan, wasted }: Outcome) =>
    console.log(name.padEnd(52), `${makespan.toFixed(2)} s`.padStart(9), `${(100 * wasted).toFixed(1)} %`.padStart(9));
  console.log(`\n${"10,000 jobs, 200 workers".padEnd(52)}  makespan    wasted`);
  const stragglers: [string, Partial<Cluster> & { length: Lengths }][] = [
    ["2 % of the machines ten times slower", { length, slow: { share: 0.02, factor: 10 } }],
    ["equal machines, heavy-tailed jobs", { length: pareto(0.1) }],
  ];
  for (const [name, more] of stragglers) {
    line(name, simulate({ ...run, ...more }));
    line("  the last 5 % handed out twice", simulate({ ...run, ...more, speculate: 0.05 }));
  }
}
