/**
 * A sparse matrix by rows (compressed sparse rows): products, transposition, and how it is made from coordinates.
 *
 * What to notice: where a row begins, and for each number that is not zero its column and itself: 12 bytes a number and
 * 4 a row, against 8 for every place of a dense matrix. Both products touch only what is there. Sorting the coordinates
 * takes no comparison: counted by column and then, without changing the order of equals, by row. Transposing is the
 * same counting, done once. The product of two sparse matrices (Gustavson's) adds up rows of the second in one dense
 * row.
 *
 * @original 12_less_ram/sparse/benchmark_sparse.py
 * @run deno run ch12/sparse/sparse_csr.ts
 * @takes 1 s
 */

export interface Csr {
  rows: number;
  columns: number;
  /** Row r is at `starts[r]` up to, not including, `starts[r + 1]`; rows + 1 of them. */
  starts: Int32Array;
  /** The columns of a row, rising, none twice. */
  indices: Int32Array;
  values: Float64Array;
}

/** Numbers at places of a matrix, in any order; those at the same place are added. */
export interface Coordinates {
  rows: ArrayLike<number>;
  columns: ArrayLike<number>;
  values: ArrayLike<number>;
}

/** Throws a RangeError that names the first place that is not in a matrix of that size. */
function check(rows: number, columns: number, at: Coordinates): void {
  for (const [name, size] of [["rows", rows], ["columns", columns]] as const) {
    if (!(Number.isInteger(size) && size >= 0 && size < 2 ** 31)) {
      throw new RangeError(`${name}: ${size} must be a whole number from 0 to 2^31 - 1`);
    }
    if (at[name].length !== at.values.length) {
      throw new RangeError(`${at[name].length} ${name} for ${at.values.length} values`);
    }
    for (let i = 0; i < at[name].length; i++) {
      const index = at[name][i];
      if (!(Number.isInteger(index) && index >= 0 && index < size)) {
        throw new RangeError(`${name}: ${index} at ${i} is not a whole number from 0 to ${size - 1}`);
      }
    }
  }
}

/** The order in which entries have rising keys, those with equal keys as they were; and where each key begins. */
function countingSort(
  keys: ArrayLike<number>,
  order: Int32Array,
  count: number,
): { order: Int32Array; starts: Int32Array } {
  const starts = new Int32Array(count + 1), sorted = new Int32Array(order.length);
  for (let i = 0; i < keys.length; i++) starts[keys[i] + 1]++;
  for (let key = 0; key < count; key++) starts[key + 1] += starts[key];
  const next = starts.slice();
  for (let i = 0; i < order.length; i++) sorted[next[keys[order[i]]]++] = order[i];
  return { order: sorted, starts };
}

/** A matrix from coordinates. Throws a RangeError for a place outside of it, or unequal numbers of them. */
export function fromCoordinates(rows: number, columns: number, at: Coordinates): Csr {
  check(rows, columns, at);
  const unsorted = Int32Array.from(at.values, (_, i) => i);
  const byColumn = countingSort(at.columns, unsorted, columns);
  const { order, starts } = countingSort(at.rows, byColumn.order, rows);
  const indices = new Int32Array(order.length),
    values = new Float64Array(order.length),
    kept = new Int32Array(rows + 1);
  let end = 0;
  for (let row = 0; row < rows; row++) {
    for (let i = starts[row]; i < starts[row + 1]; i++) {
      const column = at.columns[order[i]];
      if (end > kept[row] && indices[end - 1] === column) {
        values[end - 1] += at.values[order[i]];
      } else {
        indices[end] = column;
        values[end++] = at.values[order[i]];
      }
    }
    kept[row + 1] = end;
  }
  return { rows, columns, starts: kept, indices: indices.slice(0, end), values: values.slice(0, end) };
}

/** The bytes of the three arrays. */
export function byteLength({ starts, indices, values }: Csr): number {
  return starts.byteLength + indices.byteLength + values.byteLength;
}

/** Aᵀ, in time proportional to its size. It is also A by columns (CSC). */
export function transpose({ rows, columns, starts, indices, values }: Csr): Csr {
  const result = {
    rows: columns,
    columns: rows,
    starts: new Int32Array(columns + 1),
    indices: new Int32Array(indices.length),
    values: new Float64Array(values.length),
  };
  for (let i = 0; i < indices.length; i++) result.starts[indices[i] + 1]++;
  for (let column = 0; column < columns; column++) result.starts[column + 1] += result.starts[column];
  const next = result.starts.slice();
  for (let row = 0; row < rows; row++) {
    for (let i = starts[row]; i < starts[row + 1]; i++) {
      const to = next[indices[i]]++;
      result.indices[to] = row;
      result.values[to] = values[i];
    }
  }
  return result;
}

