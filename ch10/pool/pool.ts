/**
 * A pool of workers written by hand: tasks with results in order, back-pressure, transfer, abort, and workers replaced.
 *
 * What to notice: a message costs more than many a task, so a worker always has its next batch waiting, and a batch of
 * small tasks shares two messages. Nobody tells the main thread that a worker has closed itself: each says so as its
 * last words. What it was working on stands in shared memory, so that only this task is lost; a new worker takes its
 * place and the rest. A task must therefore bear being begun twice. Threads end with their process, also on Ctrl-C.
 *
 * @original 10_multiprocessing/prime_generation/primes.py
 * @run deno run --allow-read=ch10/pool/pool.ts ch10/pool/pool.ts
 * @takes 1 s
 */

/** Computes one result. Buffers put into `give` are handed over with it in place of being copied. */
// deno-lint-ignore no-explicit-any
type Task = (input: any, give: Transferable[]) => unknown;
type Tasks = Record<string, Task>;
type Input<T extends Task> = Parameters<T>[0];
type Output<T extends Task> = Awaited<ReturnType<T>>;

export interface RunOptions {
  /** On abort the task rejects with the signal's reason. If a worker has it already, that worker is replaced. */
  signal?: AbortSignal;
  /** Buffers of the input to hand over. The task then waits for an idle worker, with which alone it can be lost. */
  transfer?: Transferable[];
}

interface Job {
  id: number;
  name: string;
  input: unknown;
  transfer?: Transferable[];
  promise: Promise<unknown>;
  resolve(value: unknown): void;
  reject(cause: unknown): void;
}

/** A worker as the pool sees it. */
interface Member {
  worker: Worker;
  ready: boolean;
  /** What it has been sent and not answered. */
  jobs: Map<number, Job>;
  batches: number;
  /** Whether what it has could not be sent again. */
  alone: boolean;
  /** The id of the job that it began last: written there, read here. */
  running: Int32Array;
  closed: PromiseWithResolvers<void>;
}

type Outcome = [id: number, ok: boolean, value: unknown];

/** Tasks ended with their worker: the message says how, `cause` holds the error if there was one. */
export class WorkerLost extends Error {
  override name = "WorkerLost";
}

export class Pool<T extends Tasks> {
  readonly size: number;
  readonly #url: string | URL;
  readonly #batch: number;
  readonly #members = new Set<Member>();
  readonly #queue: Job[] = [];
  #nextId = 1;
  /** Jobs neither resolved nor rejected. */
  readonly #open = new Set<Job>();
  #closing?: Promise<void>;
  #planned = false;

