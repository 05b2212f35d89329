/**
 * The first five days on which a sensor's readings are not normally distributed: from a CSV file, and from a generator
 * that never ends.
 *
 * What to notice: each stage asks the one before for the next item, and nothing runs ahead, so reading stops in the
 * middle of the file with the fifth anomaly, and data without an end can be analysed at all. A day is held as five
 * numbers (its count and its moments) that every reading updates: memory depends neither on the rows of the file nor on
 * those of a day. The language has helpers for iterators (`filter`, `take`); for asynchronous ones they are written here.
 *
 * Days are UTC days. Blank lines are skipped; CRLF, and no newline at the end, are fine. Everything else that is not a
 * reading ends the analysis with an error that names the line.
 *
 * @original 05_iterators/lazy_data_analysis.py
 * @run deno run --allow-read=. --allow-write=. ch05/lazy_data_analysis.ts
 * @takes 1 s
 */

import { parseArgs } from "jsr:@std/cli@1/parse-args";
import { CsvParseStream } from "jsr:@std/csv@1/parse-stream";

export interface Reading {
  /** Milliseconds since 1970, UTC. */
  time: number;
  value: number;
}

/** A day and whether its readings could come from a normal distribution. */
export interface Day {
  /** YYYY-MM-DD, UTC */
  day: string;
  count: number;
  /** D'Agostino and Pearson's K²; NaN if there are fewer than 20 readings, Infinity if all are the same. */
  kSquared: number;
  /** How probable a K² as large is among normal readings. NaN as above. */
  p: number;
}

/** Count and central moments, updated by one value at a time (Pébay 2008): no need to keep the values. */
export class Moments {
  count = 0;
  mean = 0;
  #m2 = 0;
  #m3 = 0;
  #m4 = 0;

  add(value: number): void {
    const before = this.count,
      n = ++this.count,
      delta = value - this.mean,
      step = delta / n,
      term = delta * step * before;
    this.mean += step;
    this.#m4 += term * step * step * (n * n - 3 * n + 3) + 6 * step * step * this.#m2 - 4 * step * this.#m3;
    this.#m3 += term * step * (n - 2) - 3 * step * this.#m2;
    this.#m2 += term;
  }
  /** √b₁; NaN if all values are the same. */
  get skewness(): number {
    return Math.sqrt(this.count) * this.#m3 / this.#m2 ** 1.5;
  }
  /** b₂, 3 for a normal distribution; NaN if all values are the same. */
  get kurtosis(): number {
    return this.count * this.#m4 / this.#m2 ** 2;
  }
}

/** How many standard deviations a skewness √b₁ of n ≥ 8 normal values is from 0 (D'Agostino 1970). */
export function skewnessScore(skewness: number, n: number): number {
  const y = skewness * Math.sqrt((n + 1) * (n + 3) / (6 * (n - 2)));
  const beta = 3 * (n * n + 27 * n - 70) * (n + 1) * (n + 3) / ((n - 2) * (n + 5) * (n + 7) * (n + 9));
  const w2 = Math.sqrt(2 * (beta - 1)) - 1;
  return Math.asinh(y / Math.sqrt(2 / (w2 - 1))) / Math.sqrt(Math.log(w2) / 2);
}

/** How many standard deviations a kurtosis b₂ of n ≥ 20 normal values is from what is expected (Anscombe and Glynn 1983). */
export function kurtosisScore(kurtosis: number, n: number): number {
  const variance = 24 * n * (n - 2) * (n - 3) / ((n + 1) ** 2 * (n + 3) * (n + 5));
  const x = (kurtosis - 3 * (n - 1) / (n + 1)) / Math.sqrt(variance);
  const root = 6 * (n * n - 5 * n + 2) / ((n + 7) * (n + 9)) *
    Math.sqrt(6 * (n + 3) * (n + 5) / (n * (n - 2) * (n - 3)));
  const a = 6 + 8 / root * (2 / root + Math.sqrt(1 + 4 / (root * root)));
  const cube = Math.cbrt((1 - 2 / a) / (1 + x * Math.sqrt(2 / (a - 4))));
  return (1 - 2 / (9 * a) - cube) / Math.sqrt(2 / (9 * a));
}

/** D'Agostino and Pearson's omnibus test: K², and its p from the chi-squared distribution with two degrees of freedom. */
export function normality(moments: Moments): { kSquared: number; p: number } {
  const { count, skewness, kurtosis } = moments;
  if (count < 20) return { kSquared: NaN, p: NaN };
  // A sensor that always says the same is stuck.
  if (Number.isNaN(skewness)) return { kSquared: Infinity, p: 0 };
  const kSquared = skewnessScore(skewness, count) ** 2 + kurtosisScore(kurtosis, count) ** 2;
  return { kSquared, p: Math.exp(-kSquared / 2) };
}

