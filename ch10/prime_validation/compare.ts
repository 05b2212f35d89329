/**
 * Is one large number prime? By all kernels of trial division on one core, and by all ways to split it over workers.
 *
 * @original 10_multiprocessing/prime_validation/
 * @run deno run --allow-read --allow-write=results --allow-run=cc,redis-server --allow-ffi=results --allow-net=127.0.0.1 --ignore-env --allow-env=CI,XDG_RUNTIME_DIR --allow-sys=cpus,systemMemoryInfo,osRelease ch10/prime_validation/compare.ts
 * @takes 15 s
 */

import { delay } from "@std/async/delay";
import { barChart, palette } from "../../bench/lib/chart.ts";
import { measureInTurns } from "../../bench/lib/measure.ts";
import type { Missing } from "../../bench/lib/results.ts";
import { compareSections, type Section } from "../../bench/lib/sections.ts";
import { formatNumber, formatRatio, formatTime, table } from "../../bench/lib/table.ts";
import { missingCompiler } from "../../bench/limit/limit.ts";
import { openPrimeValidation } from "../../bench/limit/prime_validation.ts";
import * as bigint from "./check_bigint.ts";
import * as imul from "./check_imul.ts";
import * as split from "./check_split.ts";
import * as wasm from "./check_wasm.ts";
import * as wasmQuotient from "./check_wasm_quotient.ts";
import * as wasmSimd from "./check_wasm_simd.ts";
import * as messages from "./validate_messages.ts";
import * as pool from "./validate_pool.ts";
import * as redis from "./validate_redis.ts";
import * as sharedFlag from "./validate_shared_flag.ts";
import * as wasmWorkers from "./validate_wasm_workers.ts";

const missingRedis: Missing = { name: "Redis", remedy: "apt-get install redis-server" };

type Find = (n: bigint, from: number, to: number) => number;

/** Nanoseconds a trial on one core: a part of the range, as the slowest would take seconds for all of it. */
async function kernels(full: boolean): Promise<Section> {
  const opened: Record<string, { findFactor: Find } | null> = {
    bigint: bigint.experiment(),
    split: split.experiment(),
    imul: imul.experiment(),
    wasm: await wasm.experiment(),
    wasm_quotient: await wasmQuotient.experiment(),
    wasm_simd: await wasmSimd.experiment(),
    c_remainder: await openPrimeValidation("find_remainder"),
    c_quotient: await openPrimeValidation("find_quotient"),
    c_vectors: await openPrimeValidation("find_vectors"),
  };
  const found = Object.entries(opened).filter((entry): entry is [string, { findFactor: Find }] => entry[1] !== null);
  const trials = full ? 20_000_000 : 2_000_000, from = 200_000_001, prime = 100109100129162907n;

  // The same candidates for all, once with a factor among them and once without.
  const [composite, factor] = [100109100129101027n, 171656941];
  const answers = found.map(([name, { findFactor }]) => {
    const near = findFactor(composite, factor - trials, factor + trials),
      none = findFactor(prime, from, from + 2 * trials);
    return { name, near, none };
  });
  const calls = Object.fromEntries(
    found.map(([name, { findFactor }]) => [name, () => findFactor(prime, from, from + 2 * trials)]),
  );
  const times = await measureInTurns(calls, { budget: full ? 1 : 0.06 });
  const time = (name: string) => (times[name]?.median ?? NaN) / trials;
  const ratio = (slower: string, faster: string) => time(slower) / time(faster);
  const names = found.map(([name]) => name);
  return {
    tables: [table(
      ["one core", "a trial", "±", "vs bigint", "of c_vectors", "an 18-digit prime"],
      names.map((name) => [
        name,
        formatTime(time(name)),
        `${Math.round(times[name].spread * 100)}%`,
        formatRatio(ratio("bigint", name)),
        ratio("c_vectors", name).toFixed(2),
        formatTime(time(name) * 158_200_110),
      ]),
    )],
    charts: {
      prime_validation_kernels: barChart({
        title: "Trial division of an 18-digit number, one core",
        x: { title: "nanoseconds a trial" },
        bars: names.map((name) => ({
          name,
          value: time(name) * 1e9,
          color: name.startsWith("c_") ? palette[9] : name.startsWith("wasm") ? palette[1] : palette[0],
        })),
        text: (ns) => `${formatNumber(ns)} ns`,
      }),
    },
    figures: names.map((name) => {
      const { samples, spread } = times[name];
      return { name, size: trials, value: time(name), unit: "s per trial", samples, spread };
    }),
    checks: [{
      claim: "all kernels find the same factor in the same candidates, and none of a prime",
      passed: answers.every(({ near, none }) => near === factor && none === 0),
      evidence: answers.map(({ name, near, none }) => `${name} ${near} and ${none}`).join(", "),
    }],
    claims: [
      {
        claim: "an estimated quotient and Math.imul are faster than WebAssembly's division of 64-bit integers",
        held: ratio("wasm", "imul") > 1,
        evidence: `${formatRatio(ratio("wasm", "imul"))} as fast`,
      },
      ...opened.c_vectors
        ? [{
          claim: "WebAssembly's SIMD reaches 0.8 of the best C on one core",
          held: ratio("c_vectors", "wasm_simd") >= 0.8,
          evidence: `${ratio("c_vectors", "wasm_simd").toFixed(2)}`,
        }]
        : [],
    ],
    missing: opened.c_vectors ? [] : [missingCompiler],
    finding: `on one core a trial takes ${formatTime(time("bigint"))} with BigInt, ${formatTime(time("imul"))} with ` +
      `Math.imul and ${formatTime(time("wasm_simd"))} in WebAssembly with SIMD`,
  };
}