/** y = A x. Throws a RangeError if x is not as long as A has columns. */
export function timesVector({ rows, columns, starts, indices, values }: Csr, x: Float64Array): Float64Array {
  if (x.length !== columns) throw new RangeError(`${columns} columns by a vector of ${x.length}`);
  const y = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    let sum = 0;
    for (let i = starts[row], end = starts[row + 1]; i < end; i++) sum += values[i] * x[indices[i]];
    y[row] = sum;
  }
  return y;
}

/** C = A B. Throws a RangeError if A does not have as many columns as B has rows. What cancels out stays, as a zero. */
export function times(a: Csr, b: Csr): Csr {
  if (a.columns !== b.rows) throw new RangeError(`${a.columns} columns by ${b.rows} rows`);
  const starts = new Int32Array(a.rows + 1), sums = new Float64Array(b.columns);
  // 1 for each column that is not yet in this row of the result, 0 for those that are.
  const fresh = new Uint8Array(b.columns).fill(1);
  let indices = new Int32Array(a.indices.length + b.columns), values = new Float64Array(indices.length), end = 0;
  for (let row = 0; row < a.rows; row++) {
    // Room for a whole row more; how many there will be is known only when they are there.
    if (end + b.columns >= indices.length) {
      const longer = 2 * indices.length + b.columns + 1, old = { indices, values };
      (indices = new Int32Array(longer)).set(old.indices);
      (values = new Float64Array(longer)).set(old.values);
    }
    end = multiplyRow(a, b, row, sums, fresh, indices, end);
    const start = starts[row];
    if (16 * (end - start) > b.columns) {
      // So many that to look at all columns takes less than to sort.
      for (let column = 0, to = start; to < end; column++) if (fresh[column] === 0) indices[to++] = column;
    } else {
      indices.subarray(start, end).sort();
    }
    for (let i = start; i < end; i++) {
      values[i] = sums[indices[i]];
      sums[indices[i]] = 0;
      fresh[indices[i]] = 1;
    }
    starts[row + 1] = end;
  }
  return { rows: a.rows, columns: b.columns, starts, indices: indices.slice(0, end), values: values.slice(0, end) };
}

/** Adds up one row of the product in `sums`, and puts its columns into `indices` from `end` on, as they come. */
function multiplyRow(
  a: Csr,
  b: Csr,
  row: number,
  sums: Float64Array,
  fresh: Uint8Array,
  indices: Int32Array,
  end: number,
): number {
  const { starts, indices: columns, values } = b, full = end + b.columns;
  for (let i = a.starts[row]; i < a.starts[row + 1]; i++) {
    const inner = a.indices[i], factor = a.values[i], to = starts[inner + 1];
    if (end === full) {
      for (let j = starts[inner]; j < to; j++) sums[columns[j]] += factor * values[j];
      continue;
    }
    for (let j = starts[inner]; j < to; j++) {
      const column = columns[j];
      sums[column] += factor * values[j];
      // Written in any case and kept if it is new: a branch that nobody could foretell would take longer.
      indices[end] = column;
      end += fresh[column];
      fresh[column] = 0;
    }
  }
  return end;
}

/** The same numbers and zeros, row by row. */
export function toDense({ rows, columns, starts, indices, values }: Csr): Float64Array {
  const dense = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let i = starts[row]; i < starts[row + 1]; i++) dense[row * columns + indices[i]] = values[i];
  }
  return dense;
}

if (import.meta.main) {
  const n = 2048,
    each = 20,
    count = n * each,
    at = (f: (i: number) => number) => Array.from({ length: count }, (_, i) => f(i));
  // Twenty numbers in each row, anywhere.
  const a = fromCoordinates(n, n, {
    rows: at((i) => i % n),
    columns: at((i) => (Math.imul(i + 1, 0x9e3779b1) >>> 15) % n),
    values: at((i) => Math.sin(i)),
  });
  times(a, a);
  const start = performance.now(), square = times(a, a), elapsed = performance.now() - start;
  const dense = 8 * n * n, bytes = byteLength(a);
  console.log(
    `${n} x ${n}, ${a.values.length} numbers: ${bytes} bytes, dense ${dense}: ${
      (dense / bytes).toFixed(0)
    } times as many`,
  );
  console.log(`squared: ${elapsed.toFixed(1)} ms, ${square.values.length} numbers`);
  // (A A) x is A (A x).
  const x = Float64Array.from({ length: n }, (_, i) => Math.cos(i));
  const expected = timesVector(a, timesVector(a, x)), found = timesVector(square, x);
  const error = Math.max(...found.map((value, i) => Math.abs(value - expected[i])));
  if (!(error < 1e-10)) throw new Error(`(A A) x and A (A x) differ by ${error}`);
}