  /**
   * Starts the workers.
   *
   * @param url the module that they run, which calls `serve`
   * @param size workers; by default one for each core
   * @param batch the most tasks to share one message; above 1, a long task may hold up short ones
   */
  constructor(url: string | URL, { size = navigator.hardwareConcurrency, batch = 1 } = {}) {
    for (const [name, value, most] of [["size", size, 64], ["batch", batch, 2 ** 20]] as const) {
      if (!(Number.isInteger(value) && value >= 1 && value <= most)) {
        throw new RangeError(`${name} ${value}: must be a whole number from 1 to ${most}`);
      }
    }
    [this.#url, this.size, this.#batch] = [url, size, batch];
    for (let i = 0; i < size; i++) this.#hire();
  }

  /** Runs one task. Rejects with what it threw, with WorkerLost, or with the reason of an abort. */
  run<Name extends keyof T & string>(name: Name, input: Input<T[Name]>, { signal, transfer }: RunOptions = {}) {
    if (signal?.aborted) return Promise.reject(signal.reason);
    const job = this.#submit(name, input, transfer);
    if (signal) this.#abortable([job], signal, job.promise);
    return job.promise as Promise<Output<T[Name]>>;
  }

  /**
   * Runs a task on each input and yields the results in the inputs' order. Inputs are asked for as results are taken,
   * and are at most `ahead` further. Ends with the first error; whoever leaves early, stops what is under way.
   */
  async *map<Name extends keyof T & string>(
    name: Name,
    inputs: Iterable<Input<T[Name]>> | AsyncIterable<Input<T[Name]>>,
    { signal, transfer, ahead = 4 * this.size * this.#batch }: {
      signal?: AbortSignal;
      transfer?: (input: Input<T[Name]>) => Transferable[];
      ahead?: number;
    } = {},
  ): AsyncGenerator<Output<T[Name]>, void> {
    const waiting: Job[] = [];
    const next = async () => {
      const result = await waiting[0].promise as Output<T[Name]>;
      // Not before: the one that is waited for is to be cancelled too.
      waiting.shift();
      return result;
    };
    const ended = Promise.withResolvers<void>();
    try {
      signal?.throwIfAborted();
      if (signal) this.#abortable(waiting, signal, ended.promise);
      for await (const input of inputs) {
        signal?.throwIfAborted();
        const job = this.#submit(name, input, transfer?.(input));
        // Its turn comes later, and until then nobody listens.
        job.promise.catch(() => {});
        waiting.push(job);
        if (waiting.length >= ahead) yield await next();
      }
      while (waiting.length > 0) yield await next();
    } finally {
      this.#cancel(waiting, new Error("nobody waits for this result"));
      ended.resolve();
    }
  }

  /** Takes no more tasks, finishes those it has, and ends the workers. */
  close(): Promise<void> {
    return this.#closing ??= this.#finish();
  }

  async #finish(): Promise<void> {
    while (this.#open.size > 0) await Promise.allSettled(Array.from(this.#open, ({ promise }) => promise));
    const members = [...this.#members];
    for (const { worker } of members) worker.postMessage("close");
    await Promise.all(members.map(({ closed }) => closed.promise));
  }

  /** Ends the workers at once. Tasks not done reject with `reason`. */
  stop(reason: unknown = new Error("the pool was stopped")): void {
    this.#closing ??= Promise.resolve();
    this.#queue.length = 0;
    for (const member of this.#members) this.#dismiss(member);
    for (const job of this.#open) job.reject(reason);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #submit(name: string, input: unknown, transfer?: Transferable[]): Job {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const job: Job = {
      id: this.#nextId++ | 0,
      name,
      input,
      transfer,
      promise,
      resolve: (value) => (this.#open.delete(job), resolve(value)),
      reject: (cause) => (this.#open.delete(job), reject(cause)),
    };
    if (this.#closing) {
      reject(new Error("the pool is closed"));
    } else {
      this.#open.add(job);
      this.#queue.push(job);
      this.#plan();
    }
    return job;
  }

  /** Cancels the jobs if the signal comes before `end` settles. */
  #abortable(jobs: Job[], signal: AbortSignal, end: Promise<unknown>): void {
    const abort = () => this.#cancel(jobs, signal.reason);
    signal.addEventListener("abort", abort);
    const forget = () => signal.removeEventListener("abort", abort);
    end.then(forget, forget);
  }

  #hire(): void {
    const member: Member = {
      worker: new Worker(this.#url, { type: "module" }),
      ready: false,
      jobs: new Map(),
      batches: 0,
      alone: false,
      running: new Int32Array(new SharedArrayBuffer(4)),
      closed: Promise.withResolvers<void>(),
    };
    this.#members.add(member);
    member.worker.postMessage(member.running);
    member.worker.onmessage = ({ data }: MessageEvent<"ready" | "closed" | { lost: string } | Outcome[]>) => {
      if (data === "ready") member.ready = true;
      else if (data === "closed") this.#dismiss(member);
      else if ("lost" in data) this.#lose(member, new WorkerLost(`the worker ended: ${data.lost}`));
      else this.#settle(member, data);
    };
    member.worker.onerror = (event) => {
      // Without this, an error that nobody caught there would end the process here.
      event.preventDefault();
      this.#lose(member, new WorkerLost(`the worker ended: ${event.message}`, { cause: event.error ?? event.message }));
    };
  }

  #settle(member: Member, outcomes: Outcome[]): void {
    member.batches--;
    member.alone = false;
    for (const [id, ok, value] of outcomes) {
      const job = member.jobs.get(id);
      member.jobs.delete(id);
      if (ok) job?.resolve(value);
      else job?.reject(value);
    }
    this.#dispatch();
  }

  /** Hands out what comes in one turn of the event loop together. */
  #plan(): void {
    if (this.#planned) return;
    this.#planned = true;
    queueMicrotask(() => this.#dispatch());
  }

  /** Gives the idle workers something to do, and then each one something to do next. */
  #dispatch(): void {
    this.#planned = false;
    for (let depth = 0; depth < 2; depth++) {
      for (const member of this.#members) {
        if (this.#queue.length === 0) return;
        const transfers = this.#queue[0].transfer !== undefined;
        if (member.batches > depth || depth > 0 && (transfers || member.alone)) continue;
        let count = 1;
        const most = Math.min(this.#batch, Math.ceil(this.#queue.length / this.size));
        while (!transfers && count < most && !this.#queue[count].transfer) count++;
        this.#send(member, this.#queue.splice(0, count));
      }
    }
  }

  #send(member: Member, jobs: Job[]): void {
    try {
      member.worker.postMessage(jobs.map(({ id, name, input }) => [id, name, input]), jobs[0].transfer ?? []);
    } catch (error) {
      // An input that cannot be copied is the fault of its own task and of no other in the batch.
      if (jobs.length === 1) jobs[0].reject(error);
      else for (const job of jobs) this.#send(member, [job]);
      return;
    }
    member.batches++;
    member.alone = jobs[0].transfer !== undefined;
    for (const job of jobs) member.jobs.set(job.id, job);
  }

  /** Rejects jobs. A worker that has any of them cannot be told to skip it, and is replaced. */
  #cancel(jobs: Job[], reason: unknown): void {
    const cancelled = new Set(jobs.filter((job) => this.#open.has(job)));
    if (cancelled.size === 0) return;
    const left = this.#queue.filter((job) => !cancelled.has(job));
    this.#queue.splice(0, this.#queue.length, ...left);
    for (const job of cancelled) job.reject(reason);
    for (const member of this.#members) {
      const here = member.jobs.size;
      for (const job of cancelled) member.jobs.delete(job.id);
      if (member.jobs.size < here) this.#lose(member);
    }
  }

  /** A worker has ended, or has to. With `cause`, what it was running is lost; the rest goes to the others. */
  #lose(member: Member, cause?: WorkerLost): void {
    if (!this.#dismiss(member)) return;
    // One that ends before it has begun to listen would do so again and again.
    if (!member.ready && cause) return this.stop(cause);
    const lost = cause && member.jobs.get(member.running[0]);
    if (lost) lost.reject(cause), member.jobs.delete(lost.id);
    this.#queue.unshift(...member.jobs.values());
    // While the pool closes, one with nothing left to do is not replaced.
    if (this.#closing && this.#open.size === 0) return;
    this.#hire();
    this.#plan();
  }

  #dismiss(member: Member): boolean {
    member.worker.terminate();
    member.closed.resolve();
    return this.#members.delete(member);
  }
}

/** The other side: answers a pool's messages with what the tasks return or throw. */
export function serve(tasks: Tasks): void {
  const caller = self as unknown as Worker, close = self.close.bind(self);
  const begun = Promise.withResolvers<Int32Array>();
  let turn: Promise<unknown> = begun.promise;
  self.close = () => (caller.postMessage({ lost: "close() was called" }), close());
  addEventListener("unload", () => caller.postMessage({ lost: "exit() was called" }));
  const answer = (outcomes: Outcome[], give: Transferable[]) => {
    try {
      caller.postMessage(outcomes, give);
    } catch (error) {
      // Some result cannot be copied: each is tried by itself, and the pool still counts one answer.
      const clone = ([id, ok, value]: Outcome): Outcome => {
        try {
          return [id, ok, structuredClone(value)];
        } catch {
          return [id, false, error];
        }
      };
      caller.postMessage(outcomes.map(clone));
    }
  };
  const work = async (batch: [id: number, name: string, input: unknown][]) => {
    const running = await begun.promise, outcomes: Outcome[] = [], give: Transferable[] = [];
    for (const [id, name, input] of batch) {
      Atomics.store(running, 0, id);
      try {
        if (!Object.hasOwn(tasks, name)) throw new TypeError(`no task ${name}`);
        outcomes.push([id, true, await tasks[name](input, give)]);
      } catch (error) {
        outcomes.push([id, false, error]);
      }
    }
    answer(outcomes, give);
  };
  caller.onmessage = ({ data }) => {
    if (data instanceof Int32Array) begun.resolve(data);
    else if (data === "close") caller.postMessage("closed"), close();
    else turn = turn.then(() => work(data));
  };
  caller.postMessage("ready");
}

/** What the workers of this file can do. */
export const tasks = {
  /** Hands back what it is given. */
  echo: <V>(input: V) => input,
  /** How many primes there are from `from` to, but not including, `to`. */
  countPrimes([from, to]: [number, number]): number {
    let count = 0;
    for (let n = Math.max(2, from); n < to; n++) {
      let divisor = 2;
      while (divisor * divisor <= n && n % divisor !== 0) divisor++;
      if (divisor * divisor > n) count++;
    }
    return count;
  },
  /** Doubles every number, in memory that goes there and back without being copied. */
  double(numbers: Float64Array<ArrayBuffer>, give: Transferable[]) {
    for (let i = 0; i < numbers.length; i++) numbers[i] *= 2;
    give.push(numbers.buffer);
    return numbers;
  },
  sleep: (milliseconds: number) => new Promise<void>((awake) => setTimeout(awake, milliseconds)),
  fail(message: string): never {
    throw new RangeError(message, { cause: "this is what the task is for" });
  },
  /** Ends its worker in one of the ways in which that can happen. */
  die: (how: "close" | "exit" | "uncaught") =>
    new Promise<never>(() => {
      if (how === "close") self.close();
      else if (how === "exit") Deno.exit(1);
      else setTimeout(() => fail("nobody catches this"));
    }),
};
const { fail } = tasks;

if ("WorkerGlobalScope" in globalThis) {
  serve(tasks);
} else if (import.meta.main) {
  await demonstrate();
}

async function demonstrate() {
  const { parseArgs } = await import("jsr:@std/cli@1/parse-args");
  const refuse = (message: string) => (console.error(`error: ${message}`), Deno.exit(2));
  const flags = parseArgs(Deno.args, {
    string: ["workers"],
    boolean: ["help"],
    default: { workers: `${navigator.hardwareConcurrency}` },
    unknown: (argument) => refuse(`${argument}: there is only --workers and --help`),
  });
  if (flags.help) return console.log("Tasks in a pool of workers.\n  --workers N  1 to 64");
  const size = Number(flags.workers || NaN);
  if (!(Number.isInteger(size) && size >= 1 && size <= 64)) {
    refuse(`--workers ${flags.workers}: must be a whole number from 1 to 64`);
  }

  await using pool = new Pool<typeof tasks>(import.meta.url, { size });
  await using batches = new Pool<typeof tasks>(import.meta.url, { size, batch: 100 });

  const ranges = Array.from({ length: 100 }, (_, i): [number, number] => [10_000 * i, 10_000 * (i + 1)]);
  let primes = 0;
  for await (const count of pool.map("countPrimes", ranges)) primes += count;
  console.log(`${primes} primes below a million, counted in ${ranges.length} tasks by ${size} workers`);
  if (primes !== 78498) throw new Error("there are 78498");

  const numbers = Array.from({ length: 20_000 }, (_, i) => i);
  const cost = async (label: string, run: () => Promise<unknown>) => {
    await run();
    const start = performance.now();
    await run();
    console.log(`${label}: ${((performance.now() - start) / numbers.length * 1000).toFixed(1)} µs a task`);
  };
  await cost("one at a time          ", async () => {
    for (const n of numbers) await pool.run("echo", n);
  });
  await cost("several in flight      ", () => Array.fromAsync(pool.map("echo", numbers)));
  await cost("in batches of up to 100", () => Array.fromAsync(batches.map("echo", numbers)));

  const faults = [pool.run("fail", "a task threw"), pool.run("die", "close"), pool.run("echo", "the rest finishes")];
  for (const result of await Promise.allSettled(faults)) {
    console.log(result.status === "rejected" ? `${result.reason}` : result.value);
  }
}
