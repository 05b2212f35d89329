/**
 * Dense matrices in one Float64Array each: the products that sparse ones are compared with.
 *
 * What to notice: the three loops of the product stand in the order row, inner, column, so that the innermost one runs
 * along rows of both the second factor and the result. Four rows of the factor at a time for two of the result: what is
 * loaded from one is used twice, and a number of the result is read and written once for four products. The factor is
 * taken in blocks that stay in the second cache. That is several times as fast as the loops as one first writes them.
 *
 * @original 12_less_ram/sparse/benchmark_sparse.py
 * @run deno run ch12/sparse/dense.ts
 * @takes 1 s
 */

/** `rows` x `columns` numbers, row by row. */
export interface Dense {
  rows: number;
  columns: number;
  values: Float64Array;
}

/** y = A x. Throws a RangeError if x is not as long as A has columns. */
export function timesVector({ rows, columns, values }: Dense, x: Float64Array): Float64Array {
  if (x.length !== columns) throw new RangeError(`${columns} columns by a vector of ${x.length}`);
  const y = new Float64Array(rows);
  let row = 0;
  // Four rows at a time: a number of x is read once for all, and four sums do not wait for each other.
  for (; row + 4 <= rows; row += 4) {
    let a = 0, b = 0, c = 0, d = 0;
    for (let column = 0, at = row * columns; column < columns; column++, at++) {
      const factor = x[column];
      a += values[at] * factor;
      b += values[at + columns] * factor;
      c += values[at + 2 * columns] * factor;
      d += values[at + 3 * columns] * factor;
    }
    y[row] = a;
    y[row + 1] = b;
    y[row + 2] = c;
    y[row + 3] = d;
  }
  for (; row < rows; row++) {
    for (let column = 0; column < columns; column++) y[row] += values[row * columns + column] * x[column];
  }
  return y;
}

/** Of the second factor so many rows and columns stay in the cache: 256 KiB. */
const blockRows = 64, blockColumns = 512;

/** C = A B. Throws a RangeError if A does not have as many columns as B has rows. */
export function times(a: Dense, b: Dense): Dense {
  if (a.columns !== b.rows) throw new RangeError(`${a.columns} columns by ${b.rows} rows`);
  const c = { rows: a.rows, columns: b.columns, values: new Float64Array(a.rows * b.columns) };
  for (let from = 0; from < b.columns; from += blockColumns) {
    const to = Math.min(b.columns, from + blockColumns);
    for (let inner = 0; inner < b.rows; inner += blockRows) {
      multiplyBlock(a, b, c, inner, Math.min(b.rows, inner + blockRows), from, to);
    }
  }
  return c;
}

/** Adds to C what the rows of B from `inner` to `end` contribute to the columns from `from` to `to`. */
function multiplyBlock(a: Dense, b: Dense, c: Dense, inner: number, end: number, from: number, to: number): void {
  const as = a.values, bs = b.values, cs = c.values, width = to - from;
  for (let row = 0; row < a.rows; row += 2) {
    // Where the number of rows is odd, the last one is taken twice, the second time by zeros.
    const both = row + 1 < a.rows, second = both ? 1 : 0, factor = both ? 1 : 0;
    const c0 = row * c.columns + from, c1 = c0 + second * c.columns;
    let k = inner;
    for (; k + 4 <= end; k += 4) {
      const at = row * a.columns + k, next = at + second * a.columns;
      const p0 = as[at], p1 = as[at + 1], p2 = as[at + 2], p3 = as[at + 3];
      const q0 = factor * as[next], q1 = factor * as[next + 1], q2 = factor * as[next + 2], q3 = factor * as[next + 3];
      const b0 = k * b.columns + from, b1 = b0 + b.columns, b2 = b1 + b.columns, b3 = b2 + b.columns;
      for (let j = 0; j < width; j++) {
        const w = bs[b0 + j], x = bs[b1 + j], y = bs[b2 + j], z = bs[b3 + j];
        cs[c0 + j] += p0 * w + p1 * x + (p2 * y + p3 * z);
        cs[c1 + j] += q0 * w + q1 * x + (q2 * y + q3 * z);
      }
    }
    for (; k < end; k++) {
      const at = row * a.columns + k, p = as[at], q = factor * as[at + second * a.columns], b0 = k * b.columns + from;
      for (let j = 0; j < width; j++) {
        cs[c0 + j] += p * bs[b0 + j];
        cs[c1 + j] += q * bs[b0 + j];
      }
    }
  }
}

/** The product as the definition says, number by number, each a row by a column. */
export function timesByDefinition(a: Dense, b: Dense): Dense {
  const c = { rows: a.rows, columns: b.columns, values: new Float64Array(a.rows * b.columns) };
  for (let row = 0; row < a.rows; row++) {
    for (let column = 0; column < b.columns; column++) {
      let sum = 0;
      for (let k = 0; k < a.columns; k++) sum += a.values[row * a.columns + k] * b.values[k * b.columns + column];
      c.values[row * b.columns + column] = sum;
    }
  }
  return c;
}

if (import.meta.main) {
  const n = 512, matrix = (seed: number) => Float64Array.from({ length: n * n }, (_, i) => Math.sin(seed + i));
  const a = { rows: n, columns: n, values: matrix(1) }, b = { rows: n, columns: n, values: matrix(2) };
  const time = (multiply: typeof times) => {
    const start = performance.now(), { values } = multiply(a, b);
    return { values, ms: performance.now() - start };
  };
  time(times);
  const blocked = time(times), plain = time(timesByDefinition);
  console.log(`${n} x ${n}: ${blocked.ms.toFixed(0)} ms, as the definition says ${plain.ms.toFixed(0)} ms`);
  const error = Math.max(...blocked.values.subarray(-n).map((value, i) => Math.abs(value - plain.values.at(i - n)!)));
  if (!(error < 1e-10)) throw new Error(`the last row is off by ${error}`);
}
