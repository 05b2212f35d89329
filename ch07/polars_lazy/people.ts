/**
 * Writes the table that the queries of this folder ask: people, as a Parquet file, with one row group in memory at a time.
 *
 * What to notice: a Parquet file is a row of groups, each with all columns one after the other, and at the end a footer that
 * says where each column of each group lies and what its least and greatest value are. Nothing but that footer has to be kept
 * while writing, so a file can be larger than memory. The rows come sorted by the day on which somebody joined, or shuffled:
 * the same rows, but only in the sorted file do a group's least and greatest day say that a query can skip it. Hours are
 * written plainly, eight bytes each, so that the bytes of the file are those of the table.
 *
 *     deno run --allow-read=people.parquet --allow-write=people.parquet,people.parquet.part ch07/polars_lazy/people.ts people.parquet --people 1000000 --shuffled
 *
 * @original 07_pandas/ols_basics/generate_data.py
 * @run deno run --allow-read=. --allow-write=. ch07/polars_lazy/people.ts
 * @takes 2 s
 */

import { parseArgs } from "node:util";
import { ByteWriter, ParquetWriter, schemaFromColumnData } from "npm:hyparquet-writer@0.17.0";

const DAYS = 14, SEED = 1;

/** How many people have hours of their own; the hours of more than these are the same over again. */
export const different = 100_000;
/** Days from the first to the last on which somebody joined: ten years. */
export const span = 3652;
export const cities = "Athens Berlin Cairo Dublin Espoo Florence Geneva Hamburg Ithaca Jakarta Kyoto Lisbon".split(" ");

