/**
 * A sparse matrix as a list of coordinates: row, column and number.
 *
 * What to notice: the simplest form, and the one to collect in: a number more is appended to three arrays, in any
 * order, and at a place that is there already it is added by itself. But the row is written with every number, 16 bytes
 * each in place of the 12 of rows (sparse_csr.ts), and the product reads and writes the result for every number and
 * cannot keep a sum in a register.
 *
 * @original 12_less_ram/sparse/benchmark_sparse.py
 * @run deno run ch12/sparse/sparse_coo.ts
 * @takes 1 s
 */

export class Coo {
  #length = 0;
  #rows = new Int32Array(4);
  #columns = new Int32Array(4);
  #values = new Float64Array(4);

  constructor(readonly rows: number, readonly columns: number) {
    for (const size of [rows, columns]) {
      if (!(Number.isInteger(size) && size >= 0 && size < 2 ** 31)) {
        throw new RangeError(`${size} must be a whole number from 0 to 2^31 - 1`);
      }
    }
  }

  get length(): number {
    return this.#length;
  }

  /** What the numbers take that are there, not the room for more. */
  get byteLength(): number {
    return 16 * this.#length;
  }

  /** Adds `value` at a place. Throws a RangeError if that is outside of the matrix. */
  add(row: number, column: number, value: number): void {
    if (!(Number.isInteger(row) && row >= 0 && row < this.rows)) {
      throw new RangeError(`row ${row} is not a whole number from 0 to ${this.rows - 1}`);
    }
    if (!(Number.isInteger(column) && column >= 0 && column < this.columns)) {
      throw new RangeError(`column ${column} is not a whole number from 0 to ${this.columns - 1}`);
    }
    const end = this.#length++;
    if (end === this.#values.length) {
      const old = { rows: this.#rows, columns: this.#columns, values: this.#values };
      (this.#rows = new Int32Array(2 * end)).set(old.rows);
      (this.#columns = new Int32Array(2 * end)).set(old.columns);
      (this.#values = new Float64Array(2 * end)).set(old.values);
    }
    this.#rows[end] = row;
    this.#columns[end] = column;
    this.#values[end] = value;
  }

  /** The arrays, as long as there are numbers; not copies. */
  coordinates() {
    return {
      rows: this.#rows.subarray(0, this.#length),
      columns: this.#columns.subarray(0, this.#length),
      values: this.#values.subarray(0, this.#length),
    };
  }

  /** Aᵀ: rows and columns change their names. */
  transpose(): Coo {
    const result = new Coo(this.columns, this.rows);
    result.#length = this.#length;
    result.#rows = this.#columns.slice();
    result.#columns = this.#rows.slice();
    result.#values = this.#values.slice();
    return result;
  }

  /** y = A x. Throws a RangeError if x is not as long as A has columns. */
  timesVector(x: Float64Array): Float64Array {
    if (x.length !== this.columns) throw new RangeError(`${this.columns} columns by a vector of ${x.length}`);
    const y = new Float64Array(this.rows), { rows, columns, values } = this.coordinates();
    for (let i = 0; i < values.length; i++) y[rows[i]] += values[i] * x[columns[i]];
    return y;
  }
}

if (import.meta.main) {
  const n = 2048, matrix = new Coo(n, n);
  for (let i = 0; i < 20 * n; i++) matrix.add((Math.imul(i, 0x9e3779b1) >>> 8) % n, i % n, 1);
  const y = matrix.timesVector(new Float64Array(n).fill(1));
  console.log(`${matrix.length} numbers in ${matrix.byteLength} bytes, ${matrix.byteLength / matrix.length} each`);
  const sum = y.reduce((sum, value) => sum + value, 0);
  if (sum !== 20 * n) throw new Error(`${20 * n} ones add up to ${sum}`);
}
