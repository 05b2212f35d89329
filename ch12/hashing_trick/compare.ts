/**
 * The hashing trick: mails told apart by words that have columns of their own, and by words hashed into a few columns.
 *
 * In quick mode the features are words, with --full also pairs and triples of words, as in the original; --brief takes every
 * eighth mail. The settings of logistic_regression.ts were chosen on a part of the mails to learn from.
 *
 * @original 12_less_ram/sklearn_hashing_trick/feature_hashing_test1.py
 * @run deno run --allow-read=. --allow-write=results --allow-run=deno --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch12/hashing_trick/compare.ts
 * @takes 12 s
 */

import { barChart, lineChart, palette } from "../../bench/lib/chart.ts";
import { isBrief } from "../../bench/lib/measure.ts";
import { figure } from "../../bench/lib/results.ts";
import { compareSections, needing, type Section } from "../../bench/lib/sections.ts";
import { median } from "../../bench/lib/statistics.ts";
import { formatBytes, formatNumber, formatRatio, formatTime, table } from "../../bench/lib/table.ts";
import { denoOnPath } from "../../bench/parts.ts";
import { DictVectorizer } from "./dict_vectorizer.ts";
import { columnOf, FeatureHasher, type Matrix, murmur3 } from "./feature_hasher.ts";
import { judge, loss, normalizeRows, predict, train, type Verdict } from "./logistic_regression.ts";
import { loadMails, SpamFilter, split } from "./spam.ts";
import { fileURLToPath } from "node:url";

export function run(args: readonly string[]) {
  return compareSections(
    {
      chapter: "ch12",
      topic: "hashing_trick",
      question: "What is the hashing trick, and what does it cost?",
      answer: "Where the column of a feature is its hash, there is no dictionary",
    },
    { cost: needing(denoOnPath, costSection), columns: columnsSection },
    args,
  );
}

const testShare = 0.25, settings = { seed: 1, penalty: 1e-6 };

/** Words in the longest feature. */
const ngramsOf = (full: boolean) => full ? 3 : 1;

/** Numbers of columns. */
function widthsOf(full: boolean): number[] {
  const widths: number[] = [], [first, last, step] = isBrief() ? [8, 20, 4] : full ? [6, 22, 1] : [6, 20, 2];
  for (let exponent = first; exponent <= last; exponent += step) widths.push(2 ** exponent);
  return widths;
}

interface Part {
  texts: string[];
  labels: Uint8Array;
}

interface Data {
  learning: Part;
  test: Part;
}

/** The mails to learn from and those to test with; of all mails every `step`th. */
export async function mails(step: number): Promise<Data> {
  const { texts, labels } = await loadMails(), taken = labels.filter((_, row) => row % step === 0);
  const rows = split(taken, testShare, settings.seed);
  const part = (rows: number[]): Part => ({
    texts: rows.map((row) => texts[row * step]),
    labels: Uint8Array.from(rows, (row) => taken[row]),
  });
  return { learning: part(rows.train), test: part(rows.test) };
}

const mailStep = () => isBrief() ? 8 : 1;

/** What the model on top of a vectoriser came to. */
interface Outcome {
  verdict: Verdict;
  /** After the first and after the last epoch. */
  losses: [number, number];
  /** The counts to learn from, not yet scaled. */
  rows: Matrix;
}

function learn(vectorizer: DictVectorizer | FeatureHasher, { learning, test }: Data): Outcome {
  const rows = vectorizer.fitTransform(learning.texts), { penalty } = settings;
  const scaled = normalizeRows({ ...rows, values: rows.values.slice() });
  let first = NaN;
  const model = train(scaled, learning.labels, {
    ...settings,
    after: (model) => Number.isNaN(first) && (first = loss(scaled, learning.labels, model, penalty)),
  });
  return {
    verdict: judge(predict(normalizeRows(vectorizer.transform(test.texts)), model), test.labels),
    losses: [first, loss(scaled, learning.labels, model, penalty)],
    rows,
  };
}

interface Sweep extends Data {
  features: string[];
  dictionary: Outcome;
  hashed: Map<number, Outcome>;
}

