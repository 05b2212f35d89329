/**
 * Pi by darts that are objects: an array of { x, y }, filtered.
 *
 * What to notice: to count the darts that hit takes no array and no object, but this is how it is often written. A block
 * of 65,536 darts at a time is thrown; all of them at once would fill the heap. Each object and each of its two numbers
 * is allocated, and the collector then has to find out that they are no longer needed.
 *
 * @original 10_multiprocessing/pi_estimation/pi_lists_parallel/pi_lists_parallel.py
 * @run deno run ch10/pi_estimation/pi_objects.ts
 * @takes 1 s
 */

/** Xoshiro128++ by Blackman and Vigna: 32 random bits; its state moves one step on, in a cycle of 2^128 - 1. */
function next(state: Int32Array): number {
  const sum = state[0] + state[3] | 0, result = (sum << 7 | sum >>> 25) + state[0] | 0, shifted = state[1] << 9;
  state[2] ^= state[0], state[3] ^= state[1], state[1] ^= state[2], state[0] ^= state[3];
  state[2] ^= shifted, state[3] = state[3] << 11 | state[3] >>> 21;
  return result >>> 0;
}

/** The state 2^64 steps on, where the next stream begins: a sum of the next 128 states, by a polynomial of its authors. */
function jump(state: Int32Array): Int32Array {
  const now = state.slice(), sum = new Int32Array(4);
  for (const bits of [0x8764000b, 0xf542d2d3, 0x6fa035c3, 0x77f2db5b]) {
    for (let i = 0; i < 32; i++, next(now)) if (bits >>> i & 1) { for (let w = 0; w < 4; w++) sum[w] ^= now[w]; }
  }
  return sum;
}

// Each block of darts has a stream of its own: who throws it, and when, changes nothing. The state begins with the seed and
// digits of pi, and jumps once before the first block, so that similar seeds do not begin alike.
const block = 2 ** 16;
const firstStream = (seed: number) => jump(Int32Array.of(seed, 0x243f6a88, 0x85a308d3, 0x13198a2e));

/** How many of so many darts hit. */
function count(stream: Int32Array, darts: number): number {
  const state = stream.slice(), unit = () => (next(state) >>> 1) / 2 ** 31;
  const all = Array.from({ length: darts }, () => ({ x: unit(), y: unit() }));
  return all.filter(({ x, y }) => x * x + y * y <= 1).length;
}

/** The book's experiment: of `darts` darts thrown at a square, how many hit the quarter circle; pi is 4 inside / darts. */
export function experiment({ darts, seed = 10 }: { darts: number; seed?: number }) {
  return {
    run() {
      let inside = 0;
      for (let stream = firstStream(seed), left = darts; left > 0; left -= block, stream = jump(stream)) {
        inside += count(stream, Math.min(left, block));
      }
      return { inside, darts };
    },
  };
}

if (import.meta.main) {
  const start = performance.now();
  const { inside, darts } = experiment({ darts: 4e6 }).run();
  const seconds = (performance.now() - start) / 1000;
  console.log(`pi is about ${4 * inside / darts}: ${inside} of ${darts} darts, in ${seconds.toFixed(2)} s`);
  if (inside !== 3141820) throw new Error(`of these darts, 3141820 hit, not ${inside}`);
}