interface Validation {
  run(n: bigint): Promise<{ factor: number; trials: number }> | { factor: number; trials: number };
  close(): Promise<void>;
}

const numbers = [
  { name: "small non-prime", n: 112272535095295n, prime: false },
  { name: "non-prime 1", n: 100109100129100369n, prime: false },
  { name: "non-prime 2", n: 100109100129101027n, prime: false },
  { name: "prime 1", n: 100109100129100151n, prime: true },
  { name: "prime 2", n: 100109100129162907n, prime: true },
];

/** The book's five numbers, whole, by as many workers as there are cores. */
async function workers(full: boolean): Promise<Section> {
  const cores = navigator.hardwareConcurrency;
  // The limit in C and the serial version say no number of trials.
  const whole = (find: Find): Validation => ({
    run: (n) => ({ factor: find(n, 3, Math.floor(Math.sqrt(Number(n))) + 2), trials: NaN }),
    close: () => Promise.resolve(),
  });
  const open: Record<string, () => Promise<Validation | null>> = {
    serial: () => Promise.resolve(whole(imul.findFactor)),
    pool: () => pool.experiment(),
    messages: () => messages.experiment(),
    redis: () =>
      redis.experiment().catch((error) => {
        if (error instanceof redis.MissingRedis) return null;
        throw error;
      }),
    shared_byte: () => sharedFlag.experiment({ plain: true }),
    atomics: () => sharedFlag.experiment(),
    wasm_one_thread: () => wasmWorkers.experiment({ workers: 1 }),
    wasm_workers: () => wasmWorkers.experiment(),
    c_openmp: async () => {
      const library = await openPrimeValidation("find_parallel", { openmp: true });
      return library && whole(library.findFactor);
    },
  };
  const rounds = full ? 9 : 2;
  const seconds = new Map<string, number[]>(), wrong: string[] = [], trials = new Map<string, number[]>();
  await using opened = new AsyncDisposableStack();
  const here: Record<string, Validation> = {};
  for (const [name, start] of Object.entries(open)) {
    const validation = await start();
    if (!validation) continue;
    here[name] = validation;
    opened.defer(() => validation.close());
  }
  const names = Object.keys(here), primeOf = numbers.filter(({ prime }) => prime).map(({ n }) => n);
  for (let round = 0; round <= rounds; round++) {
    // Every round begins with another one.
    for (const name of [...names.slice(round % names.length), ...names.slice(0, round % names.length)]) {
      // OpenMP's threads still wait for more work for a while, and would take a core from the next.
      await delay(10);
      // In quick mode each round has one of the primes, and the first, in which V8 still compiles, nothing else.
      const turn = full ? numbers : numbers.filter(({ n, prime }) => prime ? n === primeOf[round % 2] : round > 0);
      for (const { n, prime } of turn) {
        const start = performance.now(), { factor, trials: made } = await here[name].run(n);
        const time = (performance.now() - start) / 1000, key = `${name} ${n}`;
        if (factor ? prime || n % BigInt(factor) : !prime) wrong.push(`${name}: ${n} has the factor ${factor}`);
        const candidates = Math.ceil((Math.floor(Math.sqrt(Number(n))) + 1 - 3) / 2);
        if (prime && made !== candidates && !Number.isNaN(made)) wrong.push(`${name}: ${made} trials of ${candidates}`);
        if (round === 0) continue;
        seconds.set(key, [...seconds.get(key) ?? [], time]);
        trials.set(key, [...trials.get(key) ?? [], made]);
      }
    }
  }
  const middle = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)];
  // The shortest: what else the machine does can only add.
  const time = (name: string, number: (typeof numbers)[number]) =>
    Math.min(...seconds.get(`${name} ${number.n}`) ?? [NaN]);
  const [, nonPrime1, nonPrime2, prime1, prime2] = numbers;
  const primes = (name: string) => (time(name, prime1) + time(name, prime2)) / 2;
  const nonPrimes = (name: string) => (time(name, nonPrime1) + time(name, nonPrime2)) / 2;
  const slowest = Math.max(time("wasm_workers", prime1), time("wasm_workers", prime2));
  const ofC = primes("c_openmp") / primes("wasm_workers");
  const early = ["messages", "redis", "shared_byte", "atomics"].filter((name) => here[name]);
  const split = Object.keys(here).filter((name) => !/^(serial|c)/.test(name));
  return {
    tables: [
      table(
        [`${cores} cores`, ...numbers.slice(1).map(({ name }) => name), "primes vs serial", "of c_openmp"],
        names.map((name) => [
          name,
          ...numbers.slice(1).map((number) => formatTime(time(name, number))),
          formatRatio(primes("serial") / primes(name)),
          Number.isNaN(ofC) ? "-" : (primes("c_openmp") / primes(name)).toFixed(2),
        ]),
      ),
      table(
        ["million trials", ...numbers.slice(1).map(({ name }) => name)],
        split.map((name) => [
          name,
          ...numbers.slice(1).map(({ n }) => (middle(trials.get(`${name} ${n}`)!) / 1e6).toFixed(1)),
        ]),
      ),
    ],
    charts: {
      prime_validation: barChart({
        title: `Proving an 18-digit prime, ${cores} cores`,
        x: { title: "milliseconds, mean of two primes" },
        bars: names.map((name) => ({
          name,
          value: primes(name) * 1000,
          color: /^c/.test(name) ? palette[9] : /^wasm/.test(name) ? palette[1] : palette[0],
        })),
        text: (ms) => `${formatNumber(ms)} ms`,
      }),
      prime_validation_early_stop: barChart({
        title: `Two 18-digit numbers with a factor, ${cores} cores`,
        x: { title: "milliseconds, mean of two numbers" },
        bars: split.map((name) => ({
          name,
          value: nonPrimes(name) * 1000,
          color: /^wasm/.test(name) ? palette[1] : palette[0],
        })),
        text: (ms) => `${formatNumber(ms)} ms`,
      }),
    },
    figures: names.flatMap((name) =>
      numbers.map((number) => {
        const values = seconds.get(`${name} ${number.n}`)!, [least, most] = [Math.min(...values), Math.max(...values)];
        return {
          name: `${name}, ${number.n}`,
          size: cores,
          value: time(name, number),
          unit: "s",
          samples: values.length,
          spread: (most - least) / time(name, number),
        };
      })
    ),
    checks: [{
      claim:
        "all say of the five numbers which are prime, with a factor of the others, and try every candidate of a prime once",
      passed: wrong.length === 0,
      evidence: wrong.join(", ") || `${names.length} ways, ${rounds + 1} times each`,
    }],
    claims: [
      {
        claim: "the fastest proves each of the primes in under a fifth of a second",
        held: slowest < 0.2,
        evidence: `${formatTime(slowest)} for the slower of the two, with ${cores} threads`,
      },
      {
        claim: "workers without a flag take for a number with a factor over 1.5 times as long as with one",
        held: nonPrimes("pool") > 1.5 * nonPrimes("atomics"),
        evidence: `${formatRatio(nonPrimes("pool") / nonPrimes("atomics"))}`,
      },
      {
        claim:
          "looking costs a prime under 15 %: every 1,000,000 trials by message and in Redis, every 100,000 in shared memory",
        held: early.every((name) => primes(name) < 1.15 * primes("pool")),
        evidence: early.map((name) => `${name} ${((primes(name) / primes("pool") - 1) * 100).toFixed(0)} %`).join(", "),
      },
      ...Number.isNaN(ofC) ? [] : [{
        claim: "WebAssembly on all cores reaches 0.8 of the best C on all cores",
        held: ofC >= 0.8,
        evidence: ofC.toFixed(2),
      }],
    ],
    missing: [...here.redis ? [] : [missingRedis], ...here.c_openmp ? [] : [missingCompiler]],
    finding: `on ${cores} cores a prime takes ${formatTime(primes("pool"))} with workers in JavaScript ` +
      `(${formatRatio(primes("serial") / primes("pool"))} as fast as without) and ${
        formatTime(primes("wasm_workers"))
      } with WebAssembly; a flag that all look at brings numbers with a factor from ${
        formatTime(nonPrimes("pool"))
      } down to ${formatTime(nonPrimes("atomics"))}`,
  };
}

export async function run(args: readonly string[]) {
  return await compareSections(
    {
      chapter: "ch10",
      topic: "prime_validation",
      question: "How is one large problem split over workers, and stopped as soon as one of them has the answer?",
      answer: "By ranges of candidates and a flag in shared memory",
    },
    { kernels, workers },
    args,
  );
}

if (import.meta.main) {
  const { passed } = await run(Deno.args);
  if (!passed) Deno.exit(1);
}