let swept: Promise<Sweep> | undefined;

/** The same mails with a dictionary and with each number of columns; done once, for both sections. */
function sweep(full: boolean): Promise<Sweep> {
  return swept ??= mails(mailStep()).then((data) => {
    const vectorizer = new DictVectorizer(ngramsOf(full)), dictionary = learn(vectorizer, data);
    const hashed = new Map(
      widthsOf(full).map((width) => [width, learn(new FeatureHasher(width, ngramsOf(full)), data)]),
    );
    return { ...data, features: [...vectorizer.vocabulary.keys()], dictionary, hashed };
  });
}

/** Hashes of texts one by one, without the hasher's loop over bytes. */
export function hashesOf(features: readonly string[]): Int32Array {
  const encoder = new TextEncoder();
  return Int32Array.from(features, (feature) => {
    const bytes = encoder.encode(feature);
    return murmur3(bytes, 0, bytes.length);
  });
}

/** How many features have a column together with another one. */
export function sharing(hashes: Int32Array, width: number): number {
  const inColumn = new Uint32Array(width);
  for (const hash of hashes) inColumn[columnOf(hash, width)]++;
  return hashes.reduce((sum, hash) => inColumn[columnOf(hash, width)] > 1 ? sum + 1 : sum, 0);
}

/** In how many rows the hasher's numbers are not the dictionary's, added up by the columns and signs of their features. */
export function differingRows(dictionary: Matrix, hashed: Matrix, hashes: Int32Array): number {
  const differences = new Float64Array(hashed.width);
  let differing = 0;
  for (let row = 0; row + 1 < dictionary.offsets.length; row++) {
    const touched: number[] = [];
    const add = (column: number, value: number) => {
      differences[column] += value;
      touched.push(column);
    };
    for (let i = dictionary.offsets[row]; i < dictionary.offsets[row + 1]; i++) {
      const hash = hashes[dictionary.columns[i]];
      add(columnOf(hash, hashed.width), hash < 0 ? -dictionary.values[i] : dictionary.values[i]);
    }
    for (let i = hashed.offsets[row]; i < hashed.offsets[row + 1]; i++) add(hashed.columns[i], -hashed.values[i]);
    if (touched.some((column) => differences[column] !== 0)) differing++;
    for (const column of touched) differences[column] = 0;
  }
  return differing;
}

/** What SMHasher, the test of its author, calls the verification value: 0xb0f57ee3 for MurmurHash3_x86_32. */
export function murmurVerification(): number {
  const keys = Uint8Array.from({ length: 256 }, (_, i) => i), hashes = new DataView(new ArrayBuffer(1024));
  for (let i = 0; i < 256; i++) hashes.setInt32(4 * i, murmur3(keys, 0, i, 256 - i), true);
  return murmur3(new Uint8Array(hashes.buffer), 0, 1024) >>> 0;
}

/** The longest run of first mails in which no two features share a column, and how far the two models differ on it. */
export function withoutCollisions({ texts, labels }: Part, width: number) {
  const growing = new DictVectorizer();
  let count = 0;
  for (const text of texts) {
    growing.fitTransform([text]);
    if (sharing(hashesOf([...growing.vocabulary.keys()]), width) > 0) break;
    count++;
  }
  const few = texts.slice(0, count), dictionary = new DictVectorizer();
  const [exact, hashed] = [dictionary, new FeatureHasher(width)].map((vectorizer) => {
    const rows = normalizeRows(vectorizer.fitTransform(few));
    return predict(rows, train(rows, labels.subarray(0, count), settings));
  });
  return {
    mails: count,
    features: dictionary.vocabulary.size,
    difference: exact.reduce((most, p, row) => Math.max(most, Math.abs(p - hashed[row])), 0),
  };
}

const percent = (share: number) => `${(100 * share).toFixed(1)}%`;
const power = (width: number) => `2^${Math.log2(width)}`;

