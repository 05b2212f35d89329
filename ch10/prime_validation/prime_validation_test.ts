import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { mustEnd } from "../../bench/lib/processes.ts";
import { parseHeader, runScript } from "../../bench/lib/script.ts";
import { openPrimeValidation } from "../../bench/limit/prime_validation.ts";
import * as bigint from "./check_bigint.ts";
import * as imul from "./check_imul.ts";
import * as split from "./check_split.ts";
import * as wasm from "./check_wasm.ts";
import * as wasmQuotient from "./check_wasm_quotient.ts";
import * as wasmSimd from "./check_wasm_simd.ts";
import { createRanges } from "./create_range.ts";
import * as messages from "./validate_messages.ts";
import * as pool from "./validate_pool.ts";
import * as redis from "./validate_redis.ts";
import * as sharedFlag from "./validate_shared_flag.ts";
import * as wasmWorkers from "./validate_wasm_workers.ts";

const root = new URL("../../", import.meta.url);

/** Whether n < 2 ** 64 is prime, by Miller and Rabin with bases that are known to suffice: no division is tried. */
function isPrime(n: bigint): boolean {
  const bases = [2n, 3n, 5n, 7n, 11n, 13n, 17n, 19n, 23n, 29n, 31n, 37n];
  if (n < 2n) return false;
  for (const p of bases) if (n % p === 0n) return n === p;
  const power = (base: bigint, exponent: bigint) => {
    let result = 1n;
    for (; exponent > 0n; exponent >>= 1n, base = base * base % n) if (exponent & 1n) result = result * base % n;
    return result;
  };
  let odd = n - 1n, twos = 0;
  while (odd % 2n === 0n) odd /= 2n, twos++;
  return bases.every((base) => {
    let x = power(base, odd);
    if (x === 1n || x === n - 1n) return true;
    for (let i = 1; i < twos; i++) if ((x = x * x % n) === n - 1n) return true;
    return false;
  });
}

/** The next prime from `n` on. */
function nextPrime(n: bigint): bigint {
  while (!isPrime(n)) n++;
  return n;
}

/** The smallest odd divisor in a range, with nothing but BigInt. */
function oracle(n: bigint, from: number, to: number): number {
  for (let d = from; d < to; d += 2) if (n % BigInt(d) === 0n) return d;
  return 0;
}

/** Seeded: splitmix64. */
function randomNumbers(seed: bigint) {
  return () => {
    seed = BigInt.asUintN(64, seed + 0x9e3779b97f4a7c15n);
    let z = BigInt.asUintN(64, (seed ^ (seed >> 30n)) * 0xbf58476d1ce4e5b9n);
    z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d049bb133111ebn);
    return z ^ (z >> 31n);
  };
}

type Find = (n: bigint, from: number, to: number) => number;
const kernels: Record<string, () => Promise<{ findFactor: Find } | null> | { findFactor: Find } | null> = {
  bigint: bigint.experiment,
  split: split.experiment,
  imul: imul.experiment,
  wasm: wasm.experiment,
  wasm_quotient: wasmQuotient.experiment,
  wasm_simd: wasmSimd.experiment,
  c_remainder: () => openPrimeValidation("find_remainder"),
  c_quotient: () => openPrimeValidation("find_quotient"),
  c_vectors: () => openPrimeValidation("find_vectors"),
  c_openmp: () => openPrimeValidation("find_parallel", { openmp: true }),
};

Deno.test("Miller and Rabin agree with the book's labels of its five numbers", () => {
  const labels = [112272535095295n, 100109100129100369n, 100109100129101027n, 100109100129100151n, 100109100129162907n];
  assertEquals(labels.map(isPrime), [false, false, false, true, true]);
  assertEquals(5n * 22454507019059n, labels[0]);
  assertEquals(95362951n * 1049769319n, labels[1]);
  assertEquals(171656941n * 583192847n, labels[2]);
});

