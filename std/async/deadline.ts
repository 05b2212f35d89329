// Stands in for `@std/async/deadline`.
import { abortable } from "./abortable.ts";

/** Options of {@linkcode deadline}. */
export interface DeadlineOptions {
  /** Ends the wait before its time. */
  signal?: AbortSignal;
}

/**
 * Waits for a promise no longer than a given time. What the promise stands for goes on.
 *
 * @param p The promise.
 * @param ms The time in milliseconds.
 * @param options A signal that ends the wait as well.
 * @returns The value of the promise.
 * @throws {DOMException} Named `TimeoutError`, when the time is over.
 * @throws The reason of the signal, when that is aborted.
 */
export async function deadline<T>(p: Promise<T>, ms: number, options: DeadlineOptions = {}): Promise<T> {
  const signals = [AbortSignal.timeout(ms), options.signal].filter((signal) => signal !== undefined);
  return await abortable(p, AbortSignal.any(signals));
}
