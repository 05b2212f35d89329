/**
 * The sum of a fixed number of numbers that lie 1, 2, 4, … apart.
 *
 * What to notice: memory arrives in cache lines of 64 bytes, 8 doubles each. Up to a stride of 4 the numbers of a line
 * share its cost, and the additions, each of which waits for the one before, are the limit. From 8 on every number
 * costs a line of its own. The further apart the lines lie, the less the processor can fetch ahead, and from 512
 * doubles on (4 KiB) each lies in another page, whose place in memory must be looked up (the table of recent ones, the
 * TLB, is small). The last column, with one line more than a power of two, shows how much is owed to something
 * else: at powers of two all lines compete for the same few places in the cache.
 *
 * @original 06_matrix/Makefile (perf stat: cache-references, cache-misses)
 * @run deno run ch06/memory/stride.ts
 * @takes 1 s
 */

/** Doubles in a cache line of 64 bytes. */
const line = 8;

/**
 * Sums `count` numbers that lie `stride` apart. At the end of the array it starts over one cache line further on, so
 * that no line comes up twice at a stride of 8 or more: none is found in the cache for having been there before.
 *
 * @param values at least 8 `count` numbers
 * @param stride 1, 2, 4 or a multiple of 8
 */
export function sumStrided(values: Float64Array, stride: number, count: number): number {
  if (values.length < line * count) {
    throw new RangeError(`${count} lines of ${line} do not fit ${values.length} numbers`);
  }
  if (![1, 2, 4].includes(stride) && !(stride >= line && stride % line === 0)) {
    throw new RangeError(`a stride of ${stride} is neither 1, 2, 4 nor a multiple of ${line}`);
  }
  let sum = 0;
  for (let i = 0, start = 0, left = count; left > 0; left--) {
    sum += values[i];
    i += stride;
    if (i >= values.length) i = start += line;
  }
  return sum;
}

if (import.meta.main) {
  const values = new Float64Array(2 ** 23).fill(1), count = values.length / line;
  const nanoseconds = (stride: number) => {
    let shortest = Infinity;
    for (let repeat = 0; repeat < 4; repeat++) {
      const start = performance.now(), sum = sumStrided(values, stride, count);
      shortest = Math.min(shortest, performance.now() - start);
      if (sum !== count) throw new Error(`the sum of ${count} ones is ${sum}`);
    }
    return (shortest / count * 1e6).toFixed(2);
  };
  console.log("stride       bytes   ns a number   one line more");
  for (let stride = 1; stride <= 4096; stride *= 2) {
    const further = stride > line ? nanoseconds(stride + line) : "";
    const cells = [stride, 8 * stride, nanoseconds(stride), further];
    console.log(cells.map((cell, i) => `${cell}`.padStart([6, 12, 14, 16][i])).join(""));
  }
}
