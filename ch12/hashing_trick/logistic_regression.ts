/**
 * Logistic regression on sparse rows, learnt by stochastic gradient descent with an L2 penalty.
 *
 * What to notice: a step touches only the columns that its row has, a few hundred of a million. The penalty shrinks all
 * weights in every step, which would touch them all; they are therefore kept as one common factor times what is stored,
 * and shrinking is one multiplication.
 *
 * @original 12_less_ram/sklearn_hashing_trick/feature_hashing_explanation2.py (scikit-learn's LogisticRegression)
 * @run deno run ch12/hashing_trick/logistic_regression.ts
 * @takes 1 s
 */

/** Sparse rows: of row r, the values and their columns are those from `offsets[r]` up to `offsets[r + 1]`. */
export interface Matrix {
  width: number;
  offsets: Int32Array;
  columns: Int32Array;
  values: Float32Array;
}

export interface Model {
  /** One for each column. */
  weights: Float64Array;
  bias: number;
}

export interface Options {
  /** How often each row is visited, in a new order each time. */
  epochs?: number;
  /** The length of the first step; step t has rate / (1 + rate * penalty * t). */
  rate?: number;
  /** λ of the penalty λ/2 |weights|². */
  penalty?: number;
  seed?: number;
  /** Called after each epoch with the model so far. */
  after?: (model: Model) => void;
}

/** Scales each row, in place, to length 1: a long text says no more than a short one. Rows of nothing stay. */
export function normalizeRows(matrix: Matrix): Matrix {
  const { offsets, values } = matrix;
  for (let row = 0; row + 1 < offsets.length; row++) {
    let squares = 0;
    for (let i = offsets[row]; i < offsets[row + 1]; i++) squares += values[i] * values[i];
    if (squares > 0) {
      for (let i = offsets[row], length = Math.sqrt(squares); i < offsets[row + 1]; i++) values[i] /= length;
    }
  }
  return matrix;
}

/**
 * Learns which rows are 1 and which 0 (Bottou 2010).
 *
 * @throws RangeError unless there is a row, and a label of 0 or 1 for each; or if no step could be that long
 */
export function train(
  matrix: Matrix,
  labels: Uint8Array,
  { epochs = 10, rate = 10, penalty = 1e-6, seed = 1, after }: Options = {},
): Model {
  const { width, offsets, columns, values } = matrix, rows = offsets.length - 1;
  if (rows < 1 || labels.length !== rows) throw new RangeError(`${rows} rows and ${labels.length} labels`);
  if (labels.some((label) => label > 1)) throw new RangeError("a label is 0 or 1");
  if (!(rate > 0 && penalty >= 0 && rate * penalty < 1)) {
    throw new RangeError(`rate ${rate} must be above 0, penalty ${penalty} not below it, their product below 1`);
  }
  // The weights are scale * stored.
  const stored = new Float64Array(width), order = Int32Array.from(labels, (_, i) => i);
  let scale = 1, bias = 0, steps = 0, state = seed;
  const random = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  for (let epoch = 0; epoch < epochs; epoch++) {
    for (let i = rows - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1)), row = order[i];
      order[i] = order[j];
      order[j] = row;
    }
    for (const row of order) {
      let sum = 0;
      for (let i = offsets[row]; i < offsets[row + 1]; i++) sum += stored[columns[i]] * values[i];
      const error = sigmoid(scale * sum + bias) - labels[row];
      const step = rate / (1 + rate * penalty * steps++);
      scale *= 1 - step * penalty;
      const change = step * error / scale;
      for (let i = offsets[row]; i < offsets[row + 1]; i++) stored[columns[i]] -= change * values[i];
      bias -= step * error;
    }
    after?.({ weights: stored.map((weight) => weight * scale), bias });
  }
  for (let column = 0; column < width; column++) stored[column] *= scale;
  return { weights: stored, bias };
}

/** The probability that a row is 1, for each row. */
export function predict(matrix: Matrix, model: Model): Float64Array {
  return margins(matrix, model).map(sigmoid);
}

