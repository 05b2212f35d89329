/**
 * One large array shared by workers: each marks its rows, and an independent count finds every number marked once.
 *
 * What to notice: the workers get a reference to the same memory: nothing is copied, and the process does not grow
 * when there are more of them. Nobody needs a lock, because no two write to the same place: a worker takes the next
 * row from a counter and owns it. The memory is fresh, and the system hands out each page when it is first touched:
 * the first pass takes several times as long as the second.
 *
 * @original 10_multiprocessing/np_shared_example/np_shared.py
 * @run deno run --allow-read=ch10/shared_array/shared_rows.ts ch10/shared_array/shared_rows.ts
 * @takes 1 s
 */

/** What the workers share: the numbers, row by row, and the counter of rows taken. */
interface Shared {
  array: Float64Array;
  columns: number;
  next: Int32Array;
}

/**
 * A worker's share: whichever rows are next, filled with its mark.
 *
 * @param before the largest mark of the pass before
 * @returns how many rows it marked
 * @throws if a row has a mark of this pass already
 */
export function markRows({ array, columns, next }: Shared, mark: number, before: number): number {
  const rows = array.length / columns;
  for (let marked = 0;; marked++) {
    const row = Atomics.add(next, 0, 1);
    if (row >= rows) return marked;
    const first = array[row * columns];
    if (first > before) throw new Error(`row ${row} has been marked with ${first} already`);
    array.fill(mark, row * columns, (row + 1) * columns);
  }
}

/** Who marked how many numbers, by mark: counted number by number. Throws RangeError at a NaN. */
export function tally(array: Float64Array): Map<number, number> {
  const counts = new Map<number, number>();
  for (let i = 0; i < array.length;) {
    const mark = array[i], start = i;
    if (Number.isNaN(mark)) throw new RangeError(`the number at ${i} is NaN, which is no mark`);
    while (i < array.length && array[i] === mark) i++;
    counts.set(mark, (counts.get(mark) ?? 0) + i - start);
  }
  return counts;
}

/**
 * Allocates rows x columns numbers, all 0, and starts workers that share them.
 *
 * @throws RangeError if there is no room for that many
 */
export async function experiment({ rows, columns, workers }: { rows: number; columns: number; workers: number }) {
  const array = new Float64Array(new SharedArrayBuffer(8 * rows * columns));
  return await share({ array, columns }, workers);
}

/**
 * Starts workers that share an array that is there already.
 *
 * @param last the largest mark in it: theirs begin above
 */
export async function share({ array, columns }: { array: Float64Array; columns: number }, workers: number, last = 0) {
  const shared: Shared = { array, columns, next: new Int32Array(new SharedArrayBuffer(4)) };
  const threads = Array.from({ length: workers }, () => new Worker(import.meta.url, { type: "module" }));
  const ask = (thread: Worker, message: unknown) =>
    new Promise<number>((resolve, reject) => {
      thread.onmessage = ({ data }) => resolve(data);
      thread.onerror = (event) => (event.preventDefault(), reject(new Error(event.message)));
      thread.postMessage(message);
    });
  const failed = (error: unknown) => {
    for (const thread of threads) thread.terminate();
    throw error;
  };
  await Promise.all(threads.map((thread) => ask(thread, { shared }))).catch(failed);
  return {
    array,
    /** One pass over all rows. Returns the marks, one for each worker, and how many rows each says it has marked. */
    async run(): Promise<Map<number, number>> {
      shared.next[0] = 0;
      const before = last, marks = threads.map((_, i) => before + 1 + i);
      last += workers;
      const says = await Promise.all(threads.map((thread, i) => ask(thread, { mark: marks[i], before }))).catch(failed);
      return new Map(marks.map((mark, i) => [mark, says[i]]));
    },
    close: () => Promise.all(threads.map((thread) => ask(thread, "close"))),
  };
}

// The type checker takes this file for a main module, which has no one to send messages to.
const toCaller = self as unknown as Worker;

if ("WorkerGlobalScope" in globalThis) {
  let shared: Shared;
  toCaller.onmessage = ({ data }) => {
    if (data.shared) shared = data.shared;
    toCaller.postMessage(data.mark ? markRows(shared, data.mark, data.before) : 0);
    if (data === "close") self.close();
  };
} else if (import.meta.main) {
  const { parseArgs } = await import("jsr:@std/cli@1/parse-args");
  const refuse = (message: string) => (console.error(`error: ${message}`), Deno.exit(2));
  const flags = parseArgs(Deno.args, {
    string: ["workers", "megabytes"],
    boolean: "help",
    default: { workers: "4", megabytes: "400" },
    unknown: (argument) => refuse(`${argument}: there is only --workers, --megabytes and --help`),
  });
  if (flags.help) {
    console.log("Workers mark the rows of one array.\n  --workers N    1 to 64\n  --megabytes N  its size, 1 to 32000");
    Deno.exit(0);
  }
  const number = (name: "workers" | "megabytes", most: number) => {
    const value = Number(flags[name] || NaN);
    if (Number.isInteger(value) && value >= 1 && value <= most) return value;
    return refuse(`--${name} ${flags[name]}: must be a whole number from 1 to ${most}`);
  };
  const workers = number("workers", 64), megabytes = number("megabytes", 32_000);

  // 12,500 numbers are 100 kB: a row is long enough that the counter costs nothing beside it.
  const columns = 12_500, rows = 10 * megabytes, before = Deno.memoryUsage().rss;
  const { array, run, close } = await experiment({ rows, columns, workers });
  for (const pass of ["first", "second"]) {
    const start = performance.now(), says = await run(), time = (performance.now() - start) / 1000;
    const counted = tally(array);
    console.log(
      `${pass} pass: ${(array.byteLength / time / 1e9).toFixed(2)} GB/s; rows of each: ${[...says.values()]}`,
    );
    for (const [mark, rows] of says) {
      if ((counted.get(mark) ?? 0) !== rows * columns) throw new Error(`mark ${mark}: ${counted.get(mark)} numbers`);
    }
    const total = [...says.keys()].reduce((sum, mark) => sum + (counted.get(mark) ?? 0), 0);
    if (total !== array.length) throw new Error(`${array.length - total} numbers have no mark of this pass`);
  }
  const grown = (Deno.memoryUsage().rss - before) / 1e6;
  console.log(`${megabytes} MB shared by ${workers} workers: the process has grown by ${grown.toFixed(0)} MB`);
  await close();
}