/** Fewer and fewer columns. */
async function columnsSection(full: boolean): Promise<Section> {
  const { learning, test, features, dictionary, hashed } = await sweep(full);
  const hashes = hashesOf(features), count = features.length, exact = errorOf(dictionary.verdict);
  const baseline = spamIn(test) / test.labels.length,
    standardError = Math.sqrt(exact * (1 - exact) / test.labels.length);
  const points = [...hashed].map(([width, { verdict, losses, rows }]) => ({
    width,
    verdict,
    losses,
    numbers: rows.columns.length,
    error: errorOf(verdict),
    shared: sharing(hashes, width),
    // A feature is alone if none of the others fell into its column.
    expected: count * (1 - (1 - 1 / width) ** (count - 1)),
    differing: differingRows(dictionary.rows, rows, hashes),
  }));
  const at = (width: number) => points.find((point) => point.width === width)!;
  const fewest = points.find(({ error }) => error <= exact + 0.01), few = withoutCollisions(learning, 2 ** 22);
  const inBoth = new Set(learning.texts).intersection(new Set(test.texts)).size;
  const models = [
    { name: "dictionary", width: count, ...dictionary },
    ...points.map((point) => ({ name: "hashed", ...point })),
  ];
  const judged = ({ accuracy, precision, recall, auc }: Verdict) => [
    percent(1 - accuracy),
    percent(precision),
    percent(recall),
    auc.toFixed(4),
  ];
  const numbers = dictionary.rows.columns.length;
  return {
    tables: [
      `${learning.texts.length} mails to learn from, ${spamIn(learning)} of them spam; ${test.texts.length} to test, ` +
      `${spamIn(test)} of them spam; features of ${ngramsOf(full) === 1 ? "one word" : `1 to ${ngramsOf(full)} words`}`,
      table(
        ["", "columns", "features sharing one", "numbers in rows", "error", "precision", "recall", "AUC"],
        [
          ["all called ham", "", "", "", percent(baseline), "", percent(0), ""],
          [
            "dictionary",
            count.toLocaleString("en-US"),
            percent(0),
            numbers.toLocaleString("en-US"),
            ...judged(dictionary.verdict),
          ],
          ...points.map(({ width, shared, numbers, verdict }) => [
            `hashed, ${power(width)}`,
            width.toLocaleString("en-US"),
            percent(shared / count),
            numbers.toLocaleString("en-US"),
            ...judged(verdict),
          ]),
        ],
      ),
    ],
    charts: {
      hashing_trick_error: lineChart({
        title: `Mails judged wrongly, over the columns for ${count.toLocaleString("en-US")} features`,
        x: { title: "columns, as a power of two", ticks: points.map(({ width }) => Math.log2(width)) },
        y: { title: "% of the mails in the test", log: true, ticks: [0.5, 1, 2, 5, 10, 20, 30] },
        lines: [
          {
            name: "all called ham",
            color: palette[9],
            dash: true,
            points: points.map((point) => dot(point, baseline)),
          },
          { name: "hashed", color: palette[0], points: points.map((point) => dot(point, point.error)) },
          { name: "dictionary", color: palette[1], dash: true, points: points.map((point) => dot(point, exact)) },
        ],
      }),
    },
    figures: [
      figure("error: all called ham", test.labels.length, baseline, "share"),
      ...models.flatMap(({ name, width, verdict }) =>
        (["accuracy", "precision", "recall", "auc"] as const).map((key) =>
          figure(`${key}: ${name}`, width, verdict[key], "share")
        )
      ),
      figure("numbers in rows: dictionary", count, numbers, "numbers"),
      ...points.flatMap(({ width, numbers, shared }) => [
        figure("numbers in rows: hashed", width, numbers, "numbers"),
        figure("features sharing a column", width, shared / count, "share"),
      ]),
    ],
    checks: [
      {
        claim: "MurmurHash3 has its author's verification value",
        passed: murmurVerification() === 0xb0f57ee3,
        evidence: murmurVerification().toString(16),
      },
      {
        claim: "at every width the hashed rows are the dictionary's, added up by the hashes of the features",
        passed: points.every(({ differing }) => differing === 0),
        evidence: points.map(({ width, differing }) => `${differing} rows differ at ${width}`).join(", "),
      },
      {
        claim: "as many features share a column as chance would have it (within six standard deviations)",
        passed: points.every(({ shared, expected }) =>
          // Those that share come in pairs at least, which makes the variance up to twice that of a count.
          Math.abs(shared - expected) <= 6 * Math.sqrt(2 * expected * (1 - expected / count)) + 2
        ),
        evidence: points.map(({ width, shared, expected }) => `${width}: ${shared}, not ${expected.toFixed(1)}`).join(
          "; ",
        ),
      },
      {
        claim: "where no two features share a column, both models say the same of every mail, to the last bit",
        passed: few.mails > 1 && few.difference === 0,
        evidence: `${few.mails} mails, ${few.features} features, difference ${few.difference}`,
      },
      {
        claim: "no mail is in both parts, and a quarter of the spam and of the ham is in the test, to the mail",
        passed: inBoth === 0 &&
          [spamIn, hamIn].every((of) => of(test) === Math.round(testShare * (of(test) + of(learning)))),
        evidence: `${inBoth} in both; spam ${spamIn(test)} and ${spamIn(learning)}, ham ${hamIn(test)} and ${
          hamIn(learning)
        }`,
      },
      {
        claim: "every model loses less after the last epoch than after the first",
        passed: models.every(({ losses: [first, last] }) => last < first),
        evidence: models.map(({ losses }) => losses.map(formatNumber).join(" to ")).join(", "),
      },
    ],
    claims: [
      {
        claim: "2^20 columns, scikit-learn's default, judge as well as the dictionary (within 0.5 points)",
        held: Math.abs(at(2 ** 20).error - exact) <= 0.005,
        evidence: `${percent(at(2 ** 20).error)} wrong and ${percent(exact)}, whose standard error is ${
          percent(standardError)
        }`,
      },
      {
        claim: "2^16 columns are within 1 point",
        held: at(2 ** 16).error <= exact + 0.01,
        evidence: `${percent(at(2 ** 16).error)}, though ${percent(at(2 ** 16).shared / count)} of the features share`,
      },
      {
        claim: "2^8 columns make at least twice the errors",
        held: at(2 ** 8).error >= 2 * exact,
        evidence: percent(at(2 ** 8).error),
      },
      {
        claim: "fewer columns hardly make the rows smaller: 2^12 leave 70% of the numbers or more",
        held: at(2 ** 12).numbers >= 0.7 * numbers,
        evidence: percent(at(2 ** 12).numbers / numbers),
      },
    ],
    finding: `${percent(at(2 ** 16).error)} of the mails are judged wrongly with 2^16 columns and ${
      percent(exact)
    } with a column for each of ${count.toLocaleString("en-US")} features${
      fewest ? `; the fewest columns within a point are ${power(fewest.width)}` : ""
    }`,
  };
}

