// Stands in for `@std/async/abortable`.

/**
 * Lets a signal end the wait for a promise. What the promise stands for goes on.
 *
 * @param p The promise.
 * @param signal The signal.
 * @returns A promise for the same value, which rejects with the signal's reason when that comes first.
 */
export function abortable<T>(p: Promise<T>, signal: AbortSignal): Promise<T>;
/**
 * Lets a signal end the iteration of an async iterable.
 *
 * @param p The iterable.
 * @param signal The signal.
 * @returns A generator of the same values, which throws the signal's reason when that comes first.
 */
export function abortable<T>(p: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T>;
export function abortable<T>(
  p: Promise<T> | AsyncIterable<T>,
  signal: AbortSignal,
): Promise<T> | AsyncGenerator<T> {
  return p instanceof Promise ? abortablePromise(p, signal) : abortableIterable(p, signal);
}

async function abortablePromise<T>(p: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([promise, p]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

async function* abortableIterable<T>(p: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  const iterator = p[Symbol.asyncIterator]();
  while (true) {
    const { done, value } = await abortablePromise(Promise.resolve(iterator.next()), signal);
    if (done) return;
    yield value;
  }
}
