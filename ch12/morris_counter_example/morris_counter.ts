/**
 * Morris counters: one byte counts to 10^76, about, by keeping the exponent and counting up with falling probability.
 *
 * What to notice: at exponent x an event counts with probability base^-x, so that (base^x - 1) / (base - 1) is right on average
 * for any number of events. (The exponent's power alone, as in the original, is one too many.) The standard error is
 * sqrt((base - 1) / 2) of the count, however large: 71 % with base 2, and 16 % with base 1.05, which reaches 5 million. One
 * cheap random number decides each event; `add` draws how many events pass until the next one that counts, so that 10^70
 * events take a few hundred steps; and two counters can be merged without a loss, as if one had seen all events.
 *
 * Sources: Morris, Counting large numbers of events in small registers, CACM 21 (1978); Flajolet, Approximate counting: a
 * detailed analysis, BIT 25 (1985); Nelson and Yu, Optimal bounds for approximate counting, PODS 2022 (merging).
 *
 * @original 12_less_ram/morris_counter_example/morris_counter.py, 12_less_ram/probabilistic_datastructures/morriscounter.py
 * @run deno run ch12/morris_counter_example/morris_counter.ts
 * @takes 1 s
 */

import { crc32 } from "node:zlib";

const version = 1, highest = 255;

export class MorrisCounters {
  readonly base: number;
  #exponents: Uint8Array;
  /** For each exponent base^-x as a whole number of 2^-32ths, and what of it is left, in 2^-64ths. */
  #threshold = new Float64Array(highest + 1);
  #rest = new Float64Array(highest + 1);
  /** Of the random numbers. */
  #state: Int32Array;

  /**
   * @param count how many counters, of a byte each
   * @param base above 1, up to 2: the lower, the more exact, and the sooner full
   * @param seed of the random numbers, a whole number
   * @throws RangeError for anything else
   */
  constructor(count = 1, base = 2, seed = 1) {
    if (!(Number.isSafeInteger(count) && count >= 1)) throw new RangeError(`${count} counters: must be 1 or more`);
    if (!(base > 1 && base <= 2)) throw new RangeError(`base ${base}: must be above 1, and 2 at most`);
    if (!Number.isSafeInteger(seed)) throw new RangeError(`seed ${seed}: must be a whole number`);
    this.base = base;
    this.#exponents = new Uint8Array(count);
    this.#state = Int32Array.of(seed, Math.floor(seed / 2 ** 32), 0, 1);
    // The first numbers still show that the state was nearly empty.
    for (let i = 0; i < 12; i++) this.#next();
    for (let x = 0; x < highest; x++) {
      const scaled = base ** -x * 2 ** 32;
      this.#threshold[x] = Math.floor(scaled);
      this.#rest[x] = (scaled - this.#threshold[x]) * 2 ** 32;
    }
    // At the highest exponent both are 0: a full counter stays where it is.
  }