/** What learning makes small: the mean of -log of the probability given to the right label, and the penalty. */
export function loss(matrix: Matrix, labels: Uint8Array, model: Model, penalty: number): number {
  // -log of sigmoid(x), which itself may round to 0.
  const surprise = (x: number) => Math.log1p(Math.exp(-Math.abs(x))) + Math.max(0, -x);
  const sum = margins(matrix, model).reduce((sum, margin, row) => sum + surprise(labels[row] ? margin : -margin), 0);
  return sum / labels.length + penalty / 2 * model.weights.reduce((sum, weight) => sum + weight * weight, 0);
}

/** The logarithm of the odds that a row is 1, for each row. */
function margins({ offsets, columns, values }: Matrix, { weights, bias }: Model): Float64Array {
  const result = new Float64Array(offsets.length - 1).fill(bias);
  for (let row = 0; row < result.length; row++) {
    let sum = 0;
    for (let i = offsets[row]; i < offsets[row + 1]; i++) sum += weights[columns[i]] * values[i];
    result[row] += sum;
  }
  return result;
}

/** How far probabilities agree with labels. */
export interface Verdict {
  accuracy: number;
  /** Of the rows above one half, the share that is 1; NaN if there are none. */
  precision: number;
  /** Of the rows that are 1, the share that is above one half. */
  recall: number;
  /** How probable it is that a row that is 1 has more than one that is 0. */
  auc: number;
}

/** Compares the probabilities of rows to be 1 with their labels; what is above one half counts as a 1. */
export function judge(probabilities: Float64Array, labels: Uint8Array): Verdict {
  let hits = 0, alarms = 0, ones = 0;
  probabilities.forEach((p, row) => {
    ones += labels[row];
    if (p > 0.5) labels[row] ? hits++ : alarms++;
  });
  const zeros = labels.length - ones;
  // The ranks of the ones, among equals the mean rank, say how many of the pairs are in order (Mann and Whitney 1947).
  const order = Int32Array.from(labels, (_, row) => row).sort((a, b) => probabilities[a] - probabilities[b]);
  let ranks = 0;
  for (let i = 0, end = 0; i < order.length; i = end) {
    while (end < order.length && probabilities[order[end]] === probabilities[order[i]]) end++;
    for (let j = i; j < end; j++) ranks += labels[order[j]] * (i + 1 + end) / 2;
  }
  return {
    accuracy: (hits + zeros - alarms) / labels.length,
    precision: hits / (hits + alarms),
    recall: hits / ones,
    auc: (ranks - ones * (ones + 1) / 2) / (zeros * ones),
  };
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

if (import.meta.main) {
  // Rows of 20 out of 2000 columns; a row is 1 where most of its columns are even. One row in five is kept for the test.
  const rows = 20_000, each = 20, width = 2000, known = 0.8 * rows, penalty = 1e-6;
  const offsets = Int32Array.from({ length: rows + 1 }, (_, row) => row * each);
  const columns = Int32Array.from({ length: rows * each }, (_, i) => (Math.imul(i + 1, 0x9e3779b1) >>> 8) % width);
  const labels = Uint8Array.from({ length: rows }, (_, row) => {
    const odd = columns.subarray(row * each, (row + 1) * each).reduce((sum, column) => sum + column % 2, 0);
    return odd < each / 2 ? 1 : 0;
  });
  const all = normalizeRows({ width, offsets, columns, values: new Float32Array(rows * each).fill(1) });
  const learning = { ...all, offsets: offsets.subarray(0, known + 1) }, right = labels.subarray(0, known);
  const losses: number[] = [], start = performance.now();
  const model = train(learning, right, {
    penalty,
    after: (model) => losses.push(loss(learning, right, model, penalty)),
  });
  console.log(`loss after each epoch: ${losses.map((value) => value.toFixed(3)).join(" ")}`);
  const { accuracy } = judge(predict({ ...all, offsets: offsets.subarray(known) }, model), labels.subarray(known));
  console.log(
    `${(100 * accuracy).toFixed(1)} % of the others right, in ${(performance.now() - start).toFixed(0)} ms`,
  );
  if (!(losses.at(-1)! < losses[0] && accuracy > 0.95)) throw new Error("nothing was learnt");
}
