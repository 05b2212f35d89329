/**
 * The split and the search as an expression of Arquero.
 *
 * What to notice: there is nothing vectorised about it. Arquero writes a loop that calls its own `split` and `indexof` for
 * each row, which call those of JavaScript: the array and the parts are made as in strings_split.ts, and the checks that
 * `op` makes come on top.
 *
 * @original 07_pandas/ols_basics/str_operation.py
 * @run deno run ch07/str_operation/strings_arquero.ts
 * @takes 1 s
 */

import * as aq from "npm:arquero@8.0.1";

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
export function prepare(texts: readonly string[]): aq.ColumnTable {
  check(texts);
  return aq.table({ text: texts as string[] });
}

/** Where the first 9 stands behind the point, from 0; -1 where there is none. Texts without a point are refused. */
export function find(table: aq.ColumnTable): Int32Array {
  // Arquero reads the text of the function, and calls its own `op`.
  const found = table.derive({
    found: (row: { text: string }) => aq.op.indexof(aq.op.split(row.text, ".", 2)[1], "9"),
  });
  return Int32Array.from(found.array("found") as number[]);
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
