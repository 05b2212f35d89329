import { assert, assertEquals, assertThrows } from "@std/assert";
import * as dense from "./dense.ts";
import { Coo } from "./sparse_coo.ts";
import * as csc from "./sparse_csc.ts";
import * as csr from "./sparse_csr.ts";

function seeded(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
}

/** Whole numbers, so that no order of additions makes a difference, at random places, some of them the same ones. */
function randomCoordinates(rows: number, columns: number, count: number, seed: number) {
  const random = seeded(seed), below = (limit: number) => Math.floor(random() * limit);
  const entries = Array.from(
    { length: rows * columns > 0 ? count : 0 },
    () => [below(rows), below(columns), below(19) - 9],
  );
  return { rows: entries.map((e) => e[0]), columns: entries.map((e) => e[1]), values: entries.map((e) => e[2]) };
}

/** Dense numbers by the definition of coordinates. */
function denseOf(rows: number, columns: number, at: csr.Coordinates): Float64Array {
  const values = new Float64Array(rows * columns);
  for (let i = 0; i < at.values.length; i++) values[at.rows[i] * columns + at.columns[i]] += at.values[i];
  return values;
}

const sizes = [[0, 0], [1, 1], [1, 7], [7, 1], [3, 0], [5, 5], [17, 9], [64, 130], [131, 67]];
const cases = sizes.flatMap(([rows, columns]) =>
  [0, 1, 20, 3 * rows * columns].map((count, i) => ({
    rows,
    columns,
    at: randomCoordinates(rows, columns, count, 7 * i + rows),
  }))
);

Deno.test("a matrix by rows holds the sums of what is at the same place, its columns rising", () => {
  for (const { rows, columns, at } of cases) {
    const matrix = csr.fromCoordinates(rows, columns, at);
    assertEquals(csr.toDense(matrix), denseOf(rows, columns, at));
    assertEquals(matrix.indices.length, new Set(at.rows.map((row, i) => row * columns + at.columns[i])).size);
    for (let row = 0; row < rows; row++) {
      const indices = [...matrix.indices.subarray(matrix.starts[row], matrix.starts[row + 1])];
      assertEquals(indices, [...new Set(indices)].sort((a, b) => a - b));
    }
    assertEquals(csr.byteLength(matrix), 12 * matrix.indices.length + 4 * (rows + 1));
  }
});

Deno.test("numbers at the same place are added in the order in which they come", () => {
  const values = [1e16, 1, -1e16];
  const matrix = csr.fromCoordinates(1, 1, { rows: [0, 0, 0], columns: [0, 0, 0], values });
  assertEquals([...matrix.values], [1e16 + 1 - 1e16]);
});

Deno.test("transposed, rows are columns, and twice transposed all is as before", () => {
  for (const { rows, columns, at } of cases) {
    const matrix = csr.fromCoordinates(rows, columns, at), turned = csr.transpose(matrix);
    assertEquals(
      csr.toDense(turned),
      denseOf(columns, rows, { rows: at.columns, columns: at.rows, values: at.values }),
    );
    assertEquals(csr.transpose(turned), matrix);
  }
});

Deno.test("every form times a vector is the dense matrix times it", () => {
  for (const { rows, columns, at } of cases) {
    const values = denseOf(rows, columns, at), x = Float64Array.from({ length: columns }, (_, i) => i % 5 - 2);
    const expected = Float64Array.from(
      { length: rows },
      (_, row) => x.reduce((sum, value, i) => sum + value * values[row * columns + i], 0),
    );
    const coo = new Coo(rows, columns);
    at.values.forEach((value, i) => coo.add(at.rows[i], at.columns[i], value));
    const sparse = csc.fromDense(rows, columns, values);
    assertEquals(dense.timesVector({ rows, columns, values }, x), expected);
    assertEquals(coo.timesVector(x), expected);
    assertEquals(csr.timesVector(csr.fromCoordinates(rows, columns, at), x), expected);
    assertEquals(csc.timesVector(sparse, x), expected);
    // By way of the transpose, in three more forms.
    const turned = csr.fromCoordinates(columns, rows, { rows: at.columns, columns: at.rows, values: at.values });
    assertEquals(csr.timesVector(csr.transpose(turned), x), expected);
    assertEquals(csc.transposedTimesVector(csc.fromDense(columns, rows, csr.toDense(turned)), x), expected);
    const turnedCoo = new Coo(columns, rows);
    at.values.forEach((value, i) => turnedCoo.add(at.columns[i], at.rows[i], value));
    assertEquals(turnedCoo.transpose().timesVector(x), expected);
  }
});