/** Gathers the readings of a day. */
class DayInProgress {
  #number = NaN;
  #moments = new Moments();

  /** Takes a reading; gives the day before if it begins another. */
  push({ time, value }: Reading): Day | undefined {
    const number = Math.floor(time / 86_400_000);
    const finished = number === this.#number ? undefined : this.end();
    if (number !== this.#number) [this.#number, this.#moments] = [number, new Moments()];
    this.#moments.add(value);
    return finished;
  }
  /** The day so far, if it has any readings. */
  end(): Day | undefined {
    const { count } = this.#moments;
    if (count === 0) return;
    const day = new Date(this.#number * 86_400_000).toISOString().slice(0, 10);
    return { day, count, ...normality(this.#moments) };
  }
}

/** The days of readings in order of time. The last is given when the readings end. */
export function* groupByDay(readings: Iterable<Reading>): Generator<Day, void> {
  const current = new DayInProgress();
  for (const reading of readings) {
    const day = current.push(reading);
    if (day) yield day;
  }
  const last = current.end();
  if (last) yield last;
}

/** The same for readings that have to be waited for. */
export async function* groupByDayAsync(readings: AsyncIterable<Reading>): AsyncGenerator<Day, void> {
  const current = new DayInProgress();
  for await (const reading of readings) {
    const day = current.push(reading);
    if (day) yield day;
  }
  const last = current.end();
  if (last) yield last;
}

/** Whether a day's readings are too improbable to be normal. Days with fewer than 20 are not judged. */
export const isAnomalous = ({ p }: Day): boolean => p < 1e-3;

/** The first `count` items that pass. Asks for none after the last of them, and closes the source. */
export async function* firstThat<T>(
  items: AsyncIterable<T>,
  passes: (item: T) => boolean,
  count: number,
): AsyncGenerator<T, void> {
  if (count < 1) return;
  for await (const item of items) {
    if (!passes(item)) continue;
    yield item;
    if (--count === 0) return;
  }
}

/**
 * Reads `timestamp,value` rows (ISO 8601 in UTC, decimal numbers; times must not go back), as they are asked for.
 *
 * @throws {Error} naming the line, on any row that is not a reading. {TypeError} if the text is not UTF-8.
 */
export async function* parseReadings(bytes: ReadableStream<BufferSource>): AsyncGenerator<Reading, void> {
  const blank: number[] = [];
  const rows = bytes
    .pipeThrough(new TextDecoderStream("utf-8", { fatal: true }))
    .pipeThrough(noteBlankLines(blank))
    .pipeThrough(new CsvParseStream({ fieldsPerRecord: 2 }));
  let row = 0, latest = -Infinity;
  // A good row is one line, so only blank lines stand between the number of a row and that of its line.
  const fail = (what: string): never => {
    let line = row;
    for (const other of blank) if (other <= line) line++;
    throw new Error(`line ${line}: ${what}`);
  };
  for await (const [timestamp, text] of rows) {
    row++;
    if (row === 1) {
      if (timestamp !== "timestamp" || text !== "value") {
        fail(`the columns must be timestamp,value and not ${timestamp},${text}`);
      }
      continue;
    }
    const time = parseTime(timestamp);
    if (Number.isNaN(time)) fail(`${JSON.stringify(timestamp)} is not a time like 2024-01-31T23:59:59Z`);
    if (time < latest) fail(`${timestamp} is earlier than the reading before`);
    if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) || !Number.isFinite(+text)) {
      fail(`${JSON.stringify(text)} is not a number`);
    }
    yield { time: latest = time, value: Number(text) };
  }
  if (row === 0) throw new Error("line 1: the file is empty; its first line must be timestamp,value");
}

/** Milliseconds since 1970, or NaN. Date.parse alone takes many other texts, and 30 February for 1 March. */
function parseTime(text: string): number {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/.test(text)) return NaN;
  const time = Date.parse(text), day = Number(text.slice(8, 10));
  return day <= 28 || new Date(time).getUTCDate() === day ? time : NaN;
}

/** Passes text on, and puts the numbers of blank lines, which the parser skips without a word, into `blank`. */
function noteBlankLines(blank: number[]): TransformStream<string, string> {
  let line = 1, empty = true;
  return new TransformStream({
    transform(text, controller) {
      for (let at = 0, end; at < text.length; at = end + 1) {
        end = text.indexOf("\n", at);
        if (end < 0) end = text.length;
        // A carriage return alone is as blank as nothing.
        empty &&= end === at || (end === at + 1 && text[at] === "\r");
        if (end === text.length) break;
        if (empty) blank.push(line);
        line++;
        empty = true;
      }
      controller.enqueue(text);
    },
  });
}

/** The readings of a file, which is closed when they end or are no longer wanted. */
export async function* readReadings(path: string | URL): AsyncGenerator<Reading, void> {
  yield* parseReadings((await Deno.open(path)).readable);
}

/** Readings without an end, as those of sensor_data.ts: normal ones, and about one in a week is 100. */
export function* readings(seed: number, interval = 60): Generator<Reading, never> {
  const random = () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), seed | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const spike = interval / (7 * 86_400);
  for (let time = Date.UTC(2024, 0, 1);;) {
    const radius = Math.sqrt(-2 * Math.log(1 - random())), angle = 2 * Math.PI * random();
    for (const normal of [radius * Math.cos(angle), radius * Math.sin(angle)]) {
      yield { time, value: random() < spike ? 100 : Math.round(normal * 1e4) / 1e4 };
      time += interval * 1000;
    }
  }
}

