/** The work of `deno task peers`: of each our plainest script, our fastest, and C. What they share they take from the chapters. */

import * as diffusionNested from "../../ch06/diffusion_2d/diffusion_nested.ts";
import * as diffusionThreads from "../../ch06/diffusion_2d/diffusion_wasm_threads.ts";
import * as normReduce from "../../ch06/norm/norm_reduce.ts";
import * as normSimd from "../../ch06/norm/norm_wasm_simd.ts";
import * as olsObjects from "../../ch07/time_iteration_methods/row_objects.ts";
import * as olsSimd from "../../ch07/time_iteration_methods/wasm_simd_columns.ts";
import * as juliaObjects from "../../ch08/julia/julia_objects_hypot.ts";
import * as juliaThreads from "../../ch08/julia/julia_wasm_threads.ts";
import * as crawlSerial from "../../ch09/crawler/crawl_serial.ts";
import * as crawlTcp from "../../ch09/crawler/crawl_tcp.ts";
import { startServer } from "../../ch09/crawler/delaying_server.ts";
import * as piObjects from "../../ch10/pi_estimation/pi_objects.ts";
import * as piThreads from "../../ch10/pi_estimation/pi_wasm_workers.ts";
import * as primesSerial from "../../ch10/prime_generation/primes_serial.ts";
import * as primesWasm from "../../ch10/prime_generation/primes_wasm.ts";
import * as wordsDawg from "../../ch12/compressing_text/words_dawg.ts";
import * as wordsTrie from "../../ch12/compressing_text/words_trie_objects.ts";
import { BloomFilter } from "../../ch12/probabilistic_datastructures/bloom_filter.ts";
import { estimateFrom, HyperLogLog } from "../../ch12/probabilistic_datastructures/hyper_log_log.ts";
import type { Missing } from "../lib/results.ts";
import { openDiffusion } from "../limit/diffusion.ts";
import { openJulia } from "../limit/julia.ts";
import { missingCompiler, openLimit } from "../limit/limit.ts";
import { openOls } from "../limit/ols.ts";
import { openPi } from "../limit/pi.ts";
import { openPrimes } from "../limit/prime_generation.ts";
import { type Answer, type Contestant, contestant } from "./contest.ts";
import { pathToFileURL } from "node:url";
import wordList from "word-list";

export interface Opened {
  /** Ours, of which the first is the plainest, with which all others must agree. */
  contestants: Contestant[];
  /** Arguments for the Python program. */
  args?: string[];
  missing?: Missing;
  close?(): Promise<void>;
}

export interface Workload {
  what: string;
  /** The program of this folder that does it in Python. */
  python: string;
  /** By how much answers may differ, relative to the largest number. */
  within: number;
  open(): Promise<Opened>;
}

const sum = (numbers: Iterable<number>) => {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
};

interface Experiment {
  run(): unknown;
  close?(): unknown;
}

/** One that is made once and can run again and again. Null where it could not be made. */
function lasting<Made extends Experiment>(
  kind: Contestant["kind"],
  name: string,
  made: Made | null,
  answer: (made: Made, result: unknown) => Answer,
): Contestant[] {
  return made ? [contestant(kind, name, { fresh: () => made, run: ({ run }) => run(), answer })] : [];
}

/** What C could not be built for is missing; what workers were started for ends. */
function opened(contestants: Contestant[], experiments: (Experiment | null)[], args?: string[]): Opened {
  return {
    contestants,
    args,
    missing: contestants.some(({ kind }) => kind === "c") ? undefined : missingCompiler,
    close: async () => {
      for (const experiment of experiments) await experiment?.close?.();
    },
  };
}

const size = 512, steps = 8;

/** The centre, a corner of the drop, just outside it, and the mass. */
function summary(at: (row: number, column: number) => number): number[] {
  const low = Math.floor(0.4 * size), middle = Math.floor((low + Math.floor(0.5 * size)) / 2);
  let mass = 0;
  for (let row = 0; row < size; row++) for (let column = 0; column < size; column++) mass += at(row, column);
  return [at(middle, middle), at(low, low), at(low - 1, middle), mass];
}

const flat = (grid: ArrayLike<number>) => summary((row, column) => grid[row * size + column]);

