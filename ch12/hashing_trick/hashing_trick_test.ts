import { assert, assertAlmostEquals, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { hasCommand } from "../../bench/lib/command.ts";
import { parseHeader, runScript } from "../../bench/lib/script.ts";
import { differingRows, hashesOf, murmurVerification, sharing, withoutCollisions } from "./compare.ts";
import { DictVectorizer } from "./dict_vectorizer.ts";
import { columnOf, FeatureHasher, type Matrix, murmur3 } from "./feature_hasher.ts";
import { judge, loss, type Model, normalizeRows, predict, train } from "./logistic_regression.ts";
import { prepare, SpamFilter, split } from "./spam.ts";

const root = new URL("../../", import.meta.url);

const texts = [
  "to be or not to be",
  "",
  "one",
  "ça coûte 30 € 😀 ça",
  "été été été",
  `${"long ".repeat(300)}${"x".repeat(5000)}`,
  "日本語 の 文章 👩‍👩‍👧 \ud800",
];

/** The features of a text with their counts, spelled out; without those that come to nothing. */
function featuresOf(text: string, ngrams: number): Map<string, number> {
  const words = text === "" ? [] : text.split(" "), counts = new Map<string, number>();
  words.forEach((_, i) => {
    for (let n = 1; n <= ngrams && i + n <= words.length; n++) {
      const feature = words.slice(i, i + n).join(" ");
      counts.set(feature, (counts.get(feature) ?? 0) + 1);
    }
  });
  return counts;
}

/** A row as a sorted list of columns and values, zeros left out. */
function cells({ offsets, columns, values }: Matrix, row: number): [number, number][] {
  const found = [...columns.subarray(offsets[row], offsets[row + 1])].map((column, i): [number, number] => [
    column,
    values[offsets[row] + i],
  ]);
  assertEquals(new Set(found.map(([column]) => column)).size, found.length, "a column is there twice in a row");
  return found.filter(([, value]) => value !== 0).sort(([a], [b]) => a - b);
}

const sorted = (entries: Iterable<[number, number]>) =>
  [...entries].filter(([, value]) => value !== 0).sort(([a], [b]) => a - b);

/** MurmurHash3_x86_32 in exact arithmetic on whole numbers, from its description. */
function slowMurmur(bytes: Uint8Array, seed: bigint): number {
  const word = (x: bigint) => BigInt.asUintN(32, x), turn = (x: bigint, by: bigint) => word(x << by | x >> 32n - by);
  const scramble = (k: bigint) => word(turn(word(k * 0xcc9e2d51n), 15n) * 0x1b873593n);
  let hash = seed;
  for (let at = 0; at < bytes.length; at += 4) {
    const block = bytes.subarray(at, at + 4),
      k = block.reduce((sum, byte, i) => sum | BigInt(byte) << BigInt(8 * i), 0n);
    hash ^= scramble(k);
    if (block.length === 4) hash = word(turn(hash, 13n) * 5n + 0xe6546b64n);
  }
  hash ^= BigInt(bytes.length);
  hash = word((hash ^ hash >> 16n) * 0x85ebca6bn);
  hash = word((hash ^ hash >> 13n) * 0xc2b2ae35n);
  return Number(BigInt.asIntN(32, hash ^ hash >> 16n));
}

Deno.test("MurmurHash3 has the values that its author and scikit-learn publish", () => {
  assertEquals(murmurVerification(), 0xb0f57ee3);
  const foo = new TextEncoder().encode("foo");
  assertEquals(murmur3(foo, 0, 3, 0), -156908512);
  assertEquals(murmur3(foo, 0, 3, 42), -1322301282);
  assertEquals(murmur3(foo, 0, 0), 0);
});

Deno.test("MurmurHash3 agrees with exact arithmetic at every length, also in the middle of other bytes", () => {
  const bytes = Uint8Array.from({ length: 300 }, (_, i) => Math.imul(i + 1, 0x9e3779b1) >>> 24);
  for (let length = 0; length < 40; length++) {
    const start = 3 * length;
    assertEquals(
      murmur3(bytes, start, start + length, length),
      slowMurmur(bytes.slice(start, start + length), BigInt(length)),
    );
  }
});

Deno.test("the hasher's rows are those of scikit-learn's documentation", () => {
  const matrix = new FeatureHasher(8).transform(["dog cat snake", "snake dog", "cat bird"]);
  assertEquals([0, 1, 2].map((row) => cells(matrix, row)), [
    [[3, -1], [5, -1], [7, 1]],
    [[3, -1], [5, -1]],
    [[1, -1], [7, 1]],
  ]);
  // Its other example has ten columns, which are not a power of two, and counts.
  const dense = (counts: Record<string, number>) => {
    const row = new Array(10).fill(0);
    for (const [i, hash] of hashesOf(Object.keys(counts)).entries()) {
      row[Math.abs(hash) % 10] += Math.sign(hash) * Object.values(counts)[i];
    }
    return row;
  };
  assertEquals(dense({ dog: 1, cat: 2, elephant: 4 }), [0, 0, -4, -1, 0, 0, 0, 0, 0, 2]);
  assertEquals(dense({ dog: 2, run: 5 }), [0, 0, 0, -2, -5, 0, 0, 0, 0, 0]);
});

Deno.test("the hasher agrees with a dictionary of hashes and sums, on accents, emoji, and an empty text", () => {
  const encoder = new TextEncoder();
  for (const width of [1, 2, 64, 2 ** 20]) {
    for (const ngrams of [1, 2, 3, 9]) {
      const matrix = new FeatureHasher(width, ngrams).transform(texts);
      assertEquals([matrix.width, matrix.offsets.length], [width, texts.length + 1]);
      for (const [row, text] of texts.entries()) {
        const sums = new Map<number, number>();
        for (const [feature, count] of featuresOf(text, ngrams)) {
          const hash = slowMurmur(encoder.encode(feature), 0n), column = Math.abs(hash) % width;
          sums.set(column, (sums.get(column) ?? 0) + (hash < 0 ? -count : count));
        }
        const what = `${width} columns, ${ngrams} words, ${text.slice(0, 20)}`;
        assertEquals(cells(matrix, row), sorted(sums), what);
        assertEquals(cells(new FeatureHasher(width, ngrams).transform([text]), 0), sorted(sums), `${what}, alone`);
      }
    }
  }
});

Deno.test("the smallest of all hashes, which has no positive counterpart, has a column too", () => {
  for (const width of [1, 8, 2 ** 30]) assertEquals(columnOf(-(2 ** 31), width), 0);
  assertEquals(columnOf(-3, 8), 3);
  assertEquals(columnOf(2 ** 31 - 1, 2 ** 30), 2 ** 30 - 1);
});

Deno.test("the dictionary agrees with counting features as strings, and hands out columns in order", () => {
  for (const ngrams of [1, 2, 3, 9]) {
    const vectorizer = new DictVectorizer(ngrams), matrix = vectorizer.fitTransform(texts);
    const names = [...new Set(texts.flatMap((text) => [...featuresOf(text, ngrams).keys()]))];
    assertEquals([...vectorizer.vocabulary.keys()].sort(), names.sort());
    assertEquals([...vectorizer.vocabulary.values()], names.map((_, i) => i));
    assertEquals(matrix.width, names.length);
    for (const [row, text] of texts.entries()) {
      const expected = [...featuresOf(text, ngrams)].map(([feature, count]): [number, number] => [
        vectorizer.vocabulary.get(feature)!,
        count,
      ]);
      assertEquals(cells(matrix, row), sorted(expected));
    }
  }
});

Deno.test("a word that was not there while fitting has no column in the dictionary, and one of the hasher's", () => {
  const vectorizer = new DictVectorizer();
  vectorizer.fitTransform(["a b", "b c"]);
  const matrix = vectorizer.transform(["b new c new", "new", ""]);
  assertEquals([0, 1, 2].map((row) => cells(matrix, row)), [[[1, 1], [2, 1]], [], []]);
  assertEquals([vectorizer.vocabulary.size, matrix.width], [3, 3]);
  assertEquals(cells(new FeatureHasher(2 ** 20).transform(["new"]), 0).length, 1);
  // Fitting again goes on with the same columns.
  vectorizer.fitTransform(["new a"]);
  assertEquals([...vectorizer.vocabulary.keys()], ["a", "b", "c", "new"]);
});

Deno.test("no text at all makes no rows", () => {
  for (const vectorizer of [new DictVectorizer(2), new FeatureHasher(16, 2)]) {
    const { offsets, columns, values } = vectorizer.fitTransform([]);
    assertEquals([offsets.length, columns.length, values.length], [1, 0, 0]);
  }
});

Deno.test("columns that are no power of two, and features of no words, are refused", () => {
  for (const width of [0, -8, 3, 1.5, 2 ** 31, NaN, Infinity]) {
    const message = `the number of columns must be a power of two up to 2 ** 30, not ${width}`;
    assertThrows(() => new FeatureHasher(width), RangeError, message);
    assertThrows(() => new SpamFilter(width), RangeError, message);
  }
  for (const ngrams of [0, -1, 1.5, NaN, Infinity]) {
    const message = `ngrams must be a whole number from 1, not ${ngrams}`;
    assertThrows(() => new FeatureHasher(8, ngrams), RangeError, message);
    assertThrows(() => new DictVectorizer(ngrams), RangeError, message);
    assertThrows(() => new SpamFilter(8, ngrams), RangeError, message);
  }
});

Deno.test("features that share a column are counted, and a row that is wrong is found", () => {
  assertEquals(sharing(Int32Array.of(1, -1, 9, 2, 8), 8), 3);
  assertEquals(sharing(Int32Array.of(1, 2, 3), 1), 3);
  assertEquals(sharing(new Int32Array(0), 8), 0);
  const vectorizer = new DictVectorizer(2), exact = vectorizer.fitTransform(texts);
  const hashed = new FeatureHasher(16, 2).transform(texts), hashes = hashesOf([...vectorizer.vocabulary.keys()]);
  assertEquals(differingRows(exact, hashed, hashes), 0);
  hashed.values[0]++;
  hashed.columns[hashed.columns.length - 1] ^= 1;
  assertEquals(differingRows(exact, hashed, hashes), 2);
});

Deno.test("without collisions a hashed model is the exact one; it stops before the first mail with a collision", () => {
  const words = (seed: number) => Array.from({ length: 20 }, (_, i) => `w${(seed * 7 + i * i) % 60}`).join(" ");
  const many = Array.from({ length: 30 }, (_, i) => words(i)), labels = Uint8Array.from(many, (_, i) => i % 2);
  const all = withoutCollisions({ texts: many, labels }, 2 ** 22);
  assertEquals([all.mails, all.difference], [30, 0]);
  const few = withoutCollisions({ texts: many, labels }, 2 ** 9);
  assert(few.mails < 30 && few.features < all.features);
  assertEquals(few.difference, 0);
});

/** Rows with the given cells. */
function matrixOf(width: number, rows: [number, number][][]): Matrix {
  const offsets = [0];
  for (const row of rows) offsets.push(offsets.at(-1)! + row.length);
  return {
    width,
    offsets: Int32Array.from(offsets),
    columns: Int32Array.from(rows.flat(), ([column]) => column),
    values: Float32Array.from(rows.flat(), ([, value]) => value),
  };
}

Deno.test("each step goes down the gradient of the loss, as finite differences find it, penalty included", () => {
  const matrix = matrixOf(4, [[[0, 0.5], [2, -1.5]]]), labels = Uint8Array.of(1), rate = 0.7, penalty = 0.2;
  const models: Model[] = [{ weights: new Float64Array(4), bias: 0 }];
  train(matrix, labels, { epochs: 5, rate, penalty, after: (model) => models.push(model) });
  for (let t = 0; t < 5; t++) {
    const before = models[t], after = models[t + 1], step = rate / (1 + rate * penalty * t), h = 1e-5;
    const slope = (change: (model: Model, by: number) => void) => {
      const [up, down] = [h, -h].map((by) => {
        const model = { weights: before.weights.slice(), bias: before.bias };
        change(model, by);
        return loss(matrix, labels, model, penalty);
      });
      return (up - down) / (2 * h);
    };
    for (let j = 0; j < 4; j++) {
      const gradient = slope((model, by) => model.weights[j] += by);
      assertAlmostEquals(after.weights[j], before.weights[j] - step * gradient, 1e-8);
    }
    assertAlmostEquals(after.bias, before.bias - step * slope((model, by) => model.bias += by), 1e-8);
  }
});

Deno.test("rows that a line separates are learnt to the last, a row of nothing by the bias, and the loss falls", () => {
  const rows = [[[0, 1]], [[0, 2], [1, 0.1]], [[1, 1]], [[1, 3], [0, 0.2]], []] as [number, number][][];
  const matrix = matrixOf(2, rows), labels = Uint8Array.of(1, 1, 0, 0, 0), losses: number[] = [];
  const model = train(matrix, labels, {
    epochs: 50,
    rate: 1,
    after: (model) => losses.push(loss(matrix, labels, model, 0)),
  });
  assertEquals(judge(predict(matrix, model), labels), { accuracy: 1, precision: 1, recall: 1, auc: 1 });
  assert(losses.length === 50 && losses[49] < losses[0] / 5, `${losses}`);
});

Deno.test("the loss of one who is certain and wrong is large, and no infinity", () => {
  const model = { weights: Float64Array.of(1000), bias: 0 }, matrix = matrixOf(1, [[[0, 1]], [[0, -1]]]);
  assertEquals(loss(matrix, Uint8Array.of(0, 1), model, 0), 1000);
  assertEquals(loss(matrix, Uint8Array.of(1, 0), model, 0), 0);
});

Deno.test("the same seed learns the same, another one something else", () => {
  const matrix = normalizeRows(new DictVectorizer().fitTransform(texts)),
    labels = Uint8Array.from(texts, (_, i) => i % 2);
  const learn = (seed: number) => train(matrix, labels, { seed }).weights;
  assertEquals(learn(1), learn(1));
  assert(learn(1).some((weight, j) => weight !== learn(2)[j]));
});

Deno.test("rows are scaled to length 1, those of nothing stay", () => {
  const { values } = normalizeRows(matrixOf(5, [[[0, 3], [4, -4]], [], [[1, 0]], [[2, 7]]]));
  assertEquals([...values].map((value) => Math.round(1e6 * value) / 1e6), [0.6, -0.8, 0, 1]);
});

Deno.test("learning without rows, with a label too few or none of 0 and 1, or with steps too long, is refused", () => {
  const two = matrixOf(1, [[[0, 1]], []]);
  assertThrows(() => train(matrixOf(1, []), new Uint8Array(0)), RangeError, "0 rows and 0 labels");
  assertThrows(() => train(two, Uint8Array.of(1)), RangeError, "2 rows and 1 labels");
  assertThrows(() => train(two, Uint8Array.of(1, 2)), RangeError, "a label is 0 or 1");
  for (const [rate, penalty] of [[0, 0], [NaN, 0], [1, -1], [1, NaN], [10, 0.1]]) {
    const message = `rate ${rate} must be above 0, penalty ${penalty} not below it, their product below 1`;
    assertThrows(() => train(two, Uint8Array.of(1, 0), { rate, penalty }), RangeError, message);
  }
});

Deno.test("accuracy, precision, recall and AUC agree with counting pairs, also with equal probabilities", () => {
  const probabilities = Float64Array.of(0.9, 0.2, 0.7, 0.7, 0.5, 0.2, 0.8, 0.7),
    labels = Uint8Array.of(1, 0, 1, 0, 1, 1, 0, 0);
  let pairs = 0;
  for (const [i, p] of probabilities.entries()) {
    for (const [j, q] of probabilities.entries()) if (labels[i] > labels[j]) pairs += p > q ? 1 : p === q ? 0.5 : 0;
  }
  assertEquals(judge(probabilities, labels), { accuracy: 3 / 8, precision: 2 / 5, recall: 1 / 2, auc: pairs / 16 });
  assertEquals(judge(Float64Array.of(0.1, 0.2), Uint8Array.of(0, 1)).precision, NaN);
});

Deno.test("of each label the share goes to the test, to the row, and the same seed deals out the same", () => {
  const labels = Uint8Array.from({ length: 101 }, (_, i) => i % 10 === 0 ? 1 : 0);
  for (const [share, ones, zeros] of [[0.25, 3, 23], [0, 0, 0], [1, 11, 90]]) {
    const { train, test } = split(labels, share, 7);
    assertEquals([...train, ...test].sort((a, b) => a - b), [...labels.keys()]);
    const inTest = test.reduce((sum, row) => sum + labels[row], 0);
    assertEquals([inTest, test.length - inTest], [ones, zeros]);
    assertEquals(split(labels, share, 7), { train, test });
  }
  assert(`${split(labels, 0.25, 7).test}` !== `${split(labels, 0.25, 8).test}`);
  assertEquals(split(new Uint8Array(0), 0.25, 1), { train: [], test: [] });
  for (const share of [-0.1, 1.1, NaN]) {
    assertThrows(() => split(labels, share, 7), RangeError, `the share of the test must be from 0 to 1, not ${share}`);
  }
});

Deno.test("of a mail the subject and the body are read, in lower case and with single spaces", () => {
  assertEquals(
    prepare("From: me\nSubject: Hello\n  THERE\nTo: you\n\nThe  body\r\n\n\tÉté 😀 \n"),
    "hello there the body été 😀",
  );
  assertEquals(prepare("From: me\r\nSUBJECT:no body\r\n\r\n"), "no body");
  assertEquals(prepare("Date: today\n\nbody\nsubject: not this"), "body subject: not this");
  assertEquals(prepare("From: me\n\n"), "");
  assertEquals(prepare(""), "");
});

/** FNV-1a of a text's code units in exact arithmetic, mixed as the filter does. */
function slowFnv(text: string): { plain: number; mixed: number } {
  let hash = 0x811c9dc5n;
  for (let i = 0; i < text.length; i++) hash = BigInt.asUintN(32, (hash ^ BigInt(text.charCodeAt(i))) * 0x01000193n);
  return { plain: Number(hash), mixed: Number(BigInt.asIntN(32, hash ^ hash >> 15n)) };
}

Deno.test("the filter agrees with one that keeps features as strings and knows their hashes", () => {
  // Published with the hash: the FNV-1a of "a" and of "foobar".
  assertEquals([slowFnv("a").plain, slowFnv("foobar").plain], [0xe40c292c, 0xbf9cf968]);
  for (const width of [1, 16, 2 ** 20]) {
    const filter = new SpamFilter(width, 3, 2), weights = new Float32Array(width);
    let bias = 0;
    for (let round = 0; round < 3; round++) {
      for (const [row, text] of texts.entries()) {
        const label = row % 2,
          counts = [...featuresOf(text, 3)].map(([feature, count]) => {
            const { mixed } = slowFnv(feature);
            return { column: (mixed >>> 0) % width, count: mixed < 0 ? -count : count, times: count };
          });
        const length = Math.sqrt(counts.reduce((sum, { times }) => sum + times, 0) || 1);
        const sum = counts.reduce((sum, { column, count }) => sum + weights[column] * count, 0);
        const probability = 1 / (1 + Math.exp(-bias - sum / length));
        assertAlmostEquals(filter.predict(text), probability, 1e-4);
        assertAlmostEquals(filter.learn(text, label), probability, 1e-4);
        bias += 2 * (label - probability);
        for (const { column, count } of counts) weights[column] += 2 * (label - probability) * count / length;
      }
    }
  }
});

Deno.test({
  name: "a vocabulary does not keep the texts alive that its features were cut from",
  ignore: !await hasCommand("deno"),
  async fn() {
    const source = `
      import { DictVectorizer, heldBytes } from ${JSON.stringify(import.meta.resolve("./dict_vectorizer.ts"))};
      const held = heldBytes(() => {
        const vectorizer = new DictVectorizer();
        for (let i = 0; i < 100; i++) {
          vectorizer.fitTransform(["abcdefghijklmnop" + i + " ." .repeat(10_000) + String.fromCharCode(161 + i)]);
        }
        return vectorizer;
      });
      console.log(JSON.stringify([held, heldBytes(() => new Float64Array(1e6))]));`;
    const args = ["eval", "--no-config", "--no-lock", "--v8-flags=--single-threaded,--expose-gc", "--ext=ts", source];
    const { stdout } = await new Deno.Command("deno", { args, stderr: "inherit" }).output();
    const [vocabulary, array] = JSON.parse(new TextDecoder().decode(stdout));
    // 201 features; the texts would be 2 MB and more.
    assert(vocabulary > 201 * 28 && vocabulary < 201 * 300, `${vocabulary} bytes`);
    assert(Math.abs(array - 8e6) < 1e4, `${array} bytes`);
  },
});

Deno.test("without --expose-gc the dictionary's script says which flags it needs", async () => {
  const { code, stderr } = await runScript("deno run ch12/hashing_trick/dict_vectorizer.ts", { cwd: root });
  assertEquals(code, 1);
  assertMatch(stderr, /run this with --v8-flags=--single-threaded,--expose-gc/);
});

Deno.test("without deno on the PATH the compare names it; sections and flags that it does not have it refuses", async () => {
  const { run } = parseHeader(await Deno.readTextFile(new URL("compare.ts", import.meta.url)));
  const folder = await Deno.makeTempDir();
  try {
    const options = { cwd: root, more: ["--brief", "--only=cost"], env: { PATH: folder } };
    const { code, stdout, stderr } = await runScript(run, options);
    assertEquals(code, 0, stderr);
    assertMatch(stdout, /missing: deno on the PATH; npm install -g deno/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  const refused: [string, RegExp][] = [
    ["--only=rows", /^error: --only rows: must be one of cost, columns\n$/],
    ["--size=10", /^error: --size=10 is not a flag of this script/],
  ];
  for (const [flag, message] of refused) {
    const { code, stdout, stderr } = await runScript(run, { cwd: root, more: [flag] });
    assertEquals(code, 2, stderr);
    assertMatch(stderr, message);
    assertEquals(stdout, "");
  }
});
