/**
 * Pi in WebAssembly with SIMD on all cores: each thread takes the next eight blocks from a counter in shared memory.
 *
 * What to notice: the threads share 64 bytes, by which they are set to work, take blocks and say that they are done; no
 * message is sent. Who throws which blocks is chance, how many hit is not: each block has its own stream. A thread jumps
 * over the streams of the blocks that others took, a quarter of a microsecond each, so that it knows where its own begin.
 *
 * @original 10_multiprocessing/pi_estimation/pi_processes_parallel/pi_numpy_parallel_worker.py
 * @run deno run --allow-env=CI --allow-read=ch10/pi_estimation/pi_wasm_workers.ts ch10/pi_estimation/pi_wasm_workers.ts
 * @takes 1 s
 */

const block = 2 ** 16, vectors = 2, streams = 4 * vectors;
const each = (text: (vector: number) => string) => Array.from({ length: vectors }, (_, v) => text(v)).join("\n");

// The first 64 bytes of the memory are for the threads to talk to each other. Then each has a page for the states of its
// streams, first words first, for their counts, and for what it reports.
const job = 0, finished = 1, nextBlock = 2;
const pageOfThread = 4096, states = 0, counts = 2048, report = 3072;

// One number of each of four streams, without its last bit: those that are left fit into signed integers.
const draw = (name: string, v: number) => `
  const sum${name}${v} = i32x4.add(a${v}, d${v});
  const ${name}${v} = i32x4.shr_u(i32x4.add(v128.or(i32x4.shl(sum${name}${v}, 7), i32x4.shr_u(sum${name}${v}, 25)), a${v}), 1);
  const shifted${name}${v} = i32x4.shl(b${v}, 9);
  c${v} = v128.xor(c${v}, a${v});
  d${v} = v128.xor(d${v}, b${v});
  b${v} = v128.xor(b${v}, c${v});
  a${v} = v128.xor(a${v}, d${v});
  c${v} = v128.xor(c${v}, shifted${name}${v});
  d${v} = v128.or(i32x4.shl(d${v}, 11), i32x4.shr_u(d${v}, 21));`;

// Two of the four darts as doubles: how far are they from the corner, squared? Those inside count as minus one.
const look = (v: number, half: string, of: (name: string) => string) => `
  const x${half}${v} = f64x2.convert_low_i32x4_s(${of(`x${v}`)}), y${half}${v} = f64x2.convert_low_i32x4_s(${
  of(`y${v}`)
});
  ${half}${v} = i64x2.sub(${half}${v}, f64x2.le(
    f64x2.add(f64x2.mul(x${half}${v}, x${half}${v}), f64x2.mul(y${half}${v}, y${half}${v})), radius));`;

