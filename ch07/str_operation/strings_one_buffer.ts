/**
 * All texts in one buffer of bytes, with the place where each begins: what data frames keep inside, scanned by hand.
 *
 * What to notice: no text is an object any more, so that reading one follows no pointer and calls nothing. The loop looks
 * at each byte once, in order. Making the buffer takes longer than one search of it: it pays where texts stay.
 *
 * @original 07_pandas/ols_basics/str_operation.py
 * @run deno run ch07/str_operation/strings_one_buffer.ts
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

/** Bytes of UTF-8, and where each text begins; one more number says where the last one ends. */
export interface Texts {
  bytes: Uint8Array;
  starts: Uint32Array;
}

/** @throws TypeError if a text has no point */
export function prepare(texts: readonly string[]): Texts {
  check(texts);
  const starts = new Uint32Array(texts.length + 1), encoder = new TextEncoder();
  // A UTF-16 unit takes at most three bytes.
  let bytes = new Uint8Array(3 * texts.reduce((sum, { length }) => sum + length, 0)), at = 0;
  for (let i = 0; i < texts.length; i++) starts[i + 1] = at += encoder.encodeInto(texts[i], bytes.subarray(at)).written;
  bytes = bytes.slice(0, at);
  return { bytes, starts };
}

const point = ".".charCodeAt(0), nine = "9".charCodeAt(0);

/** Where the first 9 stands behind the point, from 0; -1 where there is none. Texts without a point are refused. */
export function find({ bytes, starts }: Texts): Int32Array {
  const found = new Int32Array(starts.length - 1);
  for (let i = 0; i < found.length; i++) {
    const end = starts[i + 1];
    let at = starts[i];
    while (bytes[at] !== point) at++;
    const behind = ++at;
    while (at < end && bytes[at] !== nine) at++;
    found[i] = at === end ? -1 : at - behind;
  }
  return found;
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
