/**
 * Readings of a sensor without an end, the same for the same seed, as a generator and as CSV.
 *
 * What to notice: the generator knows nothing of files, days or how many are wanted, and the CSV is made from it line by
 * line, so a file of any size is written in the memory of a single line. Values are rounded before they are given
 * out, not only in the text: what is read back from the file is then exactly what the generator gave.
 *
 *     deno run ch05/sensor_data.ts --rows 3000000 > sensor.csv
 *
 * @original 05_iterators/lazy_data_analysis.py (read_fake_data)
 * @run deno run ch05/sensor_data.ts
 * @takes 1 s
 */

import { parseArgs } from "jsr:@std/cli@1/parse-args";

export interface Reading {
  /** Milliseconds since 1970, UTC. */
  time: number;
  value: number;
}

/** 2024-01-01T00:00:00Z */
export const start = Date.UTC(2024, 0, 1);

/**
 * Normal readings (mean 0, deviation 1, four decimals), one every `interval` seconds; about one in a week is 100.
 *
 * The uniform numbers are mulberry32's, the normal ones come in pairs by Box and Muller.
 */
export function* readings(seed: number, interval = 60): Generator<Reading, never> {
  const random = () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), seed | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const spike = interval / (7 * 86_400);
  for (let time = start;;) {
    const radius = Math.sqrt(-2 * Math.log(1 - random())), angle = 2 * Math.PI * random();
    for (const normal of [radius * Math.cos(angle), radius * Math.sin(angle)]) {
      yield { time, value: random() < spike ? 100 : Math.round(normal * 1e4) / 1e4 };
      time += interval * 1000;
    }
  }
}

/** The lines of a CSV file: the header, then `rows` readings. */
export function* csvLines(rows: number, seed: number, interval = 60): Generator<string, void> {
  yield "timestamp,value\n";
  for (const { time, value } of readings(seed, interval).take(rows)) yield `${new Date(time).toISOString()},${value}\n`;
}

if (import.meta.main) {
  const refuse = (message: string): never => (console.error(`error: ${message}`), Deno.exit(2));
  const flags = parseArgs(Deno.args, {
    string: ["rows", "seed", "interval"],
    boolean: "help",
    default: { rows: "5", seed: "5", interval: "60" },
    unknown: (argument) => refuse(`${argument}: there is only --rows, --seed, --interval and --help`),
  });
  if (flags.help) {
    console.log(
      "Readings of a sensor as CSV.\n  --rows N      0 to 1000000000\n  --seed N      0 to 1000000000\n  --interval N  seconds, 1 to 86400",
    );
    Deno.exit(0);
  }
  const number = (name: "rows" | "seed" | "interval", least: number, most: number) => {
    const value = Number(flags[name] || NaN);
    if (Number.isInteger(value) && value >= least && value <= most) return value;
    return refuse(`--${name} ${flags[name]}: must be a whole number from ${least} to ${most}`);
  };
  const rows = number("rows", 0, 1e9), seed = number("seed", 0, 1e9), interval = number("interval", 1, 86_400);

  // Whether the readings are what they are said to be shows in many of them.
  let sum = 0, squares = 0, spikes = 0;
  const many = 200_000;
  for (const { value } of readings(seed, 60).take(many)) {
    if (value === 100) spikes++;
    else sum += value, squares += value * value;
  }
  const mean = sum / many, deviation = Math.sqrt(squares / many - mean * mean);
  if (Math.abs(mean) > 0.01 || Math.abs(deviation - 1) > 0.01 || spikes > 60) {
    throw new Error(`mean ${mean}, deviation ${deviation}, ${spikes} spikes in ${many} readings`);
  }

  // Lines are gathered into larger pieces: a write for each line would cost a system call for each.
  const encoder = new TextEncoder();
  let text = "";
  const flush = async () => {
    for (let bytes = encoder.encode(text); bytes.length > 0;) bytes = bytes.subarray(await Deno.stdout.write(bytes));
    text = "";
  };
  for (const line of csvLines(rows, seed, interval)) if ((text += line).length > 65_536) await flush();
  await flush();
}