const source = `
// Where this thread has its page of the memory.
let own: usize;

// The state at the beginning of a stream.
let a: u32, b: u32, c: u32, d: u32;

function step(): void {
  const shifted = b << 9;
  c ^= a; d ^= b; b ^= c; a ^= d; c ^= shifted;
  d = rotl<u32>(d, 11);
}

/** 2^64 steps at once: from one stream to the next. */
function jump(): void {
  let e: u32 = 0, f: u32 = 0, g: u32 = 0, h: u32 = 0;
  ${
  ["0x8764000b", "0xf542d2d3", "0x6fa035c3", "0x77f2db5b"].map((bits) => `
  for (let i = 0, bits: u32 = ${bits}; i < 32; i++, bits >>= 1) {
    if (bits & 1) { e ^= a; f ^= b; g ^= c; h ^= d; }
    step();
  }`).join("")
}
  a = e; b = f; c = g; d = h;
}

/** Throws so many darts in each stream, moves the states on, and leaves the counts of those that hit. */
function throwDarts(darts: i32): void {
  const radius = f64x2.splat(${2 ** 62});
  ${
  each((v) =>
    ["a", "b", "c", "d"].map((word, w) => `let ${word}${v} = v128.load(own, ${states + 4 * streams * w + 16 * v});`)
      .join(
        "\n",
      )
  )
}
  ${each((v) => `let low${v} = i64x2.splat(0), high${v} = low${v};`)}
  for (let i = 0; i < darts; i++) {
    ${each((v) => draw("x", v))}
    ${each((v) => draw("y", v))}
    ${each((v) => look(v, "low", (name) => name) + look(v, "high", (n) => `v128.shuffle<i32>(${n}, ${n}, 2, 3, 2, 3)`))}
  }
  ${
  each((v) =>
    ["a", "b", "c", "d"].map((word, w) => `v128.store(own + ${states + 4 * streams * w + 16 * v}, ${word}${v});`).join(
      "\n",
    ) +
    `v128.store(own + ${counts + 32 * v}, low${v}); v128.store(own + ${counts + 32 * v + 16}, high${v});`
  )
}
}

/** What the first so many streams have hit. */
function hits(streams: i32): f64 {
  let sum: i64 = 0;
  for (let i = 0; i < streams; i++) sum += load<i64>(own + 8 * i, ${counts});
  return f64(sum);
}

/** A thread's share: the next blocks until there are no more, \`last\` darts in the last block and ${block} in all others. */
export function work(page: usize, seed: u32, blocks: i32, last: i32): void {
  own = page;
  a = seed; b = 0x243f6a88; c = 0x85a308d3; d = 0x13198a2e;
  jump();
  let inside: f64 = 0;
  for (let stream = 0;;) {
    const first = atomic.add<i32>(${4 * nextBlock}, ${streams});
    if (first >= blocks) break;
    for (; stream < first; stream++) jump();
    for (let at = own + ${states}; stream < first + ${streams}; at += 4, stream++, jump()) {
      store<u32>(at, a);
      store<u32>(at, b, ${4 * streams});
      store<u32>(at, c, ${8 * streams});
      store<u32>(at, d, ${12 * streams});
    }
    const left = blocks - first;
    if (left > ${streams}) {
      throwDarts(${block});
      inside += hits(${streams});
    } else {
      // All throw as many as the last, then all but the last throw the rest.
      throwDarts(last);
      inside += hits(left);
      if (left > 1) {
        throwDarts(${block} - last);
        inside += hits(left - 1);
      }
    }
  }
  store<f64>(own, inside, ${report});
}`;

/**
 * Compiles AssemblyScript to WebAssembly with SIMD and threads. Throws with the compiler's messages if it does not compile.
 * The memory's size is fixed: if another thread could make it grow, every access would have to read the size again.
 */
async function compile(source: string, pages: number): Promise<Uint8Array<ArrayBuffer>> {
  // Not at the top of the file: the workers do not compile, and would start later.
  const { default: asc } = await import("npm:assemblyscript@0.28.20/asc");
  let wasm: unknown;
  const { error, stderr } = await asc.main(
    `main.ts -O3 --runtime stub --enable simd,threads --importMemory --sharedMemory
      --initialMemory ${pages} --maximumMemory ${pages} -o main.wasm`.split(/\s+/),
    {
      readFile: (name) => name === "main.ts" ? source : null,
      writeFile: (_, contents) => void (wasm = contents),
      listFiles: () => [],
    },
  );
  if (error) throw new Error(`${error.message}\n${stderr}`);
  return wasm as Uint8Array<ArrayBuffer>;
}

// Room for 64 threads. Compiled once, however many experiments there are.
const pages = Math.ceil(65 * pageOfThread / 65536);
let compiled: Promise<WebAssembly.Module> | undefined;

/** What a thread needs to know. */
interface Share {
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  /** The arguments of `work`. */
  work: number[];
  /** How often it looks for the next job before it sleeps. */
  spins: number;
}

async function prepareThread({ module, memory, work }: Share) {
  const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
  const run = exports.work as (...numbers: number[]) => void;
  return () => run(...work);
}

/**
 * The book's experiment: of `darts` darts thrown at a square, how many hit the quarter circle; pi is 4 inside / darts.
 *
 * @param workers threads, the calling one included, 1 to 64; by default one for each core
 */
