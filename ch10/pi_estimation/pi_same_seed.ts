/**
 * The classic mistake, the same seed in every worker: they all throw the same darts, and the work of all but one is lost.
 *
 * What to notice: nothing fails. Each single estimate looks right, and so does their mean. Only many repeats show it: with
 * four workers the variance is four times that of four streams, as if one had worked. It happens where each worker seeds
 * its own generator with the same constant, where a process is forked with the state of its generator, and with Math.random
 * under `deno run --seed=N`: then its numbers are the same in every worker. Without that flag they differ.
 *
 * @original 10_multiprocessing/np_shared_example/rnd_demo/np_shared_rnd_parallel.py
 * @run deno run --allow-read=ch10/pi_estimation/pi_same_seed.ts ch10/pi_estimation/pi_same_seed.ts
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

// The state begins with the seed and digits of pi, and jumps once, so that similar seeds do not begin alike.
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

/** What a worker is asked for: `repeats` counts of so many darts, with the seeds from `seed` on, each in the same stream. */
interface Job {
  repeats: number;
  darts: number;
  seed: number;
  stream: number;
}

function work({ repeats, darts, seed, stream }: Job): number[] {
  return Array.from({ length: repeats }, (_, repeat) => {
    let state = firstStream(seed + repeat);
    for (let k = 0; k < stream; k++) state = jump(state);
    return count(state, darts);
  });
}

/** The variance of some numbers. */
export function variance(numbers: number[]): number {
  const mean = numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
  return numbers.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (numbers.length - 1);
}

/**
 * Estimates pi `repeats` times, each time with `darts` darts from each worker.
 *
 * @param same whether all workers begin with the same state; otherwise each has its own stream
 */
export async function experiment(
  { same, workers = 4, repeats = 2000, darts = 1000, seed = 10 }: {
    same: boolean;
    workers?: number;
    repeats?: number;
    darts?: number;
    seed?: number;
  },
): Promise<number[]> {
  const counts = await Promise.all(Array.from({ length: workers }, (_, i) => {
    const worker = new Worker(import.meta.url, { type: "module" });
    const counts = new Promise<number[]>((answer, failed) => {
      worker.onmessage = ({ data }) => answer(data);
      worker.onerror = failed;
    });
    worker.postMessage({ repeats, darts, seed, stream: same ? 0 : i } satisfies Job);
    return counts;
  }));
  return counts[0].map((_, repeat) => 4 * counts.reduce((sum, own) => sum + own[repeat], 0) / (darts * workers));
}

// The type checker takes this file for a main module, which has no one to send messages to.
const toCaller = self as unknown as Worker;

if ("WorkerGlobalScope" in globalThis) {
  toCaller.onmessage = ({ data }: MessageEvent<Job>) => {
    toCaller.postMessage(work(data));
    self.close();
  };
} else if (import.meta.main) {
  const own = await experiment({ same: false }), same = await experiment({ same: true });
  const alone = await experiment({ same: true, workers: 1 });
  for (const [name, estimates] of Object.entries({ "streams of their own": own, "the same seed": same })) {
    const mean = estimates.reduce((sum, x) => sum + x, 0) / estimates.length;
    console.log(
      `4 workers, ${name}: ${estimates.length} estimates, mean ${mean.toFixed(4)}, variance ${
        variance(estimates).toFixed(6)
      }`,
    );
  }
  const ratio = variance(same) / variance(own);
  console.log(`the same seed: ${ratio.toFixed(2)} times the variance`);
  if (same.some((estimate, i) => estimate !== alone[i])) throw new Error("four equal workers differ from one alone");
  if (!(ratio > 3.5 && ratio < 4.5)) throw new Error(`four times the variance expected, not ${ratio}`);
}