Deno.test("the products of matrices, sparse and dense, are what the definition says", () => {
  for (
    const [rows, inner, columns] of [[1, 1, 1], [5, 3, 4], [33, 65, 17], [64, 66, 600], [7, 0, 3], [0, 4, 4], [
      70,
      130,
      40,
    ]]
  ) {
    for (const share of [0.01, 0.2, 2]) {
      const left = randomCoordinates(rows, inner, Math.ceil(rows * inner * share), 1);
      const right = randomCoordinates(inner, columns, Math.ceil(inner * columns * share), 2);
      const a = { rows, columns: inner, values: denseOf(rows, inner, left) };
      const b = { rows: inner, columns, values: denseOf(inner, columns, right) };
      const expected = new Float64Array(rows * columns);
      for (let i = 0; i < rows; i++) {
        for (let k = 0; k < inner; k++) {
          for (let j = 0; j < columns; j++) {
            expected[i * columns + j] += a.values[i * inner + k] * b.values[k * columns + j];
          }
        }
      }
      // -0 and 0 are equal here.
      const same = (values: Float64Array) =>
        assert(values.length === expected.length && values.every((v, i) => v === expected[i]));
      same(dense.times(a, b).values);
      same(dense.timesByDefinition(a, b).values);
      const product = csr.times(csr.fromCoordinates(rows, inner, left), csr.fromCoordinates(inner, columns, right));
      same(csr.toDense(product));
      for (let row = 0; row < rows; row++) {
        const indices = [...product.indices.subarray(product.starts[row], product.starts[row + 1])];
        assertEquals(indices, [...new Set(indices)].sort((a, b) => a - b));
      }
    }
  }
});

Deno.test("places outside of the matrix are refused, by name and place", () => {
  const one = (row: number, column: number) =>
    csr.fromCoordinates(2, 3, { rows: [0, row], columns: [0, column], values: [1, 1] });
  for (const bad of [-1, 0.5, NaN, Infinity]) {
    assertThrows(() => one(bad, 0), RangeError, `rows: ${bad} at 1 is not a whole number from 0 to 1`);
    assertThrows(() => one(0, bad), RangeError, `columns: ${bad} at 1 is not a whole number from 0 to 2`);
    assertThrows(() => new Coo(2, 3).add(bad, 0, 1), RangeError, `row ${bad}`);
    assertThrows(() => new Coo(2, 3).add(0, bad, 1), RangeError, `column ${bad}`);
    assertThrows(() => csr.fromCoordinates(bad, 1, { rows: [], columns: [], values: [] }), RangeError, `rows: ${bad}`);
    assertThrows(() => new Coo(1, bad), RangeError, `${bad} must be`);
  }
  assertThrows(() => one(2, 0), RangeError, "rows: 2 at 1");
  assertThrows(() => one(0, 3), RangeError, "columns: 3 at 1");
  assertThrows(() => new Coo(0, 3).add(0, 0, 1), RangeError, "row 0");
  assertThrows(
    () => csr.fromCoordinates(2, 2, { rows: [0], columns: [0, 1], values: [1, 2] }),
    RangeError,
    "1 rows for 2 values",
  );
  assertThrows(
    () => csr.fromCoordinates(2, 2, { rows: [0, 1], columns: [0], values: [1, 2] }),
    RangeError,
    "1 columns for 2 values",
  );
  assertThrows(() => csc.fromDense(2, 2, [1, 2, 3]), RangeError, "3 numbers for 2 x 2");
});

Deno.test("a refused number leaves a matrix of coordinates as it was", () => {
  const matrix = new Coo(2, 2);
  matrix.add(1, 1, 5);
  assertThrows(() => matrix.add(2, 0, 1), RangeError);
  assertEquals([matrix.length, matrix.byteLength, [...matrix.timesVector(Float64Array.of(1, 1))]], [1, 16, [0, 5]]);
});

Deno.test("factors that do not fit together are refused", () => {
  const at = randomCoordinates(2, 3, 4, 1), a = csr.fromCoordinates(2, 3, at), values = denseOf(2, 3, at);
  const x = new Float64Array(2), matrix = { rows: 2, columns: 3, values };
  const message = "3 columns by a vector of 2";
  assertThrows(() => csr.timesVector(a, x), RangeError, message);
  assertThrows(() => dense.timesVector(matrix, x), RangeError, message);
  assertThrows(() => new Coo(2, 3).timesVector(x), RangeError, message);
  assertThrows(() => csc.timesVector(csc.fromDense(2, 3, values), x), RangeError, message);
  assertThrows(() => csc.transposedTimesVector(csc.fromDense(2, 3, values), new Float64Array(3)), RangeError, "2 rows");
  assertThrows(() => csr.times(a, a), RangeError, "3 columns by 2 rows");
  assertThrows(() => dense.times(matrix, matrix), RangeError, "3 columns by 2 rows");
});