for (const [name, open] of Object.entries(kernels)) {
  Deno.test(`${name}: finds the factors of squares and products of near primes, around 2^53, 2^63 and up to 2^64`, async () => {
    const { findFactor } = (await open())!;
    for (
      const near of [2n ** 20n, 94906265n, 2n ** 28n, 316400000n, 2n ** 31n, 3037000400n, 4294967000n, 2n ** 32n - 60n]
    ) {
      const p = nextPrime(near), q = nextPrime(p + 1n), at = Number(p);
      assert(p < 2n ** 32n);
      // A prime that is its own neighbour as candidate, and the candidates all around it.
      for (const n of [p * p, p * q].filter((n) => n < 2n ** 64n)) {
        for (let before = 0; before < 40; before += 2) {
          const from = at - before, to = Math.min(2 ** 32, at + 60);
          assertEquals(findFactor(n, from, to), at, `${n} from ${from}`);
          assertEquals(findFactor(n, from, at), oracle(n, from, at), `${n} from ${from} without ${at}`);
        }
        assertEquals(findFactor(n + 2n, at - 200, at + 200), oracle(n + 2n, at - 200, at + 200), `${n} + 2`);
      }
    }
  });

  Deno.test(`${name}: agrees with BigInt for numbers next to 2^53, 2^63 and 2^64, and candidates of all sizes`, async () => {
    const { findFactor } = (await open())!, random = randomNumbers(10n);
    const numbers = [2n ** 53n, 2n ** 63n, 2n ** 64n].flatMap((power) => [-5n, -3n, -1n, 1n, 3n].map((i) => power + i))
      .filter((n) => n < 2n ** 64n);
    for (const n of numbers) {
      // 8193 is where quotients begin to be estimated; near 2^32 there are no larger candidates.
      for (const from of [3, 8101, 8193, 65537, 2 ** 31 - 101, 2 ** 32 - 401]) {
        assertEquals(findFactor(n, from, from + 400), oracle(n, from, from + 400), `${n} from ${from}`);
      }
    }
    for (let i = 0; i < 300; i++) {
      // A candidate of 2 to 32 bits times a cofactor, so that there is something to find.
      const d = (random() >> (32n + random() % 30n)) | 3n, n = d * (random() % (2n ** 64n / d) || 1n);
      const at = Number(d), from = Math.max(3, at - 2 * Number(random() % 30n)), to = Math.min(2 ** 32, at + 30);
      assertEquals(findFactor(n, from, to), oracle(n, from, to), `${n} from ${from} to ${to}`);
      assertEquals(findFactor(n | 1n, from, to), oracle(n | 1n, from, to), `${n | 1n} from ${from} to ${to}`);
    }
  });

  Deno.test(`${name}: an empty range has no factor`, async () => {
    const { findFactor } = (await open())!;
    assertEquals([[3, 3], [5, 3], [10001, 10001]].map(([from, to]) => findFactor(15n, from, to)), [0, 0, 0]);
  });
}

Deno.test("plain Numbers miss a factor that BigInt finds: 2^53 is the limit", () => {
  const n = 100109100129100369n, factor = 95362951;
  assertEquals(n % BigInt(factor), 0n);
  assert(Number(n) % factor !== 0);
});

Deno.test("createRanges holds every candidate exactly once and evenly, for any number of parts", () => {
  const random = randomNumbers(7n);
  for (let i = 0; i < 500; i++) {
    const from = 1 + 2 * Number(random() % 50n),
      to = from + Number(random() % 120n),
      parts = 1 + Number(random() % 90n);
    const ranges = createRanges(from, to, parts), covered: number[] = [];
    for (const [first, end] of ranges) for (let d = first; d < end; d += 2) covered.push(d);
    const expected: number[] = [];
    for (let d = from; d < to; d += 2) expected.push(d);
    assertEquals(covered, expected, `${from} to ${to} in ${parts}`);
    assertEquals(ranges.length, parts);
    const lengths = ranges.map(([first, end]) => (end - first) / 2);
    assert(Math.max(...lengths) - Math.min(...lengths) <= 1, `${lengths}`);
  }
});

Deno.test("createRanges with more parts than candidates, or with none, gives empty ranges", () => {
  assertEquals(createRanges(3, 7, 4), [[3, 3], [3, 5], [5, 5], [5, 7]]);
  assertEquals(createRanges(3, 3, 2), [[3, 3], [3, 3]]);
  assertEquals(createRanges(9, 3, 1), [[9, 9]]);
});

Deno.test("createRanges refuses what is no range and no number of parts", () => {
  for (const [from, to, parts] of [[4, 9, 1], [3.5, 9, 1], [3, NaN, 1], [3, 9, 0], [3, 9, -1], [3, 9, 1.5]]) {
    assertThrows(() => createRanges(from, to, parts), RangeError, "must be");
  }
});

interface Validation {
  run(n: bigint, from?: number, to?: number): Promise<{ factor: number; trials: number }> | {
    factor: number;
    trials: number;
  };
  close(): Promise<void>;
}

const ways: Record<string, (options: { workers: number; look?: number }) => Promise<Validation>> = {
  pool: pool.experiment,
  messages: messages.experiment,
  redis: redis.experiment,
  shared_byte: (options: { workers: number; look?: number }) => sharedFlag.experiment({ ...options, plain: true }),
  atomics: sharedFlag.experiment,
  wasm_workers: wasmWorkers.experiment,
};

