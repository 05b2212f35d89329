/**
 * The split and the search as an expression of polars: whole columns of texts at a time.
 *
 * What to notice: polars keeps the texts as strings_one_buffer.ts does, but the split makes a column of lists, two new
 * texts a row, before anything is searched; the book found the same of pandas, whose vectorised split was slower than a
 * plain function for each row. And polars for JavaScript has no `find`: a regular expression has to do, and the length of
 * what stands before the 9. One for both, without a split, is `findAtOnce`.
 *
 * @original 07_pandas/ols_basics/str_operation.py
 * @run deno run --allow-ffi --allow-read --allow-sys=cpus,hostname,networkInterfaces ch07/str_operation/strings_polars.ts
 * @takes 1 s
 */

import pl from "npm:nodejs-polars@0.25.2";

const SEED = 1;

/** `count` hours, Poisson(60) minutes each, as texts with a point: "1.0", "0.9833333333333333". */
export function makeTexts(count: number): string[] {
  let state = SEED;
  const random = () => { // mulberry32
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const none = Math.exp(-60);
  return Array.from({ length: count }, () => {
    let u = random(), p = none, minutes = 0;
    for (; u > p; p *= 60 / ++minutes) u -= p;
    return minutes % 60 === 0 ? `${minutes / 60}.0` : `${minutes / 60}`;
  });
}
/** Refuses what is no text with a point, by its place. */
function check(texts: readonly string[]): void {
  const wrong = texts.findIndex((text) => typeof text !== "string" || !text.includes("."));
  if (wrong >= 0) throw new TypeError(`row ${wrong} must be a text with a point, not ${JSON.stringify(texts[wrong])}`);
}

/** @throws TypeError if a text has no point */
export function prepare(texts: readonly string[]): pl.DataFrame {
  check(texts);
  return pl.DataFrame({ text: texts });
}

const lengthBefore9 = (texts: pl.Expr, pattern: string) =>
  texts.str.extract(pattern, 1).str.lengths().cast(pl.Int32).fillNull(-1).alias("found");

const search = (frame: pl.DataFrame, found: pl.Expr) =>
  frame.select(found).getColumn("found").toTypedArray() as unknown as Int32Array;

/** Where the first 9 stands behind the point, from 0; -1 where there is none. Texts without a point are refused. */
export function find(frame: pl.DataFrame): Int32Array {
  return search(frame, lengthBefore9(pl.col("text").str.split(".").lst.get(1), "^([^9]*)9"));
}

/** The same by one regular expression on the whole text. */
export function findAtOnce(frame: pl.DataFrame): Int32Array {
  return search(frame, lengthBefore9(pl.col("text"), String.raw`\.([^9]*)9`));
}

if (import.meta.main) {
  const texts = makeTexts(100_000), table = prepare(texts);
  find(table);
  const start = performance.now(), found = find(table), time = performance.now() - start;
  const without = found.filter((position) => position < 0).length;
  console.log(`the first 9 behind the point of 100,000 texts: ${time.toFixed(1)} ms; ${without} have none`);
  if (found.some((position, i) => position !== (texts[i].split(".")[1].search(/9/)))) {
    throw new Error("a regular expression finds other places");
  }
}