/** `people` x 14 hours a day, Poisson(60) minutes each, one person after the other. */
export function generate(people: number): Float64Array {
  let state = SEED;
  const random = () => { // mulberry32
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return Float64Array.from({ length: people * DAYS }, () => {
    let u = random(), p = Math.exp(-60), minutes = 0;
    while (u > p) u -= p, p *= 60 / ++minutes;
    return minutes / 60;
  });
}

/** The day on which a person joined, from 0: they are numbered as they came. */
export const joinedOf = (person: number, people: number) => Math.floor(person * span / people);
export const cityOf = (person: number) => cities[person * 7919 % cities.length];

/** A prime: steps of this length visit every row once, since a multiple of it is refused as a number of people. */
const stride = 1_299_709;

export interface TableOptions {
  people: number;
  shuffled?: boolean;
  /** Rows in a group. */
  group?: number;
}

/**
 * Writes `people` rows of person, joined, city, day0 … day13 to a file, which appears whole or not at all.
 * Throws what the file system throws, and a RangeError unless there is at least one person.
 */
export function writePeople(file: string, { people, shuffled = false, group = 20_000 }: TableOptions): void {
  if (!(people >= 1)) throw new RangeError(`there must be at least one person, not ${people}`);
  if (people % stride === 0) throw new RangeError(`${people} people cannot be shuffled`);
  const hours = generate(Math.min(people, different)), part = `${file}.part`;
  try {
    using output = Deno.openSync(part, { write: true, create: true, truncate: true });
    const bytes = new ByteWriter();
    const flush = () => {
      for (let at = 0; at < bytes.index;) at += output.writeSync(new Uint8Array(bytes.buffer, at, bytes.index - at));
      bytes.index = 0;
    };
    let writer: ParquetWriter | undefined;
    for (let first = 0; first < people; first += group) {
      const columnData = rows(first, Math.min(group, people - first), people, shuffled, hours);
      writer ??= new ParquetWriter({
        writer: bytes,
        schema: schemaFromColumnData({ columnData }),
        codec: "UNCOMPRESSED",
      });
      writer.write({ columnData, rowGroupSize: group });
      flush();
    }
    writer!.finish();
    flush();
    Deno.renameSync(part, file);
  } catch (error) {
    try {
      Deno.removeSync(part);
    } catch (missing) {
      // Where the file could not even be made there is none to remove.
      if (!(missing instanceof Deno.errors.NotFound) && !(missing instanceof Deno.errors.NotADirectory)) throw missing;
    }
    throw error;
  }
}

function rows(first: number, count: number, people: number, shuffled: boolean, hours: Float64Array) {
  const person = new Int32Array(count), joined = new Int32Array(count), city: string[] = [];
  const days = Array.from({ length: DAYS }, () => new Float64Array(count));
  for (let i = 0; i < count; i++) {
    const one = shuffled ? (first + i) * stride % people : first + i, at = one % different * DAYS;
    person[i] = one;
    joined[i] = joinedOf(one, people);
    city.push(cityOf(one));
    for (let day = 0; day < DAYS; day++) days[day][i] = hours[at + day];
  }
  const plain = { nullable: false, encoding: "PLAIN" } as const;
  return [
    { ...plain, name: "person", data: person, type: "INT32" as const },
    { ...plain, name: "joined", data: joined, type: "INT32" as const },
    // Left to itself, the writer puts twelve names into a dictionary and half a byte into each row.
    { name: "city", data: city, type: "STRING" as const, nullable: false },
    ...days.map((data, day) => ({ ...plain, name: `day${day}`, data, type: "DOUBLE" as const })),
  ];
}

/** Writes the table into a temporary folder and hands its path to `use`; afterwards, and at Ctrl-C, the folder is gone. */
export async function withPeople<T>(
  { dir = ".", ...options }: TableOptions & { dir?: string },
  use: (file: string, folder: string) => T | Promise<T>,
): Promise<T> {
  const folder = Deno.makeTempDirSync({ dir, prefix: ".people_" });
  const remove = () => Deno.removeSync(folder, { recursive: true });
  // Whoever else listens, to end a process that reads the file, hears of it first.
  const interrupted = () =>
    setTimeout(() => {
      remove();
      Deno.exit(130);
    });
  Deno.addSignalListener("SIGINT", interrupted);
  try {
    const file = `${folder}/people.parquet`;
    writePeople(file, options);
    return await use(file, folder);
  } finally {
    Deno.removeSignalListener("SIGINT", interrupted);
    remove();
  }
}

/** What the query of this folder answers, for each city in which somebody joined within the days asked for, by name. */
export interface CityHours {
  city: string;
  people: number;
  /** The mean of their hours on the last day. */
  hours: number;
}

/** Answers `FROM <= joined < TO` by the rule that made the table, without a table: what every engine has to come to. */
export function expected(people: number, from: number, to: number): CityHours[] {
  const hours = generate(Math.min(people, different)), sums = new Map<string, [number, number]>();
  for (let person = 0; person < people; person++) {
    const joined = joinedOf(person, people);
    if (joined < from || joined >= to) continue;
    const [count, sum] = sums.get(cityOf(person)) ?? [0, 0];
    sums.set(cityOf(person), [count + 1, sum + hours[person % different * DAYS + DAYS - 1]]);
  }
  return [...sums.keys()].sort().map((city) => {
    const [count, sum] = sums.get(city)!;
    return { city, people: count, hours: sum / count };
  });
}

/** What is wrong with a file that should be Parquet, or nothing. The engines say the same, each in words of its own. */
export function checkParquet(file: string): string | undefined {
  let info;
  try {
    info = Deno.statSync(file);
  } catch (error) {
    return error instanceof Deno.errors.NotFound ? "there is no such file" : (error as Error).message;
  }
  if (info.isDirectory) return "this is a folder, not a file";
  if (info.size < 12) return `${info.size} bytes are too few for a Parquet file`;
  using input = Deno.openSync(file);
  const read = (at: number, length: number) => {
    const bytes = new Uint8Array(length);
    input.seekSync(at, Deno.SeekMode.Start);
    for (let got = 0; got < length;) got += input.readSync(bytes.subarray(got)) ?? length;
    return bytes;
  };
  const magic = (at: number) => new TextDecoder().decode(read(at, 4)) === "PAR1";
  const starts = magic(0), ends = magic(info.size - 4);
  if (!starts && !ends) return "this is no Parquet file";
  if (!ends) return "its end is missing: the file was cut off";
  if (!starts) return "its beginning is missing: the file was cut off";
  const footer = new DataView(read(info.size - 8, 4).buffer).getUint32(0, true);
  if (footer + 12 > info.size) return `its footer of ${footer} bytes does not fit into ${info.size}`;
}

type Query = (file: string, from: number, to: number) => CityHours[] | Promise<CityHours[]>;

/**
 * What the scripts of this folder do when run: ask FILE, or a table of their own, for the people who joined from day FROM until
 * before day TO. Anything wrong with the file ends with code 2 and one line.
 */
export async function ask(query: Query, args: string[], more: (file: string) => void | Promise<void> = () => {}) {
  const [file, first = "1825", last = "2190"] = args;
  if (args.length > 3 || file?.startsWith("-")) fail("usage: SCRIPT [FILE [FROM TO]]");
  const from = day("FROM", first), to = day("TO", last);
  const run = async (file: string) => {
    const start = performance.now(), answer = await query(file, from, to);
    console.log(`joined from day ${from} until before day ${to}, in ${(performance.now() - start).toFixed(0)} ms:`);
    for (const { city, people, hours } of answer) console.log(`${city.padEnd(9)} ${people} ${hours.toFixed(4)}`);
    await more(file);
    return answer;
  };
  if (file === undefined) {
    const people = 100_000;
    verify(await withPeople({ people }, run), expected(people, from, to));
    return;
  }
  const wrong = checkParquet(file);
  if (wrong) fail(`${file}: ${wrong}`);
  try {
    await run(file);
  } catch (error) {
    fail(`${file}: ${(error as Error).message.split("\n")[0]}`);
  }
}

/** Throws unless both name the same cities with as many people and the same hours to within 1e-9. */
export function verify(answer: CityHours[], expected: CityHours[]): void {
  const same = answer.length === expected.length &&
    answer.every(({ city, people, hours }, i) =>
      city === expected[i].city && people === expected[i].people && Math.abs(hours - expected[i].hours) < 1e-9
    );
  if (!same) throw new Error(`${JSON.stringify(answer)} should be ${JSON.stringify(expected)}`);
}

function day(name: string, text: string): number {
  if (!/^\d{1,5}$/.test(text)) fail(`${name} ${text}: must be a whole number from 0 to 99999`);
  return Number(text);
}

function fail(message: string): never {
  console.error(`error: ${message}`);
  Deno.exit(2);
}

if (import.meta.main) {
  const { values: flags, positionals } = (() => {
    try {
      const options = { people: { type: "string", default: "100000" }, shuffled: { type: "boolean" } } as const;
      return parseArgs({ args: Deno.args, options, allowPositionals: true });
    } catch (error) {
      fail((error as Error).message.split("\n")[0]);
    }
  })();
  if (positionals.length > 1) fail("usage: people.ts [FILE] [--people N] [--shuffled]");
  if (!/^[1-9]\d{0,7}$/.test(flags.people)) fail(`--people ${flags.people}: must be from 1 to 99999999`);
  const options = { people: Number(flags.people), shuffled: flags.shuffled };
  const say = (file: string) => {
    const wrong = checkParquet(file);
    if (wrong) throw new Error(wrong);
    const { size } = Deno.statSync(file), memory = Deno.memoryUsage().rss;
    console.log(
      `${options.people} people in ${(size / 1e6).toFixed(1)} MB, ${(size / options.people).toFixed(1)} a person;`,
    );
    console.log(`this process holds ${(memory / 1e6).toFixed(0)} MB with all that Deno itself takes`);
  };
  if (positionals.length === 0) {
    await withPeople(options, say);
  } else {
    const [file] = positionals;
    try {
      writePeople(file, options);
    } catch (error) {
      fail(`${file}: ${(error as Error).message.split("\n")[0]}`);
    }
    say(file);
  }
}