for (const [name, open] of Object.entries(ways)) {
  Deno.test(`${name}: says of numbers of all sizes which are prime, with any number of workers, and tries all candidates once`, async () => {
    const p = nextPrime(90000n), q = nextPrime(2n ** 20n);
    const numbers = [2n, 3n, 4n, 5n, 9n, 15n, 25n, 49n, 7919n, 8192n, 67108859n, 8191n ** 2n, 8209n ** 2n];
    numbers.push(p * p, p * q, q * q, nextPrime(2n ** 40n), 2n ** 41n + 1n);
    for (const workers of [1, 2, 3, 7]) {
      const { run, close } = await open({ workers, look: 1000 });
      for (const n of numbers) {
        const { factor, trials } = await run(n), prime = isPrime(n);
        assertEquals(factor === 0, prime, `${n}: ${factor}`);
        if (factor) assert(factor > 1 && BigInt(factor) < n && n % BigInt(factor) === 0n, `${n}: ${factor}`);
        const candidates = Math.max(0, Math.ceil((Math.floor(Math.sqrt(Number(n))) + 1 - 3) / 2));
        if (prime && n > 2n) assertEquals(trials, candidates, `${n} by ${workers}`);
      }
      // A part of the range, with a length that no number of workers divides, and without the factor.
      assertEquals(await run(q * q, 100001, 100001 + 2 * 1009), { factor: 0, trials: 1009 });
      assertEquals((await run(q * q, Number(q) - 20, Number(q) + 1)).factor, Number(q));
      await close();
    }
  });

  Deno.test(`${name}: refuses numbers below 2 and from 2^64 on`, async () => {
    const { run, close } = await open({ workers: 1 });
    for (const n of [-7n, 0n, 1n, 2n ** 64n]) {
      await assertRejects(async () => await run(n), RangeError, "must be from 2 to 2 ** 64 - 1");
    }
    await close();
  });

  const file = name === "atomics" || name === "shared_byte" ? "shared_flag" : name;
  Deno.test(`${name}: refuses what is no number of workers, in one line and with exit code 2`, async () => {
    const script = parseHeader(await Deno.readTextFile(new URL(`validate_${file}.ts`, import.meta.url))).run;
    await Promise.all(["0", "-1", "1000", "2.5", "many"].map(async (value) => {
      const { code, stderr } = await runScript(script, { cwd: root, more: [`--workers=${value}`] });
      assertEquals([code, stderr], [2, `error: --workers ${value}: must be a whole number from 1 to 64\n`]);
    }));
    if (name === "pool") return;
    const { code, stderr } = await runScript(script, { cwd: root, more: ["--look=0"] });
    assertEquals([code, stderr], [2, "error: --look 0: must be a whole number from 1 to 1e9\n"]);
  });
}

Deno.test("with a flag, the others stop long before the end of their ranges", async () => {
  const n = 100109100129101027n, factor = 171656941, half = 100_000_000;
  for (const name of ["messages", "redis", "shared_byte", "atomics"]) {
    const { run, close } = await ways[name]({ workers: 2, look: 100_000 });
    // The second worker's first candidate is the factor. The first would have 50 million to try.
    const { factor: found, trials } = await run(n, factor - half, factor + half);
    await close();
    assertEquals(found, factor);
    assert(trials < half / 4, `${name}: ${trials} trials`);
  }
});

Deno.test("wasm_workers finds the smallest of several factors, whatever the number of threads", async () => {
  const [a, b, c] = [nextPrime(100_000n), nextPrime(300_000n), nextPrime(900_000n)];
  for (const workers of [1, 2, 5]) {
    const { run, close } = await wasmWorkers.experiment({ workers, look: 500 });
    for (let i = 0; i < 20; i++) assertEquals(run(a * b * c).factor, Number(a));
    await close();
  }
});

const redisScript = parseHeader(await Deno.readTextFile(new URL("validate_redis.ts", import.meta.url))).run;

Deno.test("without redis-server the script names the package, and exits with code 2", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const { code, stderr } = await runScript(redisScript, { cwd: root, env: { PATH: folder } });
    assertEquals(code, 2, stderr);
    assertMatch(stderr, /error: no redis-server, .* apt-get install redis-server\n$/);
  } finally {
    await Deno.remove(folder);
  }
});

Deno.test(
  "an interrupt ends the Redis that the script has started",
  { ignore: Deno.build.os !== "linux" },
  async () => {
    // The server under another name, so that it is known which one it is: it writes its process id beside itself.
    const folder = await Deno.makeTempDir();
    try {
      const real = new TextDecoder().decode(
        (await new Deno.Command("which", { args: ["redis-server"] }).output()).stdout,
      );
      await Deno.writeTextFile(
        `${folder}/redis-server`,
        `#!/bin/sh\necho $$ > ${folder}/pid\nexec ${real.trim()} "$@"\n`,
      );
      await Deno.chmod(`${folder}/redis-server`, 0o755);
      const [, , ...args] = redisScript.split(/\s+/);
      const script = new Deno.Command(Deno.execPath(), {
        // A look after every trial: it would take minutes.
        args: ["run", "--no-prompt", ...args, "--look", "1"],
        cwd: root,
        env: { PATH: `${folder}:${Deno.env.get("PATH")}` },
        stdin: "null",
        stdout: "null",
        stderr: "null",
      }).spawn();
      let pid = 0;
      while (!(pid = Number(await Deno.readTextFile(`${folder}/pid`).catch(() => "")))) await sleep(20);
      await sleep(300);
      script.kill("SIGINT");
      assertEquals((await script.status).code, 130);
      await mustEnd(pid);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
