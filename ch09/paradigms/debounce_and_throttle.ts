/**
 * Debounce: once, when it has been quiet for a while. Throttle: at once, and then at most once in a while.
 *
 * What to notice: both make few calls of many. Debounce waits for the end, as for a search when the typing pauses; under
 * a stream that never pauses it never calls. Throttle calls at the first, at intervals during, and once after the last, so
 * that the last value is not lost. Throttling by «only if the last call is long ago», without the timer, loses it.
 *
 * @original none, chapter 9's question on paradigms
 * @run deno run ch09/paradigms/debounce_and_throttle.ts
 * @takes 1 s
 */

/** The timers, so that a test can bring its own. */
export interface Timers {
  setTimeout(callback: () => void, ms: number): unknown;
  clearTimeout(timer: unknown): void;
}

const realTimers: Timers = {
  setTimeout: (callback, ms) => setTimeout(callback, ms),
  clearTimeout: (timer) => clearTimeout(timer as number),
};

/** The function, and `cancel`, which forgets a call that is still to come. */
export type Limited<A extends unknown[]> = ((...args: A) => void) & { cancel(): void };

/** Calls once, with the last arguments, when nothing has come for `ms`. */
export function debounce<A extends unknown[]>(
  call: (...args: A) => void,
  ms: number,
  timers: Timers = realTimers,
): Limited<A> {
  requirePositive(ms);
  let timer: unknown;
  const cancel = () => timers.clearTimeout(timer);
  return Object.assign((...args: A) => {
    cancel();
    timer = timers.setTimeout(() => call(...args), ms);
  }, { cancel });
}

/** Calls at once, and then with the last arguments at the end of each `ms` in which something came. */
export function throttle<A extends unknown[]>(
  call: (...args: A) => void,
  ms: number,
  timers: Timers = realTimers,
): Limited<A> {
  requirePositive(ms);
  let timer: unknown, last: A | undefined;
  const endOfInterval = () => {
    timer = undefined;
    const args = last;
    if (!args) return;
    last = undefined;
    timer = timers.setTimeout(endOfInterval, ms);
    call(...args);
  };
  return Object.assign((...args: A) => {
    if (timer !== undefined) {
      last = args;
      return;
    }
    timer = timers.setTimeout(endOfInterval, ms);
    call(...args);
  }, {
    cancel() {
      timers.clearTimeout(timer);
      timer = last = undefined;
    },
  });
}

function requirePositive(ms: number): void {
  if (!(ms > 0 && ms < Infinity)) throw new RangeError(`${ms} ms: must be a number above 0`);
}

if (import.meta.main) {
  const heard: Record<string, number[]> = { debounced: [], throttled: [] };
  const debounced = debounce((value: number) => void heard.debounced.push(value), 100);
  const throttled = throttle((value: number) => void heard.throttled.push(value), 100);
  const events = 50;
  for (let value = 1; value <= events; value++) {
    debounced(value);
    throttled(value);
    await new Promise((later) => setTimeout(later, 10));
  }
  await new Promise((later) => setTimeout(later, 250));
  for (const [name, values] of Object.entries(heard)) {
    console.log(`${name}: ${values.length} of ${events} events got through: ${values.join(", ")}`);
    if (values.at(-1) !== events || values.length > events / 4) throw new Error(`${name}: the wrong ones got through`);
  }
}
