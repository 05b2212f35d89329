/**
 * A slope for each person by polars with one thread and with more, in a process for each number.
 *
 * What to notice: polars makes its threads when it is loaded, as many as POLARS_MAX_THREADS says, and never more or fewer. It
 * gives each of them an expression over whole columns. The slope is one expression, a chain of sums of which each waits for the
 * one before: a second thread finds next to nothing to do. Fourteen columns that have nothing to do with each other are
 * fourteen pieces of work.
 *
 * @original 07_pandas/ols_basics/time_iteration_methods_dask.py
 * @run deno run --allow-run=deno ch07/time_iteration_methods_parallel/slopes_polars.ts
 * @takes 5 s
 */

const DAYS = 14, SEED = 1;

/** `people` x 14 hours a day, Poisson(60) minutes each, one person after the other. */
function generate(people: number): Float64Array {
  let state = SEED;
  const random = () => { // mulberry32
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const none = Math.exp(-60);
  return Float64Array.from({ length: people * DAYS }, () => {
    let u = random(), p = none, minutes = 0;
    for (; u > p; p *= 60 / ++minutes) u -= p;
    return minutes / 60;
  });
}

/** The rows so many times over, each copy with a slope that is a minute a day steeper than the one before. */
function repeat(rows: Float64Array, times: number): Float64Array {
  const hours = new Float64Array(times * rows.length);
  for (let copy = 0, at = 0; copy < times; copy++) {
    for (let i = 0; i < rows.length; i++, at++) hours[at] = rows[i] + copy * (i % DAYS) / 60;
  }
  return hours;
}

const names = Array.from({ length: DAYS }, (_, day) => `day${day}`);

/** Milliseconds of each call: for the slopes, and for fourteen columns that have nothing to do with each other. */
export interface Times {
  slopes: number[];
  columns: number[];
  /** The largest difference of a slope from an independent value. */
  error: number;
}

/**
 * Computes all slopes a few times in a process with so many threads, and compares them with least squares in JavaScript.
 *
 * @param people up to 100,000, or a multiple of that: they are repeated
 * @throws Error if the process fails; NotFound if there is no deno on the PATH
 */
export async function experiment(threads: number, people: number, calls: number): Promise<Times> {
  const permissions = ["--allow-ffi", "--allow-read", "--allow-sys=cpus,hostname,networkInterfaces"];
  const args = ["run", "--no-prompt", ...permissions, import.meta.url, `${people}`, `${calls}`];
  const child = new Deno.Command("deno", {
    args,
    env: { POLARS_MAX_THREADS: `${threads}` },
    stdin: "null",
    stderr: "piped",
  });
  const { code, stdout, stderr } = await child.output(), text = new TextDecoder();
  if (code !== 0) throw new Error(`polars with ${threads} threads ended with code ${code}: ${text.decode(stderr)}`);
  return JSON.parse(text.decode(stdout));
}

/** The other side: a process that measures. */
async function measure(people: number, calls: number): Promise<Times> {
  const { default: pl } = await import("npm:nodejs-polars@0.25.2");
  const rows = Math.min(people, 100_000), hours = repeat(generate(rows), people / rows);
  const column = (day: number) => Float64Array.from({ length: people }, (_, person) => hours[person * DAYS + day]);
  const frame = pl.DataFrame(names.map((name, day) => pl.Series(name, column(day))));
  const pairs = names.slice(7).map((name, k) => pl.col(name).sub(pl.col(names[6 - k])).mul((2 * k + 1) / 455));
  const slope = pairs.reduce((sum, pair) => sum.add(pair)).alias("slope");
  const work = {
    slopes: [slope],
    // Each column in units of its standard deviation from its mean.
    columns: names.map((name) => pl.col(name).sub(pl.col(name).mean()).div(pl.col(name).std())),
  };
  const times: Times = { slopes: [], columns: [], error: 0 };
  for (const what of ["slopes", "columns"] as const) {
    // The first call is a rehearsal.
    for (let call = 0; call <= calls; call++) {
      const start = performance.now(), result = frame.select(...work[what]);
      if (call > 0) times[what].push(performance.now() - start);
      else if (what === "slopes") {
        times.error = differenceFromLine(hours, result.getColumn("slope").toTypedArray() as unknown as Float64Array);
      }
    }
  }
  return times;
}

/** How far slopes are from those by the textbook's formula, which weighs each day by itself. */
function differenceFromLine(hours: Float64Array, slopes: Float64Array): number {
  if (slopes.length * DAYS !== hours.length) return Infinity;
  let most = 0;
  for (let person = 0; person < slopes.length; person++) {
    let sum = 0;
    for (let day = 0; day < DAYS; day++) sum += (day - 6.5) * hours[person * DAYS + day];
    most = Math.max(most, Math.abs(sum / 227.5 - slopes[person]));
  }
  return most;
}

if (import.meta.main && Deno.args.length > 0) {
  console.log(JSON.stringify(await measure(Number(Deno.args[0]), Number(Deno.args[1]))));
} else if (import.meta.main) {
  try {
    for (const threads of [1, 2]) {
      const { slopes, columns, error } = await experiment(threads, 400_000, 3),
        best = (times: number[]) => Math.min(...times);
      console.log(
        `400000 people, ${threads} thread${threads > 1 ? "s" : ""}: slopes ${best(slopes).toFixed(1)} ms, ` +
          `fourteen columns each by itself ${best(columns).toFixed(1)} ms`,
      );
      if (!(error < 1e-9)) throw new Error(`the slopes differ by ${error}`);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    console.error("error: there is no deno on the PATH; install it: npm install -g deno");
    Deno.exit(2);
  }
}
