/**
 * Each text split at its point, and the second part searched: as one writes it.
 *
 * What to notice: `split` makes an array and two texts for each row, which the collector clears again. The texts are no
 * copies, though: V8 lets a part of 13 characters or more point into the whole.
 *
 * @original 07_pandas/ols_basics/str_operation.py
 * @run deno run ch07/str_operation/strings_split.ts
 * @takes 1 s
 */

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

/** The texts themselves. @throws TypeError if one has no point */
export function prepare(texts: readonly string[]): readonly string[] {
  check(texts);
  return texts;
}

/** Where the first 9 stands behind the point, from 0; -1 where there is none. Texts without a point are refused. */
export function find(texts: readonly string[]): Int32Array {
  return Int32Array.from(texts, (text) => text.split(".")[1].indexOf("9"));
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
