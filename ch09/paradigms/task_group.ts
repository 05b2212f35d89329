/**
 * Structured concurrency by hand: a group of tasks that ends only when all have, and loses no error.
 *
 * What to notice: `Promise.all` rejects at the first error while the other tasks go on, unwatched, and drops what they
 * throw later. Here the first failure cancels the siblings, through a signal; the group waits until each has really
 * ended, also those that take their time to clean up; then all errors come out together. With `await using`, leaving the
 * block in any way, by `return` or an error of its own, cancels and awaits what is left: no task outlives its block.
 *
 * @original none, chapter 9's question on paradigms (Python's asyncio.TaskGroup)
 * @run deno run ch09/paradigms/task_group.ts
 * @takes 1 s
 */

/** A task should end soon after its signal aborts; what it throws then because of that is no failure. */
export type Task<T> = (signal: AbortSignal) => Promise<T> | T;

export class TaskGroup implements AsyncDisposable {
  readonly #controller = new AbortController();
  readonly #running = new Set<Promise<unknown>>();
  readonly #errors: unknown[] = [];
  #open = true;
  #outside?: AbortSignal;

  /** @param signal cancels the group from outside: `join` then rejects with its reason */
  constructor(signal?: AbortSignal) {
    this.#outside = signal;
    if (signal?.aborted) this.#cancelFromOutside();
    signal?.addEventListener("abort", this.#cancelFromOutside);
  }

  /** Aborted as soon as the group is cancelled. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** How many tasks have not yet ended. */
  get running(): number {
    return this.#running.size;
  }

  /**
   * Starts a task, unless the group is cancelled. The promise is its result, for those who want it before `join`; it need
   * not be awaited, since the group keeps the error too. Tasks may start further tasks. Throws once the group has ended.
   */
  spawn<T>(task: Task<T>): Promise<T> {
    if (!this.#open) throw new TypeError("the group has ended: it takes no more tasks");
    const result = this.signal.aborted
      ? Promise.reject(this.signal.reason)
      : new Promise<T>((resolve) => resolve(task(this.signal)));
    const watched: Promise<unknown> = result.catch((error) => this.#fail(error)).finally(() => {
      this.#running.delete(watched);
    });
    this.#running.add(watched);
    return result;
  }

  /** Asks all tasks to end. `join` still waits for them. */
  cancel(reason: unknown = new DOMException("the group was cancelled", "AbortError")): void {
    this.#controller.abort(reason);
  }

  /** Waits for all tasks. Throws an AggregateError with every failure, in the order in which they came. */
  async join(): Promise<void> {
    // A task may have started others meanwhile.
    while (this.#running.size > 0) await Promise.all(this.#running);
    this.#open = false;
    this.#outside?.removeEventListener("abort", this.#cancelFromOutside);
    const errors = this.#errors.splice(0);
    if (errors.length > 0) throw new AggregateError(errors, `${errors.length} of the group's tasks failed`);
    this.#outside?.throwIfAborted();
  }

  /** The end of an `await using` block. After `join` there is nothing left to do. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#open) return;
    this.cancel();
    await this.join();
  }

  #cancelFromOutside = () => this.cancel(this.#outside!.reason);

  #fail(error: unknown): void {
    const { aborted, reason } = this.signal;
    // Once cancelled, tasks end by throwing the reason, or an AbortError of their own: an echo and no news.
    if (aborted && (error === reason || error instanceof DOMException && error.name === "AbortError")) return;
    this.#errors.push(error);
    // Siblings throw the reason: it must not be the error itself, or a second task failing with that would be an echo.
    this.cancel(new DOMException("another task of the group failed", "AbortError"));
  }
}

/** Waits; rejects with the reason of the signal as soon as that is aborted. */
export function delay(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", abort);
      resolve();
    }, ms);
    const abort = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    signal.addEventListener("abort", abort, { once: true });
  });
}

if (import.meta.main) {
  const start = performance.now(), at = () => `${(performance.now() - start).toFixed(0)} ms`;
  const ended: string[] = [];
  const group = new TaskGroup();
  group.spawn(async (signal) => {
    await delay(20, signal);
    throw new Error("the first to fail");
  });
  group.spawn(async (signal) => {
    try {
      await delay(10_000, signal);
    } finally {
      // Cleaning up takes time, and fails.
      await new Promise((cleaned) => setTimeout(cleaned, 30));
      ended.push("the slow one");
      // deno-lint-ignore no-unsafe-finally
      throw new Error("cleaning up failed too");
    }
  });
  group.spawn((signal) => delay(5000, signal).finally(() => ended.push("the one that only waits")));
  try {
    await group.join();
    throw new Error("join did not throw");
  } catch (error) {
    if (!(error instanceof AggregateError)) throw error;
    const messages = error.errors.map(({ message }) => message);
    console.log(`${at()}: ${error.message}: ${messages.join("; ")}`);
    if (messages.join() !== "the first to fail,cleaning up failed too") throw new Error("an error is lost");
  }
  console.log(`ended by then: ${ended.join(", ")}; still running: ${group.running}`);
  if (ended.length !== 2 || group.running !== 0) throw new Error("a task outlived its group");

  // Leaving the block cancels what is left in it.
  const first = await (async () => {
    await using group = new TaskGroup();
    const answers = [30, 10, 5000].map((ms) => group.spawn((signal) => delay(ms, signal).then(() => ms)));
    return await Promise.race(answers);
  })();
  console.log(`${at()}: the first of three was the one of ${first} ms, and the others are gone`);
  if (first !== 10) throw new Error("the wrong one was first");
}
