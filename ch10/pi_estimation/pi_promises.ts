/**
 * Pi by many promises on one thread, which is no faster than one loop.
 *
 * What to notice: a promise is a result that is not there yet, and no thread. All promises of a program run on the one
 * thread of its event loop, one after the other, each until it waits for something; darts never wait. This is what
 * Python's threads are for such work too, as its interpreter runs one at a time. The results are those of the loop.
 *
 * @original 10_multiprocessing/pi_estimation/pi_lists_parallel/pi_lists_parallel.py
 * @run deno run ch10/pi_estimation/pi_promises.ts
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
  let a = stream[0], b = stream[1], c = stream[2], d = stream[3], inside = 0;
  for (let i = 0; i < darts; i++) {
    // Twice the step of «next».
    let sum = a + d | 0, shifted = b << 9;
    const x = ((sum << 7 | sum >>> 25) + a >>> 1) / 2 ** 31;
    c ^= a, d ^= b, b ^= c, a ^= d, c ^= shifted, d = d << 11 | d >>> 21;
    sum = a + d | 0, shifted = b << 9;
    const y = ((sum << 7 | sum >>> 25) + a >>> 1) / 2 ** 31;
    c ^= a, d ^= b, b ^= c, a ^= d, c ^= shifted, d = d << 11 | d >>> 21;
    // Not an «if»: the processor would guess whether the dart hits, and be wrong at every fifth.
    inside += Number(x * x + y * y <= 1);
  }
  return inside;
}

/** Throws one share of the darts: of the blocks from `from` to `to`, those that there are. */
async function share(darts: number, seed: number, from: number, to: number): Promise<number> {
  let stream = firstStream(seed), inside = 0;
  for (let k = 0; k < from; k++) stream = jump(stream);
  for (let k = from; k < to; k++, stream = jump(stream)) {
    inside += count(stream, Math.min(block, darts - k * block));
    // Lets the others have their turn.
    await Promise.resolve();
  }
  return inside;
}

/**
 * The book's experiment: of `darts` darts thrown at a square, how many hit the quarter circle; pi is 4 inside / darts.
 *
 * @param workers promises that share the work
 */
export function experiment({ darts, workers = 16, seed = 10 }: { darts: number; workers?: number; seed?: number }) {
  const blocks = Math.ceil(darts / block);
  return {
    async run() {
      const shares = await Promise.all(Array.from({ length: workers }, (_, i) => {
        const [from, to] = [i, i + 1].map((part) => Math.floor(blocks * part / workers));
        return share(darts, seed, from, to);
      }));
      return { inside: shares.reduce((sum, inside) => sum + inside, 0), darts };
    },
  };
}

if (import.meta.main) {
  const start = performance.now();
  const { inside, darts } = await experiment({ darts: 4e7 }).run();
  const seconds = (performance.now() - start) / 1000;
  console.log(`pi is about ${4 * inside / darts}: ${inside} of ${darts} darts, in ${seconds.toFixed(2)} s`);
  if (inside !== 31418790) throw new Error(`of these darts, 31418790 hit, not ${inside}`);
}
