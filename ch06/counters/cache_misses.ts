/**
 * Cache misses of a sum by rows and by columns, counted by a simulated processor: `valgrind --tool=cachegrind`.
 *
 * What to notice: a processor has counters for this, read by `perf stat`, but many virtual machines do not pass them on.
 * Cachegrind instead runs every instruction, also those that V8 compiles, on a processor of its own with caches of
 * known size; some 50 times slower, and the same each time whatever else the machine does. Row order misses the first
 * cache (D1) at every 8th number, for 8 doubles make a line of 64 bytes. Column order misses it at every number. It
 * misses the last one (LL) as well, large as it is, while rows are 2048 numbers long: a power of two apart, the lines of
 * a column compete for a few places. With 8 unused numbers after each row they no longer do.
 *
 * Needs valgrind, which runs on Linux.
 *
 * @original 06_matrix/Makefile (perf stat: cache-references, cache-misses)
 * @run deno run --allow-run=valgrind ch06/counters/cache_misses.ts
 * @takes 10 s
 */

import { parseArgs } from "node:util";

export interface Counts {
  instructions: number;
  reads: number;
  /** Reads that the first data cache did not hold, and those that the last one did not hold either. */
  d1Misses: number;
  llMisses: number;
}

/** Caches as cachegrind takes them: bytes, ways, bytes in a line. The machine's own would give each machine its own result. */
export interface Caches {
  D1: string;
  LL: string;
}

export const defaultCaches: Caches = { D1: "32768,8,64", LL: "8388608,16,64" };

const size = 2048, padding = 8;

/** How many numbers each variant sums. */
export const numbers = size * size;

type Kernel = (matrix: Float64Array, size: number, pitch: number) => number;

/** Sums row by row; `pitch` numbers lie between the starts of two rows. */
export const sumByRows: Kernel = (matrix, size, pitch) => {
  let sum = 0;
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) sum += matrix[row * pitch + column];
  }
  return sum;
};

/** Sums column by column. */
export const sumByColumns: Kernel = (matrix, size, pitch) => {
  let sum = 0;
  for (let column = 0; column < size; column++) {
    for (let row = 0; row < size; row++) sum += matrix[row * pitch + column];
  }
  return sum;
};

/** Counts what three ways of summing one matrix take, by name. Throws `Deno.errors.NotFound` where valgrind is missing. */
export async function countMisses(caches = defaultCaches): Promise<Record<string, Counts>> {
  // All at the same time: what else the machine does changes no count. The first is what must be subtracted.
  const [base, rows, columns, padded] = await Promise.all([
    simulate((_, size) => 3.5 * size * size, size, caches),
    simulate(sumByRows, size, caches),
    simulate(sumByColumns, size, caches),
    simulate(sumByColumns, size + padding, caches),
  ]);
  const beyond = (counts: Counts): Counts => ({
    instructions: counts.instructions - base.instructions,
    reads: counts.reads - base.reads,
    d1Misses: counts.d1Misses - base.d1Misses,
    llMisses: counts.llMisses - base.llMisses,
  });
  return { rows: beyond(rows), columns: beyond(columns), "columns, padded": beyond(padded) };
}