/** Writes the first `rows` readings to a CSV file, in the memory of a piece of it. */
export async function writeCsv(path: string | URL, rows: number, seed: number, interval = 60): Promise<void> {
  function* pieces() {
    let text = "timestamp,value\n";
    for (const { time, value } of readings(seed, interval).take(rows)) {
      text += `${new Date(time).toISOString()},${value}\n`;
      if (text.length > 65_536) yield text, text = "";
    }
    yield text;
  }
  await Deno.writeTextFile(path, ReadableStream.from(pieces()));
}

if (import.meta.main) {
  const refuse = (message: string): never => (console.error(`error: ${message}`), Deno.exit(2));
  const flags = parseArgs(Deno.args, {
    string: ["csv"],
    boolean: "help",
    unknown: (argument) => refuse(`${argument}: there is only --csv and --help`),
  });
  if (flags.help) {
    console.log("The first five anomalous days.\n  --csv FILE  rows of timestamp,value; without it, one is written");
    Deno.exit(0);
  }
  const describe = ({ day, count, kSquared, p }: Day) =>
    console.log(`  ${day}: ${count} readings, K² ${kSquared.toFixed(1)}, p ${p.toExponential(1)}`);
  /** The first five anomalies of a file, and how many readings that took. */
  const fromFile = async (path: string) => {
    let read = 0;
    async function* counted() {
      for await (const reading of readReadings(path)) read++, yield reading;
    }
    const days = await Array.fromAsync(firstThat(groupByDayAsync(counted()), isAnomalous, 5));
    return { days, read };
  };

  if (flags.csv !== undefined) {
    if (flags.csv === "") refuse("--csv needs a file");
    try {
      const { days, read } = await fromFile(flags.csv);
      console.log(`${flags.csv}: ${days.length} anomalous days in the ${read} readings that were read`);
      days.forEach(describe);
    } catch (error) {
      refuse(`--csv ${flags.csv}: ${(error as Error).message}`);
    }
    Deno.exit(0);
  }

  const folder = await Deno.makeTempDir({ dir: "." });
  const remove = () => Deno.removeSync(folder, { recursive: true });
  const interrupted = () => (remove(), Deno.exit(130));
  Deno.addSignalListener("SIGINT", interrupted);
  try {
    const rows = 200_000, seed = 5;
    await writeCsv(`${folder}/sensor.csv`, rows, seed);
    const start = performance.now(), { days, read } = await fromFile(`${folder}/sensor.csv`);
    console.log(`one reading a minute from a file: ${(performance.now() - start).toFixed(0)} ms`);
    days.forEach(describe);
    console.log(`  ${read} of ${rows} rows were asked for`);

    // The file holds the very numbers of the generator.
    const endless = groupByDay(readings(seed)).filter(isAnomalous).take(5).toArray();
    if (JSON.stringify(endless) !== JSON.stringify(days)) throw new Error("the file and the generator disagree");
  } finally {
    Deno.removeSignalListener("SIGINT", interrupted);
    remove();
  }

  const start = performance.now();
  let taken = 0;
  const days = groupByDay(readings(5, 1).map((reading) => (taken++, reading))).filter(isAnomalous).take(5).toArray();
  console.log(`one reading a second without an end: ${(performance.now() - start).toFixed(0)} ms`);
  days.forEach(describe);
  console.log(`  ${taken} readings were made, none of them kept`);
  if (days.length !== 5) throw new Error(`${days.length} anomalies in place of 5`);
}
