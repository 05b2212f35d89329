/**
 * The chapter's table: hours a day at the computer of 100,000 people over 14 days, written as Parquet and as CSV.
 *
 * What to notice: both files hold the same 1.4 million numbers. The Parquet file is column by column and writes each
 * different value once, with short numbers that point to it: hours are whole minutes over 60, so that there are about a
 * hundred of them. It is a fraction of the CSV in size and in the time to read, and brings the types along; the CSV
 * writes 0.9833333333333333 out each time, and a reader must guess that it is a number.
 *
 * `--out FOLDER` keeps the files; without it they go to a temporary folder, and with it. `--people N` asks for others.
 *
 * @original 07_pandas/ols_basics/generate_data.py
 * @run deno run --allow-read=. --allow-write=. ch07/ols_basics/generate_data.ts
 * @takes 2 s
 */

import { parquetRead } from "npm:hyparquet@1.31.5";
import { parquetWriteBuffer } from "npm:hyparquet-writer@0.17.0";
import { parseArgs } from "jsr:@std/cli@1/parse-args";

export const DAYS = 14, SEED = 1;

/** `people` x 14 hours a day, Poisson(60) minutes each, one person after the other. */
export function generate(people: number, seed = SEED): Float64Array<ArrayBuffer> {
  let state = seed;
  const random = () => { // mulberry32
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const none = Math.exp(-60);
  return Float64Array.from({ length: people * DAYS }, () => {
    // How many minutes' probabilities a uniform number exceeds together.
    let u = random(), p = none, minutes = 0;
    while (u > p) {
      u -= p;
      p *= 60 / ++minutes;
    }
    return minutes / 60;
  });
}

const names = Array.from({ length: DAYS }, (_, day) => `day${day}`);

/** The table as a Parquet file: a column of doubles for each day, `day0` to `day13`, a row for each person. */
export function toParquet(hours: Float64Array): ArrayBuffer {
  const people = hours.length / DAYS;
  const column = (day: number) => Float64Array.from({ length: people }, (_, person) => hours[person * DAYS + day]);
  return parquetWriteBuffer({
    columnData: names.map((name, day) => ({ name, type: "DOUBLE", data: column(day), nullable: false })),
  });
}

/** The table as CSV: a line of names, then one for each person. */
export function toCsv(hours: Float64Array): string {
  const lines = [names.join(",")];
  for (let start = 0; start < hours.length; start += DAYS) lines.push(hours.subarray(start, start + DAYS).join(","));
  return lines.join("\n") + "\n";
}

/** What `toParquet` was given. Throws if the file is damaged or lacks a day. */
export async function fromParquet(file: ArrayBuffer): Promise<Float64Array> {
  if (file.byteLength < 12) throw new Error(`no Parquet file: it has ${file.byteLength} bytes`);
  const columns: number[][] = [];
  await parquetRead({
    file,
    columns: names,
    rowFormat: "array",
    onChunk({ columnName, columnData }) {
      (columns[names.indexOf(columnName)] ??= []).push(...columnData as number[]);
    },
  });
  return Float64Array.from({ length: columns[0].length * DAYS }, (_, i) => columns[i % DAYS][Math.floor(i / DAYS)]);
}

/** What `toCsv` was given; for files of its own only, where nothing is quoted. */
export function fromCsv(text: string): Float64Array {
  return Float64Array.from(text.trimEnd().split("\n").slice(1).flatMap((line) => line.split(",").map(Number)));
}

function fail(message: string): never {
  console.error(`error: ${message}`);
  Deno.exit(2);
}

if (import.meta.main) {
  const flags = parseArgs(Deno.args, {
    string: ["out", "people"],
    boolean: ["help"],
    default: { people: "100000" },
    unknown: (argument) => fail(`${argument} is not a flag of this script: --out FOLDER, --people N`),
  });
  if (flags.help) {
    console.log("generate_data.ts [--out FOLDER] [--people N]: writes people.parquet and people.csv to the folder");
    Deno.exit();
  }
  const people = Number(flags.people);
  if (!/^\d+$/.test(flags.people) || people < 1 || people > 1e6) {
    fail(`--people ${flags.people}: must be a whole number from 1 to 1000000`);
  }
  if (flags.out === "") fail("--out: needs a folder");

  const hours = generate(people);
  let temporary: string | undefined;
  const clean = () => temporary && Deno.removeSync(temporary, { recursive: true });
  Deno.addSignalListener("SIGINT", () => {
    clean();
    Deno.exit(130);
  });
  try {
    temporary = flags.out === undefined ? Deno.makeTempDirSync({ dir: ".", prefix: "people_" }) : undefined;
    const folder = temporary ?? flags.out!;
    Deno.mkdirSync(folder, { recursive: true });
    Deno.writeFileSync(`${folder}/people.parquet`, new Uint8Array(toParquet(hours)));
    Deno.writeTextFileSync(`${folder}/people.csv`, toCsv(hours));

    const start = performance.now();
    const parquet = Deno.readFileSync(`${folder}/people.parquet`), fromFirst = await fromParquet(parquet.buffer);
    const between = performance.now();
    const csv = Deno.readTextFileSync(`${folder}/people.csv`), fromSecond = fromCsv(csv);
    const end = performance.now();
    const same = (read: Float64Array) => read.length === hours.length && read.every((value, i) => value === hours[i]);
    if (!same(fromFirst) || !same(fromSecond)) throw new Error("a file does not hold what was written to it");

    const mean = hours.reduce((sum, value) => sum + value, 0) / hours.length;
    console.log(`${people} people x ${DAYS} days, ${mean.toFixed(3)} hours a day in the mean`);
    const line = (name: string, bytes: number, ms: number) =>
      console.log(`${name.padEnd(15)} ${(bytes / 1e6).toFixed(2).padStart(7)} MB, read in ${ms.toFixed(0)} ms`);
    line("people.parquet", parquet.byteLength, between - start);
    line("people.csv", csv.length, end - between);
    console.log(temporary ? "The files are gone again; --out FOLDER keeps them." : `They are in ${folder}.`);
  } catch (error) {
    clean();
    if (error instanceof Deno.errors.NotCapable) {
      fail(`--out ${flags.out}: run this with --allow-read and --allow-write for that folder`);
    }
    // The system's own messages name the file: a full disk, a file where a folder should be.
    fail((error as Error).message);
  }
  clean();
  Deno.exit();
}
