// Stands in for `@std/async/delay`.

/** Options of {@linkcode delay}. */
export interface DelayOptions {
  /** Ends the wait before its time. */
  signal?: AbortSignal;
  /** Whether the wait keeps the process alive, which is the default. */
  persistent?: boolean;
}

/**
 * Waits for a given time.
 *
 * @param ms The time in milliseconds.
 * @param options A signal that ends the wait, and whether the wait keeps the process alive.
 * @throws The reason of the signal, when that is aborted.
 */
export function delay(ms: number, options: DelayOptions = {}): Promise<void> {
  const { signal, persistent = true } = options;
  if (signal?.aborted) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", abort, { once: true });
    if (!persistent) Deno.unrefTimer(timer);
  });
}