export const workloads: Record<string, Workload> = {
  julia: {
    what: "the Julia set of 1000 x 1000 points",
    python: "julia.py",
    within: 0,
    async open() {
      const plain = juliaObjects.experiment(1000), best = await juliaThreads.experiment(1000);
      const c = await openJulia(1000, "julia"), all = await openJulia(1000, "julia_in_flight", { openmp: true });
      return opened([
        ...lasting("typescript", "objects", plain, ({ counts }) => sum(counts())),
        ...lasting("typescript", "WebAssembly, SIMD, all cores", best, ({ counts }) => sum(counts())),
        ...lasting("c", "C", c, ({ counts }) => sum(counts())),
        ...lasting("c", "C, vectors, all cores", all, ({ counts }) => sum(counts())),
      ], [best]);
    },
  },
  diffusion: {
    what: `${steps} steps of diffusion on ${size} x ${size} cells`,
    python: "diffusion.py",
    within: 1e-9,
    async open() {
      const c = await openDiffusion(), all = await openDiffusion({ openmp: true });
      const fromStart = (make: NonNullable<typeof c>) => ({
        fresh: () => make(size),
        run: ({ run }: ReturnType<typeof make>) => run(steps),
        answer: ({ grid }: ReturnType<typeof make>) => flat(grid()),
      });
      return opened([
        contestant("typescript", "nested arrays", {
          fresh: () => diffusionNested.experiment(size),
          run: ({ run }) => run(steps),
          answer: ({ grid }) => flat(grid()),
        }),
        contestant("typescript", "WebAssembly, SIMD, all cores", {
          fresh: () => diffusionThreads.experiment(size),
          run: ({ run }) => run(steps),
          answer: ({ grid }) => flat(grid()),
          discard: ({ close }) => close(),
        }),
        ...c ? [contestant("c", "C", fromStart(c))] : [],
        ...all ? [contestant("c", "C, all cores", fromStart(all))] : [],
      ], []);
    },
  },
  norm: {
    what: "the sum of squares of 2^20 numbers",
    python: "norm.py",
    within: 1e-12,
    async open() {
      const length = 2 ** 20, vector = Float64Array.from({ length }, (_, i) => i);
      const library = await openLimit("norm", { norm: { parameters: ["buffer", "i32"], result: "f64" } });
      const c = library && { run: () => library.symbols.norm(vector, length) };
      const number = (_: unknown, result: unknown) => result as number;
      return opened([
        ...lasting("typescript", "reduce", normReduce.experiment(length), number),
        ...lasting("typescript", "WebAssembly, SIMD", await normSimd.experiment(length), number),
        ...lasting("c", "C", c, number),
      ], []);
    },
  },
  ols: {
    what: "the slopes of 100,000 people over 14 days",
    python: "ols.py",
    within: 1e-9,
    async open() {
      // Whole minutes, so that Python can make the same without our random numbers.
      const hours = Float64Array.from({ length: 100_000 * 14 }, (_, i) => (i * 7919 % 121) / 60);
      const rows = olsObjects.prepare(hours), columns = await olsSimd.prepare(hours);
      const few = (_: unknown, result: unknown) => {
        const slopes = result as Float64Array;
        return [slopes[0], slopes[1], slopes[99_999], sum(slopes.map(Math.abs))];
      };
      return opened([
        ...lasting("typescript", "row objects", { run: () => olsObjects.slopes(rows) }, few),
        ...lasting("typescript", "WebAssembly, SIMD", { run: () => olsSimd.slopes(columns) }, few),
        ...lasting("c", "C", await openOls(hours, "ols_columns"), few),
      ], []);
    },
  },
  primes: {
    what: "the primes among 10,000 numbers from 100,000,000",
    python: "primes.py",
    within: 0,
    async open() {
      const from = 100_000_000, to = from + 10_000;
      const best = await primesWasm.experiment(from, to), openmp = { openmp: true };
      const c = await openPrimes(from, to, "primes", openmp);
      const inverses = await openPrimes(from, to, "primes_by_inverses", openmp);
      const few = ({ primes }: { primes(): Uint32Array }) => [primes().length, sum(primes())];
      return opened([
        ...lasting("typescript", "a loop", primesSerial.experiment(from, to), few),
        ...lasting("typescript", "WebAssembly, by inverses, all cores", best, few),
        ...lasting("c", "C, all cores", c, few),
        ...lasting("c", "C, by inverses, all cores", inverses, few),
      ], [best]);
    },
  },
  pi: {
    what: "pi by 2,000,000 darts",
    python: "pi.py",
    // Each has its own darts: five standard errors, twice.
    within: 0.01,
    async open() {
      const darts = 2_000_000, best = await piThreads.experiment({ darts });
      const share = (_: unknown, result: unknown) => 4 * Number((result as { inside: number }).inside) / darts;
      return opened([
        ...lasting("typescript", "objects", piObjects.experiment({ darts }), share),
        ...lasting("typescript", "WebAssembly, SIMD, all cores", best, share),
        ...lasting("c", "C, vectors, all cores", await openPi({ darts }, "pi_vectors", { openmp: true }), share),
      ], [best]);
    },
  },
  crawler: {
    what: "200 requests that take 20 ms each, 20 at once",
    python: "crawler.py",
    within: 0,
    async open() {
      const server = await startServer();
      const urls = Array.from({ length: 200 }, (_, i) => server.address(i, 20));
      const bodies = (_: unknown, result: unknown) => sum((result as string[]).map(Number));
      return {
        contestants: [
          ...lasting("typescript", "one by one", { run: () => crawlSerial.crawl(urls) }, bodies),
          ...lasting("typescript", "sockets by hand", { run: () => crawlTcp.crawl(urls, { concurrency: 20 }) }, bodies),
        ],
        args: [server.address(0, 20)],
        close: async () => await server[Symbol.asyncDispose](),
      };
    },
  },
  bloom_filter: {
    what: "a Bloom filter of 100,000 numbers, asked for 200,000",
    python: "bloom_filter.py",
    within: 0,
    async open() {
      const keys = 100_000, { bits, hashes } = new BloomFilter(keys, 0.01);
      const library = await openLimit("sketches", {
        bloom: { parameters: ["buffer", "u32", "i32", "u32"], result: "i32" },
      });
      const known = (_: unknown, result: unknown) => result as number;
      return opened([
        ...lasting("typescript", "a class", {
          run() {
            const filter = new BloomFilter(keys, 0.01);
            for (let key = 0; key < keys; key++) filter.add(key);
            let count = 0;
            for (let key = 0; key < 2 * keys; key++) if (filter.has(key)) count++;
            return count;
          },
        }, known),
        ...library
          ? [contestant("c", "C", {
            fresh: () => new Uint32Array(Math.ceil(bits / 32)),
            run: (words: Uint32Array<ArrayBuffer>) => library.symbols.bloom(words, bits, hashes, keys),
            answer: known,
          })]
          : [],
      ], []);
    },
  },
  hyper_log_log: {
    what: "HyperLogLog of 1,000,000 numbers",
    python: "hyper_log_log.py",
    within: 1e-12,
    async open() {
      const keys = 1_000_000, p = 12, registers = new Uint8Array(2 ** p);
      const library = await openLimit("sketches", {
        hyper_log_log: { parameters: ["buffer", "i32", "u32"], result: "void" },
      });
      return opened([
        ...lasting("typescript", "a class", {
          run() {
            const counter = new HyperLogLog(p);
            for (let key = 0; key < keys; key++) counter.add(key);
            return counter.estimate();
          },
        }, (_, result) => result as number),
        ...lasting(
          "c",
          "C",
          library && { run: () => library.symbols.hyper_log_log(registers, p, keys) },
          () => estimateFrom(registers),
        ),
      ], []);
    },
  },
  trie: {
    what: "54,828 lookups in a trie of 274,136 words",
    python: "trie.py",
    within: 0,
    async open() {
      const { default: text } = await import(pathToFileURL(wordList).href, { with: { type: "text" } });
      const words: string[] = text.split("\n"), tenth = words.filter((_, i) => i % 10 === 0);
      const asked = [...tenth, ...tenth.map((word) => `${word}q`)], bytes = new TextEncoder().encode(text);
      const question = new TextEncoder().encode(asked.join("\n"));
      const trie = wordsTrie.build(words), dawg = wordsDawg.build(words), set = new Set(words);
      const library = await openLimit("words", {
        build_trie: { parameters: ["buffer", "i32"], result: "i32" },
        count_words: { parameters: ["buffer", "i32"], result: "i32" },
      });
      if (library && library.symbols.build_trie(bytes, bytes.length) === 0) throw new Error("no memory for the trie");
      const count = (_: unknown, result: unknown) => result as number;
      const counting = (known: (word: string) => boolean) => ({
        run() {
          let count = 0;
          for (const word of asked) if (known(word)) count++;
          return count;
        },
      });
      return opened(
        [
          ...lasting("typescript", "nested Maps", counting(trie.has), count),
          ...lasting("typescript", "a DAWG in one array", counting((word) => dawg.has(word)), count),
          ...lasting("typescript", "a Set", counting((word) => set.has(word)), count),
          ...lasting(
            "c",
            "C, an array of 26 a node",
            library && { run: () => library.symbols.count_words(question, question.length) },
            count,
          ),
        ],
        [],
        [wordList],
      );
    },
  },
};