/** Runs a kernel in a `deno` of its own under cachegrind, which prints the sum. */
async function simulate(kernel: Kernel, pitch: number, { D1, LL }: Caches): Promise<Counts> {
  const child = new Deno.Command("valgrind", {
    args: [
      ...["--tool=cachegrind", "--cache-sim=yes", "--cachegrind-out-file=/dev/null"],
      ...["--I1=32768,8,64", `--D1=${D1}`, `--LL=${LL}`],
      // With one thread V8 compiles at the same moment in every run, so that the counts hardly vary.
      ...[Deno.execPath(), "run", "--no-prompt", "--no-config", "--no-lock", "--v8-flags=--single-threaded"],
      ...["--ext=js", "-"],
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  // The text of the function and nothing else: importing this file would cost more than what is to be counted.
  const program = new Response(`
    const matrix = new Float64Array(${size * (size + padding)});
    for (let i = 0; i < matrix.length; i++) matrix[i] = i & 7;
    console.log((${kernel})(matrix, ${size}, ${pitch}));
  `);
  const [{ code, stdout, stderr }] = await Promise.all([child.output(), program.body!.pipeTo(child.stdin)]);
  const [output, summary] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  if (code !== 0) throw new Error(`valgrind ended with code ${code}:\n${summary.replaceAll(/^(==|--).*\n/gm, "")}`);
  // 0 to 7 equally often make 3.5 on average; whole numbers, so that no order of summing rounds.
  if (Number(output) !== 3.5 * numbers) throw new Error(`the sum is ${output.trim()}, not ${3.5 * numbers}`);
  return parseSummary(summary);
}

/** Reads the summary that cachegrind prints at its end. */
export function parseSummary(text: string): Counts {
  const find = (line: string, pattern: RegExp) => {
    const match = text.match(pattern);
    if (!match) throw new Error(`cachegrind printed no line «${line}»`);
    return Number(match[1].replaceAll(",", ""));
  };
  return {
    instructions: find("I refs", /^==\d+== I +refs: +([\d,]+)/m),
    reads: find("D refs", /^==\d+== D +refs: +[\d,]+ +\( *([\d,]+) rd/m),
    d1Misses: find("D1 misses", /^==\d+== D1 +misses: +[\d,]+ +\( *([\d,]+) rd/m),
    llMisses: find("LLd misses", /^==\d+== LLd +misses: +[\d,]+ +\( *([\d,]+) rd/m),
  };
}

function fail(message: string): never {
  console.error(`error: ${message}`);
  Deno.exit(2);
}

/** A cache that cachegrind can simulate: the number of its sets is a power of two. */
function checkCache(flag: string, text: string): string {
  const match = text.match(/^(\d+),(\d+),(\d+)$/);
  const sets = match ? Number(match[1]) / Number(match[2]) / Number(match[3]) : NaN;
  if (!Number.isInteger(Math.log2(sets)) || sets < 1) {
    fail(`${flag} ${text}: must be BYTES,WAYS,LINE with a power of two for BYTES / WAYS / LINE, as in 49152,12,64`);
  }
  return text;
}

function readFlags(): Caches {
  const text = { type: "string" } as const;
  try {
    const { values } = parseArgs({ args: Deno.args, options: { d1: text, ll: text, help: { type: "boolean" } } });
    if (values.help) {
      console.log(`  --d1 BYTES,WAYS,LINE  the first data cache (${defaultCaches.D1})`);
      console.log(`  --ll BYTES,WAYS,LINE  the last cache (${defaultCaches.LL})`);
      Deno.exit(0);
    }
    const { d1 = defaultCaches.D1, ll = defaultCaches.LL } = values;
    return { D1: checkCache("--d1", d1), LL: checkCache("--ll", ll) };
  } catch (error) {
    fail((error as Error).message);
  }
}

if (import.meta.main) {
  const caches = readFlags();
  let counted;
  try {
    counted = await countMisses(caches);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) fail((error as Error).message);
    fail("there is no valgrind; install it: apt-get install valgrind");
  }
  console.log(
    `Simulated: D1 ${caches.D1}, LL ${caches.LL} (bytes, ways, bytes in a line); not the machine's own counters, which perf stat reads where it may.`,
  );
  console.log(`${"a number".padEnd(16)}  instructions   reads   D1 misses   LL misses`);
  for (const [name, { instructions, reads, d1Misses, llMisses }] of Object.entries(counted)) {
    const cells = [instructions, reads, d1Misses, llMisses].map((count) => (count / numbers).toFixed(3));
    console.log(name.padEnd(16), ...cells.map((cell, i) => cell.padStart([13, 7, 11, 11][i])));
  }
  const rows = counted.rows.d1Misses / numbers, columns = counted.columns.d1Misses / numbers;
  if (!(Math.abs(8 * rows - 1) < 0.25 && columns > 4 * rows)) {
    throw new Error(`row order must miss D1 at every 8th number and column order at each, not ${rows} and ${columns}`);
  }
}