/** A value at a width, for the chart. */
const dot = ({ width }: { width: number }, share: number) => ({ x: Math.log2(width), y: 100 * share });

/** Bytes that stay with each vectoriser once the mails are gone, in a process of its own: V8's heap and beside it. */
export async function heldByVectorizers(step: number, ngrams: number): Promise<{ dictionary: number; hasher: number }> {
  const module = (name: string) => JSON.stringify(import.meta.resolve(`./${name}.ts`));
  const source = `
    import { DictVectorizer, heldBytes } from ${module("dict_vectorizer")};
    import { FeatureHasher } from ${module("feature_hasher")};
    import { mails } from ${module("compare")};
    const { learning: { texts } } = await mails(${step});
    const held = (make) => heldBytes(() => {
      const vectorizer = make();
      vectorizer.fitTransform(texts);
      return vectorizer;
    });
    console.log(JSON.stringify({
      dictionary: held(() => new DictVectorizer(${ngrams})),
      hasher: held(() => new FeatureHasher(2 ** 20, ${ngrams})),
    }));`;
  const config = fileURLToPath(import.meta.resolve("../../deno.json"));
  const args = [
    "run",
    "--no-prompt",
    `--config=${config}`,
    "--v8-flags=--single-threaded,--expose-gc",
    "--ext=ts",
    "-",
  ];
  const child = new Deno.Command("deno", { args, stdin: "piped", stdout: "piped", stderr: "piped" }).spawn();
  const output = child.output(), writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(source));
  await writer.close();
  const { success, stdout, stderr } = await output, text = new TextDecoder();
  if (!success) throw new Error(`deno ${args.join(" ")}: ${text.decode(stderr)}`);
  return JSON.parse(text.decode(stdout));
}

