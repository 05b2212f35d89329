// Stands in for `@std/async/pool`.

/**
 * Maps items by an async function, a limited number of them at a time.
 *
 * Work begins at once and does not wait for the results to be read. After a failure no further item is begun; what is
 * under way is finished, and its results come before the error.
 *
 * @param poolLimit How many items may be under way at a time.
 * @param array The items.
 * @param iteratorFn The function for one item.
 * @returns The results, in the order of the items. Reading them throws an `AggregateError` with everything that went
 * wrong in the function or in the iterable of items.
 * @throws {RangeError} If the limit is not a positive integer.
 */
export function pooledMap<T, R>(
  poolLimit: number,
  array: Iterable<T> | AsyncIterable<T>,
  iteratorFn: (data: T) => Promise<R>,
): AsyncIterableIterator<R> {
  if (!Number.isInteger(poolLimit) || poolLimit < 1) {
    throw new RangeError("'poolLimit' must be a positive integer");
  }
  let queue!: ReadableStreamDefaultController<{ result: Promise<R> }>;
  const begun = new ReadableStream<{ result: Promise<R> }>({
    start: (controller) => void (queue = controller),
  });

  async function beginAll() {
    // A failed result stays in here, so that the race below ends with its error.
    const underWay = new Set<Promise<R>>();
    try {
      for await (const item of array) {
        const result = Promise.resolve(item).then(iteratorFn);
        underWay.add(result);
        result.then(() => underWay.delete(result), () => {});
        queue.enqueue({ result });
        if (underWay.size >= poolLimit) await Promise.race(underWay);
      }
      await Promise.all(underWay);
    } catch (error) {
      const outcomes = await Promise.allSettled(underWay);
      const errors = outcomes.filter((outcome) => outcome.status === "rejected").map(({ reason }) => reason);
      // The iterable of items may fail too, and is no result.
      if (!errors.includes(error)) errors.push(error);
      throw new AggregateError(errors, "Cannot complete the mapping as an error was thrown from an item");
    } finally {
      queue.close();
    }
  }

  async function* resultsInOrder() {
    for await (const { result } of begun) {
      const [outcome] = await Promise.allSettled([result]);
      if (outcome.status === "fulfilled") yield outcome.value;
    }
    await finished;
  }

  const finished = beginAll();
  // The reader gets the error from `resultsInOrder`; without a reader it must not end the process.
  finished.catch(() => {});
  return resultsInOrder();
}