  /** One event. */
  increment(counter = 0): void {
    const x = this.#exponents[this.#index(counter)], drawn = this.#next() >>> 0, threshold = this.#threshold[x];
    if (drawn > threshold) return;
    // 32 bits leave it open once in 2^32 events; 32 more decide.
    if (drawn === threshold && (this.#next() >>> 0) >= this.#rest[x]) return;
    this.#exponents[counter]++;
  }

  /**
   * Any number of events, in a time that grows with its logarithm; distributed as so many increments are.
   *
   * @throws RangeError unless `events` is a whole number, 0 or more
   */
  add(events: number, counter = 0): void {
    if (!(Number.isInteger(events) && events >= 0)) {
      throw new RangeError(`${events} events: must be a whole number, 0 or more`);
    }
    let x = this.#exponents[this.#index(counter)];
    for (let left = events; left > 0 && x < highest; x++) {
      // How many events pass until one counts is geometrically distributed. It has no memory, so the last draw may be dropped.
      left -= x === 0 ? 1 : Math.floor(Math.log(this.#uniform()) / Math.log1p(-(this.base ** -x))) + 1;
      if (left < 0) break;
    }
    this.#exponents[counter] = x;
  }

  /** The number of events, right on average. A counter at `limit` may have missed some. */
  estimate(counter = 0): number {
    return (this.base ** this.#exponents[this.#index(counter)] - 1) / (this.base - 1);
  }

  /** The byte itself. */
  exponent(counter = 0): number {
    return this.#exponents[this.#index(counter)];
  }

  /** The largest estimate there is. */
  get limit(): number {
    return (this.base ** highest - 1) / (this.base - 1);
  }

  /** The standard error after `events` events, as a share of them: sqrt((base - 1) (1 - 1 / events) / 2). */
  relativeError(events = Infinity): number {
    return Math.sqrt((this.base - 1) / 2 * (1 - 1 / events));
  }

  get length(): number {
    return this.#exponents.length;
  }

  get bytes(): number {
    return this.#exponents.length;
  }

  /**
   * Adds the events of other counters to these, each to the one of its number; distributed as if these had seen all. An event
   * that was let through with probability base^-j there is let through again with base^(j - x), which makes base^-x.
   */
  merge(other: MorrisCounters): void {
    if (other.base !== this.base || other.length !== this.length) {
      throw new RangeError(
        `merging needs as many counters of the same base, not ${this.length} of ${this.base} and ${other.length} of ` +
          `${other.base}`,
      );
    }
    for (let i = 0; i < this.length; i++) {
      const mine = this.#exponents[i], others = other.#exponents[i], fewer = Math.min(mine, others);
      let x = Math.max(mine, others);
      for (let j = 0; j < fewer && x < highest; j++) if (this.#uniform() <= this.base ** (j - x)) x++;
      this.#exponents[i] = x;
    }
  }

  /** All exponents, with the base; not the state of the random numbers. */
  save(): Uint8Array {
    return pack("Morr", [this.base], this.#exponents);
  }

  /** Throws if `saved` is cut off, damaged or something else. `seed` as in the constructor. */
  static load(saved: Uint8Array, seed = 1): MorrisCounters {
    const { parameters: [base], content } = unpack("Morr", 1, saved);
    const loaded = new MorrisCounters(content.length, base, seed);
    loaded.#exponents.set(content);
    return loaded;
  }

  #index(counter: number): number {
    if (!(counter >= 0 && counter < this.#exponents.length && Number.isInteger(counter))) {
      throw new RangeError(`counter ${counter}: there are 0 to ${this.#exponents.length - 1}`);
    }
    return counter;
  }

  /** 32 random bits: sfc32 (Doty-Humphrey, PractRand), whose state is large enough that two draws do not depend on each other. */
  #next(): number {
    const state = this.#state, sum = state[0] + state[1] + state[3] | 0, c = state[2];
    state[3]++;
    state[0] = state[1] ^ state[1] >>> 9;
    state[1] = c + (c << 3);
    state[2] = (c << 21 | c >>> 11) + sum;
    return sum;
  }

  /** Above 0, and 1 at most, in steps of 2^-53. */
  #uniform(): number {
    return ((this.#next() >>> 0) * 2 ** 21 + (this.#next() >>> 11) + 1) / 2 ** 53;
  }
}

/** A saved form: kind (4 letters), version, CRC-32 of what follows, length; then the parameters as doubles, the content. */
function pack(kind: string, parameters: number[], content: Uint8Array): Uint8Array {
  const start = 16 + 8 * parameters.length, saved = new Uint8Array(start + content.length);
  const view = new DataView(saved.buffer);
  new TextEncoder().encodeInto(kind, saved);
  view.setUint32(4, version);
  view.setUint32(12, saved.length);
  parameters.forEach((value, i) => view.setFloat64(16 + 8 * i, value));
  saved.set(content, start);
  view.setUint32(8, crc32(saved.subarray(12)));
  return saved;
}

/** What was packed, of which `count` are parameters. Throws if it is of another kind or version, cut off or damaged. */
function unpack(kind: string, count: number, saved: Uint8Array): { parameters: number[]; content: Uint8Array } {
  const view = new DataView(saved.buffer, saved.byteOffset, saved.length), start = 16 + 8 * count;
  const refuse = (what: string): never => {
    throw new Error(`the saved form ${what}`);
  };
  if (saved.length < start) refuse("is cut off");
  if (String.fromCharCode(...saved.subarray(0, 4)) !== kind) refuse(`does not begin with ${kind}`);
  if (view.getUint32(4) !== version) refuse(`has version ${view.getUint32(4)}, where ${version} is known`);
  if (view.getUint32(12) !== saved.length) refuse(`has ${saved.length} bytes, where it says ${view.getUint32(12)}`);
  if (view.getUint32(8) !== crc32(saved.subarray(12))) refuse("is damaged: its checksum is wrong");
  const parameters = Array.from({ length: count }, (_, i) => view.getFloat64(16 + 8 * i));
  return { parameters, content: saved.slice(start) };
}

if (import.meta.main) {
  const events = 1_000_000, runs = 3, percent = (share: number) => `${(100 * share).toFixed(0)} %`;
  for (const base of [2, 1.05]) {
    const counters = new MorrisCounters(runs, base);
    for (let event = 0; event < events; event++) for (let run = 0; run < runs; run++) counters.increment(run);
    const estimates = Array.from({ length: runs }, (_, run) => Math.round(counters.estimate(run)));
    console.log(`base ${base}: ${events} events, counted three times in a byte: ${estimates.join(", ")}`);
    console.log(`  standard error ${percent(counters.relativeError())}, limit ${counters.limit.toExponential(1)}`);
  }
  // The mean of many is right: its error is the standard error over the square root of their number.
  const many = new MorrisCounters(20_000, 2);
  let sum = 0;
  for (let i = 0; i < many.length; i++) {
    many.add(1e70, i);
    sum += many.estimate(i);
  }
  const mean = sum / many.length;
  console.log(`1e70 events in each of ${many.length} bytes: ${mean.toExponential(3)} on average`);
  if (Math.abs(mean / 1e70 - 1) > 5 * many.relativeError() / Math.sqrt(many.length)) {
    throw new Error(`a mean of ${mean}`);
  }
}
