/**
 * The sum of a matrix, row by row or column by column: the same numbers and the same additions in another order.
 *
 * What to notice: memory arrives in cache lines of 64 bytes, 8 doubles each. Row order uses all 8 as they arrive, and the
 * processor, which sees the pattern, fetches the next line ahead. Column order uses one double of a line and comes back
 * for its neighbour a whole column later; once the lines of a column no longer fit the cache, each is fetched 8 times.
 * A row length that is a power of two makes it worse long before the cache is full: the addresses of a column then
 * differ only in bits that do not choose a place in the cache, so that all its lines compete for a few places. A few
 * unused numbers at the end of each row (a longer pitch) spread them out.
 *
 * @original 06_matrix/Makefile (perf stat: cache-references, cache-misses)
 * @run deno run ch06/memory/row_or_column.ts
 * @takes 1 s
 */

/**
 * Sums the matrix in the order in which it lies in memory.
 *
 * @param matrix `size` rows of `size` numbers
 * @param pitch how many numbers lie between the starts of two rows; more than `size` leaves a gap after each row
 */
export function sumByRows(matrix: Float64Array, size: number, pitch = size): number {
  checkShape(matrix, size, pitch);
  let sum = 0;
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) sum += matrix[row * pitch + column];
  }
  return sum;
}

/** Sums the same matrix with the two loops exchanged. */
export function sumByColumns(matrix: Float64Array, size: number, pitch = size): number {
  checkShape(matrix, size, pitch);
  let sum = 0;
  for (let column = 0; column < size; column++) {
    for (let row = 0; row < size; row++) sum += matrix[row * pitch + column];
  }
  return sum;
}

/** A matrix whose number at (row, column) is (row + column) % 8; gaps hold NaN, which no sum survives. */
export function makeMatrix(size: number, pitch = size): Float64Array {
  const matrix = new Float64Array(size * pitch).fill(NaN);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) matrix[row * pitch + column] = (row + column) & 7;
  }
  return matrix;
}

// A read past the end is no error in JavaScript but `undefined`, and the sum NaN.
function checkShape(matrix: Float64Array, size: number, pitch: number): void {
  if (!(pitch >= size && matrix.length >= size * pitch)) {
    throw new RangeError(`${matrix.length} numbers hold no ${size} rows of ${size} with a pitch of ${pitch}`);
  }
}

if (import.meta.main) {
  const best = (call: () => number, expected: number, repeats: number) => {
    let shortest = Infinity;
    for (let repeat = 0; repeat < repeats; repeat++) {
      const start = performance.now(), sum = call();
      shortest = Math.min(shortest, performance.now() - start);
      if (sum !== expected) throw new Error(`the sum is ${sum}, not ${expected}`);
    }
    return shortest;
  };
  console.log("ns a number          by rows   by columns   by columns, rows padded by 8");
  for (const size of [128, 512, 2048]) {
    const plain = makeMatrix(size), padded = makeMatrix(size, size + 8);
    // Each row holds 0 to 7 equally often: 3.5 on average. All partial sums are integers, so that no order rounds.
    const expected = 3.5 * size * size, repeats = Math.max(5, 2 ** 23 / size ** 2);
    const nanoseconds = [
      () => sumByRows(plain, size),
      () => sumByColumns(plain, size),
      () => sumByColumns(padded, size, size + 8),
    ].map((call) => (best(call, expected, repeats) / size / size * 1e6).toFixed(2));
    console.log(`${size} x ${size}`.padEnd(18), ...nanoseconds.map((text, i) => text.padStart([9, 12, 16][i])));
  }
}