/** One way to judge mails, and what it takes. */
interface Way {
  name: string;
  /** Seconds; none where there are no rows. */
  vectorizing: number[];
  training: number[];
  /** Bytes of the rows to learn from, of the vocabulary, and of the weights. */
  rows: number;
  vocabulary: number;
  weights: number;
  error: number;
}

/**
 * Bytes and seconds.
 *
 * V8's table of names, which lies outside the heap and has a place for each of the vocabulary's strings, is not counted.
 */
async function costSection(full: boolean): Promise<Section> {
  const ngrams = ngramsOf(full), bigger = 2 ** 20, smaller = 2 ** 16;
  // While mails are read there, they may be read here: nothing is timed yet.
  const [held, { learning, test, features, dictionary, hashed }] = await Promise.all([
    heldByVectorizers(mailStep(), ngrams),
    sweep(full),
  ]);
  const way = (name: string, { rows, verdict }: Outcome, vocabulary: number): Way => ({
    name,
    vectorizing: [],
    training: [],
    rows: rows.columns.byteLength + rows.values.byteLength + rows.offsets.byteLength,
    vocabulary,
    weights: 8 * rows.width,
    error: errorOf(verdict),
  });
  const exact = way("dictionary", dictionary, held.dictionary);
  const wide = way(`hashed, ${power(bigger)}`, hashed.get(bigger)!, 0);
  const narrow = way(`hashed, ${power(smaller)}`, hashed.get(smaller)!, 0);
  const onePass: Way = {
    name: `one pass, ${power(bigger)}`,
    vectorizing: [],
    training: [],
    rows: 0,
    vocabulary: 0,
    weights: NaN,
    error: NaN,
  };
  const ways = [exact, wide, narrow, onePass];
  const vectorizers = new Map<Way, () => DictVectorizer | FeatureHasher>([
    [exact, () => new DictVectorizer(ngrams)],
    [wide, () => new FeatureHasher(bigger, ngrams)],
    [narrow, () => new FeatureHasher(smaller, ngrams)],
  ]);
  for (let round = 0; round < (isBrief() ? 1 : full ? 5 : 2); round++) {
    for (const [way, make] of vectorizers) {
      const rows = timed(way.vectorizing, () => make().fitTransform(learning.texts));
      normalizeRows(rows);
      timed(way.training, () => train(rows, learning.labels, settings));
    }
    const filter = new SpamFilter(bigger, ngrams);
    timed(onePass.training, () => learning.texts.forEach((text, row) => filter.learn(text, learning.labels[row])));
    const judged = judge(Float64Array.from(test.texts, (text) => filter.predict(text)), test.labels);
    Object.assign(onePass, { weights: filter.weights.byteLength, error: errorOf(judged) });
  }
  const kept = ({ vocabulary, weights }: Way) => vocabulary + weights, each = held.dictionary / features.length;
  const asFast = (key: "vectorizing" | "training", way: Way) => median(exact[key]) / median(way[key]);
  const orNone = (bytes: number) => bytes === 0 ? "none" : formatBytes(bytes);
  return {
    tables: [table(
      ["", "to vectorise", "to learn", "rows", "vocabulary", "weights", "kept, of dictionary", "error"],
      ways.map((way) => [
        way.name,
        way.vectorizing.length > 0 ? formatTime(median(way.vectorizing)) : "",
        formatTime(median(way.training)),
        orNone(way.rows),
        orNone(way.vocabulary),
        formatBytes(way.weights),
        percent(kept(way) / kept(exact)),
        percent(way.error),
      ]),
    )],
    charts: {
      hashing_trick_bytes: barChart({
        title: `What is kept to judge mails by ${features.length.toLocaleString("en-US")} features`,
        x: { title: "MiB" },
        bars: [
          { name: "dictionary: vocabulary", value: exact.vocabulary / 2 ** 20, color: palette[1] },
          { name: "dictionary: weights", value: exact.weights / 2 ** 20, color: palette[1] },
          ...[wide, narrow, onePass].map(({ name, weights }) => ({
            name: `${name}: weights`,
            value: weights / 2 ** 20,
          })),
        ],
        text: (value) => `${formatNumber(value)} MiB`,
      }),
    },
    figures: ways.flatMap(({ name, vectorizing, training, rows, vocabulary, weights, error }) => [
      ...vectorizing.length > 0
        ? [figure(`vectorise: ${name}`, learning.texts.length, median(vectorizing), "s", vectorizing)]
        : [],
      figure(`learn: ${name}`, learning.texts.length, median(training), "s", training),
      figure(`rows: ${name}`, learning.texts.length, rows, "bytes"),
      figure(`vocabulary: ${name}`, features.length, vocabulary, "bytes"),
      figure(`weights: ${name}`, features.length, weights, "bytes"),
      figure(`error: ${name}`, test.texts.length, error, "share"),
    ]),
    checks: [
      {
        claim:
          "a feature takes no less than its place in a full Map and the shortest string, and no more than 200 bytes",
        passed: each >= 28 + 24 && each <= 200,
        evidence: `${each.toFixed(1)} bytes`,
      },
      {
        claim: "the hasher keeps less than a thousand bytes",
        passed: Math.abs(held.hasher) < 1000,
        evidence: `${held.hasher} bytes`,
      },
      {
        claim: "the filter that saw each mail once is wrong less often than one that calls all of them ham",
        passed: onePass.error < spamIn(test) / test.labels.length,
        evidence: `${percent(onePass.error)} wrong`,
      },
    ],
    claims: [
      {
        claim: "vectorising takes half the time or less without a dictionary",
        held: asFast("vectorizing", wide) >= 2,
        evidence: `${formatRatio(asFast("vectorizing", wide))} as fast`,
      },
      {
        claim: "learning is faster with hashed rows, too",
        held: asFast("training", wide) > 1,
        evidence: `${formatRatio(asFast("training", wide))} as fast with ${
          bigger.toLocaleString("en-US")
        } columns and ${formatRatio(asFast("training", narrow))} with ${
          smaller.toLocaleString("en-US")
        }; the dictionary has ${
          features.length.toLocaleString("en-US")
        }, those of common features side by side, where hashing scatters them`,
      },
      {
        claim: `${power(smaller)} columns keep a tenth of the dictionary's bytes or less`,
        held: kept(narrow) <= kept(exact) / 10,
        evidence: `${formatBytes(kept(narrow))} and ${formatBytes(kept(exact))}`,
      },
      {
        claim: "the rows take the same bytes with both (within 5%): it is not them that the trick saves",
        held: Math.abs(wide.rows / exact.rows - 1) <= 0.05,
        evidence: `${formatBytes(wide.rows)} and ${formatBytes(exact.rows)}`,
      },
    ],
    finding: `kept are ${formatBytes(kept(narrow))} with ${power(smaller)} columns and ${
      formatBytes(kept(exact))
    } with a dictionary (${formatNumber(each)} bytes a feature), and vectorising is ${
      formatRatio(asFast("vectorizing", wide))
    } as fast; one pass that keeps no rows judges ${percent(onePass.error)} wrongly after ${
      formatTime(median(onePass.training))
    }`,
  };
}

/** What `call` gives; the seconds it took go to `into`. */
function timed<T>(into: number[], call: () => T): T {
  const start = performance.now(), result = call();
  into.push((performance.now() - start) / 1000);
  return result;
}

const errorOf = ({ accuracy }: Verdict) => 1 - accuracy;
const spamIn = ({ labels }: Part) => labels.reduce((sum, label) => sum + label, 0);
const hamIn = (part: Part) => part.labels.length - spamIn(part);

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
