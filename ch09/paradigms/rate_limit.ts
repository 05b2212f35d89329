/**
 * A token bucket: at most so many requests a second, with a short burst allowed, without a timer that always runs.
 *
 * What to notice: the bucket is two numbers and some arithmetic when somebody asks. Tokens are not dropped in one by one:
 * how many there are follows from the time since they were last counted. Those who wait stand in line, a chain of
 * promises, and only the first of them has a timer. It pays when it is awake, not when it should have been: else
 * timers that are late would let through more than the rate. The clock is handed in: a test runs an hour in no time.
 *
 * @original none, chapter 9's question on paradigms
 * @run deno run ch09/paradigms/rate_limit.ts
 * @takes 1 s
 */

import { parseArgs } from "jsr:@std/cli@1/parse-args";

/** What the bucket knows of time. */
export interface Clock {
  /** Milliseconds since any fixed moment. */
  now(): number;
  sleep(ms: number): Promise<void>;
}

export const realClock: Clock = {
  now: () => performance.now(),
  sleep: (ms) => new Promise((awake) => setTimeout(awake, ms)),
};

export class TokenBucket {
  #tokens: number;
  #counted: number;
  #waiting = 0;
  #lastInLine: Promise<unknown> = Promise.resolve();

  /**
   * @param rate tokens a second, above 0
   * @param burst the most that the bucket holds, and what it starts with: a whole number from 1
   * @throws RangeError if they are not
   */
  constructor(readonly rate: number, readonly burst: number, readonly clock: Clock = realClock) {
    if (!(rate > 0 && rate < Infinity)) throw new RangeError(`rate ${rate}: must be a number above 0`);
    if (!Number.isInteger(burst) || burst < 1) throw new RangeError(`burst ${burst}: must be a whole number from 1`);
    this.#tokens = burst;
    this.#counted = clock.now();
  }

  /** Takes a token, or takes none and gives false where that would mean to wait. */
  tryTake(): boolean {
    return this.#waiting === 0 && this.#pay();
  }

  /** Takes a token as soon as those who came before have theirs. Gives the moment, by the bucket's clock. */
  take(): Promise<number> {
    this.#waiting++;
    const turn = this.#lastInLine.then(async () => {
      while (!this.#pay()) await this.clock.sleep(1000 * (1 - this.#tokens) / this.rate);
      this.#waiting--;
      return this.#counted;
    });
    this.#lastInLine = turn;
    return turn;
  }

  #pay(): boolean {
    const now = this.clock.now();
    this.#tokens = Math.min(this.burst, this.#tokens + (now - this.#counted) * this.rate / 1000);
    this.#counted = now;
    // What is missing by rounding is no reason to wait.
    if (this.#tokens < 1 - 1e-9) return false;
    this.#tokens--;
    return true;
  }
}

/**
 * By how much the moments (ms, ascending) exceed what a bucket allows: the most, over all spans, of the number of moments in
 * it less burst + rate x its length. Not above 0 where the bucket did its work.
 */
export function excess(moments: readonly number[], rate: number, burst: number): number {
  let most = -Infinity, low = Infinity;
  // Moment number i at t: i + 1 - rate t, less the lowest i - rate t so far, is the count less the rate times the span.
  for (const [i, t] of moments.entries()) {
    low = Math.min(low, i - rate * t / 1000);
    most = Math.max(most, i + 1 - rate * t / 1000 - low);
  }
  return most - burst;
}

function fail(message: string): never {
  console.error(`error: ${message}`);
  Deno.exit(2);
}

if (import.meta.main) {
  const flags = parseArgs(Deno.args, {
    string: ["rate", "burst"],
    boolean: ["help"],
    default: { rate: "100", burst: "20" },
    unknown: (argument) => fail(`${argument} is not a flag of this script (see --help)`),
  });
  if (flags.help) {
    console.log("rate_limit.ts [--rate N]  tokens a second, 100 by default  [--burst N]  20 by default");
    Deno.exit();
  }
  let bucket: TokenBucket;
  try {
    const number = (text: string) => text.trim() === "" ? NaN : Number(text);
    bucket = new TokenBucket(number(flags.rate), number(flags.burst));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    fail(`--${error.message}`);
  }
  const { rate, burst } = bucket, moments: number[] = [];
  // As many as the bucket holds, and for one second more, but a second and one token at the slowest rates.
  const requests = burst + Math.max(1, Math.min(Math.floor(rate), 10_000));
  const start = performance.now();
  await Promise.all(Array.from({ length: requests }, async () => moments.push(await bucket.take() - start)));
  console.log(`${requests} requests at ${rate} a second, ${burst} of them as a burst:`);
  console.log(
    `number ${burst} after ${moments[burst - 1].toFixed(0)} ms, the last after ${moments.at(-1)!.toFixed(0)} ms`,
  );
  const over = excess(moments, rate, burst);
  if (over > 1e-6) throw new Error(`${over} requests more than the bucket allows`);
}