export async function experiment(
  { darts, workers = navigator.hardwareConcurrency, seed = 10 }: { darts: number; workers?: number; seed?: number },
) {
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const module = await (compiled ??= compile(source, pages).then((bytes) => WebAssembly.compile(bytes)));
  const control = new Int32Array(memory.buffer, 0, 16);
  const blocks = Math.ceil(darts / block), last = darts - (blocks - 1) * block;
  // To wake a sleeping thread takes longer than to wait for one; but where there are not enough cores, one's wait delays
  // another's work.
  const spins = workers <= navigator.hardwareConcurrency ? 100_000 : 0;
  const page = (thread: number) => pageOfThread * (thread + 1);
  const share = (thread: number): Share => ({ module, memory, work: [page(thread), seed, blocks, last], spins });

  const others = await Promise.all(Array.from({ length: workers - 1 }, async (_, i) => {
    const worker = new Worker(import.meta.url, { type: "module" });
    await new Promise((ready, failed) => {
      worker.onmessage = ready;
      worker.onerror = failed;
      worker.postMessage(share(i + 1));
    });
    return worker;
  }));
  const runFirst = await prepareThread(share(0));
  const order = (number: number) => {
    Atomics.store(control, finished, 0);
    Atomics.store(control, nextBlock, 0);
    Atomics.store(control, job, number);
    Atomics.notify(control, job);
  };
  return {
    run() {
      order((control[job] + 1) & 0xffff);
      runFirst();
      waitWhile(control, finished, spins, (count) => count < workers - 1);
      let inside = 0;
      for (let i = 0; i < workers; i++) inside += new Float64Array(memory.buffer, page(i) + report, 1)[0];
      return { inside, darts };
    },
    close() {
      order(-1);
      return Promise.all(others.map((worker) => new Promise((closed) => worker.onmessage = closed)));
    },
  };
}

/** Waits for a number in shared memory: spins for a while, unless others need the core, then sleeps. */
function waitWhile(
  control: Int32Array,
  index: number,
  spins: number,
  waiting: (value: number) => boolean,
): number {
  for (let spin = 0; spin < spins; spin++) if (!waiting(Atomics.load(control, index))) break;
  for (;;) {
    const value = Atomics.load(control, index);
    if (!waiting(value)) return value;
    Atomics.wait(control, index, value);
  }
}

/** The other side: a worker sleeps until there is a job, does its share, and sleeps again. */
async function serve(share: Share) {
  const run = await prepareThread(share);
  const control = new Int32Array(share.memory.buffer, 0, 16);
  let done = Atomics.load(control, job);
  toCaller.postMessage("ready");
  for (;;) {
    done = waitWhile(control, job, share.spins, (value) => value === done);
    if (done < 0) break;
    run();
    Atomics.add(control, finished, 1);
    Atomics.notify(control, finished);
  }
  toCaller.postMessage("closed");
  self.close();
}

// The type checker takes this file for a main module, which has no one to send messages to.
const toCaller = self as unknown as Worker;

if ("WorkerGlobalScope" in globalThis) {
  toCaller.onmessage = ({ data }: MessageEvent<Share>) => serve(data);
} else if (import.meta.main) {
  const { parseArgs } = await import("jsr:@std/cli@1/parse-args");
  const refuse = (message: string) => (console.error(`error: ${message}`), Deno.exit(2));
  const flags = parseArgs(Deno.args, {
    string: ["workers"],
    boolean: "help",
    default: { workers: `${navigator.hardwareConcurrency}` },
    unknown: (argument) => refuse(`${argument}: there is only --workers and --help`),
  });
  if (flags.help) {
    console.log("Pi by 4e8 darts.\n  --workers N  threads, 1 to 64");
    Deno.exit(0);
  }
  const workers = Number(flags.workers || NaN);
  if (!(Number.isInteger(workers) && workers >= 1 && workers <= 64)) {
    refuse(`--workers ${flags.workers}: must be a whole number from 1 to 64`);
  }
  const { run, close } = await experiment({ darts: 4e8, workers });
  // In the first run V8 still compiles.
  run();
  const start = performance.now();
  const { inside, darts } = run();
  const ms = (performance.now() - start).toFixed(0);
  console.log(`pi is about ${4 * inside / darts}: ${inside} of ${darts} darts, ${workers} threads, ${ms} ms`);
  await close();
  if (inside !== 314149193) throw new Error(`of these darts, 314149193 hit, not ${inside}`);
}
