/**
 * Timing by print: the clocks of Deno around one and the same call, what each resolves, and what it costs to ask it.
 *
 * What to notice: the clocks agree, so that the most convenient will do, but each takes its time: a measurement around
 * nothing is the error that every measurement carries. `console.time` and `performance.mark` cost the most and need no
 * variable; `Date.now` counts whole milliseconds, and jumps when the computer's clock is set. Of several runs the best
 * is what the code takes; whatever else the machine did can only have made the others longer. The median is what to
 * expect.
 *
 * decorator_time/ puts the clock around a function once and for all.
 *
 * @original 02_profiling/cpu_profiling/julia1.py (the print in it; the book's `python -m timeit`)
 * @run deno run ch02/cpu_profiling/timing.ts
 * @takes 2 s
 */

import * as nodeConsole from "node:console";
import process from "node:process";
import { Writable } from "node:stream";

// Which types of Node there are depends on the packages around; some lack this.
const { Console } = nodeConsole as unknown as { Console: new (output: Writable) => typeof console };

/** What one call took by each clock, in milliseconds. */
export interface Times {
  "performance.now": number;
  "performance.measure": number;
  "console.time": number;
  "process.hrtime": number;
  "Date.now": number;
}

/**
 * Milliseconds from what `console.timeEnd` prints, such as «julia: 1.234s», «julia: 12.3ms» or «julia: 1:02.000
 * (m:ss.mmm)».
 */
export function parseConsoleTime(line: string): number {
  const [, minutes, value, unit] = line.match(/: (?:(\d+):)?([\d.]+) ?(ms|s|\(m:ss\.mmm\))/) ?? [];
  if (!value) throw new Error(`console.timeEnd printed ${line}`);
  return 60_000 * Number(minutes ?? 0) + Number(value) * (unit === "ms" ? 1 : 1000);
}

/** Times one call by all clocks at once: they lie around each other like the skins of an onion. */
export function timeAllWays(call: () => unknown): Times {
  let printed = "";
  // The global `console.time` does the same, and prints where the program prints.
  const console = new Console(
    new Writable({
      write(chunk, _encoding, done) {
        printed += chunk;
        done();
      },
    }),
  );
  const date = Date.now(), hrtime = process.hrtime.bigint();
  console.time("call");
  performance.mark("begin");
  const now = performance.now();
  call();
  const elapsed = performance.now() - now;
  const measure = performance.measure("call", "begin");
  console.timeEnd("call");
  const nanoseconds = process.hrtime.bigint() - hrtime, milliseconds = Date.now() - date;
  // Marks are kept until somebody clears them.
  performance.clearMarks("begin");
  performance.clearMeasures("call");
  return {
    "performance.now": elapsed,
    "performance.measure": measure.duration,
    "console.time": parseConsoleTime(printed),
    "process.hrtime": Number(nanoseconds) / 1e6,
    "Date.now": milliseconds,
  };
}

/** The sum of the counts of a Julia set of width x width points: what is timed here. 33219980 for a width of 1000. */
export function juliaSum(width: number): number {
  let sum = 0;
  for (let row = 0, y = 1.8; row < width; row++, y -= 3.6 / width) {
    for (let column = 0, x = -1.8; column < width; column++, x += 3.6 / width) {
      let re = x, im = y;
      for (let n = 0; n < 300 && Math.hypot(re, im) < 2; n++, sum++) {
        [re, im] = [re * re - im * im - 0.62772, 2 * re * im - 0.42193];
      }
    }
  }
  return sum;
}

/** The smallest step that a clock (milliseconds) was seen to make, of many, in milliseconds. */
export function resolution(clock: () => number, steps = 200): number {
  let least = Infinity;
  for (let i = 0, last = clock(); i < steps; i++) {
    let next = clock();
    while (next === last) next = clock();
    least = Math.min(least, next - last);
    last = next;
  }
  return least;
}

/** What a measurement around nothing takes, in milliseconds: the mean of many. */
export function emptyMeasurements(times = 5000): Record<string, number> {
  const silent = new Console(new Writable({ write: (_chunk, _encoding, done) => done() }));
  const measurements: Record<string, () => void> = {
    "Date.now": () => void (Date.now() - Date.now()),
    "performance.now": () => void (performance.now() - performance.now()),
    "process.hrtime": () => void (process.hrtime.bigint() - process.hrtime.bigint()),
    "performance.measure": () => {
      performance.mark("begin");
      performance.measure("call", "begin");
      performance.clearMarks("begin");
      performance.clearMeasures("call");
    },
    "console.time": () => {
      silent.time("call");
      silent.timeEnd("call");
    },
  };
  return Object.fromEntries(
    Object.entries(measurements).map(([name, measure]) => {
      for (let i = 0; i < times; i++) measure();
      const start = performance.now();
      for (let i = 0; i < times; i++) measure();
      return [name, (performance.now() - start) / times];
    }),
  );
}

/** Calls several times; the fastest, the median and the slowest in milliseconds. */
export function repeat(call: () => unknown, times: number): { best: number; median: number; worst: number } {
  if (!(times >= 1)) throw new RangeError(`cannot repeat ${times} times`);
  const taken = Array.from({ length: times }, () => {
    const start = performance.now();
    call();
    return performance.now() - start;
  }).sort((a, b) => a - b);
  return { best: taken[0], median: taken[times >> 1], worst: taken[times - 1] };
}

if (import.meta.main) {
  const width = 300,
    sum = juliaSum(width),
    run = () => {
      if (juliaSum(width) !== sum) throw new Error(`the sum was ${sum} and now differs`);
    };
  const times = timeAllWays(run), empty = emptyMeasurements();
  const steps: Record<string, number> = {
    "performance.now": resolution(() => performance.now()),
    "process.hrtime": resolution(() => Number(process.hrtime.bigint() % 1_000_000_000_000n) / 1e6),
    "Date.now": resolution(() => Date.now(), 5),
  };
  console.log("a Julia set of 300 x 300      time, ms  finest step, µs  around nothing, µs");
  for (const [name, time] of Object.entries(times)) {
    console.log(
      name.padEnd(28),
      time.toFixed(3).padStart(9),
      (name in steps ? (1000 * steps[name]).toFixed(2) : "").padStart(16),
      (1000 * empty[name]).toFixed(2).padStart(19),
    );
  }
  const all = Object.values(times), difference = Math.max(...all) - Math.min(...all);
  // The outer clocks also count what the inner ones cost, and Date.now can be wrong by a millisecond.
  if (difference > 2 + 0.1 * times["performance.now"]) throw new Error(`the clocks differ by ${difference} ms`);

  const { best, median, worst } = repeat(run, 15);
  console.log(`15 times: best ${best.toFixed(1)}, median ${median.toFixed(1)}, worst ${worst.toFixed(1)} ms`);
}
