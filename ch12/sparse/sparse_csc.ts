/**
 * A sparse matrix by columns (compressed sparse columns), the mirror image of the form by rows.
 *
 * What to notice: a column is at hand where by rows one would have to look through all of them; what is cheap in one
 * form is dear in the other. A x adds a multiple of each column to the result, scattered over it, and skips the columns
 * for which x is zero. Aᵀ x gathers, as A x does by rows: the same three arrays, read as rows, are Aᵀ.
 *
 * @original 12_less_ram/sparse/benchmark_sparse.py
 * @run deno run ch12/sparse/sparse_csc.ts
 * @takes 1 s
 */

export interface Csc {
  rows: number;
  columns: number;
  /** Column c is at `starts[c]` up to, not including, `starts[c + 1]`; columns + 1 of them. */
  starts: Int32Array;
  /** The rows of a column. */
  indices: Int32Array;
  values: Float64Array;
}

/** A matrix by columns from dense numbers, row by row. Throws a RangeError if they are not so many. */
export function fromDense(rows: number, columns: number, dense: ArrayLike<number>): Csc {
  if (dense.length !== rows * columns) throw new RangeError(`${dense.length} numbers for ${rows} x ${columns}`);
  const starts = new Int32Array(columns + 1);
  for (let i = 0; i < dense.length; i++) if (dense[i] !== 0) starts[i % columns + 1]++;
  for (let column = 0; column < columns; column++) starts[column + 1] += starts[column];
  const next = starts.slice(),
    count = starts[columns],
    indices = new Int32Array(count),
    values = new Float64Array(count);
  for (let row = 0, i = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++, i++) {
      if (dense[i] === 0) continue;
      indices[next[column]] = row;
      values[next[column]++] = dense[i];
    }
  }
  return { rows, columns, starts, indices, values };
}

/** y = A x. Throws a RangeError if x is not as long as A has columns. */
export function timesVector({ rows, columns, starts, indices, values }: Csc, x: Float64Array): Float64Array {
  if (x.length !== columns) throw new RangeError(`${columns} columns by a vector of ${x.length}`);
  const y = new Float64Array(rows);
  for (let column = 0; column < columns; column++) {
    const factor = x[column];
    if (factor === 0) continue;
    for (let i = starts[column], end = starts[column + 1]; i < end; i++) y[indices[i]] += factor * values[i];
  }
  return y;
}

/** y = Aᵀ x. Throws a RangeError if x is not as long as A has rows. */
export function transposedTimesVector({ rows, columns, starts, indices, values }: Csc, x: Float64Array): Float64Array {
  if (x.length !== rows) throw new RangeError(`${rows} rows by a vector of ${x.length}`);
  const y = new Float64Array(columns);
  for (let column = 0; column < columns; column++) {
    let sum = 0;
    for (let i = starts[column], end = starts[column + 1]; i < end; i++) sum += values[i] * x[indices[i]];
    y[column] = sum;
  }
  return y;
}

if (import.meta.main) {
  const n = 1024,
    dense = Float64Array.from(
      { length: n * n },
      (_, i) => Math.imul(i + 1, 0x9e3779b1) >>> 0 < 2 ** 32 / 50 ? i % 7 + 1 : 0,
    );
  const matrix = fromDense(n, n, dense), x = Float64Array.from({ length: n }, (_, i) => i % 5);
  console.log(
    `${matrix.values.length} numbers of ${n * n}: ${12 * matrix.values.length + 4 * (n + 1)} bytes, dense ${8 * n * n}`,
  );
  const y = timesVector(matrix, x), z = transposedTimesVector(matrix, x);
  // Whole numbers: no rounding.
  const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, value, i) => sum + value * b[i], 0);
  console.log(`xᵀ (A x) = ${dot(x, y)}, (Aᵀ x)ᵀ x = ${dot(z, x)}`);
  if (dot(x, y) !== dot(z, x) || dot(x, y) === 0) throw new Error("they must be equal");
}
